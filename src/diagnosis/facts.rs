//! The facts by which a lane is judged: its recipe, its history in bounded memory, and a summary of its data.

use crate::engine::layer::LayerConfig;
use crate::engine::schedule::{ScheduleMemory, SchedulePoint};
use crate::number::{LayerNumber, Number};
use crate::scenario::{Edit, Recipe, Scaling, Shape};
pub use crate::telemetry::{DataFacts, LaneScore, MeasuredStep};
use crate::telemetry::{Divergence, LayerInfo, Phase};
use std::sync::Arc;

/// Accuracies with and without an attack, at the end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attacked {
    /// Size of the attacks, `eps`.
    pub eps: f64,
    /// Accuracy without an attack.
    pub clean: f64,
    /// Accuracy under FGSM.
    pub fgsm: f64,
    /// Accuracy under PGD.
    pub pgd: f64,
    /// The step since which the lane resists FGSM but not PGD.
    pub since: u64,
}

/// The facts about one lane.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Whether another program trains it; its settings, its network and its data are then unknown.
    pub foreign: bool,
    /// The recipe before the first edit.
    pub recipe: Recipe,
    /// The edits made during training.
    pub edits: Vec<Edit>,
    /// The scaling of the inputs.
    pub scaling: Scaling,
    /// The scaling of the regression targets.
    pub target_scaling: Scaling,
    /// Shape of an input sample.
    pub input: Shape,
    /// The layers of its network.
    pub layers: Vec<LayerInfo>,
    /// Number of values in an output.
    pub outputs: usize,
    /// Length of the run in steps.
    pub total: u64,
    /// Measured steps, oldest first.
    pub marks: Vec<Arc<MeasuredStep>>,
    /// Evaluations on the validation samples, oldest first.
    pub evaluations: Vec<Arc<MeasuredStep>>,
    /// Fraction of units that passed no gradient for any validation sample at the end: (layer,
    /// fraction), for each layer that can saturate.
    pub dead: Vec<(usize, f64)>,
    /// Its score on its own training samples at the end.
    pub train: Option<LaneScore>,
    /// A summary of its data, if known.
    pub data: Option<Arc<DataFacts>>,
    /// Its accuracies under attack, if measured.
    pub attacked: Option<Attacked>,
    /// Its phase: running, or the way in which it ended.
    pub phase: Phase,
    /// Whether the rules leave out the cures of a suspicion, which take far longer to write than the rules to judge.
    pub bare: bool,
    /// Size of each initial weight matrix, relative to the size that keeps the scale of a signal: (layer, size).
    pub initial: Vec<(usize, f64)>,
}

impl Facts {
    /// A number in the recipe, by its path: `optimizer.lr`.
    pub fn setting(&self, path: &str) -> Option<f64> {
        self.recipe.at(path)?.parse().ok()
    }

    /// The report on its divergence, if it diverged.
    pub fn divergence(&self) -> Option<&Divergence> {
        if let Phase::Diverged(d) = &self.phase { Some(d) } else { None }
    }

