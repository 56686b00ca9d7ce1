//! The front door: split a history by key, judge each part, put the answers together.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::budget::Budget;
use crate::history::{Completion, History, OpId};
use crate::model::Model;
use crate::report::{Partition, Reason, Report, Stats, Verdict};
use crate::search::machine::Machine;
use crate::search::meter::Meter;
use crate::search::problem::{Item, Problem, drop_useless};
use crate::search::{Outcome, Search, window};

/// Judges whether `history` is linearizable: whether its operations can be put in one order that respects real time and
/// that `model` allows.
///
/// Every partition is judged, also after a violation, so that the report is complete. The verdict, the order and the
/// violation are the same on each run, as long as the time budget does not run out.
///
/// The problem is NP-complete (Gibbons & Korach 1997): the worst case is exponential in the number of operations under
/// way at the same time, and the [`Budget`] ends it. Memory grows with the number of configurations visited, each of
/// which takes 20 bytes plus a bit per client and per crashed operation.
pub fn check<'a, M: Model>(
    model: &'a M,
    history: &'a History<M::Call, M::Return>,
    budget: &Budget,
) -> Report<'a, M> {
    let mut meter = Meter::new(budget);
    let started = meter.started;
    let mut partitions = Vec::new();
    for (key, ops) in split(model, history) {
        partitions.push(judge(model, history, &mut meter, key, ops));
    }
    let mut stats = Stats { partitions: partitions.len(), elapsed: started.elapsed(), ..Stats::default() };
    for part in &partitions {
        stats.ops += part.stats.ops;
        stats.steps += part.stats.steps;
        stats.cache_entries += part.stats.cache_entries;
        stats.cache_bytes = stats.cache_bytes.max(part.stats.cache_bytes);
    }
    let verdict = overall(history, &partitions);
    Report { model, history, verdict, partitions, stats }
}

fn overall<C, R, K>(history: &History<C, R>, partitions: &[Partition<K>]) -> Verdict {
    let observed =
        |completion: &Completion<R>| matches!(completion, Completion::Ok(_) | Completion::Fail(Some(_)));
    if !history.operations().iter().any(|op| observed(op.completion())) {
        return Verdict::Undecided(Reason::NothingObserved);
    }
    let mut verdict = Verdict::Linearizable;
    for part in partitions {
        match (part.verdict, verdict) {
            (Verdict::Violated, _) => return Verdict::Violated,
            (undecided @ Verdict::Undecided(_), Verdict::Linearizable) => verdict = undecided,
            _ => {}
        }
    }
    verdict
}

/// The operations of each part, in the order of their calls; one part if some call may touch everything.
fn split<M: Model>(model: &M, history: &History<M::Call, M::Return>) -> BTreeMap<Option<M::Key>, Vec<OpId>> {
    let mut parts: BTreeMap<Option<M::Key>, Vec<OpId>> = BTreeMap::new();
    let judged = || history.iter().filter(|(_, op)| !matches!(op.completion(), Completion::Fail(None)));
    for (id, op) in judged() {
        let key = model.key(op.call());
        if key.is_none() {
            return BTreeMap::from([(None, judged().map(|(id, _)| id).collect())]);
        }
        parts.entry(key).or_default().push(id);
    }
    parts
}

fn judge<M: Model>(
    model: &M,
    history: &History<M::Call, M::Return>,
    meter: &mut Meter,
    key: Option<M::Key>,
    ops: Vec<OpId>,
) -> Partition<M::Key> {
    let (started, steps_before) = (Instant::now(), meter.steps);
    let mut part = Partition {
        key,
        verdict: Verdict::Undecided(Reason::Memory),
        linearization: None,
        violation: None,
        progress: None,
        stats: Stats { ops: ops.len(), partitions: 1, ..Stats::default() },
        ops,
    };
    if part.ops.len() > Problem::MAX_OPS {
        return part;
    }
    let mut machine = Machine::new(model);
    let mut items = Vec::with_capacity(part.ops.len());
    for id in &part.ops {
        let Some(op) = history.get(*id) else { continue };
        let failed = matches!(op.completion(), Completion::Fail(_));
        let class = machine.classify(op.call(), op.observed(), failed);
        let called = op.called();
        #[cfg(synod_mutants)]
        let called = synod_core::mutant!(
            called,
            "checker-ignores-real-time" => called.saturating_sub(40),
            "operation-before-its-call" => called.saturating_sub(40),
        );
        items.push(Item { op: *id, class, called, returned: op.returned() });
    }
    drop_useless(&machine, &mut items);
    let problem = Problem::new(&items);
    let mut search = Search::new(&problem, &mut machine, meter, Machine::<M>::INITIAL);
    let outcome = search.run();
    part.stats.cache_entries = search.cache_entries();
    part.stats.cache_bytes = search.bytes();
    match outcome {
        Outcome::Found => {
            part.verdict = Verdict::Linearizable;
            part.linearization = Some(search.order());
        }
        Outcome::Stopped(reason) => {
            part.verdict = Verdict::Undecided(reason);
            part.progress = Some(search.best().0);
        }
        Outcome::Exhausted => {
            let (best, explained) = search.best();
            // The room of the big search is free again for the small ones.
            drop(search);
            part.verdict = Verdict::Violated;
            part.violation = window::locate(model, history, &mut machine, meter, &items, best, explained);
        }
    }
    part.stats.steps = meter.steps - steps_before;
    part.stats.elapsed = started.elapsed();
    part
}
