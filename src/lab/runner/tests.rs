//! Tests of the guarantees of the threads: the same bits for any number of them, prompt commands, and lanes that fail
//! alone.

use super::*;
use crate::engine::data::{DirectoryEntry, Files, NoFiles};
use crate::engine::layer::LayerConfig;
use crate::engine::optim::OptimizerConfig;
use crate::lab::experiment::Experiment;
use crate::lab::run::SavedLane;
use crate::lab::stepped::SteppedRun;
use crate::number::Number;
use crate::registry::SettingValue;
use crate::scenario::{self, Scenario};
use crate::telemetry::{Data, Phase, ProbeRequest, Sample};

fn scenario(steps: usize) -> Scenario {
    let lane = |name: &str, optimizer: &str| scenario::Lane {
        name: name.into(),
        optimizer: Some(OptimizerConfig::parse(optimizer).unwrap()),
        ..scenario::Lane::default()
    };
    Scenario {
        network: Vec::<LayerConfig>::parse("[Dense(units: 12), Tanh()]").unwrap(),
        steps,
        lanes: vec![
            lane("slow", "Sgd(lr: 0.01)"),
            lane("fast", "Sgd(lr: 0.3)"),
            lane("adam", "Adam(lr: 0.01)"),
        ],
        ..Scenario::default()
    }
}

fn run(scenario: Scenario) -> Run {
    Run::new(Experiment::new(scenario, &NoFiles).unwrap(), None, Arc::new(NoFiles))
}

/// Collects events until `enough` returns true.
fn until(runner: &Runner, events: &mut Vec<Event>, enough: impl Fn(&[Event]) -> bool) {
    while !enough(events) {
        assert!(runner.wait(Duration::from_secs(60)), "nothing more came: {:?}", events.last());
        events.extend(runner.drain());
    }
}

fn ended(events: &[Event], lanes: usize) -> bool {
    let end = |e: &&Event| matches!(e, Event::Phase { phase, .. } if !matches!(phase, Phase::Running | Phase::Paused));
    events.iter().filter(end).count() == lanes
}

/// The state of every lane after a whole run.
fn trained(scenario: Scenario, threads: usize) -> Vec<SavedLane> {
    let lanes = scenario.lanes.len();
    let runner = Runner::start(run(scenario), Some(threads), None, false).unwrap();
    runner.send(Command::Run);
    until(&runner, &mut Vec::new(), |e| ended(e, lanes));
    let saved = runner.shared.lock().save();
    saved.into_iter().map(|s| SavedLane { seconds: 0.0, id: 0, ..s }).collect()
}

#[test]
fn the_bits_depend_on_neither_threads_nor_other_lanes() {
    let one = trained(scenario(700), 1);
    for threads in [2, 3] {
        assert_eq!(one, trained(scenario(700), threads), "{threads} threads");
    }
    let mut fewer = scenario(700);
    fewer.lanes.remove(1);
    let fewer = trained(fewer, 2);
    assert_eq!(fewer, [one[0].clone(), one[2].clone()]);
    let mut stepped = SteppedRun::new(run(scenario(700)));
    stepped.send(Command::Run);
    while stepped.turn(13) {}
    let stepped: Vec<_> =
        stepped.run_mut().save().into_iter().map(|s| SavedLane { seconds: 0.0, id: 0, ..s }).collect();
    assert_eq!(one, stepped);
}

#[test]
fn a_driven_run_tells_the_same_every_time() {
    let tell = || {
        let mut stepped = SteppedRun::new(run(scenario(100)));
        stepped.send(Command::Run);
        stepped.advance(30);
        stepped.send(Command::Pause);
        stepped.send(Command::Step(3));
        while stepped.turn(1) {}
        stepped.drain()
    };
    let events = tell();
    assert_eq!(events, tell());
    assert!(events.iter().any(|e| matches!(e, Event::Measured { measure, .. } if measure.step == 33)));
}

