//! Forks: the past is kept, the future is drawn anew, and the moment after which it was too late is found.

use core::time::Duration;
use synod_core::{Context, Input, Lsn, Never, NodeId, Protocol, Recovered, Sink};
use synod_sim::trace::Happening;
use synod_sim::{Climate, Dials, Fault, Forks, Idle, Sim, Tally, Tape, Verdict, World};

/// Ticks every ten milliseconds and tells the others. At one tick a node tosses a coin; it shows the result for that step only.
#[derive(Clone, Debug, Default, Hash)]
struct Ticker {
    ticks: u64,
    heard: u64,
    shows: bool,
}

const TOSS: u64 = 300;
const SETTLED: u64 = 500;
const TICK: Duration = Duration::from_millis(10);

impl Protocol for Ticker {
    type Message = u64;
    type Record = u64;
    type Command = Never;
    type Event = Never;
    type Timer = ();
    type Job = Never;
    type Done = Never;
    type Error = Never;

    fn recover(&mut self, _: Lsn, record: Recovered<u64>) -> Result<(), Never> {
        if let Recovered::Intact(ticks) = record {
            self.ticks = ticks;
        }
        Ok(())
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Start { .. } => cx.arm((), TICK),
            Input::Timer(()) => {
                self.ticks += 1;
                self.shows = self.ticks == TOSS && cx.me() == NodeId(2) && cx.below(2) == 0;
                cx.persist_lazy(self.ticks);
                cx.send(NodeId(cx.me().0 % 3 + 1), self.ticks);
                cx.arm((), TICK);
            }
            Input::Message(_, ticks) => {
                self.heard = self.heard.max(ticks);
                self.shows = false;
            }
            _ => {}
        }
    }
}

/// Only the observer remembers how the coin fell, and complains two seconds later: the node itself has forgotten it at once.
fn tickers() -> Sim<Ticker, Idle> {
    Sim::new(3, |_| Ticker::default(), Idle).storm(Duration::from_secs(6)).always(
        "the coin falls well",
        || {
            let mut fell = false;
            move |_, node: Option<&Ticker>| {
                fell |= node.is_some_and(|node| node.shows);
                let settled = node.is_some_and(|node| node.ticks >= SETTLED);
                if fell && settled { Err("badly".to_owned()) } else { Ok(()) }
            }
        },
    )
}

/// Everything but what makes nodes lose ticks.
fn rough() -> Dials {
    Dials::rough(&[Fault::Isolate, Fault::Split, Fault::Spike, Fault::SlowDisk])
}

#[test]
fn a_fork_with_the_same_seed_is_the_same_run_and_with_another_seed_another() {
    let mut world = World::new(3, |_| Ticker::default(), Idle, Tape::from_seed(9), rough());
    for steps in [0, 1, 100, 1_000, 3_000] {
        (0..steps).for_each(|_| assert!(world.step()));
        let (mut same, mut other) = (world.fork(9), world.fork(10));
        assert_eq!(same.hash(), world.hash());
        assert_eq!(other.hash(), world.hash(), "the past is the same");
        let mut rest = world.clone();
        for _ in 0..5_000 {
            rest.step();
            same.step();
            other.step();
        }
        assert_eq!((rest.hash(), rest.now()), (same.hash(), same.now()));
        assert_ne!(rest.hash(), other.hash(), "after {steps} steps");
    }
}

#[test]
fn a_fork_does_not_obey_a_tape_that_sets_the_future() {
    let mut tape = Tape::from_seed(1);
    tape.record();
    let sim = tickers().climate(Climate::Fixed(rough()));
    let recorded = sim.run_tape(tape, 0..0).1.recorded();
    let mut world = World::new(3, |_| Ticker::default(), Idle, recorded, rough());
    (0..500).for_each(|_| assert!(world.step()));
    let mut fork = world.fork(77);
    (0..2_000).for_each(|_| assert!(world.step() && fork.step()));
    assert_ne!(world.hash(), fork.hash());
}

