//! Messages between training and its watchers: events out, commands in. Plain data; runs and draws nothing.
//!
//! The same events drive the lab, the headless run, the recorder and the tests.

mod divergence;
pub mod finding;
mod ground;
mod hash;
mod lane;
mod spread;

pub use divergence::{Divergence, Origin, Stage};
pub use ground::{DataFacts, Mark, Score};
pub use hash::ParameterHash;
pub use spread::{Band, Spread};

use crate::number::{LayerNumber, LayerValues, Number, Values};
use crate::scenario::{Carry, DataConfig, Edit, Recipe, Scenario, Shape};
use std::sync::Arc;

/// Index of a lane within a run; a removed lane's index is not used again.
pub type LaneId = usize;

/// The description of one lane, told when it starts or is changed.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneInfo {
    /// Its name.
    pub name: String,
    /// Its settings.
    pub recipe: Recipe,
    /// Shape of one input sample.
    pub input: Shape,
    /// Shape of what the data want as one output sample; the output layer follows from it.
    pub outputs: Shape,
    /// Its layers, input side first.
    pub layers: Vec<LayerInfo>,
    /// Length of its parameter buffer.
    pub params: usize,
    /// Steps of one epoch.
    pub steps_per_epoch: f64,
    /// Gradient evaluations of a step under its defence, where 1 is plain training.
    pub cost: f64,
    /// Its edits since the scenario was written, in order; those at step 0 were made before it trained.
    pub edits: Vec<Edit>,
    /// The writer of its log, where another program trains it: its settings and its network are not known then, and `recipe`,
    /// `input` and `outputs` say nothing.
    pub foreign: Option<&'static str>,
    /// Where it comes from, if it is forked from another lane.
    pub fork: Option<Fork>,
    /// The report of the data's reading, a line each: samples, inputs, target, notes and warnings.
    pub read: Arc<[String]>,
    /// Steps of the scenario, by which its schedule goes; 0 where nobody knows.
    pub total: u64,
    /// Its data in a few numbers, where they are at hand.
    pub data: Option<Arc<DataFacts>>,
}

/// Where a forked lane comes from. `Display` says it in words: `from plain at 340`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fork {
    /// Its parent, which may have left meanwhile.
    pub parent: LaneId,
    /// The parent's name, or its name when the lane was forked.
    pub from: String,
    /// The steps of the parent after which it begins.
    pub at: u64,
    /// The state that it takes over; `None`: nothing, it starts at step 0. [`Carry::words`] says it.
    pub carried: Option<Carry>,
    /// The parent's recipe there: the settings to which the lane is compared.
    pub recipe: Box<Recipe>,
    /// Whether it has begun. Until then it waits for its parent, and its step is 0.
    pub begun: bool,
}

impl std::fmt::Display for Fork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "from {} at {}", self.from, self.at)
    }
}

/// One layer as the screen shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerInfo {
    /// In a few words: `Dense 64`.
    pub label: String,
    /// Shape of its input sample.
    pub input: String,
    /// Shape of its output sample.
    pub output: String,
    /// Parameters in it.
    pub params: usize,
    /// Norms of its matrices between which a signal keeps its size at the start; `None` without a matrix.
    pub keeps: Option<(f32, f32)>,
    /// Whether its units can saturate or fall silent.
    pub saturates: bool,
}

/// Numbers of one step of one lane, or of an evaluation after it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measure {
    /// Steps done, this one included.
    pub step: u64,
    /// Passes over the training samples.
    pub epoch: f64,
    /// Seconds of training in this lane (0 where no clock is wanted).
    pub seconds: f64,
    /// Gradient evaluations so far.
    pub evaluations: u64,
    /// The values: one for every row of the number table that has one at this step.
    pub values: Values,
    /// Least value since the last measurement, of numbers that keep a range.
    pub least: Values,
    /// Greatest value since then.
    pub greatest: Values,
    /// The range of this step over all seeds of the lane; `None` with one.
    pub spread: Option<Spread>,
    /// The hash of the lane's parameters, in an evaluation.
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

    /// The same with one more value.
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
    /// One without values.
    pub fn of(layer: usize) -> Self {
        Self { layer, ..Self::default() }
    }

    /// A value; `None` where the layer has none.
    pub fn get(&self, number: LayerNumber) -> Option<f32> {
        self.values.get(number)
    }

    /// The same with one more value.
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
    /// Stopped by command; goes on when told.
    Paused,
    /// All steps done.
    Finished,
    /// Stopped by early stopping or a rule of the scenario, in words.
    Stopped(String),
    /// Numbers ran away.
    Diverged(Divergence),
    /// A fault of the program in this lane, in words.
    Failed(String),
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
        /// A name and its numbers a row.
        rows: Vec<(String, Vec<f32>)>,
    },
}

