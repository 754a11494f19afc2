//! The panes of scenarios, and the commands that actions in them send to the run.

use super::App;
use crate::engine::layer::LayerConfig;
use crate::registry::SettingValue as _;
use crate::scenario::view::Pane;
use crate::scenario::{DataConfig, Scenario, read};
use crate::telemetry::{Command, Data, Event, LaneInfo};
use crate::ui::message::{Effect, Message};
use crate::ui::pane::ScenarioKind;
use crate::ui::screen::picture;
use crate::ui::theme::{Depth, Glyphs, Theme};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Size;

fn app(text: &str) -> App {
    let scenario: Scenario = read(text).expect("a scenario");
    let theme = Theme::dark(Depth::True, Glyphs::Unicode);
    let lanes: Vec<_> = scenario.lanes.iter().map(|l| (l.name.clone(), scenario.recipe(l))).collect();
    let mut app = App::new(scenario, Box::new(Vec::new), theme, Size::new(120, 40), true);
    for (lane, (name, recipe)) in lanes.into_iter().enumerate() {
        let info =
            LaneInfo { name, recipe, ..crate::ui::fixture::info("", crate::ui::fixture::scenario().base()) };
        app.update(Message::Event(Event::Started { lane, info: Box::new(info), step: 0 }));
    }
    app
}

fn press(app: &mut App, keys: &str) -> Vec<Command> {
    let mut commands = Vec::new();
    for c in keys.chars() {
        let code = match c {
            '\n' => KeyCode::Enter,
            '\t' => KeyCode::Tab,
            '\x08' => KeyCode::Backspace,
            '\x1b' => KeyCode::Esc,
            '↓' => KeyCode::Down,
            c => KeyCode::Char(c),
        };
        let effects = app.update(Message::Key(KeyEvent::new(code, KeyModifiers::NONE)));
        commands.extend(
            effects.into_iter().filter_map(|e| if let Effect::Command(c) = e { Some(c) } else { None }),
        );
    }
    commands
}

fn text(app: &App) -> String {
    picture(app).content.iter().map(ratatui::buffer::Cell::symbol).collect()
}