    /// The values of a number over time, with their steps.
    pub fn series(&self, number: Number) -> impl Iterator<Item = (u64, f64)> + '_ {
        self.marks.iter().filter_map(move |m| Some((m.step, m.get(number)?)))
    }

    /// The median of the finite values of a number, without the first fraction `from` of them.
    pub fn median(&self, number: Number, from: f64) -> Option<f64> {
        let all: Vec<f64> = self.series(number).map(|(_, x)| x).filter(|x| x.is_finite()).collect();
        median(all[(all.len() as f64 * from) as usize..].to_vec())
    }

    /// Its score at the end; a lane that diverged scores as chance does.
    pub fn score(&self) -> Option<LaneScore> {
        let last = self.evaluations.last();
        if self.divergence().is_some() {
            return self.data.as_ref().map(|d| LaneScore { loss: d.chance.loss.max(1e-12), ..d.chance });
        }
        let last = last?;
        Some(LaneScore { loss: last.get(Number::ValLoss)?, accuracy: last.get(Number::ValAccuracy) })
    }

    /// Whether it is no better than a constant.
    pub fn lost(&self) -> bool {
        let (Some(score), Some(data)) = (self.score(), &self.data) else { return true };
        match (score.accuracy, data.chance.accuracy) {
            (Some(a), Some(c)) => a < c + 0.15 * (1.0 - c),
            _ => score.loss > 0.85 * data.chance.loss,
        }
    }

    /// A layer in words: `layer 2 Dense 64`.
    pub fn layer(&self, index: usize) -> String {
        format!("layer {} {}", index + 1, self.layers.get(index).map_or("", |l| l.label.as_str()))
    }

    /// Whether the network has a layer of this kind, also inside other layers.
    pub fn has(&self, name: &str) -> bool {
        self.layers.iter().any(|l| l.label.split([' ', '(']).next() == Some(name))
    }

    /// Whether it has a recurrent layer.
    pub fn recurs(&self) -> bool {
        ["Rnn", "Lstm", "Gru"].iter().any(|n| self.has(n))
    }

    /// Whether the size of its steps does not depend on the size of its gradient, so that a clip has little effect.
    pub fn free_of_scale(&self) -> bool {
        let scaled = ["Sgd", "Momentum", "Nesterov", "Asgd", "Sam", "ScheduleFreeSgd"];
        !scaled.contains(&self.recipe.optimizer.name())
    }

    /// Number of layers with parameters.
    pub fn depth(&self) -> usize {
        self.layers.iter().filter(|l| l.params > 0).count()
    }

    /// The norm of the first layer's gradient divided by that of the last layer, at a mark.
    pub fn ratio(mark: &MeasuredStep) -> Option<f64> {
        let mut norms = mark.layers.iter().filter_map(|l| l.get(LayerNumber::GradNorm)).map(f64::from);
        let first = norms.next()?;
        let last = norms.next_back()?;
        Some(if first == last { 1.0 } else { first / last }).filter(|r| r.is_finite())
    }

    /// The learning rate that the schedule plans for step `t`, counted from 0.
    pub fn rate(&self, t: u64) -> f64 {
        let base = self.recipe.optimizer.lr();
        self.recipe.schedule.lr(SchedulePoint { base, t, total: self.total }, &ScheduleMemory::default())
    }

    /// Whether every layer between input and output is linear.
    pub fn linear(&self) -> bool {
        let shapes = ["Dense", "Flatten", "Identity", "Dropout", "Softmax", "LogSoftmax"];
        let name = |l: &LayerInfo| l.label.split([' ', '(']).next().unwrap_or_default().to_string();
        self.layers.iter().all(|l| shapes.contains(&name(l).as_str()))
    }

    /// The step since which a condition holds at nearly all measured steps to the end: at seven of eight or more.
    pub fn onset(&self, holds: impl Fn(&MeasuredStep) -> bool) -> Option<u64> {
        let held: Vec<bool> = self.marks.iter().map(|m| holds(m)).collect();
        let mut misses = 0;
        let mut since = None;
        for (i, held) in held.iter().enumerate().rev() {
            if *held {
                since = Some(i);
            } else {
                misses += 1;
                if misses * 8 > self.marks.len() - i {
                    break;
                }
            }
        }
        since.map(|i| self.marks[i].step)
    }
}

/// The median; of an even count, the larger of the two middle numbers.
pub fn median(mut all: Vec<f64>) -> Option<f64> {
    if all.is_empty() {
        return None;
    }
    let middle = all.len() / 2;
    Some(*all.select_nth_unstable_by(middle, f64::total_cmp).1)
}

/// Applies `change` to each layer, also inside others; a layer for which it returns `None` is removed.
pub fn mapped(
    layers: &[LayerConfig],
    change: &mut dyn FnMut(&LayerConfig) -> Option<LayerConfig>,
) -> Vec<LayerConfig> {
    let mut out = Vec::new();
    for layer in layers {
        match layer {
            LayerConfig::Repeat(r) => {
                let mut repeat = r.clone();
                repeat.layers = mapped(&r.layers, change);
                out.push(repeat.into());
            }
            LayerConfig::Residual(r) => {
                let mut residual = r.clone();
                residual.layers = mapped(&r.layers, change);
                out.push(residual.into());
            }
            _ => out.extend(change(layer)),
        }
    }
    out
}
