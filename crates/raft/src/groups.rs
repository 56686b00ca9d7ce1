//! Many groups on one node: one transport, one log, one timer, one sign of life for each pair of nodes, and rest for who has nothing to do.
//!
//! [`Groups`] is a [`Protocol`] made of many [`Raft`]s. A partitioned store has one group for each partition and thousands of them on
//! a node; each is the Raft of this crate, unchanged, so all that is said of one holds for each of them.
//!
//! ```
//! use std::{collections::BTreeMap, time::Duration};
//! use synod_core::{Input, NodeId, testing::{Bench, Output}};
//! use synod_raft::{Role, groups::{Birth, Command, GroupId, Groups, Settings}};
//!
//! let ids = [1, 2, 3].map(NodeId);
//! let mut nodes: BTreeMap<NodeId, Bench<Groups>> = BTreeMap::new();
//! for id in ids {
//!     let mut node = Bench::new(id, Groups::new(Settings::new(id)).unwrap());
//!     node.start().unwrap();
//!     for group in (1..=100).map(GroupId) {
//!         node.input(Input::Command(Command::Create { group, birth: Birth::founding(ids) }));
//!     }
//!     nodes.insert(id, node);
//! }
//!
//! // A second and a half: elections, and then there is nothing to do.
//! for _millisecond in 0..1_500 {
//!     let mut sent = Vec::new();
//!     for (from, node) in &mut nodes {
//!         node.advance(Duration::from_millis(1));
//!         node.sync().unwrap();
//!         for output in node.take() {
//!             if let Output::Send { to, message, .. } = output {
//!                 sent.push((*from, to, message));
//!             }
//!         }
//!     }
//!     for (from, to, message) in sent {
//!         nodes.get_mut(&to).unwrap().input(Input::Message(from, message));
//!     }
//! }
//! let leads = |node: &Bench<Groups>| node.protocol.groups().filter(|(_, raft)| raft.role() == Role::Leader).count();
//! assert_eq!(nodes.values().map(leads).sum::<usize>(), 100);
//! assert!(nodes.values().all(|node| node.protocol.resting() == 100)); // no timers, no heartbeats
//! ```
//!
//! # What is shared
//! * **One message.** What the groups of a node say to another node within a burst leaves as one [`Message`] for each lane when the
//!   burst ends. Heartbeats of all groups are sent at the same multiples of [`Config::heartbeat_interval`](crate::Config::heartbeat_interval), so they are one message for
//!   each peer and interval, and their answers are one.
//! * **One log.** Records carry their group. A promise waits for the group's own records: messages that wait for records of one burst
//!   wait for all of that burst, which the driver syncs as one. A group that compacts gives back its part ([`Floors`]); one that does
//!   nothing writes the little that it needs anew when the log asks ([`Input::Rewrite`]).
//! * **One timer.** The driver is asked for one; which group is due when, this value knows.
//!
//! # Rest
//! A group whose leader has had nothing to do for [`Settings::rest_after`] heartbeats asks its followers, by a heartbeat, to rest. Whoever has
//! the whole log, knows that it is committed, and waits for nothing, agrees and stops its timer; when all have agreed, the leader
//! stops its own. From then on the group costs memory alone. It wakes
//! * when the application wants anything of it but [`Command::Compact`](crate::Command::Compact), at the leader or at a follower, which wakes the leader;
//! * when anybody speaks in it: a candidate is never refused in the sleep of its voters;
//! * when the *node* of its leader is not heard for [`Settings::suspect_after`], or has been restarted: then its followers wait a random
//!   election timeout each, and campaign.
//!
//! Resting touches timers and nothing else, so it cannot break what Raft promises. Leases lapse in the sleep as they do otherwise; the
//! first read after it asks a quorum. What it could break is progress, and did elsewhere. These are the bugs that it taught others, with
//! the tests (in `tests/raft/groups`) that have them planted or acted out:
//!
//! | what went wrong | where | test |
//! |---|---|---|
//! | a leader rested and a follower did not: it campaigned for nothing | cockroach 9372 | `nobody_rests_before_all_have_agreed`, `nobody_campaigns_because_the_rest_rests` |
//! | a proposal did not wake the leader | tikv 6736 | `a_proposal_that_is_lost_is_sent_again` |
//! | the leader's node died and nobody noticed | cockroach 9383 | `a_dead_node_is_missed_by_all_that_rest_under_it` |
//! | a node that rested refused a candidate, and rested on | tikv 16429, 18886 | `a_candidate_wakes_its_voters` |
//! | groups rested while a node was away, and it stayed behind when it came back | tikv 9022, tiflash 1218 | `who_comes_back_is_brought_up_to_date` |
//! | a node that was away kept all its groups awake | cockroach 9446 | `a_group_rests_without_a_node_that_is_away`: a quorum suffices |
//! | groups rested without anybody to make a quorum, and nobody stepped down | cockroach 9383 | the same |
//! | rested with something in flight, or not applied | cockroach 46699, 48082 | `nobody_rests_before_everything_is_committed_and_known` |
//! | events of the link changed the leader's books in its sleep | cockroach 104212 | `a_link_that_flaps_wakes_nobody` |
//! | a follower that was woken unseated a leader that rested and was alive | tikv 18886, cockroach 26257 | `one_cut_link_does_not_unseat_a_leader_that_rests` |
//! | a leader that was woken stepped down before anybody could answer | cockroach 9383 | `who_wakes_gives_everybody_time_to_answer` |
//! | a lease from before the rest | tikv 9239 and its kin | `a_lease_does_not_outlast_the_rest` |
//! | a record of an earlier group of the name was taken for its own | tikv 8381 | `a_group_of_the_same_name_has_none_of_the_old_records` |
//! | the leader's node is alive and does not have the group any more | tikv's peers without a leader | `who_rests_under_a_group_that_was_removed_finds_out` |
//!
//! # What it costs
//! `cargo xtask bench groups` measures idle and active nodes of 10 to 10,000 groups. At rest a node sends each other node one message for
//! each [`Settings::beat_interval`], however many groups they share; with it go questions about up to 16 resting groups, in turn, so
//! that one which is not led any more is found out whatever the reason.
//!
//! # What it does not do
//! Sleep through hiccups: a node that was cut off for [`Settings::suspect_after`] wakes what rests under the others, and its questions
//! wake them when it is back (cockroach 51894 has a way around this). Rest while a follower's [`Config::priority`](crate::Config::priority) is set: it asks for the leadership again and again. Learn of silence faster than
//! [`Settings::suspect_after`]. Move a group to another log. Explore: the timers of the groups are in here, and durations are no part of a
//! model; explore one [`Raft`].

