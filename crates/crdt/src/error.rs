//! Why something was not taken in.

use crate::{ActorId, Dot};

/// Why an action, an operation, a delta or a state was refused. The replica is as it was before: nothing is ever taken in by half.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// One dot stands for two different things.
    #[error(
        "{dot:?} stands for two different things: two replicas write as one actor, or somebody lies; \
         stop the younger one and let it go on under a new actor"
    )]
    DotReused {
        /// The dot.
        dot: Dot,
    },
    /// Among these 64 dots of one actor, at least one stands for two different things.
    #[error(
        "of the dots {first} to {last} of {actor:?} one stands for two different things: two replicas write as one actor, or \
         somebody lies; stop the younger one and let it go on under a new actor"
    )]
    DotsReused {
        /// The actor.
        actor: ActorId,
        /// The first counter of the range.
        first: u64,
        /// The last counter of the range.
        last: u64,
    },
    /// A count of one actor came with two values that no single writer could have given it.
    #[error("{actor:?} contradicts itself: two replicas write as one actor, or somebody lies")]
    Contradiction {
        /// The actor.
        actor: ActorId,
    },
    /// Something earlier of the same actor has not come yet.
    #[error("{actor:?} is at {have} here, and this follows {needs}: deliver what lies between first")]
    Gap {
        /// The actor.
        actor: ActorId,
        /// How far this replica has got.
        have: u64,
        /// What has to come before.
        needs: u64,
    },
    /// It refers to something that has not come yet.
    #[error("it refers to {dot:?}, which is not here: deliver that first")]
    Missing {
        /// What it refers to.
        dot: Dot,
    },
    /// Its writer had seen more than has come.
    #[error(
        "{dot:?} was written by somebody who had seen more than is here: deliver that first; if nothing is missing, somebody lies"
    )]
    Early {
        /// What was written.
        dot: Dot,
    },
    /// A dot is in the store and not in the context beside it.
    #[error("{dot:?} is stored and not in the context: the sender is broken, or lies")]
    Uncovered {
        /// The dot.
        dot: Dot,
    },
    /// A peer has seen something of this replica's own actor that this replica has never done.
    #[error(
        "a peer has seen {dot:?}, which this replica, the only one that writes as this actor, has not done: the disk has lost something, \
         two replicas write as one actor, or somebody lies; go on under a new actor"
    )]
    NeverDone {
        /// The dot.
        dot: Dot,
    },
    /// A peer sent as its own what another has written.
    #[error(
        "{dot:?} came as something that its sender had done, and is another's: the sender is broken, or lies"
    )]
    NotTheirs {
        /// The dot.
        dot: Dot,
    },
    /// An actor has used, or pretends to have used, all its counters.
    #[error(
        "{actor:?} is at its last counter: go on under a new actor; if it came from a peer, somebody lies"
    )]
    Exhausted {
        /// The actor.
        actor: ActorId,
    },
    /// An actor cannot be forgotten: it may write again.
    #[error(
        "{actor:?} belongs to a member and may write again: forget it when that has left, or has restarted under another"
    )]
    StillWrites {
        /// The actor.
        actor: ActorId,
    },
    /// An actor cannot be forgotten: not every member is known to have the same.
    #[error(
        "not every peer is known to have the same as this node, so something of {actor:?} may live there: ask again in a quiet moment"
    )]
    Unstable {
        /// The actor.
        actor: ActorId,
    },
    /// An actor cannot be forgotten: something that it wrote is still there, or the type counts by actor.
    #[error(
        "something that {actor:?} wrote is still there: write it anew as another actor, and ask again when that is stable"
    )]
    StillThere {
        /// The actor.
        actor: ActorId,
    },
    /// More actors than one set can tell apart.
    #[error("more than 65,536 actors have written into this set: retire those that are gone")]
    TooManyActors,
    /// The rights that this replica holds do not suffice.
    #[error("{asked} asked for and {available} rights are here: have some transferred, or wait")]
    Insufficient {
        /// What was asked for.
        asked: u64,
        /// What the actor may spend.
        available: u64,
    },
    /// An actor has given or spent more than it was ever given.
    #[error("{actor:?} spends what it does not have: what it was given has not come yet, or somebody lies")]
    Overdrawn {
        /// The actor.
        actor: ActorId,
    },
    /// The sum would leave the numbers that a counter can hold.
    #[error("the count would leave its range: nothing was counted")]
    Overflow,
    /// The action does not apply to the state as it is.
    #[error("there is nothing here that this could act on")]
    NotThere,
}

impl Refused {
    /// Whether something else has to be delivered first, and then this can be offered again.
    #[must_use]
    pub const fn is_early(&self) -> bool {
        matches!(self, Self::Gap { .. } | Self::Missing { .. } | Self::Early { .. } | Self::Overdrawn { .. })
    }
}
