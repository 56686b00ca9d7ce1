//! Garbage that is collected too early, by halves, or without telling anybody. The first two mistakes were our own; the simulator found
//! them, and the kit has to.

use super::{caught, caught_in, is_one_of};
use synod_crdt::laws::Law;
use synod_crdt::{
    ActorId, CausalContext, CausalOp, Change, Crdt, Delivery, MapAction, Refused, RemoveWinsSet, Under,
    Version,
};

const SAYS_NOTHING: u8 = 1;
const DOES_NOT_WAIT: u8 = 2;

/// The set of this crate, with a mistake around it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Set<const BUG: u8>(RemoveWinsSet<u64>);

impl<const BUG: u8> Crdt for Set<BUG> {
    type Action = MapAction<u64, bool>;
    type Op = CausalOp<Under<u64, bool>>;
    type Delta = RemoveWinsSet<u64>;
    type Version = Version;
    type View = <RemoveWinsSet<u64> as Crdt>::View;

    const DELIVERY: Delivery = Delivery::Any;

    fn prepare(&self, actor: ActorId, action: Self::Action) -> Result<Self::Op, Refused> {
        let mut op = Crdt::prepare(&self.0, actor, action)?;
        if BUG == SAYS_NOTHING {
            // The writer has collected what it replaces, and does not say so; who has it still keeps it.
            op.floor = CausalContext::new();
        }
        Ok(op)
    }

    fn apply(&mut self, op: &Self::Op) -> Result<Change, Refused> {
        Crdt::apply(&mut self.0, op)
    }

    fn delta_of(op: &Self::Op) -> RemoveWinsSet<u64> {
        RemoveWinsSet::delta_of(op)
    }

    fn version(&self) -> Version {
        self.0.version()
    }

    fn delta_since(&self, version: &Version) -> RemoveWinsSet<u64> {
        self.0.delta_since(version)
    }

    fn join(&mut self, delta: &RemoveWinsSet<u64>) -> Result<Change, Refused> {
        Crdt::join(&mut self.0, delta)
    }

    fn merge(&mut self, other: &Self) -> Result<Change, Refused> {
        Crdt::merge(&mut self.0, &other.0)
    }

    fn view(&self) -> Self::View {
        Crdt::view(&self.0)
    }

    fn seen(&self) -> CausalContext {
        self.0.seen().clone()
    }

    fn collect(&mut self, stable: &CausalContext) -> usize {
        let own = self.0.seen().clone();
        Crdt::collect(&mut self.0, if BUG == DOES_NOT_WAIT { &own } else { stable })
    }
}

const ALPHABET: [MapAction<u64, bool>; 2] = [MapAction::Update(1, true), MapAction::Update(1, false)];

#[test]
fn a_write_that_does_not_say_what_collection_took_is_caught() {
    let broken = caught_in::<Set<SAYS_NOTHING>>("says nothing", ALPHABET, 40, 9);
    is_one_of(&broken, &[Law::Garbage, Law::Convergence]);
}

#[test]
fn collecting_what_is_not_stable_is_caught() {
    let broken = caught::<Set<DOES_NOT_WAIT>>("does not wait", ALPHABET, 6);
    is_one_of(&broken, &[Law::Garbage, Law::Convergence]);
}
