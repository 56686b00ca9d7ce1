//! What makes a set of members a quorum.

use crate::RuleError;
use alloc::vec::Vec;
use synod_core::NodeId;

/// How deep rules may be nested: joint quorums of hierarchies of weights need four.
const DEPTH_MAX: u32 = 8;

/// Says which sets of members are quorums: a member, or parts of which enough must be there, each part a rule again.
///
/// A rule is *monotone* (more members never spoil a quorum), can be satisfied (by all members together), and cannot be satisfied by
/// nobody: its constructors refuse what is not. Majorities, weights, hierarchies (Kumar 1991), grids and joint quorums are all of this
/// form. Asking it allocates nothing, except as [`reached`](Rule::reached) says.
///
/// ```
/// use synod_core::NodeId;
/// use synod_quorum::Rule;
/// let [a, b, c, d, e, f] = [1, 2, 3, 4, 5, 6].map(NodeId);
///
/// let majority = Rule::majority([a, b, c])?;
/// assert!(majority.is_quorum(&[a, c]) && !majority.is_quorum(&[b]));
///
/// // Node a has two votes of five.
/// let weighted = Rule::weighted_majority([(a, 2), (b, 1), (c, 1), (d, 1)])?;
/// assert!(weighted.is_quorum(&[a, d]) && !weighted.is_quorum(&[b, c]));
///
/// // Three racks: a majority of two of them.
/// let racks = [[a, b], [c, d], [e, f]].map(|rack| Rule::any(rack.map(Rule::one)));
/// let [x, y, z] = racks;
/// let hierarchy = Rule::of(2, [x?, y?, z?])?;
/// assert!(hierarchy.is_quorum(&[a, f]) && !hierarchy.is_quorum(&[a, b]));
/// # Ok::<(), synod_quorum::RuleError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rule<M = NodeId> {
    pub(crate) shape: Shape<M>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Shape<M> {
    Member(M),
    /// Parts whose weights sum up to `need` at least. Never empty; `need` is from 1 to the sum of all weights.
    AtLeast {
        need: u64,
        parts: Vec<Part<M>>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Part<M> {
    pub(crate) weight: u64,
    pub(crate) shape: Shape<M>,
}

/// What is known about a vote that is still going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// A quorum has agreed.
    Won,
    /// Neither: those who have not answered decide.
    Open,
    /// Whatever the rest answers, no quorum can agree any more.
    Lost,
}

impl<M: Copy + Ord> Rule<M> {
    /// One member alone.
    #[must_use]
    pub const fn one(member: M) -> Self {
        Self { shape: Shape::Member(member) }
    }

    /// More than half of the members.
    ///
    /// # Errors
    /// [`RuleError::Empty`], [`RuleError::Duplicate`].
    pub fn majority(members: impl IntoIterator<Item = M>) -> Result<Self, RuleError> {
        Self::weighted_majority(members.into_iter().map(|member| (member, 1)))
    }

    /// Any `need` of the members.
    ///
    /// # Errors
    /// [`RuleError::Empty`], [`RuleError::Duplicate`], [`RuleError::Threshold`].
    pub fn at_least(need: usize, members: impl IntoIterator<Item = M>) -> Result<Self, RuleError> {
        Self::weighted(need as u64, members.into_iter().map(|member| (member, 1)))
    }

    /// Members whose weights sum up to `need` at least (Gifford 1979). A member of weight 0 counts for nothing.
    ///
    /// # Errors
    /// [`RuleError::Empty`], [`RuleError::Duplicate`], [`RuleError::Threshold`], [`RuleError::Overflow`].
    pub fn weighted(need: u64, members: impl IntoIterator<Item = (M, u64)>) -> Result<Self, RuleError> {
        Self::flat(members, |_| need)
    }

    /// Members who have more than half of all weights together.
    ///
    /// # Errors
    /// [`RuleError::Empty`], [`RuleError::Duplicate`], [`RuleError::Threshold`] where all weights are 0, [`RuleError::Overflow`].
    pub fn weighted_majority(members: impl IntoIterator<Item = (M, u64)>) -> Result<Self, RuleError> {
        Self::flat(members, |total| total / 2 + 1)
    }

    /// Quorums of `need` of the parts: a hierarchy. A member may occur in several parts.
    ///
    /// # Errors
    /// [`RuleError::Empty`], [`RuleError::Threshold`], [`RuleError::Depth`].
    pub fn of(need: usize, parts: impl IntoIterator<Item = Self>) -> Result<Self, RuleError> {
        let parts = parts.into_iter().map(|part| Part { weight: 1, shape: part.shape }).collect();
        Self::checked(|_| need as u64, parts)
    }

    /// A quorum of each of the parts.
    ///
    /// # Errors
    /// [`RuleError::Empty`], [`RuleError::Depth`].
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Result<Self, RuleError> {
        let parts = parts.into_iter().map(|part| Part { weight: 1, shape: part.shape }).collect();
        Self::checked(|total| total, parts)
    }

    /// A quorum of any of the parts.
    ///
    /// # Errors
    /// [`RuleError::Empty`], [`RuleError::Depth`].
    pub fn any(parts: impl IntoIterator<Item = Self>) -> Result<Self, RuleError> {
        Self::of(1, parts)
    }

    fn flat(
        members: impl IntoIterator<Item = (M, u64)>,
        need: impl Fn(u64) -> u64,
    ) -> Result<Self, RuleError> {
        let mut parts: Vec<Part<M>> = members
            .into_iter()
            .map(|(member, weight)| Part { weight, shape: Shape::Member(member) })
            .collect();
        // In order, so that rules are equal whatever the order of the list.
        parts.sort_unstable_by(|a, b| a.shape.cmp(&b.shape));
        if parts.windows(2).any(|pair| matches!(pair, [a, b] if a.shape == b.shape)) {
            return Err(RuleError::Duplicate);
        }
        Self::checked(need, parts)
    }

    fn checked(need: impl Fn(u64) -> u64, parts: Vec<Part<M>>) -> Result<Self, RuleError> {
        if parts.is_empty() {
            return Err(RuleError::Empty);
        }
        let mut total = 0_u64;
        for part in &parts {
            total = total.checked_add(part.weight).ok_or(RuleError::Overflow)?;
        }
        let need = need(total);
        if need == 0 || need > total {
            return Err(RuleError::Threshold { need, total });
        }
        let shape = Shape::AtLeast { need, parts };
        if shape.depth() > DEPTH_MAX {
            return Err(RuleError::Depth { max: DEPTH_MAX });
        }
        Ok(Self { shape })
    }

    /// Whether the members of which `there` says yes make a quorum. O(size of the rule), and allocates nothing.
    #[must_use]
    pub fn is_met(&self, there: impl Fn(M) -> bool) -> bool {
        self.shape.is_met(&there)
    }

    /// Whether these members, in any order, make a quorum.
    #[must_use]
    pub fn is_quorum(&self, members: &[M]) -> bool {
        self.is_met(|member| members.contains(&member))
    }

    /// How a vote stands, when each member has said yes, no, or nothing.
    ///
    /// ```
    /// use synod_quorum::{Outcome, Rule};
    /// let rule = Rule::majority(["a", "b", "c"])?;
    /// let said = |who| match who { "a" => Some(true), "b" => Some(false), _ => None };
    /// assert_eq!(rule.outcome(said), Outcome::Open);
    /// assert_eq!(rule.outcome(|who| if who == "c" { Some(false) } else { said(who) }), Outcome::Lost);
    /// # Ok::<(), synod_quorum::RuleError>(())
    /// ```
    #[must_use]
    pub fn outcome(&self, said: impl Fn(M) -> Option<bool>) -> Outcome {
        if self.is_met(|member| said(member) == Some(true)) {
            Outcome::Won
        } else if self.is_met(|member| said(member) != Some(false)) {
            Outcome::Open
        } else {
            Outcome::Lost
        }
    }

    /// All members, each once, in order.
    #[must_use]
    pub fn members(&self) -> Vec<M> {
        let mut members = Vec::new();
        self.shape.collect(&mut members);
        members.sort_unstable();
        members.dedup();
        members
    }

    /// The same rule over other names, such as places in an array.
    #[must_use]
    pub fn map<T>(&self, rename: impl Fn(M) -> T) -> Rule<T> {
        Rule { shape: self.shape.map(&rename) }
    }

    /// The rule whose quorums are the sets that share a member with every quorum of this one: those that can block it. The dual of
    /// the dual is the rule itself.
    ///
    /// ```
    /// use synod_quorum::Rule;
    /// let four_of_five = Rule::at_least(4, 1..=5)?;
    /// assert_eq!(four_of_five.dual(), Rule::at_least(2, 1..=5)?);
    /// # Ok::<(), synod_quorum::RuleError>(())
    /// ```
    #[must_use]
    pub fn dual(&self) -> Self {
        Self { shape: self.shape.dual() }
    }
}

impl<M: Copy> Shape<M> {
    pub(crate) fn is_met(&self, there: &impl Fn(M) -> bool) -> bool {
        match self {
            Self::Member(member) => there(*member),
            Self::AtLeast { need, parts } => {
                let mut missing = *need;
                parts.iter().any(|part| {
                    let met = match &part.shape {
                        Self::Member(member) => there(*member),
                        inner @ Self::AtLeast { .. } => inner.is_met(there),
                    };
                    if met {
                        missing = missing.saturating_sub(part.weight);
                    }
                    missing == 0
                })
            }
        }
    }

    fn depth(&self) -> u32 {
        match self {
            Self::Member(_) => 0,
            Self::AtLeast { parts, .. } => {
                1 + parts.iter().map(|part| part.shape.depth()).max().unwrap_or_default()
            }
        }
    }

    fn collect(&self, members: &mut Vec<M>) {
        match self {
            Self::Member(member) => members.push(*member),
            Self::AtLeast { parts, .. } => parts.iter().for_each(|part| part.shape.collect(members)),
        }
    }

    fn map<T>(&self, rename: &impl Fn(M) -> T) -> Shape<T> {
        match self {
            Self::Member(member) => Shape::Member(rename(*member)),
            Self::AtLeast { need, parts } => {
                let parts = parts
                    .iter()
                    .map(|part| Part { weight: part.weight, shape: part.shape.map(rename) })
                    .collect();
                Shape::AtLeast { need: *need, parts }
            }
        }
    }

    /// To block "at least `need`", take away so much that less than `need` is left.
    fn dual(&self) -> Self {
        match self {
            Self::Member(member) => Self::Member(*member),
            Self::AtLeast { need, parts } => {
                let total: u64 = parts.iter().map(|part| part.weight).sum();
                let parts =
                    parts.iter().map(|part| Part { weight: part.weight, shape: part.shape.dual() }).collect();
                Self::AtLeast { need: total - need + 1, parts }
            }
        }
    }
}
