//! What subscribers are told, and that it changes nothing.

use crate::cluster::Cluster;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use synod_core::host::Log as _;
use synod_core::{Input, NodeId};
use synod_raft::{Change, Command, Message, Step, Term, Timer};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Everything that was told: level, message, and fields.
type Told = Arc<Mutex<Vec<(Level, String, BTreeMap<String, String>)>>>;

struct Scribe(Told);

#[derive(Default)]
struct Fields(BTreeMap<String, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

impl Subscriber for Scribe {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "synod_raft"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let message = fields.0.remove("message").unwrap();
        self.0.lock().unwrap().push((*event.metadata().level(), message, fields.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// A life with everything in it.
fn life() -> Cluster {
    let mut cluster = Cluster::with(3, |config| config.trailing_entries = 0);
    cluster.time_out(1);
    cluster.stabilize();
    cluster.input(NodeId(2), Input::Command(Command::Propose { token: 1, payload: "no".into() }));
    cluster.change(2, Step::Remove(NodeId(3)));
    cluster.isolate(3);
    for payload in ["a", "b", "c"] {
        cluster.propose(1, payload);
        cluster.stabilize();
    }
    cluster.compact(1, 4);
    cluster.connect(3);
    for _ in 0..4 {
        cluster.fire(NodeId(1), Timer::Heartbeat);
        cluster.stabilize();
    }
    cluster.change(1, Change::from(Step::AddLearner(NodeId(4))));
    cluster.stabilize();
    let impossible = Message::Commit { term: Term(u64::MAX), commit: Default::default() };
    cluster.input(NodeId(2), Input::Message(NodeId(3), impossible));
    cluster.transfer(1, 2);
    cluster.fire(NodeId(1), Timer::Transfer);
    cluster.stabilize();
    let old = Message::RequestVote { term: Term(1), last: Default::default(), by_transfer: true };
    cluster.input(NodeId(2), Input::Message(NodeId(3), old));
    let node = cluster.nodes.get_mut(&NodeId(2)).unwrap();
    assert!(node.log.rot(node.log.durable()));
    cluster.restart(2);
    cluster.run(Duration::from_secs(2));
    cluster
}

#[test]
fn subscribers_hear_of_all_that_matters_and_nothing_changes() {
    let told = Told::default();
    let watched = tracing::subscriber::with_default(Scribe(Told::clone(&told)), life);
    let told = told.lock().unwrap();
    for (level, message, field) in [
        (Level::INFO, "role changed", "leader"),
        (Level::INFO, "pre-vote begun", "last_index"),
        (Level::INFO, "election begun", "by_transfer"),
        (Level::DEBUG, "vote granted", "peer"),
        (Level::DEBUG, "vote refused", "peer"),
        (Level::DEBUG, "proposal refused", "reason"),
        (Level::DEBUG, "change refused", "reason"),
        (Level::INFO, "membership in effect", "voters"),
        (Level::INFO, "membership committed", "joint"),
        (Level::INFO, "snapshot offered", "index"),
        (Level::INFO, "snapshot installed", "index"),
        (Level::INFO, "handing over", "peer"),
        (Level::INFO, "transfer failed", "peer"),
        (Level::WARN, "illegal message dropped", "reason"),
        (Level::WARN, "log damaged", "after"),
        (Level::INFO, "log mended", "after"),
    ] {
        let heard = told.iter().find(|(of, said, _)| *of == level && said == message);
        let (_, _, fields) = heard.unwrap_or_else(|| panic!("{message}: {told:#?}"));
        assert!(
            ["node", "term", field].iter().all(|name| fields.contains_key(*name)),
            "{message}: {fields:?}"
        );
    }
    let leader = &told
        .iter()
        .find(|(_, said, fields)| said == "role changed" && fields["role"] == "Leader")
        .unwrap()
        .2;
    assert_eq!(
        (leader["node"].as_str(), leader["term"].as_str(), leader["leader"].as_str()),
        ("1", "1", "1")
    );
    let alone = life();
    for id in 1..=3 {
        assert_eq!(watched.raft(id), alone.raft(id), "{id}");
    }
}
