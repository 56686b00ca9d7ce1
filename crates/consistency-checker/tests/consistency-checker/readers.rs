//! Reading: each format, its errors with line numbers, its limits, and that no input makes a reader panic.

use bytes::Bytes;
use proptest::prelude::*;
use synod_consistency_checker::{
    Budget, Completion, Datum, Format, History, Kind, KvCall, KvModel, KvReturn, Limits, ReadError, Reader,
    Record, Register, RegisterCall as Call, RegisterReturn as Return, check,
};

type RegisterHistory = History<Call, Return>;

fn register(text: &str) -> Result<RegisterHistory, ReadError> {
    Reader::detect(text.as_bytes())?.history(&Register::new())
}

fn store(text: &str) -> Result<History<KvCall, KvReturn>, ReadError> {
    let reader = Reader::detect(text.as_bytes())?;
    let model = KvModel::for_format(reader.format());
    reader.history(&model)
}

fn records(text: &str) -> Result<Vec<Record>, ReadError> {
    Reader::detect(text.as_bytes())?.collect()
}

fn ops(history: &RegisterHistory) -> Vec<(u64, Call, Completion<Return>)> {
    history.operations().iter().map(|op| (op.process(), *op.call(), *op.completion())).collect()
}

const LOG: &str = "\
2014-06-01 noise
INFO  jepsen.core - Running test
INFO  jepsen.util - :nemesis :info :start nil
INFO  jepsen.util - 0\t:invoke\t:write\t1
INFO  jepsen.util - 1 :invoke :cas   [1 2]
INFO  jepsen.util - 2\t:invoke\t:read\tnil
INFO  jepsen.util - 0\t:ok\t:write\t1
INFO  jepsen.util - 1\t:fail\t:cas\t[1 2]
WARN  something else
INFO  jepsen.util - 2\t:fail\t:read\t:timed-out
INFO  jepsen.util - 3\t:invoke\t:cas\t[1 3]
INFO  jepsen.util - 3\t:info\t:cas\t:timed-out
INFO  jepsen.util - 4\t:invoke\t:read\tnil
INFO  jepsen.util - 4\t:ok\t:read\tnil
INFO  jepsen.util - 5\t:invoke\t:read\tnil
";

fn log_ops() -> Vec<(u64, Call, Completion<Return>)> {
    vec![
        (0, Call::Write(1), Completion::Ok(Return::Done)),
        (1, Call::Cas { expected: Some(1), new: 2 }, Completion::Fail(Some(Return::Mismatch))),
        (2, Call::Read, Completion::Fail(None)),
        (3, Call::Cas { expected: Some(1), new: 3 }, Completion::Unknown),
        (4, Call::Read, Completion::Ok(Return::Value(None))),
        (5, Call::Read, Completion::Unknown),
    ]
}

#[test]
fn old_logs_with_tabs_and_spaces_and_noise() {
    let history = register(LOG).unwrap();
    assert_eq!(ops(&history), log_ops());
    let cas = &history.operations()[3];
    assert_eq!((cas.call_mark().line, cas.return_mark().line), (Some(11), Some(12)));
    assert_eq!(ops(&register(&LOG.replace('\t', "   ").replace('\n', "\r\n")).unwrap()), log_ops());
}

#[test]
fn a_refusal_can_be_read_as_teaching_nothing() {
    let reader = Reader::detect(LOG.as_bytes()).unwrap().refusals_teach_nothing();
    let history = reader.history(&Register::new()).unwrap();
    assert_eq!(history.operations()[1].completion(), &Completion::Fail(None));
}

