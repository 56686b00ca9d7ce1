//! The leader's half of sending a snapshot: to a peer that needs entries which were compacted, or that asks for it.

use crate::progress::Stamp;
use crate::{EntryId, Extent, Found, Illegal, Index, Job, Message, Piece, Raft, Role, Snapshot};
use alloc::boxed::Box;
use alloc::sync::Arc;
use synod_core::{Bytes, Context, NodeId, Sink, mutant};

/// Heartbeats without news from the receiver after which it is asked how far it is.
const PATIENCE: u8 = 4;

/// A snapshot on its way to one peer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Stream {
    /// The least that it must cover, where the peer asked for it: then it is sent whatever the peer's log holds.
    demanded: Option<Index>,
    /// `None` until the host has chosen one.
    snapshot: Option<Arc<Snapshot>>,
    /// Safe over there, up to here.
    stored: u64,
    /// On its way, up to here.
    sent: u64,
    /// The host is reading what comes then, or choosing.
    busy: bool,
    /// The peer was asked how much it has.
    asked: bool,
    /// Heartbeats since there was news.
    idle: u8,
}

impl Stream {
    fn new(demanded: Option<Index>) -> Self {
        Self { demanded, snapshot: None, stored: 0, sent: 0, busy: false, asked: false, idle: 0 }
    }

    /// How far it has come.
    pub(crate) fn extent(&self) -> Extent {
        Extent { stored: self.stored, len: self.snapshot.as_ref().map_or(0, |snapshot| snapshot.len) }
    }

    /// Whether the peer has made it its own, once its log is known to match up to there.
    fn is_installed(&self, matched: Index) -> bool {
        let Some(snapshot) = &self.snapshot else { return false };
        self.stored >= snapshot.len && matched >= snapshot.last.index
    }

    /// Whether the peer has come as far by itself.
    fn is_outdated(&self, matched: Index) -> bool {
        self.demanded.is_none()
            && self.snapshot.as_ref().is_some_and(|snapshot| matched >= snapshot.last.index)
    }

    /// Whether the log, which begins after `base`, can go on from there.
    fn is_over(&self, matched: Index, base: Index) -> bool {
        // Not only on an exact match with the snapshot, which may never come (etcd-io/raft 124).
        let enough = mutant!(
            matched >= base,
            "snapshot-for-ever" => self.snapshot.as_ref().is_some_and(|snapshot| matched == snapshot.last.index),
        );
        // Who has asked for a snapshot wants it, whatever its log holds.
        enough && (self.demanded.is_none() || self.is_installed(matched))
    }
}

impl Raft {
    /// What a peer needs was compacted: it gets a snapshot in its place.
    pub(crate) fn begin_stream<S: Sink<Self> + ?Sized>(
        &mut self,
        place: usize,
        cx: &mut Context<'_, Self, S>,
    ) {
        let Some(progress) = self.progress.get_mut(place) else { return };
        progress.pause_for_snapshot();
        if progress.stream.is_none() {
            progress.stream = Some(Box::new(Stream::new(None)));
            self.open_stream(place, cx);
        }
    }

