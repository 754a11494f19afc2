//! A recording on a terminal: its text goes out at its times, made harmless on the way. Knows no lab.

use super::cast::{Recording, What};
use crate::ui::terminal::choice::Drawing;
use crate::ui::terminal::keys::Input;
use crate::ui::terminal::{Terminal, Unfit, Wake, put};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::time::{Duration, Instant};

/// What a control sequence may end with and still do nothing but draw: moves, erasures, colours, tabs, regions.
const HARMLESS: &[u8] = b"@ABCDEFGHIJKLMPSTXZ`abdefgmrsu";
/// Modes that a picture may need: insert, wrap, origin, cursor, other screens, whole updates.
const MODES: [&str; 10] = ["4", "?6", "?7", "?12", "?25", "?47", "?1047", "?1048", "?1049", "?2026"];
/// Bytes that a sequence may have.
const LONGEST: usize = 256;

/// Lets through what draws, and nothing that asks, names, copies or changes how keys are sent. Sequences may be cut between
/// two pieces.
#[derive(Debug, Default)]
pub struct Filter {
    state: State,
    pending: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// After an escape.
    Escape,
    /// In a control sequence.
    Control,
    /// In a string that nobody shall hear; whether an escape came, which may end it.
    String(bool),
    /// One more character belongs to it: the choice of a character set.
    Set,
}

impl Filter {
    /// What of this piece may go out.
    pub fn pass(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            self.take(c, &mut out);
        }
        out
    }

    fn take(&mut self, c: char, out: &mut String) {
        match (self.state, c) {
            (State::String(true), '\\') | (State::String(_), '\u{7}' | '\u{9c}') => self.state = State::Text,
            (State::String(_), c) => self.state = State::String(c == '\u{1b}'),
            (_, '\u{1b}') => self.state = State::Escape,
            (State::Text, '\n' | '\r' | '\t' | '\u{8}' | '\u{e}' | '\u{f}') => out.push(c),
            (State::Text, c) if !crate::text::harmful(c) => out.push(c),
            (State::Text, _) => {}
            (State::Escape, '[') => {
                self.state = State::Control;
                self.pending.clear();
            }
            (State::Escape, ']' | 'P' | '_' | '^' | 'X') => self.state = State::String(false),
            (State::Escape, '(' | ')') => {
                self.state = State::Set;
                self.pending = format!("\u{1b}{c}");
            }
            (State::Escape, c) => {
                if matches!(c, '7' | '8' | 'D' | 'E' | 'M' | 'H') {
                    out.extend(['\u{1b}', c]);
                }
                self.state = State::Text;
            }
            (State::Set, c) => {
                if matches!(c, '0' | 'A' | 'B') {
                    out.push_str(&self.pending);
                    out.push(c);
                }
                self.state = State::Text;
            }
            (State::Control, ' '..='?') if self.pending.len() < LONGEST => self.pending.push(c),
            (State::Control, c) => {
                self.state = State::Text;
                let mode = matches!(c, 'h' | 'l') && self.pending.split(';').all(|m| MODES.contains(&m));
                let plain = u8::try_from(c).is_ok_and(|b| HARMLESS.contains(&b));
                let plain = plain && self.pending.bytes().all(|b| b.is_ascii_digit() || b";:".contains(&b));
                if mode || plain {
                    out.push_str("\u{1b}[");
                    out.push_str(&self.pending);
                    out.push(c);
                }
            }
        }
    }
}

/// What a key means to the player.
enum Wish {
    Leave,
    Pause,
    /// By so many seconds.
    Jump(i64),
    /// To the next chapter, or back to the last.
    Chapter(bool),
}

fn wish(key: KeyEvent) -> Option<Wish> {
    Some(match key.code {
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Wish::Leave,
        KeyCode::Char('q') | KeyCode::Esc => Wish::Leave,
        KeyCode::Char(' ') => Wish::Pause,
        KeyCode::Right | KeyCode::Char('l') => Wish::Jump(5),
        KeyCode::Left | KeyCode::Char('h') => Wish::Jump(-5),
        KeyCode::Char('n' | ']') | KeyCode::Tab => Wish::Chapter(true),
        KeyCode::Char('p' | '[') | KeyCode::BackTab => Wish::Chapter(false),
        _ => return None,
    })
}

