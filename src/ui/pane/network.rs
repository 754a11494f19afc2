//! The model builder: the layers with their shapes and parameters, and a draft of them that can be edited before it is
//! trained. Trains nothing.

pub mod draft;

use super::{Context, PaneRequest, PaneRequests, PaneWidget};
use crate::telemetry::Command;
use crate::ui::diagnosis::thousands;
use crate::ui::keymap::Action;
use crate::ui::theme::Theme;
use crate::ui::widget::text;
use crate::view::LaneView;
use draft::{Draft, LayerListRow};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

/// The pane of the network of the lane in front.
#[derive(Clone, Debug, Default)]
pub struct NetworkPane {
    draft: Option<Draft>,
    /// The earlier drafts, and the undone ones, the newest last.
    before: Vec<Option<Draft>>,
    undone: Vec<Option<Draft>>,
    selected: usize,
    all: bool,
}

impl NetworkPane {
    /// The network as drafted, or else as the lane trains it.
    pub fn draft(&self, lane: &LaneView) -> Draft {
        self.draft.clone().unwrap_or_else(|| Draft::of(&lane.info.recipe))
    }

    /// The path of a row of the list.
    pub fn path(&self, lane: &LaneView, row: usize) -> Option<Vec<usize>> {
        self.rows(lane).into_iter().nth(row).map(|r| r.path)
    }

    /// Changes the draft; a draft equal to the trained network is dropped.
    pub fn change(&mut self, lane: &LaneView, change: impl FnOnce(&mut Draft)) {
        let mut draft = self.draft(lane);
        change(&mut draft);
        let draft = (draft != Draft::of(&lane.info.recipe)).then_some(draft);
        if draft != self.draft {
            self.before.push(std::mem::replace(&mut self.draft, draft));
            self.undone.clear();
        }
        self.keep_selected(lane);
    }

    /// Undoes the last edit of the draft, or redoes the last undone one; returns whether there was one.
    pub fn undo(&mut self, lane: &LaneView, again: bool) -> bool {
        let (from, to) =
            if again { (&mut self.undone, &mut self.before) } else { (&mut self.before, &mut self.undone) };
        let Some(draft) = from.pop() else { return false };
        to.push(std::mem::replace(&mut self.draft, draft));
        self.keep_selected(lane);
        true
    }

    fn keep_selected(&mut self, lane: &LaneView) {
        let last = self.rows(lane).len().saturating_sub(1);
        self.selected = self.selected.min(last);
    }

    /// Selects the row with this path.
    pub fn select(&mut self, lane: &LaneView, path: &[usize]) {
        if let Some(i) = self.rows(lane).iter().position(|r| r.path == path) {
            self.selected = i;
        }
    }

    /// Whether there are edits that are not trained yet.
    pub fn edited(&self) -> bool {
        self.draft.is_some()
    }

    /// Discards the edits.
    pub fn discard(&mut self) {
        (self.draft, self.selected) = (None, 0);
        self.before.clear();
        self.undone.clear();
    }

    fn rows(&self, lane: &LaneView) -> Vec<LayerListRow> {
        self.draft(lane).rows(lane.info.input, lane.info.outputs)
    }

    /// First visible row, and number of rows that fit.
    fn window(&self, rows: usize, area: Rect) -> (usize, usize) {
        let room = usize::from(area.height.saturating_sub(2));
        ((self.selected + 1).saturating_sub(room.max(1)).min(rows.saturating_sub(room)), room)
    }

    fn apply(&mut self, cx: Context<'_>, lane: &LaneView) -> PaneRequests {
        let Some(draft) = self.draft.clone() else {
            return vec![PaneRequest::Notice("nothing is edited; a adds a layer, Enter edits one".into())];
        };
        if let Some(fault) = draft.fault(lane.info.input, lane.info.outputs) {
            return vec![PaneRequest::Notice(format!("not applied: {fault}"))];
        }
        let targets: Vec<_> = if self.all { cx.view.lanes.iter().collect() } else { vec![lane] };
        let letters: String = targets.iter().map(|l| l.letter()).collect();
        let set = |l: &LaneView| Command::Set {
            lane: l.id,
            name: l.info.name.clone(),
            recipe: Box::new(draft.clone().into_recipe(l.info.recipe.clone())),
        };
        let mut orders: Vec<Command> = targets.into_iter().map(set).collect();
        let order = if orders.len() == 1 { orders.pop() } else { Some(Command::Together(orders)) };
        let words = format!("lane {letters} starts anew with the edited network");
        self.discard();
        order.map(PaneRequest::Command).into_iter().chain([PaneRequest::Notice(words)]).collect()
    }
}

/// Draws the layers named in the log of another program: nothing else is known of its network.
fn named(lane: &LaneView, theme: &Theme, area: Rect, buf: &mut Buffer) {
    if lane.info.layers.is_empty() {
        return text::put_message(buf, area, "the log names no layers", theme.faint);
    }
    for (i, layer) in lane.info.layers.iter().enumerate().take(usize::from(area.height)) {
        let label = format!("{:>2} {}", i + 1, layer.label);
        let label = text::shorten(&label, usize::from(area.width), theme.glyphs);
        text::put(buf, area, 0, i as u16, &label, theme.text);
    }
}

