//! Which voters make a quorum.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use synod_core::NodeId;
use synod_core::wire::{Reader, Wire, WireError, Writer};
use synod_quorum::{Quorums, QuorumsError, Rule};

/// Which voters make a quorum.
///
/// A cluster is founded with the rule of [`Config::quorum`](crate::Config::quorum), and gets another one by a
/// [change](crate::Change::Rule) of its membership, which always leads through a joint membership: a quorum by the old rule **and** one by
/// the new decide until the new one is in force. Whatever the rule, each election quorum meets each commit quorum and each election
/// quorum.
///
/// ```
/// use synod_core::NodeId;
/// use synod_raft::QuorumRule;
/// let voters = [1, 2, 3, 4, 5].map(NodeId);
/// // Nodes 1 and 2 have two votes each, of seven together.
/// let weighted = QuorumRule::weights([(voters[0], 2), (voters[1], 2)]);
/// assert!(weighted.quorums(&voters)?.commit().is_quorum(&voters[..2]), "four of seven");
/// assert!(!weighted.quorums(&voters)?.commit().is_quorum(&voters[2..]), "three of seven, though three of five");
/// // Two zones of two, and node 5 by itself: a majority of the zones, each by a majority of its voters.
/// let zones = QuorumRule::zones([[1, 2].map(NodeId), [3, 4].map(NodeId)]);
/// assert!(zones.quorums(&voters)?.elect().is_quorum(&[1, 2, 5].map(NodeId)));
/// assert!(!zones.quorums(&voters)?.elect().is_quorum(&[1, 3, 5].map(NodeId)));
/// # Ok::<(), synod_quorum::QuorumsError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum QuorumRule {
    /// More than half, for elections and commits.
    #[default]
    Majority,
    /// So many voters commit, or a majority where that is fewer; elections need so many more that every two of them share a voter,
    /// and each shares one with every commit (Howard, Malkhi and Spiegelman 2016, "Flexible Paxos"). With 2 of 5, an entry is
    /// committed as soon as the leader and one follower have it, and electing a leader takes four of five.
    Flexible {
        /// How many voters commit.
        commit: usize,
    },
    /// More than half of the weights of all voters together (Gifford 1979). Who is not listed weighs 1. A voter that weighs 0 counts for
    /// nothing, though it may lead.
    Weighted {
        /// Weights, in the order of the ids, each id once.
        weights: Vec<(NodeId, u32)>,
    },
    /// A majority of the zones, each by a majority of its own voters: a hierarchy of two floors (Kumar 1991). A voter that is not listed
    /// is a zone by itself.
    Zones {
        /// The zone of each voter, in the order of the ids, each id once.
        zones: Vec<(NodeId, u32)>,
    },
    /// One fewer than a majority: **breaks safety on purpose**. It exists so that a demonstration can show a checker finding the
    /// damage. Two such quorums need not share a node, so two leaders may commit different entries at one index. No membership can
    /// state it.
    SabotagedOneShort,
}

impl QuorumRule {
    /// These weights; everybody else weighs 1. Of two for one node the later counts.
    #[must_use]
    pub fn weights(weights: impl IntoIterator<Item = (NodeId, u32)>) -> Self {
        Self::Weighted { weights: weights.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect() }
    }

    /// These zones. Of two for one node the later counts.
    ///
    /// ```
    /// use synod_core::NodeId;
    /// use synod_raft::QuorumRule;
    /// let zones = QuorumRule::zones([vec![NodeId(1), NodeId(4)], vec![NodeId(2)]]);
    /// let listed = vec![(NodeId(1), 0), (NodeId(2), 1), (NodeId(4), 0)];
    /// assert_eq!(zones, QuorumRule::Zones { zones: listed });
    /// ```
    #[must_use]
    pub fn zones<Z: IntoIterator<Item = NodeId>>(zones: impl IntoIterator<Item = Z>) -> Self {
        let numbered = (0_u32..).zip(zones);
        let listed = numbered.flat_map(|(zone, voters)| voters.into_iter().map(move |id| (id, zone)));
        Self::Zones { zones: listed.collect::<BTreeMap<_, _>>().into_iter().collect() }
    }

