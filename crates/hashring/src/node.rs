//! Who may own keys: an identity, a weight, a place, and whether the node is on its way out.

use alloc::string::String;
use core::fmt;
use synod_core::NodeId;

/// A node as placements see it.
///
/// ```
/// use synod_core::NodeId;
/// use synod_hashring::Node;
///
/// let node = Node::new(NodeId(7)).weighing(4).within("eu/a/rack-12");
/// assert_eq!(node.share(), 4);
/// assert_eq!(node.zone.upto(2), "eu/a");
/// assert_eq!(node.draining().share(), 0);      // still known, owns nothing
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Node {
    /// Its identity.
    pub id: NodeId,
    /// Its capacity, in whatever unit the whole cluster uses (tebibytes, cores, ones). 0 is legal and means that it owns nothing.
    #[cfg_attr(feature = "serde", serde(default = "one"))]
    pub weight: u64,
    /// Where it stands.
    #[cfg_attr(feature = "serde", serde(default))]
    pub zone: Zone,
    /// Whether it is being emptied: it owns nothing, whatever its weight, and remembers the weight for its return.
    #[cfg_attr(feature = "serde", serde(default))]
    pub draining: bool,
}

#[cfg(feature = "serde")]
const fn one() -> u64 {
    1
}

impl Node {
    /// A node of weight 1 that stands nowhere in particular.
    #[must_use]
    pub const fn new(id: NodeId) -> Self {
        Self { id, weight: 1, zone: Zone(String::new()), draining: false }
    }

    /// The same node with this weight.
    #[must_use]
    pub const fn weighing(mut self, weight: u64) -> Self {
        self.weight = weight;
        self
    }

    /// The same node in this zone, `"region/zone/rack"`.
    #[must_use]
    pub fn within(mut self, zone: &str) -> Self {
        self.zone = Zone::new(zone);
        self
    }

    /// The same node, being emptied.
    #[must_use]
    pub const fn draining(mut self) -> Self {
        self.draining = true;
        self
    }

    /// The weight that counts when keys are placed: 0 for a node that is draining.
    #[must_use]
    pub const fn share(&self) -> u64 {
        if self.draining { 0 } else { self.weight }
    }
}

/// A place in the tree of failure domains, as a path from the widest to the narrowest: `"eu-west/a/rack-12"`.
///
/// Two nodes share a failure domain of level `n` if the first `n` parts of their paths are equal. A path that is shorter than that counts
/// as a domain of its own name, so that nodes without any zone share one domain.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(from = "String", into = "String"))]
pub struct Zone(String);

impl Zone {
    /// The zone at this path. Empty parts are left out: `"/eu//a/"` is `"eu/a"`.
    #[must_use]
    pub fn new(path: &str) -> Self {
        let mut text = String::with_capacity(path.len());
        for part in path.split('/').filter(|part| !part.is_empty()) {
            if !text.is_empty() {
                text.push('/');
            }
            text.push_str(part);
        }
        Self(text)
    }

    /// The whole path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.0
    }

    /// How many parts the path has.
    #[must_use]
    pub fn depth(&self) -> usize {
        if self.0.is_empty() { 0 } else { self.0.split('/').count() }
    }

    /// The first `level` parts of the path, or all where there are fewer.
    #[must_use]
    pub fn upto(&self, level: usize) -> &str {
        if level == 0 {
            return "";
        }
        let end = self.0.match_indices('/').nth(level - 1).map_or(self.0.len(), |(at, _)| at);
        self.0.get(..end).unwrap_or_default()
    }
}

impl From<String> for Zone {
    fn from(path: String) -> Self {
        Self::new(&path)
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.0
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
