//! Safe Rust, except where a list says why.

use super::code::{code, has_word};
use super::tree::Tree;
use super::{Findings, Rule};

pub(super) const FORBID_UNSAFE: Rule = Rule {
    name: "forbid-unsafe",
    says: "every crate forbids unsafe code; the files that need it are listed with the reason",
    check: forbid_unsafe,
};

const FORBID: &str = "#![forbid(unsafe_code)]";

/// What stands in its place where a file that ships is listed below: unsafe code is denied, and allowed in that file alone.
const DENY: &str = "#![deny(unsafe_code)]";

/// The files that may say `unsafe`, and why. Each owes a `// SAFETY:` comment.
const EXCEPTIONS: [(&str, &str); 4] = [
    ("crates/core/tests/no_alloc.rs", "counts allocations; a global allocator is an unsafe trait"),
    ("crates/clocks/tests/no_alloc.rs", "counts allocations; a global allocator is an unsafe trait"),
    ("crates/hashring/tests/no_alloc.rs", "counts allocations; a global allocator is an unsafe trait"),
    (
        "crates/clocks/src/kernel/adjtime.rs",
        "the kernel's bound on its clock's error: one system call that nobody wraps safely, behind a feature",
    ),
];

fn forbid_unsafe(tree: &Tree, findings: &mut Findings) {
    for package in &tree.packages {
        let roots = ["src/lib.rs", "src/main.rs"].map(|root| format!("{}/{root}", package.folder));
        let shipped = format!("{}/src/", package.folder);
        let excepted = EXCEPTIONS.iter().any(|(file, _)| file.starts_with(&shipped));
        let needed = if excepted { DENY } else { FORBID };
        for root in
            roots.iter().filter(|root| tree.text(root).is_some_and(|text| !code(text).contains(needed)))
        {
            findings.file(root, format!("no `{needed}`"));
        }
    }
    let word = concat!("un", "safe");
    for (path, text) in tree.ending(".rs") {
        let excepted = EXCEPTIONS.iter().any(|(exception, _)| *exception == path);
        let lines = code(text);
        let mut used = (1..).zip(lines.lines()).filter(|(_, line)| has_word(line, word)).peekable();
        if !excepted {
            for (number, _) in used {
                findings.line(path, number, format!("`{word}` in a file that is not listed with a reason"));
            }
        } else if used.peek().is_none() {
            findings
                .file(path, format!("listed as an exception, and has no `{word}`: strike it from the list"));
        } else if !text.contains("// SAFETY:") {
            findings.file(path, "no `// SAFETY:` comment");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::errors;
    use super::*;

    #[test]
    fn unsafe_code_is_found_unless_it_is_listed_and_justified() {
        let used = concat!("un", "safe { f() }\n");
        let found = |path: &str, text: &str| errors(&FORBID_UNSAFE, &Tree::of([(path, text)])).len();
        assert_eq!(found("crates/x/src/a.rs", used), 1);
        assert_eq!(found("crates/x/src/a.rs", "// unsafe\n"), 0);
        let (listed, _) = EXCEPTIONS[0];
        assert_eq!(found(listed, &format!("// SAFETY: so\n{used}")), 0);
        assert_eq!(found(listed, used), 1);
        assert_eq!(found(listed, "fn f() {}\n"), 1);
    }

    #[test]
    fn a_crate_that_does_not_forbid_it_is_found() {
        let found = |text: &str| {
            errors(&FORBID_UNSAFE, &Tree::of([("crates/x/src/lib.rs", text)]).with_crate("crates/x")).len()
        };
        assert_eq!(found("#![forbid(unsafe_code)]\n"), 0);
        assert_eq!(found("// #![forbid(unsafe_code)]\n"), 1);
        let found = |text: &str| {
            let tree = Tree::of([("crates/clocks/src/lib.rs", text)]).with_crate("crates/clocks");
            errors(&FORBID_UNSAFE, &tree).len()
        };
        assert_eq!(found("#![deny(unsafe_code)]\n"), 0, "where one shipped file is listed");
        assert_eq!(found(""), 1);
    }
}