#[test]
fn a_notice_of_the_run_waits_until_the_one_before_it_could_be_read() {
    let mut app = app(r#"(data: Xor(), steps: 9, lanes: [(name: "a")])"#);
    let tick = |app: &mut App, ms| {
        app.update(Message::Tick(std::time::Duration::from_millis(ms)));
        app.notice().map(str::to_owned)
    };
    tick(&mut app, 1000);
    app.notify("recording stopped".into());
    app.update(Message::Event(Event::Notice("the disk is full".into())));
    app.update(Message::Event(Event::Notice("and still is".into())));
    assert_eq!(tick(&mut app, 1200).as_deref(), Some("recording stopped"));
    assert_eq!(tick(&mut app, 3000).as_deref(), Some("the disk is full"));
    assert_eq!(tick(&mut app, 4900).as_deref(), Some("the disk is full"));
    assert_eq!(tick(&mut app, 5000).as_deref(), Some("and still is"));
    assert_eq!(tick(&mut app, 10_900).as_deref(), Some("and still is"));
    assert_eq!(tick(&mut app, 11_000), None);
}

const SURFACE: &str = r#"(data: Surface(Saddle, start: (1.0, 0.5)), steps: 10, lanes: [(name: "a"), (name: "b", optimizer: Adam())])"#;
const SEQUENCE: &str = r#"(data: Copy(samples: 100, delay: 30), network: [Repeat(2, [Gru(4, all: true)])], steps: 10, lanes: [(name: "a")])"#;

#[test]
fn a_scenario_has_the_panes_that_have_something_to_show() {
    let cases = [
        (
            r#"(data: Xor(), steps: 9, lanes: [(name: "a")])"#,
            ScenarioKind::Samples,
            Pane::Adversarial,
            Pane::Surface,
        ),
        (SURFACE, ScenarioKind::Surface, Pane::Surface, Pane::Adversarial),
        (SEQUENCE, ScenarioKind::Sequences, Pane::ThroughTime, Pane::Surface),
    ];
    for (scenario, kind, has, lacks) in cases {
        let mut app = app(scenario);
        assert_eq!(app.kind, kind);
        let mut seen = Vec::new();
        for _ in Pane::ALL {
            press(&mut app, "\t");
            seen.push(app.focus());
            assert!(app.places().is_some_and(|p| p.pane(app.focus()).is_some()));
        }
        assert!(seen.contains(&has) && !seen.contains(&lacks), "{kind:?}: {seen:?}");
        assert!(Pane::of(kind).all(|p| seen.contains(&p)), "Tab comes to every pane of {kind:?}: {seen:?}");
    }
}

#[test]
fn a_pane_is_found_by_its_name() {
    let mut app = app(SURFACE);
    press(&mut app, "p");
    assert!(text(&app).contains("Panes"));
    press(&mut app, "↓↓\n");
    assert_eq!(app.focus(), Pane::Curves);
    press(&mut app, ":the pane micro\n");
    assert_eq!(app.focus(), Pane::Microscope);
}

#[test]
fn another_kind_of_lanes_brings_other_panes() {
    let mut app = app(
        r#"(data: Adding(samples: 100, length: 9), network: [Flatten(), Dense(2)], loss: Mse(), steps: 9, lanes: [(name: "a")])"#,
    );
    app.focus_on(Pane::Adversarial);
    assert_eq!(app.kind, ScenarioKind::Samples);
    let mut info = app.view.lanes[0].info.clone();
    info.recipe.network = Vec::<LayerConfig>::parse("[Rnn(3)]").expect("layers");
    app.update(Message::Event(Event::Started { lane: 0, info: Box::new(info), step: 0 }));
    assert_eq!(app.kind, ScenarioKind::Sequences);
    assert!(app.places().is_some_and(|p| p.pane(Pane::ThroughTime).is_some()));
}

#[test]
fn moving_the_start_is_an_order_that_says_what_a_scenario_would_say() {
    let mut app = app(SURFACE);
    press(&mut app, ":the pane surface\n");
    let moved = DataConfig::parse("Surface(Saddle, start: (1.1, 0.5))").expect("data");
    assert_eq!(press(&mut app, "l"), [Command::Data(Box::new(moved.clone()))]);
    assert_eq!(app.scenario.data, moved, "what lanes are added with");
    let noisy = press(&mut app, "m");
    let moved = DataConfig::parse("Surface(Saddle, start: (1.1, 0.5), noise: 0.1)").expect("data");
    assert_eq!(noisy, [Command::Data(Box::new(moved))]);
}

#[test]
fn sequences_grow_by_whatever_their_data_call_it() {
    let mut app = app(SEQUENCE);
    press(&mut app, ":the pane through\n");
    app.view.lanes[0].info.input = crate::scenario::Shape::Sequence { steps: 50, features: 10 };
    let longer = DataConfig::parse("Copy(samples: 100, delay: 40)").expect("data");
    assert_eq!(press(&mut app, "+"), [Command::Data(Box::new(longer))]);
    // The typed action opens the form of the data.
    press(&mut app, "\n");
    assert!(text(&app).contains("Data Copy"));
    let typed = press(&mut app, "↓25\n");
    let wanted = DataConfig::parse("Copy(samples: 100, delay: 25)").expect("data");
    assert_eq!(typed, [Command::Data(Box::new(wanted))]);
}

#[test]
fn a_weight_is_typed_as_row_and_column() {
    let mut app = app(r#"(data: Xor(), steps: 9, lanes: [(name: "a")])"#);
    let slots = [("1 Dense 4 weight", [12.0, 3.0]), ("1 Dense 4 bias", [4.0, 4.0])];
    let rows = slots.iter().map(|(n, v)| ((*n).to_owned(), v.to_vec())).collect();
    let parts = vec![("slots".to_owned(), Data::Table { columns: Vec::new(), rows })];
    app.update(Message::Event(Event::Probed { lane: 0, step: 1, name: "microscope", parts }));
    press(&mut app, ":the pane micro\n");
    // Moves from the bias to the weights.
    app.update(Message::Key(KeyEvent::new(KeyCode::PageUp, KeyModifiers::NONE)));
    press(&mut app, "\n↓2, 1\n");
    let watched = |app: &App| app.watched.iter().find_map(|v| (v.probe == "microscope").then_some(v.number));
    assert_eq!(watched(&app), Some(7));
    press(&mut app, "\n↓1, 3");
    assert!(text(&app).contains("column 3 of 3"), "{}", text(&app));
    press(&mut app, "\x1b");
    assert_eq!((watched(&app), app.overlay.is_none()), (Some(7), true));
}

#[test]
fn the_schedule_is_drawn_where_it_is_chosen() {
    let mut app =
        app(r#"(data: Xor(), schedule: Cosine(), steps: 900, lanes: [(name: "a", optimizer: Sgd(0.1))])"#);
    press(&mut app, ":the pane lanes\n");
    press(&mut app, "\n");
    let braille = |app: &App| text(app).chars().filter(|c| ('\u{2801}'..'\u{28ff}').contains(c)).count();
    assert_eq!(braille(&app), 0);
    press(&mut app, "↓");
    assert!(braille(&app) > 10, "{}", text(&app));
}
