//! Every decoder of the crate, fuzzed from valid encodings that random schedules made. A test run gives each a few thousand inputs; `cargo xtask
//! fuzz` gives each as long as it is told. An input that was found to break something belongs into the corpus of its decoder.
#![cfg(test)]

use core::fmt::Debug;
use core::time::Duration;
use std::time::Instant;
use synod_clocks::laws::fuzz_bytes;
use synod_core::wire::Wire;
use synod_core::{Bytes, NodeId};
use synod_crdt::anti_entropy::{Members, Message, Record};
use synod_crdt::laws::{Laws, Step, Subject};
use synod_crdt::resolve::{Stamped, Sum, Write};
use synod_crdt::{
    ActorId, CausalContext, Counters, Crdt, DisableWinsFlag, DotFun, DotMap, EnableWinsFlag, EscrowAction,
    EscrowCounter, GCounter, GSet, GrowList, LwwMap, LwwRegister, LwwSet, MapAction, MaxRegister,
    MinRegister, MvRegister, OrMap, OrSet, OrSetDelta, Phase, Place, PnCounter, RemoveWinsSet, SetAction,
    Switch, TwoPhaseSet, Version,
};

/// Tells the input that was being read when a decoder panicked.
struct Told(Bytes);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the input: {:02x?}", &self.0[..]);
        }
    }
}

