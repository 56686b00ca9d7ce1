//! From "there is no order" to "here is where".
//!
//! Linearizability is closed under prefixes, so the first answer that no order explains is found by bisection: the search
//! is run on the history up to some answer, with the operations that are open there as optional ones. Bisection from the
//! other side then cuts off the beginning: the stretch is judged from every state that it could matter to start in, with
//! operations that were open at the cut as optional ones, since they may have taken effect before it.

use super::machine::{Effect, Machine, index};
use super::meter::Meter;
use super::problem::{Item, Problem};
use super::{Outcome, Search};
use crate::history::{Completion, History, OpId};
use crate::model::Model;
use crate::report::{Violation, Window};

/// Search steps for one probe of the bisection. A probe that needs more counts as "not shown to be contradictory".
const PROBE_STEPS: u64 = 2_000_000;
/// A stretch that more states than this could matter to is not probed: no person would look at it.
const MAX_STARTS: usize = 1_000;

/// Finds the first operation that no order gets past, and the smallest stretch around it.
///
/// `items` are contradictory as a whole; `best` explains the first `explained` answers.
pub(crate) fn locate<M: Model>(
    model: &M,
    history: &History<M::Call, M::Return>,
    machine: &mut Machine<'_, M>,
    meter: &mut Meter,
    items: &[Item],
    best: Vec<OpId>,
    explained: usize,
) -> Option<Violation> {
    let mut answers: Vec<(usize, OpId)> =
        items.iter().filter_map(|item| item.returned.map(|returned| (returned, item.op))).collect();
    answers.sort_unstable();
    let (last, longest_prefix, exact) = first_contradiction(machine, meter, items, &answers, best, explained);
    let (end, stuck) = *answers.get(last)?;
    let (cut, self_contained) = if items.iter().any(|item| machine.effect(item.class).needs_model()) {
        // Nobody knows all states that there are; those that the search met are the ones that matter here.
        let met = index(machine.state_count());
        let cut = latest_start(items, &answers, last, |items| {
            (met as usize <= MAX_STARTS).then(|| from_each(machine, meter, items, 0..met)).flatten()
        });
        (cut.unwrap_or(0), false)
    } else {
        let cut = latest_start(items, &answers, last, |items| from_anywhere(model, history, meter, items));
        (cut.unwrap_or(0), cut.is_some())
    };
    let start =
        cut.checked_sub(1).and_then(|before| answers.get(before)).map_or(0, |(position, _)| position + 1);
    let touches = |item: &&Item| item.called <= end && item.returned.is_none_or(|returned| returned >= start);
    let (ops, lingering): (Vec<&Item>, Vec<&Item>) =
        items.iter().filter(touches).partition(|item| item.returned.is_some() || item.called >= start);
    let names = |items: Vec<&Item>| {
        let mut names: Vec<OpId> = items.into_iter().map(|item| item.op).collect();
        names.sort_unstable();
        names
    };
    let window = Window {
        first_event: start,
        last_event: end,
        ops: names(ops),
        lingering: names(lingering),
        self_contained,
    };
    Some(Violation { stuck, window, longest_prefix, exact })
}

/// The number of the first answer that cannot be explained, an order that explains all before, and whether it is certain
/// that it is the first.
fn first_contradiction<M: Model>(
    machine: &mut Machine<'_, M>,
    meter: &mut Meter,
    items: &[Item],
    answers: &[(usize, OpId)],
    best: Vec<OpId>,
    explained: usize,
) -> (usize, Vec<OpId>, bool) {
    // Below `low` all is explained, by `prefix`; `high` is contradictory.
    let (mut low, mut high) = (explained, answers.len().saturating_sub(1));
    let mut prefix = best;
    let mut stride = 1;
    let mut probe = low;
    while low < high {
        let Some((end, _)) = answers.get(probe.min(high - 1)) else { break };
        let cut = stretch(items, None, *end);
        match judge(machine, meter, &cut, Machine::<M>::INITIAL) {
            (Outcome::Found, order) => {
                low = probe.min(high - 1) + 1;
                prefix = order;
                stride *= 2;
                probe = if high == answers.len() - 1 { low + stride } else { low.midpoint(high) };
            }
            (Outcome::Exhausted, _) => {
                high = probe.min(high - 1);
                probe = low.midpoint(high);
            }
            (Outcome::Stopped(_), _) => return (high, prefix, false),
        }
    }
    (high, prefix, true)
}

