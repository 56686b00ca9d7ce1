//! Rounds, and the leases that rest on them: who can say without asking that nobody else leads.
//!
//! Two kinds of lease, both without any clock that agrees with another: all that is relied on is that no clock's *rate* is off by
//! more than [`Config::clock_drift_ppm_max`](crate::Config::clock_drift_ppm_max).
//!
//! * **The leader's lease** (section 6.4.1 of Ongaro's thesis). Whoever echoes a round has promised not to vote for another for
//!   the shortest election timeout. The promise is kept apart from loyalty, because it must outlive what ends loyalty: a later
//!   term that is heard of, and a restart.
//! * **The log is the lease** (Davis, Guo, Demirbas et al., "LeaseGuard: Raft Leases Done Right", 2025). Votes are free; but a
//!   new leader commits nothing until as much time has passed since the last entry of its predecessors as they were allowed
//!   to serve reads after it. The age of that entry is counted from its arrival, which needs no synchronised clocks.

use crate::{Config, Index, LeaseStatus, Raft, Role, Timer};
use alloc::collections::VecDeque;
use core::time::Duration;
use synod_core::{Context, NodeId, Sink, Time, mutant};

/// Rounds whose beginning is remembered. More are not under way unless echoes come very late, and then the newest matter.
const ROUNDS_MAX: usize = 16;

/// How many moments of the guard's span are remembered: a lease may be this part of it shorter than it could be.
const MARKS: u32 = 16;

/// The leader's lease, from both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Lease {
    /// Leader: the rounds that no quorum has echoed yet, and when they were begun.
    begun: VecDeque<(u64, Time)>,
    /// Leader: when the last round was begun that a quorum has echoed.
    from: Option<Time>,
    /// Leader: somebody was told to campaign against the promises, and may do so however late: no lease in this term any more.
    pub(crate) revoked: bool,
    /// No vote for anybody else than `promised_to` until then.
    promised_until: Time,
    /// `None`: to a leader that a restart has made forget.
    promised_to: Option<NodeId>,
}

/// The lease that is the log, from both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Guard {
    /// When the last entry came into this log, by itself or in a snapshot; after a restart, the start.
    last_entry_at: Time,
    /// Leader: nothing is committed before.
    held_until: Time,
    /// Leader: when some of its entries were made that are not committed yet.
    marks: VecDeque<(Index, Time)>,
    /// Leader: when the newest of those was made that are committed.
    from: Option<Time>,
}

impl Raft {
    /// Begins a round: what was echoed before does not count for it.
    pub(crate) fn begin_round(&mut self, now: Time) -> u64 {
        self.round += 1;
        if self.config.leases {
            if self.lease.begun.len() >= ROUNDS_MAX {
                self.lease.begun.pop_front();
            }
            self.lease.begun.push_back((self.round, now));
        }
        self.round
    }

