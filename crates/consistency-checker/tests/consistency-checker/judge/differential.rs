//! The search against brute force: every small history, and many random larger ones. Verdicts must be equal, orders must
//! be accepted by the verifier, and windows must be contradictory by brute force too.

use std::collections::BTreeMap;

use super::alphabets::{kv, kv_object, one_comes_first, register_full, register_object, register_small};
use super::histories::{Random, Variant, all, build, shuffle};
use super::oracle::{Apply, Fact, explainable, facts};
use bytes::Bytes;
use synod_consistency_checker::{
    Budget, Completion, History, KvModel, Model, Register, RegisterCall, RegisterReturn, Verdict, Violation,
    check, verify,
};

/// Judges one history both ways; `starts` are the states from which a window must be contradictory.
fn agree<M: Model, S: Clone + PartialEq>(
    model: &M,
    history: &History<M::Call, M::Return>,
    starts: &[S],
    apply: Apply<S, M::Call, M::Return>,
) -> Verdict {
    let report = check(model, history, &Budget::unlimited());
    let all = facts(history, usize::MAX);
    match report.verdict() {
        Verdict::Linearizable => {
            assert!(explainable(&all, &starts[0], apply), "no order exists: {history:#?}");
            assert_eq!(verify(model, history, &report.certificate()), Ok(()), "{history:#?}");
        }
        Verdict::Violated => {
            assert!(!explainable(&all, &starts[0], apply), "an order exists: {history:#?}\n{report}");
            let (part, violation) = report.first_violation().expect("a violation says where");
            let in_part: Vec<usize> = part.ops.iter().map(|op| op.index()).collect();
            window_holds(history, &in_part, violation, starts, apply);
            assert!(report.describe_state_after(&violation.longest_prefix).is_some(), "{report}");
        }
        Verdict::Undecided(_) => assert!(all.iter().all(|fact| !fact.required), "undecided: {history:#?}"),
    }
    report.verdict()
}

/// The stuck operation is the first that cannot be explained, and the window alone contradicts itself.
fn window_holds<C: Clone + core::fmt::Debug, R: Clone + core::fmt::Debug, S: Clone + PartialEq>(
    history: &History<C, R>,
    part: &[usize],
    violation: &Violation,
    starts: &[S],
    apply: Apply<S, C, R>,
) {
    let window = &violation.window;
    assert!(violation.exact);
    let answered = history
        .get(violation.stuck)
        .and_then(synod_consistency_checker::Operation::returned)
        .expect("only an answer can get stuck");
    assert_eq!(answered, window.last_event);
    assert!(window.ops.contains(&violation.stuck));
    let mut own = History::new();
    // The same events, with the operations of other partitions taken out by failing them.
    rebuild(
        history,
        &mut own,
        |op, completion| if part.contains(&op) { completion } else { Completion::Fail(None) },
    );
    assert!(
        !explainable(&facts(&own, answered), &starts[0], apply),
        "explained up to the window: {history:#?}"
    );
    assert!(
        explainable(&facts(&own, answered - 1), &starts[0], apply),
        "stuck before the window: {history:#?}"
    );
    if window.self_contained {
        let ops: Vec<_> = window.ops.iter().chain(&window.lingering).collect();
        let mut stretch = Vec::new();
        for op in ops {
            let operation = history.get(*op).expect("in the history");
            let mut fact: Vec<Fact<C, R>> = facts(&own, answered);
            fact.retain(|fact| fact.called == operation.called());
            for fact in &mut fact {
                fact.required &= operation.called() >= window.first_event;
            }
            stretch.extend(fact);
        }
        for start in starts {
            assert!(
                !explainable(&stretch, start, apply),
                "the window can be explained: {violation:?} {history:#?}"
            );
        }
    }
}

fn rebuild<C: Clone, R: Clone>(
    history: &History<C, R>,
    into: &mut History<C, R>,
    change: impl Fn(usize, Completion<R>) -> Completion<R>,
) {
    let mut ids = BTreeMap::new();
    for event in 0..history.events() {
        for (id, op) in history.iter() {
            if op.called() == event {
                ids.insert(id, into.invoke(op.process(), op.call().clone()));
            } else if op.returned() == Some(event) {
                let completion = change(id.index(), op.completion().clone());
                into.complete_at(ids[&id], completion, Default::default()).unwrap();
            }
        }
    }
}

const REGISTER_STARTS: [Option<i64>; 4] = [None, Some(1), Some(2), Some(99)];

fn kv_starts() -> Vec<BTreeMap<Bytes, Vec<u8>>> {
    let values = ["x", "y", "xy", "yx", "xx", "other"];
    let one = |value: &str| ["a", "b"].map(|key| (Bytes::from(key), value.as_bytes().to_vec())).into();
    core::iter::once(BTreeMap::new()).chain(values.map(one)).collect()
}

#[derive(Default, Debug)]
struct Tally {
    linearizable: u64,
    violated: u64,
    undecided: u64,
}

impl Tally {
    fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Linearizable => self.linearizable += 1,
            Verdict::Violated => self.violated += 1,
            Verdict::Undecided(_) => self.undecided += 1,
        }
    }
}

