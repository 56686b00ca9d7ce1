//! Each bug that is planted in the node of many groups breaks the scenario that is named for it, and so does each that random runs of a
//! cluster hardly meet: with `--cfg synod_mutants`, as the museum is built.
#![cfg(all(test, synod_mutants))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::std_instead_of_core,
    reason = "helpers of tests may panic, and tests have a standard library"
)]

mod groups {
    #[path = "../groups/scenarios.rs"]
    pub(super) mod scenarios;
    #[path = "../groups/world.rs"]
    mod world;
}
mod raft {
    #[path = "../raft/cluster.rs"]
    #[expect(dead_code, reason = "other tests use more of it")]
    mod cluster;
    #[path = "../raft/host.rs"]
    mod host;
    #[path = "../raft/scenarios.rs"]
    pub(super) mod scenarios;
}

use std::panic::catch_unwind;
use synod_core::mutant::choose;

/// What is wrong by the safety properties, a cluster says by panicking.
fn act(name: &str) -> Result<(), String> {
    let mut all = groups::scenarios::ALL.iter().chain(&raft::scenarios::ALL);
    let (_, scenario) = all.find(|(other, _)| *other == name).unwrap();
    catch_unwind(scenario).unwrap_or_else(|panic| Err(panic.downcast_ref::<String>().unwrap().clone()))
}

#[test]
fn every_planted_bug_is_caught_by_a_scenario() {
    for (name, scenario) in groups::scenarios::ALL.iter().chain(&raft::scenarios::ALL) {
        assert_eq!(scenario(), Ok(()), "{name}");
    }
    let mut missed = Vec::new();
    for (exhibit, scenario) in [
        ("letter-to-another-group", "groups_do_not_mix"),
        ("letters-wait-for-nothing", "no_letter_leaves_before_what_it_promises"),
        ("removed-group-comes-back", "a_removed_group_stays_removed"),
        ("recreated-with-the-old-records", "a_group_of_the_same_name_has_none_of_the_old_records"),
        ("rests-before-all-agree", "nobody_rests_before_all_have_agreed"),
        ("dead-leader-not-noticed", "a_dead_node_is_missed_by_all_that_rest_under_it"),
        ("returning-node-not-woken-for", "who_comes_back_is_brought_up_to_date"),
        ("resting-voter-stays-asleep", "a_candidate_wakes_its_voters"),
        ("proposal-does-not-wake", "a_proposal_that_is_lost_is_sent_again"),
        ("audit-not-answered", "who_rests_under_a_group_that_was_removed_finds_out"),
        ("lease-renewed-by-waking", "a_lease_does_not_outlast_the_rest"),
        ("woken-leader-gives-no-time", "who_wakes_gives_everybody_time_to_answer"),
        ("ack-of-earlier-term", "an_answer_of_an_earlier_term_commits_nothing"),
        ("promise-lost-in-restart", "a_restarted_node_keeps_a_promise_that_it_has_forgotten"),
        ("votes-while-mending", "who_has_lost_a_part_of_its_log_elects_nobody_who_lacks_it"),
        ("lost-acknowledgement-counts", "what_was_acknowledged_and_lost_counts_no_more"),
        ("answers-of-an-earlier-life", "an_answer_from_an_earlier_life_commits_nothing"),
        ("snapshot-for-ever", "who_has_more_than_its_snapshot_goes_on_with_entries"),
        ("needless-snapshot-unanswered", "who_has_installed_what_it_asked_for_gets_what_it_lacks_later"),
        ("snapshot-undated", "a_new_leader_that_got_the_last_entries_in_a_snapshot_waits_as_long"),
        ("mended-by-any-leader", "a_leader_of_an_earlier_term_does_not_make_a_node_whole"),
    ] {
        choose(Some(exhibit));
        match act(scenario) {
            Ok(()) => missed.push(exhibit),
            Err(what) => println!("{exhibit}: {scenario}: {what}"),
        }
    }
    choose(None);
    assert_eq!(missed, [""; 0]);
}
