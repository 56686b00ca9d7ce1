//! Traces: what they say is true, and every export can be read.

use core::time::Duration;
use serde_json::Value;
use std::collections::BTreeMap;
use synod_core::{Context, Input, Lsn, Never, NodeId, Protocol, Recovered, Sink};
use synod_sim::trace::{Fate, Happening, Moment, Page, Row, Stretch, Trace};
use synod_sim::{Burst, Climate, Dials, Fault, Idle, Latency, Rate, Sim, Tape, Verdict};

/// Letters go round; each stop writes its number down and passes it on. The text of a letter is the user's.
#[derive(Clone, Debug, Hash)]
struct Post {
    seen: u64,
    words: &'static str,
}

#[derive(Clone, Debug, Hash)]
struct Letter(u64, &'static str);

impl Protocol for Post {
    type Message = Letter;
    type Record = u64;
    type Command = Never;
    type Event = u64;
    type Timer = ();
    type Job = Never;
    type Done = Never;
    type Error = Never;

    fn recover(&mut self, _: Lsn, record: Recovered<u64>) -> Result<(), Never> {
        if let Recovered::Intact(number) = record {
            self.seen = number;
        }
        Ok(())
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        let next = NodeId(cx.me().0 % 3 + 1);
        match input {
            Input::Start { .. } => cx.arm((), Duration::from_millis(2)),
            Input::Timer(()) => {
                if cx.me() == NodeId(1) {
                    cx.send(next, Letter(self.seen + 1, self.words));
                }
                cx.arm((), Duration::from_millis(5));
            }
            Input::Message(_, Letter(number, words)) if number > self.seen => {
                self.seen = number;
                cx.persist(number);
                cx.emit(number);
                cx.send(next, Letter(number, words));
            }
            _ => {}
        }
    }
}

fn posts(words: &'static str, dials: Dials) -> Sim<Post, Idle> {
    Sim::new(3, move |_| Post { seen: 0, words }, Idle).climate(Climate::Fixed(dials))
}

fn rough() -> Dials {
    let mut dials = Dials::rough(&Fault::survivable().collect::<Vec<_>>());
    dials.schedule.iter_mut().for_each(|rate| rate.every = Duration::from_millis(800));
    dials
}

fn state(_: NodeId, post: &Post) -> String {
    format!("seen {}", post.seen)
}

/// A dozen milliseconds with a crash and a violation.
fn small() -> Trace {
    let dials = Dials {
        latency: Latency::Constant(Duration::from_millis(1)),
        burst: Some(Burst { enter_ppm: 300_000, leave_ppm: 500_000, loss_ppm: 1_000_000 }),
        schedule: vec![Rate {
            fault: Fault::Crash,
            every: Duration::from_millis(3),
            lasting: (Duration::from_millis(1), Duration::from_millis(2)),
        }],
        ..Dials::calm()
    };
    let sim = posts("a </script> & \"b\"; end\n#1", dials).always("few letters", || {
        |_, node: Option<&Post>| match node {
            Some(Post { seen: 2.., .. }) => Err("two letters".to_owned()),
            _ => Ok(()),
        }
    });
    let (report, trace) = sim.trace(Tape::from_seed(4), 0..u64::MAX, state);
    assert_eq!((report.hash, &report.verdict), (trace.hash, &trace.verdict));
    assert_eq!(sim.run(4).hash, report.hash, "a trace changes nothing");
    trace
}

/// Several seconds of everything.
fn large() -> Trace {
    let sim = posts("round and round", rough()).storm(Duration::from_secs(16));
    let (report, trace) = sim.trace(Tape::from_seed(3), 0..u64::MAX, state);
    assert_eq!(report.verdict, Verdict::Passed);
    assert!(trace.moments.len() > 5_000, "{}", trace.moments.len());
    trace
}

/// The file, or what is to become it: set `SYNOD_REWRITE` to write the golden files anew, and read the difference.
fn golden(name: &str, text: &str) {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("SYNOD_REWRITE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert!(expected == text, "{name} has changed:\n{text}");
}

#[test]
fn a_small_trace_is_written_as_it_always_was() {
    let mut trace = small();
    // What the hash is made of may change; how it is written may not.
    trace.hash = 0xfeed;
    assert!(matches!(trace.verdict, Verdict::Violated { .. }), "{}", trace.verdict);
    golden("trace.jsonl", &trace.to_json_lines());
    golden("trace.shiviz", &trace.to_shiviz());
    golden("trace.mmd", &trace.to_mermaid().text);
}

#[test]
fn every_line_of_json_parses_and_says_what_the_moment_says() {
    for trace in [small(), large()] {
        let text = trace.to_json_lines();
        let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let head = lines.remove(0);
        assert_eq!(head["format"], "synod-trace 1");
        assert_eq!(head["seed"], trace.seed);
        let last_at = lines.iter().fold(0, |last, line| {
            let at = line["at_ns"].as_u64().unwrap();
            assert!(at >= last, "in the order of time");
            at
        });
        assert!(last_at <= trace.end);
        let faults = lines.iter().filter(|line| line["kind"] == "fault").count();
        assert_eq!(faults, trace.strikes.len());
        lines.retain(|line| line["kind"] != "fault" && line["kind"] != "violation");
        assert_eq!(lines.len(), trace.moments.len());
        for (line, (moment, clock)) in lines.iter().zip(trace.clocks()) {
            assert_eq!(line["kind"], moment.what.kind());
            assert_eq!((&line["at_ns"], &line["node"]), (&moment.at.into(), &moment.node.0.into()));
            assert_eq!(line["clock"], serde_json::to_value(&clock).unwrap());
            match &moment.what {
                Happening::Sent { id, to, text } => {
                    assert_eq!((&line["message"], &line["peer"]), (&(*id).into(), &to.0.into()));
                    assert_eq!(line["text"], **text);
                }
                Happening::Ended { id, .. } => assert_eq!(line["message"], *id),
                Happening::Durable(upto) => assert_eq!(line["upto"], *upto),
                Happening::Crashed { lost, .. } => assert_eq!(line["lost"], *lost),
                _ => {}
            }
        }
    }
}

/// Is everything in `a` at most what it is in `b`, and something less?
fn before(a: &[u64], b: &[u64]) -> bool {
    a != b && a.iter().zip(b).all(|(a, b)| a <= b)
}

#[test]
fn vector_clocks_say_what_happened_before_what() {
    let trace = large();
    let clocks: Vec<_> = trace.clocks().collect();
    let mut sent = BTreeMap::new();
    let mut last: BTreeMap<NodeId, Vec<u64>> = BTreeMap::new();
    let (mut received, mut unseen) = (0, 0);
    for (moment, clock) in &clocks {
        let Some(clock) = clock else {
            assert!(matches!(moment.what, Happening::Ended { fate, .. } if fate != Fate::Delivered));
            unseen += 1;
            continue;
        };
        if let Some(last) = last.insert(moment.node, clock.clone()) {
            assert!(before(&last, clock), "one node's moments are in order");
            let own = moment.node.0 as usize - 1;
            assert_eq!(last[own] + 1, clock[own], "and each counts");
        }
        match &moment.what {
            Happening::Sent { id, .. } => drop(sent.insert(*id, clock.clone())),
            Happening::Ended { id, .. } => {
                assert!(before(&sent[id], clock), "sending comes before receiving");
                received += 1;
            }
            _ => {}
        }
    }
    assert!(received > 50 && unseen > 50, "{received} {unseen}");
    // Two crashes at one moment know nothing of each other.
    let side_by_side = clocks.windows(2).any(|pair| match pair {
        [(_, Some(a)), (_, Some(b))] => !before(a, b) && !before(b, a),
        _ => false,
    });
    assert!(side_by_side, "not everything is ordered");
}

/// What ShiViz requires: the expression finds host, clock and event; a host's own entry begins at one and goes up by one; a
/// clock names no event that there is not.
#[test]
fn a_shiviz_log_is_what_shiviz_takes() {
    for trace in [small(), large()] {
        let log = trace.to_shiviz();
        let mut lines = log.lines();
        let expression = lines.next().unwrap();
        assert_eq!(expression, r"(?<host>\S*) (?<clock>\{.*\})\n\[(?<time>[^\]]*)\] (?<event>.*)");
        assert_eq!(lines.next(), Some(""));
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        let mut events = 0;
        while let (Some(head), Some(event)) = (lines.next(), lines.next()) {
            let (host, clock) = head.split_once(' ').unwrap();
            let clock: BTreeMap<String, u64> = serde_json::from_str(clock).unwrap();
            let own = counts.entry(host.to_owned()).or_default();
            *own += 1;
            assert_eq!(clock[host], *own);
            assert!(clock.iter().all(|(host, count)| counts.get(host).is_some_and(|seen| count <= seen)));
            assert!(event.starts_with('[') && event.contains(" ms] "), "{event}");
            events += 1;
        }
        assert_eq!(events, trace.moments.iter().filter(|moment| moment.what.is_local()).count());
    }
}

#[test]
fn a_mermaid_diagram_is_cut_where_mermaid_would_refuse_it_and_says_so() {
    let small = small().to_mermaid();
    assert_eq!(small.left_out, 0);
    let large = large().to_mermaid();
    assert!(large.left_out > 1_000 && large.text.len() < 50_000, "{}", large.text.len());
    let last = large.text.lines().last().unwrap();
    assert!(last.contains(&format!("{} more are not shown", large.left_out)), "{last}");
    assert!(large.text.lines().count() < 310);
    for line in small.text.lines().chain(large.text.lines()).skip(1) {
        let (_, words) = line.split_once(": ").unwrap_or(("", ""));
        let entities = words.matches('#').count();
        assert_eq!(entities, words.matches(';').count(), "only entity codes have either: {line}");
        assert!(!words.contains(['<', '>', '"', '&']), "{line}");
    }
}

#[test]
fn a_window_shows_what_is_in_it_and_a_message_from_before_has_no_sender() {
    let sim = posts("x", rough()).storm(Duration::from_secs(2));
    let window = 600_000_000..900_000_000;
    let (_, trace) = sim.trace(Tape::from_seed(2), window.clone(), state);
    assert!(trace.moments.iter().all(|moment| window.contains(&moment.at)));
    assert!(trace.violation().is_none());
    let (_, whole) = sim.trace(Tape::from_seed(2), 0..u64::MAX, state);
    let of = |trace: &Trace| {
        let here = trace.moments.iter().filter(|moment| window.contains(&moment.at));
        here.filter(|moment| !matches!(moment.what, Happening::State(_))).cloned().collect::<Vec<_>>()
    };
    assert_eq!(of(&trace), of(&whole));
    // The window opens with the states of all nodes that are up: nobody saw how they came to be.
    let told = |moment: &&Moment| matches!(moment.what, Happening::State(_));
    let first = trace.moments.iter().find(told).unwrap().at;
    let opening = trace.moments.iter().filter(told).filter(|moment| moment.at == first).count();
    let up = |node: &u64| {
        let here = whole.moments_of(NodeId(*node)).filter(|moment| moment.at <= first);
        let turns = |moment: &&Moment| matches!(moment.what, Happening::Started | Happening::Crashed { .. });
        matches!(here.filter(turns).last().unwrap().what, Happening::Started)
    };
    assert_eq!(opening, (1..=3).filter(up).count());
}

#[test]
fn states_are_told_where_they_change_and_again_after_a_restart() {
    let trace = large();
    let mut last: BTreeMap<NodeId, &str> = BTreeMap::new();
    let (mut told, mut again) = (0, 0);
    for moment in &trace.moments {
        match &moment.what {
            Happening::State(text) => {
                again += u32::from(!last.contains_key(&moment.node));
                assert_ne!(last.insert(moment.node, text), Some(text.as_str()));
                told += 1;
            }
            Happening::Crashed { .. } => drop(last.remove(&moment.node)),
            _ => {}
        }
    }
    assert!(told > 30 && again > 3, "{told} {again}");
}

/// The data that a page carries.
fn carried(html: &str) -> Value {
    let begin = html.find("<script id=\"data\" type=\"application/json\">").unwrap();
    let data = &html[begin..];
    let data = &data[data.find('>').unwrap() + 1..data.find("</script>").unwrap()];
    serde_json::from_str(data).unwrap()
}

const HOSTILE: &str = "</script><img src=x onerror=alert(1)> & \"b\" <!-- \u{2028}\u{1} ";

fn surroundings() -> Page {
    let stretch = Stretch { from: 0, until: None, text: HOSTILE.to_owned(), marked: true };
    let done = Stretch { until: Some(1_000), ..stretch.clone() };
    Page {
        title: HOSTILE.to_owned(),
        command: HOSTILE.to_owned(),
        facts: vec![(HOSTILE.to_owned(), HOSTILE.to_owned())],
        rows: vec![Row { name: HOSTILE.to_owned(), stretches: vec![stretch, done] }],
        findings: HOSTILE.to_owned(),
    }
}

/// What holds of every page: it is small, needs nothing else, and no text leaves its place.
fn sound(trace: &Trace) -> Value {
    let html = trace.to_html(&surroundings());
    assert!(html.len() < 2_000_000, "{} bytes for {} moments", html.len(), trace.moments.len());
    assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>\n"));
    for foreign in ["http:", "https:", "//", "url(", "@import", "<link", "<img", "<!--", "NaN", "inf\""] {
        // Comments of the script are not addresses.
        let found = html.lines().any(|line| line.contains(foreign) && !line.trim_start().starts_with("//"));
        assert!(!found, "`{foreign}` on the page");
    }
    assert_eq!(html.matches("<script").count(), 2);
    assert_eq!(html.matches("</script>").count(), 2);
    assert!(html.contains("<noscript>") && html.contains("<svg class=\"still\""));
    let data = carried(&html);
    let length = |name: &str| data[name].as_array().unwrap().len();
    assert!(length("messages") % 7 == 0 && length("marks") % 4 == 0 && length("states") % 3 == 0);
    let (names, texts) = (length("names") as u64, length("texts") as u64);
    let span = data["until"].as_u64().unwrap() - data["from"].as_u64().unwrap();
    for way in data["messages"].as_array().unwrap().chunks(7) {
        let [from, to, sent, way, fate, text, _] =
            way.iter().map(|n| n.as_u64().unwrap()).collect::<Vec<_>>()[..]
        else {
            panic!("seven numbers");
        };
        assert!(from <= 3 && (1..=3).contains(&to) && fate < names && text < texts && sent + way <= span);
    }
    data
}

#[test]
fn a_page_carries_every_moment_and_no_text_leaves_its_place() {
    for trace in [small(), large()] {
        let data = sound(&trace);
        let count =
            |what: fn(&Happening) -> bool| trace.moments.iter().filter(|moment| what(&moment.what)).count();
        let length = |name: &str| data[name].as_array().unwrap().len();
        assert_eq!(length("states") / 3, count(|what| matches!(what, Happening::State(_))));
        let others = count(|what| {
            !matches!(what, Happening::State(_) | Happening::Sent { .. } | Happening::Ended { .. })
        });
        assert_eq!(length("marks") / 4, others);
        let sent = count(|what| matches!(what, Happening::Sent { .. }));
        assert!(length("messages") / 7 >= sent, "copies end twice");
        assert_eq!(length("faults"), trace.strikes.len());
        assert_eq!(data["failure"].is_null(), trace.verdict == Verdict::Passed);
        let names = data["names"].as_array().unwrap();
        assert!(
            ["lost", "receiver-down", "crashed", "durable"]
                .iter()
                .all(|name| names.contains(&(*name).into()))
        );
    }
}

#[test]
fn no_page_is_too_large() {
    let sim = posts("round and round and round it goes", rough()).storm(Duration::from_secs(150));
    // Every state is new, long, and full of what must be escaped.
    let told = core::cell::Cell::new(0_u64);
    let hostile = |_, _: &Post| {
        told.set(told.get() + 1);
        format!("{} {}", told.get(), HOSTILE.repeat(8))
    };
    let (_, trace) = sim.trace(Tape::from_seed(2), 0..u64::MAX, hostile);
    assert!(trace.moments.len() > 60_000, "{}", trace.moments.len());
    let html = trace.to_html(&Page::default());
    assert!(html.contains(&format!("Shown are 24000 of {} moments", trace.moments.len())));
    assert!(html.contains("Texts are cut after"));
    sound(&trace);
    let (_, trace) = sim.trace(Tape::from_seed(2), 0..60_000_000_000, state);
    assert!(trace.moments.len() > 18_000, "{}", trace.moments.len());
    sound(&trace);
}

#[test]
fn an_empty_window_makes_a_page() {
    let (_, trace) = posts("x", rough()).trace(Tape::from_seed(2), 5..5, state);
    assert!(trace.moments.is_empty());
    let html = trace.to_html(&Page::default());
    assert!(html.contains("Nothing happened in this window."));
    assert_eq!(carried(&html)["messages"], serde_json::json!([]));
}
