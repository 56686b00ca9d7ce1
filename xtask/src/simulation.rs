//! The simulator as CI and long runs use it, through the same command line that a person uses.

use crate::failure::Failure;
use crate::step::Outcome;
use crate::workspace::{Workspace, capture, cargo, output, run as start, run_until};
use clap::Args;
use core::ops::Range;
use serde_json::Value;
use std::process::Command;
use std::time::Instant;

// ── What is asked of `synod`, in one place ───────────────────────────────────────────────────────────────────────────

const PACKAGE: &str = "synod-cli";
const BINARY: &str = "synod";
/// The seeds that CI runs, in less than a minute of two cores; a soak runs others. Every step of every run of Raft is validated against
/// its executable specification, which takes a quarter more CPU time. Each seed draws a part of Raft's features, and each feature
/// must be met.
const SEEDS: [(&str, Range<u64>); 2] = [("raft", 0..23_000), ("paxos", 0..1_000)];
/// So many events at least in all of them, or too little was tested.
const EVENTS_MIN: u64 = 100_000_000;
/// The seeds whose runs must be the same in every process and profile.
const REPEATED: Range<u64> = 7..9;
/// The demo's sabotages, each of which it must catch.
const CAUGHT: i32 = 1;
const SABOTAGES: [&str; 3] = ["early-send", "lying-fsync", "short-quorum"];

fn sim(protocol: &str, seeds: &Range<u64>) -> Vec<String> {
    ["sim", "--protocol", protocol, "--seeds", &format!("{}..{}", seeds.start, seeds.end)]
        .map(str::to_owned)
        .into()
}

/// Prints one JSON object for each seed, on a line of its own, with `seed` and `hash`.
fn sim_json(protocol: &str, seeds: &Range<u64>) -> Vec<String> {
    let mut arguments = sim(protocol, seeds);
    arguments.push("--json".to_owned());
    arguments
}

/// Ends with exit code [`CAUGHT`] when the sabotage was caught, with another when it was not.
fn demo(sabotage: &str) -> Vec<String> {
    ["demo", "--headless", "--sabotage", sabotage].map(str::to_owned).into()
}

// ── The step of CI ───────────────────────────────────────────────────────────────────────────────────────────────────

/// Seeds pass, a seed means the same run everywhere, and what is broken on purpose is caught.
pub(crate) fn run(workspace: &Workspace) -> Result<Outcome, Failure> {
    demand_cli(workspace)?;
    start(&mut cargo(["build", "--release", "-p", PACKAGE, "--bin", BINARY]))?;
    start(&mut cargo(["build", "-p", PACKAGE, "--bin", BINARY]))?;
    let binary = |profile: &str| {
        let name = format!("{BINARY}{}", std::env::consts::EXE_SUFFIX);
        Command::new(workspace.target.join(profile).join(name))
    };
    let mut events = 0;
    for (protocol, seeds) in SEEDS {
        let begun = Instant::now();
        let more = passed(binary("release").args(sim_json(protocol, &seeds)), &seeds)?;
        println!("{protocol}: seeds {seeds:?} pass, {more} events in {:.0} s", begun.elapsed().as_secs_f64());
        events += more;
    }
    if events < EVENTS_MIN {
        return Err(Failure::told(format!("{events} events are fewer than {EVENTS_MIN}: run more seeds")));
    }

    let hashes =
        |profile: &str| hashes(&capture(binary(profile).args(sim_json("raft", &REPEATED)))?, &REPEATED);
    let first = hashes("release")?;
    agree("two processes", &first, &hashes("release")?)?;
    agree("release and dev builds", &first, &hashes("debug")?)?;
    println!("seeds {REPEATED:?} give the same hashes in two processes and in both profiles");

    // What was written down of a run is validated without it.
    let steps = workspace.target.join("ci.steps");
    let first = REPEATED.start..REPEATED.start + 1;
    start(binary("release").args(sim("raft", &first)).arg("--trace").arg(&steps))?;
    start(binary("release").arg("validate").arg(&steps))?;

    for sabotage in SABOTAGES {
        run_until(binary("release").args(demo(sabotage)), CAUGHT)?;
    }
    Ok(Outcome::Passed)
}

