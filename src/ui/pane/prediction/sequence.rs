//! A sequence over time, with targets and predictions: symbols below one another, or numbers as lines.

use super::rows;
use crate::telemetry::Data;
use crate::ui::theme::{Glyphs, Theme};
use crate::ui::widget::canvas::{Canvas, Pen, PenStyle};
use crate::ui::widget::{scale, text};
use crate::view::ProbeResult;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

/// Columns of the words before symbols and bars.
const WORDS: u16 = 7;

/// A sequence in a probe.
pub(super) struct Sequence<'a> {
    /// The numbers of each feature over time.
    inputs: &'a [(String, Vec<f32>)],
    target: &'a [f32],
    answer: &'a [f32],
    /// Names of the classes; empty for regressions.
    names: &'a [(String, Vec<f32>)],
}

impl<'a> Sequence<'a> {
    /// The sequence of a probe, if it has one.
    pub(super) fn of(probe: &'a ProbeResult) -> Option<Self> {
        let series = |name| match probe.part(name) {
            Some(Data::Series(values)) if !values.is_empty() => Some(&values[..]),
            _ => None,
        };
        let (inputs, names) = (rows(probe, "inputs"), rows(probe, "names"));
        Some(Self { inputs, target: series("target")?, answer: series("answer")?, names })
    }

    /// Time steps.
    fn steps(&self) -> usize {
        self.inputs.first().map_or(0, |row| row.1.len())
    }

    /// Whether the whole sequence has a single target.
    fn single(&self) -> bool {
        self.target.len() == 1 && self.names.is_empty()
    }

    /// The verdict on the prediction.
    fn verdict(&self, theme: &Theme) -> (String, Style) {
        let pairs = || self.target.iter().zip(self.answer);
        if !self.names.is_empty() {
            let right = pairs().filter(|(t, a)| t == a).count();
            let style = if right == self.target.len() { theme.good } else { theme.strong };
            return (format!("right at {right} of {} steps", self.target.len()), style);
        }
        let off = pairs().map(|(t, a)| f64::from((t - a).abs())).sum::<f64>() / self.target.len() as f64;
        let on_average = if self.single() { "" } else { " on average" };
        (format!("off by {}{on_average}", scale::number(off)), theme.strong)
    }

    /// Draws it; `lost`: the reason why the lane's predictions are not finite, if they are not.
    pub(super) fn draw(
        &self,
        sample: &str,
        lost: Option<String>,
        lane: Color,
        theme: &Theme,
        area: Rect,
        buf: &mut Buffer,
    ) {
        let head = u16::from(area.height >= 2);
        if head > 0 {
            let verdict = lost.map_or_else(|| self.verdict(theme), |words| (words, theme.bad));
            let pieces = [verdict, (format!("  sample {sample}"), theme.faint)];
            text::put_pieces(buf, area, 0, &pieces);
        }
        let body = text::part(area, 0, head, area.width, area.height - head);
        if self.names.is_empty() {
            self.draw_numbers(lane, theme, body, buf);
        } else {
            self.draw_symbols(theme, body, buf);
        }
    }

    /// The character of a class.
    fn symbol(&self, class: f32, glyphs: Glyphs) -> char {
        let name = self.names.get(class as usize).filter(|_| class >= 0.0).map_or("?", |n| &n.0);
        match name {
            "blank" => text::pick(glyphs, "·", ".").chars().next().unwrap_or('.'),
            name => name.chars().find(|c| glyphs == Glyphs::Unicode || c.is_ascii()).unwrap_or('?'),
        }
    }

    /// The character of the input at a step: a digit, or the active feature.
    fn shown(&self, t: usize, glyphs: Glyphs) -> char {
        let at = |row: &(String, Vec<f32>)| row.1.get(t).copied().unwrap_or(f32::NAN);
        match self.inputs {
            [one] => char::from_digit(at(one) as u32, 10).unwrap_or('?'),
            several => {
                let on = several.iter().position(|row| at(row) > 0.5);
                on.map_or('?', |feature| self.symbol(feature as f32, glyphs))
            }
        }
    }

    /// Draws input, target and prediction below one another, in as many blocks of lines as needed.
    fn draw_symbols(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let across = usize::from(area.width.saturating_sub(WORDS)).max(1);
        for block in 0..self.steps().div_ceil(across) as u16 {
            let top = block.saturating_mul(4);
            if top >= area.height {
                break;
            }
            for (y, word) in (top..).zip(["shown", "wanted", "answer"]).filter(|(y, _)| *y < area.height) {
                text::put(buf, area, 0, y, word, theme.faint);
                let first = usize::from(block) * across;
                for (x, t) in (WORDS..area.width).zip(first..self.steps()) {
                    let (target, answer) = (self.target.get(t), self.answer.get(t));
                    let of = |class: Option<&f32>| class.map_or('?', |c| self.symbol(*c, theme.glyphs));
                    let (symbol, style) = match word {
                        "shown" => (self.shown(t, theme.glyphs), theme.text),
                        "wanted" => (of(target), theme.text),
                        _ if target == answer => (of(answer), theme.good),
                        _ => (of(answer), theme.bad.add_modifier(Modifier::UNDERLINED)),
                    };
                    text::cell(buf, area.x + x, area.y + y, symbol, style);
                }
            }
        }
    }

