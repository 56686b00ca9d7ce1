//! What was counted during a run.

use crate::trace::Fate;

/// What was counted during a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Things that happened to nodes: messages delivered, timers, syncs, commands, answers to jobs, promises to oneself.
    pub events: u64,
    /// Messages that nodes sent to others.
    pub sent: u64,
    /// Messages that arrived.
    pub delivered: u64,
    /// Messages that the network lost.
    pub lost: u64,
    /// Messages that a partition stopped.
    pub blocked: u64,
    /// Messages that waited for others before a link of bounded bandwidth.
    pub squeezed: u64,
    /// Messages that a full queue dropped.
    pub overflowed: u64,
    /// Datagrams that were larger than a packet.
    pub too_large: u64,
    /// Messages that could not be read, or that the transport's guard stopped.
    pub refused: u64,
    /// Messages to an address that nobody has any more.
    pub unreachable: u64,
    /// Messages that were on their way on a connection that broke.
    pub reset: u64,
    /// Messages that reached somebody else, who has the receiver's old address now.
    pub misdelivered: u64,
    /// Messages that arrived damaged, and could be read all the same.
    pub corrupted: u64,
    /// Old messages that an attacker sent again.
    pub replayed: u64,
    /// Messages that an attacker sent in another's name.
    pub forged: u64,
    /// Notices about a link that reached a node.
    pub notices: u64,
    /// Inputs that waited for a slow processor.
    pub queued: u64,
    /// Messages that arrived twice.
    pub duplicated: u64,
    /// Messages, commands and answers that found the receiver down.
    pub receiver_down: u64,
    /// Messages that were dropped because too many waited for the disk.
    pub held_full: u64,
    /// The most effects that waited for the disk of one node at one time.
    pub held_max: usize,
    /// Timers that fired.
    pub timers: u64,
    /// Syncs that completed.
    pub syncs: u64,
    /// Records that were appended.
    pub records: u64,
    /// Processes that died.
    pub crashes: u64,
    /// Syncs that failed.
    pub failed_syncs: u64,
    /// Records that crashes took, none of them durable unless a disk lies.
    pub records_lost: u64,
    /// Crashes that left a part of the un-synced tail on the disk.
    pub torn: u64,
    /// Records that were acknowledged as durable and are gone all the same: above zero only where a disk lies.
    pub acknowledged_lost: u64,
    /// Faults of the schedule that struck.
    pub faults: u64,
    /// Failed syncs after which all of the un-synced tail was found again.
    pub tails_whole: u64,
    /// Failed syncs after which a part of it was.
    pub tails_cut: u64,
    /// Failed syncs after which nothing of it was.
    pub tails_gone: u64,
    /// Records that a crash left on the medium behind a missing one: cut off, unless the driver reads past holes.
    pub past_hole: u64,
    /// Nodes that stopped because the device was full.
    pub full_stops: u64,
    /// Stored records that a fault destroyed.
    pub damaged: u64,
    /// Writes that landed in the place of another record, and destroyed both.
    pub misdirected: u64,
    /// Damage that the [`Bound`](crate::Bound) forbade: records, and windows of a lying disk.
    pub spared: u64,
    /// Damaged records that were handed to a protocol when its node started.
    pub damage_met: u64,
    /// Nodes that refused to start from a damaged log.
    pub refusals: u64,
    /// Messages of traitors that were meant to differ from what others were told.
    pub equivocated: u64,
    /// Messages that traitors sent under another's name.
    pub forgeries: u64,
    /// Those of them that the transport stopped.
    pub forgeries_stopped: u64,
    /// Messages that traitors kept back.
    pub withheld: u64,
    /// Old messages that traitors sent again.
    pub repeated: u64,
}

impl Stats {
    pub(crate) fn fate(&mut self, fate: Fate) -> &mut u64 {
        match fate {
            Fate::Delivered => &mut self.delivered,
            Fate::Lost => &mut self.lost,
            Fate::Blocked => &mut self.blocked,
            Fate::ReceiverDown => &mut self.receiver_down,
            Fate::Overflow => &mut self.overflowed,
            Fate::TooLarge => &mut self.too_large,
            Fate::Refused => &mut self.refused,
            Fate::Unreachable => &mut self.unreachable,
            Fate::Reset => &mut self.reset,
        }
    }
}
