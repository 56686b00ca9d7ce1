//! Raft under the explorer: every schedule of a small cluster, judged by Raft's safety properties.

use std::collections::BTreeMap;
use synod_core::{Bytes, NodeId};
use synod_raft::{
    Command, Config, ConfigError, EntryKind, Event, Index, QuorumRule, Raft, ReadMode, Role, Segment, Term,
    Timer,
};
use synod_sim::explore::{Bounds, Cluster, Observer, View};

/// How large a cluster of Raft is explored, and how much may happen to it.
///
/// Three nodes, one campaign, one proposal and one crash are exhausted: 178,628 states (`cargo synod explore --crashes 1`). So are two
/// campaigns, a proposal and a crash: 144,496,928 states, every schedule, the longest of 48 actions, found right in 30 minutes on a
/// busy machine and in 2.8 GiB (`cargo synod explore --campaigns 2 --crashes 1 --memory 8192`; 365,210,545 successors with sleep
/// sets). That was Raft before its members could change; a doubled message on top of it has not been explored.
///
/// ```
/// use synod_kv::explore::RaftScope;
/// use synod_sim::explore::Explorer;
///
/// // One election, everybody's disk and every message in any order.
/// let mut scope = RaftScope::default();
/// scope.proposals = 0;
/// let raft = scope.cluster()?;
/// let found = Explorer::new(&raft).run();
/// assert!(found.holds(), "{found}");
/// # Ok::<(), synod_raft::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RaftScope {
    /// The voters.
    pub nodes: usize,
    /// Timers that run out, faults of network and processes.
    pub bounds: Bounds,
    /// Proposals, each made once and anywhere.
    pub proposals: u8,
    /// Linearizable reads, each asked once and anywhere. No clock is trusted: leases have no place in a world without time.
    pub reads: u8,
    /// Voters lend candidates what their logs lack.
    pub lending: bool,
    /// The nodes with ids up to this one campaign; the others only vote.
    pub candidates: u64,
    /// Heartbeats are sent. They use up the budget of timers.
    pub heartbeats: bool,
    /// Ask before campaigning.
    pub pre_vote: bool,
    /// Loyalty to a leader that is heard, and leaders that step down.
    pub check_quorum: bool,
    /// Which voters make a quorum.
    pub quorum: QuorumRule,
}

impl Default for RaftScope {
    /// Three nodes, one campaign and one proposal, no faults.
    fn default() -> Self {
        Self {
            nodes: 3,
            bounds: Bounds { timers_all: 1, ..Bounds::default() },
            proposals: 1,
            reads: 0,
            lending: false,
            candidates: u64::MAX,
            heartbeats: false,
            pre_vote: false,
            check_quorum: false,
            quorum: QuorumRule::Majority,
        }
    }
}

impl RaftScope {
    /// The cluster as a model.
    ///
    /// # Errors
    /// When Raft refuses the configuration.
    pub fn cluster(&self) -> Result<Cluster<Raft, RaftHistory>, ConfigError> {
        let voters: Vec<NodeId> = (1..=self.nodes as u64).map(NodeId).collect();
        let rafts = voters.iter().map(|id| {
            let mut config = Config::new(*id, voters.iter().copied());
            config.pre_vote = self.pre_vote;
            config.check_quorum = self.check_quorum;
            config.quorum = self.quorum.clone();
            // Explored where it matters, elsewhere one more message to every refused vote.
            config.lending = self.lending;
            Raft::new(config)
        });
        let rafts: Vec<Raft> = rafts.collect::<Result<_, _>>()?;
        let first = Raft::new(Config::new(NodeId(1), voters))?;
        let make = move |id: NodeId| rafts.iter().find(|raft| raft.id() == id).unwrap_or(&first).clone();
        let (candidates, heartbeats) = (self.candidates, self.heartbeats);
        let mut cluster = Cluster::observed(self.nodes, make, RaftHistory::default())
            .bounds(self.bounds)
            .timers(move |id, timer| match timer {
                Timer::Election => id.0 <= candidates,
                Timer::Heartbeat => heartbeats,
                Timer::CheckQuorum
                | Timer::Reads
                | Timer::Guard
                | Timer::Transfer
                | Timer::Claim
                | Timer::Census => true,
            })
            .always("log matching", log_matching);
        for token in 0..self.proposals {
            let payload = Bytes::copy_from_slice(&[b'a'.saturating_add(token)]);
            cluster = cluster.command_anywhere(Command::Propose { token: u64::from(token), payload });
        }
        for token in 0..self.reads {
            let read = Command::Read { token: u64::from(token), mode: ReadMode::Index };
            cluster = cluster.command_anywhere(read);
        }
        Ok(cluster)
    }
}