mod event;
mod message;
mod outbox;
mod peers;
mod place;
mod record;
mod recovery;
mod rest;
mod settings;
mod wheel;

pub use event::{Command, Event, GroupsError, Refusal, SettingsError};
pub use message::{Beat, Letter, Message};
pub use record::{Birth, Record};
pub use settings::{GroupId, Settings};

use crate::log::Ghost;
use crate::roster::Seats;
use crate::{ConfigError, Raft};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use outbox::Outbox;
use peers::Peers;
use place::Place;
use recovery::Recovery;
use rest::{Cause, Rest};
use synod_core::{Context, Floors, Input, Lane, Lsn, NodeId, Protocol, Recovered, Sink, Time, mutant};
use wheel::{Alarms, Wheel};

type Error = GroupsError;

/// The one timer of a node of many groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer;

/// A node of many groups.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Groups {
    settings: Settings,
    groups: BTreeMap<GroupId, Group>,
    /// Groups that were removed here, and their last lives: what was promised in them is forgotten.
    removed: BTreeMap<GroupId, u64>,
    /// Where the oldest record stands that says so.
    removed_at: Lsn,
    /// The last life that was given to a group.
    life: u64,
    incarnation: u64,
    floors: Floors<Option<GroupId>>,
    recovery: Recovery,
    outbox: Outbox,
    /// Groups that have something to do at the end of the burst.
    restless: Vec<GroupId>,
    wheel: Wheel,
    /// When the driver's timer runs out.
    armed: Option<Time>,
    peers: Peers,
    /// When the next sign of life is due.
    beat_at: Time,
    /// Who rests, by the node that leads.
    resting: BTreeMap<NodeId, BTreeSet<GroupId>>,
}

/// One group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Group {
    raft: Raft,
    /// Its own last forced record.
    promised: Lsn,
    life: u64,
    birth: Birth,
    /// Where the newest record of its creation stands.
    created: Ghost,
    alarms: Alarms,
    rest: Rest,
    /// Whether it stands among the restless.
    listed: bool,
    /// Whose members are counted as peers.
    counted: Option<Arc<Seats>>,
    /// How many records recovery has given it, and how many might have been its own and cannot be read.
    recovered: u64,
    damaged: u64,
}

/// What a group is made to do.
enum Act {
    Step(Input<Raft>),
    Rest,
    Wake { loyal: bool },
}

