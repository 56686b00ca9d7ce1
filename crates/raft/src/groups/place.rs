//! The place of one group on its node.

use super::message::{Beat, Letter, Message};
use super::outbox::Outbox;
use super::wheel::{Alarms, Wheel};
use super::{Event, Groups, Record, Timer};
use crate::{GroupId, Raft};
use alloc::vec;
use core::time::Duration;
use synod_core::{Floors, Lane, Lsn, Peers, Sink, Slot, Time, mutant};

/// Wraps what a group says: its messages into the outbox, its timers into the wheel, its records into the log.
pub(super) struct Place<'a> {
    pub(super) group: GroupId,
    pub(super) life: u64,
    pub(super) incarnation: u64,
    /// Where the record of the group's creation is: it stands before all that is released.
    pub(super) created: Lsn,
    /// The heartbeats of this step ask the others to rest.
    pub(super) asks: bool,
    pub(super) now: Time,
    pub(super) durable: Lsn,
    /// All heartbeats are sent at multiples of this.
    pub(super) grid: Duration,
    pub(super) outbox: &'a mut Outbox,
    pub(super) wheel: &'a mut Wheel,
    pub(super) alarms: &'a mut Alarms,
    pub(super) floors: &'a mut Floors<Option<GroupId>>,
}

impl Slot<Raft> for Place<'_> {
    type Parent = Groups;

    fn message(&self, message: crate::Message) -> Message {
        Message { incarnation: self.incarnation, letters: vec![(self.group, Letter::Raft(message))] }
    }

    fn record(&self, record: crate::Record) -> Record {
        Record::Raft { group: self.group, life: self.life, record }
    }

    fn timer(&self, _: crate::Timer) -> Timer {
        Timer
    }

    fn job(&self, job: crate::Job) -> (GroupId, crate::Job) {
        (self.group, job)
    }

    fn event<S: Sink<Groups> + ?Sized>(&mut self, event: crate::Event, after: Lsn, sink: &mut S) {
        sink.emit(Event::Raft { group: self.group, event }, after);
    }

    fn release(&mut self, upto: Lsn, after: Lsn) -> Option<(Lsn, Lsn)> {
        let upto = upto.min(Lsn(self.created.0.saturating_sub(1)));
        self.floors.release(Some(self.group), upto, after.max(self.created))
    }

    fn send<S: Sink<Groups> + ?Sized>(
        &mut self,
        to: Peers,
        message: crate::Message,
        after: Lsn,
        lane: Lane,
        _: &mut S,
    ) {
        let waits_for = mutant!(after, "letters-wait-for-nothing" => Lsn::ZERO);
        let letter = match Beat::of(&message).filter(|_| self.asks) {
            Some(beat) => Letter::Rest(beat),
            None => Letter::Raft(message),
        };
        self.outbox.push(&to, (lane, waits_for, self.durable), self.group, letter);
    }

    fn arm<S: Sink<Groups> + ?Sized>(&mut self, timer: crate::Timer, after: Duration, _: &mut S) {
        let mut at = self.now + after;
        if timer == crate::Timer::Heartbeat {
            // Rather a little early than alone: what all groups have to say to a node leaves as one message.
            let grid = u64::try_from(self.grid.as_nanos()).unwrap_or(u64::MAX).max(1);
            let aligned = Time(at.0 - at.0 % grid);
            if aligned > self.now {
                at = aligned;
            }
        }
        self.wheel.arm(self.group, self.alarms, timer, at);
    }

    fn disarm<S: Sink<Groups> + ?Sized>(&mut self, timer: crate::Timer, _: &mut S) {
        self.alarms.disarm(timer);
    }
}
