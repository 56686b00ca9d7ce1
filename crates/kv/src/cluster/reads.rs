//! Reads that write nothing, on any replica, and what they may answer.

use super::{Answer, Cluster, Mail, Raw, Replica, Settings, slot};
use crate::Command;
use bytes::Bytes;
use core::time::Duration;
use std::collections::BTreeMap;
use synod_core::NodeId;
use synod_raft::{Config, Index, ReadMode};

/// What a client asked of a replica's own state.
#[derive(Clone, Debug)]
pub(super) struct Read {
    pub(super) key: Bytes,
    pub(super) mode: ReadMode,
    /// Where it is asked first; `None` where the client asks everything.
    pub(super) at: Option<NodeId>,
}

/// The stale reads of a run. They are none of the judge's history: an old state is no violation, one that is too old is.
#[derive(Clone, Debug, Default)]
pub(super) struct Stale {
    /// By number: when it was asked, and how old the state may be.
    asked: BTreeMap<u64, (u64, Duration)>,
    /// When the clients knew for the first time that so much is committed.
    known: Vec<(u64, Index)>,
    /// Served as they should.
    pub(super) served: u64,
    /// The first that was not.
    pub(super) breach: Option<String>,
    /// The first linearizable read that was served too early in the log. The judge of histories sees this only where somebody has written
    /// what was read.
    pub(super) old: Option<String>,
}

impl Stale {
    /// What was committed at this moment, as far as anybody knew.
    fn due(&self, at: u64) -> Index {
        let before = self.known.partition_point(|(known, _)| *known <= at);
        before.checked_sub(1).and_then(|place| self.known.get(place)).map_or(Index::ZERO, |(_, due)| *due)
    }
}

/// Numbers of stale reads begin here; those of operations stay below.
const STALE: u64 = 1 << 48;

/// Gives the nodes what the reads of these settings rest on.
pub(super) fn configure(settings: &Settings, config: &mut Config) {
    // Promises to a leader that may be deaf would never end, so Raft refuses them.
    config.leases = settings.leases && config.check_quorum;
    config.lease_guard = settings.lease_guard;
    config.clock_drift_ppm_max = settings.clock_drift_ppm_max;
}

/// How a client reads: through the log, or by one of the modes that write nothing.
pub(super) fn choose(settings: &Settings, number: u64, command: &Command, io: &mut Raw<'_>) -> Option<Read> {
    let Command::Get { key } = command else { return None };
    if !settings.reads {
        return None;
    }
    let mode = match io.decide((number << 8) | 0xf0, 4) {
        0 => return None,
        1 => ReadMode::Index,
        2 => ReadMode::Lease,
        _ => ReadMode::LeaseGuard,
    };
    let nodes = settings.nodes as u64;
    let at = io.decide((number << 8) | 0xf5, 2 * nodes);
    Some(Read { key: key.clone(), mode, at: (at < nodes).then_some(NodeId(1 + at)) })
}

impl Replica {
    /// What the state says, as soon as it is new enough.
    fn read(&mut self, number: u64, index: Index, key: &Bytes) -> Option<Answer> {
        if self.machine.position() < index {
            self.reading.push((number, index));
            return None;
        }
        Some(Answer::Value(self.machine.inner().store().get(key).cloned()))
    }
}

impl Cluster {
    /// A replica may serve a read.
    pub(super) fn read_is_ready(&mut self, node: NodeId, number: u64, index: Index, io: &mut Raw<'_>) {
        if number >= STALE {
            return self.judge_stale(number, index);
        }
        let client = self.client_of(number);
        let Some(state) = self.clients.get(client) else { return };
        let Some(Read { key, mode, .. }) = state.read.as_ref().filter(|_| self.is_current(client, number))
        else {
            return;
        };
        let (asked, due) = (state.begun, self.stale.due(state.begun));
        if index < due {
            self.stale.old.get_or_insert_with(|| {
                format!("{node} serves a read asked at {asked} ns at {index}: {due} was committed before")
            });
        }
        let Some(replica) = self.replicas.get_mut(slot(node)) else { return };
        if let Some(answer) = replica.read(number, index, key) {
            self.tally.reads += 1;
            self.tally.follower_reads += u64::from(*mode == ReadMode::Index && self.leader != Some(node));
            let letter = self.letter(Mail::Answer { number, answer });
            io.reply(number, letter);
        }
    }

    /// The replica has applied more: perhaps what readers wait for.
    pub(super) fn serve_waiting(&mut self, node: NodeId, io: &mut Raw<'_>) {
        let Some(replica) = self.replicas.get_mut(slot(node)) else { return };
        for (number, index) in core::mem::take(&mut replica.reading) {
            self.read_is_ready(node, number, index, io);
        }
    }

    /// Now and then somebody wants another leader.
    pub(super) fn shift_leader(&mut self, number: u64, io: &mut Raw<'_>) {
        let every = self.settings.transfers_every;
        if every == 0 || io.decide((number << 8) | 0xf1, every) > 0 {
            return;
        }
        if let Some(leader) = self.leader {
            let to = NodeId(1 + io.decide((number << 8) | 0xf2, self.settings.nodes as u64));
            io.request(leader, number ^ (1 << 61), synod_raft::Command::Transfer { to });
        }
    }

    /// Now and then somebody wants to know what was, and not how it is.
    pub(super) fn ask_stale(&mut self, number: u64, io: &mut Raw<'_>) {
        if !self.settings.reads || io.decide((number << 8) | 0xf3, 8) > 0 {
            return;
        }
        let token = STALE + number;
        let age_max = Duration::from_millis(io.decide((number << 8) | 0xf4, 500));
        self.stale.asked.insert(token, (io.now().0, age_max));
        let node = self.anybody(token, io);
        let mode = ReadMode::Stale { age_max: Some(age_max), index_min: Index::ZERO };
        io.request(node, token, synod_raft::Command::Read { token, mode });
    }

    /// Somebody was told that so much is committed.
    pub(super) fn know(&mut self, index: Index, now: u64) {
        if self.stale.known.last().is_none_or(|(_, last)| *last < index) {
            self.stale.known.push((now, index));
        }
    }

    /// What was known to be committed so long before the question must be in the state.
    fn judge_stale(&mut self, number: u64, index: Index) {
        let Some((asked, age_max)) = self.stale.asked.remove(&number) else { return };
        let age = u64::try_from(age_max.as_nanos()).unwrap_or(u64::MAX);
        let due = self.stale.due(asked.saturating_sub(age));
        if index >= due {
            self.stale.served += 1;
        } else {
            self.stale.breach.get_or_insert_with(|| {
                format!("a read asked at {asked} ns, at most {age_max:?} old, is served at {index}: {due} was known before")
            });
        }
    }
}
