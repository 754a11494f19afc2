//! Evaluation on the validation samples, and its effect on schedule and early stopping.

use super::batch::{BatchTargets, argmax, hits};
use super::guard::VoteMemory;
use super::score::ValidationSums;
use super::{Snapshot, Trainer};
use crate::engine::data::Labels;
use crate::engine::layer::Pass;
use crate::engine::loss::LossConfig;
use crate::engine::network::Network;
use crate::engine::regularise::stopping::StoppingDecision;
use crate::number::{Number, NumberValues};
use crate::scenario::Recipe;
use crate::scenario::memory::EVALUATION_ROWS;
use crate::telemetry::Data;

/// The results of a lane on the validation samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// Mean of the loss with which the lane trains; schedules and early stopping use it.
    pub loss: f32,
    /// Mean of the loss by which all lanes are compared: see [`crate::scenario::Scenario::judge`].
    pub judged: f32,
    /// Share of right answers; `None` without classes.
    pub accuracy: Option<f32>,
    /// See [`ValidationSums::recall`].
    pub recall: Option<f32>,
    /// See [`ValidationSums::precision`].
    pub precision: Option<f32>,
    /// See [`ValidationSums::mae`].
    pub mae: Option<f32>,
    /// See [`ValidationSums::rmse`].
    pub rmse: Option<f32>,
    /// See [`ValidationSums::r2`].
    pub r2: Option<f32>,
}

impl Evaluation {
    /// The results as rows of the table of numbers.
    pub fn values(self) -> NumberValues {
        let mut values = NumberValues::default();
        values.set(Number::ValLoss, Some(self.judged.into()));
        let own = Some(self.loss).filter(|own| own.to_bits() != self.judged.to_bits());
        for (number, value) in [
            (Number::ValOwnLoss, own),
            (Number::ValAccuracy, self.accuracy),
            (Number::ValRecall, self.recall),
            (Number::ValPrecision, self.precision),
            (Number::ValMae, self.mae),
            (Number::ValRmse, self.rmse),
            (Number::ValR2, self.r2),
        ] {
            values.set(number, value.map(f64::from));
        }
        values
    }
}

/// Health of the network's units over all validation samples, counted during an evaluation.
#[derive(Clone, Debug, Default)]
pub(super) struct UnitHealth {
    /// Units that passed a gradient for some sample, layer by layer.
    awake: Vec<Vec<bool>>,
    /// The class predicted for the first sample, and whether it is the same for all others.
    answer: Option<(usize, bool)>,
    samples: usize,
}

impl UnitHealth {
    fn begin(&mut self, network: &Network) {
        if self.awake.is_empty() {
            self.awake = network.asleep();
        }
        self.awake.iter_mut().for_each(|layer| layer.fill(false));
        (self.answer, self.samples) = (None, 0);
    }

    /// Adds a chunk of outputs, `width` numbers per prediction.
    fn add(&mut self, output: &[f32], width: usize) {
        for row in output.chunks_exact(width) {
            self.samples += 1;
            self.answer = match (argmax(row), self.answer) {
                (Some(class), None) if self.samples == 1 => Some((class, true)),
                (Some(class), Some((first, same))) => Some((first, same && class == first)),
                _ => None,
            };
        }
    }

    /// The layers whose units can die, each with its share of dead units.
    fn dead(&self) -> impl Iterator<Item = (usize, f32)> + '_ {
        let share = |units: &Vec<bool>| units.iter().filter(|a| !**a).count() as f32 / units.len() as f32;
        let layers = self.awake.iter().enumerate().filter(|(_, units)| !units.is_empty());
        layers.map(move |(i, units)| (i, share(units)))
    }

    /// The results as parts of the probe `health`.
    fn parts(&self) -> Vec<(String, Data)> {
        let rows = self.dead().map(|(i, share)| (i.to_string(), vec![share])).collect();
        let mut parts = vec![
            ("dead".to_string(), Data::Table { columns: vec!["share".into()], rows }),
            ("samples".to_string(), Data::Scalar(self.samples as f64)),
        ];
        if let Some((class, true)) = self.answer.filter(|_| self.samples > 1) {
            parts.push(("constant".into(), Data::Scalar(class as f64)));
        }
        parts
    }
}

/// An evaluation and its effect on the lane.
#[derive(Clone, Debug, PartialEq)]
pub struct EvaluationReport {
    /// The evaluation.
    pub evaluation: Evaluation,
    /// The end of the lane, if it stops early.
    pub stop: Option<EarlyStop>,
}

/// An early end.
#[derive(Clone, Debug, PartialEq)]
pub struct EarlyStop {
    /// The reason in words.
    pub words: String,
    /// The evaluation of the best weights, if they were restored.
    pub restored: Option<Evaluation>,
}

impl Snapshot {
    /// The parameters at which the lane is evaluated: the average of its weights, the optimizer's own point, or the
    /// weights.
    pub fn point(&self, recipe: &Recipe) -> &[f32] {
        if self.average.is_empty() {
            recipe.optimizer.point(&self.optim, &self.params)
        } else {
            &self.average
        }
    }
}

