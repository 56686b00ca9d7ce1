//! One log for all groups: taking it back, and keeping it short.

use super::{Act, Birth, Error, Event, Group, Groups, Record};
use crate::{GroupId, RecoverError};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use synod_core::{Context, Damage, Input, LogState, Lsn, Protocol, Recovered, Sink, mutant};

/// What recovery has met and cannot place yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Recovery {
    /// Records of groups whose creation has not been met: it was written again, and stands behind them; or it cannot be read.
    orphans: BTreeMap<(GroupId, u64), Vec<(Lsn, crate::Record)>>,
    /// What cannot be read.
    damaged: Vec<(Lsn, Damage)>,
}

impl Groups {
    pub(super) fn take_back(&mut self, at: Lsn, record: Recovered<Record>) -> Result<(), Error> {
        match record {
            Recovered::Intact(Record::Created { group, life, birth }) => {
                self.take_created(at, group, life, birth)
            }
            Recovered::Intact(Record::Removed(gone)) => {
                let gone: BTreeMap<GroupId, u64> = gone.into_iter().collect();
                // Written anew, it says all that those before have said; otherwise the oldest is still needed.
                if self.removed.iter().all(|(id, life)| gone.get(id).is_some_and(|gone| gone >= life)) {
                    self.removed_at = at;
                }
                for (id, life) in gone {
                    self.life = self.life.max(life);
                    mutant!(
                        self.take_removed(id, life),
                        "removed-group-comes-back" => (),
                    );
                }
                Ok(())
            }
            Recovered::Intact(Record::Raft { group: id, life, record }) => {
                self.life = self.life.max(life);
                let Some(group) = self.groups.get_mut(&id).filter(|group| group.life == life) else {
                    // Whether this life counts is known when all was read.
                    self.recovery.orphans.entry((id, life)).or_default().push((at, record));
                    return Ok(());
                };
                group.recovered += 1;
                let taken = group.raft.recover(at, Recovered::Intact(record));
                taken.map_err(|error| Error::Group { group: id, error })
            }
            // It may have been anybody's.
            Recovered::Damaged(damage) => {
                self.recovery.damaged.push((at, damage));
                for (id, group) in &mut self.groups {
                    group.damaged += 1;
                    let told = group.raft.recover(at, Recovered::Damaged(damage));
                    told.map_err(|error| Error::Group { group: *id, error })?;
                }
                Ok(())
            }
        }
    }

    fn take_created(&mut self, at: Lsn, id: GroupId, life: u64, birth: Birth) -> Result<(), Error> {
        self.life = self.life.max(life);
        if let Some(group) = self.groups.get_mut(&id).filter(|group| group.life >= life) {
            if group.life == life {
                group.created.0 = at.0;
            }
            return Ok(());
        }
        if self.is_gone(id, life) {
            return Ok(());
        }
        let fresh = Group::new(&self.settings, life, at, birth);
        let mut group = fresh.map_err(|error| Error::Config { group: id, error })?;
        mutant!("recreated-with-the-old-records" => if let Some(old) = self.groups.remove(&id) {
            group.raft = old.raft;
        });
        let records = self.recovery.orphans.remove(&(id, life)).unwrap_or_default();
        group.adopt(records, &self.recovery.damaged).map_err(|error| Error::Group { group: id, error })?;
        self.recovery.orphans.retain(|(other, _), _| *other != id);
        self.removed.remove(&id);
        self.groups.insert(id, group);
        Ok(())
    }

    /// Whether this life of a group was ended by its removal.
    fn is_gone(&self, id: GroupId, life: u64) -> bool {
        self.removed.get(&id).is_some_and(|gone| *gone >= life)
    }

    fn take_removed(&mut self, id: GroupId, life: u64) {
        if self.groups.get(&id).is_some_and(|group| group.life <= life) {
            self.groups.remove(&id);
        }
        self.recovery.orphans.retain(|(other, theirs), _| *other != id || *theirs > life);
        let gone = self.removed.entry(id).or_default();
        *gone = life.max(*gone);
    }

