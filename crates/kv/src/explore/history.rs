//! What an exploration of Raft remembers, and what it finds wrong.

use std::collections::BTreeMap;
use synod_core::{Bytes, NodeId};
use synod_raft::{EntryId, EntryKind, Event, Index, Raft, Role, Segment, Term};
use synod_sim::explore::{Observer, View};

/// Log Matching (figure 3 of the Raft paper) over all logs of a state: where two hold an entry of the same index and term, they
/// are equal up to it, as far as neither is compacted.
pub(super) fn log_matching(view: &View<'_, Raft, RaftHistory>) -> Result<(), String> {
    let logs: Vec<(NodeId, u64, Vec<Held>)> = view
        .up()
        .map(|(id, raft)| (id, raft.log().base().index.0, raft.log().segments().flat_map(held).collect()))
        .collect();
    for (place, (first, base, log)) in logs.iter().enumerate() {
        for (second, other_base, other) in logs.iter().skip(place + 1) {
            // Both from the same index on.
            let from = *base.max(other_base);
            let (log, other) = (after(log, from - base), after(other, from - other_base));
            let same = log.iter().zip(other).rposition(|(a, b)| a.term == b.term);
            if same.is_some_and(|last| log.get(..=last) != other.get(..=last)) {
                return Err(format!("{first} and {second} hold an equal entry after different ones"));
            }
        }
    }
    Ok(())
}

fn after(log: &[Held], skipped: u64) -> &[Held] {
    usize::try_from(skipped).ok().and_then(|skipped| log.get(skipped..)).unwrap_or(&[])
}

/// An entry, without its index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Held {
    term: Term,
    noop: bool,
    payload: Bytes,
}

fn held(segment: &Segment) -> impl Iterator<Item = Held> {
    segment.iter().map(|entry| Held {
        term: entry.term,
        noop: entry.kind == EntryKind::Noop,
        payload: Bytes::copy_from_slice(entry.payload),
    })
}

/// What an exploration of Raft remembers: who led each term, what is committed, and how much was when each read was asked. It
/// finds breaches of Election Safety, Leader Completeness and State Machine Safety; reads that are older than their question; logs
/// that begin after something else than what was committed; and applications that are taken back, or that miss entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RaftHistory {
    leaders: BTreeMap<Term, NodeId>,
    /// By index, from 1 on.
    committed: Vec<Held>,
    /// By the token of a read that is not answered yet.
    asked: BTreeMap<u64, Index>,
    /// How far the application of each node is, where that is followed: where logs are compacted.
    applied: Option<BTreeMap<NodeId, Index>>,
    /// Applications lose their states, and are taken back by what they asked for.
    forgetful: bool,
}

impl RaftHistory {
    /// Follows each node's application; `forgetful` ones may ask for a snapshot that takes them back.
    pub(super) fn following(forgetful: bool) -> Self {
        Self { applied: Some(BTreeMap::new()), forgetful, ..Self::default() }
    }

    /// How many entries are known to be committed.
    #[must_use]
    pub fn committed(&self) -> usize {
        self.committed.len()
    }

    /// The highest term that has had a leader.
    #[must_use]
    pub fn last_led(&self) -> Option<Term> {
        self.leaders.keys().next_back().copied()
    }

    fn commits(&mut self, node: NodeId, segment: &Segment) -> Result<(), String> {
        if let Some(applied) = &mut self.applied {
            // What a restarted node begins with is the business of its state, which is durable as far as the log is compacted.
            let before = applied.insert(node, segment.last());
            if let Some(before) = before.filter(|before| segment.first() > before.next()) {
                return Err(format!(
                    "{node} is given {} and has applied {before}: it misses entries",
                    segment.first()
                ));
            }
        }
        for (entry, held) in segment.iter().zip(held(segment)) {
            let place = usize::try_from(entry.index.0).unwrap_or(usize::MAX).saturating_sub(1);
            match self.committed.get(place) {
                Some(before) if *before != held => {
                    return Err(format!(
                        "state machine safety: {node} commits another entry at index {} than was committed before",
                        entry.index
                    ));
                }
                Some(_) => {}
                None if place == self.committed.len() => self.committed.push(held),
                None => return Err(format!("{node} commits index {} and skips one before", entry.index)),
            }
        }
        Ok(())
    }

    /// A snapshot is the application's state now.
    fn installs(&mut self, node: NodeId, last: EntryId) -> Result<(), String> {
        self.begins_after(node, last)?;
        let forgetful = self.forgetful;
        let Some(applied) = &mut self.applied else { return Ok(()) };
        match applied.insert(node, last.index) {
            Some(before) if before > last.index && !forgetful => {
                Err(format!("{node} has applied {before}, and its state is taken back to {}", last.index))
            }
            _ => Ok(()),
        }
    }

