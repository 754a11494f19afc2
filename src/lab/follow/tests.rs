//! What a follower sees of a run that trains, ends, is reset or is taken up again.

use super::*;
use crate::engine::data::NoFiles;
use crate::lab::lane::Line;
use crate::lab::run::Run;
use crate::lab::run_dir::RunDir;
use crate::lab::stepped::Stepped;
use crate::telemetry::{Command, Data};
use std::sync::atomic::{AtomicU32, Ordering};

const TEXT: &str = r#"(title: "followed", data: Spiral(), network: [Dense(4), Tanh()], steps: 60, evaluate_every: 20,
    lanes: [(name: "a", optimizer: Sgd(lr: 0.1)), (name: "b", optimizer: Adam(lr: 0.1))])"#;

/// A run in a directory, written by hand.
struct Bench {
    path: PathBuf,
    run: Stepped,
    dir: Option<RunDir>,
}

impl Bench {
    fn new() -> Self {
        Self::of(TEXT)
    }

    fn of(text: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("gradtui-follow-{}-{n}", std::process::id()));
        let (scenario, data) = read_with_data(text, &NoFiles).unwrap();
        let samples = checksum(&data.train.inputs);
        let dir = RunDir::create(&path, &scenario, Path::new(""), samples).unwrap();
        let experiment = Experiment::with_data(scenario, Arc::new(data), &NoFiles).unwrap();
        let mut run = Stepped::new(Run::new(experiment, None, Arc::new(NoFiles)));
        run.run_mut().log(true);
        run.send(Command::Run);
        Self { path, run, dir: Some(dir) }
    }

    /// Trains so many steps, writes them down and saves.
    fn train(&mut self, steps: u64) {
        self.run.advance(steps);
        let run = self.run.run_mut();
        let lines: Vec<Line> = run.take_lines();
        let (told, scenario) = (run.told(), run.scenario());
        let saved = run.save();
        let dir = self.dir.as_mut().unwrap();
        dir.append(lines);
        dir.flush(told).unwrap();
        dir.checkpoint(&scenario, &saved, None, &[]).unwrap();
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
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
        |e: &Event| matches!(e, Event::Measured { layers, .. } if layers.len() == 2 && layers[1].layer == 2);
    assert!(events.iter().any(full), "{events:?}");
    assert_eq!(follower.poll(SECOND, &mut numbers), []);
    bench.train(35);
    bench.dir = None;
    let events = follower.poll(SECOND * 3, &mut numbers);
    assert_eq!(steps(&events, 1), (26..=60).collect::<Vec<_>>());
    assert_eq!(phases(&events), [(0, Phase::Finished), (1, Phase::Finished)]);
}

/// What a lane tells while it trains is what its log tells afterwards, but for time.
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

#[test]
fn half_a_line_waits_for_its_end_and_a_shorter_log_begins_anew() {
    let mut bench = Bench::new();
    let mut numbers = Numbers::default();
    bench.train(10);
    bench.dir = None;
    let log = bench.path.join("metrics.jsonl");
    let whole = std::fs::read(&log).unwrap();
    std::fs::write(&log, &whole[..whole.len() - 30]).unwrap();
    let mut follower = Follower::new(bench.path.clone(), None);
    let events = follower.poll(SECOND, &mut numbers);
    assert_eq!(steps(&events, 1).last(), Some(&9));
    assert_eq!(phases(&events), [], "nobody trains: the lanes rest as they began");
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
    let (dir, _) = RunDir::resume(&bench.path, &mut run_dir::at_most).unwrap();
    bench.dir = Some(dir);
    bench.train(5);
    let events = follower.poll(SECOND * 3, &mut numbers);
    assert_eq!((started(&events), steps(&events, 0)), (2, (1..=15).collect()));
    assert_eq!(numbers.0.len(), 2);
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
