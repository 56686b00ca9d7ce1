//! The one trait, with three views of each type.

use crate::{ActorId, CausalContext, Counters, Dot, Refused};
use core::fmt::Debug;

/// How operations must be delivered for replicas to agree. A type states what it needs and checks it: what comes too early is refused
/// with [`Refused::Gap`] or [`Refused::Missing`] and can be offered again, what comes again changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Delivery {
    /// In any order, any number of times.
    Any,
    /// Those of one actor in their order.
    Fifo,
    /// Each after everything that its writer had seen.
    Causal,
}

/// Whether anything has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "a change has to be passed on, or nothing reaches third parties"]
pub enum Change {
    /// Nothing new was in it.
    Same,
    /// The state has grown.
    Grown,
}

impl Change {
    /// [`Grown`](Self::Grown) if `grown`.
    pub const fn grown_if(grown: bool) -> Self {
        if grown { Self::Grown } else { Self::Same }
    }

    /// Whether anything has changed.
    #[must_use]
    pub const fn is_grown(self) -> bool {
        matches!(self, Self::Grown)
    }
}

impl core::ops::BitOrAssign for Change {
    fn bitor_assign(&mut self, other: Self) {
        *self = Self::grown_if(self.is_grown() || other.is_grown());
    }
}

/// A replicated data type, in three views that always agree:
///
/// | view | send | receive | costs |
/// |---|---|---|---|
/// | state | the state | [`merge`](Self::merge) | the whole state, each time; survives any network |
/// | delta | [`delta_since`](Self::delta_since) what the other has, or [`delta_of`](Self::delta_of) an operation | [`join`](Self::join) | what is new; survives any network |
/// | operation | what [`prepare`](Self::prepare) made | [`apply`](Self::apply) | the least; needs [`DELIVERY`](Self::DELIVERY) |
///
/// All three may be mixed. Nothing is cloned behind the caller's back: what is taken in is taken by reference.
///
/// # Laws
/// States form a join semilattice under `merge`, and every action only climbs in it (Shapiro, Preguiça, Baquero and Zawirski,
/// "Conflict-free Replicated Data Types", 2011). [`laws`](crate::laws) checks these on your type, over random and exhaustive schedules:
/// * `merge` is commutative, associative and idempotent;
/// * `x ⊔ apply(x, op) = apply(x, op) = x ⊔ delta_of(op)`;
/// * `y ⊔ x.delta_since(y.version()) = y ⊔ x`;
/// * a call that is refused changes nothing;
/// * [`collect`](Self::collect) changes no view, now or later.
pub trait Crdt: Clone {
    /// What a user wants done.
    type Action: Clone + Debug;
    /// What is done, everywhere: an action with the names of what it touches. Made by [`prepare`](Self::prepare).
    type Op: Clone + Debug;
    /// A part of a state, that says what another replica may not know.
    type Delta: Clone + Debug;
    /// Says how much a replica has, in a few bytes.
    type Version: Clone + Debug + PartialEq;
    /// What a reader can observe.
    type View: Debug + PartialEq;

    /// How operations must be delivered.
    const DELIVERY: Delivery;

    /// Turns a wish into an operation, and changes nothing. Apply it here before anything else is prepared, and send it to the others.
    ///
    /// # Errors
    /// When the action makes no sense in this state, or the actor's counters are used up.
    fn prepare(&self, actor: ActorId, action: Self::Action) -> Result<Self::Op, Refused>;

    /// Carries out an operation, one's own or another's.
    ///
    /// # Errors
    /// When it comes too early, or contradicts what is known.
    fn apply(&mut self, op: &Self::Op) -> Result<Change, Refused>;

    /// The operation as a delta.
    fn delta_of(op: &Self::Op) -> Self::Delta;

    /// How much is here.
    fn version(&self) -> Self::Version;

    /// What is here and not in a replica of that version: additions, and removals.
    fn delta_since(&self, version: &Self::Version) -> Self::Delta;

    /// Takes in a delta.
    ///
    /// # Errors
    /// When it contradicts what is known, or refers to what has not come yet.
    fn join(&mut self, delta: &Self::Delta) -> Result<Change, Refused>;

    /// Takes in a whole state.
    ///
    /// # Errors
    /// As [`join`](Self::join).
    fn merge(&mut self, other: &Self) -> Result<Change, Refused>;

    /// What `delta` says that somebody has done, and that is not known here. Counters number what they count: a total of 5 where 3 is known
    /// is news of 4 and 5. Types in which no actor has anything of its own leave it empty; an operation's delta tells, of others than its
    /// writer, nothing that the writer had not seen.
    fn news(&self, delta: &Self::Delta) -> CausalContext {
        let _ = delta;
        CausalContext::new()
    }

    /// Refuses what tells `own`, as whom this replica alone writes, of something that it has not done. To be asked before a
    /// [`join`](Self::join); of an operation by [`delta_of`](Self::delta_of), of a state by its [`delta_since`](Self::delta_since) the
    /// [`version`](Self::version) here. [`AntiEntropy`](crate::anti_entropy::AntiEntropy) does.
    ///
    /// ```
    /// use synod_crdt::{ActorId, Crdt, GCounter, Refused};
    /// let me = ActorId::from(1);
    /// let (mut here, mut elsewhere) = (GCounter::new(), GCounter::new());
    /// here.increment(me, 3)?;
    /// elsewhere.increment(me, 5)?;              // somebody counts under the same name
    /// let delta = elsewhere.delta_since(&here.version());
    /// assert!(matches!(here.check_own(me, &delta), Err(Refused::NeverDone { .. })));
    /// # Ok::<(), Refused>(())
    /// ```
    ///
    /// # Errors
    /// [`Refused::NeverDone`].
    fn check_own(&self, own: ActorId, delta: &Self::Delta) -> Result<(), Refused> {
        let last = self.news(delta).of(own).map_or(0, Counters::last);
        Dot::at(own, last).map_or(Ok(()), |dot| Err(Refused::NeverDone { dot }))
    }

    /// What a reader observes now.
    fn view(&self) -> Self::View;

    /// The dots that have been seen, for types with garbage: what [`stability`](crate::stability) is worked out from.
    fn seen(&self) -> CausalContext {
        CausalContext::new()
    }

    /// Reclaims what nobody can ask for any more, given what every replica is known to have seen; says how many entries went.
    /// [`Stability`](crate::stability::Stability) knows what may be passed. Types without garbage do nothing.
    fn collect(&mut self, stable: &CausalContext) -> usize {
        let _ = stable;
        0
    }

    /// Forgets an actor that will never write again, if nothing is left here of what it wrote; says whether it is forgotten. See
    /// [`stability`](crate::stability#forgetting-an-actor) for when that is safe. Types that count by actor never forget one.
    fn forget(&mut self, actor: ActorId) -> bool {
        let _ = actor;
        false
    }

    /// Prepares and applies in one go; returns the operation for the others.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    fn act(&mut self, actor: ActorId, action: Self::Action) -> Result<Self::Op, Refused> {
        let op = self.prepare(actor, action)?;
        let _ = self.apply(&op)?;
        Ok(op)
    }
}
