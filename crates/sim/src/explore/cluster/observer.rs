//! What is remembered across nodes and time: the part of a state that no node knows.

use super::Explored;
use core::fmt::Debug;
use core::hash::Hash;
use synod_core::NodeId;

/// Watches what happens and says when something is wrong that no single state shows: two values decided at different moments,
/// an acknowledged write that is gone.
///
/// An observer is part of the state, by its hash: keep in it only what the verdict needs, since every distinction multiplies
/// the states. `()` observes nothing.
pub trait Observer<P: Explored>: Clone + Hash + Debug {
    /// A node has told its application something.
    ///
    /// # Errors
    /// What is wrong, in a person's words.
    fn on_event(&mut self, node: NodeId, event: &P::Event) -> Result<(), String> {
        let _ = (node, event);
        Ok(())
    }

    /// A node has taken a step, and its events have been observed. `None`: the process has died.
    ///
    /// # Errors
    /// What is wrong, in a person's words.
    fn on_step(&mut self, node: NodeId, protocol: Option<&P>) -> Result<(), String> {
        let _ = (node, protocol);
        Ok(())
    }
}

impl<P: Explored> Observer<P> for () {}
