//! `raft` 0.7 (TiKV's), with its own storage in memory.

use crate::workload::{Applied, COMPACT_EVERY, Contestant};
use core::marker::PhantomData;
use protobuf::Message as _;
use raft::eraftpb::{Entry, Message};
use raft::storage::MemStorage;
use raft::{Config, LightReady, RawNode, StateRole};
use std::collections::VecDeque;

/// How it is set up, and how its messages travel.
pub(crate) trait Style {
    /// Several appends to one follower become one message.
    const BATCH: bool;
    /// Each message is encoded and decoded.
    const ENCODED: bool;
}

/// As it comes, messages passed by hand.
pub(crate) struct Plain;
/// With `batch_append`.
pub(crate) struct Batch;
/// With `batch_append`, messages encoded and decoded.
pub(crate) struct BatchEncoded;

impl Style for Plain {
    const BATCH: bool = false;
    const ENCODED: bool = false;
}

impl Style for Batch {
    const BATCH: bool = true;
    const ENCODED: bool = false;
}

impl Style for BatchEncoded {
    const BATCH: bool = true;
    const ENCODED: bool = true;
}

enum Letter {
    AsItIs(Message),
    Encoded(Vec<u8>),
}

/// Three nodes and what is between them.
pub(crate) struct RaftRs<S> {
    nodes: Vec<RawNode<MemStorage>>,
    letters: VecDeque<(u64, Letter)>,
    applied: [Applied; 3],
    compacted: [u64; 3],
    messages: u64,
    bytes: u64,
    style: PhantomData<S>,
}

impl<S: Style> RaftRs<S> {
    /// Carries out what a node has ready, in the order that its documentation asks for.
    fn ready(&mut self, place: usize) {
        while self.nodes[place].has_ready() {
            let mut ready = self.nodes[place].ready();
            let storage = self.nodes[place].store().clone();
            self.post(ready.take_messages());
            self.apply(place, &ready.take_committed_entries());
            if !ready.entries().is_empty() {
                storage.wl().append(ready.entries()).expect("entries follow the log");
            }
            if let Some(hard_state) = ready.hs() {
                storage.wl().set_hardstate(hard_state.clone());
            }
            self.post(ready.take_persisted_messages());
            let mut light: LightReady = self.nodes[place].advance(ready);
            if let Some(commit) = light.commit_index() {
                storage.wl().mut_hard_state().set_commit(commit);
            }
            self.post(light.take_messages());
            self.apply(place, &light.take_committed_entries());
            self.nodes[place].advance_apply();
            self.compact(place, &storage);
        }
    }

    fn post(&mut self, messages: Vec<Message>) {
        for message in messages {
            self.messages += 1;
            let to = message.to;
            let letter = if S::ENCODED {
                let bytes = message.write_to_bytes().expect("a message can be encoded");
                self.bytes += bytes.len() as u64;
                Letter::Encoded(bytes)
            } else {
                Letter::AsItIs(message)
            };
            self.letters.push_back((to, letter));
        }
    }

    fn apply(&mut self, place: usize, entries: &[Entry]) {
        for entry in entries.iter().filter(|entry| !entry.data.is_empty()) {
            self.applied[place].apply(&entry.data);
        }
    }

    fn compact(&mut self, place: usize, storage: &MemStorage) {
        let applied = self.nodes[place].raft.raft_log.applied;
        if applied >= self.compacted[place] + COMPACT_EVERY {
            self.compacted[place] = applied;
            storage.wl().compact(applied).expect("what has been applied can be dropped");
        }
    }
}

impl<S: Style> Contestant for RaftRs<S> {
    fn start() -> Self {
        let logger = slog::Logger::root(slog::Discard, slog::o!());
        let nodes = (1..=3).map(|id| {
            let config = Config {
                id,
                election_tick: 10,
                heartbeat_tick: 3,
                batch_append: S::BATCH,
                // As many as the other contestants may have under way.
                max_inflight_msgs: 4_096,
                max_size_per_msg: 1 << 20,
                ..Config::default()
            };
            let storage = MemStorage::new_with_conf_state((vec![1, 2, 3], vec![]));
            RawNode::new(&config, storage, &logger).expect("the settings are right")
        });
        let mut cluster = Self {
            nodes: nodes.collect(),
            letters: VecDeque::new(),
            applied: [Applied::default(); 3],
            compacted: [0; 3],
            messages: 0,
            bytes: 0,
            style: PhantomData,
        };
        cluster.nodes[0].campaign().expect("a follower may campaign");
        cluster.settle();
        assert_eq!(cluster.nodes[0].raft.state, StateRole::Leader);
        cluster
    }

    fn propose(&mut self, payload: Vec<u8>) {
        self.nodes[0].propose(Vec::new(), payload).expect("the leader takes proposals");
    }

    fn settle(&mut self) {
        self.ready(0);
        while !self.letters.is_empty() {
            let mut touched = [false; 3];
            for _ in 0..self.letters.len() {
                let Some((to, letter)) = self.letters.pop_front() else { break };
                let place = to as usize - 1;
                touched[place] = true;
                let message = match letter {
                    Letter::AsItIs(message) => message,
                    Letter::Encoded(bytes) => {
                        Message::parse_from_bytes(&bytes).expect("what was encoded decodes")
                    }
                };
                self.nodes[place].step(message).expect("messages of members are taken");
            }
            for place in (0..3).filter(|place| touched[*place]) {
                self.ready(place);
            }
        }
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
