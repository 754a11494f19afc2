//! Plays a recording: its text goes to an emulated terminal, whose content is drawn. So a recording can neither change
//! nor query nor end the real terminal, which is restored afterwards. Knows no lab.

use super::recording::{Recording, RecordingEvent};
use crate::ui::config::DrawingCharacters;
use crate::ui::terminal::keys::TerminalInput;
use crate::ui::terminal::{ScreenInput, Terminal, TerminalError};
use crate::ui::widget::text::put_pieces;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::{Color, Modifier, Style};
use std::time::{Duration, Instant};

/// How long the line of keys covers a recording that fills the screen, after the start and after every key.
const SHOWN: Duration = Duration::from_secs(3);
/// How long the last frame stays if no key is pressed.
const LAST: Duration = Duration::from_secs(2);
/// Least time between two frames.
const FRAME: Duration = Duration::from_millis(15);
/// The wait if nothing will change without a key.
const IDLE: Duration = Duration::from_secs(3600);
/// The speeds through which the keys step.
const SPEEDS: [f64; 9] = [0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 4.0, 8.0, 16.0];
/// The jump of the arrow keys.
const JUMP: Duration = Duration::from_secs(5);

/// The action of a key in the player.
enum PlayerAction {
    Leave,
    Pause,
    Back,
    Forward,
    /// Go to the next chapter, or to the previous one.
    Chapter(bool),
    /// Play faster, or slower.
    Speed(bool),
    /// Only show the keys, or stay at the end.
    Keys,
}

fn action_of(key: KeyEvent) -> PlayerAction {
    match key.code {
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => PlayerAction::Leave,
        KeyCode::Char('q') | KeyCode::Esc => PlayerAction::Leave,
        KeyCode::Char(' ') => PlayerAction::Pause,
        KeyCode::Right | KeyCode::Char('l') => PlayerAction::Forward,
        KeyCode::Left | KeyCode::Char('h') => PlayerAction::Back,
        KeyCode::Char('n' | ']') | KeyCode::Tab => PlayerAction::Chapter(true),
        KeyCode::Char('p' | '[') | KeyCode::BackTab => PlayerAction::Chapter(false),
        KeyCode::Char('}' | '+' | '>') | KeyCode::Up => PlayerAction::Speed(true),
        KeyCode::Char('{' | '-' | '<') | KeyCode::Down => PlayerAction::Speed(false),
        _ => PlayerAction::Keys,
    }
}

/// Plays a recording until its end or until the user quits; returns the exit code. `speed`: a multiple of the original
/// speed; `idle`: the longest pause, in place of the recording's own limit.
///
/// # Errors
/// If there is no terminal.
pub fn play(recording: &Recording, speed: f64, idle: Option<Duration>) -> Result<u8, TerminalError> {
    let mut player = Playback::new(recording, speed, idle);
    let terminal = Terminal::open(DrawingCharacters::Braille, false)?;
    let mut before = Instant::now();
    loop {
        if let Some(picture) = player.draw(terminal.size()) {
            terminal.show(&picture);
        }
        let wake = terminal.wait(player.rest());
        let now = Instant::now();
        player.pass(now - before);
        before = now;
        match wake {
            Some(ScreenInput::Input(TerminalInput::Key(key))) if player.press(key) => return Ok(0),
            Some(ScreenInput::Terminate(code)) => return Ok(code),
            Some(ScreenInput::HungUp) => return Ok(129),
            Some(ScreenInput::Stop) => {
                terminal.suspend().map_err(TerminalError::System)?;
                player.changed = true;
            }
            Some(ScreenInput::Continued) => {
                terminal.resume().map_err(TerminalError::System)?;
                player.changed = true;
            }
            Some(ScreenInput::Resized) => player.changed = true,
            _ => {}
        }
        if player.over() {
            return Ok(0);
        }
    }
}

/// A recording being played. Knows no clock: the elapsed time is an argument.
struct Playback<'a> {
    events: Vec<(Duration, &'a RecordingEvent)>,
    size: Size,
    screen: avt::Terminal,
    /// The first event that has not happened yet.
    next: usize,
    now: Duration,
    speed: f64,
    paused: bool,
    /// Time since the start or the last key, and time since the end was reached.
    untouched: Duration,
    ended: Duration,
    /// Whether the user wants to stay at the end.
    stays: bool,
    changed: bool,
}

