//! What is installed on a node: a build, the wire versions that it speaks, and how its messages become bytes.

use crate::byzantine::Mutate;
use crate::shadow::Follower;
use core::fmt;
use std::sync::Arc;
use synod_core::wire::{Wire, WireError};
use synod_core::{Bytes, NodeId, Protocol};

/// Makes the protocol of a node.
pub(crate) type Make<P> = Arc<dyn Fn(NodeId) -> P + Send + Sync>;

/// Makes whoever follows a run.
pub(crate) type MakeShadow<P> = Arc<dyn Fn() -> Box<dyn Follower<P>> + Send + Sync>;

/// How messages become bytes, for protocols whose messages are [`Wire`].
pub(crate) struct Codec<M> {
    pub(crate) encode: fn(&M, u8) -> Bytes,
    pub(crate) decode: fn(Bytes, u8) -> Result<M, WireError>,
}

impl<M: Wire> Codec<M> {
    pub(crate) fn of_wire() -> Self {
        Self { encode: M::to_bytes, decode: M::from_bytes }
    }
}

// `derive` would ask for `M: Copy`.
impl<M> Clone for Codec<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Codec<M> {}

/// What an administrator may install in place of what runs.
pub(crate) struct Build<P> {
    /// The highest wire version that it knows.
    pub(crate) version: u8,
    pub(crate) make: Make<P>,
}

/// What a simulation knows of its protocol beyond the protocol itself.
pub(crate) struct Outfit<P: Protocol> {
    pub(crate) codec: Option<Codec<P::Message>>,
    /// The highest wire version of the first build.
    pub(crate) version: u8,
    /// The builds after the first.
    pub(crate) later: Vec<Build<P>>,
    /// Whether costs are counted.
    pub(crate) metered: bool,
    /// How a traitor lies.
    pub(crate) mutate: Option<Mutate<P>>,
    /// Who follows every step, and under which name.
    pub(crate) shadow: Option<(&'static str, MakeShadow<P>)>,
}

impl<P: Protocol> Outfit<P> {
    /// The highest wire version of any build.
    pub(crate) fn newest(&self) -> u8 {
        self.later.iter().map(|build| build.version).fold(self.version, u8::max)
    }

    /// The highest wire version of a build; build 0 is the first.
    pub(crate) fn version_of(&self, build: usize) -> u8 {
        let later = build.checked_sub(1).and_then(|at| self.later.get(at));
        later.map_or(self.version, |build| build.version)
    }

    /// Makes a node of a build.
    pub(crate) fn make(&self, build: usize, first: &Make<P>, id: NodeId) -> P {
        let later = build.checked_sub(1).and_then(|at| self.later.get(at));
        later.map_or_else(|| first(id), |build| (build.make)(id))
    }
}

impl<P: Protocol> Default for Outfit<P> {
    fn default() -> Self {
        Self { codec: None, version: 0, later: Vec::new(), metered: false, mutate: None, shadow: None }
    }
}

impl<P: Protocol> Clone for Outfit<P> {
    fn clone(&self) -> Self {
        let later = self.later.iter();
        let later = later.map(|build| Build { version: build.version, make: Arc::clone(&build.make) });
        Self {
            codec: self.codec,
            version: self.version,
            later: later.collect(),
            metered: self.metered,
            mutate: self.mutate.clone(),
            shadow: self.shadow.clone(),
        }
    }
}

impl<P: Protocol> fmt::Debug for Outfit<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outfit").field("builds", &(1 + self.later.len())).finish_non_exhaustive()
    }
}
