//! Windows over the panes: help, lists to choose from, forms, the question before quitting. A window holds its content
//! and the choice; the app carries the choice out.

pub mod form;
pub mod menu;
pub mod page;
pub mod trial;

use super::keymap::custom::{Keymap, KeymapRow};
use super::keymap::{Action, KeyPress, KeyScope};
use super::layout::window;
use super::theme::{Glyphs, Theme};
use super::widget::text;
use crate::view::RunView;
use crossterm::event::KeyEvent;
use form::{FormSubject, SettingsForm};
use menu::{Menu, Pick};
use page::TextWindow;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, BorderType, Clear, Widget as _};
use trial::Trial;

/// The result of a key in a window.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Nothing for the app to do.
    Nothing,
    /// Close the window.
    Close,
    /// Close it and carry this out.
    Take(Pick),
    /// Close it and apply these settings.
    Changed(Box<FormSubject>),
    /// The key has no meaning in it.
    Ignored,
}

/// A window.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// Lines to read.
    Text(TextWindow),
    /// A list to choose from.
    Menu(Menu),
    /// Settings to edit.
    Form(Box<SettingsForm>),
    /// A short training of a copy of a lane.
    Trial(Trial),
    /// The question whether to leave.
    Confirm,
    /// The question whether to do something that loses steps.
    Sure(Question),
}

/// An action that needs confirmation.
#[derive(Clone, Debug)]
pub struct Question {
    /// The action in two or three words.
    pub title: String,
    /// The work that would be lost, in words.
    pub text: String,
    /// The action if the answer is yes.
    pub pick: Pick,
}

impl Overlay {
    /// The scope of its keys.
    pub fn scope(&self) -> KeyScope {
        match self {
            Self::Text(_) => KeyScope::List,
            Self::Trial(_) => KeyScope::Trial,
            Self::Menu(_) | Self::Form(_) => KeyScope::Form,
            Self::Confirm => KeyScope::Confirm,
            Self::Sure(_) => KeyScope::Sure,
        }
    }

    /// Handles an action of its scope.
    pub fn act(&mut self, action: Action) -> Answer {
        match self {
            Self::Text(page) => page.act(action),
            Self::Menu(m) => m.act(action),
            Self::Form(f) => f.act(action),
            Self::Trial(trial) => trial.act(action),
            Self::Confirm => match action {
                Action::Accept => Answer::Take(Pick::Leave),
                Action::Cancel => Answer::Close,
                _ => Answer::Nothing,
            },
            Self::Sure(question) => match action {
                Action::Accept => Answer::Take(Pick::Sure(Box::new(question.pick.clone()))),
                Action::Cancel => Answer::Close,
                _ => Answer::Nothing,
            },
        }
    }

    /// Handles a key without an action in its scope: the key is typed.
    pub fn typed(&mut self, key: KeyEvent) -> Answer {
        match self {
            Self::Menu(m) => m.typed(key),
            Self::Form(f) => f.typed(key),
            Self::Text(_) | Self::Trial(_) | Self::Confirm | Self::Sure(_) => Answer::Ignored,
        }
    }

    /// Handles pasted text as if it were typed.
    pub fn paste(&mut self, pasted: &str) {
        let line: String = pasted.chars().filter(|c| !crate::text::harmful(*c)).take(500).collect();
        match self {
            Self::Menu(m) => m.paste(&line),
            Self::Form(f) => f.paste(&line),
            Self::Text(_) | Self::Trial(_) | Self::Confirm | Self::Sure(_) => {}
        }
    }

    /// Draws the window over the present content.
    pub fn draw(&self, view: &RunView, keymap: &Keymap, theme: &Theme, area: Rect, buf: &mut Buffer) {
        match self {
            Self::Text(page) => page.draw(theme, area, buf),
            Self::Menu(m) => m.draw(theme, area, buf),
            Self::Form(f) => f.draw(theme, area, buf),
            Self::Trial(trial) => trial.draw(view.lane(trial.lane), theme, area, buf),
            Self::Confirm => {
                self.draw_question("Leave?", "Lanes are still training.", keymap, theme, area, buf);
            }
            Self::Sure(q) => self.draw_question(&q.title, &q.text, keymap, theme, area, buf),
        }
    }

    /// Draws a question on its own line, with the keys that answer it.
    fn draw_question(
        &self,
        title: &str,
        what: &str,
        keymap: &Keymap,
        theme: &Theme,
        area: Rect,
        buf: &mut Buffer,
    ) {
        let rows: Vec<_> = keymap.of(self.scope()).map(|r| (keys(&r.keys), r.of.hint)).collect();
        let width: u16 = rows.iter().map(|(k, what)| text::width(k) + text::width(what) + 3).sum();
        let width = width.max(text::width(what)).max(42) + 4;
        let inside = open(Line::styled(title, theme.strong), width, 4, theme, area, buf);
        let what = text::shorten(what, usize::from(inside.width.saturating_sub(2)), theme.glyphs);
        text::put(buf, inside, 1, 0, &what, theme.text);
        let mut x = 1;
        for (key, what) in rows {
            x = text::put(buf, inside, x, 1, &key, theme.strong);
            x = text::put(buf, inside, x + 1, 1, what, theme.faint) + 2;
        }
    }

