//! The laboratory: a scenario becomes an experiment, its lanes train, and events report the progress.
//!
//! `experiment` checks and builds, `trainer` is one lane without clock or thread, `run` decides which lane trains next,
//! `runner` owns the threads, `run_dir` the files. Knows no screen and no command line.

pub mod clinic;
pub mod exam;
pub mod expect;
pub mod experiment;
pub mod files;
pub mod follow;
pub mod foreign;
pub mod hash;
pub mod lane;
pub mod lesson;
pub mod outbox;
pub mod outcome;
pub mod preset;
pub mod preview;
pub mod proof;
pub mod range;
pub mod run;
pub mod run_dir;
pub mod runner;
pub mod stepped;
mod store;
pub mod sweep;
pub mod trail;
pub mod trainer;
