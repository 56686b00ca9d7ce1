//! The state of a cluster as the specification has it.

use super::history::History;
use super::{Action, Entries, Guard, Violation};
use crate::{EntryId, Index, Membership, QuorumRule, Term};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use synod_core::{Lsn, NodeId, mutant};

/// All servers, and what was ever truly said.
///
/// It is a value that can be run by itself: [`take`](Spec::take) carries out an action of a server if its guards hold. That is how the
/// specification is explored without any implementation.
///
/// ```
/// use synod_core::{Lsn, NodeId};
/// use synod_raft::spec::{Action, Guard, Spec};
/// use synod_raft::{EntryId, Membership, QuorumRule, Term};
///
/// let [a, b, c] = [1, 2, 3].map(NodeId);
/// let mut spec = Spec::of(Membership::of([a, b, c]), QuorumRule::Majority);
/// spec.take(a, Action::Timeout)?;
/// spec.take(a, Action::CountVote { voter: a })?;
/// let refused = spec.take(a, Action::BecomeLeader).unwrap_err();
/// assert_eq!(refused.to_string(), "n1 may not BecomeLeader: 1 votes are no quorum of the membership at 0 (5.2, 6)");
///
/// spec.take(b, Action::UpdateTerm { term: Term(1) })?;
/// spec.take(b, Action::GrantVote { candidate: a, last: EntryId::ZERO })?;
/// spec.take(a, Action::CountVote { voter: b })?;
/// spec.take(a, Action::BecomeLeader)?;
/// # Ok::<(), Box<synod_raft::spec::Violation>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Spec {
    pub(super) rule: QuorumRule,
    pub(super) founding: Arc<Membership>,
    /// By id: a handful.
    pub(super) servers: Vec<(NodeId, Server)>,
    /// Who led, by term.
    pub(super) reigns: Vec<Reign>,
    /// Who has asked for votes, by term: candidate, and the last entry of its log then.
    pub(super) candidacies: BTreeMap<(Term, NodeId), EntryId>,
    /// Every vote that was ever given: by term and voter. A crash takes none of them back.
    pub(super) cast: BTreeMap<(Term, NodeId), NodeId>,
    /// What is committed.
    pub(super) committed: History,
    /// The latest term that any server has been in.
    pub(super) highest: Term,
}

/// What a server is in its term. A pre-candidate is a follower: asking whether one would be elected changes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Part {
    #[default]
    Follower,
    Candidate,
    Leader,
}

/// One server.
#[derive(Clone, Debug, Default)]
pub(super) struct Server {
    // Durable, as far as `disk` says.
    pub(super) term: Term,
    pub(super) voted_for: Option<NodeId>,
    pub(super) log: History,
    /// The last entry that a snapshot covers.
    pub(super) snapshot: EntryId,
    // Volatile.
    pub(super) part: Part,
    pub(super) commit: Index,
    /// Candidate: who has voted for it, as far as it has heard.
    pub(super) votes: Vec<NodeId>,
    /// Leader: how far each follower's log is equal, as far as it has heard.
    pub(super) matched: Vec<(NodeId, Index)>,
    /// Leader: how far those say that their logs are equal who are in doubt, or were.
    pub(super) doubtful: Vec<(NodeId, Index)>,
    /// Its log was damaged, and is not known to be whole again.
    pub(super) damaged: bool,
    /// It does not know what it has promised; and when it died, it did not.
    pub(super) in_doubt: bool,
    pub(super) died_in_doubt: bool,
    /// How often it has lost a part of its log.
    pub(super) life: u32,
    pub(super) disk: Disk,
}

/// How much of what a server has written is durable.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    pub(super) durable: Lsn,
    /// The last record with term and vote.
    pub(super) term_at: Lsn,
    /// The votes that are not durable yet, and their terms.
    pub(super) votes: VecDeque<(Lsn, Term)>,
    /// The records with entries that are not durable yet, and the first entry of each.
    pub(super) unsynced: VecDeque<(Lsn, Index)>,
}

/// What was true of a leader in its term. It outlives the leader: messages of it may still arrive.
#[derive(Clone, Debug)]
pub(super) struct Reign {
    pub(super) term: Term,
    pub(super) leader: NodeId,
    /// The log of the leader, which only grows (Leader Append-Only, figure 3).
    pub(super) log: History,
    /// The first entry of this term, and the term of the one before.
    pub(super) first: Index,
    pub(super) before: Term,
    /// How far the leader has committed by counting, in this term.
    pub(super) commit: Index,
    /// How far it may say that is committed: also what it knew before, or from a snapshot.
    pub(super) told: Index,
    /// Who has acknowledged how much.
    pub(super) acknowledged: Vec<(NodeId, Acknowledged)>,
    /// Of whom nothing counts that is of an earlier life than this.
    pub(super) forgotten: Vec<(NodeId, u32)>,
    /// Who has said, and in which life, that it has lost what it may have acknowledged.
    pub(super) confessed: Vec<(NodeId, u32)>,
    /// Who was told to take over.
    pub(super) appointed: Vec<NodeId>,
}

