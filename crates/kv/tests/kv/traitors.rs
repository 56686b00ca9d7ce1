//! Raft among traitors: it tolerates crashes, not lies (it is CFT, not BFT), and the observer names what breaks.

use core::time::Duration;
use std::collections::BTreeMap;
use synod_kv::cluster::{Settings, simulation, with_invariants};
use synod_sim::{Climate, Dials, Fault, Guard, Rate, Treason, Verdict};

/// How often each of Raft's properties was violated in forty runs with one traitor among five.
fn violated(treason: Treason, guard: Guard) -> BTreeMap<String, u32> {
    let mut settings = Settings::default();
    let split = Rate {
        fault: Fault::Split,
        every: Duration::from_millis(800),
        lasting: (Duration::from_millis(300), Duration::from_millis(1_200)),
    };
    settings.climate = Climate::Fixed(Dials { schedule: vec![split], guard, ..Dials::calm() });
    settings.operations = 800;
    let sim = with_invariants(simulation(&settings).unwrap()).traitors(1, [treason]);
    let mut broken = BTreeMap::new();
    for seed in 0..40 {
        if let Verdict::Violated { name: "Raft's five safety properties", detail, .. } = sim.run(seed).verdict
        {
            let property = detail.split(':').next().unwrap_or_default();
            *broken.entry(property.to_owned()).or_insert(0) += 1;
        }
    }
    broken
}

#[test]
fn an_equivocating_leader_makes_raft_commit_two_histories() {
    let broken = violated(Treason::Equivocate, Guard::Authenticated);
    assert!(broken.contains_key("log matching"), "{broken:?}");
    assert!(broken.values().sum::<u32>() >= 5, "{broken:?}");
}

#[test]
fn forged_messages_break_raft_where_the_transport_does_not_authenticate() {
    let broken = violated(Treason::Forge, Guard::None);
    assert!(broken.values().sum::<u32>() >= 1, "{broken:?}");
    assert_eq!(violated(Treason::Forge, Guard::Authenticated), BTreeMap::new());
}

#[test]
fn raft_stays_safe_when_a_node_withholds_or_repeats_what_it_honestly_said() {
    // Losing and repeating is what networks do as well.
    assert_eq!(violated(Treason::Withhold, Guard::None), BTreeMap::new());
}
