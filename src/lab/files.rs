//! Reads and writes files that the user named: only regular files, within a size limit, never waiting for a device or a
//! pipe, and never leaving a half-written file.

use super::run_dir::{DirError, plain};
use super::runner::halves::Halves;
use super::store::Dir;
use crate::engine::data::{DirectoryEntry, Files};
use crate::engine::team::Team;
use crate::limits;
use rustix::fs::FileType;
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The content of a regular file.
///
/// # Errors
/// If it is not a regular file, too large, or cannot be read. The message does not name the file.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let file = open(path, limit)?;
    let mut bytes = Vec::with_capacity(file.metadata().map_or(0, |m| m.len().min(limit)) as usize + 1);
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|e| plain(&e))?;
    if bytes.len() as u64 > limit { Err(too_large(limit)) } else { Ok(bytes) }
}

/// A regular file, opened for reading.
fn open(path: &Path, limit: u64) -> Result<fs::File, String> {
    if path.as_os_str().is_empty() {
        return Err("an empty name".into());
    }
    // The file type is checked before opening: opening a pipe or a device may block or have an effect.
    regular(&fs::metadata(path).map_err(|e| plain(&e))?, limit)?;
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    let file = fs::OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .map_err(|e| plain(&e))?;
    // It is checked again after opening, because the name may have been replaced in between.
    regular(&file.metadata().map_err(|e| plain(&e))?, limit)?;
    Ok(file)
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

/// The destination of a file: its directory, held open, and its name there.
struct FileTarget<'a> {
    path: &'a Path,
    dir: Dir,
    name: &'a OsStr,
}

impl<'a> FileTarget<'a> {
    /// The destination, if its name is free or belongs to a regular file; a link to a file is refused.
    fn new(path: &'a Path) -> Result<Self, DirError> {
        let fault = |what: String| DirError { path: path.into(), what };
        let name = path.file_name().ok_or_else(|| fault("this is no name of a file".into()))?;
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let dir = Dir::open(parent).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => fault("its directory is not there".into()),
            _ => fault(plain(&e)),
        })?;
        match dir.kind(name).map_err(|e| fault(plain(&e)))? {
            None | Some(FileType::RegularFile) => Ok(Self { path, dir, name }),
            Some(FileType::Symlink) => Err(fault("a link has this name; name the file itself".into())),
            Some(FileType::Directory) => Err(fault("a directory has this name".into())),
            Some(_) => Err(fault("a device or a pipe has this name".into())),
        }
    }

    fn fault(&self, e: std::io::Error) -> DirError {
        DirError { path: self.path.into(), what: plain(&e) }
    }

    /// Writes a temporary file beside it, and returns its name.
    fn put(&self, bytes: &[u8]) -> Result<String, DirError> {
        for n in 0..1000 {
            let name = format!(".gradtui-{}-{n}.new", std::process::id());
            match self.dir.put(&name, bytes) {
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(self.fault(e)),
                Ok(()) => return Ok(name),
            }
        }
        Err(DirError {
            path: self.path.into(),
            what: "no name for a temporary file is free beside it".into(),
        })
    }
}

/// Checks that a file could be written under this name, as far as possible without writing.
///
/// # Errors
/// The reason in words.
pub fn writable(path: &Path) -> Result<(), DirError> {
    FileTarget::new(path).map(|_| ())
}

