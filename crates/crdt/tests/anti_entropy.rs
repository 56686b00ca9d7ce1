//! Anti-entropy in the simulator: every fault that can be survived, and at the end everybody has everything that was acknowledged, and nobody
//! misses the garbage.
#![cfg(test)]

use core::fmt::Debug;
use core::hash::Hash;
use core::time::Duration;
use std::collections::BTreeSet;
use synod_core::NodeId;
use synod_crdt::anti_entropy::{AntiEntropy, Command, Config, Event, Identity};
use synod_crdt::resolve::Stamped;
use synod_crdt::{
    ActorId, CausalContext, Change, Crdt, Delivery, EscrowAction, EscrowCounter, GrowList, LwwMap, MapAction,
    OrSet, Place, PnCounter, Refused, RemoveWinsSet, SetAction,
};
use synod_sim::{Climate, Io, Sim, Summary, Workload, World};

/// A value that collects its garbage, and beside it one that never does. All that is done to the one is done to the other.
#[derive(Clone, Debug, Default, PartialEq, Hash)]
struct Twins<C> {
    tidy: C,
    hoarder: C,
}

impl<C: Crdt> Crdt for Twins<C> {
    type Action = C::Action;
    type Op = (C::Op, C::Op);
    type Delta = (C::Delta, C::Delta);
    type Version = (C::Version, C::Version);
    type View = C::View;

    const DELIVERY: Delivery = C::DELIVERY;

    fn prepare(&self, actor: ActorId, action: C::Action) -> Result<Self::Op, Refused> {
        Ok((self.tidy.prepare(actor, action.clone())?, self.hoarder.prepare(actor, action)?))
    }

    fn apply(&mut self, op: &Self::Op) -> Result<Change, Refused> {
        let _ = self.hoarder.apply(&op.1)?;
        self.tidy.apply(&op.0)
    }

    fn delta_of(op: &Self::Op) -> Self::Delta {
        (C::delta_of(&op.0), C::delta_of(&op.1))
    }

    fn version(&self) -> Self::Version {
        (self.tidy.version(), self.hoarder.version())
    }

    fn delta_since(&self, version: &Self::Version) -> Self::Delta {
        (self.tidy.delta_since(&version.0), self.hoarder.delta_since(&version.1))
    }

    fn join(&mut self, delta: &Self::Delta) -> Result<Change, Refused> {
        let mut change = self.hoarder.join(&delta.1)?;
        change |= self.tidy.join(&delta.0)?;
        Ok(change)
    }

    fn merge(&mut self, other: &Self) -> Result<Change, Refused> {
        let mut change = self.hoarder.merge(&other.hoarder)?;
        change |= self.tidy.merge(&other.tidy)?;
        Ok(change)
    }

    fn view(&self) -> C::View {
        self.tidy.view()
    }

    fn news(&self, delta: &Self::Delta) -> CausalContext {
        self.tidy.news(&delta.0)
    }

    fn seen(&self) -> CausalContext {
        self.tidy.seen()
    }

    fn forget(&mut self, actor: ActorId) -> bool {
        self.hoarder.forget(actor) && self.tidy.forget(actor)
    }

    fn collect(&mut self, stable: &CausalContext) -> usize {
        self.tidy.collect(stable)
    }
}

/// Clients that act on random nodes, and remember what was acknowledged.
#[derive(Clone, Debug)]
struct Clients<A> {
    /// The n-th action.
    action: fn(u64, u64) -> A,
    asked: u64,
    asking: bool,
    stored: BTreeSet<u64>,
    suspects: u64,
    refused: u64,
}

impl<A> Clients<A> {
    fn new(action: fn(u64, u64) -> A) -> Self {
        Self { action, asked: 0, asking: true, stored: BTreeSet::new(), suspects: 0, refused: 0 }
    }
}

