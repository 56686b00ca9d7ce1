//! Invented runs that look like real ones, for the tests of the page and for the eye.

use super::{Operation, Picture, Reign, Role};
use synod_core::NodeId;
use synod_sim::trace::{Fate, Happening, Moment};
use synod_sim::{Fault, Strike};

const MS: u64 = 1_000_000;

/// A small generator, so that a sample is always the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound.max(1)
    }
}

/// Nothing happened.
pub(crate) fn empty() -> Picture {
    Picture {
        title: String::new(),
        verdict: String::new(),
        well: true,
        command: String::new(),
        facts: Vec::new(),
        nodes: 0,
        end: 0,
        healed: 0,
        reigns: Vec::new(),
        strikes: Vec::new(),
        latencies: Vec::new(),
        window: 0..0,
        why: String::new(),
        moments: Vec::new(),
        operations: Vec::new(),
        judgement: None,
    }
}

/// Five nodes, fourteen seconds, a stale read; about so many moments in the window.
pub(crate) fn run(moments: usize) -> Picture {
    let mut dice = Dice(7);
    let window = 6_180 * MS..(6_180 + (moments as u64 * 2 / 3).clamp(40, 400)) * MS;
    Picture {
        title: "Replicated store, five nodes, an early sender".to_owned(),
        verdict: "a read returned a value that had already been overwritten".to_owned(),
        well: false,
        command: "synod demo --seed 4242 --nodes 5 --sabotage early-send --report report.html".to_owned(),
        facts: [
            ("seed", "4242"),
            ("nodes", "5"),
            ("clients", "8"),
            ("virtual time", "14.02 s"),
            ("wall time", "not measured"),
            ("operations", "1,204 begun, 902 answered"),
            ("given up", "61"),
            ("messages", "48,211 sent, 1,377 lost"),
            ("faults", "30"),
            ("elections", "9"),
            ("sabotage", "early send"),
            ("events", "131,904"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
        nodes: 5,
        end: 14_020 * MS,
        healed: 10_000 * MS,
        reigns: reigns(),
        strikes: strikes(&mut dice),
        latencies: latencies(900, &mut dice),
        why: "the stale read, and the write that it did not see".to_owned(),
        moments: traffic(moments, &window, &mut dice),
        operations: operations(&window, &mut dice),
        window,
        judgement: Some(JUDGEMENT.to_owned()),
    }
}

const JUDGEMENT: &str = "not linearizable: no order of these operations explains every answer

  c3   put k2 = v811        6.204 s – 6.211 s   done
  c5   get k2               6.214 s – 6.217 s   \"v811\"
  c1   get k2               6.231 s – 6.238 s   \"v764\"

c1 began after c5 had been told v811, so v811 was there; c1 was told v764,
which v811 had replaced. Nobody wrote v764 again.

Searched 1,204 operations on 5 keys; the other keys are linearizable.";

fn reigns() -> Vec<Reign> {
    let mut reigns = Vec::new();
    let mut reign = |at: u64, node, term, role| reigns.push(Reign { at: at * MS, node, term, role });
    for (at, node, term, until) in [
        (160, 3, 1, 1_900),
        (2_140, 1, 2, 2_700),
        (3_010, 5, 4, 4_420),
        (4_700, 2, 5, 6_222),
        (6_300, 4, 6, 7_900),
        (8_120, 1, 8, 8_500),
        (8_700, 3, 9, 14_020),
    ] {
        reign(at - 12, node, term, Role::Candidate);
        reign(at, node, term, Role::Leader);
        reign(until, node, term, Role::Follower);
    }
    reign(2_900, 2, 3, Role::Candidate);
    reign(2_960, 2, 4, Role::Follower);
    for (at, node, term, until) in
        [(1_900, 3, 1, 2_600), (6_222, 2, 5, 6_262), (7_000, 5, 6, 7_420), (9_300, 4, 9, 9_720)]
    {
        reign(at, node, term, Role::Down);
        reign(until, node, term, Role::Follower);
    }
    reigns.sort_by_key(|reign| reign.at);
    reigns
}

fn strikes(dice: &mut Dice) -> Vec<Strike> {
    let strike = |fault, at: u64, long: u64, nodes: &[u64]| Strike {
        fault,
        at: at * MS,
        until: (at + long).min(10_000) * MS,
        nodes: nodes.iter().copied().map(NodeId).collect(),
        bridge: None,
        detail: 0,
    };
    let mut strikes = vec![
        strike(Fault::Crash, 1_900, 700, &[3]),
        strike(Fault::Isolate, 2_650, 420, &[1]),
        strike(Fault::Split, 4_400, 500, &[2, 5]),
        strike(Fault::Crash, 6_222, 40, &[2]),
        strike(Fault::OneWay, 6_195, 90, &[4]),
        strike(Fault::Bridge, 7_500, 620, &[1, 3, 4]),
        strike(Fault::Flap, 8_450, 380, &[1, 2]),
        strike(Fault::Blackout, 9_280, 60, &[1, 2, 3, 4, 5]),
    ];
    let others = [
        Fault::Pause,
        Fault::SlowDisk,
        Fault::StallDisk,
        Fault::FailSync,
        Fault::Spike,
        Fault::Isolate,
        Fault::Crash,
    ];
    for nth in 0..22 {
        let fault = others.get(nth % others.len()).copied().unwrap_or(Fault::Crash);
        let at = 300 + dice.below(9_500);
        let long = 40 + dice.below(700);
        let nodes: &[u64] = if fault == Fault::Spike { &[] } else { &[1 + dice.below(5)] };
        strikes.push(strike(fault, at, long, nodes));
    }
    strikes.sort_by_key(|strike| strike.at);
    strikes
}

fn latencies(count: u64, dice: &mut Dice) -> Vec<(u64, u64)> {
    let latency = |nth: u64| {
        let at = nth * 14_000 / count * MS + dice.below(9 * MS);
        let calm = 2 * MS + dice.below(6 * MS) * dice.below(4);
        let trouble = [1_900..2_150, 2_650..3_000, 4_400..4_720, 6_220..6_310, 7_880..8_120]
            .iter()
            .any(|bad| bad.contains(&(at / MS)));
        (at, if trouble || dice.below(40) == 0 { calm + dice.below(900 * MS) } else { calm })
    };
    (0..count).map(latency).collect()
}

/// A leader that replicates, a vote after its crash, lost and blocked messages.
fn traffic(count: usize, window: &core::ops::Range<u64>, dice: &mut Dice) -> Vec<Moment> {
    let mut moments = Vec::new();
    let crash = 6_222 * MS;
    let step = (window.end - window.start) / (count as u64 / 14).max(1);
    let (mut id, mut index) = (40_000, 811);
    let mut at = window.start;
    while at < window.end && moments.len() < count {
        let leader = if at < crash { 2 } else { 4 };
        let mut note = |at, node, what| moments.push(Moment { at, node: NodeId(node), what });
        note(
            at,
            leader,
            Happening::Command(format!("Propose {{ token: {}, payload: b\"put k2 v{index}\" }}", index * 8)),
        );
        note(
            at + 30_000,
            leader,
            Happening::Event(format!("Proposed {{ token: {}, index: {index}, term: 5 }}", index * 8)),
        );
        for to in (1..=5).filter(|to| *to != leader) {
            id += 1;
            let sent = at + 50_000 + to * 4_000;
            let text = format!(
                "Append {{ term: 5, prev: EntryId {{ index: {}, term: 5 }}, commit: {}, entries: [{index}] }}",
                index - 1,
                index - 2
            );
            note(sent, leader, Happening::Sent { id, to: NodeId(to), text });
            let down = to == 2 && (crash..crash + 40 * MS).contains(&sent);
            let fate = match dice.below(14) {
                _ if down => Fate::ReceiverDown,
                0 => Fate::Lost,
                1 | 2 if leader == 4 => Fate::Blocked,
                _ => Fate::Delivered,
            };
            let arrival = if matches!(fate, Fate::Lost | Fate::Blocked) {
                sent
            } else {
                sent + 300_000 + dice.below(900_000)
            };
            note(arrival, to, Happening::Ended { id, fate });
            if fate == Fate::Delivered && dice.below(2) == 0 {
                note(arrival + 200_000, to, Happening::Durable(index));
                note(
                    arrival + 210_000,
                    to,
                    Happening::Sent {
                        id: id + 500_000,
                        to: NodeId(leader),
                        text: format!("Appended {{ term: 5, upto: {index} }}"),
                    },
                );
                note(arrival + 900_000, leader, Happening::Ended { id: id + 500_000, fate: Fate::Delivered });
            }
        }
        note(at + 400_000, leader, Happening::Durable(index));
        index += 1;
        at += step;
    }
    let mut note = |at, node, what| moments.push(Moment { at, node: NodeId(node), what });
    if count > 100 {
        note(crash, 2, Happening::Crashed { lost: 3, acknowledged: 2 });
        note(crash + 40 * MS, 2, Happening::Started);
        note(crash + 30 * MS, 4, Happening::Timer("Election".to_owned()));
    }
    note(window.start + 100_000, 5, Happening::Ended { id: 3, fate: Fate::Delivered });
    note(
        window.end - 100_000,
        1,
        Happening::Sent { id: 4, to: NodeId(3), text: "PreVote { term: 7 }".to_owned() },
    );
    moments.sort_by_key(|moment| moment.at);
    moments.retain(|moment| window.contains(&moment.at));
    moments
}

fn operations(window: &core::ops::Range<u64>, dice: &mut Dice) -> Vec<Operation> {
    let mut operations = Vec::new();
    let mut add = |process, begun: u64, ended: Option<u64>, text: &str, marked| {
        operations.push(Operation { process, begun, ended, text: text.to_owned(), marked });
    };
    add(3, 6_204 * MS, Some(6_211 * MS), "put k2 = v811 → done", true);
    add(5, 6_214 * MS, Some(6_217 * MS), "get k2 → \"v811\"", true);
    add(1, 6_231 * MS, Some(6_238 * MS), "get k2 → \"v764\"", true);
    add(9, 5_900 * MS, None, "put k1 = v799", false);
    for process in [0, 1, 2, 4, 5, 6, 7] {
        let mut at = window.start - dice.below(20 * MS);
        while at < window.end {
            let long = 2 * MS + dice.below(12 * MS);
            if !(at < 6_240 * MS && at + long > 6_200 * MS && matches!(process, 1 | 5)) {
                let text = format!("get k{} → \"v{}\"", dice.below(5), 700 + dice.below(120));
                let ended = (dice.below(30) > 0).then_some(at + long);
                add(process, at, ended, &text, false);
                if ended.is_none() {
                    break;
                }
            }
            at += long + dice.below(20 * MS);
        }
    }
    operations
}