    /// The first step: recovery is over.
    pub(super) fn on_start<S: Sink<Self> + ?Sized>(
        &mut self,
        incarnation: u64,
        log: LogState,
        cx: &mut Context<'_, Self, S>,
    ) {
        self.incarnation = incarnation;
        let end = match log {
            LogState::Fresh => Lsn::ZERO,
            LogState::Recovered { end } | LogState::Damaged { end, .. } => end,
        };
        self.outbox.wrote(end);
        self.beat_at = cx.now() + self.settings.beat_interval;
        let Recovery { orphans, mut damaged } = core::mem::take(&mut self.recovery);
        // The latest life of a group first, which is the one that counts.
        for ((id, life), records) in orphans.into_iter().rev() {
            // The record of its creation cannot be read: it is a member of it knows not what, and may have promised anything.
            if self.is_gone(id, life) || self.groups.get(&id).is_some_and(|group| group.life >= life) {
                continue;
            }
            if damaged.is_empty() {
                damaged.push((records.first().map_or(end, |(at, _)| *at), Damage::Format));
            }
            let Ok(mut group) = Group::new(&self.settings, life, Lsn::ZERO, Birth::Joining) else { continue };
            if let Err(error) = group.adopt(records, &damaged) {
                // Early: the disk has nothing more to say.
                cx.emit_early(Event::Raft { group: id, event: crate::Event::Halted(error) });
                // What it has promised is as good as forgotten, and no record says so yet.
                self.groups.remove(&id);
                self.removed.insert(id, life);
                self.removed_at = Lsn::ZERO;
                continue;
            }
            let at = cx.persist(Record::Created { group: id, life, birth: Birth::Joining });
            group.created.0 = at.0;
            self.outbox.wrote(at);
            self.groups.insert(id, group);
        }
        if !self.removed.is_empty() {
            self.floors.add(None);
        }
        for id in self.groups.keys().copied().collect::<Vec<_>>() {
            self.floors.add(Some(id));
            let Some(group) = self.groups.get(&id) else { continue };
            let log = match (group.recovered, group.damaged) {
                (0, 0) => LogState::Fresh,
                (_, 0) => LogState::Recovered { end },
                (_, damaged) => LogState::Damaged { end, damaged },
            };
            // Early: the disk has just said so.
            cx.emit_early(Event::Created { group: id });
            self.run(id, Act::Step(Input::Start { incarnation, log }), cx);
        }
    }

    /// The log wants the space below `below`: what is needed of it is written anew.
    pub(super) fn on_rewrite<S: Sink<Self> + ?Sized>(&mut self, below: Lsn, cx: &mut Context<'_, Self, S>) {
        let pins = |floor: Option<Lsn>| floor.is_some_and(|floor| floor.next() < below);
        if pins(self.floors.of(&None)) {
            if self.removed_at < below {
                let gone = self.removed.iter().map(|(id, life)| (*id, *life)).collect();
                self.removed_at = cx.persist(Record::Removed(gone));
                self.outbox.wrote(self.removed_at);
            }
            let upto = Lsn(self.removed_at.0.saturating_sub(1));
            let released = self.floors.release(None, upto, self.removed_at);
            self.give_back(released, cx);
        }
        for id in self.groups.keys().copied().collect::<Vec<_>>() {
            if !pins(self.floors.of(&Some(id))) {
                continue;
            }
            if let Some(group) = self.groups.get_mut(&id).filter(|group| Lsn(group.created.0) < below) {
                let (life, birth) = (group.life, group.birth.clone());
                let at = cx.persist(Record::Created { group: id, life, birth });
                group.created.0 = at.0;
                self.outbox.wrote(at);
            }
            self.run(id, Act::Step(Input::Rewrite(below)), cx);
        }
    }

    /// Nothing up to there is needed, when the log is durable as far as it says.
    pub(super) fn give_back<S: Sink<Self> + ?Sized>(
        &self,
        released: Option<(Lsn, Lsn)>,
        cx: &mut Context<'_, Self, S>,
    ) {
        if let Some((upto, after)) = released {
            cx.release_after(after, upto);
        }
    }
}

impl Group {
    /// Takes records that came before that of the creation, and damage that may concern it, in the order of the log.
    fn adopt(
        &mut self,
        records: Vec<(Lsn, crate::Record)>,
        damaged: &[(Lsn, Damage)],
    ) -> Result<(), RecoverError> {
        let records = records.into_iter().map(|(at, record)| (at, Recovered::Intact(record)));
        let damaged = damaged.iter().map(|(at, damage)| (*at, Recovered::Damaged(*damage)));
        let mut all: Vec<(Lsn, Recovered<crate::Record>)> = records.chain(damaged).collect();
        all.sort_by_key(|(at, _)| *at);
        for (at, record) in all {
            match &record {
                Recovered::Intact(_) => self.recovered += 1,
                Recovered::Damaged(_) => self.damaged += 1,
            }
            self.raft.recover(at, record)?;
        }
        Ok(())
    }
}
