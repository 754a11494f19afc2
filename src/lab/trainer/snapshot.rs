//! The state of a lane: everything that training changes, with copy, restore and reset. Knows no step and no file.

use super::Trainer;
use crate::engine::optim::OptimizerState;
use crate::engine::regularise::stopping::StoppingMemory;
use crate::engine::schedule::ScheduleMemory;
use std::sync::Arc;

/// Everything that changes while a lane trains.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Steps done.
    pub step: u64,
    /// Completed passes over the training samples.
    pub epoch: u64,
    /// Samples of the present pass used so far.
    pub position: u64,
    /// Gradient evaluations done.
    pub evaluations: u64,
    /// Steps since the optimizer's memory was created.
    pub optim_step: u64,
    /// Norm of the last finite gradient.
    pub last_grad_norm: f32,
    /// Parameters.
    pub params: Vec<f32>,
    /// Running statistics of the layers.
    pub state: Vec<f32>,
    /// The optimizer's state.
    pub optim: OptimizerState,
    /// The schedule's state.
    pub memory: ScheduleMemory,
    /// The defence's state.
    pub defence: Vec<f32>,
    /// Steps whose gradient was clipped.
    pub clipped: u64,
    /// The averaged parameters; empty without averaging.
    pub average: Vec<f32>,
    /// The best evaluation, for early stopping.
    pub best: StoppingMemory,
    /// The state at the best evaluation, if early stopping may restore it.
    pub kept: Option<Box<Snapshot>>,
}

impl Snapshot {
    /// Bytes of its numbers.
    pub fn bytes(&self) -> usize {
        let optim = self.optim.vectors.iter().map(Vec::len).sum::<usize>();
        let single = self.params.len() + self.state.len() + optim + self.defence.len() + self.average.len();
        let kept = self.kept.as_ref().map_or(0, |kept| kept.bytes());
        4 * single + 8 * self.optim.scalars.len() + size_of::<Self>() + kept
    }

    /// Copies another state of the same lane into existing memory.
    pub fn copy_from(&mut self, other: &Self) {
        self.params.clone_from(&other.params);
        self.state.clone_from(&other.state);
        self.optim.vectors.clone_from(&other.optim.vectors);
        self.optim.scalars.clone_from(&other.optim.scalars);
        self.defence.clone_from(&other.defence);
        self.average.clone_from(&other.average);
        match (&mut self.kept, &other.kept) {
            (Some(kept), Some(other)) => kept.copy_from(other),
            (kept, other) => kept.clone_from(other),
        }
        *self = Self {
            params: std::mem::take(&mut self.params),
            state: std::mem::take(&mut self.state),
            optim: std::mem::take(&mut self.optim),
            defence: std::mem::take(&mut self.defence),
            average: std::mem::take(&mut self.average),
            kept: self.kept.take(),
            step: other.step,
            epoch: other.epoch,
            position: other.position,
            evaluations: other.evaluations,
            optim_step: other.optim_step,
            last_grad_norm: other.last_grad_norm,
            memory: other.memory,
            clipped: other.clipped,
            best: other.best,
        };
    }
}

impl Trainer {
    /// Restores an earlier state of this lane.
    pub fn go_back(&mut self, state: &Snapshot) {
        self.live.copy_from(state);
        if let Some(kept) = self.kept.as_mut().filter(|k| !k.is_of(state.step)) {
            kept.forget();
        }
    }

    /// Whether the work in progress is cancelled: see [`Trainer::work_with`].
    pub fn left(&self) -> bool {
        self.team.left()
    }

    /// A copy of everything that changes.
    pub fn snapshot(&self) -> Snapshot {
        self.live.clone()
    }

    /// Restores a snapshot, earlier or later, of a lane with the same network and optimizer.
    ///
    /// # Errors
    /// The part that does not fit; the lane is then unchanged.
    pub fn restore(&mut self, snapshot: &Snapshot) -> Result<(), String> {
        let fresh = self.recipe.optimizer.init(&self.live.params);
        let lens = |s: &OptimizerState| s.vectors.iter().map(Vec::len).collect::<Vec<_>>();
        for (what, is, wanted) in [
            ("parameters", snapshot.params.len(), self.live.params.len()),
            ("running statistics", snapshot.state.len(), self.live.state.len()),
            ("numbers of the defence", snapshot.defence.len(), self.live.defence.len()),
            ("averaged parameters", snapshot.average.len(), self.live.average.len()),
            ("optimizer buffers", snapshot.optim.vectors.len(), fresh.vectors.len()),
            ("optimizer numbers", snapshot.optim.scalars.len(), fresh.scalars.len()),
        ] {
            if is != wanted {
                return Err(format!("{is} {what} do not fit a lane with {wanted}"));
            }
        }
        if lens(&snapshot.optim) != lens(&fresh) || snapshot.position > self.order.len() as u64 {
            return Err("the optimizer's buffers or the place in the data do not fit this lane".into());
        }
        if let Some(kept) = &snapshot.kept {
            let mut probe = self.live.clone();
            std::mem::swap(&mut probe, &mut self.live);
            let fits = self.restore(kept);
            self.live = probe;
            fits?;
        }
        self.live.clone_from(snapshot);
        if let Some(kept) = self.kept.as_mut().filter(|k| !k.is_of(snapshot.step)) {
            kept.forget();
        }
        Ok(())
    }

    /// Keeps the weights and empties the optimizer's memory, as after a change to another optimizer.
    pub fn empty_memory(&mut self) {
        self.live.optim = self.recipe.optimizer.init(&self.live.params);
        self.live.optim_step = 0;
        (self.live.best, self.live.kept) = (StoppingMemory::default(), None);
    }

    /// Resets to step 0 with the same seed.
    pub fn reset(&mut self) {
        let network = Arc::clone(&self.network);
        *self = Self::with_network(&self.data, network, self.recipe.clone(), self.seed, self.total);
    }
}
