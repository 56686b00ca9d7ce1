//! PreVote, CheckQuorum, leases, the log as a lease, and transfers: each pair is known to have locked a cluster somewhere, so
//! all combinations go through the same troubles. No read is served from less than was committed before it was asked (the
//! cluster sees to that), and in the end everybody has everything.

use crate::cluster::Cluster;
use std::time::Duration;
use synod_core::NodeId;
use synod_raft::{Message, ReadMode, Term};

const MS: Duration = Duration::from_millis(1);
const MODES: [ReadMode; 3] = [ReadMode::Index, ReadMode::Lease, ReadMode::LeaseGuard];

#[derive(Clone, Copy, Debug)]
struct Setting {
    pre_vote: bool,
    check_quorum: bool,
    leases: bool,
    guard: bool,
}

impl Setting {
    fn all() -> impl Iterator<Item = Self> {
        let bits = |case: u8| Self {
            pre_vote: case & 1 > 0,
            check_quorum: case & 2 > 0,
            leases: case & 4 > 0,
            guard: case & 8 > 0,
        };
        (0..16).map(bits).filter(|setting| setting.check_quorum || !setting.leases)
    }

    fn cluster(self) -> Cluster {
        Cluster::with(3, |config| {
            config.pre_vote = self.pre_vote;
            config.check_quorum = self.check_quorum;
            config.leases = self.leases;
            config.lease_guard = self.guard.then_some(MS * 100);
            config.priority = u32::from(config.id == NodeId(3));
        })
    }
}

struct Trial {
    cluster: Cluster,
    token: u64,
}

impl Trial {
    fn leader(&mut self) -> u64 {
        for _ in 0..60 {
            if let Some(leader) = self.cluster.leader() {
                return leader.0;
            }
            self.cluster.run(MS * 50);
        }
        panic!("nobody leads: {:?}", (1..=3).map(|id| self.cluster.raft(id).status()).collect::<Vec<_>>());
    }

    fn other(&mut self, nth: u64) -> u64 {
        (self.leader() + nth) % 3 + 1
    }

    /// Reads of every mode, everywhere.
    fn read(&mut self) {
        for id in 1..=3 {
            for mode in MODES {
                self.token += 1;
                self.cluster.read(id, self.token, mode);
            }
        }
    }

    /// Time, in which somebody reads and writes all along.
    fn live(&mut self, span: Duration) {
        for _ in 0..span.as_millis() / 25 {
            self.read();
            let leader = self.cluster.leader();
            if let Some(leader) = leader {
                self.token += 1;
                self.cluster.propose(leader.0, &format!("p{}", self.token));
            }
            self.cluster.run(MS * 25);
        }
    }

    fn ends_well(mut self, what: &str, setting: Setting) {
        self.cluster.cut.clear();
        self.cluster.run(MS * 3_000);
        let leader = self.leader();
        self.cluster.propose(leader, "last");
        self.cluster.run(MS * 500);
        for id in 1..=3 {
            assert_eq!(
                self.cluster.payloads(id).last().map(String::as_str),
                Some("last"),
                "{what}, {setting:?}"
            );
            self.cluster.ready(id);
        }
        self.read();
        self.cluster.run(MS * 500);
        for id in 1..=3 {
            assert_eq!(self.cluster.ready(id).len(), MODES.len(), "{what}, {setting:?}");
        }
    }
}

/// What may befall a cluster, and its name.
type Trouble = (&'static str, fn(&mut Trial));

const TROUBLES: [Trouble; 6] = [
    ("the leader is cut off", |trial| {
        let leader = trial.leader();
        trial.cluster.isolate(leader);
    }),
    ("the leader is heard and hears nobody", |trial| {
        let (leader, cut) = (trial.leader(), [trial.other(0), trial.other(1)]);
        trial.cluster.cut.extend(cut.map(|other| (NodeId(other), NodeId(leader))));
    }),
    ("two nodes meet only through the third", |trial| {
        let (leader, other) = (trial.leader(), trial.other(0));
        trial.cluster.disconnect(leader, other);
    }),
    ("the leadership goes to somebody who is gone", |trial| {
        let (leader, other) = (trial.leader(), trial.other(0));
        trial.cluster.isolate(other);
        trial.cluster.transfer(leader, other);
    }),
    ("the leader is cut off while it hands over", |trial| {
        let (leader, other) = (trial.leader(), trial.other(0));
        trial.cluster.transfer(leader, other);
        trial.cluster.isolate(leader);
    }),
    ("a follower forgets, and another is ahead in its term", |trial| {
        let (forgets, ahead) = (trial.other(0), trial.other(1));
        trial.cluster.restart(forgets);
        trial.cluster.deliver_to(forgets, ahead, Message::Heard { term: Term(40), round: 0 });
    }),
];

#[test]
fn every_combination_of_settings_survives_the_same_troubles() {
    for setting in Setting::all() {
        for (what, trouble) in TROUBLES {
            let mut trial = Trial { cluster: setting.cluster(), token: 0 };
            trial.cluster.run(MS * 700);
            trial.leader();
            trial.live(MS * 200);
            trouble(&mut trial);
            trial.live(MS * 600);
            trial.ends_well(what, setting);
        }
    }
}

#[test]
fn every_combination_of_settings_hands_over() {
    for setting in Setting::all() {
        let mut trial = Trial { cluster: setting.cluster(), token: 0 };
        trial.cluster.run(MS * 1_500);
        for _ in 0..4 {
            let (leader, other) = (trial.leader(), trial.other(0));
            trial.live(MS * 50);
            trial.cluster.transfer(leader, other);
            trial.cluster.run(MS * 50);
            assert_eq!(trial.cluster.leader(), Some(NodeId(other)), "{setting:?}");
            trial.live(MS * 150);
        }
        trial.ends_well("four transfers", setting);
    }
}
