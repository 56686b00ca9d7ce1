//! Every decoder of the crate, fuzzed from valid encodings. A test run gives each a few thousand inputs; `cargo xtask fuzz` gives each as long as
//! it is told. An input that was found to break something belongs into the corpus of its decoder.
#![cfg(test)]

use core::time::Duration;
use std::time::Instant;
use synod_clocks::laws::fuzz_bytes;
use synod_clocks::{
    BloomClock, BloomShape, BloomStamp, Bound, Clock, DenseVector, Dot, Dotted, DottedClock, HlcStamp,
    Interval, IntervalStamp, Itc, ItcStamp, LamportClock, LamportStamp, MatrixClock, MatrixStamp, NodeStamp,
    Siblings, UnixMillis, VersionVector,
};
use synod_core::Bytes;
use synod_core::wire::{Reader, Wire, WireError, Writer};

/// Tells the input that was being read when a decoder panicked.
struct Told(Bytes);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the input: {:02x?}", &self.0[..]);
        }
    }
}

/// As `fuzz_bytes`, for so many seconds or inputs as the environment says. A decoder of more than one field must have taken some inputs and
/// refused many in different ways, or this has tested nothing.
fn fuzz<T: Wire + PartialEq + core::fmt::Debug>(values: impl IntoIterator<Item = T>) {
    let seconds = std::env::var("SYNOD_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let until = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let seed = until.map_or(1, |_| u64::from(std::process::id()));
    let mut told = Told(Bytes::new());
    let tally = fuzz_bytes::<T>(
        values.into_iter().map(|value| value.to_bytes(1)),
        seed,
        |tally| match until {
            Some(until) => tally.inputs % 256 != 0 || Instant::now() < until,
            None => tally.inputs < 4_000,
        },
        |input| told.0 = input.clone(),
    );
    let tally = tally.unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
    println!("{}, seed {seed}: {tally:?}", core::any::type_name::<T>());
    assert!(tally.taken > 5 && tally.outcomes > 2, "this has tested nothing: {tally:?}");
}

fn millis(millis: u64) -> UnixMillis {
    UnixMillis::new(millis).unwrap()
}

fn vector(entries: &[(u64, u64)]) -> VersionVector<u64> {
    entries.iter().copied().collect()
}

#[test]
fn dots_and_vectors() {
    fuzz([Dot::at(7_u64, 9).unwrap()]);
    fuzz([
        vector(&[]),
        vector(&[(1, 2)]),
        vector(&(0..12).map(|actor| (actor, actor + 1)).collect::<Vec<_>>()),
    ]);
    fuzz([DenseVector::from([1, 2, 3]), DenseVector::from(&[][..])]);
    fuzz::<LamportStamp<u64>>([LamportClock::resume(7_u64, 300).tick().unwrap()]);
}

#[test]
fn dotted_vectors_and_siblings() {
    let mut clock = DottedClock::new(1_u64);
    let first = clock.stamp(&VersionVector::new()).unwrap();
    let past = vector(&[(1, 1), (4, 2)]);
    fuzz::<Dotted<u64>>([first, Dotted::new(Dot::at(1, 3).unwrap(), past).unwrap()]);
    let mut siblings = Siblings::new();
    for value in 0..5_u64 {
        siblings.write(value % 2, &VersionVector::new(), value).unwrap();
    }
    fuzz::<Siblings<u64, u64>>([Siblings::new(), siblings]);
}

#[test]
fn hybrid_stamps_and_bounds() {
    let stamp = HlcStamp::new(millis(1_700_000_000_000), 3);
    fuzz([stamp]);
    fuzz([NodeStamp { stamp, node: 9_u64 }]);
    fuzz([Bound::new(millis(1_700_000_000_000))]);
}

#[test]
fn intervals() {
    let interval = Interval::new(5, 9).unwrap();
    fuzz([interval]);
    fuzz([IntervalStamp { interval, dot: Dot::at(3_u64, 4).unwrap() }]);
}

#[test]
fn matrices_and_bloom_filters() {
    let mut clocks: Vec<_> = (0..3_u64).map(|member| MatrixClock::new(member, 0..3)).collect();
    let sent = clocks[0].tick().unwrap();
    let received = clocks[1].receive(&sent).unwrap();
    fuzz::<MatrixStamp<u64>>([sent, received]);
    let mut bloom = BloomClock::new(1, BloomShape { cells: 6, hashes: 2 }).unwrap();
    fuzz::<BloomStamp>([bloom.tick().unwrap(), bloom.tick().unwrap()]);
}

#[test]
fn interval_trees() {
    let mut clocks = vec![Itc::seed()];
    for round in 0..12 {
        let at = round % clocks.len();
        clocks[at].tick().unwrap();
        let born = clocks[at].fork().unwrap();
        clocks.push(born);
    }
    let stamps: Vec<ItcStamp> = clocks.iter().map(Itc::peek).collect();
    fuzz::<ItcStamp>(stamps);
    fuzz::<Itc>(clocks);
}

/// A list of numbers that is sorted, and whose decoder makes a mistake.
#[derive(Clone, Debug, PartialEq)]
struct Planted<const BUG: u8>(Vec<u64>);

const PANICS: u8 = 1;
const TWO_FORMS: u8 = 2;

impl<const BUG: u8> Wire for Planted<BUG> {
    const LEN_MIN: usize = 2;

    fn encode(&self, out: &mut Writer<'_>) {
        out.u8(7);
        out.u8(self.0.len() as u8);
        self.0.iter().for_each(|number| out.u64(*number));
    }

    fn decode(input: &mut Reader) -> Result<Self, WireError> {
        let tag = input.u8()?;
        if tag != 7 && !(BUG == TWO_FORMS && tag == 8) {
            return Err(WireError::UnknownTag { of: "numbers", tag });
        }
        let mut numbers = Vec::new();
        for _ in 0..input.u8()? {
            numbers.push(input.u64()?);
        }
        // The order is wrong only where three are there, the last one is greatest and the first is not least.
        if BUG == PANICS && numbers.len() > 2 {
            assert!(numbers[0] <= numbers[1] || numbers[1] >= numbers[2], "the decoder panics");
        }
        if numbers.is_sorted() { Ok(Self(numbers)) } else { Err(WireError::Invalid { field: "order" }) }
    }
}

fn hunt<const BUG: u8>() -> Result<(), String> {
    let corpus = [Planted::<BUG>(vec![1, 2, 3, 4]).to_bytes(1)];
    let run = || fuzz_bytes::<Planted<BUG>>(corpus, 1, |tally| tally.inputs < 20_000, |_| {});
    match std::panic::catch_unwind(run) {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(broken)) => Err(broken.to_string()),
        Err(_) => Err("a panic".to_owned()),
    }
}

#[test]
fn planted_mistakes_of_a_decoder_are_found_and_without_them_nothing_is() {
    assert_eq!(hunt::<0>(), Ok(()));
    assert_eq!(hunt::<PANICS>(), Err("a panic".to_owned()));
    assert!(hunt::<TWO_FORMS>().is_err_and(|told| told.contains("whose own are")));
}
