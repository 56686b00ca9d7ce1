//! A node: what it holds, freezes, offers and takes.

use super::{Command, Config, Done, Event, Handover, Holding, Job, Message, Record, RecoverError, State};
use crate::PartitionId;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use synod_core::{Context, Input, Lane, Lsn, NodeId, Protocol, Recovered, Sink, mutant};

/// One node. It is a [`Protocol`]: a driver feeds it inputs and carries out its effects. The methods here only look.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Handoff {
    pub(super) me: NodeId,
    pub(super) config: Config,
    pub(super) holdings: BTreeMap<PartitionId, Holding>,
    /// What is being copied here: the epoch, who offers it, and how many writes it has seen. Lost in a crash.
    copying: BTreeMap<PartitionId, (u64, NodeId, u64)>,
    /// At the coordinator: who owns what.
    pub(super) map: BTreeMap<PartitionId, (NodeId, u64)>,
    /// At the coordinator: the steps that are not done.
    pub(super) steps: Vec<Vec<Handover>>,
    /// Whether the timer runs.
    armed: bool,
}

impl Handoff {
    /// A node that has never run.
    #[must_use]
    pub fn new(me: NodeId, config: Config) -> Self {
        let own = config.initial.iter().filter(|(_, owner)| **owner == me);
        let serving = Holding { epoch: 0, version: 0, state: State::Serving };
        let holdings = own.map(|(partition, _)| (*partition, serving)).collect();
        let map = if config.coordinator == me {
            config.initial.iter().map(|(partition, owner)| (*partition, (*owner, 0))).collect()
        } else {
            BTreeMap::new()
        };
        Self { me, config, holdings, copying: BTreeMap::new(), map, steps: Vec::new(), armed: false }
    }

    /// What this node has to do with a partition; `None` if it never had it.
    #[must_use]
    pub fn holding(&self, partition: PartitionId) -> Option<Holding> {
        self.holdings.get(&partition).copied()
    }

    /// All that this node has to do with partitions.
    pub fn holdings(&self) -> impl Iterator<Item = (PartitionId, Holding)> {
        self.holdings.iter().map(|(partition, holding)| (*partition, *holding))
    }

