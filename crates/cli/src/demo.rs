//! `synod demo`: the main job. A replicated store survives a hostile world while a judge looks on; with a guarantee switched
//! off, the same command finds the violation and draws it.

use crate::console::{Complaint, Console, Outcome};
use crate::picture::{self, Moment};
use crate::simulate::Guarantee;
use core::sync::atomic::Ordering;
use core::time::Duration;
use std::path::PathBuf;
use std::time::Instant;
use synod_kv::cluster::{Cluster, Settings, simulation, with_invariants, with_judge};
use synod_raft::Raft;
use synod_sim::{Climate, Dials, Fault, Report, Sim, Tape, Verdict};

/// Watch a replicated key-value store on Raft survive a hostile world, and a judge confirm what every client saw.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  synod demo                            five nodes, every kind of fault, one linearizable store
  synod demo --sabotage lying-fsync     the disk lies: the judge finds out, and the page shows how
  synod demo --seed 7 --report seven.html

With --sabotage the exit code is 1 when the violation was found, as it should be, and 2 when it was not.
Otherwise: 0 all is well, 1 violated, 3 bad input, 130 interrupted.")]
pub(crate) struct Demo {
    /// Switch one guarantee off, and look for the violation that follows.
    #[arg(long, value_enum)]
    sabotage: Option<Guarantee>,
    /// Which world; 1 by default. The same seed is the same run, event by event. With --sabotage the search begins here and
    /// takes the first world with a violation; without a seed it takes the plainest of several.
    #[arg(long)]
    seed: Option<u64>,
    /// How many nodes.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=31))]
    nodes: u64,
    /// How many clients.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    clients: u64,
    /// How many virtual seconds the faults last.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    storm: u64,
    /// Where the picture goes.
    #[arg(long, value_name = "FILE", default_value = "synod-report.html")]
    report: PathBuf,
    /// Draw no picture.
    #[arg(long)]
    headless: bool,
    /// How many more worlds, milder and wilder, are tried after the first.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(0..=1_000_000))]
    worlds: u64,
}

/// How many worlds a sabotage is given to show itself.
const WORLDS_MAX: u64 = 1_000;
/// Of how many violations the plainest is shown.
const VIOLATIONS: usize = 12;

