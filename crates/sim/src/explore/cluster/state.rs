//! A state of a cluster, as a handful of words.

use crate::explore::links::{pull, push};
use crate::explore::print::Print;
use synod_core::NodeId;

/// A state of a cluster: numbers that mean something only together with the [`Cluster`](super::Cluster) that made them. Look into
/// it with [`Cluster::inspect`](super::Cluster::inspect).
///
/// Budgets that are spent, commands that are left, the observer, the nodes, the timers that have run out on each; then
/// the messages on their way: in ascending order, or in the order of sending on each link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ClusterState {
    pub(super) words: Vec<u32>,
}

pub(super) const SPENT: usize = 0;
pub(super) const COMMANDS: usize = 1;
pub(super) const OBSERVER: usize = 2;
pub(super) const NODES: usize = 3;

/// A bit for each command that is left: a cluster with more of them is refused.
pub(super) const COMMANDS_MAX: usize = 32;

/// Where the budgets lie in their word.
#[derive(Clone, Copy)]
pub(super) enum Budget {
    Drops = 0,
    Duplicates = 8,
    Crashes = 16,
}

impl ClusterState {
    pub(super) fn word(&self, at: usize) -> u32 {
        self.words.get(at).copied().unwrap_or(0)
    }

    pub(super) fn set(&mut self, at: usize, word: u32) {
        if let Some(place) = self.words.get_mut(at) {
            *place = word;
        }
    }

    pub(super) fn node(&self, at: usize) -> Option<u32> {
        self.words.get(NODES + at).copied()
    }

    pub(super) fn observer(&self) -> u32 {
        self.word(OBSERVER)
    }

    pub(super) fn envelopes(&self, nodes: usize) -> &[u32] {
        self.words.get(envelopes_at(nodes)..).unwrap_or(&[])
    }

    pub(super) fn print(&self) -> Print {
        let pairs = self.words.chunks(2).map(|pair| match pair {
            [low, high] => u64::from(*low) | u64::from(*high) << 32,
            rest => rest.iter().map(|word| u64::from(*word)).sum(),
        });
        Print::of_words(pairs.chain([self.words.len() as u64]))
    }

    pub(super) const fn heap_bytes(&self) -> usize {
        self.words.capacity() * size_of::<u32>()
    }

    pub(super) fn pack(&self, bytes: &mut Vec<u8>) {
        self.words.iter().for_each(|word| push(bytes, u64::from(*word)));
    }

    pub(super) fn unpack(&mut self, bytes: &[u8]) {
        self.words.clear();
        let mut at = 0;
        while at < bytes.len() {
            self.words.push(pull(bytes, &mut at) as u32);
        }
    }

    pub(super) fn spent(&self, budget: Budget) -> u8 {
        (self.word(SPENT) >> budget as u32) as u8
    }

    pub(super) fn spend(&mut self, budget: Budget) {
        self.set(SPENT, self.word(SPENT) + (1 << budget as u32));
    }

    pub(super) fn fired(&self, nodes: usize, at: usize) -> u8 {
        (self.word(NODES + nodes + at / 4) >> (at % 4 * 8)) as u8
    }

    pub(super) fn fired_all(&self, nodes: usize) -> u32 {
        (0..nodes).map(|at| u32::from(self.fired(nodes, at))).sum()
    }

    pub(super) fn fire(&mut self, nodes: usize, at: usize) {
        self.fire_often(nodes, at, 1);
    }

    pub(super) fn fire_often(&mut self, nodes: usize, at: usize, times: u8) {
        let place = NODES + nodes + at / 4;
        self.set(place, self.word(place) + (u32::from(times) << (at % 4 * 8)));
    }
}

/// Where the messages begin.
pub(super) fn envelopes_at(nodes: usize) -> usize {
    NODES + nodes + nodes.div_ceil(4)
}

pub(super) fn node(at: usize) -> NodeId {
    NodeId(at as u64 + 1)
}

pub(super) fn place(id: NodeId) -> Option<usize> {
    usize::try_from(id.0.checked_sub(1)?).ok()
}
