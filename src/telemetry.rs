//! Messages between training and its watchers: events out, commands in. Plain data: this module runs and draws nothing.
//!
//! The same events drive the lab, the headless run, the recorder and the tests.

mod divergence;
pub mod finding;
mod ground;
mod hash;
mod info;
mod lane;
mod spread;

pub use divergence::{Divergence, DivergenceOrigin, StepStage};
pub use ground::{DataFacts, LaneScore, MeasuredStep};
pub use hash::ParameterHash;
pub use info::{ForkOrigin, LaneInfo, OLDER};
pub use spread::{Band, Spread};

use crate::number::{LayerNumber, LayerValues, Number, NumberValues};
use crate::scenario::{Carry, DataConfig, Recipe, Scenario};
use std::sync::Arc;

/// Index of a lane within a run; a removed lane's index is not used again.
pub type LaneId = usize;

/// One layer as the screen shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerInfo {
    /// Its description in a few words: `Dense 64`.
    pub label: String,
    /// Shape of its input sample.
    pub input: String,
    /// Shape of its output sample.
    pub output: String,
    /// Parameters in it.
    pub params: usize,
    /// The range of matrix norms within which a signal keeps its size at initialisation; `None` without a matrix.
    pub keeps: Option<(f32, f32)>,
    /// Whether its units can saturate or fall silent.
    pub saturates: bool,
}

/// Numbers of one step of one lane, or of an evaluation after it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measure {
    /// Steps done, including this one.
    pub step: u64,
    /// Passes over the training samples.
    pub epoch: f64,
    /// Seconds of training in this lane; 0 if the run keeps no time.
    pub seconds: f64,
    /// Gradient evaluations so far.
    pub evaluations: u64,
    /// The values: one for every row of the number table that has a value at this step.
    pub values: NumberValues,
    /// Least value since the last measurement, of numbers that keep a range.
    pub least: NumberValues,
    /// Greatest value since then.
    pub greatest: NumberValues,
    /// The range of this step over all seeds of the lane; `None` with one.
    pub spread: Option<Spread>,
    /// The hash of the lane's parameters; evaluations alone have one.
    pub hash: Option<ParameterHash>,
}

impl Measure {
    /// A value; `None` where this step has none.
    pub fn get(&self, number: Number) -> Option<f64> {
        self.values.get(number)
    }

    /// A value as an f32; NaN where this step has none.
    pub fn single(&self, number: Number) -> f32 {
        self.get(number).map_or(f32::NAN, |x| x as f32)
    }

    /// The value as curves draw it: with several seeds, the median over them for every number that has a band.
    pub fn drawn(&self, number: Number) -> Option<f64> {
        match self.spread.filter(|_| number.row().band) {
            Some(spread) => spread.band(number).map(|band| band.median.into()),
            None => self.get(number),
        }
    }

    /// A copy with one more value.
    #[must_use]
    pub fn with(self, number: Number, value: impl Into<f64>) -> Self {
        Self { values: self.values.with(number, value.into()), ..self }
    }
}

/// Numbers of one layer at a measured step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LayerMeasure {
    /// Index of the layer.
    pub layer: usize,
    /// The values: one for every row of the layer table that applies.
    pub values: LayerValues,
}

impl LayerMeasure {
    /// A measurement without values.
    pub fn of(layer: usize) -> Self {
        Self { layer, ..Self::default() }
    }

    /// A value; `None` where the layer has none.
    pub fn get(&self, number: LayerNumber) -> Option<f32> {
        self.values.get(number)
    }

    /// A copy with one more value.
    #[must_use]
    pub fn with(self, number: LayerNumber, value: f32) -> Self {
        Self { values: self.values.with(number, value), ..self }
    }
}

/// The phase of a lane.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// Training, or waiting for its turn.
    Running,
    /// Paused by command; goes on when ordered.
    Paused,
    /// All steps done.
    Finished,
    /// Stopped by early stopping or a rule of the scenario, in words.
    Stopped(String),
    /// Its numbers were no longer finite, or exceeded the limit.
    Diverged(Divergence),
    /// A fault of the program in this lane, in words.
    Failed(String),
    /// Not ended, but the process that trained it is gone without having left the run: it was killed, or the machine
    /// stopped. Only a watched run has it.
    Killed,
}

