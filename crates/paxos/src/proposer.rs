//! The proposer: asks for promises, proposes what it may, and tries again.

use crate::paxos::{Attempt, Phase};
use crate::{Ballot, Event, Illegal, Message, Paxos, Proposal, Record, Refusal, Timer};
use alloc::collections::BTreeSet;
use core::time::Duration;
use synod_core::{Bytes, Context, NodeId, Sink, mutant};

/// The width of the random wait doubles with each vain attempt, so many times.
const DOUBLINGS_MAX: u32 = 4;

impl Paxos {
    pub(crate) fn on_propose<S: Sink<Self> + ?Sized>(&mut self, value: Bytes, cx: &mut Context<'_, Self, S>) {
        if let Some(Proposal { ballot, value }) = self.decided.clone() {
            // Early: a quorum of disks has it.
            return cx.emit_early(Event::Decided { value, ballot });
        }
        let reason = match &self.wish {
            _ if value.len() > self.config().value_bytes_max => Refusal::TooLarge,
            Some(wish) if *wish == value => return,
            Some(_) => Refusal::Busy,
            None => {
                self.wish = Some(value);
                self.waits.0 = 0;
                // A ballot that is under way already, to finish another's proposal, goes on: what it proposes may be chosen.
                if self.attempt.is_none() {
                    self.begin(cx);
                }
                return;
            }
        };
        // Early: the value went nowhere, so there is nothing to take back.
        cx.emit_early(Event::Refused { value, reason });
    }

