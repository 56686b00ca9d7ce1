//! `synod demo` and `synod sim` from outside: verdicts, exit codes, files, and bad requests.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Runs `synod` with these words.
fn synod(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_synod"))
        .args(words)
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub(crate) fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A place for a file of this test. All tests share the folder, so each has names of its own.
pub(crate) fn place(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()))
}

#[test]
fn seeds_pass_and_each_is_one_run_in_every_process() {
    let words = ["sim", "--protocol", "raft", "--seeds", "0..6", "--json"];
    let (one, two) = (synod(&words), synod(&words));
    assert_eq!(code(&one), 0, "{}", errors(&one));
    assert_eq!(out(&one), out(&two));
    let lines: Vec<serde_json::Value> =
        out(&one).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let seeds: Vec<u64> = lines.iter().map(|line| line["seed"].as_u64().unwrap()).collect();
    assert_eq!(seeds, [0, 1, 2, 3, 4, 5], "in order, on however many threads");
    assert!(
        lines.iter().all(|line| line["verdict"] == "passed" && line["ok"].as_u64() > Some(0)),
        "{}",
        out(&one)
    );
    let alone = synod(&["sim", "--seeds", "4..5", "--jobs", "1", "--json"]);
    assert_eq!(out(&alone).trim(), out(&one).lines().nth(4).unwrap());
}

#[test]
fn a_sabotaged_run_is_violated_and_drawn() {
    let page = place("short-quorum.html");
    let page_name = page.to_str().unwrap();
    let output = synod(&["sim", "--seeds", "0..12", "--sabotage", "short-quorum", "--report", page_name]);
    assert_eq!(code(&output), 1, "{}", out(&output));
    assert!(out(&output).contains("violated: "), "{}", out(&output));
    let html = std::fs::read_to_string(&page).unwrap();
    std::fs::remove_file(&page).unwrap();
    assert!(html.starts_with("<!DOCTYPE html>") && html.trim_end().ends_with("</html>"));
    assert!(html.len() < 2 << 20, "{} bytes", html.len());
    assert!(!html.contains("src=\"http") && !html.contains("href=\"http"), "everything is in the page");
    assert!(
        html.contains("id=\"stage\"") && html.contains("Raft in the simulator"),
        "a diagram to zoom and search in"
    );
}

#[test]
fn seeds_of_paxos_pass_and_each_guarantee_is_missed() {
    let words = ["sim", "--protocol", "paxos", "--seeds", "0..20", "--storm", "4", "--json"];
    let passed = synod(&words);
    assert_eq!(code(&passed), 0, "{}{}", out(&passed), errors(&passed));
    let lines: Vec<serde_json::Value> =
        out(&passed).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let sum = |name: &str| lines.iter().map(|line| line[name].as_u64().unwrap()).sum::<u64>();
    assert!(lines.len() == 20 && sum("decrees") > 200 && sum("ok") > sum("decrees"), "{}", out(&passed));
    assert!(sum("adopted") > 0 && sum("late") > 0 && sum("crashes") > 0, "{}", out(&passed));
    for sabotage in ["early-send", "lying-fsync", "short-quorum"] {
        let words = "sim --protocol paxos --seeds 0..40 --json --sabotage";
        let found = synod(&words.split(' ').chain([sabotage]).collect::<Vec<_>>());
        assert_eq!(code(&found), 1, "{sabotage}: {}{}", out(&found), errors(&found));
    }
}

#[test]
fn a_trace_is_written_in_the_format_that_the_file_names() {
    for (ending, begins) in [
        ("jsonl", "{\"kind\":\"run\""),
        ("shiviz", "(?<host>"),
        ("mmd", "sequenceDiagram"),
        ("html", "<!DOCTYPE html>"),
    ] {
        let path = place(&format!("trace.{ending}"));
        let name = path.to_str().unwrap();
        let output =
            synod(&["sim", "--seeds", "5..6", "--storm", "2", "--trace", name, "--window", "900ms..1.1s"]);
        assert_eq!(code(&output), 0, "{}{}", out(&output), errors(&output));
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(text.starts_with(begins) && text.len() < 2 << 20, "{ending}");
        assert!(text.lines().count() > 20 && out(&output).contains("moments written to"), "{text}");
    }
}

#[test]
fn a_fork_tells_when_it_was_too_late_and_draws_it() {
    let path = place("curve.html");
    let name = path.to_str().unwrap();
    let words = "sim --seeds 30..40 --sabotage early-send --storm 5 --fork --futures 8 --moments 5 --curve";
    let words: Vec<&str> = words.split(' ').chain([name]).collect();
    let (one, two) = (synod(&words), synod(&[&words[..], &["--jobs", "1"]].concat()));
    assert_eq!(code(&one), 1, "{}{}", out(&one), errors(&one));
    let html = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(html.contains("<svg") && html.contains("--sabotage early-send --storm 5 --fork"));
    let table = |output: &Output| {
        let text = out(output);
        text[text.find("futures that fail so").expect("a table")..].to_owned()
    };
    assert_eq!(table(&one), table(&two), "threads change nothing");
    assert!(table(&one).contains("every future failed"), "{}", table(&one));
}

