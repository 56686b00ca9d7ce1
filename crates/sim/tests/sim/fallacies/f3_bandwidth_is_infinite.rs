//! **Bandwidth is infinite.** A primary says every 20 ms that it is alive, and sends a snapshot of a megabyte to its standby in one
//! message. On a link of a megabyte a second the snapshot occupies the queue for a second; the heartbeats behind it are late, the
//! standby believes the primary dead and takes over: now there are two. The careful primary sends the snapshot in small pieces, the
//! next when the last has arrived, so that a heartbeat never waits for more than one of them.
//!
//! Dial: [`Dials::bandwidth`](synod_sim::Dials::bandwidth).

use super::{Manner, tell};
use core::time::Duration;
use synod_core::wire::{Reader, Wire, WireError, Writer};
use synod_core::{Bytes, Context, Input, Lsn, Never, NodeId, Protocol, Recovered, Sink};
use synod_sim::{Bandwidth, Idle, Sim};

#[derive(Clone, Debug, Hash)]
enum Say {
    Alive,
    Piece(Bytes),
    Got,
}

impl Wire for Say {
    const LEN_MIN: usize = 1;

    fn encode(&self, out: &mut Writer<'_>) {
        match self {
            Self::Alive => out.u8(1),
            Self::Piece(bytes) => {
                out.u8(2);
                bytes.encode(out);
            }
            Self::Got => out.u8(3),
        }
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(match input.u8()? {
            1 => Self::Alive,
            2 => Self::Piece(Bytes::decode(input)?),
            3 => Self::Got,
            tag => return Err(WireError::UnknownTag { of: "say", tag }),
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Alarm {
    Beat,
    Snapshot,
    Silence,
}

/// Node 1 is the primary, node 2 its standby.
#[derive(Clone, Hash)]
struct Standby {
    manner: Manner,
    left: usize,
    received: usize,
    took_over: bool,
}

const SNAPSHOT: usize = 1_000_000;
const PIECE: usize = 16_384;

impl Standby {
    fn send_piece<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let most = if self.manner == Manner::Naive { SNAPSHOT } else { PIECE };
        let len = self.left.min(most);
        self.left -= len;
        if len > 0 {
            cx.send(NodeId(2), Say::Piece(Bytes::from(vec![7; len])));
        }
    }
}

impl Protocol for Standby {
    type Message = Say;
    type Timer = Alarm;
    forgetful!();

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Start { .. } if cx.me() == NodeId(1) => {
                cx.arm(Alarm::Beat, Duration::ZERO);
                cx.arm(Alarm::Snapshot, Duration::from_secs(1));
            }
            Input::Start { .. } => cx.arm(Alarm::Silence, Duration::from_millis(300)),
            Input::Timer(Alarm::Beat) => {
                cx.send(NodeId(2), Say::Alive);
                cx.arm(Alarm::Beat, Duration::from_millis(20));
            }
            Input::Timer(Alarm::Snapshot) => {
                self.left = SNAPSHOT;
                self.send_piece(cx);
            }
            Input::Timer(Alarm::Silence) => self.took_over = true,
            Input::Message(_, Say::Alive) => cx.arm(Alarm::Silence, Duration::from_millis(300)),
            Input::Message(from, Say::Piece(bytes)) => {
                self.received += bytes.len();
                cx.send(from, Say::Got);
            }
            Input::Message(_, Say::Got) => self.send_piece(cx),
            _ => {}
        }
    }
}

fn pair(manner: Manner) -> Sim<Standby, Idle> {
    let node = Standby { manner, left: 0, received: 0, took_over: false };
    Sim::new(2, move |_| node.clone(), Idle)
        .wired(1)
        .storm(Duration::from_secs(4))
        .always("there is one primary", || {
            |_, node: Option<&Standby>| match node {
                Some(node) if node.took_over => Err("the standby took over from a living primary".to_owned()),
                _ => Ok(()),
            }
        })
        .finally("the snapshot arrives", |world| match world.node(NodeId(2)) {
            Some(node) if node.received == SNAPSHOT => Ok(()),
            _ => Err("it did not".to_owned()),
        })
}

#[test]
fn a_snapshot_in_one_message_delays_the_heartbeats_behind_it() {
    let line = Bandwidth { bytes_per_sec: 1_000_000, queue_bytes_max: 4 << 20, lanes: false };
    tell(pair, &|dials| dials.bandwidth = Some(line), 20, "the standby took over from a living primary");
}

#[test]
fn lanes_that_are_queued_apart_would_not_help_who_uses_only_one() {
    let line = Bandwidth { bytes_per_sec: 1_000_000, queue_bytes_max: 4 << 20, lanes: true };
    tell(pair, &|dials| dials.bandwidth = Some(line), 20, "the standby took over from a living primary");
}
