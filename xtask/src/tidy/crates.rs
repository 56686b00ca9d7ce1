//! Every crate is whole, and the documents know it.

use super::tree::{Tree, leaf};
use super::{Findings, Rule};
use crate::workspace::Package;

pub(super) const COMPLETE: Rule = Rule {
    name: "crate-complete",
    says: "a crate has a README, a running example, description, licence, readme, the workspace's lints and its name",
    check: complete,
};

pub(super) const README_TABLE: Rule = Rule {
    name: "readme-table",
    says: "the README's table of crates (first column `crate`) has a row for every crate and for nothing else",
    check: readme_table,
};

pub(super) const CODE_MAP: Rule = Rule {
    name: "code-map",
    says: "ARCHITECTURE.md's section `## Code map` names `crates/<folder>` for every crate and for nothing else",
    check: code_map,
};

fn complete(tree: &Tree, findings: &mut Findings) {
    for package in tree.crates() {
        let folder = package.folder.as_str();
        let manifest = format!("{folder}/Cargo.toml");
        let short = leaf(folder);
        let name = if short == "synod" { short.to_owned() } else { format!("synod-{short}") };
        if package.name != name {
            findings.file(
                &manifest,
                format!("the package in this folder is called {name}, not {}", package.name),
            );
        }
        for (present, what) in
            [(package.description, "description"), (package.license, "license"), (package.readme, "readme")]
        {
            if !present {
                findings.file(&manifest, format!("no {what}"));
            }
        }
        if tree.text(&manifest).is_none_or(|text| !inherits_lints(text)) {
            findings.file(&manifest, "no `[lints]` with `workspace = true`");
        }
        if tree.text(&format!("{folder}/README.md")).is_none() {
            findings.file(folder, "no README.md");
        }
        if !has_example(tree, package) {
            findings.file(folder, "no example that runs: neither in the docs of src/lib.rs nor in examples/");
        }
    }
}

fn inherits_lints(manifest: &str) -> bool {
    let mut lines = manifest.lines().map(str::trim).skip_while(|line| *line != "[lints]").skip(1);
    lines.by_ref().take_while(|line| !line.starts_with('[')).any(|line| line == "workspace = true")
}

/// A program in `examples/`, or a code block in the crate's own documentation that rustdoc runs.
fn has_example(tree: &Tree, package: &Package) -> bool {
    let folder = &package.folder;
    let examples = format!("{folder}/examples");
    tree.rust(&examples).next().is_some()
        || tree.text(&format!("{folder}/src/lib.rs")).is_some_and(has_doctest)
        // A command line has no library; its README shows how it is used.
        || (tree.text(&format!("{folder}/src/lib.rs")).is_none()
            && tree.text(&format!("{folder}/README.md")).is_some_and(|text| text.contains("```")))
}

fn has_doctest(lib: &str) -> bool {
    let mut inside = false;
    for line in lib.lines().filter_map(|line| line.strip_prefix("//!")) {
        let Some(info) = line.trim().strip_prefix("```") else { continue };
        if !inside && info.split(',').all(|word| matches!(word.trim(), "" | "rust")) {
            return true;
        }
        inside = !inside;
    }
    false
}

fn readme_table(tree: &Tree, findings: &mut Findings) {
    const PATH: &str = "README.md";
    let Some(text) = tree.text(PATH) else { return findings.file(PATH, "missing") };
    let rows = crate_rows(text);
    for package in tree.crates() {
        if !rows.iter().any(|(_, name)| *name == package.name) {
            findings.file(PATH, format!("the table of crates has no row for `{}`", package.name));
        }
    }
    for (line, name) in rows {
        if !tree.crates().any(|package| package.name == name) {
            findings.line(PATH, line, format!("there is no crate `{name}`"));
        }
    }
}

/// Line number and first name in backticks of each row of the tables whose first column is called `crate`.
fn crate_rows(text: &str) -> Vec<(usize, &str)> {
    let mut rows = Vec::new();
    let mut table = None; // whether the table that we are in is one of crates
    for (number, line) in (1..).zip(text.lines()) {
        let Some(first) = line.trim().strip_prefix('|').and_then(|rest| rest.split('|').next()) else {
            table = None;
            continue;
        };
        match table {
            None => table = Some(first.trim().eq_ignore_ascii_case("crate")),
            Some(true) => rows.extend(first.split('`').nth(1).map(|name| (number, name))),
            Some(false) => {}
        }
    }
    rows
}

