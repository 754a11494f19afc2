//! The view model: a fold over events, bounded however long the run. Knows what happened; draws nothing, trains nothing.

pub mod history;

use crate::telemetry::{Band, Data, Event, LaneId, LaneInfo, LayerMeasure, Measure, Phase, Spread};
use history::{At, Columns, History};
use std::collections::BTreeMap;

/// A quantity with a curve for each lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Loss on the training batch.
    Loss,
    /// Mean loss on the validation samples.
    ValLoss,
    /// Share of hits in the training batch.
    Accuracy,
    /// Share of hits on the validation samples.
    ValAccuracy,
    /// Norm of the gradient before clipping.
    GradNorm,
    /// The same after clipping; only of lanes that clip, like the next two.
    GradNormClipped,
    /// Share of the steps whose gradient was clipped.
    ClipRate,
    /// Angle between the gradient before and after clipping, in degrees.
    ClipAngle,
    /// ‖update‖/‖parameters‖.
    UpdateRatio,
    /// Learning rate.
    Lr,
    /// Share of hits on the samples that are attacked.
    CleanAccuracy,
    /// The same under noise.
    NoiseAccuracy,
    /// The same under FGSM.
    FgsmAccuracy,
    /// The same under PGD.
    PgdAccuracy,
}

impl Metric {
    /// All, in the order in which a key goes through them.
    pub const ALL: [Self; 14] = [
        Self::Loss,
        Self::ValLoss,
        Self::Accuracy,
        Self::ValAccuracy,
        Self::GradNorm,
        Self::GradNormClipped,
        Self::ClipRate,
        Self::ClipAngle,
        Self::UpdateRatio,
        Self::Lr,
        Self::CleanAccuracy,
        Self::NoiseAccuracy,
        Self::FgsmAccuracy,
        Self::PgdAccuracy,
    ];

    /// The parts of the probe `robustness` that are curves.
    const ATTACKED: [(Self, &'static str); 4] = [
        (Self::CleanAccuracy, "clean"),
        (Self::NoiseAccuracy, "noise"),
        (Self::FgsmAccuracy, "fgsm"),
        (Self::PgdAccuracy, "pgd"),
    ];

    /// Whether it is measured by attacks, which only some scenarios ask for.
    pub fn attacked(self) -> bool {
        Self::ATTACKED.iter().any(|(m, _)| *m == self)
    }

    /// Whether it is a share in [0, 1].
    pub fn is_share(self) -> bool {
        matches!(self, Self::Accuracy | Self::ValAccuracy | Self::ClipRate) || self.attacked()
    }

    /// As it is written above a plot.
    pub fn label(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::ValLoss => "val loss",
            Self::Accuracy => "accuracy",
            Self::ValAccuracy => "val accuracy",
            Self::GradNorm => "‖g‖",
            Self::GradNormClipped => "‖g‖ clipped",
            Self::ClipRate => "clip rate",
            Self::ClipAngle => "clip angle °",
            Self::UpdateRatio => "update:weight",
            Self::Lr => "learning rate",
            Self::CleanAccuracy => "clean accuracy",
            Self::NoiseAccuracy => "noise accuracy",
            Self::FgsmAccuracy => "FGSM accuracy",
            Self::PgdAccuracy => "PGD accuracy",
        }
    }
}

/// A probe's newest result.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// After this many steps of its lane.
    pub step: u64,
    /// The numbers, part by part.
    pub parts: Vec<(String, Data)>,
}

impl Probe {
    /// The part of this name.
    pub fn part(&self, name: &str) -> Option<&Data> {
        self.parts.iter().find(|(n, _)| n == name).map(|(_, d)| d)
    }
}

/// Everything known of one lane.
#[derive(Clone, Debug)]
pub struct LaneView {
    /// Its index in the run.
    pub id: LaneId,
    /// What it is.
    pub info: LaneInfo,
    /// What it does.
    pub phase: Phase,
    /// Steps done.
    pub step: u64,
    /// Newest measurement.
    pub last: Measure,
    /// Newest measurement of its layers.
    pub layers: Vec<LayerMeasure>,
    /// Newest validation: step, loss, accuracy.
    pub validation: Option<(u64, f32, Option<f32>)>,
    /// The range of the newest validation over the seeds, where there are several.
    pub spread: Option<Spread>,
    /// A curve for each metric.
    pub curves: BTreeMap<Metric, History>,
    /// Gradient norm of every layer with parameters over time: the gradient map.
    pub gradients: Columns,
    /// Newest result of every probe.
    pub probes: BTreeMap<&'static str, Probe>,
}

impl LaneView {
    /// The lane's letter: A for lane 0.
    pub fn letter(&self) -> char {
        char::from(b'A' + (self.id % 26) as u8)
    }

    /// The curve of a metric, if it has begun.
    pub fn curve(&self, metric: Metric) -> Option<&History> {
        self.curves.get(&metric)
    }

    /// Whether it differs from another lane by more than their seeds do; `None` unless both run over several seeds.
    pub fn apart(&self, other: &Self) -> Option<bool> {
        Some(self.spread?.apart(&other.spread?))
    }

    fn new(id: LaneId, info: LaneInfo, step: u64) -> Self {
        Self {
            id,
            info,
            phase: Phase::Paused,
            step,
            last: Measure::default(),
            layers: Vec::new(),
            validation: None,
            spread: None,
            curves: BTreeMap::new(),
            gradients: Columns::default(),
            probes: BTreeMap::new(),
        }
    }

