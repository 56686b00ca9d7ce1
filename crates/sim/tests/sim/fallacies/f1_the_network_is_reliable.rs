//! **The network is reliable.** A teller sends deposits to the bank and sends each again until it is acknowledged. In calm weather
//! each is sent once. On a network that loses one message in five, acknowledgements are lost too: the deposit is sent again, and
//! whoever simply adds it up has it twice. An outcome that is unknown may be asked for again only if doing it twice is doing it
//! once: the careful bank remembers which deposits it has.
//!
//! Dial: [`Dials::loss_ppm`](synod_sim::Dials::loss_ppm).

use super::{Manner, tell};
use core::time::Duration;
use std::collections::BTreeSet;
use synod_core::{Context, Input, Lsn, Never, NodeId, Protocol, Recovered, Sink};
use synod_sim::{Idle, Sim, World};

#[derive(Clone, Debug, Hash)]
enum Say {
    Deposit(u64),
    Done(u64),
}

/// Node 1 is the teller, node 2 the bank.
#[derive(Clone, Hash)]
struct Account {
    manner: Manner,
    given: u64,
    waiting: BTreeSet<u64>,
    balance: u64,
    seen: BTreeSet<u64>,
}

const TELLER: NodeId = NodeId(1);
const BANK: NodeId = NodeId(2);
const DEPOSITS: u64 = 100;

impl Protocol for Account {
    type Message = Say;
    type Timer = ();
    forgetful!();

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Start { .. } | Input::Timer(()) if cx.me() == TELLER => {
                self.waiting.iter().for_each(|number| cx.send(BANK, Say::Deposit(*number)));
                if self.given < DEPOSITS {
                    self.given += 1;
                    self.waiting.insert(self.given);
                    cx.send(BANK, Say::Deposit(self.given));
                }
                cx.arm((), Duration::from_millis(50));
            }
            Input::Message(_, Say::Deposit(number)) => {
                let new = self.seen.insert(number);
                if new || self.manner == Manner::Naive {
                    self.balance += 1;
                }
                cx.send(TELLER, Say::Done(number));
            }
            Input::Message(_, Say::Done(number)) => drop(self.waiting.remove(&number)),
            _ => {}
        }
    }
}

fn bank(manner: Manner) -> Sim<Account, Idle> {
    let account = Account { manner, given: 0, waiting: BTreeSet::new(), balance: 0, seen: BTreeSet::new() };
    let at = |world: &World<Account, Idle>, id| world.node(id).cloned();
    Sim::new(2, move |_| account.clone(), Idle)
        .eventually_after_heal("every deposit is acknowledged", Duration::from_secs(5), move |world| {
            at(world, TELLER).is_some_and(|teller| teller.given == DEPOSITS && teller.waiting.is_empty())
        })
        .finally("the books balance", move |world| match at(world, BANK) {
            Some(bank) if bank.balance == DEPOSITS => Ok(()),
            bank => Err(format!("{DEPOSITS} deposits, balance {:?}", bank.map(|bank| bank.balance))),
        })
}

#[test]
fn a_deposit_whose_acknowledgement_is_lost_must_not_count_twice() {
    tell(bank, &|dials| dials.loss_ppm = 200_000, 20, "the books balance");
}
