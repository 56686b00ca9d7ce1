//! The search for an order of operations: Wing & Gong (1993), with the cache of Lowe (2017) and a compact configuration.
//!
//! # The configuration
//! Operations that must be in the order are numbered by their *answers*. The first answer that is not explained yet, `p`,
//! is the window's offset: every operation answered before is in the order, and of those answered later only the ones
//! called before `p` can be. They were all under way at that moment, so a bit for each client (a *slot*) tells which of them
//! are in. With the number of the state and a count per class of crashed operations this is everything that the rest of
//! the search depends on; it takes 16 bytes or a little more, however long the history is.
//!
//! # What is cut away
//! 1. An operation that is possible now and *never* changes a state goes in at once: moved to the front of any order that
//!    works, it disturbs nobody. (A write of the value that is there already is none of these: later it may overwrite.)
//! 2. Of operations with the same effect that are open now, only the one answered first is tried, and a crashed one only
//!    if no answered one is open: exchanging the two in an order that works gives one that works.
//! 3. With a [`Ledger`]: a state is not left while somebody needs it and nobody can bring it back.
//! 4. With a ledger, where nobody waits for a state to go and nobody wants the present one: a write whose readers (all
//!    that are left, anywhere) are open now goes in at once, with them. In an order that works, this block can be moved to
//!    the front: what follows here is a write, since nobody wants the present state, and so is what follows the gap.
//! 5. With a [`Growth`]: where nothing can reset the state before the next read is answered, an append that does not lead
//!    to what it saw is not tried.
//!
//! The search keeps its own stack; it does not recurse.

pub(crate) mod cache;
pub(crate) mod growth;
pub(crate) mod ledger;
pub(crate) mod machine;
pub(crate) mod meter;
pub(crate) mod problem;
pub(crate) mod window;

use cache::{Cache, Entry};
use growth::Growth;
use ledger::Ledger;
use machine::{Effect, Machine, index};
use meter::Meter;
use problem::Problem;

use crate::history::OpId;
use crate::model::Model;
use crate::report::Reason;

/// The mark of a crashed class in a move; without it, the number of a required operation.
const CRASHED: u32 = 1 << 31;
const HEAD: u32 = 0;

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// There is an order: [`Search::order`].
    Found,
    /// There is none. [`Search::best`] tells how far it went.
    Exhausted,
    /// The budget ended it.
    Stopped(Reason),
}

/// One operation put into the order, with what is needed to take it out again.
#[derive(Clone, Copy)]
struct Move {
    what: u32,
    state: u32,
    answered: u32,
}

/// A place to come back to: the candidates that were not tried.
struct Choice {
    depth: usize,
    next: usize,
    first: usize,
}

/// What an open operation looks for, per state; valid where `round` is the current one.
#[derive(Clone, Copy)]
struct Demand {
    round: u64,
    readers: u32,
    deadline: u32,
}

/// A search under way.
pub(crate) struct Search<'a, 'h, M: Model> {
    problem: &'a Problem,
    machine: &'a mut Machine<'h, M>,
    meter: &'a mut Meter,
    cache: Cache,
    ledger: Option<Ledger>,
    growth: Option<Growth>,
    /// What the next read saw, with that read, for one look at the open operations.
    target: Option<(u32, u32)>,
    /// Calls and answers not in the order yet, as a doubly linked list by node.
    next: Vec<u32>,
    previous: Vec<u32>,
    placed: Vec<bool>,
    /// The first answer that is not explained.
    answered: u32,
    slots: Vec<u64>,
    used: Vec<u32>,
    state: u32,
    moves: Vec<Move>,
    choices: Vec<Choice>,
    /// `(what, next state)` for all open choices.
    candidates: Vec<(u32, u32)>,
    key: Vec<u64>,
    /// Scratch of one look at the open operations.
    round: u64,
    demand: Vec<Demand>,
    tried: Vec<(u64, u32)>,
    ranked: Vec<(u32, u32, u32)>,
    best: Vec<u32>,
    best_answered: u32,
    /// How many of the first moves of `best` are those of `moves`.
    best_shared: usize,
}

