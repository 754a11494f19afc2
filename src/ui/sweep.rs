//! The screen of a sweep: a heat map of two varied fields, the compared number against a field of numbers with a line
//! for each contender, and a table of all settings. Updates while other processes train; trains nothing itself and
//! writes nothing.

mod curve;
mod list;
mod map;

use super::terminal::choice::Chosen;
use super::terminal::keys::TerminalInput;
use super::terminal::{ScreenInput, Terminal, TerminalError};
use super::theme::Theme;
use super::widget::text;
use crate::lab::sweep::SweepCell;
use crate::lab::sweep::cell::TrainingRecord;
use crate::lab::sweep::table::{Results, SettingScore, SweepRow};
use crate::scenario::sweep::SweepPlan;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Time between two readings of the results.
const LOOK: Duration = Duration::from_millis(250);

/// The keys with their actions.
const KEYS: [(&str, &str); 9] = [
    ("arrows", "another setting"),
    ("Tab", "map or table"),
    ("x y", "the fields of the map"),
    ("c C", "the next value of the other fields"),
    ("s r", "sort by the next column, the other way round"),
    ("Enter", "the curves of the setting, and back"),
    ("o", "leave, and open the setting as a lane in the lab"),
    ("?", "these keys"),
    ("q", "leave"),
];

/// How the screen was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SweepExit {
    /// With this exit code.
    With(u8),
    /// To open a setting in the lab.
    Open(usize),
}

/// A varied field, or the contenders.
struct VariedField {
    name: String,
    values: Vec<String>,
    /// The values as numbers, if all are numbers.
    numbers: Option<Vec<f64>>,
    /// The index of each setting's value.
    of: Vec<Option<usize>>,
}

/// The part of the screen that handles the arrow keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Focus {
    Map,
    Table,
}

/// The screen of a sweep.
pub struct Board<'a> {
    plan: &'a SweepPlan,
    results: Results<'a>,
    scores: Vec<SettingScore>,
    /// The rank of each setting, from 1: those that were trained farther come first, and equally far ones are compared by
    /// their medians; equal ones share a rank.
    ranks: Vec<Option<usize>>,
    rows: Vec<SweepRow>,
    /// The fields; the contenders come first.
    fields: Vec<VariedField>,
    /// The indices of the fields along the map and down the map.
    axes: (usize, usize),
    /// For each field that is not an axis, the index of the value at which the map is taken.
    fixed: Vec<usize>,
    /// The setting at each cell of the map, row by row.
    grid: Vec<Option<usize>>,
    lines: Vec<curve::MedianCurve>,
    /// The best median, and the median at which the colours end.
    ends: Option<(f64, f64)>,
    /// The settings in the order of the table.
    order: Vec<usize>,
    sort: (usize, bool),
    selected: usize,
    focus: Focus,
    curves: bool,
    help: bool,
}

impl<'a> Board<'a> {
    /// The screen of these results.
    pub fn new(results: Results<'a>) -> Self {
        let plan = results.plan();
        let fields = fields(plan);
        let along = (1..fields.len()).max_by_key(|&f| (fields[f].numbers.is_some(), fields[f].values.len()));
        let x = along.unwrap_or(0);
        let y = if fields.len() > 2 && fields[0].values.len() == 1 { if x == 1 { 2 } else { 1 } } else { 0 };
        let mut board = Self {
            plan,
            results,
            scores: Vec::new(),
            ranks: Vec::new(),
            rows: Vec::new(),
            fixed: vec![0; fields.len()],
            axes: (x, y),
            fields,
            grid: Vec::new(),
            lines: Vec::new(),
            ends: None,
            order: Vec::new(),
            sort: (list::MEASURE, false),
            selected: 0,
            focus: Focus::Map,
            curves: false,
            help: false,
        };
        board.refresh();
        board.selected = board.rows.first().and_then(|r| r.best).unwrap_or(0);
        board.follow();
        board
    }

    /// Adds new results.
    pub fn add_results(&mut self, news: Vec<(SweepCell, TrainingRecord)>) {
        if news.is_empty() {
            return;
        }
        let first = self.results.is_empty();
        for (cell, record) in news {
            self.results.insert(cell, record);
        }
        self.refresh();
        if first {
            self.selected = self.rows.first().and_then(|r| r.best).unwrap_or(0);
            self.follow();
        }
    }

