//! A seed means the same run for ever: what decides must not touch a clock, a thread, a socket or a hash order.

use super::code::{has_word, shipped, test_modules};
use super::tree::{Tree, leaf};
use super::{Findings, Rule};

pub(super) const BANS: Rule = Rule {
    name: "determinism",
    says: "protocol crates, the simulator and the store touch no clock, thread, file, socket, OS entropy or hash order",
    check: bans,
};

pub(super) const DEPENDENCIES: Rule = Rule {
    name: "protocol-dependencies",
    says: "protocol crates depend on synod-*, bytes, thiserror, serde and tracing alone",
    check: dependencies,
};

/// The crates of protocols, by folder. One that does not exist yet is checked from its first day.
const PROTOCOLS: [&str; 15] = [
    "core",
    "raft",
    "clocks",
    "crdt",
    "hashring",
    "partition",
    "quorum",
    "replication",
    "paxos",
    "bft",
    "txn-2pc",
    "saga",
    "failure-detect",
    "gossip",
    "txn",
];

/// Not protocols, and deterministic all the same.
const ALSO: [&str; 2] = ["sim", "kv"];

const BANNED: [&str; 11] = [
    "HashMap",
    "HashSet",
    "RandomState",
    "SystemTime",
    "Instant::now",
    "thread_rng",
    "rand::",
    "std::thread",
    "std::net",
    "std::fs",
    "getrandom",
];

/// Files that may say one of the words, and why: nothing that they do decides what a run or a search finds.
const EXCEPTIONS: [(&str, &str, &str); 2] = [
    (
        "crates/sim/src/explore/stopwatch.rs",
        "Instant::now",
        "how long an exploration took, and whether its time is over; the order of the search knows no clock",
    ),
    (
        "crates/clocks/src/system.rs",
        "SystemTime",
        "the one module that reads the machine's clock, for programs; no protocol reads it: time is an input",
    ),
];

/// Dependencies that one crate alone may have, and why.
const GRANTED: [(&str, &str, &str); 3] = [
    ("clocks", "loom", "under `--cfg loom` alone: every interleaving of the atomics"),
    ("clocks", "libc", "behind the feature `kernel`: the kernel's own bound on its clock's error"),
    ("clocks", "rustix", "behind the feature `kernel`: the coarse real-time clock"),
];

const ALLOWED: [&str; 4] = ["bytes", "thiserror", "serde", "tracing"];

fn bans(tree: &Tree, findings: &mut Findings) {
    for name in PROTOCOLS.into_iter().chain(ALSO) {
        let folder = format!("crates/{name}/src");
        for (path, text) in tree.rust(&folder) {
            if is_program(path, &folder) || is_test_module(tree, path) {
                continue;
            }
            for (number, line) in (1..).zip(shipped(text).lines()) {
                let banned = BANNED.into_iter().filter(|banned| has_word(line, banned));
                for banned in banned.filter(|banned| !is_exception(path, banned)) {
                    findings.line(path, number, format!("`{banned}` differs from run to run"));
                }
            }
        }
    }
}

fn is_exception(path: &str, banned: &str) -> bool {
    EXCEPTIONS.iter().any(|(file, word, _)| *file == path && *word == banned)
}

/// What runs a library as a program may touch the world.
fn is_program(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest == "/main.rs" || rest.starts_with("/bin/"))
}

/// Whether the file is a module that another declares under `#[cfg(test)]`.
fn is_test_module(tree: &Tree, path: &str) -> bool {
    let Some((folder, _)) = path.rsplit_once('/') else { return false };
    let name = leaf(path).trim_end_matches(".rs");
    let parents = [format!("{folder}/lib.rs"), format!("{folder}.rs")];
    parents
        .iter()
        .filter_map(|parent| tree.text(parent))
        .any(|text| test_modules(text).iter().any(|module| module == name))
}

fn dependencies(tree: &Tree, findings: &mut Findings) {
    for package in tree.crates().filter(|package| PROTOCOLS.contains(&leaf(&package.folder))) {
        for dependency in package.dependencies.iter().filter(|dependency| dependency.normal) {
            let name = dependency.name.as_str();
            let granted =
                GRANTED.iter().any(|(folder, other, _)| *folder == leaf(&package.folder) && *other == name);
            if !name.starts_with("synod-") && !ALLOWED.contains(&name) && !granted {
                findings.file(
                    &format!("{}/Cargo.toml", package.folder),
                    format!("a protocol crate does not depend on {name}"),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::errors;
    use super::*;
    use crate::workspace::Dependency;

    #[test]
    fn each_banned_word_is_found_in_shipped_code() {
        for banned in BANNED {
            let text = format!("fn f() {{\n    let x = {banned};\n}}\n");
            let errors = errors(&BANS, &Tree::of([("crates/raft/src/vote.rs", &text)]));
            assert!(errors.len() == 1 && errors[0].starts_with("crates/raft/src/vote.rs:2:"), "{errors:?}");
        }
    }

    #[test]
    fn tests_comments_strings_and_programs_may_say_what_they_like() {
        let text = "// HashMap\nconst X: &str = \"std::fs\";\n#[cfg(test)]\nmod tests { use std::collections::HashMap; }\n";
        let tree = Tree::of([
            ("crates/kv/src/lib.rs", "#[cfg(test)]\nmod oracle;\n"),
            ("crates/kv/src/oracle.rs", "use std::thread;"),
            ("crates/kv/src/store.rs", text),
            ("crates/kv/src/main.rs", "use std::net;"),
            ("crates/cli/src/lib.rs", "use std::net;"),
        ]);
        assert_eq!(errors(&BANS, &tree), [""; 0]);
    }

    #[test]
    fn an_exception_is_for_one_word_in_one_file() {
        for (file, word, reason) in EXCEPTIONS {
            assert!(!reason.is_empty());
            let other = BANNED.into_iter().find(|banned| *banned != word).unwrap();
            let text = format!("fn f() {{ {word} }}\nfn g() {{ {other} }}\n");
            let tree = Tree::of([(file, text.as_str()), ("crates/sim/src/other.rs", text.as_str())]);
            let errors = errors(&BANS, &tree);
            assert!(errors.len() == 3 && errors[0].starts_with(&format!("{file}:2:")), "{errors:?}");
        }
    }

    #[test]
    fn a_strange_dependency_of_a_protocol_is_found() {
        let (granted, to, _) = GRANTED[0];
        let mut tree = Tree::default().with_crate("crates/raft").with_crate("crates/cli");
        let mut grantee = Tree::default().with_crate(&format!("crates/{granted}"));
        let dependency = |name: &str, normal| Dependency { name: name.into(), normal, optional: false };
        let all = vec![
            dependency("bytes", true),
            dependency("synod-core", true),
            dependency("tokio", true),
            dependency("proptest", false),
        ];
        for package in &mut tree.packages {
            package.dependencies.clone_from(&all);
        }
        let errors = errors(&DEPENDENCIES, &tree);
        assert!(errors.len() == 1 && errors[0].contains("tokio"), "{errors:?}");
        // What one crate is granted, no other is.
        grantee.packages[0].dependencies = vec![dependency(to, true)];
        assert_eq!(super::super::errors(&DEPENDENCIES, &grantee), [""; 0]);
        tree.packages[0].dependencies = vec![dependency(to, true)];
        assert_eq!(super::super::errors(&DEPENDENCIES, &tree).len(), 1);
    }
}