impl<'a, 'h, M: Model> Search<'a, 'h, M> {
    /// Prepares a search that starts in `initial`, the number of a state.
    pub(crate) fn new(
        problem: &'a Problem,
        machine: &'a mut Machine<'h, M>,
        meter: &'a mut Meter,
        initial: u32,
    ) -> Self {
        let nodes = problem.required.len() * 2 + 2;
        let end = index(nodes - 1);
        let (mut next, mut previous) = (vec![end; nodes], vec![HEAD; nodes]);
        let mut last = HEAD;
        for node in problem.events.iter().copied().chain([end]) {
            next[last as usize] = node;
            previous[node as usize] = last;
            last = node;
        }
        let ledger = Ledger::new(machine, problem);
        let growth = Growth::new(machine, problem);
        let width = 1 + problem.slot_words + problem.count_words;
        let demand = if ledger.is_some() { machine.state_count() } else { 0 };
        Self {
            problem,
            cache: Cache::new(width, meter.max_bytes),
            ledger,
            growth,
            target: None,
            next,
            previous,
            placed: vec![false; problem.required.len()],
            answered: 0,
            slots: vec![0; problem.slot_words],
            used: vec![0; problem.optional.len()],
            state: initial,
            moves: Vec::new(),
            choices: Vec::new(),
            candidates: Vec::new(),
            key: vec![0; width],
            round: 0,
            demand: vec![Demand { round: 0, readers: 0, deadline: 0 }; demand],
            tried: vec![(0, 0); machine.class_count()],
            ranked: Vec::new(),
            best: Vec::new(),
            best_answered: 0,
            best_shared: 0,
            machine,
            meter,
        }
    }

    /// Searches to the end.
    pub(crate) fn run(&mut self) -> Outcome {
        let outcome = self.explore().unwrap_or_else(Outcome::Stopped);
        self.note_progress();
        outcome
    }

    /// Begins again in another state, after a search that was exhausted. What led nowhere then leads nowhere now, so the
    /// cache stays.
    pub(crate) fn restart(&mut self, initial: u32) {
        while !self.moves.is_empty() {
            self.take_back();
        }
        self.choices.clear();
        self.candidates.clear();
        self.state = initial;
    }

    /// The order found, or as far as the present attempt got.
    pub(crate) fn order(&self) -> Vec<OpId> {
        self.name(self.moves.iter().map(|made| made.what))
    }

    /// The order that explains the most answers, in the order of time, and their number.
    pub(crate) fn best(&self) -> (Vec<OpId>, usize) {
        (self.name(self.best.iter().copied()), self.best_answered as usize)
    }

    /// Configurations remembered.
    pub(crate) fn cache_entries(&self) -> usize {
        self.cache.len()
    }

    /// Bytes held for configurations and states.
    pub(crate) fn bytes(&self) -> usize {
        self.cache.bytes() + self.machine.bytes()
    }

    fn explore(&mut self) -> Result<Outcome, Reason> {
        self.meter.look_at_the_clock()?;
        if self.ledger.as_ref().is_some_and(|ledger| ledger.is_hopeless(self.state)) {
            return Ok(Outcome::Exhausted);
        }
        loop {
            self.settle()?;
            if self.answered as usize == self.problem.required.len() {
                return Ok(Outcome::Found);
            }
            if self.is_new()? && self.branch()? {
                continue;
            }
            if !self.go_back()? {
                return Ok(Outcome::Exhausted);
            }
        }
    }

    /// Makes all moves that need no choice.
    fn settle(&mut self) -> Result<(), Reason> {
        loop {
            self.round += 1;
            let mut node = self.next[HEAD as usize];
            while let Some(required) = self.called(node) {
                let class = self.problem.required[required as usize].class;
                let looks = !self.machine.effect(class).may_change();
                if looks && self.machine.step(self.state, class) == Some(self.state) {
                    self.put(required, self.state)?;
                } else if self.ledger.is_some() {
                    self.note_demand(required, class);
                }
                node = self.next[node as usize];
            }
            let Some(block) = self.closed_block() else { return Ok(()) };
            let Effect::Writes(next) = self.machine.effect(self.problem.required[block as usize].class)
            else {
                return Ok(());
            };
            self.put(block, next)?;
        }
    }

    /// Remembers what an open operation waits for.
    fn note_demand(&mut self, required: u32, class: u32) {
        let (wanted, readers) = match self.machine.effect(class) {
            Effect::Reads(wanted) => (wanted, 1),
            Effect::Swaps(wanted, _) => (wanted, 0),
            _ => return,
        };
        let demand = &mut self.demand[wanted as usize];
        if demand.round != self.round {
            *demand = Demand { round: self.round, readers: 0, deadline: required };
        }
        demand.readers += readers;
        demand.deadline = demand.deadline.min(required);
    }

    fn demand(&self, state: u32) -> Option<Demand> {
        self.demand.get(state as usize).copied().filter(|demand| demand.round == self.round)
    }

