//! `synod explore`: every schedule of a small cluster.

use crate::console::{Complaint, Console, Outcome};
use crate::memory::resident_bytes;
use clap::ValueEnum;
use core::ops::ControlFlow;
use core::sync::atomic::Ordering;
use core::time::Duration;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use synod_core::{Bytes, NodeId};
use synod_kv::explore::RaftScope;
use synod_paxos::invariants::Safety;
use synod_paxos::{Command, Config, Paxos};
use synod_raft::{Change, QuorumRule, Step, Transition};
use synod_sim::explore::{
    self, Bounds, Cluster, Exploration, Explorer, Extent, Independence, Model, Network, Observer, Stop,
};

/// Visit every schedule of a small cluster within bounds; what breaks is shown on a shortest path.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  synod explore --protocol raft --campaigns 1 --crashes 1
  synod explore --protocol raft --campaigns 2 --short-quorum
  synod explore --protocol raft --nodes 2 --spares 1 --changes 1 --proposals 0 --campaigns 3 --crashes 1
  synod explore --protocol raft --nodes 2 --compactions 1 --demands 1
  synod explore --protocol paxos --proposals 2 --duplicates 1
  synod explore --protocol paxos --proposals 2 --campaigns 1 --crashes 1 --everlasting
  synod explore --protocol raft --campaigns 2 --crashes 1 --memory 2048 --spill . --minutes 60

Any message may arrive before or after any other, or never; any armed timer may run out at any moment; a sync may complete at any
moment and up to any record; a crash leaves any prefix of what was not synced. Only what the bounds allow is visited.
Exit codes: 0 every state within the bounds was visited and is right, 1 one is wrong, 2 not finished, 3 bad input,
130 interrupted.")]
pub(crate) struct Explore {
    /// What to explore.
    #[arg(long, value_enum, default_value_t = Protocol::Raft)]
    protocol: Protocol,
    /// How many nodes.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=7))]
    nodes: u8,
    /// Proposals, each made once and anywhere.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=20))]
    proposals: u8,
    /// Linearizable reads of Raft's, each asked once and anywhere.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=20))]
    reads: u8,
    /// Nodes of Raft's that are no members at first, those with the highest numbers.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=6))]
    spares: u8,
    /// Changes of Raft's membership, each asked for once and anywhere: the last node comes and the first goes, through a joint
    /// membership; the first comes back; the last goes.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=3))]
    changes: u8,
    /// How often a node of Raft's compacts its log; who then lags gets a snapshot.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=10))]
    compactions: u8,
    /// How often an application on Raft loses its state, and asks for a snapshot.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=10))]
    demands: u8,
    /// Heartbeats of Raft's leaders are sent; each is a timer that runs out.
    #[arg(long)]
    heartbeats: bool,
    /// How many timers run out: elections with Raft, retries with Paxos.
    #[arg(long, value_name = "N", default_value_t = 1)]
    campaigns: u8,
    /// How many processes die.
    #[arg(long, value_name = "N", default_value_t = 0)]
    crashes: u8,
    /// How many messages are doubled.
    #[arg(long, value_name = "N", default_value_t = 0)]
    duplicates: u8,
    /// How many messages are lost where something waits behind them (--fifo); elsewhere a loss is a message that never arrives.
    #[arg(long, value_name = "N", default_value_t = 0)]
    drops: u8,
    /// Raft asks before it campaigns.
    #[arg(long)]
    pre_vote: bool,
    /// Raft's leaders step down when they hear no quorum, and followers are loyal.
    #[arg(long)]
    check_quorum: bool,
    /// Raft with a quorum that is one short: wrong on purpose.
    #[arg(long)]
    short_quorum: bool,
    /// Messages on a link arrive in the order in which they were sent.
    #[arg(long)]
    fifo: bool,
    /// Messages arrive any number of times, or never: one that was sent stays on its way for ever. For Paxos, which takes a message twice
    /// as if it came once.
    #[arg(long, conflicts_with = "fifo")]
    everlasting: bool,
    /// Leave nothing out, not even what cannot change the verdict, and try every order of actions that commute.
    #[arg(long)]
    full: bool,
    /// Keep 128 bits of each state's fingerprint in place of 64.
    #[arg(long)]
    wide: bool,
    /// Stop before more than this is used, in MiB: as the explorer counts its tables, and as the operating system counts the whole
    /// process, where it tells.
    #[arg(long, value_name = "MIB", default_value_t = 4096)]
    memory: usize,
    /// Keep in a file in this folder what does not fit into the memory; it is gone at the end.
    #[arg(long, value_name = "FOLDER")]
    spill: Option<PathBuf>,
    /// Stop after this time.
    #[arg(long, value_name = "N", default_value_t = 60)]
    minutes: u64,
    /// Stop after this many states.
    #[arg(long, value_name = "N")]
    states: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Protocol {
    Raft,
    Paxos,
}

impl Explore {
    pub(crate) fn run(&self, console: &mut Console) -> Result<Outcome, Complaint> {
        match self.protocol {
            Protocol::Raft => {
                let mut scope = RaftScope::default();
                scope.nodes = usize::from(self.nodes);
                scope.bounds = self.bounds();
                scope.proposals = self.proposals;
                scope.reads = self.reads;
                scope.spares = usize::from(self.spares);
                scope.changes = self.changes();
                scope.compactions = self.compactions;
                scope.demands = self.demands;
                scope.heartbeats = self.heartbeats;
                scope.pre_vote = self.pre_vote;
                scope.check_quorum = self.check_quorum;
                if self.short_quorum {
                    scope.quorum = QuorumRule::SabotagedOneShort;
                }
                let cluster = scope.cluster().map_err(|error| Complaint::Usage(error.to_string()))?;
                self.cluster(&cluster, console)
            }
            Protocol::Paxos if self.asks_for_raft() => Err(Complaint::Usage(
                "--reads, --spares, --changes, --compactions, --demands, --heartbeats, --pre-vote, --check-quorum and \
                 --short-quorum belong to Raft"
                    .to_owned(),
            )),
            Protocol::Paxos => self.cluster(&self.paxos()?, console),
        }
    }

