//! The app during a lesson: its keys, the views that pages show, and locked settings.

use super::{App, Lessons, comfortable};
use crate::scenario::Scenario;
use crate::scenario::view::Pane;
use crate::telemetry::{Command, Phase};
use crate::ui::guide::{Guide, GuideEffects, LearnerRequest, TaughtLesson};
use crate::ui::keymap::Action;
use crate::ui::message::{Effect, Effects};
use crate::ui::overlay::Overlay;
use crate::ui::overlay::form::{FormSubject, SettingsForm};
use crate::ui::overlay::menu::{Menu, MenuItem, Pick};
use crate::ui::timeline::Timeline;
use crate::view::RunView;
use std::time::Duration;

/// Seconds that the training of a page takes, so that the user can watch it.
const WATCHED: f64 = 8.0;

impl App {
    /// Starts a lesson, whose scenario is the one on the screen; `lessons` provides the others of the course.
    pub fn teach(&mut self, taught: TaughtLesson) {
        self.guide = Some(Guide::new(taught));
        self.point();
    }

    /// Sets the course from which lessons can be chosen.
    pub fn offer_lessons(&mut self, lessons: Lessons) {
        self.lessons = Some(lessons);
    }

    /// Carries out a key of the lesson.
    pub(super) fn request(&mut self, request: LearnerRequest) -> Effects {
        let Some(guide) = &mut self.guide else {
            self.notify(
                "this scenario has no lesson to go through; `gradtui learn` lists those that have".into(),
            );
            return Effects::new();
        };
        let effects = guide.request(request, &self.view);
        self.apply_effects(effects)
    }

    /// The meaning of a key in a lesson, if it has one.
    pub(super) fn request_of(action: Action) -> Option<LearnerRequest> {
        Some(match action {
            Action::LessonOn => LearnerRequest::On,
            Action::LessonBack => LearnerRequest::Back,
            Action::LessonHint => LearnerRequest::Hint,
            Action::LessonSkip => LearnerRequest::Skip,
            Action::LessonAgain => LearnerRequest::Again,
            Action::LessonFree => LearnerRequest::Free,
            _ => return None,
        })
    }

    /// The guide, if its page limits the training.
    fn leading(&mut self) -> Option<&mut Guide> {
        self.guide.as_mut().filter(|g| g.free.is_none() && g.page().is_some())
    }

    /// Trains, or makes single steps, as the page of the lesson asks; `None` if no page limits the training.
    pub(super) fn led(&mut self, steps: Option<u64>) -> Option<Effects> {
        let running = self.running;
        self.leading()?;
        if steps.is_none() && running {
            return None;
        }
        let Self { guide: Some(guide), view, .. } = self else { return None };
        let effects = match steps {
            Some(n) => guide.step(n, view),
            None => guide.run(view),
        };
        Some(self.apply_effects(effects))
    }

    /// Carries out the results from the guide.
    pub(super) fn apply_effects(&mut self, effects: GuideEffects) -> Effects {
        let GuideEffects { load, commands, notice, ask, turned, next } = effects;
        if next {
            return self.next_lesson();
        }
        let mut effects = Effects::new();
        if let Some(scenario) = load {
            effects.extend(self.begin_with(*scenario));
        }
        if turned {
            // The notice describes the previous page, so it goes.
            self.notice = None;
            effects.extend(self.point());
        }
        if let Some(notice) = notice {
            self.notify(notice);
        }
        if ask && let Some(question) = self.guide.as_ref().and_then(Guide::question) {
            let subject = FormSubject::Question {
                question: Box::new(question.clone()),
                guess: None,
                reason: String::new(),
            };
            self.overlay = Some(Overlay::Form(Box::new(SettingsForm::new(subject))));
        }
        for command in commands {
            match &command {
                Command::Run => self.running = true,
                Command::Step(_) => self.running = false,
                Command::Until(step) => self.until = *step,
                Command::Pace(pace) => self.pace = *pace,
                _ => {}
            }
            effects.push(Effect::Command(command));
        }
        effects
    }

    /// Restarts the run with a scenario of the lesson, paused.
    fn begin_with(&mut self, scenario: Scenario) -> Effects {
        self.timeline = None;
        self.view = RunView::default();
        self.speeds.clear();
        (self.solo, self.running, self.until) = (None, false, None);
        self.network.discard();
        // The new run has no probes yet.
        self.watched.clear();
        let front = self.front;
        self.scenario = scenario.clone();
        self.recognise();
        self.front = front;
        self.pace = self.lesson_pace();
        [Command::Pause, Command::Until(None), Command::Pace(self.pace), Command::Load(Box::new(scenario))]
            .map(Effect::Command)
            .into()
    }

    /// The pace at which the training of a page can be watched.
    fn lesson_pace(&self) -> Option<f64> {
        let stop = self.guide.as_ref().and_then(|g| g.page()?.stop());
        let watched = stop.map(|s| (s as f64 / WATCHED).max(1.0));
        watched.or(Some(comfortable(self.scenario.steps)))
    }

