//! One lane trained to its end on this thread, with everything that a judgement needs: measured steps, evaluations, its data.

use crate::diagnosis::{Attacked, DataFacts, Facts, Mark, Score, rules};
use crate::engine::data::Labels;
use crate::engine::loss::{LossConfig, Targets};
use crate::engine::robust::Robustness;
use crate::lab::experiment::{self, Data, Fault};
use crate::lab::trainer::{Change, Evaluation, Trainer, norm};
use crate::scenario::{Scenario, Shape};
use crate::telemetry::{Data as Parts, Measure, Phase};
use std::sync::Arc;

/// Measured steps of a run, at most about so many.
const MARKS: u64 = 240;
/// Training samples on which a lane is evaluated at its end.
const KNOWN: usize = 2000;

/// A run.
pub struct Course {
    /// The facts about it.
    pub facts: Facts,
    /// Multiply-adds that it took, by and large.
    pub work: f64,
}

impl Course {
    /// Trains a lane of a scenario that is forked from none, as long as `on` says so; asked before every step.
    ///
    /// # Errors
    /// Why it cannot train, or that it was told to stop.
    pub fn run(
        scenario: &Scenario,
        lane: usize,
        data: Arc<Data>,
        steps: u64,
        on: &dyn Fn() -> bool,
    ) -> Result<Self, Fault> {
        let lane = &scenario.lanes[lane];
        let recipe = scenario
            .recipe_at(lane, 0)
            .map_err(|(n, field, what)| Fault { at: format!("edits[{n}].{field}"), what })?;
        let mut journal = scenario.journal(&lane.name);
        journal.retain(|e| e.step > 0);
        let total = scenario.steps as u64;
        let mut trainer = Trainer::new(&data, recipe.clone(), scenario.seed, total)?;
        let network = Arc::clone(trainer.network());
        let info = experiment::info(&lane.name, &recipe, &network, &data);
        let initial = initial(&trainer);
        let exam = adversarial(scenario, &recipe);
        let every = scenario.evaluate_every.max(1) as u64;
        let stride = steps.div_ceil(MARKS).max(1);
        let (mut marks, mut evaluations, mut attacks) = (Vec::new(), Vec::new(), Vec::new());
        let mut phase = Phase::Finished;
        let mut edits = journal.iter().peekable();
        let mut now = recipe.clone();
        while trainer.steps() < steps {
            if !on() {
                return Err(Fault { at: String::new(), what: "stopped".into() });
            }
            let done = trainer.steps();
            while let Some(edit) = edits.next_if(|e| e.step <= done) {
                if edit.empties() {
                    trainer.empty_memory();
                } else if now.set_at(&edit.field, &edit.to).is_ok()
                    && trainer.set(now.clone())? == Change::Restarted
                {
                    let what = "a change of network, init or loss while it trains".into();
                    return Err(Fault { at: format!("edits, step {done}: {}", edit.field), what });
                }
            }
            let look = done < 8 || (done + 1).is_multiple_of(stride) || done + 1 == steps;
            match trainer.step(look) {
                Ok(_) if trainer.steps() == done => break,
                Ok(_) => {}
                Err(account) => {
                    marks.push(Mark { measure: trainer.gap(), layers: Vec::new() });
                    phase = Phase::Diverged(*account);
                    break;
                }
            }
            if look {
                let (measure, layers) = trainer.measure();
                marks.push(Mark { measure, layers: layers.to_vec() });
            }
            let step = trainer.steps();
            if step.is_multiple_of(every) || step == steps {
                let report = trainer.evaluate_and_report();
                let measured = |e: Evaluation| Measure { step, values: e.values(), ..Measure::default() };
                evaluations.push(measured(report.evaluation));
                if let Some(exam) = &exam
                    && let Some(a) = trainer.measure_robustness(exam, 0.0, false)
                {
                    attacks.push((step, a.accuracies));
                }
                if let Some(stop) = report.stop {
                    evaluations.extend(stop.restored.map(measured));
                    phase = Phase::Stopped(stop.words);
                    break;
                }
            }
        }
        let dead = trainer
            .health()
            .into_iter()
            .find_map(|(name, part)| match part {
                Parts::Table { rows, .. } if name == "dead" => Some(rows),
                _ => None,
            })
            .unwrap_or_default();
        let dead = dead.iter().filter_map(|(l, v)| Some((l.parse().ok()?, f64::from(*v.first()?)))).collect();
        let gone = |a: &crate::engine::robust::Accuracies| a.fgsm - a.pgd >= 0.2;
        let attacked = attacks.last().map(|(_, a)| Attacked {
            eps: exam.as_ref().map_or(0.0, |e| e.eps),
            clean: a.clean,
            fgsm: a.fgsm,
            pgd: a.pgd,
            since: attacks
                .iter()
                .rposition(|(_, a)| !gone(a))
                .map_or(attacks[0].0, |i| attacks.get(i + 1).map_or(steps, |a| a.0)),
        });
        let facts = Facts {
            train: (!matches!(phase, Phase::Diverged(_)))
                .then(|| known(&data, &trainer, scenario.seed, total)),
            data: Some(data_facts(&data, recipe.loss.clone())),
            edits: journal,
            scaling: scenario.scaling,
            target_scaling: scenario.target_scaling,
            input: info.input,
            layers: info.layers,
            outputs: info.outputs.size(),
            total,
            marks,
            evaluations,
            dead,
            attacked,
            phase,
            initial,
            recipe,
        };
        let work = 3.0 * network.work() as f64 * facts.recipe.batch as f64 * trainer.steps() as f64;
        Ok(Self { facts, work })
    }
}

