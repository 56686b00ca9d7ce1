//! Changes of the membership (section 6 of the Raft paper, chapter 4 of Ongaro's thesis).

use crate::progress::Progress;
use crate::roster::Seats;
use crate::{
    Change, ChangeError, ChangeRefusal, Event, Illegal, Index, Membership, Message, Raft, Role, Segment,
    Standing,
};
use alloc::sync::Arc;
use synod_core::{Context, NodeId, Sink, Time, mutant};

/// A learner that is to become a voter, and the round of catching up that it is in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CatchUp {
    id: NodeId,
    /// The round ends when the learner has this.
    target: Index,
    /// When the round began.
    since: Time,
    /// The last round was short: what keeps it from being promoted is another change.
    ready: bool,
}

impl Raft {
    /// An application asks for a change.
    pub(crate) fn on_change<S: Sink<Self> + ?Sized>(
        &mut self,
        token: u64,
        change: &Change,
        cx: &mut Context<'_, Self, S>,
    ) {
        match self.change(token, change, cx) {
            Ok(()) => {}
            // Early: nothing was written.
            Err(reason) => {
                trail!(
                    debug,
                    node = self.config.id.0,
                    term = self.term.0,
                    reason = ?reason,
                    "change refused"
                );
                cx.emit_early(Event::ChangeRefused { token, leader: self.leader, reason });
            }
        }
    }

    fn change<S: Sink<Self> + ?Sized>(
        &mut self,
        token: u64,
        change: &Change,
        cx: &mut Context<'_, Self, S>,
    ) -> Result<(), ChangeRefusal> {
        if self.role != Role::Leader {
            return Err(ChangeRefusal::NotLeader);
        }
        // A leader of an earlier term may be committing a change of its own. Only an entry of this term that a quorum has ends
        // that; before, two changes from one membership could have quorums that do not meet (Ongaro 2015).
        if mutant!(self.log.term_at(self.commit) != Some(self.term), "change-before-own-commit" => false) {
            return Err(ChangeRefusal::OwnTermUncommitted);
        }
        let (last, membership) = self.roster.last();
        if mutant!(*last > self.commit, "two-changes-at-once" => false) {
            return Err(ChangeRefusal::InProgress);
        }
        let next = self.changed(membership, change).map_err(ChangeRefusal::Impossible)?;
        self.can_be_said(&next)?;
        // What was proposed before comes before.
        self.seal(cx);
        self.enter(&next, Some(token), cx)?;
        mutant!("joint-left-before-commit" => if next.auto_leave {
            self.enter(&next.left(), None, cx)?;
        });
        Ok(())
    }

    /// The membership after a change. Those who join may not be configured with the rule by which the others go without saying it, so
    /// it is said as soon as all can read that.
    fn changed(&self, before: &Membership, change: &Change) -> Result<Membership, ChangeError> {
        let next = before.changed(change, &self.config.quorum)?;
        let stated = next.stating(&self.config.quorum);
        let of_members = matches!(change, Change::Steps { .. });
        if !(of_members && self.can_be_said(&stated).is_ok()) {
            return Ok(next);
        }
        if stated == *before { Err(ChangeError::NothingChanges) } else { Ok(stated) }
    }

    /// Whether every member understands a membership. Whoever does not would refuse its entry, and everything behind it, for ever.
    fn can_be_said(&self, next: &Membership) -> Result<(), ChangeRefusal> {
        let version = next.version();
        if version > self.config.version_max {
            return Err(ChangeRefusal::Version { member: self.config.id, version });
        }
        let speaks_less = |id: &NodeId| self.outdated.binary_search(id).is_ok();
        // Whoever has an older link has an older version than this node, and only the first says nothing of rules.
        let member = (version > 1).then(|| next.members().into_iter().find(speaks_less)).flatten();
        member.map_or(Ok(()), |member| Err(ChangeRefusal::Version { member, version }))
    }

    /// Puts a membership into the log, which puts it into effect.
    fn enter<S: Sink<Self> + ?Sized>(
        &mut self,
        next: &Membership,
        token: Option<u64>,
        cx: &mut Context<'_, Self, S>,
    ) -> Result<(), ChangeRefusal> {
        let index = self.log.last().index.next();
        let entry = Segment::membership(index, self.term, next).ok_or(ChangeRefusal::LogFull)?;
        self.add(entry, cx);
        self.await_own_disk(cx);
        if let Some(token) = token {
            // Early: as for a proposal.
            cx.emit_early(Event::Proposed { token, index, term: self.term });
        }
        Ok(())
    }