/// An empty screen.
fn screen(size: Size) -> avt::Terminal {
    let side = |n: u16| usize::from(n.max(1));
    avt::Terminal::new(side(size.width), side(size.height)).expect("no side is 0")
}

impl<'a> Playback<'a> {
    fn new(recording: &'a Recording, speed: f64, idle: Option<Duration>) -> Self {
        let mut player = Self {
            events: timed(recording, idle.or(recording.idle_time_limit)),
            size: recording.size,
            screen: screen(recording.size),
            next: 0,
            now: Duration::ZERO,
            speed,
            paused: false,
            untouched: Duration::ZERO,
            ended: Duration::ZERO,
            stays: false,
            changed: true,
        };
        player.go(Duration::ZERO);
        player
    }

    fn end(&self) -> Duration {
        self.events.last().map_or(Duration::ZERO, |(at, _)| *at)
    }

    fn at_end(&self) -> bool {
        self.next >= self.events.len()
    }

    /// Goes to a time of the recording.
    fn go(&mut self, to: Duration) {
        if to < self.now {
            (self.next, self.screen) = (0, screen(self.size));
            self.ended = Duration::ZERO;
        }
        self.now = to.min(self.end());
        while let Some((_, what)) = self.events.get(self.next).filter(|(at, _)| *at <= self.now) {
            match what {
                RecordingEvent::Output(text) => self.screen.feed(text.as_str()),
                RecordingEvent::Resize(size) => {
                    self.screen.resize(usize::from(size.width), usize::from(size.height));
                }
                RecordingEvent::Marker(_) => {}
            }
            (self.next, self.changed) = (self.next + 1, true);
        }
    }

    /// Lets this much time pass.
    fn pass(&mut self, time: Duration) {
        let (line, second) = (self.line(), self.now.as_secs());
        self.untouched += time;
        if self.at_end() {
            self.ended += time;
        } else if !self.paused {
            self.go(self.now + time.mul_f64(self.speed));
        }
        // The displayed time changes every second.
        self.changed |= line != self.line() || line && second != self.now.as_secs();
    }

    /// Whether the last frame was shown long enough, unless the user wants to stay.
    fn over(&self) -> bool {
        self.at_end() && !self.stays && self.ended >= LAST
    }

    /// The time until something may change without a key.
    fn rest(&self) -> Duration {
        let line = if self.line() { SHOWN.saturating_sub(self.untouched).max(FRAME) } else { IDLE };
        let own = match self.events.get(self.next) {
            Some((at, _)) if !self.paused => at.saturating_sub(self.now).div_f64(self.speed),
            None if !self.stays => LAST.saturating_sub(self.ended),
            _ => return line,
        };
        let clock = if self.line() { Duration::from_secs_f64(0.25) } else { IDLE };
        own.clamp(FRAME, IDLE).min(line).min(clock)
    }

    /// Whether the line of keys may cover the recording.
    fn line(&self) -> bool {
        self.paused || self.untouched < SHOWN || self.at_end() && !self.stays
    }

    /// Carries out a key; returns whether it quits.
    fn press(&mut self, key: KeyEvent) -> bool {
        let was_over = self.at_end();
        match action_of(key) {
            PlayerAction::Leave => return true,
            PlayerAction::Pause if was_over => {
                self.go(Duration::ZERO);
                self.paused = false;
            }
            PlayerAction::Pause => self.paused = !self.paused,
            PlayerAction::Back => self.go(self.now.saturating_sub(JUMP)),
            PlayerAction::Forward => self.go(self.now + JUMP),
            PlayerAction::Chapter(next) => {
                let mut chapters = self
                    .events
                    .iter()
                    .filter(|(_, w)| matches!(w, RecordingEvent::Marker(_)))
                    .map(|(at, _)| *at);
                let found = if next {
                    chapters.find(|at| *at > self.now)
                } else {
                    chapters.rfind(|at| *at + Duration::from_secs(1) < self.now)
                };
                self.go(found.unwrap_or(if next { self.end() } else { Duration::ZERO }));
            }
            PlayerAction::Speed(faster) => {
                let mut speeds = SPEEDS.into_iter();
                let found =
                    if faster { speeds.find(|s| *s > self.speed) } else { speeds.rfind(|s| *s < self.speed) };
                self.speed = found.unwrap_or(self.speed);
            }
            PlayerAction::Keys => {}
        }
        // A key at the end, or a jump to it, means that the user is looking.
        self.stays = self.at_end();
        (self.untouched, self.changed) = (Duration::ZERO, true);
        false
    }

