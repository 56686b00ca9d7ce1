//! Each bug that is planted in the node of many groups breaks the scenario that is named for it: with `--cfg synod_mutants`, as the
//! museum is built.
#![cfg(all(test, synod_mutants))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::std_instead_of_core,
    reason = "helpers of tests may panic, and tests have a standard library"
)]

#[path = "groups/scenarios.rs"]
mod scenarios;
#[path = "groups/world.rs"]
mod world;

use scenarios as act;
use synod_core::mutant::choose;

#[test]
fn every_planted_bug_is_caught_by_the_scenario_of_its_name() {
    let exhibits: [(&str, fn() -> act::Outcome); 12] = [
        ("letter-to-another-group", act::groups_do_not_mix),
        ("letters-wait-for-nothing", act::no_letter_leaves_before_what_it_promises),
        ("removed-group-comes-back", act::a_removed_group_stays_removed),
        ("recreated-with-the-old-records", act::a_group_of_the_same_name_has_none_of_the_old_records),
        ("rests-before-all-agree", act::nobody_rests_before_all_have_agreed),
        ("dead-leader-not-noticed", act::a_dead_node_is_missed_by_all_that_rest_under_it),
        ("returning-node-not-woken-for", act::who_comes_back_is_brought_up_to_date),
        ("resting-voter-stays-asleep", act::a_candidate_wakes_its_voters),
        ("proposal-does-not-wake", act::a_proposal_that_is_lost_is_sent_again),
        ("audit-not-answered", act::who_rests_under_a_group_that_was_removed_finds_out),
        ("lease-renewed-by-waking", act::a_lease_does_not_outlast_the_rest),
        ("woken-leader-gives-no-time", act::who_wakes_gives_everybody_time_to_answer),
    ];
    let mut missed = Vec::new();
    for (name, scenario) in exhibits {
        choose(None);
        assert_eq!(scenario(), Ok(()), "without {name}");
        choose(Some(name));
        match scenario() {
            Ok(()) => missed.push(name),
            Err(what) => println!("{name}: {what}"),
        }
    }
    choose(None);
    assert_eq!(missed, [""; 0]);
}
