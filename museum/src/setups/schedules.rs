//! Every schedule of small Raft clusters.

use super::{Exploring, Search, Setup};
use synod_core::{Bytes, Lsn, NodeId, Protocol, Recovered};
use synod_kv::explore::{RaftHistory, RaftScope};
use synod_raft::{Change, Config, Index, Raft, Record, Segment, Step, Term, Timer, Transition};
use synod_sim::explore::{Bounds, Cluster, Network, View};

type Schedules = Cluster<Raft, RaftHistory>;

pub(super) fn setups() -> Vec<Setup> {
    let states = |name, says, cluster: fn() -> Schedules| {
        let search = Search::States(Box::new(Exploring { cluster }));
        Setup { room: "raft", name, says, search }
    };
    vec![
        states("entry-3", "every schedule of three nodes, a campaign, a proposal and a crash", || {
            scope([3, 2, 1], Bounds { crashes: 1, ..timers(1) })
        }),
        states("twice-3", "every schedule of a campaign, a proposal and a message that is doubled", || {
            scope([3, 2, 1], Bounds { duplicates: 1, ..timers(1) })
        }),
        states("parted-3", "every schedule of two campaigns of nodes whose logs have parted", || {
            parted(timers(2))
        }),
        states("votes-3", "every schedule of two campaigns and a crash", || {
            scope([3, 2, 0], Bounds { crashes: 1, ..timers(2) })
        }),
        states("doubles-3", "every schedule of two campaigns, a crash and a message that is doubled", || {
            scope([3, 2, 0], Bounds { crashes: 1, duplicates: 1, ..timers(2) })
        }),
        states("reads-3", "every schedule of two campaigns and a read, each link in order", || {
            explored(|scope| {
                (scope.candidates, scope.reads) = (2, 1);
                // One election, and two timers of who has heard that leader.
                scope.bounds = Bounds { network: Network::Fifo, ..timers(3) };
            })
        }),
        states(
            "reads-2",
            "every schedule of three campaigns, one by a node that is a quorum, and of a read",
            || explored(|scope| *scope = RaftScope::deposed_reader()),
        ),
        states(
            "joint-2",
            "every schedule of a single voter that hands over to another, and of a crash",
            || {
                explored(|scope| {
                    (scope.nodes, scope.spares) = (2, 1);
                    scope.changes = vec![swap(1, 2)];
                    // Who has heard a leader campaigns when its timer has run out twice.
                    scope.bounds = Bounds { crashes: 1, ..free(4) };
                })
            },
        ),
        states("joint-3", "every schedule of two voters, one of which is exchanged for a third", || {
            explored(|scope| {
                (scope.nodes, scope.spares) = (3, 1);
                scope.changes = vec![swap(1, 3)];
                scope.bounds = free(2);
            })
        }),
        states("changes-2", "every schedule of two changes of the membership, and of a crash", || {
            explored(|scope| {
                (scope.nodes, scope.spares) = (2, 1);
                scope.changes =
                    vec![Change::from(Step::AddVoter(NodeId(2))), Change::from(Step::Remove(NodeId(1)))];
                scope.bounds = Bounds { crashes: 1, ..free(2) };
            })
        }),
        states("snapshot-2", "every schedule of a log that is compacted, and a state that is lost", || {
            explored(|scope| {
                (scope.nodes, scope.proposals, scope.compactions, scope.demands) = (2, 1, 1, 1);
                scope.bounds = free(1);
            })
            .always(HELD, |view| held_by(2, 2, view))
        }),
        states(
            "snapshot-joint-2",
            "every schedule of a voter that comes to a compacted log, and of a message that is doubled",
            || {
                explored(|scope| {
                    (scope.nodes, scope.spares, scope.compactions) = (2, 1, 1);
                    scope.changes = vec![Change::from(Step::AddVoter(NodeId(2)))];
                    scope.bounds = Bounds { duplicates: 1, ..free(1) };
                })
            },
        ),
        states("rivals-3", "every schedule of three campaigns", || scope([3, 3, 0], timers(3))),
        states(
            "votes-5",
            "every schedule of five nodes, two campaigns and a message that is doubled",
            || scope([5, 2, 0], Bounds { duplicates: 1, ..timers(2) }),
        ),
    ]
}

/// So many timers run out, two at most on a node.
fn timers(all: u8) -> Bounds {
    Bounds { timers: 2, timers_all: all, ..Bounds::default() }
}

