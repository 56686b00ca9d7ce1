//! Likes counted in three regions at once, and unlikes; and a flag for who likes.
//!
//! Each region counts for itself and never waits for another. They exchange operations; one link loses some, so its ends exchange digests
//! and deltas now and then. Every like is counted exactly once.
//!
//! `cargo run -p synod-crdt --example like_counter`

use std::collections::VecDeque;
use synod_core::{Entropy, SplitMix64};
use synod_crdt::{ActorId, Crdt, PnCounter, Refused, SignedStep};

struct Region {
    name: &'static str,
    actor: ActorId,
    likes: PnCounter,
    /// Operations on their way here, in order for each sender.
    inbox: VecDeque<SignedStep>,
    /// Those that came too early.
    early: Vec<SignedStep>,
}

impl Region {
    fn take(&mut self, step: SignedStep) {
        match self.likes.apply(&step) {
            Ok(_) => {}
            // One before it was lost. It is kept, or the next digest brings both.
            Err(Refused::Gap { .. }) => self.early.push(step),
            Err(why) => println!("{} refuses {step:?}: {why}", self.name),
        }
    }
}

pub(crate) fn main() -> Result<(), Refused> {
    let mut chance = SplitMix64::new(7);
    let mut regions: Vec<Region> = (1..)
        .zip(["eu", "us", "asia"])
        .map(|(number, name)| Region {
            name,
            actor: ActorId::from(number),
            likes: PnCounter::new(),
            inbox: VecDeque::new(),
            early: Vec::new(),
        })
        .collect();
    let mut expected = 0_i128;
    let mut lost = 0;
    for _ in 0..10_000 {
        let at = chance.below(3) as usize;
        let by = if chance.below(5) == 0 { -1 } else { 1 };
        expected += i128::from(by);
        let actor = regions[at].actor;
        let step = regions[at].likes.add(actor, by)?;
        for (to, region) in regions.iter_mut().enumerate().filter(|(to, _)| *to != at) {
            // The link between the first and the last loses one in twenty; the others repeat one in twenty.
            let bad = at + to == 2 && at != 1;
            match chance.below(20) {
                0 if bad => lost += 1,
                0 => region.inbox.extend([step, step]),
                _ => region.inbox.push_back(step),
            }
        }
        let to = chance.below(3) as usize;
        while let Some(step) = regions[to].inbox.pop_front() {
            regions[to].take(step);
        }
        if chance.below(100) == 0 {
            repair(&mut regions)?;
        }
    }
    for region in &mut regions {
        while let Some(step) = region.inbox.pop_front() {
            region.take(step);
        }
    }
    for region in &regions {
        println!(
            "{:>4}: {} likes before the last repair, {} expected",
            region.name,
            region.likes.value(),
            expected
        );
    }
    repair(&mut regions)?;
    println!("{lost} messages were lost; after a repair all have {}", regions[0].likes.value());
    assert!(lost > 100);
    assert!(regions.iter().all(|region| region.likes.value() == expected));
    Ok(())
}

/// Digests and deltas between all, twice round.
fn repair(regions: &mut [Region]) -> Result<(), Refused> {
    for (from, to) in [(0, 1), (1, 2), (2, 0), (0, 1), (1, 2)] {
        let version = regions[to].likes.version();
        let delta = regions[from].likes.delta_since(&version);
        let _ = regions[to].likes.join(&delta)?;
        for step in core::mem::take(&mut regions[to].early) {
            regions[to].take(step);
        }
    }
    Ok(())
}
