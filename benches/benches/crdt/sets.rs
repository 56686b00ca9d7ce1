//! Sets, deltas, counters, memory.

use core::fmt::Debug;
use core::hash::Hash;
use core::hint::black_box;
use cpu_time::ProcessTime;
use crdts::{CmRDT, CvRDT, Orswot};
use synod_benches::Table;
use synod_core::wire::Wire;
use synod_crdt::{ActorId, Crdt, GCounter, OrSet};

/// Rounds of each measurement; the least counts.
const ROUNDS: usize = 7;

type Peer<E> = Orswot<E, u128>;

/// An actor with all its bits in use.
fn actor(number: usize) -> u128 {
    (number as u128 + 1) * 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835
}

/// The least CPU time of a few rounds, in nanoseconds; what `prepare` makes is not in it.
fn least<T>(rounds: usize, mut prepare: impl FnMut() -> T, mut run: impl FnMut(&mut T)) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..rounds {
        let mut prepared = prepare();
        let begin = ProcessTime::now();
        run(&mut prepared);
        least = least.min(begin.elapsed().as_nanos() as f64);
        black_box(&prepared);
    }
    least
}

fn allocated() -> usize {
    let stats = super::ALLOCATOR.stats();
    stats.bytes_allocated.wrapping_sub(stats.bytes_deallocated)
}

/// What a value takes, besides itself.
fn bytes_of<T>(make: impl FnOnce() -> T) -> (T, f64) {
    let before = allocated();
    let value = make();
    (value, allocated().wrapping_sub(before) as f64)
}

fn peer_add<E: Clone + Hash + Eq + Ord + Debug>(set: &mut Peer<E>, actor: u128, element: E) {
    let context = set.read_ctx().derive_add_ctx(actor);
    set.apply(set.add(element, context));
}

fn peer_remove<E: Clone + Hash + Eq + Ord + Debug>(set: &mut Peer<E>, element: &E) {
    let context = set.contains(element).derive_rm_ctx();
    set.apply(set.rm(element.clone(), context));
}

/// Two replicas that have gone their own ways, as ours and as the peer's.
struct Pair<E: Hash + Eq> {
    ours: [OrSet<E>; 2],
    theirs: [Peer<E>; 2],
}

impl<E: Clone + Hash + Eq + Ord + Debug> Pair<E> {
    /// `gone` says which of the old elements the two sides remove.
    fn new(
        n: usize,
        actors: usize,
        again: bool,
        element: impl Fn(usize) -> E,
        gone: impl Fn(usize, usize) -> bool,
    ) -> Self {
        let (mut ours, mut theirs) = (OrSet::new(), Peer::new());
        for i in 0..n {
            let actor = actor(i % actors);
            let _ = black_box(ours.add(ActorId::from(actor), element(i)));
            peer_add(&mut theirs, actor, element(i));
        }
        let mut pair = Self { ours: [ours.clone(), ours], theirs: [theirs.clone(), theirs] };
        for side in [0, 1] {
            let half = (actors / 2).max(1);
            for i in 0..n / 10 {
                let actor = actor(if actors == 1 { 0 } else { side * half + i % half });
                let new = if again { i * 10 + 5 } else { n + side * n + i };
                let _ = black_box(pair.ours[side].add(ActorId::from(actor), element(new)));
                peer_add(&mut pair.theirs[side], actor, element(new));
            }
            for i in (0..n).filter(|i| gone(side, *i)) {
                pair.ours[side].remove(&element(i));
                peer_remove(&mut pair.theirs[side], &element(i));
            }
        }
        pair
    }

    /// Merged, both libraries have the same elements. Returns our time, and the peer's.
    fn diverged(&self) -> [f64; 2] {
        let ours = least(ROUNDS, || self.ours[0].clone(), |set| _ = black_box(set.merge(&self.ours[1])));
        let theirs = least(
            3,
            || (self.theirs[0].clone(), Some(self.theirs[1].clone())),
            |(set, other)| {
                if let Some(other) = other.take() {
                    CvRDT::merge(set, other);
                }
            },
        );
        let mut merged = self.ours[0].clone();
        let _ = black_box(merged.merge(&self.ours[1]));
        let mut peer = self.theirs[0].clone();
        CvRDT::merge(&mut peer, self.theirs[1].clone());
        let elements: Vec<E> = merged.view().into_iter().collect();
        let mut expected: Vec<E> = peer.read().val.into_iter().collect();
        expected.sort();
        assert!(elements == expected, "the two libraries disagree about {} elements", elements.len());
        [ours, theirs]
    }

