//! Fuzzing: every decoder, for as long as is asked.
//!
//! The targets are the tests in `tests/fuzz.rs` of the crates. As tests they read a few thousand inputs each; here they read inputs for a time,
//! from a seed of their own. They run on the stable toolchain, blind to the code that they test (see `synod_clocks::laws::fuzz_bytes`).

use crate::failure::Failure;
use crate::step::Outcome;
use crate::workspace::{Package, Workspace, cargo, run as start};

/// What tells the tests how long to go on.
const SECONDS: &str = "SYNOD_FUZZ_SECONDS";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A part of the name of the tests to run, such as `lists`; all of them where none is named
    #[arg(value_name = "TARGET")]
    target: Option<String>,
    /// The package whose decoders are read; all that have such tests where none is named
    #[arg(long, short)]
    package: Option<String>,
    /// How long each decoder is fuzzed
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
}

/// Ends with the first decoder that breaks a law: the test's message has the input.
pub(crate) fn task(workspace: &Workspace, arguments: &Arguments) -> Result<Outcome, Failure> {
    let wanted = |package: &&Package| arguments.package.as_ref().is_none_or(|name| *name == package.name);
    let packages: Vec<_> = fuzzed(workspace).filter(wanted).collect();
    if packages.is_empty() {
        return Ok(Outcome::Nothing("no such crate has fuzzed decoders (tests/fuzz.rs)".to_owned()));
    }
    for package in packages {
        let mut command = cargo(["test", "--release", "-p", &package.name, "--test", "fuzz", "--"]);
        command.args(&arguments.target).arg("--nocapture");
        start(command.env(SECONDS, arguments.seconds.to_string()))?;
    }
    Ok(Outcome::Passed)
}

fn fuzzed(workspace: &Workspace) -> impl Iterator<Item = &Package> {
    workspace.packages.iter().filter(|package| package.targets("test").any(|target| target == "fuzz"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fuzzed_is_found_by_the_name_of_a_test_target() {
        let package = |name: &str, target: &str| Package {
            name: name.to_owned(),
            targets: vec![("test".to_owned(), target.to_owned())],
            ..Package::default()
        };
        let packages = vec![package("synod-a", "fuzz"), package("synod-b", "laws")];
        let workspace = Workspace { packages, ..Workspace::default() };
        assert_eq!(fuzzed(&workspace).map(|package| package.name.as_str()).collect::<Vec<_>>(), ["synod-a"]);
    }
}
