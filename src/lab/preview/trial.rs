//! Short trainings of a copy of a lane: the rates that it bears, and whether it learns a single batch by heart. The lane itself
//! trains on untouched.

use super::{Memory, Parts, Probe, Renewal, Shape, Taken, scalar};
use crate::engine::data::Prepared;
use crate::engine::regularise::noise::GradientNoise;
use crate::lab::lane::Lane;
use crate::lab::range::Range;
use crate::lab::run::Peek;
use crate::lab::trainer::{Snapshot, Trainer};
use crate::scenario::Recipe;
use crate::telemetry::Data;
use std::sync::Arc;

/// Steps of the range test, and of the other one.
const STEPS: (usize, usize) = (120, 200);
/// Steps of a network that is too large for so many.
const LEAST: usize = 30;
/// About so many multiplications may be made in all.
const WORK: usize = 10_000_000_000;
/// A batch is learnt by heart at this share of its first loss.
const BY_HEART: f32 = 0.01;

/// A lane as it is.
struct At {
    snapshot: Snapshot,
    recipe: Recipe,
    total: u64,
}

fn take(lane: &Lane) -> Taken {
    let trainer = &lane.trainer;
    let (snapshot, recipe, total) = (trainer.snapshot(), trainer.recipe().clone(), trainer.total());
    Arc::new(At { snapshot, recipe, total })
}

/// A step at each of many rates, from small to large.
///
/// Parts: the series `rates` and `losses`: the loss of the batch after the step at each rate; `means`, the same smoothed;
/// the scalars `first`, the mean over the smallest rates, which move nothing; `least`, the largest rate at which the mean was as
/// low as it got, but for the noise of batches, and `mean` there; `suggested`, a tenth of that rate, where the loss fell by more
/// than noise; `away`, the rate at which it ran away, if it did.
pub(super) const RANGE: Probe = Probe {
    take: |lane, _| Some(take(lane)),
    renewal: Renewal::Change,
    ..Probe::new(
        "rates",
        "loss of a copy of the lane after one step at each of many rates, and a rate that suits it",
        "120 steps, fewer of a large network, beside training",
        &[Shape::Series, Shape::Scalar],
        |peek, view, _: &mut Memory| range(peek, peek.taken(view)?),
    )
};

/// Training on the lane's next batch alone at its base rate, without schedule, augmentation and gradient noise.
///
/// Parts: the series `losses` of its steps; the scalars `samples` of the batch, and `learnt`, the step after which the loss was a
/// hundredth of the first one, if it came to that.
pub(super) const BATCH: Probe = Probe {
    take: |lane, _| Some(take(lane)),
    renewal: Renewal::Change,
    ..Probe::new(
        "one batch",
        "loss of a copy of the lane that trains on its next batch alone",
        "200 steps, fewer of a large network, beside training",
        &[Shape::Series, Shape::Scalar],
        |peek, view, _: &mut Memory| batch(peek, peek.taken(view)?),
    )
};

/// So many steps as are affordable.
fn steps(peek: &Peek, recipe: &Recipe, most: usize) -> usize {
    let network = &peek.network;
    let sample = network.param_count().saturating_add(8 * network.workspace_len(1));
    let cost = sample.saturating_mul(3 * recipe.batch.min(peek.data.train.len()).max(1));
    (WORK / cost.max(1)).clamp(LEAST, most)
}

/// A copy of the lane that trains with this recipe on these data.
fn copy(peek: &Peek, at: &At, recipe: Recipe, data: &Arc<Prepared>, snapshot: &Snapshot) -> Option<Trainer> {
    let network = Arc::clone(&peek.network);
    let mut trainer = Trainer::with_network(data, network, recipe, peek.seed, at.total);
    trainer.restore(snapshot).ok()?;
    Some(trainer)
}

fn range(peek: &Peek, at: &At) -> Option<Parts> {
    let mut trainer = copy(peek, at, at.recipe.clone(), &peek.data, &at.snapshot)?;
    let test = Range::test(&mut trainer, steps(peek, &at.recipe, STEPS.0))?;
    let mut parts = vec![scalar("least", test.least), scalar("first", test.first), scalar("mean", test.mean)];
    parts.extend(test.suggested.map(|rate| scalar("suggested", rate)));
    parts.extend(test.away.map(|rate| scalar("away", rate)));
    parts.push(("rates".into(), Data::Series(test.rates)));
    parts.push(("losses".into(), Data::Series(test.losses)));
    parts.push(("means".into(), Data::Series(test.means)));
    Some(parts)
}

fn batch(peek: &Peek, at: &At) -> Option<Parts> {
    let recipe =
        Recipe { augment: Vec::new(), gradient_noise: GradientNoise::default(), ..at.recipe.clone() };
    let steps = steps(peek, &recipe, STEPS.1);
    // The batch that the lane would take next.
    let mut next = copy(peek, at, at.recipe.clone(), &peek.data, &at.snapshot)?;
    let _ = next.step(false);
    let which: Vec<usize> = next.samples().iter().map(|&i| i as usize).collect();
    let samples = peek.data.train.pick(&which);
    let data = Prepared {
        validation: samples.pick(&[0]),
        train: samples,
        range: peek.data.range.clone(),
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
        if loss <= BY_HEART * losses[0] {
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
