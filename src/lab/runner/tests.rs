//! What the threads promise: the same bits however many there are, prompt orders, lanes that fail alone.

use super::*;
use crate::engine::data::NoFiles;
use crate::engine::layer::LayerConfig;
use crate::engine::optim::OptimizerConfig;
use crate::lab::experiment::Experiment;
use crate::lab::run::Saved;
use crate::lab::stepped::Stepped;
use crate::registry::Value;
use crate::scenario::{self, Scenario};
use crate::telemetry::Phase;

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

/// Collects events until `enough`.
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

/// Parameters of every lane by name after a whole run.
fn trained(scenario: Scenario, threads: usize) -> Vec<Saved> {
    let lanes = scenario.lanes.len();
    let runner = Runner::start(run(scenario), Some(threads), None, false).unwrap();
    runner.send(Command::Run);
    until(&runner, &mut Vec::new(), |e| ended(e, lanes));
    let saved = runner.shared.lock().save();
    saved.into_iter().map(|s| Saved { seconds: 0.0, id: 0, ..s }).collect()
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
    let mut stepped = Stepped::new(run(scenario(700)));
    stepped.send(Command::Run);
    while stepped.turn(13) {}
    let stepped: Vec<_> =
        stepped.run_mut().save().into_iter().map(|s| Saved { seconds: 0.0, id: 0, ..s }).collect();
    assert_eq!(one, stepped);
}

#[test]
fn a_driven_run_tells_the_same_every_time() {
    let tell = || {
        let mut stepped = Stepped::new(run(scenario(100)));
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
    let mut run = runner.shared.lock();
    while !run.idle() || run.foremost() == 0 {
        run = runner.shared.changed.wait(run).unwrap();
    }
    drop(run);
    // The orders were carried out in turn; wait until both were.
    let all: Vec<u64> = loop {
        let run = runner.shared.lock();
        if run.idle() && !runner.shared.hurry.load(Ordering::Relaxed) {
            break (0..3).map(|i| run.lane(i).unwrap().trainer.steps()).collect();
        }
        let _run = runner.shared.changed.wait_timeout(run, Duration::from_millis(20)).unwrap();
    };
    assert!(all.iter().all(|&s| s == all[0]), "{all:?}");
}

#[test]
fn one_lane_that_runs_away_leaves_the_others_alone() {
    let mut s = scenario(300);
    s.loss = Value::parse("Mse()").unwrap();
    s.lanes[1].optimizer = Some(Value::parse("Sgd(lr: 1000.0)").unwrap());
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
    let gap = |e: &Event| matches!(e, Event::Measured { lane: 1, measure, .. } if !measure.loss.is_finite() || !measure.grad_norm.is_finite());
    assert!(events.iter().any(gap), "the curves of the lane end in a gap");
}

#[test]
fn orders_change_lanes_while_they_train() {
    let runner = Runner::start(run(scenario(1_000_000)), Some(2), None, false).unwrap();
    let mut events = Vec::new();
    runner.send(Command::Run);
    until(&runner, &mut events, |e| {
        e.iter().any(|e| matches!(e, Event::Measured { measure, .. } if measure.step > 100))
    });
    let mut recipe = scenario(1).recipe(&scenario(1).lanes[2]);
    recipe.optimizer = Value::parse("Adam(lr: 0.02)").unwrap();
    runner.send(Command::Set { lane: 2, name: "adam".into(), recipe: Box::new(recipe.clone()) });
    recipe.network = Value::parse("[Dense(units: 5)]").unwrap();
    runner.send(Command::Set { lane: 0, name: "narrow".into(), recipe: Box::new(recipe.clone()) });
    runner.send(Command::Add { name: "new".into(), recipe: Box::new(recipe.clone()) });
    runner.send(Command::Add { name: "new".into(), recipe: Box::new(recipe) });
    runner.send(Command::Remove(1));
    runner.send(Command::Reset(Some(2)));
    until(&runner, &mut events, |e| {
        let started = |e: &&Event| matches!(e, Event::Started { lane: 2, step: 0, .. });
        e.iter().filter(started).count() == 2
    });
    let (tail, ..) = runner.finish();
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
