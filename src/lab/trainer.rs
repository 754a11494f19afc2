//! One lane: forward, loss, backward, clip, update, and the measurements in between.
//!
//! A step is a pure function of (state, settings, step number); all state is one [`Snapshot`]. Knows no clock, no
//! thread, no file and no other lane, and allocates nothing in a step.

use crate::engine::kernel::Buffer;
use crate::engine::layer::Pass;
use crate::engine::network::{Network, Workspace};
use crate::engine::optim::Update;
use crate::engine::regularise::{noise, stopping::StoppingMemory};
use crate::engine::rng::{Purpose, Stream};
use crate::engine::schedule::{ScheduleMemory, SchedulePoint};
use crate::engine::team::{SingleThread, Team};
use crate::lab::experiment::{self, BuildFault, Data};
use crate::scenario::Recipe;
use crate::telemetry::{Divergence, LayerMeasure, Measure};
use std::ops::Range;
use std::sync::Arc;

mod augment;
pub mod batch;
mod diverge;
mod evaluate;
mod exam;
mod guard;
mod look;
mod part;
mod scope;
pub mod score;
mod snapshot;
mod task;

pub use crate::number::{StepResult, norm};
use augment::Augmenter;
use batch::BatchTargets;
pub use evaluate::{Evaluation, EvaluationReport};
use guard::{DefenceMemory, VoteMemory};
use look::{BeforeUpdate, ComparisonMemory};
pub use scope::{StepScope, WeightStep};
use score::ValidationSums;
pub use snapshot::Snapshot;
use task::BatchFunction;

/// A larger training loss counts as divergence even if it is finite: its gradient is not.
pub const LOSS_LIMIT: f32 = 1e30;

/// The effect of a new recipe on the lane's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecipeEffect {
    /// Training continues from the present state.
    Live,
    /// Network, initial weights or loss changed: the lane is back at step 0.
    Restarted,
}

/// One lane in training.
#[derive(Debug)]
pub struct Trainer {
    data: Arc<Data>,
    network: Arc<Network>,
    recipe: Recipe,
    seed: u64,
    total: u64,
    live: Snapshot,
    rows: usize,
    order: Vec<u32>,
    shuffled: Option<u64>,
    keep_order: bool,
    batch: BatchTargets,
    augmenter: Augmenter,
    weights: Vec<Range<usize>>,
    grads: Buffer,
    /// The gradient before clipping, at the last measured step.
    unclipped: Vec<f32>,
    /// Stream keys of the gradient noise, one for each tensor.
    noise: Vec<u64>,
    ws: Workspace,
    team: Arc<dyn Team>,
    before: Vec<f32>,
    layers: Vec<LayerMeasure>,
    last: StepResult,
    looked: Measure,
    /// Values of a measured step that are taken before its update.
    halfway: BeforeUpdate,
    /// Memory of numbers that compare steps; `None` until they are measured.
    kept: Option<ComparisonMemory>,
    /// Whether the next step's expensive numbers are needed, and whether the step after it may be measured.
    rare: bool,
    keeps: bool,
    /// Whether a measured step includes the costly numbers of layers.
    whole: bool,
    /// A step kept for the microscope, and whether the next step is to be kept.
    scope: Option<Box<StepScope>>,
    aimed: bool,
    evaluation: Option<(Workspace, BatchTargets)>,
    checkup: evaluate::UnitHealth,
    /// The counts of the last evaluation.
    score: ValidationSums,
    /// Memory of the defence; `None` without one.
    guard: Option<DefenceMemory>,
    /// Memory of the vote; `None` before the first one.
    jury: Option<VoteMemory>,
    /// Memory of examinations; `None` before the first one.
    room: Option<exam::Room>,
}

/// The recipe with balanced class weights replaced by their values for these data.
fn weighed(data: &Data, recipe: Recipe) -> Recipe {
    Recipe { loss: data.train.labels.weighted(&recipe.loss), ..recipe }
}

