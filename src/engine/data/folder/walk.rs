//! Lists the pictures of a directory by class and by training or validation, and the files that are not pictures.

use crate::engine::data::bitmap::named;
use crate::engine::data::reading::listed;
use crate::engine::data::{DataWarning, Files, SourceError, by_value};
use crate::limits;
use std::collections::BTreeMap;

/// Names of the directories with the classes to train on and to validate on; the first existing one is used.
const TRAIN: [&str; 2] = ["train", "training"];
const HELD: [&str; 5] = ["val", "valid", "validation", "test", "testing"];

/// Levels, and directories of each, that are searched for classes before a fault is reported.
const DEPTH: usize = 4;

/// Pictures by their paths, each with its class.
pub(super) type PicturePaths = Vec<(String, usize)>;

/// The contents of a directory.
#[derive(Debug, Default)]
pub(super) struct DirectoryContents {
    /// The classes.
    pub(super) names: Vec<String>,
    /// All pictures, or the training pictures if there is a directory for them.
    pub(super) train: PicturePaths,
    /// The validation pictures, if there is a directory for them.
    pub(super) held: Option<PicturePaths>,
    /// Remarks in words.
    pub(super) notes: Vec<String>,
    /// Pictures that are there and not read.
    pub(super) doubts: Vec<DataWarning>,
}

/// Lists a directory of classes, or one that contains `train` and `test`.
///
/// # Errors
/// If there are no classes, or no pictures where they should be.
pub(super) fn walk(files: &dyn Files, path: &str) -> Result<DirectoryContents, SourceError> {
    let mut walk = DirectoryWalk { files, skipped: BTreeMap::new(), deeper: Vec::new(), beside: 0 };
    let inside = walk.directories(path)?;
    let called = |names: &[&str]| {
        names.iter().find_map(|name| inside.iter().find(|d| d.to_lowercase() == **name)).cloned()
    };
    let mut found = DirectoryContents::default();
    if let Some(train) = called(&TRAIN) {
        let below = format!("{path}/{train}");
        found.names = in_order(walk.directories(&below)?, &mut found.notes);
        found.train = walk.pictures(&below, &found.names)?;
        let held = called(&HELD);
        if let Some(held) = &held {
            let below = format!("{path}/{held}");
            let names = walk.directories(&below)?;
            if let Some(new) = names.iter().find(|n| !found.names.contains(n)) {
                let what = format!("class {new} is not among those of {train}: {}", listed(&found.names));
                return Err(SourceError::in_file(&below, what));
            }
            let known: Vec<String> = found.names.iter().filter(|n| names.contains(n)).cloned().collect();
            let mut pictures = walk.pictures(&below, &known)?;
            for (_, class) in &mut pictures {
                *class = found.names.iter().position(|n| *n == known[*class]).unwrap_or(0);
            }
            found.held = Some(pictures);
        }
        let rest: Vec<String> =
            inside.iter().filter(|d| **d != train && Some(*d) != held.as_ref()).cloned().collect();
        let held = held.map_or_else(String::new, |held| format!(", {held} to validate on"));
        let rest = if rest.is_empty() { String::new() } else { format!("; not read: {}", listed(&rest)) };
        found.notes.push(format!("{train} to train on{held}{rest}"));
    } else {
        found.names = in_order(inside, &mut found.notes);
        found.train = walk.pictures(path, &found.names)?;
    }
    if !walk.skipped.is_empty() {
        let each: Vec<String> = walk.skipped.iter().map(|(ending, n)| format!("{n} {ending}")).collect();
        found.notes.push(format!("files that are no pictures, by their endings: {}", each.join(", ")));
    }
    if !walk.deeper.is_empty() {
        found.doubts.push(DataWarning::data(format!(
            "pictures in directories inside a class are not read: {}; move them up into the directory of their class",
            listed(&walk.deeper)
        )));
    }
    if walk.beside > 0 {
        found.doubts.push(DataWarning::data(format!(
            "pictures beside the directories of the classes are not read, {} in all; move each into the directory of its class",
            walk.beside
        )));
    }
    Ok(found)
}

/// The names of the classes, in order of value if all are numbers.
fn in_order(mut names: Vec<String>, notes: &mut Vec<String>) -> Vec<String> {
    if by_value(&mut names, |name| name.parse().ok()) {
        notes.push(
            "the directories are called by numbers, taken for classes in order of value; numbers to predict? Npy(.., \
             regression: true)"
                .into(),
        );
    }
    names
}

