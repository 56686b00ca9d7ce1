//! Mechanical truth: what the documents and habits of this workspace claim, checked on every run.
//!
//! Each rule is a function from the [`Tree`] to findings, and has a test that plants an offence and sees it found. Words
//! that a rule forbids are written in two halves here, so that the rules hold for their own source as well.

mod code;
mod crates;
mod determinism;
mod docs;
mod invariants;
mod safety;
mod supply;
mod text;
mod tree;

use crate::failure::Failure;
use crate::step::Outcome;
use crate::workspace::Workspace;
use tree::Tree;

/// One thing that must be true.
struct Rule {
    name: &'static str,
    says: &'static str,
    check: fn(&Tree, &mut Findings),
}

const RULES: [Rule; 21] = [
    crates::COMPLETE,
    crates::README_TABLE,
    crates::CODE_MAP,
    invariants::ENFORCED,
    determinism::BANS,
    determinism::DEPENDENCIES,
    docs::COMMANDS,
    docs::LINKS,
    docs::CHANGELOG,
    docs::TEST_COMMAND,
    text::UNFINISHED,
    text::SILENCED,
    text::FILE_NAMES,
    text::FILE_LENGTH,
    text::MACHINE_PATHS,
    text::REGISTRY_HOSTS,
    text::MERGE_MARKERS,
    text::WHITESPACE,
    safety::FORBID_UNSAFE,
    supply::LOCKFILE,
    supply::PEERS,
];

/// What the rules found.
#[derive(Default)]
struct Findings {
    rule: &'static str,
    errors: Vec<String>,
    warnings: Vec<String>,
}

impl Findings {
    /// Something is wrong in a file as a whole.
    fn file(&mut self, path: &str, what: impl core::fmt::Display) {
        self.errors.push(format!("{path}: {what} [{}]", self.rule));
    }

    /// Something is wrong on a line, counted from 1.
    fn line(&mut self, path: &str, line: usize, what: impl core::fmt::Display) {
        self.errors.push(format!("{path}:{line}: {what} [{}]", self.rule));
    }

    fn warn(&mut self, path: &str, what: impl core::fmt::Display) {
        self.warnings.push(format!("{path}: {what} [{}]", self.rule));
    }
}

pub(crate) fn list() {
    for Rule { name, says, .. } in &RULES {
        println!("{name:24}{says}");
    }
}

/// Checks every rule on the files that git knows, or would add.
pub(crate) fn run(workspace: &Workspace) -> Result<Outcome, Failure> {
    let tree = Tree::read(workspace)?;
    let findings = check(&tree);
    for warning in &findings.warnings {
        println!("warning: {warning}");
    }
    for error in &findings.errors {
        println!("error: {error}");
    }
    match findings.errors.len() {
        0 => {
            println!("{} rules hold for {} files", RULES.len(), tree.files.len());
            Ok(Outcome::Passed)
        }
        count => Err(Failure::told(format!("tidy found {count} offences"))),
    }
}

fn check(tree: &Tree) -> Findings {
    let mut findings = Findings::default();
    for rule in &RULES {
        findings.rule = rule.name;
        (rule.check)(tree, &mut findings);
    }
    findings
}

#[cfg(test)]
fn errors(rule: &Rule, tree: &Tree) -> Vec<String> {
    let mut findings = Findings { rule: rule.name, ..Findings::default() };
    (rule.check)(tree, &mut findings);
    findings.errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_have_names_of_their_own() {
        let mut names: Vec<_> = RULES.iter().map(|rule| rule.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), RULES.len());
    }
}