impl Demo {
    fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        settings.nodes = usize::try_from(self.nodes).unwrap_or(usize::MAX);
        settings.clients = self.clients;
        settings.operations = 20_000;
        settings.storm = Duration::from_secs(self.storm);
        settings.climate = Climate::Fixed(Dials::rough(&Fault::survivable().collect::<Vec<_>>()));
        settings
    }

    pub(crate) fn run(self, console: &mut Console) -> Result<Outcome, Complaint> {
        match self.sabotage {
            None => self.honest(console),
            Some(guarantee) => self.sabotaged(guarantee, console),
        }
    }

    fn judged(&self, settings: &Settings) -> Result<Sim<Raft, Cluster>, Complaint> {
        Ok(with_judge(simulation(settings).map_err(|error| Complaint::Usage(error.to_string()))?))
    }

    fn honest(&self, console: &mut Console) -> Result<Outcome, Complaint> {
        let settings = self.settings();
        console.say(format!(
            "{} nodes keep one key-value store with Raft. {} clients read and write it while, for {} virtual seconds,\n\
             nodes crash, disks stall and fail, clocks drift, and the network loses, doubles, delays and splits.\n",
            self.nodes, self.clients, self.storm
        ));
        let begun = Instant::now();
        let bar = console.progress(self.storm, "virtual seconds");
        let (watched, interrupted) = (bar.clone(), console.interrupted());
        let sim = with_invariants(self.judged(&settings)?).watch(move |world| {
            let tally = world.workload().tally();
            watched.set_position(world.now().0 / 1_000_000_000);
            watched.set_message(format!(
                "{} answered, {} elections, {} faults",
                tally.ok,
                tally.elections,
                world.stats().faults
            ));
            !interrupted.load(Ordering::Relaxed)
        });
        let seed = self.seed.unwrap_or(1);
        let report = sim.run(seed);
        bar.finish_and_clear();
        if report.verdict == Verdict::Interrupted {
            return Ok(Outcome::Interrupted);
        }
        summarize(&report, console);
        let mut outcome = if report.verdict == Verdict::Passed { Outcome::Well } else { Outcome::Violated };
        if outcome == Outcome::Well && self.worlds > 0 {
            outcome = self.more_worlds(console)?;
        }
        if !self.headless {
            let command = format!("cargo synod demo --seed {seed}");
            let title = "A replicated store in a hostile world";
            let page = picture::draw(&sim, Tape::from_seed(seed), &report, &settings, title, &command, None);
            crate::console::write(&self.report, &page)?;
            console.say(format!("  picture       {}", self.report.display()));
        }
        console.say(format!("  took          {:.1} s", begun.elapsed().as_secs_f64()));
        if outcome == Outcome::Well {
            console.say(
                "\nNow switch one guarantee off and watch it being caught:\n  \
                 cargo synod demo --sabotage early-send\n  \
                 cargo synod demo --sabotage lying-fsync\n  \
                 cargo synod demo --sabotage short-quorum",
            );
        }
        Ok(outcome)
    }

    /// The same store in many smaller worlds, each with other dials.
    fn more_worlds(&self, console: &mut Console) -> Result<Outcome, Complaint> {
        let mut settings = self.settings();
        settings.climate = Climate::swarm();
        settings.storm = Duration::from_secs(10);
        settings.operations = 1_000;
        let sim = with_invariants(self.judged(&settings)?);
        let bar = console.progress(self.worlds, "other worlds");
        let interrupted = console.interrupted();
        let mut summary = sim.summary();
        let mut answered = 0;
        for seed in 0..self.worlds {
            if interrupted.load(Ordering::Relaxed) {
                bar.finish_and_clear();
                return Ok(Outcome::Interrupted);
            }
            let report = sim.run(seed);
            answered += report.workload.tally().ok;
            summary.add(&report);
            bar.inc(1);
        }
        bar.finish_and_clear();
        let seconds = summary.virtual_nanos / 1_000_000_000;
        match summary.failures.first() {
            None => console.say(format!(
                "  and again     {} other worlds ({seconds} virtual seconds, {answered} answers): all linearizable",
                summary.runs
            )),
            Some((seed, verdict)) => {
                console.say(format!("  and again     world {seed} of {}: {verdict}", summary.runs));
                return Ok(Outcome::Violated);
            }
        }
        Ok(Outcome::Well)
    }

    /// Looks for a world in which the clients see the damage, and then for the moment at which it was done.
    fn sabotaged(&self, guarantee: Guarantee, console: &mut Console) -> Result<Outcome, Complaint> {
        let mut settings = self.settings();
        settings.climate = Climate::swarm();
        settings.storm = Duration::from_secs(self.storm.min(4));
        settings.sabotage = Some(guarantee.mischief());
        console.say(format!("{}\nLooking for a world in which somebody notices…\n", promise(guarantee)));
        let begun = Instant::now();
        let sim = self.judged(&settings)?;
        let found = self.search(&sim, console);
        if console.interrupted().load(Ordering::Relaxed) {
            return Ok(Outcome::Interrupted);
        }
        let Some(report) = found else {
            console.say(format!("not one of {WORLDS_MAX} worlds showed a violation: try another --seed"));
            return Ok(Outcome::Undecided);
        };
        self.explain(guarantee, &settings, &sim, &report, console)?;
        console.say(format!("  took          {:.1} s", begun.elapsed().as_secs_f64()));
        Ok(Outcome::Violated)
    }

    /// A world whose clients saw something impossible.
    fn search(&self, sim: &Sim<Raft, Cluster>, console: &Console) -> Option<Report<Cluster>> {
        let bar = console.progress(WORLDS_MAX, "worlds");
        let interrupted = console.interrupted();
        let (first, enough) = self.seed.map_or((1, VIOLATIONS), |seed| (seed, 1));
        let mut found: Vec<Report<Cluster>> = Vec::new();
        for seed in first..first.saturating_add(WORLDS_MAX) {
            if found.len() >= enough || interrupted.load(Ordering::Relaxed) {
                break;
            }
            let report = sim.run(seed);
            bar.inc(1);
            bar.set_message(format!("{} violations", found.len()));
            if matches!(&report.verdict, Verdict::Violated { name: "linearizability", .. }) {
                found.push(report);
            }
        }
        bar.finish_and_clear();
        // The fewer faults, the plainer the story.
        found.into_iter().min_by_key(|report| (report.strikes.len(), report.stats.events))
    }

    fn explain(
        &self,
        guarantee: Guarantee,
        settings: &Settings,
        sim: &Sim<Raft, Cluster>,
        report: &Report<Cluster>,
        console: &mut Console,
    ) -> Result<(), Complaint> {
        summarize(report, console);
        // The same run with Raft's own safety properties looked at after every event: where did it go wrong inside?
        let inside = with_invariants(self.judged(settings)?).run(report.seed);
        let moment = match &inside.verdict {
            Verdict::Violated { name, detail, .. } if *name != "linearizability" => {
                let why = format!("here {name} broke: {detail}");
                console.say(format!(
                    "  damage done   at {:.3} virtual seconds: {detail}",
                    inside.at as f64 / 1e9
                ));
                Some(Moment { at: inside.at, why })
            }
            _ => None,
        };
        let words = report.workload.judge().to_string();
        let mut lines = words.lines();
        console.say(format!("  seen outside  {}", lines.next().unwrap_or_default()));
        for line in lines.take(16) {
            console.say(format!("                {line}"));
        }
        if !self.headless {
            let name = clap::ValueEnum::to_possible_value(&guarantee);
            let name = name.as_ref().map_or("?", |value| value.get_name());
            let command = format!("cargo synod demo --sabotage {name} --seed {}", report.seed);
            let title = format!("{} {}", "A replicated store with one guarantee switched off:", name);
            let tape = Tape::from_seed(report.seed);
            let page = picture::draw(sim, tape, report, settings, &title, &command, moment.as_ref());
            crate::console::write(&self.report, &page)?;
            console.say(format!("  picture       {}", self.report.display()));
        }
        Ok(())
    }
}

