//! Habits of the house that a machine can see.

use super::code::code;
use super::tree::{Tree, leaf};
use super::{Findings, Rule};

pub(super) const UNFINISHED: Rule = Rule {
    name: "unfinished",
    says: "no note about work left to do, and no macro that stands for it",
    check: unfinished,
};

pub(super) const SILENCED: Rule = Rule {
    name: "silenced",
    says: "no test is expected to panic or skipped, unless `cargo xtask explore` runs it and it says so, and each silenced lint gives its `reason`",
    check: silenced,
};

pub(super) const FILE_NAMES: Rule = Rule {
    name: "file-names",
    says: "files are named for a concept: no mod.rs, utils.rs, common.rs or types.rs",
    check: file_names,
};

pub(super) const FILE_LENGTH: Rule = Rule {
    name: "file-length",
    says: "no file below a src folder has more than 700 lines; from 600 on there is a warning",
    check: file_length,
};

pub(super) const MACHINE_PATHS: Rule =
    Rule { name: "machine-paths", says: "no path that exists on one machine only", check: machine_paths };

pub(super) const REGISTRY_HOSTS: Rule = Rule {
    name: "registry-hosts",
    says: "no host of a registry: cargo knows where crates come from",
    check: registry_hosts,
};

pub(super) const MERGE_MARKERS: Rule =
    Rule { name: "merge-markers", says: "no conflict is left over from a merge", check: merge_markers };

pub(super) const WHITESPACE: Rule = Rule {
    name: "whitespace",
    says: "no blank at the end of a line, a newline at the end of each file",
    check: whitespace,
};

const NOTES: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
const STUBS: [&str; 2] = [concat!("to", "do!"), concat!("unimple", "mented!")];

fn unfinished(tree: &Tree, findings: &mut Findings) {
    for (path, text) in written(tree) {
        each_line(text, |number, line| {
            for note in NOTES.into_iter().filter(|note| super::code::has_word(line, note)) {
                findings.line(path, number, format!("`{note}`: do it, or write down why not"));
            }
        });
    }
    for (path, text) in tree.ending(".rs") {
        each_line(&code(text), |number, line| {
            for stub in STUBS.into_iter().filter(|stub| super::code::has_word(line, stub)) {
                findings.line(path, number, format!("`{stub}` in code"));
            }
        });
    }
}

const SKIPS: [&str; 2] = [concat!("#[ig", "nore"), concat!("#[should_", "panic")];

fn silenced(tree: &Tree, findings: &mut Findings) {
    for (path, text) in tree.ending(".rs") {
        let code = code(text);
        each_line(&code, |number, line| {
            let raw = || text.split('\n').nth(number - 1).unwrap_or_default();
            let is_run = |skip: &str| {
                skip == SKIPS[0] && crate::explore::runs(path) && raw().contains("cargo xtask explore")
            };
            for skip in SKIPS.into_iter().filter(|skip| line.contains(skip) && !is_run(skip)) {
                findings.line(path, number, format!("`{skip}]`: a test that does not tell"));
            }
        });
        for opening in ["[allow(", "[expect("] {
            for (start, _) in code.match_indices(opening) {
                let end = code[start..].find(")]").map_or(code.len(), |len| start + len);
                if !code[start..end].contains("reason =") {
                    let number = 1 + code[..start].matches('\n').count();
                    findings.line(path, number, format!("`#{opening}…)]` without `reason = \"…\"`"));
                }
            }
        }
    }
}

fn file_names(tree: &Tree, findings: &mut Findings) {
    const VAGUE: [&str; 6] = ["mod.rs", "util.rs", "utils.rs", "common.rs", "types.rs", "helpers.rs"];
    for path in tree.files.keys().filter(|path| VAGUE.contains(&leaf(path))) {
        findings.file(path, "name the file for the concept in it");
    }
}

fn file_length(tree: &Tree, findings: &mut Findings) {
    for (path, text) in tree.ending(".rs").filter(|(path, _)| path.contains("/src/")) {
        match text.lines().count() {
            lines @ 701.. => {
                findings.file(path, format!("{lines} lines: which two concepts share this room?"));
            }
            lines @ 601.. => findings.warn(path, format!("{lines} lines, of at most 700")),
            _ => {}
        }
    }
}

fn machine_paths(tree: &Tree, findings: &mut Findings) {
    for (path, text) in written(tree) {
        each_line(text, |number, line| {
            for folder in ["root", "home", "work"] {
                let machine = format!("/{folder}/");
                // A path begins there: what follows a name is a folder of ours.
                let absolute = |(at, _): (usize, &str)| {
                    !line[..at]
                        .ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '}' | '*'))
                };
                if line.match_indices(&machine).any(absolute) {
                    findings.line(path, number, format!("`{machine}` is a path of one machine"));
                }
            }
        });
    }
}

fn registry_hosts(tree: &Tree, findings: &mut Findings) {
    let crates = concat!("crates", ".io");
    let hosts = [format!("{crates}/api"), format!("index.{crates}"), format!("static.{crates}")];
    for (path, text) in written(tree) {
        each_line(text, |number, line| {
            if let Some(host) = hosts.iter().find(|host| line.contains(*host)) {
                findings.line(path, number, format!("`{host}` is a registry's host"));
            }
        });
    }
}

fn merge_markers(tree: &Tree, findings: &mut Findings) {
    let markers = ['<', '>', '|', '='].map(|c| c.to_string().repeat(7));
    for (path, text) in &tree.files {
        each_line(text, |number, line| {
            let marker = line.get(..7).filter(|start| markers.iter().any(|marker| marker == start));
            if marker.is_some() && (line.len() == 7 || line[7..].starts_with(' ')) {
                findings.line(path, number, "left over from a merge");
            }
        });
    }
}

