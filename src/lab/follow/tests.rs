//! Tests of a follower of a run that trains, ends, is reset or is resumed.

use super::*;
use crate::engine::data::NoFiles;
use crate::lab::lane::LogLine;
use crate::lab::outcome::{LaneStanding, Standings};
use crate::lab::run::Run;
use crate::lab::run_dir::RunDir;
use crate::lab::stepped::SteppedRun;
use crate::number::LayerNumber;
use crate::telemetry::{Command, Data};
use tempfile::TempDir;

const TEXT: &str = r#"(title: "followed", data: Spiral(), network: [Dense(4), Tanh()], steps: 60, evaluate_every: 20,
    lanes: [(name: "a", optimizer: Sgd(lr: 0.1)), (name: "b", optimizer: Adam(lr: 0.1))])"#;

/// A run in a directory, written by the test itself.
struct Bench {
    path: PathBuf,
    _place: TempDir,
    run: SteppedRun,
    dir: Option<RunDir>,
}

impl Bench {
    fn new() -> Self {
        Self::of(TEXT)
    }

    fn of(text: &str) -> Self {
        let place = TempDir::with_prefix("gradtui-").unwrap();
        let path = place.path().join("run");
        let (scenario, data) = read_with_data(text, &NoFiles).unwrap();
        let samples = checksum(&data.train.inputs);
        let dir = RunDir::create(&path, &scenario, Path::new(""), samples).unwrap();
        let experiment = Experiment::with_data(scenario, Arc::new(data), &NoFiles).unwrap();
        let mut run = SteppedRun::new(Run::new(experiment, None, Arc::new(NoFiles)));
        run.run_mut().log(true);
        run.send(Command::Run);
        Self { path, _place: place, run, dir: Some(dir) }
    }

    /// Trains this many steps, writes the log and saves.
    fn train(&mut self, steps: u64) {
        self.run.advance(steps);
        let run = self.run.run_mut();
        let lines: Vec<LogLine> = run.take_lines();
        let (told, scenario) = (run.complete_step(), run.scenario());
        let saved = run.save();
        let dir = self.dir.as_mut().unwrap();
        dir.append(lines);
        dir.flush(told).unwrap();
        dir.checkpoint(&scenario, &saved, None, &[]).unwrap();
    }
}

fn steps(events: &[Event], id: LaneId) -> Vec<u64> {
    let step = |e: &Event| match e {
        Event::Measured { lane, measure, .. } if *lane == id => Some(measure.step),
        _ => None,
    };
    events.iter().filter_map(step).collect()
}

fn phases(events: &[Event]) -> Vec<(LaneId, Phase)> {
    let phase = |e: &Event| match e {
        Event::Phase { lane, phase, .. } => Some((*lane, phase.clone())),
        _ => None,
    };
    events.iter().filter_map(phase).collect()
}

fn started(events: &[Event]) -> usize {
    events.iter().filter(|e| matches!(e, Event::Started { .. })).count()
}

const SECOND: Duration = Duration::from_secs(1);

/// The changes in the log, in its order.
fn changes(bench: &Bench) -> Vec<String> {
    let log = std::fs::read_to_string(bench.path.join("metrics.jsonl")).unwrap();
    log.lines().filter(|l| l.contains("\"field\"")).map(str::to_owned).collect()
}

fn scenario(bench: &Bench) -> Scenario {
    let text = std::fs::read_to_string(bench.path.join("scenario.ron")).unwrap();
    crate::scenario::read(&text).unwrap()
}

/// Sets a lane of a bench to this optimizer and clip.
fn set(bench: &mut Bench, lane: LaneId, name: &str, optimizer: &str, clip: &str) {
    use crate::registry::SettingValue as _;
    let mut recipe = scenario(bench).recipe(&scenario(bench).lanes[lane]);
    recipe.optimizer = crate::engine::optim::OptimizerConfig::parse(optimizer).unwrap();
    recipe.clip = crate::engine::clip::ClipConfig::parse(clip).unwrap();
    bench.run.send(Command::Set { lane, name: name.into(), recipe: Box::new(recipe) });
}

