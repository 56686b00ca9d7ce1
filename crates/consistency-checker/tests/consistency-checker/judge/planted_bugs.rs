//! The judge is awake: checkers with a bug in them are noticed.
//!
//! Each planted bug wraps the history or the model and leaves the search as it is. On all small histories, the verdicts of
//! the wrapped checker must differ from brute force somewhere, in the direction that the bug causes; the honest checker's
//! must not.

use std::collections::BTreeMap;

use super::alphabets::{KvVariant, kv, kv_object, register_full, register_object};
use super::histories::all;
use super::oracle::{explainable, facts};
use bytes::Bytes;
use synod_consistency_checker::{
    Budget, Completion, Flaw, Footprint, History, KvCall, KvModel, KvReturn, Mark, Model, OpId, Register,
    RegisterCall, RegisterReturn, check, verify,
};

type RegisterHistory = History<RegisterCall, RegisterReturn>;

/// How often a checker and brute force differ.
#[derive(Debug, Default, PartialEq)]
struct Noticed {
    /// The checker called it linearizable though it is not.
    wrongly_accepted: u64,
    /// The checker called it violated though it is not.
    wrongly_refused: u64,
    /// The checker's order for a linearizable history was refused by the verifier.
    bad_certificate: u64,
}

fn register_judged(checker: impl Fn(&RegisterHistory) -> (bool, Vec<OpId>)) -> Noticed {
    let mut noticed = Noticed::default();
    let alphabet = register_full();
    for count in 1..=3 {
        all(
            count,
            &alphabet,
            |_| true,
            |history| {
                let facts = facts(history, usize::MAX);
                if facts.iter().all(|fact| !fact.required) {
                    return; // undecided for everybody
                }
                let (accepted, order) = checker(history);
                match (accepted, explainable(&facts, &None, register_object)) {
                    (true, false) => noticed.wrongly_accepted += 1,
                    (false, true) => noticed.wrongly_refused += 1,
                    _ => {}
                }
                if accepted && verify(&Register::new(), history, &[order]).is_err() {
                    noticed.bad_certificate += 1;
                }
            },
        );
    }
    noticed
}

fn run<M: Model>(model: &M, history: &History<M::Call, M::Return>) -> (bool, Vec<OpId>) {
    let report = check(model, history, &Budget::unlimited());
    let order = report.certificate().concat();
    (!report.is_violated(), order)
}

/// The same operations, with other completions and other places for events.
fn altered(
    history: &RegisterHistory,
    place: impl Fn(usize, bool) -> usize,
    change: impl Fn(&RegisterCall, Completion<RegisterReturn>) -> Completion<RegisterReturn>,
) -> RegisterHistory {
    let mut events = Vec::new();
    for (id, op) in history.iter() {
        let completion = change(op.call(), *op.completion());
        events.push((place(op.called(), false), id, None));
        if completion != Completion::Unknown {
            let at = op.returned().unwrap_or(usize::MAX / 2 + id.index());
            events.push((place(at, true), id, Some(completion)));
        }
    }
    events.sort_by_key(|(at, id, completion)| (*at, completion.is_some(), *id));
    let (mut result, mut ids) = (History::new(), BTreeMap::new());
    // Ids must not change, so calls keep their order.
    for (_, id, completion) in events {
        match (completion, history.get(id)) {
            (None, Some(op)) => {
                ids.insert(id, result.invoke(op.process(), *op.call()));
            }
            (Some(completion), _) => result.complete_at(ids[&id], completion, Mark::default()).unwrap(),
            (None, None) => panic!("ids come from the history"),
        }
    }
    result
}

fn same(_: &RegisterCall, completion: Completion<RegisterReturn>) -> Completion<RegisterReturn> {
    completion
}

#[test]
fn the_honest_checker_is_never_wrong() {
    assert_eq!(register_judged(|history| run(&Register::new(), history)), Noticed::default());
}

#[test]
fn ignoring_real_time_is_noticed() {
    let noticed = register_judged(|history| {
        run(
            &Register::new(),
            &altered(history, |at, is_return| if is_return { at + 1_000_000 } else { at }, same),
        )
    });
    assert!(noticed.wrongly_accepted > 1000 && noticed.bad_certificate > 1000, "{noticed:?}");
}

#[test]
fn treating_unknown_as_must_happen_is_noticed() {
    let noticed = register_judged(|history| {
        let must = |call: &RegisterCall, completion| match (call, completion) {
            (RegisterCall::Write(_), Completion::Unknown) => Completion::Ok(RegisterReturn::Done),
            (RegisterCall::Cas { .. }, Completion::Unknown) => Completion::Ok(RegisterReturn::Done),
            (_, completion) => completion,
        };
        run(&Register::new(), &altered(history, |at, _| at, must))
    });
    assert!(noticed.wrongly_refused > 100 && noticed.wrongly_accepted == 0, "{noticed:?}");
}

