//! Tests of the attack bench on a made-up run: its requests and its words.

use super::adversarial::Adversarial;
use super::tests::{context, drawn, text, unicode};
use super::{PaneWidget, fixture};
use crate::engine::attack::AttackConfig;
use crate::registry::SettingValue as _;
use crate::telemetry;
use crate::ui::keymap::Action;
use crate::ui::overlay::form::FormSubject;
use crate::ui::pane::PaneRequest;
use crate::ui::theme::{Depth, Glyphs, Scheme, Theme};
use ratatui::layout::Size;

#[test]
fn an_attack_tells_what_came_of_it() {
    let theme = unicode();
    let mut view = fixture::run(100, 2);
    fixture::add_images(&mut view);
    let cx = context(&view, &theme);
    let mut pane = Adversarial::default();
    for (w, h) in [(30, 6), (36, 16), (60, 24)] {
        let words = text(&drawn(&pane, cx, w, h));
        for part in ["7 → 2", "fooled", "FGSM", "eps ◀ 0.1 ▶"] {
            assert!(words.contains(part), "{part} at {w}x{h} in\n{words}");
        }
    }
    let words = text(&drawn(&pane, cx, 60, 24));
    for part in ["±0.1", "adversarial", "L∞ 0.1", "L2 0.8", "96%", "61%", "▸2"] {
        assert!(words.contains(part), "{part} in\n{words}");
    }
    pane.act(Action::EpsUp, cx);
    pane.act(Action::NextTarget, cx);
    pane.act(Action::NextTarget, cx);
    let expected = telemetry::ProbeRequest {
        sample: telemetry::Sample::Number(0),
        attack: "Fgsm(eps: 0.15)".into(),
        target: Some(1),
        ..telemetry::ProbeRequest::of("adversarial", 0)
    };
    assert_eq!(pane.watch(cx, Size::new(60, 24)), [expected]);
    let words = text(&drawn(&pane, cx, 60, 24));
    assert!(words.contains("aims at 1") && words.contains("computing"), "{words}");
}

#[test]
fn what_came_of_an_attack_is_said_in_the_words_and_colours_of_its_verdict() {
    let theme = unicode();
    let pane = Adversarial::default();
    // Label, before, after, target, whether the gradient is zero.
    for (numbers, words, style) in [
        ([7.0, 7.0, 7.0, f64::NAN, 0.0], "missed at every eps", theme.good),
        ([7.0, 7.0, 7.0, f64::NAN, 1.0], "no gradient: the attack is blind", theme.warn),
        ([7.0, 7.0, 5.0, 2.0, 0.0], "fooled, but not to the target", theme.warn),
        ([7.0, 7.0, 7.0, 7.0, 0.0], "already that class", theme.faint),
        ([7.0, 1.0, 1.0, f64::NAN, 0.0], "wrong before the attack, is 7", theme.warn),
        ([7.0, f64::NAN, 7.0, f64::NAN, 0.0], "no prediction", theme.faint),
    ] {
        let mut view = fixture::run(100, 2);
        let names = ["label", "before", "after", "target", "blind", "eps"];
        let numbers = numbers.into_iter().chain([0.1]);
        let parts = names.into_iter().zip(numbers).map(|(n, x)| (n.into(), telemetry::Data::Scalar(x)));
        let event =
            telemetry::Event::Probed { lane: 0, step: 100, name: "adversarial", parts: parts.collect() };
        view.apply(event);
        let picture = drawn(&pane, context(&view, &theme), 60, 6);
        let seen = text(&picture);
        assert!(seen.contains(words), "{words} in\n{seen}");
        let first = words.split(&[',', ' '][..]).next().expect("a word");
        let line = seen.lines().nth(1).expect("a line");
        let at = line.find(first).map(|b| line[..b].chars().count() as u16).expect("it is in the first line");
        assert_eq!(Some(picture[(at, 1)].fg), style.fg.or(Some(ratatui::style::Color::Reset)), "{words}");
    }
}

#[test]
fn lanes_stand_side_by_side_where_there_is_room_and_look_at_the_same_image() {
    let theme = unicode();
    let mut view = fixture::run(200, 4);
    fixture::add_images(&mut view);
    fixture::add_bench(&mut view);
    let mut pane = Adversarial::default();
    let cx = context(&view, &theme);
    let words = text(&drawn(&pane, cx, 150, 30));
    assert_eq!(words.matches("7 → 2").count(), 3, "{words}");
    assert_eq!(words.matches("no numbers: diverged at step 132").count(), 1, "D has no answer: {words}");
    for name in ["A  SGD", "B  Momentum", "C  Adam"] {
        assert!(words.contains(name), "{name} in\n{words}");
    }
    assert_eq!(words.matches("from eps 0.043").count(), 3, "{words}");
    assert_eq!(words.matches("! not to be trusted: 88 % of").count(), 1, "only what fails is said: {words}");
    assert_eq!(pane.watch(cx, Size::new(60, 30)).len(), 1);
    pane.act(Action::HardestSample, cx);
    let samples: Vec<_> =
        pane.watch(cx, Size::new(150, 30)).into_iter().map(|v| (v.lane, v.sample)).collect();
    let same = telemetry::Sample::Number(12);
    assert_eq!(samples, [(0, telemetry::Sample::Hardest), (1, same), (2, same), (3, same)]);
    pane.act(Action::NextSample, cx);
    let next = pane.watch(cx, Size::new(60, 30));
    let thirteen = telemetry::Sample::Number(13);
    assert!(next.len() == 1 && next[0].sample == thirteen, "{next:?}");
}

