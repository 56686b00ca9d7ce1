//! The coordinator: one step after the other, each handover until it is done.

use super::{Event, Handoff, Handover, Message, Record};
use crate::PartitionId;
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
        let sound = |step: &Vec<Handover>| {
            let different: BTreeSet<PartitionId> = step.iter().map(|handover| handover.partition).collect();
            different.len() == step.len()
                && different.iter().all(|partition| self.map.contains_key(partition))
        };
        if self.me != self.config.coordinator || self.is_busy() || !steps.iter().all(sound) {
            // Early: nothing has changed.
            return cx.emit_early(Event::Refused);
        }
        cx.persist(Record::Begun(steps.clone()));
        self.steps = steps;
        self.go_on(cx);
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

    /// Asks the owners of the current step to give, once the plan is on the disk.
    pub(super) fn ask<S: Sink<Self> + ?Sized>(&self, cx: &mut Context<'_, Self, S>) {
        for Handover { partition, to } in self.steps.first().into_iter().flatten() {
            if let Some((owner, epoch)) = self.map.get(partition) {
                cx.send(*owner, Message::Give { partition: *partition, epoch: epoch + 1, to: *to });
            }
        }
    }

    /// An owner has given.
    pub(super) fn on_gave<S: Sink<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        partition: PartitionId,
        epoch: u64,
        cx: &mut Context<'_, Self, S>,
    ) {
        let Some((owner, before)) = self.map.get(&partition).copied() else { return };
        let step = self.steps.first().into_iter().flatten();
        let Some(to) =
            step.filter(|handover| handover.partition == partition).map(|handover| handover.to).next()
        else {
            return;
        };
        if owner != from || epoch != before + 1 {
            return; // an old answer
        }
        cx.persist(Record::Owned(partition, to, epoch));
        self.note(partition, to, epoch);
        // Proof: the new owner has it on its disk, whatever the coordinator remembers, and will be found to have it again.
        cx.emit(Event::Owned { partition, by: to, epoch });
        self.go_on(cx);
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
