//! `openraft` 0.9: a task for each node on tokio's current-thread runtime, which is how it is meant to be used in one thread. Its log and
//! its state machine are in memory and durable at once; a request is a call of the other node's handle, nothing is encoded.

use crate::workload::{Applied, COMPACT_EVERY, Contestant};
use core::fmt::Debug;
use core::ops::{Bound, RangeBounds};
use core::time::Duration;
use openraft::error::{InstallSnapshotError, RPCError, RaftError, RemoteError, Unreachable};
use openraft::network::RPCOption;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse,
    VoteRequest, VoteResponse,
};
use openraft::storage::{LogFlushed, LogState, RaftLogStorage, RaftStateMachine};
use openraft::{
    Config, EmptyNode, EntryPayload, LogId, RaftLogReader, RaftNetwork, RaftNetworkFactory,
    RaftSnapshotBuilder, Snapshot, SnapshotMeta, SnapshotPolicy, StorageError, StoredMembership, Vote,
};
use std::collections::{BTreeMap, VecDeque};
use std::io::Cursor;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Runtime;
use tokio::sync::oneshot::Receiver;

openraft::declare_raft_types!(
    pub(crate) Types:
        D = Vec<u8>,
        R = (),
        Node = EmptyNode,
);

type Raft = openraft::Raft<Types>;
type Entry = openraft::Entry<Types>;
type Failure = StorageError<u64>;
type Answer =
    Result<openraft::raft::ClientWriteResponse<Types>, openraft::error::ClientWriteError<u64, EmptyNode>>;

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A log in memory: the entries behind the one that was purged last.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Entries>>);

#[derive(Default)]
struct Entries {
    vote: Option<Vote<u64>>,
    purged: Option<LogId<u64>>,
    entries: VecDeque<Entry>,
}

impl Entries {
    fn first(&self) -> u64 {
        self.purged.map_or(0, |purged| purged.index + 1)
    }
}

impl RaftLogReader<Types> for Log {
    async fn try_get_log_entries<B: RangeBounds<u64> + Clone + Debug + Send>(
        &mut self,
        range: B,
    ) -> Result<Vec<Entry>, Failure> {
        let log = locked(&self.0);
        let begin = match range.start_bound() {
            Bound::Included(start) => start.saturating_sub(log.first()),
            Bound::Excluded(before) => (before + 1).saturating_sub(log.first()),
            Bound::Unbounded => 0,
        };
        // At once to where they are: a log that is walked through would make the peer slow.
        let begin = (begin as usize).min(log.entries.len());
        let entries = (log.first() + begin as u64..).zip(log.entries.range(begin..));
        Ok(entries.take_while(|(index, _)| range.contains(index)).map(|(_, entry)| entry.clone()).collect())
    }
}

impl RaftLogStorage<Types> for Log {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, Failure> {
        let log = locked(&self.0);
        let last_log_id = log.entries.back().map(|entry| entry.log_id).or(log.purged);
        Ok(LogState { last_purged_log_id: log.purged, last_log_id })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<u64>) -> Result<(), Failure> {
        locked(&self.0).vote = Some(*vote);
        Ok(())
    }

    async fn read_vote(&mut self) -> Result<Option<Vote<u64>>, Failure> {
        Ok(locked(&self.0).vote)
    }

    async fn append<I: IntoIterator<Item = Entry> + Send>(
        &mut self,
        entries: I,
        callback: LogFlushed<Types>,
    ) -> Result<(), Failure>
    where
        I::IntoIter: Send,
    {
        locked(&self.0).entries.extend(entries);
        callback.log_io_completed(Ok(()));
        Ok(())
    }

    async fn truncate(&mut self, from: LogId<u64>) -> Result<(), Failure> {
        let mut log = locked(&self.0);
        let kept = from.index.saturating_sub(log.first());
        log.entries.truncate(kept as usize);
        Ok(())
    }

    async fn purge(&mut self, upto: LogId<u64>) -> Result<(), Failure> {
        let mut log = locked(&self.0);
        let gone = (upto.index + 1).saturating_sub(log.first()) as usize;
        let gone = gone.min(log.entries.len());
        log.entries.drain(..gone);
        log.purged = Some(upto);
        Ok(())
    }
}

/// Counts what is applied. A snapshot of it has no bytes, so that compaction costs the peer as little as anybody.
#[derive(Clone, Default)]
struct Machine(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    applied: Applied,
    last: Option<LogId<u64>>,
    membership: StoredMembership<u64, EmptyNode>,
}

impl Machine {
    fn meta(&self) -> SnapshotMeta<u64, EmptyNode> {
        let state = locked(&self.0);
        let snapshot_id = state.last.map_or_else(String::new, |last| last.index.to_string());
        SnapshotMeta { last_log_id: state.last, last_membership: state.membership.clone(), snapshot_id }
    }
}

impl RaftSnapshotBuilder<Types> for Machine {
    async fn build_snapshot(&mut self) -> Result<Snapshot<Types>, Failure> {
        Ok(Snapshot { meta: self.meta(), snapshot: Box::new(Cursor::new(Vec::new())) })
    }
}

impl RaftStateMachine<Types> for Machine {
    type SnapshotBuilder = Self;

    async fn applied_state(
        &mut self,
    ) -> Result<(Option<LogId<u64>>, StoredMembership<u64, EmptyNode>), Failure> {
        let state = locked(&self.0);
        Ok((state.last, state.membership.clone()))
    }

