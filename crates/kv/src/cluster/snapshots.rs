//! The hosts of the replicas: what they store of their states, and what they do for their nodes.

use super::application::Application;
use super::{Cluster, Raw, Replica, Settings, slot};
use core::time::Duration;
use std::collections::BTreeMap;
use synod_core::NodeId;
use synod_raft::machine::{Machine, Memory};
use synod_raft::{Command, Config, Done, Job, Record};

/// Names the hosts' decisions on the tape, apart from the clients' and the operator's.
const KEY: u64 = 1 << 60;

/// Small, so that snapshots come in many pieces, followers need them, and logs lie mostly on the disk.
pub(super) fn configure(settings: &Settings, config: &mut Config) {
    if settings.checkpoint_every > 0 {
        config.trailing_entries = 30;
        config.snapshot_piece_bytes = 100;
        config.log_memory_bytes_max = 1_000;
    }
}

/// What a record holds, so that copies of it on other nodes are known for copies: each entry by its name, and whatever else as it is.
pub(super) fn facts(record: &Record) -> Vec<u64> {
    match record {
        Record::Append { entries, .. } => {
            let term = entries.term().0;
            (entries.first().0..=entries.last().0).map(|index| named(ENTRY, index, term)).collect()
        }
        Record::Snapshot { last, .. } => vec![named(SNAPSHOT, last.index.0, 0), other(record)],
        _ => vec![other(record)],
    }
}

/// A snapshot stands for every entry that led to it, and for every earlier snapshot.
pub(super) fn covers(record: &Record, fact: u64) -> bool {
    match record {
        Record::Snapshot { last, .. } if fact & (ENTRY | SNAPSHOT) != 0 => {
            (fact & !(ENTRY | SNAPSHOT)) >> TERM_BITS <= last.index.0
        }
        _ => facts(record).contains(&fact),
    }
}

const ENTRY: u64 = 1 << 63;
const SNAPSHOT: u64 = 1 << 62;
const TERM_BITS: u32 = 22;

/// No run of the simulator gets as far as these numbers go.
fn named(kind: u64, index: u64, term: u64) -> u64 {
    kind | (index << TERM_BITS & (SNAPSHOT - 1)) | (term & ((1 << TERM_BITS) - 1))
}

fn other(record: &Record) -> u64 {
    synod_sim::fingerprint(record) & !(ENTRY | SNAPSHOT)
}

impl Replica {
    pub(super) fn new(folder: Memory, settings: &Settings) -> Self {
        // What lies in the folder is as it was stored: nothing damages it.
        let every = settings.checkpoint_every;
        let machine = Machine::new(Application::new(settings), folder.clone(), every)
            .unwrap_or_else(|_| Machine::without_state(Application::new(settings), folder, every));
        Self { machine, waiting: BTreeMap::new(), reading: Vec::new() }
    }

    /// The process is gone; what was stored is not, nor is forgotten that it was lost.
    pub(super) fn restart(&mut self, settings: &Settings) {
        let lost = self.machine.is_waiting();
        let old = core::mem::replace(self, Self::new(Memory::default(), settings));
        *self = Self::new(old.machine.into_folder(), settings);
        if lost {
            self.lose(settings);
        }
    }

    /// The state is lost, and what was stored of it.
    pub(super) fn lose(&mut self, settings: &Settings) {
        let (folder, every) = (Memory::default(), settings.checkpoint_every);
        self.machine = Machine::without_state(Application::new(settings), folder, every);
    }
}

impl Cluster {
    /// Stores a snapshot if one is due, and tells the node what its log need not keep.
    pub(super) fn checkpoint(&mut self, node: NodeId, io: &mut Raw<'_>) {
        let Some(Replica { machine, .. }) = self.replicas.get_mut(slot(node)) else { return };
        if machine.is_due()
            && let Some(upto) = machine.checkpoint()
        {
            self.tally.checkpoints += 1;
            io.command(node, Command::Compact { upto });
        }
    }

    /// A snapshot is the state of a replica now. What it covers was not applied there: whoever waits for an answer from there hears
    /// nothing, and gives up in the end.
    pub(super) fn forget_waiting(&mut self, node: NodeId) {
        let Some(Replica { machine, waiting, .. }) = self.replicas.get_mut(slot(node)) else { return };
        *waiting = waiting.split_off(&(machine.position().0 + 1));
    }

    /// A host does what its node asks for.
    pub(super) fn do_job(&mut self, node: NodeId, job: &Job, io: &mut Raw<'_>) -> Option<(Duration, Done)> {
        self.jobs += 1;
        let done = if let Job::Recall { at } = job {
            self.tally.recalled += 1;
            let entries = match io.record(*at) {
                Some(Record::Append { entries, .. }) => Some(entries.clone()),
                _ => None,
            };
            Done::Recall { at: *at, entries }
        } else {
            self.replicas.get_mut(slot(node))?.machine.work(job)?
        };
        if matches!(job, Job::Install(_)) {
            // At once: entries that the snapshot covers may be handed over again before the node knows of it, and do not answer then.
            self.forget_waiting(node);
        }
        let span = u64::try_from(self.settings.job_max.as_nanos()).unwrap_or(u64::MAX).max(1);
        let nanos = io.decide(KEY | self.jobs, span);
        Some((Duration::from_nanos(nanos), done))
    }
}