impl Trainer {
    /// A lane before its first step; `total` is the length of a run, on which schedules are based.
    ///
    /// # Errors
    /// The reason why the recipe has no valid network for these data.
    pub fn new(data: &Arc<Data>, recipe: Recipe, seed: u64, total: u64) -> Result<Self, BuildFault> {
        let network = Arc::new(experiment::build(data, &recipe)?);
        Ok(Self::with_network(data, network, recipe, seed, total))
    }

    /// A lane before its first step, with a network that is already built.
    pub fn with_network(
        data: &Arc<Data>,
        network: Arc<Network>,
        recipe: Recipe,
        seed: u64,
        total: u64,
    ) -> Self {
        let recipe = weighed(data, recipe);
        let rows = recipe.batch.clamp(1, data.train.len());
        let (params, state) = recipe.start(data, &network, seed);
        // Biases and gains are vectors; only matrices and kernels are penalised.
        let weights = network.slots().iter().filter(|s| s.shape.len() > 1).map(|s| s.range.clone());
        let live = Snapshot {
            state,
            optim: recipe.optimizer.init(&params),
            params,
            defence: vec![0.0; recipe.defence.memory(rows * data.train.shape.size())],
            ..Snapshot::default()
        };
        let average = if recipe.weight_average.active() { live.params.clone() } else { Vec::new() };
        let live = Snapshot { average, ..live };
        Self {
            rows,
            order: (0..data.train.len() as u32).collect(),
            shuffled: None,
            batch: augment::batch(data, &recipe, rows),
            augmenter: Augmenter::new(data),
            keep_order: false,
            weights: weights.collect(),
            grads: Buffer::zeros(live.params.len()),
            unclipped: vec![0.0; live.params.len()],
            noise: noise::keys(network.slots()),
            ws: network.workspace(rows),
            team: Arc::new(SingleThread),
            before: vec![0.0; live.params.len()],
            layers: (0..network.nodes().len()).map(LayerMeasure::of).collect(),
            halfway: BeforeUpdate::default(),
            kept: None,
            rare: false,
            keeps: false,
            whole: true,
            last: StepResult::default(),
            looked: Measure::default(),
            scope: None,
            aimed: false,
            evaluation: None,
            checkup: evaluate::UnitHealth::default(),
            score: ValidationSums::default(),
            guard: DefenceMemory::of(&recipe, &network, data, rows),
            jury: None,
            room: None,
            data: Arc::clone(data),
            network,
            recipe,
            seed,
            total,
            live,
        }
    }

    /// Its settings.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Its layers.
    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// Its data.
    pub fn data(&self) -> &Arc<Data> {
        &self.data
    }

    /// Everything that changes during training, for reading.
    pub fn live(&self) -> &Snapshot {
        &self.live
    }

    /// The length of a run, on which schedules are based.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Steps done.
    pub fn steps(&self) -> u64 {
        self.live.step
    }

    /// The numbers of the last step; after a divergence, those of the failed step.
    pub fn last(&self) -> StepResult {
        self.last
    }

    /// The training samples of the last step's batch, by index.
    pub fn samples(&self) -> &[u32] {
        let end = self.live.position as usize;
        &self.order[end.saturating_sub(self.rows)..end]
    }

    /// Uses the samples in their own order instead of shuffling them every epoch, for comparisons with other programs.
    /// A reset undoes it.
    pub fn keep_order(&mut self) {
        self.keep_order = true;
        self.shuffled = None;
    }

    /// Shares the work of large batches with this team from now on (a restart forgets it); the numbers do not depend on
    /// it.
    pub fn work_with(&mut self, team: &Arc<dyn Team>) {
        if !Arc::ptr_eq(&self.team, team) {
            self.team = Arc::clone(team);
            self.ws.set_team(team);
        }
    }

