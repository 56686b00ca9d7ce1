//! What many groups on one node cost: idle, with and without rest, and at work.
//!
//! **Workload.** Three nodes in one thread, each with a replica of every group; logs in memory, durable within a millisecond; messages
//! arrive a millisecond later. Virtual time advances in steps of a millisecond; all settings are the defaults (heartbeats every 30 ms,
//! signs of life every 100 ms). *Idle*: for three virtual seconds nobody asks for anything. *At work*: one proposal of 64 B goes to the leader of every group, and
//! all three replicas have to be given it; ten milliseconds later the next. Heartbeats that fall into that time are counted in.
//!
//! What is compared is `synod-raft` with itself: letters are what as many separate Rafts would send as messages of their own. CPU time is that
//! of all three nodes together, the bench that drives them included; memory is what the allocator has given out, by three replicas for
//! each group, their logs included. No other library that is compared here runs many groups.
#![expect(clippy::expect_used, reason = "a benchmark that goes wrong should stop")]

use core::time::Duration;
use cpu_time::ProcessTime;
use stats_alloc::Region;
use std::alloc::System;
use std::collections::VecDeque;
use synod_core::testing::{Bench, Output};
use synod_core::{Bytes, Input, NodeId};
use synod_raft::Role;
use synod_raft::groups::{Birth, Command, Event, GroupId, Groups, Message, Settings};

#[global_allocator]
static ALLOCATOR: &stats_alloc::StatsAlloc<System> = &stats_alloc::INSTRUMENTED_SYSTEM;

const IDLE_SECONDS: u64 = 3;
const ROUNDS: u64 = 10;

fn main() {
    println!("Many groups on three nodes; CPU of all three together, per virtual second when idle");
    println!(
        "| groups | rest | letters/s idle | messages/s idle | CPU µs/s idle | bytes/replica | CPU µs/proposal |"
    );
    println!("|---|---|---|---|---|---|---|");
    for count in [10, 100, 1_000, 10_000] {
        for hibernate in [false, true] {
            row(count, hibernate);
        }
    }
}

fn row(count: u64, hibernate: bool) {
    let before = Region::new(ALLOCATOR);
    let mut world = World::new(count, hibernate);
    world.settle();
    let stats = before.change();
    let bytes = stats.bytes_allocated.saturating_sub(stats.bytes_deallocated) as u64 / (3 * count);
    world.run(500);
    (world.messages, world.letters) = (0, 0);
    let begin = ProcessTime::now();
    world.run(IDLE_SECONDS * 1_000);
    let idle = begin.elapsed().as_secs_f64() * 1e6 / IDLE_SECONDS as f64;
    let (letters, messages) = (world.letters / IDLE_SECONDS, world.messages / IDLE_SECONDS);
    // The first round wakes everybody.
    world.propose();
    world.run(20);
    let begin = ProcessTime::now();
    for _ in 0..ROUNDS {
        world.propose();
        world.run(10);
    }
    let busy = begin.elapsed().as_secs_f64() * 1e6;
    world.run(20);
    assert_eq!(world.committed, 3 * (ROUNDS + 1) * count, "every replica was given every entry");
    let rest = if hibernate { "yes" } else { "no" };
    println!(
        "| {count} | {rest} | {letters} | {messages} | {idle:.0} | {bytes} | {:.2} |",
        busy / (ROUNDS * count) as f64
    );
}

struct World {
    nodes: Vec<Bench<Groups>>,
    flying: VecDeque<(u64, NodeId, NodeId, Message)>,
    now: u64,
    messages: u64,
    letters: u64,
    committed: u64,
    count: u64,
    hibernate: bool,
}

impl World {
    fn new(count: u64, hibernate: bool) -> Self {
        let ids = [1, 2, 3].map(NodeId);
        let node = |id: NodeId| {
            let mut settings = Settings::new(id);
            settings.hibernate = hibernate;
            let mut node = Bench::new(id, Groups::new(settings).expect("settings that work"));
            node.start().expect("a fresh log");
            for group in (1..=count).map(GroupId) {
                node.input(Input::Command(Command::Create { group, birth: Birth::founding(ids) }));
            }
            node
        };
        let nodes = ids.into_iter().map(node).collect();
        Self {
            nodes,
            flying: VecDeque::new(),
            now: 0,
            messages: 0,
            letters: 0,
            committed: 0,
            count,
            hibernate,
        }
    }

    /// Until every group has a leader, and rests if it may.
    fn settle(&mut self) {
        for _ in 0..100 {
            self.run(100);
            let leaders: usize = self.nodes.iter().map(|node| leads(&node.protocol).count()).sum();
            let resting: usize = self.nodes.iter().map(|node| node.protocol.resting()).sum();
            if leaders as u64 == self.count && (!self.hibernate || resting as u64 == 3 * self.count) {
                return;
            }
        }
        self.nodes.clear();
        assert!(!self.nodes.is_empty(), "every group has one leader, and rests if it may");
    }

    fn propose(&mut self) {
        for node in &mut self.nodes {
            let led: Vec<GroupId> = leads(&node.protocol).collect();
            let propose = |group| {
                let payload = Bytes::from_static(&[7; 64]);
                let command = synod_raft::Command::Propose { token: 1, payload };
                Input::Command(Command::Raft { group, command })
            };
            node.burst(led.into_iter().map(propose));
        }
    }

    fn run(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds {
            self.now += 1;
            for (from, node) in (1..).map(NodeId).zip(&mut self.nodes) {
                node.advance(Duration::from_millis(1));
                node.sync().expect("a disk that works");
                for output in node.take() {
                    match output {
                        Output::Send { to, message, .. } => {
                            self.messages += 1;
                            self.letters += message.letters.len() as u64;
                            self.flying.push_back((self.now + 1, from, to, message));
                        }
                        Output::Event(Event::Raft {
                            event: synod_raft::Event::Committed(entries), ..
                        }) => {
                            let normal =
                                |entry: &synod_raft::Entry<'_>| entry.kind == synod_raft::EntryKind::Normal;
                            self.committed += entries.iter().filter(normal).count() as u64;
                        }
                        _ => {}
                    }
                }
            }
            while self.flying.front().is_some_and(|(at, ..)| *at <= self.now) {
                let Some((_, from, to, message)) = self.flying.pop_front() else { break };
                let node = self.nodes.iter_mut().find(|node| node.protocol.id() == to);
                node.expect("a member").input(Input::Message(from, message));
            }
        }
    }
}

fn leads(groups: &Groups) -> impl Iterator<Item = GroupId> + '_ {
    groups.groups().filter(|(_, raft)| raft.role() == Role::Leader).map(|(id, _)| id)
}
