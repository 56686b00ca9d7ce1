//! What the workspace is built from.

use super::tree::{Tree, leaf};
use super::{Findings, Rule};

pub(super) const LOCKFILE: Rule = Rule {
    name: "lockfile",
    says: "there is one Cargo.lock, at the top, and git does not ignore it",
    check: lockfile,
};

pub(super) const PEERS: Rule = Rule {
    name: "peers",
    says: "the libraries we are compared with are optional dependencies of benches/ and of nothing else",
    check: peers,
};

/// Who we are measured against.
const PEER_CRATES: [&str; 28] = [
    "raft",
    "raft-engine",
    "omnipaxos",
    "openraft",
    "stateright",
    "todc-utils",
    "turmoil",
    "madsim",
    "porcupine",
    "porcupine-rs",
    "chorus",
    "automerge",
    "yrs",
    "loro",
    "foca",
    "memberlist",
    "crdts",
    "uhlc",
    "hlc-gen",
    "itc",
    "hashring",
    "consistent_hash_ring",
    "pingora-ketama",
    "anchorhash",
    "jump-consistent-hash",
    "maglev-hash",
    "hrw-hash",
    "mpchash",
];

fn lockfile(tree: &Tree, findings: &mut Findings) {
    for path in tree.files.keys().filter(|path| leaf(path) == "Cargo.lock" && *path != "Cargo.lock") {
        findings.file(path, "a second lock file: the workspace has one, at the top");
    }
    if !tree.files.contains_key("Cargo.lock") {
        findings.file("Cargo.lock", "missing, or ignored by git");
    }
}

fn peers(tree: &Tree, findings: &mut Findings) {
    for package in &tree.packages {
        let manifest = format!("{}/Cargo.toml", package.folder);
        for dependency in
            package.dependencies.iter().filter(|other| PEER_CRATES.contains(&other.name.as_str()))
        {
            if package.folder != "benches" {
                findings.file(&manifest, format!("the peer {} belongs into benches/", dependency.name));
            } else if !dependency.optional {
                findings.file(
                    &manifest,
                    format!("the peer {} must be optional, behind `peers`", dependency.name),
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
    fn a_missing_or_second_lock_file_is_found() {
        assert_eq!(errors(&LOCKFILE, &Tree::of([("Cargo.lock", "")])), [""; 0]);
        assert_eq!(errors(&LOCKFILE, &Tree::default()).len(), 1);
        assert_eq!(errors(&LOCKFILE, &Tree::of([("Cargo.lock", ""), ("benches/Cargo.lock", "")])).len(), 1);
    }

    #[test]
    fn peers_outside_benches_or_always_built_are_found() {
        let with = |folder: &str, optional| {
            let mut tree = Tree::default().with_crate(folder);
            tree.packages[0].dependencies =
                vec![Dependency { name: "openraft".into(), normal: true, optional }];
            errors(&PEERS, &tree).len()
        };
        assert_eq!(with("benches", true), 0);
        assert_eq!(with("benches", false), 1);
        assert_eq!(with("crates/raft", true), 1);
    }
}