/// The attack by which a lane that trains against one is measured.
fn adversarial(scenario: &Scenario, recipe: &crate::scenario::Recipe) -> Option<Robustness> {
    use crate::engine::defence::DefenceConfig;
    if let Some(settings) = &scenario.robustness {
        return Some(settings.clone());
    }
    match &recipe.defence {
        DefenceConfig::AdversarialTraining(d) => {
            Some(Robustness { eps: rules::attack_size(&d.attack)?, ..Robustness::default() })
        }
        _ => None,
    }
}

/// How large the matrices of each layer begin, in units of what keeps a signal's size: 1 anywhere between Xavier's and He's.
fn initial(trainer: &Trainer) -> Vec<(usize, f64)> {
    let network = trainer.network();
    let params = &trainer.live().params;
    let of = |slot: &crate::engine::network::Slot| {
        let (count, units) = (slot.range.len().max(1) as f64, slot.shape[0].max(1) as f64);
        let rest: usize = slot.shape.iter().skip(2).product();
        let (fan_in, fan_out) = (count / units, units * rest.max(1) as f64);
        let rms = f64::from(norm(&params[slot.range.clone()])) / count.sqrt();
        // The gradient in a recurrent layer is multiplied at every time step.
        let label = &network.nodes()[slot.layer].label;
        let recurs = ["Rnn", "Lstm", "Gru"].iter().any(|n| label.starts_with(n));
        let least = (2.0 / (fan_in + fan_out)).sqrt().min((1.0 / fan_in).sqrt());
        let most = (if recurs { 1.0 } else { 2.0 } / fan_in).sqrt();
        let size = if rms < least {
            rms / least
        } else if rms > most {
            rms / most
        } else {
            1.0
        };
        (slot.layer, size)
    };
    network.slots().iter().filter(|s| s.shape.len() > 1).map(of).collect()
}

/// How a lane does on its own training samples.
fn known(data: &Arc<Data>, trainer: &Trainer, seed: u64, total: u64) -> Score {
    let mut own = (**data).clone();
    let count = own.train.len().min(KNOWN);
    own.validation = own.train.clone();
    own.validation.inputs.truncate(count * own.train.shape.size());
    let steps = own.train.shape.rows_of().0;
    let each = own.train.outputs().size();
    match &mut own.validation.labels {
        Labels::Classes { of, .. } => of.truncate(count),
        Labels::StepClasses { of, .. } => of.truncate(count * steps),
        Labels::Values { of, .. } => of.truncate(count * each),
    }
    let own = Arc::new(own);
    let mut judge =
        Trainer::with_network(&own, Arc::clone(trainer.network()), trainer.recipe().clone(), seed, total);
    judge.go_back(trainer.live());
    let e = judge.evaluate();
    Score { loss: e.judged.into(), accuracy: e.accuracy.map(f64::from) }
}

