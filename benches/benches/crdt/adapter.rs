//! The law kit on the peer's types: what `crdts` 7.3.2 promises, observed as a reader would.
//!
//! An operation is made and delivered as that crate documents it: contexts from `read_ctx().derive_add_ctx` and `get(key).derive_rm_ctx`, in
//! order for each actor. In the first mode replicas exchange operations alone, in the second whole states as well.

use core::fmt::{Debug, Write};
use cpu_time::ProcessTime;
use crdts::{CmRDT, CvRDT, MVReg, Map, Orswot};
use std::collections::{BTreeMap, BTreeSet};
use synod_crdt::laws::{Laws, Subject};
use synod_crdt::{ActorId, Delivery};

/// A type of the peer's.
trait Peer: Clone + Debug + Default + CmRDT<Op: Clone + Debug> + CvRDT {
    type View: Debug + PartialEq;

    /// The operation of a wish, if it makes sense.
    fn wish(&self, actor: u128, wish: Wish) -> Option<Self::Op>;

    fn look(&self) -> Self::View;
}

/// What is wished of every type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Put(u64),
    Remove,
}

/// Every key is this one: a conflict needs no more.
const KEY: u8 = 1;

impl Peer for MVReg<u64, u128> {
    type View = BTreeSet<u64>;

    fn wish(&self, actor: u128, wish: Wish) -> Option<Self::Op> {
        let Wish::Put(value) = wish else { return None };
        Some(self.write(value, self.read_ctx().derive_add_ctx(actor)))
    }

    fn look(&self) -> BTreeSet<u64> {
        self.read().val.into_iter().collect()
    }
}

impl Peer for Orswot<u64, u128> {
    type View = BTreeSet<u64>;

    fn wish(&self, actor: u128, wish: Wish) -> Option<Self::Op> {
        Some(match wish {
            Wish::Put(element) => self.add(element, self.read_ctx().derive_add_ctx(actor)),
            Wish::Remove => self.rm(1, self.contains(&1).derive_rm_ctx()),
        })
    }

    fn look(&self) -> BTreeSet<u64> {
        self.read().val.into_iter().collect()
    }
}

impl Peer for Map<u8, MVReg<u64, u128>, u128> {
    type View = BTreeMap<u8, BTreeSet<u64>>;

    fn wish(&self, actor: u128, wish: Wish) -> Option<Self::Op> {
        Some(match wish {
            Wish::Put(value) => {
                let context = self.read_ctx().derive_add_ctx(actor);
                self.update(KEY, context, |register, context| register.write(value, context))
            }
            Wish::Remove => self.rm(KEY, self.get(&KEY).derive_rm_ctx()),
        })
    }

    fn look(&self) -> Self::View {
        self.iter().map(|entry| (*entry.val.0, entry.val.1.look())).collect()
    }
}

impl Peer for Map<u8, Orswot<u64, u128>, u128> {
    type View = BTreeMap<u8, BTreeSet<u64>>;

    fn wish(&self, actor: u128, wish: Wish) -> Option<Self::Op> {
        Some(match wish {
            Wish::Put(element) => {
                let context = self.read_ctx().derive_add_ctx(actor);
                self.update(KEY, context, |set, context| set.add(element, context))
            }
            Wish::Remove => self.rm(KEY, self.get(&KEY).derive_rm_ctx()),
        })
    }

    fn look(&self) -> Self::View {
        self.iter().map(|entry| (*entry.val.0, entry.val.1.look())).collect()
    }
}

/// A replica; with the operations that made it, so that it can be merged without states.
#[derive(Clone, Debug)]
struct Fed<P: Peer, const BY_OPERATIONS: bool> {
    value: P,
    log: Vec<((u128, u64), P::Op)>,
}

impl<P: Peer, const BY_OPERATIONS: bool> Fed<P, BY_OPERATIONS> {
    fn has(&self, id: (u128, u64)) -> bool {
        self.log.iter().any(|(known, _)| *known == id)
    }
}

impl<P: Peer, const BY_OPERATIONS: bool> Subject for Fed<P, BY_OPERATIONS> {
    type Action = Wish;
    type Op = ((u128, u64), P::Op);
    type View = P::View;

    const DELIVERY: Delivery = Delivery::Fifo;

    fn initial() -> Self {
        Self { value: P::default(), log: Vec::new() }
    }

