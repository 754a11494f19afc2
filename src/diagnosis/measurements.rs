//! The measurements of a lane that its diagnosis needs, in bounded memory, and the facts that follow
//! from them. This module trains nothing.

use super::marks::Marks;
use crate::diagnosis::{Attacked, Facts, LaneScore};
use crate::number::{LayerNumber, Number, NumberSource, NumberValues};
use crate::scenario::{Recipe, Scaling};
use crate::telemetry::{Data, Event, LaneInfo, LayerInfo, MeasuredStep, Phase};
use std::sync::Arc;

/// The probe that measures a lane under attack.
const ATTACKS: &str = "robustness";
/// The newest 1/`TAIL` of the marks give the score on the training samples.
const TAIL: usize = 10;
/// If the first update exceeds this fraction of a layer's weight norm, it hides the initial size of the weights.
const MOVED: f64 = 0.2;
/// If the accuracy under FGSM exceeds that under PGD by this much, the defence is not real.
const MASKED: f64 = 0.2;

/// The measurements of a lane that its diagnosis needs.
#[derive(Clone, Debug, Default)]
pub struct LaneMeasurements {
    /// Its measured steps.
    pub marks: Marks,
    /// Its evaluations.
    pub evaluations: Marks,
    /// Its accuracies under attack.
    attacks: Marks,
    /// The size of the attacks.
    eps: f64,
    /// The fraction of dead units in each layer that has some, at the newest evaluation.
    dead: Vec<(usize, f64)>,
}

impl LaneMeasurements {
    /// Updates the measurements with an event of this lane.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Started { .. } => *self = Self::default(),
            // The step to which a lane was rewound is known already, so it is ignored.
            Event::Marked { mark, .. } if self.marks.last().is_none_or(|m| m.step < mark.step) => {
                self.marks.push(Arc::clone(mark));
            }
            Event::Evaluated { measure, .. } => {
                let mark = MeasuredStep { step: measure.step, values: measure.values, layers: Vec::new() };
                self.evaluations.push(Arc::new(mark));
            }
            Event::Probed { name: "health", parts, .. } => {
                let Some(Data::Table { rows, .. }) = part(parts, "dead") else { return };
                let known =
                    |(layer, v): &(String, Vec<f32>)| Some((layer.parse().ok()?, f64::from(*v.first()?)));
                self.dead = rows.iter().filter_map(known).collect();
            }
            Event::Probed { step, name: ATTACKS, parts, .. } => {
                let mut values = NumberValues::default();
                for number in Number::ALL {
                    if let NumberSource::Attack(name) = number.row().source
                        && let Some(Data::Scalar(x)) = part(parts, name)
                    {
                        values.set(number, Some(*x));
                    }
                }
                if let Some(Data::Scalar(eps)) = part(parts, "eps") {
                    self.eps = *eps;
                }
                self.attacks.push(Arc::new(MeasuredStep { step: *step, values, layers: Vec::new() }));
            }
            Event::Rewound { step, .. } => {
                for marks in [&mut self.marks, &mut self.evaluations, &mut self.attacks] {
                    marks.cut(*step);
                }
                self.dead.clear();
            }
            _ => {}
        }
    }

    /// The facts about the lane that `info` describes: up to step `until`, or up to now
    /// in this phase if `until` is `None`.
    ///
    /// The score on the training samples is the mean over the newest batches.
    pub fn facts(&self, info: &LaneInfo, phase: &Phase, until: Option<u64>) -> Facts {
        let cut = |marks: &Marks| {
            let all = marks.all();
            all[..until.map_or(all.len(), |step| all.partition_point(|m| m.step <= step))].to_vec()
        };
        let (marks, evaluations) = (cut(&self.marks), cut(&self.evaluations));
        let data = info.data.clone();
        let scaled = data.as_ref().map(|d| (d.scaling, d.target_scaling));
        let (scaling, target_scaling) = scaled.unwrap_or((Scaling::None, Scaling::None));
        Facts {
            foreign: info.foreign.is_some(),
            recipe: first_recipe(info),
            edits: info.edits.iter().filter(|e| e.step > 0).cloned().collect(),
            scaling,
            target_scaling,
            input: info.input,
            layers: info.layers.clone(),
            outputs: info.outputs.size(),
            total: info.total,
            dead: self.dead.clone(),
            train: trained(&marks, &evaluations),
            data,
            attacked: attacked(&cut(&self.attacks), self.eps),
            phase: if until.is_some() { Phase::Paused } else { phase.clone() },
            bare: false,
            initial: initial(info, &marks),
            marks,
            evaluations,
        }
    }
}

fn part<'a>(parts: &'a [(String, Data)], name: &str) -> Option<&'a Data> {
    parts.iter().find(|(n, _)| n == name).map(|(_, d)| d)
}

/// The recipe before the first edit that was made during training.
fn first_recipe(info: &LaneInfo) -> Recipe {
    let mut recipe = info.recipe.clone();
    for edit in info.edits.iter().rev().filter(|e| e.step > 0) {
        // If the field rejects its earlier value, it keeps the present one.
        let _ = recipe.set_at(&edit.field, &edit.from);
    }
    recipe
}

/// The initial size of each layer's weight matrices, if the first step was measured and moved them little.
fn initial(info: &LaneInfo, marks: &[Arc<MeasuredStep>]) -> Vec<(usize, f64)> {
    let Some(first) = marks.first().filter(|m| m.step == 1) else { return Vec::new() };
    let of = |(i, layer): (usize, &LayerInfo)| {
        let (least, most) = layer.keeps?;
        let norm = first.of_layer(i, LayerNumber::WeightNorm)?;
        let moved = first.of_layer(i, LayerNumber::UpdateRatio)?;
        (moved <= MOVED).then(|| (i, off(norm, least.into(), most.into())))
    };
    info.layers.iter().enumerate().filter_map(of).collect()
}

/// A size relative to the range that keeps the scale of a signal: 1 anywhere within it.
pub fn off(size: f64, least: f64, most: f64) -> f64 {
    if size < least {
        size / least
    } else if size > most {
        size / most
    } else {
        1.0
    }
}

/// The newest accuracies under attack, and the step since which the accuracy under FGSM is misleading.
fn attacked(attacks: &[Arc<MeasuredStep>], eps: f64) -> Option<Attacked> {
    let [clean, fgsm, pgd] = [Number::CleanAccuracy, Number::FgsmAccuracy, Number::PgdAccuracy];
    let newest = attacks.last()?;
    let masked = |m: &Arc<MeasuredStep>| m.get(fgsm).zip(m.get(pgd)).is_some_and(|(f, p)| f - p >= MASKED);
    let first = attacks.iter().rposition(|m| !masked(m)).map_or(0, |i| i + 1);
    let since = attacks.get(first).unwrap_or(newest).step;
    Some(Attacked { eps, clean: newest.get(clean)?, fgsm: newest.get(fgsm)?, pgd: newest.get(pgd)?, since })
}

/// The score on the training samples, from the newest batches; `None` if the training loss is not
/// the loss by which the lane is judged.
fn trained(marks: &[Arc<MeasuredStep>], evaluations: &[Arc<MeasuredStep>]) -> Option<LaneScore> {
    if evaluations.last()?.get(Number::ValOwnLoss).is_some() {
        return None;
    }
    let tail = &marks[marks.len() - marks.len().div_ceil(TAIL)..];
    let mean = |number| {
        let known: Vec<f64> = tail.iter().filter_map(|m| m.get(number)).collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    };
    let loss = mean(Number::Loss).filter(|l| l.is_finite())?;
    Some(LaneScore { loss, accuracy: mean(Number::Accuracy) })
}
