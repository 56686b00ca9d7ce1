//! Fuzzing decoders: valid encodings, changed again and again.

use super::BytesViolation;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Debug;
use synod_core::wire::{Reader, Wire, WireError};
use synod_core::{Bytes, Entropy, SplitMix64};

/// What a fuzzer has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FuzzTally {
    /// Inputs that were read.
    pub inputs: u64,
    /// Of these, those that were taken for a value.
    pub taken: u64,
    /// Different outcomes: what was wrong, and how far in.
    pub outcomes: u64,
}

/// Fuzzes the decoder of `T`, in wire version 1, for as long as `go_on` says, beginning with these encodings. What is read must be a value whose
/// bytes are exactly those that were read, and which is read again as itself. `watch` sees each input before it is read, so that it can be
/// told when the decoder panics.
///
/// Inputs are made of those that led somewhere new: to another error, or as far as nobody was before. The fuzzer is blind to the decoder's code.
/// So it goes deeper than random bytes, which die in the first field, and less deep than a fuzzer that sees which branches are taken, such
/// as libFuzzer under `cargo fuzz`.
///
/// # Errors
/// The first input that breaks a law.
///
/// ```
/// use synod_clocks::laws::{FuzzTally, fuzz_bytes};
/// use synod_clocks::{Dot, VersionVector};
/// use synod_core::wire::Wire;
///
/// let vector: VersionVector<u64> = [(1, 7), (2, 9)].into_iter().collect();
/// let tally = fuzz_bytes::<VersionVector<u64>>([vector.to_bytes(1)], 1, |tally| tally.inputs < 2_000, |_| {})?;
/// assert!(tally.taken > 0 && tally.outcomes > 3, "{tally:?}");
/// # Ok::<(), synod_clocks::laws::BytesViolation>(())
/// ```
pub fn fuzz_bytes<T: Wire + PartialEq + Debug>(
    corpus: impl IntoIterator<Item = Bytes>,
    seed: u64,
    mut go_on: impl FnMut(&FuzzTally) -> bool,
    mut watch: impl FnMut(&Bytes),
) -> Result<FuzzTally, BytesViolation> {
    let mut mutator = Mutator::new(seed, corpus);
    let mut tally = FuzzTally::default();
    while go_on(&tally) {
        let input = mutator.next_input();
        watch(&input);
        tally.inputs += 1;
        let broken = |says: String| Err(BytesViolation { says, bytes: input.to_vec() });
        let mut reader = Reader::new(input.clone(), 1);
        let read = T::decode(&mut reader).and_then(|value| reader.finish().map(|()| value));
        let depth = (input.len() - reader.remaining()).min(DEPTH_MAX);
        let outcome = match read {
            Ok(value) => {
                tally.taken += 1;
                let own = value.to_bytes(1);
                if own != input {
                    return broken(format!(
                        "these bytes are read as {value:?}, whose own are {:02x?}",
                        &own[..]
                    ));
                }
                match T::from_bytes(own, 1) {
                    Ok(again) if again == value => {}
                    other => return broken(format!("{value:?} is read again as {other:?}")),
                }
                String::new()
            }
            // How much is missing or left depends on the claim and on the input; that something is does not.
            Err(WireError::Truncated { .. }) => String::from("truncated"),
            Err(WireError::LeftOver { .. }) => String::from("left over"),
            Err(error) => format!("{error:?}"),
        };
        tally.outcomes += u64::from(mutator.learn(input, (outcome, depth)));
    }
    Ok(tally)
}

/// Deeper in, it makes no difference how deep.
const DEPTH_MAX: usize = 256;

/// Makes inputs, and keeps those whose outcomes are new.
#[derive(Clone, Debug)]
struct Mutator<O> {
    corpus: Vec<Bytes>,
    /// How many of them were given.
    given: usize,
    outcomes: BTreeSet<O>,
    chance: SplitMix64,
}

