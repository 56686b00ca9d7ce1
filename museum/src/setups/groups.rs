//! Many groups on a few nodes: in hostile weather, and in the scenarios that are acted out in the tests of `synod-raft`, one for each seed in
//! turn. A scenario that goes wrong in whatever way has noticed something.

#[path = "../../../crates/raft/tests/groups/scenarios.rs"]
mod scenarios;
#[path = "../../../crates/raft/tests/groups/world.rs"]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper of tests: what goes wrong in it is noticed here"
)]
mod world;

use super::{Alarm, Clusters, Judge, Run, Runs, Search, Setup};
use core::time::Duration;
use scenarios as act;
use std::panic::catch_unwind;
use synod_kv::groups::{Settings, simulation};

const SCENARIOS: [(&str, fn() -> act::Outcome); 19] = [
    ("groups_do_not_mix", act::groups_do_not_mix),
    ("no_letter_leaves_before_what_it_promises", act::no_letter_leaves_before_what_it_promises),
    ("nothing_is_told_before_it_is_durable", act::nothing_is_told_before_it_is_durable),
    ("a_removed_group_stays_removed", act::a_removed_group_stays_removed),
    (
        "a_group_of_the_same_name_has_none_of_the_old_records",
        act::a_group_of_the_same_name_has_none_of_the_old_records,
    ),
    ("nobody_rests_before_all_have_agreed", act::nobody_rests_before_all_have_agreed),
    ("a_dead_node_is_missed_by_all_that_rest_under_it", act::a_dead_node_is_missed_by_all_that_rest_under_it),
    ("who_comes_back_is_brought_up_to_date", act::who_comes_back_is_brought_up_to_date),
    ("a_candidate_wakes_its_voters", act::a_candidate_wakes_its_voters),
    ("a_proposal_that_is_lost_is_sent_again", act::a_proposal_that_is_lost_is_sent_again),
    (
        "who_rests_under_a_group_that_was_removed_finds_out",
        act::who_rests_under_a_group_that_was_removed_finds_out,
    ),
    ("a_lease_does_not_outlast_the_rest", act::a_lease_does_not_outlast_the_rest),
    ("who_wakes_gives_everybody_time_to_answer", act::who_wakes_gives_everybody_time_to_answer),
    ("nobody_campaigns_because_the_rest_rests", act::nobody_campaigns_because_the_rest_rests),
    ("a_group_rests_without_a_node_that_is_away", act::a_group_rests_without_a_node_that_is_away),
    (
        "nobody_rests_before_everything_is_committed_and_known",
        act::nobody_rests_before_everything_is_committed_and_known,
    ),
    ("a_link_that_flaps_wakes_nobody", act::a_link_that_flaps_wakes_nobody),
    ("a_read_at_a_follower_wakes_the_leader", act::a_read_at_a_follower_wakes_the_leader),
    (
        "one_cut_link_does_not_unseat_a_leader_that_rests",
        act::one_cut_link_does_not_unseat_a_leader_that_rests,
    ),
];

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
        let place = usize::try_from(seed).unwrap_or_default() % SCENARIOS.len();
        let wrong = SCENARIOS.get(place).and_then(|(name, scenario)| {
            let outcome = catch_unwind(scenario).unwrap_or_else(|_| Err("panicked".to_owned()));
            Some(format!("{name}: {}", outcome.err()?))
        });
        Run { alarm: wrong.map(|says| Alarm { by: Judge::Invariant, says }), faults: 0 }
    }

    fn shrink(&self, _: u64, _: u64) -> Option<u64> {
        None
    }
}
