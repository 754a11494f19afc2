//! Tests that any step of any lane is trained again bit for bit, whatever steps were shown before.

use super::*;
use crate::engine::data::NoFiles;
use crate::engine::optim::OptimizerConfig;
use crate::engine::rng::{Purpose, Stream};
use crate::lab::experiment::Experiment;
use crate::lab::lane::EndlessTurn;
use crate::lab::run::SavedLane;
use crate::lab::stepped::SteppedRun;
use crate::lab::trainer::Snapshot;
use crate::number::NumberValues;
use crate::scenario::read;
use crate::telemetry::{Command, Measure};
use std::collections::BTreeMap;

/// Steps of a run.
const STEPS: u64 = 48;
/// An edit: step, lane, field and value.
type Change<'a> = (u64, LaneId, &'a str, &'a str);

fn run(text: &str, budget: usize) -> Run {
    let scenario = read(text).unwrap_or_else(|faults| panic!("{text}: {faults:?}"));
    let mut run = Run::new(Experiment::new(scenario, &NoFiles).unwrap(), None, Arc::new(NoFiles));
    run.remember(budget);
    run
}

/// Makes the edits that are due.
fn edit(stepped: &mut SteppedRun, changes: &[Change<'_>], step: u64) {
    for (_, id, field, to) in changes.iter().filter(|c| c.0 == step) {
        let place = stepped.run().places[*id].as_ref().unwrap();
        let (name, mut recipe) = (place.info.name.clone(), place.info.recipe.clone());
        recipe.set_at(field, to).unwrap();
        stepped.send(Command::Set { lane: *id, name, recipe: Box::new(recipe) });
    }
}

/// States of lanes by step.
type States = BTreeMap<(LaneId, u64), SavedLane>;

/// The state of every lane before the first step and after each step, with edits at that step not yet made; and the
/// events.
fn undisturbed(text: &str, changes: &[Change<'_>]) -> (States, Vec<Event>) {
    let mut stepped = SteppedRun::new(run(text, 0));
    stepped.send(Command::MeasureEvery(Some(1)));
    let (mut states, mut told) = (States::new(), Vec::new());
    for step in 0..=STEPS {
        for saved in stepped.run_mut().save() {
            states.entry((saved.id, saved.snapshot.step)).or_insert(saved);
        }
        edit(&mut stepped, changes, step);
        stepped.send(Command::Step(1));
        stepped.pass(0.0, None);
        told.extend(stepped.drain());
    }
    (states, told)
}

/// Jumps to random steps of a run that was trained at once, and compares every state with the undisturbed one.
fn jumps(text: &str, changes: &[Change<'_>], budget: usize) {
    let (states, told) = undisturbed(text, changes);
    let mut stepped = SteppedRun::new(run(text, budget));
    let mut stops: Vec<u64> = changes.iter().map(|c| c.0).chain([STEPS]).collect();
    stops.dedup();
    for (i, stop) in stops.iter().enumerate() {
        let before = if i == 0 { 0 } else { stops[i - 1] };
        stepped.send(Command::Step(stop - before));
        stepped.pass(0.0, None);
        edit(&mut stepped, changes, *stop);
    }
    let run = stepped.run_mut();
    for now in run.save() {
        assert_eq!(
            bits(&now.snapshot),
            bits(&states[&(now.id, now.snapshot.step)].snapshot),
            "{text}: the end"
        );
    }
    let (mut reruns, mut draws, mut shown) = (Reruns::default(), Stream::new(9, Purpose::Shuffle, 0, 0), 0);
    for step in (0..40).map(|_| u64::from(draws.below(STEPS as u32))).chain([0, 1, STEPS - 1]) {
        run.apply(Command::Look(Some(step)));
        let mut seen = Vec::new();
        while let Some(recall) = run.recall(&seen) {
            let id = recall.seen.lane();
            let (_, events) = recall.make(&mut reruns, &mut EndlessTurn).unwrap().expect("nothing hurries");
            let lane = &reruns.ready.iter().find(|r| r.lane.id == id).expect("kept").lane;
            // The steps before a fork's first edit are its parent's.
            let since = run.scenario().lanes[id].begins();
            let own = |id: LaneId| run.scenario().lanes[id].begins().is_none_or(|at| step > at);
            let begun = |id: &LaneId| states.get(&(*id, step)).filter(|_| own(*id));
            let wanted = (0..=id).rev().find_map(|id| begun(&id)).expect("a state");
            assert_eq!(bits(lane.trainer.live()), bits(&wanted.snapshot), "{text}: lane {id} at step {step}");
            for (kept, replica) in wanted.seeds.iter().zip(&lane.replicas) {
                assert_eq!(
                    bits(replica.trainer.live()),
                    bits(&kept.snapshot),
                    "{text}: a seed at step {step}"
                );
            }
            // The numbers equal those reported then; the first step of a fork has no previous step to compare with.
            let measured = |e: &Event| match e {
                Event::Measured { lane, measure, layers } if *lane == id && measure.step == step => Some((
                    Measure {
                        least: NumberValues::default(),
                        greatest: NumberValues::default(),
                        ..**measure
                    },
                    layers.clone(),
                )),
                _ => None,
            };
            if since.is_none_or(|at| step > at + 1)
                && let Some(now) = events.iter().find_map(measured)
            {
                assert_eq!(Some(now), told.iter().find_map(measured), "{text}: lane {id} at step {step}");
            }
            shown += 1;
            seen.push(recall.seen);
        }
    }
    assert!(shown > 2, "{text}: {shown} steps were shown");
}

/// All numbers of a state, so that NaN equals itself.
fn bits(s: &Snapshot) -> (Vec<u32>, Vec<u64>, String) {
    let single = s
        .params
        .iter()
        .chain(&s.state)
        .chain(s.optim.vectors.iter().flatten())
        .chain(&s.defence)
        .chain(&s.average);
    let counts = [s.step, s.epoch, s.position, s.evaluations, s.optim_step, s.clipped];
    let double = s.optim.scalars.iter().chain(&s.memory).map(|x| x.to_bits());
    let kept = s.kept.as_ref().map(|k| bits(k));
    let rest = format!("{:?} {:x} {kept:?}", s.best, s.last_grad_norm.to_bits());
    (single.map(|x| x.to_bits()).collect(), counts.into_iter().chain(double).collect(), rest)
}

const SPIRAL: &str = "data: Spiral(samples: 120), evaluate_every: 10, batch: 16, steps: 48, seed: 3";

#[test]
fn every_optimizer_is_gone_back_to_bit_for_bit() {
    for name in OptimizerConfig::NAMES {
        jumps(&format!("({SPIRAL}, network: [Dense(6), Tanh()], optimizer: {name}())"), &[], 20_000);
    }
}

#[test]
fn layers_draws_defences_rules_and_seeds_are_gone_back_to_bit_for_bit() {
    let dense = "network: [Dense(6), Tanh()]";
    for rest in [
        "network: [Dense(6), BatchNorm(), Relu(), Dropout(0.3)], gradient_noise: (eta: 0.01), clip: Norm(0.5)".to_owned(),
        format!("{dense}, seeds: 3, optimizer: Adam(0.01)"),
        format!("{dense}, schedule: ReduceOnPlateau(factor: 0.5, patience: 0), optimizer: Adam(0.05)"),
        format!("{dense}, schedule: Cosine(), weight_average: (decay: 0.9)"),
        format!("{dense}, early_stopping: (patience: 1, restore_best: true), optimizer: Sgd(3.0)"),
        "network: [Dense(6), Relu(), Dense(6), Relu()], optimizer: Sgd(1e6)".to_owned(),
        format!("{dense}, defence: AdversarialTraining()"),
        format!("{dense}, defence: FreeAdversarialTraining(replays: 3)"),
        format!("{dense}, defence: InputNoise(), seeds: 2"),
        format!("{dense}, defence: InputGradientPenalty()"),
    ] {
        jumps(&format!("({SPIRAL}, {rest})"), &[], 30_000);
    }
    for text in [
        "(data: Adding(samples: 60, length: 6), network: [Gru(5)], batch: 8, steps: 48, evaluate_every: 12, loss: Mse(), init: XavierUniform())",
        "(data: Digits(), network: [Conv2d(2, 3), BatchNorm(), Relu(), MaxPool2d(2), Flatten()], batch: 8, steps: 48, \
         augment: [Rotation(15), Mixup(0.4)], optimizer: Adam(0.01))",
        "(data: Surface(Rosenbrock, start: (-1.2, 1.0)), steps: 48, optimizer: Adam(0.1))",
    ] {
        match read(text) {
            Ok(_) => jumps(text, &[], 100_000),
            Err(faults) => panic!("{text}: {faults:?}"),
        }
    }
}

#[test]
fn edits_are_made_at_their_steps() {
    let text = format!(
        "({SPIRAL}, network: [Dense(6), Tanh()], lanes: [(name: \"a\"), (name: \"b\", optimizer: Adam(0.01))])"
    );
    let changes = [
        (5, 0, "optimizer", "Adam(0.02)"),
        (5, 1, "optimizer.lr", "0.1"),
        (12, 0, "clip", "Norm(0.1)"),
        // Two edits at one step: only the final value is trained, and Adam keeps its memory.
        (20, 1, "optimizer", "Sgd(0.3)"),
        (20, 1, "optimizer", "Adam(0.05)"),
        (30, 0, "batch", "8"),
        (30, 0, "weight_average", "(decay: 0.9)"),
        (41, 0, "defence", "AdversarialTraining()"),
    ];
    for budget in [0, 3_000, 1 << 20] {
        jumps(&text, &changes, budget);
    }
}

#[test]
fn forks_are_gone_back_to_beyond_where_they_begin() {
    let lanes = r#"lanes: [(name: "a", optimizer: Adam(0.01)), (name: "b", from: "a", at: 20, optimizer: Sgd(0.2)),
        (name: "c", from: "b", at: 30, carry: Weights, clip: Norm(0.1))]"#;
    let text = format!("({SPIRAL}, network: [Dense(6), Tanh()], {lanes})");
    for budget in [0, 3_000, 1 << 20] {
        jumps(&text, &[(10, 0, "optimizer.lr", "0.05")], budget);
    }
}

#[test]
fn states_stay_within_their_budget_and_grow_rare_with_age() {
    let text = format!("({SPIRAL}, network: [Dense(6), Tanh()], optimizer: Adam(0.01))")
        .replace("steps: 48", "steps: 20000");
    let budget = 120_000;
    let mut stepped = SteppedRun::new(run(&text, budget));
    stepped.send(Command::Run);
    for _ in 0..200 {
        stepped.advance(100);
        let bytes = open(&stepped.run().places[0].as_ref().unwrap().past).bytes();
        assert!(bytes <= budget, "{bytes} bytes");
    }
    let past = Arc::clone(&stepped.run().places[0].as_ref().unwrap().past);
    let steps: Vec<u64> = open(&past).steps().collect();
    let gaps: Vec<u64> = steps.windows(2).map(|w| w[1] - w[0]).collect();
    let mean = |gaps: &[u64]| gaps.iter().sum::<u64>() / gaps.len() as u64;
    let (old, new) = gaps.split_at(gaps.len() / 2);
    assert!(gaps.len() > 20 && mean(old) > 2 * mean(new), "{steps:?}");
    assert!(steps[0] < 5000 && *steps.last().unwrap() > 19_900, "{steps:?}");
}
