//! Benchmarks by name. The list is the `[[bench]]` table of `benches/Cargo.toml`, so that a new one needs no change here.

use crate::failure::Failure;
use crate::workspace::{Package, Workspace, cargo, run as start};

const PACKAGE: &str = "synod-benches";

pub(crate) fn list(workspace: &Workspace) -> Result<(), Failure> {
    for name in package(workspace)?.targets("bench") {
        println!("{name}");
    }
    Ok(())
}

/// Runs the named benchmarks, or all.
pub(crate) fn run(workspace: &Workspace, wanted: &[String]) -> Result<(), Failure> {
    for name in select(package(workspace)?, wanted)? {
        start(&mut cargo(["bench", "-p", PACKAGE, "--features", "peers", "--bench", name]))?;
    }
    Ok(())
}

fn package(workspace: &Workspace) -> Result<&Package, Failure> {
    workspace.package(PACKAGE).ok_or_else(|| Failure::told(format!("the workspace has no package {PACKAGE}")))
}

fn select<'a>(package: &'a Package, wanted: &'a [String]) -> Result<Vec<&'a str>, Failure> {
    let known: Vec<_> = package.targets("bench").collect();
    if wanted.is_empty() {
        return Ok(known);
    }
    match wanted.iter().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => {
            Err(Failure::told(format!("no benchmark is called `{unknown}`; there are: {}", known.join(", "))))
        }
        None => Ok(wanted.iter().map(String::as_str).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_refused_with_the_list() {
        let targets = ["core", "raft"].map(|name| ("bench".to_owned(), name.to_owned())).to_vec();
        let package = Package { targets, ..Package::default() };
        assert_eq!(select(&package, &[]).unwrap(), ["core", "raft"]);
        assert_eq!(select(&package, &["raft".to_owned()]).unwrap(), ["raft"]);
        let told = select(&package, &["rafft".to_owned()]).unwrap_err().to_string();
        assert_eq!(told, "no benchmark is called `rafft`; there are: core, raft");
    }
}
