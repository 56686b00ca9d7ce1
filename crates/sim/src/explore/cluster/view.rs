//! What an invariant sees of a state.

use super::Explored;
use super::arena::{Arena, Verdict};
use super::state::ClusterState;
use synod_core::{Lsn, NodeId};

/// One state of a cluster, to be looked at.
pub struct View<'a, P: Explored, O> {
    arena: &'a Arena<P, O>,
    state: &'a ClusterState,
    nodes: usize,
}

impl<'a, P: Explored, O> View<'a, P, O> {
    pub(super) const fn new(arena: &'a Arena<P, O>, state: &'a ClusterState, nodes: usize) -> Self {
        Self { arena, state, nodes }
    }
}

impl<P: Explored, O: super::Observer<P>> View<'_, P, O> {
    fn host(&self, at: usize) -> Option<&super::host::Host<P>> {
        self.arena.hosts.get(self.state.node(at)?)
    }

    /// The protocol on a node, unless the node is down.
    pub fn node(&self, id: NodeId) -> Option<&P> {
        self.host(usize::try_from(id.0.checked_sub(1)?).ok()?)?.protocol.as_ref()
    }

    /// The protocols that are up.
    pub fn up(&self) -> impl Iterator<Item = (NodeId, &P)> {
        (0..self.nodes).filter_map(|at| {
            let host = self.host(at)?;
            Some((host.id, host.protocol.as_ref()?))
        })
    }

    /// How far the log of a node is durable, and where it ends.
    pub fn log(&self, id: NodeId) -> Option<(Lsn, Lsn)> {
        let host = self.host(usize::try_from(id.0.checked_sub(1)?).ok()?)?;
        Some((host.disk.durable, host.disk.end()))
    }

    /// The messages on their way: sender, receiver, message.
    pub fn in_flight(&self) -> impl Iterator<Item = (NodeId, NodeId, &P::Message)> {
        let envelopes = self.state.envelopes(self.nodes).iter();
        envelopes.filter_map(|number| {
            let envelope = self.arena.envelopes.get(*number)?;
            Some((envelope.from, envelope.to, &envelope.message))
        })
    }

    /// What the observer knows; `None` if it has found something wrong.
    pub fn observer(&self) -> Option<&O> {
        match self.arena.observers.get(self.state.observer()) {
            Some(Verdict(Ok(observer))) => Some(observer),
            _ => None,
        }
    }
}
