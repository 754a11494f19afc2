//! Trains one lane to its end on this thread, and collects the facts for its
//! diagnosis: measured steps, evaluations, data.

use crate::diagnosis::{Facts, LaneMeasurements, LaneScore, off, rules};
use crate::engine::data::Labels;
use crate::engine::robust::Robustness;
use crate::lab::exam;
use crate::lab::experiment::{self, BuildFault, Data, ground};
use crate::lab::lane::{mark_event, marked};
use crate::lab::trainer::{Evaluation, RecipeEffect, Trainer, norm};
use crate::scenario::Scenario;
use crate::telemetry::{Event, LaneInfo, Measure, Phase};
use std::sync::Arc;

/// Largest number of training samples on which a lane is evaluated at its end.
const KNOWN: usize = 2000;

/// A lane that was trained, and the facts about it.
pub struct TrainedLane {
    /// All facts about the lane.
    pub facts: Facts,
    /// The facts that follow from the lane's events alone.
    pub signals: Facts,
    /// Approximate number of multiply-adds of the training.
    pub work: f64,
}

impl TrainedLane {
    /// Trains a lane that is not forked from another one, while `on` returns true; `on` is called before every step.
    ///
    /// # Errors
    /// The reason why the lane cannot be trained, or `stopped` if `on` returned false.
    pub fn run(
        scenario: &Scenario,
        lane: usize,
        data: Arc<Data>,
        steps: u64,
        on: &dyn Fn() -> bool,
    ) -> Result<Self, BuildFault> {
        let lane = &scenario.lanes[lane];
        let recipe = scenario
            .recipe_at(lane, 0)
            .map_err(|(n, field, what)| BuildFault { at: format!("edits[{n}].{field}"), what })?;
        let mut journal = scenario.journal(&lane.name);
        journal.retain(|e| e.step > 0);
        let total = scenario.steps as u64;
        let mut trainer = Trainer::new(&data, recipe.clone(), scenario.seed, total)?;
        let network = Arc::clone(trainer.network());
        let info = LaneInfo {
            edits: journal.clone(),
            ..experiment::info(&lane.name, &recipe, &network, &data, total)
        };
        let mut measurements = LaneMeasurements::default();
        let mut apply = |event: Event| measurements.apply(&event);
        let initial = initial(&trainer);
        let exam = adversarial(scenario, &recipe);
        let every = scenario.evaluate_every.max(1) as u64;
        let mut phase = Phase::Finished;
        let mut edits = journal.iter().peekable();
        let mut now = recipe.clone();
        while trainer.steps() < steps {
            if !on() {
                return Err(BuildFault { at: String::new(), what: "stopped".into() });
            }
            let done = trainer.steps();
            while let Some(edit) = edits.next_if(|e| e.step <= done) {
                if edit.empties() {
                    trainer.empty_memory();
                } else if now.set_at(&edit.field, &edit.to).is_ok()
                    && trainer.set(now.clone())? == RecipeEffect::Restarted
                {
                    let what = "a change of network, init or loss while it trains".into();
                    return Err(BuildFault { at: format!("edits, step {done}: {}", edit.field), what });
                }
            }
            let look = marked(done + 1);
            match trainer.step(look) {
                Ok(_) if trainer.steps() == done => break,
                Ok(_) => {}
                Err(account) => {
                    let measure = trainer.gap();
                    apply(mark_event(0, &measure, &[]));
                    phase = Phase::Diverged(*account);
                    break;
                }
            }
            if look {
                let (measure, layers) = trainer.measure();
                apply(mark_event(0, &measure, layers));
            }
            let step = trainer.steps();
            if step.is_multiple_of(every) || step == steps {
                let report = trainer.evaluate_and_report();
                let measured = |e: Evaluation| Event::Evaluated {
                    lane: 0,
                    measure: Box::new(Measure { step, values: e.values(), ..Measure::default() }),
                };
                apply(measured(report.evaluation));
                if let Some(exam) = &exam
                    && let Some(report) = trainer.measure_robustness(exam, 0.0, false)
                {
                    apply(Event::Probed { lane: 0, step, name: exam::PROBE, parts: report.parts() });
                }
                if let Some(stop) = report.stop {
                    stop.restored.map(measured).into_iter().for_each(&mut apply);
                    phase = Phase::Stopped(stop.words);
                    break;
                }
            }
        }
        let step = trainer.steps();
        apply(Event::Probed { lane: 0, step, name: "health", parts: trainer.health() });
        let ran_away = matches!(phase, Phase::Diverged(_));
        let signals = measurements.facts(&info, &phase, None);
        let train = (!ran_away).then(|| known(&data, &trainer, scenario.seed, total));
        let facts = Facts { recipe, train, initial, ..signals.clone() };
        let work = 3.0 * network.work() as f64 * facts.recipe.batch as f64 * trainer.steps() as f64;
        Ok(Self { facts, signals, work })
    }
}

/// The attacks that measure the lane: those of the scenario, or those of the size against which the lane trains.
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

/// The initial size of each layer's weight matrices, relative to the size that keeps the scale of a signal: 1
/// anywhere between Xavier's and He's.
fn initial(trainer: &Trainer) -> Vec<(usize, f64)> {
    let network = trainer.network();
    let params = &trainer.live().params;
    let of = |slot: &crate::engine::network::Slot| {
        let (least, most) = ground::keeps(network, slot);
        let rms = f64::from(norm(&params[slot.range.clone()])) / (slot.range.len().max(1) as f64).sqrt();
        let size = off(rms, least, most);
        (slot.layer, size)
    };
    network.slots().iter().filter(|s| s.shape.len() > 1).map(of).collect()
}

/// The score of a lane on its own training samples.
fn known(data: &Arc<Data>, trainer: &Trainer, seed: u64, total: u64) -> LaneScore {
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
    LaneScore { loss: e.judged.into(), accuracy: e.accuracy.map(f64::from) }
}