fn whitespace(tree: &Tree, findings: &mut Findings) {
    for (path, text) in written(tree) {
        each_line(text, |number, line| {
            if line.ends_with([' ', '\t', '\r']) {
                findings.line(path, number, "blank at the end of the line");
            }
        });
        if !text.is_empty() && !text.ends_with('\n') {
            findings.file(path, "no newline at the end");
        }
    }
}

/// What people write by hand, as opposed to data.
fn written(tree: &Tree) -> impl Iterator<Item = (&str, &str)> {
    const KINDS: [&str; 8] = [".rs", ".md", ".toml", ".yml", ".yaml", ".sh", ".ci/run", ".html"];
    tree.ending("").filter(|(path, _)| KINDS.iter().any(|kind| path.ends_with(kind)))
}

fn each_line(text: &str, mut see: impl FnMut(usize, &str)) {
    for (number, line) in (1..).zip(text.split('\n')) {
        see(number, line);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Findings, errors};
    use super::*;

    /// The errors of a rule on one file.
    fn on(rule: &Rule, path: &str, text: &str) -> usize {
        errors(rule, &Tree::of([(path, text)])).len()
    }

    #[test]
    fn unfinished_work_is_found() {
        for note in NOTES {
            assert_eq!(on(&UNFINISHED, "crates/x/src/a.rs", &format!("// {note}: later\n")), 1);
            assert_eq!(on(&UNFINISHED, "README.md", &format!("{note}\n")), 1);
        }
        for stub in STUBS {
            assert_eq!(on(&UNFINISHED, "crates/x/src/a.rs", &format!("fn f() {{ {stub}() }}\n")), 1);
            assert_eq!(on(&UNFINISHED, "crates/x/src/a.rs", &format!("// {stub}()\n")), 0);
        }
    }

    #[test]
    fn silenced_tests_and_lints_are_found() {
        for skip in SKIPS {
            assert_eq!(on(&SILENCED, "crates/x/tests/a.rs", &format!("{skip}]\nfn f() {{}}\n")), 1);
        }
        let told = format!("{} = \"minutes: `cargo xtask explore`\"]\nfn f() {{}}\n", SKIPS[0]);
        assert_eq!(on(&SILENCED, "crates/paxos/tests/explored/main.rs", &told), 0);
        assert_eq!(on(&SILENCED, "crates/x/tests/a.rs", &told), 1, "nobody runs it");
        let silent = format!("{} = \"slow\"]\nfn f() {{}}\n", SKIPS[0]);
        assert_eq!(on(&SILENCED, "crates/paxos/tests/explored/main.rs", &silent), 1, "and does not say so");
        assert_eq!(on(&SILENCED, "crates/x/src/a.rs", "#[allow(x)]\n#![expect(x)]\n"), 2);
        assert_eq!(on(&SILENCED, "crates/x/src/a.rs", "#[allow(\n    x,\n    reason = \"so\"\n)]\n"), 0);
    }

    #[test]
    fn vague_file_names_are_found() {
        assert_eq!(on(&FILE_NAMES, "crates/x/src/utils.rs", ""), 1);
        assert_eq!(on(&FILE_NAMES, "crates/x/src/a/mod.rs", ""), 1);
        assert_eq!(on(&FILE_NAMES, "crates/x/src/mode.rs", ""), 0);
    }

    #[test]
    fn long_files_are_found_and_nearly_long_ones_warned_about() {
        let lines = |count: usize| "\n".repeat(count);
        assert_eq!(on(&FILE_LENGTH, "crates/x/src/a.rs", &lines(701)), 1);
        assert_eq!(on(&FILE_LENGTH, "crates/x/src/a.rs", &lines(700)), 0);
        let mut findings = Findings::default();
        file_length(&Tree::of([("crates/x/src/a.rs", &lines(601))]), &mut findings);
        assert_eq!(findings.warnings.len(), 1);
    }

    #[test]
    fn machine_paths_are_found() {
        for folder in ["root", "home", "work"] {
            assert_eq!(on(&MACHINE_PATHS, "a.md", &format!("see `/{folder}/x`\n")), 1);
            assert_eq!(on(&MACHINE_PATHS, "a.md", &format!("see src/{folder}/x\n")), 0);
        }
    }

    #[test]
    fn registry_hosts_are_found() {
        let crates = concat!("crates", ".io");
        assert_eq!(
            on(&REGISTRY_HOSTS, "a.rs", &format!("https://static.{crates}/x\nhttps://{crates}/api/v1\n")),
            2
        );
        assert_eq!(on(&REGISTRY_HOSTS, "a.rs", &format!("https://{crates}/crates/x\n")), 0);
    }

    #[test]
    fn merge_markers_are_found() {
        let text = ["<", "=", ">"].map(|c| c.repeat(7)).join(" HEAD\n");
        assert_eq!(on(&MERGE_MARKERS, "data.txt", &text), 3);
        assert_eq!(on(&MERGE_MARKERS, "a.md", &"=".repeat(8)), 0);
    }

    #[test]
    fn blanks_and_missing_newlines_are_found() {
        assert_eq!(on(&WHITESPACE, "a.md", "x \ny\t\nz"), 3);
        assert_eq!(on(&WHITESPACE, ".ci/run", "x\r\n"), 1);
        assert_eq!(on(&WHITESPACE, "tests/golden.txt", "x \n"), 0);
    }
}
