//! Planted bugs: known mistakes kept beside the code that avoids them, to see that the judges find them.
//!
//! A checker that never found anything proves nothing. So the bugs that taught a line of a protocol are planted there with
//! [`mutant!`](crate::mutant!), and a museum of them runs every judge of the workspace on each
//! (`cargo xtask mutants`). They exist only in builds with `--cfg synod_mutants`: everywhere else the macro is its first
//! argument and nothing more.
//!
//! # A new exhibit
//! The crate lists it in a module `mutants` at its root, declared under `#[cfg(synod_mutants)]`:
//!
//! ```text
//! pub const EXHIBITS: &[Exhibit] = &[Exhibit {
//!     name: "vote-by-index",
//!     source: "openraft a48a3282",
//!     says: "the log with the greater index wins, whatever its term",
//! }];
//! ```
//!
//! and plants it where the mistake would be made:
//!
//! ```
//! # let (theirs, ours) = ((2, 9), (3, 1));
//! let up_to_date = synod_core::mutant!(theirs >= ours, "vote-by-index" => theirs.1 >= ours.1);
//! assert!(!up_to_date);
//! ```
//!
//! A name that is planted and not listed does not compile; one that is listed and never reached fails the museum. Judges are
//! planted in the same way, in a list `JUDGES` beside the first (mostly empty): a judge that looks away is noticed when an exhibit
//! is not caught any more.

/// The first argument; under `--cfg synod_mutants` the one whose name was chosen at run time. A mistake that replaces nothing
/// stands alone: `mutant!("name" => what_should_not_be_done())`. See [the module](mod@crate::mutant).
#[cfg(not(synod_mutants))]
#[macro_export]
macro_rules! mutant {
    ($($name:literal => $wrong:expr),+ $(,)?) => {
        ()
    };
    ($right:expr, $($name:literal => $wrong:expr),+ $(,)?) => {
        $right
    };
}

/// The first argument, or the one whose name was [chosen](crate::mutant::choose).
#[cfg(synod_mutants)]
#[macro_export]
macro_rules! mutant {
    ($($name:literal => $wrong:expr),+ $(,)?) => {
        $crate::mutant!((), $($name => $wrong),+)
    };
    ($right:expr, $($name:literal => $wrong:expr),+ $(,)?) => {
        $(if $crate::mutant::is_chosen(
            // The lists are those of the crate in which this is planted.
            const { $crate::mutant::listed(&[crate::mutants::EXHIBITS, crate::mutants::JUDGES], $name) }
        ) {
            $wrong
        } else)+ {
            $right
        }
    };
}

/// What a send waits for, if its barrier was not taken away.
#[cfg(not(synod_mutants))]
macro_rules! barrier {
    ($after:expr) => {
        $after
    };
}

/// What a send waits for, or nothing, where the barrier of this call was [taken away](choose_barrier).
#[cfg(synod_mutants)]
macro_rules! barrier {
    ($after:expr) => {
        $crate::mutant::waits_for($after)
    };
}

pub(crate) use barrier;

#[cfg(synod_mutants)]
pub use chosen::{Exhibit, choose, choose_barrier, is_chosen, listed, put_to_sleep, reached, waits_for};

/// One mutant a process, chosen at run time.
#[cfg(synod_mutants)]
mod chosen {
    use crate::Lsn;
    use core::panic::Location;
    use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

    /// A planted bug, or a judge that can be put to sleep.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Exhibit {
        /// What it is called in code and tables.
        pub name: &'static str,
        /// Where it happened: project and number, paper and section.
        pub source: &'static str,
        /// What is wrong, in one sentence without an end.
        pub says: &'static str,
    }

    /// The fingerprint of the chosen mutant; 0 is the correct code.
    static MUTANT: AtomicU64 = AtomicU64::new(0);
    /// The fingerprint of the judge that sleeps; 0 is none.
    static ASLEEP: AtomicU64 = AtomicU64::new(0);
    /// The fingerprint of the file and the line of the chosen barrier; line 0 is none.
    static FILE: AtomicU64 = AtomicU64::new(0);
    static LINE: AtomicU32 = AtomicU32::new(0);
    static REACHED: AtomicU64 = AtomicU64::new(0);

    /// From now on the process runs with this mutant, or with the correct code.
    pub fn choose(name: Option<&str>) {
        MUTANT.store(name.map_or(0, fingerprint), Relaxed);
        LINE.store(0, Relaxed);
        REACHED.store(0, Relaxed);
    }

    /// From now on this judge looks away, or none does. It goes together with a mutant: is it this judge who catches it?
    pub fn put_to_sleep(judge: Option<&str>) {
        ASLEEP.store(judge.map_or(0, fingerprint), Relaxed);
    }

    /// From now on the `send`, `emit` or `release` in this line does not wait. The file is named as the compiler names it:
    /// from the root of the workspace.
    pub fn choose_barrier(file: &str, line: u32) {
        choose(None);
        FILE.store(fingerprint(file), Relaxed);
        LINE.store(line, Relaxed);
    }

    /// How often the chosen mutant or barrier was passed since it was chosen.
    #[must_use]
    pub fn reached() -> u64 {
        REACHED.load(Relaxed)
    }

    /// For [`mutant!`](crate::mutant!).
    #[must_use]
    #[inline]
    pub fn is_chosen(fingerprint: u64) -> bool {
        let chosen = MUTANT.load(Relaxed) == fingerprint;
        if chosen {
            REACHED.fetch_add(1, Relaxed);
        }
        chosen || ASLEEP.load(Relaxed) == fingerprint
    }

    /// For [`mutant!`](crate::mutant!): the fingerprint of a name that the crate lists.
    ///
    /// # Panics
    /// When it does not: at compile time.
    #[must_use]
    pub const fn listed(lists: &[&[Exhibit]; 2], name: &str) -> u64 {
        let wanted = fingerprint(name);
        let [mut rest, mut then] = *lists;
        loop {
            match rest {
                [exhibit, _others @ ..] if fingerprint(exhibit.name) == wanted => return wanted,
                [_, others @ ..] => rest = others,
                [] if then.is_empty() => break,
                [] => (rest, then) = (then, &[]),
            }
        }
        #[expect(clippy::panic, reason = "evaluated by the compiler alone")]
        {
            panic!("this mutant is not listed in `crate::mutants::EXHIBITS`")
        }
    }

    /// For the context: what a send waits for.
    #[must_use]
    #[track_caller]
    #[inline]
    pub fn waits_for(after: Lsn) -> Lsn {
        let line = LINE.load(Relaxed);
        if line == 0 {
            return after;
        }
        let caller = Location::caller();
        if caller.line() != line || fingerprint(caller.file()) != FILE.load(Relaxed) {
            return after;
        }
        REACHED.fetch_add(1, Relaxed);
        Lsn::ZERO
    }

    /// FNV-1a over 64 bits.
    const fn fingerprint(name: &str) -> u64 {
        let (bytes, mut hash, mut at) = (name.as_bytes(), 0xcbf2_9ce4_8422_2325_u64, 0);
        while at < bytes.len() {
            #[expect(clippy::indexing_slicing, reason = "const code has no `get`; `at` is below the length")]
            let byte = bytes[at];
            hash = (hash ^ byte as u64).wrapping_mul(0x100_0000_01b3);
            at += 1;
        }
        hash
    }
}
