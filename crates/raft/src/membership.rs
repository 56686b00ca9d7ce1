//! Who takes part: voters, learners, witnesses, and the two halves of a joint configuration.

use crate::QuorumRule;
use crate::mending::NOBODY;
use alloc::vec::Vec;
use synod_core::wire::{Reader, Wire, WireError, Writer};
use synod_core::{Bytes, NodeId, mutant};
use synod_quorum::{Quorums, QuorumsError};

/// The format of an encoded membership; it rests in logs and snapshots, so it has a number of its own. The first format states no rules.
const FORMAT: u8 = 1;
/// The format of one that states a rule.
const FORMAT_WITH_RULES: u8 = 2;
/// The greatest number of members.
pub(crate) const MEMBERS_MAX: usize = 255;

/// The members of a cluster, as an entry of the log holds them.
///
/// While [`outgoing`](Membership::outgoing) is not empty the membership is *joint*: elections and commits need a quorum of the
/// voters **and** a quorum of the outgoing ones (section 6 of the Raft paper). It takes effect on each node as soon as it is in
/// its log, committed or not, and is undone when its entry is overwritten.
///
/// ```
/// use synod_core::NodeId;
/// use synod_raft::{Change, Membership, QuorumRule, Step};
/// let [a, b, c, d] = [1, 2, 3, 4].map(NodeId);
/// let old = Membership::of([a, b, c]);
/// // One replaces another: two voters change, so that the way leads through a joint membership.
/// let change = Change::steps([Step::AddVoter(d), Step::Remove(a)]);
/// let joint = old.changed(&change, &QuorumRule::Majority)?;
/// assert!(joint.is_joint() && joint.outgoing() == [a, b, c] && joint.voters() == [b, c, d]);
/// assert_eq!(joint.left(), Membership::of([b, c, d]));
/// # Ok::<(), synod_raft::ChangeError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(try_from = "Unchecked"))]
pub struct Membership {
    pub(crate) voters: Vec<NodeId>,
    pub(crate) outgoing: Vec<NodeId>,
    pub(crate) learners: Vec<NodeId>,
    pub(crate) witnesses: Vec<NodeId>,
    pub(crate) promoting: Vec<NodeId>,
    pub(crate) auto_leave: bool,
    /// The rule of the voters; `None` for what [`Config::quorum`](crate::Config::quorum) says.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub(crate) rule: Option<QuorumRule>,
    /// The rule of the outgoing voters.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub(crate) outgoing_rule: Option<QuorumRule>,
}

/// A membership that was read from somewhere.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
struct Unchecked {
    voters: Vec<NodeId>,
    outgoing: Vec<NodeId>,
    learners: Vec<NodeId>,
    witnesses: Vec<NodeId>,
    promoting: Vec<NodeId>,
    auto_leave: bool,
    #[serde(default)]
    rule: Option<QuorumRule>,
    #[serde(default)]
    outgoing_rule: Option<QuorumRule>,
}

#[cfg(feature = "serde")]
impl TryFrom<Unchecked> for Membership {
    type Error = &'static str;

    fn try_from(read: Unchecked) -> Result<Self, Self::Error> {
        let Unchecked { voters, outgoing, learners, witnesses, promoting, auto_leave, rule, outgoing_rule } =
            read;
        let membership =
            Self { voters, outgoing, learners, witnesses, promoting, auto_leave, rule, outgoing_rule };
        // Nobody: what a node knows that waits to be added.
        if membership == Self::default() || membership.is_sound() {
            Ok(membership)
        } else {
            Err("no membership: members out of order, or none that votes")
        }
    }
}

/// What a member is for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Standing {
    /// Votes, stores, and may lead.
    Voter,
    /// Votes, and stores the terms of entries but not their payloads; never leads.
    Witness,
    /// Stores; its vote and its acknowledgements do not count.
    Learner,
    /// Was removed by a change that is not committed yet, and is told how it ends.
    Leaving,
}

impl Membership {
    /// These voters, and nobody else.
    #[must_use]
    pub fn of(voters: impl IntoIterator<Item = NodeId>) -> Self {
        let mut voters: Vec<NodeId> = voters.into_iter().collect();
        tidy(&mut voters);
        Self { voters, ..Self::default() }
    }

    /// Those who vote, witnesses among them, in order. In a joint membership: those who will vote after it.
    #[must_use]
    pub fn voters(&self) -> &[NodeId] {
        &self.voters
    }

