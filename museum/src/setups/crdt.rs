//! Replicas that exchange deltas: nothing that was acknowledged is lost, nobody misses the garbage, and all see the same in the end.

mod promises;

use super::{Clusters, Search, Setup};
use core::fmt::Debug;
use core::hash::Hash;
use core::time::Duration;
use std::collections::BTreeSet;
use synod_core::NodeId;
use synod_crdt::anti_entropy::{AntiEntropy, Command, Config, Event, Identity};
use synod_crdt::{
    ActorId, CausalContext, Change, Crdt, Delivery, MapAction, OrSet, Refused, RemoveWinsSet, SetAction,
};
use synod_sim::{Climate, Dials, Fault, Io, Latency, Rate, Sim, Simulated, Workload, World};

pub(super) fn setups() -> Vec<Setup> {
    let named = |config: &mut Config| config.identity = Identity::Node;
    let mut all = vec![
        seeds("sets-3", "three replicas of a set, every fault", sets(3, Climate::swarm(), |_| {})),
        seeds("frail-2", "two that die before their slow disks are done", sets(2, frail(), |_| {})),
        seeds("named-3", "three that write under one name for ever, and die", sets(3, frail(), named)),
        seeds(
            "tidy-3",
            "three that collect garbage, beside what they were without, every fault",
            tidy(Climate::swarm()),
        ),
        seeds("tidy-frail-3", "the same, dying before their slow disks are done", tidy(frail())),
    ];
    all.extend(promises::setups());
    all
}

fn seeds<P: Simulated, W: Workload<P>>(name: &'static str, says: &'static str, sim: Sim<P, W>) -> Setup
where
    Clusters<P, W>: super::Runs + 'static,
{
    Setup { room: "crdt", name, says, search: Search::Seeds(Box::new(Clusters { sim })) }
}

fn frail() -> Climate {
    let ms = Duration::from_millis;
    let mut dials = Dials::calm();
    dials.latency = Latency::Uniform(ms(1), ms(20));
    dials.sync = Latency::Uniform(ms(1), ms(60));
    dials.reorder_ppm = 500_000;
    dials.schedule = vec![Rate { fault: Fault::Crash, every: ms(100), lasting: (ms(1), ms(80)) }];
    Climate::Fixed(dials)
}

/// Clients that act on random nodes, and remember what was acknowledged.
#[derive(Clone, Debug)]
struct Clients<A> {
    /// The n-th action.
    action: fn(u64, u64) -> A,
    asked: u64,
    healed: bool,
    stored: BTreeSet<u64>,
    suspects: u64,
}

impl<C: Crdt<Delta: Hash, Version: Hash> + Debug + Hash> Workload<AntiEntropy<C>> for Clients<C::Action> {
    fn begin(&mut self, io: &mut Io<'_, AntiEntropy<C>>) {
        io.wake(Duration::from_millis(5), 0);
    }

    fn on_event(&mut self, _: NodeId, event: Event, _: &mut Io<'_, AntiEntropy<C>>) {
        match event {
            Event::Stored { token } => _ = self.stored.insert(token),
            Event::Suspect { .. } => self.suspects += 1,
            _ => {}
        }
    }

    fn on_wake(&mut self, _: u64, io: &mut Io<'_, AntiEntropy<C>>) {
        if self.healed {
            return;
        }
        self.asked += 1;
        let nodes = io.nodes().len() as u64;
        let node = NodeId(1 + io.decide(self.asked, nodes));
        let action = (self.action)(self.asked, io.decide(self.asked + (1 << 32), 1 << 16));
        io.request(node, self.asked, Command::Act { token: self.asked, action });
        let pause = 1 + io.decide(self.asked + (2 << 32), 40);
        io.wake(Duration::from_millis(pause), 0);
    }

    fn on_crash(&mut self, _: NodeId, _: &mut Io<'_, AntiEntropy<C>>) {}

    fn on_heal(&mut self, _: &mut Io<'_, AntiEntropy<C>>) {
        self.healed = true;
    }
}

type Replicas<C> = Sim<AntiEntropy<C>, Clients<<C as Crdt>::Action>>;
type Net<C> = World<AntiEntropy<C>, Clients<<C as Crdt>::Action>>;

fn replicas<C>(
    nodes: u64,
    climate: Climate,
    turn: fn(&mut Config),
    action: fn(u64, u64) -> C::Action,
) -> Replicas<C>
where
    C: Crdt<Delta: Hash, Version: Hash> + Debug + Default + Hash + PartialEq + 'static,
{
    let make = move |id| {
        let mut config = Config::new(id, (1..=nodes).map(NodeId));
        (config.records_max, config.backlog_max) = (20, 10);
        turn(&mut config);
        AntiEntropy::new(config)
    };
    let clients = Clients { action, asked: 0, healed: false, stored: BTreeSet::new(), suspects: 0 };
    Sim::new(nodes as usize, make, clients)
        .climate(climate)
        .storm(Duration::from_secs(3))
        .eventually_after_heal("everybody has the same", Duration::from_secs(20), |world: &Net<C>| {
            let mut states = world.up().map(|(_, node)| node.state());
            let first = states.next();
            world.up().count() == world.len()
                && states.all(|state| Some(state.version()) == first.map(Crdt::version))
        })
        .finally("all see the same, and nobody was accused", |world: &Net<C>| {
            let views: Vec<_> = world.up().map(|(_, node)| node.state().view()).collect();
            if views.windows(2).any(|pair| pair.first() != pair.last()) {
                return Err(format!("{views:?}"));
            }
            match world.workload().suspects {
                0 => Ok(()),
                suspects => Err(format!("{suspects} accusations among honest nodes")),
            }
        })
}

/// Every third action adds an element that nobody removes; the others add and remove few elements.
fn set_action(number: u64, chance: u64) -> SetAction<u64> {
    match number % 3 {
        0 => SetAction::Add(1_000 + number),
        _ if chance.is_multiple_of(2) => SetAction::Add(chance / 2 % 8),
        _ => SetAction::Remove(chance / 2 % 8),
    }
}

fn sets(nodes: u64, climate: Climate, turn: fn(&mut Config)) -> Replicas<OrSet<u64>> {
    replicas::<OrSet<u64>>(nodes, climate, turn, set_action).finally("nothing is lost", |world| {
        let mut kept = world.workload().stored.iter().filter(|token| **token % 3 == 0);
        let lost = kept.find(|token| world.up().any(|(_, node)| !node.state().contains(&(1_000 + **token))));
        lost.map_or(Ok(()), |token| Err(format!("{token} was acknowledged, and is not everywhere")))
    })
}

fn tidy(climate: Climate) -> Replicas<Twins<RemoveWinsSet<u64>>> {
    let action = |_, chance: u64| MapAction::Update(chance / 2 % 4, chance.is_multiple_of(2));
    replicas::<Twins<RemoveWinsSet<u64>>>(3, climate, |_| {}, action).always(
        "the garbage is not missed",
        || {
            |_, node: Option<&AntiEntropy<Twins<RemoveWinsSet<u64>>>>| {
                let Some(Twins { tidy, hoarder }) = node.map(AntiEntropy::state) else { return Ok(()) };
                let (tidy, hoarder) = (tidy.view(), hoarder.view());
                if tidy == hoarder {
                    Ok(())
                } else {
                    Err(format!("with its garbage collected {tidy:?}, and with all of it {hoarder:?}"))
                }
            }
        },
    )
}

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
