//! Comparing vectors of any actors, in one pass that ends as soon as the answer is known.

use super::columns::{Columns, surplus};
use crate::Causality;
use core::cmp::Ordering;

/// How many entries are looked at before it is asked whether the answer is known.
const BLOCK: usize = 8;

/// How one column of counters stands to another of the same actors.
#[inline]
pub(crate) fn counters(mine: &[u64], theirs: &[u64]) -> Causality {
    let (mut more, mut less) = (false, false);
    for (mine, theirs) in mine.chunks(BLOCK).zip(theirs.chunks(BLOCK)) {
        let (more_here, less_here) = surplus(mine, theirs);
        (more, less) = (more | more_here, less | less_here);
        if more && less {
            break;
        }
    }
    Causality::from_surplus(more, less)
}

/// How one vector stands to another.
#[inline(never)]
pub(super) fn columns<A: Ord>(mine: &Columns<A>, theirs: &Columns<A>) -> Causality {
    let (mine, theirs) = (Rest::of(mine), Rest::of(theirs));
    // As long as both are of the same actors, whole blocks at a time.
    let blocks = || mine.blocks().zip(theirs.blocks());
    let (mut more, mut less, mut same) = (false, false, 0);
    for ((actors, counters), (other_actors, other_counters)) in blocks() {
        if actors != other_actors {
            break;
        }
        let (more_here, less_here) = surplus(counters, other_counters);
        (more, less, same) = (more | more_here, less | less_here, same + BLOCK);
        if more && less {
            return Causality::Concurrent;
        }
    }
    let (mut mine, mut theirs) = (mine.skip(same), theirs.skip(same));
    while !(more && less) {
        let order = match (mine.actors.first(), theirs.actors.first()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(actor), Some(other)) => actor.cmp(other),
        };
        // Of two actors the smaller is one that the other side does not know.
        match order {
            Ordering::Less => (more, mine) = (true, mine.skip(1)),
            Ordering::Greater => (less, theirs) = (true, theirs.skip(1)),
            Ordering::Equal => {
                more |= mine.counters.first() > theirs.counters.first();
                less |= mine.counters.first() < theirs.counters.first();
                (mine, theirs) = (mine.skip(1), theirs.skip(1));
            }
        }
    }
    Causality::from_surplus(more, less)
}

/// What is left of a vector.
struct Rest<'a, A> {
    actors: &'a [A],
    counters: &'a [u64],
}

impl<'a, A> Rest<'a, A> {
    fn of(columns: &'a Columns<A>) -> Self {
        Self { actors: columns.actors(), counters: columns.counters() }
    }

    fn skip(&self, count: usize) -> Self {
        Self {
            actors: self.actors.get(count..).unwrap_or_default(),
            counters: self.counters.get(count..).unwrap_or_default(),
        }
    }

    #[inline]
    fn blocks(&self) -> impl Iterator<Item = (&'a [A; BLOCK], &'a [u64; BLOCK])> {
        self.actors.as_chunks().0.iter().zip(self.counters.as_chunks().0)
    }
}