    /// A write that can go in at once with all its readers: rule 4.
    fn closed_block(&self) -> Option<u32> {
        let ledger = self.ledger.as_ref()?;
        if ledger.has_avoiding() || !ledger.is_unwanted(self.state) {
            return None;
        }
        let mut node = self.next[HEAD as usize];
        while let Some(required) = self.called(node) {
            if let Effect::Writes(left) = self.machine.effect(self.problem.required[required as usize].class)
            {
                let readers = self.demand(left).map_or(0, |demand| demand.readers);
                if ledger.wanted(left) == readers {
                    return Some(required);
                }
            }
            node = self.next[node as usize];
        }
        None
    }

    /// Whether the present configuration was never met before.
    fn is_new(&mut self) -> Result<bool, Reason> {
        self.key[0] = u64::from(self.answered) << 32 | u64::from(self.state);
        let (slots, counts) = self.key[1..].split_at_mut(self.slots.len());
        slots.copy_from_slice(&self.slots);
        counts.fill(0);
        for (group, used) in self.problem.optional.iter().zip(&self.used) {
            counts[group.place.0 as usize] |= u64::from(*used) << group.place.1;
        }
        match self.cache.insert(&self.key, self.machine.bytes()) {
            Entry::New => Ok(true),
            Entry::Known => Ok(false),
            Entry::Full => Err(Reason::Memory),
        }
    }

    /// Finds what can come next and does the most promising. `false` if nothing can.
    fn branch(&mut self) -> Result<bool, Reason> {
        self.round += 1;
        // `demand` was filled in the round of `settle`; keep it readable.
        let demand_round = self.round - 1;
        self.target = self.next_target();
        let mut ranked = core::mem::take(&mut self.ranked);
        ranked.clear();
        let mut node = self.next[HEAD as usize];
        while let Some(required) = self.called(node) {
            let class = self.problem.required[required as usize].class;
            let (round, place) = self.tried[class as usize];
            if round == self.round {
                // Rule 2: the one answered first.
                if let Some(candidate) = ranked.get_mut(place as usize)
                    && required < candidate.1
                {
                    *candidate = (candidate.0.min(required), required, candidate.2);
                }
            } else if let Some(next) = self.possible(class, true) {
                self.tried[class as usize] = (self.round, index(ranked.len()));
                ranked.push((self.deadline(required, next, demand_round), required, next));
            } else {
                self.tried[class as usize] = (self.round, u32::MAX);
            }
            node = self.next[node as usize];
        }
        let problem = self.problem;
        for (number, group) in problem.optional.iter().enumerate() {
            let Some((called, _)) = group.members.first() else { continue };
            if *called > self.answered {
                break;
            }
            let left = group.members.get(self.used[number] as usize);
            let is_open = left.is_some_and(|(called, _)| *called <= self.answered);
            if is_open
                && self.tried[group.class as usize].0 != self.round
                && let Some(next) = self.possible(group.class, false)
            {
                let deadline = self.deadline(u32::MAX, next, demand_round);
                ranked.push((deadline, CRASHED | index(number), next));
            }
        }
        ranked.sort_unstable();
        let first = self.candidates.len();
        self.candidates.extend(ranked.iter().map(|(_, what, next)| (*what, *next)));
        self.ranked = ranked;
        let Some((what, next)) = self.candidates.get(first).copied() else { return Ok(false) };
        if self.candidates.len() - first > 1 {
            self.choices.push(Choice { depth: self.moves.len(), next: first + 1, first });
        } else {
            self.candidates.truncate(first);
        }
        self.put(what, next)?;
        Ok(true)
    }

    /// The state that an operation of `class` leads to, if it is possible and strands nobody.
    fn possible(&mut self, class: u32, is_required: bool) -> Option<u32> {
        // A crashed operation without effect may as well not have happened.
        let next = self.machine.step(self.state, class).filter(|next| is_required || *next != self.state)?;
        let effect = self.machine.effect(class);
        let forbidden =
            self.ledger.as_ref().is_some_and(|ledger| ledger.forbids(self.state, next, effect, is_required));
        let strays = match (&self.growth, self.target) {
            (Some(growth), Some((read, seen))) => {
                growth.binds(read, effect) && !self.machine.may_precede(next, seen)
            }
            _ => false,
        };
        (!forbidden && !strays).then_some(next)
    }

    fn next_target(&self) -> Option<(u32, u32)> {
        let read = self.growth.as_ref()?.next_read(self.answered, &self.placed)?;
        match self.machine.effect(self.problem.required[read as usize].class) {
            Effect::Reads(seen) => Some((read, seen)),
            _ => None,
        }
    }

    /// The first answer that waits for this operation or for the state it leads to.
    fn deadline(&self, required: u32, next: u32, demand_round: u64) -> u32 {
        match self.demand.get(next as usize) {
            Some(demand) if demand.round == demand_round => demand.deadline.min(required),
            _ => required,
        }
    }

