//! Bandwidth, queues, packets, and what sets one link apart.

use super::courier::{Book, couriers, parcel, run, steady};
use core::time::Duration;
use synod_core::{Lane, Link, NodeId};
use synod_sim::{Bandwidth, Dials, Fault, Latency, Line, Rate, Region, Sim};

const MB: u64 = 1_000_000;

fn megabyte_a_second(queue_bytes_max: u64, lanes: bool) -> Option<Bandwidth> {
    Some(Bandwidth { bytes_per_sec: MB, queue_bytes_max, lanes })
}

/// A megabyte, and a hundred bytes right behind it.
fn snapshot_and_heartbeat() -> Book {
    Book::default().post(10, 1, 2, parcel(Lane::Bulk, MB as usize)).post(10, 1, 2, parcel(Lane::Control, 100))
}

#[test]
fn a_megabyte_on_a_link_of_a_megabyte_a_second_delays_what_follows_by_a_second() {
    let free = run(steady(), snapshot_and_heartbeat()).workload;
    assert_eq!(free.arrivals(2), [(12_000, 1), (12_000, 1)]);
    let dials = Dials { bandwidth: megabyte_a_second(2 * MB, false), ..steady() };
    let report = run(dials, snapshot_and_heartbeat());
    // Ordered at 10 ms, sent at 11, the last byte out a second later, and a millisecond on the way.
    assert_eq!(report.workload.arrivals(2), [(1_012_000, 1), (1_012_100, 1)]);
    assert_eq!(report.stats.overflowed, 0);
}

#[test]
fn where_lanes_are_queued_apart_a_heartbeat_overtakes_the_snapshot() {
    let dials = Dials { bandwidth: megabyte_a_second(2 * MB, true), ..steady() };
    assert_eq!(run(dials, snapshot_and_heartbeat()).workload.arrivals(2), [(12_100, 1), (1_012_000, 1)]);
}

#[test]
fn what_does_not_fit_into_the_queue_is_dropped_and_other_directions_are_free() {
    let dials = Dials { bandwidth: megabyte_a_second(1_000, false), ..steady() };
    let book = snapshot_and_heartbeat()
        .post(10, 1, 2, parcel(Lane::Control, 950))
        .post(10, 2, 1, parcel(Lane::Control, 100))
        .post(1_100, 1, 2, parcel(Lane::Control, 100));
    let report = run(dials, book);
    // A megabyte waits already, which is more than the thousand bytes that may.
    assert_eq!(report.workload.arrivals(2), [(1_012_000, 1), (1_102_100, 1)]);
    assert_eq!(report.workload.arrivals(1), [(12_100, 2)]);
    assert_eq!((report.stats.overflowed, report.stats.sent, report.stats.delivered), (2, 5, 3));
}

#[test]
fn a_sender_is_told_once_that_its_queue_is_full_where_the_transport_tells() {
    let dials = Dials { bandwidth: megabyte_a_second(1_000, false), notices: true, ..steady() };
    let book = snapshot_and_heartbeat().post(10, 1, 2, parcel(Lane::Control, 950));
    let links = run(dials, book).workload.links(1);
    let congested: Vec<_> = links.iter().filter(|(_, link)| *link == Link::Congested).collect();
    assert_eq!(congested, [&(2, Link::Congested)]);
}

#[test]
fn a_message_in_many_packets_is_lost_with_any_of_them() {
    let share = |mtu: Option<u32>| {
        let book =
            (0..2_000).fold(Book::default(), |book, nth| book.post(nth, 1, 2, parcel(Lane::Log, 5_000)));
        // Clients lose nothing: the loss is that of one direction of one link.
        let line = Line { loss_ppm: Some(50_000), mtu, ..Line::default() };
        let dials = Dials { lines: [((NodeId(1), NodeId(2)), line)].into(), ..steady() };
        let stats = run(dials, book).stats;
        assert_eq!(stats.sent, 2_000);
        stats.lost as f64 / stats.sent as f64
    };
    // 1 - 0.95, and 1 - 0.95^5.
    assert!((0.04..0.06).contains(&share(None)), "{}", share(None));
    assert!((0.20..0.25).contains(&share(Some(1_000))), "{}", share(Some(1_000)));
}

#[test]
fn a_datagram_larger_than_a_packet_is_dropped() {
    let dials = Dials { mtu: Some(1_400), ..steady() };
    let book = Book::default()
        .post(10, 1, 2, parcel(Lane::Datagram, 1_401))
        .post(10, 1, 2, parcel(Lane::Datagram, 1_400))
        .post(10, 1, 2, parcel(Lane::Log, 1_401));
    let report = run(dials, book);
    assert_eq!((report.stats.too_large, report.workload.arrivals(2).len()), (1, 2));
}

