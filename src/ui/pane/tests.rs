//! Tests of the panes of curves, maps and predictions on a made-up run: any size, any terminal, and their words.

use super::adversarial::Adversarial;
use super::curves::Curves;
use super::gradient_map::GradientMap;
use super::microscope::Microscope;
use super::prediction::DataPane;
use super::surface::SurfacePane;
use super::through_time::ThroughTime;
use super::{Context, PaneWidget, fixture, inside_fixture};
use crate::engine::loss::LossConfig;
use crate::number::LayerNumber;
use crate::registry::SettingValue as _;
use crate::telemetry;
use crate::ui::keymap::Action;
use crate::ui::lesson::LessonState;
use crate::ui::theme::{Depth, Glyphs, Theme};
use crate::ui::widget::colour;
use crate::view::RunView;
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use std::sync::LazyLock;

pub(super) fn context<'a>(view: &'a RunView, theme: &'a Theme) -> Context<'a> {
    static LESSON: LazyLock<LessonState> = LazyLock::new(LessonState::default);
    Context {
        view,
        front: 0,
        theme,
        focused: true,
        watching: false,
        lesson: &LESSON,
        guide: None,
        past: None,
    }
}

pub(super) fn unicode() -> Theme {
    Theme::dark(Depth::True, Glyphs::Unicode)
}

pub(super) fn drawn(pane: &dyn PaneWidget, cx: Context<'_>, w: u16, h: u16) -> Buffer {
    // A margin around the pane shows whether it stays within its area.
    let mut buf = Buffer::empty(Rect::new(0, 0, w + 2, h + 2));
    pane.draw(cx, Rect::new(1, 1, w, h), &mut buf);
    for (i, cell) in buf.content.iter().enumerate() {
        let (x, y) = buf.pos_of(i);
        let inside = (1..=w).contains(&x) && (1..=h).contains(&y);
        assert!(inside || cell == &ratatui::buffer::Cell::EMPTY, "({x}, {y}) lies outside of {w}x{h}");
    }
    buf
}

pub(super) fn text(buf: &Buffer) -> String {
    let row = |y| (0..buf.area.width).map(|x| buf[(x, y)].symbol()).collect::<String>() + "\n";
    (0..buf.area.height).map(row).collect()
}

fn panes() -> Vec<Box<dyn PaneWidget>> {
    vec![
        Box::new(Curves::default()),
        Box::new(GradientMap::default()),
        Box::new(DataPane::default()),
        Box::new(Adversarial::default()),
        Box::new(SurfacePane::default()),
        Box::new(ThroughTime::default()),
        Box::new(Microscope::default()),
    ]
}

fn views() -> Vec<RunView> {
    let images = {
        let mut v = fixture::run(300, 12);
        fixture::add_images(&mut v);
        v
    };
    let planes = [2, 3].map(|classes| {
        let mut v = fixture::run(60, 2);
        fixture::add_plane(&mut v, classes);
        v
    });
    let [two, three] = planes;
    let mut bench = images.clone();
    fixture::add_bench(&mut bench);
    let mut inside = fixture::run(60, 2);
    inside_fixture::add_all(&mut inside);
    let sequences = [0, 1, 2].map(|which| {
        let mut v = fixture::run(60, 2);
        if which == 2 {
            fixture::add_echo(&mut v);
        } else {
            fixture::add_sequence(&mut v, which == 1);
        }
        v
    });
    let mut views =
        vec![RunView::default(), fixture::run(0, 3), fixture::run(40, 90), images, two, three, inside, bench];
    views.extend(sequences);
    views
}

#[test]
fn no_size_and_no_terminal_is_too_poor() {
    let views = views();
    for depth in [Depth::Mono, Depth::Sixteen, Depth::Indexed, Depth::True] {
        for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
            let theme = Theme::dark(depth, glyphs);
            for view in &views {
                let cx = context(view, &theme);
                for mut pane in panes() {
                    for w in (0..30).step_by(2).chain([39, 44, 52, 80, 131, 200]) {
                        for h in (0..16).step_by(3).chain([20, 37, 60]) {
                            let buf = drawn(&*pane, cx, w, h);
                            assert!(glyphs == Glyphs::Unicode || text(&buf).is_ascii(), "{}", text(&buf));
                        }
                    }
                    pane.title(cx);
                    pane.act(Action::ToggleConfusion, cx);
                    pane.act(Action::ToggleWindow, cx);
                    drawn(&*pane, cx, 60, 20);
                    pane.act(Action::ToggleAugmented, cx);
                    for (w, h) in [(0, 0), (1, 1), (9, 3), (20, 4), (60, 20), (200, 60)] {
                        let buf = drawn(&*pane, cx, w, h);
                        assert!(glyphs == Glyphs::Unicode || text(&buf).is_ascii(), "{}", text(&buf));
                    }
                }
            }
        }
    }
}

