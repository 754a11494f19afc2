//! Windows over the panes: help, lists to choose from, forms, the question before leaving. A window knows what it shows and
//! what was chosen; the app does it.

pub mod form;
pub mod menu;

use super::keymap::custom::{Keymap, Row};
use super::keymap::{Action, Key, Scope};
use super::layout::window;
use super::theme::{Glyphs, Theme};
use super::widget::text;
use crossterm::event::KeyEvent;
use form::{Form, Subject};
use menu::{Menu, Pick};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, BorderType, Clear, Widget as _};

/// What a key in a window led to.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Nothing that concerns the app.
    Nothing,
    /// Close the window.
    Close,
    /// Close it and do this.
    Take(Pick),
    /// A form's value changed; the window stays.
    Changed(Subject),
}

/// A window.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// All keys, from this line on.
    Help(usize),
    /// A list to choose from.
    Menu(Menu),
    /// Settings to edit.
    Form(Box<Form>),
    /// Whether to leave.
    Confirm,
}

impl Overlay {
    /// Where its keys are looked up.
    pub fn scope(&self) -> Scope {
        match self {
            Self::Help(_) => Scope::List,
            Self::Menu(m) if !m.types() => Scope::List,
            Self::Menu(_) | Self::Form(_) => Scope::Form,
            Self::Confirm => Scope::Confirm,
        }
    }

    /// Acts on a key of its scope.
    pub fn act(&mut self, action: Action) -> Answer {
        match self {
            Self::Help(line) => {
                let last = help(&Keymap::default()).len().saturating_sub(1);
                *line = match action {
                    Action::Up => line.saturating_sub(1),
                    Action::Down => *line + 1,
                    Action::PageUp => line.saturating_sub(10),
                    Action::PageDown => *line + 10,
                    Action::First => 0,
                    Action::Last => last,
                    Action::Cancel | Action::Accept => return Answer::Close,
                    _ => *line,
                }
                .min(last);
                Answer::Nothing
            }
            Self::Menu(m) => m.act(action),
            Self::Form(f) => f.act(action),
            Self::Confirm => match action {
                Action::Accept => Answer::Take(Pick::Leave),
                Action::Cancel => Answer::Close,
                _ => Answer::Nothing,
            },
        }
    }

    /// Takes a key that means nothing in its scope: it is typed.
    pub fn typed(&mut self, key: KeyEvent) -> Answer {
        match self {
            Self::Menu(m) => m.typed(key),
            Self::Form(f) => f.typed(key),
            Self::Help(_) | Self::Confirm => Answer::Nothing,
        }
    }

    /// Takes pasted text as if it were typed.
    pub fn paste(&mut self, pasted: &str) {
        let line: String = pasted.chars().filter(|c| !crate::text::harmful(*c)).take(500).collect();
        match self {
            Self::Menu(m) => m.paste(&line),
            Self::Form(f) => f.paste(&line),
            Self::Help(_) | Self::Confirm => {}
        }
    }

    /// Draws the window over what is there.
    pub fn draw(&self, keymap: &Keymap, theme: &Theme, area: Rect, buf: &mut Buffer) {
        match self {
            Self::Help(line) => draw_help(&help(keymap), *line, theme, area, buf),
            Self::Menu(m) => m.draw(theme, area, buf),
            Self::Form(f) => f.draw(theme, area, buf),
            Self::Confirm => {
                let rows: Vec<_> = keymap.of(Scope::Confirm).map(|r| (keys(&r.keys), r.of.hint)).collect();
                let width: u16 = rows.iter().map(|(k, what)| text::width(k) + text::width(what) + 3).sum();
                let inside =
                    open(Line::styled("Leave?", theme.strong), (width + 4).max(46), 4, theme, area, buf);
                text::put(buf, inside, 1, 0, "Lanes are still training.", theme.text);
                let mut x = 1;
                for (key, what) in rows {
                    x = text::put(buf, inside, x, 1, &key, theme.strong);
                    x = text::put(buf, inside, x + 1, 1, what, theme.faint) + 2;
                }
            }
        }
    }

    /// The keys that its hint line shows.
    pub fn hints<'k>(&self, keymap: &'k Keymap) -> Vec<&'k Row> {
        keymap.of(self.scope()).filter(|b| !b.of.hint.is_empty()).collect()
    }
}