/// The number of the last answer from which on the stretch up to answer `last` is contradictory, if that can be shown.
fn latest_start(
    items: &[Item],
    answers: &[(usize, OpId)],
    last: usize,
    mut is_contradictory: impl FnMut(Vec<Item>) -> Option<bool>,
) -> Option<usize> {
    let (end, _) = answers.get(last).copied()?;
    let mut contradictory = |first: usize| {
        let start =
            first.checked_sub(1).and_then(|before| answers.get(before)).map(|(position, _)| *position);
        is_contradictory(stretch(items, start, end))
    };
    // Probe further and further back until a contradiction shows, then bisect.
    let (mut back, mut bad) = (0, None);
    let mut good = last + 1;
    loop {
        let first = last.saturating_sub(back);
        match contradictory(first) {
            Some(true) => {
                bad = Some(first);
                break;
            }
            Some(false) => good = first,
            // A longer stretch would be too much as well.
            None => break,
        }
        if first == 0 {
            break;
        }
        back = back * 2 + 1;
    }
    let mut bad = bad?;
    while bad + 1 < good {
        let middle = bad.midpoint(good);
        if contradictory(middle) == Some(true) {
            bad = middle;
        } else {
            good = middle;
        }
    }
    Some(bad)
}

/// Whether `items` are contradictory whatever the state was before; `None` if that is too much to find out.
///
/// It is enough to start in each state that some operation asks for, and in one that nobody asks for.
fn from_anywhere<M: Model>(
    model: &M,
    history: &History<M::Call, M::Return>,
    meter: &mut Meter,
    mut items: Vec<Item>,
) -> Option<bool> {
    // A machine of its own, so that the cost depends on the stretch and not on the history.
    let mut machine = Machine::new(model);
    for item in &mut items {
        let operation = history.get(item.op)?;
        let failed = matches!(operation.completion(), Completion::Fail(_));
        item.class = machine.classify(operation.call(), operation.observed(), failed);
    }
    let asked = |item: &Item| match machine.effect(item.class) {
        Effect::Reads(state) | Effect::Swaps(state, _) => Some(state),
        _ => None,
    };
    let mut starts: Vec<u32> = items.iter().filter_map(asked).collect();
    starts.sort_unstable();
    starts.dedup();
    if starts.len() > MAX_STARTS {
        return None;
    }
    let elsewhere = machine.elsewhere();
    from_each(&mut machine, meter, items, starts.into_iter().chain([elsewhere]))
}

/// Whether `items` are contradictory from each of the states; `None` if that is too much to find out.
fn from_each<M: Model>(
    machine: &mut Machine<'_, M>,
    meter: &mut Meter,
    mut items: Vec<Item>,
    starts: impl Iterator<Item = u32>,
) -> Option<bool> {
    items.retain(|item| item.returned.is_some() || machine.effect(item.class).may_change());
    let problem = Problem::new(&items);
    meter.within(PROBE_STEPS, |meter| {
        let mut search = Search::new(&problem, machine, meter, Machine::<M>::INITIAL);
        for start in starts {
            search.restart(start);
            match search.run() {
                Outcome::Found => return Some(false),
                Outcome::Exhausted => {}
                Outcome::Stopped(_) => return None,
            }
        }
        Some(true)
    })
}

/// The operations under way behind event `start` and not behind event `end`. Those that are also under way outside of
/// the stretch become optional, unless they are answered in it and called in it.
fn stretch(items: &[Item], start: Option<usize>, end: usize) -> Vec<Item> {
    let open = |item: &&Item| {
        item.called < end && item.returned.is_none_or(|returned| start.is_none_or(|start| returned > start))
    };
    let cut = |item: &Item| {
        let began_before = start.is_some_and(|start| item.called < start);
        let returned = item.returned.filter(|returned| *returned <= end && !began_before);
        Item { returned, ..*item }
    };
    items.iter().filter(open).map(cut).collect()
}

fn judge<M: Model>(
    machine: &mut Machine<'_, M>,
    meter: &mut Meter,
    items: &[Item],
    initial: u32,
) -> (Outcome, Vec<OpId>) {
    // What need not happen and changes nothing helps nobody.
    let matters = |item: &&Item| item.returned.is_some() || machine.effect(item.class).may_change();
    let items: Vec<Item> = items.iter().filter(matters).copied().collect();
    let problem = Problem::new(&items);
    meter.within(PROBE_STEPS, |meter| {
        let mut search = Search::new(&problem, machine, meter, initial);
        let outcome = search.run();
        (outcome, search.order())
    })
}
