//! The explorer on small clusters whose faults are known.

use core::time::Duration;
use std::collections::BTreeSet;
use std::fs::OpenOptions;
use synod_core::{Context, Input, Lsn, Never, NodeId, Protocol, Recovered, Sink};
use synod_sim::explore::{
    Act, Bounds, Cluster, ClusterError, Exploration, Explorer, Extent, Model, Network, Observer, Outcome,
    Stop,
};

/// Stores numbers, tells the application when they are safe, and copies them to the next node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Ledger {
    stored: BTreeSet<u64>,
    told_early: bool,
}

impl Protocol for Ledger {
    type Message = u64;
    type Record = u64;
    type Command = u64;
    type Event = u64;
    type Timer = ();
    type Job = Never;
    type Done = Never;
    type Error = Never;

    fn recover(&mut self, _: Lsn, record: Recovered<u64>) -> Result<(), Never> {
        if let Recovered::Intact(number) = record {
            self.stored.insert(number);
        }
        Ok(())
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Command(number) => {
                self.stored.insert(number);
                cx.persist(number);
                if self.told_early {
                    cx.emit_early(number);
                } else {
                    cx.emit(number);
                }
                cx.send(NodeId(3 - cx.me().0), number);
                cx.arm((), Duration::from_secs(1));
            }
            Input::Timer(()) => {
                for number in self.stored.clone() {
                    cx.send(NodeId(3 - cx.me().0), number);
                }
            }
            Input::Message(_, number) if self.stored.insert(number) => {
                cx.persist_lazy(number);
            }
            _ => {}
        }
    }
}

/// Who acknowledged what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Acknowledged(BTreeSet<(NodeId, u64)>);

impl Observer<Ledger> for Acknowledged {
    fn on_event(&mut self, node: NodeId, number: &u64) -> Result<(), String> {
        self.0.insert((node, *number));
        Ok(())
    }

    fn on_step(&mut self, node: NodeId, ledger: Option<&Ledger>) -> Result<(), String> {
        let Some(ledger) = ledger else { return Ok(()) };
        match self.0.iter().find(|(owner, number)| *owner == node && !ledger.stored.contains(number)) {
            Some((_, number)) => Err(format!("{node} acknowledged {number} and has lost it")),
            None => Ok(()),
        }
    }
}

fn ledgers(told_early: bool, bounds: Bounds) -> Cluster<Ledger, Acknowledged> {
    let make = move |_| Ledger { told_early, ..Ledger::default() };
    Cluster::observed(2, make, Acknowledged::default())
        .bounds(bounds)
        .command(NodeId(1), 7)
        .command_anywhere(8)
}

#[test]
fn a_correct_ledger_holds_in_every_schedule() {
    let bounds = Bounds { crashes: 2, duplicates: 1, drops: 1, ..Bounds::default() };
    let cluster = ledgers(false, bounds);
    let exploration = Explorer::new(&cluster).run();
    assert!(exploration.holds(), "{exploration}");
    // The timers that may not run out any more are beyond the bounds, and nothing else is.
    assert!(exploration.extent.cut > 0);
    // All that can be counted in three ways is.
    let exact = Explorer::new(&cluster).run_exact();
    let wide = Explorer::new(&cluster).wide().run();
    assert_eq!(exact.extent.unique, exploration.extent.unique);
    assert_eq!(wide.extent.unique, exploration.extent.unique);
    assert_eq!(exact.extent.generated, exploration.extent.generated);
    assert!(exact.extent.unique > 10_000, "{exact}");
}

#[test]
fn a_ledger_that_speaks_before_it_has_written_is_caught_on_a_shortest_path() {
    let cluster = ledgers(true, Bounds { crashes: 1, ..Bounds::default() });
    let exploration = Explorer::new(&cluster).run();
    let Outcome::Violated(found) = &exploration.outcome else { panic!("{exploration}") };
    let acts: Vec<&Act<Ledger>> = found.actions().map(|action| &action.act).collect();
    assert!(
        matches!(acts[..], [Act::Command { .. }, Act::Crash { .. }, Act::Restart { kept: 0, .. }]),
        "{found}"
    );
    assert!(found.reason.ends_with("has lost it"));
    assert!(found.to_string().contains("n1 restarts"), "{found}");
}