    fn point(&mut self, metric: Metric, at: At, min: f32, value: f32, max: f32) {
        self.curves.entry(metric).or_default().push(at, min, value, max);
    }

    fn measured(&mut self, m: Measure, layers: Vec<LayerMeasure>) {
        let at =
            At { step: m.step as f64, epoch: m.epoch, seconds: m.seconds, evaluations: m.evaluations as f64 };
        if let Some(s) = m.spread {
            let bands = [
                (Metric::Loss, Some(s.loss)),
                (Metric::Accuracy, s.accuracy),
                (Metric::GradNorm, s.grad_norm),
            ];
            self.bands(at, bands);
        } else {
            self.point(Metric::Loss, at, m.loss_min, m.loss, m.loss_max);
            if let Some(a) = m.accuracy {
                self.point(Metric::Accuracy, at, a, a, a);
            }
            self.point(Metric::GradNorm, at, m.grad_norm, m.grad_norm, m.grad_norm);
        }
        for (metric, v) in [(Metric::UpdateRatio, m.update_ratio), (Metric::Lr, m.lr as f32)] {
            self.point(metric, at, v, v, v);
        }
        if self.info.recipe.clips() {
            for (metric, v) in [
                (Metric::GradNormClipped, m.grad_norm_clipped),
                (Metric::ClipRate, m.clip_rate),
                (Metric::ClipAngle, m.clip_angle),
            ] {
                self.point(metric, at, v, v, v);
            }
        }
        let norms: Vec<f32> = layers.iter().filter_map(|l| l.grad_norm).collect();
        if !norms.is_empty() {
            self.gradients.push(m.step, &norms);
        }
        self.step = m.step;
        self.last = m;
        // The step at which a lane diverges has no layers worth showing; those of the step before explain it.
        if !layers.is_empty() {
            self.layers = layers;
        }
    }

    /// A measurement under attack is a point of a curve for each kind of attack.
    fn attacked(&mut self, step: u64, parts: &[(String, Data)]) {
        let m = &self.last;
        let at =
            At { step: step as f64, epoch: m.epoch, seconds: m.seconds, evaluations: m.evaluations as f64 };
        for (metric, name) in Metric::ATTACKED {
            if let Some((_, Data::Scalar(x))) = parts.iter().find(|(n, _)| n == name) {
                let x = *x as f32;
                self.point(metric, at, x, x, x);
            }
        }
    }

    /// Points that are ranges over the seeds: the curve is the median.
    fn bands<const N: usize>(&mut self, at: At, bands: [(Metric, Option<Band>); N]) {
        for (metric, band) in bands {
            if let Some(Band { min, median, max }) = band {
                self.point(metric, at, min, median, max);
            }
        }
    }

    fn evaluated(&mut self, step: u64, loss: f32, accuracy: Option<f32>, spread: Option<Spread>) {
        let m = &self.last;
        let at =
            At { step: step as f64, epoch: m.epoch, seconds: m.seconds, evaluations: m.evaluations as f64 };
        if let Some(s) = spread {
            self.bands(at, [(Metric::ValLoss, Some(s.loss)), (Metric::ValAccuracy, s.accuracy)]);
        } else {
            self.point(Metric::ValLoss, at, loss, loss, loss);
            if let Some(a) = accuracy {
                self.point(Metric::ValAccuracy, at, a, a, a);
            }
        }
        self.spread = spread;
        self.validation = Some((step, loss, accuracy));
        self.step = self.step.max(step);
    }
}

/// Everything known of a run.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The lanes that exist, by index.
    pub lanes: Vec<LaneView>,
}

impl View {
    /// A lane by its index.
    pub fn lane(&self, id: LaneId) -> Option<&LaneView> {
        self.lanes.iter().find(|l| l.id == id)
    }

    /// Takes in what happened.
    pub fn apply(&mut self, event: Event) {
        let lane = match &event {
            Event::Started { lane, .. } | Event::Removed { lane } => {
                self.lanes.retain(|l| l.id != *lane);
                *lane
            }
            Event::Changed { lane, .. }
            | Event::Measured { lane, .. }
            | Event::Evaluated { lane, .. }
            | Event::Probed { lane, .. }
            | Event::Phase { lane, .. } => *lane,
            Event::Rested | Event::Notice(_) | Event::Unsaved(_) => 0,
        };
        match event {
            Event::Started { lane, info, step } => {
                let place = self.lanes.partition_point(|l| l.id < lane);
                self.lanes.insert(place, LaneView::new(lane, *info, step));
            }
            // Whoever shows words or marks to the user hears these for himself.
            Event::Removed { .. } | Event::Rested | Event::Notice(_) | Event::Unsaved(_) => {}
            other => {
                let Some(l) = self.lanes.iter_mut().find(|l| l.id == lane) else { return };
                match other {
                    Event::Changed { info, .. } => l.info = *info,
                    Event::Measured { measure, layers, .. } => l.measured(measure, layers),
                    Event::Evaluated { step, loss, accuracy, spread, .. } => {
                        l.evaluated(step, loss, accuracy, spread);
                    }
                    Event::Probed { step, name, parts, .. } => {
                        if name == "robustness" {
                            l.attacked(step, &parts);
                        }
                        l.probes.insert(name, Probe { step, parts });
                    }
                    Event::Phase { step, phase, .. } => {
                        l.step = l.step.max(step);
                        l.phase = phase;
                    }
                    Event::Started { .. }
                    | Event::Removed { .. }
                    | Event::Rested
                    | Event::Notice(_)
                    | Event::Unsaved(_) => {}
                }
            }
        }
    }
}
