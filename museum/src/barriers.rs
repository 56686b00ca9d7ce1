//! Every place where a protocol sends: what if this one did not wait for the disk?

use crate::collection::{Exhibit, Plant};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The protocols whose sends are tried, and where their code is.
const ROOMS: &[(&str, &str)] = &[
    ("raft", "crates/raft/src"),
    ("paxos", "crates/paxos/src"),
    ("crdt", "crates/crdt/src/anti_entropy"),
    ("partition", "crates/partition/src/handoff"),
];

/// What waits for the disk, and says something to somebody. What is given back early is a matter for the tests of recovery: no setup
/// here asks for records to be written anew.
const WAITING: &[&str] = &["send", "send_after", "emit", "emit_after"];

/// A place that waits.
pub(crate) struct Barrier {
    pub(crate) exhibit: Exhibit,
    /// Why it would do no harm if it did not wait; written beside it, after `Proof:`.
    pub(crate) proof: Option<String>,
}

/// All of them, below the root of the workspace.
///
/// # Errors
/// When the sources cannot be read.
pub(crate) fn all(root: &Path) -> io::Result<Vec<Barrier>> {
    let mut barriers = Vec::new();
    for (room, folder) in ROOMS {
        for path in sources(&root.join(folder))? {
            let text = fs::read_to_string(&path)?;
            let file = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            barriers.extend(find(&text).into_iter().map(|place| place.barrier(room, &file)));
        }
    }
    Ok(barriers)
}

fn sources(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            paths.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

#[derive(Debug, PartialEq, Eq)]
struct Place {
    /// Counted from 1.
    line: u32,
    function: String,
    code: String,
    proof: Option<String>,
}

impl Place {
    fn barrier(self, room: &'static str, file: &str) -> Barrier {
        let Self { line, function, code, proof } = self;
        let short = file.rsplit('/').next().unwrap_or(file);
        let plant = Plant::Barrier { file: file.to_owned(), line };
        let name = format!("{short}:{line}").into();
        Barrier { exhibit: Exhibit { room, name, source: function.into(), says: code.into(), plant }, proof }
    }
}

/// The waiting calls of a file, without its tests.
fn find(text: &str) -> Vec<Place> {
    let (mut places, mut function, mut comment) = (Vec::new(), String::new(), String::new());
    // The context stands in the line before, as long calls are broken.
    let mut broken = false;
    let mut planted = Planted::default();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line == "#[cfg(test)]" {
            break;
        }
        if let Some(words) = line.strip_prefix("//") {
            comment.push_str(words.trim_start_matches(['/', '!']).trim());
            comment.push(' ');
            continue;
        }
        if let Some((_, rest)) = line.split_once("fn ") {
            function = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        }
        let waits = |call: &&str| {
            line.contains(&format!("cx.{call}(")) || broken && line.starts_with(&format!(".{call}("))
        };
        if !planted.takes(line) && WAITING.iter().any(waits) {
            let proof = comment.split_once("Proof:").map(|(_, proof)| proof.trim().to_owned());
            places.push(Place { line: number, function: function.clone(), code: line.to_owned(), proof });
        }
        broken = line
            .strip_suffix("cx")
            .is_some_and(|rest| !rest.ends_with(|c: char| c.is_alphanumeric() || c == '_'));
        if !broken {
            comment.clear();
        }
    }
    places
}

/// Follows `mutant!` over several lines: what stands behind its arrow is planted, and no barrier of the protocol.
#[derive(Default)]
struct Planted {
    /// Parentheses that are open since it began; 0 outside.
    open: i64,
    wrong: bool,
}

impl Planted {
    /// Whether the line belongs to a planted bug that began in an earlier one.
    fn takes(&mut self, line: &str) -> bool {
        let inside = self.open > 0;
        let rest = if inside { Some(line) } else { line.split_once("mutant!(").map(|(_, rest)| rest) };
        let Some(rest) = rest else { return false };
        let taken = inside && self.wrong;
        let count = |c: char| i64::try_from(rest.matches(c).count()).unwrap_or(i64::MAX);
        self.open = (if inside { self.open } else { 1 }) + count('(') - count(')');
        self.wrong = rest.contains("\" =>") || inside && self.wrong;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_planted_is_no_barrier() {
        let text = "\
fn vote(&mut self) {
    mutant!(\"x\" => if late {
        return cx.send(from, yes);
    });
    let sent = mutant!(
        cx.send(to, right),
        \"y\" => {
            cx.send(to, wrong)
        }
    );
    cx.send(to, last);
}
";
        assert_eq!(find(text).iter().map(|place| place.line).collect::<Vec<_>>(), [6, 11]);
    }

    #[test]
    fn waiting_calls_are_found_with_their_functions_and_proofs() {
        let text = "\
fn promise(&mut self) {
    // Proof: nothing
    // is pending.
    cx.send(to, message);
    cx.send_early(to, message);
    // cx.send(in, comment);
    let x = 1;
    mutant!(cx.send_after(at, to, message), \"x\" => ());
    // Proof: a long line.
    cx
        .emit_after(at, event);
    self.cx
        .send(to, message);
    fcx
        .send(to, message);
}
#[cfg(test)]
mod tests { fn f() { cx.send(to, message); } }
";
        let places = find(text);
        let seen: Vec<_> =
            places.iter().map(|it| (it.line, it.function.as_str(), it.proof.as_deref())).collect();
        let first = [(4, "promise", Some("nothing is pending.")), (8, "promise", None)];
        assert_eq!(
            seen,
            [&first[..], &[(11, "promise", Some("a long line.")), (13, "promise", None)]].concat()
        );
    }

    #[test]
    fn the_protocols_of_this_workspace_wait_somewhere() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let barriers = all(root).unwrap();
        for (room, _) in ROOMS {
            assert!(barriers.iter().any(|barrier| barrier.exhibit.room == *room), "{room}");
        }
    }
}
