//! Where the exhibits come from: each crate lists its own.

use std::borrow::Cow;

/// Something that is wrong on purpose.
#[derive(Clone, Debug)]
pub(crate) struct Exhibit {
    /// The crate, and with it the setups.
    pub(crate) room: &'static str,
    pub(crate) name: Cow<'static, str>,
    pub(crate) source: Cow<'static, str>,
    pub(crate) says: Cow<'static, str>,
    pub(crate) plant: Plant,
}

/// How it is brought about.
#[derive(Clone, Debug)]
pub(crate) enum Plant {
    /// A planted bug of this exhibit's name.
    Mutant,
    /// The send in this line does not wait for the disk.
    Barrier { file: String, line: u32 },
}

/// A label: room, name, source, what it says.
type Label = (&'static str, [&'static str; 3]);

/// All planted bugs.
pub(crate) fn mutants() -> Vec<Exhibit> {
    build::labels().into_iter().map(exhibit).collect()
}

/// The judges that can be put to sleep.
pub(crate) fn judges() -> Vec<Exhibit> {
    build::judges().into_iter().map(exhibit).collect()
}

fn exhibit((room, [name, source, says]): Label) -> Exhibit {
    Exhibit { room, name: name.into(), source: source.into(), says: says.into(), plant: Plant::Mutant }
}

/// Lets the process run with this exhibit.
pub(crate) fn plant(exhibit: &Exhibit) {
    match &exhibit.plant {
        Plant::Mutant => build::choose(Some(&exhibit.name)),
        Plant::Barrier { file, line } => build::choose_barrier(file, *line),
    }
}

/// Lets the process run with the correct code.
pub(crate) fn clear() {
    build::choose(None);
}

/// Lets this judge look away, or none.
pub(crate) fn put_to_sleep(judge: Option<&Exhibit>) {
    build::put_to_sleep(judge.map(|judge| judge.name.as_ref()));
}

/// Whether the code of the exhibit was run since it was planted.
pub(crate) fn reached() -> bool {
    build::reached() > 0
}

#[cfg(synod_mutants)]
mod build {
    use super::Label;
    use synod_core::mutant::Exhibit;
    pub(super) use synod_core::mutant::{choose, choose_barrier, put_to_sleep, reached};

    pub(super) fn labels() -> Vec<Label> {
        of([
            ("raft", synod_raft::mutants::EXHIBITS),
            ("paxos", synod_paxos::mutants::EXHIBITS),
            ("crdt", synod_crdt::mutants::EXHIBITS),
            ("partition", synod_partition::mutants::EXHIBITS),
            ("checker", synod_consistency_checker::mutants::EXHIBITS),
        ])
    }

    pub(super) fn judges() -> Vec<Label> {
        of([
            ("raft", synod_raft::mutants::JUDGES),
            ("paxos", synod_paxos::mutants::JUDGES),
            ("sim", synod_sim::mutants::JUDGES),
            ("kv", synod_kv::mutants::JUDGES),
            ("checker", synod_consistency_checker::mutants::JUDGES),
        ])
    }

    fn of<const N: usize>(rooms: [(&'static str, &'static [Exhibit]); N]) -> Vec<Label> {
        let label = |(room, exhibits): (_, &'static [Exhibit])| {
            exhibits.iter().map(move |it| (room, [it.name, it.source, it.says]))
        };
        rooms.into_iter().flat_map(label).collect()
    }
}

/// In a normal build there is nothing to show.
#[cfg(not(synod_mutants))]
mod build {
    use super::Label;

    pub(super) fn labels() -> Vec<Label> {
        Vec::new()
    }

    pub(super) fn judges() -> Vec<Label> {
        Vec::new()
    }

    pub(super) fn choose(_: Option<&str>) {}

    pub(super) fn put_to_sleep(_: Option<&str>) {}

    pub(super) fn choose_barrier(_: &str, _: u32) {}

    pub(super) fn reached() -> u64 {
        0
    }
}
