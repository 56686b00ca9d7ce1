//! An operator who changes the membership at random, and never looks what comes of it.

use super::{Cluster, Mail, Raw, Replica, Settings, slot};
use core::time::Duration;
use std::sync::Arc;
use synod_core::NodeId;
use synod_raft::machine::Memory;
use synod_raft::{Change, Command, Config, Index, Membership, QuorumRule, Raft, Role, Step, Transition};
use synod_sim::World;

/// The token of all changes; no operation of a client has it.
pub(super) const TOKEN: u64 = 0;
/// Names the operator's decisions on the tape, apart from the clients'.
const KEY: u64 = 1 << 61;

impl Cluster {
    /// The operator thinks of something after a while, until the faults end.
    pub(super) fn plan_change(&mut self, io: &mut Raw<'_>) {
        let Some(every) = self.settings.changes.filter(|_| !self.healed) else { return };
        self.changes += 1;
        let span = u64::try_from(every.as_nanos()).unwrap_or(u64::MAX / 2).saturating_mul(2).max(1);
        let pause = io.decide(KEY | self.changes << 8, span);
        let letter = self.letter(Mail::Change);
        io.wake(Duration::from_nanos(pause), letter);
    }

    pub(super) fn change_membership(&mut self, io: &mut Raw<'_>) {
        if self.healed {
            return;
        }
        let key = KEY | self.changes << 8;
        let mut choice = 0;
        let nodes = self.settings.nodes as u64;
        let mut decide = |bound| {
            choice += 1;
            io.decide(key | choice, bound)
        };
        let change = if decide(10) == 0 {
            Change::LeaveJoint
        } else {
            // Mostly one voter, since that is where two majorities come closest to missing each other.
            let count = [1, 1, 1, 2, 3].get(decide(5) as usize).copied().unwrap_or(1);
            let transition = match decide(6) {
                0 => Transition::JointImplicit,
                1 => Transition::JointExplicit,
                _ => Transition::Auto,
            };
            let witness = self.settings.witness();
            let mut step = || {
                let id = NodeId(1 + decide(nodes.max(1)));
                match decide(10) {
                    0..4 | 7.. if Some(id) == witness => Step::AddWitness(id),
                    0..4 => Step::AddVoter(id),
                    4..7 => Step::Remove(id),
                    7 => Step::AddLearner(id),
                    _ => Step::PromoteWhenCaughtUp(id),
                }
            };
            Change::Steps { steps: (0..count).map(|_| step()).collect(), transition }
        };
        // Sometimes whoever led last is deposed, and does not know: it is asked all the same.
        let asked = match decide(4) {
            0 => NodeId(1 + decide(nodes.max(1))),
            _ => self.leader.unwrap_or(NodeId(1)),
        };
        // Under labels of their own: whether rules are drawn moves nothing else.
        let change = if self.settings.rules { self.with_rule(change, key | 0x80, io) } else { change };
        io.request(asked, key, Command::ChangeMembership { token: TOKEN, change });
        let founders = founders(nodes);
        if self.settings.replacements && founders < nodes && io.decide(key | 0xff, 4) == 0 {
            self.replace(NodeId(founders + 1 + io.decide(key | 0xfe, nodes - founders)), io);
        }
        self.plan_change(io);
    }

    /// Every other time, also another rule for who is a quorum; and sometimes nothing but that.
    fn with_rule(&self, change: Change, key: u64, io: &mut Raw<'_>) -> Change {
        let Change::Steps { steps, transition } = change else { return change };
        let mut choice = key;
        let mut decide = |bound| {
            choice += 1;
            io.decide(choice, bound)
        };
        let known = self.effects.values().max_by_key(|(index, ..)| *index).map(|(_, known, _)| known.clone());
        let Some(known) = known.filter(|_| decide(2) == 0) else {
            return Change::Steps { steps, transition };
        };
        let steps = if decide(2) == 0 { Vec::new() } else { steps };
        let next = known.changed(&Change::steps(steps.iter().copied()), &QuorumRule::Majority);
        let voters = next.as_ref().unwrap_or(&known).voters();
        let rule = match decide(4) {
            0 => QuorumRule::Majority,
            1 => QuorumRule::Flexible { commit: 2 },
            2 => QuorumRule::weights(voters.iter().map(|id| (*id, decide(4) as u32))),
            _ => {
                let mut zones = [const { Vec::new() }; 3];
                for id in voters {
                    if let Some(zone) = zones.get_mut(decide(3) as usize) {
                        zone.push(*id);
                    }
                }
                QuorumRule::zones(zones)
            }
        };
        // Whoever can commit alone is the only one that knows of it, and its disk is all there is.
        let alone =
            |id: &NodeId| rule.quorums(voters).is_ok_and(|quorums| quorums.commit().is_quorum(&[*id]));
        let rule = if voters.iter().any(alone) { QuorumRule::Majority } else { rule };
        Change::Rule { rule, steps, transition }
    }

