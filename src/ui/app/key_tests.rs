//! Tests how many keys common tasks take, that they can be undone, and that keys report their effect.

use super::App;
use crate::engine::layer::LayerConfig;
use crate::number::Number;
use crate::registry::SettingValue as _;
use crate::scenario::DataConfig;
use crate::scenario::view::Pane;
use crate::telemetry::{Command, Data, Event, Measure, Phase};
use crate::ui::app::GalleryPreset;
use crate::ui::fixture;
use crate::ui::keymap::{KEYMAP, KeyScope};
use crate::ui::message::{Effect, Message};
use crate::ui::overlay::Overlay;
use crate::ui::overlay::form::FormSubject;
use crate::ui::screen::picture;
use crate::ui::theme::{Depth, Glyphs, Theme};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Size;
use std::time::Duration;

fn app() -> App {
    let preset = |name: &str| {
        let scenario = crate::scenario::Scenario { title: name.into(), ..fixture::scenario() };
        GalleryPreset { name: name.into(), scenario }
    };
    let presets = Box::new(move || ["spiral", "rosenbrock", "saddle"].map(preset).into());
    let theme = Theme::dark(Depth::True, Glyphs::Unicode);
    let mut app = App::new(fixture::scenario(), presets, theme, Size::new(80, 24), true);
    for event in fixture::events(40) {
        app.update(Message::Event(event));
    }
    app
}

/// Presses keys written as in scripts; returns the resulting orders, and the number of keys.
fn press(app: &mut App, keys: &str) -> (Vec<Command>, usize) {
    let mut orders = Vec::new();
    for key in keys.split(' ') {
        let key: crate::ui::keymap::KeyPress = key.parse().expect("a key");
        let effects = app.update(Message::Key(KeyEvent::new(key.code, key.modifiers)));
        orders.extend(effects.into_iter().filter_map(|e| match e {
            Effect::Command(c) if !matches!(c, Command::Watch(_)) => Some(c),
            _ => None,
        }));
    }
    (orders, keys.split(' ').count())
}

fn text(app: &App) -> String {
    picture(app).content.iter().map(ratatui::buffer::Cell::symbol).collect()
}

/// The recipe of lane A after these keys, and their number.
fn set(keys: &str) -> (App, crate::scenario::Recipe, usize) {
    let mut app = app();
    let (orders, count) = press(&mut app, keys);
    let [Command::Set { lane: 0, recipe, .. }] = &orders[..] else { panic!("{keys}: {orders:?}") };
    let recipe = (**recipe).clone();
    (app, recipe, count)
}

#[test]
fn common_changes_take_few_keys_and_one_more_undoes_them() {
    for (keys, most, optimizer, lr) in [
        ("]", 1, "Sgd", 0.2),
        ("Enter Down 5 Enter", 4, "Sgd", 5.0),
        ("Enter a Enter", 4, "Adagrad", 0.01),
        ("Enter l i Enter", 4, "Lion", 1e-4),
    ] {
        let (mut app, recipe, count) = set(keys);
        assert!(count <= most, "{keys}");
        assert_eq!((recipe.optimizer.name(), recipe.optimizer.lr()), (optimizer, lr), "{keys}");
        assert!(app.notice().is_some_and(|n| n.contains("u undoes it")), "{:?}", app.notice());
        assert_eq!(press(&mut app, "u").0, [Command::Undo]);
        assert_eq!(press(&mut app, "U").0, [Command::Redo]);
    }
    let mut app = app();
    assert_eq!(press(&mut app, "Enter Down 5 Down Right Esc").0, [], "Esc leaves everything as it was");
    assert!(app.overlay.is_none());
}

#[test]
fn an_activation_is_exchanged_by_three_keys() {
    let mut app = app();
    app.focus_on(Pane::Network);
    press(&mut app, "Down");
    assert_eq!(press(&mut app, "Enter r Enter"), (Vec::new(), 3));
    let (orders, _) = press(&mut app, "w");
    let [Command::Set { recipe, .. }] = &orders[..] else { panic!("{orders:?}") };
    assert!(matches!(recipe.network[1], LayerConfig::Relu(_)), "{:?}", recipe.network);
}

#[test]
fn a_preset_is_found_by_its_letters() {
    let mut app = app();
    press(&mut app, "o s a d");
    assert!(text(&app).contains("saddle") && !text(&app).contains("rosenbrock"), "{}", text(&app));
    assert_eq!(press(&mut app, "Enter").0, [], "40 steps would be lost");
    assert!(text(&app).contains("40 steps of all 3 lanes would be lost"), "{}", text(&app));
    let (orders, _) = press(&mut app, "Enter");
    let found =
        orders.iter().find_map(|c| if let Command::Load(s) = c { Some(s.title.clone()) } else { None });
    assert_eq!(found.as_deref(), Some("saddle"));
}

