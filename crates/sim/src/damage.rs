//! What the faults of storage do to a node's log, and when the atlas forbids it.

use crate::atlas::{Atlas, Terrain};
use crate::dials::{Fault, Sabotage};
use crate::disk::Wreck;
use crate::hash::fingerprint;
use crate::nemesis::Strike;
use crate::network::index;
use crate::node::Node;
use crate::storage::{Bound, FileSystem};
use crate::tape::{Kind, Label};
use crate::workload::Workload;
use crate::world::{Simulated, World};
use std::collections::BTreeSet;
use std::sync::Arc;
use synod_core::{Damage, Lsn, NodeId, Protocol};

/// Names what a record holds.
pub(crate) type Facts<P> = Arc<dyn Fn(&<P as Protocol>::Record) -> Vec<u64> + Send + Sync>;

/// Whether a record holds a fact that other records have named.
pub(crate) type Covers<P> = Arc<dyn Fn(&<P as Protocol>::Record, u64) -> bool + Send + Sync>;

/// What is known about damage in this world.
#[derive(Clone)]
pub(crate) struct Lore<P: Simulated> {
    pub(crate) atlas: Atlas,
    pub(crate) facts: Facts<P>,
    /// `None`: a record holds what it names.
    covers: Option<Covers<P>>,
}

impl<P: Simulated> Lore<P> {
    /// Unless told otherwise, a record is one fact: itself.
    pub(crate) fn new(bound: Bound, nodes: usize) -> Self {
        Self {
            atlas: Atlas::new(bound, nodes),
            facts: Arc::new(|record| vec![fingerprint(record)]),
            covers: None,
        }
    }
}

/// The disks of the world, as the atlas sees them.
struct Ground<'a, P: Simulated> {
    nodes: &'a [Node<P>],
    lore: &'a Lore<P>,
}

impl<P: Simulated> Lore<P> {
    fn holds(&self, record: &P::Record, fact: u64) -> bool {
        match &self.covers {
            Some(covers) => covers(record, fact),
            None => (self.facts)(record).contains(&fact),
        }
    }
}

impl<P: Simulated> Ground<'_, P> {
    /// What is gone when these records are.
    fn facts_in(&self, records: &[&P::Record]) -> Vec<u64> {
        let mut facts: BTreeSet<u64> = records.iter().flat_map(|record| (self.lore.facts)(record)).collect();
        if self.lore.covers.is_some() {
            let named = self.nodes.iter().flat_map(|node| {
                let disk = &node.host.disk;
                let intact = disk.stored().filter_map(|at| disk.intact(at));
                intact.flat_map(|record| (self.lore.facts)(record))
            });
            let known = named.chain(self.lore.atlas.lost()).filter(|fact| !facts.contains(fact));
            let more: BTreeSet<u64> =
                known.filter(|fact| records.iter().any(|record| self.lore.holds(record, *fact))).collect();
            facts.extend(more);
        }
        facts.into_iter().collect()
    }
}

impl<P: Simulated> Terrain for Ground<'_, P> {
    fn away(&self, node: usize) -> bool {
        self.nodes.get(node).is_none_or(|node| node.protocol.is_none())
    }

    fn holds(&self, node: usize, fact: u64) -> bool {
        let Some(node) = self.nodes.get(node) else { return false };
        let disk = &node.host.disk;
        disk.stored().any(|at| disk.intact(at).is_some_and(|record| self.lore.holds(record, fact)))
    }
}

/// How long a node that stopped by itself is down.
const RESTART_NS: u64 = 500_000_000;

/// The most neighbouring records that one strike of bit rot takes: those of one sector.
const SECTOR_RECORDS: u64 = 3;

impl<P: Simulated, W: Workload<P>> World<P, W> {
    /// Why this node stays down: its log was damaged, and the protocol refused to start from it. That is the protocol's right;
    /// to refuse an undamaged log is a [`failure`](World::failure).
    pub fn refused(&self, id: NodeId) -> Option<&str> {
        self.nodes.get(index(id)?)?.host.refused.as_deref()
    }