#[test]
fn the_step_after_which_it_was_too_late_is_found() {
    let sim = tickers().climate(Climate::Fixed(rough()));
    let seed = (0..20).find(|seed| sim.run(*seed).verdict.name() == Some("the coin falls well")).unwrap();
    let odds = sim.odds(&Tape::from_seed(seed), Forks::default());
    let jump = odds.jump.as_ref().unwrap();
    assert!(jump.is_significant() && (0.25..0.75).contains(&jump.height()), "{odds}");
    assert_eq!(jump.after.step, jump.before.step + 1, "down to the step");
    assert_eq!(odds.inevitable_from().map(|tally| tally.step), Some(jump.after.step));
    for tally in &odds.tallies {
        let late = tally.step >= jump.after.step;
        assert_eq!(late, tally.failed == tally.futures, "{odds}");
        assert!(late || (0.25..0.75).contains(&tally.share()), "{odds}");
    }
    // The step is the one in which node 2 tossed the coin.
    assert!(jump.between.iter().any(|moment| matches!(moment.what, Happening::Timer(_))), "{jump:?}");
    let mut local = jump.between.iter().filter(|moment| moment.what.is_local());
    assert!(local.all(|moment| moment.node == NodeId(2)), "{jump:?}");
    assert!(!jump.earlier.is_empty() && jump.earlier.iter().all(|moment| moment.at <= jump.after.at));
    assert!(!jump.later.is_empty() && jump.later.iter().all(|moment| moment.at >= jump.after.at));
}

#[test]
fn the_curve_is_a_page_that_needs_nothing_else() {
    let sim = tickers().climate(Climate::Fixed(rough()));
    let seed = (0..20).find(|seed| sim.run(*seed).verdict != Verdict::Passed).unwrap();
    let odds = sim.odds(&Tape::from_seed(seed), Forks::default());
    let page = odds.to_html("when </script> was it \"too late\"?", "cargo <b>");
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
    for foreign in ["http", "src=", "@import", "<script", "<b>c", "NaN", "\"inf"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert_eq!(page.matches("<circle").count(), odds.tallies.len());
    assert!(
        page.contains("class=\"hot\"") && page.contains("class=\"leap") && page.contains("class=\"fault\"")
    );
    assert!(page.contains("&lt;/script&gt;") && page.len() < 300_000, "{}", page.len());
}

#[test]
fn threads_can_share_the_futures() {
    let sim = tickers().climate(Climate::Fixed(rough()));
    let (tape, forks) = (Tape::from_seed(3), Forks::default());
    let alone = sim.odds(&tape, forks);
    let shared = sim.odds_by(&tape, forks, |survey, futures| {
        let middle = futures.end / 3;
        let mut tallies = sim.futures(survey, futures.start..middle);
        let others = sim.futures(survey, middle..futures.end);
        tallies.iter_mut().zip(&others).for_each(|(tally, other)| tally.add(other));
        tallies
    });
    assert_eq!(alone.tallies, shared.tallies);
    assert_eq!(alone.to_string(), shared.to_string());
}

#[test]
fn a_run_that_passed_by_luck_is_told_how_lucky_it_was() {
    let sim = tickers().climate(Climate::Fixed(rough()));
    let seed = (0..20).find(|seed| sim.run(*seed).verdict == Verdict::Passed).unwrap();
    let odds = sim.odds(&Tape::from_seed(seed), Forks::default());
    assert!((0.25..0.75).contains(&odds.tallies[0].share()), "{odds}");
    let last = odds.tallies.last().unwrap();
    assert_eq!((last.failed, last.step), (0, odds.steps));
    assert!(odds.inevitable_from().is_none(), "{odds}");
    assert!(odds.jump.as_ref().is_none_or(|jump| !jump.is_significant()), "it became less likely: {odds}");
}

#[test]
fn intervals_are_wilsons() {
    let tally = |failed, futures| {
        let mut tally = Tally::default();
        (tally.failed, tally.futures) = (failed, futures);
        tally
    };
    let near = |(low, high): (f64, f64), expected: (f64, f64)| {
        assert!((low - expected.0).abs() < 5e-4 && (high - expected.1).abs() < 5e-4, "{low} {high}");
    };
    near(tally(0, 10).interval(), (0.0, 0.2775));
    near(tally(5, 10).interval(), (0.2366, 0.7634));
    near(tally(50, 50).interval(), (0.9287, 1.0));
    near(tally(0, 0).interval(), (0.0, 1.0));
}

#[test]
fn without_futures_nothing_is_known_to_be_inevitable() {
    let sim = tickers().climate(Climate::Fixed(rough()));
    let seed = (0..20).find(|seed| sim.run(*seed).verdict != Verdict::Passed).unwrap();
    let mut forks = Forks::default();
    forks.futures = 0;
    let odds = sim.odds(&Tape::from_seed(seed), forks);
    assert!(odds.inevitable_from().is_none() && odds.tallies.iter().all(|tally| tally.futures == 0));
}
