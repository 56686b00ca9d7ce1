//! From one membership to the next.

use crate::membership::{MEMBERS_MAX, tidy};
use crate::mending::NOBODY;
use crate::{Membership, QuorumRule};
use alloc::vec;
use alloc::vec::Vec;
use synod_core::{NodeId, mutant};

/// A change of the membership, as an application asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Change {
    /// All of these steps at once.
    Steps {
        /// The steps, carried out one after the other.
        steps: Vec<Step>,
        /// Whether the way leads through a joint membership.
        transition: Transition,
    },
    /// These steps, if any, and another rule for who is a quorum of those who vote then. A rule that differs is changed through a joint
    /// membership, whatever the transition, so that what the old quorums have decided meets what the new ones decide.
    ///
    /// ```
    /// use synod_core::NodeId;
    /// use synod_raft::{Change, Membership, QuorumRule};
    /// let old = Membership::of([1, 2, 3].map(NodeId));
    /// let change = Change::rule(QuorumRule::weights([(NodeId(1), 2)]));
    /// let joint = old.changed(&change, &QuorumRule::Majority)?;
    /// assert!(joint.is_joint() && joint.outgoing() == joint.voters());
    /// assert_eq!(joint.left().rule(), Some(&QuorumRule::weights([(NodeId(1), 2)])));
    /// # Ok::<(), synod_raft::ChangeError>(())
    /// ```
    Rule {
        /// The rule.
        rule: QuorumRule,
        /// The steps, carried out one after the other, before the rule is looked at.
        steps: Vec<Step>,
        /// Who leaves the joint membership.
        transition: Transition,
    },
    /// Leave the joint membership, which was entered with [`Transition::JointExplicit`].
    LeaveJoint,
}

/// One step of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// A voter from now on; a learner is promoted. One that has nothing of the log yet slows commits down until it has caught up:
    /// [`PromoteWhenCaughtUp`](Step::PromoteWhenCaughtUp) waits for that.
    AddVoter(NodeId),
    /// A voter that keeps no payloads. The node itself must be started with [`Config::witness`](crate::Config::witness).
    AddWitness(NodeId),
    /// Stores, and has no vote; a voter is demoted.
    AddLearner(NodeId),
    /// A learner that the leader makes a voter as soon as it has caught up (section 4.2.1 of the thesis): when what was appended
    /// during one round of catching up was itself delivered within an election timeout.
    PromoteWhenCaughtUp(NodeId),
    /// No member any more.
    Remove(NodeId),
}

/// Whether a change goes through a joint membership.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Transition {
    /// Only where it must: when more than one voter changes, quorums are no majorities, or their rule changes. The leader then leaves the joint
    /// membership by itself.
    #[default]
    Auto,
    /// Always; the leader leaves it by itself.
    JointImplicit,
    /// Always; it lasts until [`Change::LeaveJoint`].
    JointExplicit,
}

/// Why there is no such change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// Nobody would vote any more.
    #[error("no voter would be left: a cluster ends by stopping its nodes, not by removing them")]
    NoVoters,
    /// Everything is as asked for already.
    #[error("the membership is like that already")]
    NothingChanges,
    /// More than can be counted.
    #[error("more than {max} members")]
    TooMany {
        /// The greatest number.
        max: usize,
    },
    /// The greatest number is no name: records use it for "nobody".
    #[error("node {} cannot be: give it another id", u64::MAX)]
    ReservedId,
    /// A witness has no payloads, so it cannot become anything else; and what has them is not told to drop them.
    #[error("{id} keeps payloads or it does not: remove it, and add it again with an empty disk")]
    WitnessForEver {
        /// The node.
        id: NodeId,
    },
    /// A quorum of witnesses could commit an entry whose payload nobody's disk holds.
    #[error("so many witnesses could commit what none of them stores: add a voter, or remove a witness")]
    TooManyWitnesses,
    /// All voters together would be no quorum, or the rule is one that breaks safety on purpose.
    #[error(
        "nobody could elect or commit by this rule: give some voter weight, and commit with one voter at least"
    )]
    NoQuorum,
    /// The rule says something of a node that would not vote.
    #[error("the rule names {id}, which would be no voter: leave it out, or add it")]
    NotAVoter {
        /// The node.
        id: NodeId,
    },
    /// A joint membership is left before anything else is changed.
    #[error("the membership is joint: leave it first, or wait until the leader has left it")]
    Joint,
    /// There is nothing to leave.
    #[error("the membership is not joint")]
    NotJoint,
}

impl Change {
    /// These steps; through a joint membership where that is needed.
    #[must_use]
    pub fn steps(steps: impl IntoIterator<Item = Step>) -> Self {
        Self::Steps { steps: steps.into_iter().collect(), transition: Transition::Auto }
    }

    /// Another rule for the same voters.
    #[must_use]
    pub const fn rule(rule: QuorumRule) -> Self {
        Self::Rule { rule, steps: Vec::new(), transition: Transition::Auto }
    }

    /// Whatever leads from any membership to one of these voters and nobody else.
    #[must_use]
    pub fn replace(before: &Membership, voters: impl IntoIterator<Item = NodeId>) -> Self {
        let after = Membership::of(voters);
        let gone = before.members().into_iter().filter(|id| after.voters.binary_search(id).is_err());
        let steps = gone.map(Step::Remove).chain(after.voters.iter().copied().map(Step::AddVoter)).collect();
        Self::Steps { steps, transition: Transition::Auto }
    }
}

