//! A form: the fields of some settings, one a row, checked while they are typed. Knows rows, not what they set.

pub mod curve;
mod row;
mod subject;
#[cfg(test)]
mod tests;

pub use subject::{Subject, Tensor};

use super::menu::wrapped;
use super::{Answer, draw_input, more, open};
use crate::telemetry::LaneId;
use crate::ui::keymap::Action;
use crate::ui::theme::Theme;
use crate::ui::widget::text;
use crossterm::event::{Event, KeyCode, KeyEvent};
use curve::Way;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use row::{Kind, Row};
use tui_input::backend::crossterm::EventHandler as _;
use tui_input::{Input, InputRequest};

/// A form over some settings.
#[derive(Clone, Debug)]
pub struct Form {
    subject: Subject,
    rows: Vec<Row>,
    selected: usize,
    /// How far the lane is that is edited.
    way: Option<Way>,
}

impl Form {
    /// A form whose first row is selected.
    pub fn new(subject: Subject) -> Self {
        let mut form = Self { rows: Vec::new(), selected: 0, way: None, subject };
        form.refresh();
        form
    }

    /// A form that knows how far its lane is, and draws the schedule with it.
    #[must_use]
    pub fn on_the_way(mut self, way: Way) -> Self {
        self.way = Some(way);
        self
    }

    /// How far the lane is that is edited, as far as it knows.
    pub fn way(&self) -> Option<Way> {
        self.way
    }

    /// Hears how far the lane is that is edited, if it is one.
    pub fn follow(&mut self, way: impl Fn(LaneId) -> Option<Way>) {
        if let (Subject::Lane { id, .. }, Some(now)) = (&self.subject, &mut self.way) {
            *now = way(*id).unwrap_or(*now);
        }
    }

    /// Makes the rows anew from the subject.
    fn refresh(&mut self) {
        self.rows = self.subject.rows();
        self.selected = self.selected.min(self.rows.len().saturating_sub(1));
    }

    /// What is wrong with the text of the selected row.
    fn fault(&self) -> Option<String> {
        let row = self.rows.get(self.selected)?;
        let typed = row.typed();
        if typed == row.value {
            return None;
        }
        self.subject.clone().set(&row.path, &typed).err()
    }

    /// Takes the selected row's text into the subject.
    fn commit(&mut self) -> Answer {
        let Some(row) = self.rows.get(self.selected) else { return Answer::Nothing };
        let typed = row.typed();
        if typed == row.value {
            return Answer::Nothing;
        }
        let path = row.path.clone();
        match self.subject.set(&path, &typed) {
            Ok(()) => {
                self.refresh();
                Answer::Changed(self.subject.clone())
            }
            Err(_) => Answer::Nothing,
        }
    }

    /// The next or the previous choice of the selected row.
    fn turn(&mut self, forward: bool) -> Answer {
        if let Some(Kind::Choice(names, at)) = self.rows.get_mut(self.selected).map(|r| &mut r.kind) {
            let n = names.len().max(1);
            *at = (*at + if forward { 1 } else { n - 1 }) % n;
            return self.commit();
        }
        Answer::Nothing
    }

    fn go(&mut self, to: usize) -> Answer {
        // Leaving a row takes what stands there; what is wrong is forgotten.
        let answer = self.commit();
        if answer == Answer::Nothing {
            let keep = self.selected;
            self.refresh();
            self.selected = keep;
        }
        self.selected = to.min(self.rows.len().saturating_sub(1));
        answer
    }

    /// Acts on a key.
    pub fn act(&mut self, action: Action) -> Answer {
        match action {
            Action::Up => self.go(self.selected.saturating_sub(1)),
            Action::Down => self.go(self.selected + 1),
            Action::PageUp => self.go(self.selected.saturating_sub(8)),
            Action::PageDown => self.go(self.selected + 8),
            Action::Left | Action::Right => {
                let forward = action == Action::Right;
                match self.rows.get_mut(self.selected).map(|r| &mut r.kind) {
                    Some(Kind::Text(input)) => {
                        input.handle(if forward {
                            InputRequest::GoToNextChar
                        } else {
                            InputRequest::GoToPrevChar
                        });
                        Answer::Nothing
                    }
                    _ => self.turn(forward),
                }
            }
            Action::Accept if self.fault().is_some() => Answer::Nothing,
            Action::Accept => match self.rows.get(self.selected) {
                Some(r) if r.typed() != r.value => self.commit(),
                _ => self.go(self.selected + 1),
            },
            Action::Cancel => {
                let changed = self.rows.get(self.selected).is_some_and(|r| r.typed() != r.value);
                if changed {
                    self.refresh();
                    return Answer::Nothing;
                }
                Answer::Close
            }
            _ => Answer::Nothing,
        }
    }