/// Checks before any work that a command can write its files, writes none of them twice, and none that it reads.
///
/// # Errors
/// The first file to which this does not apply, and why.
pub fn check_outputs<'a>(
    written: impl IntoIterator<Item = &'a Path>,
    read: impl IntoIterator<Item = &'a Path>,
) -> Result<(), String> {
    // A file that is not there yet is known by its directory and its name.
    let place = |path: &Path| {
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let made = || fs::canonicalize(parent).map(|dir| dir.join(path.file_name().unwrap_or_default()));
        fs::canonicalize(path).or_else(|_| made()).unwrap_or_else(|_| path.into())
    };
    let fault = |path: &Path, what| Err(DirError { path: path.into(), what: String::from(what) }.to_string());
    let read: Vec<PathBuf> = read.into_iter().map(place).collect();
    let mut seen = Vec::new();
    for path in written.into_iter().filter(|path| path.as_os_str() != "-") {
        let at = place(path);
        if read.contains(&at) {
            return fault(path, "this file is read by the same command; write to another one");
        }
        if seen.contains(&at) {
            return fault(path, "two files would be written here; give each a name of its own");
        }
        writable(path).map_err(|e| e.to_string())?;
        seen.push(at);
    }
    Ok(())
}

/// Writes several files, all of them or none: each is written completely under a temporary name before any of them
/// replaces its destination. Only their owner may read them.
///
/// # Errors
/// If one cannot be written, or its name belongs to something other than a file.
pub fn write(files: &[(&Path, &[u8])]) -> Result<(), DirError> {
    let mut ready = Vec::new();
    let mut put = || -> Result<(), DirError> {
        for &(path, bytes) in files {
            let target = FileTarget::new(path)?;
            let name = target.put(bytes)?;
            ready.push((target, Some(name)));
        }
        for (target, name) in &mut ready {
            if let Some(new) = &*name {
                target.dir.rename(new, target.name).map_err(|e| target.fault(e))?;
                *name = None;
            }
        }
        ready.iter().try_for_each(|(target, _)| target.dir.sync().map_err(|e| target.fault(e)))
    };
    let written = put();
    for (target, name) in ready {
        if let Some(name) = name {
            let _ = target.dir.remove(name);
        }
    }
    written
}

/// The reason why this is no path of a file, to be added to a message.
fn no_path(path: &str) -> &'static str {
    if path.starts_with("~/") {
        "; ~ is not replaced by your home directory here: write the whole path"
    } else if path.contains("://") {
        "; nothing is downloaded: save the file, and name it here"
    } else {
        ""
    }
}

/// File access for a scenario: paths are relative to its directory.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    /// The scenario's directory.
    pub base: PathBuf,
}

impl Disk {
    /// File access for this scenario file.
    pub fn beside(scenario: &Path) -> Self {
        Self { base: scenario.parent().map_or_else(PathBuf::new, Path::to_path_buf) }
    }
}

impl Files for Disk {
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, String> {
        read(&self.base.join(path), limit).map_err(|what| what + no_path(path))
    }

