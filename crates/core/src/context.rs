//! What a step may know and how it speaks.

use crate::mutant::barrier;
use crate::slot::Lift;
use crate::{Entropy, Lsn, NodeId, PeerChange, Peers, Protocol, Sink, Slot, Time, WallInterval};
use core::marker::PhantomData;
use core::time::Duration;

/// Where and when a step happens: the facts that the driver vouches for during one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Moment {
    /// The node on which the step runs.
    pub me: NodeId,
    /// The node's monotonic clock.
    pub now: Time,
    /// The wall clock, where its error is bounded.
    pub wall: Option<WallInterval>,
    /// The log is durable up to here.
    pub durable: Lsn,
}

/// The two ends of the log that a driver keeps for a node.
///
/// `end` numbers the records of the whole node. `promised` is the last *forced* record of one protocol: what its
/// sends and emits wait for. Each composed protocol has a `promised` of its own, so that one group never waits for
/// another's records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tail {
    /// The position of the last record that was appended on this node.
    pub end: Lsn,
    /// The position of the last forced record of the protocol that is stepped.
    pub promised: Lsn,
}

/// Handed to every step: facts in, effects out.
pub struct Context<'a, P: Protocol, S: Sink<P> + ?Sized> {
    moment: Moment,
    end: &'a mut Lsn,
    promised: &'a mut Lsn,
    entropy: &'a mut dyn Entropy,
    sink: &'a mut S,
    protocol: PhantomData<fn(P)>,
}

impl<'a, P: Protocol, S: Sink<P> + ?Sized> Context<'a, P, S> {
    /// For drivers: the context of one step.
    pub fn new(moment: Moment, tail: &'a mut Tail, entropy: &'a mut dyn Entropy, sink: &'a mut S) -> Self {
        let Tail { end, promised } = tail;
        Self { moment, end, promised, entropy, sink, protocol: PhantomData }
    }

    /// This node.
    #[must_use]
    pub fn me(&self) -> NodeId {
        self.moment.me
    }

    /// The monotonic clock of this node.
    #[must_use]
    pub fn now(&self) -> Time {
        self.moment.now
    }

    /// The wall clock, where the driver can bound its error.
    #[must_use]
    pub fn wall(&self) -> Option<WallInterval> {
        self.moment.wall
    }

    /// The log is durable up to here.
    #[must_use]
    pub fn durable(&self) -> Lsn {
        self.moment.durable
    }

    /// Whether everything that this protocol promised is durable: nothing that it sends now will wait.
    #[must_use]
    pub fn settled(&self) -> bool {
        *self.promised <= self.moment.durable
    }

    /// A choice below `bound` (0 where `bound` is 0).
    pub fn below(&mut self, bound: u64) -> u64 {
        self.entropy.below(bound)
    }

    /// Appends a record; the driver starts a sync for it.
    pub fn persist(&mut self, record: P::Record) -> Lsn {
        *self.end = self.end.next();
        *self.promised = *self.end;
        self.sink.persist(record, true);
        *self.end
    }

    /// Appends a record that rides on the next forced one. No promise depends on it: [`send`](Self::send) does not wait
    /// for it (presumed-abort's unforced records, Mohan, Lindsay and Obermarck 1986). Whoever does want to wait uses
    /// [`send_after`](Self::send_after) with the position returned here, and the driver then syncs.
    pub fn persist_lazy(&mut self, record: P::Record) -> Lsn {
        *self.end = self.end.next();
        self.sink.persist(record, false);
        *self.end
    }

    /// Sends once everything that this protocol persisted so far is durable: the safe choice, and free when nothing is
    /// pending. Sent to [`me`](Self::me) it is a promise to oneself, delivered like any message once it holds: this is
    /// how a leader counts its own disk.
    #[cfg_attr(synod_mutants, track_caller)]
    pub fn send(&mut self, to: impl Into<Peers>, message: P::Message) {
        let after = barrier!(*self.promised);
        self.send_after(after, to, message);
    }

    /// Sends once the log is durable up to `after`: waits for less than [`send`](Self::send), on purpose.
    #[cfg_attr(synod_mutants, track_caller)]
    pub fn send_after(&mut self, after: Lsn, to: impl Into<Peers>, message: P::Message) {
        let lane = P::lane(&message);
        self.sink.send(to.into(), message, barrier!(after), lane);
    }

    /// Sends at once. Only for messages that promise nothing which a crash could take back, such as a leader's
    /// AppendEntries; each use owes the reader a reason.
    pub fn send_early(&mut self, to: impl Into<Peers>, message: P::Message) {
        self.send_after(Lsn::ZERO, to, message);
    }

    /// Tells the application once everything that this protocol persisted so far is durable.
    #[cfg_attr(synod_mutants, track_caller)]
    pub fn emit(&mut self, event: P::Event) {
        self.sink.emit(event, barrier!(*self.promised));
    }

    /// Tells the application once the log is durable up to `after`.
    #[cfg_attr(synod_mutants, track_caller)]
    pub fn emit_after(&mut self, after: Lsn, event: P::Event) {
        self.sink.emit(event, barrier!(after));
    }

    /// Tells the application at once: for what does not rest on this node's disk, such as a commit that a quorum has
    /// made durable.
    pub fn emit_early(&mut self, event: P::Event) {
        self.sink.emit(event, Lsn::ZERO);
    }

    /// Arms a timer, in place of whatever was armed under this name.
    pub fn arm(&mut self, timer: P::Timer, after: Duration) {
        self.sink.arm(timer, after);
    }

    /// Disarms a timer: it will not fire late.
    pub fn disarm(&mut self, timer: P::Timer) {
        self.sink.disarm(timer);
    }

    /// Gives back the log up to `upto`, once everything that this protocol persisted so far is durable: the records that made
    /// the older ones superfluous must not be lost together with them.
    #[cfg_attr(synod_mutants, track_caller)]
    pub fn release(&mut self, upto: Lsn) {
        self.sink.accept(crate::Effect::Release { upto, after: barrier!(*self.promised) });
    }

    /// Gives back the log up to `upto`, once it is durable up to `settled`: for a parent that knows from [`Floors`](crate::Floors) what
    /// its children wait for.
    #[cfg_attr(synod_mutants, track_caller)]
    pub fn release_after(&mut self, settled: Lsn, upto: Lsn) {
        self.sink.accept(crate::Effect::Release { upto, after: barrier!(settled) });
    }

    /// Asks the host to work; the answer is [`Input::Done`](crate::Input::Done).
    pub fn job(&mut self, job: P::Job) {
        self.sink.accept(crate::Effect::Job(job));
    }

    /// Asks the transport to serve a peer, or to forget it.
    pub fn peer(&mut self, change: PeerChange) {
        self.sink.accept(crate::Effect::Peer(change));
    }

    /// Runs a child protocol inside this one. `slot` wraps what the child says; `promised` is the child's own tail, kept
    /// by the parent beside the child (start it at [`Lsn::ZERO`]).
    ///
    /// Nothing is buffered: the child's effects stream through the slot into this context's sink.
    pub fn slot<C, L, R>(
        &mut self,
        slot: &mut L,
        promised: &mut Lsn,
        run: impl FnOnce(&mut Context<'_, C, Lift<'_, L, S>>) -> R,
    ) -> R
    where
        C: Protocol,
        L: Slot<C, Parent = P>,
    {
        let mut lift = Lift::new(slot, &mut *self.sink);
        run(&mut Context {
            moment: self.moment,
            end: &mut *self.end,
            promised,
            entropy: &mut *self.entropy,
            sink: &mut lift,
            protocol: PhantomData,
        })
    }
}
