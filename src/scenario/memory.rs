//! The memory that a run needs, computed before it is allocated. Allocates nothing.

use super::{Prepared, Recipe};
use crate::engine::network::Network;
use crate::limits;
use crate::number::PARTS;

/// Rows of one pass of an evaluation.
pub const EVALUATION_ROWS: usize = 256;
/// Rows of one pass of a vote or of a measurement under attack.
pub const ATTACK_ROWS: usize = 64;
/// The most floats that one pass of a preview may use.
pub const PREVIEW_FLOATS: usize = 4 << 20;
/// Rows of one pass of a preview.
pub const PREVIEW_ROWS: usize = 256;
/// Copies of a lane's state beside the one in training: one before a long step, one in a checkpoint that waits for the
/// disk, and one in the checkpoint being written.
pub const COPIES: u64 = 3;
/// Bytes of a run that do not depend on its networks: events, waiting log lines, the screen's history.
const REST: u64 = 32 << 20;

/// Memory of a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryNeed {
    /// Bytes of the state of one seed, as stored in a checkpoint.
    pub state: u64,
    /// Bytes of one seed, including copies of the state.
    pub seed: u64,
    /// Bytes for numbers that are measured for the first seed only.
    pub measured: u64,
    /// Bytes for viewing the lane on the screen; only one lane is viewed at a time.
    pub preview: u64,
}

impl MemoryNeed {
    /// The same for a fork, which also keeps the state that it began with.
    #[must_use]
    pub fn forked(self, is: bool) -> Self {
        let kept = if is { self.state } else { 0 };
        Self { seed: self.seed.saturating_add(kept), ..self }
    }

    /// Bytes for this many seeds, without viewing.
    pub fn over(&self, seeds: usize) -> u64 {
        self.seed.saturating_mul(seeds as u64).saturating_add(self.measured)
    }
}

impl Recipe {
    /// The memory of a lane: parameters, optimizer memory and other changing state; gradients; activations of training,
    /// evaluation, attacks and votes; and the copies of the state that are made to save it. `attacked`: whether the
    /// lane is measured under attack.
    pub fn memory(&self, network: &Network, data: &Prepared, attacked: bool) -> MemoryNeed {
        let params = network.param_count() as u64;
        let rows = self.batch.clamp(1, data.train.len().max(1));
        let inputs = (rows * data.train.shape.size()) as u64;
        // Numbers that an optimizer keeps per parameter.
        let vectors = self.optimizer.init(&[0.0]).vectors.iter().map(|v| v.len() as u64).sum::<u64>();
        let average = u64::from(self.weight_average.active());
        let defence = self.defence.memory(rows.saturating_mul(data.train.shape.size())) as u64;
        let running = network.initial_state().len();
        let now = params * (1 + vectors + average) + running as u64 + defence;
        let best = self.early_stopping.patience > 0 && self.early_stopping.restore_best;
        let state = if best { 2 * now } else { now };

        let passes = |rows: usize| network.workspace_floats(rows.max(1)) as u64;
        // A pass of an attack has its own gradients.
        let attack = |rows: usize| passes(rows) + params;
        let judged = data.validation.len().min(EVALUATION_ROWS);
        // The gradient before and after clipping, and the step.
        let mut floats = (1 + COPIES) * state + 3 * params;
        floats += passes(rows) + passes(judged) + data.train.len() as u64;
        if self.defence.active() {
            floats += attack(rows) + inputs;
        }
        if self.prediction.smoothing().is_some() {
            floats += attack(ATTACK_ROWS);
        }
        if attacked {
            floats += attack(ATTACK_ROWS.min(data.validation.len()));
        }
        // The initial weights, the previous gradient, and during an evaluation the weights before it and two gradients.
        let mut measured = 5 * params;
        if running == 0 && rows > 1 {
            measured += passes(rows / PARTS.min(rows));
        }
        let looks = (PREVIEW_FLOATS / network.workspace_len(1).max(1)).clamp(1, PREVIEW_ROWS);
        // Copies of the weights, and the gradients from whose difference a curvature is computed.
        let preview = passes(looks) + attack(looks.min(ATTACK_ROWS)) + 7 * params;
        MemoryNeed { state: 4 * state, seed: 4 * floats, measured: 4 * measured, preview: 4 * preview }
    }
}

/// Bytes of all lanes over this many seeds, if they fit into the memory limit of a run together with the bytes that it
/// keeps besides.
///
/// # Errors
/// The memory needed, and a setting that would fit.
pub fn fits(lanes: impl Iterator<Item = MemoryNeed>, seeds: usize, kept: u64) -> Result<u64, String> {
    let (mut count, mut all, mut preview) = (0u64, REST.saturating_add(kept), 0);
    for need in lanes {
        count += 1;
        all = all.saturating_add(need.over(seeds));
        preview = preview.max(need.preview);
    }
    all = all.saturating_add(preview);
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

/// Whether the system can provide this many more bytes, as far as it reports: limits of the process and of its address
/// space.
///
/// # Errors
/// The reason in words.
pub fn is_there(bytes: u64) -> Result<(), String> {
    // The memory is reserved and released without being touched, which costs nothing.
    let room = Vec::<u8>::new().try_reserve_exact(usize::try_from(bytes).unwrap_or(usize::MAX));
    room.map_err(|_| {
        format!("the system does not give the {} MiB more that it takes", bytes.div_ceil(1 << 20))
    })
}

/// The largest size in bytes of a checkpoint of these lanes.
pub fn checkpoint(lanes: impl Iterator<Item = MemoryNeed>, seeds: usize) -> u64 {
    let state = lanes.map(|need| need.state).fold(0, u64::saturating_add);
    // Texts and waiting lines need room too.
    state.saturating_mul(seeds as u64).saturating_add(REST)
}
