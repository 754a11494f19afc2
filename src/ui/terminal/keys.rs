//! Parses the terminal's bytes into keys, mouse events and pastes: a small state machine that survives any input. Reads
//! nothing itself.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

/// An input from the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TerminalInput {
    /// A key.
    Key(KeyEvent),
    /// The mouse; positions count from 0 and may be outside of the screen.
    Mouse(MouseEvent),
    /// Pasted text, cut at [`Parser::PASTE`] bytes.
    Paste(String),
    /// The answer to the status request `CSI 5n`.
    Status,
}

/// The parser, with the bytes that are not yet a key.
#[derive(Debug, Default)]
pub struct Parser {
    pending: Vec<u8>,
    paste: Option<Vec<u8>>,
}

const ESC: u8 = 0x1b;
const PASTE_END: &[u8] = b"\x1b[201~";

/// The result of reading the first pending bytes.
enum Token {
    /// Incomplete.
    More,
    /// This many bytes, with this meaning or without one.
    Done(usize, Option<TerminalInput>),
    /// This many bytes, after which a paste begins.
    Paste(usize),
}

impl Parser {
    /// Most bytes of a paste that are kept.
    pub const PASTE: usize = 64 * 1024;
    /// Most bytes of a control sequence or string.
    const SEQUENCE: usize = 256;

    /// Parses bytes; appends the inputs to `out`.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<TerminalInput>) {
        for &b in bytes {
            let Some(text) = &mut self.paste else {
                self.pending.push(b);
                self.drain(false, out);
                continue;
            };
            text.push(b);
            if text.ends_with(PASTE_END) {
                let end = text.len() - PASTE_END.len();
                text.truncate(end);
                self.end_paste(out);
            } else if text.len() > Self::PASTE + PASTE_END.len() {
                // The middle is dropped, because the last bytes may be the end mark.
                text.remove(Self::PASTE);
            }
        }
    }

    /// Called after a pause: pending bytes are then complete. A single escape is the key Esc.
    pub fn pause(&mut self, out: &mut Vec<TerminalInput>) {
        self.end_paste(out);
        self.drain(true, out);
        self.pending.clear();
    }

    /// Whether pending bytes are incomplete.
    pub fn waits(&self) -> bool {
        !self.pending.is_empty() || self.paste.is_some()
    }

    /// Whether a paste is in progress.
    pub fn pastes(&self) -> bool {
        self.paste.is_some()
    }

    fn end_paste(&mut self, out: &mut Vec<TerminalInput>) {
        if let Some(mut text) = self.paste.take() {
            text.truncate(Self::PASTE);
            out.push(TerminalInput::Paste(String::from_utf8_lossy(&text).into_owned()));
        }
    }

    fn drain(&mut self, last: bool, out: &mut Vec<TerminalInput>) {
        while !self.pending.is_empty() {
            match token(&self.pending, last) {
                Token::More if self.pending.len() > Self::SEQUENCE => self.pending.clear(),
                Token::More => return,
                Token::Done(n, input) => {
                    self.pending.drain(..n);
                    out.extend(input);
                }
                Token::Paste(n) => {
                    self.pending.drain(..n);
                    self.paste = Some(std::mem::take(&mut self.pending));
                    return;
                }
            }
        }
    }
}

