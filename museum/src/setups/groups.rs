//! Many groups on a few nodes: in hostile weather, and in the scenarios that are acted out in the tests of `synod-raft`, one for each seed in
//! turn. A scenario that goes wrong in whatever way has noticed something.

#[path = "../../../crates/raft/tests/groups/scenarios.rs"]
mod scenarios;
#[path = "../../../crates/raft/tests/groups/world.rs"]
#[expect(clippy::unwrap_used, reason = "a helper of tests: what goes wrong in it is noticed here")]
mod world;

use super::{Alarm, Clusters, Judge, Run, Runs, Search, Setup};
use core::time::Duration;
use std::panic::catch_unwind;
use synod_kv::groups::{Settings, simulation};

pub(super) fn setups() -> Vec<Setup> {
    let seeds =
        |name, says, search: Box<dyn Runs>| Setup { room: "raft", name, says, search: Search::Seeds(search) };
    let mut settings = Settings::default();
    (settings.groups, settings.storm) = (3, Duration::from_secs(4));
    vec![
        seeds("acted-groups", "many groups on a node: each scenario of the tests in turn", Box::new(Acted)),
        seeds(
            "groups-3",
            "three groups on three nodes, every fault, rest in between",
            Box::new(Clusters { sim: simulation(&settings) }),
        ),
    ]
}

struct Acted;

impl Runs for Acted {
    fn run(&self, seed: u64) -> Run {
        let place = usize::try_from(seed).unwrap_or_default() % scenarios::ALL.len();
        let wrong = scenarios::ALL.get(place).and_then(|(name, scenario)| {
            let outcome = catch_unwind(scenario).unwrap_or_else(|_| Err("panicked".to_owned()));
            Some(format!("{name}: {}", outcome.err()?))
        });
        Run { alarm: wrong.map(|says| Alarm { by: Judge::Scenario, says }), faults: 0 }
    }

    fn shrink(&self, _: u64, _: u64) -> Option<u64> {
        None
    }
}
