//! Tests that every number on the screen is the intended one: never cut, never partly overwritten, never joined with
//! its neighbour; and that colours agree with the numbers beside them.

use super::gradient_map::GradientMap;
use super::microscope::Microscope;
use super::tests::{context, unicode};
use super::{Context, Pane, PaneWidget, fixture, inside_fixture};
use crate::number::{LayerNumber, Number};
use crate::telemetry::{Data, Event, LayerMeasure, Measure};
use crate::ui::keymap::Action;
use crate::ui::theme::{Depth, Glyphs, Theme};
use crate::ui::widget::colour::{self, Map};
use crate::ui::widget::text;
use crate::view::RunView;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr as _;

/// Numbers that are hard to write in a few columns.
const ODD: [f32; 12] = [
    -5.9e-10,
    2.0101e11,
    -0.095_33,
    1.2e-38,
    f32::NAN,
    -123_456.7,
    f32::INFINITY,
    -0.5,
    -3.4e38,
    f32::NEG_INFINITY,
    99.96,
    0.0,
];

/// The same run with odd numbers everywhere.
fn odd(mut view: RunView) -> RunView {
    let mut i = 0;
    let mut next = || {
        i += 1;
        ODD[i % ODD.len()]
    };
    for lane in &mut view.lanes {
        for layer in &mut lane.layers {
            for number in [LayerNumber::GradNorm, LayerNumber::WeightNorm, LayerNumber::UpdateRatio] {
                let v = layer.get(number).map(|_| next().abs());
                layer.values.set(number, v);
            }
        }
        for probe in lane.probes.values_mut() {
            for (name, part) in &mut probe.parts {
                match part {
                    Data::Table { rows, .. } if name != "slots" => {
                        rows.iter_mut().flat_map(|r| &mut r.1).for_each(|v| *v = next());
                    }
                    Data::Scalar(v) if ["from", "to", "raw", "linf", "l2", "least"].contains(&&name[..]) => {
                        *v = f64::from(next());
                    }
                    _ => {}
                }
            }
        }
        lane.last = lane.last.with(Number::Loss, next()).with(Number::GradNorm, next().abs());
    }
    let lanes: Vec<_> = view.lanes.iter().map(|l| (l.id, l.last, l.layers.clone())).collect();
    for (lane, last, layers) in lanes {
        let measure = Box::new(Measure { step: last.step + 1, ..last }.with(Number::Loss, next()));
        view.apply(Event::Measured { lane, measure, layers });
    }
    view
}

fn views() -> Vec<RunView> {
    let mut images = fixture::run(300, 12);
    fixture::add_images(&mut images);
    fixture::add_bench(&mut images);
    fixture::add_attacked(&mut images);
    let mut inside = fixture::run(60, 2);
    inside_fixture::add_all(&mut inside);
    let mut plane = fixture::run(200, 3);
    fixture::add_plane(&mut plane, 3);
    let plain = [images, inside, plane];
    plain.iter().cloned().chain(plain.iter().cloned().map(odd)).collect()
}

/// The numbers of a line of the picture, each with its column.
fn shown(buf: &Buffer, y: u16) -> Vec<(u16, String)> {
    let mut line = String::new();
    let mut columns = Vec::new();
    for x in 0..buf.area.width {
        let symbol = buf[(x, y)].symbol();
        columns.extend(std::iter::repeat_n(x, symbol.len()));
        line.push_str(symbol);
    }
    text::numerals(&line).map(|n| (columns[n.start], line[n].to_owned())).collect()
}

/// The numbers in the picture that should not be there.
fn strangers(pane: &dyn PaneWidget, cx: Context<'_>, w: u16, h: u16, name: &str) -> Vec<String> {
    let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
    let written = text::recorded(|| pane.draw(cx, buf.area, &mut buf));
    let mut meant = std::collections::BTreeSet::new();
    for (x, y, words) in &written {
        meant.extend(text::numerals(words).map(|n| {
            let column = x + words[..n.start].width() as u16;
            (*y, column, words[n].to_owned())
        }));
    }
    let mut found = Vec::new();
    for y in 0..h {
        for (x, number) in shown(&buf, y).into_iter().filter(|(x, n)| !meant.contains(&(y, *x, n.clone()))) {
            let line: String = (0..w).map(|x| buf[(x, y)].symbol()).collect();
            found.push(format!("{name} at {w}x{h}: {number} at ({x}, {y}) in {line}"));
        }
    }
    found
}

