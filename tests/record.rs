//! Tests of recordings from outside: the same bytes each time, files that players can read, and their content.

use crossterm::event::KeyEvent;
use gradtui::cli::{open, read_script, record};
use gradtui::engine::data::NoFiles;
use gradtui::lab::experiment::Experiment;
use gradtui::lab::run::Run;
use gradtui::lab::runner::Runner;
use gradtui::lab::stepped::SteppedRun;
use gradtui::number::Number;
use gradtui::scenario::Scenario;
use gradtui::telemetry::{Command, Event, Phase};
use gradtui::ui::app::App;
use gradtui::ui::keymap::KeyPress;
use gradtui::ui::message::{Effect, Message};
use gradtui::ui::record::cast::CastVersion;
use gradtui::ui::record::log::{SessionLog, UserAction};
use gradtui::ui::record::recording::{self, RecordingEvent};
use gradtui::ui::record::script::{Cue, CueTime, RecordingScript};
use gradtui::ui::record::still;
use gradtui::ui::record::studio::{RecordedRun, RecordingError, Studio};
use gradtui::ui::theme::{Depth, Glyphs, Scheme, Theme};
use ratatui::buffer::Buffer;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SCRIPTS: [(&str, &str); 4] = [
    ("four-optimizers", "first-minute.ron"),
    ("exploding-clip", "clipping.ron"),
    ("four-optimizers", "going-back.ron"),
    ("exploding-clip", "cure.ron"),
];

fn script_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/recordings").join(name)
}

fn scenario(preset: &str) -> Scenario {
    gradtui::lab::preset::find(preset).expect("a preset").scenario()
}

fn run(scenario: &Scenario) -> Run {
    let experiment = Experiment::new(scenario.clone(), &NoFiles).expect("an experiment");
    Run::new(experiment, None, Arc::new(NoFiles))
}

/// Frames, and the chapters that begin with them.
type Chapters = Vec<(Buffer, Vec<String>)>;

/// The recording, and each of its frames with the chapters that begin there.
fn recorded(
    preset: &str,
    script: &RecordingScript,
    version: CastVersion,
) -> Result<(String, Chapters), RecordingError> {
    let scenario = scenario(preset);
    let (run, size) = (run(&scenario), script.size.unwrap_or((80, 24)));
    let mut chapters = Vec::new();
    let bytes = record(scenario, run, script, size, version, Scheme::Dark, |shot| {
        if !shot.markers.is_empty() {
            chapters.push((shot.picture.clone(), shot.markers.to_vec()));
        }
    })?;
    Ok((String::from_utf8(bytes).expect("text"), chapters))
}

fn symbols(picture: &Buffer) -> Vec<String> {
    let rows = picture.content.chunks(usize::from(picture.area.width));
    rows.map(|r| r.iter().map(ratatui::buffer::Cell::symbol).collect::<String>()).collect()
}

#[test]
fn what_a_player_shows_at_every_chapter_is_what_the_lab_drew() {
    for (preset, name) in SCRIPTS {
        let script = read_script(&script_path(name), &scenario(preset)).expect("a script");
        let (two, chapters) = recorded(preset, &script, CastVersion::Two).expect("a recording");
        let (three, again) = recorded(preset, &script, CastVersion::Three).expect("a recording");
        assert_eq!(chapters, again, "the same pictures each time");
        let (two, three) =
            (recording::read(&two).expect("version 2"), recording::read(&three).expect("version 3"));
        assert_eq!(two, three, "{name}");
        assert!(!chapters.is_empty(), "{name} has chapters");
        if name == "cure.ron" {
            let last = chapters.last().map(|(picture, _)| symbols(picture).concat()).unwrap_or_default();
            assert!(last.contains("beside it: repaired"), "the sick lane is cured: {last}");
        }

        let size = two.size;
        let mut vt = avt::Terminal::new(usize::from(size.width), usize::from(size.height)).expect("a size");
        let mut left = chapters.iter().flat_map(|(picture, labels)| labels.iter().map(move |l| (picture, l)));
        for (_, what) in &two.events {
            match what {
                RecordingEvent::Output(text) => {
                    vt.feed([text.as_str()]);
                }
                RecordingEvent::Marker(label) => {
                    let (picture, wanted) = left.next().expect("no more chapters than were set");
                    assert_eq!(label, wanted);
                    let shown = |y: usize| vt.screen().line(y).expect("a line").text();
                    for (y, row) in symbols(picture).iter().enumerate() {
                        assert_eq!(&shown(y), row, "{name}, chapter {label}, line {y}");
                    }
                }
                RecordingEvent::Resize(_) => panic!("a recording keeps its size"),
            }
        }
        assert_eq!(left.count(), 0, "every chapter is in the file");
    }
}

