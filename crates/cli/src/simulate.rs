//! `synod sim`: many seeds of a protocol in the simulator.

use crate::console::{Complaint, Console, Outcome};
use crate::subject::{PaxosSubject, RaftSubject, Request, Subject};
use clap::ValueEnum;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;
use synod_kv::cluster::Mischief;
use synod_sim::{Climate, Dials, Fault, Report, Sim, Summary, Tape, Verdict};

/// Run many seeds of a protocol in the simulator; every run is checked while it goes and judged at its end.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  synod sim --protocol raft --seeds 0..1000
  synod sim --protocol raft --seeds 0..100 --faults crash,split,fail-sync
  synod sim --protocol raft --seeds 17..18 --report run.html
  synod sim --seeds 17..18 --sabotage early-send --fork --curve curve.html
  synod sim --seeds 0..100 --sabotage short-quorum --script small.script
  synod sim --protocol paxos --seeds 0..1000
  synod sim --seeds 17..18 --trace run.jsonl --window 2.5s..2.75s
  synod sim --seeds 17..18 --trace run.steps && synod validate run.steps

Faults that a correct cluster survives: crash, blackout, isolate, split, one-way, bridge, flap, pause, slow-disk, stall-disk,
fail-sync, spike, full-disk, rollout, move, reset. On request those that destroy stored records: bit-rot, misdirected-write,
lying-disk; and those that break what it rests on: trade-addresses, wipe-disk, old-disk, swap-disks, twin,
clock-jump.
The first run that fails is made small, until none of its faults can be left out, and written down: see synod replay.
A run is one seed: the same seed gives the same run, event by event, on every machine; its hash shows it.
Exit codes: 0 all passed, 1 some failed, 2 a guard never held in 50 or more runs (what it guards was not tested),
3 bad input, 130 interrupted.")]
pub(crate) struct Simulate {
    /// What to run.
    #[arg(long, value_enum, default_value_t = Protocol::Raft)]
    protocol: Protocol,
    /// The seeds, from A up to but not including B.
    #[arg(long, value_name = "A..B", value_parser = seeds, default_value = "0..100")]
    seeds: Range<u64>,
    /// `all` or `none`, or a list. `all` draws a random part of those that a correct cluster survives for each seed (a swarm),
    /// a list draws from the list; `none` is calm weather.
    #[arg(long, value_name = "FAULTS", default_value = "all", value_parser = climate)]
    faults: Climate,
    /// Draw the run, or the first that failed: a space-time diagram to zoom and search in, one HTML file.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    trace: crate::trace::Tracing,
    #[command(flatten)]
    fork: crate::fork::Forking,
    #[command(flatten)]
    shrink: crate::shrink::Shrinking,
    /// One JSON object for each run on standard output: seed, verdict, detail, hash, events, virtual_ns, ok, unknown, failed,
    /// crashes, faults; with Raft elections, reads, memberships, transfers, installed (snapshots) and repeated (requests in sessions), with
    /// Paxos decrees, adopted and late. What no run has met is told on standard error.
    #[arg(long)]
    json: bool,
    /// How many nodes.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=31))]
    nodes: u64,
    /// How many clients.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    clients: u64,
    /// How many operations the clients begin in a run.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    operations: u64,
    /// How many virtual seconds the faults last.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    storm: u64,
    /// Run Raft as it is configured by default. Else each seed draws what else it has: leases, members that come and go, rules for
    /// quorums, machines that are exchanged, a witness, priorities, nodes that resign, lost states, clients with sessions. With
    /// a sabotage nothing is drawn, so that what is seen is its doing.
    #[arg(long)]
    plain: bool,
    /// Do not validate every step against Raft's executable specification.
    #[arg(long)]
    no_spec: bool,
    /// Switch one guarantee off.
    #[arg(long, value_enum)]
    sabotage: Option<Guarantee>,
    /// How many threads; by default one for each core.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1_024))]
    jobs: Option<u64>,
}

type Recipe<S> = Sim<<S as Subject>::Protocol, <S as Subject>::Clients>;

/// The protocols that the simulator knows how to set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Protocol {
    /// A key-value store on Raft, with clients whose history is judged.
    Raft,
    /// A sequence of decrees, each decided by single-decree Paxos; what clients are told must agree.
    Paxos,
}

/// A guarantee that can be switched off, to see the judges notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Guarantee {
    /// The driver releases messages before what they promise is on the disk.
    EarlySend,
    /// The disk reports a sync as done and has stored nothing.
    LyingFsync,
    /// Quorums are one node short of a majority.
    ShortQuorum,
}