    /// Computes everything that depends on results.
    fn refresh(&mut self) {
        self.scores = (0..self.plan.settings.len()).map(|s| self.results.score(s)).collect();
        self.rows = self.results.rows();
        let mut medians: Vec<f64> = self.scores.iter().filter_map(|s| s.median).map(f64::from).collect();
        medians.sort_unstable_by(f64::total_cmp);
        if !self.results.less_is_better() {
            medians.reverse();
        }
        // Otherwise a few poor settings would leave one colour for all the others.
        let last = medians.len().saturating_sub(1) * 9 / 10;
        let less = self.results.less_is_better();
        // With halving, the median of a setting that was dropped belongs to an earlier step.
        let merit = |score: &SettingScore| {
            let median = score.median?;
            Some((Results::rung(score), if less { -median } else { median }))
        };
        let order = |a: &((bool, u64, usize), f32), b: &((bool, u64, usize), f32)| {
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).reverse()
        };
        let mut merits: Vec<_> = self.scores.iter().filter_map(merit).collect();
        merits.sort_unstable_by(order);
        let rank = |score: &SettingScore| {
            let mine = merit(score)?;
            Some(1 + merits.partition_point(|other| order(other, &mine).is_lt()))
        };
        self.ranks = self.scores.iter().map(rank).collect();
        self.ends = medians.first().map(|&best| (best, medians[last]));
        self.arrange();
        self.sort();
    }

    /// Computes the map and the lines.
    fn arrange(&mut self) {
        let (x, y) = self.axes;
        let (columns, rows) = (self.fields[x].values.len(), self.fields[y].values.len());
        let mut grid = vec![None; columns * rows];
        for s in 0..self.plan.settings.len() {
            let here = self
                .fields
                .iter()
                .enumerate()
                .all(|(f, field)| f == x || f == y || field.of[s].is_none_or(|at| at == self.fixed[f]));
            let at = |f: usize| self.fields[f].of[s];
            if let (true, Some(column), Some(row)) = (here, at(x), at(y)) {
                grid[row * columns + column] = Some(s);
            }
        }
        self.grid = grid;
        self.lines = self.lines_of();
    }

    /// Moves the map so that it contains the selected setting.
    fn follow(&mut self) {
        for (f, field) in self.fields.iter().enumerate() {
            self.fixed[f] = field.of.get(self.selected).copied().flatten().unwrap_or(self.fixed[f]);
        }
        self.arrange();
    }

    /// The rating of a number: 1 for the best, 0 for a poor one.
    fn goodness(&self, value: f64) -> f64 {
        let Some((best, poor)) = self.ends else { return 0.0 };
        let log = self.results.less_is_better() && best > 0.0 && poor > 0.0 && value > 0.0;
        let place = |v: f64| if log { libm::log(v) } else { v };
        if best == poor {
            return if value == best { 1.0 } else { 0.0 };
        }
        ((place(value) - place(poor)) / (place(best) - place(poor))).clamp(0.0, 1.0)
    }

    fn better(&self, a: usize, b: usize) -> bool {
        let merit = |s: usize| match self.scores[s].median {
            None => f32::NEG_INFINITY,
            Some(x) if self.results.less_is_better() => -x,
            Some(x) => x,
        };
        merit(a) > merit(b)
    }

    /// Handles a key; returns how the screen is left, if it is.
    fn press(&mut self, key: KeyEvent) -> Option<SweepExit> {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return (key.code == KeyCode::Char('c')).then_some(SweepExit::With(130));
        }
        let help = std::mem::take(&mut self.help);
        match key.code {
            KeyCode::Char('q') => return Some(SweepExit::With(0)),
            KeyCode::Esc if self.curves => self.curves = false,
            KeyCode::Esc if !help => return Some(SweepExit::With(0)),
            KeyCode::Char('?') => self.help = !help,
            KeyCode::Char('o') => return Some(SweepExit::Open(self.selected)),
            KeyCode::Enter => self.curves = !self.curves,
            KeyCode::Tab | KeyCode::BackTab => {
                self.focus = if self.focus == Focus::Map { Focus::Table } else { Focus::Map };
            }
            KeyCode::Char('x') => self.turn(true),
            KeyCode::Char('y') => self.turn(false),
            KeyCode::Char('c') => self.other(1),
            KeyCode::Char('C') => self.other(-1),
            KeyCode::Char('s') => {
                self.sort = ((self.sort.0 + 1) % self.columns(), false);
                self.sort();
            }
            KeyCode::Char('r') => {
                self.sort.1 = !self.sort.1;
                self.sort();
            }
            KeyCode::Left | KeyCode::Char('h') => self.go(-1, 0),
            KeyCode::Right | KeyCode::Char('l') => self.go(1, 0),
            KeyCode::Up | KeyCode::Char('k') => self.go(0, -1),
            KeyCode::Down | KeyCode::Char('j') => self.go(0, 1),
            KeyCode::PageUp => self.walk(-10),
            KeyCode::PageDown => self.walk(10),
            KeyCode::Home => self.walk(isize::MIN / 2),
            KeyCode::End => self.walk(isize::MAX / 2),
            _ => {}
        }
        None
    }

    /// Chooses another field along the map, or down it.
    fn turn(&mut self, along: bool) {
        let (x, y) = self.axes;
        let now = if along { x } else { y };
        let next = (now + 1) % self.fields.len();
        // If one field would be both axes, the axes are swapped.
        self.axes = match (along, next) {
            (true, next) if next == y => (y, x),
            (false, next) if next == x => (y, x),
            (true, next) => (next, y),
            (false, next) => (x, next),
        };
        self.follow();
    }

    /// Chooses other values of the fields that are not axes: they count like the digits of a number.
    fn other(&mut self, by: isize) {
        for f in (0..self.fields.len()).filter(|&f| f != self.axes.0 && f != self.axes.1) {
            let count = self.fields[f].values.len() as isize;
            let next = self.fixed[f] as isize + by;
            self.fixed[f] = next.rem_euclid(count) as usize;
            if (0..count).contains(&next) && count > 1 {
                break;
            }
        }
        self.arrange();
        let same = |f: usize, s: usize| self.fields[f].of[s] == self.fields[f].of[self.selected];
        let place = |s: &usize| same(self.axes.0, *s) && same(self.axes.1, *s);
        if let Some(s) = self.grid.iter().flatten().copied().find(|s| place(s)) {
            self.selected = s;
        }
    }

    fn go(&mut self, right: isize, down: isize) {
        if self.focus == Focus::Table {
            return self.walk(down);
        }
        let (x, y) = self.axes;
        let (columns, rows) = (self.fields[x].values.len() as isize, self.fields[y].values.len() as isize);
        let at = |f: usize| self.fields[f].of[self.selected].unwrap_or(0) as isize;
        let (mut column, mut row) = (at(x) + right, at(y) + down);
        while (0..columns).contains(&column) && (0..rows).contains(&row) {
            if let Some(s) = self.grid[(row * columns + column) as usize] {
                self.selected = s;
                return;
            }
            (column, row) = (column + right, row + down);
        }
    }

    /// Moves this many rows down the table.
    fn walk(&mut self, by: isize) {
        let now = self.order.iter().position(|&s| s == self.selected).unwrap_or(0) as isize;
        let last = self.order.len().saturating_sub(1) as isize;
        self.selected = self.order[now.saturating_add(by).clamp(0, last) as usize];
        self.follow();
    }

    /// The whole screen.
    pub fn draw(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        self.head(theme, area, buf);
        let body = text::part(area, 0, 1, area.width, area.height.saturating_sub(2));
        if self.help {
            for (y, (key, what)) in (0..).zip(KEYS) {
                text::put(buf, body, 2, y, key, theme.key());
                text::put(buf, body, 12, y, what, theme.text);
            }
        } else if self.curves {
            self.draw_curves(theme, body, buf);
        } else if body.height < 12 || body.width < 50 {
            match self.focus {
                Focus::Map => self.draw_map(theme, body, buf),
                Focus::Table => self.draw_table(theme, body, buf),
            }
        } else {
            let upper = (body.height * 11 / 20).max(7);
            let half = body.width / 2;
            self.draw_map(theme, text::part(body, 0, 0, half - 1, upper), buf);
            self.draw_lines(theme, text::part(body, half, 0, body.width - half, upper), buf);
            self.draw_table(theme, text::part(body, 0, upper, body.width, body.height - upper), buf);
        }
        if area.height > 1 {
            let foot = text::part(area, 0, area.height - 1, area.width, 1);
            let keys = if self.curves {
                "arrows another setting  Enter back  o lab  ? help  q quit"
            } else {
                "Tab pane  x y fields  c other  s sort  Enter curves  o lab  ? help  q quit"
            };
            text::put(buf, foot, 1, 0, keys, theme.faint);
        }
    }

    fn head(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let sweep = &self.plan.sweep;
        let title = if sweep.title.is_empty() { &sweep.scenario } else { &sweep.title };
        let diverged: usize = self.rows.iter().map(|r| r.diverged.0).sum();
        let lost = if diverged > 0 { format!("  {diverged} diverged") } else { String::new() };
        let state = format!("{} of {} trainings{lost}", self.results.len(), self.plan.cells());
        let room = usize::from(area.width.saturating_sub(text::width(&state) + 3));
        text::put(buf, area, 1, 0, &text::shorten(title, room, theme.glyphs), theme.strong);
        text::put_right(buf, text::part(area, 0, 0, area.width.saturating_sub(1), 1), 0, &state, theme.faint);
    }

    /// Draws the heading of a part.
    fn heading(&self, theme: &Theme, area: Rect, buf: &mut Buffer, words: &str, focus: Option<Focus>) {
        let here = focus == Some(self.focus);
        let style = if here { theme.border_focused } else { theme.strong };
        let mark = if here { text::pick(theme.glyphs, "▸ ", "> ") } else { "  " };
        let words = text::shorten(words, usize::from(area.width.saturating_sub(2)), theme.glyphs);
        text::put(buf, area, 0, 0, &format!("{mark}{words}"), style);
    }
}

