//! The planted bugs of this crate; they exist under `--cfg synod_mutants` alone. See `synod_core::mutant`.

use synod_core::mutant::Exhibit;

/// Known mistakes, each beside the code that avoids it.
pub const EXHIBITS: &[Exhibit] = &[
    Exhibit {
        name: "replicas-on-one-node",
        source: "hashring-rs 31",
        says: "the next points of the ring are the replicas, whosever they are",
    },
    Exhibit {
        name: "zones-forgotten",
        source: "riak_core 913",
        says: "a candidate is taken although the copies that are left cannot reach the zones that are needed",
    },
    Exhibit {
        name: "slots-modulo",
        source: "the textbook",
        says: "a slot belongs to the node with number slot mod n",
    },
];

/// Judges that look away: none is planted here.
pub const JUDGES: &[Exhibit] = &[];
