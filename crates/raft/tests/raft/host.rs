//! What a host keeps for a node: the application's state, the part of it that a crash leaves, and snapshots.

use std::collections::BTreeMap;
use std::sync::Arc;
use synod_core::{Bytes, NodeId};
use synod_raft::{Done, EntryKind, Found, Index, Job, Piece, Segment, Snapshot};

/// What was applied: every entry, as it was.
pub(crate) type Applied = Vec<(Index, EntryKind, Bytes)>;

#[derive(Clone, Debug, Default)]
pub(crate) struct Host {
    pub(crate) applied: Applied,
    /// What a crash leaves of that.
    pub(crate) durable: Applied,
    /// Snapshots that are being read, by reader.
    open: BTreeMap<NodeId, Vec<u8>>,
    /// A snapshot that is arriving. A crash leaves it.
    part: Option<(Arc<Snapshot>, Vec<u8>)>,
    /// The state is lost, and nothing can be applied to it before there is another.
    pub(crate) lost: bool,
    /// There is no snapshot to be had for now.
    pub(crate) without_snapshots: bool,
    /// How many pieces were read, and written.
    pub(crate) pieces: (u64, u64),
}

impl Host {
    pub(crate) fn apply(&mut self, entries: &Segment) {
        for entry in entries.iter().filter(|_| !self.lost) {
            if self.applied.last().is_some_and(|(last, ..)| entry.index <= *last) {
                continue;
            }
            let expected = self.applied.last().map_or(entry.index, |(last, ..)| last.next());
            assert_eq!(entry.index, expected, "commits come in order, without gaps");
            self.applied.push((entry.index, entry.kind, entries.share(&entry)));
        }
    }

    /// The state up to there is safe.
    pub(crate) fn save(&mut self, upto: Index) {
        if self.durable.last().is_some_and(|(last, ..)| *last >= upto) {
            return;
        }
        self.durable = self.applied.iter().filter(|(index, ..)| *index <= upto).cloned().collect();
    }

    /// The state is gone, on the disk too.
    pub(crate) fn lose(&mut self) {
        self.applied.clear();
        self.durable.clear();
        self.lost = true;
    }

    pub(crate) fn crash(&mut self) {
        self.applied.clone_from(&self.durable);
        self.open.clear();
    }

    /// Everything except the reading of records, which is the log's.
    pub(crate) fn work(&mut self, job: Job) -> Option<Done> {
        match job {
            Job::Open { to, index_min } => {
                let last = self.durable.last().map_or(Index::ZERO, |(last, ..)| *last);
                let there = last >= index_min && last > Index::ZERO && !self.without_snapshots;
                let found = there.then(|| {
                    let bytes = written(&self.durable);
                    let found = Found { last, len: bytes.len() as u64, digest: last.0 };
                    self.open.insert(to, bytes);
                    found
                });
                Some(Done::Open { to, found })
            }
            Job::Read { to, offset, len } => {
                self.pieces.0 += 1;
                let open = self.open.get(&to).map_or(&[][..], Vec::as_slice);
                let rest = open.get(offset as usize..).unwrap_or_default();
                let bytes = Bytes::copy_from_slice(&rest[..len.min(rest.len())]);
                Some(Done::Read { to, offset, bytes })
            }
            Job::Close { to } => {
                self.open.remove(&to);
                None
            }
            Job::Begin(snapshot) => {
                if self.part.as_ref().is_none_or(|(known, _)| *known != snapshot) {
                    self.part = Some((snapshot.clone(), Vec::new()));
                }
                let stored = self.part.as_ref().map(|(_, bytes)| bytes.len() as u64);
                Some(Done::Write { snapshot, stored })
            }
            Job::Write(Piece { snapshot, offset, bytes }) => {
                self.pieces.1 += 1;
                let (known, part) = self.part.as_mut().unwrap();
                assert_eq!((&*known, part.len() as u64), (&snapshot, offset), "pieces come in order");
                part.extend_from_slice(&bytes);
                let stored = Some(part.len() as u64);
                Some(Done::Write { snapshot, stored })
            }
            Job::Install(snapshot) => {
                let (known, part) = self.part.take().unwrap();
                assert_eq!((&known, part.len() as u64), (&snapshot, snapshot.len), "all of it is here");
                let newer = self.applied.last().is_some_and(|(last, ..)| *last >= snapshot.last.index);
                if !newer {
                    self.applied = read(&part);
                    self.lost = false;
                }
                self.save(self.applied.last().map_or(Index::ZERO, |(last, ..)| *last));
                Some(Done::Install { snapshot, installed: true })
            }
            other => panic!("unknown job {other:?}"),
        }
    }
}

fn written(state: &Applied) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (index, kind, payload) in state {
        let kind = [EntryKind::Normal, EntryKind::Noop, EntryKind::Membership]
            .iter()
            .position(|other| other == kind)
            .unwrap();
        bytes.extend(index.0.to_le_bytes());
        bytes.push(kind as u8);
        bytes.extend((payload.len() as u32).to_le_bytes());
        bytes.extend_from_slice(payload);
    }
    bytes
}

fn read(mut bytes: &[u8]) -> Applied {
    let mut state = Applied::new();
    while let Some((index, rest)) = bytes.split_first_chunk() {
        let (kind, rest) = rest.split_first().unwrap();
        let (len, rest) = rest.split_first_chunk().unwrap();
        let (payload, rest) = rest.split_at(u32::from_le_bytes(*len) as usize);
        let kind = [EntryKind::Normal, EntryKind::Noop, EntryKind::Membership][usize::from(*kind)];
        state.push((Index(u64::from_le_bytes(*index)), kind, Bytes::copy_from_slice(payload)));
        bytes = rest;
    }
    state
}
