//! The lab on a terminal: waits for keys and news, tells the app, shows pictures, does what the app asks for. Trains nothing:
//! orders go out and events come in through two functions.

use super::app::{App, Presets};
use super::frames::{Frames, KEYS};
use super::message::{Effect, Message};
use super::terminal::keys::Input;
use super::terminal::{ColorChoice, Terminal, Unfit, Wake, depth, glyphs};
use super::theme::Theme;
use crate::faults::ordered;
use crate::scenario::Scenario;
use crate::telemetry::{Command, Event};
use std::time::{Duration, Instant};

/// What a session needs.
pub struct Session<'a> {
    /// What is trained at first.
    pub scenario: Scenario,
    /// What can be opened.
    pub presets: Presets,
    /// Whether colours are wanted.
    pub color: ColorChoice,
    /// Whether training has been told to begin.
    pub running: bool,
    /// Whether training goes on to its end after the terminal is gone.
    pub detach: bool,
    /// What the user should know at first.
    pub notices: Vec<String>,
    /// Where orders go. Must not wait.
    pub send: &'a mut dyn FnMut(Command),
    /// The events since the last call. Must not wait.
    pub drain: &'a mut dyn FnMut() -> Vec<Event>,
}

/// Between two looks at the events.
const EVENTS: Duration = Duration::from_millis(25);
/// The same while nothing trains.
const IDLE: Duration = Duration::from_millis(200);

/// Opens the lab and runs it to its end; the exit code.
///
/// # Errors
/// There is no terminal to open it on.
pub fn run(session: Session<'_>) -> Result<u8, Unfit> {
    let var = |name: &str| std::env::var(name).ok();
    let glyphs = glyphs(var);
    let theme = Theme::dark(depth(session.color, var), glyphs);
    let terminal = Terminal::open(glyphs, session.detach)?;
    let start = Instant::now();
    let mut app = App::new(session.scenario, session.presets, theme, terminal.size(), session.running);
    for notice in session.notices {
        app.update(Message::Event(Event::Notice(notice)));
    }
    let mut frames = Frames::default();
    let (mut code, mut detached) = (None, false);
    while code.is_none() {
        let mut messages = Vec::new();
        match terminal.wait(pause(&app, &frames)) {
            None | Some(Wake::Input(Input::Status)) => {}
            Some(Wake::Input(Input::Key(k))) => messages.push(Message::Key(k)),
            Some(Wake::Input(Input::Mouse(m))) => messages.push(Message::Mouse(m)),
            Some(Wake::Input(Input::Paste(t))) => messages.push(Message::Paste(t)),
            Some(Wake::Resized) => messages.push(Message::Resize(terminal.size())),
            Some(Wake::Continued) if detached => {}
            Some(Wake::Continued) => match terminal.resume() {
                Ok(()) => messages.extend([Message::Resize(terminal.size()), Message::Repaint]),
                Err(_) => messages.push(Message::Terminate(129)),
            },
            Some(Wake::Terminate(c)) => messages.push(Message::Terminate(c)),
            Some(Wake::HungUp) if session.detach && app.training() => {
                // Nobody watches any more: neither a pace nor previews are wanted.
                detached = true;
                (session.send)(Command::Pace(None));
                (session.send)(Command::Watch(Vec::new()));
            }
            Some(Wake::HungUp) if detached => {}
            // As if the hang-up had been told by a signal.
            Some(Wake::HungUp) => messages.push(Message::Terminate(129)),
        }
        assert!(!ordered("panic-ui") || app.view.lanes.iter().all(|l| l.step == 0), "on order");
        if !messages.is_empty() {
            frames.touch();
        }
        let now = start.elapsed();
        let events = (session.drain)();
        if !events.is_empty() {
            frames.news(now);
        }
        messages.extend(events.into_iter().map(Message::Event));
        messages.push(Message::Tick(now));
        let notice = app.notice().is_some();
        for message in messages {
            for effect in app.update(message) {
                match effect {
                    Effect::Command(command) => (session.send)(command),
                    Effect::Suspend => {
                        if terminal.suspend().is_err() {
                            code = Some(129);
                        }
                        app.size = terminal.size();
                        frames.touch();
                    }
                    Effect::Repaint => {
                        terminal.writer().repaint();
                        frames.touch();
                    }
                    Effect::Quit(c) => code = Some(c),
                    // The app itself has done these.
                    Effect::Front(_)
                    | Effect::Notice(_)
                    | Effect::EditLane(_)
                    | Effect::EditLayer(_)
                    | Effect::ChooseLayer(_)
                    | Effect::ChooseInit => {}
                }
            }
        }
        if notice != app.notice().is_some() {
            frames.touch();
        }
        let now = start.elapsed();
        if detached {
            if app.done() {
                code = Some(0);
            }
        } else if code.is_none() && frames.due(now, terminal.writer().busy()) {
            app.update(Message::Link(slow(terminal.writer().round_trip())));
            terminal.show(frames.draw(&app, now));
        }
    }
    (session.send)(Command::Quit);
    terminal.close(Duration::from_secs(1));
    Ok(code.unwrap_or(0))
}

/// Only a line that one feels is worth a word, in steps that do not flicker.
fn slow(round_trip: Option<Duration>) -> Option<Duration> {
    let ms = round_trip?.as_millis() as u64;
    (ms >= 20).then(|| Duration::from_millis(ms.div_ceil(20) * 20))
}

/// How long nothing needs to be done.
fn pause(app: &App, frames: &Frames) -> Duration {
    if frames.touched() {
        KEYS
    } else if app.training() || frames.behind() {
        EVENTS
    } else {
        IDLE
    }
}
