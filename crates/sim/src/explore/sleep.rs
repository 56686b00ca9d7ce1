//! Sleep sets: each order of actions that commute need not be tried.

use super::model::Model;
use super::print::Print;

/// How many of a state's moves can sleep.
pub const SLOTS: usize = 128;

/// A model that knows which of its actions commute, so that
/// [`Explorer::run_with_sleep_sets`](super::Explorer::run_with_sleep_sets) can do without most orders of them.
///
/// A *move* is an action in short: what [`Model::next`] offers, before anybody has computed where it leads. Each move leads to
/// one state.
///
/// # Sleep sets
/// An action that sleeps in a state is possible there and is not tried: whatever it leads to is reached in another order
/// (Godefroid, "Partial-Order Methods for the Verification of Concurrent Systems", 1996, chapter 5). The moves of a state are
/// tried in their order. In the successor by `b` those moves `x` sleep that slept in the state before, or were tried there before `b`,
/// and are independent of `b` there. A state that is reached in several ways of the same length gets the intersection
/// of what each way lets sleep; a state that is met again in a later layer is dropped as always.
///
/// *Every state is still reached, at its shortest distance.* Among the shortest ways to a state take the first in lexicographic
/// order, by the order of moves in each state on the way. Every beginning of it is such a way to the state in which it ends, so
/// that by induction all states before the last are reached along it. Were its last move `x` asleep, then `x` was
/// tried in a state on the way before the move that the way takes there, and independent of that one and all that
/// follow, each in its state: so `x` can be moved to the front of them, and the way to the same state is as long as before and
/// comes earlier in the order. That cannot be. Intersections only make sleep sets smaller, and so does forgetting a sleeper. Hence
/// unique states, depth, verdict and the length of counterexamples are those of the full search; fewer successors are computed.
///
/// Progress cannot be asked about with sleep sets: they are a way to run an [`Explorer`](super::Explorer), and
/// [`Liveness`](super::Liveness) looks at whole graphs.
///
/// ```
/// use synod_sim::explore::{Explorer, Independence, Model, Successors};
///
/// // Eight counters, each of which counts to three by itself.
/// struct Counters;
///
/// impl Model for Counters {
///     type State = [u8; 8];
///     type Action = usize;
///     fn initial(&self) -> Vec<[u8; 8]> { vec![[0; 8]] }
///     fn next<S: Successors<Self>>(&self, state: &[u8; 8], each: &mut S) {
///         let (mut moves, mut after) = (Vec::new(), *state);
///         self.moves(state, &mut moves);
///         for counter in moves {
///             self.successor(state, &counter, &mut after);
///             each.offer(|| counter, &after);
///         }
///     }
/// }
///
/// impl Independence for Counters {
///     type Move = usize;
///     fn moves(&self, state: &[u8; 8], moves: &mut Vec<usize>) {
///         moves.clear();
///         moves.extend((0..8).filter(|counter| state[*counter] < 3));
///     }
///     fn successor(&self, state: &[u8; 8], counter: &usize, into: &mut [u8; 8]) -> bool {
///         *into = *state;
///         into[*counter] += 1;
///         true
///     }
///     fn action(&self, _: &[u8; 8], counter: &usize) -> usize { *counter }
///     fn independent(&self, _: &[u8; 8], a: &usize, b: &usize) -> bool { a != b }
///     fn slot(&self, _: &[u8; 8], counter: &usize) -> Option<usize> { Some(*counter) }
/// }
///
/// let full = Explorer::new(&Counters).run();
/// let fewer = Explorer::new(&Counters).run_with_sleep_sets();
/// assert_eq!((full.extent.unique, full.extent.depth), (65_536, 24));
/// assert_eq!((fewer.extent.unique, fewer.extent.depth), (65_536, 24));
/// // 6 successors a state on average against one: each state is reached in one order of its steps only.
/// assert_eq!((full.extent.generated, fewer.extent.generated), (393_217, 65_536));
/// ```
pub trait Independence: Model {
    /// What tells an action from the others that are possible in the same state.
    type Move: Copy;

    /// Replaces `moves` with all that is possible in a state, in an order that depends on the state alone. A move that leads back to
    /// the state itself may be left out.
    fn moves(&self, state: &Self::State, moves: &mut Vec<Self::Move>);

    /// Computes where a move leads; `false` if that lies beyond the bounds of the model.
    fn successor(&self, state: &Self::State, by: &Self::Move, into: &mut Self::State) -> bool;

