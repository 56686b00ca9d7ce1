//! From a run to its picture: which moment to show, and what belongs to it.

use crate::report::{self, Picture};
use core::ops::Range;
use synod_consistency_checker::{Completion, KvAction, KvCall, KvModel, KvReturn, OpId, Report as Judgement};
use synod_core::NodeId;
use synod_kv::cluster::{Cluster, Settings};
use synod_raft::{Raft, Role};
use synod_sim::trace::Stretch;
use synod_sim::{Fault, Report, Sim, Tape, Verdict};

/// The longest stretch that the space-time diagram shows, in virtual nanoseconds.
const WINDOW_MAX: u64 = 600_000_000;
/// How many of the judge's lines go onto the page.
const JUDGEMENT_LINES_MAX: usize = 120;

/// A moment that is worth looking at.
pub(crate) struct Moment {
    /// Virtual nanoseconds since the run began.
    pub(crate) at: u64,
    /// Why, in a few words.
    pub(crate) why: String,
}

/// Runs the tape once more with a trace of the chosen stretch, and draws it. `moment` is what to look at; without one the
/// run's own failure is, or its first change of leader after a fault.
pub(crate) fn draw(
    sim: &Sim<Raft, Cluster>,
    tape: Tape,
    report: &Report<Cluster>,
    settings: &Settings,
    title: &str,
    command: &str,
    moment: Option<&Moment>,
) -> String {
    let judgement = report.workload.judge();
    let (window, why) = choose(report, &judgement, moment);
    let (_, world) = sim.run_tape(tape, window.clone());
    let tally = report.workload.tally();
    let stats = report.stats;
    let fact = |name: &str, value: String| (name.to_owned(), value);
    let healed = u64::try_from(settings.storm.as_nanos()).unwrap_or(u64::MAX).min(report.at);
    let text = (!judgement.is_linearizable())
        .then(|| judgement.to_string().lines().take(JUDGEMENT_LINES_MAX).collect::<Vec<_>>().join("\n"));
    report::render(&Picture {
        title: title.to_owned(),
        verdict: verdict(&report.verdict),
        well: report.verdict == Verdict::Passed,
        command: command.to_owned(),
        facts: vec![
            fact("seed", report.seed.to_string()),
            fact("hash of the run", format!("{:016x}", report.hash)),
            fact("virtual time", format!("{:.1} s", report.at as f64 / 1e9)),
            fact("events", report.stats.events.to_string()),
            fact("nodes and clients", format!("{} and {}", settings.nodes, settings.clients)),
            fact(
                "operations",
                format!("{} answered, {} refused, {} unknown", tally.ok, tally.failed, tally.unknown),
            ),
            fact("elections won", tally.elections.to_string()),
            fact("faults", format!("{} struck, {} crashes", stats.faults, stats.crashes)),
            fact(
                "messages",
                format!(
                    "{} sent, {} lost, {} blocked, {} doubled",
                    stats.sent, stats.lost, stats.blocked, stats.duplicated
                ),
            ),
            fact(
                "records that crashes took",
                format!("{}, {} of them acknowledged", stats.records_lost, stats.acknowledged_lost),
            ),
        ],
        nodes: settings.nodes,
        end: report.at,
        healed,
        reigns: report.workload.reigns().iter().map(reign).collect(),
        strikes: report.strikes.clone(),
        latencies: report.workload.latencies().to_vec(),
        moments: world.moments().to_vec(),
        operations: operations(&report.workload, &judgement, &window),
        window,
        why,
        judgement: text,
    })
}

fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Passed => "every client saw one linearizable store".to_owned(),
        Verdict::Violated { name: "linearizability", .. } => {
            "violated: no order of the operations explains what the clients saw".to_owned()
        }
        other => other.to_string(),
    }
}

fn reign(reign: &synod_kv::cluster::Reign) -> report::Reign {
    report::Reign {
        at: reign.at,
        node: reign.node.0,
        term: reign.term.0,
        role: match reign.role {
            None => report::Role::Down,
            Some(Role::Leader) => report::Role::Leader,
            Some(Role::Follower) => report::Role::Follower,
            Some(_) => report::Role::Candidate,
        },
    }
}

/// The stretch of this run that is worth looking at.
pub(crate) fn window(report: &Report<Cluster>) -> Range<u64> {
    choose(report, &report.workload.judge(), None).0
}

/// What the clients did in this stretch, for a trace.
pub(crate) fn operations_in(report: &Report<Cluster>, window: &Range<u64>) -> Vec<Stretch> {
    let operations = operations(&report.workload, &report.workload.judge(), window).into_iter();
    let stretch = |one: report::Operation| Stretch {
        from: one.begun,
        until: one.ended,
        text: one.text,
        marked: one.marked,
    };
    operations.map(stretch).collect()
}