#[test]
fn every_change_is_in_the_log_and_the_scenario_and_trains_to_the_same_bits_again() {
    let mut bench = Bench::new();
    bench.train(25);
    set(&mut bench, 0, "a", "Sgd(lr: 0.3)", "Off()");
    set(&mut bench, 0, "a", "Sgd(lr: 0.2)", "Off()");
    bench.train(0);
    assert_eq!(changes(&bench), [""; 0], "nothing has been trained with it yet");
    assert_eq!(scenario(&bench).edits.len(), 1, "but it is in the scenario");
    bench.train(10);
    set(&mut bench, 0, "a", "Adam(lr: 0.01)", "Norm(2)");
    set(&mut bench, 1, "second", "Adam(lr: 0.05)", "Off()");
    // The new name is saved before anything is trained under it.
    bench.train(0);
    bench.train(25);
    let told = changes(&bench);
    let first = r#"{"step":25,"lane":"a","field":"optimizer.lr","from":"0.1","to":"0.2"}"#;
    let second = r#"{"step":35,"lane":"a","field":"optimizer","from":"Sgd(lr: 0.2)","to":"Adam(lr: 0.01)"}"#;
    let clip = r#"{"step":35,"lane":"a","field":"clip","from":"Off()","to":"Norm(max_norm: 2)"}"#;
    let other = r#"{"step":35,"lane":"second","field":"optimizer.lr","from":"0.1","to":"0.05"}"#;
    assert_eq!(told, [first, second, clip, other]);
    let edited = scenario(&bench);
    assert_eq!(edited.recipe(&edited.lanes[0]).optimizer.lr(), 0.1, "lanes stay as they began");

    // A follower reports the changes at their steps.
    let seen = Follower::new(bench.path.clone(), None).poll(SECOND, &mut Numbers::default());
    let edits = |events: &[Event]| {
        let of = |e: &Event| match e {
            Event::Changed { lane, info, step } => Some((*lane, *step, info.edits.len())),
            _ => None,
        };
        events.iter().filter_map(of).collect::<Vec<_>>()
    };
    assert_eq!(edits(&seen), [(0, 25, 1), (0, 35, 2), (0, 35, 3), (1, 35, 1)]);

    // A new run of the edited scenario makes the same changes, and has the same log except for the former names.
    let mut again = Bench::of(&edited.to_ron());
    again.train(60);
    let log = |b: &Bench| std::fs::read_to_string(b.path.join("metrics.jsonl")).unwrap();
    assert_eq!(log(&again), log(&bench).replace("\"lane\":\"b\"", "\"lane\":\"second\""));
    assert_eq!(scenario(&again), edited);
}

#[test]
fn a_run_that_is_taken_up_again_keeps_its_changes_once() {
    let mut bench = Bench::new();
    bench.train(25);
    set(&mut bench, 0, "a", "Sgd(lr: 0.2)", "Norm(1)");
    bench.train(10);
    let before = changes(&bench);
    // A change that is in no checkpoint is lost with the later steps.
    set(&mut bench, 1, "b", "Adam(lr: 0.4)", "Off()");
    bench.run.advance(5);
    let lines = bench.run.run_mut().take_lines();
    let told = bench.run.run_mut().complete_step();
    let dir = bench.dir.as_mut().unwrap();
    dir.append(lines);
    dir.flush(told).unwrap();
    assert_eq!(changes(&bench).len(), before.len() + 1);
    bench.dir = None;

    let (dir, resumed) = RunDir::resume(&bench.path, &mut |_, _| u64::MAX).unwrap();
    assert_eq!(changes(&bench), before);
    let (written, data) = read_with_data(&resumed.scenario, &NoFiles).unwrap();
    let experiment = Experiment::with_data(written.clone(), Arc::new(data), &NoFiles).unwrap();
    let mut run = Run::new(experiment, None, Arc::new(NoFiles));
    run.restore(&resumed.lanes).unwrap();
    run.log(true);
    assert_eq!(run.scenario(), written);
    bench.run = SteppedRun::new(run);
    bench.dir = Some(dir);
    bench.run.send(Command::Run);
    bench.train(25);
    assert_eq!(changes(&bench), before);
    let mut whole = Bench::of(&written.to_ron());
    whole.train(60);
    let log = |b: &Bench| std::fs::read_to_string(b.path.join("metrics.jsonl")).unwrap();
    assert_eq!(log(&bench), log(&whole));
}

