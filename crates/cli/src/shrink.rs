//! `--script`: a failing run is made small and written down.

use crate::console::{Complaint, Console, write};
use crate::subject::Subject;
use core::sync::atomic::Ordering;
use core::time::Duration;
use std::path::PathBuf;
use std::time::Instant;
use synod_sim::{Expect, Script, Sim};

/// Where the script of a failing run goes, and how hard to try to make it small.
#[derive(Debug, clap::Args)]
pub(crate) struct Shrinking {
    /// Where the script of the run that failed goes; by default `synod-failure-SEED.script` in the current folder (none with
    /// --json). With a single seed a run that passes is written too.
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Write the run that failed as it was, with all its faults.
    #[arg(long)]
    no_shrink: bool,
    /// Try for at most so many seconds to make it smaller.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, conflicts_with = "no_shrink")]
    shrink_seconds: u64,
}

/// A script of so few faults is shown right away.
const SHOWN_MAX: usize = 12;

impl Shrinking {
    pub(crate) const fn is_wanted(&self) -> bool {
        self.script.is_some()
    }

    /// Writes the run of this seed down, smaller if it fails.
    pub(crate) fn run<S: Subject>(
        &self,
        sim: &Sim<S::Protocol, S::Clients>,
        seed: u64,
        subject: &S,
        json: bool,
        console: &mut Console,
    ) -> Result<(), Complaint> {
        if (json && self.script.is_none()) || console.interrupted().load(Ordering::Relaxed) {
            return Ok(());
        }
        let (_, mut script) = sim.script(seed);
        subject.describe(&mut script);
        script.about.push(format!("seed {seed} of synod sim"));
        let failed = script.expect != Expect::Passed;
        let mut told = format!("{} fault events", script.faults.len());
        if failed && !self.no_shrink {
            (script, told) = self.shrink::<S>(&script, console);
        }
        let path =
            self.script.clone().unwrap_or_else(|| PathBuf::from(format!("synod-failure-{seed}.script")));
        write(&path, &script.to_string())?;
        if json {
            return Ok(());
        }
        console.say(format!("seed {seed}: {told}"));
        if failed && script.faults.len() <= SHOWN_MAX {
            script.faults.iter().for_each(|fault| console.say(format!("  {fault}")));
        }
        console.say(format!("step through it: cargo synod replay {}", path.display()));
        Ok(())
    }

    fn shrink<S: Subject>(&self, script: &Script, console: &Console) -> (Script, String) {
        let bar = console.progress(0, "runs");
        let interrupted = console.interrupted();
        let end = Instant::now() + Duration::from_secs(self.shrink_seconds);
        let shrunk = S::shrinker()
            .progress(|progress| {
                bar.set_position(progress.runs);
                bar.set_message(format!("{} fault events; now {}", progress.faults, progress.phase));
                Instant::now() < end && !interrupted.load(Ordering::Relaxed)
            })
            .shrink(script);
        bar.finish_and_clear();
        match shrunk {
            Ok(shrunk) => {
                let proof = if shrunk.minimal {
                    "none of them can be left out"
                } else {
                    "time ran out before it was shown that none of them can be left out"
                };
                let told = format!(
                    "{} fault events, reduced to {} in {} runs; {proof}",
                    shrunk.faults_before,
                    shrunk.script.faults.len(),
                    shrunk.runs
                );
                (shrunk.script, told)
            }
            // The run stands for itself, as it was.
            Err(error) => {
                (script.clone(), format!("{} fault events, not reduced: {error}", script.faults.len()))
            }
        }
    }
}
