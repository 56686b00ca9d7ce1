//! A few files.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use synod_core::Bytes;

/// Where snapshots rest: a folder of its own for each node.
///
/// What returns `true` must survive a crash from then on; what a crash interrupts may have happened or not, but a
/// [`rename`](Folder::rename) never by halves. With a file system: `append` writes and calls `fsync`, `rename` renames and calls `fsync`
/// on the folder. Names hold letters, digits and hyphens.
pub trait Folder {
    /// Appends to a file, which is made if it is not there. Whether it is safely there.
    fn append(&mut self, name: &str, bytes: &[u8]) -> bool;

    /// Gives a file another name, in place of whatever had that. Whether that is so, and will be after a crash.
    fn rename(&mut self, from: &str, to: &str) -> bool;

    /// Removes a file, if it is there.
    fn remove(&mut self, name: &str);

    /// A part of a file: `len` bytes from `offset` on, fewer at its end. `None` where it cannot be read.
    fn read(&self, name: &str, offset: u64, len: usize) -> Option<Bytes>;

    /// How many bytes a file has; `None` where there is none.
    fn len(&self, name: &str) -> Option<u64>;

    /// Whether there is no file.
    fn is_empty(&self) -> bool {
        self.names().is_empty()
    }

    /// All names.
    fn names(&self) -> Vec<String>;
}

/// A folder in memory, for tests and simulations: it survives whatever its owner lets it survive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Memory {
    files: BTreeMap<String, Vec<u8>>,
}

impl Folder for Memory {
    fn append(&mut self, name: &str, bytes: &[u8]) -> bool {
        match self.files.get_mut(name) {
            Some(file) => file.extend_from_slice(bytes),
            None => {
                self.files.insert(name.into(), bytes.to_vec());
            }
        }
        true
    }

    fn rename(&mut self, from: &str, to: &str) -> bool {
        let Some(file) = self.files.remove(from) else { return false };
        self.files.insert(to.into(), file);
        true
    }

    fn remove(&mut self, name: &str) {
        self.files.remove(name);
    }

    fn read(&self, name: &str, offset: u64, len: usize) -> Option<Bytes> {
        let rest = self.files.get(name)?.get(usize::try_from(offset).ok()?..)?;
        Some(Bytes::copy_from_slice(rest.get(..len).unwrap_or(rest)))
    }

    fn len(&self, name: &str) -> Option<u64> {
        self.files.get(name).map(|file| file.len() as u64)
    }

    fn names(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }
}
