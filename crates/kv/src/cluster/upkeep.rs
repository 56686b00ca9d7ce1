//! What operators and hosts do to single nodes: stop them politely, and lose what an application knew.

use super::{Cluster, Mail, Raw, slot};
use core::time::Duration;
use synod_core::NodeId;
use synod_raft::{Command, Config, Index, SnapshotRefusal};

/// Names these decisions on the tape, apart from all others.
const KEY: u64 = 1 << 59;
/// How often a host that has lost its application's state asks for another.
const DEMAND_EVERY: Duration = Duration::from_millis(100);
/// How long a node that has resigned is away, at most.
const AWAY_MAX: Duration = Duration::from_millis(300);

/// Some would rather lead than others.
pub(super) fn prioritise(config: &mut Config) {
    config.priority = (config.id.0 % 3) as u32;
}

impl Cluster {
    /// Now and then somebody stops a node, and lets it hand over before: mostly the leader.
    pub(super) fn stop_politely(&mut self, number: u64, io: &mut Raw<'_>) {
        let every = self.settings.resigns_every;
        if every == 0 || self.healed || io.decide((number << 8) | 0xf8, every) > 0 {
            return;
        }
        let node = match io.decide((number << 8) | 0xf9, 4) {
            0 => self.anybody(number ^ KEY, io),
            _ => self.leader.unwrap_or(NodeId(1)),
        };
        io.request(node, number ^ (1 << 58), Command::Resign);
    }

    /// A node has handed over, and may be stopped. It comes back.
    pub(super) fn has_resigned(&mut self, node: NodeId, io: &mut Raw<'_>) {
        self.tally.resigned += 1;
        let span = u64::try_from(AWAY_MAX.as_nanos()).unwrap_or(u64::MAX);
        let away = io.decide(KEY | self.tally.resigned, span);
        io.restart(node, Duration::from_nanos(away));
    }

    /// Now and then a host loses its application's state, and what it had stored of it. One at a time, so that others have it; and not where
    /// a single node may be all that is left of a membership.
    pub(super) fn lose_state(&mut self, number: u64, io: &mut Raw<'_>) {
        let every = self.settings.demands_every;
        let safe = self.settings.changes.is_none() && self.settings.nodes > 1 && self.lost.is_none();
        if every == 0 || !safe || self.healed || io.decide((number << 8) | 0xfa, every) > 0 {
            return;
        }
        let node = self.anybody(number ^ (KEY >> 1), io);
        let applied = |slot: usize| self.replicas.get(slot).map(|replica| replica.machine.position());
        let known = applied(slot(node)) > Some(Index::ZERO);
        if !known || self.settings.witness() == Some(node) {
            return;
        }
        if let Some(replica) = self.replicas.get_mut(slot(node)) {
            replica.lose(&self.settings);
        }
        self.lost = Some(node);
        self.demand(io);
    }

    /// Asks, and asks again: a node that was restarted does not know any more what its application waits for.
    pub(super) fn demand(&mut self, io: &mut Raw<'_>) {
        let Some(node) = self.lost else { return };
        io.command(node, Command::DemandSnapshot);
        let letter = self.letter(Mail::Demand);
        io.wake(DEMAND_EVERY, letter);
    }

    /// Whoever leads without a state hands over first.
    pub(super) fn demand_refused(&self, node: NodeId, reason: SnapshotRefusal, io: &mut Raw<'_>) {
        if reason == SnapshotRefusal::Leader && self.lost == Some(node) {
            io.command(node, Command::Resign);
        }
    }

    /// A snapshot has come: perhaps the one that was asked for.
    pub(super) fn has_installed(&mut self, node: NodeId) {
        self.tally.installed += 1;
        let whole = self.replicas.get(slot(node)).is_some_and(|replica| !replica.machine.is_waiting());
        if self.lost == Some(node) && whole {
            self.lost = None;
            self.tally.demanded += 1;
        }
    }
}
