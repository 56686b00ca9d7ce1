//! Random schedules: everything that can happen, in any order, with the safety properties checked after every step and
//! progress demanded when the faults end.

use crate::cluster::Cluster;
use std::time::Duration;
use synod_core::host::Log as _;
use synod_core::{Entropy, Input, Link, Lsn, NodeId, SplitMix64};
use synod_raft::{Event, ReadMode, Role, Timer};

struct Run {
    cluster: Cluster,
    dice: SplitMix64,
    size: u64,
    proposed: u64,
    reads: u64,
    /// Nodes with bad disks, always a minority.
    victims: u64,
    /// One fault in so many happens: some runs are wild, in others logs grow long before something breaks.
    calm: u64,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut dice = SplitMix64::new(seed);
        let size = [3, 3, 5, 4][dice.below(4) as usize];
        let pre_vote = dice.below(4) > 0;
        let check_quorum = dice.below(4) > 0;
        let window = 1 + dice.below(4) as usize;
        let trailing_entries = [0, 0, 5][dice.below(3) as usize];
        let memory = [usize::MAX, 100, 0][dice.below(3) as usize];
        let witness = dice.below(8) == 0;
        let cluster = Cluster::with(size, |config| {
            config.pre_vote = pre_vote;
            config.check_quorum = check_quorum;
            config.in_flight_max = window;
            config.batch_entries_max = 3;
            config.trailing_entries = trailing_entries;
            config.log_memory_bytes_max = memory;
            config.snapshot_piece_bytes = 40;
            config.witnesses = if witness { vec![NodeId(size)] } else { Vec::new() };
        });
        let calm = [1, 5, 25][dice.below(3) as usize];
        // With a witness there may be a single copy of what is committed.
        let victims = if !witness && dice.below(2) == 0 { (size - 1) / 2 } else { 0 };
        Self { cluster, dice, size, proposed: 0, reads: 0, victims, calm }
    }

    fn any_node(&mut self) -> u64 {
        1 + self.dice.below(self.size)
    }

    fn any_message(&mut self) -> Option<usize> {
        let len = self.cluster.net.len();
        (len > 0).then(|| self.dice.below(len as u64) as usize)
    }

    fn step(&mut self) {
        let id = self.any_node();
        let choice = self.dice.below(100);
        let choice = match choice {
            45..54 | 91.. if self.dice.below(self.calm) > 0 => 0,
            _ => choice,
        };
        match choice {
            0..45 => {
                // Mostly in order, sometimes not.
                if let Some(place) = self.any_message() {
                    let place = if self.dice.below(3) > 0 { 0 } else { place };
                    self.cluster.deliver(place);
                }
            }
            45..50 => {
                if let Some(place) = self.any_message() {
                    self.cluster.net.remove(place);
                }
            }
            50..54 => {
                if let Some(place) = self.any_message() {
                    let copy = self.cluster.net[place].clone();
                    self.cluster.net.push(copy);
                }
            }
            54..66 => self.cluster.sync(NodeId(id)),
            66..70 => self.work(),
            70..80 => {
                let timer = match self.dice.below(5 + self.calm) {
                    0 => Timer::Election,
                    1 => Timer::CheckQuorum,
                    2 => Timer::Reads,
                    3 => Timer::Transfer,
                    _ => Timer::Heartbeat,
                };
                self.cluster.fire(NodeId(id), timer);
            }
            80..84 => {
                self.reads += 1;
                self.cluster.read(id, self.reads, ReadMode::Index);
            }
            84 => {
                let to = self.any_node();
                self.cluster.transfer(id, to);
            }
            85..91 => {
                self.proposed += 1;
                let to = self.cluster.leader().map_or(id, |leader| leader.0);
                self.cluster.propose(to, &format!("p{}", self.proposed));
            }
            91..93 if id <= self.victims && self.dice.below(2) == 0 => {
                let log = &mut self.cluster.nodes.get_mut(&NodeId(id)).unwrap().log;
                for _ in 0..1 + self.dice.below(3) {
                    log.rot(Lsn(1 + self.dice.below(log.durable().0.max(1))));
                }
                self.cluster.restart(id);
            }
            91..93 => self.cluster.restart(id),
            93 => self.cluster.crash(id),
            94 => {
                if self.cluster.down.contains(&NodeId(id)) {
                    self.cluster.restart(id);
                }
            }
            95 if self.dice.below(4) == 0 => {
                // The state of an application is gone, but not its log.
                let up = !self.cluster.down.contains(&NodeId(id));
                // A witness has no copy that could be asked for.
                let full = self.cluster.raft(id).config().witnesses.is_empty();
                // What its log had before may be in nobody else's, if bad disks strike others.
                let whole = full
                    && (self.victims == 0 || id <= self.victims)
                    && self.cluster.hosts.values().all(|host| !host.lost);
                if self.cluster.raft(id).role() == Role::Follower && up && whole {
                    self.cluster.lose(id);
                }
            }
            95 => {
                let other = self.any_node();
                self.cluster.disconnect(id, other);
            }
            96 => self.cluster.isolate(id),
            97 => self.cluster.connect(id),
            98 if self.dice.below(2) == 0 => {
                let applied = self.cluster.hosts[&NodeId(id)].applied.last().map_or(0, |(last, ..)| last.0);
                let upto = applied.saturating_sub(self.dice.below(3));
                self.cluster.compact(id, upto);
            }
            98 => {
                let peer = self.any_node();
                let link =
                    [Link::Down, Link::Up { version: 1 }, Link::Congested][self.dice.below(3) as usize];
                self.cluster.link(id, peer, link);
            }
            _ => {
                let end = self.cluster.nodes[&NodeId(id)].log.end();
                let below = Lsn(self.dice.below(end.0 + 1));
                self.cluster.input(NodeId(id), Input::Rewrite(below));
            }
        }
        if self.cluster.net.len() > 400 {
            self.cluster.net.drain(..200);
        }
    }

    /// One of the hosts does one of the things that it has to do; they need not keep their order, except at one host.
    fn work(&mut self) {
        let Some(place) = self.dice.below(self.cluster.jobs.len() as u64 + 1).checked_sub(1) else { return };
        let (id, _) = self.cluster.jobs[place as usize];
        let first = self.cluster.jobs.iter().position(|(node, _)| *node == id).unwrap();
        self.cluster.work_on(first);
    }

    fn heal(&mut self) {
        self.cluster.cut.clear();
        for id in 1..=self.size {
            if self.cluster.down.contains(&NodeId(id)) {
                self.cluster.restart(id);
            }
        }
    }

    fn must_progress(&mut self, seed: u64) {
        self.heal();
        for _ in 0..20 {
            self.cluster.run(Duration::from_millis(300));
            if let Some(leader) = self.cluster.leader() {
                self.cluster.propose(leader.0, "after");
                self.cluster.run(Duration::from_millis(100));
                let commits: Vec<_> = (1..=self.size).map(|id| self.cluster.committed(id)).collect();
                let last = self.cluster.raft(leader.0).last_index().0;
                if commits.iter().all(|commit| *commit == last) {
                    // Whoever waits for a snapshot needs one that is new enough.
                    self.cluster.compact(leader.0, last);
                    self.cluster.run(Duration::from_millis(500));
                    for id in (1..=self.size).filter(|id| !self.cluster.raft(*id).config().witness) {
                        let (one, other) = (self.cluster.payloads(id), self.cluster.payloads(leader.0));
                        assert_eq!(one, other, "seed {seed}: {id}");
                    }
                    return;
                }
            }
        }
        let states: Vec<_> = (1..=self.size).map(|id| self.cluster.raft(id).status()).collect();
        panic!("seed {seed}: no progress after the faults ended: {states:#?}");
    }
}

