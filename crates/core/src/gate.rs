//! What waits for the disk.

use crate::Lsn;
use alloc::collections::VecDeque;

/// The effects that wait until the log is durable far enough: the one piece of code that every driver trusts with the
/// rule "write before send".
///
/// Things come out in the order of the positions that they wait for; those that wait for the same position, in the order
/// in which they went in. Promises to oneself therefore stay first-in, first-out.
///
/// The number of things that may wait is bounded, so that a stalled disk cannot exhaust memory: beyond the limit
/// [`offer`](Gate::offer) gives the thing back. A driver drops a message to a peer then (a network may lose it), and holds
/// on to everything else with [`hold`](Gate::hold).
///
/// ```
/// use synod_core::{Lsn, host::{Gate, Offer}};
/// let mut gate = Gate::with_limit(100);
/// assert_eq!(gate.offer(Lsn(0), Lsn(3), "free"), Offer::Pass("free"));
/// assert_eq!(gate.offer(Lsn(5), Lsn(3), "vote"), Offer::Held);
/// assert_eq!(gate.pop(Lsn(4)), None);
/// assert_eq!(gate.pop(Lsn(5)), Some("vote"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Gate<T> {
    held: VecDeque<(Lsn, T)>,
    limit: usize,
}

/// What became of a thing that was offered to a [`Gate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum Offer<T> {
    /// What it waited for is durable: carry it out now.
    Pass(T),
    /// The gate keeps it.
    Held,
    /// The gate is full.
    Full(T),
}

impl<T> Gate<T> {
    /// An empty gate that keeps at most `limit` things offered to it.
    #[must_use]
    pub const fn with_limit(limit: usize) -> Self {
        Self { held: VecDeque::new(), limit }
    }

    /// Passes `thing` if the log, durable up to `durable`, has reached `after`; keeps it otherwise. O(1) when things
    /// arrive in the order of what they wait for, as a single protocol's do.
    pub fn offer(&mut self, after: Lsn, durable: Lsn, thing: T) -> Offer<T> {
        if after <= durable {
            Offer::Pass(thing)
        } else if self.held.len() >= self.limit {
            Offer::Full(thing)
        } else {
            self.hold(after, thing);
            Offer::Held
        }
    }

    /// Keeps `thing`, limit or not.
    pub fn hold(&mut self, after: Lsn, thing: T) {
        if self.wanted() <= after {
            return self.held.push_back((after, thing));
        }
        let mut place = self.held.len();
        while place > 0 && self.held.get(place - 1).is_some_and(|(other, _)| *other > after) {
            place -= 1;
        }
        self.held.insert(place, (after, thing));
    }

    /// The next thing that may be carried out when the log is durable up to `durable`.
    pub fn pop(&mut self, durable: Lsn) -> Option<T> {
        match self.held.front() {
            Some((after, _)) if *after <= durable => self.held.pop_front().map(|(_, thing)| thing),
            _ => None,
        }
    }

    /// The farthest position that anything waits for: a driver whose log has not begun to sync that far must begin, even
    /// if no record up to there is forced.
    #[must_use]
    pub fn wanted(&self) -> Lsn {
        self.held.back().map_or(Lsn::ZERO, |(after, _)| *after)
    }

    /// The same gate with other things in it: what waits for what, and in which order, stays.
    #[must_use]
    pub fn map<U>(self, mut change: impl FnMut(T) -> U) -> Gate<U> {
        let held = self.held.into_iter().map(|(after, thing)| (after, change(thing))).collect();
        Gate { held, limit: self.limit }
    }

    /// How many things wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Forgets everything: the process has crashed.
    pub fn clear(&mut self) {
        self.held.clear();
    }
}