/// So many nodes, of which so many campaign, and so many proposals.
#[expect(clippy::expect_used, reason = "members that are numbered from 1 make a cluster")]
fn scope([nodes, candidates, proposals]: [u8; 3], bounds: Bounds) -> Schedules {
    let mut scope = RaftScope::default();
    (scope.nodes, scope.candidates) = (usize::from(nodes), u64::from(candidates));
    (scope.bounds, scope.proposals) = (bounds, proposals);
    let quorum = usize::from(nodes) / 2 + 1;
    let held = move |view: &View<'_, _, _>| held_by(quorum, usize::from(nodes), view);
    scope.cluster().expect("a valid configuration").always(HELD, held)
}

/// So many timers run out, on whichever nodes.
fn free(all: u8) -> Bounds {
    Bounds { timers: all, timers_all: all, ..Bounds::default() }
}

/// One voter goes and another comes, through a joint membership.
fn swap(goes: u64, comes: u64) -> Change {
    let steps = vec![Step::AddVoter(NodeId(comes)), Step::Remove(NodeId(goes))];
    Change::Steps { steps, transition: Transition::JointImplicit }
}

/// Without proposals, unless `turn` says otherwise. Quorums differ with the membership, so nobody looks how many hold what is
/// committed.
#[expect(clippy::expect_used, reason = "members that are numbered from 1 make a cluster")]
fn explored(turn: impl Fn(&mut RaftScope)) -> Schedules {
    let mut scope = RaftScope::default();
    scope.proposals = 0;
    turn(&mut scope);
    scope.cluster().expect("a valid configuration")
}

/// Two leaders have come and gone, in terms 1 and 2, each of which has left entries on its own disk alone.
const LOGS: [&[u64]; 3] = [&[1, 1, 1], &[1, 2], &[1]];

/// Nodes 1 and 2, who were those leaders, campaign again; or one of them does, and its heart beats.
fn parted(bounds: Bounds) -> Schedules {
    #[expect(clippy::indexing_slicing, reason = "the explorer numbers its nodes from 1")]
    let make = |id: NodeId| old(id, LOGS[id.0 as usize - 1]);
    Cluster::observed(LOGS.len(), make, RaftHistory::default())
        .bounds(bounds)
        .timers(|id, timer| match timer {
            Timer::Election => id.0 <= 2,
            Timer::Heartbeat => true,
            _ => false,
        })
        .always(HELD, |view| held_by(2, LOGS.len(), view))
}

/// A node in term 2 that comes back from its disk, with entries of these terms.
#[expect(clippy::expect_used, reason = "a valid configuration, and terms that do not go back")]
fn old(id: NodeId, terms: &[u64]) -> Raft {
    let mut config = Config::new(id, (1..=LOGS.len() as u64).map(NodeId));
    (config.pre_vote, config.check_quorum) = (false, false);
    let mut node = Raft::new(config).expect("a valid configuration");
    let state = Record::HardState { term: Term(2), voted_for: Some(NodeId(2)) };
    let mut prev_term = Term::ZERO;
    let entries = (1..).zip(terms).map(|(index, &term)| {
        let payload = Bytes::from(format!("{term}/{index}"));
        let entries = Segment::pack(Index(index), Term(term), [payload]).expect("a short payload");
        Record::Append { prev_term: core::mem::replace(&mut prev_term, Term(term)), entries }
    });
    for record in core::iter::once(state).chain(entries) {
        node.recover(Lsn::ZERO, Recovered::Intact(record)).expect("records that follow each other");
    }
    node
}

const HELD: &str = "what is committed is held by a quorum";

/// What one node calls committed was durable on a quorum, and stays there; who is down is given the benefit of the doubt. This
/// sees a wrong commit when it is made, many steps before a leader comes to power without the entry.
fn held_by(quorum: usize, nodes: usize, view: &View<'_, Raft, RaftHistory>) -> Result<(), String> {
    for (id, node) in view.up() {
        let commit = node.commit_index();
        let term = node.term_at(commit);
        let lacks = |other: &Raft| other.term_at(commit) != term && other.log().base().index <= commit;
        let lacking = view.up().filter(|(_, other)| lacks(other)).count();
        if lacking > nodes - quorum {
            return Err(format!("{id} has committed entry {commit}, and {lacking} nodes do not hold it"));
        }
    }
    Ok(())
}
