//! A schedule as a small curve: the learning rate over the whole run, and the lane's present step. Knows no form.

use crate::engine::schedule::{ScheduleConfig, ScheduleMemory, SchedulePoint};
use crate::ui::theme::{Glyphs, Theme};
use crate::ui::widget::canvas::{Canvas, Pen, PenStyle};
use crate::ui::widget::{scale, text};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// The progress of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurveSoFar {
    /// Steps done.
    pub step: u64,
    /// Steps of the run.
    pub total: u64,
}

/// Draws it: the greatest rate at the top, the curve, and a mark at the present step.
///
/// The schedule's state is not known here, so a plateau schedule is drawn without reductions.
pub fn draw(
    schedule: &ScheduleConfig,
    base: f64,
    way: CurveSoFar,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let plot = text::part(area, 8, 0, area.width.saturating_sub(8), area.height);
    if plot.is_empty() {
        return;
    }
    let total = way.total.max(1);
    let rate = |t: u64| schedule.lr(SchedulePoint { base, t, total }, &ScheduleMemory::default());
    let mut canvas = Canvas::new(plot.width, plot.height, theme.glyphs);
    let (w, h) = (canvas.width(), canvas.height());
    let step = |x: usize| (x as u64 * (total - 1)) / (w as u64 - 1).max(1);
    let rates: Vec<f64> = (0..w).map(|x| rate(step(x))).collect();
    let most = rates.iter().copied().fold(0.0, f64::max);
    let row = |v: f64| {
        let share = if most > 0.0 { (v / most).clamp(0.0, 1.0) } else { 0.0 };
        ((1.0 - share) * (h - 1) as f64).round() as usize
    };
    let now = (way.step.min(total) as usize * (w - 1)) / total as usize;
    canvas.vertical(now, 0, h - 1, Pen { look: 1, rank: 1 });
    let line = Pen { look: 0, rank: 2 };
    for x in 1..w {
        canvas.line((x - 1, row(rates[x - 1])), (x, row(rates[x])), 0, line);
    }
    let mark = if theme.glyphs == Glyphs::Unicode { ':' } else { '|' };
    canvas.draw(
        plot,
        buf,
        &[PenStyle { style: theme.key(), ascii: '*' }, PenStyle { style: theme.faint, ascii: mark }],
    );
    let labels = text::part(area, 0, 0, 7, area.height);
    text::put_right(buf, labels, 0, &scale::number(most), theme.faint);
    if area.height > 2 {
        text::put_right(buf, labels, area.height / 2, &scale::number(rate(way.step)), theme.key());
    }
    if area.height > 1 {
        text::put_right(buf, labels, area.height - 1, "0", theme.faint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::SettingValue as _;
    use crate::ui::theme::Depth;
    use ratatui::buffer::Cell;

    fn picture(schedule: &str, step: u64, w: u16, h: u16) -> Vec<String> {
        let theme = Theme::dark(Depth::Mono, Glyphs::Ascii);
        let area = Rect::new(0, 0, w, h);
        let mut buf = Buffer::empty(area);
        let schedule = ScheduleConfig::parse(schedule).expect("a schedule");
        draw(&schedule, 0.1, CurveSoFar { step, total: 100 }, &theme, area, &mut buf);
        buf.content.chunks(usize::from(w).max(1)).map(|r| r.iter().map(Cell::symbol).collect()).collect()
    }

    #[test]
    fn it_falls_where_the_rate_falls_and_marks_where_the_lane_is() {
        let rows = picture("Cosine()", 50, 29, 5);
        assert!(rows[0].starts_with("    0.1 **") && rows[4].trim_end().ends_with("**"), "{rows:#?}");
        assert_eq!(rows[0].rfind('|'), Some(18), "the middle of the run: {rows:#?}");
        assert!(rows[2].starts_with("   0.05"), "the rate of now: {rows:#?}");
        let steady = picture("Constant()", 0, 29, 5);
        assert!(steady[0].ends_with("*********************") && !steady[3].contains('*'), "{steady:#?}");
    }

    #[test]
    fn every_schedule_fits_every_place() {
        for schedule in ScheduleConfig::all() {
            for (w, h) in [(0, 0), (8, 1), (9, 1), (12, 2), (40, 4)] {
                for step in [0, 99, 100, 5000] {
                    picture(&schedule.text(), step, w, h);
                }
            }
        }
    }
}
