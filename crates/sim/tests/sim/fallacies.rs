//! The eight fallacies of distributed computing (Deutsch and others at Sun, 1994 to 1997), one file each: a protocol that believes
//! one, the dial that proves it wrong, and the same protocol without the belief.
//!
//! In each story the naive protocol works in calm weather, so that nothing but the dial breaks it; and the careful one, which
//! differs in a few lines, works under the same dial in every seed.

use synod_sim::{Climate, Dials, Sim, Simulated, Verdict, Workload};

/// What a protocol says that remembers nothing over a restart and asks nothing of its host.
macro_rules! forgetful {
    () => {
        type Record = Never;
        type Command = Never;
        type Event = Never;
        type Job = Never;
        type Done = Never;
        type Error = Never;

        fn recover(&mut self, _: Lsn, _: Recovered<Never>) -> Result<(), Never> {
            Ok(())
        }
    };
}

mod f1_the_network_is_reliable;
mod f2_latency_is_zero;
mod f3_bandwidth_is_infinite;
mod f4_the_network_is_secure;
mod f5_topology_does_not_change;
mod f6_there_is_one_administrator;
mod f7_transport_cost_is_zero;
mod f8_the_network_is_homogeneous;

const SEEDS: u64 = 20;

/// In how many seeds something was wrong under these dials, and what in the first of them.
fn broken<P: Simulated, W: Workload<P>>(sim: Sim<P, W>, dials: Dials) -> (usize, String) {
    let sim = sim.climate(Climate::Fixed(dials));
    let verdicts = (0..SEEDS).map(|seed| sim.run(seed).verdict);
    let wrong: Vec<Verdict> = verdicts.filter(|verdict| *verdict != Verdict::Passed).collect();
    (wrong.len(), wrong.first().map(ToString::to_string).unwrap_or_default())
}

/// The naive protocol passes every seed in calm weather and breaks in at least `at_least` under the dial, in words that begin
/// so; the careful one passes all of both.
fn tell<P: Simulated, W: Workload<P>>(
    story: impl Fn(Manner) -> Sim<P, W>,
    dial: &dyn Fn(&mut Dials),
    at_least: usize,
    words: &str,
) {
    let mut turned = Dials::calm();
    dial(&mut turned);
    assert_eq!(broken(story(Manner::Naive), Dials::calm()), (0, String::new()), "naive, in calm weather");
    assert_eq!(broken(story(Manner::Careful), Dials::calm()), (0, String::new()), "careful, in calm weather");
    assert_eq!(broken(story(Manner::Careful), turned.clone()), (0, String::new()), "careful, under the dial");
    let (count, first) = broken(story(Manner::Naive), turned);
    assert!(count >= at_least, "naive, under the dial: {count} of {SEEDS} seeds: {first}");
    assert!(first.contains(words), "{first}");
}

/// How a protocol goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Manner {
    Naive,
    Careful,
}
