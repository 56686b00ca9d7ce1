//! What lies beside a causal context: the interface of all dot stores.

use crate::{ActorId, CausalContext, Dot, Refused};
use alloc::vec::Vec;
use core::fmt::Debug;

/// What one action does to a dot store: names that go, and perhaps one that comes with something under it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Plan<I> {
    /// The dots of what is replaced or removed: exactly what the writer has seen.
    pub removes: Vec<Dot>,
    /// What is put there, under a new dot.
    pub inserts: Option<I>,
}

/// A store of things that were written under dots: [`DotSet`](crate::DotSet), [`DotFun`](crate::DotFun),
/// [`DotMap`](crate::DotMap), or one of your own. Together with a context it is a replicated type, [`Causal`](crate::Causal), and inside
/// a `DotMap` it is a part of one; the same store serves both.
///
/// What is joined follows one rule (Almeida, Shoker and Baquero 2018, section 7.2): a dot stays if both stores have it, or if one has it
/// and the *context* of the other has never seen it.
///
/// # Contract
/// A dot lies at one place of a store. [`check`](Self::check) and [`check_insert`](Self::check_insert) come before
/// [`join`](Self::join) and [`insert`](Self::insert), which therefore cannot fail.
pub trait DotStore: Clone + Debug + Default + PartialEq {
    /// What a user wants done.
    type Action: Clone + Debug;
    /// What is written under a dot, and where.
    type Insert: Clone + Debug + PartialEq;
    /// What a reader observes.
    type View: Debug + PartialEq;

    /// What `action` does if `actor` does it now.
    ///
    /// # Errors
    /// When it makes no sense in this state.
    fn plan(&self, actor: ActorId, action: Self::Action) -> Result<Plan<Self::Insert>, Refused>;

    /// Whether nothing is stored.
    fn is_empty(&self) -> bool;

    /// Whether something is stored under this dot.
    fn contains(&self, dot: &Dot) -> bool;

    /// Hands over every dot.
    fn each_dot(&self, each: &mut dyn FnMut(Dot));

    /// Puts something under a dot that is not here.
    fn insert(&mut self, dot: Dot, inserts: Self::Insert);

    /// Removes what is under the dot; says whether anything was.
    fn remove(&mut self, dot: &Dot) -> bool;

    /// Refuses what contradicts what is under this dot.
    ///
    /// # Errors
    /// [`Refused::DotReused`].
    fn check_insert(&self, dot: &Dot, inserts: &Self::Insert) -> Result<(), Refused>;

    /// Refuses another store that has something else under the same dot.
    ///
    /// # Errors
    /// [`Refused::DotReused`].
    fn check(&self, other: &Self) -> Result<(), Refused>;

    /// Joins with another store, given what both replicas have seen; says whether anything has changed here.
    fn join(&mut self, seen: &CausalContext, other: &Self, other_seen: &CausalContext) -> bool;

    /// Before a join with `other`, which was written by somebody who has collected garbage: removes what lies at the places of `other`'s
    /// dots, is in `floor` and is not in `other`. Only where a write replaces all that its writer has seen; says whether anything was
    /// removed. Stores without garbage do nothing.
    fn cover(&mut self, other: &Self, floor: &CausalContext) -> bool {
        let _ = (other, floor);
        false
    }

    /// The part of it that a replica which has seen `seen` cannot have.
    #[must_use]
    fn beyond(&self, seen: &CausalContext) -> Self;

    /// Removes what no reader can observe and no replica is still to hear of; says how many dots went.
    fn collect(&mut self, stable: &CausalContext) -> usize {
        let _ = stable;
        0
    }

    /// What a reader observes.
    fn view(&self) -> Self::View;

    /// Whether a reader cannot tell this from an empty store.
    fn is_void(&self) -> bool {
        self.is_empty()
    }
}
