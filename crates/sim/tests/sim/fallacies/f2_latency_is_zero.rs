//! **Latency is zero.** A page has ten parts, and whoever shows it asks for one after the other. At half a millisecond nobody
//! notices the ten round trips. Thirty milliseconds away they are six tenths of a second, and the reader has left. The careful
//! page asks for all parts at once: one round trip, wherever they are.
//!
//! Dial: [`Dials::latency`](synod_sim::Dials::latency).

use super::{Manner, tell};
use core::time::Duration;
use synod_core::{Context, Input, Lsn, Never, NodeId, Protocol, Recovered, Sink, Time};
use synod_sim::{Idle, Latency, Sim};

#[derive(Clone, Debug, Hash)]
enum Say {
    Get(u64),
    Part(u64),
}

/// Node 1 shows pages, node 2 has the parts.
#[derive(Clone, Hash)]
struct Page {
    manner: Manner,
    begun: Option<Time>,
    parts: u64,
    shown: u64,
    slowest: Duration,
}

const PARTS: u64 = 10;
const PATIENCE: Duration = Duration::from_millis(200);

impl Protocol for Page {
    type Message = Say;
    type Timer = ();
    forgetful!();

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Start { .. } | Input::Timer(()) if cx.me() == NodeId(1) => {
                self.begun = Some(cx.now());
                self.parts = 0;
                let first = if self.manner == Manner::Naive { 1 } else { PARTS };
                (0..first).for_each(|part| cx.send(NodeId(2), Say::Get(part)));
                cx.arm((), Duration::from_secs(1));
            }
            Input::Message(from, Say::Get(part)) => cx.send(from, Say::Part(part)),
            Input::Message(_, Say::Part(_)) => {
                self.parts += 1;
                if self.parts == PARTS {
                    self.shown += 1;
                    let took = self.begun.map_or(0, |begun| cx.now().0.saturating_sub(begun.0));
                    self.slowest = self.slowest.max(Duration::from_nanos(took));
                } else if self.manner == Manner::Naive {
                    cx.send(NodeId(2), Say::Get(self.parts));
                }
            }
            _ => {}
        }
    }
}

fn pages(manner: Manner) -> Sim<Page, Idle> {
    let page = Page { manner, begun: None, parts: 0, shown: 0, slowest: Duration::ZERO };
    Sim::new(2, move |_| page.clone(), Idle)
        .always("no reader leaves", || {
            |_, page: Option<&Page>| match page {
                Some(page) if page.slowest > PATIENCE => Err(format!("a page took {:?}", page.slowest)),
                _ => Ok(()),
            }
        })
        .finally("pages are shown", |world| match world.node(NodeId(1)) {
            Some(page) if page.shown >= 9 => Ok(()),
            _ => Err("too few pages".to_owned()),
        })
}

#[test]
fn ten_round_trips_are_ten_times_the_distance() {
    let far = Latency::Constant(Duration::from_millis(30));
    tell(pages, &|dials| dials.latency = far.clone(), 20, "a page took 600ms");
}
