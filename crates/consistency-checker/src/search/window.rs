//! From "there is no order" to "here is where".
//!
//! Linearizability is closed under prefixes, so the first answer that no order explains is found by bisection: the search
//! is run on the history up to some answer, with the operations that are open there as optional ones. Bisection from the
//! other side then cuts off the beginning: the stretch is judged from an unknown state, with operations that were open at
//! the cut as optional ones, since they may have taken effect before it.

use super::machine::{ANY, Machine};
use super::meter::Meter;
use super::problem::{Item, Problem};
use super::{Outcome, Search};
use crate::history::OpId;
use crate::model::Model;
use crate::report::{Violation, Window};

/// Search steps for one probe of the bisection. A probe that needs more counts as "not shown to be contradictory".
const PROBE_STEPS: u64 = 2_000_000;

/// Finds the first operation that no order gets past, and the smallest stretch around it.
///
/// `items` are contradictory as a whole; `best` explains the first `explained` answers.
pub(crate) fn locate<M: Model>(
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
    let (cut, self_contained) = latest_start(machine, meter, items, &answers, last);
    let start = cut.checked_sub(1).and_then(|before| answers.get(before)).map_or(0, |(position, _)| position + 1);
    let touches = |item: &&Item| item.called <= end && item.returned.is_none_or(|returned| returned >= start);
    let (ops, lingering): (Vec<&Item>, Vec<&Item>) =
        items.iter().filter(touches).partition(|item| item.returned.is_some() || item.called >= start);
    let names = |items: Vec<&Item>| {
        let mut names: Vec<OpId> = items.into_iter().map(|item| item.op).collect();
        names.sort_unstable();
        names
    };
    let window =
        Window { first_event: start, last_event: end, ops: names(ops), lingering: names(lingering), self_contained };
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
            },
            (Outcome::Exhausted, _) => {
                high = probe.min(high - 1);
                probe = low.midpoint(high);
            },
            (Outcome::Stopped(_), _) => return (high, prefix, false),
        }
    }
    (high, prefix, true)
}

/// The number of the last answer from which on the stretch up to answer `last` is contradictory from every state, and
/// whether there is one. Without footprints, an unknown state cannot be expressed, and the stretch begins at the first.
fn latest_start<M: Model>(
    machine: &mut Machine<'_, M>,
    meter: &mut Meter,
    items: &[Item],
    answers: &[(usize, OpId)],
    last: usize,
) -> (usize, bool) {
    if items.iter().any(|item| machine.effect(item.class).needs_model()) {
        return (0, false);
    }
    let Some((end, _)) = answers.get(last).copied() else { return (0, false) };
    let mut contradictory = |first: usize| {
        let start = first.checked_sub(1).and_then(|before| answers.get(before)).map(|(position, _)| *position);
        let cut = stretch(items, start, end);
        judge(machine, meter, &cut, ANY).0 == Outcome::Exhausted
    };
    // Probe further and further back until a contradiction shows, then bisect.
    let (mut back, mut bad) = (0, None);
    let mut good = last + 1;
    loop {
        let first = last.saturating_sub(back);
        if contradictory(first) {
            bad = Some(first);
            break;
        }
        good = first;
        if first == 0 {
            break;
        }
        back = back * 2 + 1;
    }
    let Some(mut bad) = bad else { return (0, false) };
    while bad + 1 < good {
        let middle = bad.midpoint(good);
        if contradictory(middle) {
            bad = middle;
        } else {
            good = middle;
        }
    }
    (bad, true)
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