#[test]
fn treating_unknown_as_never_happened_is_noticed() {
    let noticed = register_judged(|history| {
        let never = |_: &RegisterCall, completion| match completion {
            Completion::Unknown => Completion::Fail(None),
            completion => completion,
        };
        run(&Register::new(), &altered(history, |at, _| at, never))
    });
    assert!(noticed.wrongly_refused > 100 && noticed.wrongly_accepted == 0, "{noticed:?}");
}

#[test]
fn treating_a_refused_swap_as_no_observation_is_noticed() {
    let noticed = register_judged(|history| {
        let silent = |_: &RegisterCall, completion| match completion {
            Completion::Fail(Some(RegisterReturn::Mismatch)) => Completion::Fail(None),
            completion => completion,
        };
        run(&Register::new(), &altered(history, |at, _| at, silent))
    });
    assert!(noticed.wrongly_accepted > 1000 && noticed.wrongly_refused == 0, "{noticed:?}");
}

/// A register model with one thing wrong.
struct Wrong {
    initial: Option<i64>,
    reads_anything: bool,
    footprint: fn(Footprint<Option<i64>>) -> Footprint<Option<i64>>,
}

impl Model for Wrong {
    type State = Option<i64>;
    type Call = RegisterCall;
    type Return = RegisterReturn;
    type Key = ();

    fn initial(&self) -> Option<i64> {
        self.initial
    }

    fn step(
        &self,
        state: &Option<i64>,
        call: &RegisterCall,
        returned: Option<&RegisterReturn>,
    ) -> Option<Option<i64>> {
        if self.reads_anything && *call == RegisterCall::Read {
            return Some(*state);
        }
        Register::new().step(state, call, returned)
    }

    fn footprint(&self, call: &RegisterCall, returned: Option<&RegisterReturn>) -> Footprint<Option<i64>> {
        (self.footprint)(Register::new().footprint(call, returned))
    }
}

const HONEST: Wrong = Wrong { initial: None, reads_anything: false, footprint: |known| known };

#[test]
fn a_model_without_footprints_gives_the_same_verdicts() {
    let blind = Wrong { footprint: |_| Footprint::Opaque, ..HONEST };
    assert_eq!(register_judged(|history| run(&blind, history)), Noticed::default());
    let half = Wrong {
        footprint: |known| match known {
            Footprint::Reads(_) | Footprint::Avoids(_) => Footprint::Observes,
            Footprint::Swaps(..) => Footprint::Opaque,
            other => other,
        },
        ..HONEST
    };
    assert_eq!(register_judged(|history| run(&half, history)), Noticed::default());
}

#[test]
fn a_wrong_model_is_noticed() {
    let reads = Wrong { reads_anything: true, footprint: |_| Footprint::Opaque, ..HONEST };
    let noticed = register_judged(|history| run(&reads, history));
    assert!(noticed.wrongly_accepted > 1000 && noticed.bad_certificate > 1000, "{noticed:?}");
    let begins = Wrong { initial: Some(1), ..HONEST };
    let noticed = register_judged(|history| run(&begins, history));
    assert!(noticed.wrongly_accepted > 100 && noticed.wrongly_refused > 100, "{noticed:?}");
}

#[test]
fn a_wrong_footprint_is_noticed() {
    let blind_swap = Wrong {
        footprint: |known| match known {
            Footprint::Swaps(_, to) => Footprint::Writes(to),
            other => other,
        },
        ..HONEST
    };
    let noticed = register_judged(|history| run(&blind_swap, history));
    assert!(noticed.wrongly_accepted > 1000 && noticed.bad_certificate > 1000, "{noticed:?}");
    let inert_write = Wrong {
        footprint: |known| match known {
            Footprint::Writes(_) => Footprint::Inert,
            other => other,
        },
        ..HONEST
    };
    let noticed = register_judged(|history| run(&inert_write, history));
    assert!(noticed.wrongly_accepted > 100 && noticed.wrongly_refused > 100, "{noticed:?}");
}

/// A store whose partition is wrong.
struct Partitioned(fn(&KvCall) -> Bytes);

impl Model for Partitioned {
    type State = <KvModel as Model>::State;
    type Call = KvCall;
    type Return = KvReturn;
    type Key = Bytes;

    fn initial(&self) -> Self::State {
        KvModel::new().initial()
    }

