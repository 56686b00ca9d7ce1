//! Many groups on one node: rest and what breaks it, one log, one message, and whatever may arrive.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::std_instead_of_core,
    reason = "helpers of tests may panic, and tests have a standard library"
)]

mod hostile;
mod log;
mod pause;
mod scenarios;
mod wire;
mod world;

/// Each scenario is a test of the same name.
macro_rules! act_out {
    ($($scenario:ident),+ $(,)?) => {
        $(#[test]
        fn $scenario() {
            assert_eq!(scenarios::$scenario(), Ok(()));
        })+
    };
}

act_out!(
    nobody_campaigns_because_the_rest_rests,
    nobody_rests_before_all_have_agreed,
    a_proposal_that_is_lost_is_sent_again,
    a_dead_node_is_missed_by_all_that_rest_under_it,
    a_candidate_wakes_its_voters,
    who_comes_back_is_brought_up_to_date,
    a_group_rests_without_a_node_that_is_away,
    nobody_rests_before_everything_is_committed_and_known,
    a_link_that_flaps_wakes_nobody,
    who_wakes_gives_everybody_time_to_answer,
    a_lease_does_not_outlast_the_rest,
    who_rests_under_a_group_that_was_removed_finds_out,
    a_read_at_a_follower_wakes_the_leader,
    one_cut_link_does_not_unseat_a_leader_that_rests,
    groups_do_not_mix,
    a_removed_group_stays_removed,
    a_group_of_the_same_name_has_none_of_the_old_records,
    no_letter_leaves_before_what_it_promises,
    nothing_is_told_before_it_is_durable,
);
