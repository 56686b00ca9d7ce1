//! Other dials in every run, drawn by the tape.

use crate::bandwidth::Bandwidth;
use crate::dials::{Burst, Dials, Fault, Latency, Rate};
use crate::region::Region;
use crate::storage::Storage;
use crate::tamper::{Guard, Tamper};
use crate::tape::{Kind, Label, Tape};
use core::time::Duration;
use synod_core::NodeId;

/// The dials that a swarm draws one by one, each under a label of its own. A number stands for its dial for ever.
#[derive(Clone, Copy)]
enum Draw {
    Bandwidth = 1,
    Rate = 2,
    Queue = 3,
    Lanes = 4,
    Packets = 5,
    Mtu = 6,
    Tamper = 7,
    Guard = 8,
    Corrupt = 9,
    Truncate = 10,
    Replay = 11,
    Forge = 12,
    Notices = 13,
    Processor = 14,
    WhoseProcessor = 15,
    Step = 16,
    Disk = 17,
    WhoseDisk = 18,
    Resets = 19,
    Walls = 20,
    WallError = 21,
    Regions = 22,
    Place = 23,
}

impl Draw {
    /// One of some values.
    fn of<const N: usize>(self, tape: &mut Tape, choices: [u64; N]) -> u64 {
        let place = tape.below(Label::new(Kind::Swarm, &[1, self as u64]), N as u64);
        choices.get(place as usize).copied().unwrap_or(0)
    }

    /// Whether one run in so many turns this dial.
    fn turns(self, tape: &mut Tape, runs: u64) -> bool {
        tape.below(Label::new(Kind::Swarm, &[1, self as u64]), runs) == 0
    }
}

impl Dials {
    /// Swarm testing (Groce et al. 2012): each run turns a random part of the dials by a random amount, since a world in
    /// which everything fails a little hides the bugs that need one thing to fail a lot. Faults are taken from `among`.
    ///
    /// All of it is what a correct protocol survives. Bandwidth, packets, tampering, notices of links, connections that break, wall
    /// clocks, a slow processor and a slow disk stand still in five of six runs each, and nodes are a continent apart in one of
    /// twelve. Whoever tampers meets a transport that at least checks sums, and forges senders
    /// only where it authenticates.
    ///
    /// What a seed means: the dials of the network's chances, clocks and syncs, and after them the faults of `among`, are drawn in
    /// one sequence; storage, and those that stand still in most runs, draw under labels of their own, so that a dial that is added
    /// moves no other.
    #[must_use]
    pub fn swarm(tape: &mut Tape, among: &[Fault]) -> Self {
        let mut nth = 0_u64;
        let mut pick = |choices: &[u64]| {
            nth += 1;
            let at = tape.below(Label::new(Kind::Swarm, &[nth]), choices.len() as u64);
            choices.get(at as usize).copied().unwrap_or(0)
        };
        let median = Duration::from_micros(pick(&[100, 500, 2_000, 10_000]));
        let latency = match pick(&[0, 0, 1, 2]) {
            0 => Latency::LogNormal(median),
            1 => Latency::Uniform(Duration::from_micros(50), median * 4),
            _ => Latency::Constant(median),
        };
        let far = pick(&[0, 0, 0, 0, 1, 2, 3, 4, 5]);
        let ways = (1..=7).filter(|near| far > 0 && *near != far).flat_map(|near| [(near, far), (far, near)]);
        let links =
            ways.map(|(from, to)| ((NodeId(from), NodeId(to)), Latency::LogNormal(median * 8))).collect();
        let sync = Latency::LogNormal(Duration::from_micros(pick(&[50, 800, 800, 5_000, 20_000])));
        let burst = (pick(&[0, 0, 1]) == 1).then_some(Burst {
            enter_ppm: pick(&[500, 5_000]) as u32,
            leave_ppm: pick(&[10_000, 100_000]) as u32,
            loss_ppm: pick(&[500_000, 1_000_000]) as u32,
        });
        let mut dials = Self {
            latency,
            links,
            loss_ppm: pick(&[0, 0, 1_000, 10_000, 50_000, 200_000]) as u32,
            burst,
            duplicate_ppm: pick(&[0, 0, 10_000, 200_000]) as u32,
            reorder_ppm: pick(&[0, 10_000, 200_000, 1_000_000]) as u32,
            sync,
            tear_ppm: pick(&[0, 500_000, 1_000_000]) as u32,
            clock_skew_max: Duration::from_millis(pick(&[0, 1_000, 3_600_000])),
            drift_ppm_max: pick(&[0, 200, 10_000, 100_000]) as u32,
            ..Self::calm()
        };
        for &fault in among.iter().filter(|fault| **fault != Fault::Reset) {
            if pick(&[0, 0, 1]) == 1 {
                dials.schedule.push(Rate {
                    fault,
                    every: Duration::from_millis(pick(&[300, 1_000, 3_000])),
                    lasting: (Duration::from_millis(10), Duration::from_millis(pick(&[100, 600, 2_500]))),
                });
            }
        }
        dials.storage = Storage::swarm(tape);
        dials.links_swarm(tape);
        if among.contains(&Fault::Reset) {
            dials.resets_swarm(tape);
        }
        dials.clocks_swarm(tape);
        dials = dials.regions_swarm(tape);
        dials.machines_swarm(tape);
        dials
    }

