//! Files that somebody named, read with care: regular files only, within a limit, never waiting for a device or a pipe.

use crate::engine::data::{Entry, Files};
use crate::limits;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The bytes of a regular file.
///
/// # Errors
/// What stands there instead, that it is too large, or what the system says; without the name.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    if path.as_os_str().is_empty() {
        return Err("an empty name".into());
    }
    // Looked at before it is opened: opening a pipe or a device may wait, or act.
    regular(&fs::metadata(path).map_err(|e| reason(&e))?, limit)?;
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    let file = fs::OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .map_err(|e| reason(&e))?;
    // And once more, since the name may have changed hands.
    regular(&file.metadata().map_err(|e| reason(&e))?, limit)?;
    let mut bytes = Vec::with_capacity(file.metadata().map_or(0, |m| m.len().min(limit)) as usize + 1);
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|e| reason(&e))?;
    if bytes.len() as u64 > limit { Err(too_large(limit)) } else { Ok(bytes) }
}

fn regular(found: &fs::Metadata, limit: u64) -> Result<(), String> {
    match found {
        m if m.is_dir() => Err("a directory, not a file".into()),
        m if !m.is_file() => Err("a device or a pipe, not a file".into()),
        m if m.len() > limit => Err(too_large(limit)),
        _ => Ok(()),
    }
}

fn too_large(limit: u64) -> String {
    if limit < 1 << 20 {
        format!("larger than {} KiB, the limit", limit >> 10)
    } else {
        format!("larger than {} MiB, the limit", limit >> 20)
    }
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".into(),
        std::io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    }
}

/// Files as a scenario names them: relative to the directory in which it lies.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    /// The scenario's directory.
    pub base: PathBuf,
}

impl Disk {
    /// Beside a scenario file.
    pub fn beside(scenario: &Path) -> Self {
        Self { base: scenario.parent().map_or_else(PathBuf::new, Path::to_path_buf) }
    }
}

impl Files for Disk {
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, String> {
        read(&self.base.join(path), limit)
    }

    fn list(&self, path: &str) -> Result<Vec<Entry>, String> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(self.base.join(path)).map_err(|e| reason(&e))? {
            let entry = entry.map_err(|e| reason(&e))?;
            let Ok(name) = entry.file_name().into_string() else {
                return Err("a name in it is not UTF-8".into());
            };
            let directory = fs::metadata(entry.path()).is_ok_and(|m| m.is_dir());
            entries.push(Entry { name, directory });
            if entries.len() > limits::ENTRIES {
                return Err(format!("more than {} entries", limits::ENTRIES));
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_read() {
        for (path, what) in [
            ("", "empty"),
            ("/", "directory"),
            ("/dev/zero", "device"),
            ("/dev/tty", "device"),
            ("/no/such/file", "no such"),
            (&"x".repeat(5000), "long"),
        ] {
            let error = read(Path::new(path), 100).unwrap_err();
            assert!(error.contains(what), "{path:.20}: {error}");
        }
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(read(&here.join("Cargo.toml"), 100).unwrap_err().contains("larger than"));
        assert!(read(&here.join("rustfmt.toml"), 1000).is_ok());
    }

    #[test]
    fn a_directory_is_listed_in_the_order_of_names() {
        let disk = Disk { base: Path::new(env!("CARGO_MANIFEST_DIR")).into() };
        let entries = disk.list("src").unwrap();
        assert!(entries.is_sorted_by(|a, b| a.name < b.name));
        assert!(entries.contains(&Entry { name: "engine".into(), directory: true }));
        assert!(entries.contains(&Entry { name: "lib.rs".into(), directory: false }));
    }
}