    /// The next membership, without anybody asking. A log without room refuses it; the one in effect stays, which is safe.
    fn go_on<S: Sink<Self> + ?Sized>(&mut self, next: &Membership, cx: &mut Context<'_, Self, S>) {
        let _ = self.enter(next, None, cx);
    }

    /// Entries were appended to the log: a membership, if they are one, is in effect from now on.
    pub(crate) fn take_membership<S: Sink<Self> + ?Sized>(
        &mut self,
        index: Index,
        membership: Option<Membership>,
        cx: &mut Context<'_, Self, S>,
    ) {
        if let Some(membership) = membership {
            self.roster.push(index, membership);
            self.membership_changed(cx);
        }
    }

    /// The entries from `from` on were removed, and what they put into effect is undone (canonical/raft 250).
    pub(crate) fn undo_membership<S: Sink<Self> + ?Sized>(
        &mut self,
        from: Index,
        cx: &mut Context<'_, Self, S>,
    ) {
        if mutant!(self.roster.truncate(from), "membership-not-undone" => false) {
            self.membership_changed(cx);
        }
    }

    pub(crate) fn membership_changed<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        self.refresh_members(cx);
        let (index, membership) = self.roster.last().clone();
        trail!(
            info,
            node = self.config.id.0,
            term = self.term.0,
            index = index.0,
            voters = ?membership.voters(),
            joint = membership.is_joint(),
            "membership in effect"
        );
        // Early: says what is in effect here, which a crash may well undo.
        cx.emit_early(Event::Membership { index, membership, committed: index <= self.commit });
    }

    /// Draws the consequences of a new roster: whom to ask for votes, and of whom a leader keeps a record.
    pub(crate) fn refresh_members<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let before = self.take_seats();
        if self.role != Role::Leader {
            return;
        }
        let seats = self.seats.clone();
        if before.all != seats.all {
            // An answer to an earlier round is from before this: of somebody who was removed and has come back, perhaps with
            // an empty disk (the re-join bug of 9 of 17 implementations).
            self.round += 1;
            let next = self.log.last().index.next();
            let mut known = core::mem::take(&mut self.progress);
            let mut known = before.all.iter().zip(known.drain(..)).peekable();
            for id in &seats.all {
                while known.next_if(|(old, _)| *old < id).is_some() {}
                let progress = match known.next_if(|(old, _)| *old == id) {
                    Some((_, progress)) => progress,
                    None => Progress::new(next, mutant!(self.round, "answers-of-an-earlier-life" => 0)),
                };
                self.progress.push(progress);
            }
            self.owe_everybody();
        }
        self.watch_learners(cx);
        self.abandon_impossible_transfer(cx);
    }

    /// Works out who counts, and gives back who did.
    pub(crate) fn take_seats(&mut self) -> Arc<Seats> {
        let mut electorate = self.membership().electorate();
        electorate.retain(|id| *id != self.config.id);
        self.others = electorate.into();
        core::mem::replace(&mut self.seats, Arc::new(self.roster.seats(self.commit)))
    }

    /// The commit index was `before`: what became of the memberships that were not committed then.
    pub(crate) fn membership_committed<S: Sink<Self> + ?Sized>(
        &mut self,
        before: Index,
        cx: &mut Context<'_, Self, S>,
    ) {
        if self.roster.last().0 <= before {
            return;
        }
        for (index, membership) in self.roster.between(before, self.commit) {
            trail!(
                info,
                node = self.config.id.0,
                term = self.term.0,
                index = index.0,
                voters = ?membership.voters(),
                joint = membership.is_joint(),
                "membership committed"
            );
            // Early: a quorum has made it durable.
            cx.emit_early(Event::Membership {
                index: *index,
                membership: membership.clone(),
                committed: true,
            });
        }
        if self.role == Role::Leader {
            // Those who have been removed hear it, and then no more.
            self.tell_commit(cx);
        }
        self.refresh_members(cx);
    }

    /// The leader has committed something: a change that waited for it goes on.
    pub(crate) fn settle_membership<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        mutant!("left-again-and-again" => if self.roster.at(self.commit).auto_leave {
            let left = self.roster.at(self.commit).left();
            return self.go_on(&left, cx);
        });
        let (last, membership) = self.roster.last();
        if *last > self.commit {
            return;
        }
        // Whoever leads when the joint membership is committed leaves it, not only who entered it (etcd 12136); and once, since
        // the way out is then the last membership.
        if mutant!(
            membership.auto_leave,
            "joint-left-only-by-its-leader" => membership.auto_leave && self.log.term_at(*last) == Some(self.term),
        ) {
            let left = membership.left();
            return self.go_on(&left, cx);
        }
        let seated = membership.standing(self.config.id) == Some(Standing::Voter);
        if mutant!(!seated, "removed-leader-stays" => false) {
            // Section 4.2.2 of the thesis: it has led until its own removal was committed, not counting itself.
            self.tell_commit(cx);
            if let Some(to) = self.best_successor() {
                // Early: a request promises nothing. Without it the others would wait for an election timeout.
                cx.send_early(to, Message::TimeoutNow { term: self.term });
            }
            return self.step_down(None, cx);
        }
        self.promote(cx);
    }

    /// Tells everybody what is committed at once, as far as each can take it.
    fn tell_commit<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        for (progress, &to) in self.progress.iter_mut().zip(&self.seats.all) {
            let news = self.commit.min(progress.matched);
            if to != self.config.id && news > progress.told {
                progress.told = news;
                // Early: a quorum has made durable what is committed.
                cx.send_early(to, Message::Commit { term: self.term, commit: news });
            }
        }
    }

    /// Keeps the list of those who are to be promoted.
    pub(crate) fn watch_learners<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let membership = self.roster.last().1.clone();
        self.catching_up.retain(|learner| membership.promoting.binary_search(&learner.id).is_ok());
        for id in &membership.promoting {
            if !self.catching_up.iter().any(|learner| learner.id == *id) {
                let target = self.log.last().index;
                self.catching_up.push(CatchUp { id: *id, target, since: cx.now(), ready: false });
            }
        }
    }

    /// Somebody has acknowledged more. A learner that ends a round of catching up within an election timeout would not delay
    /// commits for longer as a voter (section 4.2.1 of the thesis); one that took longer begins another.
    pub(crate) fn caught_up<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        matched: Index,
        cx: &mut Context<'_, Self, S>,
    ) {
        let (now, last) = (cx.now(), self.log.last().index);
        let Some(learner) = self.catching_up.iter_mut().find(|learner| learner.id == from) else { return };
        if matched < learner.target {
            return;
        }
        learner.ready = now.since(learner.since) <= self.config.election_timeout_min;
        (learner.target, learner.since) = (last, now);
        self.promote(cx);
    }

    /// Makes a voter of a learner that has caught up, if no other change is under way.
    fn promote<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let Some(learner) = self.catching_up.iter().find(|learner| learner.ready) else { return };
        let change = Change::from(crate::Step::AddVoter(learner.id));
        let (last, membership) = self.roster.last();
        if *last > self.commit || self.log.term_at(self.commit) != Some(self.term) {
            return;
        }
        // A membership that is joint until somebody says otherwise: then.
        if let Ok(next) = self.changed(membership, &change) {
            self.go_on(&next, cx);
        }
    }

    /// The membership in effect on this node: the last one in its log, committed or not, or the one it was started with.
    #[must_use]
    pub fn membership(&self) -> &Arc<Membership> {
        &self.roster.last().1
    }

    /// The index of the entry that holds the membership in effect; 0 for the one that the node was started with.
    #[must_use]
    pub fn membership_index(&self) -> Index {
        self.roster.last().0
    }

    /// How many memberships in the log are not known to be committed. A leader never has more than one of its own term.
    #[must_use]
    pub fn memberships_uncommitted(&self) -> usize {
        self.roster.uncommitted(self.commit)
    }

    /// Whether this node may campaign: it keeps payloads, and is a voter, or was one before a change that is not known to be
    /// committed. It may be the only one that has the entry which removes it, and those that stay need its vote until they have it
    /// too (section 4.2.2 of the thesis).
    pub(crate) fn may_lead(&self) -> bool {
        let votes = |membership: &Membership| membership.standing(self.config.id) == Some(Standing::Voter);
        let mut open = self.roster.between(self.commit, Index::MAX);
        !self.config.witness
            && self.mending.is_none()
            && (votes(self.membership())
                || mutant!(
                    votes(self.roster.at(self.commit)) || open.any(|(_, membership)| votes(membership)),
                    "removed-before-commit" => false,
                ))
    }

    /// What is wrong with entries for this node: a witness gets no payloads, and everybody else gets them (a hollow entry on a
    /// full disk would be acknowledged and lost).
    pub(crate) fn misfit(&self, entries: &Segment) -> Option<Illegal> {
        match entries.first_kind() {
            Some(crate::EntryKind::Membership) => {
                let known = entries.to_membership().filter(|read| read.version() <= self.config.version_max);
                known.is_none().then_some(Illegal::ImpossibleMembership)
            }
            _ if entries.is_empty() || entries.is_hollow() == self.config.witness => None,
            _ => Some(Illegal::WitnessOrNot),
        }
    }
}
