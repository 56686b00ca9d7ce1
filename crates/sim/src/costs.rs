//! What a run cost: messages, bytes, encodes, records and syncs.

use std::collections::BTreeMap;
use synod_core::NodeId;

/// What was used by one node, on one link, or in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Messages sent to other nodes, whatever became of them.
    pub messages: u64,
    /// Their bytes. Without [`Sim::wired`](crate::Sim::wired) each counts as [`Costs::NOMINAL_BYTES`].
    pub bytes: u64,
    /// How often a message was encoded: once for all the receivers of one send.
    pub encodes: u64,
    /// Records appended to the log.
    pub records: u64,
    /// Syncs begun.
    pub syncs: u64,
}

impl Usage {
    const fn plus(self, other: &Self) -> Self {
        Self {
            messages: self.messages + other.messages,
            bytes: self.bytes + other.bytes,
            encodes: self.encodes + other.encodes,
            records: self.records + other.records,
            syncs: self.syncs + other.syncs,
        }
    }
}

/// What a run cost so far; see [`Sim::budget`](crate::Sim::budget), [`World::costs`](crate::World::costs) and
/// [`Io::costs`](crate::Io::costs).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Costs {
    nodes: Vec<Usage>,
    /// Messages and bytes, by sender and receiver.
    links: Vec<(u64, u64)>,
}

impl Costs {
    /// What a message counts where its bytes are not known.
    pub const NOMINAL_BYTES: u64 = 100;

    pub(crate) fn new(nodes: usize) -> Self {
        Self { nodes: vec![Usage::default(); nodes], links: vec![(0, 0); nodes * nodes] }
    }

    pub(crate) fn at(&mut self, id: NodeId) -> Option<&mut Usage> {
        self.nodes.get_mut(crate::network::index(id)?)
    }

    pub(crate) fn sent(&mut self, from: usize, to: usize, bytes: u64) {
        let nodes = self.nodes.len();
        if let Some(usage) = self.nodes.get_mut(from) {
            usage.messages += 1;
            usage.bytes += bytes;
        }
        if let Some(link) = self.links.get_mut(from * nodes + to) {
            link.0 += 1;
            link.1 += bytes;
        }
    }

    /// What this node used; nothing for a node that does not exist.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Usage {
        crate::network::index(id).and_then(|at| self.nodes.get(at)).copied().unwrap_or_default()
    }

    /// What all nodes used.
    #[must_use]
    pub fn total(&self) -> Usage {
        self.nodes.iter().fold(Usage::default(), Usage::plus)
    }

    /// The messages that one node sent to another, and their bytes.
    #[must_use]
    pub fn link(&self, from: NodeId, to: NodeId) -> (u64, u64) {
        let nodes = self.nodes.len();
        let place = crate::network::index(from)
            .zip(crate::network::index(to))
            .filter(|(_, to)| *to < nodes)
            .map(|(from, to)| from * nodes + to);
        place.and_then(|place| self.links.get(place)).copied().unwrap_or_default()
    }

    /// What the bytes cost that went from node to node, in the unit of the tariff.
    #[must_use]
    pub fn price(&self, tariff: &Tariff) -> u128 {
        let ids = || (1..=self.nodes.len() as u64).map(NodeId);
        let pairs = ids().flat_map(|from| ids().map(move |to| (from, to)));
        pairs.map(|(from, to)| u128::from(self.link(from, to).1) * tariff.between(from, to)).sum()
    }
}

/// Where nodes stand, and what a byte costs from one zone to another.
///
/// ```
/// use synod_core::NodeId;
/// use synod_sim::Tariff;
/// let mut tariff = Tariff::default();
/// tariff.zones.extend([(NodeId(1), 0), (NodeId(2), 0), (NodeId(3), 1)]);
/// tariff.prices.insert((0, 1), 10); // a cent a gigabyte, in 10^-12 of a dollar a byte
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tariff {
    /// The zone of each node; those that are not listed are in zone 0.
    pub zones: BTreeMap<NodeId, u32>,
    /// The price of a byte from one zone to another, in any unit; what is not listed is free.
    pub prices: BTreeMap<(u32, u32), u64>,
}

impl Tariff {
    fn between(&self, from: NodeId, to: NodeId) -> u128 {
        let zone = |id| self.zones.get(&id).copied().unwrap_or(0);
        self.prices.get(&(zone(from), zone(to))).copied().unwrap_or(0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_priced_by_the_zones_that_they_cross() {
        let mut costs = Costs::new(3);
        costs.sent(0, 1, 100);
        costs.sent(0, 2, 50);
        costs.sent(0, 2, 7);
        costs.sent(2, 0, 1);
        let mut tariff = Tariff::default();
        tariff.zones.insert(NodeId(3), 9);
        tariff.prices.insert((0, 9), 20);
        assert_eq!(costs.price(&tariff), 57 * 20);
        assert_eq!((costs.node(NodeId(1)).messages, costs.total().bytes), (3, 158));
        assert_eq!(costs.link(NodeId(1), NodeId(3)), (2, 57));
        assert_eq!(costs.link(NodeId(1), NodeId(4)), (0, 0));
        assert_eq!(costs.node(NodeId(4)), Usage::default());
    }
}
