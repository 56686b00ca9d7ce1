//! The types of this crate: every schedule of four operations over three replicas, five and six sampled, and longer ones by chance.

use core::fmt::Debug;
use synod_core::wire::Wire;
use synod_crdt::laws::{Laws, Subject};
use synod_crdt::resolve::{Stamped, Sum, Write};
use synod_crdt::{
    ActorId, DisableWinsFlag, DotFun, DotMap, DotSet, EnableWinsFlag, EscrowAction, EscrowCounter, GCounter,
    GSet, GrowList, LwwMap, LwwRegister, LwwSet, MapAction, Mark, MaxRegister, MinRegister, MvRegister,
    OrMap, OrSet, Phase, Place, PnCounter, RemoveWinsSet, SetAction, Switch, TwoPhaseSet,
};

/// Through bytes and back.
fn recode<S: Wire>(subject: &S) -> Result<S, String> {
    S::from_bytes(subject.to_bytes(0), 0).map_err(|error| error.to_string())
}

/// Everything that a type must stand. Actions are few, so that they meet.
fn keeps_the_laws<S: Subject + Wire>(actions: impl IntoIterator<Item = S::Action, IntoIter: Clone>)
where
    S::Action: Debug,
{
    let actions = actions.into_iter();
    let passed = |result: Result<(), _>| result.unwrap_or_else(|broken| panic!("{broken}"));
    let few = Laws::<S>::new(actions.clone().take(2)).recoded(recode);
    let every = few.exhaustive(4).unwrap_or_else(|broken| panic!("{broken}"));
    assert!(every.schedules > 5_000, "{every:?}");
    let laws = Laws::<S>::new(actions).recoded(recode);
    for (ops, seeds) in [(4, 0..2_000), (5, 0..1_500), (6, 0..1_500)] {
        passed(laws.sampled(ops, seeds).map(drop));
    }
    passed(laws.random(0..300, 12));
    passed(laws.random(0..40, 60));
}

macro_rules! shipped {
    ($($name:ident: $type:ty = $actions:expr;)+) => {$(
        #[test]
        fn $name() {
            keeps_the_laws::<$type>($actions);
        }
    )+};
}

fn stamped<V>(time: u64, value: V) -> Stamped<V> {
    Stamped { time, value }
}

/// The actors of the kit's replicas.
fn replica(number: u128) -> ActorId {
    ActorId::from(number + 1)
}

type CounterMap = OrMap<u64, DotFun<i64, Sum>>;
type NestedMap = OrMap<u64, DotMap<u64, DotFun<u64>>>;
type SetMap = OrMap<u64, DotMap<u64, DotSet>>;

shipped! {
    a_growing_counter: GCounter = [1, 5];
    a_counter: PnCounter = [1, -2, 0];
    an_escrow_counter: EscrowCounter = [
        EscrowAction::Add(3), EscrowAction::Spend(2), EscrowAction::Transfer { to: replica(1), amount: 1 },
        EscrowAction::Transfer { to: replica(0), amount: 2 },
    ];
    a_greatest_value: MaxRegister<u64> = [3, 1, 2];
    a_least_value: MinRegister<u64> = [1, 3, 2];
    a_multi_value_register: MvRegister<u64> = [Write::Put(1), Write::Clear, Write::Put(2)];
    a_last_writer_wins_register: LwwRegister<u64> = [
        Write::Put(stamped(5, 1)), Write::Put(stamped(5, 2)), Write::Put(stamped(1, 3)), Write::Clear,
    ];
    a_flag_that_prefers_on: EnableWinsFlag = [Switch::On, Switch::Off];
    a_flag_that_prefers_off: DisableWinsFlag = [true, false];
    a_growing_set: GSet<u64> = [1, 2];
    a_two_phase_set: TwoPhaseSet<u64> = [Phase::Add(1), Phase::Remove(1), Phase::Add(2)];
    a_last_writer_wins_set: LwwSet<u64> = [
        MapAction::Update(1, stamped(1, Some(Mark))), MapAction::Update(1, stamped(1, None)),
        MapAction::Update(1, stamped(2, Some(Mark))), MapAction::Remove(1),
    ];
    an_observed_remove_set: OrSet<u64> = [SetAction::Add(1), SetAction::Remove(1), SetAction::Add(2), SetAction::Clear];
    a_remove_wins_set: RemoveWinsSet<u64> = [
        MapAction::Update(1, true), MapAction::Update(1, false), MapAction::Update(2, true), MapAction::Remove(1),
    ];
    a_map_of_sets: SetMap = [
        MapAction::Update(1, MapAction::Update(1, Switch::On)), MapAction::Remove(1),
        MapAction::Update(1, MapAction::Remove(1)), MapAction::Update(1, MapAction::Update(2, Switch::On)), MapAction::Clear,
    ];
    a_map_of_registers: OrMap<u64, DotFun<u64>> = [
        MapAction::Update(1, Write::Put(1)), MapAction::Remove(1), MapAction::Update(1, Write::Put(2)),
        MapAction::Update(2, Write::Put(1)),
    ];
    a_map_of_counters: CounterMap = [
        MapAction::Update(1, 3), MapAction::Remove(1), MapAction::Update(1, -1), MapAction::Update(2, 1),
    ];
    a_map_of_maps: NestedMap = [
        MapAction::Update(1, MapAction::Update(1, Write::Put(1))), MapAction::Remove(1),
        MapAction::Update(1, MapAction::Clear), MapAction::Update(1, MapAction::Update(2, Write::Put(2))),
    ];
    a_last_writer_wins_map: LwwMap<u64, u64> = [
        MapAction::Update(1, stamped(1, Some(1))), MapAction::Update(1, stamped(2, None)),
        MapAction::Update(1, stamped(2, Some(2))), MapAction::Remove(1),
    ];
    a_growing_list: GrowList<u64> = [(Place::Back, 1), (Place::Front, 2)];
}
