//! The parts fit together when they are taken through the façade alone.

use synod::core::{Protocol, StateMachine};
use synod::kv::cluster::{Settings, simulation, with_judge};
use synod::sim::Verdict;

#[test]
fn the_modules_speak_the_facades_core() {
    const fn protocol<P: Protocol>() {}
    const fn machine<M: StateMachine>() {}
    protocol::<synod::raft::Raft>();
    protocol::<synod::paxos::Paxos>();
    machine::<synod::kv::Store>();
}

#[test]
fn a_store_on_raft_is_simulated_and_judged() {
    let sim = with_judge(simulation(&Settings::default()).unwrap());
    let (first, again) = (sim.run(1), sim.run(1));
    assert_eq!(first.verdict, Verdict::Passed);
    assert_eq!(first.hash, again.hash);
}