    /// What links carry, who tampers with it, and whether nodes are told of it.
    fn links_swarm(&mut self, tape: &mut Tape) {
        if Draw::Bandwidth.turns(tape, 6) {
            self.bandwidth = Some(Bandwidth {
                bytes_per_sec: Draw::Rate.of(tape, [4_000, 40_000, 400_000]),
                queue_bytes_max: Draw::Queue.of(tape, [256, 2 << 10, 1 << 20]),
                lanes: Draw::Lanes.of(tape, [0, 1]) == 1,
            });
        }
        if Draw::Packets.turns(tape, 6) {
            self.mtu = Some(Draw::Mtu.of(tape, [128, 576, 1_400]) as u32);
        }
        if Draw::Tamper.turns(tape, 6) {
            let authenticated = Draw::Guard.of(tape, [0, 1]) == 1;
            self.guard = if authenticated { Guard::Authenticated } else { Guard::Checksum };
            self.tamper = Tamper {
                corrupt_ppm: Draw::Corrupt.of(tape, [0, 1_000, 50_000]) as u32,
                truncate_ppm: Draw::Truncate.of(tape, [0, 1_000, 20_000]) as u32,
                replay_ppm: Draw::Replay.of(tape, [0, 10_000, 50_000, 200_000]) as u32,
                // A sender that is believed may say anything: nobody survives that who counts votes.
                forge_ppm: if authenticated { Draw::Forge.of(tape, [0, 10_000]) as u32 } else { 0 },
            };
        }
        self.notices = Draw::Notices.turns(tape, 6);
    }

    /// Connections that break. It is younger than the sequence of the other faults, and stands still in most runs.
    fn resets_swarm(&mut self, tape: &mut Tape) {
        if Draw::Resets.turns(tape, 6) {
            let lasting = Duration::from_millis(1);
            let rate =
                Rate { fault: Fault::Reset, every: Duration::from_millis(500), lasting: (lasting, lasting) };
            self.schedule.push(rate);
        }
    }

    /// Wall clocks, for protocols that look at them.
    fn clocks_swarm(&mut self, tape: &mut Tape) {
        if Draw::Walls.turns(tape, 6) {
            self.wall_error_max = Some(Duration::from_millis(Draw::WallError.of(tape, [1, 10, 250])));
        }
    }

    /// Nodes in regions of the world, some of which may be in the same.
    fn regions_swarm(self, tape: &mut Tape) -> Self {
        if !Draw::Regions.turns(tape, 12) {
            return self;
        }
        let regions: Vec<Region> = Region::all().collect();
        let mut place = |id: u64| {
            let label = Label::new(Kind::Swarm, &[1, Draw::Place as u64, id]);
            regions.get(tape.below(label, regions.len() as u64) as usize).map(|region| (NodeId(id), *region))
        };
        let places: Vec<_> = (1..=7).filter_map(&mut place).collect();
        self.regions(places)
    }