#[test]
fn two_recordings_are_the_same_file() {
    let dir = tempfile::TempDir::with_prefix("gradtui-").expect("a directory");
    for version in ["2", "3"] {
        let bytes = ["a", "b"].map(|name| {
            let out = dir.path().join(name);
            let done = std::process::Command::new(env!("CARGO_BIN_EXE_gradtui"))
                .args(["record", "exploding-clip", "--cast-version", version, "--size", "80x24", "--out"])
                .arg(&out)
                .arg("--script")
                .arg(script_path("clipping.ron"))
                .env("LANG", if name == "a" { "C" } else { "de_DE.UTF-8" })
                .env("COLUMNS", "3")
                .stdin(Stdio::null())
                .output()
                .expect("the program starts");
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            assert!(done.stdout.is_empty() && done.stderr.is_empty());
            std::fs::read(&out).expect("a recording")
        });
        assert!(bytes[0] == bytes[1], "version {version}");
        let recording = recording::read(std::str::from_utf8(&bytes[0]).expect("text")).expect("a recording");
        assert_eq!((recording.size.width, recording.size.height), (80, 24));
    }
}

#[test]
fn a_name_full_of_escapes_is_harmless_in_a_recording() {
    let mut evil = scenario("exploding-clip");
    evil.title = "t\u{1b}]0;owned\u{7}\u{202e}".into();
    evil.lanes[0].name = "l\u{9b}31m\u{1b}[2J".into();
    let script = RecordingScript {
        title: "s\u{1b}c".into(),
        cues: vec![Cue {
            caption: Some("c\u{1b}]52;c;x\u{7}".into()),
            marker: Some("m\u{1b}".into()),
            wait: Some(1.0),
            ..Cue::default()
        }],
        ..RecordingScript::default()
    };
    let bytes = record(evil.clone(), run(&evil), &script, (80, 24), CastVersion::Two, Scheme::Dark, |_| ())
        .expect("a recording");
    let text = String::from_utf8(bytes).expect("text");
    assert!(!text.lines().any(|l| l.contains(gradtui::text::harmful)), "the file itself is plain");
    for (_, what) in recording::read(&text).expect("a recording").events {
        let (RecordingEvent::Output(text) | RecordingEvent::Marker(text)) = what else { continue };
        for bad in ["\u{1b}]", "\u{1b}c", "\u{7}", "\u{202e}", "\u{9b}", "31m\u{1b}[2J"] {
            assert!(!text.contains(bad), "{bad:?} in {text:?}");
        }
    }
}

#[test]
fn a_cue_that_never_comes_is_told_with_its_number() {
    let cue = |when: &str| Cue { when: Some(when.into()), ..Cue::default() };
    let never = RecordingScript {
        cues: vec![cue("norm 1.step > 3"), cue("norm 1.val_accuracy > 2"), cue("norm 1.step > 5")],
        ..RecordingScript::default()
    };
    let failed = recorded("exploding-clip", &never, CastVersion::Two).expect_err("never");
    assert!(matches!(failed, RecordingError::Never { cue: 2, .. }), "{failed}");
    assert!(failed.to_string().contains("step"), "{failed}");
}

#[test]
fn a_script_stops_at_exactly_the_step_that_it_names() {
    let script = RecordingScript {
        fps: 3,
        cues: vec![
            Cue { speed: Some(7.0), ..Cue::default() },
            Cue {
                at: Some(CueTime::Step(137)),
                press: Some("space".into()),
                wait: Some(2.0),
                ..Cue::default()
            },
            Cue { marker: Some("here".into()), wait: Some(0.5), ..Cue::default() },
        ],
        ..RecordingScript::default()
    };
    let (_, chapters) = recorded("four-optimizers", &script, CastVersion::Two).expect("a recording");
    let header = &symbols(&chapters[0].0)[0];
    assert!(header.contains("step 137 of"), "{header}");
    assert!(header.contains("paused"), "{header}");
}