    /// Asks the host for a snapshot. A witness needs none of its bytes.
    fn open_stream<S: Sink<Self> + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, Self, S>) {
        let Some(&to) = self.seats.all.get(place) else { return };
        let hollow = !self.seats.keeps_payloads(to);
        let covered = self.snapshot.index;
        let Some(stream) = self.stream(place) else { return };
        if hollow {
            // What is compacted is in the application's state, and a witness has none.
            let found = Found { last: covered, len: 0, digest: 0 };
            return self.offer(place, found, true, cx);
        }
        stream.busy = true;
        let index_min = stream.demanded.unwrap_or_default().max(covered);
        cx.job(Job::Open { to, index_min });
    }

    /// The host has chosen a snapshot, or there is none.
    pub(crate) fn on_opened<S: Sink<Self> + ?Sized>(
        &mut self,
        to: NodeId,
        found: Option<Found>,
        cx: &mut Context<'_, Self, S>,
    ) {
        let waiting = self.place(to).filter(|place| self.stream(*place).is_some_and(|stream| stream.busy));
        let Some(place) = waiting else {
            // Meanwhile it is not wanted any more.
            if found.is_some() {
                cx.job(Job::Close { to });
            }
            return;
        };
        if let Some(stream) = self.stream(place) {
            stream.busy = false;
        }
        // Without one it is asked for again at the next heartbeats: the application makes one, sooner or later.
        if let Some(found) = found {
            self.offer(place, found, false, cx);
        }
    }

    /// Asks the peer how much of this snapshot it has.
    fn offer<S: Sink<Self> + ?Sized>(
        &mut self,
        place: usize,
        found: Found,
        hollow: bool,
        cx: &mut Context<'_, Self, S>,
    ) {
        let Some(&to) = self.seats.all.get(place) else { return };
        // What the host says must be known here, or nobody could go on from it. It is committed, since the state machine got it; after a
        // restart the log need not know that yet, and may never learn it if those who could confirm it wait for this very snapshot.
        let known = found.last >= self.snapshot.index;
        let Some(term) = self.log.term_at(found.last).filter(|_| known) else {
            if !hollow {
                cx.job(Job::Close { to });
            }
            return;
        };
        let membership = mutant!(
            self.roster.at(found.last).clone(),
            "snapshot-with-newest-membership" => self.roster.last().1.clone(),
        );
        let last = EntryId { term, index: found.last };
        trail!(
            info,
            node = self.config.id.0,
            term = self.term.0,
            index = found.last.0,
            peer = to.0,
            "snapshot offered"
        );
        let snapshot = Snapshot { last, membership, len: found.len, digest: found.digest, hollow };
        if let Some(stream) = self.stream(place) {
            stream.snapshot = Some(Arc::new(snapshot));
            (stream.stored, stream.sent) = (0, 0);
        }
        self.ask_receiver(place, cx);
    }

    fn ask_receiver<S: Sink<Self> + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, Self, S>) {
        let Some(stream) = self.stream(place) else { return };
        stream.asked = true;
        stream.idle = 0;
        let offset = stream.stored;
        self.send_piece(place, offset, Bytes::new(), cx);
    }

    fn send_piece<S: Sink<Self> + ?Sized>(
        &mut self,
        place: usize,
        offset: u64,
        bytes: Bytes,
        cx: &mut Context<'_, Self, S>,
    ) {
        let (term, round) = (self.term, self.round);
        let Some(&to) = self.seats.all.get(place) else { return };
        let Some(snapshot) = self.stream(place).and_then(|stream| stream.snapshot.clone()) else { return };
        let piece = Box::new(Piece { snapshot, offset, bytes });
        // Early: a part of what is committed, which a quorum has made durable.
        cx.send_early(to, Message::Piece { term, round, piece });
    }

    /// The receiver says how much of a snapshot is safe over there.
    pub(crate) fn on_stored<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        place: usize,
        stamp: Stamp,
        digest: u64,
        stored: u64,
        cx: &mut Context<'_, Self, S>,
    ) {
        if self.answered(from, place, stamp, cx).is_none() {
            return;
        }
        let Some(stream) = self.stream(place) else { return };
        let Some(snapshot) = stream.snapshot.as_ref().filter(|snapshot| snapshot.digest == digest) else {
            return;
        };
        if stored > snapshot.len {
            return self.illegal(from, Illegal::ImpossibleOffset, cx);
        }
        if core::mem::take(&mut stream.asked) {
            // It may have less than it said before, if it has been restarted; and what was on its way may be lost.
            stream.stored = stored;
            stream.sent = stored;
        } else if stored > stream.stored {
            stream.stored = stored;
            stream.sent = stream.sent.max(stored);
        } else {
            return;
        }
        stream.idle = 0;
        self.pump(place, cx);
    }

    /// Reads the next piece, if there is room for it on the way.
    fn pump<S: Sink<Self> + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, Self, S>) {
        let piece_max = self.config.snapshot_piece_bytes;
        let window = (piece_max as u64).saturating_mul(self.config.snapshot_pieces_max as u64);
        let Some(&to) = self.seats.all.get(place) else { return };
        let Some(stream) = self.stream(place) else { return };
        let rest = stream.extent().len.saturating_sub(stream.sent);
        if stream.busy || rest == 0 || stream.sent.saturating_sub(stream.stored) >= window {
            return;
        }
        stream.busy = true;
        let len = usize::try_from(rest).unwrap_or(usize::MAX).min(piece_max);
        cx.job(Job::Read { to, offset: stream.sent, len });
    }

    /// The host has read a piece.
    pub(crate) fn on_read_piece<S: Sink<Self> + ?Sized>(
        &mut self,
        to: NodeId,
        offset: u64,
        bytes: Bytes,
        cx: &mut Context<'_, Self, S>,
    ) {
        let piece_max = self.config.snapshot_piece_bytes;
        let Some(place) = self.place(to) else { return };
        let Some(stream) = self.stream(place).filter(|stream| stream.busy && stream.snapshot.is_some())
        else {
            return;
        };
        stream.busy = false;
        let rest = stream.extent().len.saturating_sub(stream.sent);
        if bytes.is_empty() || bytes.len() > piece_max || bytes.len() as u64 > rest {
            // The host has it no more. Another is asked for at a heartbeat: at once would be again and again.
            stream.snapshot = None;
            return cx.job(Job::Close { to });
        }
        if offset == stream.sent {
            stream.sent += bytes.len() as u64;
            self.send_piece(place, offset, bytes, cx);
        }
        self.pump(place, cx);
    }

    /// At a heartbeat: whoever is silent is asked again.
    pub(crate) fn tend_stream<S: Sink<Self> + ?Sized>(
        &mut self,
        place: usize,
        cx: &mut Context<'_, Self, S>,
    ) {
        let Some(stream) = self.stream(place) else { return };
        if stream.snapshot.is_none() {
            // A job may be lost in the host, for all that is known here.
            stream.idle = (stream.idle + 1) % PATIENCE;
            if !stream.busy || stream.idle == 0 {
                self.open_stream(place, cx);
            }
            return;
        }
        stream.idle += 1;
        if mutant!(stream.idle >= PATIENCE, "lost-piece-not-repeated" => false) {
            stream.busy = false;
            self.ask_receiver(place, cx);
        }
    }

    /// The peer has acknowledged something: perhaps it needs no snapshot any more.
    pub(crate) fn end_stream<S: Sink<Self> + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, Self, S>) {
        let base = self.log.base().index;
        let Some(progress) = self.progress.get_mut(place) else { return };
        let (matched, Some(stream)) = (progress.matched, &progress.stream) else { return };
        if stream.is_over(matched, base) {
            progress.end_snapshot();
            self.dirty = true;
            self.close_stream(place, cx);
        } else if stream.is_installed(matched) || stream.is_outdated(matched) {
            // While it was on its way the log was compacted beyond it.
            progress.stream = None;
            self.close_stream(place, cx);
            self.begin_stream(place, cx);
        }
    }

    /// Tells the host that the peer at this place gets no snapshot any more.
    pub(crate) fn close_stream<S: Sink<Self> + ?Sized>(&self, place: usize, cx: &mut Context<'_, Self, S>) {
        if let Some(&to) = self.seats.all.get(place).filter(|to| self.seats.keeps_payloads(**to)) {
            cx.job(Job::Close { to });
        }
    }

    /// This node ceases to lead: whoever does sends its own.
    pub(crate) fn close_streams<S: Sink<Self> + ?Sized>(&self, cx: &mut Context<'_, Self, S>) {
        for (place, progress) in self.progress.iter().enumerate() {
            if progress.stream.is_some() {
                self.close_stream(place, cx);
            }
        }
    }

    /// A peer wants a snapshot although its log could go on without: what it has made of the log is lost.
    pub(crate) fn on_demand<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        index_min: Index,
        cx: &mut Context<'_, Self, S>,
    ) {
        if self.role != Role::Leader || index_min > self.commit {
            return;
        }
        let Some(place) = self.place(from) else { return };
        let Some(progress) = self.progress.get_mut(place) else { return };
        if let Some(stream) = &progress.stream {
            // The peer was restarted since it asked for that one, and knows more to be committed: it would not take it.
            let outdated = stream.snapshot.as_ref().is_some_and(|snapshot| snapshot.last.index < index_min);
            if !outdated {
                return;
            }
            cx.job(Job::Close { to: from });
        }
        // Entries go on beside it.
        progress.stream = Some(Box::new(Stream::new(Some(index_min))));
        self.open_stream(place, cx);
    }

    fn stream(&mut self, place: usize) -> Option<&mut Stream> {
        self.progress.get_mut(place)?.stream.as_deref_mut()
    }
}