impl Trainer {
    /// Losses and scores on the validation samples, in evaluation mode, at the lane's evaluation point. Does not affect
    /// training.
    pub fn evaluate(&mut self) -> Evaluation {
        let samples = &self.data.validation;
        let rows = samples.len().min(EVALUATION_ROWS);
        let (ws, batch) = self
            .evaluation
            .get_or_insert_with(|| (self.network.workspace(rows), BatchTargets::new(samples, rows)));
        ws.set_team(&self.team);
        let params = self.live.point(&self.recipe);
        let width = self.network.output().rows_of().1;
        self.checkup.begin(&self.network);
        let own = &self.recipe.loss;
        let common = self.data.judge.as_ref().filter(|judge| *judge != own);
        self.score.clear(width, !matches!(samples.labels, Labels::Values { .. }));
        let (mut sum, mut terms, mut hit, mut seen) = (0.0, 0, 0, 0);
        let (mut judged, mut judged_terms) = (0.0, 0);
        for start in (0..samples.len()).step_by(rows) {
            if self.team.left() {
                break;
            }
            let range = start..(start + rows).min(samples.len());
            let n = range.len();
            batch.fill(samples, range, ws.input_mut(n), &*self.team);
            self.network.forward(params, &self.live.state, Pass::eval(n), ws);
            self.network.reveal(params, &self.live.state, Pass::eval(n), ws);
            self.network.wake(ws, n, &mut self.checkup.awake);
            let output = ws.output(n);
            sum += own.eval(output, width, batch.targets(), 0.0, None, None);
            terms += own.terms(output, width);
            if let Some(common) = common {
                judged += common.eval(output, width, batch.targets(), 0.0, None, None);
                judged_terms += common.terms(output, width);
            }
            // A loss that is the output itself has no targets.
            if !matches!(own, LossConfig::Output(_)) {
                self.score.add(output, width, batch.targets());
            }
            if let Some(classes) = batch.classes() {
                self.checkup.add(output, width);
                hit += hits(output, width, classes);
                seen += classes.len();
            }
        }
        if self.recipe.prediction.smoothing().is_some() {
            hit = VoteMemory::hits(
                &mut self.jury,
                &self.recipe,
                &self.network,
                params,
                &self.live.state,
                &self.data,
                self.seed,
                &self.team,
            );
        }
        // With a vote, predictions differ from the counted outputs.
        let counted = |x: Option<f64>| x.filter(|_| self.recipe.prediction.smoothing().is_none());
        let single = |x: Option<f64>| x.map(|x| x as f32);
        let loss = (sum / terms.max(1) as f64) as f32;
        Evaluation {
            loss,
            judged: if common.is_some() { (judged / judged_terms.max(1) as f64) as f32 } else { loss },
            accuracy: (seen > 0).then(|| hit as f32 / seen as f32),
            recall: single(counted(self.score.recall())),
            precision: single(counted(self.score.precision())),
            mae: single(self.score.mae(|i, e| self.data.error_in_unit(i, e))),
            rmse: single(self.score.rmse(|i, e| self.data.error_in_unit(i, e))),
            r2: single(self.score.r2()),
        }
    }

    /// Health of the units at the last evaluation, as parts of the probe `health`.
    pub fn health(&self) -> Vec<(String, Data)> {
        self.checkup.parts()
    }

    /// The dead units at the last evaluation: index and share for each layer whose units can die.
    pub fn dead(&self) -> impl Iterator<Item = (usize, f32)> + '_ {
        self.checkup.dead()
    }

    /// The counts of the last evaluation.
    pub fn score(&self) -> &ValidationSums {
        &self.score
    }

    /// Evaluates, and passes the result to the schedule, which may lower its rate on a plateau, and to early stopping.
    pub fn evaluate_and_report(&mut self) -> EvaluationReport {
        let evaluation = self.evaluate();
        let base = self.recipe.optimizer.lr();
        self.recipe.schedule.report(base, f64::from(evaluation.loss), &mut self.live.memory);
        let (rule, step) = (&self.recipe.early_stopping, self.live.step);
        let stop = match rule.report(evaluation.loss, step, &mut self.live.best) {
            StoppingDecision::Better if rule.restore_best => {
                self.keep();
                None
            }
            StoppingDecision::Better | StoppingDecision::Wait => None,
            StoppingDecision::Stop => Some(self.stop()),
        };
        EvaluationReport { evaluation, stop }
    }

    /// Stores the state to return to.
    fn keep(&mut self) {
        self.live.kept = None;
        self.live.kept = Some(Box::new(self.live.clone()));
    }

    /// Restores the best weights, if they were kept; returns the report of the end.
    fn stop(&mut self) -> EarlyStop {
        let best = self.live.best;
        let (evaluations, step) = (best.since, self.live.step);
        let mut words = match best.at {
            Some((loss, at)) => format!(
                "Stopped early at step {step}: no validation loss below {loss} (step {at}) in {evaluations} evaluations."
            ),
            None => format!("Stopped early at step {step}: no validation loss was a number."),
        };
        let Some(kept) = self.live.kept.take() else { return EarlyStop { words, restored: None } };
        words.push_str(" Its weights are back.");
        let Snapshot { params, state, optim, average, .. } = *kept;
        self.live = Snapshot { params, state, optim, average, ..std::mem::take(&mut self.live) };
        EarlyStop { words, restored: Some(self.evaluate()) }
    }
}
