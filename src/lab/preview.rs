//! What the screen looks at besides curves: predictions, confusion, an attack; computed from a snapshot, beside training.
//!
//! Pure functions of the snapshot and the view. Knows no thread and no clock.

use crate::engine::attack::Scratch;
use crate::engine::data::{Labels, Samples};
use crate::engine::kernel::math;
use crate::engine::layer::Pass;
use crate::engine::network::{Network, Workspace};
use crate::engine::robust::least::Bracket;
use crate::engine::shape::Shape;
use crate::lab::run::Peek;
use crate::lab::trainer::batch::argmax;
use crate::limits;
use crate::telemetry::{Data, Event, LaneId, View};
use std::sync::Arc;

mod attack;
mod augmented;
mod inside;
mod sequence;
#[cfg(test)]
mod tests;

/// Floats that a pass may take.
const FLOATS: usize = 4 << 20;
/// Samples that a confusion matrix counts at most.
const COUNTED: usize = 2000;
/// Points that a plane shows at most.
const POINTS: usize = 500;

/// Memory for passes, kept from look to look.
#[derive(Debug, Default)]
pub struct Memory {
    of: Vec<(Arc<Network>, Workspace, Scratch)>,
    /// The least size that fools each lane, as far as it is known, and what it belongs to.
    least: Vec<(LaneId, attack::Asked, Bracket)>,
}

/// Rows of one pass of an attack.
const ROWS: usize = 64;

impl Memory {
    fn of(&mut self, network: &Arc<Network>) -> (&mut Workspace, &mut Scratch) {
        let known = self.of.iter().position(|(n, ..)| Arc::ptr_eq(n, network));
        let at = known.unwrap_or_else(|| {
            // As many lanes as there may be; those that are gone make room.
            if self.of.len() >= limits::LANES {
                self.of.remove(0);
            }
            let rows = (FLOATS / network.workspace_len(1).max(1)).clamp(1, 256);
            let fresh = (Arc::clone(network), network.workspace(rows), Scratch::new(network, rows.min(ROWS)));
            self.of.push(fresh);
            self.of.len() - 1
        });
        let (_, ws, scratch) = &mut self.of[at];
        (ws, scratch)
    }

    fn remember(&mut self, lane: LaneId, asked: attack::Asked, bracket: Bracket) {
        self.least.retain(|(l, ..)| *l != lane);
        self.least.push((lane, asked, bracket));
    }
}

/// The lane that a view looks at.
pub fn lane_of(view: &View) -> usize {
    match view {
        View::Prediction { lane, .. }
        | View::Confusion { lane }
        | View::Augmented { lane, .. }
        | View::Adversarial { lane, .. }
        | View::Sizes { lane, .. }
        | View::Landscape { lane, .. }
        | View::Path { lane }
        | View::ThroughTime { lane }
        | View::Microscope { lane, .. } => *lane,
    }
}

/// What a view shows of a lane; `None` where it makes no sense.
pub fn look(peek: &Peek, view: &View, memory: &mut Memory) -> Option<Event> {
    let (name, parts) = match view {
        View::Prediction { grid, .. } if planar(peek) => ("prediction", plane(peek, *grid, memory)),
        View::Prediction { sample, .. } => ("prediction", prediction(peek, *sample, memory)),
        View::Confusion { .. } => ("confusion", confusion(peek, memory)?),
        View::Augmented { sample, draws, .. } => ("augmented", augmented::augmented(peek, *sample, *draws)?),
        View::Adversarial { sample, attack, target, .. } => {
            ("adversarial", attack::adversarial(peek, *sample, attack, *target, memory)?)
        }
        View::Sizes { attack, .. } => ("sizes", attack::sizes(peek, attack, memory)?),
        View::Landscape { extent, grid, .. } => ("landscape", inside::landscape(peek, *extent, *grid)?),
        View::Path { .. } => ("path", inside::path(peek)?),
        View::ThroughTime { .. } => ("through_time", inside::through_time(peek)),
        View::Microscope { weight, .. } => ("microscope", inside::microscope(peek, *weight)),
    };
    Some(Event::Probed { lane: peek.id, step: peek.step, name, parts })
}

type Parts = Vec<(String, Data)>;

fn planar(peek: &Peek) -> bool {
    peek.data.train.shape == Shape::Flat(2)
}

/// Runs inputs through the network, as many at a time as fit; every row of outputs goes to `see`.
fn outputs(peek: &Peek, memory: &mut Memory, inputs: &[f32], mut see: impl FnMut(usize, &[f32])) {
    let (size, width) = (peek.network.input().size(), peek.network.output().size());
    let (ws, _) = memory.of(&peek.network);
    let mut row = 0;
    for part in inputs.chunks(ws.rows() * size) {
        let rows = part.len() / size;
        ws.input_mut(rows).copy_from_slice(part);
        peek.network.forward(&peek.params, &peek.state, Pass::eval(rows), ws);
        for output in ws.output(rows).chunks_exact(width) {
            see(row, output);
            row += 1;
        }
    }
}