/// News from a lane.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The lane exists, or was rebuilt: its curves begin anew at this step (0 after a reset).
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
    /// The lane went back to this step, with the settings that it had there: what was told of later steps is past. Never dropped.
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
    /// A step by which the lane is judged. Their numbers alone decide which steps these are (see `lab::lane::marked`), so that a
    /// run is judged alike on every machine, watched or not. Never dropped.
    Marked {
        /// The lane.
        lane: LaneId,
        /// The step.
        mark: Arc<Mark>,
    },
    /// The validation samples were evaluated. Never dropped.
    Evaluated {
        /// The lane.
        lane: LaneId,
        /// After how many steps, and the numbers of the evaluation.
        measure: Box<Measure>,
    },
    /// A measurement by name: `boundary`, `predictions`, `confusion`, `adversarial` ... May be dropped.
    ///
    /// `robustness` is made by the lane itself, where the scenario asks for it, and not dropped: the scalars `eps`, `clean`,
    /// `noise`, `fgsm`, `pgd` (shares of right answers) and `share` (what measuring takes of training); `checks`, a table
    /// with a row for each trust check (its name, and the reason if it fails; 1 if it holds); at the end of a run `curve`,
    /// a table of the same shares (a row for each size; eps, clean, noise, fgsm, pgd).
    ///
    /// `health` comes with every evaluation: `dead`, a table with a row for each layer that can saturate (its index; the share of
    /// its units that pass no gradient for any validation sample); `samples`, a scalar, over how many answers; `constant`, the
    /// class that all of them got, if it was one and the same.
    Probed {
        /// The lane.
        lane: LaneId,
        /// After this many steps.
        step: u64,
        /// The measurement.
        name: &'static str,
        /// The numbers, part by part: (`image`, ...), (`perturbation`, ...).
        parts: Vec<(String, Data)>,
    },
    /// A step of a lane that was gone back to and made once more, as the lane told of it then: settings, numbers, probes. The
    /// present goes on beside it. May be dropped when another step is asked for.
    Recalled {
        /// The lane.
        lane: LaneId,
        /// The step.
        step: u64,
        /// The events of that step, as they would have been then.
        told: Vec<Event>,
    },
    /// An examination of the lane has come further: it is watched by the probe `diagnosis`. The newest replaces those before.
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
    /// The lane is gone.
    Removed {
        /// The lane.
        lane: LaneId,
    },
    /// The changes that can be undone, and those that can be made again, in words, each the newest last.
    Changes {
        /// Those that were made.
        made: Vec<String>,
        /// Those that were undone since.
        undone: Vec<String>,
    },
    /// An order to pause or to make single steps was carried out: every lane stands where the order wants it, and what came
    /// of it has been told. One for each such order, never dropped.
    Rested,
    /// Something that concerns nobody's lane: a full disk, a saved checkpoint.
    Notice(String),
    /// The run is no longer written to the disk, or is again; a notice says why. Never dropped.
    Unsaved(bool),
}

/// The target of an attack for the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    /// The validation sample of this number.
    Number(usize),
    /// The validation sample that the lane gets right with the least certainty.
    Hardest,
    /// The picture that [`Command::Picture`] has brought.
    Own,
}

