//! Bytes: golden ones, round trips, and whatever a stranger may send.

use crate::hostile::actor;
use proptest::prelude::*;
use synod_core::wire::{Wire, WireError};
use synod_core::{Bytes, Entropy, NodeId, SplitMix64};
use synod_crdt::anti_entropy::{Members, Message, Record};
use synod_crdt::laws::{Laws, Step, Subject};
use synod_crdt::resolve::{Stamped, Write};
use synod_crdt::{
    ActorId, CausalContext, CausalOp, Cells, Crdt, DotFun, DotMap, EscrowAction, EscrowCounter, EscrowOp,
    GCounter, GSet, GrowList, Insertion, LwwMap, MapAction, MvRegister, OrMap, OrSet, OrSetDelta, Phase,
    Phases, Place, PnCounter, RemoveWinsSet, SetAction, Sides, SignedStep, TwoPhaseSet, Under, Version,
};

fn hex(value: &impl Wire) -> String {
    value.to_bytes(0).iter().map(|byte| format!("{byte:02x}")).collect()
}

const A: &str = "01000000000000000000000000000000";
const B: &str = "02000000000000000000000000000000";

#[test]
fn golden_bytes() {
    let mut set = OrSet::new();
    let one = set.add(actor(1), 7_u64).unwrap();
    // Nothing dead; one element: counter 1 of a new actor, the actor, the element.
    assert_eq!(hex(&one), format!("000103{A}0700000000000000"));
    set.add(actor(2), 8).unwrap();
    set.add(actor(1), 9).unwrap();
    set.remove(&7);
    // Dead: of one actor the prefix 1 without islands. Then counter 2 of the one, 1 of the other.
    assert_eq!(hex(&set), format!("01{A}01000205{A}090000000000000003{B}0800000000000000"));

    let mut register = MvRegister::new();
    let op = register.write(actor(1), 5_u64).unwrap();
    // Removes nothing, inserts under dot 1, no floor.
    assert_eq!(hex(&op), format!("0001{A}01050000000000000000"));
    // One value under dot 1; seen: one actor up to 1; no floor, no single write.
    assert_eq!(hex(&register), format!("01{A}01050000000000000001{A}01000000"));

    let mut map = OrMap::<u64, DotFun<u64>>::new();
    let op = map.update(actor(2), 3, Write::Put(4)).unwrap();
    assert_eq!(hex(&op), format!("0001{B}010300000000000000040000000000000000"));
    assert_eq!(hex(&map), format!("01030000000000000001{B}01040000000000000001{B}01000000"),);

    let mut counter = PnCounter::new();
    let step = counter.add(actor(1), -300).unwrap();
    // Down, from 0 by 300.
    assert_eq!(hex(&step), format!("01{A}00ac02"));

    let mut tickets = EscrowCounter::new();
    tickets.add(actor(1), 10).unwrap();
    let given = tickets.transfer(actor(1), actor(2), 4).unwrap();
    assert_eq!(hex(&given), format!("{A}02{B}0004"));
    assert_eq!(hex(&tickets), format!("02{A}000a{A}02{B}04"));

    let mut list = GrowList::new();
    list.push(actor(1), 5_u64).unwrap();
    list.push(actor(2), 6).unwrap();
    assert_eq!(hex(&list), format!("02{A}0100010500000000000000{B}0101{A}01020600000000000000"));

    let mut keys = TwoPhaseSet::new();
    keys.add(1_u64);
    keys.remove(2);
    assert_eq!(hex(&keys), "010100000000000000010200000000000000");

    let seen = set.seen();
    assert_eq!(hex(&seen), format!("02{A}0200{B}0100"));
    let ack =
        Message::<OrSetDelta<u64>, Version>::Ack { incarnation: 2, upto: 3, seen: CausalContext::new() };
    assert_eq!(hex(&ack), "010200000000000000030000000000000000");
    let members = Members { changes: [(NodeId(4), true), (NodeId(5), false)].into(), doubtful: true };
    // Two changes, by node: one was welcomed, one forgotten; and something may be missing.
    let members = Record::<OrSetDelta<u64>, OrSet<u64>>::Members(members);
    assert_eq!(hex(&members), "0202040000000000000001050000000000000000".to_owned() + "01");
    withstands(&members, &mut SplitMix64::new(1));
}