    fn identical(&self) -> [f64; 2] {
        let copy = self.ours[0].clone();
        let ours = least(ROUNDS * 5, || self.ours[0].clone(), |set| _ = black_box(set.merge(&copy)));
        let theirs = least(
            3,
            || (self.theirs[0].clone(), Some(self.theirs[0].clone())),
            |(set, other)| {
                if let Some(other) = other.take() {
                    CvRDT::merge(set, other);
                }
            },
        );
        [ours, theirs]
    }
}

fn duration(ns: f64) -> String {
    match ns {
        ns if ns < 10_000.0 => format!("{ns:.0} ns"),
        ns if ns < 10_000_000.0 => format!("{:.0} µs", ns / 1e3),
        ns => format!("{:.1} ms", ns / 1e6),
    }
}

fn compared(table: &mut Table, what: &str, [ours, theirs]: [f64; 2]) {
    table.row(what, duration(ours), duration(theirs), Some(theirs / ours), None);
}

/// A tenth of the old elements, one here and one there: the two sides remove others.
fn scattered(side: usize, i: usize) -> bool {
    i % 10 == 3 + 4 * side
}

fn merges(table: &mut Table) {
    for (n, actors) in [(10_000, 2), (10_000, 16), (100_000, 2), (100_000, 16)] {
        let pair = Pair::new(n, actors, false, |i| i as u64, scattered);
        compared(table, &format!("set, {n} u64, {actors} actors, merge ±10 %"), pair.diverged());
        compared(table, &format!("set, {n} u64, {actors} actors, merge identical"), pair.identical());
    }
    let oldest = |side: usize, i: usize| i / 10_000 == side;
    let pair = Pair::new(100_000, 16, false, |i| i as u64, oldest);
    compared(table, "set, 100000 u64, 16 actors, merge ±10 %, the oldest removed", pair.diverged());
    let pair = Pair::new(100_000, 16, true, |i| i as u64, scattered);
    compared(table, "set, 100000 u64, 16 actors, a tenth added again by both, merge", pair.diverged());
    let pair = Pair::new(100_000, 16, false, |i| format!("element {i:08}"), scattered);
    compared(table, "set, 100000 texts, 16 actors, merge ±10 %", pair.diverged());
    compared(table, "set, 100000 texts, 16 actors, merge identical", pair.identical());
}

fn memory(table: &mut Table) {
    for n in [10_000, 100_000] {
        let actors = 16;
        let (ours, our_bytes) = bytes_of(|| {
            let mut set = OrSet::new();
            for i in 0..n {
                drop(set.add(ActorId::from(actor(i % actors)), i as u64));
            }
            set
        });
        let (theirs, their_bytes) = bytes_of(|| {
            let mut set = Peer::new();
            for i in 0..n {
                peer_add(&mut set, actor(i % actors), i as u64);
            }
            set
        });
        black_box((&ours, &theirs));
        let each = |bytes: f64| bytes / n as f64;
        let (ours, theirs) = (each(our_bytes), each(their_bytes));
        let row = format!("set, {n} u64, 16 actors, memory of an element");
        table.row(&row, format!("{ours:.1} B"), format!("{theirs:.1} B"), Some(theirs / ours), None);
    }
}