#[test]
fn steps_are_not_lost_without_a_question() {
    for (keys, done) in [
        ("r", Command::Reset(Some(0))),
        ("R", Command::Reset(None)),
        ("b", Command::Seeds(5)),
        ("x", Command::Remove(0)),
    ] {
        let mut app = app();
        assert_eq!(press(&mut app, keys).0, [], "{keys} asks");
        assert!(text(&app).contains("would be lost"), "{}", text(&app));
        assert_eq!(press(&mut app, "n").0, []);
        assert!(app.overlay.is_none());
        press(&mut app, keys);
        assert_eq!(press(&mut app, "y").0, [done], "{keys}");
    }
    // A lane that diverged has nothing to lose.
    let mut wild = app();
    wild.front = 3;
    assert_eq!(press(&mut wild, "r").0, [Command::Reset(Some(3))]);
    // Other data restart all lanes; several keys in a row are one change.
    let mut app = app();
    app.focus_on(Pane::Network);
    let data = |text: &str| Box::new(DataConfig::parse(text).expect("data"));
    let change = |app: &mut App, text: &str| app.changed(FormSubject::Data(*data(text)));
    assert_eq!(change(&mut app, "Moons(samples: 50)"), []);
    assert!(text(&app).contains("40 steps of all 3 lanes would be lost"), "{}", text(&app));
    press(&mut app, "n");
    assert_eq!(app.scenario.data, fixture::scenario().data, "no leaves them");
    change(&mut app, "Moons(samples: 50)");
    assert_eq!(press(&mut app, "y").0, [Command::Data(data("Moons(samples: 50)"))]);
    let next = change(&mut app, "Moons(samples: 60)");
    assert_eq!(next, [Effect::Command(Command::Data(data("Moons(samples: 60)")))], "without a question");
    app.update(Message::Tick(Duration::from_secs(60)));
    assert_eq!(change(&mut app, "Moons(samples: 70)"), [], "a minute later it is another change");
}

#[test]
fn a_lane_that_was_added_comes_to_the_front() {
    let mut app = app();
    let (orders, _) = press(&mut app, "d");
    let [Command::Add { name, recipe }] = &orders[..] else { panic!("{orders:?}") };
    assert_eq!(name, "SGD 2");
    let info = Box::new(fixture::info(name, (**recipe).clone()));
    app.update(Message::Event(Event::Started { lane: 4, info, step: 0 }));
    assert_eq!(app.front, 4);
    press(&mut app, "Enter");
    assert!(text(&app).contains("Lane SGD 2"), "{}", text(&app));
    let again = press(&mut app, "Esc d").0;
    assert!(matches!(&again[..], [Command::Add { name, .. }] if name == "SGD 2 2"), "{again:?}");
}

#[test]
fn a_change_of_a_lane_that_diverged_offers_to_start_it_anew() {
    let mut app = app();
    app.front = 3;
    press(&mut app, ": s e t space c l i p space n o r m Enter");
    let told = app.notice().unwrap_or_default();
    assert!(told.contains("clip Off → Norm") && told.contains("r starts it anew"), "{told}");
}

#[test]
fn what_can_be_done_at_the_end_is_said() {
    for key in ["space", "n"] {
        let mut app = app();
        for lane in 0..3 {
            app.update(Message::Event(Event::Phase { lane, step: 5000, phase: Phase::Finished }));
        }
        app.update(Message::Tick(Duration::from_secs(60)));
        assert!(text(&app).contains("space what next"), "{}", text(&app));
        press(&mut app, key);
        for words in ["2,500 steps further", "again", "another preset", "leave"] {
            assert!(text(&app).contains(words), "{words}: {}", text(&app));
        }
        assert_eq!(press(&mut app, "Enter").0, [Command::Further(2500), Command::Run]);
    }
}

#[test]
fn the_command_line_takes_what_the_lab_without_a_screen_takes() {
    let (_, recipe, _) = set(": s e t space l r space 0 . 0 1 Enter");
    assert_eq!(recipe.optimizer.lr(), 0.01);
    let (_, recipe, _) = set(": s e t space o p Tab a d a m w Tab Enter");
    assert_eq!(recipe.optimizer.name(), "AdamW", "completed by Tab");
    let mut app = app();
    assert_eq!(press(&mut app, ": s a v e Enter").0, [Command::Save]);
    press(&mut app, ": l o o k space C Enter");
    assert!(text(&app).contains("C Adam, step 40"), "{}", text(&app));
    press(&mut app, "Esc : s e t space l q");
    assert!(text(&app).contains("set wants a name and a value"), "{}", text(&app));
    assert!(matches!(app.overlay, Some(Overlay::Menu(_))));
}

