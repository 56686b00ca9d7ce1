//! Explorations that take minutes: tests that nobody should wait for, each of which knows how many states there are.

use crate::failure::Failure;
use crate::workspace::{cargo, run as start};
use clap::Args;

/// The packages that have some, and their test targets.
const EXPLORATIONS: &[(&str, &str)] = &[("synod-paxos", "explored"), ("synod-partition", "migration")];

#[derive(Args)]
pub(crate) struct Arguments {
    /// Only the tests whose names contain this word
    #[arg(value_name = "WORD")]
    only: Option<String>,
}

/// Runs the tests that are ignored elsewhere, in release, one after the other: each wants memory, and says what it has found.
pub(crate) fn task(arguments: &Arguments) -> Result<(), Failure> {
    for (package, target) in EXPLORATIONS {
        let mut command = cargo(["test", "--release", "-p", package, "--test", target, "--"]);
        command.args(&arguments.only).args(["--ignored", "--nocapture", "--test-threads", "1"]);
        start(&mut command)?;
    }
    Ok(())
}

/// Whether the tests of this file are run here: there alone may a test be left out elsewhere.
pub(crate) fn runs(path: &str) -> bool {
    EXPLORATIONS.iter().any(|(package, target)| {
        let folder = package.strip_prefix("synod-").unwrap_or(package);
        path.starts_with(&format!("crates/{folder}/tests/{target}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    #[test]
    fn the_test_targets_exist() {
        let workspace = Workspace::load().unwrap();
        for (package, target) in EXPLORATIONS {
            let package = workspace.packages.iter().find(|other| other.name == *package).unwrap();
            assert!(package.targets("test").any(|other| other == *target), "{target}");
        }
    }
}
