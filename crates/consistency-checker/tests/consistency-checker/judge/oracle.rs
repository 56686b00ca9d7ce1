//! Brute force: tries every order of every subset. Shares nothing with the crate but the history type.

use synod_consistency_checker::{Completion, History};

/// One operation, reduced to what an order must respect.
#[derive(Clone, Debug)]
pub(crate) struct Fact<C, R> {
    pub call: C,
    pub observed: Option<R>,
    /// It must be in the order; otherwise it may be left out.
    pub required: bool,
    /// It must not change the state.
    pub unchanged: bool,
    pub called: usize,
    pub returned: Option<usize>,
}

/// A sequential object: changes the state, or answers `false` if the call cannot have been answered so.
pub(crate) type Apply<S, C, R> = fn(&mut S, &C, Option<&R>) -> bool;

/// The facts of a history. `end` cuts it: what is answered later need not have happened yet.
pub(crate) fn facts<C: Clone, R: Clone>(history: &History<C, R>, end: usize) -> Vec<Fact<C, R>> {
    let mut facts = Vec::new();
    for (_, op) in history.iter().filter(|(_, op)| op.called() < end) {
        let (observed, unchanged) = match op.completion() {
            Completion::Ok(returned) => (Some(returned.clone()), false),
            Completion::Fail(Some(returned)) => (Some(returned.clone()), true),
            Completion::Fail(None) => continue,
            Completion::Unknown => (None, false),
        };
        let required = op.returned().is_some_and(|returned| returned <= end);
        let returned = op.returned();
        facts.push(Fact {
            call: op.call().clone(),
            observed,
            required,
            unchanged,
            called: op.called(),
            returned,
        });
    }
    facts
}

/// Whether some order of all required facts and some of the others explains everything.
pub(crate) fn explainable<S: Clone + PartialEq, C, R>(
    facts: &[Fact<C, R>],
    initial: &S,
    apply: Apply<S, C, R>,
) -> bool {
    let mut left: Vec<&Fact<C, R>> = facts.iter().collect();
    extend(&mut left, initial, apply)
}

fn extend<S: Clone + PartialEq, C, R>(left: &mut Vec<&Fact<C, R>>, state: &S, apply: Apply<S, C, R>) -> bool {
    if left.iter().all(|fact| !fact.required) {
        return true;
    }
    for place in 0..left.len() {
        let fact = left.remove(place);
        let too_late =
            |other: &&Fact<C, R>| other.required && other.returned.is_some_and(|at| at < fact.called);
        if !left.iter().any(too_late) {
            let mut next = state.clone();
            let possible = apply(&mut next, &fact.call, fact.observed.as_ref());
            if possible && (!fact.unchanged || next == *state) && extend(left, &next, apply) {
                return true;
            }
        }
        left.insert(place, fact);
    }
    false
}