/// The letter of a contender.
fn letter(contender: usize) -> char {
    char::from(b'A' + (contender % 26) as u8)
}

fn fields(plan: &SweepPlan) -> Vec<VariedField> {
    let settings = &plan.settings;
    let contenders = VariedField {
        name: "contender".into(),
        values: plan.contenders.clone(),
        numbers: None,
        of: settings.iter().map(|s| Some(s.contender)).collect(),
    };
    let mut all = vec![contenders];
    for f in 0..plan.fields.len() {
        let values = plan.values_of(f);
        if values == plan.contenders || (values.len() < 2 && plan.fields.len() > 1) {
            continue;
        }
        let place: HashMap<&str, usize> = values.iter().map(String::as_str).zip(0..).collect();
        let of =
            settings.iter().map(|s| plan.value(s, f).and_then(|v| place.get(v.as_str()).copied())).collect();
        let numbers = values.iter().map(|v| v.parse().ok()).collect();
        all.push(VariedField { name: plan.fields[f].clone(), numbers, of, values });
    }
    all
}

/// Shows it until the user leaves. `poll` returns the results since the last call and must not block.
///
/// # Errors
/// If there is no terminal.
pub fn run(
    board: &mut Board<'_>,
    chosen: &Chosen,
    poll: &mut dyn FnMut() -> Vec<(SweepCell, TrainingRecord)>,
) -> Result<SweepExit, TerminalError> {
    let theme = Theme::new(chosen.scheme.what, chosen.depth.what, chosen.drawing.what.glyphs());
    let terminal = Terminal::open(chosen.drawing.what, false)?;
    let (mut changed, mut looked) = (true, Instant::now());
    loop {
        if std::mem::take(&mut changed) {
            let mut picture = Buffer::empty(Rect::from((Position::ORIGIN, terminal.size())));
            board.draw(&theme, picture.area, &mut picture);
            terminal.show(&picture);
        }
        let left = match terminal.wait(LOOK) {
            Some(ScreenInput::Input(TerminalInput::Key(key))) => {
                changed = true;
                board.press(key)
            }
            Some(ScreenInput::Terminate(code)) => Some(SweepExit::With(code)),
            Some(ScreenInput::HungUp) => Some(SweepExit::With(129)),
            Some(ScreenInput::Stop) => {
                terminal.suspend().map_err(TerminalError::System)?;
                changed = true;
                None
            }
            Some(ScreenInput::Continued) => {
                terminal.resume().map_err(TerminalError::System)?;
                changed = true;
                None
            }
            Some(ScreenInput::Resized) => {
                changed = true;
                None
            }
            _ => None,
        };
        if let Some(left) = left {
            terminal.close(Duration::from_secs(1));
            return Ok(left);
        }
        if looked.elapsed() >= LOOK {
            looked = Instant::now();
            let news = poll();
            changed |= !news.is_empty();
            board.add_results(news);
        }
    }
}

#[cfg(test)]
mod tests;