fn single(table: &mut Table) {
    const BATCH: usize = 1_000;
    for n in [1_000, 100_000, 1_000_000] {
        let (mut ours, mut theirs) = (OrSet::new(), Peer::new());
        for i in 0..n {
            drop(ours.add(ActorId::from(actor(i % 16)), i as u64));
            if n <= 100_000 {
                peer_add(&mut theirs, actor(i % 16), i as u64);
            }
        }
        let mut writer = ours.clone();
        let deltas: Vec<_> = (0..BATCH)
            .filter_map(|i| writer.add(ActorId::from(actor(i % 16)), (n + i) as u64).ok())
            .collect();
        let joined = least(
            ROUNDS,
            || ours.clone(),
            |set| {
                deltas.iter().for_each(|delta| _ = black_box(set.join(delta)));
            },
        ) / BATCH as f64;
        if n <= 100_000 {
            let mut writer = theirs.clone();
            let ops: Vec<_> = (0..BATCH)
                .map(|i| {
                    let op = writer.add((n + i) as u64, writer.read_ctx().derive_add_ctx(actor(i % 16)));
                    writer.apply(op.clone());
                    op
                })
                .collect();
            let applied = least(
                3,
                || (theirs.clone(), ops.clone()),
                |(set, ops)| {
                    ops.drain(..).for_each(|op| set.apply(op));
                },
            ) / BATCH as f64;
            compared(table, &format!("set, one addition joined into {n}"), [joined, applied]);
        } else {
            table.row(&format!("set, one addition joined into {n}"), duration(joined), "-", None, None);
        }
        if n == 100_000 {
            let bytes = deltas.iter().map(|delta| delta.to_bytes(0).len()).max().unwrap_or(0);
            table.row(
                "set, one addition of a u64 on the wire",
                format!("{bytes} B"),
                "- (no deltas)",
                None,
                None,
            );
            let version = ours.version();
            let later = writer.delta_since(&version).to_bytes(0).len();
            let all = writer.to_bytes(0).len();
            table.row(
                "set, 1000 additions since a version, of 101000",
                format!("{later} B"),
                format!("{all} B (state)"),
                None,
                None,
            );
            let add = least(
                ROUNDS,
                || ours.clone(),
                |set| {
                    (0..BATCH).for_each(|i| drop(set.add(ActorId::from(actor(i % 16)), (n + i) as u64)));
                },
            ) / BATCH as f64;
            let peer = least(
                3,
                || theirs.clone(),
                |set| {
                    (0..BATCH).for_each(|i| peer_add(set, actor(i % 16), (n + i) as u64));
                },
            ) / BATCH as f64;
            compared(table, "set of 100000, add", [add, peer]);
            let old = |i: usize| (i * 97 % n) as u64;
            let remove = least(
                ROUNDS,
                || ours.clone(),
                |set| {
                    (0..BATCH).for_each(|i| drop(set.remove(&old(i))));
                },
            ) / BATCH as f64;
            let peer = least(
                3,
                || theirs.clone(),
                |set| {
                    (0..BATCH).for_each(|i| peer_remove(set, &old(i)));
                },
            ) / BATCH as f64;
            compared(table, "set of 100000, remove", [remove, peer]);
            let contains = least(
                ROUNDS,
                || (),
                |()| {
                    (0..BATCH).for_each(|i| _ = black_box(ours.contains(&old(i))));
                },
            ) / BATCH as f64;
            let peer = least(
                3,
                || (),
                |()| {
                    (0..BATCH).for_each(|i| _ = black_box(theirs.contains(&old(i)).val));
                },
            ) / BATCH as f64;
            compared(table, "set of 100000, contains", [contains, peer]);
        }
    }
}

/// What it costs to notice that one dot stands for two things. The peer checks only when asked.
fn equivocation(table: &mut Table) {
    for n in [1_000_usize, 2_000] {
        let half = |side: usize| {
            let (mut ours, mut theirs) = (OrSet::new(), Peer::new());
            for i in 0..n {
                drop(ours.add(ActorId::from(actor(side)), (side * n + i) as u64));
                peer_add(&mut theirs, actor(side), (side * n + i) as u64);
            }
            (ours, theirs)
        };
        let ((a, x), (b, y)) = (half(0), half(1));
        let ours = least(ROUNDS, || a.clone(), |set| _ = black_box(set.merge(&b)));
        let theirs = least(3, || (), |()| _ = black_box(x.validate_merge(&y)));
        compared(table, &format!("two sets of {n}, merge that checks / peer's check alone"), [ours, theirs]);
    }
}

fn counters(table: &mut Table) {
    const N: usize = 1_000;
    let (mut ours, mut theirs) = (GCounter::new(), crdts::GCounter::new());
    for i in 0..N {
        let _ = black_box(ours.increment(ActorId::from(actor(i)), i as u64 + 1));
        theirs.apply(theirs.inc_many(actor(i), i as u64 + 1));
    }
    let mut grown = (ours.clone(), theirs.clone());
    for i in 0..N {
        let _ = black_box(grown.0.increment(ActorId::from(actor(i)), 1));
        grown.1.apply(grown.1.inc(actor(i)));
    }
    let merged = least(ROUNDS * 9, || ours.clone(), |counter| _ = black_box(counter.merge(&grown.0)));
    let peer = least(
        ROUNDS * 9,
        || (theirs.clone(), Some(grown.1.clone())),
        |(counter, other)| {
            if let Some(other) = other.take() {
                CvRDT::merge(counter, other);
            }
        },
    );
    compared(table, "growing counter of 1000 actors, merge", [merged, peer]);
    let one = ActorId::from(actor(500));
    let ours = least(
        ROUNDS,
        || ours.clone(),
        |counter| {
            (0..N).for_each(|_| _ = black_box(counter.increment(one, 1)));
        },
    ) / N as f64;
    let theirs = least(
        ROUNDS,
        || theirs.clone(),
        |counter| {
            (0..N).for_each(|_| counter.apply(counter.inc(actor(500))));
        },
    ) / N as f64;
    compared(table, "growing counter of 1000 actors, increment", [ours, theirs]);
}

pub(super) fn run() -> Table {
    let mut table = Table::default();
    merges(&mut table);
    memory(&mut table);
    single(&mut table);
    equivocation(&mut table);
    counters(&mut table);
    table
}
