//! On or off.

use crate::dot_set::{Mark, Switch};
use crate::resolve::AllTrue;
use crate::store::DotStore;
use crate::{ActorId, Causal, CausalOp, Crdt, DotFun, DotSet, Refused};

/// A flag, off at first, of which a concurrent switching on wins over switching off.
///
/// ```
/// use synod_crdt::{ActorId, Crdt, EnableWinsFlag};
/// let mut here = EnableWinsFlag::new();
/// here.enable(ActorId::from(1))?;
/// let mut there = here.clone();
/// there.disable(ActorId::from(2))?;
/// here.enable(ActorId::from(1))?;            // concurrently
/// let _ = here.merge(&there)?;
/// assert!(here.is_enabled());
/// # Ok::<(), synod_crdt::Refused>(())
/// ```
pub type EnableWinsFlag = Causal<DotSet>;

impl EnableWinsFlag {
    /// Switches it on.
    ///
    /// # Errors
    /// [`Refused::Exhausted`] when the actor has used all its counters.
    pub fn enable(&mut self, actor: ActorId) -> Result<CausalOp<Mark>, Refused> {
        self.act(actor, Switch::On)
    }

    /// Switches off what has been seen of it.
    ///
    /// # Errors
    /// None: no counter is used.
    pub fn disable(&mut self, actor: ActorId) -> Result<CausalOp<Mark>, Refused> {
        self.act(actor, Switch::Off)
    }

    /// Whether it is on.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        !self.store().is_empty()
    }
}

/// A flag, off at first, of which a concurrent switching off wins over switching on.
///
/// ```
/// use synod_crdt::{ActorId, Crdt, DisableWinsFlag};
/// let mut here = DisableWinsFlag::new();
/// here.enable(ActorId::from(1))?;
/// let mut there = here.clone();
/// there.disable(ActorId::from(2))?;
/// here.enable(ActorId::from(1))?;            // concurrently
/// let _ = here.merge(&there)?;
/// assert!(!here.is_enabled());
/// # Ok::<(), synod_crdt::Refused>(())
/// ```
pub type DisableWinsFlag = Causal<DotFun<bool, AllTrue>>;

impl DisableWinsFlag {
    /// Switches it on, unless somebody switches it off concurrently.
    ///
    /// # Errors
    /// [`Refused::Exhausted`] when the actor has used all its counters.
    pub fn enable(&mut self, actor: ActorId) -> Result<CausalOp<bool>, Refused> {
        self.act(actor, true)
    }

    /// Switches it off.
    ///
    /// # Errors
    /// [`Refused::Exhausted`] when the actor has used all its counters.
    pub fn disable(&mut self, actor: ActorId) -> Result<CausalOp<bool>, Refused> {
        self.act(actor, false)
    }

    /// Whether it is on.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.store().view()
    }
}
