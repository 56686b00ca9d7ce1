//! Runs the scripts in `tests/scripts`. Set `SYNOD_REWRITE=1` to write down what happens instead of comparing; then read it.
//!
//! A script is a list of blocks: commands, `----`, what happened. Messages are shown when they are delivered, events when they
//! come out. A disk is done at once, unless it was made `slow`.

use crate::cluster::{Cluster, show, show_entries, show_membership};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use synod_core::{Input, Link, NodeId};
use synod_raft::{
    Change, Command, Config, Index, Message, Pace, ReadMode, Role, Standing, Step, Term, Timer, Transition,
};

struct Script {
    cluster: Cluster,
}

impl Script {
    fn run(&mut self, command: &str) -> String {
        let mut words = command.split_whitespace();
        let verb = words.next().unwrap_or_default();
        let words: Vec<&str> = words.collect();
        let ids: Vec<u64> = words.iter().filter_map(|word| word.parse().ok()).collect();
        let id = ids.first().copied().unwrap_or_default();
        let cluster = &mut self.cluster;
        let mut said = String::new();
        match verb {
            "add-nodes" => {
                let off = |name: &str| words.contains(&format!("{name}=off").as_str());
                let number = |name: &str| {
                    words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
                };
                *cluster = Cluster::with(id, |config| {
                    config.pre_vote = !off("pre-vote");
                    config.check_quorum = !off("check-quorum");
                    config.lending = words.contains(&"lending");
                    config.leases = words.contains(&"leases");
                    config.priority = match number("prefer") {
                        Some(preferred) if NodeId(preferred as u64) == config.id => 1,
                        _ => 0,
                    };
                    config.witnesses = words
                        .iter()
                        .filter_map(|word| word.strip_prefix("witness=")?.parse().ok())
                        .map(NodeId)
                        .collect();
                    config.in_flight_max = number("in-flight").unwrap_or(config.in_flight_max);
                    config.batch_entries_max = number("batch").unwrap_or(config.batch_entries_max);
                    config.snapshot_piece_bytes = number("piece").unwrap_or(config.snapshot_piece_bytes);
                    config.snapshot_pieces_max = number("pieces").unwrap_or(config.snapshot_pieces_max);
                    config.trailing_entries = number("trailing").map_or(0, |entries| entries as u64);
                });
                cluster.trace = Some(Vec::new());
            }
            "add-joiners" => {
                for id in ids {
                    let mut config = Config::joining(NodeId(id));
                    config.witness = words.contains(&"witness");
                    cluster.start(config);
                }
            }
            "propose-conf-change" => cluster.change(id, change(&words[1..])),
            "membership" => {
                for id in cluster.nodes.keys() {
                    let raft = cluster.raft(id.0);
                    let at = raft.membership_index();
                    let pending = if at > raft.commit_index() { ", not committed" } else { "" };
                    let _ = writeln!(
                        said,
                        "{}: {} (from {at}{pending})",
                        id.0,
                        show_membership(raft.membership())
                    );
                }
            }
            "campaign" => cluster.campaign(id),
            "compact" => cluster.compact(id, ids[1]),
            "lose-state" => cluster.lose(id),
            "propose" => {
                for payload in &words[1..] {
                    cluster.propose(id, payload);
                }
            }
            // read <node> <token> [lease|guard|stale]
            "read-index" => {
                let mode = match words.get(2) {
                    Some(&"lease") => ReadMode::Lease,
                    Some(&"guard") => ReadMode::LeaseGuard,
                    Some(&"stale") => ReadMode::Stale { age_max: None, index_min: Index::ZERO },
                    _ => ReadMode::Index,
                };
                cluster.read(id, ids[1], mode);
            }
            "transfer-leadership" => cluster.transfer(id, ids[1]),
            "resign" => cluster.input(NodeId(id), Input::Command(Command::Resign)),
            "tick-transfer" => {
                cluster.fire(NodeId(id), Timer::Transfer);
            }
            "tick-reads" => {
                cluster.fire(NodeId(id), Timer::Reads);
            }
            "tick-claim" => {
                cluster.fire(NodeId(id), Timer::Claim);
            }
            "propose-burst" => cluster.propose_burst(id, &words[1..]),
            "tick-election" => cluster.time_out(id),
            // The first stretch of the election timer: the node is not loyal any more, but does not campaign yet.
            "expire-loyalty" => {
                cluster.fire(NodeId(id), Timer::Election);
            }
            "tick-heartbeat" => {
                cluster.fire(NodeId(id), Timer::Heartbeat);
            }
            "tick-quorum" => {
                cluster.fire(NodeId(id), Timer::CheckQuorum);
            }
            "deliver-msgs" => {
                let mine = |to: NodeId, from: NodeId| match ids.as_slice() {
                    [] => true,
                    [only] => to.0 == *only,
                    [only, sender, ..] => to.0 == *only && from.0 == *sender,
                };
                // What is sent in reply stays on its way.
                let mut place = 0;
                for _ in 0..cluster.net.len() {
                    match cluster.net.get(place) {
                        Some(letter) if mine(letter.to, letter.from) => cluster.deliver(place),
                        _ => place += 1,
                    }
                }
            }
            "drop" => {
                let lost: Vec<_> = cluster.net.iter().filter(|letter| letter.to.0 == id).cloned().collect();
                cluster.net.retain(|letter| letter.to.0 != id);
                for letter in lost {
                    let _ = writeln!(said, "{} -> {id} {} (dropped)", letter.from.0, show(&letter.message));
                }
            }
            "duplicate" => {
                let copies: Vec<_> = cluster.net.iter().filter(|letter| letter.to.0 == id).cloned().collect();
                cluster.net.extend(copies);
            }
            "stabilize" => cluster.stabilize(),
            "sync" => cluster.sync(NodeId(id)),
            "slow" => {
                cluster.slow.insert(NodeId(id));
            }
            "fast" => {
                cluster.slow.remove(&NodeId(id));
            }
            "crash" => cluster.crash(id),
            "restart" => cluster.restart(id),
            "disconnect" => match ids.as_slice() {
                [a, b] => cluster.disconnect(*a, *b),
                _ => cluster.isolate(id),
            },
            "connect" => cluster.connect(id),
            "link-down" => cluster.link(id, ids[1], Link::Down),
            "install" => {
                let runs: Vec<(u64, u64)> = words[1..]
                    .iter()
                    .map(|run| run.split_once(':').unwrap())
                    .map(|(term, count)| (term.parse().unwrap(), count.parse().unwrap()))
                    .collect();
                cluster.install(id, &runs);
            }
            "enter-term" => {
                let from = if id == 1 { 2 } else { 1 };
                cluster.deliver_to(from, id, Message::Heard { term: Term(ids[1]), round: 0 });
            }
            "raft-terms" => {
                for id in cluster.nodes.keys() {
                    let entries = cluster.raft(id.0).log().segments().flat_map(|segment| segment.iter());
                    let terms: Vec<_> = entries.map(|entry| entry.term.to_string()).collect();
                    let _ = writeln!(said, "{}: {}", id.0, terms.join(" "));
                }
            }
            "messages" => {
                for letter in &cluster.net {
                    let _ = writeln!(said, "{} => {} {}", letter.from.0, letter.to.0, show(&letter.message));
                }
            }
            "raft-log" => {
                if cluster.raft(id).first_index() > Index(1) {
                    let _ = writeln!(said, "after {}", cluster.raft(id).log().base());
                }
                for segment in cluster.raft(id).log().segments() {
                    let _ = writeln!(said, "{}", show_entries(segment).trim());
                }
            }
            "records" => {
                let _ = writeln!(said, "{}", cluster.records(id).join(", "));
            }
            "raft-state" => {
                for id in cluster.nodes.keys() {
                    let raft = cluster.raft(id.0);
                    let (role, term) = (raft.role(), raft.term());
                    let down = if cluster.down.contains(id) { " (down)" } else { "" };
                    let _ = writeln!(
                        said,
                        "{}: {role:?} term {term} vote {} last {} commit {}{down}",
                        id.0,
                        raft.voted_for().map_or("-".to_owned(), |voted_for| voted_for.0.to_string()),
                        raft.log().last(),
                        raft.commit_index()
                    );
                }
            }
            "status" => {
                for peer in cluster.raft(id).status().peers {
                    let pace = match peer.pace {
                        Pace::Probe { paused: true } => "probe, paused",
                        Pace::Probe { paused: false } => "probe",
                        Pace::Replicate => "replicate",
                        Pace::Snapshot => "snapshot",
                    };
                    let (matched, next, on) = (peer.matched, peer.next, peer.in_flight);
                    let standing = match peer.standing {
                        Standing::Voter => String::new(),
                        other => format!(" ({other:?})"),
                    };
                    let snapshot = peer.snapshot.map_or(String::new(), |extent| {
                        format!(", snapshot {} of {}", extent.stored, extent.len)
                    });
                    let _ = writeln!(
                        said,
                        "{}{standing}: {pace}, matched {matched}, next {next}, in flight {on}{snapshot}",
                        peer.id.0
                    );
                }
                if cluster.raft(id).role() != Role::Leader {
                    let _ = writeln!(said, "not the leader");
                }
            }
            other => panic!("unknown command {other:?}"),
        }
        self.cluster.sync_fast();
        let trace = self.cluster.trace.replace(Vec::new()).unwrap_or_default();
        trace.into_iter().fold(String::new(), |all, line| all + &line + "\n") + &said
    }

