//! Three replicas, each in four forms.

use super::{Law, Recode, Step, Subject};
use crate::stability::Stability;
use crate::{ActorId, Delivery};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use synod_core::NodeId;

/// How many replicas there are.
pub(super) const REPLICAS: usize = 3;

/// The law that was broken, and how.
pub(super) type Fault = (Law, String);

/// What has been done.
#[derive(Clone, Debug)]
struct Done<S: Subject> {
    by: usize,
    /// What its writer knew, as bits.
    after: u64,
    /// The operation as each form of the replica has made it, and its twin.
    ops: [S::Op; 4],
}

/// One replica.
#[derive(Clone, Debug)]
struct Replica<S> {
    /// Fed with operations, with deltas, with states.
    forms: [S; 3],
    /// Fed with operations, and never collects.
    twin: S,
    /// The operations that it knows, in the order in which they came, and as bits.
    known: Vec<usize>,
    bits: u64,
    stability: Stability,
}

#[derive(Clone, Debug)]
pub(super) struct World<S: Subject> {
    done: Vec<Done<S>>,
    replicas: Vec<Replica<S>>,
    /// Whether anybody has collected garbage.
    collected: bool,
    /// How many entries went.
    reclaimed: u64,
}

fn actor(replica: usize) -> ActorId {
    ActorId::from(replica as u128 + 1)
}

fn member(replica: usize) -> NodeId {
    NodeId(replica as u64)
}

/// Two that should be equal.
fn equal<S: Subject>(law: Law, what: &str, a: &S, b: &S) -> Result<(), Fault> {
    if a.view() != b.view() {
        return Err((law, format!("{what}: {:?} and {:?}", a.view(), b.view())));
    }
    if !a.is_same(b) {
        return Err((law, format!("{what}, inside: {a:?} and {b:?}")));
    }
    Ok(())
}

fn joined<S: Subject>(a: &S, b: &S) -> Result<S, Fault> {
    let mut both = a.clone();
    match both.merge(b) {
        Ok(()) => Ok(both),
        Err(why) => Err((Law::Delivery, format!("{a:?} refuses to merge with {b:?}: {why}"))),
    }
}

#[allow(clippy::indexing_slicing, reason = "replicas and operations are checked where steps come in")]
impl<S: Subject> World<S> {
    pub(super) fn new() -> Self {
        let replica = |_| Replica {
            forms: [S::initial(), S::initial(), S::initial()],
            twin: S::initial(),
            known: Vec::new(),
            bits: 0,
            stability: Stability::new((0..REPLICAS).map(member)),
        };
        let replicas = (0..REPLICAS).map(replica).collect();
        Self { done: Vec::new(), replicas, collected: false, reclaimed: 0 }
    }

    /// How many entries replicas have reclaimed.
    pub(super) fn reclaimed(&self) -> u64 {
        self.reclaimed
    }

    /// How many operations there are.
    pub(super) fn ops(&self) -> usize {
        self.done.len()
    }

    /// Whether the replica knows the operation.
    pub(super) fn knows(&self, replica: usize, op: usize) -> bool {
        self.replicas[replica].bits >> op & 1 == 1
    }

    pub(super) fn step(&mut self, step: &Step<S::Action>) -> Result<(), Fault> {
        match step {
            Step::Act { replica, action } if *replica < REPLICAS && self.done.len() < 64 => {
                self.act(*replica, action)
            }
            Step::Deliver { to, op } if *to < REPLICAS && *op < self.done.len() => self.deliver(*to, *op),
            Step::Sync { from, to } if *from < REPLICAS && *to < REPLICAS && from != to => {
                self.sync(*from, *to)
            }
            Step::Collect { replica } if *replica < REPLICAS => self.collect(*replica),
            // A step that names what is not there is no step.
            _ => Ok(()),
        }
    }

    fn act(&mut self, by: usize, action: &S::Action) -> Result<(), Fault> {
        let Replica { forms: [op, delta, state], twin, .. } = &mut self.replicas[by];
        let before = state.clone();
        let prepare = |form: &S| form.prepare(actor(by), action);
        let ops = match [prepare(op), prepare(delta), prepare(state), prepare(twin)] {
            [Ok(op), Ok(delta), Ok(state), Ok(twin)] => [op, delta, state, twin],
            [Err(_), Err(_), Err(_), Err(_)] => return Ok(()),
            mixed => {
                let law = if self.collected { Law::Garbage } else { Law::Views };
                return Err((law, format!("of the forms of a replica some refuse {action:?}: {mixed:?}")));
            }
        };
        let own = |result: Result<(), String>| {
            result.map_err(|why| (Law::Delivery, format!("a replica refuses its own {action:?}: {why}")))
        };
        own(op.apply(&ops[0]))?;
        own(delta.join(&ops[1]))?;
        own(state.apply(&ops[2]))?;
        own(twin.apply(&ops[3]))?;
        let climbed = joined(&before, state)?;
        equal(Law::Inflation, "the state after an action, and merged with the one before", state, &climbed)?;
        let replica = &mut self.replicas[by];
        let after = replica.bits;
        let number = self.done.len();
        replica.known.push(number);
        replica.bits |= 1 << number;
        self.done.push(Done { by, after, ops });
        self.agree(by)
    }

