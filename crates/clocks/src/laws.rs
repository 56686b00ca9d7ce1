//! The laws of clocks, as a kit to check your own.
//!
//! A kit runs a clock through executions, every one up to a small size and many larger ones at random, and knows of each pair of
//! events whether one happened before the other, because it keeps the set of causes of each. Then it asks the stamps. What breaks a
//! law is shrunk until no step can be left out, and printed as an execution to read.
//!
//! ```
//! use synod_clocks::laws::{Law, Laws};
//! use synod_clocks::{Causality, Clock, Guarantee, Stamp, VectorClock};
//!
//! Laws::default().check(|processes| (0..processes).map(VectorClock::new).collect())?;
//!
//! // A clock that forgets to count the arrival of a message as an event.
//! #[derive(Clone, Copy, Debug)]
//! struct Lazy(u64);
//! impl Stamp for Lazy {
//!     const GUARANTEE: Guarantee = Guarantee::Total;
//!     fn causality(&self, other: &Self) -> Causality { self.0.cmp(&other.0).into() }
//! }
//! impl Clock for Lazy {
//!     type Stamp = Self;
//!     type Error = core::convert::Infallible;
//!     fn tick(&mut self) -> Result<Self, Self::Error> { self.0 += 1; Ok(*self) }
//!     fn merge(&mut self, stamp: &Self) -> Result<(), Self::Error> { self.0 = self.0.max(stamp.0); Ok(()) }
//!     fn receive(&mut self, stamp: &Self) -> Result<Self, Self::Error> { self.merge(stamp)?; Ok(*self) }
//! }
//! let broken = Laws::default().check(|processes| vec![Lazy(0); processes]).unwrap_err();
//! assert_eq!(broken.law, Law::Guarantee);
//! println!("{broken}");                                 // two steps: an event, and its message's arrival
//! assert_eq!(broken.steps.len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`check_bytes`] does the same for byte forms: round trips, truncation, and mutated bytes that must be refused or mean what they say.
//! [`fuzz_bytes`] goes on from there for as long as it is let.

mod bytes;
mod execution;
mod mutator;
mod run;

pub use bytes::{BytesViolation, check_bytes};
pub use execution::Step;
pub use mutator::{FuzzTally, fuzz_bytes};

use crate::Clock;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use run::Run;

/// Which executions are tried.
///
/// The default takes a fraction of a second for a vector clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Laws {
    /// How many processes there are.
    pub processes: usize,
    /// All executions of up to so many steps are tried. With three processes there are some 2,000 of four steps, 30,000 of five.
    pub exhaustive_steps: usize,
    /// So many random executions follow.
    pub executions: u32,
    /// Of up to so many steps each.
    pub steps_max: usize,
    /// The seed of the random ones.
    pub seed: u64,
}

impl Default for Laws {
    fn default() -> Self {
        Self { processes: 3, exhaustive_steps: 4, executions: 300, steps_max: 24, seed: 1 }
    }
}

/// Which law was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Law {
    /// A call failed although nothing was wrong.
    Succeeds,
    /// An event's stamp is not equal to itself, or `causality(b, a)` is not the reverse of `causality(a, b)`.
    Symmetry,
    /// The answer is none that the [`Guarantee`](crate::Guarantee) permits.
    Guarantee,
    /// a is before b, b before c, and a not before c.
    Transitivity,
    /// `receive` differs from `merge` and then `tick`.
    Receive,
    /// A stamp that is merged twice does what it does not do once.
    Idempotence,
    /// Stamps merged in another order lead elsewhere.
    Commutativity,
    /// The system made another number of clocks than it was asked for.
    Setup,
}

/// A broken law, with a smallest execution that breaks it: none of its steps can be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The law.
    pub law: Law,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The execution and what is wrong with it, for a person.
    pub says: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the law {:?} is broken in {} steps:\n{}", self.law, self.steps.len(), self.says)
    }
}

impl core::error::Error for Violation {}

/// What was tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// How many executions.
    pub executions: u64,
    /// How many pairs of events were asked about.
    pub pairs: u64,
    /// How many of these pairs were concurrent in truth.
    pub concurrent: u64,
}

impl Laws {
    /// Checks a clock. `system` makes the clocks of so many processes that have heard nothing of each other; it is called for each
    /// execution, and all of its systems must be alike.
    ///
    /// # Errors
    /// The first law that is broken, by an execution of which no step can be left out.
    pub fn check<C: Clock>(&self, system: impl Fn(usize) -> Vec<C>) -> Result<Coverage, Violation> {
        let mut coverage = Coverage::default();
        let mut tried = |steps: &[Step]| match self.violation(&system, steps, &mut coverage) {
            None => Ok(()),
            Some((law, _)) => Err(self.shrunk(&system, law, steps)),
        };
        execution::all(self.processes, self.exhaustive_steps, &mut tried)?;
        execution::random(self, &mut tried)?;
        Ok(coverage)
    }

    fn violation<C: Clock>(
        &self,
        system: &impl Fn(usize) -> Vec<C>,
        steps: &[Step],
        coverage: &mut Coverage,
    ) -> Option<(Law, String)> {
        coverage.executions += 1;
        let plain = match Run::of(system(self.processes), steps, run::Manner::Plain) {
            Ok(plain) => plain,
            Err(broken) => return Some(broken),
        };
        if let Err(broken) = plain.judge(coverage) {
            return Some(broken);
        }
        for manner in [run::Manner::Split, run::Manner::Twice, run::Manner::Reversed] {
            let other = match Run::of(system(self.processes), steps, manner) {
                Ok(other) => other,
                Err(broken) => return Some(broken),
            };
            if let Some(says) = plain.difference(&other) {
                return Some((manner.law(), says));
            }
        }
        None
    }

    /// Leaves out one step after the other, as long as the same law stays broken.
    fn shrunk<C: Clock>(&self, system: &impl Fn(usize) -> Vec<C>, law: Law, steps: &[Step]) -> Violation {
        let mut unused = Coverage::default();
        let mut breaks = |steps: &[Step]| {
            self.violation(system, steps, &mut unused)
                .and_then(|(other, says)| (other == law).then_some(says))
        };
        let mut steps = steps.to_vec();
        let mut says = breaks(&steps).unwrap_or_default();
        let mut place = 0;
        while place < steps.len() {
            let smaller = execution::without(&steps, place);
            match breaks(&smaller) {
                Some(said) => (steps, says, place) = (smaller, said, 0),
                None => place += 1,
            }
        }
        Violation { law, steps, says }
    }
}
