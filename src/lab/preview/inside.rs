//! Looks inside a lane: its path over a surface, its gradient through time, one of its weights. Pure functions.

use super::{DataShape, Probe, ProbeInput, ProbeParts, Renewal, Taken, scalar};
use crate::engine::diagnostics::spectral_radius;
use crate::engine::layer::LayerConfig;
use crate::engine::surface::Surface;
use crate::lab::lane::{StepHooks, TrainingLane};
use crate::lab::trainer::WeightStep;
use crate::telemetry::Data;
use std::sync::Arc;

/// Most points of a landscape in either direction.
const DOTS: usize = 1024;

/// The values of a test function, which do not change while lanes move. Its part `heights` is a grid.
pub(super) const LANDSCAPE: Probe = Probe {
    renewal: Renewal::Change,
    take: |lane, _| surface(lane).map(|s| Arc::new(s) as Taken),
    ..Probe::new(
        "landscape",
        "the heights of the lane's test function over `extent`, on a `grid`",
        "a value for every point of the grid",
        &[DataShape::Grid],
        |peek, view, _| Some(landscape(*peek.taken(view)?, view.extent, view.grid)),
    )
};

/// The path of a lane over a test function.
///
/// Parts: `points`, a series of x, y from the start on; the scalars `value` and `slope`, the function's value and the
/// norm of its exact gradient at the last point.
pub(super) const PATH: Probe = Probe {
    take: |lane, _| Some(Arc::new((surface(lane)?, lane.trail.as_ref()?.points()))),
    ..Probe::new(
        "path",
        "where the lane was on its test function, and its height and slope now",
        "a copy of at most 8192 points",
        &[DataShape::Series, DataShape::Scalar],
        |peek, view, _| {
            let (surface, points) = peek.taken::<(Surface, Vec<f32>)>(view)?;
            path(*surface, points)
        },
    )
};

/// ‖∂L/∂h_t‖ of a step, layer by layer.
type Norms = Vec<(usize, Vec<f32>)>;

/// The gradient of the last step's batch through time.
///
/// Parts, both tables with a row for each recurrent layer: `norms`, ‖∂L/∂h_t‖ for t = 1 .. T; `radius`, the spectral
/// radius of the recurrent matrix of each gate (left out if the matrix is too large).
pub(super) const THROUGH_TIME: Probe = Probe {
    take: |lane, _| {
        let kept = lane.kept.get("through_time").and_then(|k| k.downcast_ref::<Norms>());
        Some(Arc::new(kept.cloned().unwrap_or_else(|| lane.trainer.through_time())))
    },
    hooks: StepHooks {
        after: |lane| {
            let norms: Norms = lane.trainer.through_time();
            lane.kept.insert("through_time", Box::new(norms));
        },
        forget: |lane| {
            lane.kept.remove("through_time");
        },
        ..StepHooks::NONE
    },
    ..Probe::new(
        "through_time",
        "norms of the gradient at every time step, and how the recurrent matrices stretch",
        "a norm for each time step; powers of each recurrent matrix",
        &[DataShape::Table],
        |peek, view, _| Some(through_time(peek, peek.taken(view)?)),
    )
};

/// One weight at the last measured step.
///
/// Parts: `terms`, a table of one column, the optimizer's formula number by number; `slots`, a table (a row for each
/// tensor: its length, and the length of its rows); the scalars `weight` (its index), `step`, `raw` (its gradient
/// before the clip), `from` and `to` (its values), `largest_gradient` and `largest_step` (indices of weights). Before
/// the first such step, only `slots` and `weight`.
pub(super) const MICROSCOPE: Probe = Probe {
    take: |lane, view| lane.trainer.examine(view.number).map(|e| Arc::new(e) as Taken),
    hooks: StepHooks {
        before: |lane, shown| lane.trainer.aim(shown),
        forget: |lane| lane.trainer.put_scope_away(),
        ..StepHooks::NONE
    },
    ..Probe::new(
        "microscope",
        "the weight of index `number` in the last shown step",
        "a copy of parameters, gradient and optimizer at every shown step",
        &[DataShape::Table, DataShape::Scalar],
        |peek, view, _| Some(microscope(peek, peek.taken(view), view.number)),
    )
};

