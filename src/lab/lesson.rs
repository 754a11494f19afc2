//! Lessons over runs: goals judged at evaluations, proofs that a lesson can be solved, and courses made of lessons.
//! Knows no screen.

pub mod course;
pub mod hand_in;
pub mod judge;
pub mod progress;
pub mod prove;
pub mod trace;

use crate::lab::expect::Expectation;
use crate::scenario::lesson::{Page, Predict};
use crate::scenario::{Scenario, ScenarioFault, at_paths};

/// Numbers that depend on which steps the screen measured, so that a repeated run may differ; each with its
/// replacement.
const UNSTEADY: [(&str, &str); 2] = [("clip_rate", "clip_share"), ("max_grad_norm", "grad_norm")];

/// The expectations of a page, parsed.
#[derive(Clone, Debug, Default)]
pub struct PageExpectations {
    /// The conditions of its goal.
    pub goal: Vec<Expectation>,
    /// For each choice, the condition under which it is right.
    pub choices: Vec<Expectation>,
    /// The number that the question asks for.
    pub number: Option<QuestionNumber>,
}

/// A number of a lane that a question asks for: `plain.loss`.
#[derive(Clone, Debug)]
pub struct QuestionNumber(Expectation);

impl QuestionNumber {
    /// Its value among these lanes.
    ///
    /// # Errors
    /// If the lane has no such number.
    pub fn value(&self, standings: &crate::lab::outcome::Standings) -> Result<f64, String> {
        self.0.left(standings)
    }
}

impl PageExpectations {
    /// Parses the expectations of a page of this scenario.
    ///
    /// # Errors
    /// The faults, each with the path of its text inside the page.
    pub fn of(page: &Page, scenario: &Scenario) -> Result<Self, Vec<(String, String)>> {
        let solved = scenario.solved(page);
        let lanes: Vec<&str> = solved.lanes.iter().map(|l| l.name.as_str()).collect();
        let (mut asked, mut faults) = (Self::default(), Vec::new());
        let mut read = |path: String, text: &str| match steady(text, &lanes) {
            Ok(expectation) => Some(expectation),
            Err(what) => {
                faults.push((path, what));
                None
            }
        };
        for (k, text) in page.goal.iter().enumerate() {
            asked.goal.extend(read(format!("goal[{k}]"), text));
        }
        if let Some(Predict { of, choices, .. }) = &page.predict {
            for (k, choice) in choices.iter().enumerate() {
                asked.choices.extend(read(format!("predict.choices[{k}].when"), &choice.when));
            }
            if choices.is_empty() {
                asked.number = read("predict.of".into(), &format!("{of} > 0")).map(QuestionNumber);
            }
        }
        if faults.is_empty() { Ok(asked) } else { Err(faults) }
    }
}

/// Parses an expectation, and refuses numbers that may differ when the run is repeated.
fn steady(text: &str, lanes: &[&str]) -> Result<Expectation, String> {
    let expectation = Expectation::parse(text, lanes)?;
    if expectation.over_seeds() {
        return Err(format!("{text}: a lesson is judged on one seed; take no median and no share"));
    }
    let unsteady = |name: &str| UNSTEADY.into_iter().find(|(n, _)| *n == name);
    if let Some((name, instead)) = expectation.names().into_iter().find_map(unsteady) {
        return Err(format!("{text}: {name} depends on which steps the screen looked at; take {instead}"));
    }
    Ok(expectation)
}

/// The expectations of all pages of a scenario; `text` is the document from which it was read.
///
/// # Errors
/// All faults, each at its place in the document.
pub fn asked(text: &str, scenario: &Scenario) -> Result<Vec<PageExpectations>, Vec<ScenarioFault>> {
    let (mut good, mut faults) = (Vec::new(), Vec::new());
    for (i, page) in scenario.lesson.pages.iter().enumerate() {
        match PageExpectations::of(page, scenario) {
            Ok(asked) => good.push(asked),
            Err(found) => {
                faults.extend(found.into_iter().map(|(at, what)| (format!("lesson.pages[{i}].{at}"), what)));
            }
        }
    }
    if faults.is_empty() { Ok(good) } else { Err(at_paths(text, faults)) }
}

/// Reads the expectations of a scenario, and checks those of its lesson; `text` is the document from which it was read.
///
/// # Errors
/// All faults, each at its place in the document.
pub fn of_scenario(text: &str, scenario: &Scenario) -> Result<Vec<Expectation>, Vec<ScenarioFault>> {
    let (mut good, mut faults) = (Vec::new(), Vec::new());
    for (i, wanted) in scenario.expect.iter().enumerate() {
        match Expectation::of(wanted, scenario) {
            Ok(expectation) => good.push(expectation),
            Err(what) => faults.push((format!("expect[{i}]"), format!("expect: {what}"))),
        }
    }
    let of_lesson = asked(text, scenario).err().unwrap_or_default();
    let mut faults = at_paths(text, faults);
    faults.extend(of_lesson);
    if faults.is_empty() { Ok(good) } else { Err(faults) }
}