#[test]
fn lanes_that_pause_meet_at_one_step_and_single_steps_keep_them_there() {
    let runner = Runner::start(run(scenario(1_000_000)), Some(2), None, false).unwrap();
    let mut events = Vec::new();
    runner.send(Command::Run);
    until(&runner, &mut events, |e| {
        e.iter().filter(|e| matches!(e, Event::Measured { measure, .. } if measure.step > 50)).count() > 5
    });
    runner.send(Command::Pause);
    runner.send(Command::Step(2));
    let rested = |events: &[Event]| events.iter().filter(|e| **e == Event::Rested).count();
    until(&runner, &mut events, |e| rested(e) == 2);
    let all = [0, 1, 2].map(|i| runner.shared.lock().lane(i).unwrap().trainer.steps());
    assert!(all.iter().all(|&s| s == all[0]), "{all:?}");
}

/// Uses a stepped run, in which the test itself decides how far lanes are apart.
#[test]
fn lanes_that_pause_meet_one_that_has_come_to_its_end_unless_they_began_later() {
    let mut stepped = SteppedRun::new(run(scenario(6)));
    let pause = |stepped: &mut SteppedRun| {
        stepped.send(Command::Pause);
        while stepped.turn(u64::MAX) {}
        let events = stepped.drain();
        assert_eq!(events.iter().filter(|e| **e == Event::Rested).count(), 1);
        assert_eq!(events.last(), Some(&Event::Rested), "all has been told by then");
        (0..4).filter_map(|lane| stepped.run().step_of(lane)).collect::<Vec<u64>>()
    };
    stepped.send(Command::Run);
    stepped.advance(3);
    assert!(stepped.turn(u64::MAX), "one lane to its end");
    assert_eq!(stepped.run().foremost(), 6);
    assert_eq!(pause(&mut stepped), [6, 6, 6]);
    let recipe = Box::new(scenario(6).recipe(&scenario(6).lanes[2]));
    stepped.send(Command::Add { name: "late".into(), recipe });
    stepped.send(Command::Run);
    stepped.advance(2);
    assert_eq!(pause(&mut stepped), [6, 6, 6, 2]);
}

#[test]
fn a_lane_that_is_held_to_a_pace_is_measured_all_the_same() {
    let runner = Runner::start(run(scenario(1000)), Some(1), None, false).unwrap();
    runner.send(Command::Pace(Some(25.0)));
    runner.send(Command::Run);
    let mut events = Vec::new();
    let step = |e: &Event| match e {
        Event::Measured { lane: 0, measure, .. } => Some(measure.step),
        _ => None,
    };
    until(&runner, &mut events, |e| e.iter().filter_map(step).any(|s| s >= 12));
    let measured = events.iter().filter_map(step).count();
    // Every step takes as long as the time between two measurements; before, no measurement was due for a thousand
    // steps.
    assert!(measured >= 4, "{measured} of 12 steps");
}

#[test]
fn one_lane_that_runs_away_leaves_the_others_alone() {
    let mut s = scenario(300);
    s.loss = SettingValue::parse("Mse()").unwrap();
    s.lanes[1].optimizer = Some(SettingValue::parse("Sgd(lr: 1000.0)").unwrap());
    let runner = Runner::start(run(s), Some(2), None, false).unwrap();
    let mut events = Vec::new();
    runner.send(Command::Run);
    until(&runner, &mut events, |e| ended(e, 3));
    let phases: Vec<_> = events
        .iter()
        .filter_map(|e| match e {
            Event::Phase { lane, phase, .. } if *phase != Phase::Running && *phase != Phase::Paused => {
                Some((*lane, phase.clone()))
            }
            _ => None,
        })
        .collect();
    for (lane, phase) in phases {
        match lane {
            1 => assert!(matches!(phase, Phase::Diverged(_)), "{phase:?}"),
            _ => assert_eq!(phase, Phase::Finished),
        }
    }
    let gap = |e: &Event| matches!(e, Event::Measured { lane: 1, measure, .. } if !measure.single(Number::Loss).is_finite() || !measure.single(Number::GradNorm).is_finite());
    assert!(events.iter().any(gap), "the curves of the lane end in a gap");
}