/// Longer inputs are cut: what a decoder does with repetition, it does early.
const LEN_MAX: usize = 4_096;
/// More inputs are not kept; later ones replace earlier ones.
const CORPUS_MAX: usize = 4_096;

/// Bytes at which things change: ends of ranges, of seven bits, tags.
const BYTES: [u8; 10] = [0, 1, 2, 3, 4, 0x3f, 0x7f, 0x80, 0xfe, 0xff];
/// Numbers at which things change.
const NUMBERS: [u64; 8] = [0, 1, 63, 64, (1 << 38) - 1, u32::MAX as u64, i64::MAX as u64, u64::MAX];

impl<O: Ord> Mutator<O> {
    /// Begins with these inputs; one seed makes one run.
    fn new(seed: u64, corpus: impl IntoIterator<Item = Bytes>) -> Self {
        let corpus: Vec<Bytes> = corpus.into_iter().collect();
        Self { given: corpus.len(), corpus, outcomes: BTreeSet::new(), chance: SplitMix64::new(seed) }
    }

    /// Keeps an input whose outcome has not been seen before; says whether it was new.
    fn learn(&mut self, input: Bytes, outcome: O) -> bool {
        let new = self.outcomes.insert(outcome);
        if new && self.corpus.len() < CORPUS_MAX {
            self.corpus.push(input);
        } else if new {
            let at = self.given + self.below(CORPUS_MAX.saturating_sub(self.given));
            if let Some(old) = self.corpus.get_mut(at) {
                *old = input;
            }
        }
        new
    }

    /// The next input: one that is kept, with one to four changes.
    fn next_input(&mut self) -> Bytes {
        let mut bytes = self.pick();
        for _ in 0..1_usize << self.below(3) {
            self.change(&mut bytes);
        }
        bytes.truncate(LEN_MAX);
        Bytes::from(bytes)
    }

    fn pick(&mut self) -> Vec<u8> {
        // Half of the time one of those that were given, or what is merely odd would crowd them out.
        let among = if self.below(2) == 0 { self.given } else { self.corpus.len() };
        let at = self.below(among);
        self.corpus.get(at).map(|bytes| bytes.to_vec()).unwrap_or_default()
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.chance.below(bound as u64)).unwrap_or(0)
    }

    fn one_of<T: Copy + Default>(&mut self, items: &[T]) -> T {
        let at = self.below(items.len());
        items.get(at).copied().unwrap_or_default()
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len() + 1);
        let end = (at + 1 + self.below(24)).min(bytes.len());
        let (low, high) = (at.min(end), at.max(end));
        match self.below(11) {
            0 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << self.below(8);
                }
            }
            1 | 2 => {
                let new = self.one_of(&BYTES);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = new;
                }
            }
            3 => {
                let by = self.below(9) as u8;
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = byte.wrapping_add(by).wrapping_sub(4);
                }
            }
            4 => {
                let new = self.one_of(&BYTES);
                bytes.insert(at, new);
            }
            5 => drop(bytes.drain(low..high.min(bytes.len()))),
            6 => {
                let again: Vec<u8> = bytes.get(low..high).map(<[u8]>::to_vec).unwrap_or_default();
                drop(bytes.splice(at..at, again));
            }
            7 => bytes.truncate(at),
            8 => {
                let number = self.one_of(&NUMBERS).to_le_bytes();
                let until = (at + number.len()).min(bytes.len());
                drop(bytes.splice(at..until, number));
            }
            9 => {
                let other = self.pick();
                let from = self.below(other.len() + 1);
                drop(bytes.splice(at.., other.get(from..).unwrap_or_default().iter().copied()));
            }
            _ => {
                let other = self.pick();
                let from = self.below(other.len() + 1);
                let until = (from + 24).min(other.len());
                drop(bytes.splice(low..high, other.get(from..until).unwrap_or_default().iter().copied()));
            }
        }
    }
}
