//! The adversary: which fault strikes when, whom, and for how long.

use crate::dials::{Fault, Rate, nanos};
use crate::network::{Net, index, node};
use crate::tape::{Kind, Label};
use crate::wall::JUMP_MAX;
use crate::world::{Pending, Simulated};
use synod_core::NodeId;

/// One fault that struck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strike {
    /// Which.
    pub fault: Fault,
    /// Virtual nanoseconds since the run began.
    pub at: u64,
    /// When it ended or will end.
    pub until: u64,
    /// Whom it struck: the nodes that crashed, paused or were cut off; for a split, one of the parts.
    pub nodes: Vec<NodeId>,
    /// For a bridge, the node that sees both parts.
    pub bridge: Option<NodeId>,
    /// What else there is to say of it, in one number: for a flapping partition how often it toggles while it lasts; for a jump of a clock
    /// twice as many nanoseconds as it jumps forward, or one more than twice as many as it jumps back.
    pub detail: u64,
}

#[derive(Clone, Debug)]
struct Active {
    number: u64,
    place: usize,
    blocked: Vec<(usize, usize)>,
    /// A flapping partition toggles; this many toggles are left.
    flaps: u64,
    closed: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Nemesis {
    strikes: Vec<Strike>,
    /// How long each would have lasted, had the faults not stopped.
    ends: Vec<u64>,
    active: Vec<Active>,
    onsets: u64,
    stopped: bool,
}

impl Nemesis {
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped
    }

    pub(crate) fn strikes(&self) -> &[Strike] {
        &self.strikes
    }

    pub(crate) const fn stopped(&self) -> bool {
        self.stopped
    }

    /// The same strikes as they were meant: what makes them happen again.
    pub(crate) fn meant(&self) -> impl Iterator<Item = Strike> {
        self.strikes.iter().zip(&self.ends).map(|(strike, until)| Strike { until: *until, ..strike.clone() })
    }

    /// The run begins: the strikes of the script wait for their moments, or else the first of each fault of the schedule.
    pub(crate) fn begin<P: Simulated>(&mut self, net: &mut Net<P>) {
        let moments: Option<Vec<u64>> =
            net.tape.strikes().map(|strikes| strikes.iter().map(|strike| strike.at).collect());
        match moments {
            Some(moments) => {
                for (rate, at) in moments.into_iter().enumerate() {
                    net.queue.push(at, Pending::Strike { rate });
                }
            }
            None => (0..net.dials.schedule.len()).for_each(|rate| self.schedule(rate, net)),
        }
    }

    /// Draws the next onset of a fault of the schedule.
    fn schedule<P: Simulated>(&mut self, rate: usize, net: &mut Net<P>) {
        let Some(entry) = net.dials.schedule.get(rate).copied() else { return };
        self.onsets += 1;
        let label = Label::new(Kind::Onset, &[entry.fault as u64, rate as u64, self.onsets]);
        let gap = net.tape.below(label, nanos(entry.every).saturating_mul(2)).max(1_000_000);
        net.queue.push(net.now.saturating_add(gap), Pending::Strike { rate });
    }

    /// A fault begins. Partitions and slow networks take effect here; what concerns single nodes is left to the world.
    pub(crate) fn strike<P: Simulated>(
        &mut self,
        rate: usize,
        focus: Option<NodeId>,
        net: &mut Net<P>,
    ) -> Option<Strike> {
        if self.stopped {
            return None;
        }
        let strike = match net.tape.strikes() {
            Some(strikes) => within(strikes.get(rate)?, net.up.len()),
            None => {
                let entry = net.dials.schedule.get(rate).copied()?;
                self.schedule(rate, net);
                self.draw(entry, focus, net)
            }
        };
        let blocked = blocked(&strike, net.up.len());
        block(&blocked, true, net);
        if strike.fault == Fault::Spike {
            net.slowness = 20;
        }
        let number = self.strikes.len() as u64;
        let flaps = if strike.fault == Fault::Flap { strike.detail } else { 0 };
        self.active.push(Active { number, place: self.strikes.len(), blocked, flaps, closed: true });
        self.strikes.push(strike.clone());
        self.ends.push(strike.until);
        net.stats.faults += 1;
        let lasting = strike.until.saturating_sub(net.now);
        let first = lasting / flaps.saturating_add(1);
        net.queue.push(net.now.saturating_add(first), Pending::Relent { strike: number });
        Some(strike)
    }

