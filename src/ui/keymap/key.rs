//! A key, and its name in scripts, preferences and the help. Knows no action.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key with its modifiers; for characters, shift is part of the character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyPress {
    /// The key code.
    pub code: KeyCode,
    /// Control or alt.
    pub modifiers: KeyModifiers,
}

impl KeyPress {
    pub(super) const fn of(code: KeyCode) -> Self {
        Self { code, modifiers: KeyModifiers::NONE }
    }
    pub(super) const fn ch(c: char) -> Self {
        Self::of(KeyCode::Char(c))
    }
    /// The key that types this character.
    pub const fn of_char(c: char) -> Self {
        Self::ch(c)
    }
    pub(super) const fn ctrl(c: char) -> Self {
        Self { code: KeyCode::Char(c), modifiers: KeyModifiers::CONTROL }
    }
    pub(super) const fn control(code: KeyCode) -> Self {
        Self { code, modifiers: KeyModifiers::CONTROL }
    }
    pub(super) const fn shift(code: KeyCode) -> Self {
        Self { code, modifiers: KeyModifiers::SHIFT }
    }
}

impl From<KeyEvent> for KeyPress {
    fn from(e: KeyEvent) -> Self {
        let mut modifiers = e.modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
        // Shift is already part of the character.
        if matches!(e.code, KeyCode::Char(_) | KeyCode::BackTab) {
            modifiers -= KeyModifiers::SHIFT;
        }
        Self { code: e.code, modifiers }
    }
}

impl std::fmt::Display for KeyPress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (flag, name) in
            [(KeyModifiers::CONTROL, "Ctrl-"), (KeyModifiers::ALT, "Alt-"), (KeyModifiers::SHIFT, "S-")]
        {
            if self.modifiers.contains(flag) {
                f.write_str(name)?;
            }
        }
        match self.code {
            KeyCode::Char(' ') => f.write_str("space"),
            KeyCode::Char(c) if self.modifiers.contains(KeyModifiers::CONTROL) => {
                write!(f, "{}", c.to_ascii_uppercase())
            }
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::BackTab => f.write_str("S-Tab"),
            KeyCode::PageUp => f.write_str("PgUp"),
            KeyCode::PageDown => f.write_str("PgDn"),
            KeyCode::Delete => f.write_str("Del"),
            KeyCode::F(n) => write!(f, "F{n}"),
            other => write!(f, "{other:?}"),
        }
    }
}

impl std::str::FromStr for KeyPress {
    type Err = String;

    /// Parses the text that [`Display`](std::fmt::Display) writes: `q`, `space`, `Ctrl-R`, `S-Tab`, `Enter`, `F1`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (mut rest, mut modifiers) = (text, KeyModifiers::NONE);
        let prefixes = [
            ("Ctrl-", KeyModifiers::CONTROL),
            ("Alt-", KeyModifiers::ALT),
            ("S-", KeyModifiers::SHIFT),
            ("Shift-", KeyModifiers::SHIFT),
        ];
        while let Some((stripped, flag)) =
            prefixes.iter().find_map(|(p, m)| Some((rest.strip_prefix(p).filter(|r| !r.is_empty())?, *m)))
        {
            (rest, modifiers) = (stripped, modifiers | flag);
        }
        let mut chars = rest.chars();
        let code = match (chars.next(), chars.next()) {
            (Some(c), None) if modifiers.contains(KeyModifiers::CONTROL) => {
                KeyCode::Char(c.to_ascii_lowercase())
            }
            (Some(c), None) if !crate::text::harmful(c) => KeyCode::Char(c),
            _ => named(rest).ok_or_else(|| {
                let near = crate::text::did_you_mean(rest, NAMES.iter().map(|(name, _)| *name));
                let hint = near.map_or_else(
                    || "write one such as q, space, Ctrl-R, S-Tab, Enter or F1".into(),
                    |n| format!("did you mean {n}?"),
                );
                format!("there is no key {}; {hint}", crate::text::excerpt(text, 40))
            })?,
        };
        Ok(KeyEvent::new(
            if (code, modifiers) == (KeyCode::Tab, KeyModifiers::SHIFT) { KeyCode::BackTab } else { code },
            modifiers,
        )
        .into())
    }
}

/// Keys with a name instead of a character.
const NAMES: [(&str, KeyCode); 17] = [
    ("space", KeyCode::Char(' ')),
    ("Enter", KeyCode::Enter),
    ("Esc", KeyCode::Esc),
    ("Tab", KeyCode::Tab),
    ("BackTab", KeyCode::BackTab),
    ("Backspace", KeyCode::Backspace),
    ("Up", KeyCode::Up),
    ("Down", KeyCode::Down),
    ("Left", KeyCode::Left),
    ("Right", KeyCode::Right),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
    ("PgUp", KeyCode::PageUp),
    ("PgDn", KeyCode::PageDown),
    ("Ins", KeyCode::Insert),
    ("Insert", KeyCode::Insert),
    ("Del", KeyCode::Delete),
];

fn named(text: &str) -> Option<KeyCode> {
    let function = || text.strip_prefix('F')?.parse().ok().filter(|n| (1..=12).contains(n)).map(KeyCode::F);
    NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, code)| *code).or_else(function)
}