/// Log Matching (figure 3 of the Raft paper) over all logs of a state: where two hold an entry of the same index and term, they
/// are equal up to it.
fn log_matching(view: &View<'_, Raft, RaftHistory>) -> Result<(), String> {
    let logs: Vec<(NodeId, Vec<Held>)> =
        view.up().map(|(id, raft)| (id, raft.log().segments().flat_map(held).collect())).collect();
    for (place, (first, log)) in logs.iter().enumerate() {
        for (second, other) in logs.iter().skip(place + 1) {
            let same = log.iter().zip(other).rposition(|(a, b)| a.term == b.term);
            if same.is_some_and(|last| log.get(..=last) != other.get(..=last)) {
                return Err(format!("{first} and {second} hold an equal entry after different ones"));
            }
        }
    }
    Ok(())
}

/// An entry, without its index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Held {
    term: Term,
    noop: bool,
    payload: Bytes,
}

fn held(segment: &Segment) -> impl Iterator<Item = Held> {
    segment.iter().map(|entry| Held {
        term: entry.term,
        noop: entry.kind == EntryKind::Noop,
        payload: Bytes::copy_from_slice(entry.payload),
    })
}

/// What an exploration of Raft remembers: who led each term, what is committed, and how much was when each read was asked. It
/// finds breaches of Election Safety, Leader Completeness and State Machine Safety, and reads that are older than their question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RaftHistory {
    leaders: BTreeMap<Term, NodeId>,
    /// By index, from 1 on.
    committed: Vec<Held>,
    /// By the token of a read that is not answered yet.
    asked: BTreeMap<u64, Index>,
}

impl RaftHistory {
    /// How many entries are known to be committed.
    #[must_use]
    pub fn committed(&self) -> usize {
        self.committed.len()
    }

    /// The highest term that has had a leader.
    #[must_use]
    pub fn last_led(&self) -> Option<Term> {
        self.leaders.keys().next_back().copied()
    }

    fn commits(&mut self, node: NodeId, segment: &Segment) -> Result<(), String> {
        for (entry, held) in segment.iter().zip(held(segment)) {
            let place = usize::try_from(entry.index.0).unwrap_or(usize::MAX).saturating_sub(1);
            match self.committed.get(place) {
                Some(before) if *before != held => {
                    return Err(format!(
                        "state machine safety: {node} commits another entry at index {} than was committed before",
                        entry.index
                    ));
                }
                Some(_) => {}
                None if place == self.committed.len() => self.committed.push(held),
                None => return Err(format!("{node} commits index {} and skips one before", entry.index)),
            }
        }
        Ok(())
    }

    /// Whether a read sees everything that was committed anywhere before it was asked.
    fn reads(&mut self, node: NodeId, token: u64, index: Index) -> Result<(), String> {
        match self.asked.remove(&token) {
            Some(before) if before > index => Err(format!(
                "linearizability: {node} serves a read at {index}, and {before} was committed before it was asked"
            )),
            _ => Ok(()),
        }
    }

    fn leads(&mut self, node: NodeId, raft: &Raft) -> Result<(), String> {
        let term = raft.term();
        let first = *self.leaders.entry(term).or_insert(node);
        if first != node {
            return Err(format!("election safety: {first} and {node} both lead term {term}"));
        }
        let compacted = usize::try_from(raft.log().base().index.0).unwrap_or(usize::MAX);
        let mut log = raft.log().segments().flat_map(held);
        // Leaders of earlier terms may lag behind: only what was committed before theirs ended binds them.
        let newest = self.leaders.keys().next_back() == Some(&term);
        if newest && self.committed.iter().skip(compacted).any(|entry| log.next().as_ref() != Some(entry)) {
            return Err(format!(
                "leader completeness: {node} leads term {term} without all that is committed"
            ));
        }
        Ok(())
    }
}

impl Observer<Raft> for RaftHistory {
    fn on_event(&mut self, node: NodeId, event: &Event) -> Result<(), String> {
        match event {
            Event::Committed(segment) => self.commits(node, segment),
            Event::ReadReady { token, index } => self.reads(node, *token, *index),
            Event::ReadRefused { token, .. } => {
                self.asked.remove(token);
                Ok(())
            }
            Event::Halted(error) => Err(format!("{node} halts: {error}")),
            _ => Ok(()),
        }
    }

    fn on_step(&mut self, node: NodeId, raft: Option<&Raft>) -> Result<(), String> {
        let Some(raft) = raft else { return Ok(()) };
        let committed = Index(self.committed.len() as u64);
        for token in raft.reads_waiting() {
            self.asked.entry(token).or_insert(committed);
        }
        if raft.role() == Role::Leader { self.leads(node, raft) } else { Ok(()) }
    }
}
