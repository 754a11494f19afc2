//! The memory that a run takes, counted before any of it is taken. Allocates nothing.

use super::{Prepared, Recipe};
use crate::engine::network::Network;
use crate::limits;

/// Rows of one pass of an evaluation.
pub const EVALUATION_ROWS: usize = 256;
/// Rows of one pass of a vote or of a measurement under attack.
pub const ATTACK_ROWS: usize = 64;
/// Copies of a lane's state besides the one it trains with: before a long step, in a checkpoint that waits for the disk,
/// in the one that is being written, and in its bytes.
const COPIES: u64 = 4;
/// Bytes of a run that do not depend on its networks: events, lines of the log that wait, code of previews.
const REST: u64 = 32 << 20;

/// Memory of one seed of a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// Bytes of its state: what a checkpoint keeps.
    pub state: u64,
    /// Bytes in all, copies of the state included.
    pub bytes: u64,
}

impl Recipe {
    /// Parameters, the optimizer's memory and what else changes; gradients, activations of training, of evaluations, of
    /// attacks and votes; and the copies of the state that are made to save it. `attacked`: whether the lane is measured
    /// under attack.
    pub fn memory(&self, network: &Network, data: &Prepared, attacked: bool) -> Need {
        let params = network.param_count() as u64;
        let rows = self.batch.clamp(1, data.train.len().max(1));
        // An optimizer keeps so many numbers a parameter.
        let vectors = self.optimizer.init(&[0.0]).vectors.iter().map(|v| v.len() as u64).sum::<u64>();
        let average = u64::from(self.weight_average.active());
        let defence = self.defence.memory(rows.saturating_mul(data.train.shape.size())) as u64;
        let now = params * (1 + vectors + average) + network.initial_state().len() as u64 + defence;
        let best = self.early_stopping.patience > 0 && self.early_stopping.restore_best;
        let state = if best { 2 * now } else { now };

        let passes = |rows: usize| network.workspace_floats(rows.max(1)) as u64;
        // A pass of an attack has gradients of its own.
        let attack = |rows: usize| passes(rows) + params;
        let judged = data.validation.len().min(EVALUATION_ROWS);
        let mut floats = state + params * if self.clips() { 3 } else { 2 };
        floats += passes(rows) + passes(judged) + data.train.len() as u64;
        if self.defence.active() {
            floats += attack(rows);
        }
        if self.prediction.smoothing().is_some() {
            floats += attack(ATTACK_ROWS);
        }
        if attacked {
            floats += attack(ATTACK_ROWS.min(data.validation.len()));
        }
        Need { state: 4 * state, bytes: 4 * (floats + COPIES * state) }
    }
}

/// The bytes that lanes which need so many each take over so many seeds, if they fit into the memory of a run.
///
/// # Errors
/// How much it would be, and what would fit.
pub fn fits(lanes: impl Iterator<Item = Need>, seeds: usize) -> Result<u64, String> {
    let mut count = 0u64;
    let one: u64 = lanes.inspect(|_| count += 1).map(|need| need.bytes).fold(0, u64::saturating_add);
    let all = one.saturating_mul(seeds as u64).saturating_add(REST);
    if all <= limits::MEMORY {
        return Ok(all);
    }
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let times = |n: u64, what: &str| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") };
    Err(format!(
        "{} over {} would take {} MiB for weights, optimizers, activations and copies to save; a run has {} MiB at most: \
         take fewer lanes or seeds, smaller layers or a smaller batch",
        times(count, "lane"),
        times(seeds as u64, "seed"),
        mib(all),
        mib(limits::MEMORY)
    ))
}

/// Whether the system has room for so many bytes more, as far as it tells: limits of the process and of its address space.
///
/// # Errors
/// In words.
pub fn is_there(bytes: u64) -> Result<(), String> {
    // Reserved and given back untouched, which costs nothing.
    let room = Vec::<u8>::new().try_reserve_exact(usize::try_from(bytes).unwrap_or(usize::MAX));
    room.map_err(|_| {
        format!("the system does not give the {} MiB more that it takes", bytes.div_ceil(1 << 20))
    })
}

/// The most bytes that a checkpoint of these lanes can have.
pub fn checkpoint(lanes: impl Iterator<Item = Need>, seeds: usize) -> u64 {
    let state = lanes.map(|need| need.state).fold(0, u64::saturating_add);
    // Texts and lines that wait take their part.
    state.saturating_mul(seeds as u64).saturating_add(REST)
}
