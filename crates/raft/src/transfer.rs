//! Handing over the leadership (section 3.10 of Ongaro's thesis): on command, to a node of higher priority, because the own disk
//! stands still, before a shutdown.

use crate::{Event, Index, Message, Pace, Raft, Role, Standing, Term, Timer, TransferStatus};
use synod_core::{Context, NodeId, Sink, Time, mutant};

/// A leader's claims that failed are ignored the longer the more there were, up to this many doublings.
const DOUBLINGS_MAX: u32 = 6;

/// Why a leader hands over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum TransferCause {
    /// [`Command::Transfer`](crate::Command::Transfer).
    Command,
    /// The other has the higher [`Config::priority`](crate::Config::priority).
    Priority,
    /// The leader's disk has not answered for [`Config::disk_stall_max`](crate::Config::disk_stall_max) (`hashicorp/raft` 503).
    StalledDisk,
    /// [`Command::Resign`](crate::Command::Resign).
    Resignation,
}

/// Why the leadership was not handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransferRefusal {
    /// This node does not lead.
    NotLeader,
    /// The other is not a voter, or not any more, or is this node itself.
    NotAnotherVoter,
    /// The application has named another meanwhile ([`Command::Transfer`](crate::Command::Transfer)).
    Superseded,
    /// The other was not caught up, or not elected, within the shortest election timeout. This node leads on.
    TimedOut,
}

/// Leadership on its way from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Transfer {
    pub(crate) to: NodeId,
    cause: TransferCause,
    /// It was told to campaign.
    told: bool,
}

impl Transfer {
    /// What an operator may ask.
    pub(crate) fn status(self) -> TransferStatus {
        TransferStatus { to: self.to, cause: self.cause, told: self.told }
    }
}

/// What a node remembers about handing over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Handover {
    /// Leader: what is under way.
    pub(crate) transfer: Option<Transfer>,
    /// Leader: an index that its own disk has not reached since this moment.
    stall: Option<(Index, Time)>,
    /// Leader: transfers to a claimant that failed, and claims to ignore.
    failed_claims: u32,
    ignored_claims: u32,
    /// The node is about to stop: it does not campaign any more.
    pub(crate) resigned: bool,
}

impl Raft {
    /// The application wants another node to lead.
    pub(crate) fn on_transfer<S: Sink<Self> + ?Sized>(&mut self, to: NodeId, cx: &mut Context<'_, Self, S>) {
        let refused = if self.role != Role::Leader {
            Some(TransferRefusal::NotLeader)
        } else if to == self.config.id || self.seats.standing(to) != Standing::Voter {
            Some(TransferRefusal::NotAnotherVoter)
        } else {
            None
        };
        if let Some(reason) = refused {
            // Early: nothing was promised.
            return cx.emit_early(Event::TransferFailed { to, reason });
        }
        let mut cause = TransferCause::Command;
        match self.handover.transfer {
            Some(transfer) if transfer.to == to => return,
            Some(transfer) => {
                // Who resigns goes on resigning.
                if transfer.cause == TransferCause::Resignation {
                    cause = TransferCause::Resignation;
                }
                // Early: nothing was promised.
                cx.emit_early(Event::TransferFailed { to: transfer.to, reason: TransferRefusal::Superseded });
            }
            None => {}
        }
        self.hand_over(to, cause, cx);
    }

    /// The membership has changed: who does not vote any more cannot lead.
    pub(crate) fn abandon_impossible_transfer<S: Sink<Self> + ?Sized>(
        &mut self,
        cx: &mut Context<'_, Self, S>,
    ) {
        let Some(Transfer { to, cause, .. }) = self.handover.transfer else { return };
        if self.seats.standing(to) == Standing::Voter {
            return;
        }
        let next = self.best_successor().filter(|_| cause == TransferCause::Resignation);
        if cause == TransferCause::Resignation && next.is_none() {
            // Nobody is told; the timer ends it. To step down in the middle of a change would be too early.
            return;
        }
        self.handover.transfer = None;
        cx.disarm(Timer::Transfer);
        // Early: nothing was promised.
        cx.emit_early(Event::TransferFailed { to, reason: TransferRefusal::NotAnotherVoter });
        if let Some(next) = next {
            self.hand_over(next, cause, cx);
        }
    }

