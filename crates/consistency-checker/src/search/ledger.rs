//! What the operations that are not in the order yet still want and still offer.
//!
//! Only for partitions in which every operation has a footprint. A state that somebody must still see, and that nobody can
//! bring back, may not be left: this alone decides most orders of a register with distinct values without trying them. It
//! is the search's form of the zones of Gibbons & Korach (1997).

use super::machine::{Effect, Machine};
use super::problem::Problem;
use crate::model::Model;

/// Counts per state; one more account is for a state that nobody mentions.
#[derive(Clone, Copy, Debug, Default)]
struct Account {
    /// Required operations that are possible only in this state.
    needed: u32,
    /// Those among them that leave it.
    leaving: u32,
    /// Crashed operations that are possible only in this state.
    welcome: u32,
    /// Operations that lead to this state.
    offered: u32,
}

/// What the operations that are not in the order yet still want and still offer.
#[derive(Debug)]
pub(crate) struct Ledger {
    accounts: Vec<Account>,
    /// Operations that are possible in every state but one.
    avoiding: u32,
    impossible: u32,
}

impl Ledger {
    /// The ledger for a whole problem, or `None` if an operation has no footprint.
    pub(crate) fn new<M: Model>(machine: &Machine<'_, M>, problem: &Problem) -> Option<Self> {
        let mut ledger = Self {
            accounts: vec![Account::default(); machine.state_count() + 1],
            avoiding: 0,
            impossible: 0,
        };
        let required = problem.required.iter().map(|required| (required.class, true, 1));
        let optional = problem.optional.iter().map(|group| (group.class, false, group.members.len()));
        for (class, is_required, times) in required.chain(optional) {
            let effect = machine.effect(class);
            if effect.needs_model() {
                return None;
            }
            for _ in 0..times {
                ledger.post(effect, is_required, |count| *count += 1);
            }
        }
        Some(ledger)
    }

    /// An operation goes into the order.
    pub(crate) fn settle(&mut self, effect: Effect, is_required: bool) {
        self.post(effect, is_required, |count| *count -= 1);
    }

    /// An operation is taken out of the order.
    pub(crate) fn reopen(&mut self, effect: Effect, is_required: bool) {
        self.post(effect, is_required, |count| *count += 1);
    }

    fn post(&mut self, effect: Effect, is_required: bool, change: impl Fn(&mut u32)) {
        match effect {
            Effect::Reads(state) => change(&mut self.accounts[state as usize].needed),
            Effect::Writes(state) => change(&mut self.accounts[state as usize].offered),
            Effect::Swaps(from, to) => {
                let account = &mut self.accounts[from as usize];
                if is_required {
                    change(&mut account.needed);
                    change(&mut account.leaving);
                } else {
                    change(&mut account.welcome);
                }
                change(&mut self.accounts[to as usize].offered);
            }
            Effect::Avoids(_) => change(&mut self.avoiding),
            Effect::Impossible => change(&mut self.impossible),
            Effect::Opaque | Effect::Grows | Effect::Observes | Effect::Inert => {}
        }
    }

    /// Whether no order can exist, from the counts alone: somebody wants a state more often than it is offered.
    pub(crate) fn is_hopeless(&self, initial: u32) -> bool {
        let lacks = |(state, account): (usize, &Account)| {
            let offered = account.offered + u32::from(state == initial as usize);
            account.needed > 0 && offered < account.leaving.max(1)
        };
        self.impossible > 0 || self.accounts.iter().enumerate().any(lacks)
    }

    /// Whether going from `state` to `next` with an operation of this effect leaves somebody behind for ever.
    pub(crate) fn forbids(&self, state: u32, next: u32, effect: Effect, is_required: bool) -> bool {
        let left = self.accounts[state as usize];
        let itself = u32::from(is_required && matches!(effect, Effect::Swaps(from, _) if from == state));
        if next != state && left.needed > itself && left.offered < (left.leaving - itself).max(1) {
            return true;
        }
        // One of the offers of `next` is being used up; being there counts for one departure.
        let reached = self.accounts[next as usize];
        reached.leaving > reached.offered
    }

    /// Whether nobody left, required or crashed, could make use of `state`.
    pub(crate) fn is_unwanted(&self, state: u32) -> bool {
        self.wanted(state) == 0
    }

    /// How many operations are possible only in `state`.
    pub(crate) fn wanted(&self, state: u32) -> u32 {
        let account = self.accounts[state as usize];
        account.needed + account.welcome
    }

    /// Whether an operation is left that waits for a state to go.
    pub(crate) const fn has_avoiding(&self) -> bool {
        self.avoiding > 0
    }
}