fn demand_cli(workspace: &Workspace) -> Result<(), Failure> {
    if workspace.package(PACKAGE).is_some() {
        return Ok(());
    }
    Err(Failure::told(format!(
        "the workspace has no package {PACKAGE}: nothing was simulated, so nothing is known"
    )))
}

/// Runs seeds that must all pass, and says how many events were in them. What failed is shown, and so is what no run has met.
fn passed(command: &mut Command, seeds: &Range<u64>) -> Result<u64, Failure> {
    let output = output(command)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let events = sum(&text, seeds);
    if !output.status.success() {
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        text.lines().filter(|line| !line.contains(PASSED)).take(10).for_each(|line| eprintln!("{line}"));
        return Err(Failure::told(format!("not all seeds {seeds:?} passed, or something was never met")));
    }
    events
}

const PASSED: &str = "\"verdict\":\"passed\"";

/// The events in these runs, from the lines of `synod sim --json`.
fn sum(output: &str, seeds: &Range<u64>) -> Result<u64, Failure> {
    let counts: Vec<u64> = output
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok()?.get("events")?.as_u64())
        .collect();
    if counts.len() as u64 == seeds.end - seeds.start {
        return Ok(counts.iter().sum());
    }
    Err(Failure::told(format!("seeds {seeds:?} were asked for and {} reported their events", counts.len())))
}

/// The hash of each seed, from the lines of `synod sim --json`.
fn hashes(output: &str, seeds: &Range<u64>) -> Result<Vec<(u64, String)>, Failure> {
    let bad =
        |line: &str| Failure::told(format!("not a line of `synod sim --json` with seed and hash: {line}"));
    let mut found = Vec::new();
    for line in output.lines().filter(|line| !line.trim().is_empty()) {
        let json: Value = serde_json::from_str(line).map_err(|_| bad(line))?;
        // Lines about something else, such as a summary, name no seed.
        let Some(seed) = json.get("seed").and_then(Value::as_u64) else { continue };
        let hash = json.get("hash").ok_or_else(|| bad(line))?;
        found.push((seed, hash.as_str().map_or_else(|| hash.to_string(), str::to_owned)));
    }
    found.sort();
    if found.iter().map(|(seed, _)| *seed).eq(seeds.clone()) {
        return Ok(found);
    }
    let seen: Vec<_> = found.iter().map(|(seed, _)| seed.to_string()).collect();
    Err(Failure::told(format!("seeds {seeds:?} were asked for and [{}] reported", seen.join(", "))))
}

fn agree(between: &str, one: &[(u64, String)], other: &[(u64, String)]) -> Result<(), Failure> {
    match one.iter().zip(other).find(|(one, other)| one != other) {
        None => Ok(()),
        Some(((seed, one), (_, other))) => Err(Failure::told(format!(
            "seed {seed} is not the same run in {between}: {one} and {other}; something reads a clock, an address or a hash order"
        ))),
    }
}

// ── Long runs ────────────────────────────────────────────────────────────────────────────────────────────────────────

#[derive(Args)]
pub(crate) struct Soak {
    /// The protocol
    #[arg(long, default_value = "raft")]
    protocol: String,
    /// The seeds, from A up to and without B
    #[arg(long, value_name = "A..B", value_parser = seed_range, default_value = "0..100000")]
    seeds: Range<u64>,
    /// This machine's share of the range: the I-th of N equal parts, counted from 1
    #[arg(long, value_name = "I/N", value_parser = shard, default_value = "1/1")]
    shard: (u64, u64),
    /// Further arguments to `synod sim`
    #[arg(last = true)]
    rest: Vec<String>,
}