#[test]
fn every_key_is_borne_with_and_without_lanes() {
    let theme = unicode();
    for view in &views() {
        let cx = context(view, &theme);
        for mut pane in panes() {
            let actions = crate::ui::keymap::KEYMAP.iter().map(|b| b.action);
            for action in actions.clone().chain(actions) {
                pane.act(action, cx);
                drawn(&*pane, cx, 60, 20);
                pane.watch(cx, Size::new(60, 20));
            }
        }
    }
}

#[test]
fn a_pane_without_numbers_says_so() {
    let (theme, view, started) = (unicode(), RunView::default(), fixture::run(0, 3));
    for pane in panes() {
        assert!(text(&drawn(&*pane, context(&view, &theme), 40, 5)).contains("no lane"));
        let words = text(&drawn(&*pane, context(&started, &theme), 40, 5));
        assert!(words.contains("yet"), "{words}");
    }
}

#[test]
fn curves_show_every_lane_its_value_and_where_it_broke() {
    let (theme, view) = (unicode(), fixture::run(1200, 12));
    let buf = drawn(&Curves::default(), context(&view, &theme), 100, 30);
    let words = text(&buf);
    for part in ["▸A SGD", "B Momentum", "C Adam", "diverged", "‖g‖", "accuracy", "steps", "1e-"] {
        assert!(words.contains(part), "{part} in\n{words}");
    }
    // Letters at the ends of the lines, in their colours.
    for (lane, letter) in ["A", "B", "C"].iter().enumerate() {
        let ends = buf.content.iter().filter(|c| c.symbol() == *letter && c.fg == theme.lane(lane));
        assert!(ends.count() >= 2, "{letter} in the legend and at its line");
    }
    assert!(words.contains('×'));
}

#[test]
fn losses_of_different_kinds_are_on_no_axis_without_a_word() {
    let (theme, mut view) = (unicode(), fixture::run(100, 4));
    let title = |view: &RunView| Curves::default().title(context(view, &theme)).to_string();
    assert!(!title(&view).contains("different kinds"), "{}", title(&view));
    view.lanes[1].info.recipe.loss = LossConfig::parse("Mse()").expect("a loss");
    assert!(title(&view).contains("loss  of different kinds: compare val loss"), "{}", title(&view));
}

#[test]
fn the_cursor_reads_values_and_keys_change_the_axes() {
    let (theme, view) = (unicode(), fixture::run(1200, 4));
    let cx = context(&view, &theme);
    let mut pane = Curves::default();
    pane.act(Action::First, cx);
    pane.act(Action::PageDown, cx);
    let words = text(&drawn(&pane, cx, 80, 12));
    assert!(words.contains("at 120 steps"), "{words}");
    pane.act(Action::NextXAxis, cx);
    let words = text(&drawn(&pane, cx, 80, 12));
    assert!(words.contains("epochs") && !words.contains("at 120"), "{words}");
    assert!(pane.title(cx).to_string().contains("log"));
    pane.act(Action::ToggleLog, cx);
    assert!(pane.title(cx).to_string().contains("linear"));
    pane.act(Action::PreviousMetric, cx);
    assert!(pane.title(cx).to_string().contains("learning rate"));
}

/// At every width from 20 columns on, a plot that does not show all lanes says so.
#[test]
fn a_legend_counts_the_lanes_without_room() {
    let theme = unicode();
    let mut view = fixture::run(1200, 4);
    for lane in &mut view.lanes {
        lane.info.name = "a long name of a lane".into();
    }
    let cx = context(&view, &theme);
    for width in 20..160 {
        let words = text(&drawn(&Curves::default(), cx, width, 24));
        for (i, line) in words.lines().enumerate().filter(|(_, l)| l.contains("▸A")) {
            // Every plot beside the others has its own legend.
            let plots = line.matches("▸A").count();
            let shown = line.chars().filter(|c| ('B'..='D').contains(c)).count();
            let counted: usize = line.matches('+').count();
            assert!(shown == 3 * plots || counted > 0, "{width}, line {i}: {line}");
            assert!(counted == plots || shown >= 3 * (plots - counted), "{width}, line {i}: {line}");
        }
    }
}