    fn step(&self, state: &Self::State, call: &KvCall, returned: Option<&KvReturn>) -> Option<Self::State> {
        KvModel::new().step(state, call, returned)
    }

    fn key(&self, call: &KvCall) -> Option<Bytes> {
        Some((self.0)(call))
    }
}

fn kv_judged(checker: impl Fn(&History<KvCall, KvReturn>) -> bool) -> Noticed {
    let mut noticed = Noticed::default();
    let alphabet: Vec<KvVariant> = kv(&["a", "b"], false);
    for count in 1..=3 {
        all(
            count,
            &alphabet,
            |_| true,
            |history| {
                let facts = facts(history, usize::MAX);
                if facts.iter().all(|fact| !fact.required) {
                    return;
                }
                match (checker(history), explainable(&facts, &BTreeMap::new(), kv_object)) {
                    (true, false) => noticed.wrongly_accepted += 1,
                    (false, true) => noticed.wrongly_refused += 1,
                    _ => {}
                }
            },
        );
    }
    noticed
}

#[test]
fn a_wrong_partition_is_noticed() {
    let honest = Partitioned(|call| call.key.clone());
    assert_eq!(kv_judged(|history| run(&honest, history).0), Noticed::default());
    let merged = Partitioned(|_| Bytes::new());
    let noticed = kv_judged(|history| run(&merged, history).0);
    assert!(noticed.wrongly_refused > 100, "{noticed:?}");
}

#[test]
fn forgetting_a_key_is_noticed_by_brute_force_and_by_the_verifier() {
    let without_b = |history: &History<KvCall, KvReturn>| {
        let model = KvModel::new();
        let report = check(&model, history, &Budget::unlimited());
        report.partitions().iter().all(|part| part.key.as_deref() == Some(b"b") || part.violation.is_none())
    };
    let noticed = kv_judged(without_b);
    assert!(noticed.wrongly_accepted > 1000, "{noticed:?}");

    let mut history = History::new();
    for key in ["a", "b"] {
        let put = history.invoke(0, KvCall::put(key, "x"));
        history.ok(put, KvReturn::Done).unwrap();
    }
    let model = KvModel::new();
    let report = check(&model, &history, &Budget::default());
    let mut orders = report.certificate();
    assert_eq!(verify(&model, &history, &orders), Ok(()));
    let b = orders.pop().unwrap()[0];
    assert_eq!(verify(&model, &history, &orders), Err(Flaw::Missing(b)));
}

#[test]
fn every_spoiled_certificate_is_refused() {
    let model = Register::new();
    let mut history = RegisterHistory::new();
    let one = history.invoke(0, RegisterCall::Write(1));
    let lost = history.invoke(1, RegisterCall::Write(2));
    history.ok(one, RegisterReturn::Done).unwrap();
    let seen = history.invoke(0, RegisterCall::Read);
    history.ok(seen, RegisterReturn::Value(Some(2))).unwrap();
    history.unknown(lost).unwrap();
    let refused = history.invoke(2, RegisterCall::Cas { expected: Some(1), new: 5 });
    history.fail_with(refused, RegisterReturn::Mismatch).unwrap();
    let failed = history.invoke(2, RegisterCall::Write(9));
    history.fail(failed).unwrap();

    let good = [one, lost, seen, refused];
    assert_eq!(verify(&model, &history, &[good]), Ok(()));
    let foreign = {
        let mut longer = history.clone();
        longer.invoke(0, RegisterCall::Read)
    };
    let spoiled: [(&[OpId], Flaw); 8] = [
        (&[one, lost, seen], Flaw::Missing(refused)),
        (&[one, seen, refused], Flaw::Refused(seen)),
        (&[lost, one, seen, refused], Flaw::Refused(seen)),
        (&[one, lost, refused, seen], Flaw::RealTime { early: refused, late: seen }),
        (&[one, lost, seen, seen, refused], Flaw::Twice(seen)),
        (&[one, lost, seen, refused, failed], Flaw::Failed(failed)),
        (&[one, lost, seen, refused, foreign], Flaw::NoSuchOperation(foreign)),
        (&[], Flaw::Missing(one)),
    ];
    for (order, flaw) in spoiled {
        assert_eq!(verify(&model, &history, &[order]), Err(flaw));
    }
    let empty = RegisterHistory::new();
    assert_eq!(verify(&model, &empty, &[[]]), Err(Flaw::Empty));
    // Without a key, everything must be in one order.
    let halves: [&[OpId]; 2] = [&[one, lost], &[seen, refused]];
    assert!(matches!(verify(&model, &history, &halves), Err(Flaw::Split(_))));
}