impl Guarantee {
    pub(crate) const fn mischief(self) -> Mischief {
        match self {
            Self::EarlySend => Mischief::EarlySend,
            Self::LyingFsync => Mischief::LyingFsync,
            Self::ShortQuorum => Mischief::ShortQuorum,
        }
    }
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let (start, end) = text.split_once("..").ok_or("write A..B, such as 0..100")?;
    let number =
        |word: &str| word.trim().parse::<u64>().map_err(|error| format!("`{word}` is no seed: {error}"));
    let range = number(start)?..number(end)?;
    if range.is_empty() { Err("the range is empty: nothing would be tested".to_owned()) } else { Ok(range) }
}

fn climate(text: &str) -> Result<Climate, String> {
    match text {
        "all" => Ok(Climate::swarm()),
        "none" => Ok(Climate::Fixed(Dials::calm())),
        list => list
            .split(',')
            .map(|word| word.trim().parse::<Fault>().map_err(|error| error.to_string()))
            .collect::<Result<Vec<Fault>, String>>()
            .map(Climate::Swarm),
    }
}

impl Simulate {
    fn request(&self) -> Request {
        Request {
            nodes: self.nodes,
            clients: self.clients,
            operations: self.operations,
            storm: Duration::from_secs(self.storm),
            climate: self.faults.clone(),
            specified: !self.no_spec,
            plain: self.plain || self.sabotage.is_some(),
            sabotage: self.sabotage.map(Guarantee::mischief),
        }
    }

    pub(crate) fn run(self, console: &mut Console) -> Result<Outcome, Complaint> {
        match self.protocol {
            Protocol::Raft => self.subject(&RaftSubject::of(self.request()), console),
            Protocol::Paxos => self.subject(&PaxosSubject::of(self.request()), console),
        }
    }

    fn subject<S: Subject>(&self, subject: &S, console: &mut Console) -> Result<Outcome, Complaint> {
        self.trace.check()?;
        let closely = self.report.is_some()
            || self.trace.is_wanted()
            || self.fork.is_wanted()
            || self.shrink.is_wanted();
        if self.seeds.end - self.seeds.start == 1 && closely {
            return self.one(self.seeds.start, subject, console);
        }
        self.many(subject, console)
    }

    /// The recipe for a seed, that ends where the command is interrupted.
    fn recipe<S: Subject>(
        subject: &S,
        seed: u64,
        interrupted: &Arc<AtomicBool>,
    ) -> Result<Recipe<S>, Complaint> {
        let interrupted = Arc::clone(interrupted);
        let sim = subject.simulation(seed).map_err(Complaint::Usage)?;
        Ok(sim.watch(move |_| !interrupted.load(Ordering::Relaxed)))
    }

    /// A single run, with all that can be said of it.
    fn one<S: Subject>(&self, seed: u64, subject: &S, console: &mut Console) -> Result<Outcome, Complaint> {
        let (sim, tape) = (&Self::recipe(subject, seed, &console.interrupted())?, &Tape::from_seed(seed));
        let (report, _) = sim.run_tape(tape.clone(), 0..0);
        self.show::<S>(&report, console);
        self.trace.write(subject, sim, tape.clone(), &report, self.json, console)?;
        if let Some(path) = &self.report {
            self.draw::<S>(sim, tape.clone(), &report, path, console)?;
        }
        if self.shrink.is_wanted() || outcome(&report.verdict) == Outcome::Violated {
            self.shrink.run(sim, report.seed, subject, self.json, console)?;
        }
        let stopped = self.fork.run::<S>(sim, tape, self.threads(), console)?;
        Ok(stopped.unwrap_or_else(|| outcome(&report.verdict)))
    }

    fn threads(&self) -> u64 {
        let cores = thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
        self.jobs.unwrap_or(cores)
    }

    fn draw<S: Subject>(
        &self,
        sim: &Sim<S::Protocol, S::Clients>,
        tape: Tape,
        report: &Report<S::Clients>,
        path: &Path,
        console: &mut Console,
    ) -> Result<(), Complaint> {
        crate::console::write(path, &crate::trace::drawn::<S>(sim, tape, report))?;
        if !self.json {
            console.say(format!("drawn: {}", path.display()));
        }
        Ok(())
    }

    fn show<S: Subject>(&self, report: &Report<S::Clients>, console: &mut Console) {
        if self.json {
            console.say(line::<S>(report));
        } else {
            console.say(format!(
                "seed {} hash {:016x} {} events, {:.1} virtual seconds: {}",
                report.seed,
                report.hash,
                report.stats.events,
                report.at as f64 / 1e9,
                report.verdict
            ));
        }
    }

