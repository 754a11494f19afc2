//! Sweeps: many trainings of one scenario in one process, kept in a directory that any number of processes write to.
//!
//! `check` refuses what cannot be trained, `cell` is one training, `schedule` decides on the next one, `work` owns the threads, `store` the files of results,
//! `shelf` the files of interrupted trainings, and `table` prints the results. Decisions depend on results alone,
//! never on time, so the results of a sweep are the same for any number of threads, processes and interruptions.

pub mod cell;
pub mod check;
pub mod estimate;
pub mod preset;
pub mod schedule;
pub mod shelf;
pub mod store;
pub mod table;
pub mod work;

/// A training: a setting of the plan with one of its seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SweepCell {
    /// Index into the plan's settings.
    pub setting: usize,
    /// Index into the plan's seeds.
    pub seed: usize,
}

/// A part of a sweep: the cells of `index` of `count` processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The index, from 0.
    pub index: usize,
    /// The number of parts.
    pub count: usize,
}

impl Slice {
    /// The whole sweep.
    pub const ALL: Self = Self { index: 0, count: 1 };
}
