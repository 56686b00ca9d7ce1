//! A few nodes of many groups, in virtual time, over links that can be cut.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use synod_core::testing::{Bench, Output};
use synod_core::{Input, NodeId};
use synod_raft::groups::{Birth, Command, Event, GroupId, Groups, Letter, Message, Settings};
use synod_raft::{EntryKind, Message as Raft, Role};

type Set = fn(&mut Settings);

pub(crate) struct World {
    nodes: BTreeMap<NodeId, Option<Bench<Groups>>>,
    /// The disks of those that are down.
    down: BTreeMap<NodeId, Bench<Groups>>,
    set: Set,
    /// One direction each.
    pub(crate) cut: BTreeSet<(NodeId, NodeId)>,
    /// How many milliseconds a message takes.
    pub(crate) delay: u64,
    now: u64,
    flying: Vec<(u64, NodeId, NodeId, Message)>,
    /// What every application was told.
    pub(crate) told: Vec<(NodeId, Event)>,
    /// What has been sent, drops included.
    pub(crate) sent: Vec<(NodeId, NodeId, Message)>,
    /// Every message is asked for, before it is sent: whether it arrives.
    pub(crate) lose: fn(NodeId, NodeId, &Message) -> bool,
}

pub(crate) const A: NodeId = NodeId(1);
pub(crate) const B: NodeId = NodeId(2);
pub(crate) const C: NodeId = NodeId(3);
pub(crate) const D: NodeId = NodeId(4);

impl World {
    /// So many nodes, and so many groups of the first three of them.
    pub(crate) fn new(nodes: u64, groups: u64, set: Set) -> Self {
        let mut world = Self {
            nodes: BTreeMap::new(),
            down: BTreeMap::new(),
            set,
            cut: BTreeSet::new(),
            delay: 1,
            now: 0,
            flying: Vec::new(),
            told: Vec::new(),
            sent: Vec::new(),
            lose: |_, _, _| false,
        };
        for id in (1..=nodes).map(NodeId) {
            let mut node = Bench::new(id, world.fresh(id));
            node.start().unwrap();
            for group in (1..=groups).map(GroupId).filter(|_| id <= C) {
                node.input(Input::Command(Command::Create { group, birth: Birth::founding([A, B, C]) }));
            }
            node.sync().unwrap();
            world.nodes.insert(id, Some(node));
        }
        world
    }

    fn fresh(&self, id: NodeId) -> Groups {
        let mut settings = Settings::new(id);
        (self.set)(&mut settings);
        Groups::new(settings).unwrap()
    }

    pub(crate) fn node(&self, id: NodeId) -> &Groups {
        &self.nodes[&id].as_ref().unwrap().protocol
    }

    pub(crate) fn bench(&mut self, id: NodeId) -> &mut Bench<Groups> {
        self.nodes.get_mut(&id).unwrap().as_mut().unwrap()
    }

    pub(crate) fn up(&self) -> impl Iterator<Item = (NodeId, &Groups)> {
        self.nodes.iter().filter_map(|(id, node)| Some((*id, &node.as_ref()?.protocol)))
    }

    pub(crate) fn leader(&self, group: GroupId) -> Option<NodeId> {
        let leads = |node: &Groups| node.group(group).is_some_and(|raft| raft.role() == Role::Leader);
        let leaders = self.up().filter(|(_, node)| leads(node));
        leaders.max_by_key(|(_, node)| node.group(group).unwrap().term()).map(|(id, _)| id)
    }

    pub(crate) fn command(&mut self, id: NodeId, command: Command) {
        self.bench(id).input(Input::Command(command));
    }

    pub(crate) fn ask(&mut self, id: NodeId, group: GroupId, command: synod_raft::Command) {
        self.command(id, Command::Raft { group, command });
    }

    pub(crate) fn leader_of(&self, group: GroupId) -> Result<NodeId, String> {
        self.leader(group).ok_or_else(|| format!("{group} has no leader"))
    }

    /// 0 where the group is not.
    pub(crate) fn term(&self, id: NodeId, group: GroupId) -> u64 {
        self.node(id).group(group).map_or(0, |raft| raft.term().0)
    }

