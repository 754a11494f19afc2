//! Tests that each seed of a lane equals a run with that seed bit for bit, that the spread is the range over all seeds,
//! and that seeds resume.

use super::*;
use crate::engine::data::NoFiles;
use crate::lab::experiment::Experiment;
use crate::lab::lane::EndlessTurn;
use crate::lab::lane::{TurnLimits, TurnResult};
use crate::lab::run::Run;
use crate::lab::run_dir::checkpoint::{Checkpoint, LogMark};
use crate::lab::stepped::SteppedRun;
use crate::number::Number;
use crate::scenario::{Scenario, read};
use crate::telemetry::{Command, Event};

const SCENARIO: &str = r#"(
    data: Spiral(noise: 0.2), network: [Dense(8), BatchNorm(), Tanh(), Dropout(0.1)], steps: 60, evaluate_every: 20,
    optimizer: Adam(0.01), gradient_noise: (eta: 0.001), weight_average: (decay: 0.9), seed: 5, seeds: 3,
    lanes: [(name: "a", clip: Norm(0.5)), (name: "b", optimizer: Sgd(0.1))],
)"#;

fn scenario(seed: u64, seeds: usize) -> Scenario {
    Scenario { seed, seeds, ..read(SCENARIO).unwrap() }
}

/// The first lane of a scenario.
fn lane(scenario: Scenario) -> TrainingLane {
    let Experiment { scenario, data, others, mut lanes } = Experiment::new(scenario, &NoFiles).unwrap();
    let (first, total) = (lanes.remove(0), scenario.steps as u64);
    let trainer = Trainer::with_network(&data, first.network, first.recipe, scenario.seed, total);
    TrainingLane::new(0, first.name, trainer).with_seeds(&others, scenario.seed, total)
}

fn play(lane: &mut TrainingLane, until: u64) -> TurnResult {
    let plan = TurnLimits {
        until,
        goal: until,
        end: 60,
        total: 60,
        evaluate_every: 20,
        log: true,
        ..TurnLimits::default()
    };
    lane.play(&plan, &mut EndlessTurn)
}

#[test]
fn every_seed_is_the_run_with_that_seed_bit_for_bit() {
    let mut all = lane(scenario(5, 3));
    play(&mut all, 60);
    let bits = |t: &Trainer| t.live().params.iter().map(|p| p.to_bits()).collect::<Vec<_>>();
    let trainers = std::iter::once(&all.trainer).chain(all.replicas.iter().map(|r| &r.trainer));
    let mut seen = Vec::new();
    for (seed, trainer) in (5..).zip(trainers) {
        let mut alone = lane(scenario(seed, 1));
        play(&mut alone, 60);
        assert!(bits(&alone.trainer) == bits(trainer), "seed {seed}");
        assert!(alone.trainer.live() == trainer.live(), "seed {seed}");
        seen.push(bits(trainer));
    }
    assert!(seen.len() == 3 && seen[0] != seen[1] && seen[1] != seen[2]);
}

#[test]
fn the_first_seed_speaks_for_the_lane_and_the_spread_is_that_of_the_runs() {
    let events = |seed, seeds| play(&mut lane(scenario(seed, seeds)), 60);
    let all = events(5, 3);
    let each: Vec<TurnResult> = (5..8).map(|seed| events(seed, 1)).collect();
    for (i, event) in all.events.iter().enumerate() {
        let same: Vec<&Event> = each.iter().map(|news| &news.events[i]).collect();
        match event {
            Event::Measured { measure, .. } | Event::Evaluated { measure, .. } => {
                let alone = |e: &&Event| match e {
                    Event::Measured { measure, .. } | Event::Evaluated { measure, .. } => **measure,
                    other => panic!("{other:?}"),
                };
                let s = measure.spread.unwrap();
                assert_eq!((s.seeds, s.lost), (3, 0));
                let mut bands = 0;
                for number in Number::ALL.into_iter().filter(|n| n.row().band) {
                    let of = same.iter().filter_map(|e| alone(e).get(number));
                    assert_eq!(s.band(number), Band::of(of.map(|x| x as f32)), "{number:?}");
                    bands += usize::from(s.band(number).is_some());
                }
                let evaluated = matches!(event, Event::Evaluated { .. });
                // Loss, accuracy, recall and precision of validation; loss, accuracy and gradient norm of a step.
                assert_eq!(bands, if evaluated { 4 } else { 3 });
                assert_eq!(alone(&same[0]), crate::telemetry::Measure { spread: None, ..**measure });
            }
            // A lane is judged by its first seed alone.
            Event::Marked { .. } => assert_eq!(event, same[0]),
            // Probes examine the first seed alone.
            Event::Probed { name: "health" | "scores", .. } => {}
            other => panic!("{other:?}"),
        }
    }
    let line = |news: &TurnResult| serde_json::from_str::<serde_json::Value>(&news.lines[19].text).unwrap();
    let (one, three) = (line(&each[0]), line(&all));
    for (key, value) in one.as_object().unwrap() {
        assert_eq!(value, &three[key], "{key} is the first seed's");
    }
    assert!(one.get("seeds").is_none() && three["seeds"] == 3);
    assert!(three["val_loss_spread"]["min"].as_f64() <= three["val_loss"].as_f64());
}