    /// What a compacted log, or a snapshot, stands for is what was committed.
    fn begins_after(&self, node: NodeId, base: EntryId) -> Result<(), String> {
        let Some(place) = base.index.0.checked_sub(1) else { return Ok(()) };
        let committed = usize::try_from(place).ok().and_then(|place| self.committed.get(place));
        if committed.is_some_and(|entry| entry.term == base.term) {
            return Ok(());
        }
        Err(format!("state machine safety: {node} begins after {base:?}, which was not committed"))
    }

    /// Whether a read sees everything that was committed anywhere before it was asked. One that never waited was asked just now.
    fn reads(&mut self, node: NodeId, token: u64, index: Index) -> Result<(), String> {
        let now = Index(self.committed.len() as u64);
        match self.asked.remove(&token).unwrap_or(now) {
            before if before > index => Err(format!(
                "linearizability: {node} serves a read at {index}, and {before} was committed before it was asked"
            )),
            _ => Ok(()),
        }
    }

    fn leads(&mut self, node: NodeId, raft: &Raft) -> Result<(), String> {
        let term = raft.term();
        let first = *self.leaders.entry(term).or_insert(node);
        if first != node {
            return Err(format!("election safety: {first} and {node} both lead term {term}"));
        }
        let compacted = usize::try_from(raft.log().base().index.0).unwrap_or(usize::MAX);
        let mut log = raft.log().segments().flat_map(held);
        // Leaders of earlier terms may lag behind: only what was committed before theirs ended binds them.
        let newest = self.leaders.keys().next_back() == Some(&term);
        if newest && self.committed.iter().skip(compacted).any(|entry| log.next().as_ref() != Some(entry)) {
            return Err(format!(
                "leader completeness: {node} leads term {term} without all that is committed"
            ));
        }
        Ok(())
    }
}

impl Observer<Raft> for RaftHistory {
    fn on_event(&mut self, node: NodeId, event: &Event) -> Result<(), String> {
        match event {
            Event::Committed(segment) => self.commits(node, segment),
            Event::ReadReady { token, index } => self.reads(node, *token, *index),
            Event::ReadRefused { token, .. } => {
                self.asked.remove(token);
                Ok(())
            }
            Event::Installed { last } => self.installs(node, *last),
            Event::Halted(error) => Err(format!("{node} halts: {error}")),
            _ => Ok(()),
        }
    }

    fn on_step(&mut self, node: NodeId, raft: Option<&Raft>) -> Result<(), String> {
        let Some(raft) = raft else {
            self.applied.as_mut().and_then(|applied| applied.remove(&node));
            return Ok(());
        };
        self.begins_after(node, raft.log().base())?;
        let committed = Index(self.committed.len() as u64);
        for token in raft.reads_waiting() {
            self.asked.entry(token).or_insert(committed);
        }
        if raft.role() == Role::Leader { self.leads(node, raft) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installed(term: u64, index: u64) -> Event {
        Event::Installed { last: EntryId { term: Term(term), index: Index(index) } }
    }

    fn committed(first: u64) -> Event {
        Event::Committed(Segment::noop(Index(first), Term(1)).unwrap())
    }

    #[test]
    fn a_snapshot_of_something_else_is_noticed() {
        let mut history = RaftHistory::default();
        history.on_event(NodeId(1), &committed(1)).unwrap();
        assert_eq!(history.clone().on_event(NodeId(2), &installed(1, 1)), Ok(()));
        for wrong in [installed(2, 1), installed(1, 2)] {
            let found = history.clone().on_event(NodeId(2), &wrong).unwrap_err();
            assert!(found.starts_with("state machine safety"), "{found}");
        }
    }

    #[test]
    fn an_application_that_is_taken_back_or_misses_entries_is_noticed() {
        let after = |forgetful| {
            let mut history = RaftHistory::following(forgetful);
            (1..=3).for_each(|index| history.on_event(NodeId(1), &committed(index)).unwrap());
            history
        };
        assert_eq!(after(false).on_event(NodeId(1), &installed(1, 3)), Ok(()));
        assert!(after(false).on_event(NodeId(1), &installed(1, 2)).unwrap_err().contains("taken back"));
        assert_eq!(after(true).on_event(NodeId(1), &installed(1, 2)), Ok(()));
        // The second node got a snapshot up to 1, and then 3.
        let mut history = after(false);
        history.on_event(NodeId(2), &installed(1, 1)).unwrap();
        assert!(history.clone().on_event(NodeId(2), &committed(3)).unwrap_err().contains("misses"));
        assert_eq!(history.on_event(NodeId(2), &committed(2)), Ok(()));
    }
}
