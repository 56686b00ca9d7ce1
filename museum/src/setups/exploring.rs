//! Every schedule within bounds.

use super::{Alarm, Explores, Judge, Limits, Visit};
use core::ops::ControlFlow;
use cpu_time::ProcessTime;
use synod_sim::explore::{Act, Cluster, Explored, Explorer, Observer, Outcome};

/// A cluster to explore, made anew for each exhibit: the explorer remembers steps, and another mutant takes others.
pub(crate) struct Exploring<F> {
    pub(crate) cluster: F,
}

impl<P, O, F> Explores for Exploring<F>
where
    P: Explored,
    O: Observer<P>,
    F: Fn() -> Cluster<P, O>,
{
    fn explore(&self, Limits { cpu, states }: Limits) -> Visit {
        let cluster = (self.cluster)();
        let start = ProcessTime::now();
        let watch =
            |_: &_| if start.elapsed() < cpu { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
        let reduced = cluster.reduced();
        let explorer = Explorer::new(&reduced).memory_max(2 << 30).states_max(states).watch(watch);
        let found = explorer.run_with_sleep_sets();
        let finished = !matches!(found.outcome, Outcome::Stopped(_));
        let crashes = |action: &&synod_sim::explore::Action<P>| matches!(action.act, Act::Crash { .. });
        let (alarm, faults) = match found.counterexample() {
            Some(path) => {
                let says = format!("{} after {} steps", path.reason, path.actions().count());
                (Some(Alarm { by: Judge::Explorer, says }), path.actions().filter(crashes).count() as u64)
            }
            None => (None, 0),
        };
        Visit { alarm, states: found.extent.unique, faults, finished }
    }
}
