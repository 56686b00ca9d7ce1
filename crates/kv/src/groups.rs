//! Many groups on a few nodes in the simulator: each with its own order, all of them at rest in the end.

use bytes::Bytes;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use synod_core::NodeId;
use synod_raft::groups::{Birth, Command, Event, GroupId, Groups};
use synod_raft::invariants::Safety;
use synod_raft::{EntryKind, Index, Role, Term};
use synod_sim::{Climate, Io, Sim, Workload, World};

/// The name under which two orders of one group are reported.
pub const AGREEMENT: &str = "each group has one order, of its own";

/// The name under which groups are reported that do not get on after the faults, or do not go to rest.
pub const SETTLED: &str = "every group works, is whole on every node, and rests where it may";

/// What the runs are to be.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Nodes; at least three. Default 3.
    pub nodes: u64,
    /// Groups, each of three of the nodes. Default 5.
    pub groups: u64,
    /// The weather. Default a swarm of every fault.
    pub climate: Climate,
    /// How long it lasts. Default 5 s.
    pub storm: Duration,
    /// Changes the settings of every node.
    pub configure: fn(&mut synod_raft::groups::Settings),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            nodes: 3,
            groups: 5,
            climate: Climate::swarm(),
            storm: Duration::from_secs(5),
            configure: |_| {},
        }
    }
}

/// Clients that propose to groups in turn, wherever, with pauses in which groups go to rest; and the applications, which compare what
/// they are given.
#[derive(Clone, Debug)]
pub struct Clients {
    nodes: u64,
    groups: u64,
    asked: u64,
    healed: bool,
    /// Which groups each node has said that it has.
    here: BTreeSet<(NodeId, GroupId)>,
    /// What was committed, by whoever said so first.
    chosen: BTreeMap<(GroupId, Index), (Term, Bytes)>,
    /// Groups that have committed something after the faults.
    probed: BTreeSet<GroupId>,
    wrong: Option<String>,
    committed: u64,
}

impl Clients {
    /// How many entries were committed, each counted once.
    #[must_use]
    pub fn committed(&self) -> u64 {
        self.committed
    }

    fn members(&self, group: GroupId) -> impl Iterator<Item = NodeId> + use<> {
        let nodes = self.nodes;
        (0..3).map(move |place| NodeId(1 + (group.0 + place) % nodes))
    }

    fn all(&self) -> impl Iterator<Item = GroupId> + use<> {
        (1..=self.groups).map(GroupId)
    }

    /// What is not there is created, also after a crash that came before it was on the disk.
    fn create(&self, io: &mut Io<'_, Groups>) {
        for group in self.all() {
            for node in self.members(group).filter(|node| !self.here.contains(&(*node, group))) {
                let birth = Birth::founding(self.members(group));
                io.command(node, Command::Create { group, birth });
            }
        }
    }

    fn propose(&mut self, node: NodeId, group: GroupId, io: &mut Io<'_, Groups>) {
        self.asked += 1;
        let probe = if self.healed { "probe" } else { "entry" };
        let payload = Bytes::from(format!("{} {probe} {}", group.0, self.asked));
        let command = synod_raft::Command::Propose { token: self.asked, payload };
        io.request(node, self.asked, Command::Raft { group, command });
    }

    fn apply(&mut self, node: NodeId, group: GroupId, index: Index, term: Term, payload: &[u8]) {
        let text = String::from_utf8_lossy(payload);
        if text.split(' ').next() != Some(&group.0.to_string()) {
            self.wrong.get_or_insert(format!("{node} was given {text:?} in {group}"));
        }
        if text.contains("probe") {
            self.probed.insert(group);
        }
        let first = self.chosen.entry((group, index)).or_insert_with(|| {
            self.committed += 1;
            (term, Bytes::copy_from_slice(payload))
        });
        if (first.0, first.1.as_ref()) != (term, payload) {
            let other = String::from_utf8_lossy(&first.1);
            self.wrong.get_or_insert(format!(
                "{node} was given {text:?} in {group} at {index:?}, and another {other:?}"
            ));
        }
    }
}

impl Workload<Groups> for Clients {
    fn begin(&mut self, io: &mut Io<'_, Groups>) {
        self.create(io);
        io.wake(Duration::from_millis(300), 0);
    }

