//! Reads logs that other programs wrote: recognises their kind by their content and reads the series of numbers in them
//! while they grow. Knows files, and neither screens nor training. To add a kind, write a file beside this one and a
//! row in [`KINDS`].

use std::path::{Path, PathBuf};

mod document;
mod find;
mod jsonl;
pub mod layers;
mod rising;
pub mod series;
mod sqlite;
mod store;
mod table;
mod tail;
mod tensorboard;
mod text;
mod trainer_state;
mod value;
mod wandb;
mod wire;

use series::LogContent;
pub use tail::data_from;

/// Names of the step column, in order of preference.
const STEPS: [&str; 6] = ["_step", "global_step", "step", "iteration", "iter", "epoch"];

/// Names of the number of a batch within its epoch.
const BATCHES: [&str; 5] = ["batch", "batch_idx", "batch_index", "batch_id", "minibatch"];

/// Names of the column that holds the name of a row's layer, if each row has one.
const LAYERS: [&str; 5] = ["layer", "layer_name", "parameter", "param", "module"];

/// The series of a number that a row holds for one layer; only a gradient or a norm is one of the layer.
fn of_layer(name: &str, layer: Option<&str>) -> String {
    let lower = name.to_lowercase();
    match layer.filter(|layer| !layer.is_empty()) {
        Some(layer) if lower.contains("grad") || lower.contains("norm") => {
            let number = layer.bytes().all(|b| b.is_ascii_digit());
            if number { format!("{name}/layer.{layer}") } else { format!("{name}/{layer}") }
        }
        _ => name.into(),
    }
}

/// Receives the content of a log.
pub trait LogSink {
    /// Everything sent so far is void: the log is read again from its beginning.
    fn restart(&mut self);
    /// Another file begins. If its steps go on, the log was rotated, and everything sent so far remains; if not, it was
    /// replaced or rewritten, and everything is void.
    fn renew(&mut self) {
        self.restart();
    }
    /// A point of a series.
    fn point(&mut self, series: &str, step: f64, value: f64);
    /// A step at which a series has `null` in place of a number.
    fn null(&mut self, series: &str, step: f64);
    /// A number, or `null`.
    fn value(&mut self, series: &str, step: f64, value: Option<f64>) {
        match value {
            Some(value) => self.point(series, step, value),
            None => self.null(series, step),
        }
    }
    /// The L2 norm of the numbers in a histogram; `exact` unless it is estimated from the bins.
    fn norm(&mut self, histogram: &str, step: f64, value: f64, exact: bool);
    /// A remark, such as damage or content that was left out.
    fn remark(&mut self, words: String);
}

/// Reads a log from where it stopped.
pub trait LogReader: Send {
    /// Reads new content, or a part of it, and sends it to `out`. Returns `true` if there is more to read at once.
    ///
    /// # Errors
    /// If it cannot be read at present. The next call tries again.
    fn read(&mut self, out: &mut dyn LogSink) -> Result<bool, String>;
    /// Sends an incomplete last line or record as far as it can be used. For a log that does not grow any more.
    fn close(&mut self, _out: &mut dyn LogSink) {}
}

/// A kind of log.
pub struct LogKind {
    /// Its name.
    pub name: &'static str,
    /// Whether series appear in it in the order in which they were logged.
    pub ordered: bool,
    /// The logs of this kind at a path: a file or a folder.
    find: fn(&find::LogFiles) -> Vec<UnreadLog>,
}

/// A log before it is read.
struct UnreadLog {
    run: String,
    open: OpenLog,
}

/// Opens one log.
type OpenLog = Box<dyn FnOnce() -> Result<Box<dyn LogReader>, String>>;

/// The kind of tables.
const TABLE: &str = "CSV";