#[test]
fn calm_weather_has_no_faults() {
    let output = synod(&["sim", "--seeds", "0..2", "--faults", "none", "--json"]);
    assert_eq!(code(&output), 0);
    assert!(out(&output).lines().all(|line| line.contains("\"crashes\":0") && line.contains("\"faults\":0")));
}

#[test]
fn the_demo_finds_each_sabotage() {
    for sabotage in ["early-send", "lying-fsync", "short-quorum"] {
        let page = place(sabotage);
        let output = synod(&["demo", "--sabotage", sabotage, "--report", page.to_str().unwrap()]);
        assert_eq!(code(&output), 1, "{sabotage}: {}{}", out(&output), errors(&output));
        assert!(
            out(&output).contains("VIOLATED") && out(&output).contains("damage done"),
            "{}",
            out(&output)
        );
        let html = std::fs::read_to_string(&page).unwrap();
        std::fs::remove_file(&page).unwrap();
        assert!(html.contains(sabotage) && html.len() < 2 << 20);
    }
}

#[test]
fn the_demo_survives_and_says_so() {
    let output = synod(&["demo", "--storm", "5", "--worlds", "5", "--headless"]);
    assert_eq!(code(&output), 0, "{}{}", out(&output), errors(&output));
    for word in ["virtual time", "elections", "faults", "operations", "LINEARIZABLE", "5 other worlds"] {
        assert!(out(&output).contains(word), "{word} is missing: {}", out(&output));
    }
}

#[test]
fn bad_requests_are_refused_with_a_reason() {
    let cases: [(&[&str], &str); 11] = [
        (&["sim", "--seeds", "9..3"], "nothing would be tested"),
        (&["sim", "--seeds", "a..b"], "no seed"),
        (&["sim", "--seeds", "7"], "A..B"),
        (&["sim", "--seeds", "0..99999999999999999999999"], "no seed"),
        (&["sim", "--protocol", "zab"], "invalid value"),
        (&["sim", "--faults", "crash,meteor"], "`meteor` is no fault"),
        (&["sim", "--nodes", "0"], "0 is not in"),
        (&["sim", "--seeds", "0..1", "--trace", "x.what"], "--trace-format"),
        (&["sim", "--seeds", "0..1", "--trace", "x.mmd", "--window", "2s..1s"], "ends before it begins"),
        (&["sim", "--seeds", "0..1", "--window", "1s..2s"], "--trace"),
        (&["demo", "--storm", "1", "--worlds", "0", "--report", "no/such/folder/x.html"], "cannot write"),
    ];
    for (words, reason) in cases {
        let output = synod(words);
        assert_eq!(code(&output), 3, "{words:?}: {}{}", out(&output), errors(&output));
        assert!(errors(&output).contains(reason), "{words:?}: {}", errors(&output));
        assert!(!errors(&output).contains("panicked"));
    }
}

#[test]
fn a_closed_pipe_is_no_panic() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_synod"))
        .args(["sim", "--seeds", "0..20", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 0, "the verdict stands, whoever reads it");
    assert!(!errors(&output).contains("panicked"), "{}", errors(&output));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let full = std::fs::File::create("/dev/full").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_synod"))
        .args(["sim", "--seeds", "0..1"])
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(code(&output), 3);
    assert!(errors(&output).contains("cannot write to standard output"), "{}", errors(&output));
}

#[test]
fn help_is_no_error_and_nothing_is_one() {
    for words in [
        &["--help"][..],
        &["demo", "--help"],
        &["sim", "--help"],
        &["check", "--help"],
        &["replay", "--help"],
        &["--version"],
    ] {
        let output = synod(words);
        assert_eq!(code(&output), 0);
        assert!(out(&output).len() > 5);
    }
    assert_eq!(code(&synod(&[])), 3);
    assert_eq!(code(&synod(&["frobnicate"])), 3);
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_a_long_run_in_good_order() {
    use std::io::{BufRead, BufReader, Read};
    let mut child = Command::new(env!("CARGO_BIN_EXE_synod"))
        .args(["sim", "--seeds", "0..100000000", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    lines.read_line(&mut first).unwrap();
    assert!(first.contains("\"seed\":0"), "it is at work: {first}");
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 130, "{}", errors(&output));
    assert!(rest.is_empty() || rest.ends_with("}\n"), "no line is cut off");
}

#[test]
fn the_last_seeds_of_all_are_run_once_each() {
    let end = u64::MAX;
    let seeds = format!("{}..{end}", end - 2);
    let output = synod(&["sim", "--seeds", &seeds, "--jobs", "4", "--json"]);
    assert_eq!(code(&output), 0, "{}", errors(&output));
    assert_eq!(out(&output).lines().count(), 2);
}