    /// A move in full.
    fn action(&self, state: &Self::State, by: &Self::Move) -> Self::Action;

    /// Whether two moves that are possible in `state` commute *there*: each is still possible, and within the bounds, after the
    /// other, and both orders lead to the same state. `false` is always right.
    ///
    /// When it says so of two that do not, states are lost without a word.
    fn independent(&self, state: &Self::State, a: &Self::Move, b: &Self::Move) -> bool;

    /// The bit of a move in the sleep set of `state`, below [`SLOTS`]; no other move of that state has it. Asked also about a
    /// move of the state before that has been independent of what happened: it is possible here too, and this state's own move gets
    /// the same answer. `None`: the move never sleeps, which is always right.
    fn slot(&self, state: &Self::State, of: &Self::Move) -> Option<usize>;
}

/// The sleep sets of two layers: of the one that is expanded, in the order in which its states wait; and of the next, which can be
/// found by their prints, since other ways to them may follow.
#[derive(Debug, Default)]
pub(super) struct SleepSets {
    now: Vec<u128>,
    at: usize,
    next: Vec<u128>,
    prints: Vec<Print>,
    /// Open addressing, at most seven eighths full: one more than the place in `next`, or 0.
    index: Vec<u32>,
    /// The states of a layer beyond this number have no sleep set: nothing sleeps there.
    states_max: usize,
}

impl SleepSets {
    pub(super) fn new(states_max: usize) -> Self {
        Self { states_max: states_max.min(u32::MAX as usize - 1), ..Self::default() }
    }

    /// The sleep set of the next state of the layer.
    pub(super) fn pop(&mut self) -> u128 {
        let set = self.now.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        set
    }

    /// The layer has been expanded.
    pub(super) fn turn(&mut self) {
        self.at = 0;
        self.now.clear();
        core::mem::swap(&mut self.now, &mut self.next);
        self.prints.clear();
        self.index.fill(0);
    }

    /// The sleep set of a state that has already been found for the next layer.
    pub(super) fn of(&mut self, print: Print) -> Option<&mut u128> {
        let place = self.index.get(self.place(print)?)?.checked_sub(1)?;
        self.next.get_mut(place as usize)
    }

    /// A new state of the next layer.
    pub(super) fn push(&mut self, print: Print, set: u128) {
        if self.next.len() >= self.states_max {
            return;
        }
        if self.next.len() >= self.index.len() / 8 * 7 {
            self.grow();
        }
        self.next.push(set);
        self.prints.push(print);
        self.enter(print, self.next.len() as u32);
    }

    fn enter(&mut self, print: Print, number: u32) {
        if let Some(place) = self.place(print)
            && let Some(free) = self.index.get_mut(place)
        {
            *free = number;
        }
    }

    #[cold]
    fn grow(&mut self) {
        let len = (self.index.len() * 2).max(1 << 10);
        self.index.clear();
        self.index.resize(len, 0);
        let prints = core::mem::take(&mut self.prints);
        for (number, print) in (1..).zip(&prints) {
            self.enter(*print, number);
        }
        self.prints = prints;
    }

    /// Where the print stands in the index, or the free place where it would.
    fn place(&self, print: Print) -> Option<usize> {
        let mask = self.index.len().checked_sub(1)?;
        let mut place = print.high() as usize & mask;
        loop {
            let number = *self.index.get(place)?;
            match number.checked_sub(1) {
                Some(at) if self.prints.get(at as usize) != Some(&print) => place = (place + 1) & mask,
                _ => return Some(place),
            }
        }
    }

    pub(super) fn bytes(&self) -> usize {
        (self.now.capacity() + self.next.capacity() + self.prints.capacity()) * size_of::<u128>()
            + self.index.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleep_sets_are_found_by_print_and_then_in_order() {
        let mut sets = SleepSets::new(5_000);
        for number in 0..6_000_u64 {
            let print = Print::of_word(number);
            assert_eq!(sets.of(print), None);
            sets.push(print, u128::from(number));
        }
        for number in 0..6_000_u64 {
            let set = sets.of(Print::of_word(number));
            assert_eq!(set.is_some(), number < 5_000);
            set.into_iter().for_each(|set| *set |= 1 << 100);
        }
        sets.turn();
        assert_eq!(sets.of(Print::of_word(3)), None, "what is expanded is not looked for any more");
        assert!((0..5_000_u64).all(|number| sets.pop() == u128::from(number) | 1 << 100));
        assert_eq!((sets.pop(), sets.pop()), (0, 0));
    }
}
