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

/// The files that may say `unsafe`, and why. Each owes a `// SAFETY:` comment.
const EXCEPTIONS: [(&str, &str); 1] =
    [("crates/core/tests/no_alloc.rs", "counts allocations; a global allocator is an unsafe trait")];

fn forbid_unsafe(tree: &Tree, findings: &mut Findings) {
    for package in &tree.packages {
        let roots = ["src/lib.rs", "src/main.rs"].map(|root| format!("{}/{root}", package.folder));
        for root in
            roots.iter().filter(|root| tree.text(root).is_some_and(|text| !code(text).contains(FORBID)))
        {
            findings.file(root, format!("no `{FORBID}`"));
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
    }
}
