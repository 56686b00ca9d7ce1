//! Composition: a parent protocol hosts a child without buffers.

use crate::{Effect, Lane, Lsn, Peers, Protocol, Sink};
use core::time::Duration;

/// A place for a child protocol inside a parent: says how the child's words become the parent's.
///
/// It is a *value*, not a trait on the child's types, so that one parent can hold many children of one type
/// (`Group(7)`, `Group(8)`) and the child never knows. All groups then share one transport and one log.
///
/// A child's event goes wherever [`event`](Slot::event) puts it: on to the parent's application, or into a buffer that
/// the slot borrows from the parent, which consumes it after the step together with the position it waits for.
pub trait Slot<C: Protocol> {
    /// The protocol that hosts the child.
    type Parent: Protocol;

    /// Wraps a message.
    fn message(&self, message: C::Message) -> <Self::Parent as Protocol>::Message;

    /// Wraps a record.
    fn record(&self, record: C::Record) -> <Self::Parent as Protocol>::Record;

    /// Wraps the name of a timer.
    fn timer(&self, timer: C::Timer) -> <Self::Parent as Protocol>::Timer;

    /// Wraps a job.
    fn job(&self, job: C::Job) -> <Self::Parent as Protocol>::Job;

    /// Takes an event of the child, which holds once the log is durable up to `after`.
    fn event<S: Sink<Self::Parent> + ?Sized>(&mut self, event: C::Event, after: Lsn, sink: &mut S);

    /// The child needs nothing up to `upto` any more, once the log is durable up to `after`. Returns the same pair for the
    /// parent as a whole, if it can give anything back: see [`Floors`](crate::Floors).
    fn release(&mut self, upto: Lsn, after: Lsn) -> Option<(Lsn, Lsn)>;

    /// Takes a message of the child, which may leave once the log is durable up to `after`. The default wraps it and passes it on.
    /// A parent that sends the messages of many children together keeps it instead, and sends it later, waiting for no less.
    fn send<S: Sink<Self::Parent> + ?Sized>(
        &mut self,
        to: Peers,
        message: C::Message,
        after: Lsn,
        lane: Lane,
        sink: &mut S,
    ) {
        sink.send(to, self.message(message), after, lane);
    }

    /// The child arms a timer. The default arms one of the parent's. A parent that keeps the time of many children itself, so that
    /// its driver need not, keeps the name and the span instead.
    fn arm<S: Sink<Self::Parent> + ?Sized>(&mut self, timer: C::Timer, after: Duration, sink: &mut S) {
        sink.arm(self.timer(timer), after);
    }

    /// The child disarms a timer: see [`arm`](Slot::arm).
    fn disarm<S: Sink<Self::Parent> + ?Sized>(&mut self, timer: C::Timer, sink: &mut S) {
        sink.disarm(self.timer(timer));
    }
}

/// The sink that a child sees: wraps every effect and hands it to the parent's sink.
pub struct Lift<'a, L, S: ?Sized> {
    slot: &'a mut L,
    sink: &'a mut S,
}

impl<'a, L, S: ?Sized> Lift<'a, L, S> {
    pub(crate) fn new(slot: &'a mut L, sink: &'a mut S) -> Self {
        Self { slot, sink }
    }
}

impl<C, L, S> Sink<C> for Lift<'_, L, S>
where
    C: Protocol,
    L: Slot<C>,
    S: Sink<L::Parent> + ?Sized,
{
    fn accept(&mut self, effect: Effect<C>) {
        match effect {
            Effect::Send { to, message, after, lane } => Sink::<C>::send(self, to, message, after, lane),
            Effect::Emit { event, after } => Sink::<C>::emit(self, event, after),
            Effect::Persist { record, forced } => Sink::<C>::persist(self, record, forced),
            Effect::Arm { timer, after } => Sink::<C>::arm(self, timer, after),
            Effect::Disarm(timer) => Sink::<C>::disarm(self, timer),
            Effect::Release { upto, after } => {
                if let Some((upto, after)) = self.slot.release(upto, after) {
                    self.sink.accept(Effect::Release { upto, after });
                }
            }
            Effect::Job(job) => {
                let job = self.slot.job(job);
                self.sink.accept(Effect::Job(job));
            }
            Effect::Peer(change) => self.sink.accept(Effect::Peer(change)),
        }
    }

    fn send(&mut self, to: Peers, message: C::Message, after: Lsn, lane: Lane) {
        self.slot.send(to, message, after, lane, self.sink);
    }

    fn emit(&mut self, event: C::Event, after: Lsn) {
        self.slot.event(event, after, self.sink);
    }

    fn persist(&mut self, record: C::Record, forced: bool) {
        self.sink.persist(self.slot.record(record), forced);
    }

    fn arm(&mut self, timer: C::Timer, after: Duration) {
        self.slot.arm(timer, after, self.sink);
    }

    fn disarm(&mut self, timer: C::Timer) {
        self.slot.disarm(timer, self.sink);
    }
}