/// Plays a recording until somebody leaves; the exit code. `speed`: so many times as fast; `idle`: no pause is longer.
///
/// # Errors
/// There is no terminal.
pub fn play(recording: &Recording, speed: f64, idle: Option<Duration>) -> Result<u8, Unfit> {
    let events = timed(recording, speed, idle);
    let end = events.last().map_or(Duration::ZERO, |(at, _)| *at);
    let terminal = Terminal::open(Drawing::Braille, false)?;
    let mut head = Head { events: &events, next: 0, filter: Filter::default() };
    let (mut now, mut paused) = (Duration::ZERO, false);
    loop {
        let begun = Instant::now();
        head.forward(now);
        let rest =
            head.events.get(head.next).map_or(Duration::from_secs(3600), |(at, _)| at.saturating_sub(now));
        let wake = terminal.wait(if paused { Duration::from_secs(3600) } else { rest });
        if !paused {
            now = (now + begun.elapsed()).min(end);
        }
        let wish = match wake {
            Some(Wake::Input(Input::Key(k))) => wish(k),
            Some(Wake::Terminate(code)) => return Ok(code),
            Some(Wake::HungUp) => return Ok(129),
            Some(Wake::Continued) => {
                terminal.resume().map_err(Unfit::System)?;
                head.rewind();
                continue;
            }
            _ => None,
        };
        let to = match wish {
            None => continue,
            Some(Wish::Leave) => return Ok(0),
            Some(Wish::Pause) => {
                paused = !paused;
                continue;
            }
            Some(Wish::Jump(seconds)) => {
                let by = Duration::from_secs(seconds.unsigned_abs());
                if seconds < 0 { now.saturating_sub(by) } else { (now + by).min(end) }
            }
            Some(Wish::Chapter(next)) => {
                let mut chapters =
                    events.iter().filter(|(_, w)| matches!(w, What::Marker(_))).map(|(at, _)| *at);
                let found = if next {
                    chapters.find(|at| *at > now)
                } else {
                    chapters.rfind(|at| *at + Duration::from_secs(1) < now)
                };
                found.unwrap_or(if next { end } else { Duration::ZERO })
            }
        };
        if to < now {
            head.rewind();
        }
        now = to;
    }
}

/// The events at the times at which they are played.
fn timed(recording: &Recording, speed: f64, idle: Option<Duration>) -> Vec<(Duration, What)> {
    let (mut last, mut now) = (Duration::ZERO, Duration::ZERO);
    let mut out = Vec::with_capacity(recording.events.len());
    for (at, what) in &recording.events {
        let gap = at.saturating_sub(last).div_f64(speed.max(1e-3));
        now += idle.map_or(gap, |most| gap.min(most));
        last = *at;
        out.push((now, what.clone()));
    }
    out
}

/// Where the player is in a recording.
struct Head<'a> {
    events: &'a [(Duration, What)],
    next: usize,
    filter: Filter,
}

impl Head<'_> {
    /// Writes everything up to this time.
    fn forward(&mut self, now: Duration) {
        let mut text = String::new();
        while let Some((_, what)) = self.events.get(self.next).filter(|(at, _)| *at <= now) {
            if let What::Output(piece) = what {
                text.push_str(&self.filter.pass(piece));
            }
            self.next += 1;
        }
        put(&text);
    }

    /// Back to the beginning, with an empty screen.
    fn rewind(&mut self) {
        (self.next, self.filter) = (0, Filter::default());
        put("\u{1b}[m\u{1b}[2J\u{1b}[H");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_draws_goes_through_and_what_acts_does_not() {
        let pass = |text: &str| Filter::default().pass(text);
        for good in [
            "loss ‖g‖ 0.5\r\n",
            "\u{1b}[2;11H\u{1b}[38;2;1;2;3mx\u{1b}[m",
            "\u{1b}[?1049h\u{1b}[?25l",
            "\u{1b}(B\u{1b}7",
        ] {
            assert_eq!(pass(good), good);
        }
        for bad in [
            "\u{1b}]0;title\u{7}",
            "\u{1b}]52;c;eA==\u{1b}\\",
            "\u{1b}P$q\u{1b}\\",
            "\u{1b}[6n\u{1b}[c\u{1b}[>c",
            "\u{1b}[?1000h\u{1b}[?2004h",
            "\u{1b}[8;50;50t",
            "\u{1b}c\u{1b}=",
            "\u{9b}31m\u{202e}\u{7}",
        ] {
            let out = pass(bad);
            assert!(!out.contains('\u{1b}') && !out.contains(crate::text::harmful), "{bad:?} gives {out:?}");
        }
        assert_eq!(pass("\u{1b}]0;a\u{7}b"), "b");
    }

    #[test]
    fn sequences_may_be_cut_anywhere() {
        let text = "a\u{1b}[31mb\u{1b}]0;t\u{1b}\\c\u{1b}[6nd\u{1b}[?25le";
        let whole = Filter::default().pass(text);
        assert_eq!(whole, "a\u{1b}[31mbcd\u{1b}[?25le");
        for (cut, _) in text.char_indices() {
            let mut filter = Filter::default();
            let (a, b) = text.split_at(cut);
            assert_eq!(filter.pass(a) + &filter.pass(b), whole);
        }
    }

    #[test]
    fn pauses_are_shortened_and_speed_is_kept() {
        let s = Duration::from_secs;
        let event = |at| (s(at), What::Output(String::new()));
        let recording =
            Recording { size: (80, 24).into(), title: String::new(), events: [0, 2, 30].map(event).into() };
        let times: Vec<_> = timed(&recording, 2.0, Some(s(3))).iter().map(|(t, _)| *t).collect();
        assert_eq!(times, [s(0), s(1), s(4)]);
    }
}