    /// Tells the atlas what a record holds.
    pub(crate) fn learn(&mut self, facts: &Facts<P>, covers: Option<&Covers<P>>) {
        self.lore.facts = Facts::<P>::clone(facts);
        self.lore.covers = covers.cloned();
    }

    /// A strike that concerns the disk of this node.
    pub(crate) fn strike_disk(&mut self, at: usize, strike: &Strike) {
        match strike.fault {
            Fault::BitRot => self.rot(at, strike),
            Fault::MisdirectedWrite => self.misdirect(at, strike),
            Fault::LyingDisk => self.lie(at, strike),
            Fault::FullDisk => {
                if let Some(slot) = self.nodes.get_mut(at) {
                    slot.host.disk.full_until = slot.host.disk.full_until.max(strike.until);
                }
            }
            _ => {}
        }
    }

    /// One of the stored records, if there is any.
    fn choose(&mut self, at: usize, strike: &Strike, nth: u64) -> Option<u64> {
        let stored = self.nodes.get(at)?.host.disk.stored();
        let count = (stored.end() + 1).saturating_sub(*stored.start());
        let label = Label::new(Kind::Damage, &[strike.fault as u64, strike.at, at as u64, nth]);
        (count > 0).then(|| stored.start() + self.net.tape.below(label, count))
    }

    /// Some neighbouring records cannot be read any more.
    fn rot(&mut self, at: usize, strike: &Strike) {
        let Some(first) = self.choose(at, strike, 0) else { return };
        let label = |nth| Label::new(Kind::Damage, &[strike.fault as u64, strike.at, at as u64, nth]);
        let count = 1 + self.net.tape.below(label(1), SECTOR_RECORDS);
        let damage =
            if self.net.tape.below(label(2), 2) == 0 { Damage::Checksum } else { Damage::Unreadable };
        for place in first..first + count {
            self.destroy(at, &[place], damage);
        }
    }

    /// A record was written in the place of an older one: neither can be read where it belongs. Records carry their positions,
    /// so the driver notices both.
    fn misdirect(&mut self, at: usize, strike: &Strike) {
        let (Some(one), Some(other)) = (self.choose(at, strike, 0), self.choose(at, strike, 1)) else {
            return;
        };
        if one != other && self.destroy(at, &[one, other], Damage::Checksum) {
            self.net.stats.misdirected += 1;
        }
    }

    /// Syncs of this disk store nothing for a while, and say that they did.
    fn lie(&mut self, at: usize, strike: &Strike) {
        let ground = Ground { nodes: &self.nodes, lore: &self.lore };
        if !self.lore.atlas.may_strike(at, &ground) {
            self.net.stats.spared += 1;
            return;
        }
        self.lore.atlas.hollowed(at);
        if let Some(slot) = self.nodes.get_mut(at) {
            slot.host.disk.lying_until = slot.host.disk.lying_until.max(strike.until);
        }
    }

    /// Destroys all of these records, or none if the atlas forbids one of them.
    fn destroy(&mut self, at: usize, places: &[u64], damage: Damage) -> bool {
        let Some(slot) = self.nodes.get(at) else { return false };
        let records: Vec<&P::Record> =
            places.iter().filter_map(|place| slot.host.disk.intact(*place)).collect();
        if records.len() < places.len() {
            return false;
        }
        let ground = Ground { nodes: &self.nodes, lore: &self.lore };
        let facts = ground.facts_in(&records);
        if !self.lore.atlas.may_destroy(at, &facts, &ground) {
            self.net.stats.spared += places.len() as u64;
            return false;
        }
        self.lore.atlas.destroyed(at, &facts);
        let Some(slot) = self.nodes.get_mut(at) else { return false };
        for place in places {
            slot.host.disk.spoil(*place, damage);
            self.net.stats.damaged += 1;
            self.net.trace.damaged(self.net.now, slot.host.id, *place);
            self.net.chain = self.net.chain.word(self.net.now).word(slot.host.id.0).word(*place);
        }
        true
    }