impl Group {
    fn new(settings: &Settings, life: u64, created: Lsn, birth: Birth) -> Result<Self, ConfigError> {
        Ok(Self {
            raft: Raft::new(settings.config(&birth))?,
            promised: Lsn::ZERO,
            life,
            birth,
            created: Ghost(created.0),
            alarms: Alarms::default(),
            rest: Rest::AWAKE,
            listed: false,
            counted: None,
            recovered: 0,
            damaged: 0,
        })
    }
}

impl Groups {
    /// A node without groups; [`recover`](Protocol::recover) gives it back those that its log knows.
    ///
    /// # Errors
    /// When the settings cannot work.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.config(&Birth::founding([settings.raft.id])).validated()?;
        let (interval, suspect_after) = (settings.beat_interval, settings.suspect_after);
        if interval.is_zero() || suspect_after < interval * 3 {
            return Err(SettingsError::Beat { interval, suspect_after });
        }
        Ok(Self {
            settings,
            groups: BTreeMap::new(),
            removed: BTreeMap::new(),
            removed_at: Lsn::ZERO,
            life: 0,
            incarnation: 0,
            floors: Floors::default(),
            recovery: Recovery::default(),
            outbox: Outbox::default(),
            restless: Vec::new(),
            wheel: Wheel::default(),
            armed: None,
            peers: Peers::default(),
            beat_at: Time::ZERO,
            resting: BTreeMap::new(),
        })
    }

    /// This node.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.settings.raft.id
    }

    /// A group. O(log groups).
    #[must_use]
    pub fn group(&self, id: GroupId) -> Option<&Raft> {
        self.groups.get(&id).map(|group| &group.raft)
    }

    /// All groups, by name.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = (GroupId, &Raft)> {
        self.groups.iter().map(|(id, group)| (*id, &group.raft))
    }

    /// Whether a group rests here. O(log groups).
    #[must_use]
    pub fn rests(&self, id: GroupId) -> bool {
        self.groups.get(&id).is_some_and(|group| matches!(group.rest, Rest::Resting { .. }))
    }

    /// How many groups rest here. O(nodes).
    #[must_use]
    pub fn resting(&self) -> usize {
        self.resting.values().map(BTreeSet::len).sum()
    }

    /// Whether a node that shares a group with this one has not been heard for too long.
    #[must_use]
    pub fn suspects(&self, id: NodeId) -> bool {
        self.peers.is_suspected(id)
    }

    /// Makes one group do something, and looks at what has become of it.
    fn run<S: Sink<Self> + ?Sized>(&mut self, id: GroupId, act: Act, cx: &mut Context<'_, Self, S>) {
        let (now, durable) = (cx.now(), cx.durable());
        let Some(group) = self.groups.get_mut(&id) else { return };
        let beats = matches!(act, Act::Step(Input::Timer(crate::Timer::Heartbeat)));
        let mut place = Place {
            group: id,
            life: group.life,
            incarnation: self.incarnation,
            created: Lsn(group.created.0),
            asks: beats && matches!(group.rest, Rest::Asking { .. }),
            now,
            durable,
            grid: self.settings.raft.heartbeat_interval,
            outbox: &mut self.outbox,
            wheel: &mut self.wheel,
            alarms: &mut group.alarms,
            floors: &mut self.floors,
        };
        let raft = &mut group.raft;
        cx.slot(&mut place, &mut group.promised, |cx| match act {
            Act::Step(input) => raft.step(input, cx),
            Act::Rest => raft.rest(cx),
            Act::Wake { loyal } => raft.wake(loyal, cx),
        });
        self.outbox.wrote(group.promised);
        if group.raft.wants_flush() && !core::mem::replace(&mut group.listed, true) {
            self.restless.push(id);
        }
        if group.counted.as_ref().is_none_or(|counted| !Arc::ptr_eq(counted, &group.raft.seats)) {
            let before = group.counted.replace(group.raft.seats.clone());
            let now_in = group.raft.seats.clone();
            self.count_peers(&now_in.all, before.as_ref().map_or(&[], |seats| &seats.all), cx);
        }
        self.check_rest(id, cx);
    }

    /// Members come and go.
    fn count_peers<S: Sink<Self> + ?Sized>(
        &mut self,
        come: &[NodeId],
        gone: &[NodeId],
        cx: &Context<'_, Self, S>,
    ) {
        for id in come.iter().filter(|id| **id != cx.me()) {
            self.peers.join(*id, cx.now());
        }
        for id in gone.iter().filter(|id| **id != cx.me()) {
            self.peers.leave(*id);
        }
    }

    fn on_command<S: Sink<Self> + ?Sized>(&mut self, command: Command, cx: &mut Context<'_, Self, S>) {
        let done = match command {
            Command::Raft { group, command } if self.groups.contains_key(&group) => {
                let wakes = !matches!(command, crate::Command::Compact { .. });
                if mutant!(wakes, "proposal-does-not-wake" => wakes && !matches!(command, crate::Command::Propose { .. }))
                {
                    self.disturb(group, Cause::Application, cx);
                }
                return self.run(group, Act::Step(Input::Command(command)), cx);
            }
            Command::Raft { .. } => Err(Refusal::Unknown),
            Command::Create { group, ref birth } => self.create(group, birth, cx),
            Command::Remove { group } => self.remove(group, cx),
        };
        if let Err(reason) = done {
            // Early: nothing was done.
            cx.emit_early(Event::Refused { command: Box::new(command), reason });
        }
    }

    fn create<S: Sink<Self> + ?Sized>(
        &mut self,
        id: GroupId,
        birth: &Birth,
        cx: &mut Context<'_, Self, S>,
    ) -> Result<(), Refusal> {
        if self.groups.contains_key(&id) {
            return Err(Refusal::Exists);
        }
        if self.removed.contains_key(&id) && *birth != Birth::Rejoining {
            return Err(Refusal::Forgotten);
        }
        let life = self.life + 1;
        let mut group = Group::new(&self.settings, life, Lsn::ZERO, birth.clone())?;
        self.life = life;
        self.removed.remove(&id);
        let at = cx.persist(Record::Created { group: id, life, birth: birth.clone() });
        group.created.0 = at.0;
        self.outbox.wrote(at);
        self.groups.insert(id, group);
        let released = self.floors.release(Some(id), Lsn(at.0.saturating_sub(1)), at);
        self.give_back(released, cx);
        cx.emit(Event::Created { group: id });
        let start = Input::Start { incarnation: self.incarnation, log: synod_core::LogState::Fresh };
        self.run(id, Act::Step(start), cx);
        Ok(())
    }

    fn remove<S: Sink<Self> + ?Sized>(
        &mut self,
        id: GroupId,
        cx: &mut Context<'_, Self, S>,
    ) -> Result<(), Refusal> {
        let mut group = self.groups.remove(&id).ok_or(Refusal::Unknown)?;
        self.wheel.forget(id, &mut group.alarms);
        self.forget_rest(id, &group.rest);
        if let Some(seats) = group.counted {
            self.count_peers(&[], &seats.all, cx);
        }
        let at = cx.persist(Record::Removed([(id, group.life)].into()));
        self.outbox.wrote(at);
        if self.removed.is_empty() {
            self.removed_at = at;
            let released = self.floors.release(None, Lsn(at.0.saturating_sub(1)), at);
            self.give_back(released, cx);
        }
        self.removed.insert(id, group.life);
        let released = self.floors.remove(&Some(id));
        self.give_back(released.map(|(upto, after)| (upto, after.max(at))), cx);
        cx.emit(Event::Removed { group: id });
        Ok(())
    }

    fn on_message<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        message: Message,
        cx: &mut Context<'_, Self, S>,
    ) {
        if from != cx.me() {
            self.on_sign_of_life(from, message.incarnation, cx);
        }
        for (addressed, letter) in message.letters {
            let id = mutant!(addressed, "letter-to-another-group" => self.another(addressed));
            if !self.groups.contains_key(&id) {
                self.on_strange_letter(from, id, &letter, cx);
                continue;
            }
            match letter {
                Letter::Raft(message) => {
                    if !self.is_routine(from, id, &message, cx.me()) {
                        self.disturb(id, Self::cause(&message), cx);
                    }
                    self.run(id, Act::Step(Input::Message(from, message)), cx);
                }
                // Nobody says these to oneself.
                _ if from == cx.me() => {}
                Letter::Rest(beat) => self.on_rest(from, id, &beat, cx),
                Letter::Rests { term, last } => self.on_rests(from, id, (term, last), cx),
                Letter::Wake { .. } => self.on_wake(from, id, cx),
                Letter::Audit { term } => self.on_audit(from, id, term),
            }
        }
    }

    /// What nobody may do: a planted bug.
    #[cfg(synod_mutants)]
    fn another(&self, id: GroupId) -> GroupId {
        self.groups.keys().copied().find(|other| *other > id).unwrap_or(id)
    }

    /// Why somebody speaks: entries are the leader's, everything else might be anybody's.
    fn cause(message: &crate::Message) -> Cause {
        match message {
            crate::Message::Append { entries, .. } if !entries.is_empty() => Cause::Leader,
            _ => Cause::Peer,
        }
    }

    fn on_strange_letter<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        id: GroupId,
        letter: &Letter,
        cx: &mut Context<'_, Self, S>,
    ) {
        match letter {
            Letter::Audit { term } if from != cx.me() => self.on_audit(from, id, *term),
            Letter::Raft(_) | Letter::Rest(_) if !self.removed.contains_key(&id) => {
                // Early: says what was seen.
                cx.emit_early(Event::Stranger { group: id, from });
            }
            _ => {}
        }
    }

    /// The driver's timer has run out: whose time has come?
    fn on_timer<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let now = cx.now();
        self.armed = None;
        while let Some(id) = self.wheel.due(now) {
            if let Some(group) = self.groups.get_mut(&id) {
                group.alarms.unqueued();
            }
            while let Some(timer) = self.groups.get_mut(&id).and_then(|group| group.alarms.take(now)) {
                if timer == crate::Timer::Heartbeat {
                    self.before_heartbeat(id);
                }
                self.run(id, Act::Step(Input::Timer(timer)), cx);
                if timer == crate::Timer::Heartbeat {
                    self.try_rest(id, cx);
                }
            }
            if let Some(group) = self.groups.get_mut(&id) {
                self.wheel.back(id, &mut group.alarms);
            }
        }
        if now >= self.beat_at && !self.peers.is_empty() {
            self.on_beat(cx);
        }
    }

    /// The burst is over: every group has its say, and what was said leaves.
    fn on_flush<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        for id in core::mem::take(&mut self.restless) {
            if let Some(group) = self.groups.get_mut(&id) {
                group.listed = false;
            }
            self.run(id, Act::Step(Input::Flush), cx);
        }
        for parcel in self.outbox.pack() {
            let (to, after, message) = parcel.message(self.incarnation);
            if after == Lsn::ZERO && Self::lane(&message) == Lane::Control {
                self.peers.sent(to, cx.now());
            }
            cx.send_after(after, to, message);
        }
    }

    /// Asks the driver to call when somebody's time has come.
    fn set_timer<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let beat = (!self.peers.is_empty()).then_some(self.beat_at);
        let next = self.wheel.next().into_iter().chain(beat).min();
        // Put off, it fires early and is armed again.
        if let Some(next) = next.filter(|next| self.armed.is_none_or(|armed| *next < armed)) {
            self.armed = Some(next);
            cx.arm(Timer, next.since(cx.now()));
        }
    }
}

