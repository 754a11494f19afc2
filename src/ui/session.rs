//! The lab on a terminal: waits for keys and news, tells the app, shows pictures, does what the app asks for. Trains nothing:
//! orders go out and events come in through two functions.

use super::app::{App, Presets};
use super::message::{Effect, Message};
use super::pane::PaneId;
use super::screen;
use super::terminal::keys::Input;
use super::terminal::{ColorChoice, Terminal, Unfit, Wake, depth, glyphs};
use super::theme::Theme;
use crate::scenario::Scenario;
use crate::telemetry::{Command, Event};
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use std::collections::BTreeMap;
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
    /// What the user should know at first.
    pub notices: Vec<String>,
    /// Where orders go. Must not wait.
    pub send: &'a mut dyn FnMut(Command),
    /// The events since the last call. Must not wait.
    pub drain: &'a mut dyn FnMut() -> Vec<Event>,
}

/// Between two pictures while numbers change.
const COUNTERS: Duration = Duration::from_millis(100);
/// Between two looks at the events.
const EVENTS: Duration = Duration::from_millis(25);
/// The same while nothing trains.
const IDLE: Duration = Duration::from_millis(200);
/// Between a pressed key and its picture, at most, while keys keep coming.
const KEYS: Duration = Duration::from_millis(16);

/// When what was drawn last.
struct Drawn {
    buffer: Buffer,
    any: Option<Instant>,
    panes: BTreeMap<PaneId, Instant>,
    /// Something changed by hand: everything must be drawn now.
    hand: bool,
    /// Numbers changed.
    numbers: bool,
    /// When numbers changed last: a pane drawn before is out of date.
    news: Option<Instant>,
}

impl Drawn {
    /// The panes that were drawn before the last news.
    fn stale(&self) -> impl Iterator<Item = (PaneId, Instant)> {
        let news = self.news;
        self.panes
            .iter()
            .filter(move |(_, at)| news.is_some_and(|news| **at < news))
            .map(|(id, at)| (*id, *at))
    }
}

/// Opens the lab and runs it to its end; the exit code.
///
/// # Errors
/// There is no terminal to open it on.
pub fn run(session: Session<'_>) -> Result<u8, Unfit> {
    let var = |name: &str| std::env::var(name).ok();
    let glyphs = glyphs(var);
    let theme = Theme::dark(depth(session.color, var), glyphs);
    let terminal = Terminal::open(glyphs)?;
    let start = Instant::now();
    let mut app = App::new(session.scenario, session.presets, theme, terminal.size(), session.running);
    for notice in session.notices {
        app.update(Message::Event(Event::Notice(notice)));
    }
    let mut drawn = Drawn {
        buffer: Buffer::empty(Rect::ZERO),
        any: None,
        panes: BTreeMap::new(),
        hand: true,
        numbers: false,
        news: None,
    };
    let mut code = None;
    while code.is_none() {
        let mut messages = Vec::new();
        match terminal.wait(pause(&app, &drawn)) {
            None | Some(Wake::Input(Input::Status)) => {}
            Some(Wake::Input(Input::Key(k))) => messages.push(Message::Key(k)),
            Some(Wake::Input(Input::Mouse(m))) => messages.push(Message::Mouse(m)),
            Some(Wake::Input(Input::Paste(t))) => messages.push(Message::Paste(t)),
            Some(Wake::Resized) => messages.push(Message::Resize(terminal.size())),
            Some(Wake::Continued) => {
                terminal.resume()?;
                messages.extend([Message::Resize(terminal.size()), Message::Repaint]);
            }
            Some(Wake::Terminate(c)) => messages.push(Message::Terminate(c)),
            // As if the hang-up had been told by a signal.
            Some(Wake::HungUp) => messages.push(Message::Terminate(129)),
        }
        drawn.hand |= !messages.is_empty();
        let events = (session.drain)();
        drawn.numbers |= !events.is_empty();
        if !events.is_empty() {
            drawn.news = Some(Instant::now());
        }
        messages.extend(events.into_iter().map(Message::Event));
        messages.push(Message::Tick(start.elapsed()));
        let notice = app.notice().is_some();
        for message in messages {
            for effect in app.update(message) {
                match effect {
                    Effect::Command(command) => (session.send)(command),
                    Effect::Suspend => {
                        terminal.suspend()?;
                        app.size = terminal.size();
                        drawn.hand = true;
                    }
                    Effect::Repaint => {
                        terminal.writer().repaint();
                        drawn.hand = true;
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
        drawn.hand |= notice != app.notice().is_some();
        if code.is_none() && due(&drawn, Instant::now(), terminal.writer().busy()) {
            app.update(Message::Link(slow(terminal.writer().round_trip())));
            show(&app, &mut drawn, &terminal);
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
fn pause(app: &App, drawn: &Drawn) -> Duration {
    if drawn.hand {
        KEYS
    } else if app.training() || drawn.numbers || drawn.stale().next().is_some() {
        EVENTS
    } else {
        IDLE
    }
}

/// Whether it is time for a picture. `busy`: the last one has not even been sent.
fn due(drawn: &Drawn, now: Instant, busy: bool) -> bool {
    let since = |t: Option<Instant>| t.map_or(Duration::MAX, |t| now.duration_since(t));
    if drawn.hand {
        return since(drawn.any) >= KEYS;
    }
    let old = |(id, at): (PaneId, Instant)| now.duration_since(at) >= id.lasts();
    let wanted = since(drawn.any) >= COUNTERS && (drawn.numbers || drawn.stale().any(old));
    wanted && (!busy || since(drawn.any) >= Duration::from_secs(1))
}

fn show(app: &App, drawn: &mut Drawn, terminal: &Terminal) {
    let now = Instant::now();
    let Size { width, height } = app.size;
    let area = Rect::new(0, 0, width, height);
    if drawn.buffer.area != area {
        drawn.buffer = Buffer::empty(area);
        drawn.hand = true;
    }
    if drawn.hand {
        drawn.buffer.reset();
    }
    // A window lies over the panes: what it covered must be drawn again.
    let all = drawn.hand || app.overlay.is_some();
    let fresh = |id: PaneId| all || drawn.panes.get(&id).is_none_or(|&t| now.duration_since(t) >= id.lasts());
    let painted: Vec<_> = PaneId::ALL.iter().copied().filter(|&id| fresh(id)).collect();
    screen::draw(app, |id| painted.contains(&id), &mut drawn.buffer);
    terminal.show(&drawn.buffer);
    drawn.panes.extend(painted.into_iter().map(|id| (id, now)));
    drawn.any = Some(now);
    drawn.hand = false;
    drawn.numbers = false;
}
