//! The guide through a lesson: the present page, the answers, the state of the goal, and the locked settings. A fold
//! over events and the learner's requests; it returns orders to the run. Draws nothing.

mod locks;

use crate::lab::lesson::PageExpectations;
use crate::lab::lesson::judge::Judge;
use crate::lab::lesson::progress::{LessonProgress, PageWork};
use crate::lab::lesson::trace::Trace;
use crate::registry::SettingValue as _;
use crate::scenario::lesson::{Page, PageTask, Predict};
use crate::scenario::{Edit, Scenario};
use crate::telemetry::{Command, Event};
use crate::ui::diagnosis::thousands;
use crate::view::RunView;

/// A lesson to work through.
#[derive(Clone, Debug, Default)]
pub struct TaughtLesson {
    /// Its name.
    pub name: String,
    /// Its position in the course, from 1, and the number of lessons there; (0, 0): it belongs to no course.
    pub place: (usize, usize),
    /// The hash of its document.
    pub hash: String,
    /// Its scenario.
    pub scenario: Scenario,
    /// The learner's earlier work in it.
    pub record: Option<LessonProgress>,
}

/// A request of the learner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LearnerRequest {
    /// Continue: to the question, to the next page, to the next lesson.
    On,
    /// Go back to the page before.
    Back,
    /// Show the next hint.
    Hint,
    /// Show the solution.
    Skip,
    /// Play freely, or go back to the lesson.
    Free,
    /// Start this page again.
    Again,
}

/// The effects of a request, in order.
#[derive(Clone, Debug, Default)]
pub struct GuideEffects {
    /// The run restarts with this scenario.
    pub load: Option<Box<Scenario>>,
    /// Orders to the run.
    pub commands: Vec<Command>,
    /// A message for the learner.
    pub notice: Option<String>,
    /// Whether the question opens.
    pub ask: bool,
    /// Whether a new page is shown, so that its view must be shown too.
    pub turned: bool,
    /// Whether the next lesson is requested.
    pub next: bool,
}

impl GuideEffects {
    fn word(notice: impl Into<String>) -> Self {
        Self { notice: Some(notice.into()), ..Self::default() }
    }
}

/// The guide through one lesson.
#[derive(Clone, Debug, Default)]
pub struct Guide {
    /// The lesson.
    pub taught: TaughtLesson,
    /// The present page, from 0; the number of pages stands for the end.
    pub page: usize,
    /// The work on each page.
    pub work: Vec<PageWork>,
    /// Whether the lanes have reached the step at which the page's training ends.
    pub arrived: bool,
    /// The trace of the run when the learner started to play freely.
    pub free: Option<Trace>,
    /// Whether the learner types words instead of pressing keys.
    typed: bool,
    /// Whether there is unsaved progress since the last call of [`Guide::record`].
    changed: bool,
    expectations: Vec<PageExpectations>,
    judge: Judge,
    /// The scenario in which the page began, including solutions that were shown.
    start: Scenario,
    seconds: f64,
}

impl Guide {
    /// A guide for a learner who types words instead of pressing keys.
    pub fn typed(taught: TaughtLesson) -> Self {
        let mut guide = Self::new(taught);
        guide.typed = true;
        guide
    }

    /// A guide at the page where the learner left.
    pub fn new(taught: TaughtLesson) -> Self {
        let scenario = &taught.scenario;
        let read = |page: &Page| PageExpectations::of(page, scenario).unwrap_or_default();
        let pages = scenario.lesson.pages.len();
        let fresh = |page: usize| PageWork { page: page + 1, ..PageWork::default() };
        let mut guide = Self {
            expectations: scenario.lesson.pages.iter().map(read).collect(),
            judge: Judge::new(scenario.evaluate_every),
            start: scenario.clone(),
            work: (0..pages).map(fresh).collect(),
            ..Self::default()
        };
        if let Some(record) = &taught.record {
            guide.seconds = record.seconds as f64;
            for work in &record.work {
                if let Some(own) = guide.work.get_mut(work.page.wrapping_sub(1)) {
                    own.clone_from(work);
                }
            }
            // The run of a page that continues another one is trained again from where that one began.
            let wanted =
                if record.done { 0 } else { record.page.saturating_sub(1).min(pages.saturating_sub(1)) };
            let begins = |p: &usize| scenario.lesson.pages.get(*p).is_none_or(|page| page.anew);
            guide.page = (0..=wanted).rev().find(begins).unwrap_or(0);
        }
        guide.taught = taught;
        guide
    }

