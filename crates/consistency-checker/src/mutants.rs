//! The checker's room in the museum.

use synod_core::mutant::Exhibit;

/// Mistakes of the checker itself, which its verifier must notice.
pub const EXHIBITS: &[Exhibit] = &[Exhibit {
    name: "operation-before-its-call",
    source: "Herlihy and Wing 1990, section 2.2",
    says: "the search lets an operation take effect before it was called",
}];

/// Judges that look away.
pub const JUDGES: &[Exhibit] = &[
    Exhibit {
        name: "checker-ignores-real-time",
        source: "linearizability",
        says: "an operation may take effect before it was called",
    },
    Exhibit {
        name: "verifier-content-with-everything",
        source: "certificates",
        says: "every certificate is believed",
    },
];