/// Softmax of a row of logits.
fn softmax(logits: &[f32]) -> Vec<f32> {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exps: Vec<f32> = logits.iter().map(|&z| math::exp(z - max)).collect();
    let sum: f32 = exps.iter().sum();
    exps.iter().map(|e| e / sum).collect()
}

fn scalar(name: &str, x: f64) -> (String, Data) {
    (name.into(), Data::Scalar(x))
}

fn class(samples: &Samples, i: usize) -> Option<(u32, &[String])> {
    match &samples.labels {
        Labels::Classes { of, names } => Some((*of.get(i)?, names)),
        _ => None,
    }
}

/// The plane with the decision of the network at every point, and samples on it.
fn plane(peek: &Peek, (columns, rows): (usize, usize), memory: &mut Memory) -> Parts {
    let samples = &peek.data.validation;
    let extent = extent(&peek.data.train);
    let (columns, rows) = (columns.clamp(1, 400), rows.clamp(1, 400));
    let mut inputs = Vec::with_capacity(columns * rows * 2);
    for row in 0..rows {
        for column in 0..columns {
            let across = (column as f32 + 0.5) / columns as f32;
            let down = (row as f32 + 0.5) / rows as f32;
            inputs.push(extent[0] + across * (extent[1] - extent[0]));
            inputs.push(extent[3] - down * (extent[3] - extent[2]));
        }
    }
    let classes = peek.network.output().size();
    let mut values = Vec::with_capacity(columns * rows);
    outputs(peek, memory, &inputs, |_, out| {
        values.push(match out.len() {
            // A number to predict: the number itself.
            1 => out[0],
            2 => softmax(out)[1],
            _ => argmax(out).map_or(f32::NAN, |c| c as f32),
        });
    });
    let points = (0..samples.len().min(POINTS)).map(|i| {
        let x = samples.input(i);
        (x[0], x[1], class(samples, i).map_or(0, |(c, _)| c))
    });
    vec![
        ("boundary".into(), Data::Grid { width: columns, values, extent }),
        ("points".into(), Data::Points(points.collect())),
        scalar("classes", classes as f64),
    ]
}

/// Left, right, bottom and top of the samples, with a margin.
fn extent(samples: &Samples) -> [f32; 4] {
    let axis = |k: usize| {
        let values = samples.inputs.iter().skip(k).step_by(2);
        let (low, high) = values.fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), &x| (a.min(x), b.max(x)));
        let margin = 0.08 * (high - low).max(1e-6);
        (low - margin, high + margin)
    };
    let ((left, right), (bottom, top)) = (axis(0), axis(1));
    [left, right, bottom, top]
}

/// Pixels in [0, 1] of an input; `signed`: of a difference of inputs.
fn image(peek: &Peek, x: &[f32], signed: bool) -> Option<Data> {
    let Shape::Image { channels, width, .. } = peek.data.train.shape else { return None };
    let (low, high) =
        peek.data.range.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), r| (a.min(r.0), b.max(r.1)));
    let span = (high - low).max(f32::MIN_POSITIVE);
    let shift = if signed { 0.0 } else { low };
    Some(Data::Image { channels, width, pixels: x.iter().map(|x| (x - shift) / span).collect() })
}

fn prediction(peek: &Peek, sample: usize, memory: &mut Memory) -> Parts {
    let samples = &peek.data.validation;
    let sample = sample % samples.len().max(1);
    let x = samples.input(sample);
    let mut parts: Parts = image(peek, x, false).map(|i| ("image".into(), i)).into_iter().collect();
    if let Some((label, names)) = class(samples, sample) {
        let mut logits = Vec::new();
        outputs(peek, memory, x, |_, out| logits = out.to_vec());
        let rows = names.iter().cloned().zip(softmax(&logits).iter().map(|&p| vec![p])).collect();
        parts.push(("probabilities".into(), Data::Table { columns: vec!["probability".into()], rows }));
        parts.push(scalar("label", f64::from(label)));
        parts.push(scalar("predicted", argmax(&logits).map_or(f64::NAN, |c| c as f64)));
    }
    parts.extend(sequence::sequence(peek, sample, memory).into_iter().flatten());
    parts.push(scalar("sample", sample as f64));
    parts.push(scalar("samples", samples.len() as f64));
    parts
}

fn confusion(peek: &Peek, memory: &mut Memory) -> Option<Parts> {
    let samples = &peek.data.validation;
    let (_, names) = class(samples, 0)?;
    let n = names.len();
    let counted = samples.len().min(COUNTED);
    let mut counts = vec![vec![0.0; n]; n];
    outputs(peek, memory, &samples.inputs[..counted * samples.shape.size()], |row, out| {
        if let (Some(predicted), Some((label, _))) = (argmax(out), class(samples, row))
            && let Some(count) = counts[label as usize].get_mut(predicted)
        {
            *count += 1.0;
        }
    });
    let rows = names.iter().cloned().zip(counts).collect();
    Some(vec![("matrix".into(), Data::Table { columns: names.to_vec(), rows })])
}
