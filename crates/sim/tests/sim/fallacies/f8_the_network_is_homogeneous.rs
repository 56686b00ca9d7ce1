//! **The network is homogeneous.** Two stories.
//!
//! *Clocks.* Node 1 lends a lease of 200 ms to nodes 2 and 3 in turn, and waits ten milliseconds more than that before it lends it
//! again. That is plenty where all clocks count alike. The clock of node 2 is ten per cent slow: its 200 ms are 222, and two nodes
//! hold the lease at once. The careful lender waits as long as the slowest clock that it must expect.
//! Dial: [`Dials::drifts_ppm`](synod_sim::Dials::drifts_ppm).
//!
//! *Processors.* A write is done when both copies have it. One copy runs on a machine that takes 30 ms for a step and is given a
//! write every 10 ms: its queue grows, and every write is as late as that copy. The careful writer is content with a majority, so the
//! slow one is late alone. Dial: [`Dials::steps`](synod_sim::Dials::steps).

use super::{Manner, tell};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use synod_core::{Context, Input, Lsn, Never, NodeId, Protocol, Recovered, Sink, Time};
use synod_sim::{Idle, Sim};

#[derive(Clone, Hash)]
struct Lease {
    manner: Manner,
    lent: u64,
    holds: bool,
}

const LEASE: Duration = Duration::from_millis(200);
const MARGIN: Duration = Duration::from_millis(10);

impl Protocol for Lease {
    type Message = ();
    type Timer = ();
    forgetful!();

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Start { .. } | Input::Timer(()) if cx.me() == NodeId(1) => {
                self.lent += 1;
                cx.send(NodeId(2 + self.lent % 2), ());
                // Up to a fifth slower than this clock is to be expected.
                let slack = if self.manner == Manner::Naive { Duration::ZERO } else { LEASE / 4 };
                cx.arm((), LEASE + MARGIN + slack);
            }
            Input::Message(..) => {
                self.holds = true;
                cx.arm((), LEASE);
            }
            Input::Timer(()) => self.holds = false,
            _ => {}
        }
    }
}

fn leases(manner: Manner) -> Sim<Lease, Idle> {
    Sim::new(3, move |_| Lease { manner, lent: 0, holds: false }, Idle).always("one holds the lease", || {
        let mut holders = BTreeSet::new();
        move |id, node: Option<&Lease>| {
            if node.is_some_and(|node| node.holds) {
                holders.insert(id)
            } else {
                holders.remove(&id)
            };
            if holders.len() < 2 { Ok(()) } else { Err(format!("{holders:?} hold it")) }
        }
    })
}

#[test]
fn a_lease_must_outlast_the_slowest_clock() {
    let slow = |dials: &mut synod_sim::Dials| dials.drifts_ppm = [(NodeId(2), -100_000)].into();
    tell(leases, &slow, 20, "hold it");
}

#[derive(Clone, Debug, Hash)]
enum Say {
    Write(u64),
    Written(u64),
}

/// Node 1 writes; it has a copy itself, and so have nodes 2 and 3.
#[derive(Clone, Hash)]
struct Copies {
    manner: Manner,
    written: u64,
    done: u64,
    waiting: BTreeMap<u64, (Time, usize)>,
    slowest: Duration,
}

impl Protocol for Copies {
    type Message = Say;
    type Timer = ();
    forgetful!();

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Start { .. } | Input::Timer(()) if cx.me() == NodeId(1) => {
                self.written += 1;
                self.waiting.insert(self.written, (cx.now(), 1));
                (2..=3).for_each(|id| cx.send(NodeId(id), Say::Write(self.written)));
                cx.arm((), Duration::from_millis(10));
            }
            Input::Message(from, Say::Write(number)) => cx.send(from, Say::Written(number)),
            Input::Message(_, Say::Written(number)) => {
                let needed = if self.manner == Manner::Naive { 3 } else { 2 };
                let Some((begun, copies)) = self.waiting.get_mut(&number) else { return };
                *copies += 1;
                if *copies == needed {
                    let took = Duration::from_nanos(cx.now().0 - begun.0);
                    self.slowest = self.slowest.max(took);
                    self.done += 1;
                    self.waiting.remove(&number);
                }
            }
            _ => {}
        }
    }
}

fn copies(manner: Manner) -> Sim<Copies, Idle> {
    let node = Copies { manner, written: 0, done: 0, waiting: BTreeMap::new(), slowest: Duration::ZERO };
    Sim::new(3, move |_| node.clone(), Idle)
        .storm(Duration::from_secs(3))
        .always("writes are fast", || {
            |_, node: Option<&Copies>| match node {
                Some(node) if node.slowest > Duration::from_millis(100) => {
                    Err(format!("a write took {:?}", node.slowest))
                }
                _ => Ok(()),
            }
        })
        .finally("writes are done", |world| match world.node(NodeId(1)) {
            Some(node) if node.done > 250 => Ok(()),
            _ => Err("too few".to_owned()),
        })
}

#[test]
fn who_waits_for_all_waits_for_the_slowest() {
    let steps = BTreeMap::from([(NodeId(3), Duration::from_millis(30))]);
    let slow = |dials: &mut synod_sim::Dials| dials.steps.clone_from(&steps);
    tell(copies, &slow, 20, "a write took");
}