#[test]
fn the_cursor_stops_at_edits_and_never_stays_on_a_measurement() {
    let (theme, mut view) = (unicode(), fixture::run(1200, 4));
    view.lanes[1].info.edits.push(crate::scenario::Edit {
        step: 251,
        lane: "Adam".into(),
        field: "optimizer.lr".into(),
        from: "0.1".into(),
        to: "0.2".into(),
    });
    let cx = context(&view, &theme);
    let mut pane = Curves::default();
    pane.act(Action::First, cx);
    for _ in 0..3 {
        pane.act(Action::PageDown, cx);
    }
    let words = text(&drawn(&pane, cx, 90, 12));
    // The values are those of the first measurement after the edit.
    assert!(words.contains("at 252 steps") && words.contains("B lr 0.1 → 0.2 at 251"), "{words}");
    pane.act(Action::PageDown, cx);
    let words = text(&drawn(&pane, cx, 90, 12));
    assert!(words.contains("at 370 steps"), "{words}");
    // Few measurements on a long axis: each key moves to another one.
    let view = fixture::run(10, 4);
    let cx = context(&view, &theme);
    let mut pane = Curves::default();
    let mut seen: Vec<String> = Vec::new();
    for _ in 0..4 {
        pane.act(Action::Left, cx);
        let words = text(&drawn(&pane, cx, 90, 12));
        let at = words.split_once("at ").and_then(|(_, rest)| rest.split_once(" steps")).expect("a cursor");
        seen.push(at.0.to_string());
    }
    assert_eq!(seen, ["8", "6", "4", "2"]);
}

#[test]
fn a_vanishing_gradient_goes_from_bright_to_dark_towards_the_input() {
    let (theme, view) = (unicode(), fixture::run(1200, 12));
    let buf = drawn(&GradientMap::default(), context(&view, &theme), 70, 18);
    let words = text(&buf);
    for part in ["first:last", "vanished", "vanishing", "23 Dense 32", " 1 Dense 32", "sat", "1e-9"] {
        assert!(words.contains(part), "{part} in\n{words}");
    }
    // The column in the middle of the map, from the output layer down.
    let bright: Vec<f64> =
        (2..18).filter_map(|y| colour::to_rgb(buf[(25, y)].bg).map(colour::brightness)).take(12).collect();
    assert_eq!(bright.len(), 12, "twelve layers\n{words}");
    assert!(bright.windows(2).all(|w| w[1] < w[0]), "{bright:?}");
    assert!(bright[0] > 3.0 * bright[11], "{bright:?}");
    // A network whose gradient reaches the input says so.
    let mut view = view;
    let shown = |view: &RunView| {
        let third = Context { front: 2, ..context(view, &theme) };
        text(&drawn(&GradientMap::default(), third, 70, 18))
    };
    let uneven = shown(&view);
    assert!(uneven.contains("first:last") && !uneven.contains("even"), "{uneven}");
    assert!(!uneven.contains("vanish"), "{uneven}");
    for layer in &mut view.lanes[2].layers {
        if layer.get(LayerNumber::GradNorm).is_some() {
            *layer = layer.with(LayerNumber::GradNorm, 0.1);
        }
    }
    let even = shown(&view);
    assert!(even.contains("first:last") && even.contains(" even") && !even.contains("uneven"), "{even}");
}

#[test]
fn more_layers_than_lines_are_grouped() {
    let (theme, view) = (unicode(), fixture::run(100, 60));
    let words = text(&drawn(&GradientMap::default(), context(&view, &theme), 70, 14));
    assert!(words.contains("117-119") || words.contains("-119"), "{words}");
    assert!(words.contains(" 1-"), "the input side is there too\n{words}");
}

#[test]
fn a_prediction_is_an_image_bars_and_words() {
    let theme = unicode();
    let mut view = fixture::run(100, 2);
    fixture::add_images(&mut view);
    let cx = context(&view, &theme);
    let mut pane = DataPane::default();
    let words = text(&drawn(&pane, cx, 50, 16));
    for part in ["taken for 7", "right", "96%", "▸7*", "sample 13 of 360"] {
        assert!(words.contains(part), "{part} in\n{words}");
    }
    pane.act(Action::NextSample, cx);
    let next = telemetry::ProbeRequest {
        sample: telemetry::Sample::Number(1),
        grid: (56, 32),
        ..telemetry::ProbeRequest::of("prediction", 0)
    };
    assert_eq!(pane.watch(cx, Size::new(50, 16)), [next]);
    pane.act(Action::PreviousSample, cx);
    pane.act(Action::PreviousSample, cx);
    let asked = pane.watch(cx, Size::new(50, 16));
    assert!(
        asked.len() == 1 && asked[0].sample == telemetry::Sample::Number(359),
        "around the end: {asked:?}"
    );
    pane.act(Action::ToggleConfusion, cx);
    assert_eq!(pane.watch(cx, Size::new(50, 16)), [telemetry::ProbeRequest::of("confusion", 0)]);
    let words = text(&drawn(&pane, cx, 50, 16));
    assert!(words.contains("right (") && words.contains("39"), "{words}");
}

