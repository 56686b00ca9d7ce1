//! Plans for people.

use super::{Move, Plan};
use core::fmt;

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, from, to, size } = self;
        match (from, to) {
            (Some(from), Some(to)) => write!(f, "{partition}  {from} → {to}  {size}"),
            (None, Some(to)) => write!(f, "{partition}  new → {to}  {size}"),
            (Some(from), None) => write!(f, "{partition}  {from} → dropped"),
            (None, None) => write!(f, "{partition}  stays"),
        }
    }
}

impl fmt::Display for Plan {
    /// A line of summary and a line for each move.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, size) =
            (self.moves.len(), self.moves.iter().map(|each| u128::from(each.size)).sum::<u128>());
        let moves = if count == 1 { "move" } else { "moves" };
        writeln!(f, "{count} {moves}, {size} to copy, certified: no plan that meets the request costs less")?;
        self.moves.iter().try_for_each(|each| writeln!(f, "   {each}"))
    }
}
