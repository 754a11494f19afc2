//! Short trainings of a copy of a lane: the learning rates for which it is stable, and whether it can fit a single
//! batch. The lane itself is not affected.

use super::{DataShape, Probe, ProbeInput, ProbeMemory, ProbeParts, Renewal, Taken, scalar};
use crate::engine::data::Prepared;
use crate::engine::regularise::noise::GradientNoise;
use crate::lab::lane::TrainingLane;
use crate::lab::range::RangeTest;
use crate::lab::trainer::{Snapshot, Trainer};
use crate::scenario::Recipe;
use crate::telemetry::Data;
use std::sync::Arc;

/// Steps of the range test, and of the training on one batch.
const STEPS: (usize, usize) = (120, 200);
/// Steps for a network that is too large for that many.
const LEAST: usize = 30;
/// Approximate limit on the number of multiplications in all.
const WORK: usize = 10_000_000_000;
/// A batch counts as fitted at this share of its first loss.
const FITTED: f32 = 0.01;

/// The state of a lane.
struct TrialStart {
    snapshot: Snapshot,
    recipe: Recipe,
    total: u64,
}

fn take(lane: &TrainingLane) -> Taken {
    let trainer = &lane.trainer;
    let (snapshot, recipe, total) = (trainer.snapshot(), trainer.recipe().clone(), trainer.total());
    Arc::new(TrialStart { snapshot, recipe, total })
}

/// One step at each of many learning rates, from small to large.
///
/// Parts: the series `rates` and `losses` (the loss of the batch after the step at each rate), and `means`, the
/// smoothed losses; the scalars `first`, the mean over the smallest rates, which change nothing; `least`, the largest
/// rate at which the mean was as low as its minimum, up to the noise of batches, and `mean` there; `suggested`, a tenth
/// of that rate, if the loss decreased by more than the noise; `away`, the rate at which it diverged, if it did.
pub(super) const RANGE: Probe = Probe {
    take: |lane, _| Some(take(lane)),
    renewal: Renewal::Change,
    ..Probe::new(
        "rates",
        "loss of a copy of the lane after one step at each of many rates, and a rate that suits it",
        "120 steps, fewer of a large network, beside training",
        &[DataShape::Series, DataShape::Scalar],
        |peek, view, _: &mut ProbeMemory| range(peek, peek.taken(view)?),
    )
};

/// Training on the lane's next batch alone at its base rate, without schedule, augmentation and gradient noise.
///
/// Parts: the series `losses` of its steps; the scalars `samples` of the batch, and `learnt`, the step after which the
/// loss was a hundredth of the first one, if it fell that far.
pub(super) const BATCH: Probe = Probe {
    take: |lane, _| Some(take(lane)),
    renewal: Renewal::Change,
    ..Probe::new(
        "one batch",
        "loss of a copy of the lane that trains on its next batch alone",
        "200 steps, fewer of a large network, beside training",
        &[DataShape::Series, DataShape::Scalar],
        |peek, view, _: &mut ProbeMemory| batch(peek, peek.taken(view)?),
    )
};

/// The number of affordable steps.
fn steps(peek: &ProbeInput, recipe: &Recipe, most: usize) -> usize {
    let network = &peek.network;
    let sample = network.param_count().saturating_add(8 * network.workspace_len(1));
    let cost = sample.saturating_mul(3 * recipe.batch.min(peek.data.train.len()).max(1));
    (WORK / cost.max(1)).clamp(LEAST, most)
}

/// A copy of the lane that trains with this recipe on these data.
fn copy(
    peek: &ProbeInput,
    at: &TrialStart,
    recipe: Recipe,
    data: &Arc<Prepared>,
    snapshot: &Snapshot,
) -> Option<Trainer> {
    let network = Arc::clone(&peek.network);
    let mut trainer = Trainer::with_network(data, network, recipe, peek.seed, at.total);
    trainer.restore(snapshot).ok()?;
    Some(trainer)
}

fn range(peek: &ProbeInput, at: &TrialStart) -> Option<ProbeParts> {
    let mut trainer = copy(peek, at, at.recipe.clone(), &peek.data, &at.snapshot)?;
    let test = RangeTest::test(&mut trainer, steps(peek, &at.recipe, STEPS.0))?;
    let mut parts = vec![scalar("least", test.least), scalar("first", test.first), scalar("mean", test.mean)];
    parts.extend(test.suggested.map(|rate| scalar("suggested", rate)));
    parts.extend(test.away.map(|rate| scalar("away", rate)));
    parts.push(("rates".into(), Data::Series(test.rates)));
    parts.push(("losses".into(), Data::Series(test.losses)));
    parts.push(("means".into(), Data::Series(test.means)));
    Some(parts)
}

fn batch(peek: &ProbeInput, at: &TrialStart) -> Option<ProbeParts> {
    let recipe =
        Recipe { augment: Vec::new(), gradient_noise: GradientNoise::default(), ..at.recipe.clone() };
    let steps = steps(peek, &recipe, STEPS.1);
    // The batch that the lane would use next.
    let mut next = copy(peek, at, at.recipe.clone(), &peek.data, &at.snapshot)?;
    let _ = next.step(false);
    let which: Vec<usize> = next.samples().iter().map(|&i| i as usize).collect();
    let samples = peek.data.train.pick(&which);
    let data = Prepared {
        validation: samples.pick(&[0]),
        train: samples,
        range: peek.data.range.clone(),
        inputs: peek.data.inputs.clone(),
        targets: peek.data.targets.clone(),
        scaling: peek.data.scaling,
        judge: peek.data.judge.clone(),
        reading: peek.data.reading.clone(),
        weights: Arc::clone(&peek.data.weights),
    };
    let snapshot = Snapshot { position: 0, ..at.snapshot.clone() };
    let mut trainer = copy(peek, at, recipe, &Arc::new(data), &snapshot)?;
    let (mut losses, mut learnt) = (Vec::new(), None);
    for _ in 0..steps {
        let loss = trainer.step(false).map_or(f32::NAN, |result| result.loss);
        losses.push(loss);
        if loss <= FITTED * losses[0] {
            learnt = Some(losses.len() as f64);
        }
        if learnt.is_some() || !loss.is_finite() {
            break;
        }
    }
    let mut parts = vec![scalar("samples", which.len() as f64), ("losses".into(), Data::Series(losses))];
    parts.extend(learnt.map(|step| scalar("learnt", step)));
    Some(parts)
}
