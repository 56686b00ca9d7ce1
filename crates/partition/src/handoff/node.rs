//! A node: what it holds, freezes, offers and takes.

use super::{
    Command, Config, Done, Event, Handover, Holding, Job, Message, Record, RecoverError, State, VERSION_MAX,
};
use crate::{EPOCH_MAX, PartitionId};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use synod_core::{Context, Input, Lane, Lsn, NodeId, Protocol, Recovered, Sink, mutant};

/// One node. It is a [`Protocol`]: a driver feeds it inputs and carries out its effects. The methods here only look.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Handoff {
    pub(super) me: NodeId,
    pub(super) config: Config,
    pub(super) holdings: BTreeMap<PartitionId, Holding>,
    /// What is being copied here. Lost in a crash.
    copying: BTreeMap<PartitionId, Copying>,
    /// At the coordinator: who owns what.
    pub(super) map: BTreeMap<PartitionId, (NodeId, u64)>,
    /// At the coordinator: the steps that are not done.
    pub(super) steps: Vec<Vec<Handover>>,
    /// At the coordinator: whether what is left of them is to be undone.
    pub(super) aborting: bool,
    /// Whether the timer runs.
    armed: bool,
}

/// A copy under way, or one that failed: then the next offer of its epoch, and of no earlier one, begins it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Copying {
    epoch: u64,
    from: NodeId,
    version: u64,
    failed: bool,
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
        let (copying, steps) = (BTreeMap::new(), Vec::new());
        Self { me, config, holdings, copying, map, steps, aborting: false, armed: false }
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

    /// Who owns what, and since which epoch, as far as the coordinator has heard; nothing elsewhere.
    pub fn owners(&self) -> impl Iterator<Item = (PartitionId, NodeId, u64)> {
        self.map.iter().map(|(partition, (owner, epoch))| (*partition, *owner, *epoch))
    }

    /// Whether a plan is under way, or being aborted; at the coordinator alone.
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
            State::Gone(_) if holding.epoch == epoch && cx.settled() => {
                // Proof: nothing that was promised is still on its way to the disk, so there is nothing to wait for.
                cx.send(self.config.coordinator, Message::Gave { partition, epoch });
            }
            _ => {}
        }
    }

    /// The owner is to keep it after all: it thaws, above the epoch of the offer, so that nobody who is ready at that can be told
    /// any more that it is his.
    fn on_keep<S: Sink<Self> + ?Sized>(
        &mut self,
        (partition, epoch): (PartitionId, u64),
        cx: &mut Context<'_, Self, S>,
    ) {
        let Some(holding) = self.holding(partition) else { return };
        let coordinator = self.config.coordinator;
        match holding.state {
            State::Serving | State::Frozen(_) if holding.epoch < epoch => {
                self.set(partition, Holding { epoch, state: State::Serving, ..holding }, cx);
                cx.send(coordinator, Message::Kept { partition, epoch });
            }
            // The coordinator has not heard. While the disk is behind, the first answer still waits for it.
            State::Serving if holding.epoch == epoch && cx.settled() => {
                // Proof: nothing that was promised is still on its way to the disk, so there is nothing to wait for.
                cx.send(coordinator, Message::Kept { partition, epoch });
            }
            // Too late: it has let go.
            State::Gone(_) if holding.epoch.checked_add(1) == Some(epoch) && cx.settled() => {
                // Proof: nothing that was promised is still on its way to the disk, so there is nothing to wait for.
                cx.send(coordinator, Message::Gave { partition, epoch: holding.epoch });
            }
            _ => {}
        }
    }

    /// Says again what was not answered: offers what is frozen, once that it is frozen is on the disk; says to be ready.
    fn offer<S: Sink<Self> + ?Sized>(&self, partition: PartitionId, cx: &mut Context<'_, Self, S>) {
        let Some(Holding { epoch, version, state }) = self.holding(partition) else { return };
        match state {
            State::Frozen(to) => cx.send(to, Message::Take { partition, epoch, version }),
            State::Ready(from) => cx.send(from, Message::Taken { partition, epoch }),
            State::Serving | State::Gone(_) => {}
        }
    }

    /// Somebody offers a partition.
    fn on_take<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        (partition, epoch, version): (PartitionId, u64, u64),
        cx: &mut Context<'_, Self, S>,
    ) {
        if epoch > EPOCH_MAX || version > VERSION_MAX {
            return cx.emit_early(Event::Implausible { partition, from });
        }
        let known = self.holding(partition);
        if known.is_some_and(|holding| holding.epoch >= epoch) {
            // What was taken once, and perhaps given away since, is not taken again: this epoch is over. While the disk is behind, an
            // answer waits already: a second one would only pile up.
            let ready = |held: Holding| held.state == State::Ready(from) && held.epoch == epoch;
            if known.is_some_and(ready) && cx.settled() {
                // Proof: nothing that was promised is still on its way to the disk, so there is nothing to wait for.
                cx.send(from, Message::Taken { partition, epoch });
            }
            return;
        }
        let begins =
            |under_way: &Copying| under_way.epoch < epoch || under_way.epoch == epoch && under_way.failed;
        if self.copying.get(&partition).is_none_or(begins) {
            self.copying.insert(partition, Copying { epoch, from, version, failed: false });
            cx.job(Job::Copy { partition, epoch, from });
        }
    }

    fn on_copied<S: Sink<Self> + ?Sized>(
        &mut self,
        partition: PartitionId,
        epoch: u64,
        cx: &mut Context<'_, Self, S>,
    ) {
        let copying = self.copying.get(&partition).copied();
        if let Some(Copying { from, version, .. }) = copying.filter(|under_way| under_way.epoch == epoch) {
            self.copying.remove(&partition);
            self.set(partition, Holding { epoch, version, state: State::Ready(from) }, cx);
            self.offer(partition, cx);
            self.wait(cx);
        }
    }

    fn on_failed(&mut self, partition: PartitionId, epoch: u64) {
        if let Some(under_way) = self.copying.get_mut(&partition)
            && under_way.epoch == epoch
        {
            under_way.failed = true;
        }
    }

    /// The new owner has the data.
    fn on_taken<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        (partition, epoch): (PartitionId, u64),
        cx: &mut Context<'_, Self, S>,
    ) {
        let Some(holding) = self.holding(partition) else { return };
        let asked = mutant!(holding.epoch == epoch, "let-go-at-any-answer" => true);
        match holding.state {
            State::Frozen(to) if to == from && asked => {
                self.set(partition, Holding { state: State::Gone(from), ..holding }, cx);
                cx.send(from, Message::Yours { partition, epoch });
                cx.send(self.config.coordinator, Message::Gave { partition, epoch });
            }
            // It has not heard. While the disk is behind, the first answer still waits for it.
            State::Gone(to) if to == from && holding.epoch == epoch && cx.settled() => {
                // Proof: nothing that was promised is still on its way to the disk, so there is nothing to wait for.
                cx.send(from, Message::Yours { partition, epoch });
            }
            // Who was told that it is his has it on his disk before this node can have it again, at a higher epoch. So who is still
            // ready at a lower one was never told.
            _ if holding.epoch > epoch && cx.settled() => {
                // Proof: nothing that was promised is still on its way to the disk, so there is nothing to wait for.
                cx.send(from, Message::Withdrawn { partition, epoch });
            }
            _ => {}
        }
    }

    /// The old owner has let go, or has withdrawn its offer.
    fn on_answer<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        (partition, epoch): (PartitionId, u64),
        state: State,
        cx: &mut Context<'_, Self, S>,
    ) {
        let Some(holding) = self.holding(partition) else { return };
        if holding.state == State::Ready(from) && holding.epoch == epoch {
            self.set(partition, Holding { state, ..holding }, cx);
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
                if holding.version >= VERSION_MAX {
                    return cx.emit_early(Event::Exhausted { partition, token });
                }
                let version = holding.version + 1;
                let written = Holding { version, ..holding };
                mutant!(self.set(partition, written, cx), "write-in-memory" => {
                    self.holdings.insert(partition, written);
                });
                cx.emit(Event::Admitted { partition, token, epoch: holding.epoch, version });
            }
            // Early: hints promise nothing.
            Some(Holding {
                epoch, state: State::Frozen(to) | State::Gone(to) | State::Ready(to), ..
            }) => {
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
            self.unanswered().for_each(|partition| self.offer(partition, cx));
            self.ask(cx);
        }
        self.wait(cx);
    }

    /// Partitions on their way, here or away.
    fn unanswered(&self) -> impl Iterator<Item = PartitionId> {
        let waits = |holding: &Holding| matches!(holding.state, State::Frozen(_) | State::Ready(_));
        self.holdings().filter(move |(_, holding)| waits(holding)).map(|(partition, _)| partition)
    }

    /// Arms the timer while something is unanswered.
    pub(super) fn wait<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if !self.armed && (self.is_busy() || self.unanswered().next().is_some()) {
            self.armed = true;
            cx.arm((), self.config.patience);
        }
    }

    fn rewrite<S: Sink<Self> + ?Sized>(&self, below: Lsn, cx: &mut Context<'_, Self, S>) {
        let map = self.map.iter().map(|(partition, (owner, epoch))| (*partition, *owner, *epoch));
        let whole = Record::Whole(self.holdings().collect(), map.collect(), self.steps.clone());
        let at = cx.persist(whole);
        if self.aborting {
            cx.persist(Record::Aborting);
        }
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
            Message::Keep { partition, epoch } if from == self.config.coordinator => {
                self.on_keep((partition, epoch), cx);
            }
            Message::Give { .. } | Message::Keep { .. } => {}
            Message::Take { partition, epoch, version } => {
                self.on_take(from, (partition, epoch, version), cx);
            }
            Message::Taken { partition, epoch } => self.on_taken(from, (partition, epoch), cx),
            Message::Yours { partition, epoch } => {
                self.on_answer(from, (partition, epoch), State::Serving, cx);
            }
            Message::Withdrawn { partition, epoch } => {
                self.on_answer(from, (partition, epoch), State::Gone(from), cx);
            }
            Message::Gave { partition, epoch } => self.on_gave(from, (partition, epoch), cx),
            Message::Kept { partition, epoch } => self.on_kept(from, (partition, epoch), cx),
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
            Record::Aborting => self.give_up(),
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
            Input::Command(Command::Abort) => self.abort(cx),
            Input::Command(Command::Admit { partition, token }) => self.admit(partition, token, cx),
            Input::Done(Done::Copied { partition, epoch }) => self.on_copied(partition, epoch, cx),
            Input::Done(Done::Failed { partition, epoch }) => self.on_failed(partition, epoch),
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