    /// Draws whom a fault strikes, and for how long. What is drawn here is all that makes this strike what it is: a script
    /// lists it, and nothing else is drawn when it strikes.
    fn draw<P: Simulated>(&self, entry: Rate, focus: Option<NodeId>, net: &mut Net<P>) -> Strike {
        let (number, nodes) = (self.strikes.len() as u64, net.up.len() as u64);
        let mut nth = 0;
        let mut draw = |net: &mut Net<P>, bound: u64| {
            nth += 1;
            net.tape.below(Label::new(Kind::Strike, &[entry.fault as u64, number, nth]), bound)
        };
        let (least, greatest) = (nanos(entry.lasting.0), nanos(entry.lasting.1));
        let lasting = least + draw(net, greatest.saturating_sub(least) + 1);
        // Half of the strikes go for the node that matters most.
        let random = draw(net, nodes) as usize;
        let aimed = draw(net, 2) == 0;
        let one = focus.filter(|_| aimed).and_then(index).filter(|at| *at < net.up.len()).unwrap_or(random);
        // A random part of the nodes, neither none nor all.
        let mask = 1 + draw(net, (1_u64 << nodes.min(32)).saturating_sub(2).max(1));
        let part = || (0..net.up.len()).filter(|at| mask >> (at % 32) & 1 == 1).map(node).collect();
        let struck = match entry.fault {
            Fault::Blackout | Fault::Rollout => (0..net.up.len()).map(node).collect(),
            Fault::Split | Fault::Flap | Fault::OneWay | Fault::Bridge => part(),
            Fault::Spike => Vec::new(),
            Fault::TradeAddresses | Fault::SwapDisks => {
                let other = one + 1 + draw(net, nodes.saturating_sub(1).max(1)) as usize;
                vec![node(one), node(other % net.up.len())]
            }
            _ => vec![node(one)],
        };
        Strike {
            fault: entry.fault,
            at: net.now,
            until: net.now.saturating_add(lasting),
            nodes: struck,
            bridge: (entry.fault == Fault::Bridge).then(|| node(one)),
            detail: match entry.fault {
                Fault::Flap => 2 * (1 + draw(net, 5)),
                Fault::ClockJump => 2 + draw(net, 2 * JUMP_MAX),
                _ => 0,
            },
        }
    }

    /// A fault ends, or a flapping one toggles. Returns the fault that has ended.
    pub(crate) fn relent<P: Simulated>(&mut self, strike: u64, net: &mut Net<P>) -> Option<Strike> {
        let place = self.active.iter().position(|active| active.number == strike)?;
        let active = self.active.get_mut(place)?;
        let ended = self.strikes.get(active.place)?.clone();
        if active.flaps > 0 {
            active.flaps -= 1;
            active.closed = !active.closed;
            block(&active.blocked, active.closed, net);
            let left = ended.until.saturating_sub(net.now) / (active.flaps + 1);
            net.queue.push(net.now.saturating_add(left), Pending::Relent { strike });
            return None;
        }
        let active = self.active.remove(place);
        if active.closed {
            block(&active.blocked, false, net);
        }
        let spiking = |active: &Active| {
            self.strikes.get(active.place).is_some_and(|strike| strike.fault == Fault::Spike)
        };
        if ended.fault == Fault::Spike && !self.active.iter().any(spiking) {
            net.slowness = 1;
        }
        Some(ended)
    }

    /// No more faults, and those that last end now.
    pub(crate) fn stop(&mut self, now: u64) {
        self.stopped = true;
        for active in self.active.drain(..) {
            if let Some(strike) = self.strikes.get_mut(active.place) {
                strike.until = strike.until.min(now);
            }
        }
    }
}

/// The part of a scripted strike that this world has nodes for.
fn within(strike: &Strike, nodes: usize) -> Strike {
    let here = |id: &NodeId| index(*id).is_some_and(|at| at < nodes);
    let mut strike = strike.clone();
    strike.nodes.retain(here);
    strike.bridge = strike.bridge.filter(here);
    strike
}

/// The directions that a strike blocks.
fn blocked(strike: &Strike, nodes: usize) -> Vec<(usize, usize)> {
    let part: Vec<usize> = strike.nodes.iter().filter_map(|id| index(*id)).collect();
    let bridge = strike.bridge.and_then(index);
    match strike.fault {
        Fault::Isolate | Fault::Split | Fault::Flap | Fault::Bridge => between(&part, nodes, bridge, true),
        Fault::OneWay => between(&part, nodes, None, false),
        _ => Vec::new(),
    }
}

/// The directions that a partition blocks: from `part` to the rest, and back if `both`; `bridge` sees everybody.
fn between(part: &[usize], nodes: usize, bridge: Option<usize>, both: bool) -> Vec<(usize, usize)> {
    let mut blocked = Vec::new();
    for &inside in part.iter().filter(|at| Some(**at) != bridge) {
        for outside in (0..nodes).filter(|at| !part.contains(at) && Some(*at) != bridge) {
            blocked.push((inside, outside));
            if both {
                blocked.push((outside, inside));
            }
        }
    }
    blocked
}

fn block<P: Simulated>(wires: &[(usize, usize)], closed: bool, net: &mut Net<P>) {
    for &(from, to) in wires {
        net.block(from, to, closed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bridge_sees_both_sides() {
        let blocked = between(&[0, 1, 2], 5, Some(2), true);
        assert_eq!(blocked.len(), 8);
        assert!(blocked.iter().all(|(from, to)| *from != 2 && *to != 2));
    }

    #[test]
    fn a_one_way_partition_lets_one_direction_pass() {
        assert_eq!(between(&[0], 3, None, false), [(0, 1), (0, 2)]);
    }
}
