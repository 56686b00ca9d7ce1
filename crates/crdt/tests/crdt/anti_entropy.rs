//! Anti-entropy in the simulator: every fault that can be survived, and at the end everybody has everything that was acknowledged, and nobody
//! misses the garbage.

use core::fmt::Debug;
use core::hash::Hash;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use synod_core::{NodeId, Time};
use synod_crdt::anti_entropy::{AntiEntropy, Command, Config, Event, Identity};
use synod_crdt::resolve::Stamped;
use synod_crdt::{
    ActorId, CausalContext, Change, Crdt, Delivery, EscrowAction, EscrowCounter, GrowList, LwwMap, MapAction,
    OrSet, Place, PnCounter, Refused, RemoveWinsSet, SetAction, Sides, SignedStep,
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
    actions: BTreeMap<u64, A>,
    stored: BTreeSet<u64>,
    suspects: u64,
    refused: BTreeSet<u64>,
    /// If the members change.
    plan: Option<Plan>,
}

/// Nodes 1, 2 and 3 are the members; during the storm 4 is welcomed, and when it is over, 3 leaves.
#[derive(Clone, Debug, Default)]
struct Plan {
    /// Whether the newcomer writes as soon as all have welcomed it, or after the storm, when it surely has what they had.
    eager: bool,
    welcomed: BTreeSet<NodeId>,
    forgotten: BTreeSet<NodeId>,
    healed: Option<Time>,
}

const NEWCOMER: NodeId = NodeId(4);
const LEAVER: NodeId = NodeId(3);
/// Tokens of what concerns members: these, and the node that is asked.
const WELCOME: u64 = 1 << 40;
const FORGET: u64 = 1 << 41;

impl Plan {
    fn has_healed_for(&self, now: Time, secs: u64) -> bool {
        self.healed.is_some_and(|healed| now >= healed + Duration::from_secs(secs))
    }

    /// Who is written to.
    fn writers(&self, now: Time) -> Vec<NodeId> {
        let joined = self.welcomed.len() == 3 && (self.eager || self.has_healed_for(now, 3));
        let mut writers = vec![NodeId(1), NodeId(2)];
        writers.extend(self.healed.is_none().then_some(LEAVER));
        writers.extend(joined.then_some(NEWCOMER));
        writers
    }

    fn is_done(&self) -> bool {
        self.forgotten.len() == 3
    }

