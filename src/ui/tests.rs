//! Tests of the whole app without a terminal: no message and no size causes a panic, and the screen shows everything
//! required.

use super::app::{App, GalleryPreset};
use super::fixture;
use super::keymap::KEYMAP;
use super::message::{Effect, Message};
use super::overlay::Overlay;
use super::screen::picture;
use super::theme::{Depth, Glyphs, Theme};
use crate::registry::SettingValue as _;
use crate::scenario::view::Pane;
use crate::telemetry::{self, Command, Event, LaneId, Phase, Sample};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use ratatui::layout::Size;
use std::time::Duration;

fn app(width: u16, height: u16) -> App {
    let presets = Box::new(|| vec![GalleryPreset { name: "first".into(), scenario: fixture::scenario() }]);
    let theme = Theme::dark(Depth::True, Glyphs::Unicode);
    App::new(fixture::scenario(), presets, theme, Size::new(width, height), true)
}

fn trained(width: u16, height: u16, steps: u64) -> App {
    let mut app = app(width, height);
    for event in fixture::events(steps) {
        app.update(Message::Event(event));
    }
    app
}

fn key(code: KeyCode) -> Message {
    Message::Key(KeyEvent::new(code, KeyModifiers::NONE))
}

fn ch(c: char) -> Message {
    key(KeyCode::Char(c))
}

fn text(app: &App) -> String {
    let buf = picture(app);
    let rows = buf.content.chunks(usize::from(buf.area.width).max(1));
    rows.map(|r| r.iter().map(ratatui::buffer::Cell::symbol).collect::<String>() + "\n").collect()
}

fn commands(effects: Vec<Effect>) -> Vec<Command> {
    effects.into_iter().filter_map(|e| if let Effect::Command(c) = e { Some(c) } else { None }).collect()
}

#[test]
fn every_size_can_be_drawn_in_every_state() {
    let sizes = (0..=200u16).step_by(7).flat_map(|w| (0..=60u16).step_by(3).map(move |h| (w, h)));
    let mut states = vec![app(0, 0), trained(0, 0, 300)];
    for keys in ["?", ":", "o", "q", "z", "\t\t\t", "\n", "\t\t\t\t\ta"] {
        let mut a = trained(120, 40, 50);
        for c in keys.chars() {
            a.update(match c {
                '\t' => key(KeyCode::Tab),
                '\n' => key(KeyCode::Enter),
                c => ch(c),
            });
        }
        states.push(a);
    }
    for (w, h) in sizes.chain([(1, 1), (2, 2), (79, 24), (80, 24), (110, 30), (120, 40), (200, 60)]) {
        for a in &mut states {
            a.update(Message::Resize(Size::new(w, h)));
            let _ = picture(a);
        }
    }
}

#[test]
fn the_step_of_the_lane_in_front_is_always_on_the_screen() {
    for (w, h) in [(40, 12), (60, 16), (80, 24), (100, 30), (120, 40), (200, 60)] {
        let mut a = trained(w, h, 1240);
        assert!(text(&a).contains("step 1,240 of 5,000"), "{w}x{h}\n{}", text(&a));
        a.scenario.title =
            "a title that is longer than most screens are wide, and then some more of it".into();
        assert!(text(&a).contains("step 1,240 of 5,000"), "{w}x{h}");
    }
    let mut small = trained(30, 5, 7);
    assert!(text(&small).contains("needs 40x12"));
    small.update(ch('q'));
    assert!(text(&small).contains("Leave? y leave, n stay"), "the question is asked there too");
}

#[test]
fn a_diagnosis_that_is_cut_is_read_to_its_end_by_a_key() {
    let mut a = trained(80, 24, 20);
    assert!(!text(&a).contains("D more"), "all of it is there:\n{}", text(&a));
    let what = "The output of layer 3 Dense 64 overflowed at step 20; the gradient before had the norm 7.757e6: \
                its weights, of norm 2.889e22, blew its inputs up. A smaller learning rate or clipping would help.";
    let account = telemetry::Divergence {
        step: 20,
        layer: "layer 3 Dense 64".into(),
        last_grad_norm: 7.757e6,
        origin: None,
        what: what.into(),
    };
    a.update(Message::Event(Event::Phase { lane: 0, step: 20, phase: Phase::Diverged(account) }));
    let cut = text(&a);
    assert!(cut.contains("norm…          D more") && !cut.contains("clipping would help"), "{cut}");
    a.update(ch('D'));
    let words = text(&a).replace(['│', '\n'], " ");
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("blew its inputs up.") && words.contains("clipping would help."), "{words}");
    // On a small screen the pane scrolls to its end and back.
    a.update(Message::Resize(Size::new(40, 12)));
    let _ = text(&a);
    a.update(key(KeyCode::Home));
    let mut read = text(&a);
    assert!(read.contains("diverged"), "{read}");
    for _ in 0..20 {
        a.update(key(KeyCode::PageDown));
        read += &text(&a);
    }
    assert!(read.contains("help.") && read.contains("in order:"), "{read}");
}