    /// Whether the type's own delivery allows it.
    pub(super) fn may_deliver(&self, to: usize, op: usize) -> bool {
        let bits = self.replicas[to].bits;
        match S::DELIVERY {
            Delivery::Any => true,
            Delivery::Fifo => {
                let by = self.done[op].by;
                self.done.iter().take(op).enumerate().all(|(at, done)| done.by != by || bits >> at & 1 == 1)
            }
            Delivery::Causal => self.done[op].after & !bits == 0,
        }
    }

    pub(super) fn deliver(&mut self, to: usize, number: usize) -> Result<(), Fault> {
        let early = !self.may_deliver(to, number);
        let again = self.knows(to, number);
        let Self { done, replicas, collected, .. } = self;
        let replica = &mut replicas[to];
        let ops = &done[number].ops;
        if early {
            // Refused, or accepted without harm; and if it is refused, nothing has changed.
            let mut one = replica.forms[0].clone();
            return match one.apply(&ops[0]) {
                Err(_) => equal(Law::Refusal, "before and after a refusal", &replica.forms[0], &one),
                Ok(()) => self.catches_up(to, number, one),
            };
        }
        let before = again.then(|| replica.forms.clone());
        let refused =
            |why: String| (Law::Delivery, format!("operation {number} is refused by replica {to}: {why}"));
        let [op, delta, state] = &mut replica.forms;
        op.apply(&ops[0]).map_err(refused)?;
        delta.join(&ops[1]).map_err(refused)?;
        // As a state: a replica that has seen nothing else. Where there can be none, the delta; nor can there be one where garbage
        // was collected, since everybody had seen that.
        let mut fragment = S::initial();
        match fragment.join(&ops[2]) {
            Ok(()) if !*collected => state.merge(&fragment).map_err(refused)?,
            _ => state.join(&ops[2]).map_err(refused)?,
        }
        replica.twin.apply(&ops[3]).map_err(refused)?;
        for (before, after) in before.iter().flatten().zip(&replica.forms) {
            equal(Law::Delivery, "before and after a repetition", before, after)?;
        }
        if !again {
            replica.known.push(number);
            replica.bits |= 1 << number;
        }
        self.agree(to)
    }

    /// An operation that was taken before its causes does no harm: when they have come, all is as if it had come after them.
    fn catches_up(&self, to: usize, number: usize, mut hasty: S) -> Result<(), Fault> {
        let mut patient = self.replicas[to].forms[0].clone();
        for (at, done) in self.done.iter().enumerate().take(number) {
            let comes_first = match S::DELIVERY {
                Delivery::Any => false,
                Delivery::Fifo => done.by == self.done[number].by,
                Delivery::Causal => self.done[number].after >> at & 1 == 1,
            };
            if comes_first && !self.knows(to, at) {
                let refused = |why: String| {
                    let how =
                        format!("operation {number} was taken before {at}, which is refused then: {why}");
                    (Law::Delivery, how)
                };
                hasty.apply(&done.ops[0]).map_err(refused)?;
                patient.apply(&done.ops[0]).map_err(refused)?;
            }
        }
        patient.apply(&self.done[number].ops[0]).map_err(|why| (Law::Delivery, why))?;
        let what = format!("operation {number} before its causes, and after them");
        if !self.collected {
            return equal(Law::Delivery, &what, &hasty, &patient);
        }
        let (hasty, patient) = (hasty.view(), patient.view());
        let differ = || Err((Law::Delivery, format!("{what}: {hasty:?} and {patient:?}")));
        if hasty == patient { Ok(()) } else { differ() }
    }

    fn sync(&mut self, from: usize, to: usize) -> Result<(), Fault> {
        let Ok([source, target]) = self.replicas.get_disjoint_mut([from, to]) else { return Ok(()) };
        let refused = |why: String| (Law::Delivery, format!("replica {to} refuses {from}: {why}"));
        for number in &source.known {
            let new = target.bits >> number & 1 == 0;
            if new {
                target.forms[0].apply(&self.done[*number].ops[0]).map_err(refused)?;
                target.twin.apply(&self.done[*number].ops[3]).map_err(refused)?;
                target.known.push(*number);
                target.bits |= 1 << number;
            }
        }
        let by_state = joined(&target.forms[1], &source.forms[1])?;
        target.forms[1].catch_up(&source.forms[1]).map_err(refused)?;
        equal(Law::CatchUp, "a delta since, and the state", &target.forms[1], &by_state)?;
        let before = target.forms[2].clone();
        target.forms[2].merge(&source.forms[2]).map_err(refused)?;
        let climbed = joined(&before, &target.forms[2])?;
        equal(Law::Inflation, "a merged state, merged with the one before", &target.forms[2], &climbed)?;
        target.stability.heard(member(from), source.forms[2].seen());
        self.agree(to)
    }

