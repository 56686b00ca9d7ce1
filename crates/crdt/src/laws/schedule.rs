//! What happens in which order, and what was broken by it.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// One step of a schedule. Replicas are numbered from 0 to 2, operations in the order in which they are made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step<A> {
    /// A replica acts.
    Act {
        /// Which one.
        replica: usize,
        /// What it does.
        action: A,
    },
    /// One operation reaches a replica, perhaps again. One that may not be delivered yet must be refused or be without harm, and is not
    /// taken as delivered.
    Deliver {
        /// Whom it reaches.
        to: usize,
        /// The operation.
        op: usize,
    },
    /// Everything that one replica knows reaches another, which then also knows what that one had seen.
    Sync {
        /// Whose knowledge.
        from: usize,
        /// Whom it reaches.
        to: usize,
    },
    /// A replica reclaims garbage, by what it knows of the others.
    Collect {
        /// Which one.
        replica: usize,
    },
}

impl<A: fmt::Debug> fmt::Display for Step<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Act { replica, action } => write!(f, "{replica} does {action:?}"),
            Self::Deliver { to, op } => write!(f, "operation {op} reaches {to}"),
            Self::Sync { from, to } => write!(f, "all of {from} reaches {to}"),
            Self::Collect { replica } => write!(f, "{replica} collects"),
        }
    }
}

/// The laws. See [`Crdt`](crate::Crdt#laws).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Law {
    /// Replicas that know the same agree.
    Convergence,
    /// `a ⊔ b = b ⊔ a`.
    Commutativity,
    /// `(a ⊔ b) ⊔ c = a ⊔ (b ⊔ c)`.
    Associativity,
    /// `a ⊔ a = a`.
    Idempotence,
    /// Whatever happens to `a` makes an `a'` with `a ⊔ a' = a'`.
    Inflation,
    /// A replica fed with operations, one with deltas and one with states agree.
    Views,
    /// `a ⊔ b.delta_since(a.version()) = a ⊔ b`.
    CatchUp,
    /// What may be delivered is accepted, and one that comes again changes nothing.
    Delivery,
    /// A call that is refused changes nothing.
    Refusal,
    /// A replica that collects garbage and one that does not agree.
    Garbage,
    /// Bytes make the same replica again.
    Bytes,
}

/// A schedule that breaks a law. None of its steps can be left out, if it was shrunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken<A> {
    /// Which law.
    pub law: Law,
    /// How: the two that should have been equal.
    pub how: String,
    /// What led to it.
    pub schedule: Vec<Step<A>>,
}

impl<A: fmt::Debug> fmt::Display for Broken<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?} is broken: {}", self.law, self.how)?;
        self.schedule.iter().enumerate().try_for_each(|(at, step)| writeln!(f, "  {at}. {step}"))
    }
}

impl<A: fmt::Debug> core::error::Error for Broken<A> {}

/// The schedule without one step; later operations move up, and what concerns the operation that is left out goes too.
pub(super) fn without<A: Clone>(schedule: &[Step<A>], at: usize) -> Vec<Step<A>> {
    let acts = |step: &&Step<A>| matches!(step, Step::Act { .. });
    let gone = match schedule.get(at) {
        Some(Step::Act { .. }) => Some(schedule.iter().take(at).filter(acts).count()),
        _ => None,
    };
    let rest = schedule.iter().enumerate().filter(|(place, _)| *place != at);
    rest.filter_map(|(_, step)| match (step, gone) {
        (Step::Deliver { op, .. }, Some(gone)) if *op == gone => None,
        (Step::Deliver { to, op }, Some(gone)) if *op > gone => Some(Step::Deliver { to: *to, op: op - 1 }),
        _ => Some(step.clone()),
    })
    .collect()
}
