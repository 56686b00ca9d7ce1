//! Any protocol on the contract as an actor of stateright, on stateright's own network: a second opinion that shares neither the
//! search, nor the network, nor the driver with our explorer.
//!
//! # What corresponds to what
//!
//! A state of our [`Cluster`](synod_sim::explore::Cluster) and one of the actors' are the same facts in other places, so that with
//! equal bounds both must count the same states, and generate the same number of them:
//!
//! | our cluster | here |
//! |---|---|
//! | node `n` | actor `n - 1`; its state is the protocol, its log, how far that is durable, and what waits for it |
//! | [`Network::Unordered`] | `Network::new_unordered_nonduplicating`, a multiset |
//! | [`Network::Everlasting`] | `Network::new_unordered_duplicating`, a set. Its memory of the last delivery, which tells states apart that differ in nothing else, is wiped after each step |
//! | [`Network::Fifo`] | `Network::new_ordered` |
//! | a timer of the protocol | a timer of the actor |
//! | a sync completes, up to any record | an actor's timer of its own for each record that it may reach |
//! | a command for a node, at any moment, once | an actor's timer that is set at the start and runs out once |
//! | a crash; a restart with any part of the un-synced tail | actor's timers too. stateright's own crash keeps what the process had in its memory as part of the state, and knows no log that is lost in part |
//! | budgets of the whole cluster | stateright's boundary: states beyond it are not counted |
//! | budgets of a node | the actor sets no timer any more |
//! | a message that changes nothing is delivered all the same | the state is always claimed to have changed, or stateright would leave the message where it is |
//! | a message for a node that is down | the actor claims that nothing happened, and the message stays |
//!
//! What has no counterpart is refused: messages that are lost or doubled a limited number of times, bounds on what is in flight,
//! [`Network::Merging`], and an ordered network together with crashes (stateright delivers what a node that is down ignores).
//! Commands that *any* node may be given, and answers to jobs, are not there. Chance in a protocol is always 0, as in a
//! cluster without [`choices_max`](synod_sim::explore::Cluster::choices_max).

use core::cmp::Ordering;
use core::fmt::Debug;
use core::hash::{Hash, Hasher};
use stateright::actor::{Actor, ActorModel, ActorModelAction, ActorModelState, Id, Out, model_timeout};
use stateright::{Expectation, Model, Property};
use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};
use synod_core::host::{Gate, Moment, Offer, Tail};
use synod_core::{
    Context, Effect, Entropy, Input, LogState, Lsn, NodeId, Protocol, Recovered, SplitMix64, Time,
};
use synod_sim::explore::{Bounds, Network};

/// What a protocol must be able to do, to be an actor. Implemented for every type that can.
pub trait Acted:
    Protocol<
        Message: Clone + Eq + Hash + Debug + Send + Sync,
        Record: Clone + Eq + Hash + Debug + Send + Sync,
        Command: Clone + Debug + Send + Sync,
        Event: Clone + Eq + Hash + Debug + Send + Sync,
        Timer: Hash + Debug + Send + Sync,
        Job: Clone + Eq + Hash + Debug + Send + Sync,
        Done: Clone + Debug,
        Error: Debug,
    > + Clone
    + Eq
    + Hash
    + Debug
    + Send
    + Sync
    + 'static
{
}

impl<P> Acted for P
where
    P: Protocol + Clone + Eq + Hash + Debug + Send + Sync + 'static,
    P::Message: Clone + Eq + Hash + Debug + Send + Sync,
    P::Record: Clone + Eq + Hash + Debug + Send + Sync,
    P::Command: Clone + Debug + Send + Sync,
    P::Event: Clone + Eq + Hash + Debug + Send + Sync,
    P::Timer: Hash + Debug + Send + Sync,
    P::Job: Clone + Eq + Hash + Debug + Send + Sync,
    P::Done: Clone + Debug,
    P::Error: Debug,
{
}

