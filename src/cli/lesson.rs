//! `gradtui lesson`: proves lessons, and writes a skeleton for a new one.

use super::{BadInput, CommandEnd, OpenedText, open, print, print_err};
use crate::engine::data::{Files, NoFiles};
use crate::lab::files;
use crate::lab::lesson::course::{Course, SHIPPED};
use crate::lab::lesson::prove::prove;
use crate::scenario::{ScenarioFault, at_paths, inspect};
use crate::text::{did_you_mean, escaped};
use crate::ui::fit;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

/// Arguments of `lesson`.
#[derive(Debug, clap::Args)]
pub struct LessonArgs {
    #[command(subcommand)]
    what: LessonAction,
}

#[derive(Debug, clap::Subcommand)]
enum LessonAction {
    /// Prove that lessons can be solved as they say: the start does not pass, the solution does on three seeds, answers are
    /// what the run gives, locked settings are locked, texts fit 80x24
    Check {
        /// Files, courses (directories with course.ron), or names of lessons that ship; without any, all that ship
        #[arg(value_name = "LESSON")]
        lessons: Vec<OsString>,
    },
    /// Write a lesson to start from, with comments; it passes the check
    New {
        /// The new file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// The lesson to start from.
pub const SKELETON: &str = include_str!("lesson/skeleton.ron");

impl LessonArgs {
    /// Does it.
    pub fn run(self) -> anyhow::Result<()> {
        match self.what {
            LessonAction::Check { lessons } => check(&lessons),
            LessonAction::New { file } => {
                if file.exists() {
                    return Err(BadInput::new(format!("{}: it is there already", file.display())).into());
                }
                files::write(&[(&file, SKELETON.as_bytes())]).map_err(|e| CommandEnd(1, e.to_string()))?;
                let shown = file.display();
                print(&format!("{shown} is written: change it, then `gradtui lesson check {shown}`\n"))
            }
        }
    }
}

/// The lessons that a word names.
pub(super) fn named(word: &OsString) -> Result<Vec<OpenedText>, BadInput> {
    let shipped = SHIPPED.iter().find(|(_, name, _)| word.to_str() == Some(name));
    if let Some((_, name, text)) = shipped {
        return Ok(vec![OpenedText { name: (*name).into(), text: (*text).into(), disk: None }]);
    }
    let path = PathBuf::from(word);
    if path.is_dir() {
        let course = Course::at(&path).map_err(BadInput)?;
        let opened = |l: crate::lab::lesson::course::CourseLesson| OpenedText {
            name: path.join(format!("{}.ron", l.name)).display().to_string(),
            text: l.text,
            disk: l.disk,
        };
        return Ok(course.lessons.into_iter().map(opened).collect());
    }
    if !path.exists() {
        let word = escaped(&word.display().to_string()).into_owned();
        let near = did_you_mean(&word, SHIPPED.iter().map(|(_, name, _)| *name));
        let near = near.map_or_else(String::new, |name| format!("; did you mean {name}?"));
        return Err(BadInput::new(format!(
            "{word}: no lesson of this name, and no file{near} `gradtui learn --list` shows the lessons"
        )));
    }
    open(word).map(|opened| vec![opened])
}

/// The proof of a lesson, in lines.
///
/// # Errors
/// All faults, each at its place.
pub fn examine(opened: &OpenedText) -> Result<Vec<String>, Vec<ScenarioFault>> {
    let checked = inspect(&opened.text, opened.files())?;
    let files: Arc<dyn Files + Send + Sync> = match &opened.disk {
        Some(disk) => Arc::new(disk.clone()),
        None => Arc::new(NoFiles),
    };
    let mut faults = at_paths(&opened.text, fit::faults(&checked.scenario));
    match prove(&opened.text, &checked.scenario, &files) {
        Ok(proved) if faults.is_empty() => {
            Ok(proved.into_iter().map(|p| format!("page {}: {}", p.page, p.words)).collect())
        }
        Ok(_) => Err(faults),
        Err(more) => {
            faults.extend(more);
            faults.sort_by_key(|f| (f.line, f.column));
            Err(faults)
        }
    }
}

fn check(lessons: &[OsString]) -> anyhow::Result<()> {
    let all: Vec<OsString> = SHIPPED.iter().map(|(_, name, _)| (*name).into()).collect();
    let (mut faults, mut refused) = (Vec::new(), 0);
    for word in if lessons.is_empty() { &all[..] } else { lessons } {
        let found = match named(word) {
            Ok(found) => found,
            Err(BadInput(messages)) => {
                faults.extend(messages);
                continue;
            }
        };
        for opened in found {
            match examine(&opened) {
                Ok(proved) => {
                    let lines: String = proved.iter().flat_map(|line| ["  ", line, "\n"]).collect();
                    print(&format!("{}: proved\n{lines}", opened.name))?;
                }
                Err(found) => {
                    refused += 1;
                    faults.extend(opened.faults(&found).0);
                }
            }
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    if refused > 0 {
        print_err(&format!("{refused} lesson{} not proved\n", if refused == 1 { "" } else { "s" }));
    }
    Err(BadInput(faults).into())
}
