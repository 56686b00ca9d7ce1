//! A small durable service and its customers.

use core::time::Duration;
use std::collections::BTreeSet;
use synod_core::{Context, Input, Lsn, Never, NodeId, Protocol, Recovered, Sink};
use synod_sim::{Climate, Io, Sim, Workload, World};

/// Stores numbers, tells the application when they are safe, and copies them to everybody else.
#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct Ledger {
    pub(crate) stored: BTreeSet<u64>,
    pub(crate) copies: u64,
    restarts: u64,
    told_early: bool,
}

impl Protocol for Ledger {
    type Message = u64;
    type Record = u64;
    type Command = u64;
    type Event = u64;
    type Timer = Never;
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
            Input::Start { incarnation, .. } => self.restarts = incarnation - 1,
            Input::Command(number) => {
                self.stored.insert(number);
                cx.persist(number);
                if self.told_early {
                    cx.emit_early(number);
                } else {
                    cx.emit(number);
                }
                let me = cx.me();
                (1..=3).map(NodeId).filter(|id| *id != me).for_each(|id| cx.send(id, number));
            }
            Input::Message(_, number) if self.stored.insert(number) => {
                self.copies += 1;
                cx.persist_lazy(number);
            }
            _ => {}
        }
    }
}

/// Stores a number every few milliseconds and remembers which were acknowledged, and by whom.
#[derive(Clone, Debug, Default)]
pub(crate) struct Customers {
    asked: u64,
    pub(crate) acknowledged: Vec<(NodeId, u64)>,
    healed_at: Option<u64>,
}

impl Workload<Ledger> for Customers {
    fn begin(&mut self, io: &mut Io<'_, Ledger>) {
        io.wake(Duration::from_millis(5), 0);
    }

    fn on_event(&mut self, node: NodeId, number: u64, _: &mut Io<'_, Ledger>) {
        self.acknowledged.push((node, number));
    }

    fn on_wake(&mut self, _: u64, io: &mut Io<'_, Ledger>) {
        self.asked += 1;
        let node = NodeId(1 + io.decide(self.asked, 3));
        io.request(node, self.asked, self.asked);
        io.wake(Duration::from_millis(5), 0);
    }

    fn on_crash(&mut self, _: NodeId, _: &mut Io<'_, Ledger>) {}

    fn on_heal(&mut self, io: &mut Io<'_, Ledger>) {
        self.healed_at = Some(io.now().0);
    }
}

pub(crate) fn nothing_acknowledged_is_lost(world: &World<Ledger, Customers>) -> Result<(), String> {
    for &(id, number) in &world.workload().acknowledged {
        let Some(node) = world.node(id) else { return Err(format!("{id} is down")) };
        if !node.stored.contains(&number) {
            return Err(format!("{id} acknowledged {number} and has lost it"));
        }
    }
    Ok(())
}

pub(crate) fn ledgers(told_early: bool) -> Sim<Ledger, Customers> {
    Sim::new(3, move |_| Ledger { told_early, ..Ledger::default() }, Customers::default())
        .climate(Climate::swarm())
        .storm(Duration::from_secs(4))
        .eventually_after_heal("everybody is up", Duration::from_secs(1), |world| world.up().count() == 3)
        .finally("durability", nothing_acknowledged_is_lost)
}
