//! Any placement, with ranges: those of its own, or of 4,096 slices of the circle.

use synod_core::NodeId;
use synod_hashring::{Cluster, HashFn, NodeIx, Placed, Placement, PlacementError, Ranges, Sliced};

/// Slices of a placement without ranges, as a power of two.
const SLICES: u32 = 12;

pub(super) struct View {
    placed: Placed,
    sliced: Option<Sliced<Placed>>,
}

impl View {
    pub(super) fn new(placed: Placed) -> Result<Self, PlacementError> {
        let own = matches!(placed, Placed::Ring(_) | Placed::Slots(_) | Placed::Maglev(_));
        let sliced = if own { None } else { Some(Sliced::new(placed.clone(), SLICES)?) };
        Ok(Self { placed, sliced })
    }

    /// Whether ranges are slices that were laid over the placement.
    pub(super) const fn is_sliced(&self) -> bool {
        self.sliced.is_some()
    }

    pub(super) const fn placed(&self) -> &Placed {
        &self.placed
    }

    /// Ranges with neighbours of one node joined, as the last position and the owner.
    pub(super) fn arcs(&self) -> Vec<(u64, NodeId)> {
        let mut arcs: Vec<(u64, NodeId)> = Vec::new();
        for (end, node) in self.ranges() {
            let id = self.cluster().id(node);
            match arcs.last_mut() {
                Some(last) if last.1 == id => last.0 = end,
                _ => arcs.push((end, id)),
            }
        }
        arcs
    }
}

impl Placement for View {
    fn cluster(&self) -> &Cluster {
        self.placed.cluster()
    }

    fn hash_fn(&self) -> HashFn {
        self.placed.hash_fn()
    }

    fn place(&self, position: u64) -> NodeIx {
        match &self.sliced {
            Some(sliced) => sliced.place(position),
            None => self.placed.place(position),
        }
    }

    fn candidates(&self, position: u64) -> impl Iterator<Item = NodeIx> + '_ {
        let boxed: Box<dyn Iterator<Item = NodeIx>> = match &self.sliced {
            Some(sliced) => Box::new(sliced.candidates(position)),
            None => Box::new(self.placed.candidates(position)),
        };
        boxed
    }
}

impl Ranges for View {
    fn ranges(&self) -> impl Iterator<Item = (u64, NodeIx)> + '_ {
        let boxed: Box<dyn Iterator<Item = (u64, NodeIx)>> = match (&self.sliced, &self.placed) {
            (Some(sliced), _) => Box::new(sliced.ranges()),
            (None, Placed::Ring(ring)) => Box::new(ring.ranges()),
            (None, Placed::Slots(slots)) => Box::new(slots.ranges()),
            (None, Placed::Maglev(maglev)) => Box::new(maglev.ranges()),
            // Made without slices for the three above alone.
            (None, _) => Box::new(core::iter::empty()),
        };
        boxed
    }
}