#[test]
fn faults_of_a_script_have_their_place() {
    let place = tempfile::TempDir::with_prefix("gradtui-").expect("a directory");
    let path = place.path().join("script.ron");
    std::fs::write(&path, "(cues: [\n  (when: \"adm.loss < 1\"),\n  (press: \"Tb\"),\n])").expect("a file");
    let faults = read_script(&path, &scenario("four-optimizers")).expect_err("faults").0;
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[0].contains(":2:10: ") && faults[0].contains("did you mean Adam?"), "{faults:?}");
    assert!(faults[1].contains(":3:11: ") && faults[1].contains("did you mean Tab?"), "{faults:?}");
    assert!(open(OsStr::new("first-minute")).is_err(), "a script is no scenario");
}

/// Validation losses by lane and step.
type Losses = std::collections::BTreeMap<(usize, u64), u32>;

fn note(losses: &mut Losses, event: &Event) {
    if let Event::Evaluated { lane, measure } = event {
        losses.insert((*lane, measure.step), measure.single(Number::ValLoss).to_bits());
    }
}

fn lab(scenario: &Scenario) -> App {
    let theme = Theme::dark(Depth::True, Glyphs::Unicode);
    App::new(scenario.clone(), Box::new(Vec::new), theme, (80, 24).into(), true)
}

/// A session at the keyboard while threads train at this pace; each key is pressed as soon as the screen shows its
/// step.
fn played_by_hand(scenario: &Scenario, keys: &[(u64, &str)], pace: Option<f64>) -> (RecordingScript, Losses) {
    let runner = Runner::start(run(scenario), Some(2), None, false).expect("threads");
    let (mut app, mut log, mut losses) = (lab(scenario), SessionLog::default(), Losses::new());
    let start = Instant::now();
    runner.send(Command::Pace(pace));
    runner.send(Command::Run);
    let mut keys = keys.iter();
    let mut next = keys.next();
    // The last key changes a lane: until the run confirms it, a lane that was reset before may look finished.
    let mut obeyed = false;
    while !app.done() || next.is_some() || !obeyed {
        assert!(start.elapsed() < Duration::from_secs(120), "the session ends");
        runner.wait(Duration::from_millis(5));
        let now = start.elapsed();
        for event in runner.drain() {
            note(&mut losses, &event);
            obeyed |= next.is_none() && matches!(event, Event::Changed { lane, .. } if lane == app.front);
            app.update(Message::Event(event.clone()));
            log.event(&event, &app);
        }
        app.update(Message::Tick(now));
        let trains = |l: &&gradtui::view::LaneView| matches!(l.phase, Phase::Running | Phase::Paused);
        let all = || app.view.lanes.iter().map(|l| l.step).max().unwrap_or(0);
        let at = app.view.lane(app.front).filter(trains).map_or_else(all, |l| l.step);
        let Some(&(_, key)) = next.filter(|(step, _)| at >= *step) else { continue };
        next = keys.next();
        let key: KeyPress = key.parse().expect("a key");
        log.note_action(UserAction::Key(key), &app, now);
        let running = app.running();
        for effect in app.update(Message::Key(KeyEvent::new(key.code, key.modifiers))) {
            if let Effect::Command(command) = effect {
                log.order(&command, running, &app);
                runner.send(command);
            }
        }
    }
    let (script, exact) = log.script("by hand", (80, 24)).expect("a script");
    assert!(exact, "one lane was changed: {script:?}");
    (script, losses)
}

/// A run on the studio's clock that keeps its evaluations.
struct Kept(SteppedRun, Losses);

impl RecordedRun for Kept {
    fn send(&mut self, command: Command) {
        self.0.send(command);
    }
    fn pass(&mut self, seconds: f64, stop: Option<(usize, u64)>) {
        self.0.pass(seconds, stop);
    }
    fn look(&mut self) {}
    fn drain(&mut self) -> Vec<Event> {
        let events = self.0.drain();
        for event in &events {
            note(&mut self.1, event);
        }
        events
    }
    fn idle(&self) -> bool {
        self.0.run().idle()
    }
    fn holds(&self, _: usize) -> bool {
        true
    }
}

