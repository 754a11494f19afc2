//! The parts of a training step's time, and the cost of measuring. This module uses lanes, and no screen.

use super::clock::seconds;
use crate::engine::layer::Pass;
use crate::engine::optim::{Oracle, Update};
use crate::engine::team::Team;
use crate::lab::exam::Exam;
use crate::lab::experiment::{Contender, Experiment};
use crate::lab::runner::crew::Crew;
use crate::lab::trainer::Trainer;
use crate::lab::trainer::batch::BatchTargets;
use serde::Serialize;
use std::sync::Arc;

/// Seconds for each measured part.
const BUDGET: f64 = 0.25;
/// Measurements of a lane that the screen receives per second.
const SHOWN: f64 = 25.0;

/// One lane's speed.
#[derive(Clone, Debug, Serialize)]
pub struct StageSpeed {
    /// The scenario.
    pub scenario: String,
    /// The lane.
    pub lane: String,
    /// Trainable numbers.
    pub parameters: usize,
    /// Samples of a batch.
    pub batch: usize,
    /// Steps a second, without measurements.
    pub steps_per_second: f64,
    /// Samples a second.
    pub samples_per_second: f64,
    /// Percent of a step: forward through the layers to the loss.
    pub forward: f64,
    /// Percent of a step: back through the layers.
    pub backward: f64,
    /// Percent of a step: the update.
    pub optimizer: f64,
    /// Percent of a step: gathering the batch, norms, clipping, the schedule.
    pub rest: f64,
    /// Percent of training time that measuring takes: curves, gradient map, update sizes, 25 times a second.
    pub measuring: f64,
    /// Percent of training time: evaluating the validation samples as often as the scenario asks.
    pub evaluation: f64,
    /// Percent of training time: accuracy under noise and attacks, if the scenario asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub robustness: Option<f64>,
}

/// Provides no further gradients: the update is timed without the extra evaluations that some optimizers need.
struct Nowhere;

impl Oracle for Nowhere {
    fn gradient(&mut self, _: &[f32], _: &mut [f32]) -> f32 {
        0.0
    }
}

/// Measures the parts of one lane of an experiment.
pub fn of(scenario: &str, experiment: &Experiment, contender: &Contender, crew: &Arc<Crew>) -> StageSpeed {
    let written = &experiment.scenario;
    let mut lane = Trainer::with_network(
        &experiment.data,
        Arc::clone(&contender.network),
        contender.recipe.clone(),
        written.seed,
        written.steps as u64,
    );
    let team: Arc<dyn Team> = Arc::<Crew>::clone(crew);
    lane.work_with(&team);
    crew.run(|| {
        let start = lane.snapshot();
        // A lane that diverges is reset and continues.
        let step = |lane: &mut Trainer, look: bool| {
            if lane.step(look).is_err() {
                lane.restore(&start).expect("its own snapshot");
            }
        };
        let plain = seconds(2.0 * BUDGET, || step(&mut lane, false));
        let looked = seconds(BUDGET, || step(&mut lane, true));
        let evaluate = seconds(BUDGET, || {
            lane.evaluate();
        });
        let evaluated = |cost: f64, every: u64| 100.0 * cost / (cost + plain * every as f64);
        let classes = experiment.data.train.outputs().size();
        let robustness = Exam::of(written, classes, None).and_then(|exam| {
            lane.measure_robustness(&exam.settings, exam.share, false)?;
            let cost = seconds(BUDGET, || {
                lane.measure_robustness(&exam.settings, exam.share, false);
            });
            Some(evaluated(cost, exam.every))
        });
        let [forward, backward, optimizer] = parts(&lane, &team).map(|s| (100.0 * s / plain).min(100.0));
        let batch = contender.recipe.batch.clamp(1, experiment.data.train.len());
        StageSpeed {
            scenario: scenario.into(),
            lane: contender.name.clone(),
            parameters: contender.network.param_count(),
            batch,
            steps_per_second: 1.0 / plain,
            samples_per_second: batch as f64 / plain,
            forward,
            backward,
            optimizer,
            rest: (100.0 - forward - backward - optimizer).max(0.0),
            measuring: 100.0 * SHOWN * (looked - plain).max(0.0),
            evaluation: evaluated(evaluate, written.evaluate_every as u64),
            robustness,
        }
    })
}

/// Seconds of the forward pass with the loss, of the backward pass, and of the update.
fn parts(lane: &Trainer, team: &Arc<dyn Team>) -> [f64; 3] {
    let (network, recipe, live, samples) = (lane.network(), lane.recipe(), lane.live(), &lane.data().train);
    let rows = recipe.batch.clamp(1, samples.len());
    let mut ws = network.workspace(rows);
    ws.set_team(team);
    let mut batch = BatchTargets::new(samples, rows);
    batch.fill(samples, 0..rows, ws.input_mut(rows), &**team);
    let (pass, width) = (Pass::train(rows, 1, 0), network.output().rows_of().1);
    let mut grads = vec![0.0; live.params.len()];
    let forward = seconds(BUDGET, || {
        network.forward(&live.params, &live.state, pass, &mut ws);
        let (output, grad) = ws.output_and_grad(rows);
        recipe.loss.eval(output, width, batch.targets(), 1.0 / rows as f32, Some(grad), None);
    });
    let backward = seconds(BUDGET, || {
        network.backward(&live.params, &live.state, pass, &mut ws, Some(&mut grads), false);
    });
    let (mut params, mut state, mut step) = (live.params.clone(), recipe.optimizer.init(&live.params), 0);
    let mut scratch = grads.clone();
    let optimizer = seconds(BUDGET, || {
        step += 1;
        scratch.copy_from_slice(&grads);
        let (params, slots) = (&mut params, network.slots());
        let update = Update {
            step,
            lr: 1e-6,
            params,
            grads: &mut scratch,
            slots,
            oracle: &mut Nowhere,
            team: &**team,
        };
        recipe.optimizer.step(&mut state, update);
    });
    [forward, backward, optimizer]
}
