//! The driver flushes after a burst, where the protocol wants it.

use core::time::Duration;
use synod_core::{Context, Input, Lsn, Never, NodeId, Protocol, Recovered, Sink};
use synod_sim::{Idle, Sim};

/// Gathers one thing in three timeouts.
#[derive(Clone, Hash)]
struct Gatherer {
    /// Says when it wants a flush; the others get every flush.
    particular: bool,
    timeouts: u64,
    gathered: bool,
    wanted: u64,
    unwanted: u64,
}

impl Protocol for Gatherer {
    type Message = Never;
    type Record = Never;
    type Command = Never;
    type Event = Never;
    type Timer = ();
    type Job = Never;
    type Done = Never;
    type Error = Never;

    fn recover(&mut self, _: Lsn, _: Recovered<Never>) -> Result<(), Never> {
        Ok(())
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Flush if core::mem::take(&mut self.gathered) => self.wanted += 1,
            Input::Flush => self.unwanted += 1,
            _ => {
                self.timeouts += u64::from(matches!(input, Input::Timer(())));
                self.gathered = self.timeouts % 3 == 1;
                cx.arm((), Duration::from_millis(1));
            }
        }
    }

    fn wants_flush(&self) -> bool {
        !self.particular || self.gathered
    }
}

#[test]
fn a_flush_comes_when_it_is_wanted_and_always_to_those_that_do_not_say() {
    for particular in [true, false] {
        let node = Gatherer { particular, timeouts: 0, gathered: false, wanted: 0, unwanted: 0 };
        let sim = Sim::new(1, move |_| node.clone(), Idle).storm(Duration::from_secs(1)).finally(
            "flushes",
            move |world| {
                let node = world.node(NodeId(1)).ok_or("the node is down")?;
                let wanted = node.timeouts.div_ceil(3);
                let unwanted = if particular { 0 } else { 1 + node.timeouts - wanted };
                if node.timeouts > 900 && (node.wanted, node.unwanted) == (wanted, unwanted) {
                    return Ok(());
                }
                Err(format!("{} timeouts, {} flushes and {} more", node.timeouts, node.wanted, node.unwanted))
            },
        );
        let report = sim.run(1);
        assert!(report.verdict == synod_sim::Verdict::Passed, "{}", report.verdict);
    }
}
