//! What a link can carry: bytes a second, a queue that overflows, packets of a greatest size.

use crate::dials::Dials;
use synod_core::{Lane, NodeId};

/// How much a link carries, and how much waits before it.
///
/// Messages of one direction leave one behind the other, so a big one delays the small ones behind it. What does not fit into
/// the queue is dropped (tail drop); a queue that is far larger than what the link carries in a round trip does not lose
/// messages, it only makes them late (Gettys and Nichols, "Bufferbloat", 2011).
///
/// ```
/// use synod_sim::{Bandwidth, Dials};
/// let mut dials = Dials::calm();
/// dials.bandwidth = Some(Bandwidth { bytes_per_sec: 1_000_000, queue_bytes_max: 256 << 10, lanes: false });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bandwidth {
    /// Bytes a second, in each direction. Zero carries nothing.
    pub bytes_per_sec: u64,
    /// The greatest number of bytes that wait. A message that finds the link idle always fits.
    pub queue_bytes_max: u64,
    /// Whether each [`Lane`] has a queue of its own, with this bound: control goes before the log and datagrams, and those go
    /// before bulk. What is already being sent is finished first. Otherwise all lanes share one queue, first in, first out.
    pub lanes: bool,
}

/// What sets a single direction of a single link apart: a far site, a tunnel with small packets, a bad cable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// In place of [`Dials::bandwidth`].
    pub bandwidth: Option<Bandwidth>,
    /// In place of [`Dials::mtu`].
    pub mtu: Option<u32>,
    /// In place of [`Dials::loss_ppm`].
    pub loss_ppm: Option<u32>,
}

impl Dials {
    fn line(&self, ends: (NodeId, NodeId)) -> Line {
        self.lines.get(&ends).copied().unwrap_or_default()
    }

    /// What this link carries.
    #[must_use]
    pub fn bandwidth_between(&self, ends: (NodeId, NodeId)) -> Option<Bandwidth> {
        self.line(ends).bandwidth.or(self.bandwidth)
    }

    /// The greatest packet of this link, in bytes.
    #[must_use]
    pub fn mtu_between(&self, ends: (NodeId, NodeId)) -> Option<u32> {
        self.line(ends).mtu.or(self.mtu)
    }

    /// The independent loss on this link, in a million.
    #[must_use]
    pub fn loss_between(&self, ends: (NodeId, NodeId)) -> u32 {
        self.line(ends).loss_ppm.unwrap_or(self.loss_ppm)
    }
}

/// How urgent a lane is; 0 goes first.
const fn rank(lane: Lane) -> usize {
    match lane {
        Lane::Control => 0,
        Lane::Log | Lane::Datagram => 1,
        Lane::Bulk => 2,
    }
}

const RANKS: usize = 3;

/// One direction of a link.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pipe {
    /// When everything of this rank and the more urgent ones has left.
    idle: [u64; RANKS],
    /// The last arrival of each rank: lanes are streams of their own.
    last: [u64; RANKS],
    /// The sender knows that the queue is full.
    pub(crate) congested: bool,
}

impl Pipe {
    /// Whether a message of this lane has to wait for others.
    pub(crate) fn is_busy(&self, now: u64, lane: Lane, line: Bandwidth) -> bool {
        let rank = if line.lanes { rank(lane) } else { 0 };
        self.idle.get(rank).is_some_and(|idle| *idle > now)
    }

    /// Queues a message and says when its last byte has left; `None` if the queue is full.
    ///
    /// A message waits for what is queued at its rank and above. What waits at lower ranks has its departure already and keeps
    /// it; those that come later pay for the overtaking, so that the link never carries more than it can for long.
    pub(crate) fn push(&mut self, now: u64, bytes: u64, lane: Lane, line: Bandwidth) -> Option<u64> {
        let rank = if line.lanes { rank(lane) } else { 0 };
        let rate = u128::from(line.bytes_per_sec);
        let backlog = u128::from(self.idle.get(rank)?.saturating_sub(now)) * rate / 1_000_000_000;
        if rate == 0 || (backlog > 0 && backlog + u128::from(bytes) > u128::from(line.queue_bytes_max)) {
            return None;
        }
        let span = u64::try_from((u128::from(bytes) * 1_000_000_000).div_ceil(rate)).unwrap_or(u64::MAX / 2);
        for idle in self.idle.get_mut(rank..)? {
            *idle = now.max(*idle).saturating_add(span);
        }
        self.idle.get(rank).copied()
    }

    /// Lanes that are queued apart arrive apart: keeps the order within one of them only.
    pub(crate) fn in_order(&mut self, at: u64, lane: Lane) -> u64 {
        let Some(last) = self.last.get_mut(rank(lane)) else { return at };
        *last = at.max(*last + 1);
        *last
    }

    /// Whatever waits has gone.
    pub(crate) fn clear(&mut self) {
        self.idle = [0; RANKS];
        self.congested = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1_000_000;
    const SECOND: u64 = 1_000_000_000;

    fn line(queue_bytes_max: u64, lanes: bool) -> Bandwidth {
        Bandwidth { bytes_per_sec: MB, queue_bytes_max, lanes }
    }

    #[test]
    fn a_big_message_delays_the_small_one_behind_it() {
        let mut pipe = Pipe::default();
        let line = line(2 * MB, false);
        assert_eq!(pipe.push(0, MB, Lane::Bulk, line), Some(SECOND));
        assert_eq!(pipe.push(0, 100, Lane::Control, line), Some(SECOND + 100_000));
        assert_eq!(pipe.push(3 * SECOND, 100, Lane::Control, line), Some(3 * SECOND + 100_000));
    }

    #[test]
    fn a_full_queue_drops_what_comes_next_and_an_idle_link_takes_anything() {
        let mut pipe = Pipe::default();
        let line = line(1_000, false);
        assert!(!pipe.is_busy(0, Lane::Log, line));
        assert_eq!(pipe.push(0, MB, Lane::Log, line), Some(SECOND));
        assert!(pipe.is_busy(SECOND - 1, Lane::Log, line) && !pipe.is_busy(SECOND, Lane::Log, line));
        assert_eq!(pipe.push(0, 1, Lane::Log, line), None);
        // With 900 bytes waiting there is room for 100 more.
        let later = SECOND - 900_000;
        assert_eq!(pipe.push(later, 101, Lane::Log, line), None);
        assert_eq!(pipe.push(later, 100, Lane::Log, line), Some(SECOND + 100_000));
        assert_eq!(pipe.push(0, 1, Lane::Log, Bandwidth { bytes_per_sec: 0, ..line }), None);
    }

    #[test]
    fn control_goes_before_bulk_where_lanes_are_queued_apart_and_is_paid_for() {
        let mut pipe = Pipe::default();
        let line = line(2 * MB, true);
        assert_eq!(pipe.push(0, MB, Lane::Bulk, line), Some(SECOND));
        assert_eq!(pipe.push(0, 100, Lane::Control, line), Some(100_000));
        assert_eq!(pipe.push(0, 100, Lane::Log, line), Some(200_000));
        assert_eq!(pipe.push(0, 100, Lane::Bulk, line), Some(SECOND + 300_000));
        assert_eq!((pipe.in_order(7, Lane::Bulk), pipe.in_order(5, Lane::Control)), (7, 5));
        assert_eq!(pipe.in_order(5, Lane::Bulk), 8);
    }
}
