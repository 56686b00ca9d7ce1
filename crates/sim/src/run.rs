//! Whole runs: a seed in, a verdict out.

mod course;
mod guarded;
mod scripted;

pub(crate) use course::{Caps, Course, Portrait};

use crate::builds::{Build, Codec, Make, Outfit};
use crate::byzantine::{Traitors, Treason};
use crate::costs::Costs;
use crate::damage::{Covers, Facts};
use crate::dials::{Dials, Fault};
use crate::nemesis::Strike;
use crate::shadow::Shadow;
use crate::stats::Stats;
use crate::tape::Tape;
use crate::trace::Trace;
use crate::workload::Workload;
use crate::world::{Simulated, World};
use core::fmt;
use core::ops::Range;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;
use synod_core::NodeId;
use synod_core::wire::Wire;

type Check<P> = Box<dyn Observer<P>>;
type MakeCheck<P> = Arc<dyn Fn() -> Check<P> + Send + Sync>;
type Holds<P, W> = Arc<dyn Fn(&World<P, W>) -> bool + Send + Sync>;
type Watch<P, W> = Arc<dyn Fn(&World<P, W>) -> bool + Send + Sync>;
type Turn = Arc<dyn Fn(&mut Dials) + Send + Sync>;
type Across<P, W> = Arc<dyn Fn(&World<P, W>, NodeId) -> Result<(), String> + Send + Sync>;
type Judge<P, W> = Arc<dyn Fn(&World<P, W>) -> Result<(), String> + Send + Sync>;

/// Sees every node that moves. It is copied where a run is forked.
trait Observer<P>: FnMut(NodeId, Option<&P>) -> Result<(), String> {
    fn copy(&self) -> Check<P>;
}

impl<P, C> Observer<P> for C
where
    C: FnMut(NodeId, Option<&P>) -> Result<(), String> + Clone + 'static,
{
    fn copy(&self) -> Check<P> {
        Box::new(self.clone())
    }
}

/// The world that the runs are set in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for a simulation, and a box would be in everybody's way"
)]
pub enum Climate {
    /// These dials in every run.
    Fixed(Dials),
    /// Other dials in every run, drawn by the tape; faults are taken from this list.
    Swarm(Vec<Fault>),
}

impl Climate {
    /// A swarm over every kind of fault that a correct protocol survives.
    #[must_use]
    pub fn swarm() -> Self {
        Self::Swarm(Fault::survivable().collect())
    }
}

