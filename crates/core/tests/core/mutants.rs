//! Planted bugs are in no normal build.

use synod_core::mutant;

#[test]
fn a_planted_bug_is_not_even_compiled() {
    // What follows the arrow names nothing that exists, and the name is on no list.
    let right =
        mutant!(1 + 1, "no-such-exhibit" => this_does_not_exist(), "nor-this" => there::is::no::such::path);
    assert_eq!(right, 2);
    mutant!("no-such-exhibit" => nothing_of_the_kind());
}
