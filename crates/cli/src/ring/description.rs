//! A cluster as a person writes it down, in TOML or JSON.

use crate::console::{Complaint, read};
use core::ops::RangeInclusive;
use std::collections::BTreeMap;
use std::path::Path;
use synod_core::NodeId;
use synod_hashring::{Algorithm, Cluster, Config, HashFn, Node, Placed, Ring, Spread, ZONE_LEVELS};

/// The whole file.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    placement: Option<String>,
    #[serde(default)]
    copies: Option<u8>,
    /// In how many failure domains of each level, the widest first.
    #[serde(default)]
    across: Vec<u8>,
    /// Points of a ring that are given, of so many bits.
    #[serde(default)]
    points: Vec<Point>,
    #[serde(default)]
    bits: Option<u32>,
    #[serde(default, alias = "nodes")]
    node: Vec<Entry>,
}

/// A node.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    id: u64,
    #[serde(default)]
    name: Option<String>,
    #[serde(default = "one")]
    weight: u64,
    #[serde(default)]
    zone: String,
    #[serde(default)]
    draining: bool,
}

impl Entry {
    pub(super) fn node(&self) -> Node {
        let node = Node::new(NodeId(self.id)).weighing(self.weight).within(&self.zone);
        if self.draining { node.draining() } else { node }
    }
}

/// What a person calls nodes.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    given: BTreeMap<NodeId, String>,
    /// The names as a terminal and a drawing can have them, each of one node alone.
    told: BTreeMap<NodeId, String>,
}

impl Names {
    pub(super) fn of(nodes: &[Entry]) -> Self {
        let named = |entry: &Entry| Some((NodeId(entry.id), entry.name.clone()?));
        let given: BTreeMap<NodeId, String> = nodes.iter().filter_map(named).collect();
        let clean = |name: &String| plain(name).trim().to_owned();
        let cleaned: BTreeMap<NodeId, String> = given.iter().map(|(id, name)| (*id, clean(name))).collect();
        let mut uses: BTreeMap<String, u32> = BTreeMap::new();
        for entry in nodes {
            let id = NodeId(entry.id);
            // A node may be called what another one is called that has no name.
            let id_too = cleaned.get(&id).filter(|name| **name != id.to_string());
            for name in [id.to_string()].into_iter().chain(id_too.cloned()) {
                *uses.entry(name).or_default() += 1;
            }
        }
        let alone = |(id, name): (NodeId, String)| match uses.get(&name) {
            _ if name.is_empty() => (id, id.to_string()),
            Some(2..) => (id, format!("{name} ({id})")),
            _ => (id, name),
        };
        let told = cleaned.into_iter().map(alone).collect();
        Self { given, told }
    }

    /// The name in the file, or the identity.
    pub(super) fn given(&self, id: NodeId) -> String {
        self.given.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    /// The name for people: without control characters, and with the identity where another node is called so too.
    pub(super) fn told(&self, id: NodeId) -> String {
        self.told.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }
}

#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Point {
    at: u64,
    node: u64,
}

pub(super) const fn one() -> u64 {
    1
}

/// A text without what a terminal would obey: control characters, and those that turn the direction of what follows.
fn plain(text: &str) -> String {
    let obeyed =
        |char: char| char.is_control() || matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|char| if obeyed(char) { '\u{fffd}' } else { char }).collect()
}

/// Whether a file is JSON and not TOML: its name or its first letter says so.
pub(super) fn is_json(path: &Path, text: &str) -> bool {
    path.extension().is_some_and(|end| end == "json") || text.trim_start().starts_with('{')
}

/// A position of so many bits as one of 64.
fn widened(at: u64, bits: u32) -> Result<u64, String> {
    match at.checked_shr(bits) {
        Some(1..) => Err(format!("{at} is beyond {bits} bits, with which positions are written here")),
        _ => Ok(at << (64 - bits)),
    }
}

/// A cluster, and how keys are placed in it.
#[derive(Debug)]
pub(super) struct Description {
    pub(super) cluster: Cluster,
    pub(super) config: Config,
    pub(super) spread: Spread,
    pub(super) names: Names,
    points: Vec<(u64, NodeId)>,
    /// Bits that positions are written with.
    pub(super) bits: u32,
}

impl Description {
    /// Reads a file; its name or its first letter says in which language.
    pub(super) fn read(path: &Path, placement: Option<&str>) -> Result<Self, Complaint> {
        let text = read(path)?;
        Self::parse(&text, is_json(path, &text), placement)
            .map_err(|wrong| Complaint::Usage(format!("{}: {wrong}", path.display())))
    }