    async fn apply<I: IntoIterator<Item = Entry> + Send>(&mut self, entries: I) -> Result<Vec<()>, Failure>
    where
        I::IntoIter: Send,
    {
        let mut state = locked(&self.0);
        let mut answers = Vec::new();
        for entry in entries {
            state.last = Some(entry.log_id);
            match entry.payload {
                EntryPayload::Blank => {}
                EntryPayload::Normal(payload) => state.applied.apply(&payload),
                EntryPayload::Membership(membership) => {
                    state.membership = StoredMembership::new(Some(entry.log_id), membership);
                }
            }
            answers.push(());
        }
        Ok(answers)
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<Cursor<Vec<u8>>>, Failure> {
        Ok(Box::default())
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta<u64, EmptyNode>,
        _: Box<Cursor<Vec<u8>>>,
    ) -> Result<(), Failure> {
        // It would skip entries: `run` would notice.
        let mut state = locked(&self.0);
        (state.last, state.membership) = (meta.last_log_id, meta.last_membership.clone());
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<Types>>, Failure> {
        Ok(Some(Snapshot { meta: self.meta(), snapshot: Box::new(Cursor::new(Vec::new())) }))
    }
}

/// Every node's handle, and how many requests and answers have passed.
#[derive(Clone, Default)]
struct Net(Arc<Mutex<(BTreeMap<u64, Raft>, u64)>>);

struct Link {
    net: Net,
    target: u64,
}

impl Link {
    #[expect(clippy::result_large_err, reason = "the error is the peer's")]
    fn reach<E: core::error::Error>(&self) -> Result<Raft, RPCError<u64, EmptyNode, E>> {
        let mut net = locked(&self.net.0);
        net.1 += 2;
        let node = net.0.get(&self.target).cloned();
        node.ok_or_else(|| {
            RPCError::Unreachable(Unreachable::new(&std::io::Error::other("it has not begun")))
        })
    }
}

impl RaftNetworkFactory<Types> for Net {
    type Network = Link;

    async fn new_client(&mut self, target: u64, _: &EmptyNode) -> Link {
        Link { net: self.clone(), target }
    }
}

impl RaftNetwork<Types> for Link {
    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types>,
        _: RPCOption,
    ) -> Result<AppendEntriesResponse<u64>, RPCError<u64, EmptyNode, RaftError<u64>>> {
        let answer = self.reach()?.append_entries(request).await;
        answer.map_err(|error| RPCError::RemoteError(RemoteError::new(self.target, error)))
    }

    async fn install_snapshot(
        &mut self,
        request: InstallSnapshotRequest<Types>,
        _: RPCOption,
    ) -> Result<InstallSnapshotResponse<u64>, RPCError<u64, EmptyNode, RaftError<u64, InstallSnapshotError>>>
    {
        let answer = self.reach()?.install_snapshot(request).await;
        answer.map_err(|error| RPCError::RemoteError(RemoteError::new(self.target, error)))
    }

    async fn vote(
        &mut self,
        request: VoteRequest<u64>,
        _: RPCOption,
    ) -> Result<VoteResponse<u64>, RPCError<u64, EmptyNode, RaftError<u64>>> {
        let answer = self.reach()?.vote(request).await;
        answer.map_err(|error| RPCError::RemoteError(RemoteError::new(self.target, error)))
    }
}

/// Three nodes and the runtime that they share.
pub(crate) struct Open {
    runtime: Runtime,
    net: Net,
    leader: Raft,
    machines: [Machine; 3],
    proposed: Vec<Vec<u8>>,
    asked: u64,
}

impl Open {
    async fn begin(net: &Net, machines: &[Machine; 3]) -> Raft {
        let config = Config {
            heartbeat_interval: 50,
            election_timeout_min: 5_000,
            election_timeout_max: 10_000,
            // As many as the other contestants may have under way.
            max_payload_entries: 4_096,
            snapshot_policy: SnapshotPolicy::LogsSinceLast(COMPACT_EVERY),
            max_in_snapshot_log_to_keep: 4_096,
            ..Config::default()
        };
        let config = Arc::new(config.validate().expect("the settings are right"));
        for (id, machine) in (1..).zip(machines) {
            let node = Raft::new(id, config.clone(), net.clone(), Log::default(), machine.clone()).await;
            locked(&net.0).0.insert(id, node.expect("a node begins"));
        }
        let leader = locked(&net.0).0[&1].clone();
        let members: BTreeMap<u64, EmptyNode> = (1..=3).map(|id| (id, EmptyNode {})).collect();
        leader.initialize(members).await.expect("nobody has begun before");
        let elected = leader.wait(Some(Duration::from_secs(20)));
        elected.current_leader(1, "the first node leads").await.expect("a leader");
        leader
    }
}

impl Contestant for Open {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let (net, machines) = (Net::default(), <[Machine; 3]>::default());
        let leader = runtime.block_on(Self::begin(&net, &machines));
        Self { runtime, net, leader, machines, proposed: Vec::new(), asked: 0 }
    }

    fn propose(&mut self, payload: Vec<u8>) {
        self.proposed.push(payload);
        self.asked += 1;
    }

    fn settle(&mut self) {
        let (leader, proposed) = (&self.leader, &mut self.proposed);
        self.runtime.block_on(async {
            let mut answers: Vec<Receiver<Answer>> = Vec::with_capacity(proposed.len());
            for payload in proposed.drain(..) {
                answers.push(leader.client_write_ff(payload).await.expect("the leader takes proposals"));
            }
            for answer in answers {
                answer.await.expect("an answer").expect("it is committed");
            }
        });
    }

    /// Waits until the followers know too what is committed: a heartbeat tells them.
    fn applied(&self) -> [Applied; 3] {
        let state = || [0, 1, 2].map(|place: usize| locked(&self.machines[place].0).applied);
        self.runtime.block_on(async {
            while state().iter().any(|applied| applied.entries < self.asked) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        state()
    }

    fn messages(&self) -> u64 {
        locked(&self.net.0).1
    }
}
