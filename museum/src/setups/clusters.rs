//! Seeds of the simulator.

use super::{Alarm, Judge, Run, Runs};
use synod_kv::cluster::SPECIFICATION;
use synod_sim::{Shrinker, Sim, Simulated, Verdict, Workload};

/// A recipe for runs.
pub(crate) struct Clusters<P: Simulated, W> {
    pub(crate) sim: Sim<P, W>,
}

/// Judges that look at the end of a run, by the names they have there.
pub(crate) const READS: &str = "reads see what was committed before";
pub(crate) const CLIENTS_AGREE: &str = "clients agree";
pub(crate) const PROGRESS: &str = "progress in spite of a fault that stays";

impl<P: Simulated, W: Workload<P>> Runs for Clusters<P, W> {
    fn run(&self, seed: u64) -> Run {
        let report = self.sim.run(seed);
        Run { alarm: alarm(&report.verdict), faults: report.stats.faults }
    }

    fn shrink(&self, seed: u64, runs_max: u64) -> Option<u64> {
        let (_, script) = self.sim.script(seed);
        let shrunk = Shrinker::new(|_| Some(self.sim.clone())).runs_max(runs_max).shrink(&script).ok()?;
        Some(shrunk.script.faults.len() as u64)
    }
}

fn alarm(verdict: &Verdict) -> Option<Alarm> {
    let by = match verdict {
        Verdict::Violated { name: "linearizability" | READS | CLIENTS_AGREE, .. } => Judge::Checker,
        Verdict::Violated { name: SPECIFICATION, .. } => Judge::Specification,
        Verdict::Violated { name: "recovery", .. } => Judge::Recovery,
        Verdict::Violated { name: PROGRESS, .. } | Verdict::Stalled { .. } | Verdict::Restless { .. } => {
            Judge::Liveness
        }
        Verdict::Violated { .. } => Judge::Invariant,
        _ => return None,
    };
    Some(Alarm { by, says: verdict.to_string() })
}
