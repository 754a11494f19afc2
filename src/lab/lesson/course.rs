//! Courses: the built-in one, and those of teachers, each a directory with an index file. Trains nothing.

use crate::lab::files::{self, Disk};
use crate::limits;
use crate::registry::Faults;
use crate::scenario::{decode, document};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The name of the index file in a directory of lessons.
pub const INDEX: &str = "course.ron";

/// Ordered lessons, grouped in parts.
#[derive(Clone, Debug, Default)]
pub struct Course {
    /// Its title.
    pub title: String,
    /// The lessons, in order.
    pub lessons: Vec<CourseLesson>,
}

/// A lesson of a course.
#[derive(Clone, Debug)]
pub struct CourseLesson {
    /// Its name on the command line: that of its file, without the extension.
    pub name: String,
    /// The part of the course to which it belongs.
    pub part: String,
    /// The document.
    pub text: String,
    /// Access to its data files; `None` for a built-in lesson.
    pub disk: Option<Disk>,
}

/// The index file of a course.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Index {
    /// The title of the course.
    title: String,
    /// Its parts.
    parts: Vec<CoursePart>,
}

/// A part of a course.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct CoursePart {
    /// Its title.
    title: String,
    /// Names of lessons: files beside the index, without `.ron`.
    lessons: Vec<String>,
}

/// Declares the built-in lessons; the name is that of the file.
macro_rules! lessons {
    ($($part:literal: $($name:literal)*;)*) => {
        /// Part, name and text of every built-in lesson, in order.
        pub const SHIPPED: &[(&str, &str, &str)] = &[ $($( (
            $part,
            $name,
            include_str!(concat!("../../../presets/lessons/", $name, ".ron")),
        ), )*)* ];
    };
}

lessons! {
    "Steps": "gradient" "rate" "momentum" "adam" "misprints";
    "Depth": "depth" "saturation" "symmetry" "explosion" "batchnorm" "residual" "recurrent";
    "Trust": "overfitting" "seeds" "fgsm" "defence" "masked" "diagnosis";
}

impl Course {
    /// The built-in course.
    pub fn shipped() -> Self {
        let entry = |&(part, name, text): &(&str, &str, &str)| CourseLesson {
            name: name.into(),
            part: part.into(),
            text: text.into(),
            disk: None,
        };
        Self { title: "Gradients".into(), lessons: SHIPPED.iter().map(entry).collect() }
    }

    /// The course in a directory, or the course of one lesson that a file is.
    ///
    /// # Errors
    /// All faults of its index, and all unreadable lessons, each with its file.
    pub fn at(path: &Path) -> Result<Self, Vec<String>> {
        if path.is_file() && path.file_name().is_some_and(|name| name != INDEX) {
            return Self::of_file(path).map_err(|what| vec![what]);
        }
        if !path.exists() {
            return Err(vec![format!("{}: there is no such file or directory", path.display())]);
        }
        Self::in_directory(if path.is_file() { path.parent().unwrap_or(path) } else { path })
    }

    /// The course that consists of one lesson.
    fn of_file(path: &Path) -> Result<Self, String> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let (text, disk) = (text_of(path)?, Some(Disk::beside(path)));
        Ok(Self {
            title: name.clone(),
            lessons: vec![CourseLesson { name, part: String::new(), text, disk }],
        })
    }

    fn in_directory(dir: &Path) -> Result<Self, Vec<String>> {
        let index = dir.join(INDEX);
        let shown = index.display().to_string();
        let text = text_of(&index).map_err(|what| vec![what])?;
        let read = document(&text, |index: &Index, fault| check(index, fault));
        let read = read.map_err(|faults| faults.iter().map(|f| f.in_file(&shown)).collect::<Vec<_>>())?;
        let (mut lessons, mut faults) = (Vec::new(), Vec::new());
        for part in read.parts {
            for name in part.lessons {
                let path = dir.join(format!("{name}.ron"));
                match text_of(&path) {
                    Ok(text) => {
                        let disk = Some(Disk::beside(&path));
                        lessons.push(CourseLesson { name, part: part.title.clone(), text, disk });
                    }
                    Err(what) => faults.push(what),
                }
            }
        }
        if faults.is_empty() { Ok(Self { title: read.title, lessons }) } else { Err(faults) }
    }

    /// The lesson with this name, and its position.
    pub fn find(&self, name: &str) -> Option<(usize, &CourseLesson)> {
        self.lessons.iter().enumerate().find(|(_, l)| l.name == name)
    }
}

/// The text of a file; errors begin with the name of the file.
fn text_of(path: &Path) -> Result<String, String> {
    let shown = path.display().to_string();
    let bytes = files::read(path, limits::SCENARIO_BYTES).map_err(|what| format!("{shown}: {what}"))?;
    decode(&bytes).map(str::to_string).map_err(|fault| fault.in_file(&shown))
}

fn check(index: &Index, fault: Faults<'_>) {
    if index.title.trim().is_empty() {
        fault("", "title: a course needs a name, under which progress is kept".into());
    }
    if index.parts.iter().all(|p| p.lessons.is_empty()) {
        fault("parts", "a course needs lessons: parts: [(title: \"Steps\", lessons: [\"gradient\"])]".into());
    }
    let mut seen: Vec<&str> = Vec::new();
    for (i, part) in index.parts.iter().enumerate() {
        for (k, name) in part.lessons.iter().enumerate() {
            let at = format!("parts[{i}].lessons[{k}]");
            if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
                fault(&at, "the name of a file beside this one, without .ron".into());
            } else if seen.contains(&name.as_str()) {
                fault(&at, format!("{name} is in the course already"));
            }
            seen.push(name);
        }
    }
}
