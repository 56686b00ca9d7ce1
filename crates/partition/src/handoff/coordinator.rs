//! The coordinator: one step after the other, each handover until it is done.

use super::{Event, Handoff, Handover, Message, Record, Refusal};
use crate::{EPOCH_MAX, PartitionId};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use synod_core::{Context, NodeId, Sink};

impl Handoff {
    /// Takes a plan, unless it makes no sense.
    pub(super) fn begin<S: Sink<Self> + ?Sized>(
        &mut self,
        steps: Vec<Vec<Handover>>,
        cx: &mut Context<'_, Self, S>,
    ) {
        if let Err(refusal) = self.sound(&steps) {
            // Early: nothing has changed.
            return cx.emit_early(Event::Refused(refusal));
        }
        cx.persist(Record::Begun(steps.clone()));
        self.steps = steps;
        self.go_on(cx);
    }

    fn sound(&self, steps: &[Vec<Handover>]) -> Result<(), Refusal> {
        self.coordinates()?;
        if self.is_busy() {
            return Err(Refusal::Busy);
        }
        // A step takes an epoch, and two if it is aborted.
        let spent = 2 * steps.len() as u64;
        for step in steps {
            let mut seen = BTreeSet::new();
            for Handover { partition, to } in step {
                let (partition, node) = (*partition, *to);
                let (_, epoch) = self.map.get(&partition).ok_or(Refusal::UnknownPartition { partition })?;
                if !self.config.nodes.contains(&node) {
                    return Err(Refusal::UnknownNode { node });
                }
                if !seen.insert(partition) {
                    return Err(Refusal::Twice { partition });
                }
                if epoch.saturating_add(spent) > EPOCH_MAX {
                    return Err(Refusal::Epochs { partition });
                }
            }
        }
        Ok(())
    }

    fn coordinates(&self) -> Result<(), Refusal> {
        let coordinator = self.config.coordinator;
        if self.me == coordinator { Ok(()) } else { Err(Refusal::Elsewhere { coordinator }) }
    }

    /// Gives up what is left of the plan. Again: asks again.
    pub(super) fn abort<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        let idle = if self.is_busy() { Ok(()) } else { Err(Refusal::Idle) };
        if let Err(refusal) = self.coordinates().and(idle) {
            return cx.emit_early(Event::Refused(refusal));
        }
        if !self.aborting {
            cx.persist(Record::Aborting);
            self.give_up();
            self.go_on(cx);
        }
    }

    /// Of the plan only the step that is under way is left, to be undone.
    pub(super) fn give_up(&mut self) {
        self.skip();
        self.steps.truncate(1);
        self.aborting = self.is_busy();
    }

    /// Goes on where the log ends. What may not have been heard before a crash is told again.
    pub(super) fn start<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        self.skip();
        for (partition, (by, epoch)) in self.map.iter().filter(|(_, (_, epoch))| *epoch > 0) {
            // Proof: nothing has been written in this life, so there is nothing to wait for.
            cx.emit(Event::Owned { partition: *partition, by: *by, epoch: *epoch });
        }
        self.repeat(cx);
    }

    /// Asks the owners of the current step to give, once the plan is on the disk; or to keep, once that it is given up is.
    pub(super) fn ask<S: Sink<Self> + ?Sized>(&self, cx: &mut Context<'_, Self, S>) {
        for Handover { partition, to } in self.steps.first().into_iter().flatten() {
            if let Some((owner, epoch)) = self.map.get(partition) {
                let partition = *partition;
                let message = if self.aborting {
                    Message::Keep { partition, epoch: epoch.saturating_add(2) }
                } else {
                    Message::Give { partition, epoch: epoch.saturating_add(1), to: *to }
                };
                cx.send(*owner, message);
            }
        }
    }

    /// An owner has given. Where the plan was given up meanwhile, it was too late for this one.
    pub(super) fn on_gave<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        (partition, epoch): (PartitionId, u64),
        cx: &mut Context<'_, Self, S>,
    ) {
        let step = self.steps.first().into_iter().flatten();
        let handover = step.copied().find(|handover| handover.partition == partition);
        if let Some(Handover { to, .. }) = handover {
            self.settle((partition, from, to), epoch.checked_sub(1), epoch, cx);
        }
    }

    /// An owner has kept what it should have given.
    pub(super) fn on_kept<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        (partition, epoch): (PartitionId, u64),
        cx: &mut Context<'_, Self, S>,
    ) {
        let mut step = self.steps.first().into_iter().flatten();
        if self.aborting && step.any(|handover| handover.partition == partition) {
            self.settle((partition, from, from), epoch.checked_sub(2), epoch, cx);
        }
    }

    /// The handover is over, unless this is an old answer: of another owner, or not of the epoch that was asked for.
    fn settle<S: Sink<Self> + ?Sized>(
        &mut self,
        (partition, from, by): (PartitionId, NodeId, NodeId),
        before: Option<u64>,
        epoch: u64,
        cx: &mut Context<'_, Self, S>,
    ) {
        let Some((owner, known)) = self.map.get(&partition).copied() else { return };
        if owner != from || Some(known) != before {
            return;
        }
        cx.persist(Record::Owned(partition, by, epoch));
        let aborting = self.aborting;
        self.note(partition, by, epoch);
        // Proof: who has it has it on its disk, whatever the coordinator remembers, and will be found to have it again.
        cx.emit(Event::Owned { partition, by, epoch });
        if aborting && !self.is_busy() {
            // Proof: every partition of the plan takes writes, by the disk of its owner. A coordinator that forgets it asks again, and says it twice.
            cx.emit(Event::Aborted);
        } else {
            self.go_on(cx);
        }
    }

    /// The partition has a new owner: that handover is done.
    pub(super) fn note(&mut self, partition: PartitionId, owner: NodeId, epoch: u64) {
        self.map.insert(partition, (owner, epoch));
        if let Some(step) = self.steps.first_mut() {
            step.retain(|handover| handover.partition != partition);
        }
        self.skip();
    }

    /// Leaves out what is done already.
    fn skip(&mut self) {
        while let Some(step) = self.steps.first_mut() {
            let map = &self.map;
            step.retain(|Handover { partition, to }| {
                map.get(partition).is_some_and(|(owner, _)| owner != to)
            });
            if !step.is_empty() {
                return;
            }
            self.steps.remove(0);
        }
        self.aborting = false;
    }

    fn go_on<S: Sink<Self> + ?Sized>(&mut self, cx: &mut Context<'_, Self, S>) {
        self.skip();
        if self.is_busy() {
            self.ask(cx);
            self.wait(cx);
        } else {
            // Proof: all of it is done, on the disks of those concerned. Who forgets that asks them, and says it again.
            cx.emit(Event::Finished);
        }
    }
}