    fn open(&self, path: &str, limit: u64) -> Result<Box<dyn Read + '_>, String> {
        let file = open(&self.base.join(path), limit).map_err(|what| what + no_path(path))?;
        Ok(Box::new(file.take(limit + 1)))
    }

    fn list(&self, path: &str) -> Result<Vec<DirectoryEntry>, String> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(self.base.join(path)).map_err(|e| plain(&e))? {
            let entry = entry.map_err(|e| plain(&e))?;
            let Ok(name) = entry.file_name().into_string() else {
                return Err("a name in it is not UTF-8".into());
            };
            let directory = fs::metadata(entry.path()).is_ok_and(|m| m.is_dir());
            entries.push(DirectoryEntry { name, directory });
            if entries.len() > limits::ENTRIES {
                return Err(format!("more than {} entries", limits::ENTRIES));
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn team(&self) -> &dyn Team {
        &Halves
    }

    fn base(&self) -> Option<&Path> {
        Some(&self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::super::store;
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
        // The size of a file is known before memory is taken: this one would not fit.
        let dir = tempfile::TempDir::with_prefix("gradtui-").unwrap();
        let path = dir.path().join("x.npy");
        fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(read(&path, limits::DATA_FILE_BYTES).unwrap_err(), "larger than 128 MiB, the limit");
    }

    #[test]
    fn a_directory_is_listed_in_the_order_of_names() {
        let disk = Disk { base: Path::new(env!("CARGO_MANIFEST_DIR")).into() };
        let entries = disk.list("src").unwrap();
        assert!(entries.is_sorted_by(|a, b| a.name < b.name));
        assert!(entries.contains(&DirectoryEntry { name: "engine".into(), directory: true }));
        assert!(entries.contains(&DirectoryEntry { name: "lib.rs".into(), directory: false }));
    }

    #[test]
    fn all_files_are_written_or_none_wherever_the_disk_fails() {
        let dir = tempfile::TempDir::with_prefix("gradtui-").unwrap();
        let place = dir.path();
        let [a, b] = ["a.png", "b.png"].map(|name| place.join(name));
        let names = || {
            let mut names: Vec<_> = fs::read_dir(place).unwrap().map(|e| e.unwrap().file_name()).collect();
            names.sort();
            names
        };
        for n in 0.. {
            fs::write(&a, "old").unwrap();
            let _ = fs::remove_file(&b);
            store::crash::after(Some(n), false);
            let written = write(&[(&a, b"new a"), (&b, b"new b")]);
            store::crash::after(None, false);
            let read = |path: &Path| fs::read_to_string(path).ok();
            if written.is_ok() {
                assert_eq!((read(&a), read(&b)), (Some("new a".into()), Some("new b".into())));
                assert!(n > 8, "{n} operations");
                break;
            }
            // Whichever operation failed, no incomplete and no temporary file is left.
            assert!(names().iter().all(|n| n == "a.png" || n == "b.png"), "operation {n}: {:?}", names());
            assert!(["old", "new a"].contains(&&*read(&a).unwrap()), "operation {n}");
            assert!(read(&b).is_none_or(|b| b == "new b"), "operation {n}");
            assert!(written.unwrap_err().to_string().contains("no space"), "operation {n}");
        }
    }

    #[test]
    fn no_command_writes_a_file_twice_or_over_its_own_input() {
        let dir = tempfile::TempDir::with_prefix("gradtui-").unwrap();
        let place = dir.path();
        let [a, b, link] = ["a", "b", "link"].map(|name| place.join(name));
        fs::write(&a, "x").unwrap();
        std::os::unix::fs::symlink(&a, &link).unwrap();
        let said = |written: &[&Path], read: &[&Path]| {
            check_outputs(written.iter().copied(), read.iter().copied()).err().unwrap_or_default()
        };
        assert_eq!(said(&[&a, &b, Path::new("-"), Path::new("-")], &[]), "");
        assert!(
            said(&[&b, &place.join("..").join(place.file_name().unwrap()).join("b")], &[])
                .contains("two files"),
            "a file that is not there yet"
        );
        assert!(said(&[&a], &[&link]).contains("is read by the same command"));
        assert_eq!(said(&[&b], &[&a]), "");
        assert!(said(&[&place.join("none/b")], &[]).contains("its directory is not there"));
    }

    #[test]
    fn nothing_but_a_regular_file_is_written_over() {
        let dir = tempfile::TempDir::with_prefix("gradtui-").unwrap();
        let place = dir.path();
        fs::write(place.join("precious"), "precious").unwrap();
        std::os::unix::fs::symlink(place.join("precious"), place.join("link.png")).unwrap();
        std::os::unix::fs::symlink("/dev/full", place.join("full.png")).unwrap();
        fs::create_dir(place.join("dir.png")).unwrap();
        for (name, what) in [
            ("link.png", "a link"),
            ("full.png", "a link"),
            ("dir.png", "a directory"),
            ("nowhere/x.png", "its directory is not there"),
            ("precious/x.png", "not a directory"),
            ("..", "no name of a file"),
        ] {
            let path = place.join(name);
            let said = write(&[(&path, b"x")]).unwrap_err().to_string();
            assert!(said.contains(what) && writable(&path).is_err(), "{name}: {said}");
        }
        assert!(write(&[(Path::new("/dev/full"), b"x")]).unwrap_err().to_string().contains("a device"));
        assert_eq!(fs::read_to_string(place.join("precious")).unwrap(), "precious");
    }
}
