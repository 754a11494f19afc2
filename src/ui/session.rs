//! The lab on a terminal: waits for keys and events, passes them to the app, shows frames and carries out effects.
//! Trains nothing: commands go out and events come in through two functions.

use super::app::{App, Lessons, Presets};
use super::frames::{Frames, KEYS};
use super::guide::TaughtLesson;
use super::keymap::Action;
use super::keymap::custom::Keymap;
use super::message::{Effect, Link, Message};
use super::record::log::{SessionLog, UserAction};
use super::record::still;
use super::record::tape::{CreateRecording, SessionRecorder};
use super::terminal::choice::Chosen;
use super::terminal::keys::TerminalInput;
use super::terminal::writer::FrameWriter;
use super::terminal::{ScreenInput, Terminal, TerminalError};
use super::theme::Theme;
use crate::faults::ordered;
use crate::lab::lesson::progress::LessonProgress;
use crate::scenario::Scenario;
use crate::telemetry::{Command, Event};
use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use std::time::{Duration, Instant};

/// Saves the progress in a lesson.
pub type SaveProgress<'a> = Box<dyn FnMut(LessonProgress) -> Result<(), String> + 'a>;

/// The lessons of a session.
pub struct Teaching<'a> {
    /// The lesson to start with.
    pub taught: Option<TaughtLesson>,
    /// All lessons of the course.
    pub lessons: Lessons,
    /// Saves the progress.
    pub keep: SaveProgress<'a>,
}

impl std::fmt::Debug for Teaching<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Teaching")
            .field("taught", &self.taught.as_ref().map(|t| &t.name))
            .finish_non_exhaustive()
    }
}

/// The settings of a session.
pub struct Session<'a> {
    /// The scenario at the start.
    pub scenario: Scenario,
    /// The gallery.
    pub presets: Presets,
    /// The display settings.
    pub chosen: Chosen,
    /// The key bindings.
    pub keymap: Keymap,
    /// Whether training has been started.
    pub running: bool,
    /// Whether another process trains, so that commands cannot be sent.
    pub watching: bool,
    /// Whether training continues to its end after the terminal has closed.
    pub detach: bool,
    /// A notice at the start.
    pub notices: Vec<String>,
    /// Whether the session began with the scenario unchanged, so that its keys make a script.
    pub scripted: bool,
    /// Creates the files of recordings.
    pub reels: CreateRecording<'a>,
    /// The course to choose lessons from, if there is one.
    pub lesson: Option<Teaching<'a>>,
    /// Sends a command. Must not block.
    pub send: &'a mut dyn FnMut(Command),
    /// Returns the events since the last call. Must not block.
    pub drain: &'a mut dyn FnMut() -> Vec<Event>,
}

/// Time between two readings of the events.
const EVENTS: Duration = Duration::from_millis(25);
/// The same while nothing trains.
const IDLE: Duration = Duration::from_millis(200);

/// Time between two checks for the first lanes at the start.
const FIRST: Duration = Duration::from_millis(1);

/// Opens the lab and runs it to its end; returns the exit code.
///
/// # Errors
/// If there is no terminal on which to open it.
pub fn run(session: Session<'_>) -> Result<u8, TerminalError> {
    let Chosen { depth, drawing, scheme, fps } = &session.chosen;
    let theme = Theme::new(scheme.what, depth.what, drawing.what.glyphs());
    let terminal = Terminal::open(drawing.what, session.detach)?;
    let mut frames = Frames::default();
    frames.rate(fps.what);
    let Session { scenario, presets, running, watching, notices, send, drain, reels, lesson, .. } = session;
    let mut app = App::new(scenario, presets, theme, terminal.size(), running);
    let keep = lesson.map(|Teaching { taught, lessons, keep }| {
        app.offer_lessons(lessons);
        if let Some(taught) = taught {
            app.teach(taught);
            send(Command::Pace(app.pace));
        }
        keep
    });
    app.keymap = session.keymap;
    app.watch_only(watching);
    let mut live = LiveSession {
        terminal: &terminal,
        app,
        frames,
        meter: TrafficMeter::default(),
        log: SessionLog::default(),
        tape: SessionRecorder::default(),
        send,
        drain,
        reels,
        keep,
        start: Instant::now(),
        detach: session.detach,
        detached: false,
        code: None,
    };
    if !session.scripted {
        live.log.break_off();
    }
    for notice in notices {
        live.dispatch(Message::Event(Event::Notice(notice)), Duration::ZERO);
    }
    while live.code.is_none() {
        live.turn();
    }
    let now = live.start.elapsed();
    live.tape.end(&live.app, &mut live.log, now);
    (live.send)(Command::Quit);
    let code = live.code.unwrap_or(0);
    terminal.close(Duration::from_secs(1));
    Ok(code)
}

