//! Scripts of clusters: those in `tests/scripts` end as they say, and what the shrinker leaves is needed, every bit of it.
//!
//! `SYNOD_REWRITE=1` writes the scripts of the sabotages anew, each shrunk from the first seed that fails.

use core::time::Duration;
use std::path::PathBuf;
use synod_kv::cluster::{
    BadSetting, Mischief, Settings, scripted, shrinker, simulation, with_invariants, with_judge,
};
use synod_sim::{Expect, NotFailing, Script, Shrunk};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/scripts")
}

fn broken(mischief: Mischief) -> Settings {
    let mut settings = Settings::default();
    settings.sabotage = Some(mischief);
    settings.operations = 600;
    settings.storm = Duration::from_secs(6);
    settings
}

/// The first run that fails, written down.
fn failing(settings: &Settings) -> Script {
    let sim = with_judge(with_invariants(simulation(settings).unwrap()));
    let seed = (0..500).find(|seed| Expect::of(&sim.run(*seed).verdict) != Some(Expect::Passed)).unwrap();
    let mut script = sim.script(seed).1;
    settings.describe(&mut script);
    script
}

fn ends_as_it_says(script: &Script) -> bool {
    script.expect.met_by(&scripted(script).unwrap().run_tape(script.tape(), 0..0).0.verdict)
}

/// By brute force and without the shrinker: no single fault event can be left out.
fn assert_minimal(script: &Script) {
    assert!(ends_as_it_says(script));
    for nth in 0..script.faults.len() {
        let mut less = script.clone();
        let spared = less.faults.remove(nth);
        assert!(!ends_as_it_says(&less), "`{spared}` can be left out of\n{script}");
    }
}

fn shrunk(mischief: Mischief, name: &str) {
    let script = failing(&broken(mischief));
    let Shrunk { mut script, runs, faults_before, minimal, .. } = shrinker().shrink(&script).unwrap();
    println!("{name}: {faults_before} fault events to {} in {runs} runs", script.faults.len());
    assert!(minimal, "the budget ran out");
    assert!(script.faults.len() <= 10, "{script}");
    assert_minimal(&script);
    if std::env::var_os("SYNOD_REWRITE").is_some() {
        script.hash = None;
        std::fs::write(folder().join(format!("{name}.script")), script.to_string()).unwrap();
    }
}

#[test]
fn every_script_ends_as_it_says() {
    let mut scripts: Vec<PathBuf> =
        std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    scripts.sort();
    assert!(scripts.len() >= 3, "{scripts:?}");
    for path in scripts {
        let script: Script = std::fs::read_to_string(&path).unwrap().parse().unwrap();
        let (report, _) = scripted(&script).unwrap().run_tape(script.tape(), 0..0);
        assert!(script.expect.met_by(&report.verdict), "{}: {}", path.display(), report.verdict);
        // Where there is a hash the script means this very run; one that means only its verdict has none.
        assert!(script.hash.is_none_or(|hash| hash == report.hash), "{}: another run", path.display());
    }
}

#[test]
fn the_same_script_is_shrunk_to_the_same_script() {
    let script = failing(&broken(Mischief::EarlySend));
    let (one, two) = (shrinker().shrink(&script).unwrap(), shrinker().shrink(&script).unwrap());
    assert_eq!((one.script.to_string(), one.runs), (two.script.to_string(), two.runs));
}

#[test]
fn a_budget_ends_the_search_and_what_is_left_still_fails() {
    let script = failing(&broken(Mischief::ShortQuorum));
    for runs in [1, 2, 20] {
        let shrunk = shrinker().runs_max(runs).shrink(&script).unwrap();
        assert!(!shrunk.minimal && shrunk.runs <= runs + 1 && ends_as_it_says(&shrunk.script));
    }
    let mut seen = 0;
    let mut shrinker = shrinker().progress(|progress| {
        seen += 1;
        progress.runs < 10
    });
    assert!(!shrinker.shrink(&script).unwrap().minimal);
    drop(shrinker);
    assert!(seen > 5);
}

#[test]
fn what_does_not_fail_is_not_shrunk() {
    let mut script = failing(&broken(Mischief::ShortQuorum));
    script.expect = Expect::Violated("gravity".to_owned());
    assert!(matches!(shrinker().shrink(&script), Err(NotFailing::Otherwise { .. })));
    script.expect = Expect::Passed;
    assert_eq!(shrinker().shrink(&script).unwrap_err(), NotFailing::Expected);
    script.expect = Expect::Restless;
    script.settings.insert("nodes".to_owned(), "0".to_owned());
    assert_eq!(shrinker().shrink(&script).unwrap_err(), NotFailing::NoRun);
}

#[test]
fn settings_are_read_back_and_bad_ones_are_refused() {
    let mut settings = broken(Mischief::ShortQuorum);
    (settings.nodes, settings.clients, settings.keys) = (3, 2, 9);
    let mut script = Script::new(1);
    script.storm = settings.storm;
    settings.describe(&mut script);
    let read = Settings::from_script(&script).unwrap();
    assert_eq!((read.nodes, read.clients, read.keys, read.operations), (3, 2, 9, 600));
    assert_eq!(
        (read.pause_max, read.patience, read.storm),
        (settings.pause_max, settings.patience, settings.storm)
    );
    assert_eq!(read.sabotage, Some(Mischief::ShortQuorum));
    for (name, value) in
        [("nodes", "0"), ("nodes", "99"), ("clients", "many"), ("sabotage", "fire"), ("protocol", "zab")]
    {
        let mut script = script.clone();
        script.settings.insert(name.to_owned(), value.to_owned());
        assert!(matches!(Settings::from_script(&script), Err(BadSetting::Value { .. })), "{name} {value}");
    }
    script.settings.insert("colour".to_owned(), "blue".to_owned());
    assert_eq!(Settings::from_script(&script).unwrap_err(), BadSetting::Unknown("colour".to_owned()));
}

#[test]
fn early_sends_are_shrunk_until_nothing_can_be_left_out() {
    shrunk(Mischief::EarlySend, "early-send");
}

#[test]
fn a_lying_fsync_is_shrunk_until_nothing_can_be_left_out() {
    shrunk(Mischief::LyingFsync, "lying-fsync");
}

#[test]
fn a_short_quorum_is_shrunk_until_nothing_can_be_left_out() {
    shrunk(Mischief::ShortQuorum, "short-quorum");
}
