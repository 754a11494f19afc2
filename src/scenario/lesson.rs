//! The lesson of a scenario: pages with text, a question, a goal, hints and a solution. Plain settings; judges and
//! draws nothing.

use super::view::Opening;
use super::{Edit, Lane, Recipe, Scenario};
use crate::limits;
use crate::registry::settings;
use crate::text::{escaped, escaped_lines};

/// The word by which a page allows lanes to be added, forked, renamed and removed.
pub const LANES: &str = "lanes";
/// The word by which a page allows other data.
pub const DATA: &str = "data";
/// The word by which a page allows other numbers of seeds.
pub const SEEDS: &str = "seeds";

settings! {
    /// The lesson of a scenario, page by page.
    pub struct Lesson {
        /// minutes that it takes, by and large
        minutes: usize = 5, 1..=60;
        /// the pages, in their order
        pages: Vec<Page> = Vec::new();
        /// what was learnt, one sentence each
        learnt: Vec<String> = Vec::new();
        /// where to read on: a paper or book, with its section
        read: Vec<String> = Vec::new();
    }
}

settings! {
    /// One page: something to read, and at most one thing to do.
    pub struct Page {
        /// what it says, in a few short sentences
        text: String = String::new();
        /// where to look: pane, lane, curve
        look: Opening = Opening::default();
        /// the step that is shown, which the lanes have reached before; none: the present
        at: Option<u64> = None;
        /// whether all lanes begin at step 0 on this page, as the scenario has them
        anew: bool = false;
        /// lanes train up to this step on this page; 0: they need not train
        run: usize = 0, 0..=limits::STEPS;
        /// a question that is answered before the lanes train
        predict: Option<Predict> = None;
        /// what must hold, all of it at one evaluation, such as `plain.val_accuracy > 0.9`
        goal: Vec<String> = Vec::new();
        /// the step up to which the goal must be reached
        within: usize = 0, 0..=limits::STEPS;
        /// settings that may be changed, such as `optimizer.lr`; all others are locked
        may: Vec<String> = Vec::new();
        /// hints, shown one after the other
        hints: Vec<String> = Vec::new();
        /// changes of lanes by which the goal is reached
        solution: Vec<Edit> = Vec::new();
        /// lanes that the solution adds, forked from others
        forks: Vec<Lane> = Vec::new();
        /// what the solution changes, and why
        why: String = String::new();
    }
}

settings! {
    /// A question about the run, answered before it.
    pub struct Predict {
        /// the question
        ask: String = String::new();
        /// the step at which the run gives the answer
        at: usize = 1, 1..=limits::STEPS;
        /// the number that is asked for, such as `plain.loss`; empty: one of the choices
        of: String = String::new();
        /// the number that the run gives
        answer: f64 = 0.0;
        /// how far a guess may lie from it and still count as right, as a share of it
        within: f64 = 0.1, 0.0..=1.0;
        /// the answers to choose from
        choices: Vec<Choice> = Vec::new();
        /// the choice that is right, from 1
        right: usize = 0, 0..=9;
        /// why that is so, told afterwards
        because: String = String::new();
    }
}

settings! {
    /// An answer to choose.
    pub struct Choice {
        /// the answer
        text: String = String::new();
        /// what holds in the run if it is right
        when: String = String::new();
    }
}

/// The thing to do on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageTask {
    /// Nothing but reading.
    Read,
    /// Training up to a step.
    Watch,
    /// A question, then training up to a step.
    Predict,
    /// A goal.
    Goal,
}

impl Lesson {
    /// Escapes harmful characters in its texts, and in the names of its lanes in the same way as in the scenario's.
    pub(super) fn complete(&mut self) {
        let lines = |text: &mut String| *text = escaped_lines(text.trim()).into_owned();
        let line = |text: &mut String| *text = escaped(text.trim()).into_owned();
        self.learnt.iter_mut().chain(&mut self.read).for_each(line);
        for page in &mut self.pages {
            lines(&mut page.text);
            lines(&mut page.why);
            page.hints.iter_mut().for_each(lines);
            page.goal.iter_mut().for_each(line);
            line(&mut page.look.lane);
            page.solution.iter_mut().for_each(|edit| line(&mut edit.lane));
            for fork in &mut page.forks {
                line(&mut fork.name);
                fork.from.iter_mut().for_each(line);
            }
            if let Some(predict) = &mut page.predict {
                line(&mut predict.ask);
                lines(&mut predict.because);
                predict.choices.iter_mut().for_each(|choice| line(&mut choice.text));
            }
        }
    }

    /// Whether the scenario has no lesson.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }
}

impl Page {
    /// The task of this page.
    pub fn task(&self) -> PageTask {
        match () {
            () if !self.goal.is_empty() => PageTask::Goal,
            () if self.predict.is_some() => PageTask::Predict,
            () if self.run > 0 => PageTask::Watch,
            () => PageTask::Read,
        }
    }

    /// The step at which its training ends.
    pub fn stop(&self) -> Option<u64> {
        match self.task() {
            PageTask::Goal => Some(self.within as u64),
            PageTask::Predict => self.predict.as_ref().map(|p| p.at as u64),
            PageTask::Watch => Some(self.run as u64),
            PageTask::Read => None,
        }
    }

    /// Whether a setting may be changed: `may` names it, or a setting that contains it.
    pub fn allows(&self, path: &str) -> bool {
        self.may
            .iter()
            .any(|may| path == may || path.strip_prefix(&**may).is_some_and(|rest| rest.starts_with('.')))
    }

    /// The locked settings that differ between two recipes.
    pub fn locked(&self, from: &Recipe, to: &Recipe) -> Vec<String> {
        from.changes(to).into_iter().map(|(path, ..)| path).filter(|path| !self.allows(path)).collect()
    }

    /// The settings that may be changed, in words.
    pub fn may_words(&self) -> String {
        if self.may.is_empty() { "nothing".into() } else { self.may.join(", ") }
    }
}

impl Predict {
    /// Whether a guess counts as right: the number of the right choice (from 1), or a number close enough.
    pub fn hits(&self, guess: f64) -> bool {
        if self.choices.is_empty() {
            (guess - self.answer).abs() <= self.within * self.answer.abs()
        } else {
            guess == self.right as f64
        }
    }

    /// The right answer in words.
    pub fn truth(&self) -> String {
        match self.choices.get(self.right.wrapping_sub(1)) {
            Some(choice) => choice.text.clone(),
            None => self.words(self.answer),
        }
    }

    /// A guess in words.
    pub fn words(&self, guess: f64) -> String {
        match self.choices.get((guess as usize).wrapping_sub(1)) {
            Some(choice) => choice.text.clone(),
            None => crate::registry::SettingValue::text(&guess),
        }
    }
}

impl Scenario {
    /// The scenario in which a page begins: the original one if the page starts anew, otherwise the one after the
    /// changes of the pages before (`done`).
    #[must_use]
    pub fn page_start(&self, page: usize, done: &Scenario) -> Scenario {
        match self.lesson.pages.get(page) {
            Some(page) if !page.anew => done.clone(),
            _ => self.clone(),
        }
    }

    /// This scenario with the solution of a page.
    #[must_use]
    pub fn solved(&self, page: &Page) -> Scenario {
        let mut out = self.clone();
        out.edits.extend(page.solution.iter().cloned());
        out.lanes.extend(page.forks.iter().cloned());
        out
    }
}
