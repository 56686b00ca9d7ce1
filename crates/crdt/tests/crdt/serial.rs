//! `serde`: what is written is read again, and what a stranger makes up is taken exactly if the byte form would take it.

use core::fmt::Debug;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use synod_core::wire::Wire;
use synod_core::{Entropy, SplitMix64};
use synod_crdt::anti_entropy::{Message, Record};
use synod_crdt::laws::{Laws, Step, Subject};
use synod_crdt::resolve::{Stamped, Write};
use synod_crdt::{
    ActorId, CausalContext, Crdt, DotFun, DotMap, EnableWinsFlag, EscrowAction, EscrowCounter, GCounter,
    GSet, GrowList, LwwMap, MapAction, MaxRegister, MvRegister, OrMap, OrSet, OrSetDelta, Phase, Place,
    PnCounter, RemoveWinsSet, SetAction, Switch, TwoPhaseSet, Version,
};

trait Travels: Wire + Serialize + DeserializeOwned + PartialEq + Debug {}

impl<T: Wire + Serialize + DeserializeOwned + PartialEq + Debug> Travels for T {}

/// Changes one thing somewhere in it.
fn mutate(value: &mut Value, chance: &mut SplitMix64) {
    let small =
        |chance: &mut SplitMix64| Value::from([0, 1, 2, 3, 1 << 38, u64::MAX][chance.below(6) as usize]);
    match value {
        Value::Array(items) if !items.is_empty() => {
            let at = chance.below(items.len() as u64) as usize;
            let other = chance.below(items.len() as u64) as usize;
            match chance.below(6) {
                0 => items.swap(at, other),
                1 => _ = items.remove(at),
                2 => items.insert(other, items[at].clone()),
                _ => mutate(&mut items[at], chance),
            }
        }
        Value::Object(fields) if !fields.is_empty() => {
            let at = chance.below(fields.len() as u64) as usize;
            if let Some(field) = fields.values_mut().nth(at) {
                mutate(field, chance);
            }
        }
        Value::String(text) => *text = format!("{:032x}", 1 + chance.below(3)),
        Value::Bool(on) => *on = !*on,
        other => *other = small(chance),
    }
}

/// Goes through text and back; and of texts that were tampered with, those are read whose value the byte form reads too. Says how many were
/// read, and how many refused.
fn travels<T: Travels>(value: &T, chance: &mut SplitMix64) -> [u64; 2] {
    let json = serde_json::to_value(value).unwrap();
    let text = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value, "{text}");
    let mut counts = [0, 0];
    for _ in 0..20 {
        let mut forged = json.clone();
        for _ in 0..=chance.below(3) {
            mutate(&mut forged, chance);
        }
        match serde_json::from_value::<T>(forged.clone()) {
            Ok(taken) => {
                counts[0] += 1;
                let bytes = taken.to_bytes(0);
                assert_eq!(T::from_bytes(bytes, 0), Ok(taken), "{forged} is read here, and not as bytes");
            }
            Err(_) => counts[1] += 1,
        }
    }
    counts
}

macro_rules! serial {
    ($($name:ident: $type:ty = $actions:expr;)+) => {$(
        #[test]
        fn $name() {
            let laws = Laws::<$type>::new($actions);
            let mut counts = [0, 0];
            let mut count = |more: [u64; 2]| (0..2).for_each(|at| counts[at] += more[at]);
            for seed in 0..80 {
                let mut chance = SplitMix64::new(seed);
                let [mut here, mut there] = [<$type>::initial(), <$type>::initial()];
                let mut last = None;
                for step in laws.draw(seed, 24) {
                    if let Step::Act { replica, action } = step
                        && let Ok(op) = here.act(ActorId::from(replica as u128 + 1), action)
                    {
                        if replica == 0 {
                            let _ = Crdt::apply(&mut there, &op);
                        }
                        last = Some(op);
                    }
                }
                count(travels(&here, &mut chance));
                count(travels(&here.version(), &mut chance));
                count(travels(&here.delta_since(&there.version()), &mut chance));
                if let Some(op) = last {
                    count(travels(&op, &mut chance));
                    count(travels(&<$type>::delta_of(&op), &mut chance));
                }
            }
            assert!(counts.iter().all(|count| *count > 20), "read and refused: {counts:?}");
        }
    )+};
}

serial! {
    counters: PnCounter = [1, -2, 7];
    growing_counters: GCounter = [1, 300];
    escrow_counters: EscrowCounter = [
        EscrowAction::Add(300), EscrowAction::Spend(2), EscrowAction::Transfer { to: ActorId::from(2), amount: 1 },
    ];
    flags: EnableWinsFlag = [Switch::On, Switch::Off];
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

#[test]
fn messages_and_records_travel_too() {
    let mut set = OrSet::new();
    let delta = set.add(ActorId::from(1), 7_u64).unwrap();
    let mut chance = SplitMix64::new(0);
    let said = Message::<OrSetDelta<u64>, Version>::Deltas {
        incarnation: 1,
        first: 1,
        deltas: vec![delta.clone()],
        seen: set.seen(),
    };
    travels(&said, &mut chance);
    travels(
        &Message::<OrSetDelta<u64>, Version>::Digest { version: set.version(), seen: set.seen() },
        &mut chance,
    );
    travels(&Record::<OrSetDelta<u64>, OrSet<u64>>::Delta(delta), &mut chance);
    travels(&Record::<OrSetDelta<u64>, OrSet<u64>>::State(set), &mut chance);
    // Of a register any value is a state: nothing is refused.
    let mut greatest = MaxRegister::new();
    greatest.offer(5_u64);
    assert_eq!(travels(&greatest, &mut chance)[1], 0);
}

/// The text form is a promise too.
#[test]
fn golden_text() {
    let actor = ActorId::from(1);
    let mut set = OrSet::new();
    set.add(actor, "milk".to_owned()).unwrap();
    set.add(actor, "tea".to_owned()).unwrap();
    set.remove(&"milk".to_owned());
    let text = r#"{"dead":[["00000000000000000000000000000001",[[1,1]]]],"added":[[{"actor":"00000000000000000000000000000001","counter":2},"tea"]]}"#;
    assert_eq!(serde_json::to_string(&set).unwrap(), text);
    let refused = [
        r#"[["0",[[1,1]]]]"#,                                      // no 32 digits
        r#"[["0000000000000000000000000000000A",[[1,1]]]]"#,       // another form of one actor
        r#"[["00000000000000000000000000000001",[]]]"#,            // has done nothing
        r#"[["00000000000000000000000000000001",[[1,0]]]]"#,       // no range
        r#"[["00000000000000000000000000000001",[[1,2],[3,4]]]]"#, // one range in two
        r#"[["00000000000000000000000000000001",[[3,4],[1,1]]]]"#, // out of order
        r#"[["00000000000000000000000000000001",[[0,4]]]]"#,       // there is no zeroth dot
    ];
    for text in refused {
        assert!(serde_json::from_str::<CausalContext>(text).is_err(), "{text}");
    }
}
