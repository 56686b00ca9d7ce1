//! What waits for the end of the burst, to leave as one message for each node and lane.

use super::message::{Letter, Message};
use crate::GroupId;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use synod_core::{Lane, Lsn, NodeId, Peers};

/// Letters in one message at most.
const LETTERS_MAX: usize = 1_024;

/// Bytes in one message, about, except that one letter may have more.
const BYTES_MAX: usize = 1 << 20;

/// Letters by receiver, lane, and what they wait for.
///
/// What waits for records of this burst waits for all of them: the driver begins one sync for the burst, so that costs nobody
/// anything. What waits for older records keeps its own position, or one group would wait for the next sync because of another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Outbox {
    queues: BTreeMap<(NodeId, Lane, Lsn), Queue>,
    /// The log when the burst began.
    began: Lsn,
    /// The log now, as far as anybody waits for it.
    end: Lsn,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Queue {
    after: Lsn,
    letters: Vec<(GroupId, Letter)>,
}

/// A message that may leave once the log is durable up to `after`.
pub(super) struct Parcel {
    pub(super) to: NodeId,
    pub(super) after: Lsn,
    pub(super) letters: Vec<(GroupId, Letter)>,
}

/// Where letters that wait for records of this burst are kept.
const THIS_BURST: Lsn = Lsn(u64::MAX);

impl Outbox {
    /// Something was written at `at`.
    pub(super) fn wrote(&mut self, at: Lsn) {
        self.end = self.end.max(at);
    }

    /// Takes a letter that waits for `after`, when the log is durable up to `durable`.
    pub(super) fn push(
        &mut self,
        to: &Peers,
        (lane, after, durable): (Lane, Lsn, Lsn),
        group: GroupId,
        letter: Letter,
    ) {
        let class = match after {
            after if after <= durable => Lsn::ZERO,
            after if after <= self.began => after,
            _ => THIS_BURST,
        };
        let after = if class == Lsn::ZERO { Lsn::ZERO } else { after };
        if let Some((last, rest)) = to.as_slice().split_last() {
            for to in rest {
                self.put(*to, lane, class, after).push((group, letter.clone()));
            }
            self.put(*last, lane, class, after).push((group, letter));
        }
    }

    fn put(&mut self, to: NodeId, lane: Lane, class: Lsn, after: Lsn) -> &mut Vec<(GroupId, Letter)> {
        let queue = self.queues.entry((to, lane, class)).or_default();
        queue.after = queue.after.max(after);
        &mut queue.letters
    }

    /// A sign of life for `to`, if nothing else is there for it.
    pub(super) fn greet(&mut self, to: NodeId) {
        self.put(to, Lane::Control, Lsn::ZERO, Lsn::ZERO);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// The burst is over.
    pub(super) fn pack(&mut self) -> Vec<Parcel> {
        self.began = self.end;
        let mut parcels = Vec::with_capacity(self.queues.len());
        for ((to, _, _), Queue { after, letters }) in core::mem::take(&mut self.queues) {
            let weight: usize = letters.iter().map(|(_, letter)| letter.weight()).sum();
            if letters.len() <= LETTERS_MAX && weight <= BYTES_MAX {
                parcels.push(Parcel { to, after, letters });
                continue;
            }
            let (mut open, mut bytes) = (Vec::new(), 0);
            for (group, letter) in letters {
                let weight = letter.weight();
                if !open.is_empty() && (open.len() >= LETTERS_MAX || bytes + weight > BYTES_MAX) {
                    parcels.push(Parcel { to, after, letters: core::mem::take(&mut open) });
                    bytes = 0;
                }
                bytes += weight;
                open.push((group, letter));
            }
            parcels.push(Parcel { to, after, letters: open });
        }
        parcels
    }
}

impl Parcel {
    pub(super) fn message(self, incarnation: u64) -> (NodeId, Lsn, Message) {
        (self.to, self.after, Message { incarnation, letters: self.letters })
    }
}
