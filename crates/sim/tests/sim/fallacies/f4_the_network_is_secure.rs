//! **The network is secure.** A customer pays a shop, and the shop adds up what it is told. Bits that flip on the way change an
//! amount; a message that is sent again pays twice; a copy in another's name pays out of somebody else's pocket. The careful
//! customer numbers each payment and seals sender, number and amount with a key that both share; the careful shop takes each
//! number once, and nothing whose seal does not fit.
//!
//! Dial: [`Dials::tamper`](synod_sim::Dials::tamper), one field at a time. With
//! [`Guard::Authenticated`](synod_sim::Guard::Authenticated) the transport would do it for both.

use super::{Manner, broken, tell};
use core::time::Duration;
use std::collections::BTreeSet;
use synod_core::wire::{Reader, Wire, WireError, Writer};
use synod_core::{Context, Input, Lsn, Never, NodeId, Protocol, Recovered, Sink, SplitMix64};
use synod_sim::{Dials, Guard, Idle, Sim, Tamper};

#[derive(Clone, Debug, Hash)]
struct Pay {
    number: u64,
    amount: u64,
    seal: u64,
}

impl Wire for Pay {
    const LEN_MIN: usize = 24;

    fn encode(&self, out: &mut Writer<'_>) {
        out.u64(self.number);
        out.u64(self.amount);
        out.u64(self.seal);
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        Ok(Self { number: input.u64()?, amount: input.u64()?, seal: input.u64()? })
    }
}

/// Stands for a message authentication code: who does not know the key cannot make one.
fn seal(from: NodeId, number: u64, amount: u64) -> u64 {
    const KEY: u64 = 0x5eed_0f7e_c2e7;
    [from.0, number, amount].into_iter().fold(KEY, |state, word| SplitMix64::mix(state ^ word))
}

/// Node 1 is the customer, node 2 the shop; node 3 has nothing to do with it.
#[derive(Clone, Hash)]
struct Shop {
    manner: Manner,
    numbered: u64,
    seen: BTreeSet<(NodeId, u64)>,
    booked: Vec<(NodeId, u64, u64)>,
}

fn price(number: u64) -> u64 {
    100 + number
}

impl Protocol for Shop {
    type Message = Pay;
    type Timer = ();
    forgetful!();

    fn step<S: Sink<Self> + ?Sized>(&mut self, input: Input<Self>, cx: &mut Context<'_, Self, S>) {
        match input {
            Input::Start { .. } | Input::Timer(()) if cx.me() == NodeId(1) => {
                self.numbered += 1;
                let (number, amount) = (self.numbered, price(self.numbered));
                cx.send(NodeId(2), Pay { number, amount, seal: seal(NodeId(1), number, amount) });
                cx.arm((), Duration::from_millis(20));
            }
            Input::Message(from, Pay { number, amount, seal: claimed }) => {
                let good = claimed == seal(from, number, amount) && self.seen.insert((from, number));
                if good || self.manner == Manner::Naive {
                    self.booked.push((from, number, amount));
                }
            }
            _ => {}
        }
    }
}

fn shop(manner: Manner) -> Sim<Shop, Idle> {
    let node = Shop { manner, numbered: 0, seen: BTreeSet::new(), booked: Vec::new() };
    Sim::new(3, move |_| node.clone(), Idle).wired(1).storm(Duration::from_secs(5)).finally(
        "what is booked was paid, once",
        |world| {
            let Some(shop) = world.node(NodeId(2)) else { return Err("closed".to_owned()) };
            let mut numbers = BTreeSet::new();
            for &(from, number, amount) in &shop.booked {
                if from != NodeId(1) {
                    return Err(format!("{from} never paid {amount}"));
                }
                if amount != price(number) {
                    return Err(format!("payment {number} is booked as {amount}"));
                }
                if !numbers.insert(number) {
                    return Err(format!("payment {number} is booked twice"));
                }
            }
            if numbers.len() > 100 { Ok(()) } else { Err(format!("{} payments", numbers.len())) }
        },
    )
}

#[test]
fn an_amount_whose_bits_flip_is_another_amount() {
    tell(shop, &|dials| dials.tamper.corrupt_ppm = 50_000, 20, "is booked as");
}

#[test]
fn a_payment_that_is_sent_again_must_not_be_booked_again() {
    tell(shop, &|dials| dials.tamper.replay_ppm = 50_000, 20, "is booked twice");
}

#[test]
fn a_payment_in_anothers_name_must_not_be_booked() {
    tell(shop, &|dials| dials.tamper.forge_ppm = 50_000, 20, "n3 never paid");
}

#[test]
fn a_transport_that_authenticates_does_it_for_the_naive_too() {
    let all = Tamper { corrupt_ppm: 50_000, truncate_ppm: 50_000, replay_ppm: 50_000, forge_ppm: 50_000 };
    let dials = Dials { tamper: all, guard: Guard::Authenticated, ..Dials::calm() };
    assert_eq!(broken(shop(Manner::Naive), dials), (0, String::new()));
}
