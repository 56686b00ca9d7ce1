//! All that CI checks beside `cargo test --workspace`, which `.ci/run` runs before.
//!
//! What is rebuilt is what takes the time: warnings are denied by arguments to clippy, not by `RUSTFLAGS`, so that all
//! steps share the dependencies in one target folder; only the loom models and the planted bugs, which need another `cfg`, have
//! their own.

use crate::failure::Failure;
use crate::step::{self, Outcome, Step};
use crate::workspace::{Package, Workspace, cargo, run as start};
use crate::{loom, mutants, simulation, tidy};

const BENCHES: &str = "synod-benches";

/// The steps, quickest first.
const STEPS: [Step; 10] = [
    Step { name: "format", says: "the code is formatted", run: format },
    Step { name: "tidy", says: "what must be true of the tree is true", run: tidy::run },
    Step { name: "clippy", says: "no warning in any target, with every feature", run: clippy },
    Step { name: "docs", says: "no warning in the documentation", run: docs },
    Step { name: "features", says: "each feature of each crate builds alone, and none", run: features },
    Step { name: "facade", says: "the façade's manual runs with everything enabled", run: facade },
    Step {
        name: "benches",
        says: "the benchmarks build beside their peers, and stateright counts what we count",
        run: benches,
    },
    Step { name: "loom", says: "the loom models hold", run: loom::run },
    Step {
        name: "simulation",
        says: "seeds pass, repeat exactly, and sabotage is caught",
        run: simulation::run,
    },
    Step {
        name: "mutants",
        says: "planted bugs and missing barriers are caught, and are in no normal build",
        run: mutants::run,
    },
];

/// The steps' names: an invariant may name the one that enforces it.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    STEPS.iter().map(|step| step.name)
}

pub(crate) fn list() {
    for Step { name, says, .. } in &STEPS {
        println!("{name:12}{says}");
    }
}

/// Runs the named steps, or all.
pub(crate) fn run(workspace: &Workspace, wanted: &[String], keep_going: bool) -> Result<(), Failure> {
    step::run_all(&select(wanted)?, workspace, keep_going)
}

fn select(wanted: &[String]) -> Result<Vec<&'static Step>, Failure> {
    if let Some(unknown) = wanted.iter().find(|name| names().all(|step| step != *name)) {
        let known: Vec<_> = names().collect();
        return Err(Failure::told(format!("no step is called `{unknown}`; there are: {}", known.join(", "))));
    }
    Ok(STEPS.iter().filter(|step| wanted.is_empty() || wanted.iter().any(|name| name == step.name)).collect())
}

fn format(_: &Workspace) -> Result<Outcome, Failure> {
    start(&mut cargo(["fmt", "--all", "--", "--check"]))?;
    Ok(Outcome::Passed)
}

fn clippy(_: &Workspace) -> Result<Outcome, Failure> {
    let arguments = ["clippy", "--workspace", "--exclude", BENCHES, "--all-targets", "--all-features", "--"];
    start(cargo(arguments).args(["-D", "warnings"]))?;
    Ok(Outcome::Passed)
}

fn docs(_: &Workspace) -> Result<Outcome, Failure> {
    // The program `synod` and the library `synod` would be written to the same page; the library is what people read.
    let arguments =
        ["doc", "--workspace", "--exclude", BENCHES, "--exclude", "synod-cli", "--no-deps", "--all-features"];
    start(cargo(arguments).env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(Outcome::Passed)
}

/// Lints every selection of features that a user is likely to make: none, each alone.
fn features(workspace: &Workspace) -> Result<Outcome, Failure> {
    for package in workspace.packages.iter().filter(|package| package.folder.starts_with("crates/")) {
        for selection in selections(package) {
            let mut command = cargo(["clippy", "--quiet", "-p", &package.name, "--no-default-features"]);
            if let Some(feature) = selection {
                command.args(["--features", feature]);
            }
            start(command.args(["--", "-D", "warnings"]))?;
        }
    }
    Ok(Outcome::Passed)
}

fn selections(package: &Package) -> Vec<Option<&str>> {
    core::iter::once(None).chain(package.features.iter().map(|feature| Some(feature.as_str()))).collect()
}

fn facade(_: &Workspace) -> Result<Outcome, Failure> {
    start(&mut cargo(["test", "--quiet", "-p", "synod", "--all-features"]))?;
    Ok(Outcome::Passed)
}

fn benches(_: &Workspace) -> Result<Outcome, Failure> {
    let arguments = ["clippy", "-p", BENCHES, "--features", "peers", "--all-targets", "--", "-D", "warnings"];
    start(&mut cargo(arguments))?;
    // Another checker counts the same states; it alone is quickly built.
    let second = ["test", "--quiet", "-p", BENCHES, "--features", "explore-peers", "--lib", "explore::"];
    start(&mut cargo(second))?;
    Ok(Outcome::Passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_selected_by_name_and_keep_their_order() {
        let chosen = |wanted: &[&str]| {
            let wanted: Vec<_> = wanted.iter().map(|name| (*name).to_owned()).collect();
            select(&wanted).map(|steps| steps.iter().map(|step| step.name).collect::<Vec<_>>())
        };
        assert_eq!(chosen(&["clippy", "format"]).unwrap(), ["format", "clippy"]);
        assert_eq!(chosen(&[]).unwrap().len(), STEPS.len());
        assert!(chosen(&["clipy"]).unwrap_err().to_string().contains("no step is called `clipy`"));
    }

    #[test]
    fn every_feature_is_checked_alone_and_none_as_well() {
        let package =
            Package { features: vec!["default".to_owned(), "serde".to_owned()], ..Package::default() };
        assert_eq!(selections(&package), [None, Some("default"), Some("serde")]);
    }
}