/// A message, in an order that means nothing: stateright sorts what can happen, to find a path again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Letter<M>(pub M);

impl<M: Eq + Hash + Debug> Ord for Letter<M> {
    fn cmp(&self, other: &Self) -> Ordering {
        let print = |Self(message): &Self| {
            let mut hasher = Mixer(0);
            message.hash(&mut hasher);
            hasher.finish()
        };
        // Texts decide where prints are equal by chance.
        print(self).cmp(&print(other)).then_with(|| match self == other {
            true => Ordering::Equal,
            false => format!("{self:?}").cmp(&format!("{other:?}")),
        })
    }
}

impl<M: Eq + Hash + Debug> PartialOrd for Letter<M> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A hasher that is the same in every process.
struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = SplitMix64::mix(self.0 ^ u64::from(*byte)));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// What can happen to an actor that is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alarm<T> {
    /// A timer of the protocol runs out.
    Fires(T),
    /// A sync completes, and so many more records are durable.
    Synced(u64),
    /// The application gives the command of this number.
    Asked(usize),
    /// The process dies.
    Crash,
    /// The process starts again, and so many records have survived that were not durable.
    Restart(u64),
}

/// Who an actor is before it starts.
#[derive(Clone)]
pub struct Role<P: Protocol> {
    protocol: P,
    commands: Vec<P::Command>,
    fires: fn(NodeId, &P::Timer) -> bool,
    bounds: Bounds,
}

/// A process and its disk. Nothing is on its way inside it: promises to itself that are durable have been delivered, and the flush
/// has followed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Process<P: Protocol> {
    /// `None` while it is down.
    protocol: Option<P>,
    /// Why it could not start.
    trouble: Option<String>,
    tail: Tail,
    gate: Gate<Held<P::Message, P::Event>>,
    armed: BTreeSet<P::Timer>,
    /// Nobody answers them.
    jobs: Vec<P::Job>,
    /// Those that were not released.
    records: Vec<P::Record>,
    released: u64,
    durable: Lsn,
    forced: Lsn,
    /// Whether the log was ever written, even if nothing of that is left.
    written: bool,
    incarnation: u64,
    /// How many of the protocol's timers have run out.
    fired: u8,
    /// The numbers of the commands that were not given yet.
    left: BTreeSet<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Held<M, E> {
    Loopback(M),
    Send(NodeId, M),
    Event(E),
    Release(Lsn),
}

/// No chance.
struct Nought;

impl Entropy for Nought {
    fn bits(&mut self) -> u64 {
        0
    }
}

fn name(id: Id) -> NodeId {
    NodeId(usize::from(id) as u64 + 1)
}

fn actor(id: NodeId) -> Id {
    Id::from(usize::try_from(id.0).unwrap_or(usize::MAX).saturating_sub(1))
}

/// How often a process may speak to itself at one go.
const ROUNDS_MAX: usize = 10_000;

impl<P: Acted> Process<P> {
    fn new(commands: usize) -> Self {
        Self {
            protocol: None,
            trouble: None,
            tail: Tail::default(),
            gate: Gate::with_limit(usize::MAX),
            armed: BTreeSet::new(),
            jobs: Vec::new(),
            records: Vec::new(),
            released: 0,
            durable: Lsn::ZERO,
            forced: Lsn::ZERO,
            written: false,
            incarnation: 0,
            fired: 0,
            left: (0..commands).collect(),
        }
    }

    /// The protocol, unless the process is down.
    pub const fn protocol(&self) -> Option<&P> {
        self.protocol.as_ref()
    }

    fn end(&self) -> Lsn {
        Lsn(self.released + self.records.len() as u64)
    }

    fn unsynced(&self) -> u64 {
        self.end().0.saturating_sub(self.durable.0)
    }

    fn crashes(&self) -> u64 {
        let down = u64::from(self.protocol.is_none());
        (self.incarnation + down).saturating_sub(1)
    }