#[test]
fn one_exploration_is_like_another() {
    let run = || {
        let exploration = Explorer::new(&ledgers(true, Bounds { crashes: 1, ..Bounds::default() })).run();
        (
            exploration.extent.unique,
            exploration.extent.generated,
            exploration.to_string().lines().next().map(str::to_owned),
        )
    };
    assert_eq!(run(), run());
}

#[test]
fn each_bound_opens_what_it_says() {
    let count = |bounds| Explorer::new(&ledgers(false, bounds)).run().extent.unique;
    let none = Bounds { timers: 0, ..Bounds::default() };
    let plain = count(none);
    for more in [
        Bounds { timers: 1, ..none },
        Bounds { duplicates: 1, ..none },
        Bounds { drops: 1, ..none },
        Bounds { crashes: 1, ..none },
    ] {
        assert!(count(more) > plain, "{more:?}");
    }
    let fifo = count(Bounds { network: Network::Fifo, ..none });
    assert!(fifo < plain, "{fifo} {plain}");
    let narrow = Explorer::new(&ledgers(false, Bounds { in_flight_max: 1, ..none })).run();
    assert!(narrow.extent.cut > 0 && narrow.extent.unique < plain && narrow.holds());
}

/// Elects one of three: a voter writes its vote and then says so, or the other way round.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Election {
    voted: Option<NodeId>,
    votes: u32,
    hasty: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Ask {
    Please,
    Yes,
}

impl Protocol for Election {
    type Message = Ask;
    type Record = NodeId;
    type Command = ();
    type Event = ();
    type Timer = Never;
    type Job = Never;
    type Done = Never;
    type Error = Never;

