//! Handing in: a learner's work in a course as one document, and its check, which repeats every run. Equal bits of the
//! repeated runs are the proof; a seal over each page detects a change that a run cannot show, such as an answer
//! altered later.

use super::PageExpectations;
use super::course::{Course, CourseLesson};
use super::progress::{LessonProgress, PageWork, hash, to_ron};
use super::prove::Replay;
use super::trace::Trace;
use crate::engine::data::{Files, NoFiles};
use crate::lab::expect::Expectation;
use crate::scenario::fork::CARRY;
use crate::scenario::lesson::{LANES, Page, PageTask};
use crate::scenario::{Lane, Scenario, read};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// The hash of a lane's parameters at the step at which a goal was reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LaneHash {
    /// The lane.
    pub lane: String,
    /// The hash, or the reason why the lane ended before.
    pub hash: String,
}

/// The work on one page, with its proof.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PageHandIn {
    /// The work.
    pub work: PageWork,
    /// The lanes of its goal, at the step at which it was reached.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hashes: Vec<LaneHash>,
    /// The seal over this page and the pages before.
    pub seal: String,
}

/// A lesson in a hand-in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LessonHandIn {
    /// Its name.
    pub lesson: String,
    /// The hash of its document.
    pub hash: String,
    /// Whether the learner has left its last page.
    pub done: bool,
    /// Its pages with work.
    pub pages: Vec<PageHandIn>,
}

/// A document that is handed in. It identifies no machine and no time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HandIn {
    /// The learner's name, if given.
    pub name: String,
    /// The title of the course.
    pub course: String,
    /// The lessons, in the order of the course.
    pub lessons: Vec<LessonHandIn>,
}

/// A parsed lesson of a course, for repeating its runs.
struct CourseRuns {
    hash: String,
    scenario: Scenario,
    asked: Vec<PageExpectations>,
    files: Arc<dyn Files + Send + Sync>,
}

/// All parsed lessons of a course, and the runs that were already repeated.
#[derive(Default)]
pub struct HandInGrader {
    lessons: Vec<(String, CourseRuns)>,
    made: Mutex<HashMap<String, Result<RepeatedRun, String>>>,
}

/// A repeated run.
#[derive(Clone, Debug)]
struct RepeatedRun {
    /// The step at which the goal is first reached.
    step: Option<u64>,
    hashes: Vec<LaneHash>,
}

/// The grade of a hand-in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grade {
    /// Lessons worked through to the end.
    pub done: usize,
    /// Goals that were reached in the repeated runs.
    pub goals: usize,
    /// Pages whose solution was shown, or whose question was skipped.
    pub skipped: usize,
    /// Questions that were answered.
    pub answered: usize,
    /// Answers that count as right.
    pub right: usize,
    /// Hints that were shown.
    pub hints: usize,
}

impl std::fmt::Debug for HandInGrader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Office").field("lessons", &self.lessons.len()).finish_non_exhaustive()
    }
}

impl CourseRuns {
    fn of(entry: &CourseLesson) -> Result<Self, String> {
        let scenario = match &entry.disk {
            Some(disk) => crate::scenario::read_with_data(&entry.text, disk).map(|(scenario, _)| scenario),
            None => read(&entry.text),
        };
        let scenario =
            scenario.map_err(|faults| faults.first().map_or_else(String::new, |f| f.in_file(&entry.name)))?;
        let pages = scenario.lesson.pages.iter();
        let asked = pages.map(|page| PageExpectations::of(page, &scenario).unwrap_or_default()).collect();
        let files: Arc<dyn Files + Send + Sync> = match &entry.disk {
            Some(disk) => Arc::new(disk.clone()),
            None => Arc::new(NoFiles),
        };
        Ok(Self { hash: hash(&entry.text), scenario, asked, files })
    }

    /// The pages that share a run with this one, including it: those since the last page that begins anew.
    fn run_of(&self, page: usize) -> &[Page] {
        let pages = &self.scenario.lesson.pages[..=page];
        let first = pages.iter().rposition(|p| p.anew).unwrap_or(0);
        &pages[first..]
    }

    /// Repeats the run of a goal, with only its lanes and those from which they are forked.
    fn make(&self, page: usize, trace: &Trace) -> Result<RepeatedRun, String> {
        let goal = &self.asked[page].goal;
        let within = self.scenario.lesson.pages[page].within as u64;
        let mut names: Vec<&str> = goal.iter().flat_map(Expectation::lanes).collect();
        names.sort_unstable();
        names.dedup();
        let scenario = only(&trace.onto(&self.scenario), &names);
        let mut replay = Replay::new(&scenario, None, Arc::clone(&self.files))?;
        let step = replay.until(within, |judge| judge.reached(goal, within));
        let stood = step.and_then(|step| replay.judge.at(step, &names));
        let of = |l: &crate::lab::outcome::LaneStanding| LaneHash {
            lane: l.name.clone(),
            hash: match l.validation.filter(|m| Some(m.step) == step).and_then(|m| m.hash) {
                Some(hash) => hash.to_string(),
                None => format!("ended at step {}", l.step),
            },
        };
        Ok(RepeatedRun { step, hashes: stood.map_or_else(Vec::new, |s| s.lanes.iter().map(of).collect()) })
    }
}

