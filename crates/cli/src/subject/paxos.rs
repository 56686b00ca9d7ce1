//! A sequence of decrees, each decided by single-decree Paxos.

use super::{Request, Subject, Tally};
use crate::decrees::{self, Asked, Clients, Decrees, Done, Settings};
use core::fmt::{self, Display};
use core::ops::Range;
use synod_core::NodeId;
use synod_sim::trace::Stretch;
use synod_sim::{Report, Script, Shrinker, Sim, Tape, Verdict};

pub(crate) struct PaxosSubject(Settings);

/// What is shown before the end of a run that failed, or of one that passed; in virtual nanoseconds.
const BEFORE: u64 = 300_000_000;

impl Subject for PaxosSubject {
    type Protocol = Decrees;
    type Clients = Clients;

    const NAME: &'static str = "paxos";
    const TITLE: &'static str = "Paxos";

    fn of(request: Request) -> Self {
        Self(Settings {
            nodes: request.nodes,
            clients: request.clients,
            operations: request.operations,
            climate: request.climate,
            storm: request.storm,
            sabotage: request.sabotage,
            ..Settings::default()
        })
    }

    fn simulation(&self, _: u64) -> Result<Sim<Decrees, Clients>, String> {
        decrees::simulation(&self.0).map_err(|error| error.to_string())
    }

    fn steps(&self, _: Tape) -> Result<Option<String>, String> {
        Ok(None)
    }

    fn describe(&self, script: &mut Script) {
        self.0.describe(script);
    }

    fn scripted(script: &Script) -> Result<Sim<Decrees, Clients>, String> {
        decrees::scripted(script).map_err(|error| error.to_string())
    }

    fn shrinker<'a>() -> Shrinker<'a, Decrees, Clients> {
        decrees::shrinker()
    }

    /// How many decrees the node knows, and what it does for the last one.
    fn portrait(_: NodeId, node: &Decrees) -> String {
        let known = node.instances().filter(|(_, paxos)| paxos.decided().is_some()).count();
        let Some((number, paxos)) = node.instances().last() else { return "idle, knows 0".to_owned() };
        let state = match (paxos.decided(), paxos.proposal(), paxos.ballot()) {
            (Some(_), ..) => "knows",
            (_, Some(_), _) => "proposes",
            (_, _, Some(_)) => "prepares",
            _ => "waits",
        };
        format!("{state}, decree {number}, knows {known}")
    }

    fn detail(node: &Decrees) -> impl Display {
        InFull(node.clone())
    }

    fn tally(clients: &Clients) -> Tally {
        let tally = clients.tally();
        let decrees = clients.decided().count() as u64;
        let more = vec![("decrees", decrees), ("adopted", tally.adopted), ("late", tally.late)];
        Tally { ok: tally.answered, unknown: tally.unknown, failed: tally.refused, more }
    }

    /// What lies before a failure; else before the first answer that took long.
    fn window(report: &Report<Clients>) -> Range<u64> {
        let slow = || {
            let spans = report.workload.done().iter().filter_map(|done| {
                let (answered, _) = done.answer.as_ref()?;
                Some((answered - done.begun, *answered))
            });
            spans.max().map(|(_, answered)| answered)
        };
        let at = if report.verdict == Verdict::Passed { slow() } else { None }.unwrap_or(report.at);
        at.saturating_sub(BEFORE)..at.saturating_add(1)
    }

    fn operations(report: &Report<Clients>, window: &Range<u64>) -> Vec<Stretch> {
        let within = |done: &&Done| {
            let ended = done.answer.as_ref().is_none_or(|(answered, _)| *answered >= window.start);
            done.marked || (done.begun < window.end && ended)
        };
        report.workload.done().iter().filter(within).map(stretch).collect()
    }

    fn findings(report: &Report<Clients>) -> String {
        report.workload.flaw().unwrap_or_default().to_owned()
    }
}

fn stretch(done: &Done) -> Stretch {
    let text = |bytes: &bytes::Bytes| String::from_utf8_lossy(bytes).into_owned();
    let asked = match &done.asked {
        Asked::Propose(value) => format!("propose {}", text(value)),
        Asked::Learn => "learn".to_owned(),
    };
    let answer = done.answer.as_ref().map_or_else(|| "?".to_owned(), |(_, value)| text(value));
    Stretch {
        from: done.begun,
        until: done.answer.as_ref().map(|(answered, _)| *answered),
        text: format!("decree {}: {asked} → {answer}", done.number),
        marked: done.marked,
    }
}

/// The decrees that are known a line each, and the others with everything there is to say.
struct InFull(Decrees);

impl Display for InFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, paxos) in self.0.instances() {
            match paxos.decided() {
                Some(decided) => writeln!(
                    f,
                    "decree {number}: {} at {}",
                    String::from_utf8_lossy(&decided.value),
                    decided.ballot
                )?,
                None => writeln!(f, "decree {number}: {paxos:#?}")?,
            }
        }
        Ok(())
    }
}