#[test]
fn a_plane_has_two_colours_and_two_characters() {
    let theme = unicode();
    let mut view = fixture::run(100, 2);
    fixture::add_plane(&mut view, 2);
    let buf = drawn(&DataPane::default(), context(&view, &theme), 50, 16);
    let words = text(&buf);
    for part in ["●", "○", "class 0", "class 1", "x -5 to 5"] {
        assert!(words.contains(part), "{part} in\n{words}");
    }
    assert_ne!(buf[(2, 2)].bg, buf[(26, 8)].bg, "the corner belongs to the other class");
}

#[test]
fn a_sequence_is_shown_with_what_is_wanted_and_what_is_answered() {
    let (theme, mut view) = (unicode(), fixture::run(100, 2));
    fixture::add_sequence(&mut view, false);
    let buf = drawn(&DataPane::default(), context(&view, &theme), 50, 16);
    let words = text(&buf);
    for part in ["off by 0.25", "sample 4 of 400", "over 60 steps", "wanted █", "1.25", "answer █"] {
        assert!(words.contains(part), "{part} in\n{words}");
    }
    let marks = buf.content.iter().filter(|c| c.symbol() == "●" && Some(c.fg) == theme.warn.fg).count();
    assert_eq!(marks, 3, "two steps and the legend\n{words}");
    fixture::add_sequence(&mut view, true);
    let words = text(&drawn(&DataPane::default(), context(&view, &theme), 50, 16));
    for part in ["right at 5 of 6 steps", "shown  12·?··", "wanted ····12", "answer ····1?"] {
        assert!(words.contains(part), "{part} in\n{words}");
    }
    fixture::add_echo(&mut view);
    let words = text(&drawn(&DataPane::default(), context(&view, &theme), 50, 16));
    assert!(words.contains("on average") && words.contains("input  wanted  answer"), "{words}");
}

#[test]
fn a_lane_over_several_seeds_says_its_range_and_from_whom_it_is_apart() {
    use crate::number::Number;
    use crate::telemetry::{Band, Event, Measure, Spread};
    let theme = unicode();
    let mut view = fixture::run(100, 2);
    for (lane, low) in [(0, 0.9), (1, 0.8)] {
        let band = |min: f32| Band { min, median: min + 0.01, max: min + 0.02 };
        let accuracy = Some(band(low));
        let mut spread = Spread::new(5, lane as u32).with(Number::ValLoss, band(1.0));
        spread.set(Number::ValAccuracy, accuracy);
        let measure = Measure { step: 100, spread: Some(spread), ..Measure::default() };
        let measure = measure.with(Number::ValLoss, 1.0).with(Number::ValAccuracy, low);
        view.apply(Event::Evaluated { lane, measure: Box::new(measure) });
    }
    let words = text(&drawn(&super::lanes::LanesPane, context(&view, &theme), 60, 12));
    for part in ["90.0-92.0% ≠B", "80.0-82.0% ≠A, 1 lost", "91.0%"] {
        assert!(words.contains(part), "{part} in\n{words}");
    }
    let title = super::lanes::LanesPane.title(context(&view, &theme)).to_string();
    assert!(title.contains("5 seeds"), "{title}");
}

