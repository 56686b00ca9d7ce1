//! Nodes that move, come back with another disk, or are there twice; and administrators who install something else.

use super::{Pending, Simulated, World};
use crate::dials::Fault;
use crate::disk::Disk;
use crate::nemesis::Strike;
use crate::network::index;
use crate::tape::{Kind, Label};
use crate::workload::Workload;

/// What administrators have done.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rollouts {
    /// The build that was rolled out last.
    build: usize,
    /// They are on their way back to the first.
    back: bool,
    /// They are at work until then.
    until: u64,
}

impl<P: Simulated, W: Workload<P>> World<P, W> {
    /// Where each node lives, changes; so does what is on its disk, and what runs there.
    pub(super) fn change_topology(&mut self, strike: &Strike) {
        let now = self.net.now;
        let places: Vec<usize> = strike.nodes.iter().filter_map(|id| index(*id)).collect();
        let lasting = strike.until.saturating_sub(strike.at);
        match (strike.fault, places.as_slice()) {
            (Fault::Move, [at, ..]) => self.net.the_medium().addresses.relocate(*at, now),
            (Fault::TradeAddresses, [one, other, ..]) => {
                self.net.the_medium().addresses.trade(*one, *other, now);
            }
            (Fault::WipeDisk | Fault::OldDisk, [at, ..]) => {
                self.crash(*at);
                self.change_disk(*at, strike.fault == Fault::OldDisk);
                self.boot_later(*at, lasting);
            }
            (Fault::SwapDisks, [one, other, ..]) => {
                self.crash(*one);
                self.crash(*other);
                self.swap_disks(*one, *other);
                self.boot_later(*one, lasting);
                self.boot_later(*other, lasting);
            }
            (Fault::Twin, [at, ..]) => self.begin_twin(*at),
            (Fault::Rollout, places) => self.roll_out(places, lasting),
            _ => {}
        }
    }

    /// An administrator empties a disk, or puts a backup on it.
    fn change_disk(&mut self, at: usize, backup: bool) {
        let now = self.net.now;
        self.lore.atlas.hollowed(at);
        let Some(slot) = self.nodes.get_mut(at) else { return };
        slot.host.refused = None;
        if backup {
            let label = Label::new(Kind::Strike, &[slot.host.id.0, now]);
            let share = self.net.tape.draw(label);
            slot.host.disk.roll_back(share);
        } else {
            self.empty_disk(at);
        }
    }

    /// What lay on it is gone.
    pub(super) fn empty_disk(&mut self, at: usize) {
        if let Some(slot) = self.nodes.get_mut(at) {
            slot.host.disk = Disk::new();
        }
    }

    fn swap_disks(&mut self, one: usize, other: usize) {
        let (low, high) = (one.min(other), one.max(other));
        self.lore.atlas.hollowed(one);
        self.lore.atlas.hollowed(other);
        let Some((front, back)) = self.nodes.split_at_mut_checked(high) else { return };
        if let (Some(one), Some(other)) = (front.get_mut(low), back.first_mut()) {
            core::mem::swap(&mut one.host.disk, &mut other.host.disk);
        }
    }

    /// Somebody starts a second process under the id of a node, on a copy of its disk.
    fn begin_twin(&mut self, of: usize) {
        let spare = self.len();
        if self.nodes.len() > spare {
            return;
        }
        let Some(mut twin) = self.nodes.get(of).cloned() else { return };
        twin.protocol = None;
        twin.host.at = spare;
        twin.host.gate.clear();
        twin.host.loopback.clear();
        twin.host.alarms.clear();
        twin.host.owes_flush = false;
        twin.host.cpu = None;
        twin.host.disk.crash(|_| false, false);
        // What is still under way for an earlier twin does not concern this one.
        twin.host.incarnation = self.net.now;
        self.net.the_medium().twin = Some(of);
        self.nodes.push(twin);
        self.boot(spare);
    }

    /// The second process is gone, and its disk with it.
    pub(super) fn end_twin(&mut self) {
        let medium = self.net.medium.as_mut();
        if medium.is_some_and(|medium| medium.twin.take().is_some()) {
            self.nodes.pop();
        }
    }

    /// An administrator restarts the nodes one after the other, with the next build; once the last is reached, step by step back
    /// to the first. They do not begin before they are done.
    fn roll_out(&mut self, places: &[usize], lasting: u64) {
        if self.net.now < self.rolled.until {
            return;
        }
        let last = self.net.outfit.later.len();
        let (build, back) = match (self.rolled.build, self.rolled.back) {
            (at, false) if at < last => (at + 1, false),
            (0, true) => (last.min(1), false),
            (at, _) => (at.saturating_sub(1), true),
        };
        self.rolled = Rollouts { build, back, until: self.net.now.saturating_add(lasting) };
        let each = lasting / places.len().max(1) as u64;
        for (nth, at) in places.iter().enumerate() {
            let moment = self.net.now.saturating_add(each.saturating_mul(nth as u64));
            self.net.queue.push(moment, Pending::Install { at: *at, build, down: each / 2 });
        }
    }

    /// A node is stopped, gets another build, and starts again.
    pub(super) fn install(&mut self, at: usize, build: usize, down: u64) {
        if self.nemesis.is_stopped() {
            return;
        }
        self.crash(at);
        if let Some(installed) = self.installed.get_mut(at) {
            *installed = build;
        }
        self.boot_later(at, down);
    }
}
