//! What a leader knows about each voter.

use crate::sending::Stream;
use crate::{Config, Index, Term};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use synod_core::mutant;

/// What a leader knows about one voter, itself included.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Progress {
    /// Durable there and equal to the leader's log up to here. Never goes back within a term.
    pub(crate) matched: Index,
    /// The next index to send.
    pub(crate) next: Index,
    pub(crate) pace: Pace,
    /// The snapshot that it is sent: while the pace says so, or beside the entries.
    pub(crate) stream: Option<Box<Stream>>,
    /// The last index of each batch on its way, and its payload bytes; oldest first.
    in_flight: VecDeque<(Index, usize)>,
    /// The sum of those bytes.
    in_flight_bytes: usize,
    /// Whether an acknowledgement has moved `matched` since the last heartbeat.
    pub(crate) moved: bool,
    /// Whether anything was heard since the last check of the quorum.
    pub(crate) heard: bool,
    /// The voter does not know what it has promised, so nothing that it says counts towards a quorum.
    pub(crate) doubted: bool,
    /// The last round of the leader's that it is known to have heard.
    pub(crate) round: u64,
    /// The last round that it was told.
    pub(crate) told_round: u64,
    /// The round in which the leader began to keep this. An answer to an earlier one is from an earlier life of a member that
    /// was removed and has come back, and speaks of a log that it may not have any more.
    pub(crate) since: u64,
    /// The commit index that this voter was last told and able to take.
    pub(crate) told: Index,
    /// There may be something to send.
    pub(crate) due: bool,
}

/// When something was said, in the leader's reckoning.
#[derive(Clone, Copy)]
pub(crate) struct Stamp {
    pub(crate) term: Term,
    /// The last round that the leader had begun, or that the answering voter had heard.
    pub(crate) round: u64,
}

/// How a leader sends to a follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Pace {
    /// Where the logs agree is unknown: one message at a time, and when it is unanswered, one for each heartbeat. Answering
    /// every rejection with everything again would multiply messages without bound.
    Probe {
        /// A message is on its way.
        paused: bool,
    },
    /// Batches follow each other without waiting, as far as the window allows.
    Replicate,
    /// It is sent a snapshot, and no entries until it has that.
    Snapshot,
}

impl Progress {
    /// The state at the beginning of a term, or of a membership: in the leader's round `since`.
    pub(crate) fn new(next: Index, since: u64) -> Self {
        Self {
            matched: Index::ZERO,
            next,
            pace: Pace::Probe { paused: false },
            stream: None,
            in_flight: VecDeque::new(),
            in_flight_bytes: 0,
            moved: false,
            // A new leader has just heard from a quorum of voters; it gives the rest as long as everybody.
            heard: true,
            doubted: false,
            round: 0,
            told_round: 0,
            since,
            told: Index::ZERO,
            due: false,
        }
    }

    /// The voter acknowledged everything up to `matched`. Says whether that is news.
    pub(crate) fn acknowledged(&mut self, matched: Index) -> bool {
        while let Some((last, bytes)) = self.in_flight.front().copied() {
            if mutant!(last > matched, "window-leaks" => last != matched) {
                break;
            }
            self.in_flight.pop_front();
            self.in_flight_bytes -= bytes;
        }
        let news = matched > self.matched;
        if news {
            self.matched = matched;
            self.moved = true;
        }
        // A late acknowledgement does not end a probe of something later; the probe's own answer does.
        if matches!(self.pace, Pace::Probe { .. })
            && mutant!(matched >= self.next.prev(), "probe-for-ever" => matched == self.next)
        {
            self.pace = Pace::Replicate;
        }
        self.next = self.next.max(self.matched.next());
        news
    }

    /// The voter does not have the entry at `prev`; `candidate` is the last that can be common. Says whether it was the
    /// answer to something that still matters.
    pub(crate) fn rejected(&mut self, prev: Index, candidate: Index) -> bool {
        let current = match self.pace {
            Pace::Probe { .. } => prev == self.next.prev(),
            Pace::Replicate => prev < self.next,
            Pace::Snapshot => false,
        };
        // What has been acknowledged cannot be missing: the rejection is older.
        if !current || prev <= self.matched {
            return false;
        }
        self.next = prev.min(candidate.next()).max(self.matched.next());
        self.probe(false);
        true
    }

    /// Falls back to one message at a time.
    pub(crate) fn probe(&mut self, paused: bool) {
        self.pace = Pace::Probe { paused };
        mutant!(self.empty_window(), "window-leaks" => ());
    }

    fn empty_window(&mut self) {
        self.in_flight.clear();
        self.in_flight_bytes = 0;
    }

    /// Whether no more batches may be sent until some are acknowledged. One always may, whatever its size.
    pub(crate) fn is_full(&self, config: &Config) -> bool {
        let many = self.in_flight.len() >= config.in_flight_max;
        many || (self.in_flight_bytes >= config.in_flight_bytes_max && !self.in_flight.is_empty())
    }

    /// A batch up to `last`, with so many payload bytes, was sent.
    pub(crate) fn sent(&mut self, last: Index, bytes: usize) {
        match self.pace {
            Pace::Probe { .. } => self.pace = Pace::Probe { paused: true },
            Pace::Replicate => {
                self.next = last.next();
                self.in_flight.push_back((last, bytes));
                self.in_flight_bytes += bytes;
            }
            Pace::Snapshot => {}
        }
    }

    /// No entries until it has a snapshot.
    pub(crate) fn pause_for_snapshot(&mut self) {
        self.empty_window();
        self.pace = Pace::Snapshot;
    }

    /// It has the snapshot, and needs no more.
    pub(crate) fn end_snapshot(&mut self) {
        self.stream = None;
        if self.pace == Pace::Snapshot {
            // What is known to match is there, and entries follow on that.
            self.pace = Pace::Replicate;
            self.next = self.matched.next();
        }
        self.due = true;
    }

    /// How many batches are on their way.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// How many entries are in them.
    pub(crate) fn in_flight_entries(&self) -> u64 {
        if self.in_flight.is_empty() { 0 } else { self.next.prev().since(self.matched) }
    }

    /// How many bytes of payloads are in them.
    pub(crate) fn in_flight_bytes(&self) -> usize {
        self.in_flight_bytes
    }
}
