//! Three shops sell from one stock, and never more than there is, although none of them asks another before it sells.
//!
//! Who holds rights sells; who has run out asks for some, which costs a message. A shop that is cut off goes on selling what it has rights for.
//! The same with a plain counter, where each shop looks at its own copy of the stock, sells more than there is.
//!
//! `cargo run -p synod-crdt --example inventory`

use synod_core::{Entropy, SplitMix64};
use synod_crdt::{ActorId, Crdt, EscrowCounter, PnCounter, Refused};

const STOCK: u64 = 300;
const SHOPS: usize = 3;

pub(crate) fn main() -> Result<(), Refused> {
    let actors = [1, 2, 3].map(ActorId::from);
    let mut chance = SplitMix64::new(42);

    // The depot is the first shop; it hands out rights.
    let mut depot = EscrowCounter::new();
    depot.add(actors[0], STOCK)?;
    for shop in &actors[1..] {
        depot.transfer(actors[0], *shop, STOCK / SHOPS as u64)?;
    }
    let mut stock = vec![depot; SHOPS];
    let mut plain = PnCounter::new();
    plain.add(actors[0], STOCK as i64)?;
    let mut counters = vec![plain; SHOPS];

    let (mut sold, mut turned_away, mut oversold) = (0_u64, 0, 0_u64);
    for round in 0..900 {
        let shop = chance.below(SHOPS as u64) as usize;
        // With rights.
        match stock[shop].spend(actors[shop], 1) {
            Ok(_) => sold += 1,
            Err(Refused::Insufficient { .. }) => {
                turned_away += 1;
                // The customer waits for the next delivery of rights from whoever has most.
                let giver = (0..SHOPS).max_by_key(|other| stock[*other].rights(actors[*other])).unwrap_or(0);
                let spare = stock[giver].rights(actors[giver]) / 2;
                let cut_off = shop == 2 && round < 600;
                if spare > 0 && giver != shop && !cut_off {
                    stock[giver].transfer(actors[giver], actors[shop], spare)?;
                    let transfer = stock[giver].delta_since(&stock[shop].version());
                    let _ = stock[shop].join(&transfer)?;
                    // Twice, as networks do: it counts once.
                    let _ = stock[shop].join(&transfer)?;
                }
            }
            Err(why) => return Err(why),
        }
        // By looking.
        if counters[shop].value() > 0 {
            counters[shop].add(actors[shop], -1)?;
            oversold += 1;
        }
        // The third shop is cut off for most of the time.
        if round % 10 == 0 {
            let reached = if round < 600 { 2 } else { SHOPS };
            exchange(&mut stock[..reached])?;
            exchange(&mut counters[..reached])?;
        }
    }
    exchange(&mut stock)?;
    exchange(&mut counters)?;
    println!(
        "with rights: {sold} of {STOCK} sold, {turned_away} customers asked to wait, {} left",
        stock[0].value()
    );
    println!("by looking:  {oversold} of {STOCK} sold, {} left", counters[0].value());
    assert_eq!(u128::from(STOCK - sold), stock[0].value());
    assert!(counters[0].value() < 0 && oversold > STOCK);
    Ok(())
}

fn exchange<C: Crdt>(replicas: &mut [C]) -> Result<(), Refused> {
    for _ in 0..2 {
        for at in 1..replicas.len() {
            if let Ok([one, other]) = replicas.get_disjoint_mut([at - 1, at]) {
                let _ = one.merge(other)?;
                let _ = other.merge(one)?;
            }
        }
    }
    Ok(())
}
