//! The time of all groups, for a driver that is asked for one timer.

use crate::{GroupId, Timer};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use synod_core::Time;

/// When which group has something to do. A group is in the queue once, at a time no later than its next timer: one that is
/// put off, as an election is at every heartbeat, costs nothing until its old time has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Wheel {
    queue: BTreeSet<(Time, GroupId)>,
}

/// The timers of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Alarms {
    /// Few: two run at most times.
    armed: Vec<(Timer, Time)>,
    /// Where the group stands in the queue.
    queued: Option<Time>,
}

impl Wheel {
    /// The time of the first.
    pub(super) fn next(&self) -> Option<Time> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// Arms a timer of a group, in place of the one of this name.
    pub(super) fn arm(&mut self, group: GroupId, alarms: &mut Alarms, timer: Timer, at: Time) {
        match alarms.armed.iter_mut().find(|(name, _)| *name == timer) {
            Some((_, old)) => *old = at,
            None => alarms.armed.push((timer, at)),
        }
        self.queue(group, alarms, at);
    }

    fn queue(&mut self, group: GroupId, alarms: &mut Alarms, at: Time) {
        if alarms.queued.is_none_or(|queued| at < queued) {
            self.forget(group, alarms);
            self.queue.insert((at, group));
            alarms.queued = Some(at);
        }
    }

    /// Takes the first group whose time has come out of the queue; [`Wheel::back`] puts it there again.
    pub(super) fn due(&mut self, now: Time) -> Option<GroupId> {
        let (at, group) = *self.queue.first()?;
        (at <= now).then(|| {
            self.queue.pop_first();
            group
        })
    }

    /// The timers of the group that were due have been seen to.
    pub(super) fn back(&mut self, group: GroupId, alarms: &mut Alarms) {
        if let Some(at) = alarms.armed.iter().map(|(_, at)| *at).min() {
            self.queue(group, alarms, at);
        }
    }

    /// Takes a group out of the queue.
    pub(super) fn forget(&mut self, group: GroupId, alarms: &mut Alarms) {
        if let Some(queued) = alarms.queued.take() {
            self.queue.remove(&(queued, group));
        }
    }
}

impl Alarms {
    /// The first timer that is due. It is disarmed.
    pub(super) fn take(&mut self, now: Time) -> Option<Timer> {
        let due = self.armed.iter().filter(|(_, at)| *at <= now);
        let (timer, _) = *due.min_by_key(|(timer, at)| (*at, *timer))?;
        self.disarm(timer);
        Some(timer)
    }

    /// The group is not in the queue any more.
    pub(super) fn unqueued(&mut self) {
        self.queued = None;
    }

    pub(super) fn disarm(&mut self, timer: Timer) {
        self.armed.retain(|(name, _)| *name != timer);
    }

    /// Whether none but these run.
    pub(super) fn none_but(&self, timers: &[Timer]) -> bool {
        self.armed.iter().all(|(timer, _)| timers.contains(timer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_fires_when_it_was_last_armed_for_and_never_when_it_was_disarmed() {
        let (mut wheel, mut alarms, group) = (Wheel::default(), Alarms::default(), GroupId(7));
        wheel.arm(group, &mut alarms, Timer::Election, Time(10));
        wheel.arm(group, &mut alarms, Timer::Election, Time(30));
        wheel.arm(group, &mut alarms, Timer::Reads, Time(20));
        alarms.disarm(Timer::Reads);
        let mut fired = alloc::vec![];
        for now in (0..50).map(Time) {
            while let Some(due) = wheel.due(now) {
                assert_eq!(due, group);
                alarms.unqueued();
                while let Some(timer) = alarms.take(now) {
                    fired.push((now, timer));
                }
                wheel.back(group, &mut alarms);
            }
        }
        assert_eq!(fired, [(Time(30), Timer::Election)]);
        assert_eq!(wheel.next(), None);
    }
}
