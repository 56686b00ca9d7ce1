//! Nodes that move, come back with another disk, or are there twice.

use super::courier::{Book, Courier, Order, Seen, couriers, parcel, run, steady, world};
use core::time::Duration;
use synod_core::{Bytes, Lane, LogState, Lsn, NodeId, PeerChange};
use synod_sim::{Dials, Fault, Guard, Rate, Strike, Verdict, World};

/// The fault strikes every two seconds or so.
fn now_and_then(fault: Fault) -> Dials {
    let rate = Rate {
        fault,
        every: Duration::from_secs(2),
        lasting: (Duration::from_millis(300), Duration::from_millis(300)),
    };
    Dials { schedule: vec![rate], ..steady() }
}

/// Every node sends a parcel to every other every 10 ms, for nine seconds, and writes a record every 100 ms.
fn chatter() -> Book {
    let mut book = Book::default();
    for ms in (0..9_000).step_by(10) {
        for (from, to) in [(1, 2), (1, 3), (2, 1), (2, 3), (3, 1), (3, 2)] {
            book = book.post(ms, from, to, parcel(Lane::Control, 10));
        }
        if ms % 100 == 0 {
            book = (1..=3).fold(book, |book, node| book.order(ms, node, Order::Write));
        }
    }
    book
}

fn struck(dials: Dials) -> (World<Courier, Book>, Strike) {
    let sim = couriers(dials, chatter());
    let world = world(&sim);
    let strike = world.strikes().first().expect("one of the onsets lies within the run").clone();
    (world, strike)
}

#[test]
fn whoever_has_moved_is_unreachable_until_its_name_is_looked_up_again() {
    let mut dials = now_and_then(Fault::Move);
    dials.resolve_after = None;
    let (never, strike) = struck(dials.clone());
    let moved = strike.nodes[0].0;
    let late = |world: &World<Courier, Book>, node: u64| {
        let last = world.workload().arrivals(node).last().map_or(0, |(at, _)| *at);
        last > 8_000_000
    };
    assert!(!late(&never, moved), "nobody looks, so nothing arrives any more");
    dials.resolve_after = Some(Duration::from_millis(500));
    let (again, _) = struck(dials);
    assert!(late(&again, moved));
    let moves = again.strikes().len() as u64;
    // Two senders, a hundred parcels a second each, and at most half a second of ignorance after each move.
    assert!((1..=moves * 100).contains(&again.stats().unreachable), "{:?}", again.stats());
}

#[test]
fn a_protocol_that_asks_its_transport_reaches_a_peer_that_has_moved() {
    let mut dials = now_and_then(Fault::Move);
    dials.resolve_after = None;
    let (world, _) = struck(dials.clone());
    assert!(world.stats().unreachable > 1_000, "{:?}", world.stats());
    let ask = |mut book: Book| {
        for ms in (5..9_000).step_by(10) {
            for (node, peer) in [(1, 2), (1, 3), (2, 1), (2, 3), (3, 1), (3, 2)] {
                let change = PeerChange::Reach { id: NodeId(peer), info: Bytes::new() };
                book = book.order(ms, node, Order::Peer(change));
            }
        }
        book
    };
    let stats = run(dials, ask(chatter())).stats;
    assert!((1..=2 * stats.faults).contains(&stats.unreachable), "{stats:?}");
}

#[test]
fn a_peer_that_is_forgotten_gets_nothing() {
    let forget = Order::Peer(PeerChange::Forget(NodeId(2)));
    let reach = Order::Peer(PeerChange::Reach { id: NodeId(2), info: Bytes::new() });
    let book = Book::default()
        .post(10, 1, 2, parcel(Lane::Control, 10))
        .order(20, 1, forget)
        .post(30, 1, 2, parcel(Lane::Control, 10))
        .order(40, 1, reach)
        .post(50, 1, 2, parcel(Lane::Control, 10));
    assert_eq!(run(steady(), book).workload.arrivals(2), [(12_000, 1), (52_000, 1)]);
}

#[test]
fn traded_addresses_lead_to_the_wrong_node_unless_the_transport_authenticates() {
    let mut dials = now_and_then(Fault::TradeAddresses);
    dials.resolve_after = None;
    let (world, _) = struck(dials.clone());
    assert!(world.stats().misdelivered > 100, "{:?}", world.stats());
    dials.guard = Guard::Authenticated;
    let (world, _) = struck(dials);
    assert!(world.stats().misdelivered == 0 && world.stats().refused > 100, "{:?}", world.stats());
}

/// What each start of a node found, and how many records it had in the end.
fn starts(world: &World<Courier, Book>, id: NodeId) -> Vec<(u64, LogState)> {
    let began = |(_, node, seen): &(Duration, NodeId, Seen)| match seen {
        Seen::Began { incarnation, log } if *node == id => Some((*incarnation, *log)),
        _ => None,
    };
    world.workload().seen.iter().filter_map(began).collect()
}

#[test]
fn a_wiped_disk_looks_fresh_but_the_incarnations_go_on() {
    let (world, strike) = struck(now_and_then(Fault::WipeDisk));
    let starts = starts(&world, strike.nodes[0]);
    assert!(starts.len() >= 2);
    for (nth, start) in (1..).zip(&starts) {
        assert_eq!(*start, (nth, LogState::Fresh));
    }
}

#[test]
fn an_old_disk_lacks_what_was_written_last() {
    let (world, strike) = struck(now_and_then(Fault::OldDisk));
    let written = strike.at / 100_000_000;
    let Some((2, LogState::Recovered { end: Lsn(kept) })) = starts(&world, strike.nodes[0]).get(1).copied()
    else {
        panic!("it recovered: {:?}", starts(&world, strike.nodes[0]));
    };
    assert!(kept <= written + 1 && world.stats().acknowledged_lost == 0, "{kept} of {written}");
}

#[test]
fn swapped_disks_bring_back_the_others_records() {
    let sim = couriers(now_and_then(Fault::SwapDisks), chatter())
        .sometimes("a node has another's records", |world| {
            world.up().any(|(id, node)| node.recovered.iter().any(|record| *record != id.0))
        })
        .always("a disk is one of three", || {
            |_, node: Option<&Courier>| match node {
                Some(node) if node.recovered.iter().any(|record| !(1..=3).contains(record)) => {
                    Err("whose?".into())
                }
                _ => Ok(()),
            }
        });
    assert!(sim.run_seeds(0..3, |_| {}).passed());
}

#[test]
fn with_a_twin_each_sender_is_connected_to_one_of_two_processes() {
    let (world, strike) = struck(now_and_then(Fault::Twin));
    let id = strike.nodes[0];
    let second = starts(&world, id).get(1).copied().expect("a second process has started");
    assert_eq!(second.0, strike.at + 1, "its incarnation is like no other");
    assert!(matches!(second.1, LogState::Recovered { .. } | LogState::Fresh));
    assert_eq!(world.up().count(), 3, "and is gone");
    assert_eq!(couriers(now_and_then(Fault::Twin), chatter()).run(1).verdict, Verdict::Passed);
}

#[test]
fn only_what_breaks_a_promise_is_not_survivable() {
    let beyond = Fault::all().filter(|fault| !fault.is_survivable());
    let beyond: Vec<&str> =
        beyond.filter(|fault| !Fault::damage().any(|other| other == *fault)).map(Fault::name).collect();
    assert_eq!(beyond, ["trade-addresses", "wipe-disk", "old-disk", "swap-disks", "twin", "clock-jump"]);
}
