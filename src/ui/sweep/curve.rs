//! Line plots: the compared number against a field of numbers for each contender, and the curves of one setting.

use super::list::short;
use super::{Board, letter};
use crate::lab::sweep::cell::End;
use crate::ui::theme::Theme;
use crate::ui::widget::canvas::{Canvas, Pen, PenStyle};
use crate::ui::widget::scale::AxisScale;
use crate::ui::widget::text;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// The medians of a contender along a field, each with the best of its other settings, and the range over the seeds.
pub(super) struct MedianCurve {
    contender: usize,
    points: Vec<[f64; 4]>,
}

/// A line to draw: its contender, whether it is in front, and its points with their ranges.
struct DrawnCurve<'p> {
    contender: usize,
    front: bool,
    points: &'p [[f64; 4]],
}

impl Board<'_> {
    /// The field of numbers along which the lines run.
    fn along(&self) -> Option<usize> {
        let numbers = |f: &usize| self.fields[*f].numbers.is_some();
        Some(self.axes.0).filter(numbers).or_else(|| (0..self.fields.len()).find(numbers))
    }

    pub(super) fn lines_of(&self) -> Vec<MedianCurve> {
        let Some(along) = self.along() else { return Vec::new() };
        let field = &self.fields[along];
        let numbers = field.numbers.as_deref().unwrap_or_default();
        let mut best: Vec<Vec<Option<usize>>> = vec![vec![None; numbers.len()]; self.plan.contenders.len()];
        for s in 0..self.plan.settings.len() {
            let Some(at) = field.of[s].filter(|_| self.scores[s].median.is_some()) else { continue };
            let place = &mut best[self.plan.settings[s].contender][at];
            if place.is_none_or(|old| self.better(s, old)) {
                *place = Some(s);
            }
        }
        let point = |(at, s): (usize, usize)| {
            let score = &self.scores[s];
            let band = score.band.unwrap_or_default();
            Some([numbers[at], score.median?.into(), band.min.into(), band.max.into()])
        };
        let line = |(contender, places): (usize, Vec<Option<usize>>)| MedianCurve {
            contender,
            points: places.into_iter().enumerate().filter_map(|(at, s)| point((at, s?))).collect(),
        };
        best.into_iter().enumerate().map(line).filter(|l| !l.points.is_empty()).collect()
    }

    /// The compared number against the field, a line for each contender.
    pub(super) fn draw_lines(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let Some(along) = self.along() else {
            return self.heading(theme, area, buf, "no field of numbers to draw against", None);
        };
        let mut words = format!("{} against {}", self.results.compared(), short(&self.fields[along].name));
        let others =
            self.fields.iter().enumerate().filter(|(i, field)| *i != along && field.values.len() > 1);
        let others: Vec<&str> =
            others.map(|(_, field)| short(&field.name)).filter(|n| *n != "contender").collect();
        if !others.is_empty() {
            words = format!("{words}, best over {}", others.join(", "));
        }
        self.heading(theme, area, buf, &words, None);
        // The letters of all lines, with their names if there is room; the table has the names too.
        let names = || self.lines.iter().map(|line| &self.plan.contenders[line.contender]);
        let mut x = text::width(&words) + 5;
        let named = x + names().map(|name| text::width(name) + 4).sum::<u16>() <= area.width;
        for (line, name) in self.lines.iter().zip(names()) {
            let style = Style::new().fg(theme.lane(line.contender));
            text::put(buf, area, x, 0, &letter(line.contender).to_string(), style);
            x += 2;
            if named {
                text::put(buf, area, x, 0, name, theme.faint);
                x += text::width(name) + 2;
            }
        }
        let front = self.plan.settings[self.selected].contender;
        let drawn: Vec<DrawnCurve<'_>> = self
            .lines
            .iter()
            .map(|l| DrawnCurve { contender: l.contender, front: l.contender == front, points: &l.points })
            .collect();
        let cap = self.ends.map(|(_, poor)| poor);
        self.plot(
            theme,
            text::part(area, 0, 1, area.width, area.height.saturating_sub(1)),
            buf,
            &drawn,
            true,
            cap,
        );
    }

    /// The curves of the selected setting, one for each seed.
    pub(super) fn draw_curves(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let setting = &self.plan.settings[self.selected];
        let words = format!("{}: {} over steps", self.plan.words(setting), self.plan.measure.row().label);
        self.heading(theme, area, buf, &words, None);
        let mut curves: Vec<Vec<[f64; 4]>> = Vec::new();
        let mut ends = Vec::new();
        for seed in 0..self.plan.seeds.len() {
            let Some(record) = self.results.record(self.selected, seed) else { continue };
            let points = record.at.iter().zip(record.values(self.plan.measure));
            let points = points.filter(|(_, v)| v.is_finite()).map(|(&at, v)| {
                let v = f64::from(v);
                [at as f64, v, v, v]
            });
            curves.push(points.collect());
            if record.end != End::Finished {
                let why =
                    if record.why.is_empty() { format!("{:?}", record.end) } else { record.why.clone() };
                ends.push(format!("seed {}: {why}", self.plan.seeds[seed]));
            }
        }
        let lines = ends.len().min(usize::from(area.height / 4)) as u16;
        for (y, words) in (0..lines).zip(&ends) {
            let place = text::part(area, 1, area.height - lines + y, area.width.saturating_sub(2), 1);
            text::put(
                buf,
                place,
                0,
                0,
                &text::shorten(words, usize::from(place.width), theme.glyphs),
                theme.warn,
            );
        }
        let contender = setting.contender;
        let drawn: Vec<DrawnCurve<'_>> =
            curves.iter().map(|points| DrawnCurve { contender, front: true, points }).collect();
        let room = text::part(area, 0, 1, area.width, area.height.saturating_sub(1 + lines));
        self.plot(theme, room, buf, &drawn, false, None);
        if drawn.is_empty() {
            text::put(buf, area, 2, 2, "nothing of it is trained yet", theme.faint);
        }
    }

    fn plot(
        &self,
        theme: &Theme,
        area: Rect,
        buf: &mut Buffer,
        lines: &[DrawnCurve<'_>],
        wide: bool,
        cap: Option<f64>,
    ) {
        if area.height < 4 || area.width < 20 {
            return;
        }
        let all = || lines.iter().flat_map(|l| l.points.iter());
        let ends = |of: &dyn Fn(&[f64; 4]) -> f64| {
            all().map(of).fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)))
        };
        let (mut left, right) = ends(&|p| p[0]);
        // A curve over steps begins at step 0.
        if !wide {
            left = left.min(0.0);
        }
        let x = AxisScale::fit(left, right, wide && left > 0.0 && right >= 30.0 * left);
        let (mut low, mut high) = (ends(&|p| p[2]).0, ends(&|p| p[3]).1);
        // Otherwise numbers beyond the worst tenth would compress all the rest.
        match cap {
            Some(cap) if self.results.less_is_better() => high = high.min(cap),
            Some(cap) => low = low.max(cap),
            None => {}
        }
        let y = AxisScale::fit(low, high, self.results.less_is_better() && low > 0.0 && high >= 10.0 * low);
        let margin = 7;
        let ground = text::part(area, margin, 0, area.width - margin, area.height - 1);
        let mut canvas = Canvas::new(ground.width, ground.height, theme.glyphs);
        let (w, h) = (canvas.width().saturating_sub(1) as f64, canvas.height().saturating_sub(1) as f64);
        let place = |scale: AxisScale, v: f64| scale.at(v).map(|p| p.clamp(0.0, 1.0));
        let dot =
            |px: f64, v: f64| Some(((px * w).round() as usize, ((1.0 - place(y, v)?) * h).round() as usize));
        let mut looks = Vec::new();
        let mut letters = Vec::new();
        for line in lines {
            let style = Style::new().fg(theme.lane(line.contender));
            let name = letter(line.contender);
            let look = looks.len() as u8;
            looks.push(PenStyle { style, ascii: name.to_ascii_lowercase() });
            looks.push(PenStyle {
                style: crate::ui::widget::colour::faint(theme.lane(line.contender), theme),
                ascii: ':',
            });
            let pen = Pen { look, rank: if line.front { 4 } else { 3 } };
            let (mut before, mut best) = (None, None::<(f64, (u16, u16))>);
            for [at, median, min, max] in line.points {
                let Some(px) = place(x, *at) else { continue };
                if let (Some((column, top)), Some((_, bottom))) = (dot(px, *max), dot(px, *min)) {
                    canvas.vertical(column, top, bottom, Pen { look: look + 1, rank: 1 });
                }
                let Some(now) = dot(px, *median) else { continue };
                canvas.line(before.unwrap_or(now), now, 0, pen);
                before = Some(now);
                // The letter is at the best point, because lines mostly meet at their ends.
                let better =
                    |old: f64| if self.results.less_is_better() { *median < old } else { *median > old };
                if best.is_none_or(|(old, _)| better(old)) {
                    best = Some((*median, canvas.cell(now.0, now.1)));
                }
            }
            if let Some((_, place)) = best {
                letters.push((place, name, style));
            }
            if looks.len() > 250 {
                break;
            }
        }
        canvas.draw(ground, buf, &looks);
        for ((column, row), name, style) in letters.into_iter().filter(|_| wide) {
            text::put(buf, text::part(ground, column, row, 1, 1), 0, 0, &name.to_string(), style);
        }
        for (v, words) in y.ticks(usize::from(ground.height / 2).max(2)) {
            let Some(p) = place(y, v) else { continue };
            let line = ((1.0 - p) * f64::from(ground.height - 1)).round() as u16;
            text::put_right(buf, text::part(area, 0, line, margin - 1, 1), 0, &words, theme.faint);
        }
        let foot = text::part(area, margin, area.height - 1, ground.width, 1);
        let mut free = 0;
        for (v, words) in x.ticks(usize::from(ground.width / 10).max(2)) {
            let Some(p) = place(x, v) else { continue };
            let wide = text::width(&words);
            let at = ((p * f64::from(ground.width - 1)).round() as u16).saturating_sub(wide / 2);
            let at = at.min(foot.width.saturating_sub(wide));
            if at >= free {
                text::put(buf, foot, at, 0, &words, theme.faint);
                free = at + wide + 1;
            }
        }
    }
}