    /// The text of an open question on a screen too small for a window, cut to this many columns.
    pub fn question(&self, keymap: &Keymap, columns: u16) -> Option<String> {
        let title = match self {
            Self::Confirm => "Leave?",
            Self::Sure(question) => &question.title,
            Self::Text(_) | Self::Menu(_) | Self::Form(_) | Self::Trial(_) => return None,
        };
        let answers: Vec<_> = keymap.of(self.scope()).map(|r| (r.keys[0].to_string(), r.of.hint)).collect();
        let long: Vec<String> = answers.iter().map(|(key, what)| format!("{key} {what}")).collect();
        let short: Vec<&str> = answers.iter().map(|(key, _)| &key[..]).collect();
        let (long, short) = (long.join(", "), short.join("/"));
        let sayings = [format!("{title} {long}"), long, format!("{title} {short}"), format!("{short}?")];
        let fits = |words: &&String| text::width(words) <= columns;
        Some(sayings.iter().find(fits).unwrap_or(&sayings[3]).clone())
    }

    /// The keys in its hint line.
    pub fn hints<'k>(&self, keymap: &'k Keymap) -> Vec<&'k KeymapRow> {
        keymap.of(self.scope()).filter(|b| !b.of.hint.is_empty()).collect()
    }
}

/// Draws the frame of a window, clears its inside and returns it.
pub fn open(title: Line<'_>, width: u16, height: u16, theme: &Theme, area: Rect, buf: &mut Buffer) -> Rect {
    let place = window(area.intersection(buf.area), width, height);
    halve(place, buf);
    Clear.render(place, buf);
    let block = frame(title, theme.border_focused, theme);
    let inside = block.inner(place);
    block.render(place, buf);
    inside
}

/// Clears wide characters that the window's edge would cut in half: the terminal would draw the other half over its
/// border.
fn halve(place: Rect, buf: &mut Buffer) {
    let wide = |buf: &Buffer, x: u16, y: u16| buf.cell((x, y)).is_some_and(|c| text::width(c.symbol()) > 1);
    for y in place.top()..place.bottom() {
        if place.left() > 0 && wide(buf, place.left() - 1, y) {
            buf[(place.left() - 1, y)].set_char(' ');
        }
        if place.right() > place.left() && wide(buf, place.right() - 1, y) && place.right() < buf.area.right()
        {
            buf[(place.right(), y)].set_char(' ');
        }
    }
}

/// The frame around panes and windows; every frame is drawn here.
pub fn frame<'a>(title: Line<'a>, style: Style, theme: &Theme) -> Block<'a> {
    let mut padded = Line::default();
    padded.push_span(" ");
    // A title has its own colours, independent of the frame's.
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
pub fn keys(keys: &[KeyPress]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Marks at the right edge if there is more above or below.
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

/// A line of typed text; its cursor is a reversed cell.
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
    use crate::ui::theme::Depth;

    #[test]
    fn a_wide_character_under_a_window_loses_its_half_and_not_the_border() {
        let area = Rect::new(0, 0, 41, 7);
        let mut buf = Buffer::empty(area);
        for y in 0..7 {
            // Wide characters on even and on odd columns: every edge of a window cuts some of them.
            text::put(&mut buf, area, y % 2, y, &"漢".repeat(20), Style::new());
        }
        let theme = Theme::dark(Depth::True, Glyphs::Unicode);
        open(Line::from("x"), 20, 5, &theme, area, &mut buf);
        let place = window(area, 20, 5);
        for y in place.top()..place.bottom() {
            let left = &buf[(place.left() - 1, y)];
            assert!(text::width(left.symbol()) < 2, "column {} row {y}: {left:?}", place.left() - 1);
            assert_ne!(buf[(place.left(), y)].symbol(), " ", "the border is there");
            assert_ne!(buf[(place.right() - 1, y)].symbol(), " ", "on both sides");
        }
    }

    #[test]
    fn a_question_fits_where_no_window_does() {
        let keymap = Keymap::default();
        let saying = |columns| Overlay::Confirm.question(&keymap, columns);
        assert_eq!(saying(60).as_deref(), Some("Leave? y leave, n stay"));
        assert_eq!(saying(16).as_deref(), Some("y leave, n stay"));
        assert_eq!(saying(12).as_deref(), Some("Leave? y/n"));
        assert_eq!(saying(4).as_deref(), Some("y/n?"));
        let page = Overlay::Text(TextWindow::help(&keymap, false));
        assert_eq!(page.question(&keymap, 60), None);
    }
}