impl PaneWidget for NetworkPane {
    fn title<'a>(&self, cx: Context<'a>) -> Line<'a> {
        let mut line = Line::styled("Network", cx.theme.strong);
        let target = match cx.view.lane(cx.front) {
            _ if self.all => "all lanes".to_string(),
            Some(lane) => format!("lane {}", lane.letter()),
            None => String::new(),
        };
        line.push_span(Span::styled(format!("  {target}"), cx.theme.faint));
        if self.edited() {
            line.push_span(Span::styled("  edited", cx.theme.warn));
        }
        line
    }

    fn draw(&self, cx: Context<'_>, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let theme = cx.theme;
        let Some(lane) = cx.view.lane(cx.front) else {
            return text::put_message(buf, area, "no lane yet", theme.faint);
        };
        if lane.info.foreign.is_some() {
            return named(lane, theme, area, buf);
        }
        let draft = self.draft(lane);
        let rows = draft.rows(lane.info.input, lane.info.outputs);
        let (first, room) = self.window(rows.len(), area);
        let counts: Vec<String> = rows
            .iter()
            .map(|r| if r.params > 0 { thousands(r.params as u64) } else { String::new() })
            .collect();
        let wide = |texts: &mut dyn Iterator<Item = u16>| texts.max().unwrap_or(0);
        let count_width = wide(&mut counts.iter().map(|c| text::width(c)));
        let shape_width = wide(&mut rows.iter().map(|r| text::width(&r.output))).min(area.width / 3);
        for (i, (row, count)) in rows.iter().zip(&counts).enumerate() {
            let label = match row.number {
                Some(number) => format!("{number:>2} {}", row.label),
                None => row.label.clone(),
            };
            if i < first || i >= first + room {
                continue;
            }
            let y = (i - first) as u16;
            let style = match () {
                () if row.fault.is_some() => theme.bad,
                () if row.fixed => theme.faint,
                () => theme.text,
            };
            let indent = 2 * (row.path.len() as u16 - 1);
            let line = text::part(area, 0, y, area.width, 1);
            let label_room = usize::from(area.width.saturating_sub(indent + shape_width + count_width + 3));
            let label = text::by_words(&label, label_room, theme.glyphs);
            text::put(buf, line, indent, 0, &label, style);
            let shape_area = Rect { width: line.width.saturating_sub(count_width + 1), ..line };
            text::put_right(buf, shape_area, 0, &row.output, theme.faint);
            text::put_right(buf, line, 0, count, theme.text);
            if i == self.selected && cx.focused {
                theme.select(line, buf);
            }
        }
        if area.height < 2 {
            return;
        }
        let total: usize = rows.iter().filter(|r| r.path.len() == 1).map(|r| r.params).sum();
        let below = text::part(area, 0, area.height - 1, area.width, 1);
        if let Some(fault) = draft.fault(lane.info.input, lane.info.outputs) {
            let fault = text::shorten(&fault, usize::from(below.width), theme.glyphs);
            text::put(buf, below, 0, 0, &fault, theme.bad);
        } else {
            let init = draft.init.settings().brief();
            let init = init.strip_suffix("()").unwrap_or(&init);
            let total = format!("{} weights", thousands(total as u64));
            text::put_right(buf, below, 0, &total, theme.text);
            // On a separate line if needed and possible.
            let room = below.width.saturating_sub(text::width(&total) + 1);
            let above = area.height >= 2 + rows.len() as u16 && text::width(init) > room;
            let (place, room) = if above {
                (text::part(area, 0, area.height - 2, area.width, 1), area.width)
            } else {
                (below, room)
            };
            text::put(buf, place, 0, 0, &text::shorten(init, usize::from(room), theme.glyphs), theme.faint);
        }
    }

    fn act(&mut self, action: Action, cx: Context<'_>) -> PaneRequests {
        let Some(lane) = cx.view.lane(cx.front) else { return PaneRequests::new() };
        let rows = self.rows(lane);
        let last = rows.len().saturating_sub(1);
        self.selected = self.selected.min(last);
        let row = rows.get(self.selected).cloned();
        let layer = row.as_ref().filter(|r| !r.fixed);
        match action {
            Action::Up => self.selected = self.selected.saturating_sub(1),
            Action::Down => self.selected = (self.selected + 1).min(last),
            Action::PageUp => self.selected = self.selected.saturating_sub(8),
            Action::PageDown => self.selected = (self.selected + 8).min(last),
            Action::First => self.selected = 0,
            Action::Last => self.selected = last,
            Action::Edit if layer.is_some() => return vec![PaneRequest::EditLayer(self.selected)],
            Action::Edit => {
                return vec![PaneRequest::Notice(
                    "the output layer follows from the data; a adds one before it".into(),
                )];
            }
            Action::Add => {
                // On the output layer: insert before it, after the layer above.
                let at = if layer.is_some() { self.selected } else { self.selected.saturating_sub(1) };
                return vec![PaneRequest::ChooseLayer(at)];
            }
            Action::Remove => {
                if let Some(r) = layer {
                    self.change(lane, |d| d.remove(&r.path));
                }
            }
            Action::MoveUp | Action::MoveDown => {
                if let Some(r) = layer {
                    let mut path = Vec::new();
                    self.change(lane, |d| path = d.shift(&r.path, action == Action::MoveDown));
                    self.select(lane, &path);
                }
            }
            Action::Init => return vec![PaneRequest::ChooseInit],
            Action::Target => self.all = !self.all,
            Action::Apply => return self.apply(cx, lane),
            Action::Discard => self.discard(),
            _ => {}
        }
        PaneRequests::new()
    }

    fn click(&mut self, at: Position, area: Rect, cx: Context<'_>) -> PaneRequests {
        if let Some(lane) = cx.view.lane(cx.front) {
            let rows = self.rows(lane).len();
            let (first, room) = self.window(rows, area);
            let y = usize::from(at.y - area.y);
            if y < room && first + y < rows {
                self.selected = first + y;
            }
        }
        PaneRequests::new()
    }
}