fn token(bytes: &[u8], last: bool) -> Token {
    let key = |code| Some(TerminalInput::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    match bytes {
        [ESC] if last => Token::Done(1, key(KeyCode::Esc)),
        [ESC] => Token::More,
        // Two escapes: the first one was a key.
        [ESC, ESC, ..] => Token::Done(1, key(KeyCode::Esc)),
        [ESC, b'[', rest @ ..] => control(rest, last),
        [ESC, b'O', rest @ ..] => match rest {
            [] if last => Token::Done(2, Some(alt(KeyCode::Char('O')))),
            [] => Token::More,
            [c, ..] => Token::Done(3, named(*c).and_then(key)),
        },
        // Control strings: answers of the terminal to requests that were not sent.
        [ESC, b']' | b'P' | b'_' | b'^' | b'X', rest @ ..] => {
            let end = rest.iter().position(|&b| b == 0x07 || b == 0x9c || b == ESC);
            match end {
                Some(i) if rest[i] != ESC => Token::Done(i + 3, None),
                Some(i) if rest.len() > i + 1 => {
                    Token::Done(i + 2 + if rest[i + 1] == b'\\' { 2 } else { 0 }, None)
                }
                _ if last && rest.is_empty() => Token::Done(2, Some(alt(KeyCode::Char(bytes[1] as char)))),
                _ => Token::More,
            }
        }
        [ESC, rest @ ..] => match plain(rest, last) {
            Token::Done(n, Some(TerminalInput::Key(k))) => {
                let k = KeyEvent::new(k.code, k.modifiers | KeyModifiers::ALT);
                Token::Done(n + 1, Some(TerminalInput::Key(k)))
            }
            Token::Done(n, other) => Token::Done(n + 1, other),
            other => other,
        },
        _ => plain(bytes, last),
    }
}

fn alt(code: KeyCode) -> TerminalInput {
    TerminalInput::Key(KeyEvent::new(code, KeyModifiers::ALT))
}

/// A character or a control byte.
fn plain(bytes: &[u8], last: bool) -> Token {
    let first = bytes[0];
    let event = |code, modifiers| Token::Done(1, Some(TerminalInput::Key(KeyEvent::new(code, modifiers))));
    let none = KeyModifiers::NONE;
    match first {
        b'\r' | b'\n' => event(KeyCode::Enter, none),
        b'\t' => event(KeyCode::Tab, none),
        0x7f | 0x08 => event(KeyCode::Backspace, none),
        0 => event(KeyCode::Char(' '), KeyModifiers::CONTROL),
        1..=26 => event(KeyCode::Char((b'a' + first - 1) as char), KeyModifiers::CONTROL),
        0x1c..=0x1f => event(KeyCode::Char((b'4' + first - 0x1c) as char), KeyModifiers::CONTROL),
        _ => {
            let length = match first {
                0..0x80 => 1,
                0xc2..=0xdf => 2,
                0xe0..=0xef => 3,
                0xf0..=0xf4 => 4,
                _ => return Token::Done(1, None),
            };
            let have = bytes.len().min(length);
            match std::str::from_utf8(&bytes[..have]) {
                Ok(s) => match s.chars().next() {
                    Some(c) => {
                        Token::Done(length, Some(TerminalInput::Key(KeyEvent::new(KeyCode::Char(c), none))))
                    }
                    None => Token::Done(1, None),
                },
                Err(e) if e.error_len().is_none() && !last => Token::More,
                Err(_) => Token::Done(1, None),
            }
        }
    }
}

/// The cursor keys and similar keys, by their final letter.
fn named(letter: u8) -> Option<KeyCode> {
    Some(match letter {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'H' => KeyCode::Home,
        b'F' => KeyCode::End,
        b'M' => KeyCode::Enter,
        b'P'..=b'S' => KeyCode::F(letter - b'P' + 1),
        _ => return None,
    })
}

/// Parses the sequence after `ESC [`.
fn control(rest: &[u8], last: bool) -> Token {
    match rest {
        [] if last => return Token::Done(2, Some(alt(KeyCode::Char('[')))),
        // The Linux console's function keys.
        [b'[', c, ..] => {
            let code = (b'A'..=b'E').contains(c).then(|| KeyCode::F(c - b'A' + 1));
            return Token::Done(4, code.map(|k| TerminalInput::Key(KeyEvent::new(k, KeyModifiers::NONE))));
        }
        [b'['] => return Token::More,
        _ => {}
    }
    let Some(end) = rest.iter().position(|b| !(0x20..0x40).contains(b)) else { return Token::More };
    let (length, last_byte) = (end + 3, rest[end]);
    if !(0x40..0x7f).contains(&last_byte) {
        // Ended by a byte that cannot be part of a sequence.
        return Token::Done(end + 2, None);
    }
    let body = &rest[..end];
    let (private, body) = match body {
        [p @ b'<'..=b'?', more @ ..] => (*p, more),
        _ => (0, body),
    };
    let mut numbers = [0u16; 4];
    for (slot, text) in numbers.iter_mut().zip(body.split(|&b| b == b';')) {
        *slot = text
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .fold(0, |n: u16, b| n.saturating_mul(10).saturating_add(u16::from(b - b'0')));
    }
    let [first, second, third, _] = numbers;
    let input = match (private, last_byte) {
        (b'<', b'M' | b'm') => mouse(first, second, third, last_byte == b'M').map(TerminalInput::Mouse),
        (0, b'n') => (first == 0).then_some(TerminalInput::Status),
        (0, b'Z') => Some(TerminalInput::Key(KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT))),
        (0, b'~') if first == 200 => return Token::Paste(length),
        (0, b'~') => tilde(first).map(|k| TerminalInput::Key(KeyEvent::new(k, modifiers(second)))),
        (0, c) => named(c).map(|k| TerminalInput::Key(KeyEvent::new(k, modifiers(second)))),
        _ => None,
    };
    Token::Done(length, input)
}