#[test]
fn one_direction_of_one_link_can_be_narrow() {
    let line = Line { bandwidth: megabyte_a_second(MB, false), ..Line::default() };
    let dials = Dials { lines: [((NodeId(1), NodeId(2)), line)].into(), ..steady() };
    let both = |book: Book, from, to| book.post(10, from, to, parcel(Lane::Log, 10_000));
    let report = run(
        dials,
        [(1, 2), (2, 1), (1, 3)].into_iter().fold(Book::default(), |book, (a, b)| both(book, a, b)),
    );
    let arrived = |at| report.workload.arrivals(at);
    assert_eq!(
        (arrived(2), arrived(1), arrived(3)),
        (vec![(22_000, 1)], vec![(12_000, 2)], vec![(12_000, 1)])
    );
}

#[test]
fn messages_whose_size_is_unknown_count_as_a_hundred_bytes() {
    let dials = Dials { bandwidth: megabyte_a_second(MB, false), ..steady() };
    let book = Book::default().post(10, 1, 2, parcel(Lane::Log, 10_000));
    let sim = Sim::new(3, |_| super::courier::Courier::default(), book.clone())
        .climate(synod_sim::Climate::Fixed(dials.clone()));
    assert_eq!(sim.run(1).workload.arrivals(2), [(12_100, 1)]);
    assert_eq!(couriers(dials, book).run(1).workload.arrivals(2), [(22_000, 1)]);
}

#[test]
fn what_waits_in_a_queue_that_never_drops_is_late_but_arrives() {
    let dials = Dials { bandwidth: megabyte_a_second(u64::MAX, false), ..steady() };
    // Twice as much as the link carries, for half a second.
    let book = (0..500).fold(Book::default(), |book, ms| book.post(ms, 1, 2, parcel(Lane::Log, 2_000)));
    let report = couriers(dials, book).storm(Duration::from_secs(3)).run(1);
    let arrivals = report.workload.arrivals(2);
    assert_eq!(
        (arrivals.len(), arrivals.first(), arrivals.last()),
        (500, Some(&(4_000, 1)), Some(&(1_002_000, 1)))
    );
}

/// The connections of one node break at a random moment of the first second, once.
fn one_reset(notices: bool) -> Dials {
    let (every, never) = (Duration::from_millis(500), Duration::from_secs(100));
    let rate = Rate { fault: Fault::Reset, every, lasting: (never, never) };
    let latency = Latency::Constant(Duration::from_secs(2));
    Dials { latency, notices, schedule: vec![rate], ..Dials::calm() }
}

#[test]
fn what_is_on_its_way_on_a_connection_that_breaks_is_lost_and_a_datagram_is_not() {
    // A message and a datagram on their way between all, for two seconds.
    let pairs = [(1, 2), (2, 1), (1, 3), (3, 1), (2, 3), (3, 2)];
    let book = pairs.iter().fold(Book::default(), |book, (from, to)| {
        let book = book.post(1, *from, *to, parcel(Lane::Control, 100));
        book.post(1, *from, *to, parcel(Lane::Datagram, 100))
    });
    let sim = couriers(one_reset(false), book).storm(Duration::from_secs(6));
    let mut broken = 0;
    for seed in 0..10 {
        let report = sim.run(seed);
        let arrived: usize = (1..=3).map(|node| report.workload.arrivals(node).len()).sum();
        // The orders come after two seconds, and what they send is on its way for two more.
        let struck = report.strikes.iter().filter(|strike| (2_001..4_001).contains(&(strike.at / 1_000_000)));
        let mut nodes: Vec<NodeId> = struck.flat_map(|strike| strike.nodes.clone()).collect();
        nodes.sort_unstable();
        nodes.dedup();
        // One node's connections are four of the six directions; two nodes' are all.
        let lost = [0, 4, 6, 6][nodes.len()];
        assert_eq!((report.stats.reset, arrived), (lost as u64, 12 - lost), "seed {seed}");
        broken += usize::from(lost > 0);
    }
    assert!(broken > 5, "{broken}");
}

#[test]
fn both_ends_are_told_of_a_connection_that_breaks_where_the_transport_tells() {
    let sim = couriers(one_reset(true), Book::default()).storm(Duration::from_secs(1));
    let report = sim.run(1);
    let struck = report.strikes.first().unwrap().nodes[0].0;
    let peer = 1 + struck % 3;
    for (end, other) in [(struck, peer), (peer, struck)] {
        let links: Vec<_> = report
            .workload
            .links(end)
            .into_iter()
            .filter(|(id, _)| *id == other)
            .map(|(_, link)| link)
            .collect();
        let up = Link::Up { version: 1 };
        assert_eq!(links[..3], [up, Link::Down, up], "{links:?}");
    }
}

#[test]
fn regions_are_as_far_apart_as_was_measured() {
    let places = [Region::Virginia, Region::Virginia, Region::Sydney];
    let dials = steady().regions((1..).map(NodeId).zip(places));
    let book = Book::default().post(10, 1, 2, parcel(Lane::Log, 10)).post(10, 1, 3, parcel(Lane::Log, 10));
    let report = run(dials, book);
    assert_eq!(report.workload.arrivals(2), [(12_000, 1)], "as before");
    let [(at, 1)] = report.workload.arrivals(3)[..] else { panic!() };
    // Half of 230 ms, give or take a twentieth.
    assert!((11_000 + 109_250..=11_000 + 120_750).contains(&at), "{at}");
}
