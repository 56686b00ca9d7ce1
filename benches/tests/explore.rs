//! The explorer counts what other checkers count.
#![cfg(test)]

use synod_benches::explore::{RegisterOverPaxos, TwoPhase};
use synod_sim::explore::{Explorer, Model};

fn counts<M: Model>(model: &M) -> (u64, u64) {
    let found = Explorer::new(model).run();
    assert!(found.holds(), "{found}");
    (found.extent.unique, found.extent.generated)
}

#[test]
fn two_phase_commit_has_as_many_states_as_tlc_and_stateright_count() {
    let found: Vec<(u64, u64)> = (3..=6).map(|managers| counts(&TwoPhase::of(managers))).collect();
    assert_eq!(found, [(288, 1_146), (1_568, 8_258), (8_832, 58_146), (50_816, 402_306)]);
    assert_eq!(counts(&TwoPhase::of(7)).0, 296_448);
}

#[test]
fn the_register_over_paxos_has_as_many_states_as_stateright_counts() {
    assert_eq!(counts(&RegisterOverPaxos::of(1)), (265, 482));
    assert_eq!(counts(&RegisterOverPaxos::of(2)), (16_668, 32_971));
}

#[test]
fn a_fingerprint_a_wide_one_and_the_state_itself_count_alike() {
    let model = RegisterOverPaxos::of(2);
    let wide = Explorer::new(&model).wide().run().extent;
    let exact = Explorer::new(&model).run_exact().extent;
    assert_eq!((wide.unique, wide.generated), (16_668, 32_971));
    assert_eq!((exact.unique, exact.generated), (16_668, 32_971));
    assert_eq!(exact.omission_probability(), 0.0);
}

#[test]
fn a_leader_that_forgets_what_was_accepted_is_not_linearizable() {
    let model = RegisterOverPaxos::of(2).forgetful();
    let found = Explorer::new(&model).run();
    let Some(shortest) = found.counterexample() else { panic!("{found}") };
    assert!(shortest.reason.starts_with("not linearizable"), "{shortest}");
}

#[test]
fn a_manager_that_commits_unasked_is_found() {
    let found = Explorer::new(&TwoPhase::of(3).hasty()).run();
    let Some(shortest) = found.counterexample() else { panic!("{found}") };
    // One prepares and is heard, the coordinator commits, another aborts on its own, the first hears of the commit.
    assert_eq!(shortest.steps.len(), 5, "{shortest}");
}
