//! Slow processors, slow disks, and clocks that drift by so much.

use super::courier::{Book, Order, couriers, parcel, run, steady};
use core::time::Duration;
use synod_core::{Lane, NodeId};
use synod_sim::{Dials, Latency};

#[test]
fn inputs_of_a_slow_node_queue_up_and_its_effects_come_at_the_end_of_each_step() {
    let steps = [(NodeId(2), Duration::from_millis(10))].into();
    let dials = Dials { steps, ..steady() };
    let book = (0..4).fold(Book::default(), |book, _| book.post(10, 1, 2, parcel(Lane::Control, 10)));
    let book = book.post(10, 1, 3, parcel(Lane::Control, 10)).post(100, 1, 2, parcel(Lane::Control, 10));
    let report = run(dials, book);
    // Four arrive at 12 ms, and each takes ten; a fifth comes when the node is idle again.
    let expected: Vec<_> = [22_000, 32_000, 42_000, 52_000, 112_000].map(|at| (at, 1)).into();
    assert_eq!(report.workload.arrivals(2), expected);
    assert_eq!(report.workload.arrivals(3), [(12_000, 1)], "the others are not slow");
}

#[test]
fn a_dial_for_all_nodes_slows_all() {
    let dials = Dials { step: Duration::from_millis(1), ..steady() };
    let report = run(dials, Book::default().post(10, 1, 2, parcel(Lane::Control, 10)));
    // The command is a step of node 1, the message one of node 2.
    assert_eq!(report.workload.arrivals(2), [(14_000, 1)]);
}

#[test]
fn the_disk_of_one_node_can_be_slow() {
    let slow = |id| {
        let syncs = [(NodeId(id), Latency::Constant(Duration::from_millis(500)))].into();
        let dials = Dials { syncs, sync: Latency::Constant(Duration::from_millis(1)), ..steady() };
        let orders = (0..20).fold(Book::default(), |book, nth| book.order(10 * nth, 1, Order::Write));
        couriers(dials, orders).storm(Duration::from_secs(2)).run(1).stats.syncs
    };
    // One at a time: a fast disk syncs each of the twenty, a slow one the first and then all the others together.
    assert_eq!((slow(2), slow(1)), (20, 2));
}
