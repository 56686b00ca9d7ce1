//! Where the exhibits come from: each crate lists its own.

/// A planted bug.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exhibit {
    pub(crate) krate: &'static str,
    pub(crate) name: &'static str,
    pub(crate) source: &'static str,
    pub(crate) says: &'static str,
}

#[cfg(synod_mutants)]
pub(crate) fn all() -> impl Iterator<Item = Exhibit> {
    let of = |krate, exhibits: &'static [synod_core::mutant::Exhibit]| {
        exhibits.iter().map(move |it| Exhibit { krate, name: it.name, source: it.source, says: it.says })
    };
    of("raft", synod_raft::mutants::EXHIBITS)
}

/// Lets the process run with this mutant, or with the correct code.
#[cfg(synod_mutants)]
pub(crate) fn choose(exhibit: Option<&Exhibit>) {
    synod_core::mutant::choose(exhibit.map(|exhibit| exhibit.name));
}

/// Whether the code of the chosen mutant was run.
#[cfg(synod_mutants)]
pub(crate) fn reached() -> bool {
    synod_core::mutant::reached() > 0
}

// In a normal build there is nothing to show.

#[cfg(not(synod_mutants))]
pub(crate) fn all() -> impl Iterator<Item = Exhibit> {
    core::iter::empty()
}

#[cfg(not(synod_mutants))]
pub(crate) fn choose(_: Option<&Exhibit>) {}

#[cfg(not(synod_mutants))]
pub(crate) fn reached() -> bool {
    false
}
