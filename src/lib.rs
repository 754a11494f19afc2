//! gradtui: the optimizer lab in which the comparison is provably fair and a broken network explains itself.
//!
//! # Bird's eye
//! ```text
//! presets/*.ron ─▶ Scenario ─check─▶ Experiment ─▶ Trainer (one per lane) ─Event─▶ view model ─▶ panes
//!                  as written        built, checked    ▲                               │
//!                                                      └────────── Command ◀─ Message ◀┘ keys
//! ```
//! A scenario is a RON document. Checked and built, it becomes an experiment: data in memory and, for every lane, a
//! network and its training recipe. A trainer moves one lane by one step; the runner lets lanes take turns on threads.
//! Training reports results as events and receives orders as commands. The lab, the headless run, the recorder and the
//! tests all use the same events; none of them is special.
//!
//! # Code map
//! | module | knows | does not know |
//! | --- | --- | --- |
//! | [`registry`] | how a table of settings is declared | what any setting means |
//! | [`limits`] | every bound, in one place | anything else |
//! | [`arena`] | how memory is allocated from the system and returned to it | what it is used for |
//! | [`faults`] | the fault that a test injects | the code that asks |
//! | [`engine`] | arrays: layers, losses, optimizers, schedules, clips, data, attacks | files, clocks, threads, terminals |
//! | [`scenario`] | the document and its faults | how it is run |
//! | [`number`] | every number reported about a lane: its row and its arithmetic | lanes, logs, curves |
//! | [`logs`] | logs that other programs wrote: kinds, series, layers | training, screens |
//! | [`telemetry`] | events and commands, plain data | their senders and readers |
//! | [`diagnosis`] | rules that judge a lane's numbers and settings, and the cures they offer | how a cure is tried, how it is drawn |
//! | [`lab`] | experiments, trainers, threads, run directories | screens |
//! | [`view`] | the state of a run in bounded memory | how it is drawn |
//! | [`export`] | files of a run for other programs: tables, figures, weights, models | files, screens |
//! | [`ui`] | keys, panes, the terminal | training |
//! | [`cli`] | the command line | everything it can leave to others |
//!
//! # Invariants
//! * The same scenario gives the same bits, whatever the machine, the number of threads and the other lanes. Random
//!   numbers are functions of (seed, purpose, step, index); sums have a fixed order; the engine uses no elementary
//!   function of the platform.
//! * A training step is a pure function of (state, settings, step) and allocates nothing: `run(0..N)` equals
//!   `snapshot(k)` and `run(k..N)`, bit for bit.
//! * Training never waits for the screen, the screen never for training.
//! * A scenario that passes the check can be run: both use one set of rules.
//! * Imports point one way, from the bottom of the table to its top. `tests/tidy.rs` checks this and other rules.
//!
//! # Example
//! A scenario as text, checked, built, and its lane trained by a hundred steps:
//! ```
//! use gradtui::{engine::data::NoFiles, lab::{experiment::Experiment, trainer::Trainer}, scenario};
//!
//! let text = "(title: \"moons\", data: Moons(samples: 200), network: [Dense(8), Tanh()], optimizer: Adam(0.01), steps: 100)";
//! let scenario = scenario::check::read(text).unwrap();
//! let (seed, steps) = (scenario.seed, scenario.steps as u64);
//! let experiment = Experiment::new(scenario, &NoFiles).unwrap();
//! let recipe = experiment.lanes[0].recipe.clone();
//! let mut trainer = Trainer::new(&experiment.data, recipe, seed, steps).unwrap();
//! let first = trainer.step(false).unwrap().loss;
//! for _ in 1..steps {
//!     trainer.step(false).unwrap();
//! }
//! assert!(trainer.last().loss < first);
//! ```

pub mod arena;
pub mod cli;
pub mod diagnosis;
pub mod engine;
pub mod export;
pub mod faults;
pub mod lab;
pub mod limits;
pub mod logs;
pub mod number;
pub mod registry;
pub mod scenario;
pub mod telemetry;
pub mod text;
pub mod ui;
pub mod view;