    fn recover(&mut self, _: Lsn, record: Recovered<NodeId>) -> Result<(), Never> {
        if let Recovered::Intact(vote) = record {
            self.voted = Some(vote);
        }
        Ok(())
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Command(()) => (1..=3).for_each(|id| cx.send(NodeId(id), Ask::Please)),
            Input::Message(from, Ask::Please) if self.voted.is_none() => {
                self.voted = Some(from);
                cx.persist(from);
                if self.hasty {
                    cx.send_early(from, Ask::Yes);
                } else {
                    cx.send(from, Ask::Yes);
                }
            }
            Input::Message(_, Ask::Yes) => {
                self.votes += 1;
                if self.votes == 2 {
                    cx.emit(());
                }
            }
            _ => {}
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Elected(Option<NodeId>);

impl Observer<Election> for Elected {
    fn on_event(&mut self, node: NodeId, (): &()) -> Result<(), String> {
        let first = *self.0.get_or_insert(node);
        if first == node { Ok(()) } else { Err(format!("{first} and {node} are both elected")) }
    }
}

fn elections(hasty: bool, crashes: u8) -> Cluster<Election, Elected> {
    let make = move |_| Election { voted: None, votes: 0, hasty };
    Cluster::observed(3, make, Elected::default())
        .bounds(Bounds { crashes, ..Bounds::default() })
        .command(NodeId(1), ())
        .command(NodeId(2), ())
}

#[test]
fn a_vote_that_is_sent_before_it_is_written_elects_two() {
    let correct = Explorer::new(&elections(false, 1)).run();
    assert!(correct.holds() && correct.extent.unique > 1_000, "{correct}");
    // Without a crash nobody notices: it is the disk that matters.
    assert!(Explorer::new(&elections(true, 0)).run().holds());
    let cluster = elections(true, 1);
    let found = Explorer::new(&cluster).run();
    let shortest = found.counterexample().expect("a vote that was not written is given twice");
    assert!(shortest.reason.ends_with("are both elected"), "{shortest}");
    assert!(
        shortest.actions().any(|action| matches!(action.act, Act::Restart { kept: 0, .. })),
        "{shortest}"
    );
}

/// Greets its peer once, and counts what it hears: a protocol that must not be told anything twice.
#[derive(Clone, Debug, Default, Hash)]
struct Tally {
    heard: u8,
}

impl Protocol for Tally {
    type Message = ();
    type Record = Never;
    type Command = Never;
    type Event = Never;
    type Timer = Never;
    type Job = Never;
    type Done = Never;
    type Error = Never;

    fn recover(&mut self, _: Lsn, _: Recovered<Never>) -> Result<(), Never> {
        Ok(())
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Start { .. } => cx.send(NodeId(3 - cx.me().0), ()),
            Input::Message(..) if self.heard < 9 => self.heard += 1,
            _ => {}
        }
    }
}

#[test]
fn an_everlasting_message_arrives_any_number_of_times_without_a_budget() {
    let most = |network, heard_max| {
        let cluster = Cluster::new(2, |_| Tally::default())
            .bounds(Bounds { network, ..Bounds::default() })
            .always("told once", move |view| match view.up().find(|(_, tally)| tally.heard > heard_max) {
                Some((node, tally)) => Err(format!("{node} was told {} times", tally.heard)),
                None => Ok(()),
            });
        Explorer::new(&cluster).run().counterexample().map(|found| found.reason.clone())
    };
    assert_eq!(most(Network::Unordered, 1), None);
    assert_eq!(most(Network::Fifo, 1), None);
    assert_eq!(most(Network::Everlasting, 1).as_deref(), Some("told once: n2 was told 2 times"));
    assert_eq!(most(Network::Everlasting, 8).as_deref(), Some("told once: n2 was told 9 times"));
}

/// What must be the same with and without a store.
fn found<M: Model>(exploration: &Exploration<M>) -> (u64, u64, u64, u32, Option<Vec<String>>) {
    let Extent { unique, generated, terminal, depth, .. } = exploration.extent;
    let shortest =
        exploration.counterexample().map(|shortest| shortest.descriptions().map(str::to_owned).collect());
    (unique, generated, terminal, depth, shortest)
}

#[test]
fn what_does_not_fit_into_memory_is_found_again_in_a_file() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("explored");
    let bounds = Bounds { crashes: 2, duplicates: 1, drops: 1, ..Bounds::default() };
    for told_early in [false, true] {
        let cluster = ledgers(told_early, bounds);
        let file = || {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(true).open(&path).unwrap()
        };
        let plain = Explorer::new(&cluster).run();
        // The tiny memory has room for a thousand states; the other keeps some things and spills others.
        for bytes in [0, 200_000] {
            let spilled = Explorer::new(&cluster).spill(file(), bytes).run();
            assert_eq!(found(&spilled), found(&plain), "{spilled}");
            let wide = Explorer::new(&cluster).spill(file(), bytes).wide().run();
            assert_eq!(found(&wide), found(&plain), "{wide}");
            if !told_early {
                assert!(spilled.extent.disk_bytes > 100_000, "{spilled}");
                assert!(spilled.to_string().contains(" MiB on disk, "), "{spilled}");
                // The rest belongs to the cluster, and to blocks that are being filled.
                assert!(spilled.extent.memory_bytes < bytes + cluster.memory_bytes() + 400_000, "{spilled}");
            }
        }
        // Fewer sleep where there is less room for sleep sets, and nothing is lost by that.
        for bytes in [0, 200_000, 1_000_000] {
            let sleeping = Explorer::new(&cluster).spill(file(), bytes).run_with_sleep_sets();
            let length = |way: Option<Vec<String>>| way.map(|way| way.len());
            assert_eq!(length(found(&sleeping).4), length(found(&plain).4), "{sleeping}");
            let (unique, depth) = (sleeping.extent.unique, sleeping.extent.depth);
            assert!(told_early || (unique, depth) == (plain.extent.unique, plain.extent.depth), "{sleeping}");
        }
    }
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_store_that_fails_is_no_proof_and_what_was_found_is_told() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("unwritable");
    drop(std::fs::File::create(&path).unwrap());
    // Opened for reading alone, it takes nothing.
    let file = || OpenOptions::new().read(true).open(&path).unwrap();
    let bounds = Bounds { crashes: 2, duplicates: 1, drops: 1, ..Bounds::default() };
    let cluster = ledgers(false, bounds);
    let failed = Explorer::new(&cluster).spill(file(), 0).run();
    assert!(matches!(failed.outcome, Outcome::Stopped(Stop::Store(_))), "{failed}");
    assert!(failed.to_string().contains("the store for what does not fit into memory has failed"));
    assert!(failed.extent.unique > 500, "{failed}");
    let cluster = ledgers(true, bounds);
    let shortest = Explorer::new(&cluster).spill(file(), 0).run();
    assert!(shortest.counterexample().is_some(), "{shortest}");
    std::fs::remove_file(path).unwrap();
}

