//! An invariant that nothing enforces is a wish.

use super::code::code;
use super::crates::section;
use super::tree::Tree;
use super::{Findings, RULES, Rule};

pub(super) const ENFORCED: Rule = Rule {
    name: "invariants",
    says: "each item of ARCHITECTURE.md's `## Invariants` ends `— enforced by` and names tests, rules or steps that exist",
    check: enforced,
};

const PATH: &str = "ARCHITECTURE.md";
const MARK: &str = "— enforced by";

fn enforced(tree: &Tree, findings: &mut Findings) {
    let Some(text) = tree.text(PATH) else { return findings.file(PATH, "missing") };
    let items = items(text);
    if items.is_empty() {
        findings.file(PATH, "no numbered invariants in a section `## Invariants`");
    }
    for (expected, item) in (1..).zip(&items) {
        if item.number != expected {
            findings.line(
                PATH,
                item.line,
                format!("invariant {} stands where {expected} belongs", item.number),
            );
        }
        let Some((_, enforcers)) = item.text.rsplit_once(MARK) else {
            findings.line(PATH, item.line, format!("invariant {} does not end with `{MARK} …`", item.number));
            continue;
        };
        let mut named = enforcers.split('`').skip(1).step_by(2).peekable();
        if named.peek().is_none() {
            findings.line(PATH, item.line, format!("invariant {} names no enforcer", item.number));
        }
        for enforcer in named {
            if let Err(why) = resolve(tree, enforcer) {
                findings.line(PATH, item.line, format!("invariant {}: `{enforcer}`: {why}", item.number));
            }
        }
    }
}

struct Item {
    line: usize,
    number: usize,
    text: String,
}

/// The items `N. …` of the section, each with the lines that continue it.
fn items(text: &str) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for (line, words) in section(text, "## Invariants") {
        let start = words.split_once(". ").and_then(|(number, text)| Some((number.parse().ok()?, text)));
        match (start, items.last_mut()) {
            (Some((number, text)), _) => items.push(Item { line, number, text: text.to_owned() }),
            (None, Some(item)) if words.starts_with(' ') => {
                item.text.push(' ');
                item.text.push_str(words.trim());
            }
            _ => {}
        }
    }
    items
}

/// `tidy:<rule>`, `ci:<step>` or `<folder>/<path>#<test>`, where the folder is one of crates/ or of the top level.
fn resolve(tree: &Tree, enforcer: &str) -> Result<(), String> {
    if let Some(name) = enforcer.strip_prefix("tidy:") {
        let known = RULES.iter().any(|rule| rule.name == name.trim());
        return if known { Ok(()) } else { Err("no such rule (`cargo xtask tidy --list`)".into()) };
    }
    if let Some(name) = enforcer.strip_prefix("ci:") {
        let known = crate::ci::names().any(|step| step == name.trim());
        return if known { Ok(()) } else { Err("no such step (`cargo xtask ci --list`)".into()) };
    }
    let Some((path, test)) = enforcer.split_once('#') else {
        return Err("expected tidy:<rule>, ci:<step> or <crate>/<path>#<test>".into());
    };
    let text = tree.text(&format!("crates/{path}")).or_else(|| tree.text(path));
    let text = text.ok_or_else(|| format!("there is no file crates/{path} and no file {path}"))?;
    if is_test(text, test) { Ok(()) } else { Err(format!("{path} has no test `{test}`")) }
}

/// Whether `fn test()` stands under a `#[test]` attribute, perhaps with other attributes between.
fn is_test(text: &str, test: &str) -> bool {
    let code = code(text);
    let lines: Vec<_> = code.lines().map(str::trim).collect();
    let head = format!("fn {test}(");
    lines.iter().enumerate().any(|(at, line)| {
        let attributes =
            || lines.iter().take(at).rev().take_while(|line| line.starts_with("#[") || line.is_empty());
        line.strip_prefix("pub ").unwrap_or(line).starts_with(&head)
            && attributes().any(|line| line.starts_with("#[test]"))
    })
}

#[cfg(test)]
mod tests {
    use super::super::errors;
    use super::*;

    const CODE: &str = "#[test]\nfn waits_for_the_disk() {}\nfn helper() {}\n// #[test]\n// fn gone() {}\n";

    fn found(invariants: &str) -> Vec<String> {
        let text = format!(
            "# Architecture\n## Invariants\nWhat never happens.\n\n{invariants}\n## Next\n9. not one\n"
        );
        errors(&ENFORCED, &Tree::of([(PATH, &text), ("crates/core/tests/contract.rs", CODE)]))
    }

    #[test]
    fn invariants_with_real_enforcers_pass() {
        let text = "1. Promises wait\n   for the disk — enforced by `core/tests/contract.rs#waits_for_the_disk`, `tidy:invariants`.\n\
                    2. A seed is a run — enforced by `ci:simulation`.\n";
        assert_eq!(found(text), [""; 0]);
    }

    #[test]
    fn what_is_not_enforced_is_found() {
        for (planted, told) in [
            ("1. Nothing is lost.", "does not end with"),
            ("1. Nothing is lost — enforced by good will.", "names no enforcer"),
            ("1. Nothing is lost — enforced by `tidy:good-will`.", "no such rule"),
            ("1. Nothing is lost — enforced by `ci:good-will`.", "no such step"),
            ("1. Nothing is lost — enforced by `core/tests/contract.rs#helper`.", "no test `helper`"),
            ("1. Nothing is lost — enforced by `core/tests/contract.rs#gone`.", "no test `gone`"),
            ("1. Nothing is lost — enforced by `core/tests/other.rs#gone`.", "there is no file"),
            ("1. Nothing is lost — enforced by `a_test`.", "expected tidy:"),
            ("2. Nothing is lost — enforced by `tidy:links`.", "stands where 1 belongs"),
            ("Nothing is written down.", "no numbered invariants"),
        ] {
            let errors = found(planted);
            assert!(errors.len() == 1 && errors[0].contains(told), "{planted}: {errors:?}");
        }
    }
}