impl From<Step> for Change {
    fn from(step: Step) -> Self {
        Self::Steps { steps: vec![step], transition: Transition::Auto }
    }
}

impl Membership {
    /// The membership after a change, on a node that is configured with this rule.
    ///
    /// # Errors
    /// When there is no such change.
    pub fn changed(&self, change: &Change, configured: &QuorumRule) -> Result<Self, ChangeError> {
        let (steps, rule, transition) = match change {
            Change::LeaveJoint if self.is_joint() => return Ok(self.left()),
            Change::LeaveJoint => return Err(ChangeError::NotJoint),
            Change::Steps { .. } | Change::Rule { .. } if self.is_joint() => return Err(ChangeError::Joint),
            Change::Steps { steps, transition } => (steps, None, *transition),
            Change::Rule { rule, steps, transition } => (steps, Some(rule), *transition),
        };
        let mut next = self.clone();
        for step in steps {
            next.take(*step)?;
        }
        if next.voters.is_empty() {
            return Err(ChangeError::NoVoters);
        }
        if let Some(rule) = rule {
            next.take_rule(rule, configured)?;
        } else if let Some(rule) = &self.rule {
            next.rule = Some(rule.among(&next.voters));
        }
        if next == *self {
            return Err(ChangeError::NothingChanges);
        }
        if next.rule.as_ref().is_some_and(|rule| !rule.is_sound(&next.voters)) {
            return Err(ChangeError::NoQuorum);
        }
        let other_rule = mutant!(
            next.rule_or(configured) != self.rule_or(configured),
            "rule-changed-at-once" => false,
        );
        let joint = match transition {
            Transition::Auto => {
                other_rule || (next.voters != self.voters && !next.is_one_step_from(self, configured))
            }
            Transition::JointImplicit | Transition::JointExplicit => true,
        };
        if joint {
            next.outgoing.clone_from(&self.voters);
            next.outgoing_rule.clone_from(&self.rule);
            next.auto_leave = transition != Transition::JointExplicit;
            next.witnesses.extend(&self.witnesses);
            tidy(&mut next.witnesses);
        }
        if next.members().len() > MEMBERS_MAX {
            return Err(ChangeError::TooMany { max: MEMBERS_MAX });
        }
        if next.witnesses_commit(configured) || next.left().witnesses_commit(configured) {
            return Err(ChangeError::TooManyWitnesses);
        }
        Ok(next)
    }

    /// States a rule, if it is not what goes without saying.
    fn take_rule(&mut self, rule: &QuorumRule, configured: &QuorumRule) -> Result<(), ChangeError> {
        if let Some(id) = rule.named().find(|id| self.voters.binary_search(id).is_err()) {
            return Err(ChangeError::NotAVoter { id });
        }
        self.rule = (rule != configured.unstated()).then(|| rule.among(&self.voters));
        Ok(())
    }

    /// Whether all majorities of both share a voter without a joint membership (section 4.1 of the thesis).
    fn is_one_step_from(&self, before: &Self, configured: &QuorumRule) -> bool {
        let (old, new) = (&before.voters, &self.voters);
        let gone = old.iter().filter(|id| new.binary_search(id).is_err()).count();
        let come = new.iter().filter(|id| old.binary_search(id).is_err()).count();
        let majorities = [self, before].map(|half| *half.rule_or(configured) == QuorumRule::Majority);
        majorities == [true, true] && gone + come <= 1
    }

    fn take(&mut self, step: Step) -> Result<(), ChangeError> {
        let (Step::AddVoter(id)
        | Step::AddWitness(id)
        | Step::AddLearner(id)
        | Step::PromoteWhenCaughtUp(id)
        | Step::Remove(id)) = step;
        if id == NOBODY && !matches!(step, Step::Remove(_)) {
            return Err(ChangeError::ReservedId);
        }
        let is = |list: &[NodeId]| list.binary_search(&id).is_ok();
        let member = is(&self.voters) || is(&self.learners);
        let fixed = match step {
            Step::Remove(_) => false,
            Step::AddWitness(_) => member && !is(&self.witnesses),
            _ => is(&self.witnesses),
        };
        if fixed {
            return Err(ChangeError::WitnessForEver { id });
        }
        if matches!(step, Step::PromoteWhenCaughtUp(_)) && is(&self.voters) {
            return Ok(());
        }
        for list in [&mut self.voters, &mut self.learners, &mut self.witnesses, &mut self.promoting] {
            list.retain(|other| *other != id);
        }
        let lists: [Option<&mut Vec<NodeId>>; 2] = match step {
            Step::AddVoter(_) => [Some(&mut self.voters), None],
            Step::AddWitness(_) => [Some(&mut self.voters), Some(&mut self.witnesses)],
            Step::AddLearner(_) => [Some(&mut self.learners), None],
            Step::PromoteWhenCaughtUp(_) => [Some(&mut self.learners), Some(&mut self.promoting)],
            Step::Remove(_) => [None, None],
        };
        for list in lists.into_iter().flatten() {
            list.push(id);
            tidy(list);
        }
        Ok(())
    }
}