/// A measurement is one of these shapes under a name; a new measurement needs no new event.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// One number.
    Scalar(f64),
    /// Numbers in order.
    Series(Vec<f32>),
    /// Counts between equally spaced edges.
    Histogram {
        /// Left end of the first bin.
        low: f32,
        /// Right end of the last bin.
        high: f32,
        /// Counts.
        counts: Vec<u32>,
    },
    /// Numbers on a plane, row by row from the top.
    Grid {
        /// Columns.
        width: usize,
        /// The numbers, a multiple of `width`.
        values: Vec<f32>,
        /// x and y of the left, right, bottom and top edge.
        extent: [f32; 4],
    },
    /// Points of a plane with a class each.
    Points(Vec<(f32, f32, u32)>),
    /// Pixels, channel by channel.
    Image {
        /// Channels: 1 or 3.
        channels: usize,
        /// Columns.
        width: usize,
        /// Pixels in [0, 1] (perturbations: any sign).
        pixels: Vec<f32>,
    },
    /// Rows of numbers under headings.
    Table {
        /// Headings.
        columns: Vec<String>,
        /// One row each: a name and its numbers.
        rows: Vec<(String, Vec<f32>)>,
    },
}

/// News from a lane.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The lane was created or rebuilt: its curves begin anew at this step (0 after a reset).
    Started {
        /// The lane.
        lane: LaneId,
        /// Its description.
        info: Box<LaneInfo>,
        /// Its next step, from 0.
        step: u64,
    },
    /// A setting changed while the lane went on.
    Changed {
        /// The lane.
        lane: LaneId,
        /// Its description now.
        info: Box<LaneInfo>,
        /// After this many steps.
        step: u64,
    },
    /// The lane went back to this step and to its settings there: earlier reports of later steps are void. Never
    /// dropped.
    Rewound {
        /// The lane.
        lane: LaneId,
        /// Its description now.
        info: Box<LaneInfo>,
        /// After this many steps.
        step: u64,
    },
    /// A step was measured. May be dropped when the watcher is slow.
    Measured {
        /// The lane.
        lane: LaneId,
        /// The whole lane.
        measure: Box<Measure>,
        /// Its layers.
        layers: Vec<LayerMeasure>,
    },
    /// A step by which the lane is judged. The step numbers alone decide which steps these are (see
    /// `lab::lane::marked`), so that a run is judged alike on every machine, watched or not. Never dropped.
    Marked {
        /// The lane.
        lane: LaneId,
        /// The step.
        mark: Arc<MeasuredStep>,
    },
    /// The validation samples were evaluated. Never dropped.
    Evaluated {
        /// The lane.
        lane: LaneId,
        /// The steps done and the numbers of the evaluation.
        measure: Box<Measure>,
    },
    /// A measurement by name: `boundary`, `predictions`, `confusion`, `adversarial` ... May be dropped.
    ///
    /// The lane itself makes `robustness` if the scenario asks for it, and it is never dropped: the scalars `eps`,
    /// `clean`, `noise`, `fgsm`, `pgd` (shares of right answers) and `share` (time of measuring over time of training);
    /// `checks`, a table with a row for each trust check (its name, and the reason if it fails; 1 if it holds); at the
    /// end of a run `curve`, a table of the same shares (a row for each size; eps, clean, noise, fgsm, pgd).
    ///
    /// `health` comes with every evaluation: `dead`, a table with a row for each layer that can saturate (its index;
    /// the share of its units that pass no gradient for any validation sample); `samples`, a scalar, the number of
    /// answers; `constant`, the class of all answers, if they all have the same class.
    Probed {
        /// The lane.
        lane: LaneId,
        /// After this many steps.
        step: u64,
        /// The measurement.
        name: &'static str,
        /// The numbers, part by part, such as (`image`, ...), (`perturbation`, ...).
        parts: Vec<(String, Data)>,
    },
    /// An earlier step of a lane was trained once more, to show its settings, numbers and probes again. The present
    /// goes on meanwhile. May be dropped when another step is asked for.
    Recalled {
        /// The lane.
        lane: LaneId,
        /// The step.
        step: u64,
        /// The events of that step, as they were sent then.
        events: Vec<Event>,
    },
    /// The probe `diagnosis` made progress with its examination of the lane. The newest result replaces earlier ones.
    Examined {
        /// The lane.
        lane: LaneId,
        /// The findings so far.
        examination: Box<finding::Examination>,
    },
    /// The lane's phase changed. Never dropped.
    Phase {
        /// The lane.
        lane: LaneId,
        /// After this many steps.
        step: u64,
        /// Its phase now.
        phase: Phase,
    },
    /// The lane was removed.
    Removed {
        /// The lane.
        lane: LaneId,
    },
    /// The changes that can be undone, and those that can be made again, in words, the newest last.
    Changes {
        /// Changes that can be undone.
        made: Vec<String>,
        /// Changes that were undone and can be made again.
        undone: Vec<String>,
    },
    /// An order to pause or to make single steps was carried out: every lane has reached the step that the order asks
    /// for, and the results were sent. One for each such order, never dropped.
    Rested,
    /// A message that concerns no single lane: a full disk, a saved checkpoint.
    Notice(String),
    /// Writing to the disk failed (`true`) or works again (`false`); a notice gives the reason. Never dropped.
    Unsaved(bool),
}

