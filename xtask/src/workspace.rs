//! What the workspace consists of, as cargo sees it, and how programs are run in it.

use crate::failure::Failure;
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Output, Stdio};

/// The workspace: where it is and which packages it has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// One package of the workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Its folder below the root, with `/`.
    pub(crate) folder: String,
    pub(crate) description: bool,
    pub(crate) license: bool,
    pub(crate) readme: bool,
    pub(crate) features: Vec<String>,
    pub(crate) dependencies: Vec<Dependency>,
    /// Kind and name: `("test", "loom_queue")`.
    pub(crate) targets: Vec<(String, String)>,
}

/// What a package depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Neither `dev` nor `build`.
    pub(crate) normal: bool,
    pub(crate) optional: bool,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn load() -> Result<Self, Failure> {
        let output =
            capture(cargo(["metadata", "--format-version", "1", "--no-deps"]).stderr(Stdio::inherit()))?;
        let json: Value = serde_json::from_str(&output)
            .map_err(|error| Failure::told(format!("cargo metadata gave no JSON: {error}")))?;
        Self::from_metadata(&json).ok_or_else(|| Failure::told("cargo metadata has an unknown form"))
    }

    fn from_metadata(json: &Value) -> Option<Self> {
        let root = json.get("workspace_root")?.as_str()?;
        let target = PathBuf::from(json.get("target_directory")?.as_str()?);
        let packages = json.get("packages")?.as_array()?;
        let mut packages: Vec<_> =
            packages.iter().map(|package| Package::from_json(package, root)).collect::<Option<_>>()?;
        packages.sort_by(|one, other| one.folder.cmp(&other.folder));
        Some(Self { root: root.into(), target, packages })
    }

    pub(crate) fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }
}

impl Package {
    fn from_json(json: &Value, root: &str) -> Option<Self> {
        let text = |key: &str| json.get(key).and_then(Value::as_str);
        let manifest = text("manifest_path")?.strip_prefix(root)?.replace('\\', "/");
        let folder = manifest.trim_start_matches('/').strip_suffix("/Cargo.toml")?.to_owned();
        let dependencies =
            json.get("dependencies")?.as_array()?.iter().map(Dependency::from_json).collect::<Option<_>>()?;
        let mut targets = Vec::new();
        for target in json.get("targets")?.as_array()? {
            let name = target.get("name")?.as_str()?;
            for kind in target.get("kind")?.as_array()? {
                targets.push((kind.as_str()?.to_owned(), name.to_owned()));
            }
        }
        Some(Self {
            name: text("name")?.to_owned(),
            folder,
            description: text("description").is_some_and(|words| !words.is_empty()),
            license: text("license").is_some(),
            readme: text("readme").is_some(),
            features: json.get("features")?.as_object()?.keys().cloned().collect(),
            dependencies,
            targets,
        })
    }

    pub(crate) fn targets<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a str> {
        self.targets.iter().filter(move |(other, _)| other == kind).map(|(_, name)| name.as_str())
    }
}

impl Dependency {
    fn from_json(json: &Value) -> Option<Self> {
        Some(Self {
            name: json.get("name")?.as_str()?.to_owned(),
            normal: json.get("kind")?.is_null(),
            optional: json.get("optional")?.as_bool()?,
        })
    }
}

/// The cargo that runs this program, ready for more arguments.
pub(crate) fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// Prints the command and runs it, with the terminal as its own.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    run_until(command, 0)
}

/// As [`run`], for a command that is to end with this exit code and no other.
pub(crate) fn run_until(command: &mut Command, code: i32) -> Result<(), Failure> {
    println!("$ {}", line(command));
    let status = status(command)?;
    if status.code() == Some(code) {
        return Ok(());
    }
    let wanted = if code == 0 { String::new() } else { format!(", expected {code}") };
    Err(Failure::Command { command: line(command), status: format!("{status}{wanted}") })
}

/// As [`run`], for a command whose exit code says how it went.
pub(crate) fn run_to_code(command: &mut Command) -> Result<i32, Failure> {
    println!("$ {}", line(command));
    let status = status(command)?;
    status.code().ok_or_else(|| Failure::Command { command: line(command), status: status.to_string() })
}

fn status(command: &mut Command) -> Result<ExitStatus, Failure> {
    command.status().map_err(|source| Failure::Start { command: line(command), source })
}

/// Runs the command to its end, well or not.
pub(crate) fn output(command: &mut Command) -> Result<Output, Failure> {
    command.output().map_err(|source| Failure::Start { command: line(command), source })
}

/// Runs the command and returns what it printed.
pub(crate) fn capture(command: &mut Command) -> Result<String, Failure> {
    let output = output(command)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    eprint!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(Failure::Command { command: line(command), status: output.status.to_string() })
}

/// As a person would type it: environment first, the program without its folder.
fn line(command: &Command) -> String {
    let mut words = Vec::new();
    for (key, value) in command.get_envs() {
        if let Some(value) = value {
            words.push(format!("{}={}", key.display(), quoted(&value.to_string_lossy())));
        }
    }
    let program = std::path::Path::new(command.get_program());
    words.push(program.file_name().unwrap_or_default().to_string_lossy().into_owned());
    words.extend(command.get_args().map(|word| quoted(&word.to_string_lossy())));
    words.join(" ")
}

fn quoted(word: &str) -> String {
    if word.contains(' ') { format!("\"{word}\"") } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_understood() {
        let json = serde_json::json!({
            "workspace_root": "/w", "target_directory": "/w/target",
            "packages": [{
                "name": "synod-core", "manifest_path": "/w/crates/core/Cargo.toml",
                "description": "", "license": "MIT", "readme": null,
                "features": {"default": [], "serde": ["dep:serde"]},
                "dependencies": [
                    {"name": "bytes", "kind": null, "optional": false},
                    {"name": "proptest", "kind": "dev", "optional": false},
                ],
                "targets": [{"name": "loom_log", "kind": ["test"]}],
            }],
        });
        let workspace = Workspace::from_metadata(&json).unwrap();
        let package = workspace.package("synod-core").unwrap();
        assert_eq!(package.folder, "crates/core");
        assert!(!package.description && package.license && !package.readme);
        assert_eq!(package.features, ["default", "serde"]);
        assert_eq!(package.targets("test").collect::<Vec<_>>(), ["loom_log"]);
        assert!(package.dependencies[0].normal && !package.dependencies[1].normal);
        assert!(Workspace::from_metadata(&serde_json::json!({})).is_none());
    }

    #[test]
    fn a_command_is_shown_as_it_would_be_typed() {
        let mut command = Command::new("/some/where/cargo");
        command.args(["doc", "two words"]).env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(line(&command), "RUSTDOCFLAGS=\"-D warnings\" cargo doc \"two words\"");
    }
}
