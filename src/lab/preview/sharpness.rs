//! The largest eigenvalue of the Hessian of the training loss, and the largest one for which the optimizer's step is
//! stable.
//!
//! # Reference
//! Cohen et al., Gradient descent on neural networks typically occurs at the edge of stability, 2021, arXiv:2103.00065.
//! For adaptive methods, whose limit belongs to the preconditioned Hessian: Cohen et al., 2022, arXiv:2207.14484.

use super::{DataShape, Probe, ProbeInput, ProbeMemory, ProbeParts, Taken, scalar, training_loss};
use crate::engine::diagnostics::dominant_eigenvalue;
use crate::engine::rng::{Purpose, Stream};
use crate::scenario::Recipe;
use crate::telemetry::Data;
use std::sync::Arc;

/// Most training samples over which the loss is averaged.
const SAMPLES: usize = 256;
/// Power iterations per look; the next look continues with the vector of this one.
const ITERATIONS: usize = 20;

/// The lane's own data: the parameters at which it trains, and its recipe.
struct TrainingPoint {
    params: Vec<f32>,
    recipe: Recipe,
    lr: f64,
}

/// The largest eigenvalue of the Hessian, and the stability limit of the step.
///
/// Parts: the scalars `value`, the eigenvalue with the largest absolute value, with its sign (by power iteration on
/// differences of gradients); `limit`, above which gradient descent on a quadratic diverges; `samples`, the number of
/// training samples over which the loss was averaged, in evaluation mode and without penalties. If no limit is known,
/// `why` instead: a table with one row whose name is the reason.
pub(super) const SHARPNESS: Probe = Probe {
    take: |lane, _| {
        let trainer = &lane.trainer;
        let (params, recipe) = (trainer.live().params.clone(), trainer.recipe().clone());
        let lr = if trainer.steps() == 0 { recipe.optimizer.lr() } else { trainer.last().lr };
        Some(Arc::new(TrainingPoint { params, recipe, lr }) as Taken)
    },
    ..Probe::new(
        "sharpness",
        "largest eigenvalue of the Hessian of the training loss, and the largest that the step can bear",
        "40 gradients of at most 256 training samples, beside training",
        &[DataShape::Scalar, DataShape::Table],
        |peek, view, memory| Some(sharpness(peek, peek.taken(view)?, memory)),
    )
};

fn sharpness(peek: &ProbeInput, at: &TrainingPoint, memory: &mut ProbeMemory) -> ProbeParts {
    let count = peek.data.train.len().min(SAMPLES);
    let known = memory.steepest.iter().position(|(lane, v)| *lane == peek.id && v.len() == at.params.len());
    let start = known.map_or_else(
        || {
            let mut stream = Stream::new(peek.seed, Purpose::Probe, 0, 0);
            at.params.iter().map(|_| stream.normal()).collect()
        },
        |i| memory.steepest.swap_remove(i).1,
    );
    let mut gradient = |params: &[f32], out: &mut [f32]| {
        training_loss(peek, memory, &at.recipe.loss, count, params, Some(out));
    };
    let (value, vector) = dominant_eigenvalue(&mut gradient, &at.params, &start, ITERATIONS);
    if vector.iter().all(|x| x.is_finite()) {
        memory.steepest(peek.id, vector);
    }
    let mut parts = vec![scalar("value", value), scalar("samples", count as f64)];
    if let Some(limit) = at.recipe.optimizer.stability(at.lr) {
        parts.push(scalar("limit", limit));
    } else {
        let name = at.recipe.optimizer.name();
        let why = format!("no limit is known for {name}: it scales every step by more than the rate");
        parts.push(("why".into(), Data::Table { columns: Vec::new(), rows: vec![(why, Vec::new())] }));
    }
    parts
}
