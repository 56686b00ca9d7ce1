//! Who leads: election timeouts, PreVote, votes, CheckQuorum (sections 5.2, 5.4.1, 6 and 9.6 of Ongaro's thesis).

use crate::progress::Progress;
use crate::{EntryId, Event, Index, Message, Raft, Record, Refusal, Role, Segment, Term, Timer};
use core::time::Duration;
use synod_core::{Context, NodeId, Sink, mutant};

impl Raft {
    /// The election timer has run out.
    pub(crate) fn on_election_timeout<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if !self.may_lead() {
            // Whoever has no vote to win waits for a leader; the next that it hears arms the timer again.
            self.loyal = false;
            self.leader = None;
        } else if self.loyal {
            // The shortest timeout is over. Loyalty ends for all followers at about the same time, so that a pre-candidate
            // finds them open; the random rest decides who that is.
            self.loyal = false;
            let rest = self.random_rest(cx);
            cx.arm(Timer::Election, rest);
        } else {
            self.campaign(cx);
        }
    }

    /// Tries to become leader.
    pub(crate) fn campaign<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if self.role == Role::Leader || !self.may_lead() {
            return;
        }
        self.arm_election(cx);
        if self.term.next() > Term::MAX || self.handover.resigned {
            return;
        }
        if self.has_promised_against(self.config.id, cx) {
            return cx.arm(Timer::Election, self.promised_for(cx));
        }
        if self.role == Role::Candidate && !self.votes.contains(&self.config.id) {
            // The own vote of the last candidacy still waits for the disk, and so do its requests. Another candidacy would
            // add more of them at every timeout of a stalled disk, and could not win either.
            return;
        }
        if self.config.pre_vote {
            self.ask_first(cx);
        } else {
            self.stand(false, cx);
        }
    }

    fn ask_first<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        self.role = Role::PreCandidate;
        mutant!(self.leader = None, "ex-leader-shut-out" => ());
        self.votes.clear();
        self.refusals.clear();
        self.votes.push(self.config.id);
        if self.seats.elect(&self.votes) {
            return self.stand(false, cx);
        }
        trail!(
            info,
            node = self.config.id.0,
            term = self.term.0,
            last_term = self.log.last().term.0,
            last_index = self.log.last().index.0,
            by_transfer = false,
            "pre-vote begun"
        );
        // Early: a question promises nothing.
        let question = Message::PreVote { term: self.term.next(), last: self.log.last() };
        cx.send_early(self.others.clone(), question);
    }

    /// Asks for votes; `by_transfer` where the leader wants it.
    pub(crate) fn stand<S: Sink<Self> + ?Sized>(&mut self, by_transfer: bool, cx: &mut Context<'_, Self, S>) {
        self.role = Role::Candidate;
        self.leader = None;
        self.votes.clear();
        self.forget_leader_of_old_term();
        self.term = self.term.next();
        self.voted_for = Some(self.config.id);
        self.persist_hard_state(cx);
        trail!(
            info,
            node = self.config.id.0,
            term = self.term.0,
            last_term = self.log.last().term.0,
            last_index = self.log.last().index.0,
            by_transfer,
            "election begun"
        );
        // Both wait for the disk. A request that leaves before the own vote is durable lets a crash undo the vote and the
        // node vote again in the same term (`sofa-jraft` 2); for the same reason the own vote counts when it comes back.
        cx.send(cx.me(), Message::Voted { term: self.term, granted: true });
        if !self.others.is_empty() {
            let request = Message::RequestVote { term: self.term, last: self.log.last(), by_transfer };
            mutant!(
                cx.send(self.others.clone(), request),
                "own-vote-before-durable" => {
                    self.votes.push(self.config.id);
                    cx.send_early(self.others.clone(), request);
                },
            );
        }
    }

    pub(crate) fn on_pre_vote<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        term: Term,
        last: EntryId,
        cx: &mut Context<'_, Self, S>,
    ) {
        let up_to_date = last >= self.vote_floor();
        let granted = term > self.term
            && up_to_date
            && self.may_vote()
            && !self.is_loyal_against(from)
            && !self.has_promised_against(from, cx);
        // Early: a granted pre-vote is an opinion, not a vote. It binds nobody, so there is nothing to keep over a crash. A
        // refusal names this node's term, so that a pre-candidate that has fallen behind learns it (etcd 8334).
        let term = if granted { term } else { self.term };
        cx.send_early(from, Message::PreVoted { term, granted });
        if mutant!(!up_to_date, "borrowed-from-who-lags" => true) {
            self.lend(from, last, cx);
        }
    }

    pub(crate) fn on_pre_voted<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        term: Term,
        granted: bool,
        cx: &mut Context<'_, Self, S>,
    ) {
        if granted {
            // The term is the one that was asked for, and nobody's yet: it is no reason to adopt it.
            if self.role == Role::PreCandidate && term == self.term.next() && self.count_vote(from) {
                self.stand(false, cx);
                self.arm_election(cx);
            }
        } else if term > self.term {
            self.follow(term, None, cx);
        } else {
            self.count_refusal(from, Role::PreCandidate, cx);
        }
    }

    pub(crate) fn on_request_vote<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        term: Term,
        last: EntryId,
        by_transfer: bool,
        cx: &mut Context<'_, Self, S>,
    ) {
        if !by_transfer
            && ((term > self.term && self.is_loyal_against(from))
                || (term >= self.term && self.has_promised_against(from, cx)))
        {
            // Not even the term is taken over: a node that cannot hear the leader must not depose it for the others.
            return;
        }
        // The pair is compared as a whole: by index alone, or element by element, a stale log could win (`openraft`
        // a48a3282).
        let up_to_date = mutant!(
            last >= self.vote_floor(),
            "vote-by-index" => last.index >= self.log.last().index,
            "vote-for-any-log" => true,
        );
        // Who has lost a part of its log does not know what a candidate must have, nor whether it has voted already.
        let may_vote = mutant!(self.may_vote(), "votes-while-mending" => true);
        let up_to_date = up_to_date && may_vote;
        mutant!("vote-in-earlier-term" => if term < self.term && up_to_date {
            // Proof: a part of the planted bug, and not there in a normal build.
            return cx.send(from, Message::Voted { term, granted: true });
        });
        if term > self.term {
            self.adopt(term, up_to_date.then_some(from), cx);
        } else if term == self.term && self.voted_for == Some(from) && may_vote {
            // Asked again. If the disk is busy the answer waits there already; a second one would pile up.
            if cx.settled() {
                // Proof: nothing that was promised is still on its way to the disk, so there is nothing to wait for.
                cx.send(from, Message::Voted { term, granted: true });
            }
            return;
        } else if term == self.term
            && mutant!(self.voted_for.is_none(), "vote-twice" => true)
            && self.leader.is_none()
            && up_to_date
        {
            self.voted_for = Some(from);
            self.persist_hard_state(cx);
        }
        if term == self.term && self.voted_for == Some(from) && may_vote {
            trail!(debug, node = self.config.id.0, term = self.term.0, peer = from.0, "vote granted");
            self.arm_election(cx);
            cx.send(from, Message::Voted { term, granted: true });
        } else {
            trail!(debug, node = self.config.id.0, term = self.term.0, peer = from.0, "vote refused");
            // Early: a refusal promises nothing.
            cx.send_early(from, Message::Voted { term: self.term, granted: false });
            if last < self.vote_floor() {
                self.lend(from, last, cx);
            }
        }
    }

    pub(crate) fn on_voted<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        term: Term,
        granted: bool,
        cx: &mut Context<'_, Self, S>,
    ) {
        if term > self.term {
            if !granted {
                self.follow(term, None, cx);
            }
        } else if granted
            && mutant!(term == self.term, "vote-of-earlier-term" => true)
            && self.role == Role::Candidate
            && self.count_vote(from)
        {
            self.lead(cx);
        } else if !granted && term == self.term {
            self.count_refusal(from, Role::Candidate, cx);
        }
    }

    /// Counts a refusal, once for each voter. Whoever cannot win any more does not go on asking: it follows until its next timeout.
    fn count_refusal<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        asked_as: Role,
        cx: &mut Context<'_, Self, S>,
    ) {
        if self.role != asked_as || self.place(from).is_none() || self.refusals.contains(&from) {
            return;
        }
        self.refusals.push(from);
        if self.seats.cannot_elect(&self.votes, &self.refusals) {
            self.step_down(None, cx);
        }
    }

    /// Counts a vote, once for each voter (CCF: a vote delivered twice was counted twice). Says whether there is a quorum.
    fn count_vote(&mut self, from: NodeId) -> bool {
        if mutant!(!self.votes.contains(&from), "vote-counted-twice" => true) {
            self.votes.push(from);
        }
        mutant!(
            self.seats.elect(&self.votes),
            "membership-when-committed" => self.roster.seats_at(self.commit).elect(&self.votes),
        )
    }

    fn lead<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        self.role = Role::Leader;
        self.leader = Some(self.config.id);
        self.loyal = false;
        self.votes.clear();
        self.refusals.clear();
        self.round = 1;
        self.progress.clear();
        let next = self.log.last().index.next();
        self.progress.extend(self.seats.all.iter().map(|_| Progress::new(next, self.round)));
        self.watch_learners(cx);
        self.end_reception(cx);
        let open = self.log.range(self.commit.next(), Index::MAX);
        self.uncommitted_bytes = open.map(|entries| entries.arena().len()).sum();
        self.forget_leases();
        self.begin_guard(cx);
        self.take_over_reads(cx);
        cx.disarm(Timer::Election);
        cx.arm(Timer::Heartbeat, self.config.heartbeat_interval);
        if self.config.check_quorum {
            cx.arm(Timer::CheckQuorum, self.config.election_timeout_min);
        }
        // Entries of earlier terms commit only together with one of this term (section 5.4.2, figure 8): here it is, at once.
        if let Some(noop) = Segment::noop(next, self.term) {
            self.add(noop, cx);
            self.await_own_disk(cx);
        }
    }

    /// Puts entries at the end of the leader's log and on their way to its disk.
    pub(crate) fn add<S: Sink<Self> + ?Sized>(&mut self, entries: Segment, cx: &mut Context<'_, Self, S>) {
        let prev_term = self.log.last().term;
        if self.log.takes(&entries) {
            let at = cx.persist(Record::Append { prev_term, entries: entries.clone() });
            let (first, membership) = (entries.first(), entries.to_membership());
            self.uncommitted_bytes += entries.arena().len();
            self.log.push(entries, at);
            self.guard_entry(cx);
            self.owe_everybody();
            self.take_membership(first, membership, cx);
        }
    }

    /// The leader counts its own disk like any other: when its promise to itself comes back.
    pub(crate) fn await_own_disk<S: Sink<Self> + ?Sized>(&self, cx: &mut Context<'_, Self, S>) {
        cx.send(
            cx.me(),
            Message::Appended { term: self.term, matched: self.log.last().index, round: self.round },
        );
    }

    /// A quorum must have been heard since the last time, or somebody else may be leading by now.
    pub(crate) fn on_check_quorum<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if self.role != Role::Leader {
            return;
        }
        let (all, own) = (&self.seats.all, self.config.id);
        let heard = self.seats.confirm(|place| {
            self.trusted(place).is_some_and(|progress| progress.heard) || all.get(place) == Some(&own)
        });
        for progress in &mut self.progress {
            progress.heard = false;
        }
        if mutant!(heard, "deaf-leader-stays" => true) {
            cx.arm(Timer::CheckQuorum, self.config.election_timeout_min);
            self.watch_disk(cx);
        } else {
            self.step_down(None, cx);
        }
    }

    /// Whether this node stands by its leader against `from` (section 4.2.3 of the thesis).
    ///
    /// Only with CheckQuorum: otherwise a leader that can speak but not hear would be followed for ever. And never against
    /// the leader itself: if it campaigns it does not lead any more (`hashicorp/raft` 605).
    fn is_loyal_against(&self, from: NodeId) -> bool {
        self.config.check_quorum
            && match self.leader {
                Some(leader) => mutant!(
                    leader != from && (self.loyal || leader == self.config.id),
                    "ex-leader-shut-out" => true,
                ),
                None => false,
            }
    }

    /// Follows `leader` in `term`, which is the current or a later one.
    pub(crate) fn follow<S: Sink<Self> + ?Sized>(
        &mut self,
        term: Term,
        leader: Option<NodeId>,
        cx: &mut Context<'_, Self, S>,
    ) {
        if term > self.term {
            self.adopt(term, None, cx);
        }
        if self.role != Role::Follower {
            self.step_down(leader, cx);
        }
        if leader.is_some() {
            self.refusals.clear();
        }
        self.leader = leader;
    }

    /// Enters a later term as a follower, with or without a vote in it: one record.
    pub(crate) fn adopt<S: Sink<Self> + ?Sized>(
        &mut self,
        term: Term,
        vote: Option<NodeId>,
        cx: &mut Context<'_, Self, S>,
    ) {
        if self.role != Role::Follower {
            self.step_down(None, cx);
        }
        self.leader = None;
        self.forget_leader_of_old_term();
        self.term = term;
        mutant!("term-and-vote-apart" => self.persist_hard_state(cx));
        self.voted_for = vote;
        mutant!(
            self.persist_hard_state(cx),
            "term-not-written" => if vote.is_some() { self.persist_hard_state(cx) },
        );
    }

    /// Ceases to lead, or to want to, in the current term.
    pub(crate) fn step_down<S: Sink<Self> + ?Sized>(
        &mut self,
        leader: Option<NodeId>,
        cx: &mut Context<'_, Self, S>,
    ) {
        if self.role == Role::Leader {
            cx.disarm(Timer::Heartbeat);
            cx.disarm(Timer::CheckQuorum);
            if self.config.lease_guard.is_some() {
                cx.disarm(Timer::Guard);
            }
            self.forget_leases();
            self.forget_handover(cx);
            self.close_streams(cx);
            self.progress.clear();
            self.catching_up.clear();
            self.dirty = false;
            mutant!("sealed-after-deposition" => {
                self.role = Role::Follower;
                return self.arm_election(cx);
            });
            self.gathered.give_back(|token, payload| {
                // Early: these never entered the log.
                cx.emit_early(Event::Refused { token, payload, leader, reason: Refusal::NotLeader });
            });
            self.arm_election(cx);
        }
        let led = self.role == Role::Leader;
        self.role = Role::Follower;
        self.leader = leader;
        self.votes.clear();
        if led {
            self.drop_reads(cx);
            if self.handover.resigned {
                self.say_resigned(cx);
            }
        }
    }

    /// What was agreed with one leader says nothing about the next.
    fn forget_leader_of_old_term(&mut self) {
        self.loyal = false;
        mutant!(self.verified = Index::ZERO, "verified-by-an-earlier-leader" => ());
        self.promised = Index::ZERO;
        self.round = 0;
        self.refusals.clear();
    }

    /// Waits a whole random election timeout.
    pub(crate) fn arm_election<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        self.loyal = false;
        let rest = self.random_rest(cx);
        cx.arm(Timer::Election, self.config.election_timeout_min + rest);
    }

    /// The leader was heard: loyal for the shortest election timeout.
    pub(crate) fn arm_loyalty<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        self.loyal = true;
        self.promise(cx);
        cx.arm(Timer::Election, self.config.election_timeout_min);
    }

    fn random_rest<S: Sink<Self> + ?Sized>(&self, cx: &mut Context<'_, Self, S>) -> Duration {
        let span = self.config.election_timeout_max.saturating_sub(self.config.election_timeout_min);
        Duration::from_nanos(cx.below(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }
}
