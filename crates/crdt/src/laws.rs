//! The laws of replicated types as a test kit, for the types of this crate and for anybody's.
//!
//! Three replicas act, exchange what they know and reclaim garbage, as a schedule says. Each of them exists three times: one is fed with
//! operations, one with deltas, one with states; and a fourth never reclaims anything. After each step they must agree, and at the end
//! everything must have converged and the lattice laws hold. A schedule that breaks a law is shrunk until no step can be left out.
//!
//! ```
//! use synod_crdt::laws::Laws;
//! use synod_crdt::{ActorId, CausalContext, Change, Crdt, Delivery, Refused};
//!
//! /// A counter by somebody in a hurry: merging adds up.
//! #[derive(Clone, Debug, Default, PartialEq)]
//! struct Hasty(u64);
//!
//! impl Crdt for Hasty {
//!     type Action = ();
//!     type Op = u64;
//!     type Delta = u64;
//!     type Version = u64;
//!     type View = u64;
//!     const DELIVERY: Delivery = Delivery::Causal;
//!     fn prepare(&self, _: ActorId, (): ()) -> Result<u64, Refused> { Ok(1) }
//!     fn apply(&mut self, op: &u64) -> Result<Change, Refused> { self.0 += op; Ok(Change::Grown) }
//!     fn delta_of(op: &u64) -> u64 { *op }
//!     fn version(&self) -> u64 { self.0 }
//!     fn delta_since(&self, version: &u64) -> u64 { self.0.saturating_sub(*version) }
//!     fn join(&mut self, delta: &u64) -> Result<Change, Refused> { self.apply(delta) }
//!     fn merge(&mut self, other: &Self) -> Result<Change, Refused> { self.apply(&other.0) }
//!     fn view(&self) -> u64 { self.0 }
//! }
//!
//! let broken = Laws::<Hasty>::new([()]).random(0..100, 8).unwrap_err();
//! assert!(broken.schedule.len() <= 2, "{broken}");
//!
//! // The real one passes, whatever happens.
//! Laws::<synod_crdt::GCounter>::new([1, 5]).random(0..100, 12).unwrap();
//! ```
//!
//! # For types that are not [`Crdt`]
//! Implement [`Subject`] for a wrapper: all but five functions have defaults. The benchmarks of this workspace do it for the
//! `crdts` crate.

mod exhaustive;
mod random;
mod schedule;
mod world;

pub use exhaustive::Tally;
pub use schedule::{Broken, Law, Step};

use crate::{ActorId, CausalContext, Crdt, Delivery};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Debug;
use core::marker::PhantomData;

/// What the kit can be used on: every [`Crdt`] that is `Default`, `Debug` and `PartialEq`, and whatever implements this by hand. Both traits
/// have methods of the same names; import the one that you call.
pub trait Subject: Clone + Debug {
    /// What a user wants done.
    type Action: Clone + Debug;
    /// What is done.
    type Op: Clone + Debug;
    /// What a reader observes.
    type View: Debug + PartialEq;

    /// How operations are delivered.
    const DELIVERY: Delivery;

    /// A replica that has seen nothing.
    fn initial() -> Self;

    /// Turns an action into an operation.
    ///
    /// # Errors
    /// Where the type refuses it in this state; the step is then left out.
    fn prepare(&self, actor: ActorId, action: &Self::Action) -> Result<Self::Op, String>;

    /// Carries out an operation.
    ///
    /// # Errors
    /// Where the type refuses it; nothing may have changed.
    fn apply(&mut self, op: &Self::Op) -> Result<(), String>;

    /// Takes in a state.
    ///
    /// # Errors
    /// Where the type refuses it; nothing may have changed.
    fn merge(&mut self, other: &Self) -> Result<(), String>;

    /// What a reader observes.
    fn view(&self) -> Self::View;

    /// Takes in an operation as a delta. Without deltas: as an operation.
    ///
    /// # Errors
    /// Where the type refuses it; nothing may have changed.
    fn join(&mut self, op: &Self::Op) -> Result<(), String> {
        self.apply(op)
    }

    /// Takes in the delta between another replica and this one. Without deltas: the state.
    ///
    /// # Errors
    /// Where the type refuses it; nothing may have changed.
    fn catch_up(&mut self, from: &Self) -> Result<(), String> {
        self.merge(from)
    }

    /// Whether two replicas are equal, beyond what a reader observes.
    fn is_same(&self, other: &Self) -> bool {
        self.view() == other.view()
    }