    /// A processor and a disk that are slower than the others. Clusters of fewer than five nodes lack some of them.
    fn machines_swarm(&mut self, tape: &mut Tape) {
        if Draw::Processor.turns(tape, 6) {
            let slow = NodeId(Draw::WhoseProcessor.of(tape, [1, 2, 3, 4, 5]));
            let micros = 1 << Draw::Step.of(tape, [4, 7, 10]);
            self.steps.insert(slow, Duration::from_micros(micros));
        }
        if Draw::Disk.turns(tape, 6) {
            let slow = NodeId(Draw::WhoseDisk.of(tape, [1, 2, 3, 4, 5]));
            self.syncs.insert(slow, Latency::LogNormal(Duration::from_millis(40)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEDS: u64 = 4_000;

    fn swarms() -> impl Iterator<Item = Dials> {
        (0..SEEDS).map(|seed| Dials::swarm(&mut Tape::from_seed(seed), &[Fault::Crash, Fault::Reset]))
    }

    #[test]
    fn each_of_the_rarer_dials_stands_still_in_most_runs_and_is_turned_in_some() {
        type Turned = fn(&Dials) -> bool;
        let rare: [(&str, Turned); 15] = [
            ("bandwidth", |dials| dials.bandwidth.is_some()),
            ("lanes", |dials| dials.bandwidth.is_some_and(|line| line.lanes)),
            ("mtu", |dials| dials.mtu.is_some()),
            ("checksums", |dials| dials.guard == Guard::Checksum),
            ("authentication", |dials| dials.guard == Guard::Authenticated),
            ("corruption", |dials| dials.tamper.corrupt_ppm > 0),
            ("truncation", |dials| dials.tamper.truncate_ppm > 0),
            ("replay", |dials| dials.tamper.replay_ppm > 0),
            ("forgery", |dials| dials.tamper.forge_ppm > 0),
            ("notices", |dials| dials.notices),
            ("a slow processor", |dials| !dials.steps.is_empty()),
            ("a slow disk", |dials| !dials.syncs.is_empty()),
            ("resets", |dials| dials.schedule.iter().any(|rate| rate.fault == Fault::Reset)),
            ("wall clocks", |dials| dials.wall_error_max.is_some()),
            ("regions", |dials| dials.links.values().any(|link| matches!(link, Latency::Uniform(..)))),
        ];
        for (name, turned) in rare {
            let runs = swarms().filter(turned).count() as u64;
            assert!((SEEDS / 100..SEEDS / 4).contains(&runs), "{name}: {runs} of {SEEDS}");
        }
        // Each value of a dial that has several is drawn.
        for micros in [16, 128, 1_024] {
            assert!(swarms().any(|dials| dials.steps.values().any(|step| step.as_micros() == micros)));
        }
        assert!((1..=5).map(NodeId).all(|id| swarms().any(|dials| dials.steps.contains_key(&id))));
    }

    #[test]
    fn nothing_is_drawn_that_no_correct_protocol_survives() {
        for dials in swarms() {
            let Tamper { corrupt_ppm, truncate_ppm, replay_ppm, forge_ppm } = dials.tamper;
            let tampered = corrupt_ppm + truncate_ppm + replay_ppm > 0;
            assert!(!tampered || dials.guard >= Guard::Checksum, "{dials:?}");
            assert!(forge_ppm == 0 || dials.guard == Guard::Authenticated, "{dials:?}");
            assert!(dials.bandwidth.is_none_or(|line| line.bytes_per_sec > 0), "{dials:?}");
        }
    }

    #[test]
    fn the_faults_that_are_drawn_move_none_of_the_rarer_dials() {
        let all: Vec<Fault> = Fault::all().collect();
        for seed in 0..200 {
            let few = Dials::swarm(&mut Tape::from_seed(seed), &[]);
            let many = Dials::swarm(&mut Tape::from_seed(seed), &all);
            assert_eq!(Dials { schedule: Vec::new(), ..many }, few);
        }
    }
}