/// A recipe for runs: the cluster, its clients, the climate, and what must hold.
///
/// ```
/// use core::time::Duration;
/// use synod_core::*;
/// use synod_sim::{Climate, Idle, Sim};
///
/// // A rumour: whoever knows it tells everybody, again and again. Does everybody come to know it?
/// #[derive(Clone, Hash)]
/// struct Gossip { knows: bool }
///
/// impl Protocol for Gossip {
///     type Message = ();
///     type Timer = ();
///     type Record = ();
///     type Command = Never;
///     type Event = Never;
///     type Job = Never;
///     type Done = Never;
///     type Error = Never;
///     fn recover(&mut self, _: Lsn, _: Recovered<()>) -> Result<(), Never> {
///         self.knows = true;
///         Ok(())
///     }
///     fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
///         match input {
///             Input::Message(_, ()) if !self.knows => {
///                 self.knows = true;
///                 cx.persist(());
///             }
///             Input::Start { .. } | Input::Timer(()) => {
///                 if self.knows {
///                     (1..=5).for_each(|id| cx.send(NodeId(id), ()));
///                 }
///                 cx.arm((), Duration::from_millis(100));
///             }
///             _ => {}
///         }
///     }
/// }
///
/// let sim = Sim::new(5, |id| Gossip { knows: id == NodeId(1) }, Idle)
///     .climate(Climate::swarm())
///     .eventually_after_heal("everybody knows", Duration::from_secs(5), |world| world.up().all(|(_, node)| node.knows))
///     .sometimes("a node crashed", |world| world.stats().crashes > 0);
///
/// let summary = sim.run_seeds(0..20, |_| {});
/// assert!(summary.passed(), "{summary}");
/// assert_eq!(sim.run(7).hash, sim.run(7).hash); // one seed, one run
/// ```
pub struct Sim<P: Simulated, W> {
    nodes: usize,
    make: Make<P>,
    workload: W,
    climate: Climate,
    turn: Option<Turn>,
    storm: Duration,
    always: Vec<(&'static str, MakeCheck<P>)>,
    across: Vec<(&'static str, Across<P, W>)>,
    eventually: Vec<(&'static str, Duration, Holds<P, W>)>,
    sometimes: Vec<(&'static str, Holds<P, W>)>,
    judges: Vec<(&'static str, Judge<P, W>)>,
    watch: Option<Watch<P, W>>,
    facts: Option<Facts<P>>,
    covers: Option<Covers<P>>,
    traitors: Option<(Traitors, Vec<Treason>)>,
    events_max: u64,
    outfit: Outfit<P>,
}

impl<P: Simulated, W: Clone> Clone for Sim<P, W> {
    fn clone(&self) -> Self {
        Self {
            nodes: self.nodes,
            make: Arc::clone(&self.make),
            workload: self.workload.clone(),
            climate: self.climate.clone(),
            turn: self.turn.clone(),
            storm: self.storm,
            always: self.always.clone(),
            across: self.across.clone(),
            eventually: self.eventually.clone(),
            sometimes: self.sometimes.clone(),
            judges: self.judges.clone(),
            watch: self.watch.clone(),
            facts: self.facts.clone(),
            covers: self.covers.clone(),
            traitors: self.traitors.clone(),
            events_max: self.events_max,
            outfit: self.outfit.clone(),
        }
    }
}

impl<P: Simulated, W: Workload<P>> Sim<P, W> {
    /// Runs of `nodes` nodes made by `make`, with this workload. In calm weather for ten virtual seconds, until told otherwise.
    pub fn new(nodes: usize, make: impl Fn(NodeId) -> P + Send + Sync + 'static, workload: W) -> Self {
        Self {
            nodes,
            make: Arc::new(make),
            workload,
            climate: Climate::Fixed(Dials::calm()),
            turn: None,
            storm: Duration::from_secs(10),
            always: Vec::new(),
            across: Vec::new(),
            eventually: Vec::new(),
            sometimes: Vec::new(),
            judges: Vec::new(),
            watch: None,
            facts: None,
            covers: None,
            traitors: None,
            events_max: 50_000_000,
            outfit: Outfit::default(),
        }
    }

    /// Sets the climate.
    #[must_use]
    pub fn climate(mut self, climate: Climate) -> Self {
        self.climate = climate;
        self
    }

    /// Turns the dials of every run once more, after the climate has set them: to sabotage the driver, or to fix one dial of a
    /// swarm.
    #[must_use]
    pub fn turn(mut self, turn: impl Fn(&mut Dials) + Send + Sync + 'static) -> Self {
        self.turn = Some(Arc::new(turn));
        self
    }

    /// What a record holds, as numbers: records that hold the same fact are copies of each other for
    /// [`Bound::Records`](crate::Bound::Records). Unless told, a record holds one fact, itself.
    #[must_use]
    pub fn facts(mut self, facts: impl Fn(&P::Record) -> Vec<u64> + Send + Sync + 'static) -> Self {
        self.facts = Some(Arc::new(facts));
        self
    }

    /// Whether a record holds a fact that another record has named, where records hold more than they name: a snapshot holds what
    /// led to it, say. Unless told, a record holds the facts that it names.
    #[must_use]
    pub fn covers(mut self, covers: impl Fn(&P::Record, u64) -> bool + Send + Sync + 'static) -> Self {
        self.covers = Some(Arc::new(covers));
        self
    }

    /// Makes some nodes traitors: that many, drawn in each run together with a part of the treasons; or those that are named, with
    /// all of them. Traitors are not shown to [`always`](Sim::always); other judges ask
    /// [`World::is_traitor`](crate::World::is_traitor), and workloads [`Io::is_traitor`](crate::Io::is_traitor). They go on
    /// deceiving when the faults have stopped. Protocols that withstand them expect a transport that
    /// [authenticates](crate::Guard::Authenticated).
    #[must_use]
    pub fn traitors(mut self, who: impl Into<Traitors>, treasons: impl IntoIterator<Item = Treason>) -> Self {
        self.traitors = Some((who.into(), treasons.into_iter().collect()));
        self
    }

    /// How a traitor that equivocates lies: makes another message of one, as the drawn number says. Without this, two copies of the
    /// protocol speak under its name.
    #[must_use]
    pub fn lies(
        mut self,
        lie: impl Fn(&P::Message, u64) -> Option<P::Message> + Send + Sync + 'static,
    ) -> Self {
        self.outfit.mutate = Some(Arc::new(lie));
        self
    }

    /// How long the faults last, in virtual time.
    #[must_use]
    pub fn storm(mut self, span: Duration) -> Self {
        self.storm = span;
        self
    }

    /// At most so many events in a run; more is a failure, since a protocol that never rests is broken too.
    #[must_use]
    pub fn events_max(mut self, events: u64) -> Self {
        self.events_max = events;
        self
    }

    /// What must hold after every event. `observer` makes a fresh observer for each run; it is shown the node that has just
    /// moved (`None`: it is down) and may keep notes. It is called millions of times a second: let it be cheap. Its notes are
    /// copied where a run is forked: let copies share nothing that changes, no `Rc<Cell<_>>`, say.
    #[must_use]
    pub fn always<C>(mut self, name: &'static str, observer: impl Fn() -> C + Send + Sync + 'static) -> Self
    where
        C: FnMut(NodeId, Option<&P>) -> Result<(), String> + Clone + 'static,
    {
        self.always.push((name, Arc::new(move || Box::new(observer()))));
        self
    }

    /// What must hold of several nodes at one moment, by their own [clocks](World::clock), say. After every event, as
    /// [`always`](Sim::always), it is shown the world and the node that has moved; it keeps no notes.
    #[must_use]
    pub fn always_across(
        mut self,
        name: &'static str,
        check: impl Fn(&World<P, W>, NodeId) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.across.push((name, Arc::new(check)));
        self
    }

    /// Somebody who follows every step of every node with all that goes in and comes out, and ends the run with the first
    /// [flaw](Shadow::flaw) that it finds; a later call takes the place of an earlier one. `shadow` makes a fresh one for each run. It
    /// changes nothing in a run. Costs nothing but what it does, and without it a branch an effect.
    #[must_use]
    pub fn shadowed<S>(mut self, name: &'static str, shadow: impl Fn() -> S + Send + Sync + 'static) -> Self
    where
        S: Shadow<P> + Clone + 'static,
    {
        self.outfit.shadow = Some((name, Arc::new(move || Box::new(shadow()))));
        self
    }

    /// What must come to hold within this span of virtual time after the faults have stopped. Progress under lasting faults is
    /// impossible to promise; progress after them is not.
    #[must_use]
    pub fn eventually_after_heal(
        mut self,
        name: &'static str,
        within: Duration,
        holds: impl Fn(&World<P, W>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.eventually.push((name, within, Arc::new(holds)));
        self
    }

    /// What must hold at some moment of at least one run of a set: a guard against tests that test nothing. Looked at every few
    /// events until it holds.
    #[must_use]
    pub fn sometimes(
        mut self,
        name: &'static str,
        holds: impl Fn(&World<P, W>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.sometimes.push((name, Arc::new(holds)));
        self
    }

    /// What must hold at the end of a run, of the whole world: a verdict over what the clients saw.
    #[must_use]
    pub fn finally(
        mut self,
        name: &'static str,
        judge: impl Fn(&World<P, W>) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.judges.push((name, Arc::new(judge)));
        self
    }

    /// Tells the simulator how messages become bytes, and the highest wire version that the nodes know: bandwidth, packets and
    /// budgets then see real sizes, and damaged bytes are decoded again. Without it each message counts as
    /// [`Costs::NOMINAL_BYTES`], and damaged ones are refused. Costs nothing where no dial looks at bytes.
    #[must_use]
    pub fn wired(mut self, version: u8) -> Self
    where
        P::Message: Wire,
    {
        self.outfit.codec = Some(Codec::of_wire());
        self.outfit.version = version;
        self
    }

    /// Another build that administrators may [roll out](Fault::Rollout): a later program, or the same with other settings, that
    /// knows wire versions up to this one. The first build is the one of [`new`](Sim::new). A link speaks the lower of the two
    /// versions at its ends, and what crosses it is encoded and decoded in that version; set [`wired`](Sim::wired) too.
    #[must_use]
    pub fn build(mut self, version: u8, make: impl Fn(NodeId) -> P + Send + Sync + 'static) -> Self {
        self.outfit.later.push(Build { version, make: Arc::new(make) });
        self
    }

    /// Counts what runs cost; [`World::costs`] and [`Io::costs`](crate::Io::costs) say it.
    #[must_use]
    pub fn metered(mut self) -> Self {
        self.outfit.metered = true;
        self
    }

    /// What a run may cost, judged at its end beside what the workload saw: bytes an operation, say.
    #[must_use]
    pub fn budget(
        self,
        name: &'static str,
        judge: impl Fn(&Costs, &W) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.metered().finally(name, move |world| judge(&world.costs(), world.workload()))
    }

    /// Shows the world to `watch` every few thousand events, for a progress line; where it says `false` the run ends with
    /// [`Verdict::Interrupted`].
    #[must_use]
    pub fn watch(mut self, watch: impl Fn(&World<P, W>) -> bool + Send + Sync + 'static) -> Self {
        self.watch = Some(Arc::new(watch));
        self
    }

    /// The run of this seed.
    pub fn run(&self, seed: u64) -> Report<W> {
        let (ended, world) = self.to_the_end(Tape::from_seed(seed), 0..0, None);
        let (stats, strikes) = (world.stats(), world.strikes().to_vec());
        ended.report(stats, strikes, world.into_workload())
    }

    /// The run of this tape, with a trace of the window (virtual nanoseconds since the run began) in the world at the end. The
    /// trace changes nothing, so a failing seed can be run again to look at the moments before the failure.
    pub fn run_tape(&self, tape: Tape, window: Range<u64>) -> (Report<W>, World<P, W>) {
        let (ended, world) = self.to_the_end(tape, window, None);
        let report = ended.report(world.stats(), world.strikes().to_vec(), world.workload().clone());
        (report, world)
    }

    /// The run of this tape and its trace in this window (virtual nanoseconds since the run began), for
    /// [exports and pictures](crate::trace). `portrait` puts a node's state into a few words, such as `leader, term 3`; it is
    /// asked after each event, and what it says is noted where it changes. Pages colour a node by its first word. An empty text
    /// says nothing.
    ///
    /// Every moment in the window is kept, with texts of up to 240 characters: some hundred bytes each.
    pub fn trace(
        &self,
        tape: Tape,
        window: Range<u64>,
        portrait: impl Fn(NodeId, &P) -> String,
    ) -> (Report<W>, Trace) {
        let (ended, mut world) = self.to_the_end(tape, window.clone(), Some(&portrait));
        let trace = Trace {
            seed: ended.seed,
            hash: ended.hash,
            nodes: self.nodes,
            window,
            moments: world.take_moments(),
            strikes: world.strikes().to_vec(),
            verdict: ended.verdict.clone(),
            end: ended.at,
        };
        let (stats, strikes) = (world.stats(), world.strikes().to_vec());
        (ended.report(stats, strikes, world.into_workload()), trace)
    }

    fn to_the_end(
        &self,
        tape: Tape,
        window: Range<u64>,
        portrait: Option<Portrait<'_, P>>,
    ) -> (Ended, World<P, W>) {
        let seed = tape.seed();
        let (mut course, dials) = self.course(tape, window, portrait);
        let verdict = course.finish();
        let Course { world, seen, .. } = course;
        let seen = self.sometimes.iter().zip(seen).map(|((name, _), seen)| (*name, seen)).collect();
        let outcome = Ended { seed, verdict, at: world.now().0, hash: world.hash(), dials, seen };
        (outcome, world)
    }

    /// What whoever follows the runs is called.
    pub(crate) fn shadow_name(&self) -> &'static str {
        self.outfit.shadow.as_ref().map_or("", |(name, _)| *name)
    }

    /// A run that has just begun, and how its dials stand.
    pub(crate) fn course<'a>(
        &'a self,
        mut tape: Tape,
        window: Range<u64>,
        portrait: Option<Portrait<'a, P>>,
    ) -> (Course<'a, P, W>, Dials) {
        let (dials, storm) = tape.setting().unwrap_or_else(|| (self.dials(&mut tape), self.storm));
        let mut world = World::with_trace(
            self.nodes,
            Arc::clone(&self.make),
            self.workload.clone(),
            tape,
            dials.clone(),
            window,
            Arc::new(self.outfit.clone()),
        );
        if let Some(facts) = &self.facts {
            world.learn(facts, self.covers.as_ref());
        }
        (Course::new(self, world, storm, portrait), dials)
    }

    fn dials(&self, tape: &mut Tape) -> Dials {
        let mut dials = match &self.climate {
            Climate::Fixed(dials) => dials.clone(),
            Climate::Swarm(among) => Dials::swarm(tape, among),
        };
        if let Some((who, treasons)) = &self.traitors {
            dials.traitors = who.choose(self.nodes, treasons, tape);
        }
        if let Some(turn) = &self.turn {
            turn(&mut dials);
        }
        dials
    }

    /// Runs these seeds in order, shows each report to `progress`, and sums up. Stops at nothing: failures are collected.
    pub fn run_seeds(&self, seeds: Range<u64>, mut progress: impl FnMut(&Report<W>)) -> Summary {
        let mut summary = self.summary();
        for seed in seeds {
            let report = self.run(seed);
            summary.add(&report);
            progress(&report);
        }
        summary
    }

    /// An empty summary, for those who run seeds on several threads and [`add`](Summary::add) the reports.
    pub fn summary(&self) -> Summary {
        Summary {
            runs: 0,
            events: 0,
            virtual_nanos: 0,
            failures: Vec::new(),
            seen: self.sometimes.iter().map(|(name, _)| (*name, 0)).collect(),
        }
    }
}

/// A run that is over, but for what lies in its world.
struct Ended {
    seed: u64,
    verdict: Verdict,
    at: u64,
    hash: u64,
    dials: Dials,
    seen: Vec<(&'static str, bool)>,
}

impl Ended {
    fn report<W>(self, stats: Stats, strikes: Vec<Strike>, workload: W) -> Report<W> {
        let Self { seed, verdict, at, hash, dials, seen } = self;
        Report { seed, verdict, at, hash, stats, strikes, dials, seen, workload }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Everything held.
    Passed,
    /// Something that must always hold, or hold at the end, did not.
    Violated {
        /// The name it was given.
        name: &'static str,
        /// What was wrong.
        detail: String,
        /// The node on which it was seen, if it was on one.
        node: Option<NodeId>,
    },
    /// Something that must come to hold after the faults did not.
    Stalled {
        /// The name it was given.
        name: &'static str,
        /// How long it was given.
        within: Duration,
    },
    /// The watcher ended the run.
    Interrupted,
    /// The nodes never came to rest.
    Restless {
        /// The limit.
        events: u64,
    },
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Violated { name, detail, .. } => write!(f, "violated: {name}: {detail}"),
            Self::Stalled { name, within } => {
                write!(f, "stalled: {name}: not within {within:?} after the faults had stopped")
            }
            Self::Interrupted => f.write_str("interrupted"),
            Self::Restless { events } => write!(f, "restless: more than {events} events"),
        }
    }
}

/// What came of one run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report<W> {
    /// The seed of the tape.
    pub seed: u64,
    /// How it ended.
    pub verdict: Verdict,
    /// When it ended, in virtual nanoseconds since it began.
    pub at: u64,
    /// The rolling hash over every event and the last states. Equal hashes mean equal runs.
    pub hash: u64,
    /// What was counted.
    pub stats: Stats,
    /// The faults that struck.
    pub strikes: Vec<Strike>,
    /// How the dials stood.
    pub dials: Dials,
    /// Which of the `sometimes` held.
    pub seen: Vec<(&'static str, bool)>,
    /// The application and its clients at the end.
    pub workload: W,
}

/// What came of many runs.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Summary {
    /// How many.
    pub runs: u64,
    /// Events in all of them.
    pub events: u64,
    /// Virtual time in all of them, in nanoseconds.
    pub virtual_nanos: u128,
    /// The seeds that failed, and how.
    pub failures: Vec<(u64, Verdict)>,
    /// In how many runs each of the `sometimes` held.
    pub seen: BTreeMap<&'static str, u64>,
}

impl Summary {
    /// Counts one run in.
    pub fn add<W>(&mut self, report: &Report<W>) {
        self.runs += 1;
        self.events += report.stats.events;
        self.virtual_nanos += u128::from(report.at);
        if report.verdict != Verdict::Passed {
            self.failures.push((report.seed, report.verdict.clone()));
        }
        for (name, seen) in &report.seen {
            *self.seen.entry(name).or_insert(0) += u64::from(*seen);
        }
    }

    /// Counts another summary in.
    pub fn merge(&mut self, other: Self) {
        self.runs += other.runs;
        self.events += other.events;
        self.virtual_nanos += other.virtual_nanos;
        self.failures.extend(other.failures);
        self.failures.sort_by_key(|(seed, _)| *seed);
        for (name, seen) in other.seen {
            *self.seen.entry(name).or_insert(0) += seen;
        }
    }

    /// The `sometimes` that never held: what they guard was not tested.
    pub fn vacuous(&self) -> impl Iterator<Item = &'static str> {
        self.seen.iter().filter(|(_, seen)| **seen == 0).map(|(name, _)| *name)
    }

    /// Whether there was at least one run, none failed, and nothing was vacuous.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.runs > 0 && self.failures.is_empty() && self.vacuous().next().is_none()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.virtual_nanos / 1_000_000_000;
        write!(
            f,
            "{} runs, {} events, {seconds} virtual seconds, {} failed",
            self.runs,
            self.events,
            self.failures.len()
        )?;
        for (seed, verdict) in self.failures.iter().take(10) {
            write!(f, "\n  seed {seed}: {verdict}")?;
        }
        for (name, seen) in &self.seen {
            let note = if *seen == 0 { "  <- never: nothing was tested" } else { "" };
            write!(f, "\n  sometimes {name}: in {seen} of {} runs{note}", self.runs)?;
        }
        Ok(())
    }
}
