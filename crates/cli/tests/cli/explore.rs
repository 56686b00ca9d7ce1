//! `synod explore` from outside: verdicts and exit codes.

use std::path::Path;
use std::process::{Command, Stdio};

/// Runs `synod explore` with these words: the exit code, and what was said.
fn explore(words: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_synod"));
    let output = command.arg("explore").args(words).stdin(Stdio::null()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

/// Campaigns and retries that nobody may begin any more are beyond the bounds.
const BOUNDED: &str = "holds in every state within the bounds (";

#[test]
fn every_state_of_a_small_raft_and_a_small_paxos_is_right() {
    for protocol in ["raft", "paxos"] {
        let (code, said) = explore(&["--protocol", protocol]);
        assert_eq!(code, 0, "{said}");
        assert!(said.starts_with(BOUNDED), "{said}");
    }
}

#[test]
fn what_is_left_out_does_not_change_the_verdict_and_a_limit_is_told() {
    let (code, full) = explore(&["--proposals", "0", "--full", "--wide"]);
    assert!(code == 0 && full.contains("1381 states"), "{full}");
    let (code, reduced) = explore(&["--proposals", "0"]);
    assert!(code == 0 && !reduced.contains("1381 states"), "{reduced}");
    let (code, said) = explore(&["--states", "2000"]);
    assert!(code == 2 && said.contains("not finished, the number of states granted is reached"), "{said}");
}

#[test]
fn a_quorum_one_short_is_shown_step_by_step() {
    let (code, said) = explore(&["--campaigns", "2", "--short-quorum"]);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.starts_with("violated: election safety: n1 and n2 both lead term 1\n   1. n1: timer Election\n")
    );
    let (code, said) = explore(&["--protocol", "paxos", "--short-quorum"]);
    assert!(code == 3 && said.contains("belong to Raft"), "{said}");
}

#[test]
fn memberships_reads_and_snapshots_have_models_of_their_own() {
    let joint = ["--nodes", "2", "--spares", "1", "--changes", "1", "--proposals", "0", "--campaigns", "2"];
    let (code, said) = explore(&joint);
    assert!(code == 0 && said.starts_with(BOUNDED) && said.contains("\n948 states"), "{said}");
    let (code, said) = explore(&["--nodes", "2", "--compactions", "1", "--demands", "1"]);
    assert!(code == 0 && said.starts_with(BOUNDED), "{said}");
    let (code, said) = explore(&["--nodes", "2", "--reads", "1", "--proposals", "0", "--campaigns", "2"]);
    assert!(code == 0 && said.starts_with(BOUNDED), "{said}");
    let (code, said) = explore(&["--protocol", "paxos", "--changes", "1"]);
    assert!(code == 3 && said.contains("belong to Raft"), "{said}");
}

#[test]
fn messages_that_arrive_any_number_of_times_are_answered_at_once() {
    let words = ["--protocol", "paxos", "--everlasting", "--campaigns", "0"];
    let states = |said: &str| said.lines().nth(1)?.split(' ').next()?.parse::<u64>().ok();
    let (code, said) = explore(&words);
    let (code_too, full) = explore(&[&words[..], &["--full"]].concat());
    assert_eq!((code, code_too), (0, 0), "{said}{full}");
    assert!(states(&said).unwrap() < states(&full).unwrap(), "{said}{full}");
}

#[test]
fn what_does_not_fit_into_memory_lies_in_a_file_that_is_gone_afterwards() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("spill");
    std::fs::create_dir_all(&folder).unwrap();
    let folder_name = folder.to_str().unwrap();
    let counts = |said: &str| said.split(", depth").next().map(str::to_owned);
    let (code, plain) = explore(&["--proposals", "0", "--crashes", "1"]);
    assert_eq!(code, 0, "{plain}");
    let (code, spilled) =
        explore(&["--proposals", "0", "--crashes", "1", "--memory", "64", "--spill", folder_name]);
    assert_eq!((code, counts(&spilled)), (0, counts(&plain)), "{spilled}");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    let (code, said) = explore(&["--spill", "/no/such/folder"]);
    assert_eq!(code, 3, "{said}");
}

#[test]
fn what_cannot_be_explored_is_refused_and_does_not_hold() {
    let (code, said) = explore(&["--proposals", "20", "--reads", "20"]);
    assert!(code == 3 && said.contains("40 commands are more than can be explored: at most 32"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn memory_is_what_the_operating_system_counts_too() {
    // No process of this kind is so small, whatever its tables hold.
    let (code, said) = explore(&["--proposals", "0", "--crashes", "1", "--memory", "3"]);
    assert!(code == 2 && said.contains("stopped: ") && said.contains("and --memory grants 3"), "{said}");
    let (code, said) = explore(&["--proposals", "0"]);
    assert!(code == 0 && said.contains(" MiB are resident"), "{said}");
}
