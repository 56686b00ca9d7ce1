//! `synod sim --script` and `synod replay` from outside: small scripts, steps forward and backward, verdicts and exit codes.

use crate::sim::{code, errors, out, place};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Runs `synod` with these words and this on its standard input.
fn synod(words: &[&str], input: &str) -> Output {
    synod_in(Path::new(env!("CARGO_TARGET_TMPDIR")), words, input)
}

/// The same in this folder.
fn synod_in(folder: &Path, words: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_synod"))
        .args(words)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Whoever needs no input may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// A script with a crash in it, which passes.
fn quiet(name: &str) -> PathBuf {
    let path = place(name);
    let text = "synod-script 1\nexpect passed\nseed 1\nstorm 2s\nset nodes 3\nset clients 1\nset operations 5\n\
                at 0.5s crash n2 for 300ms\nat 1s split n1 for 200ms\n";
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_failure_is_shrunk_and_its_script_is_a_test() {
    let path = place("small.script");
    let name = path.to_str().unwrap();
    let found = synod(&["sim", "--seeds", "0..12", "--sabotage", "short-quorum", "--script", name], "");
    assert_eq!(code(&found), 1, "{}{}", out(&found), errors(&found));
    assert!(out(&found).contains("none of them can be left out"), "{}", out(&found));
    assert!(out(&found).contains(&format!("cargo synod replay {name}")), "{}", out(&found));
    let script = std::fs::read_to_string(&path).unwrap();
    assert!(script.lines().filter(|line| line.starts_with("at ")).count() <= 10, "{script}");
    let replayed = synod(&["replay", name, "--print"], "");
    assert_eq!(code(&replayed), 0, "{}{}", out(&replayed), errors(&replayed));
    assert!(out(&replayed).contains("as expected: violated"), "{}", out(&replayed));
    assert!(out(&replayed).contains("the very run"), "{}", out(&replayed));
    // With the bug mended the script is still a run, but not the one that it expects.
    let mended = script.replace("set sabotage short-quorum\n", "");
    std::fs::write(&path, mended).unwrap();
    let replayed = synod(&["replay", name, "--print", "--from", "1000s"], "");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(code(&replayed), 1, "{}", out(&replayed));
    assert!(out(&replayed).contains("NOT AS EXPECTED"), "{}", out(&replayed));
}

#[test]
fn a_failure_of_paxos_is_shrunk_and_stepped_through() {
    let path = place("paxos.script");
    let name = path.to_str().unwrap();
    let words = "sim --protocol paxos --seeds 0..12 --sabotage short-quorum --script";
    let found = synod(&words.split(' ').chain([name]).collect::<Vec<_>>(), "");
    assert_eq!(code(&found), 1, "{}{}", out(&found), errors(&found));
    assert!(out(&found).contains("none of them can be left out"), "{}", out(&found));
    let script = std::fs::read_to_string(&path).unwrap();
    assert!(
        script.contains("set protocol paxos") && script.contains("set sabotage short-quorum"),
        "{script}"
    );
    let replayed = synod(&["replay", name], "node 1\nrun\nnode 1\nnode 2\nflight\n");
    assert_eq!(code(&replayed), 0, "{}{}", out(&replayed), errors(&replayed));
    for wanted in ["as expected: violated", "the very run", "decree 1: "] {
        assert!(out(&replayed).contains(wanted), "{wanted} is missing: {}", out(&replayed));
    }
    std::fs::write(&path, script.replace("set nodes ", "set knots ")).unwrap();
    let refused = synod(&["replay", name, "--print"], "");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(
        (code(&refused), errors(&refused).contains("no such setting")),
        (3, true),
        "{}",
        errors(&refused)
    );
}

#[test]
fn a_script_is_written_without_shrinking_and_for_runs_that_pass() {
    let path = place("whole.script");
    let name = path.to_str().unwrap();
    let found = synod(
        &["sim", "--seeds", "2..3", "--sabotage", "short-quorum", "--no-shrink", "--script", name, "--json"],
        "",
    );
    assert_eq!(code(&found), 1, "{}", errors(&found));
    assert_eq!(out(&found).lines().count(), 1, "JSON and nothing else: {}", out(&found));
    let faults =
        std::fs::read_to_string(&path).unwrap().lines().filter(|line| line.starts_with("at ")).count();
    assert!(faults > 10, "{faults}");
    let passed = synod(&["sim", "--seeds", "3..4", "--storm", "2", "--script", name], "");
    assert_eq!(code(&passed), 0, "{}", errors(&passed));
    let replayed = synod(&["replay", name, "--print", "--to", "0s"], "");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(code(&replayed), 0);
    assert!(out(&replayed).contains("as expected: passed, and it is the very run"), "{}", out(&replayed));
}

#[test]
fn json_alone_writes_no_file() {
    // A folder of its own: other tests, at the same time, let failing seeds write their scripts.
    let folder = place("json-alone");
    // A run that was killed may have had this number too.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir(&folder).unwrap();
    let found = synod_in(&folder, &["sim", "--seeds", "2..3", "--sabotage", "short-quorum", "--json"], "");
    let left = std::fs::read_dir(&folder).unwrap().count();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!((code(&found), left), (1, 0));
}

#[test]
fn a_run_is_stepped_through_forward_and_backward() {
    let path = quiet("steps.script");
    let name = path.to_str().unwrap();
    let commands = "n 3\np\ngoto 0.5s\nfaults\nfind FAULT split\nnode 1\nnode 9\nflight\nwhere\nscript\nrun\nn\n\
                    goto 0\np\nfrobnicate\nhelp\ngoto yesterday\nfind no such thing\nquit\n";
    let walked = synod(&["replay", name], commands);
    let text = out(&walked);
    assert_eq!(code(&walked), 0, "{text}{}", errors(&walked));
    for wanted in [
        "     3 ",
        "FAULT crash n2 for 300ms",
        "at 0.5s crash n2 for 300ms",
        "FAULT split n1 for 200ms",
        "Raft {",
        "there is no node `9`; there are 1 to 3",
        "synod-script 1",
        "the run ends: passed",
        "this is the end of the run",
        "this is the beginning of the run",
        "`frobnicate` is no command",
        "neither the number of an event nor a time",
        "no later event mentions `no such thing`",
        "as expected: passed",
    ] {
        assert!(text.contains(wanted), "{wanted} is missing:\n{text}");
    }
    // An end of the input is a quit.
    let ended = synod(&["replay", name], "n");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(code(&ended), 0, "{}", errors(&ended));
}

#[test]
fn going_back_shows_what_was_there() {
    let path = quiet("back.script");
    let name = path.to_str().unwrap();
    let there = out(&synod(&["replay", name], "goto 40\nnode 1\nflight\n"));
    let back = out(&synod(&["replay", name], "run\nnode 1\ngoto 40\nnode 1\nflight\n"));
    std::fs::remove_file(&path).unwrap();
    let after = |text: &str| text.split_once("\n    40 ").unwrap().1.to_owned();
    assert_eq!(after(&there), after(&back));
}

#[test]
fn only_a_stretch_is_printed() {
    let path = quiet("stretch.script");
    let name = path.to_str().unwrap();
    let all = out(&synod(&["replay", name, "--print"], ""));
    let some = out(&synod(&["replay", name, "--print", "--from", "0.5s", "--to", "900ms"], ""));
    std::fs::remove_file(&path).unwrap();
    assert!(some.lines().count() > 3 && some.lines().count() < all.lines().count());
    let first = some.lines().next().unwrap();
    assert!(first.contains("0.500000000s") && first.contains("FAULT crash"), "{first}");
}

#[test]
fn bad_scripts_are_refused_with_their_line() {
    let head = "synod-script 1\nexpect passed\nseed 1\nstorm 1s\n";
    let cases = [
        ("nothing.script", String::new(), "synod-script 1"),
        ("line.script", format!("{head}at noon crash n1 for 1s\n"), "line 5"),
        ("setting.script", format!("{head}set nodes 0\n"), "a number from 1 to 31"),
        ("unknown.script", format!("{head}set colour blue\n"), "no such setting"),
        ("protocol.script", format!("{head}set protocol zab\n"), "`raft`"),
    ];
    for (name, text, reason) in cases {
        let path = place(name);
        std::fs::write(&path, text).unwrap();
        let output = synod(&["replay", path.to_str().unwrap(), "--print"], "");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(code(&output), 3, "{name}: {}", out(&output));
        assert!(errors(&output).contains(reason), "{name}: {}", errors(&output));
    }
    let output = synod(&["replay", "no/such/file"], "");
    assert_eq!((code(&output), errors(&output).contains("cannot read no/such/file")), (3, true));
    assert_eq!(code(&synod(&["replay", "x", "--from", "soon", "--print"], "")), 3);
}
