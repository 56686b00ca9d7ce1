//! A world that goes another way from here.

use super::{Simulated, World};
use crate::tape::Tape;
use crate::workload::Workload;

impl<P: Simulated, W: Workload<P>> World<P, W> {
    /// A copy of this world that is the same up to now and leaves everything that is still to be decided to `seed`: losses and
    /// delays of messages that have not been sent, faults that are not scheduled yet, the draws of protocols and clients. What is
    /// decided stays so: messages on their way arrive when they would have, and each fault of the schedule strikes once more when
    /// it was going to. Values that a tape set explicitly hold no longer.
    ///
    /// The same seed gives the same future; this world's own seed, on a plain tape, gives the future that this world has.
    #[must_use]
    pub fn fork(&self, seed: u64) -> Self {
        let mut fork = self.clone();
        fork.net.tape = Tape::from_seed(seed);
        for node in &mut fork.nodes {
            node.draws.tape = fork.net.tape.branch();
        }
        fork
    }
}
