//! **Transport cost is zero.** Four nodes collect items, and each tells the others what it has. Telling everything, every time, is
//! the simplest protocol that works, and it works; its bill grows with the square of what was collected. The careful node tells what
//! is new, to all with one encoding.
//!
//! Dial: a budget, [`Sim::budget`]. Nothing fails here but the accountant's patience.

use super::{Manner, broken};
use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::Arc;
use synod_core::{Context, Input, Lsn, Never, NodeId, Protocol, Recovered, Sink};
use synod_sim::{Costs, Dials, Idle, Sim, Tariff};

#[derive(Clone, Hash)]
struct Collector {
    manner: Manner,
    added: u64,
    items: BTreeSet<u64>,
}

const NODES: usize = 4;
const ITEMS: u64 = 50;

impl Protocol for Collector {
    type Message = Vec<u64>;
    type Timer = ();
    forgetful!();

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Start { .. } | Input::Timer(()) if self.added < ITEMS => {
                self.added += 1;
                let item = cx.me().0 * 1_000 + self.added;
                self.items.insert(item);
                let me = cx.me();
                let others = (1..=NODES as u64).map(NodeId).filter(|id| *id != me);
                if self.manner == Manner::Naive {
                    let all: Vec<u64> = self.items.iter().copied().collect();
                    others.for_each(|id| cx.send(id, all.clone()));
                } else {
                    cx.send(others.collect::<Arc<[NodeId]>>(), vec![item]);
                }
                cx.arm((), Duration::from_millis(20));
            }
            Input::Message(_, items) => self.items.extend(items),
            _ => {}
        }
    }
}

fn collectors(manner: Manner) -> Sim<Collector, Idle> {
    let node = Collector { manner, added: 0, items: BTreeSet::new() };
    Sim::new(NODES, move |_| node.clone(), Idle).wired(1).storm(Duration::from_secs(3)).finally(
        "everybody has everything",
        |world| {
            let all = NODES * ITEMS as usize;
            if world.up().all(|(_, node)| node.items.len() == all) { Ok(()) } else { Err("no".to_owned()) }
        },
    )
}

/// An item is eight bytes, and it goes to three others: a hundred bytes are plenty.
fn thrifty(costs: &Costs, _: &Idle) -> Result<(), String> {
    let operations = NODES as u64 * ITEMS;
    let spent = costs.total().bytes / operations;
    let encodes = costs.total().encodes / operations;
    if spent <= 100 && encodes <= 1 {
        Ok(())
    } else {
        Err(format!("{spent} bytes and {encodes} encodes an item"))
    }
}

#[test]
fn telling_everything_every_time_works_and_is_not_paid_for() {
    for manner in [Manner::Naive, Manner::Careful] {
        assert_eq!(
            broken(collectors(manner), Dials::calm()),
            (0, String::new()),
            "{manner:?}, without a budget"
        );
    }
    let careful = collectors(Manner::Careful).budget("bytes an item", thrifty);
    assert_eq!(broken(careful, Dials::calm()), (0, String::new()));
    let (count, first) = broken(collectors(Manner::Naive).budget("bytes an item", thrifty), Dials::calm());
    assert_eq!(count, 20, "{first}");
    assert!(
        first.starts_with("violated: bytes an item: ") && first.ends_with("and 3 encodes an item"),
        "{first}"
    );
}

#[test]
fn the_bill_between_zones_can_be_asserted_too() {
    let mut tariff = Tariff::default();
    tariff.zones.extend([(NodeId(3), 1), (NodeId(4), 1)]);
    tariff.prices.extend([((0, 1), 2), ((1, 0), 2)]);
    let bill = move |costs: &Costs, _: &Idle| {
        // Each item crosses to two nodes of the other zone, in a message of 12 bytes, at 2 a byte.
        let price = costs.price(&tariff);
        if price == 200 * 2 * 12 * 2 { Ok(()) } else { Err(price.to_string()) }
    };
    let sim = collectors(Manner::Careful).budget("the bill between zones", bill);
    assert_eq!(broken(sim, Dials::calm()), (0, String::new()));
}