#[test]
fn orders_change_lanes_while_they_train() {
    let runner = Runner::start(run(scenario(1_000_000)), Some(2), None, false).unwrap();
    let mut events = Vec::new();
    runner.send(Command::Run);
    // The changed lane must have made a step: another one may be ahead of it.
    until(&runner, &mut events, |e| {
        e.iter().any(|e| matches!(e, Event::Measured { lane: 2, measure, .. } if measure.step > 100))
    });
    let mut recipe = scenario(1).recipe(&scenario(1).lanes[2]);
    recipe.optimizer = SettingValue::parse("Adam(lr: 0.02)").unwrap();
    runner.send(Command::Set { lane: 2, name: "adam".into(), recipe: Box::new(recipe.clone()) });
    recipe.network = SettingValue::parse("[Dense(units: 5)]").unwrap();
    runner.send(Command::Set { lane: 0, name: "narrow".into(), recipe: Box::new(recipe.clone()) });
    runner.send(Command::Add { name: "new".into(), recipe: Box::new(recipe.clone()) });
    runner.send(Command::Add { name: "new".into(), recipe: Box::new(recipe) });
    runner.send(Command::Remove(1));
    runner.send(Command::Reset(Some(2)));
    until(&runner, &mut events, |e| {
        let started = |e: &&Event| matches!(e, Event::Started { lane: 2, step: 0, .. });
        e.iter().filter(started).count() == 2
    });
    let (tail, ..) = runner.finish(&mut |_, _| {});
    events.extend(tail);
    assert!(events.iter().any(|e| matches!(e, Event::Changed { lane: 2, step, .. } if *step > 0)));
    assert!(
        events
            .iter()
            .any(|e| matches!(e, Event::Started { lane: 0, info, step: 0 } if info.name == "narrow"))
    );
    assert!(events.iter().any(|e| matches!(e, Event::Started { lane: 3, info, .. } if info.name == "new")));
    assert!(events.iter().any(|e| matches!(e, Event::Notice(text) if text.contains("own name"))));
    assert!(events.contains(&Event::Removed { lane: 1 }));
}

/// Probes of a trained lane: in a stepped run, and from the threads during training.
#[test]
fn previews_show_the_plane_the_confusion_and_an_attack() {
    let views = vec![
        ProbeRequest { sample: Sample::Number(0), grid: (12, 8), ..ProbeRequest::of("prediction", 2) },
        ProbeRequest::of("confusion", 2),
        ProbeRequest {
            sample: Sample::Number(3),
            attack: "Fgsm(eps: 0.5)".into(),
            target: None,
            ..ProbeRequest::of("adversarial", 2)
        },
    ];
    let mut stepped = SteppedRun::new(run(scenario(200)));
    stepped.send(Command::Watch(views.clone()));
    stepped.send(Command::Run);
    stepped.advance(200);
    stepped.look();
    let probes: Vec<Event> =
        stepped.drain().into_iter().filter(|e| matches!(e, Event::Probed { .. })).collect();
    let part = |name: &str, part: &str| {
        probes.iter().find_map(|e| match e {
            Event::Probed { lane: 2, step: 200, name: n, parts } if *n == name => {
                parts.iter().find(|(p, _)| p == part).map(|(_, d)| d.clone())
            }
            _ => None,
        })
    };
    let Some(Data::Grid { width: 12, values, .. }) = part("prediction", "boundary") else {
        panic!("{probes:?}")
    };
    assert_eq!(values.len(), 96);
    assert!(values.iter().all(|p| (0.0..=1.0).contains(p)));
    let Some(Data::Table { rows, .. }) = part("confusion", "matrix") else { panic!("{probes:?}") };
    assert_eq!(rows.iter().flat_map(|(_, r)| r).sum::<f32>(), 80.0, "every validation sample counts once");
    assert!(matches!(part("adversarial", "linf"), Some(Data::Scalar(x)) if x > 0.0 && x <= 0.5 + 1e-6));
    assert!(matches!(part("adversarial", "arrow"), Some(Data::Series(ends)) if ends.len() == 4));
    stepped.look();
    assert!(stepped.drain().is_empty(), "nothing changed, so nothing is computed");

    let runner = Runner::start(run(scenario(1_000_000)), Some(2), None, false).unwrap();
    runner.send(Command::Watch(views));
    runner.send(Command::Run);
    let seen = |events: &[Event], wanted: &str| {
        events.iter().any(|e| matches!(e, Event::Probed { name, step, .. } if *name == wanted && *step > 0))
    };
    until(&runner, &mut Vec::new(), |e| {
        ["prediction", "confusion", "adversarial"].iter().all(|name| seen(e, name))
    });
}

