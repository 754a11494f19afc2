//! The runs of a directory of runs: their sizes, renaming, and removal. Touches only files that this program wrote, and
//! nothing in use.

use super::lock::{claim, foreign, in_use};
use super::{DirError, NAMES, plain};
use crate::lab::store::Dir;
use crate::limits;
use crate::scenario::{decode, read};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Bytes at the end of a log in which the last line is searched.
const TAIL: u64 = 64 << 10;

/// One run of a directory of runs.
#[derive(Clone, Debug)]
pub struct ArchivedRun {
    /// The name of its directory.
    pub name: String,
    /// Its scenario's title; empty if the scenario cannot be read.
    pub title: String,
    /// The last step in its log.
    pub step: u64,
    /// Steps of the scenario; 0 if the scenario cannot be read.
    pub steps: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Time of the last write.
    pub touched: SystemTime,
    /// Whether a process trains it.
    pub in_use: bool,
}

/// The runs of a directory, the newest first; other directories are ignored.
///
/// # Errors
/// If the directory cannot be listed. A directory that does not exist has no runs.
pub fn list(runs: &Path) -> io::Result<Vec<ArchivedRun>> {
    let mut found = Vec::new();
    let entries = match std::fs::read_dir(runs) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(found),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        // A link is not followed: its target is not one of these runs.
        if !entry.file_type()?.is_dir() || path.join("run.lock").symlink_metadata().is_err() {
            continue;
        }
        let (mut bytes, mut touched) = (0, SystemTime::UNIX_EPOCH);
        for file in std::fs::read_dir(&path)? {
            let meta = file?.metadata()?;
            bytes += meta.len();
            touched = touched.max(meta.modified()?);
        }
        let dir = Dir::open(&path)?;
        let scenario = dir.read_all("scenario.ron", limits::SCENARIO_BYTES).ok();
        let scenario = scenario.and_then(|b| decode(&b).ok().and_then(|text| read(text).ok()));
        found.push(ArchivedRun {
            name: entry.file_name().to_string_lossy().into_owned(),
            step: last_step(&dir).unwrap_or(0),
            steps: scenario.as_ref().map_or(0, |s| s.steps as u64),
            title: scenario.map_or_else(String::new, |s| s.title),
            bytes,
            touched,
            in_use: in_use(&path),
        });
    }
    found.sort_by(|a, b| b.touched.cmp(&a.touched).then_with(|| a.name.cmp(&b.name)));
    Ok(found)
}

/// The greatest step in the last lines of a run's log.
fn last_step(dir: &Dir) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct ArchivedRow {
        step: u64,
    }
    let mut file = dir.read("metrics.jsonl").ok()?;
    let end = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(end.saturating_sub(TAIL))).ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    text.lines().filter_map(|line| serde_json::from_str::<ArchivedRow>(line).ok()).map(|row| row.step).max()
}

/// The path of a run by its name among the others.
///
/// # Errors
/// The reason why there is no such run.
fn path_of(runs: &Path, name: &str) -> Result<PathBuf, DirError> {
    let path = runs.join(name);
    let fault = |what: &str| Err(DirError { path: path.clone(), what: what.into() });
    if !plain_name(name) {
        return fault("this is a path; a run here is called by its name alone");
    }
    match path.symlink_metadata() {
        Ok(meta) if !meta.is_dir() => fault("not a directory"),
        Ok(_) if path.join("run.lock").symlink_metadata().is_err() => {
            fault("no run of gradtui; it is not touched")
        }
        Ok(_) => Ok(path),
        Err(_) => fault("there is no such run; `gradtui runs` lists them"),
    }
}

/// Whether this is the name of an entry directly inside a directory.
fn plain_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(std::path::Component::Normal(part)), None) if part == name)
}

