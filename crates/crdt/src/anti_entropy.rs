//! Replicas that find each other's changes: anti-entropy by delta intervals, as a protocol.
//!
//! Each node numbers what it does itself and sends it to its peers until they have acknowledged it, in order and without gaps (delta
//! intervals, after Almeida, Shoker and Baquero 2018, algorithm 2). Where a gap is, or a peer has restarted, or is new, or has been away for
//! longer than the node remembers, the receiver sends a digest of what it has, and is sent what it lacks. A digest also goes to a random peer
//! every now and then, so that what one node knows reaches all that are connected somehow. What everybody has seen is worked out on the way,
//! and garbage goes.
//!
//! Causes come before effects: what a peer wrote after it had seen something that this node has not is taken together with that, as a
//! catch-up (for types that say what they have [seen](crate::Crdt::seen)).
//!
//! A node keeps its own last deltas ([`Config::backlog_max`]) and the state, and nothing else; a digest is the state's
//! [version](crate::Crdt::version), which for some types takes time in proportion to their size, once every [`Config::pause`]. A restart under a new
//! actor leaves some 56 bytes in every context, for which [`stability`](crate::stability#forgetting-an-actor) has a remedy,
//! [`Command::Retire`].
//!
//! # What a peer makes up
//! What contradicts the state is refused and the peer named ([`Event::Suspect`]): one dot with two contents, something that this node has
//! never done ([`Refused::NeverDone`]), or something of others among what a peer sends as its own ([`Refused::NotTheirs`]). A catch-up may speak
//! of everybody, and what it makes up of a third this node cannot tell from what it has not heard yet. A name that was used up in this way
//! refuses what its owner writes later; but the owner hears of it from the first node that has believed it, and writes on under
//! a new name as soon as it is restarted ([`Identity::Incarnation`]). What an [`Identity::Node`] owns is lost with its name. A number that
//! nobody has reached costs a question or two, whoever has sent it.
//!
//! # Membership
//! Who is a peer is what [`Config::peers`] says, changed by what was welcomed and forgotten since, which the log keeps: a node that is
//! started again with its old configuration still counts those whom it has welcomed, and collects nothing that they have not seen. The order that
//! keeps everybody whole is: welcome the newcomer at every member, wait for the answers, start it with all members for its peers, and
//! let it write when its state has what any one of them had by then (what was collected before, it would otherwise not replace). To
//! part with a node: let it write no more, wait until the others have what it wrote, forget it at every member. A node whose log was damaged
//! may have lost a welcome: it collects nothing any more ([`AntiEntropy::collects`]) until it is given an empty disk.
//!
//! # Promises
//! Nothing is sent before it is on the disk, so no name that others know is ever given twice, wherever a node crashes.
//!
//! ```
//! use core::time::Duration;
//! use synod_core::testing::{Bench, Output};
//! use synod_core::{Input, NodeId};
//! use synod_crdt::anti_entropy::{AntiEntropy, Command, Config};
//! use synod_crdt::{Crdt, OrSet, SetAction};
//!
//! let nodes = [NodeId(1), NodeId(2)];
//! let mut node = nodes.map(|id| Bench::new(id, AntiEntropy::<OrSet<u64>>::new(Config::new(id, nodes))));
//! node.iter_mut().for_each(|node| node.start().unwrap());
//! node[0].input(Input::Command(Command::Act { token: 1, action: SetAction::Add(7) }));
//!
//! // A few rounds of everything that is sent.
//! for _ in 0..4 {
//!     for from in [0, 1] {
//!         node[from].sync().unwrap();
//!         node[from].advance(Duration::from_millis(100));
//!         for output in node[from].take() {
//!             if let Output::Send { message, .. } = output {
//!                 node[1 - from].input(Input::Message(nodes[from], message));
//!             }
//!         }
//!     }
//! }
//! assert!(node[1].protocol.state().contains(&7));
//! assert_eq!(node[0].protocol.state(), node[1].protocol.state());
//! ```

mod message;
mod node;

pub use message::{Members, Message, Record};

use crate::stability::Stability;
use crate::{ActorId, CausalContext, Crdt, Refused};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::hash::Hash;
use core::time::Duration;
use synod_core::{Lsn, NodeId};

/// As whom a node writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// As a new actor after each start. The safe choice: it survives even a disk that has lost something, at 24 bytes for each start
    /// in every context.
    Incarnation,
    /// As the same actor for ever: for types in which an actor owns something, such as [`EscrowCounter`](crate::EscrowCounter).
    /// A node with a damaged log then refuses to start.
    Node,
}

/// How a node takes part.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Config {
    /// This node.
    pub id: NodeId,
    /// The others.
    pub peers: Vec<NodeId>,
    /// As whom it writes.
    pub identity: Identity,
    /// How often what is not acknowledged is sent again, and a digest goes to somebody.
    pub pause: Duration,
    /// How many of its own deltas a node keeps for peers that lag; a peer that is further behind is caught up from the state.
    pub backlog_max: usize,
    /// After how many records the state is written anew, and the older ones are released.
    pub records_max: u64,
    /// Whether garbage is collected.
    pub collects: bool,
}

impl Config {
    /// A node among these; itself may be in the list. Digests every 50 ms, 1,024 deltas kept, the state written every 4,096 records.
    pub fn new(id: NodeId, nodes: impl IntoIterator<Item = NodeId>) -> Self {
        let peers = nodes.into_iter().filter(|node| *node != id).collect();
        Self {
            id,
            peers,
            identity: Identity::Incarnation,
            pause: Duration::from_millis(50),
            backlog_max: 1_024,
            records_max: 4_096,
            collects: true,
        }
    }
}