/// Runs this machine's share of the seeds; `synod sim` shows the progress.
pub(crate) fn soak(workspace: &Workspace, soak: &Soak) -> Result<(), Failure> {
    demand_cli(workspace)?;
    let share = share(&soak.seeds, soak.shard);
    println!("seeds {share:?}, shard {}/{} of {:?}", soak.shard.0, soak.shard.1, soak.seeds);
    if share.is_empty() {
        println!("nothing to do: the range has fewer seeds than shards");
        return Ok(());
    }
    let mut command = cargo(["run", "--quiet", "--release", "-p", PACKAGE, "--bin", BINARY, "--"]);
    start(command.args(sim(&soak.protocol, &share)).args(&soak.rest))
}

/// Contiguous shares whose lengths differ by at most one.
fn share(seeds: &Range<u64>, (part, parts): (u64, u64)) -> Range<u64> {
    let len = seeds.end.saturating_sub(seeds.start);
    let cut = |part: u64| seeds.start + (u128::from(len) * u128::from(part) / u128::from(parts)) as u64;
    cut(part - 1)..cut(part)
}

fn seed_range(text: &str) -> Result<Range<u64>, String> {
    let parsed = text.split_once("..").and_then(|(a, b)| Some(a.parse().ok()?..b.parse().ok()?));
    parsed
        .filter(|range: &Range<u64>| !range.is_empty())
        .ok_or_else(|| "expected A..B with A < B, such as 0..1000".into())
}

fn shard(text: &str) -> Result<(u64, u64), String> {
    let parsed = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    parsed
        .filter(|(i, n): &(u64, u64)| (1..=*n).contains(i))
        .ok_or_else(|| "expected I/N with 1 <= I <= N, such as 2/4".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_cover_the_range_once() {
        for (seeds, parts) in [(0..10, 3), (5..6, 4), (0..u64::MAX, 7), (3..103, 1)] {
            let mut next = seeds.start;
            for part in 1..=parts {
                let share = share(&seeds, (part, parts));
                assert_eq!(share.start, next);
                next = share.end;
            }
            assert_eq!(next, seeds.end);
        }
    }

    #[test]
    fn ranges_and_shards_are_read_strictly() {
        assert_eq!(seed_range("3..9"), Ok(3..9));
        assert!(["", "3", "9..3", "3..3", "a..b"].iter().all(|text| seed_range(text).is_err()));
        assert_eq!(shard("2/4"), Ok((2, 4)));
        assert!(["", "0/4", "5/4", "1/0", "1"].iter().all(|text| shard(text).is_err()));
    }

    #[test]
    fn a_different_hash_is_found_and_named() {
        let lines = "{\"seed\":8,\"hash\":\"b\"}\n{\"seed\":7,\"hash\":17}\n{\"passed\":2}\n";
        let one = hashes(lines, &(7..9)).unwrap();
        assert_eq!(one, [(7, "17".to_owned()), (8, "b".to_owned())]);
        assert!(agree("two processes", &one, &one).is_ok());
        let mut other = one.clone();
        other[1].1 = "c".to_owned();
        assert!(agree("two processes", &one, &other).unwrap_err().to_string().contains("seed 8"));
    }

    #[test]
    fn events_are_summed_and_a_run_that_says_nothing_is_missed() {
        let lines = "{\"seed\":7,\"events\":3}\n{\"seed\":8,\"events\":4}\n";
        assert_eq!(sum(lines, &(7..9)).unwrap(), 7);
        assert!(sum(lines, &(7..10)).is_err());
        assert!(sum("", &(7..8)).is_err());
    }

    #[test]
    fn a_missing_seed_or_hash_is_not_taken_for_agreement() {
        assert!(hashes("", &(7..9)).is_err());
        assert!(hashes("{\"seed\":7,\"hash\":1}", &(7..9)).is_err());
        assert!(hashes("{\"seed\":7}\n{\"seed\":8,\"hash\":1}", &(7..9)).is_err());
        assert!(hashes("seed 7", &(7..9)).is_err());
    }

    #[test]
    fn without_the_command_line_the_step_fails() {
        assert!(run(&Workspace::default()).is_err());
    }
}