/// Frames and empties a window; gives its inside.
pub fn open(title: Line<'_>, width: u16, height: u16, theme: &Theme, area: Rect, buf: &mut Buffer) -> Rect {
    let place = window(area.intersection(buf.area), width, height);
    Clear.render(place, buf);
    let block = frame(title, theme.border_focused, theme);
    let inside = block.inner(place);
    block.render(place, buf);
    inside
}

/// The frame around panes and windows: the only way in which one is drawn.
pub fn frame<'a>(title: Line<'a>, style: Style, theme: &Theme) -> Block<'a> {
    let mut padded = Line::default();
    padded.push_span(" ");
    // A title has its own colours, not those of the frame under it.
    let own = Style::new().fg(Color::Reset).remove_modifier(Modifier::BOLD);
    padded.spans.extend(title.spans.into_iter().map(|s| {
        let style = own.patch(title.style).patch(s.style);
        s.style(style)
    }));
    padded.push_span(" ");
    let block = Block::bordered().border_style(style).title(padded);
    match theme.glyphs {
        Glyphs::Unicode => block.border_type(BorderType::Rounded),
        Glyphs::Ascii => block.border_set(ASCII),
    }
}

const ASCII: ratatui::symbols::border::Set<'static> = ratatui::symbols::border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

/// The keys of a row as the help writes them.
pub fn keys(keys: &[Key]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Lines of the help: a heading, or keys and what they do.
pub fn help(keymap: &Keymap) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for scope in Scope::all() {
        if !lines.is_empty() {
            lines.push((String::new(), String::new()));
        }
        lines.push((scope.title().to_string(), String::new()));
        lines.extend(keymap.of(scope).map(|b| (keys(&b.keys), b.of.help.to_string())));
    }
    lines
}

fn draw_help(lines: &[(String, String)], first: usize, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let title = Line::styled("Keys", theme.strong);
    let inside = open(title, 78, area.height.saturating_sub(2), theme, area, buf);
    let first = first.min(lines.len().saturating_sub(usize::from(inside.height)));
    for (y, (left, right)) in (0..inside.height).zip(lines.iter().skip(first)) {
        if right.is_empty() {
            text::put(buf, inside, 1, y, left, theme.strong);
        } else {
            text::put(buf, inside, 2, y, left, theme.key());
            text::put(buf, inside, 18, y, right, theme.text);
        }
    }
    more(first, lines.len(), inside, theme, buf);
}

/// Marks at the right edge that there is more above or below.
pub fn more(first: usize, count: usize, inside: Rect, theme: &Theme, buf: &mut Buffer) {
    if inside.is_empty() {
        return;
    }
    let x = inside.right() - 1;
    if first > 0 {
        let mark = if theme.glyphs == Glyphs::Unicode { '↑' } else { '^' };
        text::cell(buf, x, inside.y, mark, theme.faint);
    }
    if first + usize::from(inside.height) < count {
        let mark = if theme.glyphs == Glyphs::Unicode { '↓' } else { 'v' };
        text::cell(buf, x, inside.bottom() - 1, mark, theme.faint);
    }
}

/// A line of text being typed, its cursor shown as a reversed cell.
pub fn draw_input(input: &tui_input::Input, style: Style, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    if area.is_empty() {
        return;
    }
    let scroll = input.visual_scroll(usize::from(area.width.saturating_sub(1)));
    let mut skipped = 0;
    let shown: String = input
        .value()
        .chars()
        .skip_while(|c| {
            let skip = skipped < scroll;
            skipped += unicode_width::UnicodeWidthChar::width(*c).unwrap_or(0);
            skip
        })
        .collect();
    text::put(buf, area, 0, 0, &shown, style);
    let x = (input.visual_cursor().saturating_sub(scroll) as u16).min(area.width - 1);
    if let Some(cell) = buf.cell_mut(Position::new(area.x + x, area.y)) {
        cell.set_style(theme.selected);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_lists_every_row_of_the_table() {
        let lines = help(&Keymap::default());
        for b in super::super::keymap::KEYMAP {
            assert!(lines.contains(&(keys(b.keys), b.help.to_string())), "{b:?}");
        }
    }
}
