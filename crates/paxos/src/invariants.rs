//! What must hold of every set of nodes at every moment, as an observer that can be asked after every step.
//!
//! The observer keeps notes of its own (what was proposed, what each ballot stood for, what was decided), so that a decision
//! which a node forgets in a crash still binds the others. The notes are `Eq` and `Hash`: a model checker may carry them in its
//! states.

use crate::{Ballot, Paxos, Proposal};
use alloc::collections::{BTreeMap, BTreeSet};
use synod_core::{Bytes, NodeId, mutant};

/// Watches the nodes of one instance. Ask it after every step of any node: what happens and is undone between two observations
/// goes unseen.
///
/// ```
/// use synod_core::{Input, NodeId, testing::Bench};
/// use synod_paxos::{Command, Config, Paxos, invariants::Safety};
///
/// let id = NodeId(1);
/// let mut node = Bench::new(id, Paxos::new(Config::new(id, [id])).unwrap());
/// let mut safety = Safety::default();
/// node.start().unwrap();
/// node.input(Input::Command(Command::Propose { value: "a".into() }));
/// assert_eq!(safety.observe(id, &node.protocol), Ok(())); // here it sees what is proposed
/// node.sync().unwrap();
/// assert_eq!(safety.observe(id, &node.protocol), Ok(()));
/// node.sync().unwrap();
/// assert_eq!(safety.observe(id, &node.protocol), Ok(()));
/// assert_eq!(safety.decision().unwrap(), "a");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Safety {
    /// What applications were seen to want.
    proposed: BTreeSet<Bytes>,
    /// The value of every ballot that was seen in phase 2.
    values: BTreeMap<Ballot, Bytes>,
    decision: Option<Bytes>,
}

/// A property that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// Agreement: only a single value is chosen.
    #[error("agreement: {node} decided {second:?}, and {first:?} was decided before")]
    Agreement {
        /// The node.
        node: NodeId,
        /// What was decided first.
        first: Bytes,
        /// What it decided.
        second: Bytes,
    },
    /// Validity: only a value that was proposed is chosen.
    #[error("validity: {node} holds {value:?}, which nobody proposed")]
    Validity {
        /// The node.
        node: NodeId,
        /// What it holds.
        value: Bytes,
    },
    /// A ballot has at most one value: no round is used twice, and no acceptor mixes them up.
    #[error("one value per ballot: {node} holds {second:?} at {ballot}, which stood for {first:?} before")]
    OneValuePerBallot {
        /// The node.
        node: NodeId,
        /// The ballot.
        ballot: Ballot,
        /// Its value before.
        first: Bytes,
        /// Its value on this node.
        second: Bytes,
    },
    /// An acceptor's promise is at least as high as what it has accepted.
    #[error("{node} has accepted at {accepted} and promised only {promised}")]
    PromiseForgotten {
        /// The node.
        node: NodeId,
        /// The ballot of what it has accepted.
        accepted: Ballot,
        /// Its promise.
        promised: Ballot,
    },
}

impl Safety {
    /// Looks at a node. O(log of the number of ballots seen).
    ///
    /// # Errors
    /// The first property found broken.
    pub fn observe(&mut self, node: NodeId, paxos: &Paxos) -> Result<(), Violation> {
        mutant!("paxos-observer-never-looks" => return Ok(()));
        if let Some(wish) = paxos.wish() {
            self.proposed(wish);
        }
        if let Some(accepted) = paxos.accepted() {
            self.one_value(node, accepted)?;
            if mutant!(paxos.promised() < accepted.ballot, "blind-to-forgotten-promises" => false) {
                return Err(Violation::PromiseForgotten {
                    node,
                    accepted: accepted.ballot,
                    promised: paxos.promised(),
                });
            }
        }
        if let Some(proposal) = paxos.proposal() {
            self.one_value(node, &proposal)?;
        }
        if let Some(decided) = paxos.decided() {
            self.one_value(node, decided)?;
            match &self.decision {
                Some(first) if mutant!(*first != decided.value, "blind-to-two-decisions" => false) => {
                    return Err(Violation::Agreement {
                        node,
                        first: first.clone(),
                        second: decided.value.clone(),
                    });
                }
                Some(_) => {}
                None => self.decision = Some(decided.value.clone()),
            }
        }
        Ok(())
    }

    /// Says what was proposed, where the observer cannot see it on the nodes in time: a node that is alone in its cluster and
    /// has a fast disk may have decided before anybody looks.
    pub fn proposed(&mut self, value: &Bytes) {
        if !self.proposed.contains(value) {
            self.proposed.insert(value.clone());
        }
    }

    /// What was decided, once any node has been seen to know it.
    #[must_use]
    pub fn decision(&self) -> Option<&Bytes> {
        self.decision.as_ref()
    }

    fn one_value(&mut self, node: NodeId, proposal: &Proposal) -> Result<(), Violation> {
        let Proposal { ballot, value } = proposal;
        if !self.proposed.contains(value) {
            return Err(Violation::Validity { node, value: value.clone() });
        }
        match self.values.get(ballot) {
            None => drop(self.values.insert(*ballot, value.clone())),
            Some(first) if mutant!(first == value, "blind-to-two-values" => true) => {}
            Some(first) => {
                let (first, second) = (first.clone(), value.clone());
                return Err(Violation::OneValuePerBallot { node, ballot: *ballot, first, second });
            }
        }
        Ok(())
    }
}