#[test]
fn edn_as_a_stream_a_vector_and_a_list() {
    let stream = "\
; a comment, and a blank line

{:process 0, :type :invoke, :f :write, :value 1, :time 10, :index 0}
{:index 1 :process :nemesis, :type :info, :f :partition}
{:process 0,
 :type :ok ; in the middle
 :f :write, :error nil
 :time 12, :value 1, :extra {:a [1 #{2 3} #inst \"2020\" \\( ], \"b\" 1.5 :c 99999999999999999999N}}
#jepsen.history.Op{:process 1, :type :invoke, :f :cas, :value [1 2]} #_{:process 7}
{:process 1, :type :fail, :f :cas, :value [1 2], :error :connection-refused}
{:process 2 :type :invoke :f :cas :value (1 2)} {:process 2 :type :fail :f :cas :value (1 2)}
";
    let expected = vec![
        (0, Call::Write(1), Completion::Ok(Return::Done)),
        (1, Call::Cas { expected: Some(1), new: 2 }, Completion::Fail(None)),
        (2, Call::Cas { expected: Some(1), new: 2 }, Completion::Fail(Some(Return::Mismatch))),
    ];
    for text in [stream.to_owned(), format!("[{stream}]"), format!("({stream})\n; the end\n")] {
        let history = register(&text).unwrap();
        assert_eq!(ops(&history), expected, "{text}");
        assert_eq!(history.operations()[0].return_mark().line, Some(5));
        assert_eq!(history.operations()[0].return_mark().time_ns, Some(12));
    }
}

#[test]
fn porcupine_text_starts_with_empty_strings() {
    let text = "\
{:process 0, :type :invoke, :f :get, :key \"a\", :value nil}
{:process 0, :type :ok, :f :get, :key \"a\", :value \"\"}
{:process 1, :type :invoke, :f :append, :key \"a\", :value \"x 1 \\\"y\\\"\"}
{:process 1, :type :ok, :f :append, :key \"a\", :value \"x 1 \\\"y\\\"\"}
{:process 0, :type :invoke, :f :get, :key \"a\", :value nil}
{:process 0, :type :ok, :f :get, :key \"a\", :value \"x 1 \\\"y\\\"\"}
";
    let history = store(text).unwrap();
    assert_eq!(history.operations()[1].call(), &KvCall::append("a", "x 1 \"y\""));
    let model = KvModel::for_format(Format::detect(text).unwrap());
    assert!(check(&model, &history, &Budget::default()).is_linearizable());
    assert!(check(&KvModel::new(), &history, &Budget::default()).is_violated());
}

#[test]
fn json_lines() {
    let text = r#"
{"process": 0, "type": "invoke", "f": "put", "key": "k", "value": "v", "time": 5}
{"process": 1, "type": "invoke", "f": "get", "key": "k"}
{"process": 1, "type": "ok", "f": "get", "key": "k", "value": null}
{"process": "nemesis", "type": "info", "f": "kill", "value": {"node": [1, 2.5, true]}}
{"process": 2, "type": "invoke", "f": "cas", "key": "k", "value": ["v", "w"]}
{"process": 0, "type": "info", "f": "put", "key": "k", "value": "v", "error": "timeout"}
{"process": 2, "type": "fail", "f": "cas", "key": "k", "value": ["v", "w"]}
"#;
    let history = store(text).unwrap();
    let found: Vec<_> =
        history.operations().iter().map(|op| (op.call().clone(), op.completion().clone())).collect();
    assert_eq!(
        found,
        [
            (KvCall::put("k", "v"), Completion::Unknown),
            (KvCall::get("k"), Completion::Ok(KvReturn::Value(None))),
            (KvCall::cas("k", Some(Bytes::from("v")), "w"), Completion::Fail(Some(KvReturn::Mismatch))),
        ]
    );
    assert_eq!(history.operations()[0].call_mark().time_ns, Some(5));
}

#[test]
fn keys_inside_of_values_as_independent_tests_write_them() {
    let text = "\
{:process 0, :type :invoke, :f :write, :value [7 1]}
{:process 0, :type :ok, :f :write, :value [7 1]}
{:process 0, :type :invoke, :f :read, :value [7 nil]}
{:process 0, :type :ok, :f :read, :value [7 1]}
{:process 0, :type :invoke, :f :cas, :value [7 [1 2]]}
{:process 0, :type :ok, :f :cas, :value [7 [1 2]]}
";
    let history = store(text).unwrap();
    assert_eq!(history.operations()[1].completion(), &Completion::Ok(KvReturn::value("1")));
    assert_eq!(history.operations()[2].call(), &KvCall::cas("7", Some("1".into()), "2"));
    assert!(check(&KvModel::new(), &history, &Budget::default()).is_linearizable());
}

#[test]
fn the_format_shows_in_the_first_line_that_means_something() {
    for (line, format) in [
        ("INFO  jepsen.util - 0\t:invoke\t:read\tnil", Some(Format::JepsenLog)),
        ("x y INFO  jepsen.util - 0 :ok :read 3\n", Some(Format::JepsenLog)),
        ("INFO  jepsen.util - starting", None),
        ("{:process 0, :type :invoke}", Some(Format::Edn)),
        ("  [", Some(Format::Edn)),
        ("({:process 0}", Some(Format::Edn)),
        ("{:process 0, :key \"a\"}", Some(Format::KvText)),
        ("{\"process\": 0}", Some(Format::JsonLines)),
        ("\u{feff}{ \"process\": 0}", Some(Format::JsonLines)),
        ("; comment", None),
        ("", None),
        ("\n", None),
        ("hello", None),
    ] {
        assert_eq!(Format::detect(line), format, "{line:?}");
    }
}

#[test]
fn nothing_is_never_good() {
    for text in ["", "\n\n", "   ", "[]", "()", "{:process :nemesis, :type :info, :f :x}", "[\n]\n"] {
        assert!(
            matches!(register(text), Err(ReadError::NoOperations { .. })),
            "{text:?}: {:?}",
            register(text)
        );
    }
    for text in ["hello\nworld\n", "; only\n; comments\n", "\u{0}\u{0}", "INFO  jepsen.util - nothing\n"] {
        assert!(
            matches!(register(text), Err(ReadError::UnknownFormat { .. })),
            "{text:?}: {:?}",
            register(text)
        );
    }
    let invoke = Reader::with_format("noise only\n".as_bytes(), Format::JepsenLog, Limits::default());
    assert!(matches!(invoke.history(&Register::new()), Err(ReadError::NoOperations { lines: 1 })));
}

#[test]
fn errors_name_the_line_and_the_remedy() {
    let ok = "{:process 0, :type :invoke, :f :read}\n{:process 0, :type :ok, :f :read, :value 1}\n";
    for (more, line, words) in [
        ("{:process 1, :type :invoke}", 3, "no f"),
        ("{:process 1, :type :invoke, :f :frob}", 3, "read, write, cas"),
        ("\n\n{:process 1, :type :invoke, :f :write, :value \"x\"}", 5, "integer"),
        ("{:process 1, :type :invoke, :f :cas, :value 3}", 3, "[expected new]"),
        ("{:process 1, :type :begin, :f :read}", 3, "expected invoke, ok, fail or info"),
        ("{:type :invoke, :f :read}", 3, "no process"),
        ("{:process 1, :f :read}", 3, "no type"),
        ("{:process 1, :type :ok, :f :read}", 3, "never made"),
        ("{:process 1, :type :invoke, :f}", 3, "missing"),
        ("{:process 1, :type :invoke :f :read", 3, "not closed"),
        ("{:process 1, :type :invoke :f \"read", 3, "not closed"),
        ("}", 3, "closes nothing"),
        ("{:process 1, :type [}", 3, "closes nothing"),
        ("7", 3, "expected a map"),
        ("{:process 1 :type :invoke :f :read}\n{:process 1 :type :invoke :f :read}", 4, "line 3 is open"),
        (
            "{:process 1 :type :invoke :f :read}\n{:process 1 :type :ok :f :write :value 1}",
            4,
            "another operation",
        ),
    ] {
        let error = register(&format!("{ok}{more}\n")).expect_err(more).to_string();
        assert!(error.starts_with(&format!("line {line}: ")), "{more}: {error}");
        assert!(error.contains(words), "{more}: {error}");
    }
    let error = store(ok).expect_err("no key").to_string();
    assert!(error.starts_with("line 1: ") && error.contains("no key"), "{error}");
    let error = register("{\"process\": 0, \"type\": \"invoke\"\n").expect_err("cut off").to_string();
    assert!(error.starts_with("line 1: not a JSON object"), "{error}");
    let error = register("[{:process 0, :type :invoke, :f :read}\n").expect_err("cut off").to_string();
    assert!(error.contains("cut off"), "{error}");
}

#[test]
fn limits_are_typed_errors() {
    let long = format!("{{:process 0, :type :invoke, :f :read, :extra \"{}\"}}", "x".repeat(2 << 20));
    assert!(matches!(register(&long), Err(ReadError::TooLong { line: 1, .. })));
    let spread =
        format!("{{:process 0, :type :invoke, :f :read, :extra [{}]}}", "xxxxxxxx\n".repeat(1 << 18));
    assert!(matches!(register(&spread), Err(ReadError::TooLong { .. })));
    for deep in [
        format!("{{:process 0 :type :invoke :f :read :value {}", "[".repeat(100_000)),
        format!("INFO  jepsen.util - 0 :invoke :read {}", "(".repeat(100_000)),
        format!(
            "{{\"process\": 0, \"type\": \"invoke\", \"f\": \"read\", \"value\": {}1{}}}",
            "[".repeat(60),
            "]".repeat(60)
        ),
    ] {
        assert!(matches!(register(&deep), Err(ReadError::TooDeep { line: 1, .. })), "{:?}", register(&deep));
    }
    let deep = format!("{{\"process\": 0, \"value\": {}", "[".repeat(100_000));
    assert!(matches!(register(&deep), Err(ReadError::Syntax { line: 1, .. })));
}

#[test]
fn records_are_there_for_other_models() {
    let records = records("{:process 3, :type :invoke, :f :txn, :value [[:r 1 nil]]}").unwrap();
    assert_eq!((records[0].process, records[0].kind, records[0].line), (Some(3), Kind::Invoke, 1));
    let mop = Datum::List(vec![Datum::Word("r".into()), Datum::Int(1), Datum::Nil]);
    assert_eq!(records[0].value, Datum::List(vec![mop]));
}

/// Reads `text` in every way; only that nothing panics and that nothing becomes a history without operations.
fn survives(text: &[u8]) {
    let limits = Limits::default();
    for format in [Format::JepsenLog, Format::Edn, Format::KvText, Format::JsonLines] {
        if let Ok(history) = Reader::with_format(text, format, limits).history(&Register::new()) {
            assert!(!history.is_empty());
            let budget = Budget::default().steps(10_000);
            let _ = check(&Register::new(), &history, &budget).to_string();
        }
        if let Ok(history) = Reader::with_format(text, format, limits).history(&KvModel::new()) {
            assert!(!history.is_empty());
            let _ = check(&KvModel::new(), &history, &Budget::default().steps(10_000)).to_string();
        }
    }
    if let Ok(reader) = Reader::detect(text) {
        let _ = reader.count();
    }
}

fn samples() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(LOG.to_owned()),
        Just("[{:process 0, :type :invoke, :f :write, :value 1}\n{:process 0 :type :ok :f :write :value 1}]".to_owned()),
        Just("{:process 0, :type :invoke, :f :get, :key \"a\", :value nil}\n{:process 0, :type :ok, :f :get, :key \"a\", :value \"\"}\n".to_owned()),
        Just("{\"process\":0,\"type\":\"invoke\",\"f\":\"cas\",\"key\":\"x\",\"value\":[1,2],\"time\":1}\n{\"process\":0,\"type\":\"fail\",\"f\":\"cas\",\"key\":\"x\"}\n".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        survives(&bytes);
    }

    #[test]
    fn no_soup_of_tokens_makes_a_reader_panic(
        tokens in proptest::collection::vec(
            prop::sample::select(vec![
                "{", "}", "[", "]", "(", ")", "\"", "\\", ";", "\n", " ", ",", "#", "#_", "#{", ":process", ":type", ":invoke",
                ":ok", ":f", ":read", ":value", "0", "1", "-9223372036854775808", "nil", "\\u12", "\u{feff}", "é",
                "INFO  jepsen.util - ", ":nemesis", "\"process\":", "null", "1e999",
            ]),
            0..60,
        )
    ) {
        survives(tokens.concat().as_bytes());
    }

    #[test]
    fn no_damage_to_a_line_makes_a_reader_panic(
        text in samples(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>()), 1..6),
    ) {
        let mut bytes = text.into_bytes();
        for (place, kind, byte) in damage {
            if bytes.is_empty() {
                break;
            }
            let at = place.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => drop(bytes.remove(at)),
                _ => bytes.truncate(at),
            }
        }
        survives(&bytes);
    }
}