#[test]
fn no_pane_ever_draws_a_number_that_is_another_one() {
    let sizes = |n: u16, step: usize| (1..n).step_by(step);
    let mut found: Vec<String> = Vec::new();
    for view in views() {
        for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
            let theme = Theme::dark(Depth::True, glyphs);
            for front in [0, 3] {
                let cx = Context { front, ..context(&view, &theme) };
                for &id in Pane::ALL {
                    let mut pane = id.make();
                    for action in
                        [Action::NextMetric, Action::NextMetric, Action::ToggleConfusion, Action::ToggleSizes]
                    {
                        for (w, h) in sizes(64, 7).flat_map(|w| sizes(28, 9).map(move |h| (w, h))) {
                            found.extend(strangers(&*pane, cx, w, h, id.name()));
                        }
                        for (w, h) in [(80, 24), (92, 30), (120, 40), (200, 60)] {
                            found.extend(strangers(&*pane, cx, w, h, id.name()));
                        }
                        pane.act(action, cx);
                    }
                }
            }
        }
    }
    found.dedup_by(|a, b| a.split(':').nth(1) == b.split(':').nth(1));
    assert!(
        found.is_empty(),
        "{} numbers that are others, such as\n{}",
        found.len(),
        found[..found.len().min(40)].join("\n")
    );
}

#[test]
fn the_microscope_s_numbers_are_those_of_the_probe_in_the_digits_shown() {
    let theme = unicode();
    let mut view = fixture::run(60, 2);
    inside_fixture::add_all(&mut view);
    let view = odd(view);
    let cx = context(&view, &theme);
    let terms: Vec<(String, f32)> = match view.lanes[0].probes["microscope"].part("terms") {
        Some(Data::Table { rows, .. }) => rows.iter().map(|r| (r.0.clone(), r.1[0])).collect(),
        other => panic!("{other:?}"),
    };
    let weight = super::prediction::scalar(&view.lanes[0].probes["microscope"], "weight").unwrap();
    let mut exact = 0;
    for w in 16..120 {
        let mut buf = Buffer::empty(Rect::new(0, 0, w, 30));
        let mut pane = Microscope::default();
        pane.number(weight as usize);
        pane.draw(cx, buf.area, &mut buf);
        let names = |y: u16| (0..w).map(|x| buf[(x, y)].symbol()).collect::<String>();
        for (name, value) in terms
            .iter()
            .filter(|t| t.1.is_finite() && t.0 != "g" && !t.0.contains(|c: char| c.is_ascii_digit()))
        {
            let Some(y) = (0..30).find(|y| names(*y).starts_with(&format!("{name} "))) else { continue };
            let Some((_, number)) = shown(&buf, y).into_iter().next().filter(|_| !names(y).contains('…'))
            else {
                continue;
            };
            let (mantissa, power) = number.split_once('e').unwrap_or((&number, "0"));
            let decimals = mantissa.split_once('.').map_or(0, |m| m.1.len()) as i32;
            let half = 0.5 * 10f64.powi(power.parse::<i32>().unwrap() - decimals);
            let off = (number.parse::<f64>().unwrap() - f64::from(*value)).abs();
            assert!(off <= half * 1.001, "{name} {value:e} is written {number} at {w}");
            exact += 1;
        }
    }
    assert!(exact > 100, "{exact} numbers were compared");
}

/// A lane with this many measured layers, whose gradient at a step is `of(layer, step)`.
fn lane(steps: u64, layers: usize, of: impl Fn(usize, u64) -> f32) -> RunView {
    let mut view = fixture::run(0, layers);
    for step in 1..=steps {
        // Every number is another function of the layer, so that no map can be mistaken for another one.
        let layer = |i: usize| {
            let norm = of(i, step);
            LayerMeasure::of(2 * i)
                .with(LayerNumber::GradNorm, norm)
                .with(LayerNumber::SignalNorm, norm * 2e-3 * 7f32.powi(i as i32))
                .with(LayerNumber::UpdateRatio, 1e-5 * libm::powf(1.0 + norm, 0.3))
                .with(LayerNumber::WeightNorm, 1.0 + 3.0 * i as f32 + 0.5 / step as f32)
                .with(LayerNumber::Saturated, (0.1 + 0.2 * i as f32) / (1.0 + 0.1 / step as f32))
        };
        let measure = Box::new(Measure { step, ..Measure::default() }.with(Number::Loss, 1.0));
        view.apply(Event::Measured { lane: 0, measure, layers: (0..layers).map(layer).collect() });
    }
    view
}

