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
//! | [`document`] | RON as text, its places and faults | what any setting means |
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
//! # Glossary
//! Every type that other files can name has a name of its own; `tests/tidy.rs` checks this. The words they are made of:
//!
//! | word | meaning |
//! | --- | --- |
//! | scenario, recipe | the document as written ([`Scenario`](scenario::Scenario)); everything that one lane trains with, after its overrides ([`Recipe`](scenario::Recipe)) |
//! | experiment, contender | the scenario checked, with its data ([`Experiment`](lab::experiment::Experiment)); one lane of it before training ([`Contender`](lab::experiment::Contender)) |
//! | lane | one setting under training: [`TrainingLane`](lab::lane::TrainingLane) on the side of training, [`LaneView`](view::LaneView) on the side of the screen, [`Lane`](scenario::Lane) in a scenario |
//! | run | the lanes of one scenario that train together ([`Run`](lab::run::Run)); as the screen knows it, [`RunView`](view::RunView); on disk, a run directory ([`RunDir`](lab::run_dir::RunDir)) |
//! | seed, replica | with several seeds a lane trains once for each; its first seed is the lane itself, every other one a [`Replica`](lab::lane::Replica) |
//! | turn | the steps that a lane makes before it gives its thread back ([`TurnLimits`](lab::lane::TurnLimits), [`TurnResult`](lab::lane::TurnResult)) |
//! | number | a row of the table of everything reported about a lane ([`Number`](number::Number), [`NumberRow`](number::NumberRow), [`NumberValues`](number::NumberValues)) |
//! | measure, evaluation | the numbers of a training step ([`Measure`](telemetry::Measure)); those computed on the validation samples |
//! | event, command, message | from training to its readers ([`Event`](telemetry::Event)); an order to training ([`Command`](telemetry::Command)); an input of the screen ([`Message`](ui::message::Message)), which answers by an [`Effect`](ui::message::Effect) |
//! | probe | a computation beside training that a pane requests: its row ([`Probe`](lab::preview::Probe)), [`ProbeRequest`](telemetry::ProbeRequest), [`ProbeInput`](lab::preview::ProbeInput), [`ProbeResult`](view::ProbeResult) |
//! | snapshot, state, checkpoint | what changes while one seed trains ([`Snapshot`](lab::trainer::Snapshot)); all seeds of a lane at a step ([`LaneState`](lab::lane::LaneState)); all lanes in a file, for a resume ([`Checkpoint`](lab::run_dir::checkpoint::Checkpoint)) |
//! | fork | a lane that begins at a step of another one: [`ForkRequest`](lab::run::ForkRequest), and for the reader [`ForkOrigin`](telemetry::ForkOrigin) |
//! | finding, fix, cure | a rule's result about a lane ([`Finding`](telemetry::finding::Finding)); a change that may repair it ([`Fix`](telemetry::finding::Fix)); the same after it was tried on a copy ([`TriedCure`](telemetry::finding::TriedCure), [`CureOutcome`](telemetry::finding::CureOutcome)) |
//! | examination | the trial of all cures of a lane ([`Examination`](telemetry::finding::Examination)), done by the [`clinic`](lab::clinic) |
//! | fault | a mistake in something that a user wrote, with its place: [`ScenarioFault`](scenario::check::ScenarioFault), [`BuildFault`](lab::experiment::BuildFault) |
//! | sweep, cell | many trainings of one scenario ([`SweepPlan`](scenario::sweep::SweepPlan)); one of them ([`SweepCell`](lab::sweep::SweepCell)) with its [`TrainingRecord`](lab::sweep::cell::TrainingRecord) |
//! | log | the lines of a run ([`LogLine`](lab::lane::LogLine), [`LogRow`](lab::lane::log::LogRow)); the log of another program ([`RunLog`](logs::RunLog), [`LogSeries`](logs::series::LogSeries)) |
//! | script, cue, recording | actions on the lab with their times ([`RecordingScript`](ui::record::script::RecordingScript), [`CueTime`](ui::record::script::CueTime)); the file in asciicast format that they give |
//! | guide, lesson, course | the state of a learner in one lesson ([`Guide`](ui::guide::Guide)); its pages in a scenario ([`Lesson`](scenario::lesson::Lesson)); lessons in order ([`Course`](lab::lesson::course::Course)) |
//! | team, crew | what splits one lane's work in two ([`Team`](engine::team::Team)); the threads that do it ([`Crew`](lab::runner::crew::Crew)) |
//! | slot | a parameter tensor inside the buffer of all parameters ([`Slot`](engine::network::Slot)); the place of a pane is a [`PaneSlot`](ui::layout::PaneSlot) |
//!
//! Endings: `Args` are the arguments of a subcommand, `Config` is a table of settings that a scenario names, `Row` a row of
//! a table, `Kind` one of a few kinds, `Writer` and `Reader` write and read a file or a stream. Settings have the names
//! that users write in scenarios, such as [`Norm`](engine::clip::norm::Norm) and [`Lstm`](engine::layer::recurrent::lstm::Lstm).
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
pub mod document;
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
