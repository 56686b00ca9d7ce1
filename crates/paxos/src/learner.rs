//! The learner: what was chosen, and how a node comes to know it (section 2.3 of the paper).
//!
//! The proposer of a ballot is its distinguished learner: acceptors answer it alone, and it tells everybody. A node that has
//! reason to believe that there is something to learn, and is not told, goes after it.

use crate::paxos::{Attempt, Phase};
use crate::{Ballot, Event, Illegal, Message, Paxos, Proposal, Timer};
use synod_core::{Bytes, Context, NodeId, Sink, mutant};

impl Paxos {
    /// Counts an acceptance. A quorum of them for one ballot is a decision.
    pub(crate) fn on_accepted<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        ballot: Ballot,
        cx: &mut Context<'_, Self, S>,
    ) {
        let quorum = mutant!(
            self.setup.quorums.commit(),
            "decided-by-the-other-quorum" => self.setup.quorums.elect(),
        );
        let Some(Attempt { ballot: current, phase: Phase::Accepting { value, acceptances } }) =
            &mut self.attempt
        else {
            return;
        };
        if mutant!(*current != ballot, "acceptance-of-earlier-ballot" => *current < ballot) {
            return;
        }
        acceptances.insert(from);
        if mutant!(
            quorum.is_met(|id| acceptances.contains(&id)),
            "acceptances-by-heads" => 2 * acceptances.len() > self.setup.config.acceptors.len(),
        ) {
            let (ballot, value) = (*current, value.clone());
            if !self.setup.others.is_empty() {
                // Early: a quorum of disks has it.
                cx.send_early(self.setup.others.clone(), Message::Decided { ballot, value: value.clone() });
            }
            self.decide(ballot, value, cx);
        }
    }

    pub(crate) fn on_decided<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        ballot: Ballot,
        value: Bytes,
        cx: &mut Context<'_, Self, S>,
    ) {
        match &self.decided {
            None => self.decide(ballot, value, cx),
            Some(decided) if decided.value != value => Self::illegal(from, Illegal::DecidedOtherwise, cx),
            Some(_) => {}
        }
    }

    fn decide<S: Sink<Self> + ?Sized>(
        &mut self,
        ballot: Ballot,
        value: Bytes,
        cx: &mut Context<'_, Self, S>,
    ) {
        self.attempt = None;
        self.wish = None;
        self.curious = false;
        self.outbid = Ballot::ZERO;
        self.decided = Some(Proposal { ballot, value: value.clone() });
        cx.disarm(Timer::Retry);
        // Early: a quorum of disks has it; this node's own is not asked. After a restart it is learned again, and told again.
        cx.emit_early(Event::Decided { value, ballot });
    }

    /// Tells a node that asks.
    pub(crate) fn tell<S: Sink<Self> + ?Sized>(&self, to: NodeId, cx: &mut Context<'_, Self, S>) {
        if let Some(Proposal { ballot, value }) = self.decided.clone() {
            // Early: as when it was decided.
            cx.send_early(to, Message::Decided { ballot, value });
        }
    }

    /// The application asks.
    pub(crate) fn on_learn<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if let Some(Proposal { ballot, value }) = self.decided.clone() {
            // Early: as when it was decided.
            return cx.emit_early(Event::Decided { value, ballot });
        }
        if !self.curious {
            self.curious = true;
            if self.attempt.is_none() {
                self.waits.0 = 0;
                self.pursue(cx);
            }
        }
    }

    /// Somebody has just been promised something, or a value was accepted: a decision should be announced soon.
    pub(crate) fn expect_decision<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if self.attempt.is_none() && self.config().pursue {
            self.arm_retry(cx);
        }
    }

    /// No decision was announced. What was accepted here may have been chosen, and its proposer may be gone: propose it. A node
    /// that has accepted nothing asks; were it to run a ballot of its own, it would make others wait for *its* decision.
    pub(crate) fn pursue<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if self.config().pursue && self.accepted.is_some() && cx.settled() {
            return self.begin(cx);
        }
        if !self.setup.others.is_empty() {
            // Early: a question promises nothing.
            cx.send_early(self.setup.others.clone(), Message::Learn);
        }
        self.arm_retry(cx);
    }
}
