//! Short trainings of a copy of a lane: the rates that it bears, and whether it learns a single batch by heart. The lane itself
//! trains on untouched.
//!
//! # Reference
//! The range test: Smith, Cyclical learning rates for training neural networks, 2017, arXiv:1506.01186.

use super::{Memory, Parts, Probe, Renewal, Shape, Taken, scalar};
use crate::engine::data::Prepared;
use crate::engine::regularise::noise::GradientNoise;
use crate::engine::schedule::basic::Constant;
use crate::lab::lane::Lane;
use crate::lab::run::Peek;
use crate::lab::trainer::{Snapshot, Trainer};
use crate::scenario::Recipe;
use crate::telemetry::Data;
use std::sync::Arc;

/// The least and the greatest rate of the range test.
const RATES: (f64, f64) = (1e-7, 10.0);
/// Steps of the range test, and of the other one.
const STEPS: (usize, usize) = (120, 200);
/// Steps of a network that is too large for so many.
const LEAST: usize = 30;
/// About so many multiplications may be made in all.
const WORK: usize = 10_000_000_000;
/// Weight of the newest loss in the mean, by which the noise of single batches is smoothed.
const NEWEST: f64 = 0.2;
/// The range test ends where the mean is so many times the least one.
const RUN_AWAY: f64 = 4.0;
/// The least fall of the loss, as a share of it, that counts as learning.
const FALL: f64 = 0.02;
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
    let mut recipe = Recipe { schedule: Constant::default().into(), ..at.recipe.clone() };
    let steps = steps(peek, &recipe, STEPS.0);
    let mut trainer = copy(peek, at, recipe.clone(), &peek.data, &at.snapshot)?;
    let span = libm::log(RATES.1 / RATES.0);
    let (mut rates, mut losses, mut means) = (Vec::new(), Vec::new(), Vec::new());
    let (mut sum, mut mass, mut away) = (0.0, 0.0, None);
    for i in 0..=steps {
        let rate = RATES.0 * libm::exp(span * (i as f64 / steps as f64));
        recipe.optimizer.set_lr(rate);
        trainer.set(recipe.clone()).ok()?;
        let loss = match trainer.step(false) {
            Ok(result) => f64::from(result.loss),
            Err(_) => f64::NAN,
        };
        // This loss is what came of the rate before.
        if i > 0 {
            sum += NEWEST * (loss - sum);
            mass += NEWEST * (1.0 - mass);
            let least = means.iter().copied().fold(f64::INFINITY, f64::min);
            rates.push(rates_before(rate, span, steps) as f32);
            losses.push(loss as f32);
            means.push(sum / mass);
            // NaN ends it as well: it is below nothing.
            let stays = sum / mass <= RUN_AWAY * least.abs().max(f64::MIN_POSITIVE);
            if !stays {
                away = rates.last().copied();
                break;
            }
        }
    }
    // The smallest rates move nothing: their losses tell where it begins, and how much single batches differ.
    let calm = &losses[..losses.len().div_ceil(4)];
    let count = calm.len().max(1) as f64;
    let base = calm.iter().map(|&l| f64::from(l)).sum::<f64>() / count;
    let variance = calm.iter().map(|&l| (f64::from(l) - base).powi(2)).sum::<f64>() / count;
    let noise = (variance * NEWEST / (2.0 - NEWEST)).sqrt();
    let least = means.iter().copied().filter(|m| m.is_finite()).min_by(f64::total_cmp)?;
    // Of rates that cannot be told apart the largest one.
    let place = means.iter().rposition(|&m| m <= least + noise)?;
    let least_rate = f64::from(rates[place]);
    let mut parts = vec![scalar("least", least_rate), scalar("first", base), scalar("mean", means[place])];
    if base - least > (FALL * base.abs()).max(2.0 * noise) {
        parts.push(scalar("suggested", rounded(least_rate / 10.0)));
    }
    parts.extend(away.map(|rate| scalar("away", rate.into())));
    parts.push(("rates".into(), Data::Series(rates)));
    parts.push(("losses".into(), Data::Series(losses)));
    parts.push(("means".into(), Data::Series(means.into_iter().map(|m| m as f32).collect())));
    Some(parts)
}

/// The rate one step before this one.
fn rates_before(rate: f64, span: f64, steps: usize) -> f64 {
    rate * libm::exp(-span / steps as f64)
}

/// To one digit: a suggestion is no measurement.
fn rounded(x: f64) -> f64 {
    format!("{x:.0e}").parse().unwrap_or(x)
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
