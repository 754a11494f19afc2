//! The directory of the user's runs, which the lab makes for runs without `--out`.

use crate::lab::run_dir;
use etcetera::BaseStrategy as _;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// The directory of runs without `--out`.
///
/// # Errors
/// If there is no home directory.
pub fn runs() -> Result<PathBuf, String> {
    let strategy = etcetera::choose_base_strategy().map_err(|e| e.to_string())?;
    absolute(strategy.state_dir().unwrap_or_else(|| strategy.data_dir()))
        .map(|s| s.join("gradtui").join("runs"))
}

/// A directory of the user's that does not depend on the working directory.
///
/// # Errors
/// If HOME, or the variable that names it, is relative.
fn absolute(dir: PathBuf) -> Result<PathBuf, String> {
    if dir.is_absolute() {
        return Ok(dir);
    }
    let shown = crate::text::escaped(&dir.display().to_string()).into_owned();
    Err(format!("{shown} is no absolute path; set HOME (or XDG_STATE_HOME) to one"))
}

/// Number of newest runs kept in the state directory.
const KEPT: usize = 20;

/// A new directory among the user's runs; if there are more than [`KEPT`], the oldest are removed.
pub fn own_directory(scenario: &str) -> Result<PathBuf, String> {
    let runs = runs()?;
    let fresh = fresh(&runs, scenario)?;
    // If an old run cannot be removed, the new one is started anyway.
    let _ = run_dir::prune(&runs, KEPT);
    Ok(fresh)
}

/// Creates the directory with the first free number: `spiral-1`.
fn fresh(runs: &Path, scenario: &str) -> Result<PathBuf, String> {
    let stem = Path::new(scenario).file_stem().map_or("run".into(), |s| s.to_string_lossy());
    let name: String = stem.chars().filter(|c| c.is_alphanumeric() || *c == '-').take(40).collect();
    let mut builder = std::fs::DirBuilder::new();
    builder.mode(0o700);
    let fault = |path: &Path, e: &std::io::Error| format!("{}: {e}", path.display());
    builder.recursive(true).create(runs).map_err(|e| fault(runs, &e))?;
    builder.recursive(false);
    for n in 1..100_000 {
        let path = runs.join(format!("{name}-{n}"));
        match builder.create(&path) {
            Ok(()) => return Ok(path),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(fault(&path, &e)),
        }
    }
    Err(format!("{} is full of runs", runs.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_home_is_not_written_to() {
        assert!(absolute("home/.local/state".into()).is_err_and(|e| e.contains("set HOME")));
        assert_eq!(absolute("/home/x".into()), Ok("/home/x".into()));
    }

    #[test]
    fn every_run_gets_a_directory_of_its_own() {
        let place = tempfile::TempDir::with_prefix("gradtui-").expect("a directory");
        let runs = place.path().join("runs");
        let a = fresh(&runs, "../some/spiral.ron").expect("a directory");
        let b = fresh(&runs, "../some/spiral.ron").expect("another");
        assert_eq!((a, b), (runs.join("spiral-1"), runs.join("spiral-2")));
    }
}