    /// What can happen to it next.
    fn alarms(&self, me: NodeId, role: &Role<P>) -> BTreeSet<Alarm<P::Timer>> {
        if self.protocol.is_none() {
            return (0..=self.unsynced()).map(Alarm::Restart).collect();
        }
        let may_fire = role.bounds.timers == Bounds::UNLIMITED || self.fired < role.bounds.timers;
        let fires = self.armed.iter().filter(|timer| may_fire && (role.fires)(me, timer));
        let waited_for = self.forced.max(self.gate.wanted()) > self.durable;
        let syncs = if waited_for { self.unsynced() } else { 0 };
        let mut alarms: BTreeSet<_> = fires.map(|timer| Alarm::Fires(*timer)).collect();
        alarms.extend((1..=syncs).map(Alarm::Synced));
        alarms.extend(self.left.iter().map(|number| Alarm::Asked(*number)));
        alarms.extend((role.bounds.crashes > 0).then_some(Alarm::Crash));
        alarms
    }

    fn boot(&mut self, me: NodeId, kept: u64, role: &Role<P>, out: &mut Port<P>) {
        let found = self.durable.0.saturating_add(kept).saturating_sub(self.released);
        self.records.truncate(usize::try_from(found).unwrap_or(usize::MAX));
        let end = self.end();
        (self.durable, self.forced) = (end, end);
        self.incarnation += 1;
        let mut protocol = role.protocol.clone();
        for (at, record) in (self.released + 1..).map(Lsn).zip(&self.records) {
            if let Err(error) = protocol.recover(at, Recovered::Intact(record.clone())) {
                self.trouble = Some(format!("{at}: {error:?}"));
                return;
            }
        }
        self.tail = Tail { end, promised: Lsn::ZERO };
        self.protocol = Some(protocol);
        let log = if self.written { LogState::Recovered { end } } else { LogState::Fresh };
        self.input(me, Input::Start { incarnation: self.incarnation, log }, out);
    }

    fn crash(&mut self) {
        self.protocol = None;
        self.tail = Tail::default();
        self.gate.clear();
        self.armed.clear();
        self.jobs.clear();
    }

    /// One input and all that follows at once: promises to itself that need not wait, in order, and then the flush.
    fn input(&mut self, me: NodeId, input: Input<P>, out: &mut Port<P>) {
        self.step(me, input, out);
        self.settle(me, out);
    }

    fn synced(&mut self, me: NodeId, more: u64, out: &mut Port<P>) {
        self.durable = Lsn(self.durable.0 + more);
        while let Some(held) = self.gate.pop(self.durable) {
            self.let_out(held, out);
        }
        self.settle(me, out);
    }

    fn settle(&mut self, me: NodeId, out: &mut Port<P>) {
        for _ in 0..ROUNDS_MAX {
            while let Some(message) = out.loopback.pop_front() {
                self.step(me, Input::Message(me, message), out);
            }
            self.step(me, Input::Flush, out);
            if out.loopback.is_empty() {
                return;
            }
        }
        self.trouble = Some("it speaks to itself without end".to_owned());
    }

    fn step(&mut self, me: NodeId, input: Input<P>, out: &mut Port<P>) {
        let Some(protocol) = &mut self.protocol else { return };
        let moment = Moment { me, now: Time::ZERO, wall: None, durable: self.durable };
        let mut effects: Vec<Effect<P>> = Vec::new();
        protocol.step(input, &mut Context::new(moment, &mut self.tail, &mut Nought, &mut effects));
        effects.into_iter().for_each(|effect| self.carry_out(me, effect, out));
    }

