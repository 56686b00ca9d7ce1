//! The types of this crate: every schedule of four operations over three replicas, five and six sampled, and longer ones by chance.

use core::fmt::Debug;
use synod_core::wire::Wire;
use synod_crdt::laws::{Laws, Subject, Tally};
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

/// Everything that a type must stand: every schedule of four operations over the first actions, every one of three over all of them, and
/// larger ones by chance. Actions are few, so that they meet. Says how much garbage was collected.
fn keeps_the_laws<S: Subject + Wire>(
    first: usize,
    actions: impl IntoIterator<Item = S::Action, IntoIter: Clone>,
) -> u64
where
    S::Action: Debug,
{
    let actions = actions.into_iter();
    let passed = |result: Result<Tally, _>| result.unwrap_or_else(|broken| panic!("{broken}"));
    let few = Laws::<S>::new(actions.clone().take(first)).recoded(recode);
    let every = passed(few.exhaustive(4));
    assert!(every.schedules > 5_000, "{every:?}");
    let laws = Laws::<S>::new(actions).recoded(recode);
    passed(laws.exhaustive(3));
    for (ops, seeds) in [(4, 0..2_000), (5, 0..1_500), (6, 0..1_500)] {
        passed(laws.sampled(ops, seeds));
    }
    passed(laws.random(0..300, 12)).collected + passed(laws.random(0..40, 60)).collected
}

macro_rules! shipped {
    ($($name:ident: $type:ty = $first:literal of $actions:expr;)+) => {$(
        #[test]
        fn $name() {
            assert_eq!(keeps_the_laws::<$type>($first, $actions), 0, "it has no garbage");
        }
    )+};
}

/// As `shipped`, for types with garbage: some must really have been collected, or nothing is shown of it.
macro_rules! shipped_with_garbage {
    ($($name:ident: $type:ty = $first:literal of $actions:expr;)+) => {$(
        #[test]
        fn $name() {
            let collected = keeps_the_laws::<$type>($first, $actions);
            assert!(collected > 50, "only {collected} entries were collected");
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
    a_growing_counter: GCounter = 2 of [1, 5];
    a_counter: PnCounter = 2 of [1, -2, 0];
    an_escrow_counter: EscrowCounter = 3 of [
        EscrowAction::Add(3), EscrowAction::Spend(2), EscrowAction::Transfer { to: replica(1), amount: 1 },
        EscrowAction::Transfer { to: replica(0), amount: 2 },
    ];
    a_greatest_value: MaxRegister<u64> = 2 of [3, 1, 2];
    a_least_value: MinRegister<u64> = 2 of [1, 3, 2];
    a_multi_value_register: MvRegister<u64> = 2 of [Write::Put(1), Write::Put(2), Write::Clear];
    a_last_writer_wins_register: LwwRegister<u64> = 2 of [
        Write::Put(stamped(5, 1)), Write::Put(stamped(5, 2)), Write::Put(stamped(1, 3)), Write::Clear,
    ];
    a_flag_that_prefers_on: EnableWinsFlag = 2 of [Switch::On, Switch::Off];
    a_growing_set: GSet<u64> = 2 of [1, 2];
    a_two_phase_set: TwoPhaseSet<u64> = 2 of [Phase::Add(1), Phase::Remove(1), Phase::Add(2)];
    an_observed_remove_set: OrSet<u64> = 2 of [SetAction::Add(1), SetAction::Remove(1), SetAction::Add(2), SetAction::Clear];
    a_map_of_sets: SetMap = 2 of [
        MapAction::Update(1, MapAction::Update(1, Switch::On)), MapAction::Reset(1),
        MapAction::Update(1, MapAction::Reset(1)), MapAction::Update(1, MapAction::Update(2, Switch::On)), MapAction::Clear,
    ];
    a_map_of_registers: OrMap<u64, DotFun<u64>> = 2 of [
        MapAction::Update(1, Write::Put(1)), MapAction::Reset(1), MapAction::Update(1, Write::Put(2)),
        MapAction::Update(2, Write::Put(1)),
    ];
    a_map_of_counters: CounterMap = 2 of [
        MapAction::Update(1, 3), MapAction::Reset(1), MapAction::Update(1, -1), MapAction::Update(2, 1),
    ];
    a_map_of_maps: NestedMap = 2 of [
        MapAction::Update(1, MapAction::Update(1, Write::Put(1))), MapAction::Reset(1),
        MapAction::Update(1, MapAction::Clear), MapAction::Update(1, MapAction::Update(2, Write::Put(2))),
    ];
    a_growing_list: GrowList<u64> = 2 of [(Place::Back, 1), (Place::Front, 2)];
}

shipped_with_garbage! {
    a_flag_that_prefers_off: DisableWinsFlag = 2 of [true, false];
    a_last_writer_wins_set: LwwSet<u64> = 2 of [
        MapAction::Update(1, stamped(1, Some(Mark))), MapAction::Update(1, stamped(1, None)),
        MapAction::Update(1, stamped(2, Some(Mark))), MapAction::Reset(1),
    ];
    a_remove_wins_set: RemoveWinsSet<u64> = 2 of [
        MapAction::Update(1, true), MapAction::Update(1, false), MapAction::Update(2, true), MapAction::Reset(1),
    ];
    a_last_writer_wins_map: LwwMap<u64, u64> = 2 of [
        MapAction::Update(1, stamped(1, Some(1))), MapAction::Update(1, stamped(2, None)),
        MapAction::Update(1, stamped(2, Some(2))), MapAction::Reset(1),
    ];
}
