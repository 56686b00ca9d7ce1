//! Hybrid clocks keep the laws while their wall clocks jump back and forth and stand still, and over the edge of the counter; and the kit
//! notices hybrid clocks that do not.

use core::convert::Infallible;
use std::sync::Arc;
use synod_clocks::laws::{Law, Laws};
use synod_clocks::{Clock, Hlc, HlcPolicy, HlcStamp, NodeStamp, SetClock, UnixMillis, WallClock};
use synod_core::{Entropy, SplitMix64};

/// What the wall clocks do, and where the counters begin.
#[derive(Clone, Copy, Debug)]
struct Walls {
    /// They move by chance, or, where there is none, stand still.
    seed: Option<u64>,
    /// The counter of the stamp that each node believed before.
    counter: u16,
}

const STILL: Walls = Walls { seed: None, counter: 0 };

impl Walls {
    /// The moves of one node's wall clock, from event to event.
    fn of(self, node: u64) -> Moves {
        // Nodes' clocks differ by minutes.
        let wall = Arc::new(SetClock::new(UnixMillis::new(1_000_000 + 100_000 * node).unwrap()));
        Moves { wall, dice: self.seed.map(|seed| SplitMix64::new(seed * 1_000 + node)) }
    }
}

struct Moves {
    wall: Arc<SetClock>,
    dice: Option<SplitMix64>,
}

impl Moves {
    /// Moves with events alone, so that runs of the same execution see the same times, however often a clock reads.
    fn turn(&mut self) {
        let Some(dice) = &mut self.dice else { return };
        let now = self.wall.unix_millis().unwrap().get();
        let next = match dice.below(8) {
            0..=3 => now,
            4 => now + 1,
            5 => now + dice.below(200_000),
            6 => now.saturating_sub(7),
            _ => now.saturating_sub(dice.below(200_000)),
        };
        self.wall.set(UnixMillis::new(next).unwrap());
    }
}

/// A clock whose wall clock moves with its events.
struct Walled<C> {
    clock: C,
    moves: Moves,
}

impl<C: Clock> Clock for Walled<C> {
    type Stamp = C::Stamp;
    type Error = C::Error;

    fn tick(&mut self) -> Result<C::Stamp, C::Error> {
        self.moves.turn();
        self.clock.tick()
    }

    fn merge(&mut self, stamp: &C::Stamp) -> Result<(), C::Error> {
        self.clock.merge(stamp)
    }

    fn receive(&mut self, stamp: &C::Stamp) -> Result<C::Stamp, C::Error> {
        self.moves.turn();
        self.clock.receive(stamp)
    }
}

/// Nodes with walls of their own, of which each has believed a stamp of its own millisecond.
fn system<C>(
    walls: Walls,
    nodes: usize,
    clock: impl Fn(u64, Arc<SetClock>, HlcStamp) -> C,
) -> Vec<Walled<C>> {
    let node = |node| {
        let moves = walls.of(node);
        let believed = HlcStamp::new(moves.wall.unix_millis().unwrap(), walls.counter);
        Walled { clock: clock(node, Arc::clone(&moves.wall), believed), moves }
    };
    (0..nodes as u64).map(node).collect()
}

#[test]
fn hybrid_clocks_keep_the_laws_whatever_their_wall_clocks_do() {
    let policy = HlcPolicy { remote_ahead_ms_max: u64::MAX, ..HlcPolicy::default() };
    let seeds =
        (0..9).map(|seed| Walls { seed: Some(seed), counter: [0, 0xfffe, 0xfff8][seed as usize % 3] });
    for walls in seeds.chain([STILL, Walls { counter: 0xfffe, ..STILL }]) {
        let hybrid = |node, wall: Arc<SetClock>, believed| {
            let clock = Arc::new(Hlc::volatile(move || wall.unix_millis(), policy));
            clock.merge(believed).unwrap();
            clock.node(node)
        };
        let laws = Laws { exhaustive_steps: 3, executions: 120, ..Laws::default() };
        laws.check(|nodes| system(walls, nodes, hybrid))
            .unwrap_or_else(|broken| panic!("{walls:?}: {broken}"));
    }
}

/// A hybrid clock with a mistake in it.
struct Broken<const MISTAKE: u8> {
    node: u64,
    wall: Arc<SetClock>,
    last: u64,
    /// What the wall clock showed last.
    read: u64,
}

/// The counter is increased without a look at the millisecond: after the last one comes the first.
const COUNTER_WRAPS: u8 = 0;
/// When the wall clock is set back, so are the stamps.
const FOLLOWS_THE_WALL_BACK: u8 = 1;
/// The millisecond of a message is learnt, and not its counter.
const FORGETS_THE_COUNTER: u8 = 2;

impl<const MISTAKE: u8> Broken<MISTAKE> {
    fn advance(&mut self, past: u64) -> NodeStamp<u64> {
        let physical = self.wall.unix_millis().unwrap().get() << 16;
        let past = if MISTAKE == FORGETS_THE_COUNTER { past & !0xffff } else { past };
        let previous = self.last.max(past);
        self.last = match MISTAKE {
            FOLLOWS_THE_WALL_BACK if physical < self.read => physical.max(past + 1),
            _ if physical > previous => physical,
            COUNTER_WRAPS => previous & !0xffff | (previous + 1) & 0xffff,
            _ => previous + 1,
        };
        self.read = physical;
        NodeStamp { stamp: HlcStamp::from_bits(self.last), node: self.node }
    }
}

impl<const MISTAKE: u8> Clock for Broken<MISTAKE> {
    type Stamp = NodeStamp<u64>;
    type Error = Infallible;

    fn tick(&mut self) -> Result<Self::Stamp, Infallible> {
        Ok(self.advance(0))
    }

    fn merge(&mut self, stamp: &Self::Stamp) -> Result<(), Infallible> {
        self.last = self.last.max(stamp.stamp.get());
        Ok(())
    }

    fn receive(&mut self, stamp: &Self::Stamp) -> Result<Self::Stamp, Infallible> {
        Ok(self.advance(stamp.stamp.get()))
    }
}

/// In how many steps the kit shows the mistake; `None` where it does not notice.
fn caught<const MISTAKE: u8>(walls: Walls) -> Option<(Law, usize)> {
    let broken =
        |node, wall, believed: HlcStamp| Broken::<MISTAKE> { node, wall, last: believed.get(), read: 0 };
    let laws = Laws { exhaustive_steps: 3, executions: 100, ..Laws::default() };
    let violation = laws.check(|nodes| system(walls, nodes, broken)).err()?;
    Some((violation.law, violation.steps.len()))
}

#[test]
fn the_kit_catches_planted_mistakes_of_hybrid_clocks_in_few_steps() {
    let edge = Walls { counter: 0xfffe, ..STILL };
    let moving = Walls { seed: Some(1), ..STILL };
    assert_eq!(caught::<COUNTER_WRAPS>(edge), Some((Law::Guarantee, 2)));
    assert_eq!(caught::<FOLLOWS_THE_WALL_BACK>(moving), Some((Law::Guarantee, 2)));
    assert_eq!(caught::<FORGETS_THE_COUNTER>(STILL), Some((Law::Guarantee, 2)));
    // It takes the edge and the moves: without them two of the three pass.
    assert_eq!((caught::<COUNTER_WRAPS>(STILL), caught::<FOLLOWS_THE_WALL_BACK>(STILL)), (None, None));
    assert_eq!(caught::<COUNTER_WRAPS>(moving), None);
    assert_eq!(caught::<{ u8::MAX }>(Walls { counter: 0xfffe, ..moving }), None, "nothing is planted");
}