    /// Takes back moves up to the last choice with a candidate left, and does that. `false` if there is none.
    fn go_back(&mut self) -> Result<bool, Reason> {
        self.note_progress();
        loop {
            let Some(choice) = self.choices.last_mut() else { return Ok(false) };
            if let Some(candidate) = self.candidates.get(choice.next).copied() {
                choice.next += 1;
                let depth = choice.depth;
                if choice.next == self.candidates.len() {
                    let first = choice.first;
                    self.candidates.truncate(first);
                    self.choices.pop();
                }
                while self.moves.len() > depth {
                    self.take_back();
                }
                self.put(candidate.0, candidate.1)?;
                return Ok(true);
            }
            self.choices.pop();
        }
    }

    /// The required operation whose call `node` is; `None` for an answer and for the end.
    fn called(&self, node: u32) -> Option<u32> {
        (node as usize <= self.problem.required.len())
            .then(|| node.wrapping_sub(1))
            .filter(|node| *node != u32::MAX)
    }

    fn put(&mut self, what: u32, next: u32) -> Result<(), Reason> {
        self.meter.step()?;
        self.moves.push(Move { what, state: self.state, answered: self.answered });
        self.state = next;
        let class = if what & CRASHED == 0 {
            self.lift(what);
            self.problem.required[what as usize].class
        } else {
            self.used[(what & !CRASHED) as usize] += 1;
            self.problem.optional[(what & !CRASHED) as usize].class
        };
        if let Some(ledger) = &mut self.ledger {
            ledger.settle(self.machine.effect(class), what & CRASHED == 0);
        }
        if let Some(growth) = &mut self.growth {
            growth.place(self.machine.effect(class));
        }
        Ok(())
    }

    fn take_back(&mut self) {
        let Some(made) = self.moves.pop() else { return };
        self.best_shared = self.best_shared.min(self.moves.len());
        self.state = made.state;
        let is_required = made.what & CRASHED == 0;
        let class = if is_required {
            self.unlift(made.what, made.answered);
            self.problem.required[made.what as usize].class
        } else {
            self.used[(made.what & !CRASHED) as usize] -= 1;
            self.problem.optional[(made.what & !CRASHED) as usize].class
        };
        if let Some(ledger) = &mut self.ledger {
            ledger.reopen(self.machine.effect(class), is_required);
        }
        if let Some(growth) = &mut self.growth {
            growth.take_back(self.machine.effect(class));
        }
    }

    /// Takes a required operation out of the list and moves the offset on.
    fn lift(&mut self, required: u32) {
        // The answer first: the node of the call must then point behind it.
        for node in [self.problem.return_node(required), Problem::call_node(required)] {
            let (before, behind) = (self.previous[node as usize], self.next[node as usize]);
            self.next[before as usize] = behind;
            self.previous[behind as usize] = before;
        }
        self.placed[required as usize] = true;
        self.flip(required);
        while self.placed.get(self.answered as usize) == Some(&true) {
            self.flip(self.answered);
            self.answered += 1;
        }
    }

    fn unlift(&mut self, required: u32, answered: u32) {
        while self.answered > answered {
            self.answered -= 1;
            self.flip(self.answered);
        }
        self.flip(required);
        self.placed[required as usize] = false;
        for node in [Problem::call_node(required), self.problem.return_node(required)] {
            let (before, behind) = (self.previous[node as usize], self.next[node as usize]);
            self.next[before as usize] = node;
            self.previous[behind as usize] = node;
        }
    }

    /// Turns the slot of a required operation on or off.
    fn flip(&mut self, required: u32) {
        let slot = self.problem.required[required as usize].slot;
        self.slots[slot as usize / 64] ^= 1 << (slot % 64);
    }

    /// Remembers the present order if it explains more answers than any before. Only what differs from the last one is
    /// copied.
    fn note_progress(&mut self) {
        if self.answered > self.best_answered || (self.best.is_empty() && self.best_answered == 0) {
            self.best.truncate(self.best_shared);
            self.best.extend(self.moves[self.best_shared..].iter().map(|made| made.what));
            self.best_shared = self.moves.len();
            self.best_answered = self.answered;
        }
    }

    /// The operations behind moves: of a crashed class, the earliest call first.
    fn name(&self, moves: impl Iterator<Item = u32>) -> Vec<OpId> {
        let mut used = vec![0; self.problem.optional.len()];
        let name = |what: u32| {
            if what & CRASHED == 0 {
                return Some(self.problem.required[what as usize].op);
            }
            let group = (what & !CRASHED) as usize;
            used[group] += 1;
            self.problem.optional[group].members.get(used[group] - 1).map(|(_, op)| *op)
        };
        moves.filter_map(name).collect()
    }
}
