//! Budgets, determinism, and histories that test nothing.

use core::time::Duration;
use std::time::Instant;

use synod_consistency_checker::{
    Budget, Footprint, History, Model, Reason, Register, RegisterCall, RegisterReturn, Verdict, check, verify,
};

/// A register whose operations the search knows nothing about.
struct Blind;

impl Model for Blind {
    type State = Option<i64>;
    type Call = RegisterCall;
    type Return = RegisterReturn;
    type Key = ();

    fn initial(&self) -> Option<i64> {
        None
    }

    fn step(
        &self,
        state: &Option<i64>,
        call: &RegisterCall,
        returned: Option<&RegisterReturn>,
    ) -> Option<Option<i64>> {
        Register::new().step(state, call, returned)
    }

    fn footprint(&self, _: &RegisterCall, _: Option<&RegisterReturn>) -> Footprint<Option<i64>> {
        Footprint::Opaque
    }
}

/// `n` writes of different values at the same time, and then a read of a value that nobody wrote: without knowledge of the
/// model, every subset and every last write has to be tried.
fn hard(n: i64) -> History<RegisterCall, RegisterReturn> {
    let mut history = History::new();
    let writes: Vec<_> =
        (0..n).map(|value| history.invoke(value.unsigned_abs(), RegisterCall::Write(value))).collect();
    for write in writes {
        history.ok(write, RegisterReturn::Done).unwrap();
    }
    let read = history.invoke(0, RegisterCall::Read);
    history.ok(read, RegisterReturn::Value(Some(-1))).unwrap();
    history
}

#[test]
fn a_step_budget_ends_in_the_same_place_on_each_run() {
    let history = hard(30);
    let budget = Budget::unlimited().steps(50_000);
    let first = check(&Blind, &history, &budget);
    assert_eq!(first.verdict(), Verdict::Undecided(Reason::Steps));
    assert_eq!(first.stats().steps, 50_000);
    let second = check(&Blind, &history, &budget);
    assert_eq!(first.partitions()[0].progress, second.partitions()[0].progress);
    assert!(first.partitions()[0].progress.as_ref().is_some_and(|order| order.len() == 30));
    assert!(first.certificate().is_empty());
    assert!(first.to_string().contains("step budget"), "{first}");
}

#[test]
fn a_time_budget_is_obeyed() {
    let history = hard(40);
    let started = Instant::now();
    let report = check(&Blind, &history, &Budget::unlimited().time(Duration::from_millis(100)));
    assert_eq!(report.verdict(), Verdict::Undecided(Reason::Time));
    // Generous, for a busy machine.
    assert!(started.elapsed() < Duration::from_secs(5));
    let report = check(&Blind, &history, &Budget::unlimited().time(Duration::ZERO));
    assert_eq!(report.verdict(), Verdict::Undecided(Reason::Time));
}

#[test]
fn a_memory_budget_is_obeyed() {
    let history = hard(40);
    let report = check(&Blind, &history, &Budget::unlimited().memory_bytes(1 << 20));
    assert_eq!(report.verdict(), Verdict::Undecided(Reason::Memory));
    assert!(report.stats().cache_bytes <= 1 << 20);
    assert!(report.stats().cache_entries > 1_000);
}

#[test]
fn knowing_the_model_settles_the_hard_case_at_once() {
    let history = hard(40);
    let model = Register::new();
    let report = check(&model, &history, &Budget::unlimited().steps(1_000));
    assert!(report.is_violated());
    let (_, violation) = report.first_violation().unwrap();
    assert_eq!(violation.stuck.index(), 40);
    assert!(violation.exact);
}

#[test]
fn a_budget_that_runs_out_while_looking_for_the_window_leaves_the_violation_certain() {
    let history = hard(40);
    for steps in 0..200 {
        let report = check(&Register::new(), &history, &Budget::unlimited().steps(steps)).verdict();
        assert_eq!(report, Verdict::Violated, "{steps}");
    }
}

#[test]
fn histories_in_which_nothing_was_answered_are_undecided() {
    let model = Register::new();
    let mut history = History::new();
    let nothing = Verdict::Undecided(Reason::NothingObserved);
    assert_eq!(check(&model, &history, &Budget::default()).verdict(), nothing);
    let write = history.invoke(0, RegisterCall::Write(1));
    history.unknown(write).unwrap();
    history.invoke(1, RegisterCall::Read);
    let failed = history.invoke(2, RegisterCall::Write(2));
    history.fail(failed).unwrap();
    let report = check(&model, &history, &Budget::default());
    assert_eq!(report.verdict(), nothing);
    assert!(!report.is_linearizable() && report.certificate().is_empty());
    assert!(verify(&model, &history, &report.certificate()).is_err());
}

#[test]
fn many_clients_and_many_crashes() {
    // 200 clients at once need more than one word of slots, 300 equal crashes one small count.
    let (model, mut history) = (Register::new(), History::new());
    for n in 0..300 {
        let crashed = history.invoke(1_000 + n, RegisterCall::Cas { expected: Some(7), new: 8 });
        history.unknown(crashed).unwrap();
    }
    let writes: Vec<_> =
        (0..200).map(|client| (client, history.invoke(client, RegisterCall::Write(7)))).collect();
    let reads: Vec<_> = (0..200).map(|client| history.invoke(500 + client, RegisterCall::Read)).collect();
    for (_, write) in writes {
        history.ok(write, RegisterReturn::Done).unwrap();
    }
    for (n, read) in reads.into_iter().enumerate() {
        history.ok(read, RegisterReturn::Value(Some(if n % 2 == 0 { 7 } else { 8 }))).unwrap();
    }
    let last = history.invoke(0, RegisterCall::Read);
    history.ok(last, RegisterReturn::Value(Some(8))).unwrap();
    let report = check(&model, &history, &Budget::default().steps(1_000_000));
    assert!(report.is_linearizable(), "{report}");
    assert_eq!(verify(&model, &history, &report.certificate()), Ok(()));
}

#[test]
fn misuse_of_a_history_is_an_error() {
    let mut history: History<RegisterCall, RegisterReturn> = History::new();
    let read = history.invoke(0, RegisterCall::Read);
    history.ok(read, RegisterReturn::Value(None)).unwrap();
    let again = history.unknown(read).unwrap_err();
    assert!(again.to_string().contains("completed already"));
    let foreign = History::<RegisterCall, RegisterReturn>::new().unknown(read).unwrap_err();
    assert!(foreign.to_string().contains("not in this history"));
}