fn code_map(tree: &Tree, findings: &mut Findings) {
    const PATH: &str = "ARCHITECTURE.md";
    let Some(text) = tree.text(PATH) else { return findings.file(PATH, "missing") };
    let section = section(text, "## Code map");
    let named: Vec<_> =
        section.iter().flat_map(|(number, line)| folders(line).map(move |name| (*number, name))).collect();
    for package in tree.crates() {
        if !named.iter().any(|(_, name)| *name == leaf(&package.folder)) {
            findings.file(PATH, format!("`## Code map` does not name `{}`", package.folder));
        }
    }
    for (line, name) in named {
        if !tree.crates().any(|package| leaf(&package.folder) == name) {
            findings.line(PATH, line, format!("there is no crates/{name}"));
        }
    }
}

/// Each `x` in `crates/x`.
fn folders(line: &str) -> impl Iterator<Item = &str> {
    line.split("crates/").skip(1).filter_map(|rest| {
        let len = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(rest.len());
        rest.get(..len).filter(|name| !name.is_empty())
    })
}

/// The numbered lines of a section, up to the next heading of the same or a higher level.
pub(super) fn section<'a>(text: &'a str, heading: &str) -> Vec<(usize, &'a str)> {
    let level = heading.chars().take_while(|c| *c == '#').count();
    let ends = |line: &str| {
        let hashes = line.chars().take_while(|c| *c == '#').count();
        (1..=level).contains(&hashes)
    };
    let lines = (1..).zip(text.lines()).skip_while(|(_, line)| line.trim_end() != heading).skip(1);
    lines.take_while(|(_, line)| !ends(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::errors;
    use super::*;

    fn whole() -> Tree {
        Tree::of([
            ("crates/ring/Cargo.toml", "[package]\n[lints]\nworkspace = true\n"),
            ("crates/ring/README.md", "# ring\n"),
            (
                "crates/ring/src/lib.rs",
                "//! Ring.\n//! ```text\n//! o\n//! ```\n//! ```\n//! assert!(true);\n//! ```\n",
            ),
            ("README.md", "| crate | what |\n|---|---|\n| [`synod-ring`](crates/ring) | keys |\n"),
            ("ARCHITECTURE.md", "## Code map\n* `crates/ring`: keys\n## Next\n"),
        ])
        .with_crate("crates/ring")
    }

    #[test]
    fn a_whole_crate_passes() {
        for rule in [COMPLETE, README_TABLE, CODE_MAP] {
            assert_eq!(errors(&rule, &whole()), [""; 0], "{}", rule.name);
        }
    }

    #[test]
    fn each_missing_part_is_found() {
        type Plant = fn(&mut Tree);
        let offences: [(&str, Plant); 7] = [
            ("no README.md", |tree| _ = tree.files.remove("crates/ring/README.md")),
            ("no example", |tree| {
                tree.files.insert(
                    "crates/ring/src/lib.rs".into(),
                    "//! ```no_run\n//! f()\n//! ```\n//! ```ignore\n//! ```\n".into(),
                );
            }),
            ("no description", |tree| tree.packages[0].description = false),
            ("no license", |tree| tree.packages[0].license = false),
            ("no readme", |tree| tree.packages[0].readme = false),
            ("is called synod-ring", |tree| tree.packages[0].name = "ring".into()),
            ("no `[lints]`", |tree| {
                tree.files.insert(
                    "crates/ring/Cargo.toml".into(),
                    "[lints]\n[dependencies]\nworkspace = true\n".into(),
                );
            }),
        ];
        for (told, plant) in offences {
            let mut tree = whole();
            plant(&mut tree);
            let errors = errors(&COMPLETE, &tree);
            assert!(errors.len() == 1 && errors[0].contains(told), "{told}: {errors:?}");
        }
    }

    #[test]
    fn the_table_of_crates_can_neither_lack_nor_invent_a_crate() {
        let mut tree = whole();
        tree.files.insert(
            "README.md".into(),
            "| crate |\n|---|\n| `synod-gone` |\n\n| other |\n|---|\n| `synod-ring` |\n".into(),
        );
        let errors = errors(&README_TABLE, &tree);
        assert_eq!(errors.len(), 2, "{errors:?}");
        assert!(
            errors[0].contains("no row for `synod-ring`")
                && errors[1].contains("README.md:3: there is no crate `synod-gone`")
        );
    }

    #[test]
    fn the_code_map_can_neither_lack_nor_invent_a_crate() {
        let mut tree = whole();
        tree.files.insert(
            "ARCHITECTURE.md".into(),
            "## Code map\n### Part\n`crates/gone`\n# End\n`crates/ring`\n".into(),
        );
        let errors = errors(&CODE_MAP, &tree);
        assert_eq!(errors.len(), 2, "{errors:?}");
    }
}