/// The data in a few numbers.
fn data_facts(data: &Data, own: LossConfig) -> DataFacts {
    let train = &data.train;
    let size = train.shape.size().max(1);
    let features = match train.shape {
        Shape::Flat(n) => n,
        Shape::Sequence { features, .. } => features,
        Shape::Image { channels, .. } => channels,
    };
    let feature = |i: usize| match train.shape {
        Shape::Flat(_) => i,
        Shape::Sequence { features, .. } => i % features,
        Shape::Image { height, width, .. } => i / (height * width),
    };
    let mut sums = vec![(0.0f64, 0.0f64, 0.0f64); features];
    let mut largest = 0.0f64;
    for row in train.inputs.chunks_exact(size) {
        for (i, &x) in row.iter().enumerate() {
            let x = f64::from(x);
            largest = largest.max(x.abs());
            let s = &mut sums[feature(i)];
            *s = (s.0 + 1.0, s.1 + x, s.2 + x * x);
        }
    }
    let deviations = sums.iter().filter_map(|(n, sum, squares)| {
        let mean = sum / n;
        let variance = (squares / n - mean * mean).max(0.0);
        (variance > 1e-12 * (squares / n).max(1e-300)).then(|| variance.sqrt())
    });
    let spread = deviations.fold((f64::INFINITY, 0.0f64), |(a, b), s| (a.min(s), b.max(s)));
    let spread = if spread.0.is_finite() { spread } else { (0.0, 0.0) };
    let loss = data.judge.clone().unwrap_or(own);
    let width = train.outputs().rows_of().1.max(1);
    let (constant, majority, targets) = match &train.labels {
        Labels::Classes { of, .. } | Labels::StepClasses { of, .. } => {
            let mut counts = vec![0usize; width];
            for &c in of {
                counts[(c as usize).min(width - 1)] += 1;
            }
            let share = |n: usize| (n as f64 / of.len().max(1) as f64).max(1e-6);
            let most = counts.iter().copied().max().unwrap_or(0);
            let logits: Vec<f32> = counts.iter().map(|&n| libm::log(share(n)) as f32).collect();
            (logits, Some(share(most)), None)
        }
        Labels::Values { of, .. } => {
            let mut mean = vec![0.0f64; width];
            let rows = (of.len() / width).max(1) as f64;
            for row in of.chunks_exact(width) {
                mean.iter_mut().zip(row).for_each(|(m, &y)| *m += f64::from(y) / rows);
            }
            let square =
                of.iter().map(|&y| f64::from(y) * f64::from(y)).sum::<f64>() / of.len().max(1) as f64;
            (mean.iter().map(|&m| m as f32).collect(), None, Some(square.sqrt()))
        }
    };
    let validation = &data.validation;
    let count = validation.len();
    let targets_of = validation.targets(0..count);
    let rows = match &targets_of {
        Targets::Classes(c) => c.len(),
        Targets::Values(v) => v.len() / width,
    };
    // A squared error on classes compares with one-hot vectors: the constant is the shares themselves.
    let squared = matches!(
        loss,
        LossConfig::Mse(_) | LossConfig::Mae(_) | LossConfig::Huber(_) | LossConfig::SmoothL1(_)
    );
    let row: Vec<f32> = match majority {
        Some(_) if squared => constant.iter().map(|&l| libm::expf(l)).collect(),
        _ => constant.clone(),
    };
    let output: Vec<f32> = row.iter().copied().cycle().take(rows * width).collect();
    let accuracy = match &targets_of {
        Targets::Classes(of) => {
            let best = constant.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |b| b.0);
            Some(of.iter().filter(|&&c| c as usize == best).count() as f64 / of.len().max(1) as f64)
        }
        Targets::Values(_) => None,
    };
    let sum = loss.eval(&output, width, targets_of, 0.0, None, None);
    let terms = loss.terms(&output, width).max(1);
    DataFacts {
        largest,
        spread,
        targets,
        chance: Score { loss: sum / terms as f64, accuracy },
        majority,
        samples: train.len(),
    }
}