    fn collect(&mut self, number: usize) -> Result<(), Fault> {
        let replica = &mut self.replicas[number];
        replica.stability.heard(member(number), replica.forms[2].seen());
        let stable = replica.stability.stable(&replica.forms[2].seen());
        for form in &mut replica.forms {
            self.reclaimed += form.collect(&stable) as u64;
        }
        self.collected = true;
        self.agree(number)
    }

    /// The forms of a replica agree. What has been collected is not the same inside: here it may be gone, there it may have come back
    /// from somebody who has not collected yet.
    fn agree(&self, number: usize) -> Result<(), Fault> {
        let Replica { forms: [op, delta, state], twin, .. } = &self.replicas[number];
        if self.collected {
            // Who knows an effect and not its cause may see anything for a while, with garbage or without.
            let knows_causes = |op: &usize| {
                self.done.get(*op).is_some_and(|done| done.after & !self.replicas[number].bits == 0)
            };
            if !self.replicas[number].known.iter().all(knows_causes) {
                return Ok(());
            }
            for (what, form) in [("operations", op), ("deltas", delta), ("states", state)] {
                let (ours, theirs) = (form.view(), twin.view());
                if ours != theirs {
                    let how =
                        format!("replica {number}, by {what}, sees {ours:?}, and uncollected {theirs:?}");
                    return Err((Law::Garbage, how));
                }
            }
            return Ok(());
        }
        equal(Law::Views, "by operations, and by deltas", op, delta)?;
        equal(Law::Views, "by operations, and by states", op, state)
    }

    /// The lattice laws on what is there, and then everybody learns everything.
    pub(super) fn finish(mut self, recode: Option<Recode<S>>) -> Result<(), Fault> {
        self.lattice()?;
        if let Some(recode) = recode {
            for Replica { forms: [_, _, state], .. } in &self.replicas {
                let again = recode(state).map_err(|why| (Law::Bytes, format!("{state:?}: {why}")))?;
                equal(Law::Bytes, "a replica, and its bytes read", state, &again)?;
            }
        }
        // The first learns operation by operation, the second the other way round, the third from the others.
        self.learn(0, (0..self.done.len()).collect())?;
        self.learn(1, (0..self.done.len()).rev().collect())?;
        self.sync(0, 2)?;
        self.sync(1, 2)?;
        for [a, b] in [[0, 1], [0, 2]] {
            let (a, b) = (&self.replicas[a], &self.replicas[b]);
            for (mine, theirs) in a.forms.iter().zip(&b.forms) {
                if self.collected {
                    let (mine, theirs) = (mine.view(), theirs.view());
                    if mine != theirs {
                        return Err((
                            Law::Convergence,
                            format!("everybody knows everything: {mine:?} and {theirs:?}"),
                        ));
                    }
                } else {
                    equal(Law::Convergence, "everybody knows everything", mine, theirs)?;
                }
            }
        }
        Ok(())
    }

    /// Delivers these as soon as each may be.
    fn learn(&mut self, to: usize, mut waiting: Vec<usize>) -> Result<(), Fault> {
        loop {
            let next = waiting.iter().position(|op| self.knows(to, *op) || self.may_deliver(to, *op));
            let Some(next) = next else { return Ok(()) };
            let op = waiting.remove(next);
            if !self.knows(to, op) {
                self.deliver(to, op)?;
            }
        }
    }

    fn lattice(&self) -> Result<(), Fault> {
        let states: Vec<&S> = self.replicas.iter().map(|replica| &replica.forms[2]).collect();
        for (at, a) in states.iter().copied().enumerate() {
            equal(Law::Idempotence, "merged with itself", a, &joined(a, a)?)?;
            for b in states[at + 1..].iter().copied() {
                let both = joined(a, b)?;
                equal(Law::Commutativity, "merged one way, and the other", &both, &joined(b, a)?)?;
                equal(Law::Inflation, "merged, and merged again with a part", &both, &joined(&both, a)?)?;
                let mut caught_up = a.clone();
                caught_up.catch_up(b).map_err(|why| (Law::Delivery, why))?;
                equal(Law::CatchUp, "a delta since, and the state", &caught_up, &both)?;
            }
        }
        let [a, b, c] = [states[0], states[1], states[2]];
        for [a, b, c] in [[a, b, c], [b, c, a], [c, a, b]] {
            let left = joined(&joined(a, b)?, c)?;
            equal(Law::Associativity, "(a ⊔ b) ⊔ c, and a ⊔ (b ⊔ c)", &left, &joined(a, &joined(b, c)?)?)?;
        }
        Ok(())
    }
}
