//! The room of replicated types in the museum: mistakes that anti-entropy must not make, each planted where it would be made.

use synod_core::mutant::Exhibit;

/// All of them.
pub const EXHIBITS: &[Exhibit] = &[
    Exhibit {
        name: "action-not-written",
        source: "riak_kv 1069",
        says: "what was acknowledged is in memory and on its way, and not on the disk",
    },
    Exhibit {
        name: "snapshot-not-read",
        source: "the state, written anew",
        says: "a restart finds the deltas since the last snapshot, and not the snapshot",
    },
    Exhibit {
        name: "gap-never-filled",
        source: "delta intervals, section 6",
        says: "who lacks more than its peer remembers is not sent the state",
    },
    Exhibit {
        name: "garbage-before-its-time",
        source: "causal stability",
        says: "what this node has seen counts as seen by all",
    },
];

/// None: those who watch replicas are judges of the simulator.
pub const JUDGES: &[Exhibit] = &[];