#[test]
fn a_lane_that_begins_anew_differs_from_what_was_written_before_its_first_step() {
    let mut bench = Bench::new();
    bench.train(5);
    set(&mut bench, 0, "a", "Sgd(lr: 0.2)", "Norm(1)");
    bench.train(5);
    bench.run.send(Command::Reset(Some(0)));
    bench.train(3);
    let edits = scenario(&bench).edits;
    let words: Vec<String> = edits.iter().map(|e| format!("{} {e}", e.step)).collect();
    assert_eq!(words, ["0 lr 0.1 → 0.2", "0 clip Off → Norm"]);
    set(&mut bench, 0, "a", "Sgd(lr: 0.1)", "Off()");
    bench.run.send(Command::Reset(Some(0)));
    bench.train(1);
    assert_eq!(scenario(&bench).edits, [], "as it was written");
}

#[test]
fn a_run_is_seen_from_its_first_line_to_its_end() {
    let mut bench = Bench::new();
    let mut numbers = Numbers::default();
    let mut follower = Follower::new(bench.path.clone(), None);
    bench.train(25);
    let events = follower.poll(SECOND, &mut numbers);
    assert_eq!(started(&events), 2);
    assert_eq!(steps(&events, 0), (1..=25).collect::<Vec<_>>());
    assert_eq!(phases(&events), [(0, Phase::Running), (1, Phase::Running)]);
    assert!(events.iter().any(|e| matches!(e, Event::Evaluated { lane: 1, measure } if measure.step == 20)));
    let full =
        |e: &Event| matches!(e, Event::Measured { layers, .. } if layers.len() == 3 && layers[2].layer == 2);
    assert!(events.iter().any(full), "{events:?}");
    assert_eq!(follower.poll(SECOND, &mut numbers), []);
    bench.train(35);
    bench.dir = None;
    let events = follower.poll(SECOND * 3, &mut numbers);
    assert_eq!(steps(&events, 1), (26..=60).collect::<Vec<_>>());
    assert_eq!(phases(&events), [(0, Phase::Finished), (1, Phase::Finished)]);
}

#[test]
fn steps_that_a_lane_abandoned_are_told_before_its_log() {
    let mut bench = Bench::new();
    bench.train(20);
    let log = std::fs::read_to_string(bench.path.join("metrics.jsonl")).unwrap();
    let ahead =
        |line: &&str| log::ParsedLine::parse(line.as_bytes()).is_some_and(|r| r.lane == "b" && r.step > 15);
    let lines: Vec<&str> = log.lines().filter(ahead).collect();
    let ghosts = format!("{{\"rewound\":\"b\",\"to\":15}}\n{}\n", lines.join("\n"));
    std::fs::write(bench.path.join("ghosts.jsonl"), ghosts).unwrap();
    let events = Follower::new(bench.path.clone(), None).poll(SECOND, &mut Numbers::default());
    assert_eq!(steps(&events, 1), (16..=20).chain(1..=20).collect::<Vec<_>>());
    assert_eq!(steps(&events, 0), (1..=20).collect::<Vec<_>>());
    let back = events.iter().position(|e| matches!(e, Event::Rewound { lane: 1, step: 15, .. })).unwrap();
    assert_eq!(steps(&events[..back], 1), (16..=20).collect::<Vec<_>>(), "before it went back");
}

/// The events of a lane in training equal those read from its log later, except for times.
#[test]
fn bands_and_robustness_are_told_as_the_lane_itself_tells_them() {
    let mut bench = Bench::of(
        r#"(title: "robust", data: Blobs(samples: 120), network: [Dense(8), Relu()], steps: 40,
        evaluate_every: 20, seeds: 3, robustness: (eps: 0.5, pgd_steps: 3, samples: 20, every: 20),
        lanes: [(name: "a", optimizer: Sgd(lr: 0.1)), (name: "b", optimizer: Adam(lr: 0.1))])"#,
    );
    bench.train(40);
    let told = bench.run.drain();
    let seen = Follower::new(bench.path.clone(), None).poll(SECOND, &mut Numbers::default());
    let what = |event: &Event| match event {
        Event::Evaluated { lane, measure } => {
            Some(format!("{lane} {} evaluated {:?} {:?}", measure.step, measure.values, measure.spread))
        }
        Event::Measured { lane, measure, .. } if measure.step % 20 == 0 => {
            Some(format!("{lane} {} measured {:?}", measure.step, measure.spread))
        }
        Event::Probed { lane, step, name: exam::PROBE, parts } => {
            let known = |(n, d): &&(String, Data)| n != "share" && matches!(d, Data::Scalar(_));
            let scalars: Vec<_> = parts.iter().filter(known).collect();
            Some(format!("{lane} {step} robust {scalars:?}"))
        }
        _ => None,
    };
    let sorted = |events: &[Event]| {
        let mut all: Vec<String> = events.iter().filter_map(what).collect();
        all.sort();
        all
    };
    let (seen, told) = (sorted(&seen), sorted(&told));
    assert_eq!(seen, told);
    assert_eq!(seen.len(), 12, "two lanes, twice each, of every kind");
    assert!(seen.iter().all(|e| e.contains("seeds: 3") || e.contains("pgd")), "{seen:#?}");
}