    /// The present page; `None` at the end.
    pub fn page(&self) -> Option<&Page> {
        self.taught.scenario.lesson.pages.get(self.page)
    }

    /// The work on the present page.
    pub fn done(&self) -> Option<&PageWork> {
        self.work.get(self.page)
    }

    /// The thing to do on it.
    pub fn task(&self) -> PageTask {
        self.page().map_or(PageTask::Read, Page::task)
    }

    /// Whether the learner may go to the next page.
    pub fn complete(&self) -> bool {
        let Some(work) = self.done() else { return true };
        match self.task() {
            PageTask::Read => true,
            PageTask::Watch => self.arrived || work.skipped,
            PageTask::Predict => (work.guess.is_some() && self.arrived) || work.skipped,
            PageTask::Goal => work.reached.is_some() || work.skipped,
        }
    }

    /// The verdicts on the goal by the present numbers: each condition, whether it holds, and its numbers.
    pub fn verdicts(&self) -> Vec<(String, Option<bool>, String)> {
        let Some(expectations) = self.expectations.get(self.page) else { return Vec::new() };
        let judge = |e: &crate::lab::expect::Expectation| {
            let held = self.done().is_some_and(|w| w.reached.is_some());
            match e.check(self.judge.live()) {
                Ok(numbers) => (e.text().to_string(), Some(true), numbers),
                Err(what) => match what.split_once("does not hold") {
                    Some((_, numbers)) => {
                        let numbers = numbers.trim_start_matches([':', ' ']).to_string();
                        (e.text().to_string(), Some(held), numbers)
                    }
                    None => (e.text().to_string(), held.then_some(true), "no number yet".into()),
                },
            }
        };
        expectations.goal.iter().map(judge).collect()
    }

    /// Applies an event.
    pub fn on_event(&mut self, event: &Event) {
        self.judge.on_event(event);
    }

    /// Checks the state of the run; returns a message if something was reached.
    pub fn look(&mut self, view: &RunView) -> Option<String> {
        let page = self.taught.scenario.lesson.pages.get(self.page)?;
        if self.free.is_some() {
            return None;
        }
        let stop = page.stop();
        let there = |l: &crate::view::LaneView| {
            let lane = l.present();
            let over =
                !matches!(lane.phase, crate::telemetry::Phase::Running | crate::telemetry::Phase::Paused);
            over || stop.is_some_and(|s| lane.step >= s)
        };
        self.arrived = !view.lanes.is_empty() && stop.is_some() && view.lanes.iter().all(there);
        let expectations = self.expectations.get(self.page)?;
        let work = self.work.get_mut(self.page)?;
        if expectations.goal.is_empty() || work.reached.is_some() || work.skipped {
            return None;
        }
        let step = self.judge.reached(&expectations.goal, page.within as u64)?;
        let lanes = view.lanes.iter().map(|l| &l.present().info);
        work.reached = Some(Trace::of(lanes, &self.taught.scenario, step));
        self.changed = true;
        Some(format!("The goal is reached, at step {}.", thousands(step)))
    }

    /// Adds time spent on the lesson.
    pub fn spend(&mut self, seconds: f64) {
        self.seconds += seconds;
    }

    /// Notes that the learner leaves, so that the time is saved.
    pub fn leave(&mut self) {
        self.changed = true;
    }

    /// The record to save, if it changed since the last call.
    pub fn record(&mut self) -> Option<LessonProgress> {
        std::mem::take(&mut self.changed).then(|| LessonProgress {
            lesson: self.taught.name.clone(),
            hash: self.taught.hash.clone(),
            page: (self.page + 1).min(self.work.len()),
            done: self.page >= self.work.len(),
            seconds: self.seconds as u64,
            work: self
                .work
                .iter()
                .filter(|w| **w != PageWork { page: w.page, ..PageWork::default() })
                .cloned()
                .collect(),
        })
    }

    /// Carries out a request; `view` is the state of the run.
    pub fn request(&mut self, request: LearnerRequest, view: &RunView) -> GuideEffects {
        if self.free.is_some() && request != LearnerRequest::Free {
            return GuideEffects::word(
                "free play: nothing is locked and nothing counts; go back to the lesson first",
            );
        }
        match request {
            LearnerRequest::On => self.on(view),
            LearnerRequest::Back if self.page == 0 => GuideEffects::word("this is the first page"),
            LearnerRequest::Back => self.turn_to(self.page - 1, false, view),
            LearnerRequest::Hint => self.hint(),
            LearnerRequest::Skip => self.skip(view),
            LearnerRequest::Free => self.play(view),
            LearnerRequest::Again => self.again(view),
        }
    }

