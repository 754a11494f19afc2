//! Every limit of the program, in one place; messages quote them. Knows nothing else.

/// Bytes of a scenario file.
pub const SCENARIO_BYTES: u64 = 256 * 1024;
/// Bytes of a learner's progress file, and of a file that is handed in.
pub const PROGRESS_BYTES: u64 = 4 << 20;
/// Evaluations of a lesson's run among which a goal is looked for.
pub const LESSON_EVALUATIONS: usize = 2000;
/// Nesting of brackets in a scenario.
pub const NESTING: usize = 64;
/// Bytes of a data set once it is decoded.
pub const DATA_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes of a data file as it lies on disk.
pub const DATA_FILE_BYTES: u64 = 128 * 1024 * 1024;
/// Bytes of a file of weights: as many parameters as a network may have, and its head.
pub const WEIGHT_BYTES: u64 = 4 * PARAMETERS as u64 + (1 << 20);
/// Numbers of a data set: `DATA_BYTES` at four bytes each.
pub const DATA_NUMBERS: usize = (DATA_BYTES / 4) as usize;
/// Classes of a data set.
pub const CLASSES: usize = 1000;
/// Pixels along one edge of a picture.
pub const PICTURE_EDGE: usize = 4096;
/// Files in one directory of images.
pub const ENTRIES: usize = 100_000;
/// Parameters of one network.
pub const PARAMETERS: usize = 20_000_000;
/// Layers of one network after `Repeat` is expanded.
pub const LAYERS: usize = 256;
/// Floats of one network's activations for one batch.
pub const ACTIVATIONS: usize = 64 * 1024 * 1024;
/// Bytes that all lanes of a run take, over all seeds.
pub const MEMORY: u64 = 4 << 30;
/// Bytes for the states that a run keeps for looking back, unless the preferences say otherwise.
pub const LOOK_BACK: usize = 64 << 20;
/// The largest value, in mebibytes, that the preferences may set for them.
pub const LOOK_BACK_MIB: usize = 4096;
/// Bytes for the states of removed lanes, which undo brings back without training them again. The state that the next
/// undo needs is kept whatever its size.
pub const REMOVED: usize = 32 << 20;
/// Floats of the copies of lanes that are kept to train earlier steps again.
pub const RERUNS: usize = 8 << 20;
/// Floats of the passes that probes of several lanes keep; the passes of one lane may be larger.
pub const PROBES: usize = 8 << 20;
/// Changes of one lane while it trains.
pub const EDITS: usize = 200;
/// Lanes of a scenario.
pub const LANES: usize = 8;
/// Seeds of a lane.
pub const SEEDS: usize = 16;
/// Units of one layer.
pub const UNITS: usize = 65_536;
/// Pixels of one side of a kernel, of a stride, of a padding.
pub const KERNEL: usize = 64;
/// Samples of a batch.
pub const BATCH: usize = 65_536;
/// Steps of a run.
pub const STEPS: usize = 1_000_000_000;
/// Samples that a generator makes.
pub const SAMPLES: usize = 1_000_000;
/// Columns of a CSV file.
pub const CSV_COLUMNS: usize = 4096;
/// Bytes of one line of a CSV file.
pub const CSV_LINE: usize = 1024 * 1024;
/// Characters of a name or title.
pub const NAME_CHARS: usize = 200;
/// Faults reported for one file.
pub const FAULTS: usize = 50;
/// Fields that a sweep varies.
pub const SWEEP_FIELDS: usize = 8;
/// Values of one field of a sweep.
pub const SWEEP_VALUES: usize = 1000;
/// Settings of a sweep, each of which is trained with every seed.
pub const SWEEP_SETTINGS: usize = 20_000;
/// Seeds of a sweep.
pub const SWEEP_SEEDS: usize = 1000;
/// Trainings of a sweep.
pub const SWEEP_CELLS: usize = 200_000;
/// Evaluations of one training of a sweep.
pub const SWEEP_EVALUATIONS: usize = 1000;