/// The layers read from a log are those of the lane, and so are the findings.
#[test]
fn a_lane_is_judged_by_its_log_as_it_is_live() {
    let mut bench = Bench::of(
        r#"(title: "sick", data: Moons(samples: 300), scaling: Standard, steps: 300, evaluate_every: 20, seed: 3,
        network: [Repeat(6, [Dense(12), Tanh()])], optimizer: Momentum(0.03), lanes: [
            (name: "small", init: Normal(0.02)), (name: "alike", init: Zeros()), (name: "sound", init: XavierNormal()),
            (name: "wild", network: [Dense(12), Relu()], init: HeNormal(), optimizer: Momentum(3000))])"#,
    );
    bench.train(300);
    let live = bench.run.drain();
    let read = Follower::new(bench.path.clone(), None).poll(SECOND, &mut Numbers::default());
    let marks = |events: &[Event]| {
        let mark = |e: &Event| match e {
            Event::Marked { lane, mark } if !mark.layers.is_empty() => {
                let of = |number| mark.layers.iter().map(move |l| l.get(number)).collect::<Vec<_>>();
                let [weight, flat] = [LayerNumber::WeightNorm, LayerNumber::Saturated].map(of);
                Some((*lane, mark.step, weight, flat))
            }
            _ => None,
        };
        let mut all: Vec<_> = events.iter().filter_map(mark).collect();
        all.sort_by_key(|m| (m.0, m.1));
        all
    };
    assert_eq!(marks(&live), marks(&read));
    let findings = |events: &[Event]| {
        let mut standings = Standings::default();
        for event in events {
            standings.apply(event);
        }
        let of = |l: &LaneStanding| {
            (l.name.clone(), l.diagnosis().map(|d| (format!("{:?}", d.findings), d.skipped)))
        };
        standings.lanes.iter().map(of).collect::<Vec<_>>()
    };
    let (live, read) = (findings(&live), findings(&read));
    assert_eq!(live, read);
    let ill = |name: &str, id: &str| {
        let lane = live.iter().find(|l| l.0 == name).and_then(|l| l.1.as_ref()).expect("a lane");
        lane.0.contains(id)
    };
    assert!(ill("small", "vanishing-gradient") && ill("alike", "symmetric-init"), "{live:#?}");
    assert!(ill("wild", "lr-too-high"), "{live:#?}");
}

#[test]
fn half_a_line_waits_for_its_end_and_a_shorter_log_begins_anew() {
    let mut bench = Bench::new();
    let mut numbers = Numbers::default();
    bench.train(10);
    bench.dir = None;
    // Without a checkpoint, the log belongs to nothing.
    for name in ["checkpoint", "checkpoint.previous"] {
        std::fs::remove_file(bench.path.join(name)).unwrap();
    }
    let log = bench.path.join("metrics.jsonl");
    let whole = std::fs::read(&log).unwrap();
    std::fs::write(&log, &whole[..whole.len() - 30]).unwrap();
    let mut follower = Follower::new(bench.path.clone(), None);
    let events = follower.poll(SECOND, &mut numbers);
    assert_eq!(steps(&events, 1).last(), Some(&9));
    let killed = [(0, Phase::Killed), (1, Phase::Killed)];
    assert_eq!(phases(&events), killed, "nobody trains, and nobody has left the run");
    std::fs::write(&log, &whole).unwrap();
    assert_eq!(steps(&follower.poll(SECOND, &mut numbers), 1), [10]);
    let lines: Vec<&[u8]> = whole.split_inclusive(|&b| b == b'\n').take(6).collect();
    std::fs::write(&log, lines.concat()).unwrap();
    let events = follower.poll(SECOND, &mut numbers);
    assert_eq!((started(&events), steps(&events, 1)), (2, vec![1, 2, 3]));
}