#[test]
fn the_hint_line_leads_to_the_lesson_the_panes_and_the_help_from_everywhere() {
    let mut a = trained(80, 24, 20);
    for id in Pane::of(a.kind).collect::<Vec<_>>() {
        a.focus_on(id);
        let picture = text(&a);
        let hint = picture.lines().last().unwrap_or_default();
        for words in ["e lesson", "Tab pane", "space run/pause", "? help", "q quit"] {
            assert!(hint.contains(words), "{words} in {}: {hint}", id.name());
        }
    }
    a.focus_on(Pane::Adversarial);
    assert!(text(&a).lines().last().is_some_and(|l| l.starts_with(" Right epsilon  Down image")));
    // Where room is scarce, help and the way out come first.
    a.update(Message::Resize(Size::new(40, 12)));
    assert!(text(&a).lines().last().is_some_and(|l| l.contains("? help") && l.contains("q quit")));
}

/// Any message of any kind.
fn message() -> impl Strategy<Value = Message> {
    let codes: Vec<_> = KEYMAP.iter().flat_map(|b| b.keys.iter().copied()).collect();
    let kinds = vec![
        MouseEventKind::Down(MouseButton::Left),
        MouseEventKind::Drag(MouseButton::Left),
        MouseEventKind::ScrollDown,
        MouseEventKind::ScrollUp,
    ];
    let mouse =
        |(kind, column, row)| Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE });
    prop_oneof![
        8 => select(codes).prop_map(|k| Message::Key(KeyEvent::new(k.code, k.modifiers))),
        2 => (b' '..=b'~').prop_map(|c| ch(char::from(c))),
        1 => select(fixture::events(6)).prop_map(Message::Event),
        1 => (0..5usize).prop_map(|lane| Message::Event(Event::Removed { lane })),
        1 => (0..211u16, 0..67u16).prop_map(|(w, h)| Message::Resize(Size::new(w, h))),
        1 => (select(kinds), 0..300u16, any::<u16>()).prop_map(mouse),
        1 => (0..9usize).prop_map(|n| Message::Paste("0.5\u{1b}[31m".repeat(n))),
        1 => (0..500u64).prop_map(|ms| Message::Tick(Duration::from_millis(ms))),
    ]
}