    /// The quorums of these voters, in the order of their ids.
    ///
    /// # Errors
    /// When there are no voters, one is listed twice, or all weigh nothing.
    pub fn quorums(&self, voters: &[NodeId]) -> Result<Quorums, QuorumsError> {
        let majority = voters.len() / 2 + 1;
        let voters = || voters.iter().copied();
        match self {
            Self::Majority => Ok(Quorums::majority(voters())?),
            Self::Flexible { commit } => {
                let commit = (*commit).clamp(1, majority);
                let elect = majority.max(voters().len() + 1 - commit);
                Quorums::sizes(voters(), elect, commit)
            }
            Self::Weighted { weights } => {
                let weighed = voters().map(|id| (id, listed(weights, id).map_or(1, u64::from)));
                Ok(Quorums::same(Rule::weighted_majority(weighed)?)?)
            }
            Self::Zones { zones } => {
                let mut of: BTreeMap<Result<u32, NodeId>, Vec<NodeId>> = BTreeMap::new();
                for id in voters() {
                    of.entry(listed(zones, id).ok_or(id)).or_default().push(id);
                }
                let zones: Vec<Rule> = of.into_values().map(Rule::majority).collect::<Result<_, _>>()?;
                Ok(Quorums::same(Rule::of(zones.len() / 2 + 1, zones)?)?)
            }
            Self::SabotagedOneShort => {
                let short = Rule::at_least((majority - 1).max(1), voters())?;
                Ok(Quorums::unchecked(short.clone(), short))
            }
        }
    }

    /// What a membership goes by that states no rule, on a node that is configured with this one: formats before 2 could not state any,
    /// and all nodes were told the same. Weights and zones are always stated.
    pub(crate) const fn unstated(&self) -> &Self {
        match self {
            Self::Weighted { .. } | Self::Zones { .. } => &Self::Majority,
            Self::Majority | Self::Flexible { .. } | Self::SabotagedOneShort => self,
        }
    }

    /// Of whom it says anything.
    pub(crate) fn named(&self) -> impl Iterator<Item = NodeId> {
        let list: &[(NodeId, u32)] = match self {
            Self::Weighted { weights: list } | Self::Zones { zones: list } => list,
            Self::Majority | Self::Flexible { .. } | Self::SabotagedOneShort => &[],
        };
        list.iter().map(|(id, _)| *id)
    }

    /// The same rule in order, without what goes without saying, and what it says of others than these.
    pub(crate) fn among(&self, voters: &[NodeId]) -> Self {
        let is_voter = |(id, _): &&(NodeId, u32)| voters.binary_search(id).is_ok();
        match self {
            Self::Weighted { weights } => {
                let told = weights.iter().filter(is_voter).filter(|(_, weight)| *weight != 1);
                Self::weights(told.copied())
            }
            Self::Zones { zones } => {
                let told: BTreeMap<NodeId, u32> = zones.iter().filter(is_voter).copied().collect();
                Self::Zones { zones: told.into_iter().collect() }
            }
            other => other.clone(),
        }
    }

    /// Whether a membership of these voters may state it: it says nothing superfluous, and nothing that cannot be.
    pub(crate) fn is_sound(&self, voters: &[NodeId]) -> bool {
        let fits = match self {
            Self::SabotagedOneShort | Self::Flexible { commit: 0 } => false,
            Self::Flexible { commit } => u32::try_from(*commit).is_ok(),
            Self::Majority | Self::Weighted { .. } | Self::Zones { .. } => self.among(voters) == *self,
        };
        fits && self.quorums(voters).is_ok()
    }
}

/// What a list says of a node.
fn listed(list: &[(NodeId, u32)], id: NodeId) -> Option<u32> {
    let place = list.binary_search_by_key(&id, |(known, _)| *known).ok()?;
    list.get(place).map(|(_, number)| *number)
}

impl Wire for QuorumRule {
    const LEN_MIN: usize = 1;

    fn encode(&self, out: &mut Writer<'_>) {
        match self {
            // No membership states the last.
            Self::Majority | Self::SabotagedOneShort => out.u8(1),
            Self::Flexible { commit } => {
                out.u8(2);
                out.u32(u32::try_from(*commit).unwrap_or(u32::MAX));
            }
            Self::Weighted { weights } => {
                out.u8(3);
                encode_list(weights, out);
            }
            Self::Zones { zones } => {
                out.u8(4);
                encode_list(zones, out);
            }
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(match input.u8()? {
            1 => Self::Majority,
            2 => Self::Flexible { commit: input.u32()? as usize },
            3 => Self::Weighted { weights: decode_list(input)? },
            4 => Self::Zones { zones: decode_list(input)? },
            tag => return Err(WireError::UnknownTag { of: "quorum rule", tag }),
        })
    }
}

fn encode_list(list: &[(NodeId, u32)], out: &mut Writer<'_>) {
    out.count(list.len());
    for (id, number) in list {
        id.encode(out);
        out.u32(*number);
    }
}

fn decode_list(input: &mut Reader) -> Result<Vec<(NodeId, u32)>, WireError> {
    let count = input.count(12)?;
    let mut list = Vec::with_capacity(count);
    for _ in 0..count {
        list.push((NodeId::decode(input)?, input.u32()?));
    }
    Ok(list)
}
