//! Runs written down as scripts.

use super::{Report, Sim};
use crate::script::{Expect, Script, without_chances};
use crate::tape::Tape;
use crate::workload::Workload;
use crate::world::Simulated;

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
}
