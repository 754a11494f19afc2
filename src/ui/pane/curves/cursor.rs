//! The cursor of the curves: its position, the edits there, and its keys.

use super::{Context, Curves, Pieces, points};
use crate::number::Number;
use crate::scenario::Edit;
use crate::ui::widget::plot::{self, XAxis};
use crate::ui::widget::scale::AxisScale;
use crate::ui::widget::text;
use crate::view::LaneView;
use ratatui::style::{Modifier, Style};

/// How far a key moves the cursor, as a share of the shown range.
pub(super) const STRIDE: f64 = 0.01;

impl Curves {
    /// The position of the mark: at the past step that is shown, or at the cursor.
    pub(super) fn cursor(&self, cx: Context<'_>) -> Option<f64> {
        let Some(step) = cx.past else { return self.cursor };
        if self.axis == XAxis::Steps {
            return Some(step as f64);
        }
        let points = cx.view.lane(cx.front)?.curve(Number::Loss)?.whole();
        plot::at(points, XAxis::Steps, step as f64).map(|b| self.axis.of(b.at))
    }

    /// The position on the x axis at which a lane was changed; `None` if that was before it trained.
    pub(super) fn place(&self, lane: &LaneView, edit: &Edit) -> Option<f64> {
        if edit.step == 0 || self.axis == XAxis::Steps {
            return (edit.step > 0).then_some(edit.step as f64);
        }
        let points = lane.curve(Number::Loss)?.whole();
        plot::at(points, XAxis::Steps, edit.step as f64).map(|b| self.axis.of(b.at))
    }

    /// The edits at the cursor, or closer to it than a key moves it, with the lane's letter and style.
    pub(super) fn changes_at_cursor(&self, cx: Context<'_>, x: AxisScale) -> Pieces {
        let Some(cursor) = self.cursor(cx) else { return Pieces::new() };
        let near = 0.6 * STRIDE * (x.value(1.0) - x.value(0.0));
        let mut pieces = Pieces::new();
        for lane in &cx.view.lanes {
            let here = |e: &&Edit| self.place(lane, e).is_some_and(|x| (x - cursor).abs() <= near);
            for edit in lane.info.edits.iter().filter(here) {
                let words = edit.to_string().replace('→', text::pick(cx.theme.glyphs, "→", "->"));
                let style = Style::new().fg(cx.theme.lane(lane.id)).add_modifier(Modifier::BOLD);
                pieces.push((format!("{} {words} at {}  ", lane.letter(), edit.step), style));
            }
        }
        pieces
    }

    /// Moves the cursor by about this share of the shown range: to a measurement of the lane in front, or to an edit on
    /// the way there.
    pub(super) fn move_cursor(&mut self, by: f64, cx: Context<'_>) {
        let x = self.x_scale(cx);
        let (low, high) = (x.value(0.0), x.value(1.0));
        let curve =
            cx.view.lane(cx.front).and_then(|l| l.curve(self.metric).or_else(|| l.curve(Number::Loss)));
        let measured = curve.map_or_else(Vec::new, |history| points(history, self.recent).to_vec());
        let measured: Vec<f64> = measured.iter().map(|b| self.axis.of(b.at)).collect();
        let start = self.cursor.or(measured.last().copied()).unwrap_or(high);
        let ahead = |at: &f64| (low..=high).contains(at) && if by < 0.0 { *at < start } else { *at > start };
        let target = start + by * (high - low);
        let from = |origin: f64| move |a: &f64, b: &f64| (a - origin).abs().total_cmp(&(b - origin).abs());
        let nearest = measured.into_iter().filter(ahead).min_by(from(target));
        let way = (start - nearest.unwrap_or(target)).abs().max((start - target).abs());
        let edits = cx.view.lanes.iter().flat_map(|l| l.info.edits.iter().filter_map(|e| self.place(l, e)));
        let edit = edits.filter(ahead).min_by(from(start)).filter(|at| (at - start).abs() <= way);
        self.cursor = Some(edit.or(nearest).unwrap_or(start).clamp(low, high));
    }
}
