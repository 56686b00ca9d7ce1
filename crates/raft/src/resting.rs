//! What a node of many groups asks of one of them: whether it has nothing to do, to stop its timers, and to start them again.
//!
//! A group at rest is one whose timers do not run, and nothing else: terms, votes, log and leases are what they were, so resting cannot
//! break what Raft promises, only what it achieves. Who rests, and who wakes whom, is decided in [`groups`](crate::groups).

use crate::groups::Beat;
use crate::{Raft, Role, Timer};
use synod_core::{Context, NodeId, Sink, mutant};

impl Raft {
    /// Leader: whether there is nothing left to do for anybody but those who are `absent`.
    pub(crate) fn leads_idly(&self, absent: impl Fn(NodeId) -> bool) -> bool {
        let last = self.log.last().index;
        // Every copy is whole, this node's too; a quorum of them is there.
        let is_whole = |place: usize| self.trusted(place).is_some_and(|progress| progress.matched == last);
        let others = self.seats.all.iter().enumerate();
        let whole =
            others.clone().all(|(place, id)| is_whole(place) || (*id != self.config.id && absent(*id)));
        self.role == Role::Leader
            && whole
            && self.seats.confirm(is_whole)
            && self.commit == last
            && self.delivered == last
            && self.place(self.config.id).is_some()
            && self.progress.iter().all(|progress| progress.stream.is_none())
            && self.gathered.is_empty()
            && !self.dirty
            && self.reads_pending() == 0
            && self.catching_up.is_empty()
            && self.handover.transfer.is_none()
            && !self.membership().is_joint()
            && !self.is_mending()
            && !self.halted
    }

    /// Follower: whether it has everything that the leader had when it said so, and waits for nothing.
    pub(crate) fn follows_idly(&self, leader: NodeId, beat: &Beat) -> bool {
        self.role == Role::Follower
            && self.leader == Some(leader)
            && self.term == beat.term
            && self.log.last() == beat.prev
            && self.commit == beat.prev.index
            && self.delivered == self.commit
            && self.promised == beat.prev.index
            && !self.dirty
            && self.reads_pending() == 0
            && !self.reception.is_wanted()
            && self.reception.extent().is_none()
            && !self.is_mending()
            && !self.halted
    }

    /// Stops the timers that run while there is nothing to do. What the leader had promised about reads still lapses with the time.
    pub(crate) fn rest<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if self.role == Role::Leader {
            cx.disarm(Timer::Heartbeat);
            cx.disarm(Timer::CheckQuorum);
            cx.disarm(Timer::Claim);
        } else {
            cx.disarm(Timer::Election);
        }
    }

    /// Starts the timers again. A follower stands by its leader for the shortest election timeout if `loyal`; otherwise it waits a
    /// random one and campaigns.
    pub(crate) fn wake<S: Sink<Self> + ?Sized>(&mut self, loyal: bool, cx: &mut Context<'_, Self, S>) {
        if self.halted {
            return;
        }
        self.arm_claim(cx);
        if self.role == Role::Leader {
            // Silence was agreed on, so it says nothing about who is there: everybody has as long to answer as after an election.
            for progress in &mut self.progress {
                progress.heard = mutant!(true, "woken-leader-gives-no-time" => false);
            }
            if self.config.check_quorum {
                cx.arm(Timer::CheckQuorum, self.config.election_timeout_min);
            }
            mutant!("lease-renewed-by-waking" => self.renew_lease(cx.now()));
            self.on_heartbeat(cx);
        } else if loyal {
            // Not as if the leader had been heard: that would promise it a vote, which nobody has asked for.
            self.loyal = true;
            cx.arm(Timer::Election, self.config.election_timeout_min);
        } else {
            self.arm_election(cx);
        }
    }
}
