//! `gradtui learn`: a course of lessons in the lab. Stores progress in one file of the state directory.

use super::display::Display;
use super::opening::{HangupOptions, prepare, unfit};
use super::{BadInput, CommandEnd, OpenedText, plain, print, state_dir};
use crate::lab::files;
use crate::lab::lesson::course::{Course, CourseLesson};
use crate::lab::lesson::hand_in::HandInGrader;
use crate::lab::lesson::progress::{LearnerProgress, hash, to_ron};
use crate::scenario::read_with_data;
use crate::text::did_you_mean;
use crate::ui::guide::TaughtLesson;
use crate::ui::session::Teaching;
use crate::ui::terminal::fit;
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

/// Arguments of `learn`.
#[derive(Debug, clap::Args)]
pub struct LearnArgs {
    /// A lesson, by its name or file; without one, the course goes on where you left it
    #[arg(value_name = "LESSON|FILE.ron")]
    lesson: Option<String>,
    /// A course of your own: a directory with an index file, course.ron, or the file of a single lesson
    #[arg(long, value_name = "DIR|FILE.ron")]
    course: Option<PathBuf>,
    /// List the lessons: done, next, skipped, time
    #[arg(long)]
    list: bool,
    /// Forget what was done in this course, or in LESSON
    #[arg(long, conflicts_with = "list")]
    reset: bool,
    /// Write what was done to a file to hand in: answers, goals, changes, hashes; every run is made again for it
    #[arg(long, value_name = "OUT.ron", conflicts_with_all = ["list", "reset"])]
    hand_in: Option<PathBuf>,
    /// Your name, for --hand-in
    #[arg(long, value_name = "NAME", requires = "hand_in", default_value = "")]
    name: String,
    #[command(flatten)]
    display: Display,
    /// Line by line, commands typed: for screen readers, pipes and terminals that cannot draw
    #[arg(long)]
    plain: bool,
    #[command(flatten)]
    line: HangupOptions,
}

/// The file with a learner's progress.
///
/// # Errors
/// If there is no home directory.
pub fn file() -> Result<PathBuf, String> {
    Ok(state_dir::runs()?.with_file_name("learn.ron"))
}

/// A line that suggests the first lesson to users who have never started one.
pub fn offer(plain: bool) -> Option<String> {
    let begun = file().ok().is_some_and(|f| f.exists());
    let way = if plain { "Leave with quit and type gradtui learn --plain" } else { "Press E" };
    (!begun).then(|| format!("New here? {way} for a course of short lessons; the first takes five minutes."))
}

/// A course whose lessons can be chosen; progress is stored in a file.
fn teaching(course: Course, path: PathBuf) -> Teaching<'static> {
    let (title, kept) = (course.title.clone(), path.clone());
    let keep = Box::new(move |record| {
        let mut progress = LearnerProgress::read(&kept)?;
        progress.put(&title, record);
        if let Some(dir) = kept.parent() {
            std::fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        }
        progress.write(&kept)
    });
    let lessons = Box::new(move |place: usize| {
        let progress = LearnerProgress::read(&path).unwrap_or_default();
        course.lessons.get(place.wrapping_sub(1))?.taught(&course, &progress).ok()
    });
    Teaching { taught: None, lessons, keep }
}

/// The built-in course to choose a lesson from; `None` without a home directory.
pub fn shipped() -> Option<Teaching<'static>> {
    Some(teaching(Course::shipped(), file().ok()?))
}

/// The course at this path, or the built-in one.
///
/// # Errors
/// All faults of its index.
pub fn course(path: Option<&Path>) -> Result<Course, BadInput> {
    match path {
        Some(path) => Course::at(path).map_err(BadInput),
        None => Ok(Course::shipped()),
    }
}

impl CourseLesson {
    fn opened(&self) -> OpenedText {
        OpenedText { name: self.name.clone(), text: self.text.clone(), disk: self.disk.clone() }
    }

    /// The parsed lesson, with the learner's work in it.
    fn taught(&self, course: &Course, progress: &LearnerProgress) -> Result<TaughtLesson, BadInput> {
        let opened = self.opened();
        let (scenario, _) =
            read_with_data(&opened.text, opened.files()).map_err(|faults| opened.faults(&faults))?;
        let at = course.find(&self.name).map_or(0, |(i, _)| i + 1);
        let hash = hash(&self.text);
        let record = progress.of(&course.title, &self.name, &hash).cloned();
        if scenario.lesson.pages.is_empty() {
            let what = "it has no lesson part; `gradtui lesson new FILE` writes one to start from";
            return Err(BadInput::new(format!("{}: {what}", self.name)));
        }
        Ok(TaughtLesson {
            name: self.name.clone(),
            place: (at, course.lessons.len()),
            hash,
            scenario,
            record,
        })
    }
}

