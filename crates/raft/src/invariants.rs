//! The five safety properties of the Raft paper (figure 3), as an observer that can be asked after every step.
//!
//! The observer keeps a history of its own: who led which term, what every entry that was ever seen contained, what was ever
//! seen committed. It never trusts one node about another.
//!
//! A node that has not changed costs one comparison, a node that has grown costs its new entries, and only a node whose
//! log was cut is read again from the cut. Payloads that are the same piece of memory are not compared byte by byte.

use crate::{Entry, EntryId, EntryKind, Index, Membership, Raft, Role, Segment, Standing, Term};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use synod_core::{Bytes, NodeId, mutant};

/// Watches the nodes of one cluster. Ask it after every step of any node, or as often as is affordable: what happens and is
/// undone between two observations goes unseen.
///
/// ```
/// use synod_core::{NodeId, testing::Bench};
/// use synod_raft::{Command, Config, Raft, invariants::Safety};
///
/// let id = NodeId(1);
/// let mut node = Bench::new(id, Raft::new(Config::new(id, [id])).unwrap());
/// let mut safety = Safety::default();
/// node.start().unwrap();
/// node.input(synod_core::Input::Command(Command::Campaign));
/// node.sync().unwrap();
/// assert_eq!(safety.observe(id, &node.protocol), Ok(()));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Safety {
    /// By id: a handful, looked up at every observation.
    nodes: Vec<(NodeId, Seen)>,
    leaders: BTreeMap<Term, NodeId>,
    /// By index: what the first log that was seen so far held there.
    history: Vec<Option<Variant>>,
    /// What others held there, in other terms: only after a change of leaders is there any.
    others: BTreeMap<EntryId, Variant>,
    /// By index: what was committed there.
    committed: Vec<Committed>,
    /// Memberships in entries that were seen, committed or not; and the one with which the cluster was founded.
    memberships: BTreeMap<EntryId, Membership>,
    founded: Option<Arc<Membership>>,
}

/// What a node looked like when it was last observed.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// Never observed.
    new: bool,
    /// How often term, role or leader had changed.
    turns: u64,
    edits: u64,
    truncations: u64,
    /// The log was read up to here.
    last: EntryId,
    commit: Index,
    settled: Index,
    led: Option<Term>,
    /// Where the membership in effect was entered, and how many were not committed.
    memberships: (Option<Index>, usize),
}

/// An entry that was seen.
#[derive(Clone, Debug)]
struct Variant {
    term: Term,
    /// The term of the entry before: equal names then mean equal logs, by induction.
    before: Term,
    kind: EntryKind,
    /// Kept, so that this memory is nobody else's: the same address is then the same content.
    payload: Bytes,
}

#[derive(Clone, Copy, Debug)]
struct Committed {
    /// The entry's name; what it held is in the history, once and for all.
    term: Term,
    /// The lowest term in which a node was seen to know that it is committed.
    known_in: Term,
}

