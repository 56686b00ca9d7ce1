//! A disk: what was written, how much of it is durable, and what a crash leaves.

use synod_core::{LogState, Lsn};

/// The log of one node. Records are kept as values; that their bytes survive a round trip is each protocol's own test.
#[derive(Clone, Debug)]
pub(crate) struct Disk<R> {
    records: Vec<R>,
    released: u64,
    /// What the driver believes to be durable.
    pub(crate) durable: Lsn,
    /// What really is.
    stored: Lsn,
    /// The sync that is under way covers the log up to here.
    pub(crate) syncing: Option<Lsn>,
    /// The last forced record.
    pub(crate) forced: Lsn,
    ever_written: bool,
    /// Syncs take this many times as long.
    pub(crate) slowness: u32,
    /// No sync completes before this moment.
    pub(crate) stalled_until: u64,
    /// The next sync fails.
    pub(crate) failing: bool,
}

impl<R> Disk<R> {
    pub(crate) fn new() -> Self {
        Self {
            records: Vec::new(),
            released: 0,
            durable: Lsn::ZERO,
            stored: Lsn::ZERO,
            syncing: None,
            forced: Lsn::ZERO,
            ever_written: false,
            slowness: 1,
            stalled_until: 0,
            failing: false,
        }
    }

    pub(crate) fn end(&self) -> Lsn {
        Lsn(self.released + self.records.len() as u64)
    }

    pub(crate) fn append(&mut self, record: R, forced: bool) {
        self.ever_written = true;
        self.records.push(record);
        if forced {
            self.forced = self.end();
        }
    }

    /// A sync that covered the log up to `upto` has ended. A lying disk says so and has stored nothing.
    pub(crate) fn synced(&mut self, upto: Lsn, lying: bool) {
        self.syncing = None;
        self.durable = self.durable.max(upto);
        if !lying {
            self.stored = self.stored.max(upto);
        }
    }

    pub(crate) fn release(&mut self, upto: Lsn) {
        let count = upto.min(self.stored).0.saturating_sub(self.released);
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(self.records.len());
        self.records.drain(..count);
        self.released += count as u64;
    }

    /// How many records a crash may lose.
    pub(crate) fn unstored(&self) -> u64 {
        self.end().0.saturating_sub(self.stored.0)
    }

    /// The power fails, and `kept` of the records that were not stored happen to have reached the disk.
    pub(crate) fn crash(&mut self, kept: u64) {
        let left = self.stored.0.saturating_add(kept).saturating_sub(self.released);
        self.records.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        self.syncing = None;
        self.failing = false;
        let end = self.end();
        (self.durable, self.stored, self.forced) = (end, end, end);
    }

    pub(crate) fn replay(&self) -> (LogState, impl Iterator<Item = (Lsn, &R)>) {
        let state = if self.ever_written { LogState::Recovered { end: self.end() } } else { LogState::Fresh };
        (state, (self.released + 1..).map(Lsn).zip(&self.records))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(count: u32) -> Disk<u32> {
        let mut disk = Disk::new();
        (1..=count).for_each(|record| disk.append(record, true));
        disk
    }

    fn left(disk: &Disk<u32>) -> Vec<u32> {
        disk.replay().1.map(|(_, record)| *record).collect()
    }

    #[test]
    fn a_crash_loses_the_unsynced_tail_or_leaves_a_prefix_of_it() {
        let mut disk = written(2);
        disk.synced(Lsn(2), false);
        (3..=6).for_each(|record| disk.append(record, true));
        let mut torn = disk.clone();
        disk.crash(0);
        assert_eq!(left(&disk), [1, 2]);
        torn.crash(3);
        assert_eq!((left(&torn), torn.durable), (vec![1, 2, 3, 4, 5], Lsn(5)));
    }

    #[test]
    fn a_lying_sync_is_believed_and_lost() {
        let mut disk = written(3);
        disk.synced(Lsn(3), true);
        assert_eq!(disk.durable, Lsn(3));
        disk.crash(0);
        assert!(left(&disk).is_empty());
        assert!(matches!(disk.replay().0, LogState::Recovered { end: Lsn(0) }), "not a fresh log");
    }

    #[test]
    fn a_sync_covers_only_what_was_written_before_it_began() {
        let mut disk = written(1);
        disk.syncing = Some(disk.end());
        disk.append(2, true);
        disk.synced(Lsn(1), false);
        assert_eq!((disk.durable, disk.unstored()), (Lsn(1), 1));
    }

    #[test]
    fn release_gives_back_only_what_is_stored_and_positions_go_on() {
        let mut disk = written(3);
        disk.synced(Lsn(2), false);
        disk.release(Lsn(3));
        assert_eq!((left(&disk), disk.end()), (vec![3], Lsn(3)));
    }
}