#[test]
fn accuracy_against_size_is_a_plot_of_all_lanes_with_what_is_wrong_in_red() {
    let theme = unicode();
    let mut view = fixture::run(200, 4);
    fixture::add_bench(&mut view);
    let mut pane = Adversarial::default();
    let cx = context(&view, &theme);
    pane.act(Action::ToggleSizes, cx);
    pane.act(Action::NextAttack, cx);
    let watched = pane.watch(cx, Size::new(60, 20));
    let of = |lane| telemetry::ProbeRequest {
        attack: "Bim()".into(),
        ..telemetry::ProbeRequest::of("sizes", lane)
    };
    assert_eq!(watched, [0, 1, 2, 3].map(of));
    let buf = drawn(&pane, cx, 90, 20);
    let words = text(&buf);
    let masked = "B not to be trusted: 88 % of the samples have";
    for part in ["accuracy under BIM by eps", "A SGD", "noise", "0.5", masked] {
        assert!(words.contains(part), "{part} in\n{words}");
    }
    let red = buf.content.iter().filter(|c| Some(c.fg) == theme.bad.fg).count();
    assert!(red > 40, "the reason stands there in red: {red} cells");
}

#[test]
fn a_size_that_an_attack_does_not_have_is_explained() {
    let theme = unicode();
    let mut view = fixture::run(100, 1);
    fixture::add_images(&mut view);
    let (mut pane, cx) = (Adversarial::default(), context(&view, &theme));
    while !pane.watch(cx, Size::new(60, 20))[0].attack.starts_with("DeepFool") {
        pane.act(Action::NextAttack, cx);
    }
    let [PaneRequest::Notice(words)] = &pane.act(Action::EpsUp, cx)[..] else { panic!("a notice") };
    assert_eq!(words, "DeepFool has no epsilon: it looks for the least perturbation");
    assert_eq!(pane.act(Action::EpsDown, cx).len(), 1);
    let mut pane = Adversarial::default();
    assert!(pane.act(Action::EpsUp, cx).is_empty());
}

#[test]
fn without_colours_the_signs_of_a_perturbation_are_explained() {
    let mut view = fixture::run(100, 1);
    fixture::add_images(&mut view);
    let theme = Theme::new(Scheme::Mono, Depth::True, Glyphs::Unicode);
    let words = text(&drawn(&Adversarial::default(), context(&view, &theme), 60, 30));
    assert!(words.contains("= - less, + # more"), "{words}");
    let words = text(&drawn(&Adversarial::default(), context(&view, &unicode()), 60, 30));
    assert!(!words.contains("# more"), "{words}");
}

#[test]
fn an_attack_is_edited_in_a_form_and_a_picture_of_ones_own_takes_its_place() {
    let theme = unicode();
    let mut view = fixture::run(100, 2);
    fixture::add_images(&mut view);
    let cx = context(&view, &theme);
    let mut pane = Adversarial::default();
    let effects = pane.act(Action::Edit, cx);
    let [PaneRequest::Edit(subject)] = &effects[..] else { panic!("{effects:?}") };
    let FormSubject::Attack { classes, target: None, .. } = &**subject else { panic!("{subject:?}") };
    assert_eq!(classes.len(), 10);
    let attack = AttackConfig::parse("Pgd(eps: 0.3, steps: 40)").expect("an attack");
    pane.edited(&FormSubject::Attack { attack, target: Some(3), classes: classes.clone() });
    pane.edited(&FormSubject::Picture("cat.png".into()));
    let watched = pane.watch(cx, Size::new(60, 20));
    let expected = telemetry::ProbeRequest {
        sample: telemetry::Sample::Own,
        attack: "Pgd(eps: 0.3, steps: 40)".into(),
        target: Some(3),
        ..telemetry::ProbeRequest::of("adversarial", 0)
    };
    assert_eq!(watched, [expected]);
    let words = text(&drawn(&pane, cx, 70, 20));
    assert!(words.contains("PGD") && words.contains("40 steps") && words.contains("aims at 3"), "{words}");
}

#[test]
fn an_attack_on_the_plane_is_an_arrow() {
    let theme = unicode();
    let mut view = fixture::run(100, 2);
    fixture::add_plane(&mut view, 2);
    let words = text(&drawn(&Adversarial::default(), context(&view, &theme), 50, 20));
    assert!(words.contains('•') && (words.contains('▶') || words.contains('▲')), "{words}");
    assert!(words.contains("in → out") && words.contains("fooled"), "{words}");
}
