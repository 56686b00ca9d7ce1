//! Scenarios that are acted out by hand on the real type, as in the tests of `synod-raft`, one for each seed in turn. One that goes wrong in
//! whatever way has noticed something. Those of Raft are what chance hardly meets: where somebody else has found them, or a proof.

#[path = "../../../crates/raft/tests/raft/cluster.rs"]
#[expect(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::std_instead_of_core,
    reason = "a helper of tests, who use more of it: what goes wrong in it is noticed here"
)]
mod cluster;
#[path = "../../../crates/raft/tests/raft/host.rs"]
#[expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of tests: what goes wrong in it is noticed here"
)]
mod host;
#[path = "../../../crates/raft/tests/raft/scenarios.rs"]
mod scenarios;

use super::{Alarm, Judge, Run, Runs, Search, Setup};
use std::panic::catch_unwind;

/// A name, and what is acted out under it.
type Scenario = (&'static str, fn() -> Result<(), String>);

/// Each in turn.
pub(super) struct Acted {
    pub(super) scenarios: &'static [Scenario],
}

pub(super) fn setups() -> Vec<Setup> {
    vec![Setup {
        room: "raft",
        name: "acted",
        says: "whole clusters: each scenario of the tests in turn",
        search: Search::Seeds(Box::new(Acted { scenarios: &scenarios::ALL })),
    }]
}

impl Runs for Acted {
    fn run(&self, seed: u64) -> Run {
        let place = usize::try_from(seed).unwrap_or_default() % self.scenarios.len();
        let wrong = self.scenarios.get(place).and_then(|(name, scenario)| {
            let outcome = catch_unwind(scenario).unwrap_or_else(|panic| {
                let says = panic.downcast_ref::<String>().map_or("nobody knows why", String::as_str);
                Err(format!("panicked: {says}"))
            });
            Some(format!("{name}: {}", outcome.err()?))
        });
        Run { alarm: wrong.map(|says| Alarm { by: Judge::Scenario, says }), faults: 0 }
    }

    fn shrink(&self, _: u64, _: u64) -> Option<u64> {
        None
    }
}
