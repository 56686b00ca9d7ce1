//! How long a cluster is without a leader when its leader crashes: virtual time, as a distribution over 1,000 seeds.
//!
//! **Workload.** Three and five nodes of `synod-raft` with its default settings, and clients that keep them busy, in the
//! simulator. Messages take what its calm network makes them take. The leader crashes two seconds after the start and stays away;
//! what counts is the time from there to the moment at which another node has won an election. Each seed is run twice: once to learn who leads, once with
//! the crash, which changes nothing before it.
#![expect(clippy::expect_used, reason = "a benchmark that goes wrong should stop")]

use synod_kv::cluster::{Reign, scripted};
use synod_raft::{Config, Role};
use synod_sim::Script;

const SEEDS: u64 = 1_000;
const CRASH_NS: u64 = 2_000_000_000;

fn main() {
    let config = Config::new(synod_core::NodeId(1), [1, 2, 3].map(synod_core::NodeId));
    println!(
        "from the crash of a leader to the next one, in virtual ms; election timeouts from {:?} to {:?}, {SEEDS} seeds",
        config.election_timeout_min, config.election_timeout_max
    );
    println!("| nodes | least | 10 % | median | 90 % | 99 % | greatest | mean |");
    println!("|---|---|---|---|---|---|---|---|");
    for nodes in [3, 5] {
        row(nodes);
    }
}

fn row(nodes: u64) {
    let mut times: Vec<f64> = (0..SEEDS).map(|seed| leaderless(nodes, seed) as f64 / 1e6).collect();
    times.sort_by(f64::total_cmp);
    let at = |part: f64| {
        let place = (part * (times.len() - 1) as f64).round() as usize;
        times.get(place).copied().unwrap_or(f64::NAN)
    };
    let mean = times.iter().sum::<f64>() / times.len() as f64;
    println!(
        "| {nodes} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {mean:.0} |",
        at(0.0),
        at(0.1),
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
}

fn leaderless(nodes: u64, seed: u64) -> u64 {
    let undisturbed = reigns(nodes, seed, "");
    let before = undisturbed.iter().rev().find(|reign| reign.at <= CRASH_NS && leads(reign));
    let leader = before.expect("somebody leads after two seconds").node;
    let reigns = reigns(nodes, seed, &format!("at 2s crash n{} for 20s\n", leader.0));
    let next = reigns.iter().find(|reign| reign.at > CRASH_NS && leads(reign));
    next.expect("somebody else is elected").at - CRASH_NS
}

fn leads(reign: &Reign) -> bool {
    reign.role == Some(Role::Leader)
}

fn reigns(nodes: u64, seed: u64, faults: &str) -> Vec<Reign> {
    let text = format!(
        "synod-script 1\nexpect passed\nseed {seed}\nstorm 6s\nset nodes {nodes}\nset clients 2\nset operations 400\nset transfers-every 0\n{faults}"
    );
    let script: Script = text.parse().expect("a script");
    let sim = scripted(&script).expect("settings that work");
    sim.run_tape(script.tape(), 0..0).1.workload().reigns().to_vec()
}