/// How much a follower has acknowledged to a leader.
#[derive(Clone, Debug, Default)]
pub(super) struct Acknowledged {
    /// Its life, which ends when it loses a part of its log.
    pub(super) life: u32,
    /// So much in this life.
    pub(super) now: Index,
    /// So much while it was in doubt.
    pub(super) doubted: Index,
    /// What it acknowledged in its earlier lives.
    pub(super) earlier: Vec<(u32, Index)>,
}

impl Acknowledged {
    /// How much it has acknowledged since its life `since`.
    #[inline]
    pub(super) fn since(&self, since: u32) -> Index {
        let now = if self.life >= since { self.now } else { Index::ZERO };
        if self.earlier.is_empty() {
            return now;
        }
        self.earlier
            .iter()
            .filter(|(life, _)| *life >= since)
            .map(|(_, matched)| *matched)
            .fold(now, Index::max)
    }

    /// Another life begins.
    pub(super) fn ends(&mut self, life: u32) {
        self.earlier.push((self.life, self.now));
        (self.life, self.now, self.doubted) = (life, Index::ZERO, Index::ZERO);
    }
}

impl Disk {
    /// Whether the entries up to `matched` are durable when the disk has got to `after`.
    #[inline]
    pub(super) fn has_entries(&self, matched: Index, after: Lsn) -> bool {
        let upto = self.durable.max(after);
        let waits = self.unsynced.iter().rev().find(|(_, first)| *first <= matched);
        waits.is_none_or(|(at, _)| *at <= upto)
    }

    /// The same of term and vote.
    #[inline]
    pub(super) fn has_term(&self, after: Lsn) -> bool {
        self.term_at <= self.durable.max(after)
    }

    #[inline]
    pub(super) fn synced(&mut self, upto: Lsn) {
        self.durable = self.durable.max(upto);
        while self.unsynced.front().is_some_and(|(at, _)| *at <= upto) {
            self.unsynced.pop_front();
        }
        while self.votes.front().is_some_and(|(at, _)| *at <= upto) {
            self.votes.pop_front();
        }
    }
}

impl Spec {
    /// A cluster of these members in which nothing has happened.
    #[must_use]
    pub fn of(founding: Membership, rule: QuorumRule) -> Self {
        let founding = Arc::new(founding);
        Self { rule, committed: History::of(founding.clone()), founding, ..Self::default() }
    }

    /// How many entries are committed.
    #[must_use]
    pub fn committed(&self) -> Index {
        self.committed.last().index
    }

    /// Carries out an action.
    ///
    /// # Errors
    /// When a guard of the action does not hold; nothing has changed then, except that theorems
    /// ([`Guard::is_theorem`]) are looked at last.
    #[inline]
    pub fn take(&mut self, server: NodeId, action: Action) -> Result<(), Box<Violation>> {
        mutant!("specification-never-looks" => return Ok(()));
        let at = self.place(server);
        self.perform(at, &action).map_err(|guard| Box::new(Violation { server, action, guard }))
    }

    #[inline]
    fn perform(&mut self, at: usize, action: &Action) -> Result<(), Guard> {
        match action {
            Action::AppendEntries { to, term, entries } => self.append_entries(at, *to, *term, entries),
            Action::HandleAppendEntries { entries } => self.handle_append(at, entries),
            Action::ClientRequest { entries } => self.client_request(at, entries),
            Action::Acknowledge { leader, term, matched, after } => {
                self.acknowledge(at, *leader, *term, *matched, *after, false)
            }
            Action::CountAcknowledgement { follower, matched } => self.count(at, *follower, *matched),
            Action::AdvanceCommitIndex { index } => self.advance_commit(at, *index),
            Action::LearnCommitIndex { index } => self.learn_commit(at, *index),
            Action::TellCommit { term, index } => self.tell_commit(at, *term, *index),
            other => self.perform_rare(at, other),
        }
    }