    /// The same from a text.
    pub(super) fn parse(text: &str, json: bool, placement: Option<&str>) -> Result<Self, String> {
        let file: File = if json {
            serde_json::from_str(text).map_err(|error| error.to_string())?
        } else {
            toml::from_str(text).map_err(|error| error.to_string())?
        };
        if file.node.is_empty() {
            return Err("no nodes: name at least one, with an `id`".to_owned());
        }
        let placement = placement.or(file.placement.as_deref());
        let config = placement.map_or(Ok(Config::default()), |text| {
            text.parse::<Config>().map_err(|error| error.to_string())
        })?;
        let names = Names::of(&file.node);
        let cluster = Cluster::new(file.node.iter().map(Entry::node)).map_err(|error| error.to_string())?;
        if file.across.len() > ZONE_LEVELS {
            let given = file.across.len();
            return Err(format!("`across` names {given} levels, and {ZONE_LEVELS} are told apart"));
        }
        let mut spread = Spread::copies(file.copies.unwrap_or(1));
        for (level, domains) in (1..).zip(file.across) {
            spread = spread.across(level, domains);
        }
        let bits = file.bits.unwrap_or(64);
        if !(1..=64).contains(&bits) {
            return Err(format!("`bits` is {bits}, and a position has 1 to 64"));
        }
        let mut points = Vec::new();
        // Another placement does without the points.
        let of_ring = matches!(config.algorithm, Algorithm::Ring(_));
        for Point { at, node } in file.points.into_iter().filter(|_| of_ring) {
            points.push((widened(at, bits)?, NodeId(node)));
        }
        Ok(Self { cluster, config, spread, names, points, bits })
    }

    /// The placement of the cluster as it is described.
    pub(super) fn place(&self) -> Result<Placed, String> {
        let placed = if self.points.is_empty() {
            self.config.place(self.cluster.clone())
        } else {
            Ring::of_points(self.cluster.clone(), self.config.hash, self.points.iter().copied())
                .map(Placed::Ring)
        };
        placed.map_err(|error| error.to_string())
    }

    /// The points that were given.
    pub(super) fn points(&self) -> &[(u64, NodeId)] {
        &self.points
    }

    /// What people are told of the algorithm and the hash function: a ring of given points has no number of points for each node.
    pub(super) fn placement(&self) -> String {
        match self.points.len() {
            0 => self.config.to_string(),
            points => format!("ring of {points} points, {}", self.config.hash),
        }
    }

    /// What people are told that a node is called.
    pub(super) fn name(&self, id: NodeId) -> String {
        self.names.told(id)
    }

    /// A position as it is typed, which has so many bits as the description says.
    pub(super) fn widened(&self, at: u64) -> Result<u64, String> {
        widened(at, self.bits)
    }

    /// The position of a key as it is typed: a number on rings whose keys are positions, hashed otherwise.
    pub(super) fn position(&self, key: &str) -> Result<u64, String> {
        match (self.config.hash, key.parse::<u64>()) {
            (HashFn::Ordered, Ok(number)) => self.widened(number),
            _ => Ok(self.config.hash.hash(key.as_bytes())),
        }
    }

    /// The ends of a range in the bits of the description. A range begins behind the point before it.
    pub(super) const fn shown(&self, range: &RangeInclusive<u64>) -> (u64, u64) {
        let unit = 1_u128 << (64 - self.bits);
        ((*range.start() as u128).div_ceil(unit) as u64, *range.end() >> (64 - self.bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said() {
        let wrong = |text: &str| Description::parse(text, text.starts_with('{'), None).unwrap_err();
        assert!(wrong("").contains("no nodes"));
        assert!(wrong("[[node]]\nid = 1\n[[node]]\nid = 1").contains("given twice"));
        assert!(wrong("[[node]]\nid = 1\nwieght = 2").contains("wieght"));
        assert!(wrong("{\"node\": [{\"id\": -1}]}").contains("invalid value"));
        assert!(
            wrong("placement = \"circle\"\n[[node]]\nid = 1").contains("no algorithm is called `circle`")
        );
        assert!(wrong("bits = 65\n[[node]]\nid = 1").contains("65"));
        assert!(
            wrong("bits = 4\npoints = [{at = 16, node = 1}]\n[[node]]\nid = 1").contains("beyond 4 bits")
        );
        assert!(wrong("across = [1, 1, 1, 1, 2]\n[[node]]\nid = 1").contains("names 5 levels"));
    }

    #[test]
    fn no_text_makes_the_reader_panic() {
        // Every prefix of good files, and each with one byte changed.
        let good = [include_str!("../../clusters/shop.toml"), include_str!("../../clusters/textbook.json")];
        for (text, json) in good.into_iter().zip([false, true]) {
            assert!(Description::parse(text, json, None).and_then(|good| good.place()).is_ok());
            for at in 0..text.len() {
                for other in ["", "-", "9999999999999999999999", "\"", "[", "\u{1F980}"] {
                    let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
                    if let Ok(read) = Description::parse(&changed, json, None)
                        && read.cluster.weight() < 1000
                    {
                        let _ = read.place();
                    }
                }
                let _ = Description::parse(&text[..at], json, None);
            }
        }
    }
}