#[test]
fn every_register_history_up_to_three_operations() {
    let (model, alphabet, mut tally) = (Register::new(), register_full(), Tally::default());
    for count in 1..=3 {
        all(count, &alphabet, one_comes_first, |history| {
            tally.add(agree(&model, history, &REGISTER_STARTS, register_object));
        });
    }
    println!("{tally:?}");
    assert!(tally.linearizable > 10_000 && tally.violated > 10_000);
}

#[test]
fn every_register_history_of_four_operations() {
    let (model, alphabet, mut tally) = (Register::new(), register_small(), Tally::default());
    all(4, &alphabet, one_comes_first, |history| {
        tally.add(agree(&model, history, &REGISTER_STARTS, register_object));
    });
    println!("{tally:?}");
    assert!(tally.linearizable > 10_000 && tally.violated > 10_000);
}

#[test]
fn every_store_history_of_four_operations_on_one_key_and_three_on_two() {
    let (model, starts, mut tally) = (KvModel::new(), kv_starts(), Tally::default());
    for (count, alphabet) in [
        (1, kv(&["a", "b"], true)),
        (2, kv(&["a", "b"], true)),
        (3, kv(&["a", "b"], false)),
        (3, kv(&["a"], true)),
        (4, kv(&["a"], false)),
    ] {
        all(count, &alphabet, |_| true, |history| tally.add(agree(&model, history, &starts, kv_object)));
    }
    println!("{tally:?}");
    assert!(tally.linearizable > 10_000 && tally.violated > 10_000);
}

/// Random histories of five to eight operations: an order is chosen, run, and sometimes spoiled afterwards.
fn random<M: Model, S: Clone + PartialEq>(
    model: &M,
    alphabet: &[Variant<M::Call, M::Return>],
    starts: &[S],
    apply: Apply<S, M::Call, M::Return>,
    rounds: u64,
) -> Tally {
    let mut tally = Tally::default();
    let mut random = Random(42);
    for _ in 0..rounds {
        let count = 5 + random.below(4);
        // Mostly variants that are possible one after the other, so that verdicts stay open to the end.
        let mut state = starts[0].clone();
        let mut variants: Vec<&Variant<_, _>> = Vec::new();
        while variants.len() < count {
            let variant = random.pick(alphabet);
            let mut next = state.clone();
            let possible = match &variant.1 {
                Completion::Ok(returned) | Completion::Fail(Some(returned)) => {
                    apply(&mut next, &variant.0, Some(returned))
                }
                Completion::Fail(None) => true,
                Completion::Unknown => random.below(2) == 0 || apply(&mut next, &variant.0, None),
            };
            if possible || random.below(12) == 0 {
                variants.push(variant);
                state = next;
            }
        }
        // Neighbours change places now and then.
        for _ in 0..random.below(5) {
            let place = random.below(count - 1);
            variants.swap(place, place + 1);
        }
        let returns: Vec<bool> = variants.iter().map(|variant| variant.1 != Completion::Unknown).collect();
        let history = build(&variants, &shuffle(&mut random, &returns));
        tally.add(agree(model, &history, starts, apply));
    }
    tally
}

#[test]
fn random_register_histories_of_five_to_eight_operations() {
    let tally = random(&Register::new(), &register_full(), &REGISTER_STARTS, register_object, 60_000);
    println!("{tally:?}");
    assert!(tally.linearizable > 5_000 && tally.violated > 5_000, "{tally:?}");
}

#[test]
fn random_store_histories_of_five_to_eight_operations() {
    let tally = random(&KvModel::new(), &kv(&["a", "b"], true), &kv_starts(), kv_object, 30_000);
    println!("{tally:?}");
    assert!(tally.linearizable > 2_000 && tally.violated > 2_000, "{tally:?}");
    // Without compare-and-set on one key there is more for appends to do.
    let tally = random(&KvModel::new(), &kv(&["a"], false), &kv_starts(), kv_object, 30_000);
    assert!(tally.linearizable > 2_000 && tally.violated > 2_000, "{tally:?}");
}

#[test]
fn random_histories_of_distinct_writes_and_reads() {
    // The ledger's own ground: no compare-and-set, every value written at most once or twice.
    let alphabet: Vec<Variant<RegisterCall, RegisterReturn>> = (1..=4)
        .flat_map(|value| {
            let (read, write) = (RegisterCall::Read, RegisterCall::Write(value));
            [
                (write, Completion::Ok(RegisterReturn::Done)),
                (read, Completion::Ok(RegisterReturn::Value(Some(value)))),
                (read, Completion::Ok(RegisterReturn::Value(Some(value)))),
            ]
        })
        .chain([(RegisterCall::Write(1), Completion::Unknown), (RegisterCall::Write(2), Completion::Unknown)])
        .collect();
    let starts = [None, Some(1), Some(2), Some(3), Some(4), Some(99)];
    let tally = random(&Register::new(), &alphabet, &starts, register_object, 60_000);
    println!("{tally:?}");
    assert!(tally.linearizable > 5_000 && tally.violated > 5_000, "{tally:?}");
}