/// A step of ten thousand forward and backward passes: waiting for its end would take many seconds.
#[test]
fn whoever_leaves_does_not_wait_for_the_end_of_a_step() {
    let text = r#"(data: Digits(), network: [Flatten(), Dense(128), Relu()], batch: 200, steps: 10,
        defence: AdversarialTraining(Pgd(0.2, steps: 10000)), lanes: [(name: "a"), (name: "b")])"#;
    for threads in [1, 2] {
        let runner = Runner::start(run(scenario::read(text).unwrap()), Some(threads), None, false).unwrap();
        let under_way = || runner.shared.lock().lane(0).is_none();
        runner.send(Command::Run);
        while !under_way() {
            std::thread::yield_now();
        }
        // Another preset replaces the current run at once.
        let begun = Instant::now();
        runner.send(Command::Load(Box::new(scenario(50))));
        until(&runner, &mut Vec::new(), |e| e.iter().any(|e| matches!(e, Event::Removed { lane: 0 })));
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        runner.send(Command::Load(Box::new(scenario::read(text).unwrap())));
        until(&runner, &mut Vec::new(), |e| e.iter().any(|e| matches!(e, Event::Removed { lane: 0 })));
        while !under_way() {
            std::thread::yield_now();
        }
        let begun = Instant::now();
        runner.finish(&mut |_, _| {});
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    }
}

/// Memory is computed before it is allocated: an order that would take too much is refused in words, and nothing
/// changes.
#[test]
fn an_order_that_would_take_too_much_memory_is_refused() {
    let text = r#"(data: Gauss(samples: 40), network: [Dense(320), Relu(), Dense(320), Relu()], batch: 4, steps: 10,
        optimizer: Lbfgs(history_size: 100), lanes: [(name: "a")])"#;
    let mut lab = SteppedRun::new(run(scenario::read(text).unwrap()));
    lab.drain();
    let recipe = lab.run().lane(0).unwrap().trainer.recipe().clone();
    let wide = Vec::<LayerConfig>::parse("[Dense(1500), Relu(), Dense(1500), Relu()]").unwrap();
    let wide = scenario::Recipe { network: wide, ..recipe.clone() };
    let add = |name: &str, recipe: &scenario::Recipe| Command::Add {
        name: name.into(),
        recipe: Box::new(recipe.clone()),
    };
    for order in [
        Command::Seeds(16),
        add("b", &wide),
        Command::Set { lane: 0, name: "a".into(), recipe: Box::new(wide.clone()) },
        Command::Load(Box::new(Scenario { seeds: 16, ..scenario::read(text).unwrap() })),
    ] {
        lab.send(order.clone());
        let said = lab.drain().into_iter().find_map(|e| match e {
            Event::Notice(words) => Some(words),
            _ => None,
        });
        assert!(said.as_ref().is_some_and(|s| s.contains("MiB at most")), "{order:?}: {said:?}");
        assert_eq!(lab.run().scenario().lanes.len(), 1);
        assert_eq!(lab.run().lane(0).unwrap().trainer.recipe(), &recipe);
    }
    // An order that fits into memory is carried out.
    lab.send(add("b", &recipe));
    assert_eq!(lab.run().scenario().lanes.len(), 2);
}

/// Files on a disk that does not respond.
struct Stuck;

impl Files for Stuck {
    fn read(&self, _: &str, _: u64) -> Result<Vec<u8>, String> {
        std::thread::sleep(Duration::from_secs(600));
        Err("it answers after all".into())
    }
    fn list(&self, _: &str) -> Result<Vec<DirectoryEntry>, String> {
        Err("no list".into())
    }
}

