//! The proof of a lesson: its goals do not hold at the start, the solution reaches them on several seeds, answers agree
//! with the run, and locked settings stay locked. Trains on the caller's thread.

use super::judge::Judge;
use super::{PageExpectations, asked};
use crate::engine::data::Files;
use crate::lab::expect::Expectation;
use crate::lab::experiment::{Data, Experiment};
use crate::lab::run::Run;
use crate::lab::stepped::SteppedRun;
use crate::scenario::lesson::{Page, PageTask, Predict};
use crate::scenario::{Scenario, ScenarioFault, at_paths};
use crate::telemetry::Command;
use std::sync::Arc;

/// Seeds on which a solution must pass.
pub const SEEDS: u64 = 3;

/// A run of a scenario up to a step, without a clock.
pub struct Replay {
    /// The run.
    pub run: SteppedRun,
    /// The judge that follows its events.
    pub judge: Judge,
}

impl std::fmt::Debug for Replay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replay").finish_non_exhaustive()
    }
}

impl Replay {
    /// A run before its first step.
    ///
    /// # Errors
    /// The reason why it cannot run.
    pub fn new(
        scenario: &Scenario,
        data: Option<Arc<Data>>,
        files: Arc<dyn Files + Send + Sync>,
    ) -> Result<Self, String> {
        let experiment = match data {
            Some(data) => Experiment::with_data(scenario.clone(), data, &*files),
            None => Experiment::new(scenario.clone(), &*files),
        };
        let words = |faults: Vec<crate::lab::experiment::BuildFault>| {
            faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        };
        let run = Run::new(experiment.map_err(words)?, None, files);
        Ok(Self { run: SteppedRun::new(run), judge: Judge::new(scenario.evaluate_every) })
    }

    /// Trains all lanes up to this step.
    pub fn go_to(&mut self, step: u64) {
        self.until(step, |_| None::<()>);
    }

    /// Trains up to this step, or until `done` returns a value.
    pub fn until<T>(&mut self, step: u64, mut done: impl FnMut(&Judge) -> Option<T>) -> Option<T> {
        self.run.send(Command::Until(Some(step)));
        self.run.send(Command::Run);
        loop {
            for event in self.run.drain() {
                self.judge.on_event(&event);
            }
            let found = done(&self.judge);
            if found.is_some() || !self.run.turn(u64::MAX) {
                return found;
            }
        }
    }
}

/// The step at which a goal is first reached in a run of this scenario.
///
/// # Errors
/// The reason why it cannot run.
pub fn reaches(
    scenario: &Scenario,
    goal: &[Expectation],
    within: u64,
    files: &Arc<dyn Files + Send + Sync>,
) -> Result<Option<u64>, String> {
    let mut replay = Replay::new(scenario, None, Arc::clone(files))?;
    Ok(replay.until(within, |judge| judge.reached(goal, within)))
}

/// The proof of a page, for its author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageProof {
    /// Its number, from 1.
    pub page: usize,
    /// The result in words.
    pub words: String,
}

/// Proves the lesson of a scenario that was read from `text`.
///
/// # Errors
/// All faults, each at its place.
pub fn prove(
    text: &str,
    scenario: &Scenario,
    files: &Arc<dyn Files + Send + Sync>,
) -> Result<Vec<PageProof>, Vec<ScenarioFault>> {
    let asked = asked(text, scenario)?;
    let (mut proved, mut faults) = (Vec::new(), Vec::new());
    if scenario.lesson.is_empty() {
        faults.push((
            String::new(),
            "lesson: this scenario has none; `gradtui lesson new FILE` writes one".into(),
        ));
    }
    for (field, list) in [("learnt", &scenario.lesson.learnt), ("read", &scenario.lesson.read)] {
        if !scenario.lesson.is_empty() && list.iter().all(|line| line.trim().is_empty()) {
            faults.push(("lesson".into(), format!("{field}: at least one line")));
        }
    }
    let (mut done, mut at) = (scenario.clone(), 0);
    for (i, (page, asked)) in scenario.lesson.pages.iter().zip(&asked).enumerate() {
        let start = scenario.page_start(i, &done);
        at = if page.anew { 0 } else { at };
        let here = |field: &str| format!("lesson.pages[{i}].{field}");
        let mut fault = |field: &str, what: String| faults.push((here(field), format!("{field}: {what}")));
        if let Some(stop) = page.stop() {
            if stop <= at {
                let field = if page.task() == PageTask::Goal { "within" } else { "run" };
                fault(
                    field,
                    format!("the lanes are at step {at} already; write anew: true, or a later step"),
                );
            }
            at = at.max(stop);
        }
        if let Some(step) = page.at.filter(|s| *s > at) {
            fault("at", format!("step {step} is not reached yet; the lanes are at step {at}"));
        }
        let mut say = |words: String| proved.push(PageProof { page: i + 1, words });
        match (page.task(), &page.predict) {
            (PageTask::Predict, Some(predict)) => match answer(&start, predict, asked, files) {
                Ok(words) => say(words),
                Err((field, what)) => fault(&format!("predict.{field}"), what),
            },
            (PageTask::Goal, _) => {
                locks(&start, page, &mut fault);
                match solve(&start, page, asked, files) {
                    Ok(words) => say(words),
                    Err(found) => found.into_iter().for_each(|(field, what)| fault(field, what)),
                }
                done = start.solved(page);
            }
            _ => {}
        }
        if page.task() != PageTask::Goal {
            done = start;
        }
    }
    if faults.is_empty() { Ok(proved) } else { Err(at_paths(text, faults)) }
}