    /// Those who voted before, in order; empty unless the membership is joint.
    #[must_use]
    pub fn outgoing(&self) -> &[NodeId] {
        &self.outgoing
    }

    /// Those who store without a vote, in order. In a joint membership an outgoing voter may be here, which becomes a learner when
    /// the joint membership is left.
    #[must_use]
    pub fn learners(&self) -> &[NodeId] {
        &self.learners
    }

    /// The voters who keep no payloads, in order.
    #[must_use]
    pub fn witnesses(&self) -> &[NodeId] {
        &self.witnesses
    }

    /// The learners who become voters by themselves, once they have caught up.
    #[must_use]
    pub fn promoting(&self) -> &[NodeId] {
        &self.promoting
    }

    /// Whether the leader leaves this joint membership by itself, as soon as it is committed.
    #[must_use]
    pub fn auto_leave(&self) -> bool {
        self.auto_leave
    }

    /// Which of the voters make a quorum, if the membership says so; otherwise that stands in
    /// [`Config::quorum`](crate::Config::quorum), or they are majorities where that names weights or zones.
    #[must_use]
    pub const fn rule(&self) -> Option<&QuorumRule> {
        self.rule.as_ref()
    }

    /// Which of the outgoing voters make a quorum, likewise.
    #[must_use]
    pub const fn outgoing_rule(&self) -> Option<&QuorumRule> {
        self.outgoing_rule.as_ref()
    }

    /// The first wire version that can express it: 2 if it states a rule.
    #[must_use]
    pub const fn version(&self) -> u8 {
        if self.rule.is_some() || self.outgoing_rule.is_some() { 2 } else { 1 }
    }

    /// Whether two quorums are needed.
    #[must_use]
    pub fn is_joint(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Whether there is nobody: what a node knows that waits to be added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.voters.is_empty()
    }

    /// What a node is here; `None` for one that is no member.
    #[must_use]
    pub fn standing(&self, id: NodeId) -> Option<Standing> {
        if self.is_voter(id) {
            let witness = self.witnesses.binary_search(&id).is_ok();
            Some(if witness { Standing::Witness } else { Standing::Voter })
        } else {
            self.learners.binary_search(&id).is_ok().then_some(Standing::Learner)
        }
    }

    /// Whether a node votes, in either half.
    #[must_use]
    pub fn is_voter(&self, id: NodeId) -> bool {
        self.voters.binary_search(&id).is_ok() || self.outgoing.binary_search(&id).is_ok()
    }

    /// All members, in order.
    #[must_use]
    pub fn members(&self) -> Vec<NodeId> {
        let mut members = self.electorate();
        members.extend(&self.learners);
        tidy(&mut members);
        members
    }

    /// The voters of both halves, in order.
    #[must_use]
    pub fn electorate(&self) -> Vec<NodeId> {
        let mut voters = self.voters.clone();
        voters.extend(&self.outgoing);
        tidy(&mut voters);
        voters
    }

    /// The membership that follows a joint one: the outgoing voters are gone. One that is not joint stays as it is.
    #[must_use]
    pub fn left(&self) -> Self {
        let mut left = Self { outgoing: Vec::new(), outgoing_rule: None, auto_leave: false, ..self.clone() };
        left.witnesses.retain(|id| left.voters.binary_search(id).is_ok());
        left
    }

    /// The quorums of elections and of commits, on nodes that are configured with this rule; of both halves where it is joint, each by its
    /// own rule.
    ///
    /// # Errors
    /// When there are no voters.
    pub fn quorums(&self, configured: &QuorumRule) -> Result<Quorums, QuorumsError> {
        let quorums = self.rule_or(configured).quorums(&self.voters)?;
        if self.outgoing.is_empty() {
            return Ok(quorums);
        }
        let before = mutant!(
            self.outgoing_rule_or(configured),
            "old-half-by-the-new-rule" => self.rule_or(configured),
        );
        Ok(before.quorums(&self.outgoing)?.joint(&quorums)?)
    }

    /// The rule of the voters, on a node that is configured with this one.
    pub(crate) fn rule_or<'a>(&'a self, configured: &'a QuorumRule) -> &'a QuorumRule {
        self.rule.as_ref().unwrap_or_else(|| configured.unstated())
    }

    /// The rule of the outgoing voters.
    pub(crate) fn outgoing_rule_or<'a>(&'a self, configured: &'a QuorumRule) -> &'a QuorumRule {
        self.outgoing_rule.as_ref().unwrap_or_else(|| configured.unstated())
    }

