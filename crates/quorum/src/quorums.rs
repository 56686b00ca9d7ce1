//! The two rules of a consensus protocol: who elects, and who commits.

use crate::{MeetError, QuorumsError, Rule, RuleError};
use core::fmt::Debug;
use synod_core::NodeId;

/// An election rule and a commit rule such that **each election quorum meets each commit quorum**: whoever is elected hears of all that
/// was committed before (Howard, Malkhi and Spiegelman, "Flexible Paxos", 2016). Checked when it is made.
///
/// In the terms of Paxos these are the quorums of phase 1 and of phase 2.
///
/// ```
/// use synod_quorum::{Quorums, Rule};
/// // Two of five are enough to commit, if four are needed to elect.
/// let quorums = Quorums::sizes(1..=5, 4, 2)?;
/// assert!(quorums.commit().is_quorum(&[2, 5]));
/// assert!(Quorums::sizes(1..=5, 3, 2).is_err());
/// # Ok::<(), synod_quorum::QuorumsError<i32>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quorums<M = NodeId> {
    elect: Rule<M>,
    commit: Rule<M>,
}

impl<M: Copy + Ord + Debug> Quorums<M> {
    /// These two rules.
    ///
    /// # Errors
    /// When an election quorum and a commit quorum share no member; the error names such two.
    pub fn new(elect: Rule<M>, commit: Rule<M>) -> Result<Self, MeetError<M>> {
        elect.meets(&commit)?;
        Ok(Self { elect, commit })
    }

    /// The same rule for both.
    ///
    /// # Errors
    /// When two of its quorums share no member.
    pub fn same(rule: Rule<M>) -> Result<Self, MeetError<M>> {
        Self::new(rule.clone(), rule)
    }

    /// More than half of the members for both.
    ///
    /// # Errors
    /// As for [`Rule::majority`].
    pub fn majority(members: impl IntoIterator<Item = M>) -> Result<Self, RuleError> {
        let rule = Rule::majority(members)?;
        // Two majorities meet.
        Ok(Self { elect: rule.clone(), commit: rule })
    }

    /// Any `elect` members elect, and any `commit` members commit.
    ///
    /// # Errors
    /// As for [`Rule::at_least`]; and when the two together do not exceed the number of members.
    pub fn sizes(
        members: impl IntoIterator<Item = M, IntoIter: Clone>,
        elect: usize,
        commit: usize,
    ) -> Result<Self, QuorumsError<M>> {
        let members = members.into_iter();
        Ok(Self::new(Rule::at_least(elect, members.clone())?, Rule::at_least(commit, members)?)?)
    }

    /// These two rules, whether they meet or not: **breaks safety** where they do not. For demonstrations of the damage.
    #[must_use]
    pub const fn unchecked(elect: Rule<M>, commit: Rule<M>) -> Self {
        Self { elect, commit }
    }

    /// Who elects.
    #[must_use]
    pub const fn elect(&self) -> &Rule<M> {
        &self.elect
    }

    /// Who commits.
    #[must_use]
    pub const fn commit(&self) -> &Rule<M> {
        &self.commit
    }

    /// Whether any two *election* quorums meet. Paxos does not need it: each proposer has ballots of its own. **Raft does**: two
    /// candidates of one term could both be elected otherwise, and write different entries of the same name.
    ///
    /// # Errors
    /// Two election quorums that share no member.
    pub fn one_leader_a_term(&self) -> Result<(), MeetError<M>> {
        self.elect.meets(&self.elect)
    }

    /// Both this and `next`, during a change from one to the other: a quorum of each half elects, and a quorum of each half commits
    /// (joint consensus, section 6 of the Raft paper). Whatever this or `next` alone commits or elects meets it.
    ///
    /// ```
    /// use synod_quorum::{MeetError, Quorums};
    /// let (old, new) = (Quorums::majority([1, 2, 3])?, Quorums::majority([3, 4, 5])?);
    /// let joint = old.joint(&new)?;
    /// assert!(!joint.elect().is_quorum(&[1, 2, 3]), "not the old ones alone");
    /// assert!(joint.elect().is_quorum(&[2, 3, 4]));
    /// // Without it: the old and the new majorities need not meet.
    /// assert!(old.elect().meets(new.commit()).is_err());
    /// assert!(joint.elect().meets(old.commit()).is_ok() && joint.elect().meets(new.commit()).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`RuleError::Depth`], for rules that are nested as deep as possible already.
    pub fn joint(&self, next: &Self) -> Result<Self, RuleError> {
        let elect = Rule::all([self.elect.clone(), next.elect.clone()])?;
        let commit = Rule::all([self.commit.clone(), next.commit.clone()])?;
        // They meet in each half.
        Ok(Self { elect, commit })
    }

    /// The same quorums over other names.
    #[must_use]
    pub fn map<T>(&self, rename: impl Fn(M) -> T) -> Quorums<T> {
        Quorums { elect: self.elect.map(&rename), commit: self.commit.map(&rename) }
    }
}
