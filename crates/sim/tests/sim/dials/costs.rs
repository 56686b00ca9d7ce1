//! What runs cost, and budgets.

use super::courier::{Book, Order, couriers, parcel, steady, world};
use synod_core::{Lane, NodeId};
use synod_sim::{Tariff, Verdict};

fn busy() -> Book {
    let all = vec![NodeId(1), NodeId(2), NodeId(3)];
    Book::default()
        .post(10, 1, 2, parcel(Lane::Log, 500))
        .order(20, 1, Order::Post(all, parcel(Lane::Log, 40)))
        .order(30, 2, Order::Write)
        .order(500, 2, Order::Write)
        .post(40, 3, 3, parcel(Lane::Log, 9_000))
}

#[test]
fn bytes_messages_encodes_records_and_syncs_are_counted_exactly() {
    let costs = world(&couriers(steady(), busy()).metered()).costs();
    let (one, two, three) = (costs.node(NodeId(1)), costs.node(NodeId(2)), costs.node(NodeId(3)));
    // One send to all is encoded once; what a node sends to itself is neither a message nor bytes.
    assert_eq!((one.messages, one.bytes, one.encodes), (3, 580, 2));
    assert_eq!((two.records, two.syncs, two.messages), (2, 2, 0));
    assert_eq!((three.messages, three.bytes, three.encodes), (0, 0, 0));
    assert_eq!((costs.link(NodeId(1), NodeId(2)), costs.link(NodeId(1), NodeId(3))), ((2, 540), (1, 40)));
    let mut tariff = Tariff::default();
    tariff.zones.insert(NodeId(3), 1);
    tariff.prices.insert((0, 1), 3);
    assert_eq!(costs.price(&tariff), 120);
}

#[test]
fn counting_changes_nothing() {
    let plain = couriers(steady(), busy()).run(1);
    assert_eq!(plain.hash, couriers(steady(), busy()).metered().run(1).hash);
    assert_eq!(world(&couriers(steady(), busy())).costs().total().messages, 0, "nobody asked");
}

#[test]
fn a_budget_that_is_exceeded_fails_the_run() {
    let within = |bytes: u64| {
        let sim = couriers(steady(), busy()).budget("bytes an arrival", move |costs, book| {
            let spent = costs.total().bytes / book.arrivals(2).len() as u64;
            if spent <= bytes { Ok(()) } else { Err(format!("{spent} bytes an arrival")) }
        });
        sim.run(1).verdict
    };
    assert_eq!(within(290), Verdict::Passed);
    assert!(matches!(within(289), Verdict::Violated { name: "bytes an arrival", detail, .. }
        if detail == "290 bytes an arrival"));
}