    fn on_event(&mut self, node: NodeId, event: Event, _: &mut Io<'_, Groups>) {
        match event {
            Event::Created { group } => drop(self.here.insert((node, group))),
            Event::Raft { group, event: synod_raft::Event::Committed(entries) } => {
                for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Normal) {
                    self.apply(node, group, entry.index, entry.term, entry.payload);
                }
            }
            _ => {}
        }
    }

    fn on_wake(&mut self, _: u64, io: &mut Io<'_, Groups>) {
        self.create(io);
        if self.healed {
            let missing: Vec<GroupId> = self.all().filter(|group| !self.probed.contains(group)).collect();
            for group in missing {
                for node in self.members(group) {
                    self.propose(node, group, io);
                }
            }
            return io.wake(Duration::from_millis(200), 0);
        }
        let group = GroupId(1 + io.decide(self.asked, self.groups));
        for node in self.members(group) {
            self.propose(node, group, io);
        }
        // Now and then long enough for everybody to go to rest.
        let long = io.decide(self.asked + (1 << 33), 8) == 0;
        let pause = 1 + io.decide(self.asked + (1 << 32), if long { 1_500 } else { 60 });
        io.wake(Duration::from_millis(pause), 0);
    }

    fn on_crash(&mut self, node: NodeId, _: &mut Io<'_, Groups>) {
        self.here.retain(|(other, _)| *other != node);
    }

    fn on_heal(&mut self, _: &mut Io<'_, Groups>) {
        self.healed = true;
    }
}

/// Groups in the simulator: the five properties of the paper for each of them after every event, and one order of its own; and after the
/// faults each works, has the same on every member, and rests, unless that is off.
///
/// ```
/// use synod_kv::groups::{Settings, simulation};
/// let summary = simulation(&Settings::default()).run_seeds(0..2, |_| {});
/// assert_eq!(summary.failures.len(), 0, "{summary}");
/// ```
#[must_use]
pub fn simulation(settings: &Settings) -> Sim<Groups, Clients> {
    let configure = settings.configure;
    let make = move |id| {
        let mut settings = synod_raft::groups::Settings::new(id);
        configure(&mut settings);
        groups(settings)
    };
    let clients = Clients {
        nodes: settings.nodes,
        groups: settings.groups,
        asked: 0,
        healed: false,
        here: BTreeSet::new(),
        chosen: BTreeMap::new(),
        probed: BTreeSet::new(),
        wrong: None,
        committed: 0,
    };
    let mut plain = synod_raft::groups::Settings::new(NodeId(1));
    configure(&mut plain);
    let rest = plain.hibernate;
    Sim::new(usize::try_from(settings.nodes).unwrap_or(3), make, clients)
        .climate(settings.climate.clone())
        .storm(settings.storm)
        .always("the five properties in every group", || {
            let mut safety: BTreeMap<GroupId, Safety> = BTreeMap::new();
            move |id, node: Option<&Groups>| {
                if node.is_none() {
                    safety.values_mut().for_each(|safety| safety.crashed(id));
                }
                for (group, raft) in node.into_iter().flat_map(Groups::groups) {
                    let observed = safety.entry(group).or_default().observe(id, raft);
                    observed.map_err(|violation| format!("{group}: {violation}"))?;
                }
                Ok(())
            }
        })
        .eventually_after_heal(SETTLED, Duration::from_secs(30), move |world| is_settled(world, rest))
        .finally(AGREEMENT, |world: &World<Groups, Clients>| {
            world.workload().wrong.clone().map_or(Ok(()), Err)
        })
}

#[expect(clippy::expect_used, reason = "settings that cannot work are a mistake of whoever set up the runs")]
fn groups(settings: synod_raft::groups::Settings) -> Groups {
    Groups::new(settings).expect("settings that work")
}

fn is_settled(world: &World<Groups, Clients>, rest: bool) -> bool {
    let clients = world.workload();
    let whole = |group: GroupId| {
        let replicas = clients.members(group).map(|node| world.node(node).and_then(|node| node.group(group)));
        let Some(replicas) = replicas.collect::<Option<Vec<_>>>() else { return false };
        let Some(first) = replicas.first() else { return false };
        replicas
            .iter()
            .all(|raft| raft.commit_index() == first.last_index() && raft.last_index() == first.last_index())
            && replicas.iter().filter(|raft| raft.role() == Role::Leader).count() == 1
    };
    let rests = |group: GroupId| {
        clients.members(group).all(|node| world.node(node).is_some_and(|node| node.rests(group)))
    };
    world.up().count() == world.len()
        && clients.probed.len() as u64 == clients.groups
        && clients.all().all(|group| whole(group) && (!rest || rests(group)))
}