    /// Draws the first feature over time, with marks at the steps where the second feature is set; target and
    /// prediction are lines over it, or bars below it.
    fn draw_numbers(&self, lane: Color, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let answer = Style::new().fg(lane).add_modifier(Modifier::BOLD);
        let foot = if area.height < 3 { area.height } else { 2 } * u16::from(self.single());
        let legend = u16::from(area.height >= 6);
        let plane = text::part(area, 0, 0, area.width, area.height - foot - legend);
        self.draw_lines(answer, theme, plane, buf);
        if legend == 1 {
            let mut pieces = vec![("input".to_string(), theme.faint)];
            if self.single() {
                let words = text::pick(theme.glyphs, "  ● marked", "  o marked");
                pieces.push((words.into(), theme.warn));
            } else {
                pieces.extend([("  wanted".into(), theme.strong), ("  answer".into(), answer)]);
            }
            pieces.push((format!("  over {} steps", scale::count(self.steps() as f64)), theme.faint));
            text::put_pieces(buf, text::part(area, 0, plane.height, area.width, 1), 0, &pieces);
        }
        if self.single() {
            let bars = text::part(area, 0, area.height - foot, area.width, foot);
            let both = [self.target[0], self.answer[0]];
            let most = both.into_iter().filter(|v| v.is_finite()).fold(1e-9f32, f32::max);
            let looks = [("wanted", theme.strong), ("answer", answer)];
            for (y, ((word, style), v)) in (0..bars.height).zip(looks.into_iter().zip(both)) {
                text::put(buf, bars, 0, y, word, theme.faint);
                let number = if v.is_finite() { scale::number(f64::from(v)) } else { "none".into() };
                let room = bars.width.saturating_sub(WORDS + 8);
                let share = if v.is_finite() { (v / most).clamp(0.0, 1.0) } else { 0.0 };
                let long = (f32::from(room) * share).round() as u16;
                let full = text::pick(theme.glyphs, "█", "#").repeat(usize::from(long));
                text::put(buf, bars, WORDS, y, &full, style);
                text::put_right(buf, bars, y, &number, style);
            }
        }
    }

    fn draw_lines(&self, answer: Style, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let Some((_, input)) = self.inputs.first() else { return };
        let lines = if self.single() { [&[][..], &[]] } else { [self.target, self.answer] };
        let all = || input.iter().chain(lines.into_iter().flatten()).filter(|v| v.is_finite());
        let (low, high) = all().fold((0f32, f32::MIN_POSITIVE), |(a, b), v| (a.min(*v), b.max(*v)));
        if area.is_empty() || input.is_empty() {
            return;
        }
        let mut canvas = Canvas::new(area.width, area.height, theme.glyphs);
        let (right, bottom) = (canvas.width() - 1, canvas.height() - 1);
        let dot = |t: usize, v: f32| {
            let x = t * right / (input.len() - 1).max(1);
            // In f64: the difference of two f32 may be infinite.
            let down = (f64::from(high) - f64::from(v)) / (f64::from(high) - f64::from(low));
            (x, (down * bottom as f64).round() as usize)
        };
        let mut looks = vec![PenStyle { style: theme.faint, ascii: '.' }];
        looks.push(PenStyle { style: theme.strong, ascii: '-' });
        looks.push(PenStyle { style: answer, ascii: '=' });
        for (look, values) in [&input[..], lines[0], lines[1]].into_iter().enumerate() {
            let pen = Pen { look: look as u8, rank: look as u8 + 1 };
            for (t, pair) in values.windows(2).enumerate().take(input.len() - 1) {
                if pair.iter().all(|v| v.is_finite()) {
                    canvas.line(dot(t, pair[0]), dot(t + 1, pair[1]), 0, pen);
                }
            }
        }
        let marks = || self.inputs.iter().skip(1).flat_map(|row| row.1.iter().enumerate());
        let marked = || marks().filter(|(_, m)| **m > 0.5).filter_map(|(t, _)| Some((t, *input.get(t)?)));
        looks.push(PenStyle { style: theme.warn, ascii: '|' });
        for (t, v) in marked().filter(|m| m.1.is_finite()) {
            let (x, y) = dot(t, v);
            canvas.vertical(x, y, bottom, Pen { look: 3, rank: 4 });
        }
        canvas.draw(area, buf, &looks);
        for (t, v) in marked().filter(|m| m.1.is_finite()) {
            let (x, y) = dot(t, v);
            let (x, y) = canvas.cell(x, y);
            let mark = if theme.glyphs == Glyphs::Unicode { '●' } else { 'o' };
            text::cell(buf, area.x + x, area.y + y, mark, theme.warn.add_modifier(Modifier::BOLD));
            let number = scale::number(f64::from(v));
            let wide = text::width(&number);
            let x = if x + 1 + wide <= area.width { x + 1 } else { x.saturating_sub(wide) };
            text::put(buf, area, x, y, &number, theme.warn);
        }
    }
}