const fn promise(guarantee: Guarantee) -> &'static str {
    match guarantee {
        Guarantee::EarlySend => {
            "Switched off: write before send. Votes and acknowledgements leave before the disk has what they promise."
        }
        Guarantee::LyingFsync => {
            "Switched off: durability. The disk says that it has stored what a crash will take back."
        }
        Guarantee::ShortQuorum => "Switched off: the majority. Two of five nodes are taken for a quorum.",
    }
}

fn summarize(report: &Report<Cluster>, console: &mut Console) {
    let (tally, stats) = (report.workload.tally(), report.stats);
    console.say(format!("  world         seed {}, hash {:016x}", report.seed, report.hash));
    console.say(format!("  virtual time  {:.1} s, {} events", report.at as f64 / 1e9, stats.events));
    console.say(format!("  elections     {} won", tally.elections));
    let mut kinds: Vec<(Fault, u64)> = Vec::new();
    for strike in &report.strikes {
        match kinds.iter_mut().find(|(fault, _)| *fault == strike.fault) {
            Some((_, count)) => *count += 1,
            None => kinds.push((strike.fault, 1)),
        }
    }
    kinds.sort_unstable();
    let kinds: Vec<String> = kinds.iter().map(|(fault, count)| format!("{count} {fault}")).collect();
    console.say(format!("  faults        {}: {}", stats.faults, kinds.join(", ")));
    console.say(format!(
        "  messages      {} sent, {} lost, {} stopped by partitions, {} doubled",
        stats.sent, stats.lost, stats.blocked, stats.duplicated
    ));
    console.say(format!(
        "  operations    {} answered, {} refused without effect, {} unknown",
        tally.ok, tally.failed, tally.unknown
    ));
    let verdict = match &report.verdict {
        Verdict::Passed => "LINEARIZABLE: one order of all operations explains every answer, and a second program has checked it"
            .to_owned(),
        Verdict::Violated { name: "linearizability", .. } => {
            "VIOLATED: no order of the operations explains what the clients saw".to_owned()
        }
        other => other.to_string(),
    };
    console.say(format!("  verdict       {verdict}"));
}
