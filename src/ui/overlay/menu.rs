//! A list to choose from, with a line about what is selected, and a filter to type for long lists.

use super::{Answer, draw_input, more, open};
use crate::ui::keymap::Action;
use crate::ui::pane::PaneId;
use crate::ui::theme::Theme;
use crate::ui::widget::text;
use crossterm::event::{Event, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler as _;

/// What is chosen.
#[derive(Clone, Debug, PartialEq)]
pub enum Pick {
    /// Do as if its key had been pressed.
    Action(Action),
    /// Turn to this pane.
    Pane(PaneId),
    /// Open the preset of this index.
    Preset(usize),
    /// Insert the layer of this row of the table after this row of the model builder.
    Layer {
        /// Row of the model builder.
        after: usize,
        /// Row of the table.
        layer: usize,
    },
    /// Leave the lab.
    Leave,
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// What it is.
    pub label: String,
    /// More about it.
    pub about: String,
    /// What is at the right edge: a key.
    pub right: String,
    /// What it stands for.
    pub pick: Pick,
}

/// A list to choose from.
#[derive(Clone, Debug)]
pub struct Menu {
    title: String,
    items: Vec<Item>,
    filter: Option<Input>,
    selected: usize,
}

impl Menu {
    /// A list; `filter`: whether typing narrows it.
    pub fn new(title: &str, items: Vec<Item>, filter: bool, selected: usize) -> Self {
        Self { title: title.into(), items, filter: filter.then(Input::default), selected }
    }

    /// Whether keys are typed into it.
    pub fn types(&self) -> bool {
        self.filter.is_some()
    }

    /// The items that fit what was typed.
    fn shown(&self) -> Vec<&Item> {
        let words = self.filter.as_ref().map_or("", |f| f.value()).to_lowercase();
        let fits = |i: &&Item| {
            let all = format!("{} {} {}", i.label, i.about, i.right).to_lowercase();
            words.split_whitespace().all(|w| all.contains(w))
        };
        self.items.iter().filter(fits).collect()
    }

    /// Acts on a key.
    pub fn act(&mut self, action: Action) -> Answer {
        let last = self.shown().len().saturating_sub(1);
        self.selected = match action {
            Action::Up | Action::Left => self.selected.saturating_sub(1),
            Action::Down | Action::Right => self.selected + 1,
            Action::PageUp => self.selected.saturating_sub(8),
            Action::PageDown => self.selected + 8,
            Action::First => 0,
            Action::Last => last,
            Action::Cancel => return Answer::Close,
            Action::Accept => {
                return self
                    .shown()
                    .get(self.selected)
                    .map_or(Answer::Nothing, |i| Answer::Take(i.pick.clone()));
            }
            _ => self.selected,
        }
        .min(last);
        Answer::Nothing
    }

    /// Types into the filter.
    pub fn typed(&mut self, key: KeyEvent) -> Answer {
        if let Some(filter) = &mut self.filter {
            filter.handle_event(&Event::Key(key));
            self.selected = 0;
        }
        Answer::Nothing
    }

    /// Pastes into the filter.
    pub fn paste(&mut self, line: &str) {
        if let Some(filter) = &mut self.filter {
            *filter = Input::new(format!("{}{line}", filter.value()));
            self.selected = 0;
        }
    }

    /// Draws it.
    pub fn draw(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let shown = self.shown();
        let head = u16::from(self.filter.is_some()) * 2;
        let height = (self.items.len() as u16).saturating_add(head + 6).min(area.height.saturating_sub(2));
        let inside = open(Line::styled(self.title.as_str(), theme.strong), 80, height, theme, area, buf);
        if let Some(filter) = &self.filter {
            text::put(buf, inside, 1, 0, ":", theme.strong);
            let line = text::part(inside, 3, 0, inside.width.saturating_sub(4), 1);
            draw_input(filter, theme.text, theme, line, buf);
        }
        // Below the list: an empty line and three about what is selected.
        let foot = if inside.height > head + 8 { 4 } else { 0 };
        let list = text::part(inside, 0, head, inside.width, inside.height.saturating_sub(head + foot));
        let room = usize::from(list.height).max(1);
        let first = (self.selected + 1).saturating_sub(room);
        let label_width =
            self.items.iter().map(|i| text::width(&i.label)).max().unwrap_or(0).min(list.width / 2);
        for (y, item) in (0..list.height).zip(shown.iter().skip(first)) {
            let line = text::part(list, 1, y, list.width.saturating_sub(2), 1);
            let label = text::shorten(&item.label, usize::from(line.width), theme.glyphs);
            text::put(buf, line, 0, 0, &label, theme.text);
            text::put_right(buf, line, 0, &item.right, theme.faint);
            let about = item.about.lines().next().unwrap_or_default();
            let used = label_width + 2;
            let room = line.width.saturating_sub(used + text::width(&item.right) + 1);
            text::put(
                buf,
                line,
                used,
                0,
                &text::shorten(about, usize::from(room), theme.glyphs),
                theme.faint,
            );
            if first + usize::from(y) == self.selected {
                theme.select(line, buf);
            }
        }
        if shown.is_empty() {
            text::put(buf, list, 1, 0, "nothing of that name", theme.faint);
        }
        more(first, shown.len(), list, theme, buf);
        if let Some(item) = shown.get(self.selected).filter(|_| foot > 0) {
            let about = text::part(inside, 2, inside.height - 3, inside.width.saturating_sub(4), 3);
            wrapped(&item.about, theme, about, buf);
        }
    }
}

/// A text in as many lines as there is room for.
pub fn wrapped(what: &str, theme: &Theme, area: Rect, buf: &mut Buffer) {
    use ratatui::widgets::{Paragraph, Widget as _, Wrap};
    Paragraph::new(what)
        .style(theme.faint)
        .wrap(Wrap { trim: true })
        .render(area.intersection(buf.area), buf);
}