    /// Types into the selected row; on a choice, space turns to the next one and a letter to the next one with it.
    pub fn typed(&mut self, key: KeyEvent) -> Answer {
        match self.rows.get_mut(self.selected).map(|r| &mut r.kind) {
            Some(Kind::Text(input)) => {
                input.handle_event(&Event::Key(key));
                Answer::Nothing
            }
            Some(Kind::Choice(names, at)) => match key.code {
                KeyCode::Char(' ') => self.turn(true),
                KeyCode::Char(c) => {
                    let starts = |n: &String| n.to_lowercase().starts_with(c.to_ascii_lowercase());
                    let n = names.len();
                    let next = (1..=n).map(|k| (*at + k) % n).find(|&i| starts(&names[i]));
                    match next {
                        Some(i) if i != *at => {
                            *at = i;
                            self.commit()
                        }
                        _ => Answer::Nothing,
                    }
                }
                _ => Answer::Nothing,
            },
            None => Answer::Nothing,
        }
    }

    /// Pastes into the selected row.
    pub fn paste(&mut self, line: &str) {
        if let Some(Kind::Text(input)) = self.rows.get_mut(self.selected).map(|r| &mut r.kind) {
            *input = Input::new(format!("{}{line}", input.value()));
        }
    }

    /// Draws it.
    pub fn draw(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let mut title = Line::styled(self.subject.title(), theme.strong);
        let what = match self.subject {
            Subject::Lane { .. } => "  changes are trained at once",
            Subject::Data(_) => "  a change starts all lanes anew",
            _ => "",
        };
        title.push_span(Span::styled(what, theme.faint));
        let about_rows: u16 = if self.way.is_some() { 4 } else { 3 };
        let height =
            (self.rows.len() as u16).saturating_add(about_rows + 4).min(area.height.saturating_sub(2));
        let inside = open(title, 72, height, theme, area, buf);
        let list = text::part(inside, 0, 0, inside.width, inside.height.saturating_sub(about_rows + 1));
        let room = usize::from(list.height).max(1);
        let first = (self.selected + 1).saturating_sub(room);
        // Values stand in one column, beyond the longest name.
        let names = self.rows.iter().map(|r| r.indent + text::width(&r.label) + 2).max().unwrap_or(0);
        let column = names.clamp(18, (list.width / 2).max(18));
        for (y, (i, row)) in (0..list.height).zip(self.rows.iter().enumerate().skip(first)) {
            let selected = i == self.selected;
            let line = text::part(list, 1, y, list.width.saturating_sub(2), 1);
            let style = if selected { theme.strong } else { theme.text };
            let label = text::shorten(&row.label, usize::from(column - row.indent - 1), theme.glyphs);
            text::put(buf, line, row.indent, 0, &label, style);
            let value = text::part(line, column, 0, line.width.saturating_sub(column), 1);
            match &row.kind {
                Kind::Text(input) if selected => draw_input(input, theme.strong, theme, value, buf),
                Kind::Text(input) => {
                    text::put(
                        buf,
                        value,
                        0,
                        0,
                        &text::shorten(input.value(), usize::from(value.width), theme.glyphs),
                        theme.text,
                    );
                }
                Kind::Choice(_, _) => {
                    let (left, right) =
                        (text::pick(theme.glyphs, "◀ ", "< "), text::pick(theme.glyphs, " ▶", " >"));
                    let arrows = if selected { theme.key() } else { theme.border };
                    let x = text::put(buf, value, 0, 0, left, arrows);
                    let shown = if selected { theme.strong } else { theme.text };
                    let x = text::put(buf, value, x, 0, &row.typed(), shown);
                    text::put(buf, value, x, 0, right, arrows);
                }
            }
            if let Some(default) = row.default.as_ref().filter(|d| **d != row.value && d.len() < 16) {
                text::put_right(buf, line, 0, &format!("default {default}"), theme.faint);
            }
            if selected {
                let mark = text::pick(theme.glyphs, "▸", ">");
                text::put(buf, list, 0, y, mark, theme.key());
            }
        }
        if self.rows.is_empty() {
            text::put(buf, list, 1, 0, "nothing to set", theme.faint);
        }
        more(first, self.rows.len(), list, theme, buf);
        let mut foot = text::part(
            inside,
            2,
            inside.height.saturating_sub(about_rows),
            inside.width.saturating_sub(4),
            about_rows,
        );
        let of_rate = |r: &Row| r.path.starts_with("schedule") || r.path == "optimizer.lr";
        if let (Subject::Lane { recipe, .. }, Some(way)) = (&self.subject, self.way)
            && self.rows.get(self.selected).is_some_and(of_rate)
            && foot.width >= 50
        {
            let left = foot.width - 30;
            let place = text::part(foot, left, 0, 30, foot.height);
            curve::draw(&recipe.schedule, recipe.optimizer.lr(), way, theme, place, buf);
            foot.width = left - 2;
        }
        match (self.fault(), self.rows.get(self.selected)) {
            (Some(fault), _) => {
                text::put(
                    buf,
                    foot,
                    0,
                    0,
                    &text::shorten(&fault, usize::from(foot.width), theme.glyphs),
                    theme.bad,
                );
            }
            (None, Some(row)) => {
                let mut about = row.about.clone();
                if let Some(b) = row.bounds {
                    about = format!("{about}; {b}");
                }
                wrapped(&about, theme, foot, buf);
            }
            (None, None) => wrapped(&self.subject.about(), theme, foot, buf),
        }
    }
}
