//! The checker's room in the museum.

use synod_core::mutant::Exhibit;

/// None so far.
pub const EXHIBITS: &[Exhibit] = &[];

/// Judges that look away.
pub const JUDGES: &[Exhibit] = &[Exhibit {
    name: "checker-ignores-real-time",
    source: "linearizability",
    says: "an operation may take effect before it was called",
}];