    fn play(text: &str) -> String {
        let mut script = Self { cluster: Cluster::new(1) };
        script.cluster.trace = Some(Vec::new());
        let mut out = String::new();
        let mut lines = text.lines().peekable();
        let mut said = String::new();
        while let Some(line) = lines.next() {
            out += line;
            out.push('\n');
            if line == "----" {
                if said.is_empty() {
                    said = "ok\n".to_owned();
                }
                out += &std::mem::take(&mut said);
                while lines.peek().is_some_and(|line| !line.is_empty()) {
                    lines.next();
                }
            } else if !line.is_empty() && !line.starts_with('#') {
                said += &script.run(line);
            }
        }
        out
    }
}

/// A change in etcd's words: `v4` adds a voter, `l4` a learner, `r4` removes; here also `w4`, a witness, and `p4`, a learner that is
/// promoted when it has caught up. `leave` leaves a joint membership.
fn change(words: &[&str]) -> Change {
    if words == ["leave"] {
        return Change::LeaveJoint;
    }
    let steps = words.iter().filter_map(|word| {
        let id = NodeId(word.get(1..)?.parse().ok()?);
        Some(match &word[..1] {
            "v" => Step::AddVoter(id),
            "l" => Step::AddLearner(id),
            "r" => Step::Remove(id),
            "w" => Step::AddWitness(id),
            "p" => Step::PromoteWhenCaughtUp(id),
            other => panic!("unknown step {other:?}"),
        })
    });
    let transition = match words.iter().find_map(|word| word.strip_prefix("transition=")) {
        Some("implicit") => Transition::JointImplicit,
        Some("explicit") => Transition::JointExplicit,
        _ => Transition::Auto,
    };
    Change::Steps { steps: steps.collect(), transition }
}

#[test]
fn every_script_happens_as_it_is_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "txt"));
    files.sort();
    assert!(files.len() >= 10, "the scripts are missing");
    let rewrite = std::env::var_os("SYNOD_REWRITE").is_some();
    let mut differing = Vec::new();
    for file in files {
        let expected = std::fs::read_to_string(&file).unwrap();
        let actual = Script::play(&expected);
        if actual != expected {
            if rewrite {
                std::fs::write(&file, &actual).unwrap();
            } else {
                let first = expected.lines().zip(actual.lines()).find(|(a, b)| a != b);
                differing.push(format!("{}: {first:#?}", file.file_name().unwrap().to_string_lossy()));
            }
        }
    }
    assert!(differing.is_empty(), "expected, actual: {differing:#?}");
}