#[test]
fn a_resume_begins_the_curves_anew_under_the_same_letters() {
    let mut bench = Bench::new();
    let mut numbers = Numbers::default();
    bench.train(10);
    let mut follower = Follower::new(bench.path.clone(), Some("run".into()));
    let events = follower.poll(SECOND, &mut numbers);
    assert!(events.iter().any(|e| matches!(e, Event::Started { info, .. } if info.name == "run a")));
    bench.dir = None;
    let (dir, _) = RunDir::resume(&bench.path, &mut |_, _| u64::MAX).unwrap();
    bench.dir = Some(dir);
    bench.train(5);
    let events = follower.poll(SECOND * 3, &mut numbers);
    assert_eq!((started(&events), steps(&events, 0)), (2, (1..=15).collect()));
    assert_eq!(numbers.0.len(), 2);
}

#[test]
fn a_killed_run_is_told_apart_from_one_that_was_left() {
    let mut bench = Bench::new();
    let mut numbers = Numbers::default();
    bench.train(10);
    let mut follower = Follower::new(bench.path.clone(), None);
    assert_eq!(phases(&follower.poll(SECOND, &mut numbers)), [(0, Phase::Running), (1, Phase::Running)]);
    // The lock is free, and nothing was written last.
    bench.dir = None;
    let killed = [(0, Phase::Killed), (1, Phase::Killed)];
    assert_eq!(phases(&follower.poll(SECOND * 3, &mut numbers)), killed);
    let afresh = |numbers: &mut Numbers| Follower::new(bench.path.clone(), None).poll(SECOND, numbers);
    assert_eq!(phases(&afresh(&mut numbers)), killed);
    // A process that resumes the run and saves everything before it ends leaves the run paused, not killed.
    let (mut dir, _) = RunDir::resume(&bench.path, &mut |_, _| u64::MAX).unwrap();
    assert_eq!(phases(&afresh(&mut numbers)), [(0, Phase::Running), (1, Phase::Running)]);
    dir.leave().unwrap();
    drop(dir);
    assert_eq!(phases(&afresh(&mut numbers)), [], "both are paused, as lanes are at first");
    assert!(run_dir::was_left(&bench.path));
    // The next owner replaces the note of the one before.
    drop(RunDir::resume(&bench.path, &mut |_, _| u64::MAX).unwrap());
    assert!(!run_dir::was_left(&bench.path));
}

#[test]
fn a_hole_in_the_log_of_a_watched_run_is_passed_over_at_once() {
    let mut bench = Bench::new();
    let mut numbers = Numbers::default();
    bench.train(10);
    let path = bench.path.join("metrics.jsonl");
    let log = std::fs::read(&path).unwrap();
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.set_len(3 << 30).unwrap();
    std::io::Write::write_all(&mut file, b"\n").unwrap();
    std::io::Write::write_all(&mut file, &log).unwrap();
    let mut follower = Follower::new(bench.path.clone(), None);
    // The checkpoint covers another log, so the log is read without it.
    std::fs::remove_file(bench.path.join("checkpoint")).unwrap();
    let told: Vec<u64> = (0..4).flat_map(|n| steps(&follower.poll(SECOND * n, &mut numbers), 0)).collect();
    assert_eq!(told, (1..=10).chain(1..=10).collect::<Vec<_>>());
}

#[test]
fn what_is_not_there_is_said_once_and_waited_for() {
    let bench = Bench::new();
    let mut numbers = Numbers::default();
    let nowhere = bench.path.join("later");
    let mut follower = Follower::new(nowhere.clone(), None);
    assert!(follower.scenario().is_err_and(|what| what.contains("yet")));
    assert!(
        matches!(&follower.poll(SECOND, &mut numbers)[..], [Event::Notice(what)] if what.contains("yet"))
    );
    assert_eq!(follower.poll(SECOND, &mut numbers), []);
    let mut follower = Follower::new(bench.path.clone(), None);
    let _ = std::fs::remove_dir_all(&bench.path);
    assert!(matches!(&follower.poll(SECOND, &mut numbers)[..], [Event::Notice(_)]));
}
