//! Tests that lanes are judged by their reported events, and not by abandoned steps.

use super::*;
use crate::diagnosis::Facts;
use crate::engine::data::NoFiles;
use crate::lab::experiment::{Experiment, info};
use crate::number::{LayerNumber, decimal};
use crate::telemetry::{LayerMeasure, MeasuredStep};

/// The description of a lane on two moons.
pub fn moons(name: &str) -> LaneInfo {
    let text = format!("(data: Moons(samples: 60), network: [Dense(4), Tanh()], lanes: [(name: {name:?})])");
    let experiment = Experiment::new(crate::scenario::read(&text).unwrap(), &NoFiles).unwrap();
    let lane = &experiment.lanes[0];
    info(name, &lane.recipe, &lane.network, &experiment.data, 100)
}

#[test]
fn a_lane_without_a_step_has_facts() {
    let facts = LaneMeasurements::default().facts(&moons("new"), &Phase::Paused, None);
    assert!(facts.marks.is_empty() && facts.train.is_none() && facts.attacked.is_none());
    crate::diagnosis::signals(facts);
}

#[test]
fn what_lies_ahead_of_a_step_is_forgotten_or_left_out() {
    let info = moons("a");
    let mut told = LaneMeasurements::default();
    for step in 1..=20 {
        let layers = vec![LayerMeasure::of(0).with(LayerNumber::GradNorm, step as f32)];
        let values = NumberValues::default().with(Number::Loss, 1.0 / step as f64);
        told.apply(&Event::Marked { lane: 0, mark: Arc::new(MeasuredStep { step, values, layers }) });
        if step % 5 == 0 {
            let measure = Box::new(Measure { step, ..Measure::default() }.with(Number::ValLoss, 0.5));
            told.apply(&Event::Evaluated { lane: 0, measure });
        }
    }
    let ends = |f: &Facts| (f.marks.last().map(|m| m.step), f.evaluations.last().map(|m| m.step));
    assert_eq!(ends(&told.facts(&info, &Phase::Running, Some(12))), (Some(12), Some(10)));
    let facts = told.facts(&info, &Phase::Running, None);
    assert_eq!(ends(&facts), (Some(20), Some(20)));
    let loss = facts.train.map(|t| t.loss).expect("a loss");
    assert!((loss - f64::midpoint(1.0 / 19.0, 1.0 / 20.0)).abs() < 1e-9, "{loss}");
    told.apply(&Event::Rewound { lane: 0, info: Box::new(info.clone()), step: 7 });
    assert_eq!(ends(&told.facts(&info, &Phase::Running, None)), (Some(7), Some(5)));
}

#[test]
fn the_greatest_gradient_is_that_of_all_steps_whichever_were_shown() {
    use crate::lab::lane::EndlessTurn;
    use crate::lab::run::Run;
    use crate::lab::trainer::Trainer;
    use crate::telemetry::Command;
    // The third lane diverges between two steps that are shown.
    let text = r#"(data: Moons(samples: 60), network: [Dense(4), Tanh()], steps: 300, evaluate_every: 100, loss: Mse(), lanes: [
        (name: "sgd", optimizer: Sgd(0.1)), (name: "adam", optimizer: Adam(0.01)), (name: "lost", optimizer: Sgd(1000)),
    ])"#;
    let experiment = || Experiment::new(crate::scenario::read(text).unwrap(), &NoFiles).unwrap();
    let mut run = Run::new(experiment(), None, Arc::new(NoFiles));
    run.apply(Command::Run);
    let mut standings = Standings::default();
    while let Some(mut turn) = run.take() {
        let news = turn.lane.play(&turn.plan, &mut EndlessTurn);
        run.give_back(turn.lane, news);
        run.take_events().iter().for_each(|event| standings.apply(event));
    }
    let Experiment { data, lanes, scenario, .. } = experiment();
    for (lane, standing) in lanes.iter().zip(&standings.lanes) {
        let mut trainer = Trainer::new(&data, lane.recipe.clone(), scenario.seed, 300).unwrap();
        let (mut most, mut end) = (0.0_f32, None);
        while trainer.steps() < 300 && end.is_none() {
            match trainer.step(false) {
                Ok(_) => {}
                Err(account) => end = Some(account.step),
            }
            // The step that failed has a gradient as well.
            most = most.max(trainer.last().grad_norm);
        }
        assert_eq!(end.is_some(), standing.name == "lost");
        assert_eq!(standing.value("max_grad_norm", None), Some(decimal(most)), "{}", standing.name);
    }
}