struct DirectoryWalk<'a> {
    files: &'a dyn Files,
    /// Number of files that are not pictures, by extension.
    skipped: BTreeMap<String, usize>,
    /// Directories inside a class, of which some may hold pictures.
    deeper: Vec<String>,
    /// Number of pictures beside the directories of the classes.
    beside: usize,
}

impl DirectoryWalk<'_> {
    fn list(&self, path: &str) -> Result<Vec<crate::engine::data::DirectoryEntry>, SourceError> {
        let mut entries = self.files.list(path).map_err(|what| SourceError::in_file(path, what))?;
        // macOS adds `__MACOSX` to archives and `.DS_Store` to directories.
        entries.retain(|e| !e.name.starts_with('.') && e.name != "__MACOSX");
        Ok(entries)
    }

    fn directories(&mut self, path: &str) -> Result<Vec<String>, SourceError> {
        let (inside, beside): (Vec<_>, Vec<_>) = self.list(path)?.into_iter().partition(|e| e.directory);
        self.beside += beside.iter().filter(|e| named(&e.name)).count();
        Ok(inside.into_iter().map(|e| e.name).collect())
    }

    /// The remedy for a directory without classes: it names a nested directory that has them, or counts the pictures that
    /// must be moved.
    fn hint(&mut self, path: &str, names: &[String]) -> String {
        let beside = self.beside;
        if beside > 0 {
            return format!(
                "; {} in it, outside of such directories; move each into the directory of its class",
                if beside == 1 { "1 picture lies".into() } else { format!("{beside} pictures lie") }
            );
        }
        let deeper = names.iter().find_map(|name| self.with_classes(&format!("{path}/{name}"), DEPTH));
        deeper.map_or_else(String::new, |deeper| {
            format!("; they seem to be in Folder(path: \"{}\")", crate::text::excerpt(&deeper, 200))
        })
    }

    /// The first directory from here on with several directories in it, of which one holds pictures.
    fn with_classes(&mut self, path: &str, depth: usize) -> Option<String> {
        let inside = self.directories(path).ok()?;
        let mut holds = |name: &String| {
            self.list(&format!("{path}/{name}")).is_ok_and(|all| all.iter().any(|e| named(&e.name)))
        };
        if inside.len() > 1 && inside.iter().take(DEPTH).any(&mut holds) {
            return Some(path.into());
        }
        let mut below = inside.iter().take(DEPTH).filter(|_| depth > 0);
        below.find_map(|name| self.with_classes(&format!("{path}/{name}"), depth - 1))
    }

    /// The pictures of these classes, each of which is a directory below `path`.
    fn pictures(&mut self, path: &str, names: &[String]) -> Result<PicturePaths, SourceError> {
        if !(2..=limits::CLASSES).contains(&names.len()) {
            let directories = if names.len() == 1 { "directory" } else { "directories" };
            let hint = if names.len() < 2 { self.hint(path, names) } else { String::new() };
            let what = format!(
                "{} {directories} in it; one for every class, at least 2, is needed{hint}",
                names.len()
            );
            return Err(SourceError::in_file(path, what));
        }
        let mut pictures = Vec::new();
        for (class, name) in names.iter().enumerate() {
            let (directory, before) = (format!("{path}/{name}"), pictures.len());
            let mut deeper = Vec::new();
            for entry in self.list(&directory)? {
                if entry.directory {
                    deeper.push(entry.name);
                } else if named(&entry.name) {
                    pictures.push((format!("{directory}/{}", entry.name), class));
                } else {
                    let ending = entry.name.rsplit_once('.').map_or("none", |(_, ending)| ending);
                    *self.skipped.entry(crate::text::excerpt(&ending.to_lowercase(), 12)).or_default() += 1;
                }
            }
            if pictures.len() == before && !deeper.is_empty() {
                let what = format!(
                    "no picture in it, but directories: {}. Classes stand directly below Folder(path: ..), or below \
                     train and test in it",
                    listed(&deeper)
                );
                return Err(SourceError::in_file(&directory, what));
            }
            for inner in deeper {
                let inner = format!("{directory}/{inner}");
                if self.list(&inner)?.iter().any(|e| e.directory || named(&e.name)) {
                    self.deeper.push(inner);
                }
            }
        }
        Ok(pictures)
    }
}
