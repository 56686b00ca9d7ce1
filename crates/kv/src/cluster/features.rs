//! A swarm over what Raft can do: each seed turns a random part of it on.

use super::{Cluster, Settings};
use core::time::Duration;
use synod_core::{Entropy as _, SplitMix64};
use synod_raft::Raft;
use synod_sim::{Climate, Fault, Sim, World};

/// What is drawn, each under a number of its own for ever: what is added moves nothing else.
#[derive(Clone, Copy)]
enum Draw {
    Leases = 1,
    Guard = 2,
    GuardSpan = 3,
    Changes = 4,
    ChangesEvery = 5,
    Rules = 6,
    Replacements = 7,
    Witness = 8,
    Priorities = 9,
    Resigns = 10,
    Demands = 11,
    Sessions = 12,
}

impl Draw {
    fn of<const N: usize>(self, seed: u64, choices: [u64; N]) -> u64 {
        let stream = SplitMix64::mix(seed ^ 0x6665_6174_7572_6573).wrapping_add(self as u64);
        let place = SplitMix64::new(stream).below(N as u64);
        choices.get(place as usize).copied().unwrap_or(0)
    }

    /// Whether one seed in so many has this.
    fn turns<const N: usize>(self, seed: u64) -> bool {
        self.of(seed, core::array::from_fn::<u64, N, _>(|nth| nth as u64)) == 0
    }
}

impl Settings {
    /// These settings, with the part of Raft's features turned on that this seed draws: leases of either kind, members that come and go,
    /// rules for their quorums, machines that are exchanged, a witness, priorities, nodes that resign, snapshots that are asked for,
    /// clients with sessions. A seed draws the same for ever; what it has drawn stands in the script of its run.
    #[must_use]
    pub fn featured(&self, seed: u64) -> Self {
        let mut settings = self.clone();
        settings.leases |= Draw::Leases.turns::<3>(seed);
        if Draw::Guard.turns::<3>(seed) {
            let span = Draw::GuardSpan.of(seed, [60, 150, 400]);
            settings.lease_guard = Some(Duration::from_millis(span));
        }
        if Draw::Changes.turns::<3>(seed) {
            let every = Draw::ChangesEvery.of(seed, [150, 400, 1_000]);
            settings.changes = Some(Duration::from_millis(every));
            settings.rules |= Draw::Rules.turns::<2>(seed);
            settings.replacements |= Draw::Replacements.turns::<2>(seed);
        }
        settings.witness |= Draw::Witness.turns::<4>(seed);
        settings.priorities |= Draw::Priorities.turns::<4>(seed);
        if Draw::Resigns.turns::<3>(seed) {
            settings.resigns_every = 60;
        }
        if Draw::Demands.turns::<3>(seed) {
            settings.demands_every = 60;
        }
        settings.sessions |= Draw::Sessions.turns::<3>(seed);
        settings
    }
}

type Count = fn(&Cluster) -> u64;

/// Adds guards against a swarm of [`featured`](Settings::featured) settings that has not met what it may draw; for a set of some hundred
/// runs. Every run needs all of them, whatever it has drawn itself.
#[must_use]
pub fn with_features(mut sim: Sim<Raft, Cluster>, settings: &Settings) -> Sim<Raft, Cluster> {
    type Seen = World<Raft, Cluster>;
    let Climate::Swarm(among) = &settings.climate else { return sim };
    if !Fault::survivable().all(|fault| among.contains(&fault)) {
        return sim;
    }
    let counted: [(&'static str, Count); 18] = [
        ("a follower served a linearizable read", |cluster| cluster.tally.follower_reads),
        ("a stale read was served", |cluster| cluster.stale.served),
        ("a membership was committed", |cluster| cluster.tally.memberships),
        ("a joint membership was committed", |cluster| cluster.tally.joint),
        ("a membership with learners was committed", |cluster| cluster.tally.learners),
        ("a learner caught up and voted", |cluster| cluster.tally.promoted),
        ("a leader was removed", |cluster| cluster.tally.leaders_removed),
        ("a membership stated a rule", |cluster| cluster.tally.rules),
        ("a machine was exchanged", |cluster| cluster.tally.replaced),
        ("an exchanged machine voted again", |cluster| cluster.tally.rejoined),
        ("a leader handed over", |cluster| cluster.tally.transfers),
        ("a node of priority claimed the leadership", |cluster| cluster.tally.claims),
        ("a node resigned", |cluster| cluster.tally.resigned),
        ("a lost state was fetched again", |cluster| cluster.tally.demanded),
        ("a client asked again", |cluster| cluster.tally.retries),
        ("a request came up twice and counted once", |cluster| cluster.tally.repeated),
        ("a session was over", |cluster| cluster.tally.sessions_over),
        ("a snapshot was stored with sessions in it", |cluster| {
            u64::from(cluster.settings.sessions) * cluster.tally.checkpoints
        }),
    ];
    for (name, count) in counted {
        sim = sim.sometimes(name, move |world: &Seen| count(world.workload()) > 0);
    }
    let held = |holds: fn(&Raft, synod_core::Time) -> bool| {
        move |world: &Seen| world.up().any(|(id, raft)| world.clock(id).is_some_and(|now| holds(raft, now)))
    };
    sim.sometimes("a leader held a lease", held(Raft::holds_lease))
        .sometimes("the log was a lease", held(Raft::holds_guard))
        .sometimes("a witness stored entries", |world: &Seen| {
            let mut nodes = world.up();
            nodes.any(|(_, raft)| raft.config().witness && raft.commit_index().0 > 100)
        })
}