/// While data are read, lanes continue to train, the wait is reported, and quitting does not wait for it.
#[test]
fn whoever_leaves_does_not_wait_for_data() {
    let csv = scenario::read("(data: Csv(path: \"x.csv\"), network: [Dense(2)])").unwrap();
    for order in [Command::Load(Box::new(csv.clone())), Command::Data(Box::new(csv.data.clone()))] {
        let experiment = Experiment::new(scenario(1_000_000), &NoFiles).unwrap();
        let run = Run::new(experiment, None, Arc::new(Stuck));
        let runner = Runner::start(run, Some(2), None, false).unwrap();
        runner.send(Command::Run);
        runner.send(order);
        let told = |e: &Event| matches!(e, Event::Notice(words) if words.starts_with("Reading the data"));
        until(&runner, &mut Vec::new(), |e| e.iter().any(told));
        until(&runner, &mut Vec::new(), |e| {
            e.iter().filter(|e| matches!(e, Event::Measured { .. })).count() > 9
        });
        let begun = Instant::now();
        runner.finish(&mut |_, _| {});
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    }
}

/// One product of this layer takes seconds, and a pass has three of them.
#[test]
fn whoever_leaves_does_not_wait_for_the_end_of_a_product() {
    let text = r#"(data: Gauss(samples: 8000), network: [Dense(4000), Dense(4000)], batch: 2700, steps: 10,
        optimizer: Sgd(0.001), lanes: [(name: "a")])"#;
    let runner = Runner::start(run(scenario::read(text).unwrap()), Some(1), None, false).unwrap();
    runner.send(Command::Run);
    while runner.shared.lock().lane(0).is_some() {
        std::thread::yield_now();
    }
    std::thread::sleep(Duration::from_millis(300));
    let begun = Instant::now();
    runner.finish(&mut |_, _| {});
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

/// Writing a large state takes long on a slow disk; the user who quits can see the progress.
#[test]
fn the_last_checkpoint_tells_how_far_it_is() {
    let text = r#"(data: Gauss(samples: 40), network: [Dense(1600), Relu(), Dense(1600), Relu()], batch: 4, steps: 10,
        optimizer: Adam(0.001), seeds: 4, lanes: [(name: "a")])"#;
    let place = tempfile::TempDir::with_prefix("gradtui-").unwrap();
    let scenario = scenario::read(text).unwrap();
    let dir = RunDir::create(&place.path().join("run"), &scenario, std::path::Path::new("."), 0).unwrap();
    let runner = Runner::start(run(scenario), Some(1), Some(dir), false).unwrap();
    let mut seen = Vec::new();
    let (.., fault) = runner.finish(&mut |done, all| seen.push((done, all)));
    assert_eq!(fault, None);
    assert!(
        crate::lab::run_dir::was_left(&place.path().join("run")),
        "a reader knows that it was not killed"
    );
    // Four states of 3 x 2.6 million numbers.
    assert!(seen.iter().all(|(done, all)| *all > 100 << 20 && done <= all), "{seen:?}");
    assert!(seen.iter().any(|(done, all)| (1..*all).contains(done)), "{seen:?}");
}

#[test]
fn an_order_to_quit_cancels_a_long_step_for_whose_end_a_checkpoint_waits() {
    // One step takes minutes.
    let scenario = scenario::read(
        "(data: Digits(), network: [Dense(2000), Relu(), Dense(2000), Relu()], batch: 500, steps: 5, lanes: [
            (name: \"a\", defence: AdversarialTraining(Pgd(0.2, steps: 1000)))])",
    )
    .unwrap();
    let runner = Runner::start(run(scenario), Some(1), None, false).unwrap();
    runner.send(Command::Run);
    std::thread::sleep(Duration::from_millis(500));
    runner.send(Command::Save);
    std::thread::sleep(Duration::from_millis(200));
    let begun = Instant::now();
    let (events, ..) = runner.finish(&mut |_, _| {});
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert!(
        !events.iter().any(|e| matches!(e, Event::Evaluated { .. })),
        "the step was not made: {events:?}"
    );
}