/// The test function over which a lane moves, if there is one.
fn surface(lane: &TrainingLane) -> Option<Surface> {
    match lane.trainer.recipe().network.first() {
        Some(LayerConfig::Surface(s)) => Some(s.function),
        _ => None,
    }
}

/// The values of the lane's test function.
fn landscape(surface: Surface, extent: [f32; 4], (columns, rows): (usize, usize)) -> ProbeParts {
    let (columns, rows) = (columns.clamp(1, DOTS), rows.clamp(1, DOTS));
    let [left, right, bottom, top] = extent.map(f64::from);
    let along = |from: f64, to: f64, i: usize, n: usize| from + (to - from) * (i as f64 + 0.5) / n as f64;
    let heights = (0..rows).flat_map(|row| {
        let y = along(top, bottom, row, rows);
        (0..columns).map(move |column| surface.value(along(left, right, column, columns), y) as f32)
    });
    vec![("heights".into(), Data::Grid { width: columns, values: heights.collect(), extent })]
}

/// The path of the lane, with value and slope of the test function at its last point.
fn path(surface: Surface, points: &[f32]) -> Option<ProbeParts> {
    let [.., x, y] = points[..] else { return None };
    let here = surface.at(f64::from(x), f64::from(y));
    let [gx, gy] = here.gradient;
    Some(vec![
        ("points".into(), Data::Series(points.to_vec())),
        scalar("value", here.value),
        scalar("slope", (gx * gx + gy * gy).sqrt()),
    ])
}

/// The norms of the gradient at every time step, and the spectral radii of the recurrent matrices.
fn through_time(peek: &ProbeInput, norms: &Norms) -> ProbeParts {
    let label = |layer: usize| format!("{} {}", layer + 1, peek.network.nodes()[layer].label);
    let norms = norms.iter().map(|(layer, norms)| (label(*layer), norms.clone()));
    let radius = peek.network.slots().iter().filter(|s| s.name == "weight_hh").map(|slot| {
        let units = slot.shape[1];
        let gates = peek.params[slot.range.clone()].chunks_exact(units * units);
        let radii = gates.filter_map(|gate| spectral_radius(gate, units)).map(|r| r as f32);
        (label(slot.layer), radii.collect())
    });
    vec![
        ("norms".into(), Data::Table { columns: Vec::new(), rows: norms.collect() }),
        ("radius".into(), Data::Table { columns: Vec::new(), rows: radius.collect() }),
    ]
}

/// The last step of one weight, term by term.
fn microscope(peek: &ProbeInput, examined: Option<&WeightStep>, weight: usize) -> ProbeParts {
    let slots = peek.network.slots().iter().map(|slot| {
        let label = &peek.network.nodes()[slot.layer].label;
        let row = slot.shape.last().copied().unwrap_or(1);
        (format!("{} {label} {}", slot.layer + 1, slot.name), vec![slot.range.len() as f32, row as f32])
    });
    let mut parts: ProbeParts = vec![
        (
            "slots".into(),
            Data::Table { columns: vec!["numbers".into(), "in a row".into()], rows: slots.collect() },
        ),
        scalar("weight", weight as f64),
    ];
    if let Some(e) = examined {
        let terms = e.terms.iter().map(|(name, v)| ((*name).to_owned(), vec![*v as f32]));
        parts.extend([
            ("terms".into(), Data::Table { columns: vec!["value".into()], rows: terms.collect() }),
            scalar("step", e.step as f64),
            scalar("raw", f64::from(e.raw)),
            scalar("from", f64::from(e.from)),
            scalar("to", f64::from(e.to)),
            scalar("largest_gradient", e.largest_gradient as f64),
            scalar("largest_step", e.largest_step as f64),
        ]);
    }
    parts
}
