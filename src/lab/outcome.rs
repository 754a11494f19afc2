//! How the lanes of a run stand, gathered from events: what a headless run tells at its end.

use crate::lab::exam::{ACCURACIES, Known, PROBE, decimal};
use crate::telemetry::{Band, Event, LaneId, Measure, Phase, Spread};

/// How one lane stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its index in the run.
    pub id: LaneId,
    /// Its name.
    pub name: String,
    /// Steps done.
    pub step: u64,
    /// The newest measurement.
    pub last: Option<Measure>,
    /// The newest validation loss.
    pub val_loss: Option<f32>,
    /// The newest share of hits in validation.
    pub val_accuracy: Option<f32>,
    /// The range of the newest validation over the lane's seeds, where there are several.
    pub spread: Option<Spread>,
    /// The best share of hits in validation.
    pub best_val_accuracy: Option<f32>,
    /// The first layer's gradient norm over the last layer's, now.
    pub grad_ratio: Option<f32>,
    /// The same at the first step.
    pub initial_grad_ratio: Option<f32>,
    /// The largest gradient norm that was measured.
    pub max_grad_norm: Option<f32>,
    /// The newest measurement under attack.
    pub robustness: Option<Known>,
    /// What it does.
    pub phase: Phase,
}

/// What an expectation may ask of a lane, each with what it means.
pub const METRICS: [(&str, &str); 32] = [
    ("loss", "training loss of the last step"),
    ("accuracy", "share of hits in the last batch"),
    ("val_loss", "validation loss"),
    ("val_accuracy", "share of hits in validation"),
    ("val_loss_min", "the least validation loss of the lane's seeds; also val_loss_median, val_loss_max"),
    ("val_loss_median", "the median of the seeds' validation losses"),
    ("val_loss_max", "the greatest of the seeds' validation losses"),
    (
        "val_accuracy_min",
        "the least share of hits of the lane's seeds; also val_accuracy_median, val_accuracy_max",
    ),
    ("val_accuracy_median", "the median of the seeds' shares of hits"),
    ("val_accuracy_max", "the greatest of the seeds' shares of hits"),
    ("seeds_lost", "seeds of the lane whose numbers ran away"),
    ("best_val_accuracy", "the best share of hits in validation"),
    ("grad_norm", "gradient norm of the last step before clipping"),
    ("grad_norm_clipped", "gradient norm of the last step after clipping"),
    ("max_grad_norm", "the largest gradient norm measured"),
    ("grad_ratio", "gradient norm of the first layer over that of the last"),
    ("initial_grad_ratio", "the same at the first step"),
    ("update_ratio", "length of the last update over that of the parameters"),
    ("clip_rate", "share of the latest steps that were clipped"),
    ("clip_share", "share of all steps that were clipped"),
    ("clip_angle", "angle between the last gradient before and after clipping, in degrees"),
    ("lr", "learning rate of the last step"),
    ("step", "steps done"),
    ("evaluations", "gradient evaluations done"),
    ("diverged", "1 if its numbers ran away, else 0"),
    ("stopped", "1 if early stopping ended it, else 0"),
    ("clean_accuracy", "share of hits on the samples that are attacked"),
    ("noise_accuracy", "the same under noise; `noise_accuracy@0.1` at that size"),
    ("fgsm_accuracy", "the same under FGSM"),
    ("pgd_accuracy", "the same under PGD"),
    ("distrust", "trust checks of these numbers that fail"),
    ("failed", "1 if a fault of the program stopped it, else 0"),
];

