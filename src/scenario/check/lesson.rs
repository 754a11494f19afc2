//! Checks that a lesson is complete and names only lanes, settings and steps that exist. Does not prove that goals can
//! be reached: that takes a run.

use super::Checker;
use crate::limits;
use crate::registry::Settings as _;
use crate::scenario::lesson::{DATA, LANES, Page, Predict, SEEDS};
use crate::scenario::{Lane, Recipe, Scenario};
use crate::text::{did_you_mean, excerpt};

/// The settings that a page may allow.
pub fn settings(recipe: &Recipe) -> Vec<String> {
    let mut names: Vec<String> = [LANES, DATA, SEEDS].map(String::from).into();
    for field in recipe.fields() {
        names.push(field.name.into());
        names.extend(recipe.inside(field.name).into_iter().map(|inner| format!("{}.{inner}", field.name)));
    }
    names
}

impl Checker<'_> {
    /// Checks the lesson as far as possible without training.
    pub(super) fn lesson(&self, scenario: &Scenario) {
        for (i, page) in scenario.lesson.pages.iter().enumerate() {
            let at = |field: &str| format!("lesson.pages[{i}].{field}");
            if page.text.trim().is_empty() {
                self.fault(&format!("lesson.pages[{i}]"), "a page needs a text".into());
            }
            self.opening(&page.look, &at("look"), scenario);
            self.page(scenario, page, &at);
            if let Some(predict) = &page.predict {
                self.predict(scenario, page, predict, &at);
            }
        }
    }

    fn page(&self, scenario: &Scenario, page: &Page, at: &dyn Fn(&str) -> String) {
        let every = scenario.evaluate_every;
        if page.goal.is_empty() {
            for (field, given) in [
                ("within", page.within > 0),
                ("may", !page.may.is_empty()),
                ("hints", !page.hints.is_empty()),
                ("solution", !page.solution.is_empty()),
                ("forks", !page.forks.is_empty()),
                ("why", !page.why.is_empty()),
            ] {
                if given {
                    self.fault(&at(field), format!("{field}: it belongs to a goal, and this page has none"));
                }
            }
        } else {
            if page.predict.is_some() {
                self.fault(&at("predict"), "predict: a page has a question or a goal, not both".into());
            }
            if page.within == 0 || !page.within.is_multiple_of(every) || page.within > scenario.steps {
                let what = format!(
                    "within: a goal is judged at evaluations; give a multiple of {every} (evaluate_every) up to {} (steps)",
                    scenario.steps
                );
                self.fault(&at("within"), what);
            } else if page.within / every > limits::LESSON_EVALUATIONS {
                let what = format!(
                    "within: {} evaluations; a goal is looked for in at most {}: raise evaluate_every",
                    page.within / every,
                    limits::LESSON_EVALUATIONS
                );
                self.fault(&at("within"), what);
            }
            let solves = !page.solution.is_empty() || !page.forks.is_empty();
            for (field, missing, what) in [
                ("may", page.may.is_empty(), "may: name the settings that may be changed"),
                ("solution", !solves, "solution: a goal needs the changes that reach it"),
                ("why", page.why.trim().is_empty(), "why: say what the solution changes, and why"),
                ("hints", page.hints.is_empty(), "hints: a goal needs at least one hint"),
            ] {
                if missing {
                    self.fault(&at(field), what.into());
                }
            }
        }
        let names = settings(&scenario.base());
        for (k, may) in page.may.iter().enumerate().filter(|(_, may)| !names.contains(may)) {
            // A setting of a row other than the one the scenario chose: `clip.max_norm`.
            if may.split_once('.').is_some_and(|(field, _)| !scenario.base().rows_of(field).is_empty()) {
                continue;
            }
            let near = did_you_mean(may, names.iter().map(String::as_str));
            let hint = near.map_or_else(|| "such as optimizer.lr".into(), |n| format!("did you mean {n}?"));
            let what = format!("may: no setting is called {}; {hint}", excerpt(may, 40));
            self.fault(&at(&format!("may[{k}]")), what);
        }
        for (k, hint) in page.hints.iter().enumerate() {
            if hint.trim().is_empty() || page.hints[..k].contains(hint) {
                self.fault(
                    &at(&format!("hints[{k}]")),
                    "hints: each says something, and something new".into(),
                );
            }
        }
        self.solution(scenario, page, at);
    }

    /// Checks that the changes of a solution can be made, and are allowed on its page.
    fn solution(&self, scenario: &Scenario, page: &Page, at: &dyn Fn(&str) -> String) {
        for (k, fork) in page.forks.iter().enumerate() {
            let there =
                scenario.lanes.iter().any(|l| Some(l.name.trim()) == fork.from.as_deref().map(str::trim));
            if !there {
                let what = format!(
                    "from: a lane of a solution is forked from a lane of the scenario; {} is",
                    lanes(scenario)
                );
                self.fault(&at(&format!("forks[{k}]")), what);
            }
            if !page.allows(LANES) {
                self.fault(&at(&format!("forks[{k}]")), "forks: `may` does not have lanes".into());
            }
        }
        let solved = scenario.solved(page);
        for (k, edit) in page.solution.iter().enumerate() {
            let here = |field: &str| at(&format!("solution[{k}].{field}"));
            if !page.allows(&edit.field) {
                let what =
                    format!("field: {} is not among the settings that `may` has", excerpt(&edit.field, 40));
                self.fault(&here("field"), what);
            }
            let Some(lane) = solved.lanes.iter().find(|l| l.name.trim() == edit.lane.trim()) else {
                let what = format!(
                    "lane: there is no lane {}; there are {}",
                    excerpt(&edit.lane, 40),
                    lanes(scenario)
                );
                self.fault(&here("lane"), what);
                continue;
            };
            let own = scenario.edits.len() + k;
            if let Err((n, field, what)) = solved.recipe_at(lane, edit.step)
                && n == own
            {
                self.fault(&here(field), excerpt(&what, 1000));
            }
            if edit.step > page.within as u64 {
                self.fault(&here("step"), format!("step: the goal must be reached by step {}", page.within));
            }
        }
    }

    fn predict(&self, scenario: &Scenario, page: &Page, predict: &Predict, at: &dyn Fn(&str) -> String) {
        let here = |field: &str| at(&format!("predict.{field}"));
        if predict.ask.trim().is_empty() {
            self.fault(&at("predict"), "ask: a question needs its words".into());
        }
        if page.run > 0 {
            self.fault(
                &at("run"),
                "run: a page with a question trains up to the `at` of the question".into(),
            );
        }
        if predict.at > scenario.steps {
            self.fault(&here("at"), format!("at: the run has {} steps", scenario.steps));
        }
        match (predict.choices.len(), predict.of.is_empty()) {
            (0, true) => self.fault(
                &at("predict"),
                "a question needs `of`, the number that it asks for, or `choices`".into(),
            ),
            (0, false) => {}
            (_, false) => self.fault(&here("of"), "of: a question has a number or choices, not both".into()),
            (1, true) => self.fault(&here("choices"), "choices: give at least two".into()),
            (n, true) if predict.right == 0 || predict.right > n => {
                self.fault(&here("right"), format!("right: the number of the right choice, 1 to {n}"));
            }
            _ => {}
        }
        for (k, choice) in predict.choices.iter().enumerate() {
            if choice.text.trim().is_empty() || choice.when.trim().is_empty() {
                let what = "a choice needs `text`, and `when`, which holds in the run if it is right";
                self.fault(&here(&format!("choices[{k}]")), what.into());
            }
        }
    }
}

fn lanes(scenario: &Scenario) -> String {
    scenario.lanes.iter().map(|l: &Lane| l.name.as_str()).collect::<Vec<_>>().join(", ")
}
