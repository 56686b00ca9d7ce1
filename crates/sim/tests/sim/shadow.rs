//! Whoever follows a run sees every step with all that belongs to it, in order, and changes nothing.

use core::time::Duration;
use synod_core::*;
use synod_sim::{Climate, Idle, Shadow, Sim, Verdict};

/// Counts on its disk, and tells everybody when the disk has it.
#[derive(Clone, Hash, Default)]
struct Count {
    count: u64,
}

impl Protocol for Count {
    type Message = u64;
    type Record = u64;
    type Command = Never;
    type Event = Never;
    type Timer = ();
    type Job = Never;
    type Done = Never;
    type Error = Never;

    fn recover(&mut self, _: Lsn, record: Recovered<u64>) -> Result<(), Never> {
        if let Recovered::Intact(count) = record {
            self.count = count;
        }
        Ok(())
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Timer(()) => {
                self.count += 1;
                cx.persist(self.count);
                (1..=3).for_each(|id| cx.send(NodeId(id), self.count));
            }
            Input::Start { .. } => {}
            _ => return,
        }
        cx.arm((), Duration::from_millis(30));
    }
}

#[derive(Clone, Debug, Default)]
struct Life {
    up: bool,
    /// What was on the disk.
    found: u64,
    /// The step under way has begun, written so much, and said so often.
    taken: bool,
    written: u64,
    said: u64,
    /// The last position that it wrote, and that was durable.
    end: Lsn,
    durable: Lsn,
    steps: u64,
    starts: u64,
}

/// Every message that anybody said.
#[derive(Clone, Debug, Default)]
struct Witness {
    lives: [Life; 4],
    said: std::collections::BTreeSet<(NodeId, NodeId, u64)>,
    flaw: Option<(NodeId, String)>,
    /// Complains after so many steps.
    patience: u64,
}

impl Witness {
    fn demand(&mut self, node: NodeId, holds: bool, what: &str) {
        if !holds {
            self.flaw.get_or_insert((node, what.to_owned()));
        }
    }
}

impl Shadow<Count> for Witness {
    fn boots(&mut self, node: NodeId, protocol: &Count) {
        let life = &mut self.lives[node.0 as usize];
        let fresh = !life.up && protocol.count == 0;
        *life = Life { up: true, steps: life.steps, starts: life.starts + 1, ..Life::default() };
        self.demand(node, fresh, "it boots, and is up, or knows something");
    }

    fn finds(&mut self, node: NodeId, at: Lsn, record: &Recovered<u64>) {
        let life = &mut self.lives[node.0 as usize];
        life.end = at;
        if let Recovered::Intact(count) = record {
            life.found = *count;
        }
    }

    fn takes(&mut self, node: NodeId, input: &Input<Count>) {
        let life = &mut self.lives[node.0 as usize];
        let first = core::mem::replace(&mut life.taken, true);
        let starts = matches!(input, Input::Start { .. });
        (life.written, life.said) = (0, 0);
        let heard = match input {
            Input::Message(from, count) => self.said.contains(&(*from, node, *count)),
            _ => true,
        };
        self.demand(node, !first && heard, "a step within a step, or a message that nobody said");
        self.demand(node, !starts || self.lives[node.0 as usize].up, "it starts before it boots");
    }

    fn writes(&mut self, node: NodeId, at: Lsn, _: &u64) {
        let life = &mut self.lives[node.0 as usize];
        life.written += 1;
        let next = at.0 == life.end.0 + 1 && life.taken && life.said == 0;
        life.end = at;
        self.demand(node, next, "a record out of order");
    }

    fn says(&mut self, node: NodeId, to: NodeId, message: &u64, after: Lsn) {
        let life = &mut self.lives[node.0 as usize];
        life.said += 1;
        let waits = after == life.end && life.written == 1;
        self.said.insert((node, to, *message));
        self.demand(node, waits, "a message that does not wait for its record");
    }

    fn is(&mut self, node: NodeId, protocol: &Count) {
        let life = &mut self.lives[node.0 as usize];
        life.steps += 1;
        let all = core::mem::take(&mut life.taken) && life.said == 3 * life.written;
        let known = protocol.count >= life.found;
        let steps = life.steps;
        self.demand(node, all && known, "an effect is missing");
        self.demand(node, self.patience == 0 || steps < self.patience, "enough");
    }

    fn durable(&mut self, node: NodeId, upto: Lsn) {
        let life = &mut self.lives[node.0 as usize];
        let forward = upto > life.durable && upto <= life.end && !life.taken;
        life.durable = upto;
        self.demand(node, forward, "durability goes back, or is of what was not written");
    }

    fn crashes(&mut self, node: NodeId) {
        let up = core::mem::replace(&mut self.lives[node.0 as usize].up, false);
        self.demand(node, up, "it dies twice");
    }

    fn flaw(&mut self) -> Option<(NodeId, String)> {
        self.flaw.clone()
    }
}

fn sim() -> Sim<Count, Idle> {
    Sim::new(3, |_| Count::default(), Idle)
        .climate(Climate::swarm())
        .storm(Duration::from_secs(5))
        .sometimes("a node came back", |world| world.stats().crashes > 0)
}

#[test]
fn every_step_is_seen_with_all_that_belongs_to_it() {
    let summary = sim().shadowed("the witness", Witness::default).run_seeds(0..40, |_| {});
    assert!(summary.passed(), "{summary}");
}

#[test]
fn nothing_changes_where_somebody_watches() {
    let watched = sim().shadowed("the witness", Witness::default);
    assert!((0..10).all(|seed| watched.run(seed).hash == sim().run(seed).hash));
}

#[test]
fn a_run_ends_with_the_first_flaw() {
    let impatient = || Witness { patience: 20, ..Witness::default() };
    let report = sim().shadowed("the witness", impatient).run(1);
    let Verdict::Violated { name, detail, node } = report.verdict else { panic!("{}", report.verdict) };
    assert_eq!((name, detail.as_str(), node.is_some()), ("the witness", "enough", true));
    assert!(report.at < 5_000_000_000);
}
