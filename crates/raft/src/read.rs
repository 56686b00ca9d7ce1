//! Linearizable reads that write nothing (ReadIndex, section 6.4 of Ongaro's thesis), and reads that may be stale.
//!
//! A read is asked of any node. The leader notes how far it has committed, *then* makes sure that it still leads, and the
//! read is served by whoever has applied as much. One round of messages serves all reads that came before it.

use crate::{Config, Event, Illegal, Index, Message, Raft, Role, Timer};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;
use synod_core::{Context, NodeId, Sink, Time, mutant};

/// Rounds that a leader has under way at the same time. Reads that come while all are wait for the first to be answered, so
/// that under load one round serves many.
const ROUNDS_MAX: usize = 4;

/// What a reader asks for, and what may be relied on to give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadMode {
    /// Linearizable, whatever the clocks do: the leader asks a quorum whether it still leads.
    Index,
    /// Linearizable as long as no clock's rate is off by more than
    /// [`Config::clock_drift_ppm_max`](crate::Config::clock_drift_ppm_max): while its lease lasts, the leader asks nobody. Where
    /// there is no lease ([`Config::leases`](crate::Config::leases) is off, or it has run out) this is [`ReadMode::Index`].
    Lease,
    /// As [`ReadMode::Lease`], but the log is the lease ([`Config::lease_guard`](crate::Config::lease_guard)): it lasts for a
    /// time after the last entry that was committed. Where there is none this is [`ReadMode::Index`].
    LeaseGuard,
    /// Not older than is said, and otherwise whatever this node has: mostly without a message.
    Stale {
        /// How long ago the state may have been the newest, by this node's clock. Where nothing so young is known here, the read
        /// becomes a [`ReadMode::Index`], and the next ones profit from it. `None` for any age.
        age_max: Option<Duration>,
        /// The state must hold this entry: [`Index::ZERO`], or that of the reader's own last write.
        index_min: Index,
    },
}

/// Why a read was not served. It can be asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReadRefusal {
    /// This node knows of no leader.
    NoLeader,
    /// This node led, and ceased to before a quorum had confirmed it.
    Deposed,
    /// For twice the longest election timeout the leader has not answered, or has led and heard no quorum that confirms it.
    TimedOut,
    /// As many reads wait as [`Config::reads_max`](crate::Config::reads_max) allows.
    Busy,
}

/// The reads that a node has not answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Reads {
    /// Leader: who waits, in order. The first of them are in `rounds`; for the rest no round was begun yet.
    queue: VecDeque<Waiting>,
    /// Leader: the last question of each other node in `queue`, so that one that is repeated is not looked for among all.
    asking: BTreeMap<NodeId, u64>,
    /// Leader: what is being confirmed, oldest first.
    rounds: VecDeque<Round>,
    /// Not the leader: what the leader was asked, or will be at the end of the burst; oldest first.
    asked: VecDeque<Asked>,
    /// The number of the last question to a leader.
    number: u64,
    /// Confirmed, but this node does not know yet that so much is committed.
    ready: Vec<(u64, Index)>,
    /// When this node last knew for certain how much was committed, and what that was.
    fresh: Option<(Time, Index)>,
}