    fn sloppy(&self) -> bool {
        self.net.dials.sabotage == Some(Sabotage::ReplayPastHole)
    }

    /// The power of this node fails: nothing, a prefix or any part of the un-synced tail stays.
    pub(crate) fn power_fails(&mut self, at: usize) -> Wreck {
        let sloppy = self.sloppy();
        let Some(slot) = self.nodes.get_mut(at) else { return Wreck::default() };
        // The moment names a crash, not its number: it is the same crash in a script without those before it.
        let (node, id, now) = (slot.host.id, slot.host.id.0, self.net.now);
        let (tape, dials) = (&mut self.net.tape, &self.net.dials);
        let unstored = slot.host.disk.unstored();
        let size = Label::new(Kind::Tear, &[id, now, 1]);
        let torn = tape.amount(Label::new(Kind::Tear, &[id, now]), dials.tear_ppm, |tape| {
            Some(tape.below(size, unstored + 1))
        });
        let kept = torn.flatten().unwrap_or(0).min(unstored);
        tape.note(|| format!("{node} keeps the first {kept} of {unstored} un-synced records"));
        let label = Label::new(Kind::Tear, &[id, now, 2]);
        let wreck = if tape.chance(label, dials.storage.reorder_ppm) {
            let each = |place| tape.below(Label::new(Kind::Tear, &[id, now, 3, place]), 2) == 0;
            slot.host.disk.crash(each, sloppy)
        } else {
            let last = slot.host.disk.end().0 - unstored + kept;
            slot.host.disk.crash(|place| place <= last, sloppy)
        };
        let lost = wreck.lost;
        tape.note(|| format!("{node} keeps a random part of {unstored} un-synced records, {lost} are lost"));
        self.net.stats.torn += u64::from(unstored > wreck.lost && wreck.lost > 0);
        wreck
    }

    /// A sync of the log up to `upto` has failed. A correct driver stops: the log is poisoned. What is found when the node
    /// starts again is the file system's choice. Says whether the node goes on, since its driver takes no notice.
    pub(crate) fn sync_failed(&mut self, at: usize, upto: Lsn) -> bool {
        self.net.stats.failed_syncs += 1;
        let sloppy = self.sloppy();
        let Some(slot) = self.nodes.get_mut(at) else { return false };
        let (tape, dials, disk) = (&mut self.net.tape, &self.net.dials, &mut slot.host.disk);
        let (id, incarnation) = (slot.host.id.0, slot.host.incarnation);
        let (reverts, sabotage) = (dials.storage.file_system == FileSystem::Btrfs, dials.sabotage);
        let unstored = disk.unstored();
        let mut chance =
            |place| tape.below(Label::new(Kind::Aftermath, &[id, incarnation, upto.0, place]), 2) == 0;
        let rebooted = chance(0);
        // The last write that was covered is one that failed.
        let mut reached = |place| !reverts && place != upto.0 && chance(place);
        if sabotage == Some(Sabotage::RetriedFsync) {
            // The pages are clean: the next sync has nothing to write, and succeeds.
            disk.leave_clean(upto, |place| !reached(*place));
            return true;
        }
        let wreck = if reverts || rebooted {
            disk.crash(reached, sloppy)
        } else if sabotage == Some(Sabotage::TrustedPageCache) {
            disk.leave_clean(upto, |place| !reached(*place));
            disk.believe();
            Wreck::default()
        } else {
            // All of it is in the page cache, and is written again before it is believed.
            disk.crash(|_| true, sloppy)
        };
        let stats = &mut self.net.stats;
        *match wreck.lost {
            0 => &mut stats.tails_whole,
            lost if lost < unstored => &mut stats.tails_cut,
            _ => &mut stats.tails_gone,
        } += 1;
        self.die(at, wreck);
        self.boot_later(at, RESTART_NS);
        false
    }

    /// The device refused a record. The node stops before anything can rest on it, and comes back when there is space.
    pub(crate) fn disk_full(&mut self, at: usize) {
        self.net.stats.full_stops += 1;
        self.crash(at);
        self.boot_later(at, RESTART_NS);
    }
}
