//! Probes for the screen besides curves: predictions, confusion, attacks; computed from a snapshot, beside training.
//!
//! Pure functions of the snapshot and the view. Knows no thread and no clock.

use crate::engine::attack::AttackScratch;
use crate::engine::data::{Labels, Samples};
use crate::engine::kernel::math;
use crate::engine::layer::Pass;
use crate::engine::loss::LossConfig;
use crate::engine::network::{Network, Workspace};
use crate::engine::robust::least::SizeBracket;
use crate::engine::shape::Shape as Sample;
use crate::engine::team::SingleThread;
use crate::lab::lane::{StepHooks, TrainingLane};
use crate::lab::trainer::batch::BatchTargets;
use crate::limits;
use crate::scenario::memory::{ATTACK_ROWS, PREVIEW_FLOATS, PREVIEW_ROWS};
use crate::telemetry::{Data, Event, LaneId, ProbeRequest};
use std::any::Any;
use std::sync::Arc;

mod attack;
mod augmented;
mod input;
mod inside;
mod keyframes;
mod plane;
mod prediction;
mod sequence;
mod sharpness;
#[cfg(test)]
mod tests;
mod trial;

pub use input::{LaneStamp, ProbeInput};
pub use keyframes::KEYFRAMES;

/// Memory for passes, kept between looks at the lane.
#[derive(Debug, Default)]
pub struct ProbeMemory {
    of: Vec<(LaneId, Arc<Network>, Workspace, AttackScratch)>,
    /// The least size that fools each lane, as far as known, with the request that it belongs to.
    least: Vec<(LaneId, attack::LeastSizeRequest, SizeBracket)>,
    /// The direction of the largest curvature of each lane's loss, as far as known.
    steepest: Vec<(LaneId, Vec<f32>)>,
    /// The weights of lanes along their way, for the plane that shows all of them.
    paths: Vec<(LaneId, Taken)>,
}

impl ProbeMemory {
    fn of(&mut self, peek: &ProbeInput) -> (&mut Workspace, &mut AttackScratch) {
        let network = &peek.network;
        let known = self.of.iter().position(|(lane, n, ..)| *lane == peek.id && Arc::ptr_eq(n, network));
        let at = known.unwrap_or_else(|| {
            // The lane's former network no longer needs its memory.
            self.of.retain(|(lane, ..)| *lane != peek.id);
            let rows = (PREVIEW_FLOATS / network.workspace_len(1).max(1)).clamp(1, PREVIEW_ROWS);
            // Lanes are looked at one after the other: memory for several only saves allocations.
            let floats = floats(network);
            while !self.of.is_empty() && floats + self.floats() > limits::PROBES {
                self.of.remove(0);
            }
            let (ws, scratch) = (network.workspace(rows), AttackScratch::new(network, rows.min(ATTACK_ROWS)));
            self.of.push((peek.id, Arc::clone(network), ws, scratch));
            self.of.len() - 1
        });
        let (_, _, ws, scratch) = &mut self.of[at];
        (ws, scratch)
    }

    /// Floats of the passes.
    pub fn floats(&self) -> usize {
        self.of.iter().map(|(_, network, ..)| floats(network)).sum()
    }

    /// Keeps the direction of the largest curvature of a lane's loss; the oldest ones of other lanes make room for it.
    fn steepest(&mut self, lane: LaneId, direction: Vec<f32>) {
        self.steepest.retain(|(of, _)| *of != lane);
        let all = |kept: &[(LaneId, Vec<f32>)]| kept.iter().map(|(_, v)| v.len()).sum::<usize>();
        while !self.steepest.is_empty() && direction.len() + all(&self.steepest) > limits::PROBES {
            self.steepest.remove(0);
        }
        self.steepest.push((lane, direction));
    }

    /// Frees the memory of lanes that are not viewed, and of networks that no longer exist.
    pub fn free(&mut self, views: &[ProbeRequest]) {
        let seen = |lane: LaneId| views.iter().any(|view| view.lane == lane);
        self.of.retain(|(lane, network, ..)| seen(*lane) && Arc::strong_count(network) > 1);
        self.least.retain(|(lane, ..)| seen(*lane));
        self.steepest.retain(|(lane, _)| seen(*lane));
        let on_plane = |lane| views.iter().any(|view| view.lane == lane && view.probe == plane::PLANE.name);
        self.paths.retain(|(lane, _)| on_plane(*lane));
    }

    fn remember(&mut self, lane: LaneId, asked: attack::LeastSizeRequest, bracket: SizeBracket) {
        self.least.retain(|(l, ..)| *l != lane);
        self.least.push((lane, asked, bracket));
    }
}

/// Floats for passes of a network and for its attacks.
fn floats(network: &Network) -> usize {
    let rows = (PREVIEW_FLOATS / network.workspace_len(1).max(1)).clamp(1, PREVIEW_ROWS);
    network.workspace_floats(rows) + network.workspace_floats(rows.min(ATTACK_ROWS)) + network.param_count()
}

/// When a probe's result is out of date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// After the lane was changed by an order.
    Change,
    /// Also after every step.
    Step,
    /// After every step, and when the lane stops: quantities that are only tracked during training are then searched
    /// again.
    Halt,
}

/// The shapes of a probe's results: the variants of [`Data`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as the variants of Data")]
pub enum DataShape {
    Scalar,
    Series,
    Histogram,
    Grid,
    Points,
    Image,
    Table,
}

/// Data that a probe copies from a lane between two turns, to compute with later.
pub type Taken = Arc<dyn Any + Send + Sync>;