/// Checks that the last coloured cell of every row has the colour of the number beside it, on the scale of the legend.
fn assert_colours(pane: &GradientMap, view: &RunView, depth: Depth, (w, h): (u16, u16), what: &str) {
    let theme = Theme::dark(depth, Glyphs::Unicode);
    let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
    pane.draw(context(view, &theme), buf.area, &mut buf);
    let line = |y: u16| (0..w).map(|x| buf[(x, y)].symbol()).collect::<String>();
    let picture = super::tests::text(&buf);
    let rows: Vec<u16> = (1..h).filter(|y| line(*y).contains("Dense")).collect();
    assert_eq!(rows.len(), 5, "{what} at {w}x{h}\n{picture}");
    let shares = picture.contains("100% saturated");
    let on_scale = |number: &str| {
        let v: f64 = number.trim_end_matches('%').parse().expect("a number");
        if shares { v / 100.0 } else { libm::log10(v) }
    };
    // The range of the colours is taken from the legend, the last line with numbers.
    let legend = (1..h).rev().map(line).find(|l| text::numerals(l).next().is_some()).expect("a legend");
    let ends: Vec<f64> = text::numerals(&legend).map(|n| on_scale(&legend[n])).collect();
    let ends = [ends[0], ends[ends.len() - 1]];
    for y in rows {
        let numbers = shown(&buf, y);
        // Shares of saturated units may be at the end of a row of norms.
        let own = numbers.iter().rfind(|(_, n)| n.ends_with('%') == shares);
        let beside = &own.expect("a number beside the row").1;
        let t = (on_scale(beside) - ends[0]) / (ends[1] - ends[0]);
        // The last cell of the map that has a background.
        let cell = (0..w).rev().map(|x| &buf[(x, y)]).find(|c| c.bg != ratatui::style::Color::Reset);
        let ground = cell.expect("a coloured cell").bg;
        let wanted = Map::Sequential.color(t, depth);
        let near = |c| colour::to_rgb(c).map(colour::brightness);
        let close = match (near(ground), near(wanted)) {
            (Some(a), Some(b)) => (a - b).abs() < 6.0,
            _ => ground == wanted,
        };
        assert!(close, "{what} at {w}x{h}: {beside} is {ground:?}, not {wanted:?}\n{picture}");
    }
}

#[test]
fn the_last_column_of_the_map_has_the_colours_of_the_numbers_beside_it() {
    for depth in [Depth::True, Depth::Indexed] {
        // The step that explodes is the last one: no step before it has similar values.
        for steps in [1, 2, 3, 4, 7, 61, 600, 1500] {
            let explodes =
                |i: usize, step: u64| if step == steps { 4.0e5 * 3f32.powi(i as i32) } else { 1e-2 };
            let view = lane(steps, 5, explodes);
            for size in [(60, 12), (90, 20), (118, 36)] {
                assert_colours(&GradientMap::default(), &view, depth, size, &format!("{steps} steps"));
            }
        }
    }
}

#[test]
fn every_quantity_of_the_map_has_colours_of_its_own_numbers() {
    let theme = unicode();
    let view = lane(40, 5, |i, step| 1e-6 * 11f32.powi(i as i32) * (1.0 + step as f32));
    let cx = context(&view, &theme);
    for depth in [Depth::True, Depth::Indexed] {
        let mut pane = GradientMap::default();
        let mut titles = std::collections::BTreeSet::new();
        for _ in 0..5 {
            let title = pane.title(cx).to_string();
            for size in [(60, 12), (90, 20), (118, 36)] {
                assert_colours(&pane, &view, depth, size, &title);
            }
            titles.insert(title);
            pane.act(Action::NextMetric, cx);
        }
        assert_eq!(titles.len(), 5, "each says what it shows: {titles:?}");
    }
}

#[test]
fn a_lane_of_three_steps_fills_the_map_with_three_columns() {
    let theme = unicode();
    let view = lane(3, 4, |_, step| [1e-6, 1e-3, 1.0][step as usize - 1]);
    let mut buf = Buffer::empty(Rect::new(0, 0, 100, 16));
    GradientMap::default().draw(context(&view, &theme), buf.area, &mut buf);
    let y = (1..16).find(|y| (0..100).any(|x| buf[(x, *y)].bg != ratatui::style::Color::Reset)).unwrap();
    let grounds: Vec<_> =
        (0..100).map(|x| buf[(x, y)].bg).filter(|c| *c != ratatui::style::Color::Reset).collect();
    let runs: Vec<usize> = grounds.chunk_by(|a, b| a == b).map(<[_]>::len).collect();
    assert_eq!(runs.len(), 3, "{}", super::tests::text(&buf));
    assert!(runs.iter().all(|n| n.abs_diff(grounds.len() / 3) <= 1) && grounds.len() > 60, "{runs:?}");
    // Each step's number is below its own column.
    let start = (0..100).find(|x| buf[(*x, y)].bg != ratatui::style::Color::Reset).unwrap();
    let labels =
        (start..start + grounds.len() as u16).filter_map(|x| Some((x, buf[(x, 13)].symbol().parse().ok()?)));
    let labels: Vec<(u16, usize)> = labels.collect();
    assert!(labels.len() >= 2, "{}", super::tests::text(&buf));
    for (x, step) in labels {
        assert_eq!(usize::from(x - start) * 3 / grounds.len() + 1, step, "{}", super::tests::text(&buf));
    }
}