    fn asks_for_raft(&self) -> bool {
        let numbers = [self.reads, self.spares, self.changes, self.compactions, self.demands];
        let flags = [self.heartbeats, self.pre_vote, self.check_quorum, self.short_quorum];
        numbers.iter().any(|number| *number > 0) || flags.contains(&true)
    }

    /// As many of the three changes as are asked for.
    fn changes(&self) -> Vec<Change> {
        let (first, last) = (NodeId(1), NodeId(u64::from(self.nodes)));
        let swap = Change::Steps {
            steps: vec![Step::AddVoter(last), Step::Remove(first)],
            transition: Transition::JointImplicit,
        };
        let all = [swap, Change::from(Step::AddVoter(first)), Change::from(Step::Remove(last))];
        all.into_iter().take(usize::from(self.changes)).collect()
    }

    fn bounds(&self) -> Bounds {
        Bounds {
            drops: self.drops,
            duplicates: self.duplicates,
            crashes: self.crashes,
            timers: self.campaigns,
            timers_all: self.campaigns,
            network: match (self.fifo, self.everlasting) {
                (true, _) => Network::Fifo,
                (_, true) => Network::Everlasting,
                _ => Network::Unordered,
            },
            ..Bounds::default()
        }
    }

    fn paxos(&self) -> Result<Cluster<Paxos, Notes>, Complaint> {
        let ids: Vec<NodeId> = (1..=u64::from(self.nodes)).map(NodeId).collect();
        let nodes = ids.iter().map(|id| Paxos::new(Config::new(*id, ids.iter().copied())));
        let nodes: Vec<Paxos> =
            nodes.collect::<Result<_, _>>().map_err(|error| Complaint::Usage(error.to_string()))?;
        let first = nodes.first().cloned().ok_or_else(|| Complaint::Usage("no nodes".to_owned()))?;
        let make = move |id: NodeId| {
            let place = usize::try_from(id.0.saturating_sub(1)).unwrap_or(usize::MAX);
            nodes.get(place).unwrap_or(&first).clone()
        };
        let mut cluster =
            Cluster::observed(usize::from(self.nodes), make, Notes::default()).bounds(self.bounds());
        for number in 0..self.proposals {
            let value = Bytes::copy_from_slice(&[b'a'.saturating_add(number)]);
            cluster = cluster.command_anywhere(Command::Propose { value });
        }
        Ok(cluster)
    }

