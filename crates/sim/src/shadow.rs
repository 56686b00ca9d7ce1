//! Whoever follows a cluster step by step: what each node takes, writes, sends, and is then.

use synod_core::{Input, Lsn, NodeId, Protocol, Recovered};

/// Follows every step of every node, in the order of the run, with all that goes in and comes out: what an executable specification
/// needs to say whether a step is one of its own. What only looks at states is simpler as [`Sim::always`](crate::Sim::always).
///
/// A node's life is `boots`, `finds` for each record on its disk, then steps: `takes`, any number of `writes` and `says` in the order of
/// the effects, `is`. The first step takes [`Input::Start`]. Steps never overlap. A message is taken after it was said, perhaps more than
/// once, or never; one to oneself goes the same way. `durable` may come between steps. A node that `crashes` boots again, or never. Nodes
/// that the world [cannot vouch for](crate::Sim::traitors) are not followed: a run with traitors has no shadow.
///
/// It is called millions of times a second: let it be cheap. It is copied where a run is forked: let copies share nothing that changes.
pub trait Shadow<P: Protocol> {
    /// The process of a node begins; it has read nothing of its disk.
    fn boots(&mut self, node: NodeId, protocol: &P) {
        let _ = (node, protocol);
    }

    /// It finds this on its disk.
    fn finds(&mut self, node: NodeId, at: Lsn, record: &Recovered<P::Record>) {
        let _ = (node, at, record);
    }

    /// A step begins with this input.
    fn takes(&mut self, node: NodeId, input: &Input<P>) {
        let _ = (node, input);
    }

    /// The step appends a record to the log, at this position.
    fn writes(&mut self, node: NodeId, at: Lsn, record: &P::Record) {
        let _ = (node, at, record);
    }

    /// The step sends a message, which waits until the log is durable up to `after`.
    fn says(&mut self, node: NodeId, to: NodeId, message: &P::Message, after: Lsn) {
        let _ = (node, to, message, after);
    }

    /// The step is over.
    fn is(&mut self, node: NodeId, protocol: &P) {
        let _ = (node, protocol);
    }

    /// The driver of a node believes its log to be durable up to here.
    fn durable(&mut self, node: NodeId, upto: Lsn) {
        let _ = (node, upto);
    }

    /// The process of a node is gone.
    fn crashes(&mut self, node: NodeId) {
        let _ = node;
    }

    /// What is wrong, and on which node: asked after every event. The run ends with the first that it says.
    fn flaw(&mut self) -> Option<(NodeId, String)>;
}

/// A shadow that can be copied.
pub(crate) trait Follower<P: Protocol>: Shadow<P> {
    fn copy(&self) -> Box<dyn Follower<P>>;
}

impl<P: Protocol, S: Shadow<P> + Clone + 'static> Follower<P> for S {
    fn copy(&self) -> Box<dyn Follower<P>> {
        Box::new(self.clone())
    }
}

/// Where a shadow is, if there is one.
pub(crate) struct Place<P: Protocol>(pub(crate) Option<Box<dyn Follower<P>>>);

impl<P: Protocol> Clone for Place<P> {
    fn clone(&self) -> Self {
        Self(self.0.as_ref().map(|shadow| shadow.copy()))
    }
}
