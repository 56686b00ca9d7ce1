//! `omnipaxos` 0.2, with its own storage in memory; entries on the heap, or inline.

use crate::workload::{Applied, COMPACT_EVERY, Contestant};
use core::fmt::Debug;
use core::marker::PhantomData;
use omnipaxos::messages::Message;
use omnipaxos::storage::{Entry, NoSnapshot};
use omnipaxos::util::LogEntry;
use omnipaxos::{ClusterConfig, OmniPaxos, OmniPaxosConfig, ServerConfig};
use omnipaxos_storage::memory_storage::MemoryStorage;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::VecDeque;

/// How an entry is kept, and how messages travel.
pub(crate) trait Style {
    type Item: Entry<Snapshot = NoSnapshot> + Serialize + DeserializeOwned + Debug;
    const ENCODED: bool;
    fn item(payload: Vec<u8>) -> Self::Item;
    fn payload(item: &Self::Item) -> &[u8];
}

#[derive(Clone, Debug, Serialize, serde::Deserialize)]
pub(crate) struct Heap(Vec<u8>);

impl Entry for Heap {
    type Snapshot = NoSnapshot;
}

/// 64 bytes, in two halves because serde's arrays end at 32.
#[derive(Clone, Debug, Serialize, serde::Deserialize)]
pub(crate) struct Inline([[u8; 32]; 2]);

impl Entry for Inline {
    type Snapshot = NoSnapshot;
}

/// `Vec<u8>`, by hand.
pub(crate) struct OnHeap;
/// `Vec<u8>`, messages encoded (postcard) and decoded.
pub(crate) struct OnHeapEncoded;
/// `[u8; 64]`, by hand. No payload on the heap: not what the others do.
pub(crate) struct InPlace;

impl Style for OnHeap {
    type Item = Heap;
    const ENCODED: bool = false;

    fn item(payload: Vec<u8>) -> Heap {
        Heap(payload)
    }

    fn payload(item: &Heap) -> &[u8] {
        &item.0
    }
}

impl Style for OnHeapEncoded {
    type Item = Heap;
    const ENCODED: bool = true;

    fn item(payload: Vec<u8>) -> Heap {
        Heap(payload)
    }

    fn payload(item: &Heap) -> &[u8] {
        &item.0
    }
}

impl Style for InPlace {
    type Item = Inline;
    const ENCODED: bool = false;

    fn item(payload: Vec<u8>) -> Inline {
        let mut item = [[0; 32]; 2];
        item.as_flattened_mut().copy_from_slice(&payload);
        Inline(item)
    }

    fn payload(item: &Inline) -> &[u8] {
        item.0.as_flattened()
    }
}

enum Letter<T: Entry> {
    AsItIs(Message<T>),
    Encoded(Vec<u8>),
}

/// Three nodes and what is between them.
pub(crate) struct Omni<S: Style> {
    nodes: Vec<OmniPaxos<S::Item, MemoryStorage<S::Item>>>,
    letters: VecDeque<(u64, Letter<S::Item>)>,
    outgoing: Vec<Message<S::Item>>,
    leader: usize,
    decided: [usize; 3],
    applied: [Applied; 3],
    trimmed: usize,
    messages: u64,
    bytes: u64,
    style: PhantomData<S>,
}

impl<S: Style> Omni<S> {
    fn post(&mut self, place: usize) {
        self.nodes[place].take_outgoing_messages(&mut self.outgoing);
        for message in self.outgoing.drain(..) {
            self.messages += 1;
            let to = message.get_receiver();
            let letter = if S::ENCODED {
                let bytes = postcard::to_allocvec(&message).expect("a message can be encoded");
                self.bytes += bytes.len() as u64;
                Letter::Encoded(bytes)
            } else {
                Letter::AsItIs(message)
            };
            self.letters.push_back((to, letter));
        }
    }

    fn apply(&mut self, place: usize) {
        let decided = self.nodes[place].get_decided_idx();
        if decided == self.decided[place] {
            return;
        }
        let entries = self.nodes[place].read_decided_suffix(self.decided[place]).unwrap_or_default();
        for entry in &entries {
            if let LogEntry::Decided(item) = entry {
                self.applied[place].apply(S::payload(item));
            }
        }
        self.decided[place] = decided;
    }

    /// Its leader drops a prefix for all, once all have it.
    fn compact(&mut self) {
        let common = self.decided.iter().copied().min().unwrap_or(0);
        if common >= self.trimmed + COMPACT_EVERY as usize
            && self.nodes[self.leader].trim(Some(common)).is_ok()
        {
            self.trimmed = common;
        }
    }

    fn deliver(&mut self) {
        for place in 0..3 {
            self.post(place);
        }
        while !self.letters.is_empty() {
            let mut touched = [false; 3];
            for _ in 0..self.letters.len() {
                let Some((to, letter)) = self.letters.pop_front() else { break };
                let place = to as usize - 1;
                touched[place] = true;
                let message = match letter {
                    Letter::AsItIs(message) => message,
                    Letter::Encoded(bytes) => postcard::from_bytes(&bytes).expect("what was encoded decodes"),
                };
                self.nodes[place].handle_incoming(message);
            }
            for place in (0..3).filter(|place| touched[*place]) {
                self.post(place);
                self.apply(place);
            }
        }
    }
}

impl<S: Style> Contestant for Omni<S> {
    fn start() -> Self {
        let nodes = (1..=3).map(|pid| {
            let config = OmniPaxosConfig {
                cluster_config: ClusterConfig {
                    configuration_id: 1,
                    nodes: vec![1, 2, 3],
                    ..ClusterConfig::default()
                },
                server_config: ServerConfig { pid, election_tick_timeout: 5, ..ServerConfig::default() },
            };
            config.build(MemoryStorage::default()).expect("the settings are right")
        });
        let mut cluster = Self {
            nodes: nodes.collect(),
            letters: VecDeque::new(),
            outgoing: Vec::new(),
            leader: 0,
            decided: [0; 3],
            applied: [Applied::default(); 3],
            trimmed: 0,
            messages: 0,
            bytes: 0,
            style: PhantomData,
        };
        for _ in 0..100 {
            cluster.nodes.iter_mut().for_each(OmniPaxos::tick);
            cluster.deliver();
        }
        let (leader, accepting) = cluster.nodes[0].get_current_leader().expect("somebody leads");
        assert!(accepting);
        cluster.leader = leader as usize - 1;
        cluster
    }

    fn propose(&mut self, payload: Vec<u8>) {
        self.nodes[self.leader].append(S::item(payload)).expect("the leader takes proposals");
    }

    fn settle(&mut self) {
        self.deliver();
        self.compact();
    }

    fn applied(&self) -> [Applied; 3] {
        self.applied
    }

    fn messages(&self) -> u64 {
        self.messages
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }
}