    /// Trains with another recipe from the next step on.
    ///
    /// The state is kept while network, initial weights and loss stay; the optimizer's memory while its kind and its
    /// buffers stay, the schedule's while its kind stays.
    ///
    /// # Errors
    /// The reason why the recipe does not fit the data; the lane is then unchanged.
    pub fn set(&mut self, recipe: Recipe) -> Result<RecipeEffect, BuildFault> {
        let recipe = weighed(&self.data, recipe);
        let old = &self.recipe;
        let whole = |r: &Recipe| (r.network.clone(), r.output, r.init.clone(), r.loss.clone());
        if whole(&recipe) != whole(old) {
            *self = Self::new(&self.data, recipe, self.seed, self.total)?;
            return Ok(RecipeEffect::Restarted);
        }
        if recipe.batch != old.batch || recipe.augment != old.augment {
            experiment::build(&self.data, &recipe)?;
            self.rows = recipe.batch.clamp(1, self.data.train.len());
            self.ws = self.network.workspace(self.rows);
            self.ws.set_team(&self.team);
            self.batch = augment::batch(&self.data, &recipe, self.rows);
        }
        if recipe.batch != old.batch || recipe.defence != old.defence {
            let numbers = self.rows * self.data.train.shape.size();
            // The defence's memory belongs to this batch size and this defence.
            if recipe.batch != old.batch || recipe.defence.name() != old.defence.name() {
                self.live.defence.clear();
                self.live.defence.resize(recipe.defence.memory(numbers), 0.0);
            }
            self.guard = DefenceMemory::of(&recipe, &self.network, &self.data, self.rows);
        }
        let memory = std::mem::take(&mut self.live.optim);
        let (memory, fresh) = recipe.optimizer.carry(&old.optimizer, memory, &self.live.params);
        self.live.optim = memory;
        if fresh {
            self.live.optim_step = 0;
        }
        if recipe.schedule.name() != old.schedule.name() {
            self.live.memory = ScheduleMemory::default();
        }
        if recipe.weight_average.active() != old.weight_average.active() {
            self.live.average.clear();
            if recipe.weight_average.active() {
                self.live
                    .average
                    .extend_from_slice(recipe.optimizer.point(&self.live.optim, &self.live.params));
            }
            // The best state was stored with weight averaging on and it is now off, or the reverse.
            (self.live.best, self.live.kept) = (StoppingMemory::default(), None);
        }
        if fresh || recipe.early_stopping != old.early_stopping {
            (self.live.best, self.live.kept) = (StoppingMemory::default(), None);
        }
        self.recipe = recipe;
        Ok(RecipeEffect::Live)
    }

    /// Number of full batches in one pass over the training samples; the remaining samples wait for the next shuffle.
    pub fn steps_per_epoch(&self) -> u64 {
        (self.order.len() / self.rows).max(1) as u64
    }