impl Standing {
    /// One of [`METRICS`], of an attack of this size; `None` if there is no such number.
    pub fn value(&self, metric: &str, at: Option<f64>) -> Option<f64> {
        let last = self.last.as_ref();
        let float = |x: Option<f32>| x.map(decimal);
        let band = |b: Option<Band>, of: fn(Band) -> f32| b.map(of).map(decimal);
        let accuracy = self.spread.and_then(|s| s.accuracy);
        let flag = |yes: bool| Some(f64::from(u8::from(yes)));
        match metric {
            "loss" => float(last.map(|m| m.loss)),
            "accuracy" => float(last.and_then(|m| m.accuracy)),
            "val_loss" => float(self.val_loss),
            "val_accuracy" => float(self.val_accuracy),
            "val_loss_min" => band(self.spread.map(|s| s.loss), |b| b.min).or(float(self.val_loss)),
            "val_loss_median" => band(self.spread.map(|s| s.loss), |b| b.median).or(float(self.val_loss)),
            "val_loss_max" => band(self.spread.map(|s| s.loss), |b| b.max).or(float(self.val_loss)),
            "val_accuracy_min" => band(accuracy, |b| b.min).or(float(self.val_accuracy)),
            "val_accuracy_median" => band(accuracy, |b| b.median).or(float(self.val_accuracy)),
            "val_accuracy_max" => band(accuracy, |b| b.max).or(float(self.val_accuracy)),
            "seeds_lost" => Some(self.spread.map_or(0.0, |s| f64::from(s.lost))),
            "best_val_accuracy" => float(self.best_val_accuracy),
            "grad_norm" => float(last.map(|m| m.grad_norm)),
            "grad_norm_clipped" => float(last.map(|m| m.grad_norm_clipped)),
            "max_grad_norm" => float(self.max_grad_norm),
            "grad_ratio" => float(self.grad_ratio),
            "initial_grad_ratio" => float(self.initial_grad_ratio),
            "update_ratio" => float(last.map(|m| m.update_ratio)),
            "clip_rate" => float(last.map(|m| m.clip_rate)),
            "clip_share" => float(last.map(|m| m.clip_share)),
            "clip_angle" => float(last.map(|m| m.clip_angle)),
            "lr" => last.map(|m| m.lr),
            "step" => Some(self.step as f64),
            "evaluations" => last.map(|m| m.evaluations as f64),
            "diverged" => flag(matches!(self.phase, Phase::Diverged(_))),
            "stopped" => flag(matches!(self.phase, Phase::Stopped(_))),
            "distrust" => self.robustness.as_ref().map(|r| r.distrust.len() as f64),
            "failed" => flag(matches!(self.phase, Phase::Failed(_))),
            _ => self.robustness.as_ref()?.accuracy(attacked(metric)?, at),
        }
    }
}

/// The accuracy under attack that a metric stands for.
pub fn attacked(metric: &str) -> Option<&str> {
    metric.strip_suffix("_accuracy").filter(|name| ACCURACIES.contains(name))
}

/// How all lanes stand: a fold over events.
#[derive(Clone, Debug, Default)]
pub struct Standings {
    /// The lanes that exist, by index.
    pub lanes: Vec<Standing>,
}

impl Standings {
    /// Takes in what happened.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Started { lane, info, step } => self.enter(*lane, info.name.clone(), *step),
            Event::Changed { lane, info, .. } => self.with(*lane, |l| l.name.clone_from(&info.name)),
            Event::Removed { lane } => self.lanes.retain(|l| l.id != *lane),
            Event::Measured { lane, measure, layers } => self.with(*lane, |l| {
                l.step = measure.step;
                l.last = Some(*measure);
                l.max_grad_norm = Some(l.max_grad_norm.unwrap_or(0.0).max(measure.grad_norm));
                let mut norms = layers.iter().filter_map(|l| l.grad_norm);
                if let Some(first) = norms.next() {
                    let ratio = first / norms.next_back().unwrap_or(first);
                    l.grad_ratio = Some(ratio);
                    if measure.step == 1 {
                        l.initial_grad_ratio = Some(ratio);
                    }
                }
            }),
            Event::Evaluated { lane, loss, accuracy, spread, .. } => self.with(*lane, |l| {
                l.spread = *spread;
                (l.val_loss, l.val_accuracy) = (Some(*loss), *accuracy);
                l.best_val_accuracy = accuracy
                    .map(|a| l.best_val_accuracy.map_or(a, |best| best.max(a)))
                    .or(l.best_val_accuracy);
            }),
            Event::Phase { lane, step, phase } => self.with(*lane, |l| {
                l.phase = phase.clone();
                l.step = l.step.max(*step);
            }),
            Event::Probed { lane, name, parts, .. } if *name == PROBE => {
                self.with(*lane, |l| l.robustness = Some(Known::read(parts)));
            }
            Event::Probed { .. } | Event::Rested | Event::Notice(_) | Event::Unsaved(_) => {}
        }
    }

    /// A lane that begins at this step; another one of the same index goes.
    pub fn enter(&mut self, id: LaneId, name: String, step: u64) {
        self.lanes.retain(|l| l.id != id);
        let place = self.lanes.partition_point(|l| l.id < id);
        let standing = Standing {
            id,
            name,
            step,
            last: None,
            val_loss: None,
            val_accuracy: None,
            spread: None,
            best_val_accuracy: None,
            grad_ratio: None,
            initial_grad_ratio: None,
            max_grad_norm: None,
            robustness: None,
            phase: Phase::Paused,
        };
        self.lanes.insert(place, standing);
    }

    fn with(&mut self, lane: LaneId, change: impl FnOnce(&mut Standing)) {
        if let Some(l) = self.lanes.iter_mut().find(|l| l.id == lane) {
            change(l);
        }
    }

    /// Whether every lane came to its end.
    pub fn over(&self) -> bool {
        self.lanes.iter().all(|l| !matches!(l.phase, Phase::Running | Phase::Paused))
    }
}