/// As `fuzz_bytes`, for so many seconds or inputs as the environment says. Some inputs must have been taken, and some refused, or this has
/// tested nothing. That it finds what is broken, the test of the same name in `synod-clocks` shows.
fn fuzz<T: Wire + PartialEq + Debug>(corpus: &[T]) {
    let seconds = std::env::var("SYNOD_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let until = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let seed = until.map_or(1, |_| u64::from(std::process::id()));
    let mut told = Told(Bytes::new());
    let tally = fuzz_bytes::<T>(
        corpus.iter().map(|value| value.to_bytes(1)),
        seed,
        |tally| match until {
            Some(until) => tally.inputs % 256 != 0 || Instant::now() < until,
            None => tally.inputs < 4_000,
        },
        |input| told.0 = input.clone(),
    );
    let tally = tally.unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
    println!("{}, seed {seed}: {tally:?}", core::any::type_name::<T>());
    assert!(tally.taken > 5 && tally.outcomes > 2, "this has tested nothing: {tally:?}");
}

/// States of random schedules, the deltas between them, their versions, and the operations.
type Said<C> = (Vec<C>, Vec<<C as Crdt>::Delta>, Vec<<C as Crdt>::Version>, Vec<<C as Crdt>::Op>);

fn said<C>(actions: &[<C as Crdt>::Action]) -> Said<C>
where
    C: Crdt + Default + Debug + PartialEq,
{
    let laws = Laws::<C>::new(actions.iter().cloned());
    let (mut states, mut deltas, mut versions, mut ops) = (vec![C::default()], vec![], vec![], vec![]);
    for seed in 0..12 {
        let mut state = C::initial();
        let half = C::initial().version();
        for step in laws.draw(seed, 20) {
            if let Step::Act { replica, action } = step
                && let Ok(op) = state.act(ActorId::from(replica as u128 + 1), action)
            {
                deltas.push(C::delta_of(&op));
                ops.push(op);
            }
        }
        deltas.push(state.delta_since(&half));
        versions.push(state.version());
        states.push(state);
    }
    (states, deltas, versions, ops)
}

macro_rules! fuzzed {
    ($($name:ident: $type:ty = $actions:expr;)+) => {$(
        #[test]
        fn $name() {
            let (states, deltas, versions, ops) = said::<$type>(&$actions);
            fuzz(&states);
            fuzz(&deltas);
            fuzz(&versions);
            fuzz(&ops);
        }
    )+};
}

/// Time is what the writer says.
fn at<V>(time: u64, value: V) -> Stamped<V> {
    Stamped { time, value }
}

fuzzed! {
    counters: PnCounter = [1, -2, 300];
    growing_counters: GCounter = [1, 300];
    escrow_counters: EscrowCounter = [
        EscrowAction::Add(300), EscrowAction::Spend(2), EscrowAction::Transfer { to: ActorId::from(2), amount: 1 },
    ];
    greatest: MaxRegister<u64> = [1, 300];
    least: MinRegister<u64> = [1, 300];
    flags_on: EnableWinsFlag = [Switch::On, Switch::Off];
    flags_off: DisableWinsFlag = [true, false];
    growing_sets: GSet<u64> = [1, 2, 3, 4, 5, 6];
    sets_in_two_phases: TwoPhaseSet<u64> = [Phase::Add(1), Phase::Remove(1), Phase::Add(2), Phase::Remove(3)];
    observed_remove_sets: OrSet<u64> = [SetAction::Add(1), SetAction::Add(2), SetAction::Remove(1), SetAction::Clear];
    remove_wins_sets: RemoveWinsSet<u64> = [MapAction::Update(1, true), MapAction::Update(2, false), MapAction::Reset(1)];
    registers: MvRegister<u64> = [Write::Put(1), Write::Put(2), Write::Clear];
    registers_by_time: LwwRegister<u64> = [Write::Put(at(1, 1)), Write::Put(at(2, 7))];
    sets_by_time: LwwSet<u64> = [
        MapAction::Update(1, at(1, Some(synod_crdt::Mark))), MapAction::Update(1, at(2, None)),
    ];
    maps_by_time: LwwMap<u64, u64> = [MapAction::Update(1, at(1, Some(1))), MapAction::Update(2, at(2, None))];
    maps_of_maps: OrMap<u64, DotMap<u64, DotFun<u64>>> = [
        MapAction::Update(1, MapAction::Update(1, Write::Put(1))), MapAction::Reset(1),
        MapAction::Update(2, MapAction::Update(1, Write::Put(2))),
    ];
    maps_of_counters: OrMap<u64, DotFun<i64, Sum>> = [MapAction::Update(1, 5), MapAction::Update(2, -7), MapAction::Reset(1)];
    lists: GrowList<u64> = [(Place::Back, 1), (Place::Front, 2)];
}

#[test]
fn actors_and_contexts() {
    fuzz(&[ActorId::from(7)]);
    fuzz(&[Counters::new(), Counters::up_to(300), Counters::from_iter([1, 2, 3, 9, 10, 70])]);
    let (sets, ..) = said::<OrSet<u64>>(&[SetAction::Add(1), SetAction::Add(2)]);
    fuzz::<CausalContext>(&sets.iter().map(OrSet::seen).collect::<Vec<_>>());
}

#[test]
fn messages_and_records() {
    type Said = Message<OrSetDelta<u64>, Version>;
    let (states, deltas, versions, _) =
        said::<OrSet<u64>>(&[SetAction::Add(1), SetAction::Add(2), SetAction::Remove(1)]);
    let mut messages = vec![Said::Ack { incarnation: 1, upto: 2, seen: CausalContext::new() }];
    for ((state, delta), version) in states.iter().zip(&deltas).zip(&versions) {
        let (incarnation, seen, delta) = (1, state.seen(), delta.clone());
        messages.push(Said::Deltas {
            incarnation,
            first: 1,
            deltas: vec![delta.clone()],
            seen: seen.clone(),
        });
        messages.push(Said::CatchUp { incarnation, upto: 3, delta, seen: seen.clone() });
        messages.push(Said::Digest { version: version.clone(), seen });
    }
    fuzz(&messages);
    let mut records: Vec<_> = states.into_iter().map(Record::State).collect();
    records.extend(deltas.into_iter().map(Record::Delta));
    let changes = [(NodeId(1), true), (NodeId(2), false)];
    records.push(Record::Members(Members { changes: changes.into(), doubtful: false }));
    fuzz::<Record<OrSetDelta<u64>, OrSet<u64>>>(&records);
}
