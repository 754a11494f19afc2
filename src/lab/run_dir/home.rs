//! The directory of a run as a place for recordings. Does not write the run itself.

use super::{DirError, plain};
use crate::lab::store::Dir;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// An open run directory: files are written there even if its path now leads elsewhere.
#[derive(Clone, Debug)]
pub struct Home {
    dir: Dir,
    path: PathBuf,
}

impl Home {
    pub(super) fn new(dir: Dir, path: PathBuf) -> Self {
        Self { dir, path }
    }

    /// The path by which it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the path still leads to it.
    pub fn is_in_place(&self) -> bool {
        self.dir.is_at(&self.path)
    }

    /// Creates a file for a recording, with the first free number.
    ///
    /// # Errors
    /// The reason why no file can be created there.
    pub fn recording(&self) -> Result<(File, PathBuf), DirError> {
        for n in 1..1000 {
            let name = format!("recording-{n}.cast");
            let path = self.path.join(&name);
            match self.dir.create(&name) {
                Ok(file) => return Ok((file, path)),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(DirError { path, what: plain(&e) }),
            }
        }
        Err(DirError { path: self.path.clone(), what: "full of recordings".into() })
    }

    /// Writes the script of a recording completely or not at all.
    ///
    /// # Errors
    /// The reason why it cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), DirError> {
        self.dir.replace(name, bytes).map_err(|e| DirError { path: self.path.join(name), what: plain(&e) })
    }
}

/// Whether this is the name of a recording or of its script.
pub(super) fn is_recording(name: &str) -> bool {
    name.strip_prefix("recording-").and_then(|rest| rest.split_once('.')).is_some_and(|(n, kind)| {
        n.bytes().all(|b| b.is_ascii_digit()) && ["cast", "ron", "ron.new"].contains(&kind)
    })
}