#[test]
fn one_who_watches_is_offered_only_what_works_there() {
    // The timeline cannot be opened in a watched run.
    for own in KEYMAP.iter().filter(|b| b.own && b.scope != KeyScope::Timeline) {
        let mut app = app();
        app.watch_only(true);
        if let KeyScope::Pane(pane) = own.scope {
            app.focus_on(pane);
            if app.focus() != pane {
                continue;
            }
        }
        let (key, before) = (own.keys[0].to_string(), app.scenario.clone());
        assert_eq!(press(&mut app, &key).0, [], "{key} in {:?}", own.scope);
        assert!(app.overlay.is_none() && app.scenario == before, "{key} in {:?}", own.scope);
        assert!(app.notice().is_some_and(|n| n.starts_with("watching only")), "{key} in {:?}", own.scope);
    }
    let mut app = app();
    app.watch_only(true);
    let line = |app: &App| {
        let picture = picture(app);
        let last = picture.content.chunks(80).last().expect("a line");
        last.iter().map(ratatui::buffer::Cell::symbol).collect::<String>()
    };
    assert!(!line(&app).contains("step") && line(&app).contains("help"), "{}", line(&app));
    assert_eq!(press(&mut app, ": s e t space l r space 1 Enter").0, []);
}

#[test]
fn esc_and_a_key_in_one_packet_are_two_keys() {
    let mut app = app();
    press(&mut app, "Enter");
    assert!(app.overlay.is_some());
    assert_eq!(press(&mut app, "Alt-]").0.len(), 1, "the form is closed and the rate doubled");
    assert!(app.overlay.is_none());
    app.keymap.rebind(crate::ui::keymap::Action::Zoom, &["Alt-z".parse().expect("a key")]).expect("free");
    press(&mut app, "Enter Esc");
    app.update(Message::Key(KeyEvent::new(KeyCode::Char('z'), KeyModifiers::ALT)));
    assert_eq!(app.places().map(|p| p.panes.len()), Some(1), "where Alt is bound it is Alt");
}

#[test]
fn a_key_that_did_nothing_says_why() {
    let mut app = app();
    press(&mut app, "F7");
    assert!(app.idle_key().is_some_and(|w| w.contains("F7 means nothing")), "{:?}", app.idle_key());
    press(&mut app, "space");
    assert_eq!(app.idle_key(), None);
    press(&mut app, "space q z");
    assert!(app.idle_key().is_some_and(|w| w.contains("window")), "{:?}", app.idle_key());
}

/// Recalls an earlier step of a lane.
fn recalled(app: &mut App, lane: usize, step: u64, loss: f32) {
    let info = Box::new(app.view.lane(lane).expect("a lane").info.clone());
    let measure = Box::new(Measure { step, ..Measure::default() }.with(Number::Loss, loss));
    let events =
        vec![Event::Changed { lane, info, step }, Event::Measured { lane, measure, layers: Vec::new() }];
    app.update(Message::Event(Event::Recalled { lane, step, events }));
}

#[test]
fn the_past_is_looked_at_and_never_taken_for_the_present() {
    let mut app = app();
    app.focus_on(Pane::Lanes);
    assert_eq!(press(&mut app, "T Left Left").0, [Command::Look(Some(39)), Command::Look(Some(38))]);
    assert!(text(&app).contains("at step 40 of 40 done, going to 38"), "{}", text(&app));
    recalled(&mut app, 0, 38, 7.125);
    assert!(
        text(&app).contains("at step 38 of 40 done") && text(&app).contains("loss 7.125"),
        "{}",
        text(&app)
    );
    // The past cannot be changed, and the present goes on meanwhile.
    assert_eq!(press(&mut app, "] Enter d").0, []);
    assert!(app.overlay.is_none() && app.notice().is_some_and(|n| n.contains("is past")));
    let measure = Box::new(Measure { step: 41, ..Measure::default() }.with(Number::Loss, 0.5f32));
    app.update(Message::Event(Event::Measured { lane: 0, measure, layers: Vec::new() }));
    assert!(text(&app).contains("at step 38 of 41 done"), "{}", text(&app));
    assert_eq!(press(&mut app, "1 2 Enter").0, [Command::Look(Some(12))]);
    assert_eq!(press(&mut app, "Esc").0, [Command::Look(None)]);
    assert!(app.timeline.is_none() && text(&app).contains("step 41 of"), "{}", text(&app));
    assert_eq!(app.view.lanes[0].last.step, 41);
}

