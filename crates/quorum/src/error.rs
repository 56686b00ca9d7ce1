//! What is wrong with a rule, or a pair of them.

use alloc::vec::Vec;
use core::fmt::Debug;
use synod_core::NodeId;

/// Why there is no such rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// No members, or no parts.
    #[error("a quorum of nobody: name at least one member")]
    Empty,
    /// A member is listed twice, and would be counted twice.
    #[error("a member is listed twice and would be counted twice: remove one, or give it more weight")]
    Duplicate,
    /// The threshold is 0, so that nobody would be a quorum, or beyond what all together reach.
    #[error("at least {need} of {total}: choose from 1 to {total}")]
    Threshold {
        /// What was asked for.
        need: u64,
        /// The sum of all weights.
        total: u64,
    },
    /// The weights add up to more than 2⁶⁴ − 1.
    #[error("the weights add up to more than 64 bits: only their proportions matter, so divide them")]
    Overflow,
    /// Rules within rules within rules.
    #[error("rules nested more than {max} deep: write it flatter")]
    Depth {
        /// The greatest depth.
        max: u32,
    },
}

/// Why two rules cannot be relied on to meet.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum MeetError<M: Debug = NodeId> {
    /// Two quorums without a common member, for example these.
    #[error("the quorums {one:?} and {other:?} share no member: what one decides the other need not learn")]
    Apart {
        /// A quorum of the one rule.
        one: Vec<M>,
        /// A quorum of the other.
        other: Vec<M>,
    },
    /// The rules are too large to decide it: more than 64 members, or a search of more than 2²⁰ steps.
    #[error("too many members to find out whether all quorums meet: build the rules from smaller parts")]
    Unknown,
}

/// Why there are no such quorums.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum QuorumsError<M: Debug = NodeId> {
    /// A rule is wrong by itself.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// An election quorum and a commit quorum that need not meet.
    #[error(transparent)]
    Meet(#[from] MeetError<M>),
}

/// An enumeration would be too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("more than {max} of them, or more than 64 members: ask about fewer members, or a part of the rule")]
pub struct TooMany {
    /// How many would have been listed.
    pub max: usize,
}
