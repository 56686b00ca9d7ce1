//! The scopes on which two checkers must agree to the last state.

use super::actor::{Acted, ActorCluster, Holds, Process};
use core::fmt;
use cpu_time::ProcessTime;
use stateright::{Checker as _, Model as _};
use synod_core::{Bytes, NodeId, Protocol};
use synod_paxos::{Command, Config, Paxos, QuorumRule};
use synod_raft::{Raft, Role, Timer};
use synod_sim::explore::{Bounds, Cluster, Explorer, Network, View};

type Failure = Box<dyn core::error::Error>;

/// What one checker found, and what it needed.
#[derive(Clone, Copy, Debug)]
pub struct Count {
    /// Whether every state is right.
    pub holds: bool,
    /// Different states.
    pub unique: u64,
    /// Successors, with those that were known.
    pub generated: u64,
    /// CPU time in milliseconds, on one thread.
    pub cpu_ms: f64,
}

impl Count {
    /// Whether both found the same. Where something is wrong that is the verdict: how many states were seen until then depends on
    /// the order of the search.
    #[must_use]
    pub fn agrees(&self, other: &Self) -> bool {
        let counts = |count: &Self| (count.unique, count.generated);
        self.holds == other.holds && (!self.holds || counts(self) == counts(other))
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { holds, unique, generated, cpu_ms } = self;
        let verdict = if *holds { "right" } else { "WRONG" };
        write!(f, "{unique:>7} states, {generated:>8} generated, {:>6.2} s, {verdict}", cpu_ms / 1e3)
    }
}

/// A scope under both checkers: our explorer with our driver and network, and stateright with its own network and with processes
/// of an [`ActorCluster`].
pub struct Opinion {
    /// What is explored.
    pub name: &'static str,
    /// Whether it is right.
    pub holds: bool,
    ours: fn() -> Result<Count, Failure>,
    theirs: fn() -> Result<Count, Failure>,
}

impl Opinion {
    /// What our explorer counts.
    ///
    /// # Errors
    /// When the scope cannot be set up.
    pub fn ours(&self) -> Result<Count, Failure> {
        (self.ours)()
    }

    /// What stateright counts.
    ///
    /// # Errors
    /// When the scope cannot be set up.
    pub fn theirs(&self) -> Result<Count, Failure> {
        (self.theirs)()
    }
}

/// All of them, the small ones first.
#[must_use]
pub fn opinions() -> Vec<Opinion> {
    macro_rules! opinion {
        ($name:literal, $holds:literal, $scope:expr) => {
            Opinion { name: $name, holds: $holds, ours: || $scope.ours(), theirs: || $scope.theirs() }
        };
    }
    vec![
        opinion!("Paxos, a proposer and a crash", true, PaxosScope { proposers: 1, crashes: 1, ..PAXOS }),
        opinion!(
            "Paxos, a proposer that tries again",
            true,
            PaxosScope { proposers: 1, retries: 1, ..PAXOS }
        ),
        opinion!(
            "Paxos, quorums one short",
            false,
            PaxosScope { quorums: QuorumRule::SabotagedOneShort, ..PAXOS }
        ),
        opinion!("Paxos, two proposers", true, PAXOS),
        opinion!(
            "Paxos, two proposers, messages once",
            true,
            PaxosScope { network: Network::Unordered, ..PAXOS }
        ),
        opinion!("Raft, an election and a proposal", true, RaftElection { crashes: 0 }),
        opinion!("Raft, the same and a crash", true, RaftElection { crashes: 1 }),
    ]
}

/// A node and what it may be asked, each once.
type Node<P> = (P, Vec<<P as Protocol>::Command>);

/// A protocol, its bounds, and what must hold, for both.
trait Scope {
    type Protocol: Acted;

    /// The nodes with the ids 1, 2 and 3.
    fn nodes(&self) -> Result<Vec<Node<Self::Protocol>>, Failure>;
    fn bounds(&self) -> Bounds;
    fn fires() -> fn(NodeId, &<Self::Protocol as Protocol>::Timer) -> bool;
    /// Whether these can be the processes of one cluster.
    fn agree<'a>(nodes: impl Iterator<Item = &'a Self::Protocol>) -> bool;
    fn holds() -> Holds<Self::Protocol> {
        |processes: &[&Process<Self::Protocol>]| {
            Self::agree(processes.iter().filter_map(|process| process.protocol()))
        }
    }

    fn ours(&self) -> Result<Count, Failure> {
        let nodes = self.nodes()?;
        let made: Vec<Self::Protocol> = nodes.iter().map(|(protocol, _)| protocol.clone()).collect();
        let first = made.first().cloned().ok_or("no nodes")?;
        let make = move |id: NodeId| {
            let place = usize::try_from(id.0).unwrap_or(0).saturating_sub(1);
            made.get(place).unwrap_or(&first).clone()
        };
        let mut cluster = Cluster::new(nodes.len(), make).bounds(self.bounds()).timers(Self::fires()).always(
            "agreement",
            |view: &View<'_, Self::Protocol, ()>| {
                Self::agree(view.up().map(|(_, node)| node)).then_some(()).ok_or_else(|| "none".to_owned())
            },
        );
        for (id, (_, commands)) in (1..).map(NodeId).zip(nodes) {
            cluster = commands.into_iter().fold(cluster, |cluster, command| cluster.command(id, command));
        }
        let begin = ProcessTime::now();
        let found = Explorer::new(&cluster).run();
        let cpu_ms = begin.elapsed().as_secs_f64() * 1e3;
        let (unique, generated) = (found.extent.unique, found.extent.generated);
        Ok(Count { holds: found.holds(), unique, generated, cpu_ms })
    }

    fn theirs(&self) -> Result<Count, Failure> {
        let cluster = ActorCluster::new(self.nodes()?, self.bounds(), Self::fires(), Self::holds())
            .map_err(|unsupported| format!("{unsupported:?}"))?;
        let begin = ProcessTime::now();
        let checker = cluster.checker().threads(1).spawn_bfs().join();
        let cpu_ms = begin.elapsed().as_secs_f64() * 1e3;
        let holds = checker.discoveries().is_empty();
        let (unique, generated) = (checker.unique_state_count() as u64, checker.state_count() as u64);
        Ok(Count { holds, unique, generated, cpu_ms })
    }
}