    /// Phase 1a: a new ballot, above all that this node knows of.
    ///
    /// The round is on the disk before anybody hears of it. A node that forgot its round could use it for a second value after a
    /// restart (`phxpaxos` 145). The driver's incarnation would serve too, but it stands outside the log; the record costs
    /// nothing, since an acceptor owes its own ballot a promise anyway: the promise *is* the record, and phase 1 of the own
    /// acceptor is over with it.
    pub(crate) fn begin<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let round = self.promised.round.max(self.outbid.round).max(self.round) + 1;
        if round > Ballot::ROUND_MAX {
            return self.give_up(cx);
        }
        let ballot = Ballot { round, node: self.id() };
        self.attempt =
            Some(Attempt { ballot, phase: Phase::Preparing { promises: BTreeSet::new(), highest: None } });
        if self.setup.is_acceptor {
            mutant!(self.promise(ballot, cx), "ballot-reused-after-restart" => self.promised = ballot);
            cx.send(cx.me(), Message::Promise { ballot, accepted: self.accepted.clone() });
        } else {
            self.round = round;
            self.places.0.round = Some(cx.persist(Record::Round { round }));
            self.release(cx);
        }
        if !self.setup.other_acceptors.is_empty() {
            cx.send(self.setup.other_acceptors.clone(), Message::Prepare { ballot });
        }
        self.arm_retry(cx);
    }

    fn give_up<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        self.attempt = None;
        if let Some(value) = self.wish.take() {
            // Early: a refusal promises nothing.
            cx.emit_early(Event::Refused { value, reason: Refusal::RoundsExhausted });
        }
    }

    /// Counts a promise for the ballot under way. One for an earlier ballot promises nothing to this one (`MyPaxos` 18).
    pub(crate) fn on_promise<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        ballot: Ballot,
        accepted: Option<Proposal>,
        cx: &mut Context<'_, Self, S>,
    ) {
        let quorum = self.setup.quorums.elect();
        let Some(Attempt { ballot: current, phase: Phase::Preparing { promises, highest } }) =
            &mut self.attempt
        else {
            return;
        };
        if mutant!(*current != ballot, "promise-of-earlier-ballot" => *current < ballot) {
            return;
        }
        let clash = |a: &Proposal, b: &Proposal| a.ballot == b.ballot && a.value != b.value;
        if accepted.iter().zip(highest.iter()).any(|(a, b)| clash(a, b)) {
            return Self::illegal(from, Illegal::TwoValues, cx);
        }
        promises.insert(from);
        // `None` is below every proposal, and ballots are compared before values.
        if mutant!(accepted > *highest, "latest-not-highest" => accepted.is_some()) {
            *highest = accepted;
        }
        if quorum.is_met(|id| promises.contains(&id)) {
            let (ballot, highest) = (*current, highest.take());
            self.propose(ballot, highest, cx);
        }
    }

    /// Phase 2a: the value of the highest ballot that a quorum has accepted, for it may have been chosen; any value only if there
    /// is none (condition P2c of the paper).
    fn propose<S: Sink<Self> + ?Sized>(
        &mut self,
        ballot: Ballot,
        highest: Option<Proposal>,
        cx: &mut Context<'_, Self, S>,
    ) {
        // Without a wish the ballot was begun to finish what this acceptor has accepted. If the quorum came together without
        // this node's own promise, that is a free choice like any other.
        let own = || self.wish.clone().or_else(|| self.accepted.as_ref().map(|own| own.value.clone()));
        let highest = mutant!(highest, "own-value-first" => highest.filter(|_| own().is_none()));
        let Some(value) = highest.map(|proposal| proposal.value).or_else(own) else {
            self.attempt = None;
            return;
        };
        let phase = Phase::Accepting { value: value.clone(), acceptances: BTreeSet::new() };
        self.attempt = Some(Attempt { ballot, phase });
        if !self.setup.other_acceptors.is_empty() {
            // Early: the ballot is this node's and its round is durable, or nobody would have promised; so no crash can make it
            // propose another value in it. The own disk works in parallel.
            let message = Message::Accept { ballot, value: value.clone() };
            cx.send_early(self.setup.other_acceptors.clone(), message);
        }
        if self.setup.is_acceptor && self.promised == ballot {
            self.accept(ballot, value, cx);
            cx.send(cx.me(), Message::Accepted { ballot });
        }
        self.arm_retry(cx);
    }

    /// An acceptor has promised a higher ballot. The one under way is not lost by that, a quorum of others may still carry it; so
    /// the first refusal only begins a wait, after which there will be a higher one.
    pub(crate) fn on_nack<S: Sink<Self> + ?Sized>(
        &mut self,
        ballot: Ballot,
        promised: Ballot,
        cx: &mut Context<'_, Self, S>,
    ) {
        if self.ballot() != Some(ballot) {
            return;
        }
        let first = self.outbid < ballot;
        self.outbid = self.outbid.max(promised);
        if first {
            self.arm_retry(cx);
        }
    }

    /// No decision so far: ask again whoever has not answered, or under a higher ballot where that has become necessary.
    pub(crate) fn on_retry<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if self.decided.is_some() {
            return;
        }
        self.waits.0 = self.waits.0.saturating_add(1);
        match &self.attempt {
            None => self.pursue(cx),
            Some(attempt) if attempt.ballot < self.promised.max(self.outbid) => {
                // A round that waits for a stalled disk is enough: more of them would pile up behind it, with their messages.
                if cx.settled() {
                    return self.begin(cx);
                }
            }
            Some(attempt) => self.ask_again(attempt, cx),
        }
        if self.attempt.is_some() {
            self.arm_retry(cx);
        }
    }

    fn ask_again<S: Sink<Self> + ?Sized>(&self, attempt: &Attempt, cx: &mut Context<'_, Self, S>) {
        let ballot = attempt.ballot;
        match &attempt.phase {
            Phase::Preparing { promises, .. } => {
                for id in self.setup.other_acceptors.iter().filter(|id| !promises.contains(id)) {
                    // What was sent first waits for the disk still, or it has left.
                    if cx.settled() {
                        // Proof: nothing that was promised is still on its way to the disk, so there is nothing to wait for.
                        cx.send(*id, Message::Prepare { ballot });
                    }
                }
            }
            Phase::Accepting { value, acceptances } => {
                for id in self.setup.other_acceptors.iter().filter(|id| !acceptances.contains(id)) {
                    // Early: as the first time.
                    cx.send_early(*id, Message::Accept { ballot, value: value.clone() });
                }
            }
        }
    }

    /// Waits a random time. Two proposers that wait equally long would outbid each other for ever (section 2.4 of the paper).
    pub(crate) fn arm_retry<S: Sink<Self> + ?Sized>(&self, cx: &mut Context<'_, Self, S>) {
        let config = self.config();
        let width = config.retry_timeout_max.saturating_sub(config.retry_timeout_min);
        let width = width.saturating_mul(1 << self.waits.0.min(DOUBLINGS_MAX));
        let extra = cx.below(u64::try_from(width.as_nanos()).unwrap_or(u64::MAX));
        cx.arm(Timer::Retry, config.retry_timeout_min.saturating_add(Duration::from_nanos(extra)));
    }
}
