//! `gradtui grade`: repeats the runs of hand-ins and grades them.

use super::learn::course;
use super::{BadInput, CommandEnd, print, print_err};
use crate::lab::files;
use crate::lab::lesson::hand_in::{Grade, HandIn, HandInGrader};
use crate::lab::run_dir::plain;
use crate::limits;
use crate::scenario::{at_paths, decode, document};
use crate::text::escaped;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Arguments of `grade`.
#[derive(Debug, clap::Args)]
pub struct GradeAllArgs {
    /// A folder with hand-ins, files whose names end in .ron, or one of them
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The course that they are of: a directory with course.ron, or the file of a single lesson; without, the one that ships
    #[arg(long, value_name = "DIR|FILE.ron")]
    course: Option<PathBuf>,
    /// Write the table to this file as CSV too
    #[arg(long, value_name = "X.csv")]
    csv: Option<PathBuf>,
}

/// A hand-in after grading.
struct GradedHandIn {
    file: String,
    name: String,
    result: Result<Grade, Vec<String>>,
}

impl GradeAllArgs {
    /// Grades all of them.
    pub fn run(self) -> anyhow::Result<()> {
        let course = course(self.course.as_deref())?;
        let grader = HandInGrader::of(&course).map_err(BadInput::new)?;
        let found = found(&self.dir)?;
        if found.is_empty() {
            return Err(BadInput::new(format!("{}: no .ron file in it", self.dir.display())).into());
        }
        let kept = found.iter().map(PathBuf::as_path);
        files::check_outputs(self.csv.as_deref(), kept).map_err(BadInput::new)?;
        let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let workers = std::thread::available_parallelism().map_or(1, usize::from).min(found.len());
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    while let Some(path) = found.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let graded = one(path, &grader, &course.title);
                        if let Ok(mut done) = done.lock() {
                            done.push(graded);
                        }
                    }
                });
            }
        });
        let mut all = done.into_inner().unwrap_or_default();
        all.sort_by(|a, b| a.file.cmp(&b.file));
        let goals = course_goals(&course);
        print(&table(&all, course.lessons.len(), goals))?;
        if let Some(path) = &self.csv {
            let text = csv(&all).map_err(|e| CommandEnd(1, e.to_string()))?;
            files::write(&[(path, &text)]).map_err(|e| CommandEnd(1, e.to_string()))?;
        }
        let faults: Vec<&String> = all.iter().filter_map(|g| g.result.as_ref().err()).flatten().collect();
        if faults.is_empty() {
            return Ok(());
        }
        for what in faults {
            print_err(&format!("{}\n", escaped(what)));
        }
        let refused = all.iter().filter(|g| g.result.is_err()).count();
        Err(CommandEnd(1, format!("{refused} of {} refused", all.len())).into())
    }
}

/// The files to grade.
fn found(dir: &Path) -> Result<Vec<PathBuf>, BadInput> {
    if dir.is_file() {
        return Ok(vec![dir.to_path_buf()]);
    }
    let entries =
        std::fs::read_dir(dir).map_err(|e| BadInput::new(format!("{}: {}", dir.display(), plain(&e))))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "ron") && p.is_file());
    paths.sort();
    Ok(paths)
}

/// Grades a file; a fault is reported with its place.
fn one(path: &Path, grader: &HandInGrader, course: &str) -> GradedHandIn {
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let shown = path.display().to_string();
    let refuse =
        |name: String, faults: Vec<String>| GradedHandIn { file: file.clone(), name, result: Err(faults) };
    let bytes = match files::read(path, limits::PROGRESS_BYTES) {
        Ok(bytes) => bytes,
        Err(what) => return refuse(String::new(), vec![format!("{shown}: {what}")]),
    };
    let read = decode(&bytes).map_err(|fault| vec![fault]).and_then(|text| {
        let handed = document(text, |_: &HandIn, _| {})?;
        Ok((text, handed))
    });
    match read {
        Err(faults) => refuse(String::new(), faults.iter().map(|f| f.in_file(&shown)).collect()),
        Ok((text, handed)) => match grader.grade(&handed, course) {
            Ok(grade) => GradedHandIn { file: file.clone(), name: handed.name, result: Ok(grade) },
            Err(faults) => {
                refuse(handed.name, at_paths(text, faults).iter().map(|f| f.in_file(&shown)).collect())
            }
        },
    }
}

/// The number of goals in a course.
fn course_goals(course: &crate::lab::lesson::course::Course) -> usize {
    let of = |text: &String| {
        crate::scenario::read(text)
            .map_or(0, |s| s.lesson.pages.iter().filter(|p| !p.goal.is_empty()).count())
    };
    course.lessons.iter().map(|l| of(&l.text)).sum()
}

/// A table of all hand-ins, one per line.
fn table(all: &[GradedHandIn], lessons: usize, goals: usize) -> String {
    let wide =
        |of: &dyn Fn(&GradedHandIn) -> usize, least: usize| all.iter().map(of).max().unwrap_or(0).max(least);
    let file = wide(&|g| g.file.chars().count(), 4);
    let name = wide(&|g| g.name.chars().count(), 4).min(32);
    let mut out =
        format!("{:file$}  {:name$}  lessons  goals  answers  hints  skipped  verdict\n", "file", "name");
    for graded in all {
        let (who, what) = (escaped(&graded.name), escaped(&graded.file));
        let row = match &graded.result {
            Ok(g) => format!(
                "{:>4}/{lessons:<2}  {:>2}/{goals:<2}  {:>4}/{:<2}  {:5}  {:7}  every run is the same again",
                g.done, g.goals, g.right, g.answered, g.hints, g.skipped
            ),
            Err(faults) => format!("{:40}  refused: {}", "", faults.len()),
        };
        // Writing into memory cannot fail.
        let _ = writeln!(out, "{what:file$}  {who:name$.name$}  {row}");
    }
    out
}

fn csv(all: &[GradedHandIn]) -> Result<Vec<u8>, csv::Error> {
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record([
        "file",
        "name",
        "verdict",
        "lessons",
        "goals",
        "answers_right",
        "answers",
        "hints",
        "skipped",
        "why",
    ])?;
    for GradedHandIn { file, name, result } in all {
        let (verdict, numbers, why) = match result {
            Ok(g) => (
                "same",
                [g.done, g.goals, g.right, g.answered, g.hints, g.skipped].map(|n| n.to_string()),
                String::new(),
            ),
            Err(faults) => ("refused", Default::default(), faults.join("; ")),
        };
        let head = [file.clone(), name.clone(), verdict.into()];
        out.write_record(head.into_iter().chain(numbers).chain([why]))?;
    }
    out.into_inner().map_err(|e| csv::Error::from(e.into_error()))
}