/// A read of the application here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Own {
    token: u64,
    index_min: Index,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Reader {
    Own(Own),
    Peer { id: NodeId, number: u64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Waiting {
    since: Time,
    reader: Reader,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Round {
    round: u64,
    began: Time,
    index: Index,
    readers: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Asked {
    /// 0 until it was sent.
    number: u64,
    at: Time,
    read: Own,
    /// What the leader may rely on.
    mode: ReadMode,
}

impl Raft {
    /// The reads of the application that this node has not answered yet, by their tokens. O(reads).
    pub fn reads_waiting(&self) -> impl Iterator<Item = u64> + '_ {
        let Reads { queue, asked, ready, .. } = &self.reads;
        let own = queue.iter().filter_map(|waiting| match waiting.reader {
            Reader::Own(read) => Some(read.token),
            Reader::Peer { .. } => None,
        });
        own.chain(asked.iter().map(|asked| asked.read.token)).chain(ready.iter().map(|(token, _)| *token))
    }

    /// How many reads are not answered, other nodes' among them.
    pub(crate) fn reads_pending(&self) -> usize {
        self.reads.queue.len() + self.reads.asked.len() + self.reads.ready.len()
    }

    /// The application wants to read.
    pub(crate) fn on_read<S: Sink<Self> + ?Sized>(
        &mut self,
        token: u64,
        mode: ReadMode,
        cx: &mut Context<'_, Self, S>,
    ) {
        let mut read = Own { token, index_min: Index::ZERO };
        if let ReadMode::Stale { age_max, index_min } = mode {
            read.index_min = index_min;
            if let Some(index) = self.fresh_enough(age_max, cx.now()) {
                return self.serve(read, index, cx);
            }
        }
        if self.role == Role::Leader {
            match self.leased(mode, cx.now()) {
                Some(index) => self.serve(read, index, cx),
                None => self.enqueue(Reader::Own(read), cx.now(), cx),
            }
        } else if self.leader.is_none() {
            self.refuse(token, ReadRefusal::NoLeader, cx);
        } else if self.reads.asked.len() >= self.config.reads_max {
            self.refuse(token, ReadRefusal::Busy, cx);
        } else {
            self.reads.asked.push_back(Asked { number: 0, at: cx.now(), read, mode });
            self.dirty = true;
        }
    }

    /// How far this node must have applied, where a stale read can be served from what is known here.
    fn fresh_enough(&self, age_max: Option<Duration>, now: Time) -> Option<Index> {
        let Some(age_max) = age_max else { return Some(Index::ZERO) };
        let (at, index) = self.reads.fresh?;
        (self.config.stretched(now.since(at)) <= age_max).then_some(index)
    }

    /// How far a reader must have applied, where a lease answers for the leadership.
    fn leased(&self, mode: ReadMode, now: Time) -> Option<Index> {
        let holds = match mode {
            ReadMode::Lease => self.lease_holds(now),
            ReadMode::LeaseGuard => self.guard_holds(now),
            ReadMode::Index | ReadMode::Stale { .. } => false,
        };
        (holds && self.knows_what_is_committed()).then_some(self.commit)
    }

    /// Whether this leader knows everything that was committed before its term: only once an entry of its own is (etcd 7331).
    fn knows_what_is_committed(&self) -> bool {
        mutant!(
            self.log.term_at(self.commit) == Some(self.term),
            "read-before-own-commit" => true,
        )
    }

    fn enqueue<S: Sink<Self> + ?Sized>(
        &mut self,
        reader: Reader,
        since: Time,
        cx: &mut Context<'_, Self, S>,
    ) {
        if self.reads.queue.len() < self.config.reads_max {
            if self.reads.queue.is_empty() {
                cx.arm(Timer::Reads, self.config.read_patience());
            }
            if let Reader::Peer { id, number } = reader {
                self.reads.asking.insert(id, number);
            }
            self.reads.queue.push_back(Waiting { since, reader });
            self.dirty = true;
        } else if let Reader::Own(read) = reader {
            // A peer asks again.
            self.refuse(read.token, ReadRefusal::Busy, cx);
        }
    }

    /// The burst is over: a round begins for the reads that wait. The index is noted before anybody is asked.
    pub(crate) fn begin_reads<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let begun: usize = self.reads.rounds.iter().map(|round| round.readers).sum();
        let readers = self.reads.queue.len().saturating_sub(begun);
        if readers == 0 || self.reads.rounds.len() >= ROUNDS_MAX || !self.knows_what_is_committed() {
            return;
        }
        // A round of its own: an echo of an earlier one may be older than the read (etcd 20418).
        let round = mutant!(self.begin_round(cx.now()), "read-confirmed-by-old-echoes" => self.round);
        self.reads.rounds.push_back(Round { round, began: cx.now(), index: self.commit, readers });
        mutant!("read-unconfirmed" => self.confirm_reads(u64::MAX, cx));
    }

    /// Whether anybody waits for a quorum to echo a round.
    pub(crate) fn awaits_echoes(&self) -> bool {
        !self.reads.rounds.is_empty()
    }

    /// A quorum has echoed `round`: it still followed this leader after the reads of that round had come.
    pub(crate) fn confirm_reads<S: Sink<Self> + ?Sized>(
        &mut self,
        round: u64,
        cx: &mut Context<'_, Self, S>,
    ) {
        while let Some(confirmed) = self.reads.rounds.front().copied().filter(|first| first.round <= round) {
            self.reads.rounds.pop_front();
            self.reads.fresh = Some((confirmed.began, confirmed.index));
            for _ in 0..confirmed.readers {
                match self.reads.pop() {
                    Some(Reader::Own(read)) => self.serve(read, confirmed.index, cx),
                    Some(Reader::Peer { id, number }) => self.tell_index(id, number, confirmed.index, cx),
                    None => {}
                }
            }
            self.dirty |= !self.reads.queue.is_empty();
            if self.reads.queue.is_empty() {
                cx.disarm(Timer::Reads);
            }
        }
    }

    fn tell_index<S: Sink<Self> + ?Sized>(
        &self,
        to: NodeId,
        number: u64,
        index: Index,
        cx: &mut Context<'_, Self, S>,
    ) {
        // Early: what is committed, a quorum has made durable.
        cx.send_early(to, Message::IndexIs { term: self.term, number, index });
    }

    /// A read may be served by whoever has applied `index`. The application hears of it after the commit.
    fn serve<S: Sink<Self> + ?Sized>(&mut self, read: Own, index: Index, cx: &mut Context<'_, Self, S>) {
        let index = index.max(read.index_min);
        if index <= self.delivered {
            // Early: as for a commit.
            cx.emit_early(Event::ReadReady { token: read.token, index });
        } else if self.reads.ready.len() < self.config.reads_max {
            self.reads.ready.push((read.token, index));
        } else {
            self.refuse(read.token, ReadRefusal::Busy, cx);
        }
    }

    /// The application was given more.
    pub(crate) fn serve_ready_reads<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let delivered = self.delivered;
        self.reads.ready.retain(|&(token, index)| {
            let served = index <= delivered;
            if served {
                // Early: as for a commit.
                cx.emit_early(Event::ReadReady { token, index });
            }
            !served
        });
    }

    /// Whether reads wait for the commit index.
    pub(crate) fn has_ready_reads(&self) -> bool {
        !self.reads.ready.is_empty()
    }

    fn refuse<S: Sink<Self> + ?Sized>(&self, token: u64, reason: ReadRefusal, cx: &mut Context<'_, Self, S>) {
        // Early: nothing was promised.
        cx.emit_early(Event::ReadRefused { token, leader: self.leader, reason });
    }

    /// The burst is over: asks the leader once for all reads that came in it.
    pub(crate) fn forward_reads<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if self.reads.asked.iter().any(|asked| asked.number == 0) {
            self.next_number(cx);
            for asked in &mut self.reads.asked {
                if asked.number == 0 {
                    asked.number = self.reads.number;
                }
            }
            self.ask_leader(cx);
        }
    }

    /// Numbers are not used twice, not even across restarts: an answer to an earlier life would be older than the read. Each start
    /// has another number ([`Input::Start`](synod_core::Input::Start)), and the first question is drawn besides, for starts that are 65,536
    /// apart.
    fn next_number<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if self.reads.number == 0 {
            self.reads.number = (self.incarnation.0 << 48) | cx.below(1 << 48);
        }
        self.reads.number = mutant!(self.reads.number.wrapping_add(1).max(1), "read-number-reused" => 1);
    }

    /// One question covers all that came before it: whatever is read at its answer is newer than they are.
    fn ask_leader<S: Sink<Self> + ?Sized>(&self, cx: &mut Context<'_, Self, S>) {
        let Some(leader) = self.leader.filter(|_| self.role != Role::Leader) else { return };
        // Who trusts no clock is not to be answered from a lease.
        let mode = self.reads.asked.iter().map(|asked| asked.mode).reduce(|all, mode| match mode {
            mode if mode == all => all,
            _ => ReadMode::Index,
        });
        let mode = match mode {
            Some(mode @ (ReadMode::Lease | ReadMode::LeaseGuard)) => mode,
            Some(_) => ReadMode::Index,
            None => return,
        };
        cx.arm(Timer::Reads, self.config.heartbeat_interval.saturating_mul(2));
        // Early: a question promises nothing.
        cx.send_early(leader, Message::AskIndex { term: self.term, number: self.reads.number, mode });
    }

    /// Leader: no quorum has confirmed for so long that it leads. Without CheckQuorum it may not lead any more and never hear of it.
    fn expire_reads<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let patience = self.config.read_patience();
        while let Some(first) = self.reads.queue.front().copied() {
            let waited = cx.now().since(first.since);
            if waited < patience {
                return cx.arm(Timer::Reads, patience.saturating_sub(waited));
            }
            // Who reads on another node asks again, or has given up too.
            if let Some(Reader::Own(read)) = self.reads.pop() {
                self.refuse(read.token, ReadRefusal::TimedOut, cx);
            }
            self.reads.forget_first_of_rounds();
        }
    }

    /// The leader has not answered: perhaps it is another one now. The question is the same, and so is what answers it.
    pub(crate) fn on_reads_timeout<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if self.role == Role::Leader {
            return self.expire_reads(cx);
        }
        let patience = self.config.read_patience();
        while let Some(asked) =
            self.reads.asked.front().copied().filter(|asked| cx.now().since(asked.at) >= patience)
        {
            self.reads.asked.pop_front();
            self.refuse(asked.read.token, ReadRefusal::TimedOut, cx);
        }
        if !self.reads.asked.is_empty() {
            cx.arm(Timer::Reads, self.config.heartbeat_interval.saturating_mul(2));
            self.ask_leader(cx);
        }
    }

    /// Another node asks how far it must have applied to serve its readers.
    pub(crate) fn on_ask_index<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        number: u64,
        mode: ReadMode,
        cx: &mut Context<'_, Self, S>,
    ) {
        if self.role != Role::Leader {
            return;
        }
        match self.leased(mode, cx.now()) {
            Some(index) => self.tell_index(from, number, index, cx),
            None => {
                // Asked again while the first is not answered.
                if self.reads.asking.get(&from) != Some(&number) {
                    self.enqueue(Reader::Peer { id: from, number }, cx.now(), cx);
                }
            }
        }
    }

    /// The leader has answered all questions up to `number`.
    pub(crate) fn on_index_is<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        number: u64,
        index: Index,
        cx: &mut Context<'_, Self, S>,
    ) {
        if index > Index::MAX {
            return self.illegal(from, Illegal::ImpossibleIndex, cx);
        }
        // A number beyond the last is none of this life's.
        if number > self.reads.number {
            return;
        }
        let answered = |asked: &Asked| asked.number != 0 && asked.number <= number;
        while let Some(asked) = self.reads.asked.front().copied().filter(answered) {
            self.reads.asked.pop_front();
            self.reads.fresh = self.reads.fresh.max(Some((asked.at, index)));
            self.serve(asked.read, index, cx);
        }
    }

    /// This node begins to lead: what it would have asked it now answers.
    pub(crate) fn take_over_reads<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        cx.disarm(Timer::Reads);
        while let Some(asked) = self.reads.asked.pop_front() {
            self.enqueue(Reader::Own(asked.read), asked.at, cx);
        }
    }

    /// This node ceases to lead. Other nodes ask again elsewhere.
    pub(crate) fn drop_reads<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        self.reads.rounds.clear();
        self.reads.asking.clear();
        if !self.reads.queue.is_empty() {
            cx.disarm(Timer::Reads);
        }
        for waiting in core::mem::take(&mut self.reads.queue) {
            if let Reader::Own(read) = waiting.reader {
                self.refuse(read.token, ReadRefusal::Deposed, cx);
            }
        }
    }
}

impl Reads {
    /// Leader: takes out the first that waits.
    fn pop(&mut self) -> Option<Reader> {
        let reader = self.queue.pop_front()?.reader;
        if let Reader::Peer { id, number } = reader
            && self.asking.get(&id) == Some(&number)
        {
            self.asking.remove(&id);
        }
        Some(reader)
    }

    /// Leader: the first that waited was taken out unanswered. A round that nobody waits for any more makes room for another.
    fn forget_first_of_rounds(&mut self) {
        if let Some(round) = self.rounds.front_mut() {
            round.readers = round.readers.saturating_sub(1);
            if round.readers == 0 {
                self.rounds.pop_front();
            }
        }
    }
}

impl Config {
    /// How long a read waits for a leader, or a leader for a quorum.
    fn read_patience(&self) -> Duration {
        self.election_timeout_max.saturating_mul(2)
    }
}
