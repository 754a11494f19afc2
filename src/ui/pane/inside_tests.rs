//! Tests of the panes that look inside lanes, their words and their requests: surfaces, gradients through time, single
//! updates.

use super::microscope::Microscope;
use super::surface::SurfacePane;
use super::tests::{context, drawn, text, unicode};
use super::through_time::ThroughTime;
use super::{PaneWidget, fixture, inside_fixture};
use crate::telemetry;
use crate::ui::keymap::Action;
use crate::ui::overlay::form::FormSubject;
use crate::ui::pane::PaneRequest;
use crate::ui::theme::{Depth, Glyphs, Theme};
use crate::view::RunView;
use ratatui::layout::{Position, Rect, Size};
use ratatui::style::Color;

fn on_a_surface() -> RunView {
    let mut view = fixture::run(60, 2);
    inside_fixture::add_surface(&mut view, [-2.0, 2.0, -1.0, 3.0]);
    view
}

#[test]
fn a_surface_shows_contours_ways_the_minimum_and_the_start() {
    let (theme, view) = (unicode(), on_a_surface());
    let buf = drawn(&SurfacePane::default(), context(&view, &theme), 80, 30);
    let words = text(&buf);
    for part in ["◎", "×", "▸A SGD", "f 0.25", "‖∇f‖ 1e-3", "x  -2"] {
        assert!(words.contains(part), "{part} in\n{words}");
    }
    for lane in 0..3 {
        let letter = ["A", "B", "C"][lane];
        let marks = buf.content.iter().filter(|c| c.symbol() == letter && c.fg == theme.lane(lane)).count();
        assert!(marks >= 2, "{letter} on the plane and below it\n{words}");
        let way = buf.content.iter().filter(|c| c.fg == theme.lane(lane) && ("⠀".."⣿").contains(&c.symbol()));
        assert!(way.count() > 5, "the way of {letter}\n{words}");
    }
    let grounds: std::collections::HashSet<_> =
        buf.content.iter().filter_map(|c| (c.bg != Color::Reset).then_some(c.bg)).collect();
    assert!(grounds.len() >= 5, "bands of colour: {grounds:?}");
    let title = SurfacePane::default().title(context(&view, &theme)).to_string();
    assert!(
        title.contains("Rosenbrock") && title.contains("noise 0.3") && title.contains("100(y-x²)²"),
        "{title}"
    );
    // Without colours and braille: letters.
    let plain = Theme::dark(Depth::Mono, Glyphs::Ascii);
    let words = text(&drawn(&SurfacePane::default(), context(&view, &plain), 80, 30));
    assert!(words.contains("aaa") && words.contains('@') && words.matches('.').count() > 50, "{words}");
}

#[test]
fn the_start_is_moved_by_keys_and_by_the_mouse() {
    let (theme, view) = (unicode(), on_a_surface());
    let cx = context(&view, &theme);
    let mut pane = SurfacePane::default();
    let start = |text: &str| vec![PaneRequest::Data(vec![("start", text.to_owned())])];
    assert_eq!(pane.act(Action::Right, cx), start("(1.6, 1)"));
    assert_eq!(pane.act(Action::Down, cx), start("(1.5, 0.9)"));
    // The plane begins after the gutter of six columns; its height is the rest below axis and four lanes.
    let area = Rect::new(2, 3, 46, 25);
    assert_eq!(pane.click(Position::new(8, 3), area, cx), start("(-1.95, 2.9)"));
    assert!(pane.click(Position::new(3, 3), area, cx).is_empty(), "not on the plane");
    assert_eq!(pane.act(Action::Noise, cx), [PaneRequest::Data(vec![("noise", "1".into())])]);
    let PaneRequest::Data(fields) = &pane.act(Action::NextFunction, cx)[0] else { panic!() };
    assert_eq!((fields[0].0, &fields[0].1[..], fields[1].0), ("function", "Beale", "start"));
}

#[test]
fn zoom_and_pan_change_what_is_asked_for() {
    let (theme, view) = (unicode(), on_a_surface());
    let cx = context(&view, &theme);
    let mut pane = SurfacePane::default();
    let window = |pane: &SurfacePane| {
        let views = pane.watch(cx, Size::new(60, 30));
        assert_eq!(views.iter().filter(|v| v.probe == "path").count(), 4);
        views.iter().find(|v| v.probe == "landscape").map(|v| (v.extent, v.grid))
    };
    let (extent, grid) = window(&pane).expect("a landscape");
    assert_eq!((extent, grid), ([-2.0, 2.0, -1.0, 3.0], (54 * 2, 26 * 4 - 4)));
    pane.act(Action::ZoomIn, cx);
    let (near, _) = window(&pane).expect("a landscape");
    assert!((near[1] - near[0] - 2.0).abs() < 1e-6, "{near:?}");
    assert!(near[0] < 0.0 && near[1] > 0.0, "around lane A at (0, 0.18): {near:?}");
    pane.act(Action::PanUp, cx);
    let (up, _) = window(&pane).expect("a landscape");
    assert!(up[2] > near[2] && up[0] == near[0], "{up:?}");
    // The heights belong to another window: no contours are better than wrong ones.
    let buf = drawn(&pane, cx, 60, 30);
    assert!(buf.content.iter().all(|c| c.bg == Color::Reset));
    pane.act(Action::ToggleWindow, cx);
    assert_eq!(window(&pane).map(|w| w.0), Some(extent));
}