/// A scenario with only these lanes and their ancestors; lanes do not depend on each other.
fn only(scenario: &Scenario, names: &[&str]) -> Scenario {
    let mut wanted: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut i = 0;
    while i < wanted.len() {
        let from = scenario.lanes.iter().find(|l| l.name == wanted[i]).and_then(|l| l.from.clone());
        wanted.extend(from.filter(|f| !wanted.contains(f)));
        i += 1;
    }
    let mut out = scenario.clone();
    out.lanes.retain(|l| wanted.contains(&l.name));
    out.edits.retain(|e| wanted.contains(&e.lane));
    out
}

/// The seal of a page: over its content and the seal of the page before.
fn seal(before: &str, name: &str, lesson: &LessonHandIn, page: &PageHandIn) -> String {
    let bare = PageHandIn { seal: String::new(), ..page.clone() };
    let done = if lesson.done { "done" } else { "not done" };
    hash(&[before, name, &lesson.lesson, &lesson.hash, done, &to_ron(&bare)].join("\n"))
}

impl HandInGrader {
    /// Parses the lessons of a course.
    ///
    /// # Errors
    /// If a lesson cannot be read.
    pub fn of(course: &Course) -> Result<Self, String> {
        let read = |entry: &CourseLesson| Ok((entry.name.clone(), CourseRuns::of(entry)?));
        let lessons = course.lessons.iter().map(read).collect::<Result<_, String>>()?;
        Ok(Self { lessons, made: Mutex::default() })
    }

    fn lesson(&self, name: &str) -> Option<&CourseRuns> {
        self.lessons.iter().find(|(n, _)| n == name).map(|(_, known)| known)
    }

    /// A repeated run, from memory if it was repeated before.
    fn make(&self, name: &str, page: usize, trace: &Trace) -> Result<RepeatedRun, String> {
        let known = self.lesson(name).ok_or("there is no such lesson")?;
        let key = hash(&format!("{name} {page} {}", to_ron(trace)));
        if let Some(made) = self.made.lock().ok().and_then(|made| made.get(&key).cloned()) {
            return made;
        }
        let made = known.make(page, trace);
        if let Ok(mut all) = self.made.lock() {
            all.insert(key, made.clone());
        }
        made
    }

    /// The document that a learner hands in: the run of every goal is repeated to get its hashes.
    ///
    /// # Errors
    /// If a goal is not reached in its repeated run.
    pub fn hand_in(&self, name: &str, course: &str, records: &[LessonProgress]) -> Result<HandIn, String> {
        let mut out = HandIn { name: name.into(), course: course.into(), lessons: Vec::new() };
        let mut last = String::new();
        for (lesson, known) in &self.lessons {
            let Some(record) = records.iter().find(|r| r.lesson == *lesson && r.hash == known.hash) else {
                continue;
            };
            let mut handed = LessonHandIn {
                lesson: lesson.clone(),
                hash: known.hash.clone(),
                done: record.done,
                pages: Vec::new(),
            };
            for work in &record.work {
                let mut page = PageHandIn { work: work.clone(), ..PageHandIn::default() };
                if let Some(trace) = &work.reached {
                    let made = self.make(lesson, work.page.wrapping_sub(1), trace)?;
                    if made.step != Some(trace.step) {
                        return Err(format!(
                            "{lesson}, page {}: made again, its goal is not reached at step {}",
                            work.page, trace.step
                        ));
                    }
                    page.hashes = made.hashes;
                }
                page.seal = seal(&last, name, &handed, &page);
                last.clone_from(&page.seal);
                handed.pages.push(page);
            }
            out.lessons.push(handed);
        }
        Ok(out)
    }