/// The sample that the screen attacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    /// The validation sample of this number.
    Number(usize),
    /// The validation sample that the lane classifies right with the least certainty.
    Hardest,
    /// The picture that [`Command::Picture`] loaded.
    Own,
}

/// A request of the screen: a probe by its name, the lane, and its arguments. Computed beside training.
///
/// Each probe says in its row of the table in `lab::preview` which of these it reads.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeRequest {
    /// The probe, a row of the table.
    pub probe: &'static str,
    /// The lane to look at.
    pub lane: LaneId,
    /// The selected sample.
    pub sample: Sample,
    /// Columns and rows of a grid.
    pub grid: (usize, usize),
    /// x and y of the left, right, bottom and top edge.
    pub extent: [f32; 4],
    /// A count or an index, as the probe defines it.
    pub number: usize,
    /// An attack with its settings, as a scenario writes it.
    pub attack: String,
    /// The class that a targeted attack aims at.
    pub target: Option<u32>,
}

impl ProbeRequest {
    /// A view of this probe and lane; all other arguments have their defaults.
    pub fn of(probe: &'static str, lane: LaneId) -> Self {
        let (grid, extent) = ((0, 0), [0.0; 4]);
        let (sample, attack) = (Sample::Number(0), String::new());
        Self { probe, lane, sample, grid, extent, number: 0, attack, target: None }
    }

    /// The number of the selected sample; 0 if it has none.
    pub fn index(&self) -> usize {
        if let Sample::Number(n) = self.sample { n } else { 0 }
    }
}

/// Orders to a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Continue training.
    Run,
    /// Pause after the current step.
    Pause,
    /// Make this many steps in every lane, then pause.
    Step(u64),
    /// Pause when all lanes that train have made this many steps; `None`: train on to the end. Holds for one pause.
    Until(Option<u64>),
    /// Train this lane with another recipe from its next step on. With the same network the state is kept; with another
    /// network, init or loss the lane starts anew from the same seed.
    Set {
        /// The lane.
        lane: LaneId,
        /// Its name.
        name: String,
        /// Its new recipe.
        recipe: Box<Recipe>,
    },
    /// Add a lane that starts at step 0.
    Add {
        /// Its name.
        name: String,
        /// Its recipe.
        recipe: Box<Recipe>,
    },
    /// Add a lane that begins with the state of another lane at some step, or at step 0 if [`Carry::between`] forbids
    /// it.
    Fork {
        /// The other lane.
        parent: LaneId,
        /// After this many steps of the other lane; `None`: at its current step. An earlier state is trained once more,
        /// out of sight, unless it is still in memory.
        at: Option<u64>,
        /// Its name.
        name: String,
        /// Its recipe.
        recipe: Box<Recipe>,
        /// The part of the state to take over.
        carry: Carry,
    },
    /// Remove this lane.
    Remove(LaneId),
    /// Reset one lane or all lanes to step 0 with the same seed.
    Reset(Option<LaneId>),
    /// Go back to an earlier step, as if nothing had been changed since: one lane, or all that are past that step.
    Rewind {
        /// The lane; `None`: all.
        lane: Option<LaneId>,
        /// After this many steps.
        step: u64,
    },
    /// Undo the last change of lanes, data or seeds: the lanes become as if it had never been made.
    Undo,
    /// Redo the change that was undone last.
    Redo,
    /// Several orders that count as one change.
    Together(Vec<Command>),
    /// Only this lane trains; `None`: all again.
    Solo(Option<LaneId>),
    /// Make at most this many steps a second in every lane, so that the user can watch; `None`: as fast as possible.
    Pace(Option<f64>),
    /// Train this many steps further than planned: lanes that have finished go on. Schedules keep their planned length.
    Further(u64),
    /// Use other data (or another starting point, or another length) for the same lanes, which all start anew.
    Data(Box<DataConfig>),
    /// Use this many seeds for every lane; all lanes start anew.
    Seeds(usize),
    /// Load another scenario.
    Load(Box<Scenario>),
    /// Load a picture of the user's to attack: the path of a PNG or JPEG file.
    Picture(String),
    /// The probes to compute for the screen from now on; replaces the former list.
    Watch(Vec<ProbeRequest>),
    /// Show this step of every lane that has reached it; `None`: show the present again. Training is not affected.
    Look(Option<u64>),
    /// Measure all layers every this many steps instead of by time (single stepping, recording).
    MeasureEvery(Option<u64>),
    /// The result of a tried cure, in words, whose lane was trained beside the sick one. It is kept in the log.
    Verdict {
        /// The lane with the cure.
        lane: LaneId,
        /// The sick lane.
        of: LaneId,
        /// The verdict with its numbers.
        text: String,
    },
    /// Save a checkpoint now.
    Save,
    /// Write the experiment as it is now, with lanes, edits and forks, to a new file as a scenario.
    Write(String),
    /// Save and end.
    Quit,
}