/// A safety property that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// Election Safety: at most one leader is elected in a term.
    #[error("election safety: {first} and {second} both lead term {term}")]
    ElectionSafety {
        /// The term.
        term: Term,
        /// Who was seen first.
        first: NodeId,
        /// Who was seen then.
        second: NodeId,
    },
    /// Leader Append-Only: a leader never overwrites or deletes entries of its log.
    #[error("leader append-only: {leader} leads term {term} and removed entries after index {kept}")]
    LeaderAppendOnly {
        /// The leader.
        leader: NodeId,
        /// Its term.
        term: Term,
        /// What was left of its log.
        kept: Index,
    },
    /// Log Matching: two logs that hold an entry of the same index and term are equal up to it.
    #[error(
        "log matching: {node} holds another entry {entry} than was seen before, or another one before it"
    )]
    LogMatching {
        /// The node.
        node: NodeId,
        /// The entry.
        entry: EntryId,
    },
    /// Leader Completeness: what was committed in a term is in the logs of the leaders of all later terms.
    #[error("leader completeness: {leader} leads term {term} without the committed entry {entry}")]
    LeaderCompleteness {
        /// The leader.
        leader: NodeId,
        /// Its term.
        term: Term,
        /// The entry.
        entry: EntryId,
    },
    /// One change of the membership at a time: two that are not committed may have quorums that do not meet.
    #[error(
        "one change at a time: {leader} leads term {term} with two memberships of its own that are not committed"
    )]
    TwoChanges {
        /// The leader.
        leader: NodeId,
        /// Its term.
        term: Term,
    },
    /// A leader leads no longer than until its own removal is committed.
    #[error("removed leader: {leader} leads term {term} and is no voter of the committed membership")]
    RemovedLeader {
        /// The leader.
        leader: NodeId,
        /// Its term.
        term: Term,
    },
    /// The membership in effect is that of the last such entry in the log.
    #[error("membership: {node} goes by a membership at index {index}, where its log holds none")]
    Membership {
        /// The node.
        node: NodeId,
        /// The index.
        index: Index,
    },
    /// State Machine Safety: no two nodes apply different entries at an index.
    #[error(
        "state machine safety: {node} committed another entry at index {index} than was committed before"
    )]
    StateMachineSafety {
        /// The node.
        node: NodeId,
        /// The index.
        index: Index,
    },
    /// What was compacted, or taken over as a snapshot, must be what was committed: it replaces it.
    #[error("snapshots: the log of {node} begins after {base}, which is not what was committed there")]
    Snapshot {
        /// The node.
        node: NodeId,
        /// The entry before the first of its log.
        base: EntryId,
    },
    /// A snapshot comes with the membership that was in effect and committed at its moment (section 5.1 of the thesis).
    #[error("snapshots: {node} goes by another membership at index {index} than was in effect there")]
    SnapshotMembership {
        /// The node.
        node: NodeId,
        /// How far its snapshot goes.
        index: Index,
    },
}

impl Violation {
    /// What is wrong with the memberships that a node goes by.
    fn of_membership(node: NodeId, raft: &Raft) -> Option<Self> {
        mutant!("blind-to-memberships" => return None);
        let entered = raft.roster.entered();
        let held = |index| raft.log().segment_at(index).is_some_and(Segment::is_membership);
        if let Some(index) = entered.filter(|index| *index > raft.log().base().index && !held(*index)) {
            return Some(Self::Membership { node, index });
        }
        if raft.role() != Role::Leader {
            return None;
        }
        let (leader, term) = (node, raft.term());
        let settled = raft.memberships_uncommitted() == 0;
        if settled && raft.membership().standing(leader) != Some(Standing::Voter) {
            return Some(Self::RemovedLeader { leader, term });
        }
        // Those of its predecessors may be committed without its knowing.
        let open = raft.roster.between(raft.commit_index(), Index::MAX);
        let own = open.filter(|(index, _)| raft.term_at(*index) == Some(term)).count();
        (own > 1).then_some(Self::TwoChanges { leader, term })
    }
}

impl Safety {
    /// Looks at a node. O(1) if it has not changed, O(new entries) otherwise, O(entries after the cut) when its log was cut.
    ///
    /// # Errors
    /// The first property found broken.
    #[inline]
    pub fn observe(&mut self, node: NodeId, raft: &Raft) -> Result<(), Violation> {
        mutant!("observer-never-looks" => return Ok(()));
        let place = self.place_of(node);
        match self.nodes.get(place) {
            Some((_, seen)) if !seen.is(raft) => self.look(place, node, raft),
            _ => Ok(()),
        }
    }

    /// Where the notes about a node are. Ids mostly count from 1.
    #[inline]
    fn place_of(&mut self, node: NodeId) -> usize {
        let guess = node.0.wrapping_sub(1) as usize;
        match self.nodes.get(guess) {
            Some((known, _)) if *known == node => guess,
            _ => self.search(node),
        }
    }

    #[inline(never)]
    fn search(&mut self, node: NodeId) -> usize {
        self.nodes.binary_search_by_key(&node, |(known, _)| *known).unwrap_or_else(|place| {
            self.nodes.insert(place, (node, Seen::NOTHING));
            place
        })
    }