fn tilde(number: u16) -> Option<KeyCode> {
    Some(match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => KeyCode::F(number as u8 - 10),
        17..=21 => KeyCode::F(number as u8 - 11),
        23 | 24 => KeyCode::F(number as u8 - 12),
        _ => return None,
    })
}

fn modifiers(number: u16) -> KeyModifiers {
    let bits = number.saturating_sub(1);
    let mut m = KeyModifiers::NONE;
    for (bit, flag) in [(1, KeyModifiers::SHIFT), (2, KeyModifiers::ALT), (4, KeyModifiers::CONTROL)] {
        m.set(flag, bits & bit != 0);
    }
    m
}

/// A report `CSI < code ; column ; row M`; columns and rows count from 1, but a broken one may say 0.
fn mouse(code: u16, column: u16, row: u16, pressed: bool) -> Option<MouseEvent> {
    let kind = match (code & 0b1110_0011, pressed) {
        (0, true) => MouseEventKind::Down(MouseButton::Left),
        (0, false) => MouseEventKind::Up(MouseButton::Left),
        (32, _) => MouseEventKind::Drag(MouseButton::Left),
        (2, true) => MouseEventKind::Down(MouseButton::Right),
        (64, _) => MouseEventKind::ScrollUp,
        (65, _) => MouseEventKind::ScrollDown,
        _ => return None,
    };
    let (column, row) = (column.saturating_sub(1), row.saturating_sub(1));
    Some(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::select;
    use proptest::test_runner::{Config, RngSeed, TestRunner};

    fn all(bytes: &[u8]) -> Vec<TerminalInput> {
        let (mut p, mut out) = (Parser::default(), Vec::new());
        p.feed(bytes, &mut out);
        p.pause(&mut out);
        out
    }

    fn key(code: KeyCode, modifiers: KeyModifiers) -> TerminalInput {
        TerminalInput::Key(KeyEvent::new(code, modifiers))
    }

    #[test]
    fn keys_are_recognised() {
        let none = KeyModifiers::NONE;
        for (bytes, code, modifiers) in [
            (&b"a"[..], KeyCode::Char('a'), none),
            (b"\x1b", KeyCode::Esc, none),
            (b"\r", KeyCode::Enter, none),
            (b"\x1b[A", KeyCode::Up, none),
            (b"\x1bOB", KeyCode::Down, none),
            (b"\x1b[1;5C", KeyCode::Right, KeyModifiers::CONTROL),
            (b"\x1b[1;2A", KeyCode::Up, KeyModifiers::SHIFT),
            (b"\x1b[Z", KeyCode::BackTab, KeyModifiers::SHIFT),
            (b"\x1b[3~", KeyCode::Delete, none),
            (b"\x1b[15~", KeyCode::F(5), none),
            (b"\x1b[24~", KeyCode::F(12), none),
            (b"\x1bOP", KeyCode::F(1), none),
            (b"\x1b[[A", KeyCode::F(1), none),
            (b"\x1bx", KeyCode::Char('x'), KeyModifiers::ALT),
            (b"\x1a", KeyCode::Char('z'), KeyModifiers::CONTROL),
            ("é".as_bytes(), KeyCode::Char('é'), none),
            ("日".as_bytes(), KeyCode::Char('日'), none),
        ] {
            assert_eq!(all(bytes), [key(code, modifiers)], "{bytes:?}");
        }
        assert_eq!(all(b"\x1b[0n"), [TerminalInput::Status]);
        assert_eq!(all(b"\x1b]11;rgb:00/00/00\x1b\\q"), [key(KeyCode::Char('q'), none)]);
        assert_eq!(all(b"\x1b\x1b[A"), [key(KeyCode::Esc, none), key(KeyCode::Up, none)]);
    }

    #[test]
    fn a_mouse_report_outside_of_the_screen_is_harmless() {
        for bytes in [&b"\x1b[<0;0;0M"[..], b"\x1b[<0;;M", b"\x1b[<0;1;1M"] {
            let [TerminalInput::Mouse(m)] = all(bytes)[..] else { panic!("{bytes:?}") };
            assert_eq!((m.column, m.row), (0, 0));
        }
        let [TerminalInput::Mouse(m)] = all(b"\x1b[<64;99999999;7M")[..] else { panic!() };
        assert_eq!((m.kind, m.column, m.row), (MouseEventKind::ScrollUp, 65534, 6));
    }

    #[test]
    fn a_paste_is_one_thing_and_bounded() {
        assert_eq!(all(b"\x1b[200~a\x1b[Ab\x1b[201~q")[0], TerminalInput::Paste("a\u{1b}[Ab".into()));
        let mut endless = b"\x1b[200~".to_vec();
        endless.extend(vec![b'x'; 300_000]);
        let out = all(&endless);
        assert!(
            matches!(&out[..], [TerminalInput::Paste(t)] if t.len() == Parser::PASTE),
            "cut, and ended by the pause"
        );
        endless.extend(b"\x1b[201~q");
        assert_eq!(all(&endless)[1], key(KeyCode::Char('q'), KeyModifiers::NONE));
    }

    #[test]
    fn any_bytes_in_any_pieces_are_survived_and_keys_still_work() {
        let pieces: [&[u8]; 12] = [
            b"\x1b",
            b"[",
            b"<0;0;0M",
            b"\x1b[200",
            b"~",
            b"\x1b]",
            b"\x9c",
            b"1;5",
            b"\xf0\x9f",
            b"O",
            b";;;;",
            b"n",
        ];
        // A part of a sequence, or any byte; sometimes with a pause after it.
        let piece = prop_oneof![
            1 => select(pieces.to_vec()).prop_map(<[u8]>::to_vec),
            2 => any::<u8>().prop_map(|byte| vec![byte]),
        ];
        let input = prop::collection::vec((piece, prop::bool::weighted(1.0 / 97.0)), 1..1000);
        let seed = RngSeed::Fixed(5);
        let config = Config { cases: 400, failure_persistence: None, rng_seed: seed, ..Config::default() };
        let survived = TestRunner::new(config).run(&input, |input| {
            let (mut p, mut out) = (Parser::default(), Vec::new());
            for (bytes, pause) in input {
                p.feed(&bytes, &mut out);
                prop_assert!(p.pending.len() <= Parser::SEQUENCE + 1);
                if pause {
                    p.pause(&mut out);
                }
            }
            p.pause(&mut out);
            out.clear();
            p.feed(b"q", &mut out);
            prop_assert_eq!(out, [key(KeyCode::Char('q'), KeyModifiers::NONE)]);
            Ok(())
        });
        survived.unwrap_or_else(|error| panic!("{error}"));
    }
}