#[test]
fn robustness_over_time_is_a_small_plot_and_a_strip_in_every_lane_s_colour() {
    let theme = unicode();
    let mut view = fixture::run(1200, 4);
    let plain = text(&drawn(&Curves::default(), context(&view, &theme), 90, 30));
    assert!(plain.contains("update:weight") && !plain.contains("PGD"), "{plain}");
    fixture::add_attacked(&mut view);
    let cx = context(&view, &theme);
    for (w, h, shown) in [
        (46, 16, &["PGD accuracy"][..]),
        (60, 20, &["PGD accuracy", "   accuracy  ▸A"]),
        (90, 30, &["PGD accuracy", "FGSM accuracy"]),
        (150, 60, &["PGD accuracy", "FGSM accuracy", "noise accuracy", "‖g‖"]),
    ] {
        let words = text(&drawn(&Curves::default(), cx, w, h));
        assert!(shown.iter().all(|part| words.contains(part)), "{w}x{h}\n{words}");
        assert!(!words.contains("update:weight") || w > 140, "{w}x{h}\n{words}");
    }
    // No value is above 0.9 or below 0.1, but the axis goes from 0 to 1, also in the large plot.
    let mut pane = Curves::default();
    pane.act(Action::PreviousMetric, cx);
    let words = text(&drawn(&pane, cx, 60, 14));
    assert!(pane.title(cx).to_string().contains("PGD"));
    assert!(words.contains("1.0┤") && words.contains("  0┤"), "{words}");

    for (w, h, strips) in [(24, 8, 4), (32, 15, 4), (60, 15, 4), (60, 4, 0), (24, 3, 0)] {
        let buf = drawn(&super::lanes::LanesPane, cx, w, h);
        let words = text(&buf);
        assert_eq!(words.matches("pgd@0.1 ").count(), strips, "{w}x{h}\n{words}");
        assert_eq!(words.contains("‖g‖"), w == 60 && strips > 0, "{w}x{h}\n{words}");
    }
    // A falls from 0.9 to 0.1, C stays at 0.5.
    let buf = drawn(&super::lanes::LanesPane, cx, 32, 15);
    let of = |lane: usize| -> String {
        let row = |y: u16| (1..33).map(|x| buf[(x, y)].symbol()).collect::<String>();
        let mut rows = (1..16).filter(|y| row(*y).contains("pgd@0.1"));
        let y = rows.nth(lane).expect("a strip");
        let start = row(y).split("pgd@0.1 ").next().map_or(0, |before| before.chars().count()) as u16 + 9;
        let strip = (start..33).map(|x| &buf[(x, y)]).filter(|c| c.symbol() != " ");
        strip.inspect(|c| assert_eq!(c.fg, theme.lane(lane))).map(ratatui::buffer::Cell::symbol).collect()
    };
    assert!(of(0).starts_with('▇') && of(0).ends_with('▂'), "{}", of(0));
    assert!(of(2).chars().all(|c| c == '▅'), "{}", of(2));
}

#[test]
fn what_has_no_class_a_sample_is_said_to_have_nothing_to_attack() {
    use crate::scenario::Shape;
    let theme = unicode();
    for (outputs, words) in [
        (Shape::Flat(1), "predicts a number"),
        (Shape::Sequence { steps: 9, features: 2 }, "a label per step"),
    ] {
        let mut view = fixture::run(20, 2);
        view.lanes[0].info.outputs = outputs;
        let shown = text(&drawn(&Adversarial::default(), context(&view, &theme), 60, 10));
        assert!(shown.contains("nothing to attack") && shown.contains(words), "{shown}");
    }
}

#[test]
fn what_was_read_of_the_data_is_shown_line_by_line() {
    let (theme, view) = (unicode(), fixture::run(100, 2));
    let (mut pane, cx) = (DataPane::default(), context(&view, &theme));
    pane.act(Action::ToggleRead, cx);
    assert_eq!(pane.watch(cx, Size::new(50, 16)), [], "nothing is computed for it");
    let words = text(&drawn(&pane, cx, 50, 16));
    assert!(words.contains("1438 samples to train, 359 to validate"), "{words}");
    assert!(words.contains("cells separated by `;`"), "{words}");
    pane.act(Action::ToggleRead, cx);
    assert_ne!(pane.watch(cx, Size::new(50, 16)), []);
}

#[test]
fn of_a_log_of_another_program_only_what_it_holds_is_shown() {
    let (theme, mut view) = (unicode(), fixture::run(60, 2));
    view.lanes[0].info.foreign = Some("TensorBoard events");
    let cx = context(&view, &theme);
    let lanes = text(&drawn(&super::lanes::LanesPane, cx, 60, 12));
    assert!(lanes.contains("TensorBoard events"), "{lanes}");
    assert!(!lanes.lines().nth(2).expect("a line").contains("lr"), "{lanes}");
    let network = text(&drawn(&super::network::NetworkPane::default(), cx, 40, 8));
    assert!(network.contains(" 1 Dense 32") && !network.contains("weights"), "{network}");
    let attack = text(&drawn(&Adversarial::default(), cx, 60, 8));
    assert!(attack.contains("a log holds numbers"), "{attack}");
}