    #[inline(never)]
    fn look(&mut self, place: usize, node: NodeId, raft: &Raft) -> Result<(), Violation> {
        let Some((_, before)) = self.nodes.get(place) else { return Ok(()) };
        let Seen { led, last, commit, settled, memberships: seen_memberships, .. } = *before;
        let grown = before.edits != raft.log().edits() || before.new;
        let cut = Self::cut(before, raft);
        let leads = if raft.role() == Role::Leader { Some(raft.term()) } else { None };
        if led != leads {
            self.election_safety(node, leads)?;
        }
        if let (Some(term), Some(kept)) = (leads, cut)
            && mutant!(led == Some(term), "blind-to-leaders-that-cut" => false)
        {
            return Err(Violation::LeaderAppendOnly { leader: node, term, kept });
        }
        if grown {
            self.replaced(node, raft.log().base())?;
            let known = match cut {
                None => last,
                Some(kept) => {
                    let index = kept.min(last.index);
                    EntryId { term: raft.term_at(index).unwrap_or_default(), index }
                }
            };
            self.log_matching(node, raft, known)?;
        }
        // A commit that has not moved, on a log that was not cut, is as it was.
        let moved = cut.is_some() || commit != raft.commit_index();
        let news = moved && self.state_machine_safety(node, raft, commit, cut.is_some())?;
        if leads.is_some() && led != leads {
            self.leader_completeness(node, raft)?;
        }
        if settled != raft.roster.settled().0 || self.founded.is_none() {
            self.settled_membership(node, raft)?;
        }
        let memberships = raft.roster.outline(raft.commit_index());
        if cut.is_some() || led != leads || memberships != seen_memberships {
            Violation::of_membership(node, raft).map_or(Ok(()), Err)?;
        }
        if let Some((_, seen)) = self.nodes.get_mut(place) {
            seen.memberships = memberships;
            seen.settled = raft.roster.settled().0;
            seen.note(raft, leads, grown);
        }
        if news { self.leaders_seen_are_complete(raft.term()) } else { Ok(()) }
    }

    /// A node has crashed: it comes back with what was on its disk, and commits from the first entry again.
    pub fn crashed(&mut self, node: NodeId) {
        self.nodes.retain(|(id, _)| *id != node);
    }

    /// How many entries were seen committed.
    #[must_use]
    pub fn committed(&self) -> Index {
        Index(self.committed.len() as u64)
    }

    fn election_safety(&mut self, node: NodeId, leads: Option<Term>) -> Result<(), Violation> {
        mutant!("blind-to-two-leaders" => return Ok(()));
        let Some(term) = leads else { return Ok(()) };
        match *self.leaders.entry(term).or_insert(node) {
            first if first == node => Ok(()),
            first => Err(Violation::ElectionSafety { term, first, second: node }),
        }
    }

    /// What was left of the log when it was cut since the last observation.
    fn cut(before: &Seen, raft: &Raft) -> Option<Index> {
        let (count, kept) = raft.log().truncations();
        match count.checked_sub(before.truncations) {
            Some(0) => None,
            Some(1) => Some(kept),
            // Several cuts, of which only the last is known.
            _ => Some(Index::ZERO),
        }
    }

    /// What a log begins after stands for everything before: somebody must have committed it.
    fn replaced(&self, node: NodeId, base: EntryId) -> Result<(), Violation> {
        mutant!("blind-to-other-snapshots" => return Ok(()));
        let committed = self.committed.get(place(base.index)).map(|committed| committed.term);
        if base == EntryId::ZERO || committed == Some(base.term) {
            Ok(())
        } else {
            Err(Violation::Snapshot { node, base })
        }
    }

    /// The membership that a node goes by where its log has been compacted, or never was.
    fn settled_membership(&mut self, node: NodeId, raft: &Raft) -> Result<(), Violation> {
        mutant!("blind-to-memberships" => return Ok(()));
        let (index, membership) = raft.roster.settled();
        if *index == Index::ZERO {
            // Whoever joins knows of nobody.
            if self.founded.is_none() && !membership.members().is_empty() {
                self.founded = Some(Arc::clone(membership));
            }
            return Ok(());
        }
        let is_committed = |id: &EntryId| {
            id.index <= *index
                && self.committed.get(place(id.index)).is_some_and(|known| known.term == id.term)
        };
        let entered = self.memberships.iter().rev().find(|(id, _)| is_committed(id));
        let right = entered.map(|(_, right)| right).or(self.founded.as_deref());
        // Whoever joins knows of nobody before the first entry that says it.
        if membership.members().is_empty() || right.is_none_or(|right| **membership == *right) {
            Ok(())
        } else {
            Err(Violation::SnapshotMembership { node, index: *index })
        }
    }

