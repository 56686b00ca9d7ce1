//! Loom models: the interleavings of the few places that share memory between threads. At most three preemptions each,
//! unless a model sets its own limit, or the environment does.

use crate::failure::Failure;
use crate::step::Outcome;
use crate::workspace::{Package, Workspace, cargo, run as start};

/// Runs every test target whose name begins with `loom`, in release (a model has many executions), with `--cfg loom`.
/// The flag changes every crate, so the models build in a target folder of their own.
pub(crate) fn run(workspace: &Workspace) -> Result<Outcome, Failure> {
    let models = models(workspace);
    if models.is_empty() {
        return Ok(Outcome::Nothing("no crate has a loom model (tests/loom*.rs)".to_owned()));
    }
    for (package, target) in models {
        let mut command = cargo(["test", "--release", "-p", package, "--test", target]);
        command.env("RUSTFLAGS", "--cfg loom").env("CARGO_TARGET_DIR", workspace.root.join("target-loom"));
        if std::env::var_os("LOOM_MAX_PREEMPTIONS").is_none() {
            // Three preemptions find nearly every bug (the loom manual) and keep a model below a minute.
            command.env("LOOM_MAX_PREEMPTIONS", "3");
        }
        start(&mut command)?;
    }
    Ok(Outcome::Passed)
}

fn models<'a>(workspace: &'a Workspace) -> Vec<(&'a str, &'a str)> {
    let of = |package: &'a Package| {
        let targets = package.targets("test").filter(|target| target.starts_with("loom"));
        targets.map(|target| (package.name.as_str(), target))
    };
    workspace.packages.iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_found_by_the_names_of_test_targets() {
        let target = |kind: &str, name: &str| (kind.to_owned(), name.to_owned());
        let targets = vec![target("test", "loom_ring"), target("test", "contract"), target("bench", "loom")];
        let package = Package { name: "synod-log".to_owned(), targets, ..Package::default() };
        let workspace = Workspace { packages: vec![package], ..Workspace::default() };
        assert_eq!(models(&workspace), [("synod-log", "loom_ring")]);
        assert!(matches!(run(&Workspace::default()), Ok(Outcome::Nothing(_))));
    }
}