    fn cluster<P: explore::Explored, O: Observer<P>>(
        &self,
        cluster: &Cluster<P, O>,
        console: &mut Console,
    ) -> Result<Outcome, Complaint> {
        cluster.validate().map_err(|error| Complaint::Usage(error.to_string()))?;
        if self.full { self.explore(cluster, console) } else { self.explore(&cluster.reduced(), console) }
    }

    fn explore<M: Independence>(&self, model: &M, console: &mut Console) -> Result<Outcome, Complaint> {
        let interrupted = console.interrupted();
        let bar = spinner();
        let memory = self.memory.saturating_mul(1 << 20);
        let (mut looks, mut outgrown) = (0_u32, None);
        let mut explorer = Explorer::new(model)
            .memory_max(memory)
            .time_max(Duration::from_secs(self.minutes.saturating_mul(60)))
            .states_max(self.states.unwrap_or(u64::MAX))
            .watch(|extent: &Extent| {
                bar.set_message(extent.to_string());
                if looks.is_multiple_of(RESIDENT_EVERY) {
                    outgrown = resident_bytes().filter(|bytes| *bytes > memory as u64);
                }
                looks = looks.wrapping_add(1);
                if outgrown.is_some() || interrupted.load(Ordering::Relaxed) {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
        // Gone when everything is said.
        let _scratch = match &self.spill {
            Some(folder) => {
                let (file, scratch) = Scratch::open(folder)?;
                explorer = explorer.spill(file, memory / 4 * 3);
                Some(scratch)
            }
            None => None,
        };
        if self.wide {
            explorer = explorer.wide();
        }
        let found = if self.full { explorer.run() } else { explorer.run_with_sleep_sets() };
        bar.finish_and_clear();
        console.say(&found);
        if let Some(resident) = resident_bytes() {
            console.say(format_args!("{:.1} MiB are resident", resident as f64 / 1_048_576.0));
        }
        match outgrown {
            Some(bytes) if matches!(found.outcome, explore::Outcome::Stopped(Stop::Interrupted)) => {
                let mib = bytes as f64 / 1_048_576.0;
                console.say(format_args!(
                    "stopped: {mib:.1} MiB were resident, and --memory grants {}",
                    self.memory
                ));
                Ok(Outcome::Undecided)
            }
            _ => Ok(verdict(&found)),
        }
    }
}

/// The operating system is asked how much memory the process holds at one look at the limits in so many.
const RESIDENT_EVERY: u32 = 16;

/// A file that nobody else needs.
struct Scratch(Option<PathBuf>);

impl Scratch {
    fn open(folder: &Path) -> Result<(File, Self), Complaint> {
        let path = folder.join(format!("synod-explore-{}", std::process::id()));
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path);
        let file = file.map_err(|source| Complaint::Write { path: path.display().to_string(), source })?;
        // A file without a name is gone however this process ends. Where open files keep their names, it goes at the end.
        let named = fs::remove_file(&path).is_err().then_some(path);
        Ok((file, Self(named)))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            drop(fs::remove_file(path));
        }
    }
}

fn verdict<M: Model>(found: &Exploration<M>) -> Outcome {
    match found.outcome {
        explore::Outcome::Holds => Outcome::Well,
        explore::Outcome::Violated(_) => Outcome::Violated,
        explore::Outcome::Stopped(Stop::Interrupted) => Outcome::Interrupted,
        explore::Outcome::Stopped(_) => Outcome::Undecided,
    }
}

/// A line on standard error, if that is a terminal: nobody knows how many states there will be.
fn spinner() -> ProgressBar {
    let terminal = io::stderr().is_terminal();
    let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(None, target);
    if let Ok(style) = ProgressStyle::with_template("  {spinner} {elapsed}  {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Paxos's own observer, in the states of the exploration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Notes(Safety);

impl Observer<Paxos> for Notes {
    fn on_step(&mut self, node: NodeId, paxos: Option<&Paxos>) -> Result<(), String> {
        match paxos {
            Some(paxos) => self.0.observe(node, paxos).map_err(|violation| violation.to_string()),
            None => Ok(()),
        }
    }
}
