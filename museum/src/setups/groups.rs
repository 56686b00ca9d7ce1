//! Many groups on a few nodes: in hostile weather, and in the scenarios that are acted out in the tests of `synod-raft`.

#[path = "../../../crates/raft/tests/groups/scenarios.rs"]
mod scenarios;
#[path = "../../../crates/raft/tests/groups/world.rs"]
#[expect(clippy::unwrap_used, reason = "a helper of tests: what goes wrong in it is noticed here")]
mod world;

use super::acted::Acted;
use super::{Clusters, Runs, Search, Setup};
use core::time::Duration;
use synod_kv::groups::{Settings, simulation};

pub(super) fn setups() -> Vec<Setup> {
    let seeds =
        |name, says, search: Box<dyn Runs>| Setup { room: "raft", name, says, search: Search::Seeds(search) };
    let mut settings = Settings::default();
    (settings.groups, settings.storm) = (3, Duration::from_secs(4));
    vec![
        seeds(
            "acted-groups",
            "many groups on a node: each scenario of the tests in turn",
            Box::new(Acted { scenarios: &scenarios::ALL }),
        ),
        seeds(
            "groups-3",
            "three groups on three nodes, every fault, rest in between",
            Box::new(Clusters { sim: simulation(&settings) }),
        ),
    ]
}