/// Every kind, in order of preference: if several lie together, the first one holds the most information.
pub const KINDS: [LogKind; 10] = [
    LogKind { name: "gradtui", ordered: true, find: find::own },
    LogKind { name: "W&B", ordered: false, find: find::wandb },
    LogKind { name: "TensorBoard events", ordered: true, find: find::events },
    // Its keys are sorted.
    LogKind { name: "trainer_state.json", ordered: false, find: find::trainer_state },
    LogKind { name: "MLflow files", ordered: false, find: find::mlflow },
    LogKind { name: "DVCLive", ordered: false, find: find::dvclive },
    LogKind { name: "SQLite", ordered: true, find: find::databases },
    LogKind { name: "JSON lines", ordered: true, find: find::json_lines },
    LogKind { name: TABLE, ordered: true, find: find::tables },
    LogKind { name: "JSON", ordered: true, find: find::json_documents },
];

/// The log of one run: its reader and the content read so far.
pub struct RunLog {
    /// Name of the run, unique among those of its path.
    pub run: String,
    /// The name of its kind.
    pub kind: &'static str,
    /// Whether series appear in it in the order in which they were logged.
    pub ordered: bool,
    /// Its content.
    pub content: LogContent,
    /// Why it cannot be read at present.
    pub fault: Option<String>,
    /// The order of its layers, if it is known better than from the names.
    pub order: Option<layers::LayerOrder>,
    /// Whether its gradient norms are those after clipping, if known.
    pub clipped: Option<bool>,
    reader: Box<dyn LogReader>,
}

impl RunLog {
    /// Reads a part of the new content; returns `true` if there is more to read at once.
    pub fn read(&mut self) -> bool {
        match self.reader.read(&mut self.content) {
            Ok(more) => {
                self.fault = None;
                more
            }
            Err(what) => {
                self.fault = Some(what);
                false
            }
        }
    }

    /// Reads to the present end, and treats it as final.
    pub fn read_to_end(&mut self) {
        while self.read() {}
        self.reader.close(&mut self.content);
    }

    /// The layers whose gradient norms are logged.
    pub fn layers(&self) -> layers::LogLayers {
        let name = |member: (usize, usize)| &self.content.series[member.0].name;
        let guess = if self.ordered { None } else { Some(layers::LayerOrder::Natural) };
        let mut found = self.content.layers(self.order.or(guess));
        // If the columns of a table are sorted by name, the writer's order of layers is lost.
        let sorted = |found: &layers::LogLayers| found.members.windows(2).all(|w| name(w[0]) <= name(w[1]));
        if self.order.or(guess).is_none() && self.kind == TABLE && sorted(&found) {
            found = self.content.layers(Some(layers::LayerOrder::Natural));
        }
        layers::LogLayers { clipped: self.clipped.or(found.clipped), ..found }
    }
}

/// The logs of any kind at a path; with patterns, it is read as text.
///
/// # Errors
/// If no readable log is there; the message names what was found instead.
pub fn open(path: &Path, patterns: &[String]) -> Result<Vec<RunLog>, String> {
    let place = find::LogFiles::new(path)?;
    let log = |kind: &'static str, ordered, found: UnreadLog| {
        let reader = (found.open)()?;
        let content = LogContent::default();
        Ok(RunLog { run: found.run, kind, ordered, content, fault: None, order: None, clipped: None, reader })
    };
    if patterns.is_empty() {
        for kind in &KINDS {
            let found = (kind.find)(&place);
            if !found.is_empty() {
                return found.into_iter().map(|found| log(kind.name, kind.ordered, found)).collect();
            }
        }
        if let Some(what) = place.stranger() {
            return Err(what);
        }
    }
    let texts = find::texts(&place, patterns)?;
    texts.into_iter().map(|found| log("text", true, found)).collect()
}

/// The given path, if it is a run directory of gradtui: it holds a scenario and a log.
pub fn is_own(path: &Path) -> bool {
    let file = |name: &str| path.join(name).is_file();
    file("scenario.ron") && (file("metrics.jsonl") || file("run.lock"))
}

/// The name of a run: its path relative to `root`.
fn below(path: &Path, root: &Path) -> String {
    let below: PathBuf = path.strip_prefix(root).unwrap_or(path).into();
    if below == Path::new("") {
        return path.file_name().map_or_else(|| "log".into(), |n| n.to_string_lossy().into_owned());
    }
    below.to_string_lossy().into_owned()
}
