//! A node that was paused, and one whose messages come late: driven by hand, since clocks jump.

use core::time::Duration;
use synod_core::host::{Moment, Tail};
use synod_core::{Context, Effect, Input, LogState, Lsn, NodeId, Protocol, SplitMix64, Time};
use synod_raft::groups::{Birth, Command, Event, GroupId, Groups, Message, Settings, Timer};

struct Hand {
    groups: Groups,
    tail: Tail,
    entropy: SplitMix64,
}

impl Hand {
    /// What happens when this comes at so many milliseconds: what the node says about its peers.
    fn at(&mut self, milliseconds: u64, input: Input<Groups>) -> Vec<Event> {
        let now = Time::ZERO + Duration::from_millis(milliseconds);
        let moment = Moment { me: NodeId(1), now, wall: None, durable: Lsn(u64::MAX) };
        let mut effects: Vec<Effect<Groups>> = Vec::new();
        self.groups.step(input, &mut Context::new(moment, &mut self.tail, &mut self.entropy, &mut effects));
        let events = effects.into_iter().filter_map(|effect| match effect {
            Effect::Emit { event: event @ Event::Peer { .. }, .. } => Some(event),
            _ => None,
        });
        events.collect()
    }
}

fn hand() -> Hand {
    let groups = Groups::new(Settings::new(NodeId(1))).unwrap();
    let mut hand = Hand { groups, tail: Tail::default(), entropy: SplitMix64::new(1) };
    hand.at(0, Input::Start { incarnation: 1, log: LogState::Fresh });
    let birth = Birth::founding([1, 2, 3].map(NodeId));
    hand.at(0, Input::Command(Command::Create { group: GroupId(1), birth }));
    hand
}

fn hello(incarnation: u64) -> Input<Groups> {
    Input::Message(NodeId(2), Message { incarnation, letters: Vec::new() })
}

fn silent(id: u64) -> Event {
    Event::Peer { id: NodeId(id), heard: false }
}

#[test]
fn who_was_paused_suspects_nobody_before_it_has_listened() {
    let mut hand = hand();
    for at in (100..1_000).step_by(100) {
        hand.at(at, hello(1));
        let told = hand.at(at, Input::Timer(Timer));
        assert_eq!(told, if at == 500 { vec![silent(3)] } else { vec![] }, "at {at}");
    }
    // Ten seconds pass in which this node does nothing.
    assert_eq!(hand.at(11_000, Input::Timer(Timer)), []);
    for at in (11_100..11_500).step_by(100) {
        assert_eq!(hand.at(at, Input::Timer(Timer)), [], "at {at}");
    }
    assert_eq!(hand.at(11_500, Input::Timer(Timer)), [silent(2)]);
    assert_eq!(hand.at(11_510, hello(1)), [Event::Peer { id: NodeId(2), heard: true }]);
}

#[test]
fn what_an_earlier_life_has_said_is_no_sign_of_life() {
    let mut hand = hand();
    hand.at(50, hello(2));
    for at in (100..500).step_by(100) {
        hand.at(at, hello(1));
        hand.at(at, Input::Timer(Timer));
    }
    hand.at(500, Input::Timer(Timer));
    assert_eq!(hand.at(600, Input::Timer(Timer)), [silent(2)]);
}