    fn carry_out(&mut self, me: NodeId, effect: Effect<P>, out: &mut Port<P>) {
        match effect {
            Effect::Send { to, message, after, .. } => {
                for &to in to.as_slice() {
                    let message = message.clone();
                    let held = if to == me { Held::Loopback(message) } else { Held::Send(to, message) };
                    self.offer(after, held, out);
                }
            }
            Effect::Emit { event, after } => self.offer(after, Held::Event(event), out),
            Effect::Release { upto, after } => self.offer(after, Held::Release(upto), out),
            Effect::Persist { record, forced } => {
                self.records.push(record);
                self.written = true;
                if forced {
                    self.forced = self.end();
                }
            }
            Effect::Arm { timer, .. } => drop(self.armed.insert(timer)),
            Effect::Disarm(timer) => drop(self.armed.remove(&timer)),
            Effect::Job(job) => self.jobs.push(job),
            Effect::Peer(_) => {}
        }
    }

    fn offer(&mut self, after: Lsn, held: Held<P::Message, P::Event>, out: &mut Port<P>) {
        match self.gate.offer(after, self.durable, held) {
            Offer::Pass(held) => self.let_out(held, out),
            Offer::Held => {}
            Offer::Full(held) => self.gate.hold(after, held),
        }
    }

    fn let_out(&mut self, held: Held<P::Message, P::Event>, out: &mut Port<P>) {
        match held {
            Held::Loopback(message) => out.loopback.push_back(message),
            Held::Send(to, message) => out.sent.push((to, message)),
            Held::Event(_) => {}
            Held::Release(upto) => {
                let count = upto.min(self.durable).0.saturating_sub(self.released);
                let count = usize::try_from(count).unwrap_or(usize::MAX).min(self.records.len());
                self.records.drain(..count);
                self.released += count as u64;
            }
        }
    }
}

/// What leaves a process, and what it says to itself.
struct Port<P: Protocol> {
    loopback: VecDeque<P::Message>,
    sent: Vec<(NodeId, P::Message)>,
}

impl<P: Acted> Port<P> {
    const fn new() -> Self {
        Self { loopback: VecDeque::new(), sent: Vec::new() }
    }
}

impl<P: Acted> Role<P> {
    /// Does something to a process and tells stateright what has come of it.
    fn play(
        &self,
        me: NodeId,
        process: &mut Process<P>,
        out: &mut Out<Self>,
        act: impl FnOnce(&mut Process<P>, &mut Port<P>),
    ) {
        let before = process.alarms(me, self);
        let mut port = Port::new();
        act(process, &mut port);
        let after = process.alarms(me, self);
        before.difference(&after).for_each(|alarm| out.cancel_timer(*alarm));
        // stateright takes the timer away that has just run out: all that can happen is said anew.
        after.into_iter().for_each(|alarm| out.set_timer(alarm, model_timeout()));
        port.sent.into_iter().for_each(|(to, message)| out.send(actor(to), Letter(message)));
    }
}

impl<P: Acted> Actor for Role<P> {
    type Msg = Letter<P::Message>;
    type State = Process<P>;
    type Timer = Alarm<P::Timer>;
    type Random = ();
    type Storage = ();

    fn on_start(&self, id: Id, _: &Option<()>, out: &mut Out<Self>) -> Process<P> {
        let mut process = Process::new(self.commands.len());
        self.play(name(id), &mut process, out, |process, port| process.boot(name(id), 0, self, port));
        process
    }

    fn on_msg(
        &self,
        id: Id,
        process: &mut Cow<'_, Process<P>>,
        from: Id,
        message: Self::Msg,
        out: &mut Out<Self>,
    ) {
        if process.protocol.is_some() {
            let input = Input::Message(name(from), message.0);
            self.play(name(id), process.to_mut(), out, |process, port| process.input(name(id), input, port));
        }
    }

    fn on_timeout(
        &self,
        id: Id,
        process: &mut Cow<'_, Process<P>>,
        alarm: &Alarm<P::Timer>,
        out: &mut Out<Self>,
    ) {
        let me = name(id);
        self.play(me, process.to_mut(), out, |process, port| match *alarm {
            Alarm::Fires(timer) => {
                process.armed.remove(&timer);
                if self.bounds.timers != Bounds::UNLIMITED || self.bounds.timers_all != Bounds::UNLIMITED {
                    process.fired += 1;
                }
                process.input(me, Input::Timer(timer), port);
            }
            Alarm::Synced(more) => process.synced(me, more, port),
            Alarm::Asked(number) => {
                process.left.remove(&number);
                if let Some(command) = self.commands.get(number) {
                    process.input(me, Input::Command(command.clone()), port);
                }
            }
            Alarm::Crash => process.crash(),
            Alarm::Restart(kept) => process.boot(me, kept, self, port),
        });
    }
}

