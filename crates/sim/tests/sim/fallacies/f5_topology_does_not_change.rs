//! **Topology doesn't change.** Three nodes watch each other. A transport looks an address up once, when it connects; then a node
//! moves, and everything goes to an address where nobody is. Whoever only waits gives the peer up for ever. The careful watcher asks
//! its transport to look the name up again ([`PeerChange::Reach`]) as soon as a peer is silent.
//!
//! Dial: [`Fault::Move`], with [`Dials::resolve_after`](synod_sim::Dials::resolve_after) off.

use super::{Manner, tell};
use core::time::Duration;
use std::collections::BTreeMap;
use synod_core::{Bytes, Context, Input, Lsn, Never, NodeId, PeerChange, Protocol, Recovered, Sink};
use synod_sim::{Fault, Idle, Rate, Sim};

#[derive(Clone, Debug, Hash)]
enum Say {
    Ping,
    Pong,
}

#[derive(Clone, Hash)]
struct Watcher {
    manner: Manner,
    missed: BTreeMap<NodeId, u32>,
}

impl Protocol for Watcher {
    type Message = Say;
    type Timer = ();
    forgetful!();

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Start { .. } | Input::Timer(()) => {
                for (peer, missed) in &mut self.missed {
                    *missed += 1;
                    if *missed > 2 && self.manner == Manner::Careful {
                        cx.peer(PeerChange::Reach { id: *peer, info: Bytes::new() });
                    }
                    cx.send(*peer, Say::Ping);
                }
                cx.arm((), Duration::from_millis(50));
            }
            Input::Message(from, Say::Ping) => cx.send(from, Say::Pong),
            Input::Message(from, Say::Pong) => drop(self.missed.insert(from, 0)),
            _ => {}
        }
    }
}

fn watchers(manner: Manner) -> Sim<Watcher, Idle> {
    let peers = |me: NodeId| (1..=3).map(NodeId).filter(move |id| *id != me).map(|id| (id, 0)).collect();
    Sim::new(3, move |me| Watcher { manner, missed: peers(me) }, Idle).always(
        "nobody is given up who lives",
        || {
            |_, node: Option<&Watcher>| {
                let gone = node.and_then(|node| node.missed.iter().find(|(_, missed)| **missed > 20));
                gone.map_or(Ok(()), |(peer, _)| Err(format!("{peer} has not been heard for a second")))
            }
        },
    )
}

#[test]
fn a_peer_that_has_moved_must_be_looked_up_again() {
    let moves =
        Rate { fault: Fault::Move, every: Duration::from_secs(2), lasting: (Duration::ZERO, Duration::ZERO) };
    let dial = |dials: &mut synod_sim::Dials| {
        dials.resolve_after = None;
        dials.schedule = vec![moves];
    };
    tell(watchers, &dial, 20, "has not been heard for a second");
}
