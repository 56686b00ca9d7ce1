//! **There is one administrator.** A sensor reports numbers to a collector and repeats what is not acknowledged. Its second build
//! packs several numbers into one message, which the first build cannot read. During a rolling upgrade a new sensor talks to an
//! old collector: whoever always speaks the newest version is not understood until the last node is upgraded, nor after a
//! rollback. The careful sensor listens to what the transport has agreed on ([`Link::Up`]) and speaks that.
//!
//! Dial: [`Fault::Rollout`] between two builds, upgrades and rollbacks in turn.

use super::{Manner, tell};
use core::time::Duration;
use std::collections::BTreeMap;
use synod_core::wire::{Reader, Wire, WireError, Writer};
use synod_core::{Context, Input, Link, Lsn, Never, NodeId, Protocol, Recovered, Sink, Time};
use synod_sim::{Fault, Idle, Rate, Sim};

#[derive(Clone, Debug, Hash)]
enum Say {
    One(u64),
    /// Since version 2.
    Many(Vec<u64>),
    Got(Vec<u64>),
}

impl Wire for Say {
    const LEN_MIN: usize = 5;

    fn encode(&self, out: &mut Writer<'_>) {
        let (tag, numbers) = match self {
            Self::One(number) => (1, core::slice::from_ref(number)),
            Self::Many(numbers) => (2, numbers.as_slice()),
            Self::Got(numbers) => (3, numbers.as_slice()),
        };
        out.u8(tag);
        out.count(numbers.len());
        numbers.iter().for_each(|number| out.u64(*number));
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let tag = input.u8()?;
        let numbers = Vec::decode(input)?;
        match (tag, numbers.as_slice()) {
            (1, [number]) => Ok(Self::One(*number)),
            (2, _) if input.version() >= 2 => Ok(Self::Many(numbers)),
            (3, _) => Ok(Self::Got(numbers)),
            _ => Err(WireError::UnknownTag { of: "say", tag }),
        }
    }
}

/// Node 1 is the sensor, node 2 the collector.
#[derive(Clone, Hash)]
struct Sensor {
    manner: Manner,
    /// The newest version that this build knows.
    newest: u8,
    agreed: u8,
    numbers: u64,
    waiting: BTreeMap<u64, Time>,
    late: Option<Duration>,
}

impl Protocol for Sensor {
    type Message = Say;
    type Timer = ();
    forgetful!();

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Start { .. } | Input::Timer(()) if cx.me() == NodeId(1) => {
                self.numbers += 1;
                self.waiting.insert(self.numbers, cx.now());
                let oldest = self.waiting.values().next().map_or(0, |since| cx.now().0 - since.0);
                self.late = Some(Duration::from_nanos(oldest));
                let speaks =
                    if self.manner == Manner::Naive { self.newest } else { self.agreed.min(self.newest) };
                let numbers: Vec<u64> = self.waiting.keys().copied().collect();
                if speaks >= 2 {
                    cx.send(NodeId(2), Say::Many(numbers));
                } else {
                    numbers.into_iter().for_each(|number| cx.send(NodeId(2), Say::One(number)));
                }
                cx.arm((), Duration::from_millis(50));
            }
            Input::Link(NodeId(2), Link::Up { version }) => self.agreed = version,
            Input::Message(from, Say::One(number)) => cx.send(from, Say::Got(vec![number])),
            Input::Message(from, Say::Many(numbers)) => cx.send(from, Say::Got(numbers)),
            Input::Message(_, Say::Got(numbers)) => {
                self.waiting.retain(|number, _| !numbers.contains(number));
            }
            _ => {}
        }
    }
}

const PATIENCE: Duration = Duration::from_millis(1_200);

fn sensors(manner: Manner) -> Sim<Sensor, Idle> {
    let build = move |newest| {
        let waiting = BTreeMap::new();
        move |_| Sensor { manner, newest, agreed: 1, numbers: 0, waiting: waiting.clone(), late: None }
    };
    Sim::new(2, build(1), Idle).wired(1).build(2, build(2)).storm(Duration::from_secs(20)).always(
        "reports arrive in time",
        || {
            |_, node: Option<&Sensor>| match node.and_then(|node| node.late) {
                Some(late) if late > PATIENCE => Err(format!("a report has waited {late:?}")),
                _ => Ok(()),
            }
        },
    )
}

#[test]
fn a_new_build_must_speak_the_old_version_to_an_old_build() {
    // One node after the other: each is down for a second, and two seconds pass between them.
    let lasting = (Duration::from_secs(4), Duration::from_secs(4));
    let rollouts = Rate { fault: Fault::Rollout, every: Duration::from_secs(5), lasting };
    let dial = |dials: &mut synod_sim::Dials| {
        dials.notices = true;
        dials.schedule = vec![rollouts];
    };
    tell(sensors, &dial, 15, "a report has waited");
}