/// A session in progress.
struct LiveSession<'a> {
    terminal: &'a Terminal,
    app: App,
    frames: Frames,
    meter: TrafficMeter,
    log: SessionLog,
    tape: SessionRecorder,
    send: &'a mut dyn FnMut(Command),
    drain: &'a mut dyn FnMut() -> Vec<Event>,
    reels: CreateRecording<'a>,
    keep: Option<SaveProgress<'a>>,
    start: Instant,
    /// Whether training continues without a terminal, and whether it already does.
    detach: bool,
    detached: bool,
    code: Option<u8>,
}

impl LiveSession<'_> {
    /// Waits for one input and handles it.
    fn turn(&mut self) {
        let mut messages = Vec::new();
        let mut wake = self.terminal.wait(pause(&self.app, &self.frames, self.start.elapsed()));
        // A hang-up arrives both as a signal and as a closed terminal, in either order.
        if matches!(wake, Some(ScreenInput::Continued)) && (self.detached || self.terminal.resume().is_err())
        {
            wake = Some(ScreenInput::HungUp);
        }
        match wake {
            None | Some(ScreenInput::Input(TerminalInput::Status)) => {}
            Some(ScreenInput::Input(TerminalInput::Key(k))) => messages.push(Message::Key(k)),
            Some(ScreenInput::Input(TerminalInput::Mouse(m))) => messages.push(Message::Mouse(m)),
            Some(ScreenInput::Input(TerminalInput::Paste(t))) => messages.push(Message::Paste(t)),
            // After a resize, even to the same size, terminals keep different content, so everything is redrawn.
            Some(ScreenInput::Resized | ScreenInput::Continued) => {
                messages.extend([Message::Resize(self.terminal.size()), Message::Repaint]);
            }
            Some(ScreenInput::Terminate(c)) => messages.push(Message::Terminate(c)),
            Some(ScreenInput::HungUp) if self.detach && self.app.training() => {
                // Without a screen neither a pace nor probes are needed.
                self.detached = true;
                (self.send)(Command::Pace(None));
                (self.send)(Command::Watch(Vec::new()));
            }
            Some(ScreenInput::HungUp) if self.detached => {}
            Some(ScreenInput::Stop) => {
                if self.terminal.suspend().is_err() {
                    messages.push(Message::Terminate(129));
                } else {
                    messages.extend([Message::Resize(self.terminal.size()), Message::Repaint]);
                }
            }
            // Handled in the same way as the signal of a hang-up.
            Some(ScreenInput::HungUp) => messages.push(Message::Terminate(129)),
        }
        if ordered("no-memory") && self.app.view.lanes.iter().any(|l| l.step > 0) {
            // No system can provide this much memory: the process aborts.
            std::hint::black_box(Vec::<u8>::with_capacity(isize::MAX as usize));
        }
        assert!(!ordered("panic-ui") || self.app.view.lanes.iter().all(|l| l.step == 0), "on order");
        if !messages.is_empty() {
            self.frames.touch();
        }
        let now = self.start.elapsed();
        let notice = self.app.notice().map(str::to_owned);
        for message in messages {
            let key = matches!(message, Message::Key(_));
            let written = self.write_down(&message, now);
            self.dispatch(message, now);
            if key && written && self.app.idle_key().is_some() {
                self.log.take_back();
            }
        }
        let events = (self.drain)();
        if !events.is_empty() {
            self.frames.news(now);
        }
        for event in events {
            let heard = event.clone();
            self.dispatch(Message::Event(event), now);
            self.log.event(&heard, &self.app);
        }
        self.dispatch(Message::Tick(now), now);
        if notice.as_deref() != self.app.notice() {
            self.frames.touch();
        }
        let now = self.start.elapsed();
        if self.detached {
            if self.app.done() {
                self.code = Some(0);
            }
        } else if self.code.is_none()
            && (now >= KEYS || !self.app.view.lanes.is_empty())
            && self.frames.due(now, self.terminal.writer().busy())
        {
            // The first frame waits for its lanes, but not for long.
            let link = self.meter.look(self.terminal.writer(), now);
            self.dispatch(Message::Link(link), now);
            let picture = self.frames.draw(&self.app, now);
            self.terminal.show(picture);
            if let Some(why) = self.tape.show(picture, now) {
                self.app.recording = false;
                self.app.notify(why);
            }
        }
    }

    /// Notes a user's action for the script; returns whether it was one.
    fn write_down(&mut self, message: &Message, now: Duration) -> bool {
        let action = match message {
            // The key that starts or stops a recording is not part of it.
            Message::Key(k) if self.app.means(*k) == Some(Action::Record) => return false,
            Message::Key(k) => UserAction::Key((*k).into()),
            Message::Mouse(MouseEvent {
                kind: MouseEventKind::Down(MouseButton::Left), column, row, ..
            }) => UserAction::Click(*column, *row),
            // On replay, a click on the timeline goes where the drag went.
            Message::Mouse(MouseEvent { kind: MouseEventKind::Drag(MouseButton::Left), column, .. }) => {
                match self.app.dragged_row() {
                    Some(row) => UserAction::Click(*column, row),
                    None => return false,
                }
            }
            Message::Mouse(MouseEvent { kind: MouseEventKind::ScrollUp, column, row, .. }) => {
                UserAction::Scroll(*column, *row, -1)
            }
            Message::Mouse(MouseEvent { kind: MouseEventKind::ScrollDown, column, row, .. }) => {
                UserAction::Scroll(*column, *row, 1)
            }
            Message::Paste(_) => {
                self.log.break_off();
                return false;
            }
            _ => return false,
        };
        self.log.note_action(action, &self.app, now);
        true
    }

    fn dispatch(&mut self, message: Message, now: Duration) {
        let running = self.app.running();
        for effect in self.app.update(message) {
            match effect {
                Effect::Command(command) => {
                    self.log.order(&command, running, &self.app);
                    (self.send)(command);
                }
                Effect::Record => {
                    let notice = if self.tape.on() {
                        self.tape.end(&self.app, &mut self.log, now)
                    } else {
                        Some(
                            self.tape
                                .begin(self.reels, &self.app, &mut self.log, now)
                                .unwrap_or_else(|why| why),
                        )
                    };
                    self.app.recording = self.tape.on();
                    if let Some(text) = notice {
                        self.app.notify(text);
                    }
                }
                Effect::Picture(path) => {
                    let notice = still::take(&self.app, &path);
                    self.app.notify(notice);
                }
                Effect::Suspend => {
                    if self.terminal.suspend().is_err() {
                        self.code = Some(129);
                    }
                    self.app.size = self.terminal.size();
                    self.frames.touch();
                }
                Effect::Repaint => {
                    self.terminal.writer().repaint();
                    self.frames.touch();
                }
                Effect::Quit(c) => self.code = Some(c),
                Effect::Learnt(record) => {
                    if let Some(why) = self.keep.as_mut().and_then(|keep| keep(*record).err()) {
                        self.app.notify(format!("progress is not kept: {why}"));
                    }
                }
            }
        }
    }
}