    /// Shows the view of the lesson's page.
    fn point(&mut self) -> Effects {
        let Some(page) = self.guide.as_ref().and_then(Guide::page).cloned() else {
            self.focus_on(Pane::Lesson);
            return Effects::new();
        };
        let mut effects = Effects::new();
        if let Some(pane) = page.look.pane {
            if let Some(pane) = self.others.get_mut(&pane) {
                pane.open(&page.look);
            }
            self.focus_on(pane);
        }
        self.focus_on(Pane::Lesson);
        (self.zoom, self.pace) = (false, self.lesson_pace());
        effects.push(Effect::Command(Command::Pace(self.pace)));
        if !page.look.lane.is_empty() {
            match self.view.lanes.iter().find(|l| l.info.name == page.look.lane) {
                Some(lane) => self.front = lane.id,
                None => self.awaited = Some(page.look.lane.clone()),
            }
        }
        let before = self.timeline.take().and_then(|t| t.at());
        if let (Some(step), Some(front)) = (page.at, self.view.lane(self.front)) {
            let mut timeline = Timeline::default();
            timeline.go(step, front);
            self.timeline = Some(timeline);
        }
        let now = self.timeline.as_ref().and_then(Timeline::at);
        effects.extend(self.turned_to(before, now));
        effects
    }

    fn next_lesson(&mut self) -> Effects {
        let place = self.guide.as_ref().map_or(0, |g| g.taught.place.0);
        self.open_lesson(place + 1)
    }

    /// The lessons of the course, as a menu.
    pub(super) fn course(&mut self) -> Option<Menu> {
        let Some(lessons) = &self.lessons else {
            self.notify("a run that is taken up again has no course; `gradtui learn` opens it".into());
            return None;
        };
        let all: Vec<TaughtLesson> = (1..).map_while(lessons).collect();
        let done = |t: &TaughtLesson| t.record.as_ref().is_some_and(|r| r.done);
        let here = self.guide.as_ref().map(|g| g.taught.place.0.saturating_sub(1));
        let next = here.or_else(|| all.iter().position(|t| !done(t))).unwrap_or(0);
        let item = |(i, t): (usize, TaughtLesson)| MenuItem {
            label: format!("{:2} {}", i + 1, t.scenario.title),
            about: format!("{} About {} minutes.", t.scenario.about, t.scenario.lesson.minutes),
            right: match &t.record {
                Some(r) if r.done && r.skipped() => "skipped".into(),
                Some(r) if r.done => "done".into(),
                Some(_) => "begun".into(),
                None => String::new(),
            },
            pick: Pick::Lesson(i + 1),
        };
        Some(Menu::new("Lessons", all.into_iter().enumerate().map(item).collect(), next))
    }

    /// Starts the lesson at this position in the course, from 1.
    pub(super) fn open_lesson(&mut self, place: usize) -> Effects {
        let Some(taught) = self.lessons.as_ref().and_then(|of| of(place)) else {
            self.notify("that was the last lesson; q leaves".into());
            return Effects::new();
        };
        let mut effects = self.begin_with(taught.scenario.clone());
        self.notice = None;
        self.front = 0;
        self.open_view();
        self.guide = Some(Guide::new(taught));
        effects.extend(self.point());
        effects
    }

    /// Checks the progress of the page's run; `passed`: time since the last call.
    pub(super) fn attend(&mut self, passed: Duration) {
        let over = |p: &Phase| !matches!(p, Phase::Running | Phase::Paused);
        if let Some(until) = self.until.filter(|_| self.running)
            && !self.view.lanes.is_empty()
            && self.view.lanes.iter().all(|l| over(&l.present().phase) || l.present().step >= until)
        {
            (self.running, self.until, self.notice) = (false, None, None);
        }
        let Some(guide) = &mut self.guide else { return };
        // Long pauses do not count as learning time.
        guide.spend(passed.as_secs_f64().min(1.0));
        let before = guide.complete();
        let news = guide.look(&self.view);
        let complete = guide.complete() && !before;
        if let Some(news) = news {
            self.notify(news);
        }
        if complete && self.overlay.is_none() && self.timeline.is_none() {
            self.focus_on(Pane::Lesson);
        }
    }

    /// Whether the page of the lesson locks the setting that an order would change; if so, the user is told.
    pub(super) fn locked(&mut self, command: &Command) -> bool {
        let Some(guide) = &self.guide else { return false };
        let before = match command {
            Command::Set { lane, .. } => self.view.lane(*lane).map(|l| (&l.info.name[..], &l.info.recipe)),
            _ => None,
        };
        let why = guide.refuses(command, before);
        if let Some(why) = &why {
            self.notify(why.clone());
        }
        why.is_some()
    }

    /// Drops orders that the lesson does not allow, and saves the learner's progress.
    pub(super) fn guard(&mut self, effects: &mut Effects) {
        if self.guide.is_none() {
            return;
        }
        effects.retain(|effect| match effect {
            Effect::Command(command) => !self.locked(command),
            _ => true,
        });
        if effects.iter().any(|e| matches!(e, Effect::Quit(_)))
            && let Some(guide) = &mut self.guide
        {
            guide.leave();
        }
        if let Some(record) = self.guide.as_mut().and_then(Guide::record) {
            effects.insert(0, Effect::Learnt(Box::new(record)));
        }
    }
}