    fn hand_over<S: Sink<Self> + ?Sized>(
        &mut self,
        to: NodeId,
        cause: TransferCause,
        cx: &mut Context<'_, Self, S>,
    ) {
        self.handover.transfer = Some(Transfer { to, cause, told: false });
        cx.arm(Timer::Transfer, self.config.election_timeout_min);
        trail!(info, node = self.config.id.0, term = self.term.0, peer = to.0, "handing over");
        // Early: an intention.
        cx.emit_early(Event::TransferBegun { to, cause });
        // What is on its way there may be lost, and to find out at a later heartbeat would take too long.
        if let Some(progress) = self.place(to).and_then(|place| self.progress.get_mut(place))
            && progress.in_flight() > 0
        {
            progress.probe(false);
            progress.due = true;
        }
        // At the end of the burst: what was proposed before goes there first.
        self.dirty = true;
    }

    /// Tells the next leader to campaign, as soon as it has everything. `again`: also if it was told.
    pub(crate) fn press_transfer<S: Sink<Self> + ?Sized>(
        &mut self,
        again: bool,
        cx: &mut Context<'_, Self, S>,
    ) {
        let Some(transfer) = self.handover.transfer else { return };
        let caught_up = self
            .place(transfer.to)
            .and_then(|place| self.progress.get(place))
            .is_some_and(|progress| progress.matched == self.log.last().index);
        let ready =
            caught_up && self.gathered.is_empty() && self.seats.standing(transfer.to) == Standing::Voter;
        if !ready || (transfer.told && !again) {
            return;
        }
        self.handover.transfer = Some(Transfer { told: true, ..transfer });
        // The message may arrive at any time from now on, and its receiver is then elected against all promises: this leader has
        // no lease any more, not even when the transfer fails (tikv 9239, `openraft` 1ef3e574).
        self.lease.revoked = true;
        // Early: a request promises nothing.
        cx.send_early(transfer.to, Message::TimeoutNow { term: self.term });
    }

