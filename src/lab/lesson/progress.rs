//! A learner's progress: one record per lesson, in one file for all courses. Judges nothing.

use super::trace::Trace;
use crate::lab::files;
use crate::limits;
use crate::scenario::document;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A learner's work on one page.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PageWork {
    /// The page, from 1.
    pub page: usize,
    /// The answer to its question: the number of a choice from 1, or a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guess: Option<f64>,
    /// The learner's reason for it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Hints that were shown.
    #[serde(skip_serializing_if = "is_zero")]
    pub hints: usize,
    /// Whether the page was left without doing its task, or its solution was shown.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub skipped: bool,
    /// The changes with which its goal was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reached: Option<Trace>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// A learner's work in one lesson.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LessonProgress {
    /// The name of the lesson.
    pub lesson: String,
    /// The hash of its document.
    pub hash: String,
    /// The page on which to continue, from 1.
    pub page: usize,
    /// Whether the learner has left its last page.
    pub done: bool,
    /// Seconds spent on it.
    pub seconds: u64,
    /// The work on each page that was opened.
    pub work: Vec<PageWork>,
}

impl LessonProgress {
    /// Whether one of its pages was skipped.
    pub fn skipped(&self) -> bool {
        self.work.iter().any(|w| w.skipped)
    }
}

/// A learner's work in one course.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Done {
    /// The title of the course.
    pub course: String,
    /// Its lessons that were started.
    pub lessons: Vec<LessonProgress>,
}

/// A learner's work in all courses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LearnerProgress {
    /// One entry per course.
    pub courses: Vec<Done>,
}

impl LearnerProgress {
    /// Reads the file; without a file, there is no progress yet.
    ///
    /// # Errors
    /// The reason why it cannot be read, with its name.
    pub fn read(path: &Path) -> Result<Self, String> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let shown = path.display().to_string();
        let bytes = files::read(path, limits::PROGRESS_BYTES).map_err(|what| format!("{shown}: {what}"))?;
        let text = std::str::from_utf8(&bytes).map_err(|_| format!("{shown}: not UTF-8"))?;
        document(text, |_: &Self, _| {}).map_err(|faults| {
            let first = faults.first().map_or_else(|| shown.clone(), |f| f.in_file(&shown));
            format!("{first}; `gradtui learn --reset` begins anew")
        })
    }

    /// Writes the file completely or not at all.
    ///
    /// # Errors
    /// The reason why it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        files::write(&[(path, to_ron(self).as_bytes())]).map_err(|e| e.to_string())
    }

    /// The record of a lesson; `None` if it was not started, or has changed since.
    pub fn of(&self, course: &str, lesson: &str, hash: &str) -> Option<&LessonProgress> {
        let done = self.courses.iter().find(|c| c.course == course)?;
        done.lessons.iter().find(|r| r.lesson == lesson && r.hash == hash)
    }

    /// Stores the record of a lesson.
    pub fn put(&mut self, course: &str, record: LessonProgress) {
        let at = self.courses.iter().position(|c| c.course == course).unwrap_or_else(|| {
            self.courses.push(Done { course: course.into(), lessons: Vec::new() });
            self.courses.len() - 1
        });
        let lessons = &mut self.courses[at].lessons;
        lessons.retain(|r| r.lesson != record.lesson);
        lessons.push(record);
    }
}

/// A document as text.
pub fn to_ron<T: Serialize>(what: &T) -> String {
    use ron::extensions::Extensions;
    let style = ron::ser::PrettyConfig::default()
        .indentor("  ")
        .extensions(Extensions::IMPLICIT_SOME | Extensions::UNWRAP_VARIANT_NEWTYPES);
    ron::ser::to_string_pretty(what, style).unwrap_or_default() + "\n"
}

/// The hash of a document: 16 hex digits of its BLAKE3.
pub fn hash(text: &str) -> String {
    let hash = blake3::hash(text.as_bytes()).to_hex();
    hash[..16].to_string()
}
