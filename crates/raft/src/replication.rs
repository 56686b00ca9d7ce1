//! The leader's half of replication (section 5.3), with batches and a pipeline.

use crate::progress::{Progress, Stamp};
use crate::{EntryId, Event, Illegal, Index, Message, Pace, Raft, Role, Segment, Term, Timer};
use synod_core::{Context, NodeId, Sink, mutant};

impl Raft {
    /// The burst is over: what was gathered becomes a batch, and everybody gets what is theirs.
    pub(crate) fn on_flush<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if mutant!(self.role != Role::Leader, "sealed-after-deposition" => false) {
            self.dirty = false;
            return self.forward_reads(cx);
        }
        if !self.gathered.is_empty() {
            self.seal(cx);
            self.await_own_disk(cx);
        }
        if core::mem::take(&mut self.dirty) {
            self.begin_reads(cx);
            for place in 0..self.progress.len() {
                if self.progress.get_mut(place).is_some_and(|progress| core::mem::take(&mut progress.due)) {
                    self.replicate(place, cx);
                }
            }
            if self.awaits_echoes() {
                self.spread_round(cx);
            }
            self.press_transfer(false, cx);
        }
    }

    /// There may be something to send to everybody.
    pub(crate) fn owe_everybody(&mut self) {
        self.dirty = true;
        for progress in &mut self.progress {
            progress.due = true;
        }
    }

    /// Takes a proposal into the batch of this burst; a batch that has reached its limits goes into the log at once.
    #[inline]
    pub(crate) fn gather<S: Sink<Self> + ?Sized>(
        &mut self,
        token: u64,
        payload: &[u8],
        cx: &mut Context<'_, Self, S>,
    ) {
        if self.gathered.len() >= self.config.batch_entries_max
            || self.gathered.bytes_with(payload.len()) > self.config.batch_bytes_max
        {
            self.seal(cx);
        }
        self.gathered.push(token, payload);
    }

    /// Whether so much waits for a quorum that another proposal of this length must not.
    #[inline]
    pub(crate) fn is_full_with(&self, payload: usize) -> bool {
        let waiting = self.uncommitted_bytes + self.gathered.bytes_with(0);
        waiting + payload > self.config.uncommitted_bytes_max
            && (self.uncommitted_bytes > 0 || !self.gathered.is_empty())
    }

    /// Makes a batch of what was gathered, puts it into the log and on its way to the disk.
    pub(crate) fn seal<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if self.gathered.is_empty() {
            return;
        }
        let first = self.log.last().index.next();
        if let Some(entries) = self.gathered.seal(first, self.term) {
            self.add(entries, cx);
            let mut index = first;
            for token in self.gathered.tokens() {
                // Early: the event says in so many words that nothing is promised yet.
                cx.emit_early(Event::Proposed { token: *token, index, term: self.term });
                index = index.next();
            }
        }
        self.gathered.clear();
    }

    /// Sends one voter what it may have.
    fn replicate<S: Sink<Self> + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, Self, S>) {
        let Some(&to) = self.seats.all.get(place).filter(|to| **to != self.config.id) else { return };
        let (count_max, bytes_max) = (self.config.batch_entries_max, self.config.batch_bytes_max);
        let witness = !self.seats.keeps_payloads(to);
        let newest = self.log.last().index;
        let last = if witness { mutant!(self.kept(), "witness-ahead" => newest) } else { newest };
        let mut sent = false;
        let progress = loop {
            let Some(progress) = self.progress.get_mut(place) else { return };
            match progress.pace {
                Pace::Probe { paused: true } => return,
                Pace::Probe { paused: false } => {}
                Pace::Replicate => {
                    if progress.next > last || progress.is_full(&self.config) {
                        break progress;
                    }
                }
                Pace::Snapshot => return,
            }
            let next = progress.next;
            let Some(prev_term) = self.log.term_at(next.prev()) else {
                // What it needs was compacted.
                return self.begin_stream(place, cx);
            };
            let mut entries = self.log.batch(next, count_max, bytes_max);
            if entries.is_hollow() {
                match self.recall.find(next) {
                    Some(read) => entries = read.head(next, count_max, bytes_max),
                    None => return self.recall(next, cx),
                }
            }
            if witness {
                entries = entries.range(next, last);
            }
            progress.told = progress.told.max(self.commit.min(entries.last()));
            progress.sent(entries.last(), entries.arena().len());
            progress.told_round = self.round;
            sent = true;
            let entries = if witness { entries.hollow() } else { entries };
            // Early, in parallel with the leader's own disk (section 10.2.1 of the thesis): a leader promises nothing about
            // its own copy here. It counts it when it is durable, and after a crash it is a follower like any other. What a
            // witness gets has waited for a disk already.
            cx.send_early(
                to,
                Message::Append {
                    term: self.term,
                    prev_term,
                    commit: self.commit,
                    round: self.round,
                    entries,
                },
            );
        };
        // Without entries to carry it, the commit index travels alone, to those who can use it.
        let news = self.commit.min(progress.matched);
        if !sent && news > progress.told {
            progress.told = news;
            // Early: a quorum has made durable what is committed.
            cx.send_early(to, Message::Commit { term: self.term, commit: news });
        }
    }

    /// How far a witness may follow: as far as somebody who could lead with it has stored the log.
    ///
    /// A witness refuses its vote to whoever lacks an entry that it holds, and can neither lead nor lend what the entry says. Where it
    /// alone has an entry, since the leader died before its own disk had it, nobody else gets its vote; and where few vote, that is
    /// everybody's end. So no witness hears of an entry before a voter has it that keeps payloads. It must have the membership by which it
    /// is a voter, too: by what it knew before it may have been none. For the same reason the disk of a leader that the membership in
    /// effect leaves out says nothing: that it is removed may be committed without what comes after. No commit is lost by that: a
    /// commit quorum always has such a voter ([`Membership::witnesses_commit`](crate::Membership::witnesses_commit)), which waits
    /// for no witness.
    fn kept(&self) -> Index {
        let stored = |place: &usize| self.trusted(*place).map(|progress| progress.matched);
        let kept = self.seats.keepers().iter().filter_map(stored).max().unwrap_or_default();
        if kept >= self.membership_index() { kept } else { Index::ZERO }
    }

    /// Somebody has stored more, so that there may be something to send to witnesses.
    fn owe_witnesses(&mut self) {
        if !self.seats.has_witnesses() {
            return;
        }
        for (progress, to) in self.progress.iter_mut().zip(&self.seats.all) {
            progress.due |= !self.seats.keeps_payloads(*to);
        }
    }

    /// Speaks to everybody, and asks those whose answers are missing.
    pub(crate) fn on_heartbeat<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if self.role != Role::Leader {
            return;
        }
        cx.arm(Timer::Heartbeat, self.config.heartbeat_interval);
        if self.config.leases {
            self.begin_round(cx.now());
        }
        for place in 0..self.progress.len() {
            if let Some(progress) = self.progress.get_mut(place) {
                if progress.in_flight() > 0 && !core::mem::take(&mut progress.moved) {
                    // A whole interval without an answer: something is lost, or slow. Ask, and send nothing more until then.
                    progress.probe(true);
                }
                progress.moved = false;
            }
            self.beat(place, cx);
            self.tend_stream(place, cx);
        }
        self.on_echo(cx);
        self.press_transfer(true, cx);
        if !self.config.check_quorum {
            self.watch_disk(cx);
        }
    }

    /// Those to whom the round has not gone with entries are told without.
    fn spread_round<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        for place in 0..self.progress.len() {
            if self.progress.get(place).is_some_and(|progress| progress.told_round < self.round) {
                self.beat(place, cx);
            }
        }
        self.on_echo(cx);
    }

    /// Speaks to one voter.
    fn beat<S: Sink<Self> + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, Self, S>) {
        let Some(&to) = self.seats.all.get(place) else { return };
        let Some(progress) = self.progress.get_mut(place).filter(|_| to != self.config.id) else { return };
        let prev = match progress.pace {
            // Without entries: if they are merely slow to reach the disk, sending them again would only add to it.
            Pace::Probe { .. } => {
                progress.probe(true);
                mutant!(progress.next.prev(), "lost-probe-not-repeated" => progress.matched)
            }
            // This check cannot fail, so a heartbeat that overtakes entries is no false alarm.
            Pace::Replicate | Pace::Snapshot => progress.matched,
        };
        let (prev, prev_term) = match self.log.term_at(prev) {
            Some(term) => (prev, term),
            // Nor can a check of what comes before all entries, for somebody who needs what was compacted.
            None => (Index::ZERO, Term::ZERO),
        };
        if prev_term == Term::ZERO
            && matches!(progress.pace, Pace::Probe { .. })
            && self.log.base().index > prev
        {
            self.begin_stream(place, cx);
        }
        let Some(progress) = self.progress.get_mut(place) else { return };
        progress.told = progress.told.max(self.commit.min(prev));
        progress.told_round = self.round;
        let (term, commit, round) = (self.term, self.commit, self.round);
        // Early: as for entries.
        cx.send_early(
            to,
            Message::Append { term, prev_term, commit, round, entries: Segment::empty(prev.next()) },
        );
    }

    pub(crate) fn on_appended<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        place: usize,
        stamp: Stamp,
        matched: Index,
        doubted: bool,
        cx: &mut Context<'_, Self, S>,
    ) {
        let last = self.log.last().index;
        let Some(progress) = self.answered(from, place, stamp, cx) else { return };
        // What it stored while it was in doubt counts from when it is not any more.
        let cleared = core::mem::replace(&mut progress.doubted, doubted) && !doubted;
        if matched > last {
            return self.illegal(from, Illegal::ImpossibleIndex, cx);
        }
        let news = progress.acknowledged(mutant!(
            matched,
            "ack-counts-what-was-sent" => progress.next.prev().max(matched),
        ));
        progress.due = true;
        self.dirty = true;
        if news || cleared {
            self.owe_witnesses();
            if !self.catching_up.is_empty() {
                self.caught_up(from, matched, cx);
            }
            // What others have got farther than is committed already, this answer does not commit.
            if matched > self.commit || cleared {
                self.advance_commit(cx);
            }
        }
        self.end_stream(place, cx);
    }

    pub(crate) fn on_rejected<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        place: usize,
        stamp: Stamp,
        prev: Index,
        hint: EntryId,
        cx: &mut Context<'_, Self, S>,
    ) {
        // The other side of the skipping: of what the follower may share, this log can have only what is not of a later term.
        let candidate = self.log.last_candidate(hint.index, hint.term).index;
        let Some(progress) = self.answered(from, place, stamp, cx) else { return };
        mutant!("nack-counts" => _ = progress.acknowledged(prev));
        if progress.rejected(prev, candidate) {
            progress.due = true;
            self.dirty = true;
            mutant!("leader-gives-way" => self.log.truncate(candidate.max(self.commit).next()));
        }
    }

    /// What the leader knows about a voter that it may count on.
    pub(crate) fn trusted(&self, place: usize) -> Option<&Progress> {
        self.progress
            .get(place)
            .filter(|progress| mutant!(!progress.doubted, "counts-who-is-in-doubt" => true))
    }

    /// What the leader knows about the voter that answers it in this term. An answer in a later term ends the leadership, one
    /// from an earlier says nothing: not that a log is stored, and not that the leader is still heard (`hashicorp/raft` 666).
    /// Nor does one from an earlier life of the voter in this term.
    pub(crate) fn answered<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        place: usize,
        Stamp { term, round }: Stamp,
        cx: &mut Context<'_, Self, S>,
    ) -> Option<&mut Progress> {
        if term > self.term {
            mutant!("deposition-counts-as-contact" => {
                self.progress.get_mut(place)?.heard = true;
                return None;
            });
            self.follow(term, None, cx);
            return None;
        }
        if mutant!(term < self.term, "ack-of-earlier-term" => false) || self.role != Role::Leader {
            return None;
        }
        if round > self.round {
            self.illegal(from, Illegal::ImpossibleRound, cx);
            return None;
        }
        let progress = self.progress.get_mut(place)?;
        if round < progress.since {
            return None;
        }
        progress.round = progress.round.max(round);
        progress.heard = true;
        Some(progress)
    }
}
