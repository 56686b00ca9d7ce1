//! The files under scrutiny.

use crate::failure::Failure;
use crate::workspace::{Package, Workspace, capture};
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

/// The text files of the workspace, by their path below its root (with `/`), and its packages.
#[derive(Default)]
pub(super) struct Tree {
    pub(super) files: BTreeMap<String, String>,
    /// Files that are not UTF-8 text: they exist, and that is all that rules may know.
    pub(super) binaries: Vec<String>,
    pub(super) packages: Vec<Package>,
}

impl Tree {
    /// What git tracks and what it would add: a rule speaks before the commit, not after.
    pub(super) fn read(workspace: &Workspace) -> Result<Self, Failure> {
        let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let list = capture(Command::new("git").args(list).current_dir(&workspace.root))?;
        let mut tree = Self { packages: workspace.packages.clone(), ..Self::default() };
        for path in list.split('\0').filter(|path| !path.is_empty()) {
            let full = workspace.root.join(path);
            if !full.is_file() {
                continue; // deleted, and not yet told to git
            }
            let bytes = fs::read(&full).map_err(|source| Failure::File { path: full, source })?;
            match String::from_utf8(bytes) {
                Ok(text) => _ = tree.files.insert(path.to_owned(), text),
                Err(_) => tree.binaries.push(path.to_owned()),
            }
        }
        Ok(tree)
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Rust files below a folder.
    pub(super) fn rust<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.ending(".rs")
            .filter(move |(path, _)| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')))
    }

    pub(super) fn ending<'a>(&'a self, suffix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files
            .iter()
            .filter(move |(path, _)| path.ends_with(suffix))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The packages that users see.
    pub(super) fn crates(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.folder.starts_with("crates/"))
    }

    /// Whether a path names a file or a folder.
    pub(super) fn exists(&self, path: &str) -> bool {
        let below = |file: &String| {
            path.is_empty()
                || file.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.files.keys().any(below) || self.binaries.iter().any(below)
    }
}

/// The last part of a path.
pub(super) fn leaf(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
impl Tree {
    pub(super) fn of<const N: usize>(files: [(&str, &str); N]) -> Self {
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned())).into();
        Self { files, ..Self::default() }
    }

    /// Adds a package that lacks nothing.
    pub(super) fn with_crate(mut self, folder: &str) -> Self {
        self.packages.push(Package {
            name: format!("synod-{}", leaf(folder)),
            folder: folder.to_owned(),
            description: true,
            license: true,
            readme: true,
            ..Package::default()
        });
        self
    }
}