#[test]
fn a_gradient_through_time_dies_explodes_or_arrives() {
    let theme = unicode();
    let mut view = fixture::run(60, 2);
    inside_fixture::add_time(&mut view);
    let cx = context(&view, &theme);
    let mut pane = ThroughTime::default();
    let words = text(&drawn(&pane, cx, 70, 20));
    for part in ["dies", "explodes", "arrives", "beyond numbers", "ρ 1.25", "i 0.9  f 1.1  g 0.8  o 1", "40"]
    {
        assert!(words.contains(part), "{part} in\n{words}");
    }
    let title = pane.title(cx).to_string();
    assert!(title.contains("40 time steps") && title.contains("layer 1 of 2"), "{title}");
    pane.act(Action::NextMetric, cx);
    assert!(pane.title(cx).to_string().contains("layer 2 of 2"));
    assert_eq!(pane.act(Action::Longer, cx), [PaneRequest::Longer(8)]);
    assert_eq!(pane.act(Action::Shorter, cx), [PaneRequest::Longer(-8)]);
    assert_eq!(pane.watch(cx, Size::new(40, 10)).len(), 4);
    // A radius that contradicts the verdict is explained, also at 80x24, and only then.
    pane.act(Action::NextMetric, cx);
    for (w, h) in [(46, 17), (70, 20), (118, 34)] {
        let words = text(&drawn(&pane, cx, w, h));
        assert!(words.contains("A dies although ρ > 1: the slopes of the"), "{words}");
        assert_eq!(words.matches("although").count(), 1, "B explodes at ρ > 1, which is no wonder: {words}");
    }
    pane.act(Action::NextMetric, cx);
    let words = text(&drawn(&pane, cx, 46, 17));
    assert!(words.contains("B explodes although ρ < 1: over a few steps"), "{words}");
    pane.act(Action::NextMetric, cx);
    // Narrow panes keep the verdict and the radius.
    let words = text(&drawn(&pane, cx, 34, 16));
    assert!(words.contains("explodes") && words.contains('ρ'), "{words}");
}

#[test]
fn the_microscope_shows_every_lane_its_numbers_and_its_formula() {
    let theme = unicode();
    let mut view = fixture::run(60, 2);
    inside_fixture::add_weight(&mut view, 0);
    let cx = context(&view, &theme);
    let mut pane = Microscope::default();
    assert!(pane.title(cx).to_string().contains("bias [0]"), "the first of the last tensor");
    pane.number(0);
    let words = text(&drawn(&pane, cx, 60, 20));
    for part in [
        "A SGD",
        "B Mom",
        "g unclipped",
        "2.5",
        "√v̂ + eps",
        "Δθ",
        "-0.05",
        "-3e-3",
        "1.25",
        "Sgd: θ ← θ - lr·g",
    ] {
        assert!(words.contains(part), "{part} in\n{words}");
    }
    // C's weight lies in another tensor, D has made no step: dots, not numbers.
    let line = words.lines().find(|l| l.contains("θ before")).expect("a line");
    assert_eq!((line.matches("1.25").count(), line.matches('·').count()), (2, 2), "{line}");
    let order = ["g ", "m ", "m̂", "√v̂", "lr", "Δθ"].map(|t| words.find(&format!("\n {t}")));
    assert!(order.is_sorted() && order[0].is_some(), "in the order of the formula: {order:?}\n{words}");
    assert!(pane.title(cx).to_string().contains("1 Dense 4 weight [0, 0]"));
    for (action, place) in [
        (Action::Down, "weight [1, 0]"),
        (Action::Right, "weight [1, 1]"),
        (Action::PageDown, "bias [0]"),
        (Action::Last, "bias [3]"),
        (Action::Right, "bias [3]"),
        (Action::LargestGradient, "weight [2, 1]"),
        (Action::LargestStep, "bias [2]"),
        (Action::PageUp, "weight [0, 0]"),
        (Action::Up, "weight [0, 0]"),
    ] {
        pane.act(action, cx);
        let title = pane.title(cx).to_string();
        assert!(title.contains(place), "{action:?}: {title}");
    }
    pane.number(13);
    let words = text(&drawn(&pane, cx, 60, 20));
    assert!(!words.contains("1.25"), "numbers of the weight that lay there before\n{words}");
    assert!(pane.title(cx).to_string().contains("bias [1]"));
    let effects = pane.act(Action::Edit, cx);
    let [PaneRequest::Edit(subject)] = &effects[..] else { panic!("{effects:?}") };
    assert!(matches!(&**subject, FormSubject::Weight { weight: 13, tensors } if tensors.len() == 2));
    assert_eq!(
        pane.watch(cx, Size::new(9, 9))[1],
        telemetry::ProbeRequest { number: 13, ..telemetry::ProbeRequest::of("microscope", 1) }
    );
}
