//! Bugs that were made in real libraries, planted in small types: the kit catches each, and says so in a schedule of a few steps.
//! The type without a bug passes, so that it is the bug that is caught.

mod counter;
mod garbage;
mod list;
mod map;
mod set;

use core::fmt::Debug;
use synod_crdt::laws::{Broken, Law, Laws, Subject};

/// Runs the kit on a type with a bug, and expects it to find one and to show it within so many steps.
fn caught<S: Subject>(
    name: &str,
    alphabet: impl IntoIterator<Item = S::Action>,
    steps_max: usize,
) -> Broken<S::Action>
where
    S::Action: Debug,
{
    caught_in::<S>(name, alphabet, 10, steps_max)
}

/// The same, in longer schedules: the way to the bug is long.
fn caught_in<S: Subject>(
    name: &str,
    alphabet: impl IntoIterator<Item = S::Action>,
    length: usize,
    steps_max: usize,
) -> Broken<S::Action>
where
    S::Action: Debug,
{
    let laws = Laws::<S>::new(alphabet);
    let broken = laws.random(0..20_000, length).expect_err(name);
    println!("{name}: {broken}");
    assert!(broken.schedule.len() <= steps_max, "{name}, not small: {broken}");
    let again = laws.check(&broken.schedule).expect_err(name);
    assert_eq!((again.law, &again.how), (broken.law, &broken.how), "{name}: one schedule, one failure");
    broken
}

fn passes<S: Subject>(alphabet: impl IntoIterator<Item = S::Action>)
where
    S::Action: Debug,
{
    Laws::<S>::new(alphabet).random(0..3_000, 10).unwrap_or_else(|broken| panic!("{broken}"));
}

fn is_one_of(broken: &Broken<impl Debug>, laws: &[Law]) {
    assert!(laws.contains(&broken.law), "{broken}");
}