    /// The leader wants this node to campaign at once, and the others to vote for it although they hear the leader.
    pub(crate) fn on_timeout_now<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        term: Term,
        cx: &mut Context<'_, Self, S>,
    ) {
        let mine = term == self.term && self.leader == Some(from) && self.role == Role::Follower;
        if mine && self.may_lead() && !self.handover.resigned && self.term.next() <= Term::MAX {
            self.arm_election(cx);
            self.stand(true, cx);
        }
    }

    /// The transfer took too long.
    pub(crate) fn on_transfer_timeout<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let Some(transfer) = self.handover.transfer.take() else { return };
        trail!(info, node = self.config.id.0, term = self.term.0, peer = transfer.to.0, "transfer failed");
        // Early: nothing was promised.
        cx.emit_early(Event::TransferFailed { to: transfer.to, reason: TransferRefusal::TimedOut });
        match transfer.cause {
            // Whom it has chosen may have resigned, and would be chosen again and again: somebody else is elected.
            TransferCause::StalledDisk if self.disk_stands_still(cx.now()) => self.step_down(None, cx),
            TransferCause::Command | TransferCause::StalledDisk => {}
            TransferCause::Priority => {
                self.handover.failed_claims += 1;
                self.handover.ignored_claims = 1 << self.handover.failed_claims.min(DOUBLINGS_MAX);
            }
            // Somebody will be elected when this node is not heard any more.
            TransferCause::Resignation => self.step_down(None, cx),
        }
    }

    /// This node leads no more, or begins to.
    pub(crate) fn forget_handover<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if self.handover.transfer.take().is_some() {
            cx.disarm(Timer::Transfer);
        }
        self.handover.stall = None;
        self.handover.failed_claims = 0;
        self.handover.ignored_claims = 0;
    }

    /// The application wants to stop this node: somebody else shall lead first.
    pub(crate) fn on_resign<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if self.handover.resigned {
            return;
        }
        self.handover.resigned = true;
        if self.role != Role::Leader {
            if self.role != Role::Follower {
                self.step_down(None, cx);
            }
            return self.say_resigned(cx);
        }
        if let Some(transfer) = &mut self.handover.transfer {
            transfer.cause = TransferCause::Resignation;
            return;
        }
        match self.best_successor() {
            Some(to) => self.hand_over(to, TransferCause::Resignation, cx),
            None => self.step_down(None, cx),
        }
    }

    /// A node that wanted to stop does not lead any more.
    pub(crate) fn say_resigned<S: Sink<Self> + ?Sized>(&self, cx: &mut Context<'_, Self, S>) {
        // Early: the node may still take part; that it does not lead needs no disk.
        cx.emit_early(Event::Resigned);
    }

    /// The other voter that has most of the log and answers.
    pub(crate) fn best_successor(&self) -> Option<NodeId> {
        let others = self
            .progress
            .iter()
            .zip(&self.seats.all)
            .filter(|(progress, id)| **id != self.config.id && progress.pace == Pace::Replicate)
            .filter(|(_, id)| self.seats.standing(**id) == Standing::Voter);
        others.max_by_key(|(progress, id)| (progress.matched, core::cmp::Reverse(**id))).map(|(_, id)| *id)
    }

    /// Does the own disk still answer?
    pub(crate) fn watch_disk<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let Some(durable) = self.durable_here().filter(|_| self.config.disk_stall_max.is_some()) else {
            return;
        };
        let last = self.log.last().index;
        match self.handover.stall {
            Some((index, _)) if durable < index => {
                if self.disk_stands_still(cx.now()) && self.handover.transfer.is_none() {
                    self.give_up_leading(cx);
                }
            }
            _ => self.handover.stall = (durable < last).then(|| (last, cx.now())),
        }
    }

    /// The last of its own entries that a leader's disk has stored.
    fn durable_here(&self) -> Option<Index> {
        Some(self.progress.get(self.place(self.config.id)?)?.matched)
    }

    /// The own disk has been asked to store something for longer than a leader may wait.
    fn disk_stands_still(&self, now: Time) -> bool {
        let stalled =
            self.handover.stall.zip(self.config.disk_stall_max).is_some_and(|((index, since), max)| {
                now.since(since) >= max && self.durable_here().is_some_and(|durable| durable < index)
            });
        mutant!(stalled, "stalled-disk-leads-on" => false)
    }

    /// The own disk stands still. Where nobody keeps up, the others find out among themselves who has most; a leader that went on speaking
    /// would keep them from it. One that nobody could replace stays.
    fn give_up_leading<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let could_lead = |id: &NodeId| self.seats.standing(*id) == Standing::Voter;
        match self.best_successor() {
            Some(to) => self.hand_over(to, TransferCause::StalledDisk, cx),
            None if self.others.iter().any(could_lead) => self.step_down(None, cx),
            None => {}
        }
    }

    /// From time to time a node of some priority asks for the leadership, if it could take it.
    pub(crate) fn on_claim_timer<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        self.arm_claim(cx);
        // A node whose disk has not stored yet what it was sent would be a slow leader.
        if let Some(leader) = self.leader
            && self.role == Role::Follower
            && !self.handover.resigned
            && cx.settled()
        {
            // Early: a wish promises nothing.
            cx.send_early(leader, Message::Claim { term: self.term, priority: self.config.priority });
        }
    }

    /// Nodes without priority claim nothing.
    pub(crate) fn arm_claim<S: Sink<Self> + ?Sized>(&self, cx: &mut Context<'_, Self, S>) {
        if self.config.priority > 0 {
            cx.arm(Timer::Claim, self.config.election_timeout_max.saturating_mul(4));
        }
    }

    /// A follower would rather lead itself. Only who has everything that is committed gets it, so that a slow node does not
    /// hold up proposals for nothing; and who failed before is believed less often.
    pub(crate) fn on_claim<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        term: Term,
        priority: u32,
        cx: &mut Context<'_, Self, S>,
    ) {
        if self.role != Role::Leader || term != self.term || priority <= self.config.priority {
            return;
        }
        let Some(progress) = self.place(from).and_then(|place| self.progress.get(place)) else { return };
        let ready = progress.pace == Pace::Replicate
            && progress.matched >= self.commit
            && self.seats.standing(from) == Standing::Voter;
        if !ready || self.handover.transfer.is_some() {
            return;
        }
        match self.handover.ignored_claims.checked_sub(1) {
            Some(rest) => self.handover.ignored_claims = rest,
            None => self.hand_over(from, TransferCause::Priority, cx),
        }
    }
}