impl<C> Workload<AntiEntropy<C>> for Clients<C::Action>
where
    C: Crdt<Delta: Hash, Version: Hash> + Debug + Hash,
{
    fn begin(&mut self, io: &mut Io<'_, AntiEntropy<C>>) {
        io.wake(Duration::from_millis(5), 0);
    }

    fn on_event(&mut self, _: NodeId, event: Event, _: &mut Io<'_, AntiEntropy<C>>) {
        match event {
            Event::Stored { token } => _ = self.stored.insert(token),
            Event::Refused { .. } => self.refused += 1,
            Event::Suspect { .. } => self.suspects += 1,
            Event::Changed { .. } => {}
        }
    }

    fn on_wake(&mut self, _: u64, io: &mut Io<'_, AntiEntropy<C>>) {
        if !self.asking {
            return;
        }
        self.asked += 1;
        let nodes = io.nodes().len() as u64;
        let node = NodeId(1 + io.decide(self.asked, nodes));
        let action = (self.action)(self.asked, io.decide(self.asked + (1 << 32), 1 << 16));
        io.request(node, self.asked, Command::Act { token: self.asked, action });
        let pause = 1 + io.decide(self.asked + (2 << 32), 60);
        io.wake(Duration::from_millis(pause), 0);
    }

    fn on_crash(&mut self, _: NodeId, _: &mut Io<'_, AntiEntropy<C>>) {}

    fn on_heal(&mut self, _: &mut Io<'_, AntiEntropy<C>>) {
        self.asking = false;
    }
}

type Cluster<C> = Sim<AntiEntropy<C>, Clients<<C as Crdt>::Action>>;
type Net<C> = World<AntiEntropy<C>, Clients<<C as Crdt>::Action>>;

fn cluster<C>(
    nodes: u64,
    action: fn(u64, u64) -> C::Action,
    turn: fn(&mut Config),
    invariant: fn(&C) -> Result<(), String>,
) -> Cluster<C>
where
    C: Crdt<Delta: Hash, Version: Hash> + Debug + Default + Hash + PartialEq + 'static,
{
    let make = move |id| {
        let mut config = Config::new(id, (1..=nodes).map(NodeId));
        config.records_max = 40;
        config.backlog_max = 20;
        turn(&mut config);
        AntiEntropy::new(config)
    };
    Sim::new(nodes as usize, make, Clients::new(action))
        .climate(Climate::swarm())
        .storm(Duration::from_secs(4))
        .always("what must hold holds", move || {
            move |_, node: Option<&AntiEntropy<C>>| node.map_or(Ok(()), |node| invariant(node.state()))
        })
        .eventually_after_heal("everybody has the same", Duration::from_secs(20), |world: &Net<C>| {
            let mut states = world.up().map(|(_, node)| node.state());
            let first = states.next();
            world.up().count() == world.len()
                && states.all(|state| Some(state.version()) == first.map(Crdt::version))
        })
        .finally("all see the same, and nobody was accused", |world: &Net<C>| {
            let views: Vec<_> = world.up().map(|(_, node)| node.state().view()).collect();
            if views.windows(2).any(|pair| pair[0] != pair[1]) {
                return Err(format!("{views:?}"));
            }
            match world.workload().suspects {
                0 => Ok(()),
                suspects => Err(format!("{suspects} accusations among honest nodes")),
            }
        })
        .sometimes("a node was restarted after writing", |world| {
            world.stats().crashes > 0 && world.workload().stored.len() > 20
        })
}

fn passed(summary: &Summary) {
    assert!(summary.passed(), "{summary}");
}

fn nothing<C>(_: &C) -> Result<(), String> {
    Ok(())
}

/// Every third action adds an element that nobody removes; the others add and remove few elements.
fn set_action(number: u64, chance: u64) -> SetAction<u64> {
    match number % 3 {
        0 => SetAction::Add(1_000 + number),
        _ if chance.is_multiple_of(2) => SetAction::Add(chance / 2 % 8),
        _ if chance % 32 == 1 => SetAction::Remove(chance / 32 % 8),
        _ => SetAction::Remove(chance / 2 % 8),
    }
}

#[test]
fn a_set_loses_nothing_that_was_acknowledged() {
    for nodes in [2, 3, 5] {
        let sim =
            cluster::<OrSet<u64>>(nodes, set_action, |_| {}, nothing).finally("nothing is lost", |world| {
                let lost = world
                    .workload()
                    .stored
                    .iter()
                    .filter(|token| *token % 3 == 0)
                    .find(|token| world.up().any(|(_, node)| !node.state().contains(&(1_000 + **token))));
                lost.map_or(Ok(()), |token| Err(format!("{token} was acknowledged, and is not everywhere")))
            });
        passed(&sim.run_seeds(0..40, |_| {}));
    }
}

fn agree<C: Crdt>(twins: &Twins<C>) -> Result<(), String> {
    let (tidy, hoarder) = (twins.tidy.view(), twins.hoarder.view());
    if tidy == hoarder {
        Ok(())
    } else {
        Err(format!("with its garbage collected {tidy:?}, and with all of it {hoarder:?}"))
    }
}

#[test]
fn a_remove_wins_set_does_not_miss_its_garbage() {
    let action = |_, chance: u64| MapAction::Update(chance / 2 % 4, chance.is_multiple_of(2));
    let sim = cluster::<Twins<RemoveWinsSet<u64>>>(3, action, |_| {}, agree)
        .sometimes("garbage was collected", |world| world.up().any(|(_, node)| node.collected() > 0))
        .sometimes("and there was more of it without", |world| {
            world.up().any(|(_, node)| node.state().tidy.store().len() < node.state().hoarder.store().len())
        });
    passed(&sim.run_seeds(0..60, |_| {}));
}

#[test]
fn a_last_writer_wins_map_does_not_miss_its_garbage() {
    let action = |number: u64, chance: u64| {
        // Clocks that are off by anything: time is what the writer says.
        let time = number + chance % 50;
        MapAction::Update(
            chance / 50 % 4,
            Stamped { time, value: (!chance.is_multiple_of(3)).then_some(number) },
        )
    };
    let sim = cluster::<Twins<LwwMap<u64, u64>>>(3, action, |_| {}, agree)
        .sometimes("garbage was collected", |world| world.up().any(|(_, node)| node.collected() > 0));
    passed(&sim.run_seeds(0..60, |_| {}));
}

#[test]
fn an_escrow_counter_is_never_overdrawn() {
    let action = |_, chance: u64| match chance % 8 {
        0 => EscrowAction::Add(5),
        1..4 => EscrowAction::Transfer {
            to: ActorId::of(NodeId(1 + chance / 8 % 3), 0),
            amount: 1 + chance / 64 % 3,
        },
        _ => EscrowAction::Spend(1 + chance / 8 % 4),
    };
    let sim = cluster::<EscrowCounter>(3, action, |config| config.identity = Identity::Node, nothing)
        .sometimes("somebody had too few rights", |world| world.workload().refused > 0)
        .finally("what was spent had been added", |world| {
            // The value is the sum of rights, each of which is at least zero by its type; the sums must fit.
            let values: BTreeSet<u128> = world.up().map(|(_, node)| node.state().value()).collect();
            if values.len() == 1 { Ok(()) } else { Err(format!("{values:?}")) }
        });
    passed(&sim.run_seeds(0..60, |_| {}));
}

#[test]
fn counters_count_each_acknowledged_step_once() {
    let sim = cluster::<PnCounter>(3, |_, _| 1, |_| {}, nothing).finally("each once", |world| {
        let workload = world.workload();
        let (least, most) = (workload.stored.len() as i128, i128::from(workload.asked));
        let values: Vec<i128> = world.up().map(|(_, node)| node.state().value()).collect();
        match values.iter().all(|value| (least..=most).contains(value)) {
            true => Ok(()),
            false => Err(format!("{least} acknowledged, {most} asked for, {values:?} counted")),
        }
    });
    passed(&sim.run_seeds(0..60, |_| {}));
}

#[test]
fn lists_grow_together() {
    let action =
        |number, chance: u64| (if chance.is_multiple_of(4) { Place::Front } else { Place::Back }, number);
    passed(&cluster::<GrowList<u64>>(3, action, |_| {}, nothing).run_seeds(0..40, |_| {}));
}

/// Some faults are beyond what a node with one name for ever survives; with a new name each time they are not.
#[test]
fn a_disk_that_lies_makes_one_dot_mean_two_things_and_is_noticed_or_avoided() {
    let run = |turn: fn(&mut Config)| {
        let sim = cluster::<OrSet<u64>>(3, set_action, turn, nothing)
            .turn(|dials| dials.sabotage = Some(synod_sim::Sabotage::LyingFsync));
        let summary = sim.run_seeds(0..150, |_| {});
        (summary.passed(), summary)
    };
    let (passed, _) = run(|config| config.identity = Identity::Node);
    assert!(!passed, "one actor over lost writes goes wrong, and somebody says so");
    let (passed, summary) = run(|_| {});
    assert!(passed, "{summary}");
}