    /// The same, with every rule stated that is no majority.
    pub(crate) fn stating(&self, configured: &QuorumRule) -> Self {
        let mut stated = self.clone();
        if let QuorumRule::Flexible { commit } = configured.unstated() {
            // None is as good as one.
            let rule = QuorumRule::Flexible { commit: (*commit).max(1) };
            if self.is_joint() {
                stated.outgoing_rule.get_or_insert_with(|| rule.clone());
            }
            stated.rule.get_or_insert(rule);
        }
        stated
    }

    /// Whether witnesses alone could commit: a payload that nobody's disk holds.
    pub(crate) fn witnesses_commit(&self, configured: &QuorumRule) -> bool {
        let halves =
            [(&self.voters, self.rule_or(configured)), (&self.outgoing, self.outgoing_rule_or(configured))];
        !self.witnesses.is_empty()
            && halves.into_iter().filter(|(half, _)| !half.is_empty()).any(|(half, rule)| {
                rule.quorums(half).is_ok_and(|quorums| quorums.commit().is_quorum(&self.witnesses))
            })
    }

    /// What holds of every membership, whoever made it.
    pub(crate) fn is_sound(&self) -> bool {
        let all = [&self.voters, &self.outgoing, &self.learners, &self.witnesses, &self.promoting];
        let ordered = all.iter().all(|list| list.is_sorted_by(|a, b| a < b));
        let reserved = all.iter().any(|list| list.last() == Some(&NOBODY));
        ordered
            && !reserved
            && !self.voters.is_empty()
            && self.members().len() <= MEMBERS_MAX
            && self.learners.iter().all(|id| self.voters.binary_search(id).is_err())
            && self.witnesses.iter().all(|id| self.is_voter(*id))
            && self.promoting.iter().all(|id| self.learners.binary_search(id).is_ok())
            && (self.is_joint() || (!self.auto_leave && self.outgoing_rule.is_none()))
            && self.rule.as_ref().is_none_or(|rule| rule.is_sound(&self.voters))
            && self.outgoing_rule.as_ref().is_none_or(|rule| rule.is_sound(&self.outgoing))
    }

    /// The payload of the entry that holds it.
    pub(crate) fn payload(&self) -> Bytes {
        self.to_bytes(crate::WIRE_VERSION)
    }

    /// Reads the payload of an entry; `None` for what no leader writes.
    pub(crate) fn parse(payload: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(Bytes::copy_from_slice(payload), crate::WIRE_VERSION);
        let membership = Self::decode(&mut reader).ok()?;
        reader.finish().ok()?;
        Some(membership)
    }
}

impl Wire for Membership {
    const LEN_MIN: usize = 22;

    fn encode(&self, out: &mut Writer<'_>) {
        // What the first format can say it says, so that older programs understand it.
        let with_rules = self.version() > 1;
        out.u8(if with_rules { FORMAT_WITH_RULES } else { FORMAT });
        self.auto_leave.encode(out);
        for list in [&self.voters, &self.outgoing, &self.learners, &self.witnesses, &self.promoting] {
            list.encode(out);
        }
        if with_rules {
            self.rule.encode(out);
            self.outgoing_rule.encode(out);
        }
    }

    /// Refuses what is out of order, or no membership.
    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let with_rules = match input.u8()? {
            FORMAT => false,
            FORMAT_WITH_RULES => true,
            _ => return Err(WireError::Invalid { field: "format of a membership" }),
        };
        let mut membership = Self {
            auto_leave: bool::decode(input)?,
            voters: Vec::decode(input)?,
            outgoing: Vec::decode(input)?,
            learners: Vec::decode(input)?,
            witnesses: Vec::decode(input)?,
            promoting: Vec::decode(input)?,
            rule: None,
            outgoing_rule: None,
        };
        if with_rules {
            membership.rule = Option::decode(input)?;
            membership.outgoing_rule = Option::decode(input)?;
            // One value has one form.
            if membership.version() == 1 {
                return Err(WireError::Invalid { field: "format of a membership" });
            }
        }
        if membership.is_sound() { Ok(membership) } else { Err(WireError::Invalid { field: "membership" }) }
    }
}

/// Each once, in order.
pub(crate) fn tidy(ids: &mut Vec<NodeId>) {
    ids.sort_unstable();
    ids.dedup();
}