    /// The frame for a terminal of this size, if it differs from the previous one.
    fn draw(&mut self, size: Size) -> Option<Buffer> {
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        let mut out = Buffer::empty(Rect::from((ratatui::layout::Position::ORIGIN, size)));
        for (y, line) in (0..size.height).zip(self.screen.screen().visible_lines()) {
            for (x, cell) in (0..size.width).zip(line.cells()) {
                let to = &mut out[(x, y)];
                // The second half of a wide character has no width; it is drawn with the first half.
                if cell.width() > 0 {
                    to.set_char(cell.char());
                }
                to.set_style(style(cell.pen()));
            }
        }
        if let Some((x, y)) = self.screen.cursor().position()
            && let (Ok(x), Ok(y)) = (u16::try_from(x), u16::try_from(y))
            && x < size.width
            && y < size.height
        {
            let reversed = out[(x, y)].modifier.contains(Modifier::REVERSED);
            let cell = &mut out[(x, y)];
            cell.modifier.set(Modifier::REVERSED, !reversed);
        }
        let rows = self.screen.size().1;
        if size.height > 0 && (usize::from(size.height) > rows || self.line()) {
            let row = Rect { y: size.height.saturating_sub(1), height: 1, ..out.area };
            for x in 0..size.width {
                out[(x, row.y)].reset();
                out[(x, row.y)].set_style(REVERSED);
            }
            put_pieces(&mut out, row, 0, &self.words());
        }
        Some(out)
    }

    /// The position of the player, and its keys.
    fn words(&self) -> Vec<(String, Style)> {
        let clock = |at: Duration| format!("{}:{:02}", at.as_secs() / 60, at.as_secs() % 60);
        let state = match (self.at_end(), self.paused) {
            (true, _) if self.stays => "the end: q leaves",
            (true, _) => "the end: q leaves, any key stays",
            (_, true) => "paused, q leaves",
            _ => "q leaves",
        };
        let space = match (self.at_end(), self.paused) {
            (true, _) => "again",
            (_, true) => "go on",
            _ => "pause",
        };
        [
            format!(" {state}  {} of {}", clock(self.now), clock(self.end())),
            format!("  x{}", self.speed),
            format!("  space {space}"),
            "  arrows 5 s, speed".into(),
            "  n p chapter".into(),
        ]
        .map(|words| (words, REVERSED))
        .into()
    }
}

const REVERSED: Style = Style::new().add_modifier(Modifier::REVERSED);

/// The style with which the emulator shows a cell.
fn style(pen: &avt::Pen) -> Style {
    let color = |c: avt::Color| match c {
        avt::Color::Indexed(n) => Color::Indexed(n),
        avt::Color::RGB(c) => Color::Rgb(c.r, c.g, c.b),
    };
    let modifiers = [
        (pen.is_bold(), Modifier::BOLD),
        (pen.is_faint(), Modifier::DIM),
        (pen.is_italic(), Modifier::ITALIC),
        (pen.is_underline(), Modifier::UNDERLINED),
        (pen.is_strikethrough(), Modifier::CROSSED_OUT),
        (pen.is_blink(), Modifier::SLOW_BLINK),
        (pen.is_inverse(), Modifier::REVERSED),
    ];
    let modifiers = modifiers.into_iter().filter(|(on, _)| *on).map(|(_, m)| m).collect();
    Style {
        fg: Some(pen.foreground().map_or(Color::Reset, color)),
        bg: Some(pen.background().map_or(Color::Reset, color)),
        add_modifier: modifiers,
        ..Style::default()
    }
}

/// The events with the times at which they are played: no pause is longer than `idle`.
fn timed(recording: &Recording, idle: Option<Duration>) -> Vec<(Duration, &RecordingEvent)> {
    let (mut last, mut now) = (Duration::ZERO, Duration::ZERO);
    let mut out = Vec::with_capacity(recording.events.len());
    for (at, what) in &recording.events {
        let gap = at.saturating_sub(last);
        now += idle.map_or(gap, |most| gap.min(most));
        last = *at;
        out.push((now, what));
    }
    out
}

#[cfg(test)]
mod tests;