/// Checks that the answer of a question agrees with the run.
fn answer(
    start: &Scenario,
    predict: &Predict,
    asked: &PageExpectations,
    files: &Arc<dyn Files + Send + Sync>,
) -> Result<String, (&'static str, String)> {
    let mut replay = Replay::new(start, None, Arc::clone(files)).map_err(|what| ("ask", what))?;
    replay.go_to(predict.at as u64);
    let standings = replay.judge.live();
    if let Some(number) = &asked.number {
        let found = number.value(standings).map_err(|what| ("of", what))?;
        // As many digits as a reader takes from the screen.
        let near = (found - predict.answer).abs() <= 5e-3 * found.abs().max(1e-12);
        let what = || format!("the run gives {found:.6}, not {}", predict.answer);
        return if near { Ok(format!("{} is {found:.6}", predict.of)) } else { Err(("answer", what())) };
    }
    let holds: Vec<usize> = asked
        .choices
        .iter()
        .enumerate()
        .filter(|(_, when)| when.check(standings).is_ok())
        .map(|(k, _)| k + 1)
        .collect();
    match holds[..] {
        [one] if one == predict.right => {
            Ok(format!("choice {one} is right: {}", asked.choices[one - 1].text()))
        }
        [one] => Err(("right", format!("the run gives choice {one}, not {}", predict.right))),
        [] => Err(("choices", "no choice is right in this run".into())),
        _ => Err(("choices", format!("several choices are right in this run: {holds:?}"))),
    }
}

/// Checks that a goal needs its solution, and that the solution reaches it on several seeds.
fn solve(
    start: &Scenario,
    page: &Page,
    asked: &PageExpectations,
    files: &Arc<dyn Files + Send + Sync>,
) -> Result<String, Vec<(&'static str, String)>> {
    let (goal, within) = (&asked.goal[..], page.within as u64);
    let mut faults = Vec::new();
    let run = |scenario: &Scenario| reaches(scenario, goal, within, files);
    match run(start) {
        Ok(None) => {}
        Ok(Some(step)) => {
            faults.push(("goal", format!("it holds at step {step} although nothing was changed")));
        }
        Err(what) => faults.push(("goal", what)),
    }
    let mut steps = Vec::new();
    for seed in (0..SEEDS).map(|k| start.seed.wrapping_add(k)) {
        match run(&Scenario { seed, ..start.solved(page) }) {
            Ok(Some(step)) => steps.push(step),
            Ok(None) => {
                faults
                    .push(("solution", format!("with seed {seed} the goal is not reached by step {within}")));
            }
            Err(what) => faults.push(("solution", what)),
        }
    }
    // A change that the goal does not need explains nothing.
    for left_out in 0..page.solution.len() {
        let mut less = page.clone();
        let edit = less.solution.remove(left_out);
        let needless = page.solution.len() > 1 && faults.is_empty();
        if needless && matches!(run(&start.solved(&less)), Ok(Some(_))) {
            faults
                .push(("solution", format!("the goal is reached without the change of {} too", edit.field)));
        }
    }
    if faults.is_empty() {
        let steps: Vec<String> = steps.iter().map(u64::to_string).collect();
        Ok(format!("reached at step {} of {within}", steps.join(", ")))
    } else {
        Err(faults)
    }
}

/// Checks that every setting not allowed by the page is locked.
fn locks(start: &Scenario, page: &Page, fault: &mut impl FnMut(&str, String)) {
    use crate::registry::Settings as _;
    for lane in &start.lanes {
        let recipe = start.recipe(lane);
        for field in recipe.fields() {
            // Another row of the table, or another number: any different value.
            let rows = recipe.rows_of(field.name).iter().map(|row| format!("{row}()"));
            let values = rows.chain(["7".into(), "[]".into(), "Written".into()]);
            let other = values.into_iter().find_map(|value| {
                let mut other = recipe.clone();
                other.set(field.name, &value).ok().filter(|()| other != recipe)?;
                Some(other)
            });
            let Some(other) = other else { continue };
            let open = page.locked(&recipe, &other).is_empty();
            let inside = |may: &String| may.split('.').next() == Some(field.name);
            if open && !page.may.iter().any(inside) {
                fault("may", format!("{} is not locked", field.name));
            }
        }
    }
}