/// A probe: a computation that a pane can request for a lane. To add one, write a file with a constant of this type and
/// a row below.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// Its name, used by views and events.
    pub name: &'static str,
    /// Its subject, and the fields of a view that it reads.
    pub about: &'static str,
    /// The cost of one computation.
    pub cost: &'static str,
    /// The shapes of its parts.
    pub yields: &'static [DataShape],
    /// When its result is out of date.
    pub renewal: Renewal,
    /// Copies data that only the lane itself has.
    pub take: fn(&TrainingLane, &ProbeRequest) -> Option<Taken>,
    /// What it does around the lane's steps.
    pub hooks: StepHooks,
    /// Computes the parts; `None` if they make no sense for the lane.
    pub look: fn(&ProbeInput, &ProbeRequest, &mut ProbeMemory) -> Option<ProbeParts>,
}

impl Probe {
    /// A probe that needs only the snapshot.
    const fn new(
        name: &'static str,
        about: &'static str,
        cost: &'static str,
        yields: &'static [DataShape],
        look: fn(&ProbeInput, &ProbeRequest, &mut ProbeMemory) -> Option<ProbeParts>,
    ) -> Self {
        let renewal = Renewal::Step;
        Self { name, about, cost, yields, renewal, take: |_, _| None, hooks: StepHooks::NONE, look }
    }

    /// The part of a lane's stamp on which its result depends.
    pub fn seen_by(&self, (changes, step): LaneStamp, moving: bool) -> LaneStamp {
        let of = match self.renewal {
            Renewal::Change => 0,
            Renewal::Step => step,
            Renewal::Halt => 2 * step + u64::from(moving),
        };
        (changes, of)
    }
}

/// All probes.
pub static PROBES: [Probe; 14] = [
    prediction::PREDICTION,
    prediction::CONFUSION,
    augmented::AUGMENTED,
    attack::ADVERSARIAL,
    attack::SIZES,
    inside::LANDSCAPE,
    inside::PATH,
    inside::THROUGH_TIME,
    inside::MICROSCOPE,
    sharpness::SHARPNESS,
    plane::PLANE,
    trial::RANGE,
    trial::BATCH,
    KEYFRAMES,
];

/// The probe of this name.
pub fn probe(name: &str) -> Option<&'static Probe> {
    PROBES.iter().find(|p| p.name == name)
}

/// Runs the probe of a view; `None` if it does not apply to the lane.
pub fn look(peek: &ProbeInput, view: &ProbeRequest, memory: &mut ProbeMemory) -> Option<Event> {
    let probe = probe(view.probe)?;
    let parts = (probe.look)(peek, view, memory)?;
    Some(Event::Probed { lane: peek.id, step: peek.step, name: probe.name, parts })
}

/// Numbers by name.
pub type ProbeParts = Vec<(String, Data)>;

/// Runs inputs through the network in batches that fit into memory, and passes every row of outputs to `see`.
fn outputs(peek: &ProbeInput, memory: &mut ProbeMemory, inputs: &[f32], mut see: impl FnMut(usize, &[f32])) {
    let (size, width) = (peek.network.input().size(), peek.network.output().size());
    let (ws, _) = memory.of(peek);
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

/// The mean loss of the first `count` training samples in evaluation mode, without penalties; its gradient is written
/// to `gradient`, if given.
fn training_loss(
    peek: &ProbeInput,
    memory: &mut ProbeMemory,
    loss: &LossConfig,
    count: usize,
    params: &[f32],
    mut gradient: Option<&mut [f32]>,
) -> f64 {
    let (ws, _) = memory.of(peek);
    let (samples, width) = (&peek.data.train, peek.network.output().rows_of().1);
    let mut batch = BatchTargets::new(samples, ws.rows());
    let mut part = vec![0.0; gradient.as_ref().map_or(0, |g| g.len())];
    if let Some(gradient) = gradient.as_deref_mut() {
        gradient.fill(0.0);
    }
    let (mut sum, mut all) = (0.0, 1);
    for first in (0..count).step_by(ws.rows()) {
        let range = first..(first + ws.rows()).min(count);
        let rows = range.len();
        batch.fill(samples, range, ws.input_mut(rows), &SingleThread);
        let pass = Pass::eval(rows);
        peek.network.forward(params, &peek.state, pass, ws);
        let (output, grad) = ws.output_and_grad(rows);
        // The mean over all samples, even if one pass holds fewer.
        all = (loss.terms(output, width) / rows).max(1) * count;
        let grad = gradient.is_some().then_some(grad);
        sum += loss.eval(output, width, batch.targets(), 1.0 / all as f32, grad, None);
        if let Some(gradient) = gradient.as_deref_mut() {
            peek.network.backward(params, &peek.state, pass, ws, Some(&mut part), false);
            gradient.iter_mut().zip(&part).for_each(|(g, p)| *g += p);
        }
    }
    sum / all as f64
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

/// The pixels of an input in [0, 1]; `signed` for a difference of inputs.
fn image(peek: &ProbeInput, x: &[f32], signed: bool) -> Option<Data> {
    let Sample::Image { channels, width, .. } = peek.data.train.shape else { return None };
    let (low, high) =
        peek.data.range.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), r| (a.min(r.0), b.max(r.1)));
    let span = (high - low).max(f32::MIN_POSITIVE);
    let shift = if signed { 0.0 } else { low };
    Some(Data::Image { channels, width, pixels: x.iter().map(|x| (x - shift) / span).collect() })
}