impl LearnArgs {
    /// Opens a lesson, or lists all.
    pub fn run(mut self) -> anyhow::Result<()> {
        if let (None, Some(name)) = (&self.course, &self.lesson)
            && Path::new(name).extension().is_some_and(|e| e == "ron")
        {
            self.course = self.lesson.take().map(PathBuf::from);
        }
        let course = course(self.course.as_deref())?;
        let path = file().map_err(BadInput::new)?;
        if let Some(name) = &self.lesson
            && course.find(name).is_none()
        {
            let near = did_you_mean(name, course.lessons.iter().map(|l| l.name.as_str()));
            let hint = near.map_or_else(
                || "`gradtui learn --list` shows them all".into(),
                |n| format!("did you mean {n}?"),
            );
            return Err(BadInput::new(format!("{name}: there is no such lesson; {hint}")).into());
        }
        if self.reset {
            return reset(&path, &course, self.lesson.as_deref());
        }
        let progress = LearnerProgress::read(&path).map_err(BadInput::new)?;
        if let Some(out) = &self.hand_in {
            return hand_in(out, &self.name, &course, &progress);
        }
        if self.list || !(self.plain || std::io::stdout().is_terminal()) {
            return print(&list(&course, &progress));
        }
        let entry = match &self.lesson {
            Some(name) => course.find(name).map(|(_, entry)| entry),
            None => next(&course, &progress),
        };
        let Some(entry) = entry else {
            let what = "all lessons are done; `gradtui learn LESSON` opens one again, `gradtui learn --reset` begins anew";
            return print(&format!("{}{what}\n", list(&course, &progress)));
        };
        if !self.plain {
            fit().map_err(|e| unfit(&e))?;
        }
        let shown = self.display.choose()?;
        let taught = entry.taught(&course, &progress)?;
        let mut opening = prepare(entry.opened(), None, None, shown)?;
        opening.lesson = Some(Teaching { taught: Some(taught), ..teaching(course, path) });
        if self.plain { plain::show(opening) } else { opening.show(&self.line) }
    }
}

/// Writes the learner's work in a course to a file.
fn hand_in(out: &Path, name: &str, course: &Course, progress: &LearnerProgress) -> anyhow::Result<()> {
    files::check_outputs([out], None).map_err(BadInput::new)?;
    let records = progress.courses.iter().find(|c| c.course == course.title);
    let records = records.map_or(&[][..], |c| &c.lessons);
    let grader = HandInGrader::of(course).map_err(BadInput::new)?;
    let name = crate::text::excerpt(name.trim(), crate::limits::NAME_CHARS);
    let handed = grader.hand_in(&name, &course.title, records).map_err(|what| CommandEnd(1, what))?;
    if handed.lessons.is_empty() {
        return Err(BadInput::new("nothing to hand in: no lesson of this course was begun").into());
    }
    files::write(&[(out, to_ron(&handed).as_bytes())]).map_err(|e| CommandEnd(1, e.to_string()))?;
    let goals = handed.lessons.iter().flat_map(|l| &l.pages).filter(|p| p.work.reached.is_some()).count();
    print(&format!(
        "{}: {} lessons, {goals} goals; each run was made again\n",
        out.display(),
        handed.lessons.len()
    ))
}

/// Deletes the progress in a lesson, or in the whole course.
fn reset(path: &Path, course: &Course, lesson: Option<&str>) -> anyhow::Result<()> {
    // A file that cannot be read is replaced by a new one.
    let mut progress = LearnerProgress::read(path).unwrap_or_default();
    for done in progress.courses.iter_mut().filter(|c| c.course == course.title) {
        done.lessons.retain(|r| lesson.is_some_and(|name| r.lesson != name));
    }
    progress.courses.retain(|c| !c.lessons.is_empty());
    progress.write(path).map_err(BadInput::new)?;
    print(&match lesson {
        Some(name) => format!("{name} begins anew\n"),
        None => format!("the course {} begins anew\n", course.title),
    })
}

/// The next lesson: the first that is not done.
fn next<'a>(course: &'a Course, progress: &LearnerProgress) -> Option<&'a CourseLesson> {
    let done =
        |e: &&CourseLesson| progress.of(&course.title, &e.name, &hash(&e.text)).is_some_and(|r| r.done);
    course.lessons.iter().find(|e| !done(e))
}

/// All lessons, one per line: state, name and title, and time.
fn list(course: &Course, progress: &LearnerProgress) -> String {
    let mut out = format!("{}\n", course.title);
    let next = next(course, progress).map(|e| e.name.clone());
    let mut part = "";
    for (i, entry) in course.lessons.iter().enumerate() {
        if entry.part != part {
            part = &entry.part;
            let _ = writeln!(out, "\n{part}");
        }
        let opened = entry.opened();
        let (title, minutes) = match crate::scenario::read(&opened.text) {
            Ok(scenario) => (scenario.title, scenario.lesson.minutes),
            Err(faults) => (faults.first().map_or_else(String::new, |f| f.in_file(&entry.name)), 0),
        };
        let record = progress.of(&course.title, &entry.name, &hash(&entry.text));
        let state = match record {
            Some(r) if r.done && r.skipped() => "skipped",
            Some(r) if r.done => "done",
            _ if next.as_deref() == Some(&entry.name) => "next",
            Some(_) => "begun",
            None => "",
        };
        let time = match record {
            Some(r) if r.seconds > 0 => format!("{} min", r.seconds.div_ceil(60)),
            _ => format!("about {minutes} min"),
        };
        let _ = writeln!(out, "{:3}. {state:8} {:16} {title}  ({time})", i + 1, entry.name);
    }
    out + "\n"
}