    fn prepare(&self, actor: ActorId, wish: &Wish) -> Result<Self::Op, String> {
        let actor = u128::from(actor);
        let number = self.log.iter().filter(|((by, _), _)| *by == actor).count() as u64;
        let op = self.value.wish(actor, *wish).ok_or("it has no such operation")?;
        Ok(((actor, number), op))
    }

    fn apply(&mut self, op: &Self::Op) -> Result<(), String> {
        let before = (op.0.1).checked_sub(1);
        if before.is_some_and(|number| !self.has((op.0.0, number))) {
            return Err("out of order".to_owned());
        }
        if !self.has(op.0) {
            self.value.apply(op.1.clone());
            self.log.push(op.clone());
        }
        Ok(())
    }

    fn merge(&mut self, other: &Self) -> Result<(), String> {
        if BY_OPERATIONS {
            return other.log.iter().try_for_each(|op| self.apply(op));
        }
        self.value.merge(other.value.clone());
        let news: Vec<_> = other.log.iter().filter(|(id, _)| !self.has(*id)).cloned().collect();
        self.log.extend(news);
        Ok(())
    }

    fn view(&self) -> P::View {
        self.value.look()
    }
}

const SEEDS: u64 = 20_000;

fn hunt<P: Peer, const BY_OPERATIONS: bool>(out: &mut String, name: &str) -> Found {
    let laws = Laws::<Fed<P, BY_OPERATIONS>>::new([Wish::Put(1), Wish::Remove, Wish::Put(2)]).uncollected();
    let begin = ProcessTime::now();
    let result = laws.random(0..SEEDS, 12);
    let spent = begin.elapsed().as_millis();
    let mode = if BY_OPERATIONS { "operations alone" } else { "operations and states" };
    let Err(broken) = result else {
        let _ = writeln!(out, "{name}, {mode}: keeps the laws in {SEEDS} schedules ({spent} ms)");
        return Found::Nothing;
    };
    let steps = broken.schedule.len();
    let _ = writeln!(out, "{name}, {mode}: broken, shrunk to {steps} steps ({spent} ms)\n{broken}");
    let needed = |at: usize| {
        let mut without = broken.schedule.clone();
        without.remove(at);
        laws.check(&without).is_ok()
    };
    let again = laws.check(&broken.schedule).is_err();
    if again && (0..steps).all(needed) { Found::Minimal } else { Found::Some }
}

/// What the kit has found in a type.
#[derive(PartialEq, Eq)]
enum Found {
    Nothing,
    /// A schedule that breaks a law, or that does not do so any more, or that does so with a step less.
    Some,
    /// A schedule of which no step can be left out.
    Minimal,
}

/// The report, and whether the kit has done what it is for: the divergence of `Map<MVReg>` that is known is found, and no step of
/// its schedule can be left out; and nothing is found in our own map.
pub(super) fn run() -> (String, bool) {
    let mut out = String::new();
    hunt::<MVReg<u64, u128>, true>(&mut out, "crdts MVReg");
    hunt::<Orswot<u64, u128>, true>(&mut out, "crdts Orswot");
    let known = hunt::<Map<u8, MVReg<u64, u128>, u128>, true>(&mut out, "crdts Map<MVReg>");
    hunt::<Map<u8, Orswot<u64, u128>, u128>, true>(&mut out, "crdts Map<Orswot>");
    hunt::<MVReg<u64, u128>, false>(&mut out, "crdts MVReg");
    hunt::<Orswot<u64, u128>, false>(&mut out, "crdts Orswot");
    hunt::<Map<u8, MVReg<u64, u128>, u128>, false>(&mut out, "crdts Map<MVReg>");
    hunt::<Map<u8, Orswot<u64, u128>, u128>, false>(&mut out, "crdts Map<Orswot>");
    let ours = Laws::<synod_crdt::OrMap<u8, synod_crdt::DotFun<u64>>>::new([
        synod_crdt::MapAction::Update(KEY, synod_crdt::resolve::Write::Put(1)),
        synod_crdt::MapAction::Reset(KEY),
        synod_crdt::MapAction::Update(KEY, synod_crdt::resolve::Write::Put(2)),
    ]);
    let ours = ours.random(0..SEEDS, 12);
    let _ = match &ours {
        Ok(_) => writeln!(out, "ours, OrMap<DotFun>, all views: keeps the laws in {SEEDS} schedules"),
        Err(broken) => writeln!(out, "ours, OrMap<DotFun>: {broken}"),
    };
    (out, known == Found::Minimal && ours.is_ok())
}