    /// All seeds, on all cores, reported in their order.
    fn many<S: Subject>(&self, subject: &S, console: &mut Console) -> Result<Outcome, Complaint> {
        let jobs = self.threads().min(self.seeds.end - self.seeds.start);
        let next = AtomicU64::new(self.seeds.start);
        let interrupted = console.interrupted();
        let bar = console.progress(self.seeds.end - self.seeds.start, "seeds");
        let mut summary = Self::recipe(subject, self.seeds.start, &interrupted)?.summary();
        let begun = std::time::Instant::now();
        thread::scope(|scope| {
            let (sender, reports) = mpsc::sync_channel(64);
            for _ in 0..jobs {
                let (sender, next, interrupted) = (sender.clone(), &next, &interrupted);
                scope.spawn(move || {
                    while !interrupted.load(Ordering::Relaxed) {
                        let after = |seed| (seed < self.seeds.end).then(|| seed + 1);
                        let seed = next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, after);
                        let Ok(seed) = seed else { break };
                        let report = Self::recipe(subject, seed, interrupted).map(|sim| sim.run(seed));
                        if sender.send(report).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            self.gather::<S>(reports, &mut summary, &bar, console)
        })?;
        bar.finish_and_clear();
        summary.failures.sort_by_key(|(seed, _)| *seed);
        let stopped = console.interrupted().load(Ordering::Relaxed);
        if !self.json {
            let rate = summary.events as f64 / begun.elapsed().as_secs_f64().max(1e-9) / 1e6;
            console.say(format!("{summary}\n  {rate:.2} million events a second on {jobs} threads"));
        }
        if self.json {
            // Standard output has a line for each run, and nothing else.
            summary.vacuous().for_each(|name| console.complain(&format!("never in these runs: {name}")));
        }
        if let Some((seed, _)) = summary.failures.first() {
            let sim = &Self::recipe(subject, *seed, &interrupted)?;
            if !self.json {
                console.say(format!(
                    "look at it: cargo synod sim --protocol {} --seeds {seed}..{} --report run.html",
                    S::NAME,
                    seed + 1
                ));
            }
            self.shrink.run(sim, *seed, subject, self.json, console)?;
            if let Some(stopped) =
                self.fork.run::<S>(sim, &Tape::from_seed(*seed), self.threads(), console)?
            {
                return Ok(stopped);
            }
            if self.trace.is_wanted() {
                self.trace.write(
                    subject,
                    sim,
                    Tape::from_seed(*seed),
                    &sim.run(*seed),
                    self.json,
                    console,
                )?;
            }
            if let Some(path) = &self.report {
                self.draw::<S>(sim, Tape::from_seed(*seed), &sim.run(*seed), path, console)?;
            }
            return Ok(Outcome::Violated);
        }
        if stopped {
            return Ok(Outcome::Interrupted);
        }
        // A handful of runs need not meet every rare event; fifty or more should.
        let vacuous = summary.runs >= 50 && summary.vacuous().next().is_some();
        Ok(if vacuous { Outcome::Undecided } else { Outcome::Well })
    }

    /// Takes the reports as they come and shows them in the order of their seeds, until a run cannot be set up.
    fn gather<S: Subject>(
        &self,
        reports: mpsc::Receiver<Result<Report<S::Clients>, Complaint>>,
        summary: &mut Summary,
        bar: &indicatif::ProgressBar,
        console: &mut Console,
    ) -> Result<(), Complaint> {
        let mut waiting = std::collections::BTreeMap::new();
        let mut due = self.seeds.start;
        for report in reports {
            let report = report?;
            bar.inc(1);
            if report.verdict == Verdict::Interrupted {
                continue;
            }
            summary.add(&report);
            bar.set_message(format!("{} failed", summary.failures.len()));
            let failed = report.verdict != Verdict::Passed;
            let shown = if self.json {
                Some(line::<S>(&report).to_string())
            } else {
                failed.then(|| format!("seed {}: {}", report.seed, report.verdict))
            };
            waiting.insert(report.seed, shown);
            while let Some(shown) = waiting.remove(&due) {
                due += 1;
                if let Some(shown) = shown {
                    bar.suspend(|| console.say(shown));
                }
            }
        }
        Ok(())
    }
}

fn line<S: Subject>(report: &Report<S::Clients>) -> serde_json::Value {
    let tally = S::tally(&report.workload);
    let (verdict, detail) = match &report.verdict {
        Verdict::Passed => ("passed", String::new()),
        Verdict::Violated { .. } => ("violated", report.verdict.to_string()),
        Verdict::Stalled { .. } => ("stalled", report.verdict.to_string()),
        other => ("undecided", other.to_string()),
    };
    let mut line = json!({
        "seed": report.seed,
        "verdict": verdict,
        "detail": detail,
        "hash": format!("{:016x}", report.hash),
        "events": report.stats.events,
        "virtual_ns": report.at,
        "ok": tally.ok,
        "unknown": tally.unknown,
        "failed": tally.failed,
        "crashes": report.stats.crashes,
        "faults": report.stats.faults,
    });
    if let Some(fields) = line.as_object_mut() {
        fields.extend(tally.more.into_iter().map(|(name, count)| (name.to_owned(), count.into())));
    }
    line
}

fn outcome(verdict: &Verdict) -> Outcome {
    match verdict {
        Verdict::Passed => Outcome::Well,
        Verdict::Interrupted => Outcome::Interrupted,
        _ => Outcome::Violated,
    }
}
