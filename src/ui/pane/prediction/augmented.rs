//! A sample and its augmented forms, as a sheet of pictures. Draws the newest probe; requests nothing.

use super::{picture, range, sample_words};
use crate::registry::SettingValue;
use crate::ui::theme::Theme;
use crate::ui::widget::image::Picture;
use crate::ui::widget::text;
use crate::view::{LaneView, ProbeResult};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Least number of pictures in a sheet, if they are recognisable.
const LEAST: usize = 8;

/// Columns, rows, and the size of a cell: the largest pictures of which enough fit side by side.
fn sheet(p: &Picture<'_>, area: Rect) -> (u16, u16, u16, u16) {
    let (wide, high) = (p.width.max(1), p.height().max(1));
    let cells = |times: usize| {
        let (w, h) = (times * wide + 1, (times * high).div_ceil(2) + 1);
        ((usize::from(area.width) + 1) / w, (usize::from(area.height) + 1) / h, w, h)
    };
    let mut best = cells(1);
    for times in 2..=8 {
        let next = cells(times);
        if next.0 * next.1 >= LEAST {
            best = next;
        }
    }
    if best.0 * best.1 < LEAST {
        // If there is no room for whole pixels: shrunk square pictures.
        let rows = usize::from(area.height / 4).clamp(1, 2);
        let h = (usize::from(area.height) + 1) / rows;
        let w = (2 * h.saturating_sub(1) * wide / high).max(1) + 1;
        best = ((usize::from(area.width) + 1) / w, rows, w, h.max(2));
    }
    (best.0.max(1) as u16, best.1.max(1) as u16, best.2 as u16, best.3 as u16)
}

/// Draws the sample and its draws.
pub(super) fn draw(lane: &LaneView, probe: &ProbeResult, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let list = &lane.info.recipe.augment;
    let Some(clean) = picture(probe, "image", range(probe, "image")) else {
        return text::put_message(buf, area, "these data are no images", theme.faint);
    };
    let mut body = area;
    if area.height >= 4 {
        let what = match &list[..] {
            [] => "this lane augments nothing: Enter on it changes that".into(),
            some => {
                format!(
                    "before and under {}",
                    some.iter().map(SettingValue::text).collect::<Vec<_>>().join(", ")
                )
            }
        };
        let pieces = [(what, theme.text), (format!("  sample {}", sample_words(probe)), theme.faint)];
        text::put_pieces(buf, area, 0, &pieces);
        body = text::part(area, 0, 1, area.width, area.height - 1);
    }
    let (columns, rows, w, h) = sheet(&clean, body);
    let draws = (0..).map_while(|i| picture(probe, &format!("draw {i}"), clean.range));
    for (i, p) in (0..columns * rows).zip(std::iter::once(clean).chain(draws)) {
        let cell = text::part(body, i % columns * w, i / columns * h, w - 1, h - 1);
        p.draw(theme, cell, buf);
    }
}