    /// What has been seen, for types that [`collect`](Self::collect).
    fn seen(&self) -> CausalContext {
        CausalContext::new()
    }

    /// Reclaims what is garbage, given what everybody has seen; says how many entries went.
    fn collect(&mut self, stable: &CausalContext) -> usize {
        let _ = stable;
        0
    }
}

impl<C: Crdt + Debug + Default + PartialEq> Subject for C {
    type Action = C::Action;
    type Op = C::Op;
    type View = C::View;

    const DELIVERY: Delivery = C::DELIVERY;

    fn initial() -> Self {
        Self::default()
    }

    fn prepare(&self, actor: ActorId, action: &C::Action) -> Result<C::Op, String> {
        Crdt::prepare(self, actor, action.clone()).map_err(|refused| refused.to_string())
    }

    fn apply(&mut self, op: &C::Op) -> Result<(), String> {
        Crdt::apply(self, op).map(drop).map_err(|refused| refused.to_string())
    }

    fn merge(&mut self, other: &Self) -> Result<(), String> {
        Crdt::merge(self, other).map(drop).map_err(|refused| refused.to_string())
    }

    fn view(&self) -> C::View {
        Crdt::view(self)
    }

    fn join(&mut self, op: &C::Op) -> Result<(), String> {
        Crdt::join(self, &C::delta_of(op)).map(drop).map_err(|refused| refused.to_string())
    }

    fn catch_up(&mut self, from: &Self) -> Result<(), String> {
        let delta = from.delta_since(&self.version());
        Crdt::join(self, &delta).map(drop).map_err(|refused| refused.to_string())
    }

    fn is_same(&self, other: &Self) -> bool {
        self == other
    }

    fn seen(&self) -> CausalContext {
        Crdt::seen(self)
    }

    fn collect(&mut self, stable: &CausalContext) -> usize {
        Crdt::collect(self, stable)
    }
}

/// A function that takes a replica through bytes and back.
type Recode<S> = fn(&S) -> Result<S, String>;

/// The kit for one type: its actions, and how schedules are made of them.
#[derive(Clone, Debug)]
pub struct Laws<S: Subject> {
    alphabet: Vec<S::Action>,
    recode: Option<Recode<S>>,
    collects: bool,
    shrinks: bool,
    subject: PhantomData<S>,
}

impl<S: Subject> Laws<S> {
    /// Schedules over these actions: a few that meet on the same key, element or value find more than many that do not.
    pub fn new(alphabet: impl IntoIterator<Item = S::Action>) -> Self {
        let alphabet = alphabet.into_iter().collect();
        Self { alphabet, recode: None, collects: true, shrinks: true, subject: PhantomData }
    }

    /// Also takes every replica through bytes and back.
    #[must_use]
    pub fn recoded(mut self, recode: fn(&S) -> Result<S, String>) -> Self {
        self.recode = Some(recode);
        self
    }

    /// Leaves garbage alone.
    #[must_use]
    pub fn uncollected(mut self) -> Self {
        self.collects = false;
        self
    }

    /// Gives schedules that break a law back as they were found.
    #[must_use]
    pub fn unshrunk(mut self) -> Self {
        self.shrinks = false;
        self
    }

    /// Runs one schedule.
    ///
    /// # Errors
    /// The law that it breaks.
    pub fn check(&self, schedule: &[Step<S::Action>]) -> Result<(), Broken<S::Action>> {
        self.run(schedule).map(drop)
    }

    /// Runs one schedule; says how many entries were reclaimed in it.
    fn run(&self, schedule: &[Step<S::Action>]) -> Result<u64, Broken<S::Action>> {
        let mut world = world::World::new();
        let broken = |steps: usize, (law, how)| {
            let schedule = schedule.iter().take(steps).cloned().collect();
            Broken { law, how, schedule }
        };
        for (at, step) in schedule.iter().enumerate() {
            world.step(step).map_err(|fault| broken(at + 1, fault))?;
        }
        let reclaimed = world.reclaimed();
        world.finish(self.recode).map_err(|fault| broken(schedule.len(), fault))?;
        Ok(reclaimed)
    }

    /// Leaves steps out as long as the rest still breaks a law.
    fn shrink(&self, mut broken: Broken<S::Action>) -> Broken<S::Action> {
        let mut at = 0;
        while self.shrinks && at < broken.schedule.len() {
            match self.check(&schedule::without(&broken.schedule, at)) {
                Err(smaller) => {
                    broken = smaller;
                    at = 0;
                }
                Ok(()) => at += 1,
            }
        }
        broken
    }
}
