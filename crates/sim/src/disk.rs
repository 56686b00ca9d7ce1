//! A disk: what was written, how much of it is durable, and what a crash leaves.
//!
//! The log on it finds its own end: a record carries its position and a checksum, so a reader knows a torn or missing record
//! from the end of the log, and one that was written in another's place from the one that belongs there.

use crate::pages::Pages;
use std::collections::{BTreeMap, BTreeSet};
use synod_core::{Damage, LogState, Lsn, Recovered};

/// The log of one node. Records are kept as values; that their bytes survive a round trip is each protocol's own test.
#[derive(Clone, Debug)]
pub(crate) struct Disk<R> {
    records: Pages<R>,
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
    /// How long the sync that is under way takes, once the disk moves.
    pub(crate) sync_takes: u64,
    /// The next sync fails.
    pub(crate) failing: bool,
    /// No record can be appended before this moment.
    pub(crate) full_until: u64,
    /// A record was refused: the device is full.
    pub(crate) overflowed: bool,
    /// Syncs that end before this moment are said to be done and have stored nothing.
    pub(crate) lying_until: u64,
    /// Stored, as far as the kernel knows, and not on the medium: pages that a failed sync left marked clean.
    holes: BTreeSet<u64>,
    /// Stored, and unreadable now.
    damaged: BTreeMap<u64, Damage>,
}

/// What a crash did to the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wreck {
    /// Records that are gone.
    pub(crate) lost: u64,
    /// Those among them that had been acknowledged as durable.
    pub(crate) acknowledged: u64,
    /// Records that were on the medium behind a missing one.
    pub(crate) past_hole: u64,
}