impl Protocol for Groups {
    type Message = Message;
    type Record = Record;
    type Command = Command;
    type Event = Event;
    type Timer = Timer;
    type Job = (GroupId, crate::Job);
    type Done = (GroupId, crate::Done);
    type Error = GroupsError;

    fn recover(&mut self, at: Lsn, record: Recovered<Record>) -> Result<(), GroupsError> {
        self.take_back(at, record)
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Start { incarnation, log } => self.on_start(incarnation, log, cx),
            Input::Message(from, message) => self.on_message(from, message, cx),
            Input::Timer(Timer) => self.on_timer(cx),
            Input::Command(command) => self.on_command(command, cx),
            Input::Done((id, done)) => self.run(id, Act::Step(Input::Done(done)), cx),
            Input::Link(peer, link) => {
                // Who rests has nothing on its way, and asks everybody anyway when it wakes.
                let awake = |group: &Group| !matches!(group.rest, Rest::Resting { .. });
                let awake = self.groups.iter().filter(|(_, group)| awake(group)).map(|(id, _)| *id);
                for id in awake.collect::<Vec<_>>() {
                    self.run(id, Act::Step(Input::Link(peer, link)), cx);
                }
            }
            Input::Flush => self.on_flush(cx),
            Input::Rewrite(below) => self.on_rewrite(below, cx),
        }
        self.set_timer(cx);
    }

    fn wants_flush(&self) -> bool {
        !self.restless.is_empty() || !self.outbox.is_empty()
    }

    /// Letters of different lanes do not travel together.
    fn lane(message: &Message) -> Lane {
        match message.letters.first() {
            Some((_, Letter::Raft(letter))) => Raft::lane(letter),
            _ => Lane::Control,
        }
    }
}
