//! Looks into the lane itself: its way over a surface, its gradient through time, one of its weights. Pure functions.

use super::{Parts, scalar};
use crate::engine::diagnostics::spectral_radius;
use crate::lab::run::Peek;
use crate::telemetry::Data;

/// Dots that a landscape has at most in either direction.
const DOTS: usize = 1024;

/// The heights of the lane's test function.
pub(super) fn landscape(peek: &Peek, extent: [f32; 4], (columns, rows): (usize, usize)) -> Option<Parts> {
    let surface = peek.surface?;
    let (columns, rows) = (columns.clamp(1, DOTS), rows.clamp(1, DOTS));
    let [left, right, bottom, top] = extent.map(f64::from);
    let along = |from: f64, to: f64, i: usize, n: usize| from + (to - from) * (i as f64 + 0.5) / n as f64;
    let heights = (0..rows).flat_map(|row| {
        let y = along(top, bottom, row, rows);
        (0..columns).map(move |column| surface.value(along(left, right, column, columns), y) as f32)
    });
    Some(vec![("heights".into(), Data::Grid { width: columns, values: heights.collect(), extent })])
}

/// Where the lane was, and what the test function is like where it is.
pub(super) fn path(peek: &Peek) -> Option<Parts> {
    let [.., x, y] = peek.trail[..] else { return None };
    let here = peek.surface?.at(f64::from(x), f64::from(y));
    let [gx, gy] = here.gradient;
    Some(vec![
        ("points".into(), Data::Series(peek.trail.clone())),
        scalar("value", here.value),
        scalar("slope", (gx * gx + gy * gy).sqrt()),
    ])
}

/// The norms of the gradient at every time, and how the recurrent matrices stretch.
pub(super) fn through_time(peek: &Peek) -> Parts {
    let label = |layer: usize| format!("{} {}", layer + 1, peek.network.nodes()[layer].label);
    let norms = peek.through_time.iter().map(|(layer, norms)| (label(*layer), norms.clone()));
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

/// One weight's way through the last step.
pub(super) fn microscope(peek: &Peek, weight: usize) -> Parts {
    let slots = peek.network.slots().iter().map(|slot| {
        let label = &peek.network.nodes()[slot.layer].label;
        let row = slot.shape.last().copied().unwrap_or(1);
        (format!("{} {label} {}", slot.layer + 1, slot.name), vec![slot.range.len() as f32, row as f32])
    });
    let mut parts: Parts = vec![
        (
            "slots".into(),
            Data::Table { columns: vec!["numbers".into(), "in a row".into()], rows: slots.collect() },
        ),
        scalar("weight", weight as f64),
    ];
    if let Some(e) = &peek.examined {
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