/// Its timer runs out as often as it may.
#[derive(Clone, Debug, Default, Hash)]
struct Bell {
    rings: u16,
}

impl Protocol for Bell {
    type Message = Never;
    type Record = Never;
    type Command = u8;
    type Event = Never;
    type Timer = ();
    type Job = Never;
    type Done = Never;
    type Error = Never;

    fn recover(&mut self, _: Lsn, _: Recovered<Never>) -> Result<(), Never> {
        Ok(())
    }

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Timer(()) => self.rings += 1,
            Input::Start { .. } => {}
            _ => return,
        }
        if self.rings < 600 {
            cx.arm((), Duration::from_secs(1));
        }
    }
}

#[test]
fn timers_run_out_as_often_as_the_bounds_say_and_no_less() {
    let rings = |timers, timers_all| {
        let bells =
            Cluster::new(2, |_| Bell::default()).bounds(Bounds { timers, timers_all, ..Bounds::default() });
        let found = Explorer::new(&bells).run();
        assert!(found.holds());
        // The farthest state is as far away as timers run out.
        (found.extent.depth, found.extent.cut > 0)
    };
    let unlimited = Bounds::UNLIMITED;
    assert_eq!(rings(1, unlimited), (2, true));
    assert_eq!(rings(unlimited, 2), (2, true));
    assert_eq!(rings(3, 2), (2, true));
    assert_eq!(rings(200, unlimited), (400, true));
    assert_eq!(rings(200, 254), (254, true));
    assert_eq!(rings(unlimited, unlimited), (1_200, false));
}

#[test]
fn what_cannot_be_asked_for_is_refused_and_holds_nowhere() {
    let bells =
        |nodes| Cluster::new(nodes, |_| Bell::default()).bounds(Bounds { timers: 0, ..Bounds::default() });
    let asked = |count: u8| (0..count).fold(bells(1), Cluster::command_anywhere);
    assert_eq!(asked(32).validate(), Ok(()));
    assert_eq!(bells(32).command(NodeId(32), 1).validate(), Ok(()));
    let refused = [
        (asked(33), ClusterError::TooManyCommands(33)),
        (bells(2).command(NodeId(3), 1), ClusterError::NoSuchNode(NodeId(3))),
        (bells(2).command(NodeId(0), 1), ClusterError::NoSuchNode(NodeId(0))),
        (bells(33), ClusterError::TooManyNodes(33)),
    ];
    for (cluster, error) in refused {
        assert_eq!(cluster.validate(), Err(error));
        let found = Explorer::new(&cluster).run();
        let shortest = found.counterexample().expect("it is wrong from the beginning");
        assert_eq!((&shortest.reason, shortest.steps.len()), (&error.to_string(), 0));
    }
}