    #[inline(never)]
    fn perform_rare(&mut self, at: usize, action: &Action) -> Result<(), Guard> {
        match action {
            Action::Timeout => self.timeout(at),
            Action::RequestVotes { last, by_transfer, after } => {
                self.request_votes(at, *last, *by_transfer, *after)
            }
            Action::PreVote { term, last } => self.pre_vote(at, *term, *last),
            Action::GrantPreVote { term, last } => self.grant_pre_vote(at, *term, *last),
            Action::UpdateTerm { term } => self.update_term(at, *term),
            Action::LeaveTerm => self.leave_term(at),
            Action::GrantVote { candidate, last } => self.grant_vote(at, *candidate, *last),
            Action::SayVote { candidate, term, after } => self.say_vote(at, *candidate, *term, *after),
            Action::Abstain => self.abstain(at),
            Action::CountVote { voter } => self.count_vote(at, *voter),
            Action::BecomeLeader => self.become_leader(at),
            Action::StepDown => self.step_down(at),
            Action::Borrow { entries, lender } => self.borrow(at, entries, *lender),
            Action::Mend { entries } => self.mend(at, entries),
            Action::AcknowledgeInDoubt { leader, term, matched, after } => {
                self.acknowledge(at, *leader, *term, *matched, *after, true)
            }
            Action::NoteDoubt { follower, matched } => self.note_doubt(at, *follower, *matched),
            Action::Confess { term } => self.confess(at, *term),
            Action::Forget { follower } => self.forget(at, *follower),
            Action::Compact { last, membership } => self.compact(at, *last, membership),
            Action::SendSnapshot { term, last, membership } => {
                self.send_snapshot(at, *term, *last, membership)
            }
            Action::InstallSnapshot { last, membership } => self.install(at, *last, membership),
            Action::HandOver { to, term } => self.hand_over(at, *to, *term),
            Action::TellIndex { term, index } => self.tell_index(at, *term, *index),
            Action::Restart => self.restart(at),
            Action::BeWhole { term } => self.is_whole(at, *term),
            _ => Ok(()),
        }
    }

    /// Where a server is. One that was never seen is at the beginning.
    #[inline]
    pub(super) fn place(&mut self, server: NodeId) -> usize {
        // Ids mostly count from 1.
        let guess = server.0.wrapping_sub(1) as usize;
        match self.servers.get(guess) {
            Some((known, _)) if *known == server => guess,
            _ => self.search(server),
        }
    }

    #[inline(never)]
    fn search(&mut self, server: NodeId) -> usize {
        self.servers.binary_search_by_key(&server, |(known, _)| *known).unwrap_or_else(|place| {
            let fresh = Server { log: History::of(self.founding.clone()), ..Server::default() };
            self.servers.insert(place, (server, fresh));
            place
        })
    }

    /// The server at a place that [`place`](Self::place) has given.
    #[inline]
    #[expect(
        clippy::indexing_slicing,
        reason = "places are only made by `place`, and servers are never removed"
    )]
    pub(super) fn at(&self, at: usize) -> &Server {
        &self.servers[at].1
    }

    #[inline]
    #[expect(clippy::indexing_slicing, reason = "as above")]
    pub(super) fn at_mut(&mut self, at: usize) -> &mut Server {
        &mut self.servers[at].1
    }

    #[inline]
    #[expect(clippy::indexing_slicing, reason = "as above")]
    pub(super) fn id(&self, at: usize) -> NodeId {
        self.servers[at].0
    }

    /// Who leads, or has led, this term.
    #[inline]
    pub(super) fn reign(&self, term: Term) -> Option<&Reign> {
        self.reigns.get(self.reign_place(term)?)
    }

    #[inline]
    pub(super) fn reign_mut(&mut self, term: Term) -> Option<&mut Reign> {
        let place = self.reign_place(term)?;
        self.reigns.get_mut(place)
    }

    #[inline]
    fn reign_place(&self, term: Term) -> Option<usize> {
        match self.reigns.last() {
            Some(newest) if newest.term == term => Some(self.reigns.len() - 1),
            _ => self.reigns.binary_search_by_key(&term, |reign| reign.term).ok(),
        }
    }

    /// Whether the leader of their term has made these entries, after that entry: then they are what everybody means by their names
    /// (Log Matching, figure 3).
    #[inline]
    pub(super) fn made(&self, entries: &Entries) -> Result<(), Guard> {
        let Entries { prev_term, first, last, term, membership } = entries;
        let made = self.reign(*term).is_some_and(|reign| {
            let before = if *first == reign.first { reign.before } else { *term };
            reign.first <= *first
                && *last <= reign.log.last().index
                && *prev_term == before
                && reign.has_memberships(*first, *last, membership.as_ref())
        });
        if made { Ok(()) } else { Err(Guard::NotMade { entry: EntryId { term: *term, index: *first } }) }
    }

    /// The rules of a membership: of its voters, and of the outgoing ones. What states none goes by what the cluster was founded with, and
    /// by majorities where that is always stated.
    pub(super) fn rules<'a>(&'a self, membership: &'a Membership) -> [&'a QuorumRule; 2] {
        let unstated = match &self.rule {
            QuorumRule::Flexible { .. } => &self.rule,
            // What is one short is no quorum.
            _ => &QuorumRule::Majority,
        };
        [membership.rule().unwrap_or(unstated), membership.outgoing_rule().unwrap_or(unstated)]
    }

    /// Whether those of whom `holds` is true are an election quorum (or a commit quorum) of the membership, of both halves where it is
    /// joint (6).
    #[inline]
    pub(super) fn is_quorum(
        &self,
        membership: &Membership,
        elects: bool,
        holds: impl Fn(NodeId) -> bool,
    ) -> bool {
        let [rule, outgoing_rule] = self.rules(membership);
        !membership.voters().is_empty()
            && has_quorum(rule, membership.voters(), elects, &holds)
            && (membership.outgoing().is_empty()
                || has_quorum(outgoing_rule, membership.outgoing(), elects, &holds))
    }
}

