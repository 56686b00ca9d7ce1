//! `synod validate`: steps that were written down, against the executable specification.

use crate::console::{Complaint, Console, Outcome};
use core::fmt::Write as _;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use synod_core::NodeId;
use synod_raft::spec::{Note, Refinement};

/// Validate what nodes did, step by step, against Raft's executable specification.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  synod sim --seeds 17..18 --trace run.steps
  synod validate run.steps

A file holds one JSON object a line. The first is {\"format\":\"synod-steps 1\",\"protocol\":\"raft\",…}; each other is
{\"node\":N,\"note\":…}, with a note as the documentation of synod_raft::spec::Note has it: what a node found on its disk, took,
wrote, said and was, in the order in which it happened. Any program can write it, not the simulator alone.
Exit codes: 0 every step is one of the specification, 1 one is not (the action is named whose guard failed), 3 bad input,
130 interrupted.")]
pub(crate) struct Validate {
    /// What was written down.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

const FORMAT: &str = "synod-steps 1";

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format: String,
    protocol: String,
    seed: Option<u64>,
}

/// Any other.
#[derive(Debug, Deserialize)]
struct Line {
    node: NodeId,
    note: Note,
}

/// The same, to be written.
#[derive(Debug, Serialize)]
struct Written<'a> {
    node: NodeId,
    note: &'a Note,
}

/// The steps of a run as a file holds them.
pub(crate) fn written(seed: u64, notes: &[(NodeId, Note)]) -> String {
    let mut text = String::new();
    let header = Header { format: FORMAT.to_owned(), protocol: "raft".to_owned(), seed: Some(seed) };
    // Neither names nor numbers can fail to be written, nor can a string refuse them.
    let _ = writeln!(text, "{}", serde_json::to_string(&header).unwrap_or_default());
    for (node, note) in notes {
        let line = serde_json::to_string(&Written { node: *node, note }).unwrap_or_default();
        let _ = writeln!(text, "{line}");
    }
    text
}

impl Validate {
    pub(crate) fn run(self, console: &mut Console) -> Result<Outcome, Complaint> {
        let mut worst = Outcome::Well;
        for path in &self.files {
            match validate(path, console)? {
                Ok(told) => console.say(format!("{}: {told}", path.display())),
                Err(flaw) => {
                    console.say(format!("{}: {flaw}", path.display()));
                    worst = Outcome::Violated;
                }
            }
            if console.interrupted().load(core::sync::atomic::Ordering::Relaxed) {
                return Ok(Outcome::Interrupted);
            }
        }
        Ok(worst)
    }
}

/// What there is to say about a file: that all of it is explained, or what is not.
fn validate(path: &Path, console: &Console) -> Result<Result<String, String>, Complaint> {
    let unreadable = |source| Complaint::Read { path: path.display().to_string(), source };
    let bad = |number: usize, why: String| {
        Complaint::Usage(format!("{}, line {}: {why}", path.display(), number + 1))
    };
    let (mut refinement, mut nodes) = (Refinement::default(), std::collections::BTreeSet::new());
    let interrupted = console.interrupted();
    for (number, line) in BufReader::new(File::open(path).map_err(unreadable)?).lines().enumerate() {
        let line = line.map_err(unreadable)?;
        if number == 0 {
            let header: Header = serde_json::from_str(&line).map_err(|error| {
                bad(0, format!("no file of steps: {error}; `synod sim --trace run.steps` writes one"))
            })?;
            if header.format != FORMAT || header.protocol != "raft" {
                return Err(bad(
                    0,
                    format!(
                        "expected the format {FORMAT} of raft, found {} of {}",
                        header.format, header.protocol
                    ),
                ));
            }
            continue;
        }
        if line.trim().is_empty() {
            continue;
        }
        let Line { node, note } = serde_json::from_str(&line)
            .map_err(|error| bad(number, format!("no note of a step: {error}")))?;
        nodes.insert(node);
        if let Err(violation) = refinement.note(node, &note) {
            return Ok(Err(format!("violated at line {}: {violation}", number + 1)));
        }
        if number.is_multiple_of(4096) && interrupted.load(core::sync::atomic::Ordering::Relaxed) {
            break;
        }
    }
    let (steps, committed) = (refinement.steps(), refinement.spec().committed());
    Ok(Ok(format!(
        "{steps} steps of {} nodes, all of them of the specification; {committed} entries committed",
        nodes.len()
    )))
}