    /// Grades a hand-in.
    ///
    /// # Errors
    /// Everything that was altered or is impossible, each with its path in the document.
    pub fn grade(&self, handed: &HandIn, course: &str) -> Result<Grade, Vec<(String, String)>> {
        let (mut grade, mut faults) = (Grade::default(), Vec::new());
        if handed.course != course {
            faults.push(("course".into(), format!("course: this is {}, not {course}", handed.course)));
        }
        let mut last = String::new();
        for (i, lesson) in handed.lessons.iter().enumerate() {
            let at = format!("lessons[{i}]");
            let Some(known) = self.lesson(&lesson.lesson) else {
                faults.push((format!("{at}.lesson"), format!("lesson: the course has no {}", lesson.lesson)));
                continue;
            };
            if known.hash != lesson.hash {
                let what = format!(
                    "hash: {} was another lesson when this was handed in; the course has {}",
                    lesson.lesson, known.hash
                );
                faults.push((format!("{at}.hash"), what));
                continue;
            }
            // Without a page nothing is sealed, so anybody can write that the lesson is done.
            grade.done += usize::from(lesson.done && !lesson.pages.is_empty());
            for (k, page) in lesson.pages.iter().enumerate() {
                let here = format!("{at}.pages[{k}]");
                let before = faults.len();
                self.page(known, &lesson.lesson, page, &here, &mut grade, &mut faults);
                let sealed = seal(&last, &handed.name, lesson, page);
                last.clone_from(&page.seal);
                if sealed != page.seal && faults.len() == before {
                    let what =
                        "seal: this page, the name or the page before it was altered after it was handed in";
                    faults.push((format!("{here}.seal"), what.into()));
                }
            }
        }
        if faults.is_empty() { Ok(grade) } else { Err(faults) }
    }

    fn page(
        &self,
        known: &CourseRuns,
        lesson: &str,
        handed: &PageHandIn,
        at: &str,
        grade: &mut Grade,
        faults: &mut Vec<(String, String)>,
    ) {
        let work = &handed.work;
        let number = work.page.wrapping_sub(1);
        let Some(page) = known.scenario.lesson.pages.get(number) else {
            faults.push((format!("{at}.work.page"), format!("page: the lesson has no page {}", work.page)));
            return;
        };
        grade.skipped += usize::from(work.skipped);
        grade.hints += work.hints;
        if let (Some(guess), Some(predict)) = (work.guess, &page.predict) {
            grade.answered += 1;
            grade.right += usize::from(predict.hits(guess));
        }
        let Some(trace) = &work.reached else { return };
        if page.task() != PageTask::Goal {
            faults.push((format!("{at}.work.reached"), "reached: this page has no goal".into()));
            return;
        }
        let pages = known.run_of(number);
        let allowed = |path: &str| pages.iter().any(|p| p.allows(path));
        let before = faults.len();
        for (j, edit) in trace.edits.iter().enumerate() {
            let own = known.scenario.edits.contains(edit);
            if !(own || allowed(&edit.field) || edit.field == CARRY && allowed("optimizer")) {
                let what = format!("field: {} is locked on this page", edit.field);
                faults.push((format!("{at}.work.reached.edits[{j}].field"), what));
            }
        }
        if let Some((j, fork)) = trace.forks.iter().enumerate().next().filter(|_| !allowed(LANES)) {
            let what = format!("forks: lanes are locked on this page, and {} was added", fork.name);
            faults.push((format!("{at}.work.reached.forks[{j}]"), what));
        }
        for (j, fork) in trace.forks.iter().enumerate() {
            if let Some(path) = locked(known, fork, &allowed) {
                faults.push((
                    format!("{at}.work.reached.forks[{j}]"),
                    format!("{path}: it is locked on this page"),
                ));
            }
        }
        if faults.len() > before {
            return;
        }
        match self.make(lesson, number, trace) {
            Err(what) => {
                faults.push((format!("{at}.work.reached"), format!("it cannot be made again: {what}")));
            }
            Ok(made) if made.step != Some(trace.step) => {
                let words = made.step.map_or_else(|| "never".into(), |s| format!("at step {s}"));
                let what =
                    format!("step: made again, the goal is reached {words}, not at step {}", trace.step);
                faults.push((format!("{at}.work.reached.step"), what));
            }
            Ok(made) => {
                grade.goals += 1;
                for (j, of) in made.hashes.iter().enumerate() {
                    if handed.hashes.get(j) != Some(of) {
                        let what = format!("hash: made again, lane {} gives {}", of.lane, of.hash);
                        faults.push((format!("{at}.hashes[{j}].hash"), what));
                    }
                }
            }
        }
    }
}

/// A locked setting in which a fork differs from its parent.
fn locked(known: &CourseRuns, fork: &Lane, allowed: &dyn Fn(&str) -> bool) -> Option<String> {
    let mut scenario = known.scenario.clone();
    scenario.lanes.push(fork.clone());
    let (ground, recipe) = (scenario.ground(fork), scenario.recipe(fork));
    ground.changes(&recipe).into_iter().map(|(path, ..)| path).find(|path| !allowed(path))
}
