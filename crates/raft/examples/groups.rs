//! A partitioned store: three nodes, a Raft group for each of 64 partitions, one log and one message stream for all of them.
//!
//! **What it guarantees**: each partition is a replicated log of its own, with a leader of its own; a partition that nobody writes to
//! costs memory and nothing else; when a node dies, the partitions that it led are led by others, also those at rest.
//! **What it does not**: order writes of different partitions, or move partitions between nodes.
//!
//! `cargo run -p synod-raft --example groups`
#![expect(clippy::unwrap_used, reason = "an example should stop where it goes wrong")]

use core::time::Duration;
use std::collections::BTreeMap;
use synod_core::testing::{Bench, Output};
use synod_core::{Input, NodeId};
use synod_raft::groups::{Birth, Command, Event, GroupId, Groups, Settings};
use synod_raft::{EntryKind, Role};

const PARTITIONS: u64 = 64;

/// Which partition keeps a key: any function that all agree on.
fn partition(key: &str) -> GroupId {
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    GroupId(hash % PARTITIONS)
}

/// The nodes and their stores. [`Bench`] is the driver; in production it is a process with a socket and a disk.
struct Cluster {
    nodes: BTreeMap<NodeId, Bench<Groups>>,
    stores: BTreeMap<NodeId, BTreeMap<String, String>>,
    messages: usize,
}

impl Cluster {
    fn found(ids: [NodeId; 3]) -> Self {
        let mut cluster = Self { nodes: BTreeMap::new(), stores: BTreeMap::new(), messages: 0 };
        for id in ids {
            let mut node = Bench::new(id, Groups::new(Settings::new(id)).unwrap());
            node.start().unwrap();
            for group in (0..PARTITIONS).map(GroupId) {
                node.input(Input::Command(Command::Create { group, birth: Birth::founding(ids) }));
            }
            cluster.nodes.insert(id, node);
            cluster.stores.insert(id, BTreeMap::new());
        }
        cluster
    }

    fn leader(&self, group: GroupId) -> Option<NodeId> {
        let leads =
            |node: &Bench<Groups>| node.protocol.group(group).is_some_and(|raft| raft.role() == Role::Leader);
        self.nodes.iter().find(|(_, node)| leads(node)).map(|(id, _)| *id)
    }

    fn put(&mut self, key: &str, value: &str) {
        let group = partition(key);
        let leader = self.leader(group).unwrap();
        let command = synod_raft::Command::Propose { token: 0, payload: format!("{key}={value}").into() };
        self.nodes.get_mut(&leader).unwrap().input(Input::Command(Command::Raft { group, command }));
    }

    fn run(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds {
            let mut letters = Vec::new();
            for (id, node) in &mut self.nodes {
                node.advance(Duration::from_millis(1));
                node.sync().unwrap();
                for output in node.take() {
                    match output {
                        Output::Send { to, message, .. } => letters.push((*id, to, message)),
                        Output::Event(Event::Raft {
                            event: synod_raft::Event::Committed(entries), ..
                        }) => {
                            for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Normal) {
                                let text = String::from_utf8_lossy(entry.payload);
                                let (key, value) = text.split_once('=').unwrap();
                                self.stores.get_mut(id).unwrap().insert(key.into(), value.into());
                            }
                        }
                        _ => {}
                    }
                }
            }
            for (from, to, message) in letters {
                self.messages += 1;
                if let Some(node) = self.nodes.get_mut(&to) {
                    node.input(Input::Message(from, message));
                }
            }
        }
    }

    fn resting(&self) -> usize {
        self.nodes.values().map(|node| node.protocol.resting()).sum()
    }
}

pub(crate) fn main() {
    let ids = [1, 2, 3].map(NodeId);
    let mut cluster = Cluster::found(ids);
    cluster.run(1_500);
    println!("{} of {} replicas rest", cluster.resting(), 3 * PARTITIONS);
    assert_eq!(cluster.resting() as u64, 3 * PARTITIONS);

    cluster.messages = 0;
    cluster.run(1_000);
    println!(
        "a second in which nothing happens costs {} messages, of three nodes together",
        cluster.messages
    );
    assert!(cluster.messages <= 66);

    for (key, value) in [("apple", "red"), ("lemon", "yellow"), ("plum", "blue")] {
        cluster.put(key, value);
    }
    cluster.run(50);
    println!(
        "three writes have woken {} of {PARTITIONS} partitions",
        PARTITIONS as usize - cluster.resting() / 3
    );
    assert!(ids.iter().all(|id| cluster.stores[id].len() == 3));

    let dead = cluster.leader(partition("lemon")).unwrap();
    let orphans = (0..PARTITIONS).filter(|group| cluster.leader(GroupId(*group)) == Some(dead)).count();
    cluster.nodes.remove(&dead);
    cluster.run(1_500);
    assert!((0..PARTITIONS).all(|group| cluster.leader(GroupId(group)).is_some()));
    println!("{dead} died, and the {orphans} partitions that it led are led by others");
    cluster.put("lemon", "green");
    cluster.run(50);
    let stored: Vec<&str> = cluster.nodes.keys().map(|id| cluster.stores[id]["lemon"].as_str()).collect();
    println!("the survivors know of a {} lemon", stored[0]);
    assert_eq!(stored, ["green", "green"]);
}