/// The stretch to show, and why.
fn choose(
    report: &Report<Cluster>,
    judgement: &Judgement<'_, KvModel>,
    moment: Option<&Moment>,
) -> (Range<u64>, String) {
    if let Some(Moment { at, why }) = moment {
        return (at.saturating_sub(300_000_000)..at.saturating_add(60_000_000), why.clone());
    }
    if let Some((_, violation)) = judgement.first_violation() {
        let history = report.workload.history();
        let times = violation.window.ops.iter().filter_map(|op| span(history.get(*op)?));
        let (mut from, mut to) = times.fold((u64::MAX, 0), |(from, to), (begun, ended)| {
            (from.min(begun), to.max(ended.unwrap_or(begun)))
        });
        from = from.min(to).max(to.saturating_sub(WINDOW_MAX)).saturating_sub(20_000_000);
        to = to.saturating_add(20_000_000);
        return (from..to, "what the clients saw here contradicts itself".to_owned());
    }
    if report.verdict != Verdict::Passed {
        return (report.at.saturating_sub(300_000_000)..report.at + 1, report.verdict.to_string());
    }
    // The first leader that fell to a fault of its own and was replaced while the others watched.
    let reigns = report.workload.reigns();
    let leads = |role: Option<Role>| role == Some(Role::Leader);
    for pair in reigns.iter().filter(|reign| leads(reign.role)).collect::<Vec<_>>().windows(2) {
        let [old, new] = pair else { continue };
        let fell = report.strikes.iter().find(|strike| {
            matches!(strike.fault, Fault::Crash | Fault::Isolate | Fault::Pause)
                && strike.nodes == [old.node]
                && (old.at..new.at).contains(&strike.at)
                && led_at(reigns, old.node, strike.at)
                && new.at - strike.at < WINDOW_MAX
        });
        if let Some(strike) = fell.filter(|_| old.node != new.node) {
            let why = format!("{} strikes the leader {}; {} takes over", strike.fault, old.node, new.node);
            return (strike.at.saturating_sub(60_000_000)..new.at.saturating_add(80_000_000), why);
        }
    }
    let first = reigns.iter().find(|reign| leads(reign.role)).map_or(0, |reign| reign.at);
    (first.saturating_sub(200_000_000)..first.saturating_add(200_000_000), "the first election".to_owned())
}

/// Whether the node led just before this moment.
fn led_at(reigns: &[synod_kv::cluster::Reign], node: NodeId, at: u64) -> bool {
    let last = reigns.iter().rev().find(|reign| reign.node == node && reign.at < at);
    last.is_some_and(|reign| reign.role == Some(Role::Leader))
}

type Operation = synod_consistency_checker::Operation<KvCall, KvReturn>;

fn span(operation: &Operation) -> Option<(u64, Option<u64>)> {
    let time = |mark: synod_consistency_checker::Mark| u64::try_from(mark.time_ns?).ok();
    Some((time(operation.call_mark())?, operation.returned().and_then(|_| time(operation.return_mark()))))
}

/// The operations of the contradiction, and those that were under way in the window.
fn operations(
    cluster: &Cluster,
    judgement: &Judgement<'_, KvModel>,
    window: &Range<u64>,
) -> Vec<report::Operation> {
    let marked: Vec<OpId> = judgement
        .first_violation()
        .map(|(_, violation)| {
            violation.window.ops.iter().chain(&violation.window.lingering).copied().collect()
        })
        .unwrap_or_default();
    let mut shown = Vec::new();
    for (id, operation) in cluster.history().iter() {
        let Some((begun, ended)) = span(operation) else { continue };
        let marked = marked.contains(&id);
        let within = begun < window.end && ended.is_some_and(|ended| ended >= window.start);
        if marked || within {
            shown.push(report::Operation {
                process: operation.process(),
                begun,
                ended,
                text: words(operation),
                marked,
            });
        }
    }
    shown
}

fn words(operation: &Operation) -> String {
    let text = |bytes: &bytes::Bytes| String::from_utf8_lossy(bytes).into_owned();
    let value = |value: &Option<bytes::Bytes>| value.as_ref().map_or("nothing".to_owned(), text);
    let call = operation.call();
    let key = text(&call.key);
    let asked = match &call.action {
        KvAction::Get => format!("get {key}"),
        KvAction::Put(new) => format!("put {key} = {}", text(new)),
        KvAction::Append(suffix) => format!("append {key} {}", text(suffix)),
        KvAction::Delete => format!("delete {key}"),
        KvAction::Cas { expected, new } => format!("cas {key} {} to {}", value(expected), text(new)),
    };
    let answered = match operation.completion() {
        Completion::Unknown => "?".to_owned(),
        Completion::Fail(None) => "refused".to_owned(),
        Completion::Ok(KvReturn::Value(found)) => value(found),
        Completion::Ok(KvReturn::Done) => "done".to_owned(),
        Completion::Fail(Some(KvReturn::MismatchFound(found))) => format!("no, found {}", value(found)),
        Completion::Ok(_) | Completion::Fail(Some(_)) => "no".to_owned(),
    };
    format!("{asked} → {answered}")
}
