//! A rolling upgrade and a rolling downgrade in the simulator: what an older program could not read is never said to it.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;
use synod_core::{Bytes, NodeId};
use synod_raft::invariants::Safety;
use synod_raft::{Change, ChangeRefusal, Command, Config, Event, Index, Membership, QuorumRule, Raft, Role};
use synod_sim::{Climate, Dials, Fault, Io, Rate, Sim, Verdict, Workload, World};

const NODES: u64 = 3;
const TICK: Duration = Duration::from_millis(20);

/// How far the operator has got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Asks for weights, again and again.
    #[default]
    Wants,
    /// Has got them, and asks for majorities again, before the programs go back.
    GivesUp,
    /// Majorities rule: the logs are compacted, so that nothing in them speaks of weights.
    Tidies {
        ticks: u32,
    },
    Done,
}

/// Proposes all the time, and lets an operator change the rule as soon as that is possible.
#[derive(Clone, Debug, Default)]
struct Operator {
    stage: Stage,
    ticks: u64,
    leader: Option<NodeId>,
    committed: BTreeMap<NodeId, Index>,
    /// Refused because the leader's own program is old.
    own: u32,
    /// Refused because another member's is.
    others: u32,
    healed: bool,
    /// Entries committed after the faults.
    after: u64,
    illegal: Vec<Event>,
}

impl Operator {
    fn ask(&self, rule: QuorumRule, io: &mut Io<'_, Raft>) {
        let change = Change::rule(rule);
        io.nodes().for_each(|id| {
            let command = Command::ChangeMembership { token: 1, change: change.clone() };
            io.request(id, self.ticks << 8 | id.0, command);
        });
    }

    fn took(&mut self, membership: &Arc<Membership>) {
        self.stage = match (self.stage, membership.rule()) {
            _ if membership.is_joint() => self.stage,
            (Stage::Wants, Some(_)) => Stage::GivesUp,
            (Stage::GivesUp, None) => Stage::Tidies { ticks: 0 },
            (stage, _) => stage,
        };
    }
}

impl Workload<Raft> for Operator {
    fn begin(&mut self, io: &mut Io<'_, Raft>) {
        io.wake(TICK, 0);
    }

    fn on_event(&mut self, node: NodeId, event: Event, _: &mut Io<'_, Raft>) {
        match event {
            Event::Committed(entries) => {
                self.committed.insert(node, entries.last());
                self.after += u64::from(self.healed) * entries.len() as u64;
            }
            Event::Role { role: Role::Leader, .. } => self.leader = Some(node),
            Event::Membership { membership, committed: true, .. } => self.took(&membership),
            Event::ChangeRefused { reason: ChangeRefusal::Version { member, .. }, .. } => {
                let own = member == node;
                (self.own, self.others) = (self.own + u32::from(own), self.others + u32::from(!own));
            }
            Event::Illegal { .. } | Event::Halted(_) => self.illegal.push(event),
            _ => {}
        }
    }

    fn on_wake(&mut self, _: u64, io: &mut Io<'_, Raft>) {
        self.ticks += 1;
        let payload = Bytes::from(format!("{}", self.ticks));
        let leader = self.leader.unwrap_or(NodeId(1));
        io.request(leader, self.ticks << 8, Command::Propose { token: self.ticks, payload });
        match self.stage {
            Stage::Wants => self.ask(QuorumRule::weights([(NodeId(1), 2)]), io),
            Stage::GivesUp => self.ask(QuorumRule::Majority, io),
            Stage::Tidies { ticks } => {
                for (id, upto) in &self.committed {
                    io.request(*id, self.ticks << 8 | 0x80 | id.0, Command::Compact { upto: *upto });
                }
                self.stage = if ticks < 40 { Stage::Tidies { ticks: ticks + 1 } } else { Stage::Done };
            }
            Stage::Done => {}
        }
        if self.after < 100 {
            io.wake(TICK, 0);
        }
    }

    fn on_crash(&mut self, node: NodeId, _: &mut Io<'_, Raft>) {
        self.committed.remove(&node);
        self.leader = self.leader.filter(|leader| *leader != node);
    }

    fn on_heal(&mut self, _: &mut Io<'_, Raft>) {
        self.healed = true;
    }
}

/// A program that knows wire versions up to this one.
fn program(version: u8) -> impl Fn(NodeId) -> Raft + Send + Sync + Clone + 'static {
    move |id| {
        let mut config = Config::new(id, (1..=NODES).map(NodeId));
        config.version_max = version;
        config.trailing_entries = 16;
        Raft::new(config).unwrap()
    }
}

/// Every node is restarted with version 2, and after a while, in which weights come and go, every node with version 1 again.
fn rolled() -> Sim<Raft, Operator> {
    let rate = Rate {
        fault: Fault::Rollout,
        every: Duration::from_secs(6),
        lasting: (Duration::from_secs(9), Duration::from_secs(9)),
    };
    let mut dials = Dials::calm();
    (dials.schedule, dials.notices) = (vec![rate], true);
    Sim::new(NODES as usize, program(1), Operator::default())
        .wired(1)
        .build(2, program(2))
        .climate(Climate::Fixed(dials))
        .storm(Duration::from_secs(40))
        .always("Raft's five safety properties", || {
            let mut safety = Safety::default();
            move |id, raft: Option<&Raft>| match raft {
                Some(raft) => safety.observe(id, raft).map_err(|violation| violation.to_string()),
                None => {
                    safety.crashed(id);
                    Ok(())
                }
            }
        })
        .eventually_after_heal("entries are committed", Duration::from_secs(20), |world| {
            world.workload().after >= 100
        })
        .finally("no node has met what it cannot read", |world: &World<Raft, Operator>| {
            world.workload().illegal.first().map_or(Ok(()), |event| Err(format!("{event:?}")))
        })
}

#[test]
fn a_rule_is_refused_until_the_last_member_is_upgraded_and_can_be_given_up_before_a_downgrade() {
    let sim = rolled()
        .sometimes("an old leader refused", |world| world.workload().own > 0)
        .sometimes("a new leader refused for the sake of an old member", |world| world.workload().others > 0)
        .sometimes("weights came and went", |world| world.workload().stage == Stage::Done)
        .sometimes("a program went back", |world| {
            world.workload().stage == Stage::Done
                && world.up().any(|(_, raft)| raft.config().version_max == 1)
        });
    let summary = sim.run_seeds(0..20, |_| {});
    assert!(summary.passed(), "{summary}");
}

/// The same where no transport reports its links: a new leader then takes old members for new ones, and they are met with what they cannot
/// read. It is the refusal that keeps that from happening.
#[test]
fn where_no_links_are_reported_old_members_meet_a_rule_that_they_cannot_read() {
    let sim = rolled().turn(|dials| dials.notices = false);
    let caught = (0..20).filter(|seed| sim.run(*seed).verdict != Verdict::Passed).count();
    assert!(caught > 0, "none of 20");
}
