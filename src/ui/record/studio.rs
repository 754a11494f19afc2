//! Makes a recording with the lab's own app and panes, driven by a script on a simulated clock. The run is behind a
//! trait.
//!
//! Reads no clock and starts no thread, so the same script gives the same pictures on every machine.

use super::script::{Cue, CueTime, LONGEST, RecordingScript};
use super::stage::{CaptionLine, compose};
use crate::scenario::Scenario;
use crate::telemetry::{Command, Event, LaneId};
use crate::ui::app::{App, Presets};
use crate::ui::frames::Frames;
use crate::ui::guide::TaughtLesson;
use crate::ui::keymap::KeyPress;
use crate::ui::message::{Effect, Effects, Message};
use crate::ui::theme::Theme;
use crate::view::LaneView;
use crossterm::event::{KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Size;
use std::collections::VecDeque;
use std::io;
use std::time::Duration;

/// The run that is recorded.
pub trait RecordedRun {
    /// Carries out an order at once.
    fn send(&mut self, command: Command);
    /// Advances training by this many seconds. `stop`: a lane, and the step that it may not exceed.
    fn pass(&mut self, seconds: f64, stop: Option<(LaneId, u64)>);
    /// Computes the probes that are out of date.
    fn look(&mut self);
    /// Events since the last call.
    fn drain(&mut self) -> Vec<Event>;
    /// Whether nothing will happen before another command.
    fn idle(&self) -> bool;
    /// Whether the condition of this cue holds.
    fn holds(&self, cue: usize) -> bool;
}

/// A frame of the recording, and the chapters that begin with it.
#[derive(Debug)]
pub struct RecordedFrame<'a> {
    /// Time since the start of the recording.
    pub at: Duration,
    /// The cells.
    pub picture: &'a Buffer,
    /// Chapters, in order.
    pub markers: &'a [String],
}

/// The reason why a recording failed.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// A cue waits for a step or condition that never comes.
    #[error("cue {cue} never comes: {why}")]
    Never {
        /// The number of the cue, from 1.
        cue: usize,
        /// The present state of the run, as the reason.
        why: String,
    },
    /// A cue asks for something impossible, or presses a key without effect.
    #[error("cue {cue}: {why}")]
    Idle {
        /// The number of the cue, from 1.
        cue: usize,
        /// The fault in words.
        why: String,
    },
    /// The recording cannot be written.
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// Seconds between two readings of the run's events.
const BEAT: f64 = 0.04;
/// Time between two computations of watched probes.
const LOOK: Duration = Duration::from_millis(250);
/// How long a pressed key stays visible.
const SHOWN: Duration = Duration::from_millis(1500);
/// Most keys that are visible at a time.
const KEYS: usize = 4;

/// A recording in progress.
pub struct Studio<'a, B> {
    script: &'a RecordingScript,
    bench: B,
    app: App,
    frames: Frames,
    rows: u16,
    /// The index of the next cue.
    next: usize,
    /// Keys of the present cue that are still to be pressed, and its wait after the last key.
    keys: VecDeque<KeyPress>,
    wait: f64,
    /// The time before which nothing more is done.
    free: Duration,
    speed: f64,
    shown: bool,
    caption: String,
    pressed: VecDeque<(Duration, String)>,
    markers: Vec<String>,
    looked: Option<Duration>,
    quit: bool,
}

impl<'a, B: RecordedRun> Studio<'a, B> {
    /// Prepares a recording; `size` includes the line below the lab.
    pub fn new(
        script: &'a RecordingScript,
        scenario: Scenario,
        presets: Presets,
        theme: Theme,
        size: Size,
        bench: B,
    ) -> Self {
        let rows = script.rows_below();
        let lab = Size::new(size.width, size.height.saturating_sub(rows));
        let app = App::new(scenario, presets, theme, lab, !script.paused);
        let mut studio = Self {
            script,
            bench,
            app,
            frames: Frames::default(),
            rows,
            next: 0,
            keys: VecDeque::new(),
            wait: 0.0,
            free: Duration::ZERO,
            speed: 1.0,
            shown: true,
            caption: String::new(),
            pressed: VecDeque::new(),
            markers: Vec::new(),
            looked: None,
            quit: false,
        };
        studio.bench.send(Command::Pace(studio.app.pace));
        if !script.paused {
            studio.bench.send(Command::Run);
        }
        studio
    }