/// What one run reached.
#[derive(Default)]
struct Reached {
    committed: u64,
    reads: u64,
    transfers: u64,
    installed: u64,
    recalled: u64,
    mended: u64,
}

fn run(seed: u64, steps: usize) -> Reached {
    let mut run = Run::new(seed);
    for _ in 0..steps {
        run.step();
    }
    run.must_progress(seed);
    for (_, event) in &run.cluster.events {
        if let Event::Illegal { reason, .. } = event {
            // Correct nodes never send what is illegal, whatever the network does to it.
            panic!("seed {seed}: {reason:?}");
        }
    }
    let count = |which: fn(&Event) -> bool| {
        run.cluster.events.iter().filter(|(_, event)| which(event)).count() as u64
    };
    Reached {
        committed: run.cluster.safety.committed().0,
        reads: count(|event| matches!(event, Event::ReadReady { .. })),
        transfers: count(|event| matches!(event, Event::TransferBegun { .. })),
        installed: count(|event| matches!(event, Event::Installed { .. })),
        recalled: run.cluster.recalled,
        mended: count(|event| matches!(event, Event::Mended)),
    }
}

#[test]
fn random_schedules_are_safe_and_progress_when_the_faults_end() {
    let seeds = std::env::var("SYNOD_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(3_000);
    let all = (0..seeds).map(|seed| run(seed, 600)).fold(Reached::default(), |all, one| Reached {
        committed: all.committed + one.committed,
        reads: all.reads + one.reads,
        transfers: all.transfers + one.transfers,
        installed: all.installed + one.installed,
        recalled: all.recalled + one.recalled,
        mended: all.mended + one.mended,
    });
    let Reached { committed, reads, transfers, installed, recalled, mended } = all;
    // The schedules must get somewhere, or they prove nothing.
    assert!(committed > seeds * 10, "only {committed} entries were committed in {seeds} runs");
    assert!(reads > seeds * 2, "only {reads} reads were served in {seeds} runs");
    assert!(transfers > seeds / 4, "only {transfers} transfers were begun in {seeds} runs");
    assert!(installed > seeds / 10, "only {installed} snapshots were installed in {seeds} runs");
    assert!(mended > seeds / 15, "only {mended} logs were mended in {seeds} runs");
    assert!(recalled > seeds, "only {recalled} records were read again in {seeds} runs");
}