    /// Whether a plan is under way; at the coordinator alone.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !self.steps.is_empty()
    }

    fn set<S: Sink<Self> + ?Sized>(
        &mut self,
        partition: PartitionId,
        holding: Holding,
        cx: &mut Context<'_, Self, S>,
    ) {
        self.holdings.insert(partition, holding);
        cx.persist(Record::Holds(partition, holding));
    }

    /// The owner is to give.
    fn on_give<S: Sink<Self> + ?Sized>(
        &mut self,
        (partition, epoch, to): (PartitionId, u64, NodeId),
        cx: &mut Context<'_, Self, S>,
    ) {
        let Some(holding) = self.holding(partition) else { return };
        match holding.state {
            State::Serving if epoch > holding.epoch && to != self.me => {
                let frozen = Holding { epoch, state: State::Frozen(to), ..holding };
                mutant!(self.set(partition, frozen, cx), "frozen-in-memory" => {
                    self.holdings.insert(partition, frozen);
                });
                self.offer(partition, cx);
                self.wait(cx);
            }
            // The coordinator has not heard that it is done. While the disk is behind, the first answer still waits for it.
            State::Gone(_) if holding.epoch >= epoch && cx.settled() => {
                // Proof: nothing that was promised is still on its way to the disk, so there is nothing to wait for.
                cx.send(self.config.coordinator, Message::Gave { partition, epoch });
            }
            _ => {}
        }
    }

    /// Offers what is frozen, once that it is frozen is on the disk.
    fn offer<S: Sink<Self> + ?Sized>(&self, partition: PartitionId, cx: &mut Context<'_, Self, S>) {
        if let Some(Holding { epoch, version, state: State::Frozen(to) }) = self.holding(partition) {
            cx.send(to, Message::Take { partition, epoch, version });
        }
    }

    /// Somebody offers a partition.
    fn on_take<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        (partition, epoch, version): (PartitionId, u64, u64),
        cx: &mut Context<'_, Self, S>,
    ) {
        let held = mutant!(
            self.holding(partition),
            "old-offer-taken" => self.holding(partition).filter(|held| held.state == State::Serving)
        );
        let known = held.map_or(0, |holding| holding.epoch);
        // What was taken once, and perhaps given away since, is not taken again: this epoch is over.
        if known >= epoch {
            // While the disk is behind, an answer waits already: a second one would only pile up.
            if cx.settled() {
                // Proof: nothing that was promised is still on its way to the disk, so there is nothing to wait for.
                cx.send(from, Message::Taken { partition, epoch });
            }
        } else if self.copying.get(&partition).is_none_or(|(under_way, ..)| *under_way < epoch) {
            self.copying.insert(partition, (epoch, from, version));
            cx.job(Job::Copy { partition, epoch, from });
        }
    }

    fn on_copied<S: Sink<Self> + ?Sized>(
        &mut self,
        partition: PartitionId,
        epoch: u64,
        cx: &mut Context<'_, Self, S>,
    ) {
        let Some((under_way, from, version)) = self.copying.get(&partition).copied() else { return };
        if under_way == epoch {
            self.copying.remove(&partition);
            self.set(partition, Holding { epoch, version, state: State::Serving }, cx);
            cx.send(from, Message::Taken { partition, epoch });
        }
    }

    /// The new owner has it.
    fn on_taken<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        (partition, epoch): (PartitionId, u64),
        cx: &mut Context<'_, Self, S>,
    ) {
        let Some(holding) = self.holding(partition) else { return };
        let asked = mutant!(holding.epoch == epoch, "let-go-at-any-answer" => true);
        if holding.state == State::Frozen(from) && asked {
            self.set(partition, Holding { state: State::Gone(from), ..holding }, cx);
            // Proof: the new owner has it on its disk, which is all that this says. Who forgets that it let go offers again.
            cx.send(self.config.coordinator, Message::Gave { partition, epoch });
        }
    }

    fn admit<S: Sink<Self> + ?Sized>(
        &mut self,
        partition: PartitionId,
        token: u64,
        cx: &mut Context<'_, Self, S>,
    ) {
        match self.holding(partition) {
            Some(holding) if holding.state == State::Serving => {
                let version = holding.version + 1;
                let written = Holding { version, ..holding };
                mutant!(self.set(partition, written, cx), "write-in-memory" => {
                    self.holdings.insert(partition, written);
                });
                cx.emit(Event::Admitted { partition, token, epoch: holding.epoch, version });
            }
            // Early: hints promise nothing.
            Some(Holding { epoch, state: State::Frozen(to) | State::Gone(to), .. }) => {
                cx.emit_early(Event::Moved { partition, token, to, epoch });
            }
            _ => match self.config.initial.get(&partition) {
                Some(to) => cx.emit_early(Event::Moved { partition, token, to: *to, epoch: 0 }),
                None => cx.emit_early(Event::Unknown { partition, token }),
            },
        }
    }

    /// Repeats what is unanswered.
    pub(super) fn repeat<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if cx.settled() {
            let frozen: BTreeSet<PartitionId> = self.frozen().collect();
            frozen.into_iter().for_each(|partition| self.offer(partition, cx));
            self.ask(cx);
        }
        self.wait(cx);
    }

    fn frozen(&self) -> impl Iterator<Item = PartitionId> {
        let is_frozen = |(partition, holding): (PartitionId, Holding)| match holding.state {
            State::Frozen(_) => Some(partition),
            _ => None,
        };
        self.holdings().filter_map(is_frozen)
    }

    /// Arms the timer while something is unanswered.
    pub(super) fn wait<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if !self.armed && (self.is_busy() || self.frozen().next().is_some()) {
            self.armed = true;
            cx.arm((), self.config.patience);
        }
    }

    fn rewrite<S: Sink<Self> + ?Sized>(&self, below: Lsn, cx: &mut Context<'_, Self, S>) {
        let map = self.map.iter().map(|(partition, (owner, epoch))| (*partition, *owner, *epoch));
        let whole = Record::Whole(self.holdings().collect(), map.collect(), self.steps.clone());
        let at = cx.persist(whole);
        // What was just written stays, whatever was asked for.
        cx.release(Lsn(below.min(at).0.saturating_sub(1)));
    }

    fn on_message<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        message: Message,
        cx: &mut Context<'_, Self, S>,
    ) {
        match message {
            Message::Give { partition, epoch, to } if from == self.config.coordinator => {
                self.on_give((partition, epoch, to), cx);
            }
            Message::Give { .. } => {}
            Message::Take { partition, epoch, version } => {
                self.on_take(from, (partition, epoch, version), cx);
            }
            Message::Taken { partition, epoch } => self.on_taken(from, (partition, epoch), cx),
            Message::Gave { partition, epoch } => self.on_gave(from, partition, epoch, cx),
        }
    }
}

impl Protocol for Handoff {
    type Message = Message;
    type Record = Record;
    type Command = Command;
    type Event = Event;
    type Timer = ();
    type Job = Job;
    type Done = Done;
    type Error = RecoverError;

    fn recover(&mut self, _: Lsn, record: Recovered<Record>) -> Result<(), RecoverError> {
        let Recovered::Intact(record) = record else { return Err(RecoverError::Damaged) };
        match record {
            Record::Holds(partition, holding) => drop(self.holdings.insert(partition, holding)),
            Record::Begun(steps) => self.steps = steps,
            Record::Owned(partition, owner, epoch) => self.note(partition, owner, epoch),
            Record::Whole(holdings, map, steps) => {
                self.holdings = holdings.into_iter().collect();
                self.map =
                    map.into_iter().map(|(partition, owner, epoch)| (partition, (owner, epoch))).collect();
                self.steps = steps;
            }
        }
        Ok(())
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Start { .. } => self.start(cx),
            Input::Timer(()) => {
                self.armed = false;
                self.repeat(cx);
            }
            Input::Message(from, message) => self.on_message(from, message, cx),
            Input::Command(Command::Begin { steps }) => self.begin(steps, cx),
            Input::Command(Command::Admit { partition, token }) => self.admit(partition, token, cx),
            Input::Done(Done::Copied { partition, epoch }) => self.on_copied(partition, epoch, cx),
            Input::Rewrite(below) => self.rewrite(below, cx),
            Input::Link(..) | Input::Flush => {}
        }
    }

    fn wants_flush(&self) -> bool {
        false
    }

    fn lane(_: &Message) -> Lane {
        Lane::Control
    }
}