#[test]
fn a_drag_that_began_on_the_timeline_may_leave_its_row() {
    use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
    let mut app = app();
    let mouse = |app: &mut App, kind, column, row| {
        let event = MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE };
        app.update(Message::Mouse(event)).len()
    };
    let (down, drag, up) = (
        MouseEventKind::Down(MouseButton::Left),
        MouseEventKind::Drag(MouseButton::Left),
        MouseEventKind::Up(MouseButton::Left),
    );
    press(&mut app, "T");
    let row = app.places().expect("room").timeline.y;
    mouse(&mut app, drag, 10, row + 5);
    assert_eq!(app.dragged_row(), None, "this drag began elsewhere");
    let at = |app: &App| app.timeline.as_ref().and_then(crate::ui::timeline::Timeline::at);
    mouse(&mut app, down, 79, row);
    assert_eq!(at(&app), None, "the present");
    mouse(&mut app, drag, 0, row + 9);
    assert_eq!(at(&app), Some(0));
    assert_eq!(app.dragged_row(), Some(row), "a recording notes a click there");
    mouse(&mut app, up, 0, row + 9);
    assert_eq!(app.dragged_row(), None);
}

#[test]
fn a_past_step_shows_the_median_over_seeds_as_the_present_does() {
    use crate::telemetry::{Band, Spread};
    let mut app = app();
    app.focus_on(Pane::Lanes);
    press(&mut app, "T Left Left");
    let mut spread = Spread::new(3, 0);
    spread.set(Number::Loss, Band::of([7.125, 2.375, 3.625].into_iter()));
    let info = Box::new(app.view.lane(0).expect("a lane").info.clone());
    let measure =
        Measure { step: 38, spread: Some(spread), ..Measure::default() }.with(Number::Loss, 7.125f32);
    let events = vec![
        Event::Changed { lane: 0, info, step: 38 },
        Event::Measured { lane: 0, measure: Box::new(measure), layers: Vec::new() },
    ];
    app.update(Message::Event(Event::Recalled { lane: 0, step: 38, events }));
    assert!(text(&app).contains("loss 3.625") && !text(&app).contains("7.125"), "{}", text(&app));
}

#[test]
fn a_fork_with_another_optimizer_where_it_diverged_takes_five_keys() {
    let mut app = app();
    app.front = 3;
    let (orders, count) = press(&mut app, "T Up f");
    assert_eq!(orders, [Command::Look(Some(20))], "lane D diverged at step 21");
    assert!(text(&app).contains("Fork of D at 20"), "{}", text(&app));
    assert!(text(&app).contains("weights, optimizer state, batch order"), "{}", text(&app));
    press(&mut app, "Right");
    assert!(text(&app).contains("weights are kept, the optimizer's memory"), "{}", text(&app));
    let (orders, more) = press(&mut app, "Enter");
    let [Command::Look(None), Command::Fork { parent: 3, at: Some(20), name, recipe, .. }] = &orders[..]
    else {
        panic!("{orders:?}");
    };
    assert_eq!((name.as_str(), recipe.optimizer.name()), ("Too fast at 20", "Momentum"));
    assert_eq!(count + 1 + more, 5);
}

#[test]
fn lanes_go_on_from_the_step_in_view_and_what_lay_ahead_stays_until_it_is_dismissed() {
    let mut app = app();
    let back = Command::Rewind { lane: None, step: 38 };
    let looks = [Command::Look(Some(39)), Command::Look(Some(38)), Command::Look(None)];
    assert_eq!(press(&mut app, "T Left Left b").0, [&looks[..], &[back]].concat());
    assert_eq!(press(&mut app, "b").0, [], "from the present on it goes anyway");
    assert!(app.notice().is_some_and(|n| n.contains("this is the present")), "{:?}", app.notice());
    let info = Box::new(app.view.lanes[0].info.clone());
    app.update(Message::Event(Event::Rewound { lane: 0, info, step: 20 }));
    let lane = &app.view.lanes[0];
    let last = |h: Option<&crate::view::history::History>| h.and_then(|h| h.last()).map(|b| b.at.step as u64);
    assert_eq!((lane.step, last(lane.curve(Number::Loss))), (20, Some(20)));
    assert_eq!(last(lane.ghosts.get(&Number::Loss)), Some(40));
    assert!(lane.maps.values().all(|m| m.columns().last().is_none_or(|c| c.step <= 20)));
    app.focus_on(Pane::Curves);
    app.size = Size::new(200, 60);
    assert!(text(&app).contains("faint: before going back"), "{}", text(&app));
    press(&mut app, "Esc d");
    assert!(!app.view.has_ghosts() && !text(&app).contains("before going back"));
    let (made, undone) = (vec!["lane A: lr 0.1 → 0.2 at step 7".into()], vec!["lane B b removed".into()]);
    app.update(Message::Event(Event::Changes { made, undone }));
    press(&mut app, "Y");
    assert!(
        text(&app).contains("1  lane A: lr 0.1 → 0.2") && text(&app).contains("undone  lane B b removed")
    );
}