    /// Reads the entries after `known`.
    fn log_matching(&mut self, node: NodeId, raft: &Raft, known: EntryId) -> Result<(), Violation> {
        mutant!("blind-to-other-entries" => return Ok(()));
        // What is compacted was compared with what is committed.
        let known = if known.index < raft.log().base().index { raft.log().base() } else { known };
        let mut before = known.term;
        // Mostly one segment is new.
        match raft.log().newest() {
            Some(newest) if newest.first() == known.index.next() => {
                self.read(node, newest, known.index, &mut before)
            }
            _ => {
                let mut segments = raft.log().segments_from(known.index.next());
                segments.try_for_each(|segment| self.read(node, segment, known.index, &mut before))
            }
        }
    }

    /// Reads the entries of a segment after `known`.
    fn read(
        &mut self,
        node: NodeId,
        segment: &Segment,
        known: Index,
        before: &mut Term,
    ) -> Result<(), Violation> {
        if segment.is_hollow() {
            // A witness knows names, and nothing of what they stand for.
            *before = segment.term();
            return Ok(());
        }
        for entry in segment.iter() {
            if entry.index <= known {
                continue;
            }
            if !self.admit(segment, &entry, *before) {
                let entry = EntryId { term: entry.term, index: entry.index };
                return Err(Violation::LogMatching { node, entry });
            }
            *before = entry.term;
        }
        Ok(())
    }

    /// Whether the entry is new or equal to the one of its term.
    #[inline]
    fn admit(&mut self, segment: &Segment, entry: &Entry<'_>, before: Term) -> bool {
        let place = place(entry.index);
        let id = EntryId { term: entry.term, index: entry.index };
        if let Some(known) = self.variant(id) {
            return known.before == before && known.holds(entry);
        }
        if entry.kind == EntryKind::Membership
            && let Some(membership) = segment.to_membership()
        {
            self.memberships.insert(id, membership);
        }
        let payload = segment.share(entry);
        let new = Variant { term: entry.term, before, kind: entry.kind, payload };
        match self.history.get_mut(place) {
            Some(first @ None) => *first = Some(new),
            Some(Some(_)) => {
                self.others.insert(id, new);
            }
            None => {
                // Mostly it is the next; a log that begins after a snapshot leaves what it does not hold to others.
                self.history.resize(place, None);
                self.history.push(Some(new));
            }
        }
        true
    }

    /// Compares what the node has committed since `known`. Says whether anything was committed for the first time.
    fn state_machine_safety(
        &mut self,
        node: NodeId,
        raft: &Raft,
        known: Index,
        cut: bool,
    ) -> Result<bool, Violation> {
        mutant!("blind-to-other-commits" => return Ok(false));
        let commit = raft.commit_index();
        if commit < known {
            return Err(Violation::StateMachineSafety { node, index: commit.next() });
        }
        // What the node committed before must still be there, which only a cut can change; names are enough, the contents were
        // compared when read.
        if raft.last_index() < commit || (cut && !self.agrees(raft, known)) {
            return Err(Violation::StateMachineSafety { node, index: known });
        }
        // Mostly one more is committed.
        if commit == known.next()
            && let Some(term) = raft.term_at(commit)
        {
            return self.commit(node, commit, term, raft.term());
        }
        let mut news = false;
        for segment in raft.log().segments_from(known.next()) {
            let mut index = segment.first().max(known.next());
            let last = segment.last().min(commit);
            if index > last {
                break;
            }
            while index <= last {
                news |= self.commit(node, index, segment.term(), raft.term())?;
                index = index.next();
            }
        }
        Ok(news)
    }

    /// A node knows that the entry of this index and term is committed. Says whether it is the first to know.
    #[inline]
    fn commit(&mut self, node: NodeId, index: Index, term: Term, known_in: Term) -> Result<bool, Violation> {
        match self.committed.get_mut(place(index)) {
            // The name is enough: what it stands for was compared when it was read.
            Some(old) if old.term == term => {
                old.known_in = old.known_in.min(known_in);
                Ok(false)
            }
            Some(_) => Err(Violation::StateMachineSafety { node, index }),
            None => {
                self.committed.push(Committed { term, known_in });
                Ok(true)
            }
        }
    }