#[test]
fn a_session_played_by_hand_replays_to_the_same_bits() {
    // At a pace that a screen can follow, as in the lab, and at full speed, at which the run may end between two keys.
    for pace in [Some(400.0), None] {
        replayed(pace);
    }
}

#[test]
fn a_session_replays_to_the_same_bits_although_the_lane_in_front_diverged() {
    let scenario = gradtui::scenario::read(
        "(data: Moons(samples: 100), network: [Dense(6), Relu(), Dense(6), Relu(), Dense(6), Relu()], batch: 16,
          steps: 200, evaluate_every: 2, init: HeNormal(),
          lanes: [(name: \"a\", optimizer: Sgd(0.02)), (name: \"lost\", optimizer: Momentum(1e6))])",
    )
    .expect("a scenario");
    // Paused and resumed while the lane that diverged is in front; the other one is changed in between.
    let keys =
        [(20, "2"), (60, "space"), (60, "1"), (60, "["), (60, "2"), (60, "space"), (120, "1"), (150, "]")];
    same_again(scenario, &keys, Some(400.0));
}

fn replayed(pace: Option<f64>) {
    let mut scenario = gradtui::scenario::read(
        "(data: Moons(samples: 100), network: [Dense(6), Tanh()], optimizer: Sgd(0.02), batch: 16, steps: 300,
          evaluate_every: 2, lanes: [(name: \"a\"), (name: \"b\", clip: Norm(0.5)), (name: \"c\", optimizer: Adam())])",
    )
    .expect("a scenario");
    scenario.title = "by hand".into();
    let keys = [
        (5, "2"),
        (10, "["),
        (30, "["),
        (60, "space"),
        (60, "n"),
        (60, "]"),
        (60, "3"),
        (60, "]"),
        (60, "space"),
        (90, "n"),
        (90, "space"),
        (120, "d"),
        (150, "]"),
        (200, "1"),
        (200, "r"),
        (200, "y"),
        (9, "]"),
    ];
    // At full speed lanes are at different steps, so a script is exact only if one of them is changed; and at the end
    // `space` and `n` would open a list, which handles the keys after them.
    let race = [(5, "2"), (10, "["), (30, "["), (60, "]"), (200, "r"), (200, "y"), (9, "]")];
    let keys = if pace.is_some() { &keys[..] } else { &race[..] };
    same_again(scenario, keys, pace);
}

/// Plays a session and its script, and compares all validation losses.
fn same_again(scenario: Scenario, keys: &[(u64, &str)], pace: Option<f64>) {
    let (mut script, by_hand) = played_by_hand(&scenario, keys, pace);
    assert!(by_hand.len() >= 100, "{} evaluations", by_hand.len());
    // To the end of the run, and faster than a user would watch.
    script.cues.insert(0, Cue { speed: Some(20.0), ..Cue::default() });
    script.cues.push(Cue {
        at: Some(CueTime::Step(scenario.steps as u64)),
        wait: Some(60.0),
        ..Cue::default()
    });
    let text = script.to_ron("as it was played");
    let again = gradtui::ui::record::script::read(text.as_bytes(), |_| Ok(())).expect("a script");
    assert_eq!(again, script, "{text}");

    let theme = Theme::dark(Depth::True, Glyphs::Unicode);
    let bench = Kept(SteppedRun::new(run(&scenario)), Losses::new());
    let presets = Box::new(Vec::new);
    let mut studio = Studio::new(&again, scenario, presets, theme, (80, 24).into(), bench);
    studio.play(|_| Ok(())).expect("a recording");
    let replayed = &studio.bench().1;
    let differs: Vec<_> = by_hand.iter().filter(|(k, v)| replayed.get(k) != Some(v)).collect();
    assert!(
        differs.is_empty(),
        "{} of {} differ, first {:?}\n{text}",
        differs.len(),
        by_hand.len(),
        differs[0]
    );
}

#[test]
fn the_pictures_of_the_readme_are_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).expect("a README");
    for name in ["lab", "vanishing"] {
        // The first line of each script contains the command that makes its picture.
        let script = std::fs::read_to_string(script_path(&format!("{name}.ron"))).expect("a script");
        let command =
            script.lines().next().and_then(|l| l.split_once(": gradtui ")).expect("the command is told").1;
        let [_, preset, "--script", _, "--svg", picture] = command.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{command}")
        };
        assert!(readme.contains(picture), "{picture} is shown");
        let scenario = scenario(preset);
        let script = read_script(&script_path(&format!("{name}.ron")), &scenario).expect("a script");
        let (title, mut last) = (scenario.title.clone(), None);
        let (run, size) = (run(&scenario), script.size.expect("a size"));
        record(scenario, run, &script, size, CastVersion::Two, Scheme::Dark, |shot| {
            last = Some(shot.picture.clone());
        })
        .expect("a recording");
        let svg = still::svg(&last.expect("a picture"), &title, false);
        let there = std::fs::read_to_string(root.join(picture)).unwrap_or_default();
        if std::env::var_os("GRADTUI_DRAW").is_some() {
            std::fs::write(root.join(picture), &svg).expect("a file");
            continue;
        }
        assert!(svg == there, "{picture} is out of date; GRADTUI_DRAW=1 cargo test --test record pictures");
    }
}

#[test]
fn a_lab_in_training_costs_less_than_ten_kilobytes_a_second() {
    for preset in ["four-optimizers", "spiral"] {
        let script = RecordingScript {
            fps: 10,
            cues: vec![Cue { at: Some(CueTime::Seconds(12.0)), ..Cue::default() }],
            size: Some((120, 40)),
            ..RecordingScript::default()
        };
        let (text, _) = recorded(preset, &script, CastVersion::Two).expect("a recording");
        let events = recording::read(&text).expect("a recording").events;
        let late = events.iter().filter(|(at, _)| *at >= Duration::from_secs(2));
        // A frame comes with the brackets of a whole update and a request for an answer.
        let bytes: usize =
            late.map(|(_, w)| if let RecordingEvent::Output(t) = w { t.len() + 20 } else { 0 }).sum();
        assert!(bytes > 5_000, "{preset}: it moves: {bytes}");
        assert!(bytes < 100_000, "{preset}: {} B/s", bytes / 10);
    }
}

#[test]
fn cues_name_panes_lanes_and_settings_and_fail_where_nothing_comes_of_them() {
    let scenario = gradtui::scenario::read(
        "(data: Xor(), network: [Dense(4), Tanh()], steps: 400, lanes: [(name: \"a\"), (name: \"b\", optimizer: Adam())])",
    )
    .expect("a scenario");
    let play = |cue: Cue| {
        let script = RecordingScript {
            cues: vec![Cue { at: Some(CueTime::Step(20)), ..cue }],
            ..RecordingScript::default()
        };
        let bench = Kept(SteppedRun::new(run(&scenario)), Losses::new());
        let theme = Theme::dark(Depth::True, Glyphs::Unicode);
        let mut studio =
            Studio::new(&script, scenario.clone(), Box::new(Vec::new), theme, (80, 24).into(), bench);
        let mut last = String::new();
        let played = studio.play(|shot| {
            last = shot.picture.content.iter().map(ratatui::buffer::Cell::symbol).collect();
            Ok(())
        });
        played.map(|_| last).map_err(|e| e.to_string())
    };
    let word = |text: &str| Some(text.to_owned());
    let done =
        Cue { lane: word("b"), pane: word("curves"), set: word("lr 0.5"), wait: Some(1.0), ..Cue::default() };
    let last = play(done).expect("played");
    assert!(last.contains("lane B: lr 0.001 → 0.5; u undoes it"), "{last}");
    let last = play(Cue { pane: word("curves"), wait: Some(1.0), ..Cue::default() }).expect("played");
    assert!(last.contains("m metric"), "{last}");
    for (cue, why) in [
        (Cue { lane: word("c"), ..Cue::default() }, "there is no lane c"),
        (Cue { pane: word("Curvs"), ..Cue::default() }, "did you mean Curves?"),
        (Cue { set: word("lr -1"), ..Cue::default() }, "out of range"),
        (Cue { open: word("nowhere"), ..Cue::default() }, "no preset nowhere"),
        (Cue { press: word("F7"), ..Cue::default() }, "F7 means nothing"),
        (Cue { press: word("q z"), ..Cue::default() }, "an open window takes no z"),
    ] {
        let failed = play(cue).expect_err("it cannot be played");
        assert!(failed.starts_with("cue 1: ") && failed.contains(why), "{failed}");
    }
}
