//! What stands on top of the protocol: the application on each node, and the clients.

use crate::costs::Costs;
use crate::disk::Disk;
use crate::network::{Net, index};
use crate::tape::{Kind, Label};
use crate::trace::text;
use crate::world::{Pending, Simulated};
use core::time::Duration;
use synod_core::{Lsn, NodeId, Time};

use crate::dials::nanos;

/// The application and its clients: it takes what the protocol emits, and gives it commands.
///
/// One value plays all clients and the application part of all nodes. Application state of a node dies with the node:
/// [`on_crash`](Workload::on_crash) must drop it.
pub trait Workload<P: Simulated>: Clone {
    /// The run begins, after all nodes have started.
    fn begin(&mut self, io: &mut Io<'_, P>);

    /// The protocol on `node` emitted an event.
    fn on_event(&mut self, node: NodeId, event: P::Event, io: &mut Io<'_, P>);

    /// Something that the workload scheduled with [`Io::wake`] or [`Io::reply`] is due.
    fn on_wake(&mut self, token: u64, io: &mut Io<'_, P>);

    /// The process of `node` died: its memory is gone, its disk is not.
    fn on_crash(&mut self, node: NodeId, io: &mut Io<'_, P>);

    /// The faults have stopped, and everything is up.
    fn on_heal(&mut self, io: &mut Io<'_, P>) {
        let _ = io;
    }

    /// The host's answer to a job of the protocol on `node`, and how long it takes. By default there is none.
    fn on_job(&mut self, node: NodeId, job: P::Job, io: &mut Io<'_, P>) -> Option<(Duration, P::Done)> {
        let _ = (node, job, io);
        None
    }

    /// The node that matters most now: half of the faults that strike one node strike this one. A leader, say.
    fn focus(&self) -> Option<NodeId> {
        None
    }
}

/// A workload that does nothing: for protocols that run by themselves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Idle;

impl<P: Simulated> Workload<P> for Idle {
    fn begin(&mut self, _: &mut Io<'_, P>) {}
    fn on_event(&mut self, _: NodeId, _: P::Event, _: &mut Io<'_, P>) {}
    fn on_wake(&mut self, _: u64, _: &mut Io<'_, P>) {}
    fn on_crash(&mut self, _: NodeId, _: &mut Io<'_, P>) {}
}

/// How a workload reaches the simulated world.
pub struct Io<'a, P: Simulated> {
    net: &'a mut Net<P>,
    /// The disk of the node whose job it is.
    disk: Option<&'a Disk<P::Record>>,
}

impl<'a, P: Simulated> Io<'a, P> {
    pub(crate) fn new(net: &'a mut Net<P>) -> Self {
        Self { net, disk: None }
    }

    /// As the host of a node.
    pub(crate) fn at_disk(net: &'a mut Net<P>, disk: &'a Disk<P::Record>) -> Self {
        Self { net, disk: Some(disk) }
    }

    /// In [`Workload::on_job`]: the record at `at` in the log of the node whose job it is, for jobs that ask what was written. `None`
    /// where it is not stored, was released, or cannot be read.
    #[must_use]
    pub fn record(&self, at: Lsn) -> Option<&P::Record> {
        self.disk?.intact(at.0)
    }

    /// Virtual time since the run began: what an observer outside would read from a perfect clock.
    #[must_use]
    pub fn now(&self) -> Time {
        Time(self.net.now)
    }

    /// The nodes of the world.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = NodeId> + use<P> {
        (0..self.net.up.len()).map(crate::network::node)
    }

    /// What the run has cost so far, as [`World::costs`](crate::World::costs): for figures of single operations.
    #[must_use]
    pub fn costs(&self) -> Costs {
        self.net.costs()
    }

    /// Whether this node is a traitor; what it says to the application is not to be believed.
    #[must_use]
    pub fn is_traitor(&self, id: NodeId) -> bool {
        self.net.dials.traitors.iter().any(|traitor| traitor.node == id)
    }

    /// A choice below `bound`, named by its content: give every choice a key of its own.
    pub fn decide(&mut self, key: u64, bound: u64) -> u64 {
        self.net.tape.below(Label::new(Kind::Workload, &[key]), bound)
    }

    /// Calls [`Workload::on_wake`] with this token after this span.
    pub fn wake(&mut self, after: Duration, token: u64) {
        let at = self.net.now.saturating_add(nanos(after));
        self.net.queue.push(at, Pending::Wake { token });
    }

    /// Sends a command from a client to a node. It takes as long as a message, and is lost like one; partitions do not stop
    /// it. A node that is down loses it. `key` names the command for the tape.
    pub fn request(&mut self, node: NodeId, key: u64, command: P::Command) {
        let Some(to) = index(node).filter(|to| *to < self.net.up.len()) else { return };
        let delay = self.client_delay(key);
        self.net.tape.note(|| format!("a client to {node}: {}", text(&command)));
        if let Some(delay) = delay {
            self.net.queue.push(self.net.now.saturating_add(delay), Pending::Command { to, command });
        }
    }

    /// A command of the application on the node itself: it reaches the protocol at once, unless the node is down.
    pub fn command(&mut self, node: NodeId, command: P::Command) {
        let Some(to) = index(node).filter(|to| *to < self.net.up.len()) else { return };
        self.net.queue.push(self.net.now, Pending::Command { to, command });
    }

    /// Stops the process of a node, as a crash would, and starts it again after this span: what a supervisor does with a process that
    /// says that it cannot go on.
    pub fn restart(&mut self, node: NodeId, after: Duration) {
        let Some(at) = index(node).filter(|at| *at < self.net.up.len()) else { return };
        self.net.queue.push(self.net.now, Pending::Restart { at, down: nanos(after) });
    }

    /// As [`restart`](Self::restart), on an empty disk: what an operator does with a node that was removed, before it may come back under
    /// its old id. Whatever the disk held is gone, and nobody counts it as damage.
    pub fn replace(&mut self, node: NodeId, after: Duration) {
        let Some(at) = index(node).filter(|at| *at < self.net.up.len()) else { return };
        self.net.queue.push(self.net.now, Pending::Replace { at, down: nanos(after) });
    }

    /// Sends an answer from a node to a client: calls [`Workload::on_wake`] with this token, later, or never.
    pub fn reply(&mut self, key: u64, token: u64) {
        let delay = self.client_delay(key.wrapping_add(1 << 63));
        self.net.tape.note(|| "an answer to a client".to_owned());
        if let Some(delay) = delay {
            self.net.queue.push(self.net.now.saturating_add(delay), Pending::Wake { token });
        }
    }

    fn client_delay(&mut self, key: u64) -> Option<u64> {
        let label = self.net.nth(key ^ 0x636c_6965_6e74);
        let loss_ppm = self.net.dials.loss_ppm;
        let lost = self.net.tape.chance(Label { kind: Kind::Loss, key: label }, loss_ppm);
        (!lost).then(|| self.net.delay(label))
    }
}