    fn agrees(&self, raft: &Raft, index: Index) -> bool {
        match self.committed.get(place(index)) {
            // What is compacted was compared with what is committed.
            Some(_) if index <= raft.log().base().index => true,
            Some(committed) if index > Index::ZERO => raft.term_at(index) == Some(committed.term),
            _ => true,
        }
    }

    /// The new leader's log holds everything that was committed in an earlier term. By Log Matching the last such entry
    /// stands for all before it.
    fn leader_completeness(&self, leader: NodeId, raft: &Raft) -> Result<(), Violation> {
        mutant!("blind-to-lost-entries" => return Ok(()));
        let term = raft.term();
        let earlier = self.committed.iter().rposition(|committed| committed.known_in < term);
        match earlier.and_then(|place| Some((place, self.committed.get(place)?))) {
            Some((place, committed)) => {
                let entry = EntryId { term: committed.term, index: Index(place as u64 + 1) };
                let compacted = entry.index <= raft.log().base().index;
                if compacted || raft.term_at(entry.index) == Some(entry.term) {
                    Ok(())
                } else {
                    Err(Violation::LeaderCompleteness { leader, term, entry })
                }
            }
            None => Ok(()),
        }
    }

    /// Something was committed in `term` for the first time: the leaders of later terms, seen already, must hold it. What they
    /// held when they were last seen is in the history; a leader's log only grows.
    fn leaders_seen_are_complete(&self, term: Term) -> Result<(), Violation> {
        let (Some(committed), index) = (self.committed.last(), self.committed()) else { return Ok(()) };
        for (node, seen) in &self.nodes {
            let Some(led) = seen.led.filter(|led| *led > term) else { continue };
            let entry = EntryId { term: committed.term, index };
            if !self.held_before(seen.last, entry) {
                return Err(Violation::LeaderCompleteness { leader: *node, term: led, entry });
            }
        }
        Ok(())
    }

    /// Whether the log that ends with `last` holds `entry`, walking back through the history.
    fn held_before(&self, last: EntryId, entry: EntryId) -> bool {
        let mut at = last;
        while at.index > entry.index {
            match self.variant(at) {
                Some(variant) => at = EntryId { term: variant.before, index: at.index.prev() },
                None => return false,
            }
        }
        at == entry
    }

    #[inline]
    fn variant(&self, entry: EntryId) -> Option<&Variant> {
        match self.history.get(place(entry.index))? {
            Some(first) if first.term == entry.term => Some(first),
            None => None,
            Some(_) => self.others.get(&entry),
        }
    }
}

impl Seen {
    const NOTHING: Self = Self {
        new: true,
        turns: 0,
        edits: 0,
        truncations: 0,
        last: EntryId::ZERO,
        commit: Index::ZERO,
        led: None,
        settled: Index::ZERO,
        memberships: (None, 0),
    };

    /// Whether the node still looks like that.
    #[inline]
    fn is(&self, raft: &Raft) -> bool {
        self.edits == raft.log().edits()
            && self.commit == raft.commit_index()
            && self.turns == raft.turns.0
            && !self.new
    }

    #[inline]
    fn note(&mut self, raft: &Raft, leads: Option<Term>, grown: bool) {
        self.new = false;
        self.turns = raft.turns.0;
        self.commit = raft.commit_index();
        self.led = leads;
        if grown {
            self.edits = raft.log().edits();
            self.truncations = raft.log().truncations().0;
            self.last = raft.log().last();
        }
    }
}

impl Variant {
    #[inline]
    fn holds(&self, entry: &Entry<'_>) -> bool {
        let same_memory = core::ptr::eq(self.payload.as_ptr(), entry.payload.as_ptr())
            && self.payload.len() == entry.payload.len();
        self.kind == entry.kind && (same_memory || self.payload == entry.payload)
    }
}

fn place(index: Index) -> usize {
    usize::try_from(index.prev().0).unwrap_or(usize::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests;