/// Renames a run.
///
/// # Errors
/// If there is no such run, it is in use, or the name is taken or invalid.
pub fn rename(runs: &Path, name: &str, to: &str) -> Result<(), DirError> {
    let (from, target) = (path_of(runs, name)?, runs.join(to));
    let fault = |what: String| DirError { path: target.clone(), what };
    if !plain_name(to) || to.starts_with(['.', '-']) || to.chars().any(char::is_control) {
        return Err(fault("no name for a run: take letters, digits and dashes".into()));
    }
    if target.symlink_metadata().is_ok() {
        return Err(fault("the name is taken".into()));
    }
    let held = Dir::open(&from).map_err(|e| plain(&e)).and_then(|dir| claim(&dir));
    let _lock = held.map_err(|what| DirError { path: from.clone(), what })?;
    std::fs::rename(&from, &target).map_err(|e| fault(plain(&e)))
}

/// Removes a run with its recordings.
///
/// # Errors
/// If there is no such run, it is in use, or its directory holds files that this program did not write.
pub fn delete(runs: &Path, name: &str) -> Result<(), DirError> {
    let path = path_of(runs, name)?;
    let fault = |what: String| DirError { path: path.clone(), what };
    let io = |e: io::Error| fault(plain(&e));
    let dir = Dir::open(&path).map_err(io)?;
    if let Some(name) = foreign(&dir).map_err(io)? {
        return Err(fault(format!("holds {name}, which is no file of a run")));
    }
    // No process can resume the run while the lock is held; the lock file is removed last.
    let _lock = claim(&dir).map_err(fault)?;
    let names = dir.names().map_err(io)?;
    let recordings = names.iter().filter(|name| !NAMES.iter().any(|n| **name == **n));
    recordings.into_iter().try_for_each(|name| dir.remove(name)).map_err(io)?;
    NAMES.iter().rev().try_for_each(|name| dir.remove(name)).map_err(io)?;
    std::fs::remove_dir(&path).map_err(io)
}

#[cfg(test)]
mod tests {
    use super::super::RunDir;
    use super::*;

    #[test]
    fn runs_are_listed_named_and_deleted_but_never_a_foreign_one_or_one_in_use() {
        let place = tempfile::TempDir::with_prefix("gradtui-").expect("a directory");
        let runs = place.path().join("runs");
        assert!(list(&runs).expect("no runs").is_empty());
        let scenario = read("(title: \"Mine\", data: Moons(), steps: 7)").expect("a scenario");
        let create =
            |name: &str| RunDir::create(&runs.join(name), &scenario, Path::new(""), 0).expect("a run");
        let (a, held) = (create("a"), create("held"));
        drop(a);
        std::fs::write(runs.join("a/recording-1.cast"), "x".repeat(1000)).expect("written");
        std::fs::create_dir_all(runs.join("foreign")).expect("made");
        std::fs::write(runs.join("foreign/run.txt"), "mine").expect("written");
        create("mixed");
        std::fs::write(runs.join("mixed/notes.txt"), "mine").expect("written");

        let found = list(&runs).expect("runs");
        let of = |name: &str| found.iter().find(|e| e.name == name).expect("it");
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(of("held").in_use && !of("a").in_use && of("a").bytes > 1000);
        assert_eq!((of("a").title.as_str(), of("a").steps), ("Mine", 7));

        let refused = |r: Result<(), DirError>| r.unwrap_err().what;
        assert!(refused(delete(&runs, "held")).contains("in use"));
        assert!(refused(rename(&runs, "held", "b")).contains("in use"));
        assert!(refused(delete(&runs, "foreign")).contains("no run"));
        assert!(delete(&runs, "mixed").is_err() && runs.join("mixed/scenario.ron").exists());
        assert!(refused(delete(&runs, "../a")).contains("a path"));
        assert!(refused(delete(&runs, "..")).contains("a path") && delete(&runs, "").is_err());
        assert!(refused(rename(&runs, "a", "held")).contains("taken"));
        assert!(rename(&runs, "a", "../b").is_err() && rename(&runs, "a", "-b").is_err());
        rename(&runs, "a", "b").expect("a new name");
        assert!(!runs.join("a").exists() && runs.join("b/recording-1.cast").exists());
        delete(&runs, "b").expect("gone");
        assert!(!runs.join("b").exists());
        drop(held);
        delete(&runs, "held").expect("nobody holds it any more");
        std::fs::remove_dir_all(&runs).expect("removed");
    }
}
