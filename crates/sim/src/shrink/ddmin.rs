//! Fewer fault events: in bulk first, then by delta debugging.

use super::past::Past;
use super::search::Search;
use crate::script::FaultEvent;
use crate::tape::Kind;
use crate::workload::Workload;
use crate::world::Simulated;
use crate::{Fault, Verdict};

/// After so many rounds of reductions that make each other possible, what is left is left.
const ROUNDS_MAX: usize = 6;

/// So few fault events can be read.
const FEW: usize = 10;
/// How many seeds are tried in place of a script's own, for each way to leave something out.
const SEEDS: u64 = 20;

impl<P: Simulated, W: Workload<P>> Search<'_, '_, P, W> {
    /// Whatever a single run can tell to be beside the point: most of it.
    pub(super) fn coarse(&mut self) {
        self.phase = "what came after the failure";
        self.cut_storm();
        self.phase = "what the failure cannot have seen";
        self.keep_the_past();
        self.phase = "whole kinds of faults";
        self.drop_kinds();
        self.turn_knobs();
    }

    /// Delta debugging and simplification in turn, until neither finds anything. Says whether the result is 1-minimal.
    pub(super) fn fine(&mut self) -> bool {
        // Fewer fault events come first: a plainer world may need more of them.
        self.until_nothing_changes(Self::turn_knobs);
        self.until_nothing_changes(Self::milder);
        if self.best().faults.len() > FEW {
            self.try_other_chances();
            self.until_nothing_changes(Self::milder);
        }
        self.until_nothing_changes(Self::plainer);
        self.phase = "the proof";
        self.prove()
    }

    /// Delta debugging and `step` in turn.
    fn until_nothing_changes(&mut self, step: fn(&mut Self)) {
        for _ in 0..ROUNDS_MAX {
            let before = self.best().clone();
            self.ddmin();
            step(self);
            if self.stopped() || *self.best() == before {
                break;
            }
        }
    }

    /// A run that needs many fault events often owes them to bad luck, each of them there to keep the others in step. Perhaps
    /// under another seed fewer of them are enough: less and less is left out at a time, and for each rest other seeds are tried.
    fn try_other_chances(&mut self) {
        self.phase = "other chances";
        let mut size = self.best().faults.len() / 2;
        while size > 0 {
            if !self.leave_out_with_luck(size) {
                size /= 2;
            }
            // The proof needs what is left of the budget.
            if self.best().faults.len() <= FEW || self.is_mostly_spent() || self.stopped() {
                return;
            }
            size = size.min(self.best().faults.len() / 2);
        }
    }

    /// Leaves out a stretch of so many fault events, under another seed. Whether there is one that can be spared.
    fn leave_out_with_luck(&mut self, size: usize) -> bool {
        // Every stretch with one seed before any with the next: most of them never can be spared.
        for _ in 0..SEEDS {
            let mut end = self.best().faults.len();
            while end > 0 {
                let start = end.saturating_sub(size);
                let mut rest = self.keeping(|nth, _| !(start..end).contains(&nth));
                rest.seed = self.another_seed();
                if self.accepts(rest) {
                    self.ddmin();
                    return true;
                }
                if self.is_mostly_spent() || self.stopped() {
                    return false;
                }
                end = start;
            }
        }
        false
    }

    /// First every fault, then every fault of a kind.
    fn drop_kinds(&mut self) {
        let none = self.keeping(|_, _| false);
        if self.accepts(none) {
            return;
        }
        let strikes = self.keeping(|_, fault| matches!(fault, FaultEvent::Strike(_)));
        self.accepts(strikes);
        let mut kinds: Vec<Kind> = self.best().hits().map(|hit| hit.label.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        for kind in kinds {
            let rest =
                self.keeping(|_, fault| !matches!(fault, FaultEvent::Hit(hit) if hit.label.kind == kind));
            self.accepts(rest);
        }
        let mut faults: Vec<Fault> = self.best().strikes().map(|strike| strike.fault).collect();
        faults.sort_unstable();
        faults.dedup();
        for which in faults {
            let rest = self
                .keeping(|_, fault| !matches!(fault, FaultEvent::Strike(strike) if strike.fault == which));
            self.accepts(rest);
        }
    }

    /// Drops at once what lies outside of the failure's causal past, if the failure stands on one node.
    fn keep_the_past(&mut self) {
        let Some(trace) = self.trace() else { return };
        let Verdict::Violated { node: Some(node), .. } = trace.verdict else { return };
        let past = Past::of(&trace, node);
        let seen = self.keeping(|_, fault| past.saw(fault));
        self.accepts(seen);
    }

    /// Leaves out ever smaller stretches of the fault events, the last first: what comes late changes least.
    fn ddmin(&mut self) {
        self.phase = "fault events";
        let mut size = self.best().faults.len().div_ceil(2).max(1);
        loop {
            let mut reduced = false;
            let mut end = self.best().faults.len();
            while end > 0 && !self.stopped() {
                let start = end.saturating_sub(size);
                let rest = self.keeping(|nth, _| !(start..end).contains(&nth));
                reduced |= self.accepts(rest);
                end = start.min(self.best().faults.len());
            }
            if self.stopped() || (size == 1 && !reduced) {
                return;
            }
            size = (size / 2).max(1);
        }
    }

    /// Leaves out every single fault event once more, in whole runs, until none can be spared. `false`: the budget ran out.
    fn prove(&mut self) -> bool {
        let mut nth = 0;
        while nth < self.best().faults.len() {
            if self.stopped() {
                return false;
            }
            let rest = self.keeping(|at, _| at != nth);
            nth = if self.accepts_in_full(rest) { 0 } else { nth + 1 };
        }
        true
    }
}
