//! What can be explored: states, and how each leads to the next.

use super::print::Print;
use core::fmt::Debug;
use core::hash::Hash;

/// A transition system with an invariant.
///
/// A model names its initial states and the successors of each state; the [`Explorer`](super::Explorer) visits every state
/// that can be reached, breadth first, and calls [`check`](Model::check) once on each.
///
/// Nothing needs to be allocated for a successor: a state may be a packed word, and a large state may be built in one
/// buffer after another, because [`Successors::offer`] borrows it and the explorer copies only what is new.
///
/// ```
/// use synod_sim::explore::{Explorer, Model, Outcome, Successors};
///
/// // A jug of three and one of five litres; can four be measured?
/// struct Jugs;
///
/// #[derive(Debug)]
/// enum Act { Fill(usize), Empty(usize), Pour(usize) }
///
/// impl Model for Jugs {
///     type State = [u8; 2];
///     type Action = Act;
///
///     fn initial(&self) -> Vec<[u8; 2]> { vec![[0, 0]] }
///
///     fn next<S: Successors<Self>>(&self, jugs: &[u8; 2], each: &mut S) {
///         for from in [0, 1] {
///             let with = |litres| { let mut jugs = *jugs; jugs[from] = litres; jugs };
///             each.offer(|| Act::Fill(from), &with([3, 5][from]));
///             each.offer(|| Act::Empty(from), &with(0));
///             let room = ([3, 5][1 - from] - jugs[1 - from]).min(jugs[from]);
///             let mut poured = with(jugs[from] - room);
///             poured[1 - from] += room;
///             each.offer(|| Act::Pour(from), &poured);
///         }
///     }
///
///     fn check(&self, jugs: &[u8; 2]) -> Result<(), String> {
///         if jugs[1] == 4 { Err("four litres".to_owned()) } else { Ok(()) }
///     }
/// }
///
/// let exploration = Explorer::new(&Jugs).run();
/// let Outcome::Violated(shortest) = exploration.outcome else { panic!("four litres can be measured") };
/// assert_eq!(shortest.actions().count(), 6);
/// ```
pub trait Model {
    /// A state. Whatever decides what can happen from here on belongs in it, and in its hash.
    type State: Clone + Hash + Debug;
    /// What leads from a state to the next.
    type Action: Debug;

    /// Where everything begins.
    fn initial(&self) -> Vec<Self::State>;

    /// Offers every successor of `state`, in an order that depends on the state alone. Offering a state twice, or the
    /// state itself, is harmless.
    fn next<S: Successors<Self>>(&self, state: &Self::State, each: &mut S);

    /// What must hold in every state.
    ///
    /// # Errors
    /// What is wrong, in a person's words.
    fn check(&self, state: &Self::State) -> Result<(), String> {
        let _ = state;
        Ok(())
    }

    /// The identity of a state: 128 bits, of which the explorer keeps 64 unless told otherwise. States of equal prints
    /// count as one. A model whose state is a word can give an exact print ([`Print::of_word`]); one with symmetries can give
    /// all states of an orbit the same.
    fn print(&self, state: &Self::State) -> Print {
        Print::of(state)
    }

    /// An action in a person's words, given the states before and after.
    fn describe(&self, before: &Self::State, action: &Self::Action, after: &Self::State) -> String {
        let _ = (before, after);
        format!("{action:?}")
    }

    /// Appends a state as bytes; `false` if the model cannot. What can be packed waits in less memory until it is expanded,
    /// and may wait on a disk.
    fn pack(&self, state: &Self::State, bytes: &mut Vec<u8>) -> bool {
        let _ = (state, bytes);
        false
    }

    /// Takes a packed state back, into a value whose memory may be used again; `false` if the bytes are no state.
    fn unpack(&self, bytes: &[u8], into: &mut Self::State) -> bool {
        let _ = (bytes, into);
        false
    }

    /// The bytes on the heap that belong to one state, for the account of memory.
    fn heap_bytes(&self, state: &Self::State) -> usize {
        let _ = state;
        0
    }

    /// The bytes that the model itself holds by now: tables of interned parts, memoised steps.
    fn memory_bytes(&self) -> usize {
        0
    }
}

/// Takes the successors of a state.
pub trait Successors<M: Model + ?Sized> {
    /// A successor. The action is built only if somebody wants to see it.
    fn offer(&mut self, action: impl FnOnce() -> M::Action, state: &M::State);

    /// A successor exists that lies beyond the bounds of the model: it is not explored, and the report says so.
    fn cut(&mut self) {}
}
