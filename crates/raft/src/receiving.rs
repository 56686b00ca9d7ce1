//! The follower's half of a snapshot: pieces go to the host, and when it has put them together the log begins after them.

use crate::progress::Stamp;
use crate::{
    Event, Extent, Illegal, Index, Job, Message, Piece, Raft, Role, Snapshot, SnapshotRefusal, Term,
};
use alloc::boxed::Box;
use alloc::sync::Arc;
use synod_core::{Context, Lsn, NodeId, Sink, mutant};

/// A snapshot that is arriving.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Incoming {
    snapshot: Arc<Snapshot>,
    /// Who sends it, and in which term.
    from: NodeId,
    term: Term,
    phase: Phase,
    /// The host has stored so much.
    stored: u64,
    /// The host was given so much.
    given: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    /// The host looks how much it has.
    Begun,
    /// Pieces are taken.
    Open,
    /// The host makes it the application's state.
    Installing,
}

/// What a follower keeps about snapshots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Reception {
    incoming: Option<Box<Incoming>>,
    /// The application has lost its state, and wants one that covers this.
    wanted: Option<Index>,
}

impl Raft {
    /// The leader sends a piece of a snapshot, or asks how much of it is here.
    pub(crate) fn on_piece<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        Stamp { term, round }: Stamp,
        piece: Piece,
        cx: &mut Context<'_, Self, S>,
    ) {
        if let Some(reason) = self.impossible_piece(term, &piece) {
            return self.illegal(from, reason, cx);
        }
        if term < self.term {
            // Early: as for an old leader's entries.
            return cx.send_early(from, Message::Heard { term: self.term, round: 0 });
        }
        if !self.accept_leader(from, term, cx) {
            return;
        }
        self.arm_loyalty(cx);
        self.round = self.round.max(round);
        if self.confess(from, cx) {
            return;
        }

        let last = piece.snapshot.last;
        let wanted = self.reception.wanted.is_some_and(|index| last.index >= index);
        // An older one after a newer state would take the state back (`hashicorp/raft` 248).
        if mutant!(last.index <= self.commit && !wanted, "older-snapshot-taken" => false) {
            // What is committed here is in the logs of all later leaders, and what a snapshot covers is committed.
            self.verified = self.verified.max(last.index);
            self.decline(from, &piece.snapshot, cx);
            return self.acknowledge(from, false, cx);
        }
        if !self.reception.continues(from, term, &piece.snapshot) {
            return self.begin_incoming(from, term, piece.snapshot, cx);
        }
        self.take_piece(piece, cx);
    }

    fn begin_incoming<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        term: Term,
        snapshot: Arc<Snapshot>,
        cx: &mut Context<'_, Self, S>,
    ) {
        if self.reception.is_installing() {
            // The host cannot be stopped in the middle of it. The sender asks again.
            return;
        }
        let hollow = snapshot.hollow;
        let phase = if hollow { Phase::Installing } else { Phase::Begun };
        let incoming = Incoming { snapshot: snapshot.clone(), from, term, phase, stored: 0, given: 0 };
        self.reception.incoming = Some(Box::new(incoming));
        if hollow {
            // A witness has no state that could be replaced.
            return self.on_installed(&snapshot, true, cx);
        }
        cx.job(Job::Begin(snapshot));
    }

    /// Nothing of this snapshot is needed here: all of it is in what is here. The answer to its last piece may be lost, and a sender that was
    /// asked for it would go on asking until the log were compacted beyond this node, and then send nothing else.
    fn decline<S: Sink<Self> + ?Sized>(
        &self,
        to: NodeId,
        snapshot: &Snapshot,
        cx: &mut Context<'_, Self, S>,
    ) {
        let (term, round) = (self.term, self.round);
        let Snapshot { digest, len, .. } = *snapshot;
        // Early: what is in the application's state is committed, and the application keeps it.
        mutant!(
            cx.send_early(to, Message::Stored { term, round, digest, stored: len }),
            "needless-snapshot-unanswered" => (),
        );
    }

    fn take_piece<S: Sink<Self> + ?Sized>(&mut self, piece: Piece, cx: &mut Context<'_, Self, S>) {
        let window = (self.config.snapshot_piece_bytes as u64).saturating_mul(2);
        let window = window.saturating_mul(self.config.snapshot_pieces_max as u64);
        let Some(incoming) = &mut self.reception.incoming else { return };
        let len = piece.bytes.len() as u64;
        let fits = incoming.given.saturating_sub(incoming.stored).saturating_add(len) <= window;
        match incoming.phase {
            // The answer comes when the host has looked.
            Phase::Begun => {}
            Phase::Open if len > 0 && piece.offset == incoming.given && fits => {
                incoming.given += len;
                cx.job(Job::Write(piece));
            }
            // An offer; or something that was here before, or something after what was lost.
            Phase::Open | Phase::Installing => self.tell_stored(cx),
        }
    }

    fn tell_stored<S: Sink<Self> + ?Sized>(&self, cx: &mut Context<'_, Self, S>) {
        let Some(incoming) = &self.reception.incoming else { return };
        if self.leader == Some(incoming.from) {
            let digest = incoming.snapshot.digest;
            let stored = incoming.stored;
            // Early: the host has stored this much, and not in the log.
            cx.send_early(
                incoming.from,
                Message::Stored { term: self.term, round: self.round, digest, stored },
            );
        }
    }

    /// The host has stored a part of a snapshot, from its beginning up to there, or failed to.
    pub(crate) fn on_written<S: Sink<Self> + ?Sized>(
        &mut self,
        snapshot: &Arc<Snapshot>,
        stored: Option<u64>,
        cx: &mut Context<'_, Self, S>,
    ) {
        let incoming = self.reception.incoming.as_deref_mut();
        let Some(incoming) = incoming.filter(|incoming| incoming.snapshot == *snapshot) else { return };
        let Some(stored) = stored.filter(|stored| *stored <= snapshot.len) else {
            // The sender asks again after a while, and it begins anew.
            self.reception.incoming = None;
            return;
        };
        match incoming.phase {
            Phase::Begun => {
                (incoming.stored, incoming.given) = (stored, stored);
                incoming.phase = Phase::Open;
            }
            Phase::Open => {
                incoming.stored = incoming.stored.max(stored);
                incoming.given = incoming.given.max(stored);
            }
            Phase::Installing => return,
        }
        if mutant!(incoming.stored == snapshot.len, "installed-in-parts" => incoming.stored * 2 >= snapshot.len)
        {
            incoming.phase = Phase::Installing;
            cx.job(Job::Install(snapshot.clone()));
        }
        self.tell_stored(cx);
    }

    /// The snapshot is the application's state now, and will be after a crash.
    pub(crate) fn on_installed<S: Sink<Self> + ?Sized>(
        &mut self,
        snapshot: &Arc<Snapshot>,
        installed: bool,
        cx: &mut Context<'_, Self, S>,
    ) {
        let known = self.reception.incoming.take_if(|incoming| incoming.snapshot == *snapshot);
        let Some(from) =
            known.map(|incoming| incoming.from).filter(|_| mutant!(installed, "installed-in-parts" => true))
        else {
            return;
        };
        let last = snapshot.last;
        let wanted = self.reception.wanted.take_if(|index| last.index >= *index).is_some();
        if last.index > self.snapshot.index {
            self.snapshot = last;
            if let Some(mending) = &mut self.mending {
                mending.islands.compact(&mut self.log, last);
                self.recall.truncate(Index::ZERO);
                self.put_log_in_order(cx);
            } else if mutant!(self.log.term_at(last.index) != Some(last.term), "suffix-kept-over-snapshot" => false)
            {
                // What is here differs from what was committed, or does not reach so far; and what comes after such an entry was
                // nobody's (`openraft` 559).
                self.log.reset(last);
                self.recall.truncate(Index::ZERO);
            } else {
                mutant!(self.log.compact(last.index), "suffix-dropped" => { self.log.reset(last); true });
            }
            // The entries that it covers came with it, and their leader may serve reads for as long after them as after any.
            mutant!(self.date_last_entry(cx.now()), "snapshot-undated" => ());
            self.roster.restore(last.index, snapshot.membership.clone());
            self.roster.read(self.log.segments());
            self.commit = self.commit.max(last.index);
            let at = self.persist_state(cx);
            // A stretch behind a hole may lie before everything else.
            if !self.is_mending() {
                let oldest = self.oldest_record().unwrap_or(at);
                cx.release(Lsn(oldest.0.saturating_sub(1)));
            }
            self.membership_changed(cx);
        }
        trail!(
            info,
            node = self.config.id.0,
            term = self.term.0,
            index = last.index.0,
            peer = from.0,
            "snapshot installed"
        );
        // Early: the host has said that it has it.
        cx.emit_early(Event::Installed { last });
        self.deliver_after(last.index, wanted, cx);
        if self.has_ready_reads() {
            self.serve_ready_reads(cx);
        }
        if self.leader == Some(from) && self.role == Role::Follower {
            // What a snapshot covers is committed, so it is in this leader's log.
            self.verified = self.verified.max(last.index);
            self.acknowledge(from, true, cx);
            self.mended_by_leader(cx);
        }
    }

    /// The application has lost its state and asks for a snapshot: of what is committed here, at least.
    pub(crate) fn on_demand_snapshot<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if self.role == Role::Leader || self.config.witness {
            let reason = if self.config.witness { SnapshotRefusal::Witness } else { SnapshotRefusal::Leader };
            // Early: nothing was begun.
            return cx.emit_early(Event::SnapshotRefused(reason));
        }
        self.reception.wanted.get_or_insert(self.commit);
        self.demand_again(cx);
    }

    /// The leader was heard: it is asked for the snapshot that is wanted, in case that it does not send it yet, or not any more.
    pub(crate) fn demand_again<S: Sink<Self> + ?Sized>(&self, cx: &mut Context<'_, Self, S>) {
        if let (Some(index_min), Some(leader)) = (self.reception.wanted, self.leader)
            && !self.reception.is_installing()
        {
            // Early: a question promises nothing.
            cx.send_early(leader, Message::Demand { term: self.term, index_min });
        }
    }

    /// Whoever leads gets no snapshots.
    pub(crate) fn end_reception<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        if !self.reception.is_installing() {
            self.reception.incoming = None;
        }
        if self.reception.wanted.take().is_some() {
            // Early: nothing was promised.
            cx.emit_early(Event::SnapshotRefused(SnapshotRefusal::Leader));
        }
    }

    fn impossible_piece(&self, term: Term, Piece { snapshot, offset, bytes }: &Piece) -> Option<Illegal> {
        let last = snapshot.last;
        let end = offset.checked_add(bytes.len() as u64);
        if term == Term::ZERO || last.term > term || last.term == Term::ZERO {
            Some(Illegal::ImpossibleTerm)
        } else if last.index > Index::MAX || last.index == Index::ZERO {
            Some(Illegal::ImpossibleIndex)
        } else if end.is_none_or(|end| end > snapshot.len) {
            Some(Illegal::ImpossibleOffset)
        } else if snapshot.hollow != self.config.witness || (snapshot.hollow && snapshot.len > 0) {
            Some(Illegal::WitnessOrNot)
        } else if !snapshot.membership.is_sound() || snapshot.membership.version() > self.config.version_max {
            Some(Illegal::ImpossibleMembership)
        } else if self.role == Role::Leader && term == self.term {
            Some(Illegal::SecondLeader)
        } else {
            None
        }
    }
}

impl Reception {
    /// Whether a piece belongs to what is arriving. A sender that has begun another has given the first one up.
    fn continues(&self, from: NodeId, term: Term, snapshot: &Arc<Snapshot>) -> bool {
        self.incoming.as_ref().is_some_and(|incoming| {
            incoming.snapshot == *snapshot && incoming.from == from && incoming.term == term
        })
    }

    fn is_installing(&self) -> bool {
        self.incoming.as_ref().is_some_and(|incoming| incoming.phase == Phase::Installing)
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted.is_some()
    }

    /// How far a snapshot has come that is arriving.
    pub(crate) fn extent(&self) -> Option<Extent> {
        self.incoming.as_ref().map(|incoming| Extent { stored: incoming.stored, len: incoming.snapshot.len })
    }
}
