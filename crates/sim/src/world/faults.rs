//! What a strike does to the nodes it strikes, and how all faults end.

use super::{Pending, Simulated, World};
use crate::dials::{Dials, Fault};
use crate::network::index;
use crate::wall::jump;
use crate::workload::{Io, Workload};

impl<P: Simulated, W: Workload<P>> World<P, W> {
    pub(super) fn strike(&mut self, rate: usize) {
        let focus = self.workload.focus();
        let Some(strike) = self.nemesis.strike(rate, focus, &mut self.net) else { return };
        let lasting = strike.until.saturating_sub(strike.at);
        self.change_topology(&strike);
        for &id in &strike.nodes {
            let Some(at) = index(id) else { continue };
            match strike.fault {
                Fault::Crash | Fault::Blackout => {
                    self.crash(at);
                    // One by one, so that a blackout ends in an uneven start.
                    self.boot_later(at, lasting.saturating_mul(at as u64 + 2) / (at as u64 + 1));
                }
                Fault::Pause => {
                    if let Some(slot) = self.nodes.get_mut(at) {
                        slot.host.paused_until = slot.host.paused_until.max(strike.until);
                    }
                }
                Fault::SlowDisk => {
                    if let Some(slot) = self.nodes.get_mut(at) {
                        slot.host.disk.slowness = 20;
                    }
                }
                Fault::StallDisk => {
                    if let Some(slot) = self.nodes.get_mut(at) {
                        slot.host.disk.stalled_until = slot.host.disk.stalled_until.max(strike.until);
                    }
                }
                Fault::FailSync => {
                    if let Some(slot) = self.nodes.get_mut(at) {
                        slot.host.disk.failing = true;
                    }
                }
                Fault::Reset => self.net.reset(at),
                Fault::ClockJump => {
                    if let Some(slot) = self.nodes.get_mut(at) {
                        slot.host.wall_jump = jump(strike.detail);
                    }
                }
                _ => self.strike_disk(at, &strike),
            }
        }
        let chain = self.net.chain.word(self.net.now).word(strike.fault as u64);
        self.net.chain = strike.nodes.iter().fold(chain, |chain, id| chain.word(id.0));
    }

    pub(super) fn relent(&mut self, strike: u64) {
        let Some(ended) = self.nemesis.relent(strike, &mut self.net) else { return };
        if ended.fault == Fault::Twin {
            self.end_twin();
        }
        for at in ended.nodes.iter().filter_map(|id| index(*id)) {
            let Some(slot) = self.nodes.get_mut(at) else { continue };
            match ended.fault {
                Fault::SlowDisk => slot.host.disk.slowness = 1,
                Fault::ClockJump => slot.host.wall_jump = 0,
                // Another pause may last longer.
                Fault::Pause if slot.host.paused_until <= self.net.now => self.resume(at),
                _ => {}
            }
        }
    }

    /// Ends all faults: partitions vanish, disks and processes go on, the network is calm, and whoever is down starts. A driver
    /// that breaks its word goes on breaking it.
    pub fn heal(&mut self) {
        self.moved.clear();
        self.nemesis.stop(self.net.now);
        self.net.tape.calm();
        self.end_twin();
        self.net.clear_partitions();
        self.net.slowness = 1;
        // Who breaks his word goes on breaking it; a transport that checks or tells, and a clock that shows the time, go on doing so.
        let Dials { sabotage, guard, notices, wall_error_max, .. } = self.net.dials;
        let traitors = core::mem::take(&mut self.net.dials.traitors);
        self.net.dials = Dials { sabotage, guard, notices, traitors, wall_error_max, ..Dials::calm() };
        self.net.heal_medium();
        self.end_stalls();
        for at in 0..self.nodes.len() {
            if let Some(slot) = self.nodes.get_mut(at) {
                slot.host.disk.slowness = 1;
                slot.host.disk.stalled_until = 0;
                slot.host.disk.failing = false;
                slot.host.disk.full_until = 0;
                slot.host.disk.lying_until = 0;
                slot.host.wall_jump = 0;
                if let Some(cpu) = &mut slot.host.cpu {
                    cpu.step = 0;
                }
                slot.sync(at, &mut self.net);
            }
            self.resume(at);
            self.boot(at);
        }
        self.workload.on_heal(&mut Io::new(&mut self.net));
    }

    /// What waits for a stalled disk waits no longer.
    fn end_stalls(&mut self) {
        let (now, nodes) = (self.net.now, &self.nodes);
        self.net.queue.reschedule(|at, pending| match pending {
            Pending::Synced { at: node, .. } => {
                let takes = nodes.get(*node).map_or(0, |node| node.host.disk.sync_takes);
                at.min(now.saturating_add(takes))
            }
            _ => at,
        });
    }

    /// A process that stood still goes on: it finds all that came in the meantime, in the order in which it came.
    fn resume(&mut self, at: usize) {
        let Some(slot) = self.nodes.get_mut(at) else { return };
        slot.host.paused_until = 0;
        for pending in slot.host.waiting.drain(..) {
            self.net.queue.push(self.net.now, pending);
        }
    }
}
