//! What a log on disk means, read by the specification itself.

use super::history::History;
use super::state::{Disk, Part, Server};
use super::{Entries, Guard, HardState, Spec, Written};
use crate::{EntryId, Index, Membership, QuorumRule, Term};
use alloc::sync::Arc;
use alloc::vec::Vec;
use synod_core::NodeId;

/// A disk that is being read.
#[derive(Clone, Debug)]
pub(super) struct Recovering {
    term: Term,
    voted_for: Option<NodeId>,
    log: History,
    snapshot: EntryId,
    damaged: bool,
}

impl Recovering {
    pub(super) fn of(founding: Arc<Membership>) -> Self {
        let log = History::of(founding);
        Self { term: Term::ZERO, voted_for: None, log, snapshot: EntryId::ZERO, damaged: false }
    }

    /// From here on it is not known what was there.
    pub(super) fn unreadable(&mut self) {
        self.damaged = true;
    }

    pub(super) fn found(&mut self, record: &Written) {
        match record {
            Written::HardState(state) => self.state(*state),
            Written::Entries(entries) => self.entries(entries),
            Written::Snapshot { state, last, membership } => {
                self.state(*state);
                self.snapshot(*last, membership);
            }
            Written::Mended { state, last } => {
                self.state(*state);
                if !self.damaged && self.log.holds(*last) {
                    self.log.truncate(last.index.next());
                }
            }
        }
    }

    fn state(&mut self, HardState { term, voted_for, doubt }: HardState) {
        (self.term, self.voted_for) = (term, voted_for);
        self.damaged |= doubt;
    }

    /// What differs supersedes what was there.
    fn entries(&mut self, entries: &Entries) {
        if self.damaged {
            return;
        }
        let mut prev = entries.prev();
        if prev.index < self.log.base().index && self.log.base().index <= self.snapshot.index {
            // Covered by the snapshot.
            if entries.last <= self.log.base().index {
                return;
            }
            prev = self.log.base();
        }
        if !self.log.holds(prev) {
            // The records before were released. What stands here begins in the middle, until a snapshot covers what is before.
            self.log.reset(prev);
        }
        if let Some(from) = self.log.first_difference(entries) {
            self.log.truncate(from);
            self.log.push(entries.last, entries.term, entries.membership.clone());
        }
    }

    fn snapshot(&mut self, last: EntryId, membership: &Arc<Membership>) {
        let anchored = self.log.base().index <= self.snapshot.index;
        self.snapshot = last;
        if !self.damaged && !self.log.holds(last) && anchored {
            self.log.reset(last);
        }
        self.log.restore(last.index, membership.clone());
    }
}

impl Spec {
    /// The cluster is founded by the first who know its members.
    pub(super) fn found(&mut self, founding: &Arc<Membership>, rule: QuorumRule) {
        if self.founding.is_empty() && !founding.is_empty() {
            self.founding = founding.clone();
            self.committed.restore(Index::ZERO, founding.clone());
            self.rule = rule;
        }
    }

    /// A server comes back with what was found on its disk.
    pub(super) fn resume(&mut self, at: usize, found: Recovering) {
        let id = self.id(at);
        let Recovering { term, voted_for, log, snapshot, damaged } = found;
        // A vote that was not durable was told to nobody.
        for (_, lost) in core::mem::take(&mut self.at_mut(at).disk.votes) {
            self.cast.remove(&(lost, id));
        }
        if let Some(voted_for) = voted_for {
            self.cast.entry((term, id)).or_insert(voted_for);
        }
        // An emptied disk is no better than a damaged one.
        let emptied = term == Term::ZERO && log.last() == EntryId::ZERO && self.at(at).term > Term::ZERO;
        let died_in_doubt = self.at(at).in_doubt;
        let mut life = self.at(at).life + u32::from(damaged || emptied);
        *self.at_mut(at) = Server {
            term,
            voted_for,
            log,
            snapshot,
            part: Part::Follower,
            commit: snapshot.index,
            votes: Vec::new(),
            matched: Vec::new(),
            doubtful: Vec::new(),
            damaged,
            in_doubt: damaged,
            died_in_doubt,
            life,
            disk: Disk::default(),
        };
        // What it has acknowledged and does not hold any more is of an earlier life.
        let Self { servers, reigns, .. } = self;
        let Some((_, server)) = servers.get_mut(at) else { return };
        for reign in reigns {
            let log = &reign.log;
            let kept = |matched: Index| {
                matched <= server.commit || server.log.term_at(matched) == log.term_at(matched)
            };
            let of = reign.acknowledged.iter_mut().find(|(known, _)| *known == id);
            if let Some((_, known)) = of.filter(|(_, known)| damaged || emptied || !kept(known.now)) {
                life = life.max(known.life + 1);
                known.ends(life);
            }
        }
        server.life = life;
    }

    /// A server that was damaged says that nothing is missing any more, and that it is in this term.
    pub(super) fn is_whole(&self, at: usize, term: Term) -> Result<(), Guard> {
        let id = self.id(at);
        // Who was elected, or has led, in a later term, and has kept that on its own disk, would have told.
        let kept = |other: NodeId| {
            other != id && self.servers.iter().any(|(known, of)| *known == other && of.life == 0)
        };
        let votes = self.cast.iter().filter(|((_, voter), candidate)| *voter == id && kept(**candidate));
        let votes = votes.map(|((of, _), _)| *of);
        let heard =
            self.reigns.iter().filter(|reign| kept(reign.leader) && reign.acknowledged_by(id).is_some());
        match votes.chain(heard.map(|reign| reign.term)).max() {
            Some(promised) if promised > term => Err(Guard::PromiseForgotten { term: promised }),
            _ => Ok(()),
        }
    }

    /// A term that damage has left a trace of.
    pub(super) fn raise(&mut self, at: usize, term: Term) {
        let server = self.at_mut(at);
        if term > server.term {
            (server.term, server.voted_for) = (term, None);
        }
        self.highest = self.highest.max(term);
    }
}