/// What a type says on the wire, made by a random schedule.
fn grown<S>(actions: &[<S as Subject>::Action], seed: u64) -> (S, Vec<<S as Crdt>::Op>)
where
    S: Default + Subject + Crdt<Action = <S as Subject>::Action>,
{
    let mut value = S::default();
    let mut ops = Vec::new();
    for step in Laws::<S>::new(actions.iter().cloned()).draw(seed, 24) {
        if let Step::Act { replica, action } = step
            && let Ok(op) = value.act(ActorId::from(replica as u128 + 1), action)
        {
            ops.push(op);
        }
    }
    (value, ops)
}

/// Reads a value from its bytes, whole, cut and mutated: it is the same, an error, or another value that writes the same bytes again.
fn withstands<T: Wire + core::fmt::Debug + PartialEq>(value: &T, chance: &mut SplitMix64) {
    let bytes = value.to_bytes(0);
    assert_eq!(T::from_bytes(bytes.clone(), 0).as_ref(), Ok(value));
    assert!(bytes.len() >= T::LEN_MIN, "{value:?} takes {} bytes, less than {}", bytes.len(), T::LEN_MIN);
    for cut in 0..bytes.len() {
        assert!(
            T::from_bytes(bytes.slice(..cut), 0).is_err(),
            "{value:?}, cut after {cut} bytes, is taken for whole"
        );
    }
    for _ in 0..24 {
        let mut mutated = bytes.to_vec();
        for _ in 0..=chance.below(3) {
            let at = chance.below(mutated.len() as u64) as usize;
            match chance.below(4) {
                0 if mutated.len() > 1 => _ = mutated.remove(at),
                1 => mutated.insert(at, chance.bits() as u8),
                2 => mutated[at] = [0, 1, 0x7f, 0x80, 0xff][chance.below(5) as usize],
                _ => mutated[at] ^= 1 << chance.below(8),
            }
        }
        let mutated = Bytes::from(mutated);
        if let Ok(other) = T::from_bytes(mutated.clone(), 0) {
            assert_eq!(other.to_bytes(0), mutated, "{other:?} has two forms");
        }
    }
}

/// Whatever arrives, a replica takes it or refuses it, and if it refuses it, it is as before.
fn survives<C>(value: &C, delta: &C::Delta, op: &C::Op, chance: &mut SplitMix64)
where
    C: Crdt + PartialEq + core::fmt::Debug + Wire,
    C::Delta: Wire + PartialEq,
    C::Op: Wire + PartialEq,
{
    withstands(value, chance);
    withstands(delta, chance);
    withstands(op, chance);
    for _ in 0..24 {
        let mutate = |bytes: Bytes, chance: &mut SplitMix64| {
            let mut bytes = bytes.to_vec();
            let at = chance.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << chance.below(8);
            Bytes::from(bytes)
        };
        let mut replica = value.clone();
        if let Ok(delta) = C::Delta::from_bytes(mutate(delta.to_bytes(0), chance), 0)
            && replica.join(&delta).is_err()
        {
            assert_eq!(&replica, value, "a refused delta has changed something");
        }
        let mut replica = value.clone();
        if let Ok(op) = C::Op::from_bytes(mutate(op.to_bytes(0), chance), 0)
            && replica.apply(&op).is_err()
        {
            assert_eq!(&replica, value, "a refused operation has changed something");
        }
        let mut replica = value.clone();
        if let Ok(state) = C::from_bytes(mutate(value.to_bytes(0), chance), 0)
            && replica.merge(&state).is_err()
        {
            assert_eq!(&replica, value, "a refused state has changed something");
        }
        let _ = replica.view();
    }
}