#[test]
fn a_seed_that_runs_away_is_told_of_and_left_out() {
    let mut lane = lane(scenario(5, 3));
    play(&mut lane, 20);
    let mut broken = lane.replicas[1].trainer.snapshot();
    broken.params.fill(f32::NAN);
    lane.replicas[1].trainer.restore(&broken).unwrap();
    let news = play(&mut lane, 60);
    let told = |e: &Event| matches!(e, Event::Notice(t) if t.contains("seed 3") && t.contains("diverged at step 21"));
    assert_eq!(news.events.iter().filter(|e| told(e)).count(), 1);
    let spread = news
        .events
        .iter()
        .rev()
        .find_map(|e| if let Event::Evaluated { measure, .. } = e { measure.spread } else { None });
    let spread = spread.unwrap();
    assert_eq!((spread.seeds, spread.lost), (3, 1));
    assert!(spread.band(Number::ValLoss).unwrap().max.is_finite());
    assert_eq!((lane.replicas[0].trainer.steps(), lane.replicas[1].trainer.steps()), (60, 20));
}

fn stepped(seeds: usize) -> SteppedRun {
    let experiment = Experiment::new(scenario(5, seeds), &NoFiles).unwrap();
    SteppedRun::new(Run::new(experiment, None, Arc::new(NoFiles)))
}

#[test]
fn a_run_over_seeds_resumes_bit_for_bit() {
    let (mut whole, mut first, mut second) = (stepped(3), stepped(3), stepped(3));
    for run in [&mut whole, &mut first] {
        run.send(Command::Run);
    }
    whole.advance(60);
    first.advance(33);
    let saved = first.run_mut().save();
    let checkpoint =
        Checkpoint { logs: vec![LogMark::of(b"")], lanes: saved.into(), ..Checkpoint::default() };
    let read = Checkpoint::decode(&checkpoint.encode()).unwrap();
    let seeds = |c: &Checkpoint| c.lanes.iter().map(|l| l.seeds.clone()).collect::<Vec<_>>();
    assert!(seeds(&read) == seeds(&checkpoint) && seeds(&read)[1].len() == 2);
    second.run_mut().restore(&read.lanes).unwrap();
    second.send(Command::Run);
    second.advance(60);
    assert!(whole.run_mut().save() == second.run_mut().save());
    assert!(stepped(2).run_mut().restore(&read.lanes).unwrap_err().contains("seeds"));
}

#[test]
fn seeds_come_and_go_on_order() {
    let (mut run, mut three) = (stepped(1), stepped(3));
    run.send(Command::Seeds(3));
    for run in [&mut run, &mut three] {
        run.send(Command::Run);
        run.advance(60);
    }
    let states = |run: &mut SteppedRun| {
        run.run_mut().save().into_iter().map(|s| (s.snapshot, s.seeds)).collect::<Vec<_>>()
    };
    assert!(states(&mut run) == states(&mut three));
    assert_eq!(run.run().scenario().seeds, 3);
    run.send(Command::Seeds(1));
    assert!(run.run_mut().save().iter().all(|s| s.seeds.is_empty() && s.snapshot.step == 0));
}

#[test]
fn numbers_that_compare_steps_are_measured_where_the_step_before_was_kept() {
    let mut lane = lane(Scenario {
        network: crate::registry::SettingValue::parse("[Dense(8), Tanh()]").unwrap(),
        ..scenario(5, 1)
    });
    let start = lane.trainer.live().params.clone();
    let news = play(&mut lane, 60);
    let apart = start.iter().zip(&lane.trainer.live().params).map(|(a, b)| f64::from(b - a).powi(2));
    let measures = news.events.iter().filter_map(|e| match e {
        Event::Measured { measure, .. } => Some(&**measure),
        _ => None,
    });
    let measures: Vec<_> = measures.collect();
    let steps: Vec<u64> = (1..=8).chain([20, 40, 60]).collect();
    assert_eq!(measures.iter().map(|m| m.step).collect::<Vec<_>>(), steps);
    let distance = measures[10].get(Number::Distance).unwrap();
    assert!((distance - apart.sum::<f64>().sqrt()).abs() < 1e-5 * distance, "{distance}");
    for m in &measures {
        let first = m.step == 1;
        let agreement = m.get(Number::Agreement);
        assert_eq!(agreement.is_none(), first, "step {}", m.step);
        assert!(agreement.is_none_or(|a| (-1.0..=1.0).contains(&a)));
        assert!(m.get(Number::NoiseScale).is_none_or(|n| !first && n > 0.0), "at evaluated steps only");
    }
    assert!(measures.iter().any(|m| m.get(Number::NoiseScale).is_some()));
    let line: serde_json::Value = serde_json::from_str(&news.lines[59].text).unwrap();
    assert!(line["distance"].is_number() && line.get("agreement").is_none(), "{line}");
}
