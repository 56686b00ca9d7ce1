//! All small histories, and random larger ones.

use synod_consistency_checker::{Completion, History};

/// Deterministic randomness (SplitMix64).
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ z >> 31) % bound as u64) as usize
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// What an operation does and how it ends.
pub(crate) type Variant<C, R> = (C, Completion<R>);

/// An event of a history to be built: the call or the answer of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Call(usize),
    Return(usize),
}

/// Orders of events for operations of which `returns` tell whether they are answered, one for each real-time order:
/// neighbouring calls can change places without a difference, and so can neighbouring answers.
pub(crate) fn shapes(returns: &[bool]) -> Vec<Vec<Event>> {
    let mut found = Vec::new();
    grow(returns, &mut Vec::new(), &mut found);
    found
}

fn grow(returns: &[bool], events: &mut Vec<Event>, found: &mut Vec<Vec<Event>>) {
    let called = events.iter().filter(|event| matches!(event, Event::Call(_))).count();
    let open = |op: &usize| returns[*op] && !events.contains(&Event::Return(*op));
    let open: Vec<usize> = (0..called).filter(open).collect();
    if called == returns.len() && open.is_empty() {
        found.push(events.clone());
        return;
    }
    let mut next: Vec<Event> = open.into_iter().map(Event::Return).collect();
    next.extend((called < returns.len()).then_some(Event::Call(called)));
    for event in next {
        // Answers that stand together are sorted.
        if matches!((events.last(), event), (Some(Event::Return(last)), Event::Return(op)) if *last > op) {
            continue;
        }
        events.push(event);
        grow(returns, events, found);
        events.pop();
    }
}

/// Builds a history; operations of the same process never overlap, since each has its own.
pub(crate) fn build<C: Clone, R: Clone>(variants: &[&Variant<C, R>], events: &[Event]) -> History<C, R> {
    let mut history = History::new();
    let mut ids = Vec::new();
    for event in events {
        match *event {
            Event::Call(op) => ids.push(history.invoke(op as u64, variants[op].0.clone())),
            Event::Return(op) => {
                let completion = variants[op].1.clone();
                history.complete_at(ids[op], completion, Default::default()).unwrap();
            }
        }
    }
    history
}

/// Calls `judge` with every history of exactly `count` operations over `alphabet`, one of each kind: operations that are
/// called together and answered together stand in the order of the alphabet, and `canonical` chooses among the rest.
pub(crate) fn all<C: Clone, R: Clone>(
    count: usize,
    alphabet: &[Variant<C, R>],
    canonical: impl Fn(&[&Variant<C, R>]) -> bool,
    mut judge: impl FnMut(&History<C, R>),
) -> u64 {
    let mut histories = 0;
    let masks: Vec<Vec<Vec<Event>>> = (0..1 << count)
        .map(|mask: usize| shapes(&(0..count).map(|op| mask >> op & 1 == 1).collect::<Vec<_>>()))
        .collect();
    let mut chosen = vec![0; count];
    loop {
        let variants: Vec<&Variant<C, R>> = chosen.iter().map(|index| &alphabet[*index]).collect();
        if canonical(&variants) {
            let answered = |op: usize| usize::from(!matches!(variants[op].1, Completion::Unknown)) << op;
            let mask: usize = (0..count).map(answered).sum();
            for events in masks[mask].iter().filter(|events| is_sorted(events, &chosen)) {
                judge(&build(&variants, events));
                histories += 1;
            }
        }
        let Some(place) = chosen.iter().rposition(|index| index + 1 < alphabet.len()) else {
            return histories;
        };
        chosen[place] += 1;
        chosen[place + 1..].fill(0);
    }
}

/// Whether operations called in one run stand in the order of the run of their answers, and then of the alphabet.
fn is_sorted(events: &[Event], chosen: &[usize]) -> bool {
    let mut place = vec![(0, usize::MAX, 0); chosen.len()];
    let (mut run, mut calls) = (0, true);
    for event in events {
        let is_call = matches!(event, Event::Call(_));
        if is_call != calls {
            (calls, run) = (is_call, run + 1);
        }
        match *event {
            Event::Call(op) => (place[op].0, place[op].2) = (run, chosen[op]),
            Event::Return(op) => place[op].1 = run,
        }
    }
    place.is_sorted()
}

/// A random order of events.
pub(crate) fn shuffle(random: &mut Random, returns: &[bool]) -> Vec<Event> {
    let mut events = Vec::new();
    let (mut called, mut open) = (0, Vec::new());
    while called < returns.len() || !open.is_empty() {
        // Few operations open at a time make real time matter more.
        if called < returns.len() && (open.is_empty() || random.below(open.len() + 2) < 2) {
            events.push(Event::Call(called));
            if returns[called] {
                open.push(called);
            }
            called += 1;
        } else {
            let op = open.swap_remove(random.below(open.len()));
            events.push(Event::Return(op));
        }
    }
    events
}
