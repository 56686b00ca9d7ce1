//! Many groups on one node: rest and what breaks it, one log, one message, and whatever may arrive.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::std_instead_of_core,
    reason = "helpers of tests may panic, and tests have a standard library"
)]

mod hostile;
mod log;
mod outbox;
mod pause;
mod recovery;
mod rest;
mod scenarios;
mod wire;
mod world;

#[test]
fn nobody_campaigns_because_the_rest_rests() {
    assert_eq!(scenarios::nobody_campaigns_because_the_rest_rests(), Ok(()));
}

#[test]
fn nobody_rests_before_all_have_agreed() {
    assert_eq!(scenarios::nobody_rests_before_all_have_agreed(), Ok(()));
}

#[test]
fn a_proposal_that_is_lost_is_sent_again() {
    assert_eq!(scenarios::a_proposal_that_is_lost_is_sent_again(), Ok(()));
}

#[test]
fn a_dead_node_is_missed_by_all_that_rest_under_it() {
    assert_eq!(scenarios::a_dead_node_is_missed_by_all_that_rest_under_it(), Ok(()));
}

#[test]
fn a_candidate_wakes_its_voters() {
    assert_eq!(scenarios::a_candidate_wakes_its_voters(), Ok(()));
}

#[test]
fn who_comes_back_is_brought_up_to_date() {
    assert_eq!(scenarios::who_comes_back_is_brought_up_to_date(), Ok(()));
}

#[test]
fn a_group_rests_without_a_node_that_is_away() {
    assert_eq!(scenarios::a_group_rests_without_a_node_that_is_away(), Ok(()));
}

#[test]
fn nobody_rests_before_everything_is_committed_and_known() {
    assert_eq!(scenarios::nobody_rests_before_everything_is_committed_and_known(), Ok(()));
}

#[test]
fn a_link_that_flaps_wakes_nobody() {
    assert_eq!(scenarios::a_link_that_flaps_wakes_nobody(), Ok(()));
}

#[test]
fn who_wakes_gives_everybody_time_to_answer() {
    assert_eq!(scenarios::who_wakes_gives_everybody_time_to_answer(), Ok(()));
}

#[test]
fn a_lease_does_not_outlast_the_rest() {
    assert_eq!(scenarios::a_lease_does_not_outlast_the_rest(), Ok(()));
}

#[test]
fn who_rests_under_a_group_that_was_removed_finds_out() {
    assert_eq!(scenarios::who_rests_under_a_group_that_was_removed_finds_out(), Ok(()));
}

#[test]
fn a_read_at_a_follower_wakes_the_leader() {
    assert_eq!(scenarios::a_read_at_a_follower_wakes_the_leader(), Ok(()));
}

#[test]
fn one_cut_link_does_not_unseat_a_leader_that_rests() {
    assert_eq!(scenarios::one_cut_link_does_not_unseat_a_leader_that_rests(), Ok(()));
}

#[test]
fn groups_do_not_mix() {
    assert_eq!(scenarios::groups_do_not_mix(), Ok(()));
}

#[test]
fn a_removed_group_stays_removed() {
    assert_eq!(scenarios::a_removed_group_stays_removed(), Ok(()));
}

#[test]
fn a_group_of_the_same_name_has_none_of_the_old_records() {
    assert_eq!(scenarios::a_group_of_the_same_name_has_none_of_the_old_records(), Ok(()));
}

#[test]
fn no_letter_leaves_before_what_it_promises() {
    assert_eq!(scenarios::no_letter_leaves_before_what_it_promises(), Ok(()));
}

#[test]
fn nothing_is_told_before_it_is_durable() {
    assert_eq!(scenarios::nothing_is_told_before_it_is_durable(), Ok(()));
}

#[test]
fn every_scenario_is_a_test() {
    let tests = include_str!("main.rs");
    let missing =
        |(name, _): &&(&str, fn() -> scenarios::Outcome)| !tests.contains(&format!("\nfn {name}()"));
    assert_eq!(scenarios::ALL.iter().find(missing).map(|(name, _)| *name), None);
}
