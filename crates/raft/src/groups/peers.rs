//! Which nodes are there: asked once for each pair of nodes, whatever the number of groups that they share.

use crate::GroupId;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;
use synod_core::{NodeId, Time};

/// The nodes with whom this one shares a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Peers {
    peers: BTreeMap<NodeId, Peer>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Peer {
    /// How many groups have it as a member.
    groups: usize,
    /// Which start of it was heard last; 0: none.
    incarnation: u64,
    heard_at: Time,
    sent_at: Time,
    suspected: bool,
    /// The last group that it was asked about.
    audited: GroupId,
}

/// What is new about a node that was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    Nothing,
    /// It was suspected.
    Back,
    /// It has forgotten what it had not written; it may have been suspected or not.
    Restarted,
}

impl Peers {
    pub(super) fn join(&mut self, id: NodeId, now: Time) {
        self.peers
            .entry(id)
            .or_insert(Peer {
                groups: 0,
                incarnation: 0,
                heard_at: now,
                sent_at: Time::ZERO,
                suspected: false,
                audited: GroupId(0),
            })
            .groups += 1;
    }

    pub(super) fn leave(&mut self, id: NodeId) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.groups -= 1;
            if peer.groups == 0 {
                self.peers.remove(&id);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.peers.keys().copied()
    }

    /// A message has come. What an earlier life of the sender has said is no sign of life.
    pub(super) fn heard(&mut self, id: NodeId, incarnation: u64, now: Time) -> News {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| incarnation >= peer.incarnation) else {
            return News::Nothing;
        };
        let restarted = peer.incarnation != 0 && incarnation > peer.incarnation;
        peer.incarnation = incarnation;
        peer.heard_at = now;
        let back = core::mem::take(&mut peer.suspected);
        match (restarted, back) {
            (true, _) => News::Restarted,
            (false, true) => News::Back,
            (false, false) => News::Nothing,
        }
    }

    /// A message leaves.
    pub(super) fn sent(&mut self, id: NodeId, now: Time) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.sent_at = now;
        }
    }

    /// Whether nothing was sent to it for so long.
    pub(super) fn is_owed(&self, id: NodeId, interval: Duration, now: Time) -> bool {
        self.peers.get(&id).is_some_and(|peer| now.since(peer.sent_at) >= interval)
    }

    /// This node was not listening itself: nobody's silence says anything.
    pub(super) fn forgive(&mut self, now: Time) {
        for peer in self.peers.values_mut() {
            peer.heard_at = now;
        }
    }

    /// Those who are suspected from now on.
    pub(super) fn suspect(&mut self, after: Duration, now: Time) -> Vec<NodeId> {
        let silent = |peer: &Peer| !peer.suspected && now.since(peer.heard_at) >= after;
        let mut suspects = Vec::new();
        for (id, peer) in &mut self.peers {
            if silent(peer) {
                peer.suspected = true;
                suspects.push(*id);
            }
        }
        suspects
    }

    /// Whether a node is known to be there.
    pub(super) fn is_alive(&self, id: NodeId) -> bool {
        self.peers.get(&id).is_some_and(|peer| !peer.suspected && peer.incarnation != 0)
    }

    /// Whether a node is believed not to be there.
    pub(super) fn is_suspected(&self, id: NodeId) -> bool {
        self.peers.get(&id).is_some_and(|peer| peer.suspected)
    }

    /// Where the questions about groups have got to.
    pub(super) fn audited(&mut self, id: NodeId) -> Option<&mut GroupId> {
        self.peers.get_mut(&id).map(|peer| &mut peer.audited)
    }
}