macro_rules! hostile {
    ($($name:ident: $type:ty = $actions:expr;)+) => {$(
        #[test]
        fn $name() {
            for seed in 0..60 {
                let (value, ops) = grown::<$type>(&$actions, seed);
                let mut chance = SplitMix64::new(seed);
                let (half, _) = grown::<$type>(&$actions, seed + 1_000);
                let delta = value.delta_since(&half.version());
                if let Some(op) = ops.last() {
                    survives(&value, &delta, op, &mut chance);
                    survives(&value, &<$type>::delta_of(op), op, &mut chance);
                }
                withstands(&value.version(), &mut chance);
            }
        }
    )+};
}

hostile! {
    counters: PnCounter = [1, -2, 7];
    growing_counters: GCounter = [1, 300];
    escrow_counters: EscrowCounter = [
        EscrowAction::Add(300), EscrowAction::Spend(2), EscrowAction::Transfer { to: actor(2), amount: 1 },
    ];
    growing_sets: GSet<u64> = [1, 2, 3];
    sets_in_two_phases: TwoPhaseSet<u64> = [Phase::Add(1), Phase::Remove(1), Phase::Add(2)];
    observed_remove_sets: OrSet<u64> = [SetAction::Add(1), SetAction::Add(2), SetAction::Remove(1)];
    remove_wins_sets: RemoveWinsSet<u64> = [MapAction::Update(1, true), MapAction::Update(1, false), MapAction::Reset(1)];
    registers: MvRegister<u64> = [Write::Put(1), Write::Put(2)];
    maps_by_time: LwwMap<u64, u64> = [
        MapAction::Update(1, Stamped { time: 1, value: Some(1) }), MapAction::Update(1, Stamped { time: 2, value: None }),
    ];
    maps_of_maps: OrMap<u64, DotMap<u64, DotFun<u64>>> = [
        MapAction::Update(1, MapAction::Update(1, Write::Put(1))), MapAction::Reset(1),
        MapAction::Update(2, MapAction::Update(1, Write::Put(2))),
    ];
    lists: GrowList<u64> = [(Place::Back, 1), (Place::Front, 2)];
}

/// Reads any bytes as everything that there is: an error or a value, in bounded memory.
fn read_as_anything(bytes: &Bytes) {
    type Map = OrMap<u64, DotMap<u64, DotFun<u64>>>;
    fn read<T: Wire>(bytes: &Bytes) {
        let result: Result<T, WireError> = T::from_bytes(bytes.clone(), 0);
        if let Ok(value) = result {
            assert_eq!(value.to_bytes(0), *bytes);
        }
    }
    read::<CausalContext>(bytes);
    read::<OrSet<u64>>(bytes);
    read::<OrSetDelta<u64>>(bytes);
    read::<Map>(bytes);
    read::<CausalOp<Under<u64, u64>>>(bytes);
    read::<PnCounter>(bytes);
    read::<SignedStep>(bytes);
    read::<Sides>(bytes);
    read::<EscrowCounter>(bytes);
    read::<EscrowOp>(bytes);
    read::<Cells>(bytes);
    read::<GrowList<u64>>(bytes);
    read::<Insertion<u64>>(bytes);
    read::<Phases<u64>>(bytes);
    read::<Message<OrSetDelta<u64>, Version>>(bytes);
    read::<Record<OrSetDelta<u64>, OrSet<u64>>>(bytes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        read_as_anything(&Bytes::from(bytes));
    }

    /// Small numbers make plausible lengths and tags.
    #[test]
    fn small_bytes_are_read_or_refused(bytes in proptest::collection::vec(0..4_u8, 0..120)) {
        read_as_anything(&Bytes::from(bytes));
    }
}
