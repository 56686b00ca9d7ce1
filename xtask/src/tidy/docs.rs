//! Documents that a person follows must lead somewhere.

use super::code::code;
use super::tree::{Tree, leaf};
use super::{Findings, Rule};

pub(super) const COMMANDS: Rule = Rule {
    name: "commands",
    says: "each `cargo xtask X` and `cargo synod X` in a document or doc comment is a command that exists",
    check: commands,
};

pub(super) const LINKS: Rule =
    Rule { name: "links", says: "relative links in documents lead to files that exist", check: links };

pub(super) const CHANGELOG: Rule =
    Rule { name: "changelog", says: "CHANGELOG.md has a section `## Unreleased`", check: changelog };

pub(super) const TEST_COMMAND: Rule = Rule {
    name: "test-command",
    says: "the README tells to run `cargo test --workspace`, and .ci/run runs that and `cargo xtask ci`",
    check: test_command,
};

fn commands(tree: &Tree, findings: &mut Findings) {
    let synod = synod_commands(tree);
    let xtask = crate::task_names();
    // This crate's own tests plant offences.
    let sources = tree.ending(".rs").filter(|(path, _)| !path.starts_with("xtask/"));
    for (path, text) in tree.ending(".md").chain(sources) {
        for (number, line) in (1..).zip(text.lines()) {
            for (program, known) in [("cargo xtask", &xtask), ("cargo synod", &synod)] {
                for unknown in called(line, program).filter(|name| known.iter().all(|known| known != name)) {
                    findings.line(path, number, format!("`{program} {unknown}` does not exist"));
                }
            }
        }
    }
}

/// Each `X` in `cargo xtask X`; options, places to fill in and the end of a phrase are not commands.
fn called<'a>(line: &'a str, program: &'a str) -> impl Iterator<Item = &'a str> {
    line.split(program).skip(1).filter_map(|rest| {
        let rest = rest.strip_prefix(' ')?;
        let len = rest
            .find(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '-')
            .unwrap_or(rest.len());
        rest.get(..len).filter(|word| !word.is_empty() && !word.starts_with('-'))
    })
}

/// The subcommands of the command line: the variants of its `enum Command`, in kebab-case.
fn synod_commands(tree: &Tree) -> Vec<String> {
    let mut names = vec!["help".to_owned()];
    for (_, text) in tree.rust("crates/cli/src") {
        let code = code(text);
        for (start, head) in code.match_indices("enum Command {") {
            names.extend(
                variants(code.get(start + head.len()..).unwrap_or_default()).iter().map(|name| kebab(name)),
            );
        }
    }
    names
}

/// The variants of an enum whose opening brace has just been passed.
fn variants(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0;
    let mut fresh = true; // at the start of a variant
    let mut word = String::new();
    for c in code.chars() {
        match c {
            _ if depth == 0 && fresh && (c.is_alphanumeric() || c == '_') => word.push(c),
            '}' if depth == 0 => break,
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            _ => {}
        }
        if !word.is_empty() && !c.is_alphanumeric() && c != '_' {
            names.push(core::mem::take(&mut word));
            fresh = c == ',';
        }
    }
    names.extend(Some(word).filter(|word| !word.is_empty()));
    names
}

fn kebab(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.extend(c.to_lowercase());
    }
    out
}

fn links(tree: &Tree, findings: &mut Findings) {
    for (path, text) in tree.ending(".md") {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (number, line) in (1..).zip(text.lines()) {
            for target in targets(line) {
                let file = target.split('#').next().unwrap_or_default();
                if file.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                    continue;
                }
                if !join(folder, file).is_some_and(|file| tree.exists(&file)) {
                    findings.line(path, number, format!("the link to {target} leads nowhere"));
                }
            }
        }
    }
}

/// Each `x` in `[…](x)`, without a title.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let rest = line.split("](").skip(1);
    rest.filter_map(|rest| rest.split([')', ' ']).next()).filter(|target| !target.is_empty())
}