/// Bounds that stateright's actors have no counterpart for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsupported(pub Bounds);

/// What must hold of the processes in every state.
pub type Holds<P> = fn(&[&Process<P>]) -> bool;

type Actors<P> = ActorModel<Role<P>, Bounds>;

/// A cluster of actors: the counterpart of our [`Cluster`](synod_sim::explore::Cluster), as a model of stateright.
pub struct ActorCluster<P: Acted> {
    actors: Actors<P>,
    holds: Holds<P>,
}

impl<P: Acted> ActorCluster<P> {
    /// The name of its only property.
    pub const SAFE: &'static str = "safe";

    /// Nodes with the ids 1, 2, 3 and so on. Each starts with the commands that it may be given; `fires` says which timers run
    /// out. A process that cannot start again from its log is unsafe, whatever `holds` says.
    ///
    /// # Errors
    /// When the bounds have no counterpart.
    pub fn new(
        nodes: impl IntoIterator<Item = (P, Vec<P::Command>)>,
        bounds: Bounds,
        fires: fn(NodeId, &P::Timer) -> bool,
        holds: Holds<P>,
    ) -> Result<Self, Unsupported> {
        use stateright::actor::Network as Theirs;
        let network = match bounds.network {
            _ if bounds.drops > 0 || bounds.duplicates > 0 || bounds.in_flight_max < usize::MAX => {
                return Err(Unsupported(bounds));
            }
            Network::Unordered => Theirs::new_unordered_nonduplicating([]),
            Network::Everlasting => Theirs::new_unordered_duplicating([]),
            Network::Fifo if bounds.crashes == 0 => Theirs::new_ordered([]),
            _ => return Err(Unsupported(bounds)),
        };
        let roles = nodes.into_iter().map(|(protocol, commands)| Role { protocol, commands, fires, bounds });
        let actors = ActorModel::new(bounds, ()).actors(roles).init_network(network).within_boundary(
            |bounds, state| {
                let crashes: u64 = state.actor_states.iter().map(|process| process.crashes()).sum();
                let fired: u32 = state.actor_states.iter().map(|process| u32::from(process.fired)).sum();
                let within = bounds.timers_all == Bounds::UNLIMITED || fired <= u32::from(bounds.timers_all);
                crashes <= u64::from(bounds.crashes) && within
            },
        );
        Ok(Self { actors, holds })
    }
}

impl<P: Acted> Model for ActorCluster<P> {
    type State = ActorModelState<Role<P>>;
    type Action = ActorModelAction<Letter<P::Message>, Alarm<P::Timer>, ()>;

    fn init_states(&self) -> Vec<Self::State> {
        self.actors.init_states()
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        self.actors.actions(state, actions);
    }

    fn next_state(&self, state: &Self::State, action: Self::Action) -> Option<Self::State> {
        let mut next = self.actors.next_state(state, action)?;
        if let stateright::actor::Network::UnorderedDuplicating(_, last) = &mut next.network {
            *last = None;
        }
        Some(next)
    }

    fn within_boundary(&self, state: &Self::State) -> bool {
        (self.actors.within_boundary)(&self.actors.cfg, state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property {
            expectation: Expectation::Always,
            name: Self::SAFE,
            condition: |model, state| {
                let processes: Vec<&Process<P>> =
                    state.actor_states.iter().map(|process| &**process).collect();
                processes.iter().all(|process| process.trouble.is_none()) && (model.holds)(&processes)
            },
        }]
    }
}