    /// Makes one step. With `look`, also measures it for [`Trainer::measure`]; the numbers of training are the same
    /// either way.
    ///
    /// Every step has a full batch: the few samples that remain at the end of an epoch are dropped, different ones in
    /// every epoch. The batches of an epoch depend on the seed, the epoch and the batch size alone.
    ///
    /// If a step is cancelled before the parameters change, the state is unchanged, and so is the number of steps.
    ///
    /// # Errors
    /// The report of a divergence; the state is then that before the step.
    pub fn step(&mut self, look: bool) -> Result<StepResult, Box<Divergence>> {
        let place = (self.live.epoch, self.live.position);
        self.next_batch();
        let asked = self.expose();
        let rows = self.rows;
        let network = Arc::clone(&self.network);
        let pass = Pass::train(rows, self.seed, self.live.step);
        let mut task = BatchFunction {
            network: &network,
            state: &self.live.state,
            recipe: &self.recipe,
            weights: &self.weights,
            batch: &self.batch,
            pass,
            ws: &mut self.ws,
            guard: self.guard.as_mut(),
            noise: &self.noise,
            team: &*self.team,
            calls: 0,
        };
        let loss = task.gradient_at(&self.live.params, &mut self.grads);
        let calls = asked + task.calls;
        if self.team.left() {
            (self.live.epoch, self.live.position) = place;
            return Ok(self.last);
        }
        let norm = self.team.norm(&self.grads);
        let when = SchedulePoint { base: self.recipe.optimizer.lr(), t: self.live.step, total: self.total };
        let lr = self.recipe.schedule.lr(when, &self.live.memory);
        self.last = StepResult { step: self.live.step + 1, loss, grad_norm: norm, clipped: false, lr };
        // The comparison is written so that NaN is caught.
        if !(loss <= LOSS_LIMIT && norm.is_finite()) {
            (self.live.epoch, self.live.position) = place;
            network.reveal(&self.live.params, &self.live.state, pass, &mut self.ws);
            return Err(Box::new(self.account()));
        }
        self.live.last_grad_norm = norm;
        network.update_state(&mut self.live.state, &self.ws, rows);
        if !self.live.defence.is_empty() {
            self.recipe.defence.learn(&mut self.live.defence, self.ws.activation_grad(0, rows));
        }
        if look {
            network.reveal(&self.live.params, &self.live.state, pass, &mut self.ws);
            self.look_before();
        } else if self.keeps {
            self.keep_gradient();
        }
        let aimed = look && self.aimed;
        if let Some(scope) = self.scope.as_mut().filter(|_| aimed) {
            scope.before(&self.grads, &self.live, &self.recipe.optimizer);
        }
        self.last.clipped =
            self.recipe.clip.clip(&mut self.grads, norm, &self.live.params, network.slots(), &*self.team);
        if look {
            self.look_at_clip();
        }
        let (seed, t) = (self.seed, self.live.step);
        self.recipe.gradient_noise.add(&mut self.grads, network.slots(), &self.noise, seed, t);
        if let Some(scope) = self.scope.as_mut().filter(|_| aimed) {
            scope.clipped(&self.grads);
        }
        let mut oracle = BatchFunction {
            network: &network,
            state: &self.live.state,
            recipe: &self.recipe,
            weights: &self.weights,
            batch: &self.batch,
            pass,
            ws: &mut self.ws,
            guard: self.guard.as_mut(),
            noise: &self.noise,
            team: &*self.team,
            calls,
        };
        self.recipe.optimizer.step(
            &mut self.live.optim,
            Update {
                step: self.live.optim_step + 1,
                lr,
                params: &mut self.live.params,
                grads: &mut self.grads,
                slots: network.slots(),
                oracle: &mut oracle,
                team: &*self.team,
            },
        );
        self.live.evaluations += oracle.calls;
        self.live.optim_step += 1;
        self.live.step += 1;
        self.live.clipped += u64::from(self.last.clipped);
        if !self.live.average.is_empty() {
            let point = self.recipe.optimizer.point(&self.live.optim, &self.live.params);
            self.recipe.weight_average.update(&mut self.live.average, point, self.live.step);
        }
        if let Some(scope) = self.scope.as_mut().filter(|_| aimed) {
            scope.after(&self.live, lr);
        }
        if look {
            self.look_after();
        }
        Ok(self.last)
    }

    /// The numbers of the last measured step.
    ///
    /// `seconds` is 0 and there are no ranges: the caller counts time and steps.
    pub fn measure(&self) -> (Measure, &[LayerMeasure]) {
        (self.looked, &self.layers)
    }

    /// Fills the workspace's input and the targets with the next batch.
    fn next_batch(&mut self) {
        let (n, rows) = (self.order.len(), self.rows);
        // A batch that is used again ends at the same position as the last one.
        let again = !self.live.step.is_multiple_of(self.recipe.defence.replays());
        if again && self.live.position >= rows as u64 {
            self.live.position -= rows as u64;
        }
        if self.live.position as usize + rows > n {
            self.live.epoch += 1;
            self.live.position = 0;
        }
        if self.shuffled != Some(self.live.epoch) {
            for (i, at) in self.order.iter_mut().enumerate() {
                *at = i as u32;
            }
            if !self.keep_order {
                Stream::new(self.seed, Purpose::Shuffle, self.live.epoch, 0).shuffle(&mut self.order);
            }
            self.shuffled = Some(self.live.epoch);
        }
        let start = self.live.position as usize;
        let samples = &self.order[start..start + rows];
        let inputs = self.ws.input_mut(rows);
        self.batch.fill(&self.data.train, samples.iter().map(|&i| i as usize), inputs, &*self.team);
        let key = (self.seed, self.live.epoch);
        self.augmenter.apply(&self.recipe.augment, samples, key, inputs, &mut self.batch);
        self.live.position += rows as u64;
    }
}

#[cfg(test)]
mod tests;
