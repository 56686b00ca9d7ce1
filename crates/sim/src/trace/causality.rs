//! Vector clocks (Mattern 1989, Fidge 1988), computed from a finished trace.

use super::{Happening, Moment, Trace};
use crate::network::index;
use std::collections::BTreeMap;

impl Trace {
    /// The moments in order, each with its vector clock: entry `n - 1` counts the moments of node `n` that happened before it,
    /// or are it. One moment happened before another exactly if its clock is less or equal in every entry and another clock.
    ///
    /// `None` for a message that did not arrive: its end is an event of the network, which no node saw. A message that was sent
    /// before the window began carries no clock, and what clients know does not count: a command is a new beginning.
    ///
    /// Costs time proportional to the moments times the nodes, and remembers the clocks of all messages.
    pub fn clocks(&self) -> impl Iterator<Item = (&Moment, Option<Vec<u64>>)> {
        let mut clocks = vec![vec![0_u64; self.nodes]; self.nodes];
        let mut carried: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        self.moments.iter().map(move |moment| {
            let place = index(moment.node).filter(|_| moment.what.is_local());
            let Some((place, clock)) = place.and_then(|place| Some((place, clocks.get_mut(place)?))) else {
                return (moment, None);
            };
            if let Happening::Ended { id, .. } = &moment.what
                && let Some(sent) = carried.get(id)
            {
                clock.iter_mut().zip(sent).for_each(|(mine, theirs)| *mine = (*mine).max(*theirs));
            }
            if let Some(own) = clock.get_mut(place) {
                *own += 1;
            }
            if let Happening::Sent { id, .. } = &moment.what {
                carried.insert(*id, clock.clone());
            }
            (moment, Some(clock.clone()))
        })
    }
}
