//! A model in numbers: states and kinds of operations become small integers, steps become table look-ups.

use crate::hash::FixedMap;
use crate::model::{Footprint, Model};

const REFUSED: u32 = u32::MAX - 1;

/// A [`Footprint`] over state numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Effect {
    Opaque,
    Grows,
    Observes,
    Inert,
    Reads(u32),
    Writes(u32),
    Swaps(u32, u32),
    Avoids(u32),
    Impossible,
}

impl Effect {
    /// Whether an operation with this effect can leave another state than it met.
    pub(crate) const fn may_change(self) -> bool {
        matches!(self, Self::Opaque | Self::Grows | Self::Writes(_) | Self::Swaps(..))
    }

    /// Whether only the model itself knows in which states the operation is possible.
    pub(crate) const fn needs_model(self) -> bool {
        matches!(self, Self::Opaque | Self::Grows | Self::Observes)
    }
}

/// What makes two operations interchangeable: the same effect, or the same call with the same answer.
#[derive(PartialEq, Eq, Hash)]
enum Likeness<'h, C, R> {
    Effect(Effect),
    Call(&'h C, Option<&'h R>, bool),
}

struct Class<'h, C, R> {
    effect: Effect,
    call: &'h C,
    returned: Option<&'h R>,
}

/// The states met so far, the classes of operations, and the steps between them.
pub(crate) struct Machine<'h, M: Model> {
    model: &'h M,
    states: Vec<M::State>,
    numbers: FixedMap<M::State, u32>,
    classes: Vec<Class<'h, M::Call, M::Return>>,
    likeness: FixedMap<Likeness<'h, M::Call, M::Return>, u32>,
    memo: FixedMap<u64, u32>,
    state_bytes: usize,
}

impl<'h, M: Model> Machine<'h, M> {
    pub(crate) fn new(model: &'h M) -> Self {
        let mut machine = Self {
            model,
            states: Vec::new(),
            numbers: FixedMap::default(),
            classes: Vec::new(),
            likeness: FixedMap::default(),
            memo: FixedMap::default(),
            state_bytes: 0,
        };
        machine.number(model.initial());
        machine
    }

    /// The number of the initial state.
    pub(crate) const INITIAL: u32 = 0;

    /// The class of a call with this answer; equal calls, or equal effects, share a class.
    pub(crate) fn classify(
        &mut self,
        call: &'h M::Call,
        returned: Option<&'h M::Return>,
        failed: bool,
    ) -> u32 {
        let effect = match self.model.footprint(call, returned) {
            Footprint::Opaque | Footprint::Grows if failed => Effect::Observes,
            Footprint::Grows => Effect::Grows,
            Footprint::Opaque => Effect::Opaque,
            Footprint::Observes => Effect::Observes,
            Footprint::Inert => Effect::Inert,
            Footprint::Reads(state) => Effect::Reads(self.number(state)),
            // An operation without effect that would leave a state must have met that state.
            Footprint::Writes(state) if failed => Effect::Reads(self.number(state)),
            Footprint::Writes(state) => Effect::Writes(self.number(state)),
            Footprint::Swaps(from, to) if from == to => Effect::Reads(self.number(from)),
            Footprint::Swaps(..) if failed => Effect::Impossible,
            Footprint::Swaps(from, to) => Effect::Swaps(self.number(from), self.number(to)),
            Footprint::Avoids(state) => Effect::Avoids(self.number(state)),
            Footprint::Impossible => Effect::Impossible,
        };
        let likeness = match effect {
            Effect::Opaque | Effect::Grows | Effect::Observes => {
                Likeness::Call(call, returned, effect == Effect::Observes)
            }
            known => Likeness::Effect(known),
        };
        let fresh = index(self.classes.len());
        let class = *self.likeness.entry(likeness).or_insert(fresh);
        if class == fresh {
            self.classes.push(Class { effect, call, returned });
        }
        class
    }

    pub(crate) fn effect(&self, class: u32) -> Effect {
        self.classes[class as usize].effect
    }

    pub(crate) const fn class_count(&self) -> usize {
        self.classes.len()
    }

    pub(crate) const fn state_count(&self) -> usize {
        self.states.len()
    }

    /// The number of a state that no operation mentions. Only for operations that do not need the model.
    pub(crate) fn elsewhere(&self) -> u32 {
        index(self.states.len())
    }

    /// Bytes of states and remembered steps.
    pub(crate) fn bytes(&self) -> usize {
        self.state_bytes + self.states.len() * 16 + self.memo.capacity() * 17
    }

    /// The state after an operation of `class`, or `None` if it is not possible in `state`.
    pub(crate) fn step(&mut self, state: u32, class: u32) -> Option<u32> {
        match self.classes[class as usize].effect {
            Effect::Inert => Some(state),
            Effect::Reads(wanted) => (state == wanted).then_some(wanted),
            Effect::Writes(left) => Some(left),
            // A crashed swap that does not match changes nothing, so it need not be considered either.
            Effect::Swaps(from, to) => (state == from).then_some(to),
            Effect::Avoids(bad) => (state != bad).then_some(state),
            Effect::Impossible => None,
            Effect::Opaque | Effect::Grows | Effect::Observes => self.ask(state, class),
        }
    }

    /// Whether operations that only grow the state may lead from `earlier` to `later`.
    pub(crate) fn may_precede(&self, earlier: u32, later: u32) -> bool {
        match (self.states.get(earlier as usize), self.states.get(later as usize)) {
            (Some(earlier), Some(later)) => self.model.may_precede(earlier, later),
            _ => true,
        }
    }

    fn ask(&mut self, state: u32, class: u32) -> Option<u32> {
        let question = u64::from(state) << 32 | u64::from(class);
        if let Some(answer) = self.memo.get(&question) {
            return (*answer != REFUSED).then_some(*answer);
        }
        let Class { effect, call, returned } = self.classes[class as usize];
        let next = self.model.step(self.states.get(state as usize)?, call, returned);
        let next =
            next.map(|next| self.number(next)).filter(|next| effect != Effect::Observes || *next == state);
        self.memo.insert(question, next.unwrap_or(REFUSED));
        next
    }

    fn number(&mut self, state: M::State) -> u32 {
        if let Some(number) = self.numbers.get(&state) {
            return *number;
        }
        let number = index(self.states.len());
        self.state_bytes += 2 * self.model.state_bytes(&state);
        self.states.push(state.clone());
        self.numbers.insert(state, number);
        number
    }
}

/// A position as 32 bits. Histories too long for that are refused before the search begins, and the memory budget ends
/// the search long before so many states exist.
#[expect(clippy::cast_possible_truncation, reason = "bounded by `Problem::MAX_OPS` and by memory")]
pub(crate) const fn index(position: usize) -> u32 {
    position as u32
}