/// A relative path from a folder; `None` where it leaves the tree.
fn join(folder: &str, file: &str) -> Option<String> {
    let mut parts: Vec<_> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop()?,
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn changelog(tree: &Tree, findings: &mut Findings) {
    const PATH: &str = "CHANGELOG.md";
    let unreleased = |line: &str| matches!(line.trim(), "## Unreleased" | "## [Unreleased]");
    match tree.text(PATH) {
        Some(text) if text.lines().any(unreleased) => {}
        Some(_) => findings.file(PATH, "no section `## Unreleased`"),
        None => findings.file(PATH, "missing"),
    }
}

fn test_command(tree: &Tree, findings: &mut Findings) {
    const TEST: &str = "cargo test --workspace";
    let runs = |path: &str, command: &str| {
        let bare = |line: &str| line.split(" #").next().is_some_and(|line| line.trim() == command);
        tree.text(path).is_some_and(|text| text.lines().any(bare))
    };
    for (path, command) in [("README.md", TEST), (".ci/run", TEST), (".ci/run", "cargo xtask ci")] {
        if !runs(path, command) {
            findings.file(path, format!("no line that is exactly `{command}`"));
        }
    }
    for (path, text) in tree.files.iter().filter(|(path, _)| leaf(path) == "README.md") {
        for (number, line) in (1..).zip(text.lines()) {
            // `$ cargo test`, with other arguments than those that CI runs, would be a second truth.
            if path == "README.md"
                && line.trim_start().starts_with("cargo test")
                && !line.trim_start().starts_with(TEST)
            {
                findings.line(path, number, format!("CI runs `{TEST}`, not this"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::errors;
    use super::*;

    const CLI: &str = "enum Command {\n    /// Shows it\n    #[command(visible_alias = \"d\")]\n    Demo { #[arg(long)] headless: bool, Seeds },\n    Sim(Sim),\n    CheckHistory,\n    Last\n}\n";

    #[test]
    fn commands_that_do_not_exist_are_found() {
        let tree = Tree::of([
            ("crates/cli/src/main.rs", CLI),
            (
                "README.md",
                "`cargo synod demo --fast`, `cargo synod check-history`, `cargo xtask tidy`, `cargo xtask`.\ncargo xtask tidyy\n",
            ),
            (
                "crates/core/src/lib.rs",
                "//! `cargo synod headless`, `cargo synod last`, cargo synod --help, cargo xtask NAME\n",
            ),
        ]);
        let errors = errors(&COMMANDS, &tree);
        assert_eq!(errors.len(), 2, "{errors:?}");
        assert!(
            errors[0].contains("README.md:2: `cargo xtask tidyy`")
                && errors[1].contains("`cargo synod headless`")
        );
    }

    #[test]
    fn variants_become_the_names_that_a_person_types() {
        assert_eq!(
            synod_commands(&Tree::of([("crates/cli/src/x.rs", CLI)])),
            ["help", "demo", "sim", "check-history", "last"]
        );
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        let text = "[a](../../LICENSE) [b](src/lib.rs#L1) [c](https://x.y/z) [d](#here) [e](../core) [f](../gone) [g](../../../x)";
        let tree =
            Tree::of([("LICENSE", ""), ("crates/core/src/lib.rs", ""), ("crates/core/README.md", text)]);
        let errors = errors(&LINKS, &tree);
        assert_eq!(errors.len(), 2, "{errors:?}");
        assert!(errors[0].contains("../gone") && errors[1].contains("../../../x"));
    }

    #[test]
    fn a_changelog_without_unreleased_is_found() {
        assert_eq!(errors(&CHANGELOG, &Tree::of([("CHANGELOG.md", "# Changes\n## Unreleased\n")])), [""; 0]);
        assert_eq!(errors(&CHANGELOG, &Tree::of([("CHANGELOG.md", "# Changes\n## 0.1.0\n")])).len(), 1);
        assert_eq!(errors(&CHANGELOG, &Tree::default()).len(), 1);
    }

    #[test]
    fn another_test_command_than_cis_is_found() {
        let good = "```sh\ncargo test --workspace   # all of it\n```\n";
        let ci = "cargo test --workspace\ncargo xtask ci\n";
        assert_eq!(errors(&TEST_COMMAND, &Tree::of([("README.md", good), (".ci/run", ci)])), [""; 0]);
        assert_eq!(
            errors(&TEST_COMMAND, &Tree::of([("README.md", "cargo test --all\n"), (".ci/run", ci)])).len(),
            2
        );
        assert_eq!(
            errors(&TEST_COMMAND, &Tree::of([("README.md", good), (".ci/run", "cargo test\n")])).len(),
            2
        );
    }
}
