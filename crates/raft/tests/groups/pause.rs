//! A node that was paused, and one whose messages come late: driven by hand, since clocks jump.

use core::time::Duration;
use synod_core::host::{Moment, Tail};
use synod_core::{Context, Effect, Input, Link, LogState, Lsn, NodeId, Protocol, SplitMix64, Time};
use synod_raft::groups::{Birth, Command, Event, GroupId, Groups, Letter, Message, Settings, Timer};
use synod_raft::{Command as Ask, EntryId, Message as Raft, Term};

pub(crate) struct Hand {
    groups: Groups,
    /// How far the disk is.
    pub(crate) durable: Lsn,
    tail: Tail,
    entropy: SplitMix64,
}

impl Hand {
    /// What the node says about its peers when this comes at so many milliseconds.
    fn at(&mut self, milliseconds: u64, input: Input<Groups>) -> Vec<Event> {
        let effects = self.effects(milliseconds, input).into_iter();
        let events = effects.filter_map(|effect| match effect {
            Effect::Emit { event: event @ Event::Peer { .. }, .. } => Some(event),
            _ => None,
        });
        events.collect()
    }

    pub(crate) fn effects(&mut self, milliseconds: u64, input: Input<Groups>) -> Vec<Effect<Groups>> {
        let now = Time::ZERO + Duration::from_millis(milliseconds);
        let moment = Moment { me: NodeId(1), now, wall: None, durable: self.durable };
        let mut effects: Vec<Effect<Groups>> = Vec::new();
        self.groups.step(input, &mut Context::new(moment, &mut self.tail, &mut self.entropy, &mut effects));
        effects
    }
}

pub(crate) fn hand() -> Hand {
    let groups = Groups::new(Settings::new(NodeId(1))).unwrap();
    let mut hand =
        Hand { groups, durable: Lsn(u64::MAX), tail: Tail::default(), entropy: SplitMix64::new(1) };
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
    assert!(!hand.groups.suspects(NodeId(2)) && hand.groups.suspects(NodeId(3)));
    assert_eq!(hand.at(11_500, Input::Timer(Timer)), [silent(2)]);
    assert!(hand.groups.suspects(NodeId(2)));
    assert_eq!(hand.at(11_510, hello(1)), [Event::Peer { id: NodeId(2), heard: true }]);
    assert!(!hand.groups.suspects(NodeId(2)));
    // Nor does it suspect anybody after a shorter pause, in which the others may have spoken in vain.
    assert_eq!(hand.at(11_600, Input::Timer(Timer)), []);
    assert_eq!(hand.at(12_300, Input::Timer(Timer)), []);
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
    assert_eq!(hand.at(610, hello(1)), []);
    assert_eq!(hand.at(620, hello(2)), [Event::Peer { id: NodeId(2), heard: true }]);
    assert_eq!(hand.at(630, hello(3)), [], "it has been restarted, and was not missed");
}

#[test]
fn nobody_is_missed_with_whom_no_group_is_shared_any_more() {
    let mut hand = hand();
    hand.at(10, Input::Command(Command::Remove { group: GroupId(1) }));
    for at in (100..2_000).step_by(100) {
        assert_eq!(hand.at(at, Input::Timer(Timer)), [], "at {at}");
    }
}

/// A driver that is told that there is nothing to do need not look.
#[test]
fn a_step_that_changes_nothing_asks_for_nothing() {
    let mut hand = hand();
    hand.at(0, Input::Flush);
    assert!(!hand.groups.wants_flush());
    let nothing = hand.effects(1, Input::Link(NodeId(2), Link::Up { version: 1 }));
    assert!(nothing.is_empty(), "{nothing:?}");
    assert!(!hand.groups.wants_flush());
    // Something waits to be sent, and then a group waits to be asked.
    let asked = Letter::Raft(Raft::PreVote { term: Term(1), last: EntryId::ZERO });
    hand.at(2, Input::Message(NodeId(2), Message { incarnation: 1, letters: vec![(GroupId(1), asked)] }));
    assert!(hand.groups.wants_flush());
    hand.at(2, Input::Flush);
    assert!(!hand.groups.wants_flush());
    let birth = Birth::founding([NodeId(1)]);
    hand.at(3, Input::Command(Command::Create { group: GroupId(2), birth }));
    let ask = |command| Input::Command(Command::Raft { group: GroupId(2), command });
    for input in [ask(Ask::Campaign), Input::Flush] {
        for effect in hand.effects(3, input) {
            if let Effect::Send { message, .. } = effect {
                hand.at(3, Input::Message(NodeId(1), message));
            }
        }
    }
    hand.at(3, Input::Flush);
    assert!(!hand.groups.wants_flush());
    hand.at(4, ask(Ask::Propose { token: 1, payload: "x".into() }));
    assert!(hand.groups.wants_flush());
}