    fn on(&mut self, view: &RunView) -> GuideEffects {
        let Some(work) = self.done() else { return GuideEffects { next: true, ..GuideEffects::default() } };
        if self.complete() {
            return self.turn_to(self.page + 1, true, view);
        }
        match self.task() {
            PageTask::Predict if work.guess.is_none() => {
                GuideEffects { ask: true, ..GuideEffects::default() }
            }
            _ => self.run(view),
        }
    }

    /// The key for something, or the word for it where words are typed.
    fn called(&self, key: &'static str, word: &'static str) -> &'static str {
        if self.typed { word } else { key }
    }

    /// Lets the lanes train up to the step of the page, or tells why not.
    pub fn run(&mut self, view: &RunView) -> GuideEffects {
        let Some(stop) = self.page().and_then(Page::stop) else {
            return GuideEffects::word("this page is to be read; the next ones train");
        };
        if self.task() == PageTask::Predict && self.done().is_some_and(|w| w.guess.is_none() && !w.skipped) {
            return GuideEffects { ask: true, ..GuideEffects::default() };
        }
        // Lanes that were just restarted may not have reported yet.
        let behind = view.lanes.is_empty() || view.lanes.iter().any(|l| l.present().step < stop);
        if behind && !self.arrived {
            return GuideEffects {
                commands: vec![Command::Until(Some(stop)), Command::Run],
                ..GuideEffects::default()
            };
        }
        GuideEffects::word(if self.complete() {
            format!("step {} is the last one of this page; go on to the next page", thousands(stop))
        } else {
            format!(
                "step {} is the last one of this page; change a setting, then {} starts anew",
                thousands(stop),
                self.called("R", "reset")
            )
        })
    }

    /// Makes this many single steps, but not beyond the page's last step.
    pub fn step(&mut self, steps: u64, view: &RunView) -> GuideEffects {
        let front = view.lanes.iter().map(|l| l.present().step).max().unwrap_or(0);
        let mut effects = self.run(view);
        if !effects.commands.is_empty()
            && let Some(stop) = self.page().and_then(Page::stop)
        {
            effects.commands = vec![Command::Step(steps.min(stop.saturating_sub(front)).max(1))];
        }
        effects
    }

    fn turn_to(&mut self, page: usize, on: bool, view: &RunView) -> GuideEffects {
        match (self.done(), self.page()) {
            // Later pages keep the changes of this one.
            (Some(PageWork { reached: Some(trace), .. }), _) if on => {
                self.start = trace.onto(&self.taught.scenario);
            }
            (Some(PageWork { skipped: true, .. }), Some(page)) if on => self.start = self.start.solved(page),
            _ => {}
        }
        (self.page, self.arrived, self.changed) = (page, false, true);
        let mut effects = GuideEffects { turned: true, ..GuideEffects::default() };
        // An earlier page is shown again within the present run, because its task is done.
        let fresh = view.lanes.iter().all(|l| l.present().step == 0 && l.present().info.edits.is_empty());
        if on && self.page().is_some_and(|p| p.anew) {
            self.start = self.taught.scenario.clone();
            if !fresh {
                self.begin(&mut effects, 0);
            }
        }
        effects
    }

    /// Restarts the run with the page's scenario; it pauses at this step.
    fn begin(&mut self, effects: &mut GuideEffects, step: u64) {
        self.judge = Judge::new(self.taught.scenario.evaluate_every);
        self.arrived = false;
        effects.load = Some(Box::new(self.start.clone()));
        effects.commands = if step > 0 {
            vec![Command::Pace(None), Command::Until(Some(step)), Command::Run]
        } else {
            Vec::new()
        };
    }

    /// The step at which the page begins: where the training of the previous page ended.
    fn from(&self) -> u64 {
        if self.page().is_some_and(|p| p.anew) {
            return 0;
        }
        let before = self.taught.scenario.lesson.pages.get(..self.page).unwrap_or_default();
        let since = before.iter().rposition(|p| p.anew).unwrap_or(0);
        before[since..].iter().filter_map(Page::stop).max().unwrap_or(0)
    }

    fn again(&mut self, _view: &RunView) -> GuideEffects {
        let mut effects = GuideEffects::word("this page from its beginning");
        let from = self.from();
        self.begin(&mut effects, from);
        effects
    }

    fn hint(&mut self) -> GuideEffects {
        let all = self.page().map_or(0, |p| p.hints.len());
        if all > 0 && self.done().is_some_and(|work| work.hints == all) {
            let skip = self.called("s", "skip");
            return GuideEffects::word(format!("those were all the hints; {skip} shows the solution"));
        }
        let Some(work) = self.work.get_mut(self.page).filter(|_| all > 0) else {
            return GuideEffects::word("this page has no hints");
        };
        work.hints += 1;
        self.changed = true;
        GuideEffects::default()
    }

    fn skip(&mut self, view: &RunView) -> GuideEffects {
        let task = self.task();
        if self.complete() {
            return GuideEffects::word("there is nothing to skip; go on to the next page");
        }
        let (Some(page), Some(work)) = (self.page().cloned(), self.work.get_mut(self.page)) else {
            return GuideEffects::default();
        };
        work.skipped = true;
        self.changed = true;
        match task {
            PageTask::Goal => {
                let mut effects = GuideEffects::default();
                let from = self.from();
                let solved = self.start.solved(&page);
                let before = std::mem::replace(&mut self.start, solved);
                self.begin(&mut effects, from);
                self.start = before;
                effects.commands = vec![Command::Until(page.stop()), Command::Run];
                effects.notice = Some("the solution runs; the lesson says what it changed, and why".into());
                effects
            }
            _ => self.run(view),
        }
    }

    /// The solution in words: what it changes, with old and new values.
    pub fn solution(&self) -> Vec<String> {
        let Some(page) = self.page() else { return Vec::new() };
        let value = |scenario: &Scenario, edit: &Edit| {
            let lane = scenario.lanes.iter().find(|l| l.name == edit.lane)?;
            scenario.recipe_at(lane, edit.step).ok()?.at(&edit.field)
        };
        let of = |edit: &Edit| {
            // Pages after this one begin with the solution.
            let from = value(&self.start, edit).filter(|from| *from != edit.to);
            let from = from.or_else(|| value(&self.taught.scenario, edit));
            let edit = Edit { from: from.unwrap_or_else(|| edit.from.clone()), ..edit.clone() };
            let at =
                if edit.step > 0 { format!(", at step {}", thousands(edit.step)) } else { String::new() };
            format!("lane {}: {edit}{at}", edit.lane)
        };
        let forks = page.forks.iter().map(|fork| {
            let from = fork.from.as_deref().unwrap_or_default();
            format!("lane {}: forked from {from} at step {}", fork.name, thousands(fork.at as u64))
        });
        page.solution.iter().map(of).chain(forks).collect()
    }

    /// Takes the answer to the question.
    pub fn answer(&mut self, guess: f64, reason: &str) -> GuideEffects {
        let Some(work) = self.work.get_mut(self.page) else { return GuideEffects::default() };
        work.guess = Some(guess);
        let reason = reason.trim();
        work.reason = reason.strip_prefix("because ").unwrap_or(reason).into();
        self.changed = true;
        GuideEffects::word(format!("now let the run answer: {}", self.called("space", "on")))
    }

    /// The question of the page.
    pub fn question(&self) -> Option<&Predict> {
        self.page()?.predict.as_ref()
    }

    fn play(&mut self, view: &RunView) -> GuideEffects {
        match self.free.take() {
            None => {
                let lanes = view.lanes.iter().map(|l| &l.present().info);
                let step = view.lanes.iter().map(|l| l.present().step).max().unwrap_or(0);
                self.free = Some(Trace::of(lanes, &self.taught.scenario, step));
                let mut effects = GuideEffects::word(format!(
                    "free play: nothing is locked, and nothing counts; {} goes back",
                    self.called("f", "free")
                ));
                effects.commands = vec![Command::Until(None)];
                effects
            }
            Some(trace) => {
                let mut effects = GuideEffects::word("back in the lesson, where you left it");
                let start = std::mem::replace(&mut self.start, trace.onto(&self.taught.scenario));
                self.begin(&mut effects, trace.step);
                self.start = start;
                effects
            }
        }
    }

    /// A guess in words.
    pub fn guess_words(predict: &Predict, guess: f64) -> String {
        if predict.choices.is_empty() { guess.text() } else { predict.words(guess) }
    }
}