    /// Voters have echoed rounds: what does a quorum of them confirm?
    pub(crate) fn on_echo<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if self.role != Role::Leader || (self.lease.begun.is_empty() && !self.awaits_echoes()) {
            return;
        }
        let round = self.confirmed_round();
        while let Some((_, began)) = self.lease.begun.front().copied().filter(|(begun, _)| *begun <= round) {
            self.lease.begun.pop_front();
            self.lease.from = Some(mutant!(began, "lease-from-the-echo" => cx.now()));
        }
        self.confirm_reads(round, cx);
    }

    /// The last round that a quorum has echoed: any other leader needs a vote of one of these. No allocation.
    fn confirmed_round(&self) -> u64 {
        self.seats.echoed(|place| {
            if self.seats.all.get(place) == Some(&self.config.id) {
                return self.round;
            }
            self.trusted(place).map_or(0, |progress| progress.round)
        })
    }

    /// What nobody may do: a planted bug.
    #[cfg(synod_mutants)]
    pub(crate) fn renew_lease(&mut self, now: Time) {
        self.lease.from = Some(now);
    }

    /// Whether nobody else can have been elected, by the promises that were made to this leader.
    pub(crate) fn lease_holds(&self, now: Time) -> bool {
        let span = mutant!(
            self.config.shrunk(self.config.election_timeout_min),
            "lease-without-drift" => self.config.election_timeout_min,
        );
        self.config.leases
            && mutant!(!self.lease.revoked && self.handover.transfer.is_none(), "lease-survives-transfer" => true)
            && self.lease.from.is_some_and(|from| now < from + span)
    }

    /// Whether this node leads, and at this moment of its own clock its lease says that nobody else does in a later term; see
    /// [`Config::leases`](crate::Config::leases). O(1).
    #[must_use]
    pub fn holds_lease(&self, now: Time) -> bool {
        self.role == Role::Leader && self.lease_holds(now)
    }

    /// The same of the log that is a lease: nobody else has committed an entry of a later term; see
    /// [`Config::lease_guard`](crate::Config::lease_guard). O(1).
    #[must_use]
    pub fn holds_guard(&self, now: Time) -> bool {
        self.role == Role::Leader && self.guard_holds(now)
    }

    /// What an operator may ask.
    pub(crate) fn lease_status(&self) -> LeaseStatus {
        let leads = self.role == Role::Leader;
        let revoked = self.lease.revoked || self.handover.transfer.is_some();
        let until = self.lease.from.filter(|_| leads && self.config.leases && !revoked);
        let guard = self.guard.from.zip(self.config.lease_guard).filter(|_| leads);
        let some = |time: Time| (time > Time::ZERO).then_some(time);
        LeaseStatus {
            until: until.map(|from| from + self.config.shrunk(self.config.election_timeout_min)),
            guard_until: guard.map(|(from, span)| from + span),
            commits_held_until: some(self.guard.held_until).filter(|_| leads),
            promised_until: some(self.lease.promised_until),
        }
    }

    /// Follower: the leader was heard, and what it is answered renews its lease.
    pub(crate) fn promise<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if self.config.leases {
            self.lease.promised_to = self.leader;
            self.lease.promised_until = cx.now() + self.config.election_timeout_min;
        }
    }

    /// After a restart: there may be a promise that is not remembered.
    pub(crate) fn promise_after_restart<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        mutant!(self.promise(cx), "promise-lost-in-restart" => ());
        self.guard.last_entry_at = if self.config.lease_guard.is_some() { cx.now() } else { Time::ZERO };
    }

    /// Whether a promise keeps this node from voting for `candidate`.
    pub(crate) fn has_promised_against<S: Sink<Self> + ?Sized>(
        &self,
        candidate: NodeId,
        cx: &Context<'_, Self, S>,
    ) -> bool {
        self.config.leases
            && cx.now() < self.lease.promised_until
            && self.lease.promised_to != Some(candidate)
    }

    /// How long this node's promise lasts yet.
    pub(crate) fn promised_for<S: Sink<Self> + ?Sized>(&self, cx: &Context<'_, Self, S>) -> Duration {
        self.lease.promised_until.since(cx.now())
    }

    /// Ceases to lead, or begins to.
    pub(crate) fn forget_leases(&mut self) {
        self.lease.begun.clear();
        self.lease.from = None;
        self.lease.revoked = false;
        self.guard.held_until = Time::ZERO;
        self.guard.marks.clear();
        self.guard.from = None;
    }

    /// Entries came into the log, this leader's own or another's.
    pub(crate) fn guard_entry<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let Some(span) = self.config.lease_guard else { return };
        self.date_last_entry(cx.now());
        if self.role == Role::Leader {
            let due = |&(_, made): &(Index, Time)| cx.now().since(made) >= span / MARKS;
            if self.guard.marks.back().is_none_or(due) {
                if self.guard.marks.len() >= 2 * MARKS as usize {
                    self.guard.marks.pop_front();
                }
                self.guard.marks.push_back((self.log.last().index, cx.now()));
            }
        }
    }

    /// The log ends with something that has just come. How old that is nobody knows, so it counts as new.
    pub(crate) fn date_last_entry(&mut self, now: Time) {
        if self.config.lease_guard.is_some() {
            self.guard.last_entry_at = now;
        }
    }

    /// Begins to lead: until when may a predecessor serve reads?
    pub(crate) fn begin_guard<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let Some(span) = self.config.lease_guard else { return };
        self.guard.held_until = mutant!(self.guard.last_entry_at + self.config.stretched(span), "guard-not-awaited" => Time::ZERO);
        let rest = self.guard.held_until.since(cx.now());
        if !rest.is_zero() {
            cx.arm(Timer::Guard, rest);
        }
    }

    /// The wait should be over. A timer may be a little early by the clock that counts; then it waits for the rest.
    pub(crate) fn on_guard_timer<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let rest = self.guard.held_until.since(cx.now());
        if self.role == Role::Leader && !rest.is_zero() {
            return cx.arm(Timer::Guard, rest);
        }
        self.advance_commit(cx);
    }

    /// Whether a predecessor may still serve reads, so that nothing may be committed.
    pub(crate) fn commits_are_held<S: Sink<Self> + ?Sized>(&self, cx: &Context<'_, Self, S>) -> bool {
        self.config.lease_guard.is_some() && cx.now() < self.guard.held_until
    }

    /// The leader has committed: the entries up to there carry its lease.
    pub(crate) fn extend_guard(&mut self) {
        while let Some((_, made)) =
            self.guard.marks.front().copied().filter(|(index, _)| *index <= self.commit)
        {
            self.guard.marks.pop_front();
            self.guard.from = Some(made);
        }
    }

    /// Whether nobody else can have committed anything, by the age of the last entry that this leader has committed.
    pub(crate) fn guard_holds(&self, now: Time) -> bool {
        match (self.config.lease_guard, self.guard.from) {
            (Some(span), Some(from)) => now < from + mutant!(span, "guard-outlives-itself" => span * 4),
            _ => false,
        }
    }
}

impl Config {
    /// What `span` on another clock is at least on this one, when both may be off: one is slow and the other fast.
    pub(crate) fn shrunk(&self, span: Duration) -> Duration {
        let drift = u128::from(self.clock_drift_ppm_max);
        nanos(span.as_nanos() * (1_000_000 - drift.min(1_000_000)) / (1_000_000 + drift))
    }

    /// What `span` on another clock is at most on this one.
    pub(crate) fn stretched(&self, span: Duration) -> Duration {
        let drift = u128::from(self.clock_drift_ppm_max);
        nanos((span.as_nanos() * (1_000_000 + drift)).div_ceil((1_000_000 - drift.min(999_999)).max(1)))
    }
}

fn nanos(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
