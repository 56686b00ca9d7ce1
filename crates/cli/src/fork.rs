//! `--fork`: from when on was the failure likely, and from when on certain?

use crate::console::{Complaint, Console, Outcome, write};
use crate::subject::Subject;
use core::ops::Range;
use core::sync::atomic::Ordering;
use std::path::PathBuf;
use std::thread;
use synod_sim::{Forks, Odds, Sim, Survey, Tally, Tape};

/// Whether and how to fork a run.
#[derive(Debug, clap::Args)]
pub(crate) struct Forking {
    /// Fork the run, or the first that failed, from many moments with other chances, and tell how many of these futures fail: when
    /// was it too late?
    #[arg(long)]
    fork: bool,
    /// How many futures to run from each moment.
    #[arg(long, requires = "fork", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    futures: u64,
    /// From how many moments; the search for the greatest leap adds some.
    #[arg(long, requires = "fork", default_value_t = 20, value_parser = clap::value_parser!(u64).range(2..=10_000))]
    moments: u64,
    /// Draw the curve as a self-contained HTML page.
    #[arg(long, requires = "fork", value_name = "FILE")]
    curve: Option<PathBuf>,
}

impl Forking {
    pub(crate) const fn is_wanted(&self) -> bool {
        self.fork
    }

    /// Forks the run of this tape, if that is wanted. `None`: it was not, or it is done; otherwise the command ends here.
    pub(crate) fn run<S: Subject>(
        &self,
        sim: &Sim<S::Protocol, S::Clients>,
        tape: &Tape,
        jobs: u64,
        console: &mut Console,
    ) -> Result<Option<Outcome>, Complaint> {
        if !self.fork {
            return Ok(None);
        }
        let mut forks = Forks::default();
        (forks.futures, forks.moments) = (self.futures, self.moments);
        let odds = self.count::<S>(sim, tape, forks, jobs, console);
        if console.interrupted().load(Ordering::Relaxed) {
            return Ok(Some(Outcome::Interrupted));
        }
        console.say(odds.to_string().trim_end());
        if let Some(path) = &self.curve {
            write(path, &odds.to_html("When was it too late?", &crate::console::command_line()))?;
            console.say(format!("drawn: {}", path.display()));
        }
        Ok(None)
    }

    fn count<S: Subject>(
        &self,
        sim: &Sim<S::Protocol, S::Clients>,
        tape: &Tape,
        forks: Forks,
        jobs: u64,
        console: &Console,
    ) -> Odds {
        // The search halves a gap until it is a single step: about so many times.
        let bar = console.progress((forks.moments + 16) * forks.futures, "futures");
        let odds = sim.odds_by(tape, forks, |survey, futures| {
            let tallies = shared::<S>(sim, survey, &futures, jobs);
            bar.inc(tallies.iter().map(|tally| tally.futures).sum());
            tallies
        });
        bar.finish_and_clear();
        odds
    }
}

/// Counts futures on several threads. Which thread counts which changes nothing.
fn shared<S: Subject>(
    sim: &Sim<S::Protocol, S::Clients>,
    survey: &Survey<'_>,
    futures: &Range<u64>,
    jobs: u64,
) -> Vec<Tally> {
    let jobs = jobs.clamp(1, futures.end.max(1));
    let part = |nth: u64| futures.end * nth / jobs..futures.end * (nth + 1) / jobs;
    thread::scope(|scope| {
        let others: Vec<_> =
            (1..jobs).map(|nth| scope.spawn(move || sim.futures(survey, part(nth)))).collect();
        let mut tallies = sim.futures(survey, part(0));
        for other in others {
            // A thread that died has counted nothing; its futures are missing from the sum, and from no verdict.
            let counted = other.join().unwrap_or_default();
            tallies.iter_mut().zip(&counted).for_each(|(tally, more)| tally.add(more));
        }
        tallies
    })
}