impl<R> Disk<R> {
    pub(crate) fn new() -> Self {
        Self {
            records: Pages::new(),
            released: 0,
            durable: Lsn::ZERO,
            stored: Lsn::ZERO,
            syncing: None,
            forced: Lsn::ZERO,
            ever_written: false,
            slowness: 1,
            stalled_until: 0,
            sync_takes: 0,
            failing: false,
            full_until: 0,
            overflowed: false,
            lying_until: 0,
            holes: BTreeSet::new(),
            damaged: BTreeMap::new(),
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
        self.records.release(count);
        self.released += count as u64;
        let first = self.released + 1;
        if !self.damaged.is_empty() {
            self.damaged = self.damaged.split_off(&first);
        }
        if !self.holes.is_empty() {
            self.holes = self.holes.split_off(&first);
        }
    }

    /// How many records a crash may lose.
    pub(crate) fn unstored(&self) -> u64 {
        self.end().0.saturating_sub(self.stored.0)
    }

    /// The positions of the records that a crash cannot lose, unless the disk lies.
    pub(crate) fn stored(&self) -> core::ops::RangeInclusive<u64> {
        self.released + 1..=self.stored.0
    }

    /// The power fails. Of the records that were not stored those remain that `survives` names. The log driver reads on up to
    /// the first record that is missing; a sloppy one takes whatever it finds behind it, as if nothing were missing.
    pub(crate) fn crash(&mut self, mut survives: impl FnMut(u64) -> bool, sloppy: bool) -> Wreck {
        let (end, stored, durable) = (self.end().0, self.stored.0, self.durable.0);
        let mut missing = core::mem::take(&mut self.holes);
        missing.extend((stored + 1..=end).filter(|at| !survives(*at)));
        let mut wreck = Wreck::default();
        if let Some(&first) = missing.first() {
            wreck.past_hole = (end + 1 - first).saturating_sub(missing.len() as u64);
            if sloppy {
                wreck.lost = missing.len() as u64;
                wreck.acknowledged = missing.range(..=durable).count() as u64;
                self.remove(&missing);
            } else {
                wreck.lost = end + 1 - first;
                wreck.acknowledged = (durable + 1).saturating_sub(first);
                self.records.truncate(usize::try_from(first - self.released - 1).unwrap_or(usize::MAX));
                self.damaged.split_off(&first);
            }
        }
        self.syncing = None;
        self.failing = false;
        self.overflowed = false;
        let end = self.end();
        (self.durable, self.stored, self.forced) = (end, end, end);
        wreck
    }

    /// Takes these records out; those behind them move up.
    fn remove(&mut self, gone: &BTreeSet<u64>) {
        let mut place = self.released;
        self.records.retain(|_| {
            place += 1;
            !gone.contains(&place)
        });
        let damaged = core::mem::take(&mut self.damaged).into_iter().filter(|(at, _)| !gone.contains(at));
        self.damaged = damaged.map(|(at, damage)| (at - gone.range(..at).count() as u64, damage)).collect();
    }

    /// A sync of the log up to `upto` failed, and the kernel marked its pages clean: those that `failed` names never reached the
    /// medium, and no later sync will write them.
    pub(crate) fn leave_clean(&mut self, upto: Lsn, failed: impl FnMut(&u64) -> bool) {
        self.holes.extend((self.stored.0 + 1..=upto.0).filter(failed));
    }

    /// What was read back from the page cache is believed to be durable: the holes in it show at the next crash.
    pub(crate) fn believe(&mut self) {
        let end = self.end();
        (self.durable, self.stored, self.forced) = (end, end, end);
        self.syncing = None;
        self.failing = false;
    }

    /// The record at `at`, if it is stored and readable.
    pub(crate) fn intact(&self, at: u64) -> Option<&R> {
        let readable = at <= self.stored.0 && !self.damaged.contains_key(&at) && !self.holes.contains(&at);
        let place = usize::try_from(at.checked_sub(self.released + 1)?).ok()?;
        self.records.get(place).filter(|_| readable)
    }

    /// The record at `at` cannot be read any more.
    pub(crate) fn spoil(&mut self, at: u64, damage: Damage) {
        if self.stored().contains(&at) {
            self.damaged.insert(at, damage);
        }
    }

    /// Where the log is damaged.
    pub(crate) fn damaged(&self) -> &BTreeMap<u64, Damage> {
        &self.damaged
    }

    /// A backup takes the place of the log: a prefix of it, as long as the draw says. Call it after [`crash`](Self::crash).
    pub(crate) fn roll_back(&mut self, draw: u64) {
        let kept = crate::tape::scale(draw, self.records.len() as u64 + 1);
        self.records.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
        let end = self.end();
        self.damaged.split_off(&(end.0 + 1));
        (self.durable, self.stored, self.forced) = (end, end, end);
    }

    /// What a driver reads when the node starts.
    pub(crate) fn replay(&self) -> (LogState, impl Iterator<Item = (Lsn, Recovered<&R>)>) {
        let end = self.end();
        let state = match self.damaged.len() as u64 {
            0 if self.ever_written => LogState::Recovered { end },
            0 => LogState::Fresh,
            damaged => LogState::Damaged { end, damaged },
        };
        let records = (self.released + 1..).zip(self.records.iter()).map(|(at, record)| {
            let found = match self.damaged.get(&at) {
                Some(damage) => Recovered::Damaged(*damage),
                None => Recovered::Intact(record),
            };
            (Lsn(at), found)
        });
        (state, records)
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
        let read = |(_, found): (Lsn, Recovered<&u32>)| {
            if let Recovered::Intact(record) = found { *record } else { 0 }
        };
        disk.replay().1.map(read).collect()
    }

    #[test]
    fn a_crash_loses_the_unsynced_tail_or_leaves_a_prefix_of_it() {
        let mut disk = written(2);
        disk.synced(Lsn(2), false);
        (3..=6).for_each(|record| disk.append(record, true));
        let mut torn = disk.clone();
        disk.crash(|_| false, false);
        assert_eq!(left(&disk), [1, 2]);
        torn.crash(|at| at <= 5, false);
        assert_eq!((left(&torn), torn.durable), (vec![1, 2, 3, 4, 5], Lsn(5)));
    }

    #[test]
    fn a_lying_sync_is_believed_and_lost() {
        let mut disk = written(3);
        disk.synced(Lsn(3), true);
        assert_eq!(disk.durable, Lsn(3));
        assert_eq!(disk.crash(|_| false, false), Wreck { lost: 3, acknowledged: 3, past_hole: 0 });
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

    #[test]
    fn a_crash_that_reorders_writes_is_cut_at_the_hole_and_a_sloppy_driver_reads_past_it() {
        let mut disk = written(2);
        disk.synced(Lsn(2), false);
        (3..=6).for_each(|record| disk.append(record, true));
        let mut sloppy = disk.clone();
        let survives = |at| at != 4;
        assert_eq!(disk.crash(survives, false), Wreck { lost: 3, acknowledged: 0, past_hole: 2 });
        assert_eq!(left(&disk), [1, 2, 3]);
        assert_eq!(sloppy.crash(survives, true), Wreck { lost: 1, acknowledged: 0, past_hole: 2 });
        assert_eq!((left(&sloppy), sloppy.end()), (vec![1, 2, 3, 5, 6], Lsn(5)));
    }

    #[test]
    fn a_page_that_a_failed_sync_left_clean_is_never_written() {
        let mut disk = written(4);
        disk.synced(Lsn(1), false);
        disk.leave_clean(Lsn(3), |at| *at == 3);
        disk.synced(Lsn(4), false);
        assert_eq!(left(&disk), [1, 2, 3, 4], "the page cache still has it");
        assert_eq!(disk.intact(3), None, "the medium has not");
        assert_eq!(disk.crash(|_| false, false), Wreck { lost: 2, acknowledged: 2, past_hole: 1 });
        assert_eq!(left(&disk), [1, 2]);
    }

    #[test]
    fn damage_is_told_at_replay_and_goes_with_what_is_released_or_moves_with_what_is_cut_out() {
        let mut disk = written(5);
        disk.synced(Lsn(4), false);
        disk.spoil(2, Damage::Checksum);
        disk.spoil(4, Damage::Unreadable);
        disk.spoil(5, Damage::Checksum);
        assert_eq!(left(&disk), [1, 0, 3, 0, 5], "what is not stored cannot rot");
        assert_eq!(disk.replay().0, LogState::Damaged { end: Lsn(5), damaged: 2 });
        disk.release(Lsn(2));
        assert_eq!(disk.replay().0, LogState::Damaged { end: Lsn(5), damaged: 1 });
        disk.remove(&BTreeSet::from([3]));
        assert_eq!((left(&disk), disk.damaged().keys().copied().collect()), (vec![0, 5], vec![3]));
    }
}
