//! What a world tells those who look at it.

use super::{Simulated, World};
use crate::network::index;
use crate::trace::Moment;
use crate::workload::Workload;
use synod_core::NodeId;

impl<P: Simulated, W: Workload<P>> World<P, W> {
    /// What happened within the window of the trace.
    pub fn moments(&self) -> &[Moment] {
        self.net.trace.moments()
    }

    /// The moments of the trace that concern this node.
    pub fn moments_of(&self, id: NodeId) -> impl Iterator<Item = &Moment> {
        self.moments().iter().filter(move |moment| moment.node == id)
    }

    pub(crate) fn take_moments(&mut self) -> Vec<Moment> {
        self.net.trace.take()
    }

    /// Has the states of the nodes that have just moved written down, if the trace listens.
    pub(crate) fn portray(&mut self, portrait: &dyn Fn(NodeId, &P) -> String) {
        let now = self.net.now;
        if self.net.trace.listens(now) {
            // Where the window begins, every node's state is news.
            let all: Vec<NodeId> = match self.net.trace.opens() {
                true => self.nodes.iter().map(|node| node.host.id).collect(),
                false => Vec::new(),
            };
            for &id in if all.is_empty() { &self.moved } else { &all } {
                let protocol = index(id).and_then(|at| self.nodes.get(at)?.protocol.as_ref());
                let words = protocol.map(|protocol| portrait(id, protocol));
                self.net.trace.state(now, id, words);
            }
        }
    }
}