    /// Starts a lesson, whose scenario is the one that is recorded.
    pub fn teach(&mut self, taught: TaughtLesson) {
        self.app.teach(taught);
        self.bench.send(Command::Pace(self.app.pace));
    }

    /// The run, for reading.
    pub fn bench(&self) -> &B {
        &self.bench
    }

    /// Plays the script and passes every frame to `see`; returns the length of the recording.
    ///
    /// # Errors
    /// If a cue never comes, or `see` fails.
    pub fn play(
        &mut self,
        mut see: impl FnMut(RecordedFrame<'_>) -> io::Result<()>,
    ) -> Result<Duration, RecordingError> {
        let frame = Duration::from_secs(1) / self.script.fps.max(1);
        let (mut now, mut recorded) = (Duration::ZERO, Duration::ZERO);
        self.take_events(now);
        loop {
            self.act(now)?;
            if self.quit || (self.over() && now >= self.free) {
                return Ok(recorded);
            }
            let behind = self.looked.is_none_or(|t| now.saturating_sub(t) >= LOOK);
            if behind || self.frames.touched() {
                self.bench.look();
                self.looked = Some(now);
                self.take_events(now);
            }
            if self.shown {
                self.shoot(now, recorded, &mut see)?;
                recorded += frame;
            }
            self.train(frame, now)?;
            now += frame;
        }
    }

    /// Whether all cues were played and all keys pressed.
    fn over(&self) -> bool {
        self.next >= self.script.cues.len() && self.keys.is_empty()
    }

    fn shoot(
        &mut self,
        now: Duration,
        at: Duration,
        see: &mut impl FnMut(RecordedFrame<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        self.pressed.retain(|(t, _)| now.saturating_sub(*t) < SHOWN);
        let below = CaptionLine {
            caption: self.caption.clone(),
            keys: self.pressed.iter().map(|(_, key)| key.clone()).collect(),
        };
        if self.frames.due(now, false) {
            self.frames.draw(&self.app, now);
        }
        let picture = compose(self.frames.picture(), &below, self.rows, &self.app.theme);
        let markers = std::mem::take(&mut self.markers);
        see(RecordedFrame { at, picture: &picture, markers: &markers })
    }

    /// Advances the time by one frame, up to the time of the next cue.
    fn train(&mut self, frame: Duration, now: Duration) -> Result<(), RecordingError> {
        let beats = (frame.as_secs_f64() / BEAT).ceil().max(1.0);
        let seconds = self.speed * frame.as_secs_f64() / beats;
        for _ in 0..beats as u64 {
            let waiting = self.keys.is_empty().then(|| self.script.cues.get(self.next)).flatten();
            let stop = waiting.and_then(|cue| self.awaited(cue)).map(|(lane, step)| (lane.id, step));
            if now + frame >= self.free && waiting.is_some_and(|c| c.when.is_some()) && self.comes(now) {
                break;
            }
            self.bench.pass(seconds, stop);
            self.take_events(now);
        }
        let Some(cue) = self.script.cues.get(self.next).filter(|_| self.keys.is_empty()) else {
            return Ok(());
        };
        let timed = matches!(cue.at, Some(CueTime::Seconds(s)) if Duration::from_secs_f64(s) > now);
        let never = self.bench.idle() && now >= self.free && !timed && !self.comes(now + frame);
        if never || now.as_secs_f64() > LONGEST {
            let clock = self.awaited(cue).map(|(lane, _)| lane).or(self.app.view.lane(self.app.front));
            let step = clock.map_or(0, |l| l.present().step);
            let why = if never { "the lanes rest" } else { "an hour has gone by" };
            return Err(RecordingError::Never { cue: self.next + 1, why: format!("{why} at step {step}") });
        }
        Ok(())
    }

    /// The lane and the step for which a cue waits.
    fn awaited(&self, cue: &Cue) -> Option<(&LaneView, u64)> {
        match cue.at.as_ref()? {
            CueTime::Step(step) => Some((self.app.view.lane(self.app.front)?, *step)),
            CueTime::Lane(name, step) => {
                let named = |lane: &&LaneView| lane.present().info.name == *name;
                Some((self.app.view.lanes.iter().find(named)?, *step))
            }
            CueTime::Seconds(_) => None,
        }
    }

    /// Whether the next cue is due.
    fn comes(&self, now: Duration) -> bool {
        let Some(cue) = self.script.cues.get(self.next) else { return false };
        let at = match &cue.at {
            None => true,
            Some(CueTime::Seconds(s)) => now.as_secs_f64() >= *s,
            Some(CueTime::Step(_) | CueTime::Lane(..)) => {
                self.awaited(cue).is_some_and(|(lane, step)| lane.present().step >= step)
            }
        };
        at && (cue.when.is_none() || self.bench.holds(self.next))
    }

    /// Carries out all cues and keys that are due.
    fn act(&mut self, now: Duration) -> Result<(), RecordingError> {
        while now >= self.free && !self.quit {
            if let Some(key) = self.keys.pop_front() {
                self.press(key, now)?;
                let rest = if self.keys.is_empty() { self.wait } else { self.script.typing };
                self.free = now + Duration::from_secs_f64(rest);
            } else if self.comes(now) {
                let cue = &self.script.cues[self.next];
                self.next += 1;
                self.begin(cue, now)?;
            } else {
                break;
            }
        }
        Ok(())
    }

    /// The error that the last started cue cannot be played.
    fn idle(&self, why: String) -> RecordingError {
        RecordingError::Idle { cue: self.next, why }
    }

    /// Carries out the parts of a cue other than its keys.
    fn order(&mut self, cue: &Cue) -> Result<(), String> {
        let mut effects = Vec::new();
        if let Some(name) = &cue.open {
            effects.extend(self.app.open_preset(name)?);
        }
        if let Some(lane) = &cue.lane {
            self.app.bring_lane(lane)?;
        }
        if let Some(pane) = &cue.pane {
            self.app.show_pane(pane)?;
        }
        if let Some(words) = &cue.set {
            effects.extend(self.app.obey(&format!("set {words}"))?);
        }
        if [&cue.open, &cue.lane, &cue.pane, &cue.set].iter().any(|done| done.is_some()) {
            self.frames.touch();
            self.carry_out(effects);
            self.take_events(self.app.now);
        }
        Ok(())
    }

    fn begin(&mut self, cue: &Cue, now: Duration) -> Result<(), RecordingError> {
        if let Some(shown) = cue.show {
            self.shown = shown;
        }
        self.markers.extend(cue.marker.clone());
        if let Some(caption) = &cue.caption {
            self.caption.clone_from(caption);
        }
        if let Some(speed) = cue.speed {
            self.speed = speed;
        }
        self.order(cue).map_err(|why| self.idle(why))?;
        let mouse = |kind, column, row| {
            Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
        };
        if let Some((x, y)) = cue.click {
            self.dispatch(mouse(MouseEventKind::Down(MouseButton::Left), x, y));
        }
        if let Some((x, y, turns)) = cue.scroll {
            let kind = if turns < 0 { MouseEventKind::ScrollUp } else { MouseEventKind::ScrollDown };
            for _ in 0..turns.unsigned_abs() {
                self.dispatch(mouse(kind, x, y));
            }
        }
        self.keys = cue.keys().into();
        self.wait = cue.wait.unwrap_or(0.0);
        if self.keys.is_empty() {
            self.free = now + Duration::from_secs_f64(self.wait);
        }
        Ok(())
    }

    fn press(&mut self, key: KeyPress, now: Duration) -> Result<(), RecordingError> {
        if self.script.show_keys {
            self.pressed.push_back((now, key.to_string()));
            if self.pressed.len() > KEYS {
                self.pressed.pop_front();
            }
        }
        self.dispatch(Message::Key(KeyEvent::new(key.code, key.modifiers)));
        match self.app.idle_key() {
            Some(why) => Err(self.idle(why.into())),
            None => Ok(()),
        }
    }

    /// Passes a user's action to the app, and carries out its effects at once.
    fn dispatch(&mut self, message: Message) {
        self.frames.touch();
        self.update(message);
        self.take_events(self.app.now);
    }

    fn update(&mut self, message: Message) {
        let effects = self.app.update(message);
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Effects) {
        for effect in effects {
            match effect {
                Effect::Command(command) => self.bench.send(command),
                Effect::Quit(_) => self.quit = true,
                // There is no terminal to release or redraw; the app itself has handled the others.
                _ => {}
            }
        }
    }

    fn take_events(&mut self, now: Duration) {
        let notice = self.app.notice().is_some();
        let events = self.bench.drain();
        if !events.is_empty() {
            self.frames.news(now);
        }
        for event in events {
            self.update(Message::Event(event));
        }
        self.update(Message::Tick(now));
        if notice != self.app.notice().is_some() {
            self.frames.touch();
        }
    }
}