/// The traffic on the connection, averaged over two seconds so that the numbers are steady.
#[derive(Debug, Default)]
struct TrafficMeter {
    since: Duration,
    written: (u64, u64),
    rates: Option<(u64, u64)>,
}

impl TrafficMeter {
    /// Only a noticeably slow connection is shown, in coarse steps that do not flicker.
    fn look(&mut self, writer: &FrameWriter, now: Duration) -> Option<Link> {
        let time = now.saturating_sub(self.since).as_secs_f64();
        if time >= 2.0 {
            let (bytes, frames) = writer.written();
            let rate = |now: u64, before: u64| (now.saturating_sub(before) as f64 / time).round() as u64;
            self.rates = Some((rate(bytes, self.written.0) / 100 * 100, rate(frames, self.written.1)));
            (self.since, self.written) = (now, (bytes, frames));
        }
        let ms = writer.round_trip()?.as_millis() as u64;
        let (bytes, pictures) = self.rates?;
        let round_trip = Duration::from_millis(ms.div_ceil(20) * 20);
        (ms >= 20).then_some(Link { round_trip, pictures, bytes })
    }
}

/// The time until something has to be done.
fn pause(app: &App, frames: &Frames, now: Duration) -> Duration {
    if frames.touched() {
        if app.view.lanes.is_empty() { FIRST } else { KEYS }
    } else if app.training() || frames.behind() {
        // The pause ends before the next frame: otherwise, at high rates, events would be missing from every frame.
        match frames.rests(now) {
            Duration::ZERO => EVENTS,
            rests => rests.min(EVENTS),
        }
    } else {
        IDLE
    }
}