    /// A node says which membership is in effect there.
    pub(super) fn membership_of(
        &mut self,
        node: NodeId,
        index: Index,
        membership: Arc<Membership>,
        committed: bool,
    ) {
        if committed {
            let before = self.effects.get(&node).map(|(_, before, _)| before);
            let votes = |id: &NodeId| membership.voters().contains(id);
            let promoted = before.is_some_and(|before| before.promoting().iter().any(votes));
            let led = self.leader == Some(node);
            let tally = &mut self.tally;
            tally.memberships += 1;
            tally.rules += u64::from(membership.rule().is_some());
            tally.joint += u64::from(membership.is_joint());
            tally.learners += u64::from(!membership.learners().is_empty());
            tally.promoted += u64::from(promoted);
            tally.rejoined += u64::from(self.replaced.iter().any(votes));
            tally.leaders_removed += u64::from(led && !membership.members().contains(&node));
        }
        if let Ok(quorums) = membership.quorums(&QuorumRule::Majority) {
            let alone = |id: &NodeId| quorums.commit().is_quorum(&[*id]);
            self.alone.extend(membership.electorate().into_iter().filter(alone));
        }
        self.effects.insert(node, (index, membership, committed));
    }

    /// A machine that was removed is exchanged for a new one, which may be added again under the same id.
    fn replace(&mut self, node: NodeId, io: &mut Raw<'_>) {
        let removed =
            self.effects.values().filter(|(_, _, committed)| *committed).map(|(index, ..)| *index).max();
        let Some(removed) = removed.filter(|_| !self.alone.contains(&node)) else { return };
        // Nobody who knows as much, and perhaps more, may count on it.
        let mut since = self.effects.values().filter(|(index, ..)| *index >= removed);
        if since.all(|(_, membership, _)| !membership.members().contains(&node)) {
            if let Some(replica) = self.replicas.get_mut(slot(node)) {
                *replica = Replica::new(Memory::default(), &self.settings);
            }
            self.effects.remove(&node);
            self.tally.replaced += 1;
            self.replaced.insert(node);
            io.replace(node, Duration::from_millis(5));
        }
    }
}

fn founders(nodes: u64) -> u64 {
    nodes - nodes / 3
}

impl Settings {
    /// The voter that keeps no payloads, if one does: the last of those that found the cluster.
    pub(super) fn witness(&self) -> Option<NodeId> {
        let nodes = self.nodes as u64;
        let founders = if self.changes.is_some() { founders(nodes) } else { nodes };
        // Two voters, one of which is a witness, need both of them.
        (self.witness && founders > 2).then_some(NodeId(founders))
    }
}

/// The configuration of a node: of the first ones, which found the cluster, or of one that may be added. Without changes all found it.
pub(super) fn configuration(id: NodeId, settings: &Settings) -> Config {
    let nodes = settings.nodes as u64;
    let changes = settings.changes.is_some();
    let founders = if changes { founders(nodes) } else { nodes };
    if changes && id.0 > founders {
        return if settings.replacements { Config::rejoining(id) } else { Config::joining(id) };
    }
    let mut config = Config::new(id, (1..=founders).map(NodeId));
    config.witnesses.extend(settings.witness());
    config
}

/// Those who must have the same state in the end: the members that have one, as the leader of the last term knows them. `None` while there is no
/// leader, or while it is on its way from one membership to the next.
pub(super) fn members(world: &World<Raft, Cluster>) -> Option<Vec<NodeId>> {
    let settings = &world.workload().settings;
    let witness = settings.witness();
    if settings.changes.is_none() {
        return Some(world.up().map(|(id, _)| id).filter(|id| Some(*id) != witness).collect());
    }
    let leaders = world.up().filter(|(_, raft)| raft.role() == Role::Leader);
    let (_, leader) = leaders.max_by_key(|(_, raft)| raft.term())?;
    let settled = leader.memberships_uncommitted() == 0 && !leader.membership().auto_leave();
    settled.then(|| {
        let mut members = leader.membership().members();
        members.retain(|id| Some(*id) != witness);
        members
    })
}