    /// Asks whoever has not answered yet.
    fn pursue<C>(&self, asked: &mut u64, io: &mut Io<'_, AntiEntropy<C>>)
    where
        C: Crdt<Delta: Hash, Version: Hash> + Debug + Hash,
    {
        for node in [1, 2, 3].map(NodeId).into_iter().filter(|node| !self.welcomed.contains(node)) {
            *asked += 1;
            let command = Command::Welcome { token: WELCOME + node.0, peer: NEWCOMER };
            io.request(node, *asked, command);
        }
        let parting = self.has_healed_for(io.now(), 5);
        for node in [1, 2, 4].map(NodeId).into_iter().filter(|node| !self.forgotten.contains(node)) {
            if parting {
                *asked += 1;
                io.request(node, *asked, Command::Forget { token: FORGET + node.0, peer: LEAVER });
            }
        }
    }
}

impl<A> Clients<A> {
    fn new(action: fn(u64, u64) -> A) -> Self {
        let (actions, stored, refused) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        Self { action, asked: 0, asking: true, actions, stored, suspects: 0, refused, plan: None }
    }
}

impl<C> Workload<AntiEntropy<C>> for Clients<C::Action>
where
    C: Crdt<Delta: Hash, Version: Hash> + Debug + Hash,
{
    fn begin(&mut self, io: &mut Io<'_, AntiEntropy<C>>) {
        io.wake(Duration::from_millis(5), 0);
        io.wake(Duration::from_millis(700), 1);
    }

    fn on_event(&mut self, _: NodeId, event: Event, _: &mut Io<'_, AntiEntropy<C>>) {
        match event {
            Event::Stored { token } if token > FORGET => {
                self.plan.iter_mut().for_each(|plan| _ = plan.forgotten.insert(NodeId(token - FORGET)));
            }
            Event::Stored { token } if token > WELCOME => {
                self.plan.iter_mut().for_each(|plan| _ = plan.welcomed.insert(NodeId(token - WELCOME)));
            }
            Event::Stored { token } => _ = self.stored.insert(token),
            Event::Refused { token, .. } => _ = self.refused.insert(token),
            Event::Suspect { .. } => self.suspects += 1,
            Event::Changed { .. } => {}
        }
    }

    fn on_wake(&mut self, task: u64, io: &mut Io<'_, AntiEntropy<C>>) {
        let now = io.now();
        if let Some(plan) = &self.plan {
            self.asking &= !plan.has_healed_for(now, 8);
            if task == 1 && !plan.is_done() {
                plan.pursue(&mut self.asked, io);
                io.wake(Duration::from_millis(100), 1);
            }
        }
        if !self.asking || task == 1 {
            return;
        }
        self.asked += 1;
        let nodes = match &self.plan {
            Some(plan) => plan.writers(now),
            None => io.nodes().collect(),
        };
        let node = nodes[io.decide(self.asked, nodes.len() as u64) as usize];
        let action = (self.action)(self.asked, io.decide(self.asked + (1 << 32), 1 << 16));
        self.actions.insert(self.asked, action.clone());
        io.command(node, Command::Act { token: self.asked, action });
        let pause = 1 + io.decide(self.asked + (2 << 32), 60);
        io.wake(Duration::from_millis(pause), 0);
    }

    fn on_crash(&mut self, _: NodeId, _: &mut Io<'_, AntiEntropy<C>>) {}

    fn on_heal(&mut self, io: &mut Io<'_, AntiEntropy<C>>) {
        match &mut self.plan {
            Some(plan) => plan.healed = Some(io.now()),
            None => self.asking = false,
        }
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
    weathered(nodes, action, turn, invariant).sometimes("a node was restarted after writing", |world| {
        world.stats().crashes > 0 && world.workload().stored.len() > 20
    })
}

/// As `cluster`, in whatever climate, so that it need not have restarted.
fn weathered<C>(
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

fn escrow_action(_: u64, chance: u64) -> EscrowAction {
    match chance % 8 {
        0 => EscrowAction::Add(5),
        1..4 => EscrowAction::Transfer {
            to: ActorId::of(NodeId(1 + chance / 8 % 3), 0),
            amount: 1 + chance / 64 % 3,
        },
        _ => EscrowAction::Spend(1 + chance / 8 % 4),
    }
}

/// The books, kept outside: what was acknowledged has been done, what was refused has not, and of the rest nobody has heard. All that was spent
/// had been added, and every node's value is what is left.
fn balances<C>(world: &Net<C>, value: fn(&C) -> i128) -> Result<(), String>
where
    C: Crdt<Action = EscrowAction, Delta: Hash, Version: Hash> + Debug + Hash,
{
    let Clients { actions, stored, refused, .. } = world.workload();
    let (mut least, mut most) = (0, 0);
    for (token, action) in actions.iter().filter(|(token, _)| !refused.contains(token)) {
        let by = match *action {
            EscrowAction::Add(amount) => i128::from(amount),
            EscrowAction::Spend(amount) => -i128::from(amount),
            EscrowAction::Transfer { .. } => 0,
        };
        least += if stored.contains(token) { by } else { by.min(0) };
        most += if stored.contains(token) { by } else { by.max(0) };
    }
    if most < 0 {
        return Err(format!("overdrawn: {} more were spent than had been added", -most));
    }
    let values: Vec<i128> = world.up().map(|(_, node)| value(node.state())).collect();
    match values.iter().all(|value| (least.max(0)..=most).contains(value)) {
        true => Ok(()),
        false => Err(format!("{values:?} are left, and it should be {least} to {most}")),
    }
}

#[test]
fn an_escrow_counter_is_never_overdrawn() {
    let turn = |config: &mut Config| config.identity = Identity::Node;
    let sim = cluster::<EscrowCounter>(3, escrow_action, turn, nothing)
        .sometimes("somebody had too few rights", |world| !world.workload().refused.is_empty())
        .finally("the books balance", |world| balances(world, |counter| counter.value() as i128));
    passed(&sim.run_seeds(0..60, |_| {}));
    // Where nobody crashes, all requests are answered but, perhaps, the last, and the books are exact.
    let sim = weathered::<EscrowCounter>(3, escrow_action, turn, nothing)
        .climate(cut_off())
        .sometimes("much was spent", |world| world.workload().stored.len() > 40)
        .finally("the books balance", |world| balances(world, |counter| counter.value() as i128))
        .sometimes("every request was answered", |world| {
            let clients = world.workload();
            clients.actions.len() == clients.stored.len() + clients.refused.len()
        });
    passed(&sim.run_seeds(0..40, |_| {}));
}

/// Nodes are cut off, stand still or are slow; none of them dies.
fn cut_off() -> Climate {
    use synod_sim::Fault::{Bridge, Flap, Isolate, OneWay, Pause, SlowDisk, Spike, Split};
    Climate::Swarm(vec![Isolate, Split, OneWay, Bridge, Flap, Pause, SlowDisk, Spike])
}

/// A counter by somebody who looks at the value before he spends, and at no rights.
#[derive(Clone, Debug, Default, PartialEq, Hash)]
struct Till(PnCounter);

impl Crdt for Till {
    type Action = EscrowAction;
    type Op = SignedStep;
    type Delta = Sides;
    type Version = Sides;
    type View = i128;

    const DELIVERY: Delivery = Delivery::Fifo;

    fn prepare(&self, actor: ActorId, action: EscrowAction) -> Result<SignedStep, Refused> {
        match action {
            EscrowAction::Add(amount) => self.0.prepare(actor, amount as i64),
            EscrowAction::Spend(amount) if self.0.value() >= i128::from(amount) => {
                self.0.prepare(actor, -(amount as i64))
            }
            _ => Err(Refused::NotThere),
        }
    }

    fn apply(&mut self, op: &SignedStep) -> Result<Change, Refused> {
        self.0.apply(op)
    }

    fn delta_of(op: &SignedStep) -> Sides {
        PnCounter::delta_of(op)
    }

    fn version(&self) -> Sides {
        self.0.version()
    }

    fn delta_since(&self, version: &Sides) -> Sides {
        self.0.delta_since(version)
    }

    fn join(&mut self, delta: &Sides) -> Result<Change, Refused> {
        self.0.join(delta)
    }

    fn merge(&mut self, other: &Self) -> Result<Change, Refused> {
        self.0.merge(&other.0)
    }

    fn view(&self) -> i128 {
        self.0.view()
    }
}

#[test]
fn the_books_show_who_overdraws() {
    let turn = |config: &mut Config| config.identity = Identity::Node;
    let sim = weathered::<Till>(3, escrow_action, turn, nothing)
        .climate(cut_off())
        .finally("the books balance", |world| balances(world, |till| till.0.value()));
    let summary = sim.run_seeds(0..40, |_| {});
    assert!(!summary.passed(), "two who spend at once overdraw it");
    assert!(summary.to_string().contains("overdrawn"), "{summary}");
}

/// A cluster whose members change under faults: each node is started again with the configuration that it had at first.
fn changing<C>(
    action: fn(u64, u64) -> C::Action,
    invariant: fn(&C) -> Result<(), String>,
    eager: bool,
) -> Cluster<C>
where
    C: Crdt<Delta: Hash, Version: Hash> + Debug + Default + Hash + PartialEq + 'static,
{
    let make = |id| {
        let members = if id == NEWCOMER { 1..=4 } else { 1..=3 };
        let mut config = Config::new(id, members.map(NodeId));
        (config.records_max, config.backlog_max) = (40, 20);
        AntiEntropy::new(config)
    };
    let mut clients = Clients::new(action);
    clients.plan = Some(Plan { eager, ..Plan::default() });
    let staying = |world: &Net<C>| -> Vec<AntiEntropy<C>> {
        world.up().filter(|(id, _)| *id != LEAVER).map(|(_, node)| node.clone()).collect()
    };
    Sim::new(4, make, clients)
        .climate(Climate::swarm())
        .storm(Duration::from_secs(4))
        .always("what must hold holds", move || {
            move |_, node: Option<&AntiEntropy<C>>| node.map_or(Ok(()), |node| invariant(node.state()))
        })
        .eventually_after_heal(
            "those who stay are members and have the same",
            Duration::from_secs(30),
            move |world| {
                let (nodes, clients) = (staying(world), world.workload());
                let members = |node: &AntiEntropy<C>| {
                    let mut members: BTreeSet<NodeId> = node.peers().collect();
                    members.insert(node.actor().node());
                    members == BTreeSet::from([1, 2, 4].map(NodeId))
                };
                !clients.asking
                    && nodes.len() == 3
                    && nodes.iter().all(members)
                    && nodes.windows(2).all(|pair| pair[0].state().version() == pair[1].state().version())
            },
        )
        .finally("all see the same, and nobody was accused", move |world| {
            let views: Vec<_> = staying(world).iter().map(|node| node.state().view()).collect();
            match (views.windows(2).all(|pair| pair[0] == pair[1]), world.workload().suspects) {
                (true, 0) => Ok(()),
                (true, suspects) => Err(format!("{suspects} accusations among honest nodes")),
                (false, _) => Err(format!("{views:?}")),
            }
        })
        .sometimes("a node was restarted after it had welcomed", |world| {
            world.stats().crashes > 0 && world.workload().plan.as_ref().is_some_and(Plan::is_done)
        })
}

#[test]
fn members_come_and_go_under_faults_and_nothing_is_lost() {
    let sim = changing::<OrSet<u64>>(set_action, nothing, true).finally("nothing is lost", |world| {
        let stored = &world.workload().stored;
        let mut staying = world.up().filter(|(id, _)| *id != LEAVER);
        let lost = staying.find_map(|(_, node)| {
            let mut added = stored.iter().filter(|token| *token % 3 == 0);
            added.find(|token| !node.state().contains(&(1_000 + **token)))
        });
        lost.map_or(Ok(()), |token| Err(format!("{token} was acknowledged, and is not everywhere")))
    });
    passed(&sim.run_seeds(0..40, |_| {}));
}

#[test]
fn members_come_and_go_and_nobody_misses_the_garbage() {
    let action = |_, chance: u64| MapAction::Update(chance / 2 % 4, chance.is_multiple_of(2));
    let sim = changing::<Twins<RemoveWinsSet<u64>>>(action, agree, false)
        .sometimes("the newcomer collects too", |world| {
            world.up().any(|(id, node)| id == NEWCOMER && node.collected() > 0)
        });
    passed(&sim.run_seeds(0..40, |_| {}));
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
