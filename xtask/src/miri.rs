//! Miri: the tests whose code comes nearest to memory that safe Rust does not watch over.

use crate::failure::Failure;
use crate::step::Outcome;
use crate::workspace::{Workspace, capture, run as start};
use std::process::Command;

/// What runs: package, then arguments to `cargo miri test`. A small set, since miri is some hundred times slower.
const TESTS: [(&str, &[&str]); 1] = [("synod-core", &["--test", "no_alloc"])];

/// Runs the small set on the nightly toolchain, if that has miri.
pub(crate) fn run(_: &Workspace) -> Result<Outcome, Failure> {
    let nightly = |arguments: &[&str]| {
        let mut command = Command::new("cargo");
        // This program was started by the stable toolchain's cargo, whose settings must not reach the other's.
        for key in ["RUSTUP_TOOLCHAIN", "CARGO", "RUSTC", "RUSTDOC"] {
            command.env_remove(key);
        }
        command.arg("+nightly").arg("miri").args(arguments);
        command
    };
    let present = nightly(&["--version"]).output().is_ok_and(|output| output.status.success());
    if !present {
        let why = "no nightly toolchain with miri here (rustup toolchain install nightly --component miri)";
        return Ok(Outcome::Nothing(why.to_owned()));
    }
    println!("{}", capture(&mut nightly(&["--version"]))?.trim());
    for (package, arguments) in TESTS {
        start(
            nightly(&["test", "-p", package]).args(arguments).env("MIRIFLAGS", "-Zmiri-disable-isolation"),
        )?;
    }
    Ok(Outcome::Passed)
}
