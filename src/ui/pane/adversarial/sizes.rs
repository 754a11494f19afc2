//! Accuracy against the size of an attack, all lanes in one plot, and below it the reasons for distrust. Handles no
//! key.

use super::one::distrust;
use crate::ui::pane::Context;
use crate::ui::pane::prediction::rows;
use crate::ui::theme::Glyphs;
use crate::ui::widget::plot::{Curve, Plot, XAxis};
use crate::ui::widget::scale::AxisScale;
use crate::ui::widget::text;
use crate::view::LaneView;
use crate::view::history::{AxisPosition, Bucket};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use std::borrow::Cow;

/// One column of a lane's table as a curve.
fn curve(cx: Context<'_>, lane: &LaneView, column: usize) -> Option<Curve<'static>> {
    let points = rows(lane.probes.get("sizes")?, "curve").iter().filter_map(|(_, v)| {
        let (&eps, &left) = (v.first()?, v.get(column)?);
        let at = AxisPosition { step: f64::from(eps), ..AxisPosition::default() };
        Some(Bucket { at, min: left, max: left, last: left })
    });
    Some(Curve {
        points: Cow::Owned(points.collect()),
        letter: lane.letter(),
        color: cx.theme.lane(lane.id),
        front: lane.id == cx.front,
        dashed: column == 2,
        broken: false,
        breaks: Vec::new(),
    })
}

/// Draws it; `attack` is its name.
pub(super) fn draw(cx: Context<'_>, attack: &str, area: Rect, buf: &mut Buffer) {
    let theme = cx.theme;
    let lanes = &cx.view.lanes;
    let curves: Vec<_> =
        [2, 1].into_iter().flat_map(|c| lanes.iter().filter_map(move |l| curve(cx, l, c))).collect();
    let widest = curves.iter().filter_map(|c| c.points.last()).map(|b| b.at.step).fold(0.0, f64::max);
    if widest <= 0.0 {
        let words = cx.missing(&format!("accuracy against eps for {attack}"));
        return text::put_message(buf, area, &words, theme.faint);
    }
    let mut legend = vec![(format!("accuracy under {attack} by eps "), theme.strong)];
    for lane in lanes {
        let style = Style::new().fg(theme.lane(lane.id)).add_modifier(Modifier::BOLD);
        legend.push((format!(" {}", lane.letter()), style));
        legend.push((format!(" {}", text::shorten(&lane.info.name, 12, theme.glyphs)), theme.text));
    }
    let dashes = if theme.glyphs == Glyphs::Unicode { "  ╌ noise" } else { "  - noise" };
    legend.push((dashes.into(), theme.faint));
    text::put_pieces(buf, area, 0, &legend);
    // The reasons are red, and shown only if something is wrong.
    let why: Vec<_> =
        lanes.iter().flat_map(|l| distrust(l).into_iter().map(move |why| (l.letter(), why))).collect();
    let words: Vec<String> = why
        .iter()
        .flat_map(|(letter, why)| {
            text::lines(&format!("{letter} not to be trusted: {why}"), area.width, "  ")
        })
        .collect();
    let red = (words.len() as u16).min(area.height / 3);
    for (y, line) in (area.height - red..).zip(words.iter().take(usize::from(red))) {
        text::put(buf, area, 0, y, line, theme.bad);
    }
    let plot = Plot {
        curves,
        axis: XAxis::Sizes,
        x: AxisScale::between(0.0, widest),
        log: false,
        y: Some(AxisScale::between(0.0, 1.0)),
        smoothing: 0.0,
        cursor: None,
    };
    plot.draw(theme, text::part(area, 0, 1, area.width, (area.height - red).saturating_sub(1)), buf);
}