/// Whether those of whom `holds` is true are an election quorum (or a commit quorum) of these voters.
fn has_quorum(rule: &QuorumRule, voters: &[NodeId], elects: bool, holds: &impl Fn(NodeId) -> bool) -> bool {
    let said =
        |list: &[(NodeId, u32)], id: NodeId| list.iter().find(|(known, _)| *known == id).map(|(_, n)| *n);
    let held = || voters.iter().copied().filter(|id| holds(*id));
    let (all, count) = (voters.len(), held().count());
    let half = mutant!(all / 2 + 1, "specification-counts-half" => all.div_ceil(2));
    match rule {
        QuorumRule::Flexible { commit } => {
            let commit = (*commit).clamp(1, half);
            count >= if elects { half.max(all + 1 - commit) } else { commit }
        }
        QuorumRule::Weighted { weights } => {
            let weight = |id| u64::from(said(weights, id).unwrap_or(1));
            let whole: u64 = voters.iter().map(|id| weight(*id)).sum();
            2 * held().map(weight).sum::<u64>() > whole
        }
        QuorumRule::Zones { zones } => {
            // Each zone stands where the first of its voters does.
            let same = |a: NodeId, b: NodeId| {
                a == b || said(zones, a).is_some_and(|zone| said(zones, b) == Some(zone))
            };
            let first =
                |(at, id): &(usize, &NodeId)| voters.iter().take(*at).all(|other| !same(*other, **id));
            let (mut whole, mut won) = (0_usize, 0_usize);
            for (_, id) in voters.iter().enumerate().filter(first) {
                let of = || voters.iter().copied().filter(|other| same(*other, *id));
                whole += 1;
                won += usize::from(2 * of().filter(|voter| holds(*voter)).count() > of().count());
            }
            2 * won > whole
        }
        QuorumRule::Majority | QuorumRule::SabotagedOneShort => count >= half,
    }
}

impl Reign {
    /// Whether the memberships among these entries are just this one.
    #[inline]
    fn has_memberships(&self, first: Index, last: Index, membership: Option<&Arc<Membership>>) -> bool {
        let mut known = self.log.memberships(first.prev(), last);
        match membership {
            None => known.next().is_none(),
            Some(membership) => first == last && known.next().is_some_and(|(_, known)| known == membership),
        }
    }

    /// What somebody has acknowledged.
    #[inline]
    pub(super) fn acknowledged_by(&self, follower: NodeId) -> Option<&Acknowledged> {
        self.acknowledged.iter().find(|(id, _)| *id == follower).map(|(_, known)| known)
    }

    /// From which of its lives on what somebody has acknowledged counts.
    #[inline]
    pub(super) fn counts_since(&self, follower: NodeId) -> u32 {
        self.forgotten.iter().find(|(id, _)| *id == follower).map_or(0, |(_, life)| *life)
    }

    /// What somebody has acknowledged before this life of it counts no more.
    pub(super) fn forget(&mut self, follower: NodeId, life: u32) {
        match self.forgotten.iter_mut().find(|(id, _)| *id == follower) {
            Some((_, known)) => *known = life.max(*known),
            None => self.forgotten.push((follower, life)),
        }
    }
}