/// Single-decree Paxos, three nodes. The first of them propose a value each.
#[derive(Clone, Debug)]
struct PaxosScope {
    proposers: u64,
    /// How often node 1 asks again.
    retries: u8,
    crashes: u8,
    quorums: QuorumRule,
    network: Network,
}

const PAXOS: PaxosScope = PaxosScope {
    proposers: 2,
    retries: 0,
    crashes: 0,
    quorums: QuorumRule::Majority,
    network: Network::Everlasting,
};

impl Scope for PaxosScope {
    type Protocol = Paxos;

    fn nodes(&self) -> Result<Vec<Node<Paxos>>, Failure> {
        let node = |id: u64| {
            let mut config = Config::new(NodeId(id), (1..=3).map(NodeId));
            config.quorums = self.quorums.clone();
            let value = Bytes::from(format!("v{id}"));
            let commands = (id <= self.proposers).then_some(Command::Propose { value });
            Ok((Paxos::new(config)?, commands.into_iter().collect()))
        };
        (1..=3).map(node).collect()
    }

    fn bounds(&self) -> Bounds {
        Bounds { timers: self.retries, crashes: self.crashes, network: self.network, ..Bounds::default() }
    }

    fn fires() -> fn(NodeId, &synod_paxos::Timer) -> bool {
        |id, _| id == NodeId(1)
    }

    /// Agreement: two that know what was chosen know the same.
    fn agree<'a>(nodes: impl Iterator<Item = &'a Paxos>) -> bool {
        let mut chosen = nodes.filter_map(|node| node.decided()).map(|decided| &decided.value);
        let first = chosen.next();
        chosen.all(|other| Some(other) == first)
    }
}

/// Three nodes of Raft; the first campaigns once, and is asked to replicate one entry.
#[derive(Clone, Copy, Debug)]
struct RaftElection {
    crashes: u8,
}

impl Scope for RaftElection {
    type Protocol = Raft;

    fn nodes(&self) -> Result<Vec<Node<Raft>>, Failure> {
        let node = |id: u64| {
            let mut config = synod_raft::Config::new(NodeId(id), (1..=3).map(NodeId));
            (config.pre_vote, config.check_quorum) = (false, false);
            let entry = synod_raft::Command::Propose { token: 1, payload: Bytes::from_static(b"entry") };
            Ok((Raft::new(config)?, (id == 1).then_some(entry).into_iter().collect()))
        };
        (1..=3).map(node).collect()
    }

    fn bounds(&self) -> Bounds {
        Bounds { timers_all: 1, crashes: self.crashes, ..Bounds::default() }
    }

    fn fires() -> fn(NodeId, &Timer) -> bool {
        |id, timer| id == NodeId(1) && *timer == Timer::Election
    }

    /// Election Safety: no two lead the same term.
    fn agree<'a>(nodes: impl Iterator<Item = &'a Raft>) -> bool {
        let mut terms: Vec<_> = nodes.filter(|raft| raft.role() == Role::Leader).map(Raft::term).collect();
        let leaders = terms.len();
        terms.dedup();
        terms.len() == leaders
    }
}

#[cfg(test)]
mod tests {
    use super::super::actor::Unsupported;
    use super::*;

    #[test]
    fn two_checkers_count_the_same_states_and_find_the_same_mistake() -> Result<(), Failure> {
        for opinion in opinions().iter().take(3) {
            let (ours, theirs) = (opinion.ours()?, opinion.theirs()?);
            assert!(
                ours.agrees(&theirs) && ours.holds == opinion.holds,
                "{}: {ours}; {theirs}",
                opinion.name
            );
            assert!(!ours.holds || ours.unique > 500, "{}: {ours}", opinion.name);
        }
        Ok(())
    }

    #[test]
    fn bounds_without_a_counterpart_are_refused() -> Result<(), Failure> {
        let bounds = PAXOS.bounds();
        for bounds in [
            Bounds { drops: 1, ..bounds },
            Bounds { duplicates: 1, ..bounds },
            Bounds { in_flight_max: 9, ..bounds },
            Bounds { network: Network::Merging, ..bounds },
            Bounds { network: Network::Fifo, crashes: 1, ..bounds },
        ] {
            let cluster = ActorCluster::new(PAXOS.nodes()?, bounds, PaxosScope::fires(), PaxosScope::holds());
            assert_eq!(cluster.err(), Some(Unsupported(bounds)));
        }
        Ok(())
    }
}