#[test]
fn tests_of_a_copy_have_a_window_which_asks_for_them_and_sets_what_they_suggest() {
    for (key, probe) in [("V", "rates"), ("O", "one batch")] {
        let mut app = app();
        let event: crate::ui::keymap::KeyPress = key.parse().expect("a key");
        let effects = app.update(Message::Key(KeyEvent::new(event.code, event.modifiers)));
        let asked = |effects: &[Effect]| {
            effects.iter().any(|e| {
                matches!(e, Effect::Command(Command::Watch(views)) if views.iter().any(|v| v.probe == probe))
            })
        };
        assert!(asked(&effects), "{key}: {effects:?}");
        assert!(text(&app).contains("a copy of the lane is training"), "{}", text(&app));
        let series = |name: &str, f: &dyn Fn(usize) -> f64| {
            (name.to_string(), Data::Series((0..60).map(|i| f(i) as f32).collect()))
        };
        let scalar = |name: &str, x: f64| (name.to_string(), Data::Scalar(x));
        let bowl = |i: usize| 0.3 + (i as f64 - 40.0).powi(2) / 1600.0;
        let parts = vec![
            series("rates", &|i| 1e-7 * libm::pow(10.0, i as f64 / 7.5)),
            series("losses", &bowl),
            series("means", &bowl),
            scalar("least", 0.0215),
            scalar("first", 1.3),
            scalar("mean", 0.3),
            scalar("suggested", 0.002),
            scalar("away", 0.9),
            scalar("samples", 64.0),
        ];
        app.update(Message::Event(Event::Probed { lane: 0, step: 40, name: probe, parts }));
        let drawn = text(&app);
        if key == "V" {
            for wanted in
                ["Suggested: lr 2e-3", "a tenth of 0.0215", "At 0.9 the loss ran away", "1e-4", "rate"]
            {
                assert!(drawn.contains(wanted), "{wanted}: {drawn}");
            }
            let (orders, _) = press(&mut app, "Enter");
            let [Command::Set { lane: 0, recipe, .. }] = &orders[..] else { panic!("{orders:?}") };
            assert_eq!(recipe.optimizer.lr(), 0.002);
        } else {
            assert!(drawn.contains("in 60 steps the loss of these 64 samples went from 1.3"), "{drawn}");
            assert_eq!(press(&mut app, "Esc").0, []);
        }
        assert!(app.overlay.is_none());
        // The closed window requests no probe.
        let effects = app.update(Message::Tick(Duration::from_secs(9)));
        assert!(!asked(&effects));
    }
}

#[test]
fn a_picture_is_what_is_on_the_screen_and_overwrites_nothing() {
    let mut app = app();
    let place = tempfile::TempDir::with_prefix("gradtui-").expect("a directory");
    let path = place.path().join("picture.svg");
    press(&mut app, "P");
    assert!(text(&app).contains("picture vanishing-sigmoid-40.svg"), "{}", text(&app));
    press(&mut app, "Esc");
    let line = format!("picture {}", path.display());
    let effects = app.obey(&line).expect("a command");
    assert_eq!(effects, [Effect::Picture(path.display().to_string())]);
    let shown = path.display().to_string();
    assert!(crate::ui::record::still::take(&app, &shown).starts_with("saved as "));
    let svg = std::fs::read_to_string(&path).expect("a file");
    assert!(svg.starts_with("<svg") && svg.contains("<title>vanishing-sigmoid</title>"), "{svg}");
    assert!(crate::ui::record::still::take(&app, &shown).contains("is there already"));
    assert!(app.obey("picture x.jpg").is_err_and(|e| e.contains(".svg")));
    assert!(app.obey("picture x.png").is_err_and(|e| e.contains("export RUN --png")));
}
