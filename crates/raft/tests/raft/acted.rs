//! The scenarios, each as a test of its own.

use crate::scenarios;

#[test]
fn an_answer_of_an_earlier_term_commits_nothing() {
    assert_eq!(scenarios::an_answer_of_an_earlier_term_commits_nothing(), Ok(()));
}

#[test]
fn an_answer_from_an_earlier_life_commits_nothing() {
    assert_eq!(scenarios::an_answer_from_an_earlier_life_commits_nothing(), Ok(()));
}

#[test]
fn who_has_more_than_its_snapshot_goes_on_with_entries() {
    assert_eq!(scenarios::who_has_more_than_its_snapshot_goes_on_with_entries(), Ok(()));
}

#[test]
fn who_has_installed_what_it_asked_for_gets_what_it_lacks_later() {
    assert_eq!(scenarios::who_has_installed_what_it_asked_for_gets_what_it_lacks_later(), Ok(()));
}

#[test]
fn a_new_leader_that_got_the_last_entries_in_a_snapshot_waits_as_long() {
    assert_eq!(scenarios::a_new_leader_that_got_the_last_entries_in_a_snapshot_waits_as_long(), Ok(()));
}

#[test]
fn a_leader_of_an_earlier_term_does_not_make_a_node_whole() {
    assert_eq!(scenarios::a_leader_of_an_earlier_term_does_not_make_a_node_whole(), Ok(()));
}

#[test]
fn every_scenario_is_a_test() {
    let tests = include_str!("acted.rs");
    let missing =
        |(name, _): &&(&str, fn() -> scenarios::Outcome)| !tests.contains(&format!("\nfn {name}()"));
    assert_eq!(scenarios::ALL.iter().find(missing).map(|(name, _)| *name), None);
}

#[test]
fn a_restarted_node_keeps_a_promise_that_it_has_forgotten() {
    assert_eq!(scenarios::a_restarted_node_keeps_a_promise_that_it_has_forgotten(), Ok(()));
}

#[test]
fn who_has_lost_a_part_of_its_log_elects_nobody_who_lacks_it() {
    assert_eq!(scenarios::who_has_lost_a_part_of_its_log_elects_nobody_who_lacks_it(), Ok(()));
}

#[test]
fn what_was_acknowledged_and_lost_counts_no_more() {
    assert_eq!(scenarios::what_was_acknowledged_and_lost_counts_no_more(), Ok(()));
}
