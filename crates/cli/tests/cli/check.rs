//! `synod check` from outside: what it prints, and the code it exits with.
//!
//! The folder that `SYNOD_CORPUS` names holds recorded histories with known verdicts; without it those tests pass and say
//! so.

use core::time::Duration;
use serde_json::Value;
use std::io::Write;
#[cfg(unix)]
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

const GOOD: i32 = 0;
const VIOLATED: i32 = 1;
const UNDECIDED: i32 = 2;
const BAD_INPUT: i32 = 3;

/// `synod check` in the folder of the fixtures.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_synod"));
    command.arg("check").args(arguments).stdin(Stdio::null());
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/histories"));
    command
}

/// Exit code, standard output, standard error.
fn run(arguments: &[&str]) -> (i32, String, String) {
    told(&command(arguments).output().unwrap())
}

/// The same with something on standard input.
fn run_with_input(arguments: &[&str], input: &[u8]) -> (i32, String, String) {
    let mut command = command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A refused input may not be read to its end.
    let _ = child.stdin.take().unwrap().write_all(input);
    told(&child.wait_with_output().unwrap())
}

fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(!err.contains("panicked"), "{err}");
    (output.status.code().unwrap_or(-1), out, err)
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/histories").join(name)).unwrap()
}

fn objects(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn verdict_and_exit_code_of_every_format() {
    for (file, code, word) in [
        ("register-ok.log", GOOD, "linearizable"),
        ("register-violated.log", VIOLATED, "violated"),
        ("register-nothing-observed.log", UNDECIDED, "undecided"),
        ("register-bad.log", BAD_INPUT, "bad input"),
        ("register-ok.edn", GOOD, "linearizable"),
        ("register-violated.edn", VIOLATED, "violated"),
        ("register-bad.edn", BAD_INPUT, "bad input"),
        ("kv-ok.txt", GOOD, "linearizable"),
        ("kv-violated.txt", VIOLATED, "violated"),
        ("kv-bad.txt", BAD_INPUT, "bad input"),
        ("kv-ok.jsonl", GOOD, "linearizable"),
        ("kv-violated.jsonl", VIOLATED, "violated"),
        ("kv-bad.jsonl", BAD_INPUT, "bad input"),
    ] {
        let (exit, out, err) = run(&[file]);
        assert_eq!(exit, code, "{file}: {out}{err}");
        assert!(out.starts_with(word), "{file}: {out}");
        assert_eq!(err.is_empty(), code != BAD_INPUT, "{file}: {err}");
        let quiet = run(&["--quiet", file]);
        assert_eq!((quiet.0, quiet.1.as_str()), (code, ""), "{file}");
    }
}

#[test]
fn one_changed_answer_flips_the_verdict() {
    for (good, bad, from, to) in [
        ("register-ok.log", "register-violated.log", "1 :ok :read 2", "1 :ok :read 3"),
        ("register-ok.edn", "register-violated.edn", ":ok, :f :read, :value 7", ":ok, :f :read, :value nil"),
        ("kv-ok.txt", "kv-violated.txt", ":value \"xy\"", ":value \"yx\""),
        (
            "kv-ok.jsonl",
            "kv-violated.jsonl",
            "\"get\", \"key\": \"x\", \"value\": \"2\"",
            "\"get\", \"key\": \"x\", \"value\": \"1\"",
        ),
    ] {
        let text = String::from_utf8(fixture(good)).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{good}");
        let changed = text.replace(from, to);
        assert_eq!(changed.as_bytes(), fixture(bad), "{bad} is {good} with one answer changed");
        assert_eq!(run_with_input(&["-"], text.as_bytes()).0, GOOD, "{good}");
        assert_eq!(run_with_input(&["-"], changed.as_bytes()).0, VIOLATED, "{bad}");
    }
}

#[test]
fn standard_input_is_named_by_a_dash_or_by_nothing() {
    for arguments in [&["-"][..], &[]] {
        let (exit, out, _) = run_with_input(arguments, &fixture("kv-ok.txt"));
        assert_eq!(
            (exit, out.starts_with("linearizable  -  5 ops, kv (auto), 2 keys")),
            (GOOD, true),
            "{out}"
        );
    }
    let (exit, _, err) = run(&["-"]);
    assert_eq!(exit, BAD_INPUT);
    assert!(err.contains("standard input: no client operation"), "{err}");
}

#[test]
fn a_violation_comes_with_its_window_and_its_prefix() {
    let (_, out, _) = run(&["register-violated.log"]);
    let lines: Vec<&str> = out.lines().map(str::trim).collect();
    assert!(lines[1].starts_with("line 12: no order explains  read = 3  (process 1)"), "{out}");
    assert!(lines[2].starts_with("longest valid prefix: 4 of 5 operations, then the value is 2"), "{out}");
    assert!(out.contains("#4  process 1  line 11-12"), "{out}");
    assert!(out.contains("read = 3  <- no order gets past this answer"), "{out}");
    let (_, out, _) = run(&["--witness", "kv-violated.txt"]);
    assert!(out.contains("1. #1     process 1    line 2-4  append \"b\" \"x\" ok  \"x\""), "{out}");
}

#[test]
fn a_good_verdict_shows_its_order_if_asked() {
    let (exit, out, _) = run(&["--witness", "kv-ok.txt"]);
    assert_eq!(exit, GOOD);
    let steps: Vec<&str> = out.lines().filter(|line| line.contains(". #")).collect();
    assert_eq!(steps.len(), 5, "{out}");
    assert!(steps[0].ends_with("\"\"") && steps[4].ends_with("\"xy\""), "{out}");
}

#[test]
fn of_several_files_the_worst_counts_and_all_are_judged() {
    let last = |out: &str| out.lines().last().unwrap_or_default().to_owned();
    let (exit, out, err) = run(&["register-ok.log", "missing.log", "kv-violated.txt", "kv-ok.jsonl"]);
    assert_eq!(exit, BAD_INPUT);
    assert!(err.starts_with("synod: missing.log: cannot read it: "), "{err}");
    let summary = "4 histories: 2 linearizable, 1 violated, 0 undecided, 1 bad input, in ";
    assert!(last(&out).starts_with(summary), "{out}");
    let (exit, out, _) = run(&["register-nothing-observed.log", "kv-violated.txt", "kv-ok.jsonl"]);
    assert_eq!(exit, VIOLATED);
    assert!(last(&out).starts_with("3 histories: 1 linearizable, 1 violated, 1 undecided, in "), "{out}");
    assert_eq!(run(&["register-nothing-observed.log", "kv-ok.jsonl"]).0, UNDECIDED);
    assert_eq!(run(&["kv-ok.txt", "kv-ok.jsonl"]).0, GOOD);
}

#[test]
fn json_has_the_documented_fields() {
    let files = ["register-ok.log", "register-violated.log", "register-nothing-observed.log", "kv-bad.jsonl"];
    let (exit, out, _) = run(&[&["--json", "--witness"], &files[..]].concat());
    assert_eq!(exit, BAD_INPUT);
    let objects = objects(&out);
    let verdicts: Vec<_> = objects.iter().map(|object| object["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["linearizable", "violated", "undecided", "bad-input"]);
    for (object, file) in objects.iter().zip(files) {
        assert_eq!(object["file"], file);
        assert!(object["elapsed_us"].is_u64(), "{object}");
    }
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(keys(&objects[3]), "elapsed_us file message reason verdict");
    for object in &objects[..3] {
        assert_eq!(
            keys(object),
            "elapsed_us events fail file format linearization message model ok ops partitions reason stats undecided \
             unknown verdict violations"
        );
        assert_eq!(keys(&object["stats"]), "cache_bytes cache_entries steps");
    }
    let good = &objects[0];
    assert_eq!(
        (&good["model"], &good["format"], &good["ops"]),
        (&"register".into(), &"jepsen-log".into(), &5.into())
    );
    assert_eq!((&good["ok"], &good["fail"], &good["unknown"]), (&3.into(), &1.into(), &1.into()));
    let order: Vec<u64> =
        good["linearization"][0]["order"].as_array().unwrap().iter().filter_map(Value::as_u64).collect();
    assert_eq!(order.len(), 5, "{good}");
    assert_eq!(objects[2]["reason"], "nothing-observed");

    let violation = &objects[1]["violations"][0];
    assert_eq!(
        keys(violation),
        "exact key longest_prefix longest_prefix_verified ops state_after_prefix stuck window"
    );
    assert_eq!(violation["longest_prefix_verified"], true);
    assert_eq!(violation["longest_prefix"].as_array().unwrap().len(), 4);
    assert_eq!(keys(&violation["window"]), "first_event last_event lingering ops self_contained");
    let stuck = &violation["stuck"];
    assert_eq!(
        keys(stuck),
        "answer call call_line call_time_ns called id process return_line return_time_ns returned status"
    );
    assert_eq!(
        (&stuck["call"], &stuck["answer"], &stuck["status"]),
        (&"read".into(), &"= 3".into(), &"ok".into())
    );
    assert_eq!((&stuck["call_line"], &stuck["return_line"]), (&11.into(), &12.into()));
    assert!(violation["window"]["ops"].as_array().unwrap().contains(stuck));
}

#[test]
fn times_and_keys_reach_the_json() {
    let (_, out, _) = run(&["--json", "kv-violated.jsonl"]);
    let violation = &objects(&out)[0]["violations"][0];
    assert_eq!(violation["key"], "\"x\"");
    assert_eq!(
        (&violation["stuck"]["call_time_ns"], &violation["stuck"]["return_time_ns"]),
        (&40.into(), &50.into())
    );
    assert_eq!(violation["window"]["ops"][0]["return_time_ns"], 20);
    assert_eq!(violation["window"]["ops"][0]["returned"], Value::Null);
}

#[test]
fn a_budget_that_runs_out_is_undecided() {
    let (exit, out, _) = run(&["--max-steps", "1", "--json", "kv-ok.txt"]);
    assert_eq!(exit, UNDECIDED, "{out}");
    let object = &objects(&out)[0];
    assert_eq!((&object["verdict"], &object["reason"]), (&"undecided".into(), &"steps".into()));
    assert!(object["message"].as_str().unwrap().contains("--max-steps"), "{object}");
    assert!(!object["undecided"].as_array().unwrap().is_empty(), "{object}");
}

/// Compare-and-sets, all under way at once, that would have to form a walk over every edge of a graph. Each node is left
/// as often as it is entered, so that counting shows nothing, but the graph falls into two parts: no search ends soon.
fn hopeless() -> String {
    let edges = (0..64).map(|edge| (edge / 8, edge % 8)).filter(|(from, to)| from != to);
    let edges: Vec<_> = edges.chain([(10, 11), (11, 12), (12, 10)]).enumerate().collect();
    let mut log = "INFO  jepsen.util - 99 :invoke :write 0\nINFO  jepsen.util - 99 :ok :write 0\n".to_owned();
    for kind in ["invoke", "ok"] {
        for (process, (from, to)) in &edges {
            log += &format!("INFO  jepsen.util - {process} :{kind} :cas [{from} {to}]\n");
        }
    }
    log
}

#[test]
fn limits_of_time_and_memory_are_kept() {
    for (limit, reason) in [(["--max-time", "0.3"], "time"), (["--max-memory", "1"], "memory")] {
        let started = Instant::now();
        let arguments = [&limit[..], &["--json", "-"]].concat();
        let (exit, out, _) = run_with_input(&arguments, hopeless().as_bytes());
        assert_eq!(exit, UNDECIDED, "{out}");
        assert_eq!(objects(&out)[0]["reason"], reason, "{out}");
        assert!(started.elapsed() < Duration::from_secs(30), "{reason}: {:?}", started.elapsed());
    }
}

#[test]
fn inputs_that_are_no_history_are_refused_with_their_name_and_a_way_out() {
    let long = [b"{\"process\": 0, \"f\": \"", "x".repeat(1 << 16).as_bytes(), b"\"}\n"].concat();
    for (input, expected) in [
        (&b""[..], "no client operation in 0 lines"),
        (b"\n\n  \n", "no client operation"),
        (b"hello\nworld\n", "none of the first 2 lines looks like an operation"),
        (b"\0\x01\x02\xff\xfe", "is binary"),
        (b"\xff\xfe\x80\n\x81\n", "none of the first"),
        (b"\x1f\x8b\x08\x00rest", "gzip -dc"),
        (b"{\"process\": 0, \"type\": \"invoke\", \"f\": \"write\", \"value\": 1e400}\n", "line 1: "),
        (
            b"{\"process\": 0, \"type\": \"invoke\", \"f\": \"write\", \"value\": \"a\"}\n",
            "expected an integer",
        ),
        (b"{\"process\": 0, \"type\": \"invoke\"}\n", "line 1: "),
        (b"{:process 0 :type :invoke :f :read :value nil", "line 1: "),
        (&long, "raise --max-line-bytes"),
    ] {
        let (exit, _, err) = run_with_input(&["--max-line-bytes", "65536", "-"], input);
        let start = String::from_utf8_lossy(&input[..input.len().min(40)]).into_owned();
        assert_eq!(exit, BAD_INPUT, "{start:?}: {err}");
        assert!(err.starts_with("synod: standard input: "), "{start:?}: {err}");
        assert!(err.contains(expected), "{start:?}: {err}");
    }
    for (file, expected) in [
        ("nemesis-only.log", "no client operation in 2 lines"),
        ("transactions.edn", "transactions are not judged"),
        ("register-bad.log", "line 3: write cannot have the value 99999999999999999999"),
        (".", "is a directory"),
        ("missing/file", "cannot read it"),
    ] {
        let (exit, _, err) = run(&[file]);
        assert_eq!(exit, BAD_INPUT, "{file}: {err}");
        assert!(err.starts_with(&format!("synod: {file}: ")) && err.contains(expected), "{file}: {err}");
    }
}

#[test]
fn a_wrong_choice_is_answered_with_the_right_one() {
    for (arguments, expected) in [
        (&["--model", "register", "kv-ok.jsonl"][..], "the operations look like those of --model kv"),
        (&["--model", "kv", "register-ok.log"], "the operations look like those of --model register"),
        (&["--format", "jepsen-log", "kv-ok.jsonl"], "but the file looks like json-lines"),
        (&["--format", "json-lines", "register-ok.edn"], "but the file looks like edn"),
        (&["--initial", "many", "register-ok.log"], "neither an integer nor nil"),
    ] {
        let (exit, _, err) = run(arguments);
        assert_eq!((exit, err.contains(expected)), (BAD_INPUT, true), "{arguments:?}: {err}");
    }
}

#[test]
fn the_first_value_can_be_given() {
    let read = |value: &str| {
        format!("INFO  jepsen.util - 0 :invoke :read nil\nINFO  jepsen.util - 0 :ok :read {value}\n")
    };
    assert_eq!(run_with_input(&["-"], read("5").as_bytes()).0, VIOLATED);
    assert_eq!(run_with_input(&["--initial", "5", "-"], read("5").as_bytes()).0, GOOD);
    assert_eq!(run_with_input(&["--initial", "-5", "-"], read("-5").as_bytes()).0, GOOD);
    assert_eq!(run(&["kv-ok.txt"]).0, GOOD);
    assert_eq!(
        run(&["--initial", "nil", "kv-ok.txt"]).0,
        VIOLATED,
        "there, a missing key reads as the empty string"
    );
}

#[test]
fn refusals_can_be_ignored() {
    let log = "INFO  jepsen.util - 0 :invoke :write 1\nINFO  jepsen.util - 0 :ok :write 1\n\
               INFO  jepsen.util - 0 :invoke :cas [1 2]\nINFO  jepsen.util - 0 :fail :cas [1 2]\n";
    assert_eq!(run_with_input(&["-"], log.as_bytes()).0, VIOLATED);
    assert_eq!(run_with_input(&["--ignore-refusals", "-"], log.as_bytes()).0, GOOD);
}

#[test]
fn absurd_flags_are_usage_errors() {
    for arguments in [
        &["--max-time", "-1"][..],
        &["--max-time", "0"],
        &["--max-time", "NaN"],
        &["--max-time", "1e300"],
        &["--max-memory", "0"],
        &["--max-memory", "-5"],
        &["--max-memory", "99999999999999999999"],
        &["--max-memory", "18446744073709551615"],
        &["--max-steps", "0"],
        &["--max-steps", "many"],
        &["--max-line-bytes", "0"],
        &["--model", "foo"],
        &["--format", "xml"],
        &["--json", "--quiet"],
        &["--frobnicate"],
    ] {
        let (exit, out, err) = run(&[arguments, &["register-ok.log"]].concat());
        assert_eq!((exit, out.as_str()), (BAD_INPUT, ""), "{arguments:?}: {err}");
        assert!(err.starts_with("error: "), "{arguments:?}: {err}");
    }
    assert!(run(&["--model", "foo", "-"]).2.contains("expected auto, register, kv"));
    for limits in [["--max-time", "none"], ["--max-memory", "none"], ["--max-time", "0.5"]] {
        assert_eq!(run(&[&limits[..], &["register-ok.log"]].concat()).0, GOOD, "{limits:?}");
    }
}

#[test]
fn nobody_reading_is_no_error() {
    let files = ["register-ok.log", "kv-violated.txt"].repeat(200);
    let mut child = command(&files).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let (exit, _, err) = told(&child.wait_with_output().unwrap());
    assert_eq!((exit, err.as_str()), (VIOLATED, ""));
}

#[test]
fn help_shows_examples_and_exit_codes() {
    let (exit, out, _) = run(&["--help"]);
    assert_eq!(exit, GOOD);
    for expected in ["Examples:", "Exit code:", "130 interrupted", "longest_prefix", "json-lines"] {
        assert!(out.contains(expected), "{expected}: {out}");
    }
}

/// Judges one file, then standard input; presses Ctrl-C when the first line is out.
#[cfg(unix)]
fn interrupted_on(arguments: &[&str], input: Option<&str>) {
    let mut command = command(&[arguments, &["register-ok.log", "-"]].concat());
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take();
    if let Some(input) = input {
        stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    }
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert!(line.starts_with("linearizable"), "{line}");
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let mut summary = String::new();
    out.read_line(&mut summary).unwrap();
    let (exit, _, err) = told(&child.wait_with_output().unwrap());
    drop(stdin);
    assert_eq!((exit, err.as_str()), (130, "synod: interrupted: 1 of 2 histories judged\n"));
    assert!(summary.starts_with("1 history: 1 linearizable"), "{summary}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_wait_for_input_and_tells_what_was_judged() {
    interrupted_on(&[], None);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_search_and_tells_what_was_judged() {
    interrupted_on(&["--max-time", "none"], Some(&hopeless()));
}

/// The files of a folder of the corpus with the verdict that each must get.
fn corpus(folder: &str, verdicts: impl Fn(&Path) -> Vec<(PathBuf, &'static str)>) {
    let Some(corpus) = std::env::var_os("SYNOD_CORPUS") else {
        println!("corpus not present");
        return;
    };
    let cases = verdicts(&Path::new(&corpus).join("histories").join(folder));
    assert!(!cases.is_empty(), "SYNOD_CORPUS is set, but there are no cases in {folder}");
    let mut arguments = vec!["--json", "--witness"];
    arguments.extend(cases.iter().map(|(path, _)| path.to_str().unwrap()));
    let (exit, out, err) = run(&arguments);
    assert_eq!((exit, err.as_str()), (VIOLATED, ""));
    let objects = objects(&out);
    assert_eq!(objects.len(), cases.len());
    for (object, (path, verdict)) in objects.iter().zip(&cases) {
        assert_eq!(object["verdict"], *verdict, "{}", path.display());
        let violations = object["violations"].as_array().unwrap();
        for violation in violations {
            assert_eq!(violation["longest_prefix_verified"], true, "{}", path.display());
            assert!(
                violation["window"]["ops"].as_array().unwrap().contains(&violation["stuck"]),
                "{}",
                path.display()
            );
        }
        assert_eq!(violations.is_empty(), *verdict == "linearizable", "{}", path.display());
        assert_eq!(object["linearization"].is_array(), *verdict == "linearizable", "{}", path.display());
    }
}

#[test]
fn every_etcd_history_gets_its_verdict() {
    corpus("jepsen-etcd", |folder| {
        let table = std::fs::read_to_string(folder.join("VERDICTS.tsv")).unwrap();
        let case = |line: &str| {
            let (file, verdict) = line.split_once('\t')?;
            let verdict = match verdict.trim() {
                "ok" => "linearizable",
                "illegal" => "violated",
                other => panic!("{file}: unknown verdict {other:?}"),
            };
            Some((folder.join(file), verdict))
        };
        table.lines().filter_map(case).collect()
    });
}

#[test]
fn every_store_history_gets_its_verdict() {
    corpus("kv", |folder| {
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<PathBuf> = files.collect();
        files.sort();
        let verdict = |path: &Path| match path.file_stem().and_then(|stem| stem.to_str()) {
            Some(stem) if stem.ends_with("-ok") => "linearizable",
            Some(stem) if stem.ends_with("-bad") => "violated",
            _ => panic!("{}: the name tells no verdict", path.display()),
        };
        files.into_iter().map(|path| (path.clone(), verdict(&path))).collect()
    });
}