#[test]
fn a_hundred_thousand_messages_of_any_kind_are_survived() {
    let seed = RngSeed::Fixed(9);
    let config = Config { cases: 50, failure_persistence: None, rng_seed: seed, ..Config::default() };
    // Some pictures between them are drawn too.
    let messages = prop::collection::vec((message(), prop::bool::weighted(1.0 / 61.0)), 1..4000);
    let survived = TestRunner::new(config).run(&messages, |messages| {
        let (mut a, mut now) = (trained(120, 40, 20), Duration::ZERO);
        for (message, drawn) in messages {
            // Time only goes forward.
            let message = match message {
                Message::Tick(later) => {
                    now += later;
                    Message::Tick(now)
                }
                other => other,
            };
            a.update(message);
            if drawn {
                let _ = picture(&a);
            }
        }
        Ok(())
    });
    survived.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn leaving_asks_while_lanes_train() {
    let mut a = trained(120, 40, 10);
    assert!(a.update(ch('q')).is_empty());
    assert!(matches!(a.overlay, Some(Overlay::Confirm)));
    assert!(a.update(ch('n')).is_empty() && a.overlay.is_none(), "n stays");
    a.update(ch('q'));
    assert!(a.update(key(KeyCode::Esc)).is_empty() && a.overlay.is_none(), "Esc stays");
    a.update(ch('q'));
    assert_eq!(a.update(ch('q')), [Effect::Quit(0)]);
    a.update(ch('q'));
    assert_eq!(a.update(ch('y')), [Effect::Quit(0)]);
    assert_eq!(commands(a.update(ch(' '))), [Command::Pause]);
    assert_eq!(a.update(ch('q')), [Effect::Quit(0)], "nothing trains, so nothing is asked");
}

#[test]
fn the_question_before_leaving_names_the_keys_that_hold() {
    let mut a = trained(80, 24, 10);
    a.update(ch('q'));
    assert!(text(&a).contains("y q Enter Ctrl-C leave  n Esc stay"), "{}", text(&a));
    a.update(ch('n'));
    a.keymap.rebind(super::keymap::Action::Quit, &["F10".parse().expect("a key")]).expect("free");
    assert!(a.update(ch('q')).is_empty() && a.overlay.is_none());
    a.update(key(KeyCode::F(10)));
    assert!(text(&a).contains("y Enter F10 leave  n Esc stay"), "{}", text(&a));
    assert_eq!(a.update(key(KeyCode::F(10))), [Effect::Quit(0)]);
}

#[test]
fn the_mark_in_an_open_form_goes_on_with_its_lane() {
    let mut a = trained(120, 40, 10);
    a.update(Message::Tick(Duration::from_millis(1)));
    a.update(key(KeyCode::Enter));
    let shown = |a: &App| match &a.overlay {
        Some(Overlay::Form(form)) => form.way().map(|w| w.step),
        _ => None,
    };
    assert_eq!(shown(&a), Some(10));
    for event in fixture::events(40).into_iter().filter(|e| matches!(e, Event::Measured { .. })) {
        a.update(Message::Event(event));
    }
    a.update(Message::Tick(Duration::from_millis(2)));
    assert_eq!(shown(&a), Some(40));
}

#[test]
fn space_and_n_command_the_run() {
    let mut a = trained(120, 40, 10);
    assert_eq!(commands(a.update(ch(' '))), [Command::Pause]);
    assert!(text(&a).contains("paused"));
    assert_eq!(commands(a.update(ch('n'))), [Command::Step(1)]);
    assert_eq!(commands(a.update(ch(' '))), [Command::Run]);
    assert!(text(&a).contains("running"));
}

#[test]
fn the_learning_rate_is_doubled_twice_by_two_keys() {
    let mut a = trained(120, 40, 10);
    a.update(ch(']'));
    let [Command::Set { lane: 0, recipe, .. }] = &commands(a.update(ch(']')))[..] else { panic!("no Set") };
    assert_eq!(recipe.optimizer.lr(), 0.4);
}

#[test]
fn a_lane_is_edited_while_it_trains() {
    let mut a = trained(120, 40, 10);
    a.update(key(KeyCode::Down));
    assert_eq!(a.front, 1);
    a.update(key(KeyCode::Enter));
    assert!(text(&a).contains("Lane Momentum"));
    // From the optimizer to its rate, whose number is replaced.
    a.update(key(KeyCode::Down));
    assert!(commands(a.update(ch('2'))).is_empty(), "nothing is done before it is taken");
    let [Command::Set { lane: 1, recipe, .. }] = &commands(a.update(key(KeyCode::Enter)))[..] else {
        panic!("no Set")
    };
    assert_eq!(recipe.optimizer.lr(), 2.0);
}

#[test]
fn the_model_builder_adds_checks_and_applies() {
    let mut a = trained(120, 40, 10);
    a.update(key(KeyCode::BackTab));
    assert_eq!(a.focus(), Pane::Network);
    a.update(ch('a'));
    assert!(matches!(a.overlay, Some(Overlay::Menu(_))));
    a.update(key(KeyCode::Enter));
    a.update(key(KeyCode::Enter));
    assert!(text(&a).contains("edited"), "{}", text(&a));
    a.update(ch('t'));
    let set = commands(a.update(ch('w')));
    let [Command::Together(set)] = &set[..] else { panic!("{set:?}") };
    assert_eq!(set.len(), 4, "all lanes get it, as one change");
    let Command::Set { recipe, .. } = &set[0] else { panic!("{set:?}") };
    assert_eq!(recipe.network.len(), fixture::scenario().network.len() + 1);
    // An edit that does not fit is not applied.
    a.update(ch('t'));
    for _ in 0..2 {
        a.update(ch('a'));
        a.update(key(KeyCode::End));
        a.update(key(KeyCode::Enter));
        a.update(key(KeyCode::Esc));
    }
    let edited = |a: &mut App, key: char, edited: bool| {
        assert!(commands(a.update(ch(key))).is_empty(), "the draft's edits come first");
        a.update(Message::Tick(Duration::from_secs(60)));
        assert_eq!(text(a).contains("edited"), edited, "{key}: {}", text(a));
    };
    for (key, yes) in [('u', true), ('u', false), ('U', true), ('U', true), ('X', false)] {
        edited(&mut a, key, yes);
    }
    assert_eq!(commands(a.update(ch('u'))), [Command::Undo], "then those of the lanes");
}

#[test]
fn the_palette_finds_a_command_by_its_words() {
    let mut a = trained(120, 40, 10);
    a.update(ch(':'));
    for c in "only the lane".chars() {
        a.update(ch(c));
    }
    assert_eq!(commands(a.update(key(KeyCode::Enter))), [Command::Solo(Some(0))]);
}

#[test]
fn a_preset_is_opened_and_runs() {
    let mut a = trained(120, 40, 10);
    a.update(ch('o'));
    assert!(commands(a.update(key(KeyCode::Enter))).is_empty());
    assert!(text(&a).contains("10 steps of all 3 lanes would be lost"), "{}", text(&a));
    let done = commands(a.update(key(KeyCode::Enter)));
    assert!(matches!(&done[..], [Command::Pace(Some(_)), Command::Load(_), Command::Run, ..]), "{done:?}");
}

#[test]
fn a_lane_that_leaves_the_front_is_replaced() {
    let mut a = trained(120, 40, 10);
    let removed = |lane: LaneId| Message::Event(Event::Removed { lane });
    a.update(removed(0));
    assert_eq!(a.front, 1);
    for lane in 1..4 {
        a.update(removed(lane));
    }
    let _ = picture(&a);
    a.update(Message::Event(Event::Phase { lane: 2, step: 3, phase: Phase::Finished }));
}

#[test]
fn a_screen_without_colours_says_the_same() {
    let mut a = trained(120, 40, 100);
    // Words and numbers; shades and letters stand in for the colours of pictures.
    let words = |a: &App| -> Vec<String> {
        let picture = |c: char| matches!(c, '░' | '▒' | '▓' | '█' | '\u{2800}'..='\u{28ff}');
        let lines = text(a).replace(picture, " ");
        lines.split_whitespace().filter(|w| w.chars().count() > 3).map(str::to_owned).collect()
    };
    let colourful = words(&a);
    a.theme = Theme::dark(Depth::Mono, Glyphs::Unicode);
    assert_eq!(words(&a), colourful);
    let plain = ratatui::style::Color::Reset;
    assert!(picture(&a).content.iter().all(|c| c.fg == plain && c.bg == plain), "attributes only");
}

#[test]
fn every_preset_opens_on_the_pane_the_lane_and_the_attack_of_its_lesson() {
    for preset in crate::lab::preset::ALL {
        for (w, h) in [(80, 24), (120, 40), (200, 60)] {
            let scenario = preset.scenario();
            let view = scenario.view.clone();
            let theme = Theme::dark(Depth::Indexed, Glyphs::Unicode);
            let mut a = App::new(scenario.clone(), Box::new(Vec::new), theme, Size::new(w, h), true);
            let mut wanted = Vec::new();
            for (lane, l) in scenario.lanes.iter().enumerate() {
                let mut info = fixture::info(&l.name, fixture::scenario().base());
                info.recipe = scenario.recipe(l);
                let info = Box::new(info);
                wanted.extend(commands(a.update(Message::Event(Event::Started { lane, info, step: 0 }))));
            }
            let pane = view.pane.unwrap_or(Pane::Lanes);
            assert_eq!(a.focus(), pane, "{} at {w}x{h}", preset.name);
            assert!(a.places().expect("room").pane(pane).is_some(), "{} at {w}x{h}", preset.name);
            let front = scenario.lanes.iter().position(|l| l.name == view.lane).unwrap_or(0);
            assert_eq!(a.front, front, "{}", preset.name);
            if let Some(attack) = view.attack {
                let asked = |v: &telemetry::ProbeRequest| {
                    let sample = Sample::Number(view.sample);
                    (v.probe, v.lane, v.sample) == ("adversarial", front, sample) && v.attack == attack.text()
                };
                let asks = wanted.iter().any(|c| matches!(c, Command::Watch(all) if all.iter().any(asked)));
                assert!(asks, "{} at {w}x{h}: {wanted:?}", preset.name);
            }
            // The lesson is a key away, and back.
            a.update(ch('e'));
            assert_eq!(a.focus(), Pane::Lesson);
            let about = scenario.about.split(' ').next().expect("a word");
            assert!(text(&a).contains(about), "{} at {w}x{h}\n{}", preset.name, text(&a));
            a.update(ch('e'));
            assert_eq!(a.focus(), pane);
        }
    }
}