    pub(crate) fn propose(&mut self, group: GroupId, payload: &'static [u8]) -> Result<(), String> {
        let leader = self.leader_of(group)?;
        self.ask(leader, group, synod_raft::Command::Propose { token: 1, payload: payload.into() });
        Ok(())
    }

    pub(crate) fn crash(&mut self, id: NodeId) {
        let node = self.nodes.get_mut(&id).unwrap().take().unwrap();
        self.down.insert(id, node);
    }

    /// A node that cannot start from its own log is something wrong.
    pub(crate) fn restart(&mut self, id: NodeId) -> Result<(), String> {
        let mut node = self.down.remove(&id).unwrap();
        node.restart(self.fresh(id)).map_err(|error| format!("{id} cannot start: {error}"))?;
        self.nodes.insert(id, Some(node));
        Ok(())
    }

    pub(crate) fn isolate(&mut self, id: NodeId) {
        for other in self.nodes.keys().filter(|other| **other != id) {
            self.cut.extend([(id, *other), (*other, id)]);
        }
    }

    /// Lets some milliseconds pass; every disk syncs in each.
    pub(crate) fn run(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds {
            self.now += 1;
            for (id, node) in self.nodes.iter_mut().filter_map(|(id, node)| Some((*id, node.as_mut()?))) {
                node.advance(Duration::from_millis(1));
                node.sync().unwrap();
                for output in node.take() {
                    match output {
                        Output::Send { to, message, .. } => {
                            if !self.cut.contains(&(id, to)) && !(self.lose)(id, to, &message) {
                                self.flying.push((self.now + self.delay, id, to, message.clone()));
                            }
                            self.sent.push((id, to, message));
                        }
                        Output::Event(event) => self.told.push((id, event)),
                        _ => {}
                    }
                }
            }
            let now = self.now;
            let due: Vec<_> = self.flying.extract_if(.., |(at, ..)| *at <= now).collect();
            for (_, from, to, message) in due {
                if let Some(Some(node)) = self.nodes.get_mut(&to)
                    && !self.cut.contains(&(from, to))
                {
                    node.input(Input::Message(from, message));
                }
            }
        }
    }

    /// A record on the disk of a node that is down cannot be read any more.
    pub(crate) fn rot(&mut self, id: NodeId, at: synod_core::Lsn) {
        assert!(self.down.get_mut(&id).unwrap().log.rot(at));
    }

    /// Runs until this holds, for so many milliseconds at most.
    pub(crate) fn until(
        &mut self,
        milliseconds: u64,
        what: &str,
        holds: impl Fn(&Self) -> bool,
    ) -> Result<(), String> {
        for _ in 0..milliseconds {
            if holds(self) {
                return Ok(());
            }
            self.run(1);
        }
        Err(format!("after {milliseconds} ms: {what} does not hold"))
    }

    pub(crate) fn all_rest(&self) -> bool {
        self.up().all(|(_, node)| node.resting() == node.groups().len())
    }

    /// A world in which everybody has gone to rest.
    pub(crate) fn at_rest(nodes: u64, groups: u64, set: Set) -> Result<Self, String> {
        let mut world = Self::new(nodes, groups, set);
        world.until(5_000, "all rest", Self::all_rest)?;
        // What was said before is over.
        world.run(20);
        world.sent.clear();
        Ok(world)
    }

    /// What a node has applied in a group, by what it was told.
    pub(crate) fn applied(&self, id: NodeId, group: GroupId) -> Vec<Vec<u8>> {
        let mut applied = Vec::new();
        for (who, event) in &self.told {
            if let Event::Raft { group: which, event: synod_raft::Event::Committed(entries) } = event
                && (*who, *which) == (id, group)
            {
                let normal = entries.iter().filter(|entry| entry.kind == EntryKind::Normal);
                applied.extend(normal.map(|entry| entry.payload.to_vec()));
            }
        }
        applied
    }

    /// Letters of Raft's that were sent, and which.
    pub(crate) fn letters(&self, which: impl Fn(&Raft) -> bool) -> usize {
        let letters = self.sent.iter().flat_map(|(_, _, message)| &message.letters);
        letters.filter(|(_, letter)| matches!(letter, Letter::Raft(message) if which(message))).count()
    }
}
