//! The room of partitions on the move in the museum: each mistake makes two writers, or none.

use synod_core::mutant::Exhibit;

/// All of them.
pub const EXHIBITS: &[Exhibit] = &[
    Exhibit {
        name: "frozen-in-memory",
        source: "the owner freezes",
        says: "that a partition was frozen is forgotten in a crash, and it serves again",
    },
    Exhibit {
        name: "let-go-at-any-answer",
        source: "epochs",
        says: "an answer to an earlier offer counts as one to this",
    },
    Exhibit {
        name: "write-in-memory",
        source: "the write-ahead log",
        says: "a write is admitted and forgotten in a crash",
    },
];

/// None: those who watch partitions are judges of the simulator.
pub const JUDGES: &[Exhibit] = &[];
