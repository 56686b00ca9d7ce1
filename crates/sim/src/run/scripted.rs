//! Runs written down as scripts.

use super::{Caps, Report, Sim, Verdict};
use crate::script::{Expect, FaultEvent, Script, without_chances};
use crate::tape::Tape;
use crate::workload::Workload;
use crate::world::Simulated;

/// What came of a scripted run.
pub(crate) struct Attempt {
    pub(crate) verdict: Verdict,
    pub(crate) at: u64,
    pub(crate) events: u64,
    pub(crate) hash: u64,
    /// The fault events that came true.
    pub(crate) faults: Vec<FaultEvent>,
}

impl<P: Simulated, W: Workload<P>> Sim<P, W> {
    /// Writes the run of this seed down: a script that repeats it event by event, as long as the protocol and its workload stay
    /// as they are.
    pub fn script(&self, seed: u64) -> (Report<W>, Script) {
        let mut tape = Tape::from_seed(seed);
        tape.log();
        let (ended, mut world) = self.to_the_end(tape, 0..0, None);
        let mut script = Script::new(seed);
        script.dials = without_chances(ended.dials.clone());
        script.storm = self.storm;
        script.hash = Some(ended.hash);
        script.expect = Expect::of(&ended.verdict).unwrap_or(Expect::Passed);
        script.faults = world.take_faults();
        let (stats, strikes) = (world.stats(), world.strikes().to_vec());
        (ended.report(stats, strikes, world.into_workload()), script)
    }

    /// Runs a script, perhaps not to its end, and lists what came true.
    pub(crate) fn attempt(&self, script: &Script, caps: Option<Caps>) -> Attempt {
        let mut tape = script.tape();
        tape.log();
        let (mut course, _) = self.course(tape, 0..0, None);
        if let Some(caps) = caps {
            course = course.capped(caps);
        }
        let verdict = course.finish();
        let mut world = course.world;
        let (at, events, hash) = (world.now().0, world.stats().events, world.hash());
        Attempt { verdict, at, events, hash, faults: world.take_faults() }
    }
}