/// What the application asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Command<A> {
    /// Do this. The answer carries the token.
    Act {
        /// Comes back with the answer.
        token: u64,
        /// What to do.
        action: A,
    },
    /// A new peer, from now on and after every restart. The answer carries the token: [`Event::Stored`], or
    /// [`Event::Refused`] for the node itself.
    Welcome {
        /// Comes back with the answer.
        token: u64,
        /// Whom to welcome.
        peer: NodeId,
    },
    /// A peer has left for ever: nothing waits for it any more, now or after a restart, until it is welcomed again. The answer carries the
    /// token: [`Event::Stored`], or [`Event::Refused`] for the node itself.
    Forget {
        /// Comes back with the answer.
        token: u64,
        /// Whom to forget.
        peer: NodeId,
    },
    /// An actor that will never write again is to be [forgotten](crate::stability#forgetting-an-actor), by every member at about the same time
    /// and while no message from before is under way, which this node cannot know. The answer carries the token: [`Event::Stored`], or
    /// [`Event::Refused`] where a member may still write as that actor, something of it is left, or a peer has not said that it has the same
    /// as this node since anything was last added here. Members that forget at different times teach each other the name again, which does
    /// no harm; ask again then.
    Retire {
        /// Comes back with the answer.
        token: u64,
        /// Whom to forget.
        actor: ActorId,
    },
}

/// What the application is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// It is done, and on this node's disk.
    Stored {
        /// Of the command.
        token: u64,
    },
    /// It was not done.
    Refused {
        /// Of the command.
        token: u64,
        /// Why.
        why: Refused,
    },
    /// The state has changed by what a peer sent.
    Changed {
        /// Which peer.
        by: NodeId,
    },
    /// A peer sent what contradicts the state. Nothing of it was taken.
    Suspect {
        /// Which peer.
        peer: NodeId,
        /// What is wrong with it.
        why: Refused,
    },
}

/// Why a node cannot start from its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// A record is damaged, and the node writes as one actor for ever.
    #[error(
        "record {at:?} is damaged, and names that this node has given may be in it: start it under another id"
    )]
    Damaged {
        /// Where.
        at: Lsn,
    },
    /// A record contradicts those before it.
    #[error("record {at:?} contradicts those before it: {why}")]
    Contradiction {
        /// Where.
        at: Lsn,
        /// How.
        why: Refused,
    },
}

/// What is known of a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Peer {
    /// For how many pauses nothing has been heard of it.
    silent: u64,
    /// It has all of this node's deltas up to here.
    acked: u64,
    /// They have been sent up to here.
    sent: u64,
    /// Of which incarnation of it, and up to which number, this node has its deltas.
    heard: Option<(u64, u64)>,
    /// It has said that it has the same, and nothing has been added here since: whatever was removed here is removed there.
    same: bool,
}

/// A node that replicates a value of type `C`. See [the module](self).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AntiEntropy<C: Crdt> {
    config: Config,
    state: C,
    incarnation: u64,
    /// This node's own deltas, of this incarnation; the last one has the number `last`.
    backlog: VecDeque<C::Delta>,
    last: u64,
    peers: BTreeMap<NodeId, Peer>,
    stability: Stability,
    /// How the peers differ from the configuration's.
    members: Members,
    /// Records since the state was written.
    records: u64,
    /// What was stable when garbage was last collected, if nothing has been added since.
    swept: Option<CausalContext>,
    collected: u64,
}

impl<C: Crdt + Default> AntiEntropy<C> {
    /// A node that has never run.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self::with_state(config, C::default())
    }
}

impl<C: Crdt> AntiEntropy<C> {
    /// A node that begins with this state: the same on all nodes.
    #[must_use]
    pub fn with_state(config: Config, state: C) -> Self {
        let peers = config.peers.iter().map(|peer| (*peer, Peer::default())).collect();
        let stability = Stability::new(config.peers.iter().copied().chain([config.id]));
        Self {
            config,
            state,
            incarnation: 0,
            backlog: VecDeque::new(),
            last: 0,
            peers,
            stability,
            members: Members::default(),
            records: 0,
            swept: None,
            collected: 0,
        }
    }

    /// The state. Reading it takes no message; another node may already know more.
    pub fn state(&self) -> &C {
        &self.state
    }

    /// As whom this node writes now.
    #[must_use]
    pub fn actor(&self) -> ActorId {
        match self.config.identity {
            Identity::Incarnation => ActorId::of(self.config.id, self.incarnation),
            Identity::Node => ActorId::of(self.config.id, 0),
        }
    }

    /// The peers: those of the configuration and those who were welcomed, without those who were forgotten.
    pub fn peers(&self) -> impl ExactSizeIterator<Item = NodeId> {
        self.peers.keys().copied()
    }

    /// Whether garbage is collected: if the configuration says so, and nothing of the log was ever damaged.
    #[must_use]
    pub fn collects(&self) -> bool {
        self.config.collects && !self.members.doubtful
    }

    /// Makes the peers what the log says of them.
    fn set_members(&mut self, members: Members) {
        self.members = members;
        for (peer, welcome) in self.members.changes.clone() {
            self.set_peer(peer, welcome);
        }
    }

    fn set_peer(&mut self, peer: NodeId, welcome: bool) {
        if welcome {
            self.peers.entry(peer).or_default();
            self.stability.add(peer);
        } else {
            self.peers.remove(&peer);
            self.stability.remove(peer);
        }
    }

    /// How many entries have been reclaimed since the start.
    #[must_use]
    pub fn collected(&self) -> u64 {
        self.collected
    }

    /// How many of its own deltas the node keeps for its peers.
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.backlog.len()
    }

    /// What this node has seen, as others are told.
    fn seen(&self) -> CausalContext {
        self.state.seen()
    }
}