/// A request of the screen: a probe by its name, the lane, and its arguments. Computed beside training.
///
/// Each probe says in its row of the table in `lab::preview` which of these it reads.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The probe, a row of the table.
    pub probe: &'static str,
    /// The lane that is looked at.
    pub lane: LaneId,
    /// The sample in front.
    pub sample: Sample,
    /// Columns and rows of a grid.
    pub grid: (usize, usize),
    /// x and y of the left, right, bottom and top edge.
    pub extent: [f32; 4],
    /// How many, or which one.
    pub number: usize,
    /// An attack with its settings, as a scenario writes it.
    pub attack: String,
    /// The class that a targeted attack wants to reach.
    pub target: Option<u32>,
}

impl View {
    /// A look of this probe at a lane, with nothing else asked.
    pub fn of(probe: &'static str, lane: LaneId) -> Self {
        let (grid, extent) = ((0, 0), [0.0; 4]);
        let (sample, attack) = (Sample::Number(0), String::new());
        Self { probe, lane, sample, grid, extent, number: 0, attack, target: None }
    }

    /// The number of the sample in front, 0 where it has none.
    pub fn index(&self) -> usize {
        if let Sample::Number(n) = self.sample { n } else { 0 }
    }
}

/// Orders to a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Train on.
    Run,
    /// Stop after the present step.
    Pause,
    /// So many steps in every lane, then pause.
    Step(u64),
    /// Pause where all lanes that train have made so many steps; `None`: train on to the end. Holds for one pause.
    Until(Option<u64>),
    /// Train this lane with another recipe from its next step on. Same network: the state is kept; another network, init
    /// or loss: the lane starts anew from the same seed.
    Set {
        /// The lane.
        lane: LaneId,
        /// Its name.
        name: String,
        /// Its new recipe.
        recipe: Box<Recipe>,
    },
    /// One more lane, from step 0.
    Add {
        /// Its name.
        name: String,
        /// Its recipe.
        recipe: Box<Recipe>,
    },
    /// One more lane that begins at a step of another one, with its state there. Where nothing can be carried over
    /// (see [`Carry::between`]) it starts at step 0.
    Fork {
        /// The other lane.
        parent: LaneId,
        /// After so many steps of that one; `None`: where it stands now. Its way to an earlier step is trained once more,
        /// unseen, unless the state is at hand.
        at: Option<u64>,
        /// Its name.
        name: String,
        /// Its recipe.
        recipe: Box<Recipe>,
        /// The part of the state to take over.
        carry: Carry,
    },
    /// This lane leaves.
    Remove(LaneId),
    /// Back to step 0 from the same seed: one lane, or all.
    Reset(Option<LaneId>),
    /// Go on from an earlier step, as if nothing had been changed since: one lane, or all that have come further.
    Rewind {
        /// The lane; `None`: all.
        lane: Option<LaneId>,
        /// After this many steps.
        step: u64,
    },
    /// Undo the last change of lanes, data or seeds: they become what they would be if it had never been made.
    Undo,
    /// Make the change again that was undone last.
    Redo,
    /// Several orders as one change.
    Together(Vec<Command>),
    /// Only this lane trains; `None`: all again.
    Solo(Option<LaneId>),
    /// At most so many steps a second in every lane, for somebody who wants to watch; `None`: as fast as it goes.
    Pace(Option<f64>),
    /// So many steps further than planned: lanes that have finished go on. What a schedule or a length of training goes by stays as
    /// it was.
    Further(u64),
    /// Other data (another starting point, another length) for the same lanes, which all start anew.
    Data(Box<DataConfig>),
    /// So many seeds for every lane; all start anew.
    Seeds(usize),
    /// Another scenario altogether.
    Load(Box<Scenario>),
    /// A picture of one's own to attack: the path of a PNG or JPEG file.
    Picture(String),
    /// The probes to compute for the screen from now on; replaces the former list.
    Watch(Vec<View>),
    /// Show this step of every lane, as far as the lane has made it, instead of the present; `None`: the present again. Training
    /// does not hear of it.
    Look(Option<u64>),
    /// Measure all layers at every step instead of by time (single stepping, recording).
    MeasureEvery(Option<u64>),
    /// The outcome of a cure, in words, that was trained in a lane beside a sick one. It is kept in the log.
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
    /// Write the experiment as it is now, lanes, edits and forks, to a new file as a scenario.
    Write(String),
    /// Save and end.
    Quit,
}
