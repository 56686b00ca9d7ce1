//! The store's room in the museum.

use synod_core::mutant::Exhibit;

/// None so far.
pub const EXHIBITS: &[Exhibit] = &[];

/// Judges that look away.
pub const JUDGES: &[Exhibit] = &[Exhibit {
    name: "judge-content-with-everything",
    source: "linearizability",
    says: "the verdict of the checker is not asked for",
}];
