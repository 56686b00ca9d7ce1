//! The simulator's room in the museum.

use synod_core::mutant::Exhibit;

/// None so far.
pub const EXHIBITS: &[Exhibit] = &[];

/// Judges that look away.
pub const JUDGES: &[Exhibit] = &[
    Exhibit {
        name: "content-without-progress",
        source: "liveness",
        says: "what must come to hold after the faults is not waited for",
    },
    Exhibit {
        name: "explorer-never-looks",
        source: "explorer",
        says: "what an observer says of a step that is explored is not heard",
    },
];
