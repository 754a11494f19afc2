//! Checks whether a scenario can run: reports every fault of a file with its place and a remedy. Opens no file itself.

mod doubts;
mod forks;
pub mod lesson;
mod opening;
mod recipe;

use recipe::fools;

use super::view::head_comment;
use super::{DataConfig, Lane, Scenario, Split, sweep};
use crate::document::Document;
use crate::engine::data::{Files, Labels, NoFiles, Prepared};
use crate::limits;
use crate::registry::{Faults, Settings as _, join};
use crate::text::{escaped, escaped_lines, excerpt};
use serde::de::DeserializeOwned;
use std::cell::RefCell;

/// A fault of a scenario and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioFault {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The fault and its remedy.
    pub what: String,
}

impl std::fmt::Display for ScenarioFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.what)
    }
}

impl ScenarioFault {
    /// The fault in the form of compiler messages: `path:line:column: what`.
    pub fn in_file(&self, path: &str) -> String {
        format!("{}:{self}", excerpt(path, limits::NAME_CHARS))
    }

    /// The same form for a warning: `path:line:column: warning: what`.
    pub fn warning_in_file(&self, path: &str) -> String {
        format!("{}:{}:{}: warning: {}", excerpt(path, limits::NAME_CHARS), self.line, self.column, self.what)
    }

    fn at(text: &str, offset: usize, what: String) -> Self {
        let before = &text.as_bytes()[..offset.min(text.len())];
        let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
        let bom = if text.starts_with('\u{feff}') && line_start == 0 { 3.min(offset) } else { line_start };
        Self {
            line: before.split(|&b| b == b'\n').count(),
            column: String::from_utf8_lossy(&before[bom..]).chars().count() + 1,
            what,
        }
    }
}

/// Reads a scenario and checks everything that needs no data files.
///
/// # Errors
/// All faults, in the order of the text.
pub fn read(text: &str) -> Result<Scenario, Vec<ScenarioFault>> {
    examine(text, None, None).map(|(scenario, ..)| scenario)
}

/// A scenario that can run, with its data ready for training.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The scenario.
    pub scenario: Scenario,
    /// Its samples, and the report on reading them.
    pub data: Prepared,
    /// Warnings about settings that are valid but probably not meant, in the order of the text.
    pub warnings: Vec<ScenarioFault>,
}

/// Reads a scenario, its data files too, and checks all of it.
///
/// # Errors
/// All faults, in the order of the text.
pub fn inspect(text: &str, files: &dyn Files) -> Result<Checked, Vec<ScenarioFault>> {
    inspect_prepared(text, files, None)
}

/// The same with data that another scenario with the same data gave, if there are any.
///
/// # Errors
/// All faults, in the order of the text.
pub fn inspect_prepared(
    text: &str,
    files: &dyn Files,
    data: Option<Prepared>,
) -> Result<Checked, Vec<ScenarioFault>> {
    match examine(text, Some(files), data)? {
        (scenario, Some(data), warnings) => Ok(Checked { scenario, data, warnings }),
        (_, None, _) => unreachable!("data that cannot be had is a fault"),
    }
}

/// The same, without the warnings.
///
/// # Errors
/// All faults, in the order of the text.
pub fn read_with_data(text: &str, files: &dyn Files) -> Result<(Scenario, Prepared), Vec<ScenarioFault>> {
    inspect(text, files).map(|checked| (checked.scenario, checked.data))
}

/// The bytes of a scenario file as text.
///
/// # Errors
/// If it is not UTF-8, with the place, or if it is too large.
pub fn decode(bytes: &[u8]) -> Result<&str, ScenarioFault> {
    let fault = |line, column, what: String| Err(ScenarioFault { line, column, what });
    if bytes.len() as u64 > limits::SCENARIO_BYTES {
        return fault(1, 1, format!("larger than a scenario may be: {} KiB", limits::SCENARIO_BYTES / 1024));
    }
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return fault(1, 1, "this is a gzip file; a scenario is plain text".into());
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return fault(1, 1, "this is UTF-16; save it as UTF-8".into());
    }
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let valid = std::str::from_utf8(&bytes[..e.valid_up_to()]).unwrap_or_default();
        ScenarioFault::at(valid, valid.len(), "not UTF-8 from here on; save the file as UTF-8".into())
    })?;
    match text.find('\0') {
        Some(at) => Err(ScenarioFault::at(text, at, "a NUL byte: a scenario is plain text".into())),
        None => Ok(text),
    }
}

/// Reads a document of another type than a scenario, with the same checks; `check` reports further faults by the path
/// of the value.
///
/// # Errors
/// All faults, in the order of the text.
pub fn document<T: DeserializeOwned>(
    text: &str,
    check: impl FnOnce(&T, Faults<'_>),
) -> Result<T, Vec<ScenarioFault>> {
    let document = Document::new(text).map_err(|found| placed(text, found))?;
    let value = document.read::<T>();
    if let Some(value) = &value {
        check(value, &mut |path, what| document.fault(document.find(path).span.start, what));
    }
    match (value, document.into_faults()) {
        (Some(value), faults) if faults.is_empty() => Ok(value),
        (_, faults) => Err(placed(text, faults)),
    }
}

/// Faults that were found after reading a document, each by the path of its value: `expect[2]`.
pub fn at_paths(text: &str, faults: Vec<(String, String)>) -> Vec<ScenarioFault> {
    match Document::new(text) {
        Ok(document) => {
            let at = |(path, what): (String, String)| (document.find(&path).span.start, what);
            placed(text, faults.into_iter().map(at).collect())
        }
        Err(found) => placed(text, found),
    }
}

/// Faults in the order of the text, each with its line and column.
fn placed(text: &str, mut found: Vec<(usize, String)>) -> Vec<ScenarioFault> {
    found.sort_by_key(|f| f.0);
    found.dedup();
    let more = found.len().saturating_sub(limits::FAULTS);
    found.truncate(limits::FAULTS);
    let mut faults: Vec<_> = found.into_iter().map(|(at, what)| ScenarioFault::at(text, at, what)).collect();
    if let (Some(last), 1..) = (faults.last_mut(), more) {
        last.what.extend([" (and ", &more.to_string(), " more)"]);
    }
    faults
}

/// A scenario, its data if they were loaded, and the warnings.
type CheckedText = (Scenario, Option<Prepared>, Vec<ScenarioFault>);

fn examine(
    text: &str,
    files: Option<&dyn Files>,
    data: Option<Prepared>,
) -> Result<CheckedText, Vec<ScenarioFault>> {
    if let Err(fault) = decode(text.as_bytes()) {
        return Err(vec![fault]);
    }
    let placed = |found| placed(text, found);
    let document = Document::new(text).map_err(placed)?;
    if sweep::is(&document, text) {
        let what = "this is a sweep, no scenario: train it by `gradtui sweep FILE`, watch its directory by `gradtui watch DIR`";
        return Err(placed(vec![(document.root().span.start, what.into())]));
    }
    let Some(mut scenario) = document.read::<Scenario>() else { return Err(placed(document.into_faults())) };
    if scenario.comment.is_empty() {
        scenario.comment = head_comment(text);
    }
    let mut check = Checker { document, data, warnings: RefCell::default() };
    check.names(&scenario);
    check.settings(&scenario);
    scenario.complete();
    check.data(&scenario, files);
    check.problem(&scenario);
    check.split(&scenario);
    check.forks(&scenario);
    check.lanes(&scenario);
    check.edits(&scenario);
    check.view(&scenario);
    check.lesson(&scenario);
    let Checker { document, data, warnings } = check;
    let faults = document.into_faults();
    if faults.is_empty() { Ok((scenario, data, placed(warnings.into_inner()))) } else { Err(placed(faults)) }
}

struct Checker<'a> {
    document: Document<'a>,
    data: Option<Prepared>,
    warnings: RefCell<Vec<(usize, String)>>,
}

impl Checker<'_> {
    fn fault(&self, path: &str, what: String) {
        self.document.fault(self.document.find(path).span.start, what);
    }

    /// Reports a setting that is valid but probably not meant, with a remedy.
    fn warn(&self, path: &str, what: String) {
        self.warnings.borrow_mut().push((self.document.find(path).span.start, what));
    }

    /// Checks that every number is within its range.
    fn settings(&self, scenario: &Scenario) {
        scenario.check("", &mut |path, what| {
            let field = path.rsplit('.').next().unwrap_or(path);
            self.fault(path, format!("{field}: {what}"));
        });
    }

    fn names(&self, scenario: &Scenario) {
        let long = |name: &str| name.chars().count() > limits::NAME_CHARS;
        let too_long = format!("longer than {} characters", limits::NAME_CHARS);
        if long(&scenario.title) {
            self.fault("title", format!("title: {too_long}"));
        }
        if scenario.lanes.len() > limits::LANES {
            let what = format!("{} lanes; at most {} run side by side", scenario.lanes.len(), limits::LANES);
            self.fault(&format!("lanes[{}]", limits::LANES), what);
        }
        for (i, lane) in scenario.lanes.iter().enumerate() {
            let path = format!("lanes[{i}].name");
            if self.document.spoilt(&path) && !lane.name.is_empty() {
                continue;
            }
            let name = lane.name.trim();
            if name.is_empty() && !self.document.spoilt(&format!("lanes[{i}]")) {
                self.fault(&path, "a lane needs a name, such as (name: \"Adam\", optimizer: Adam())".into());
            } else if long(name) {
                self.fault(&path, format!("name: {too_long}"));
            } else if !name.is_empty() && scenario.lanes[..i].iter().any(|other| other.name.trim() == name) {
                self.fault(
                    &path,
                    format!("a second lane called {}; every lane needs its own name", excerpt(name, 40)),
                );
            }
        }
    }

    /// Loads and splits the data if that is possible.
    fn data(&mut self, scenario: &Scenario, files: Option<&dyn Files>) {
        let unclear = ["data", "validation", "train_samples", "classes", "one_against_rest", "seed"]
            .iter()
            .any(|p| self.wrong_at(p));
        if self.data.is_some() || unclear || (files.is_none() && !scenario.files().is_empty()) {
            return;
        }
        match scenario.prepare(files.unwrap_or(&NoFiles)) {
            Ok(data) => {
                for doubt in &data.reading.doubts {
                    self.warn(doubt.at, excerpt(&doubt.what, 1000));
                }
                self.data = Some(data);
            }
            Err(error) => {
                // A fault in a setting other than `data` is reported at that setting.
                let mut settings = ["classes", "one_against_rest", "target_scaling"].into_iter();
                let at = settings.find(|at| error.what.starts_with(&format!("{at}: "))).map(String::from);
                let weights = scenario.weights().into_iter();
                let init = |(_, path): &(String, &str)| error.what.starts_with(&format!("init: {path}: "));
                let at = at.or_else(|| Some(weights.into_iter().find(init)?.0));
                self.fault(at.as_deref().unwrap_or("data"), excerpt(&error.to_string(), 2000));
            }
        }
    }

    /// Data that define their own network and loss allow no network, loss, batch or augmentation in the scenario.
    fn problem(&self, scenario: &Scenario) {
        let top = self.document.find("").id;
        let given =
            ["network", "loss", "batch", "augment"].into_iter().filter(|p| self.document.find(p).id != top);
        if scenario.data.problem().is_some() {
            for field in given {
                let what = format!("{field}: {} brings its own; leave it out", scenario.data.name());
                self.fault(field, what);
            }
        }
    }

    /// Windows of a series overlap: drawn at random, those to validate on would hold what was trained on. Numbers to
    /// predict have no classes to draw from.
    fn split(&self, scenario: &Scenario) {
        let given = self.document.find("split").id != self.document.find("").id;
        if given && scenario.split != Split::Time && matches!(scenario.data, DataConfig::Series(_)) {
            let what = "split: the windows of a series overlap, so the last ones validate: split: Time, or leave it out";
            self.fault("split", what.into());
        } else if given
            && scenario.split == Split::Stratified
            && self.data.as_ref().is_some_and(|data| matches!(data.train.labels, Labels::Values { .. }))
        {
            let what = "split: Stratified draws from each class, and numbers to predict have none: split: Random, or leave \
                        it out";
            self.warn("split", what.into());
        }
    }

    /// Whether a field is given and wrong. The path of an absent field leads to the value that encloses it.
    fn wrong_at(&self, path: &str) -> bool {
        let around = path.rfind(['.', '[']).map_or("", |i| &path[..i]);
        let (node, parent) = (self.document.find(path), self.document.find(around));
        node.id != parent.id && self.document.spoilt(path)
    }

    /// Checks that every lane can be built for the data.
    fn lanes(&self, scenario: &Scenario) {
        let Some(data) = &self.data else { return };
        let mut needs = Vec::new();
        for (i, lane) in scenario.lanes.iter().enumerate() {
            let of = |field: &str, own: bool| {
                if own { join(&format!("lanes[{i}]"), field) } else { field.to_string() }
            };
            needs.extend(self.lane(scenario, lane, data, &of));
        }
        if let Err(what) = super::memory::fits(needs.into_iter(), scenario.seeds, 0) {
            self.fault(if scenario.seeds > 1 { "seeds" } else { "lanes" }, what);
        }
    }

    /// Checks that every change of a lane can be made at its step, and leaves a recipe that can be trained.
    fn edits(&self, scenario: &Scenario) {
        if scenario.edits.len() > limits::EDITS * scenario.lanes.len().max(1) {
            self.fault("edits", format!("edits: at most {} for each lane", limits::EDITS));
            return;
        }
        for (i, edit) in scenario.edits.iter().enumerate() {
            let at = |field: &str| format!("edits[{i}].{field}");
            let Some(lane) = scenario.lanes.iter().find(|l| l.name.trim() == edit.lane.trim()) else {
                self.fault(&at("lane"), format!("there is no lane {}", excerpt(&edit.lane, 40)));
                continue;
            };
            if let Some(begins) = lane.begins().filter(|&b| edit.step < b) {
                let what =
                    format!("step: {} is before step {begins}, at which {} begins", edit.step, lane.name);
                self.fault(&at("step"), what);
                continue;
            }
            match (scenario.recipe_at(lane, edit.step), &self.data) {
                // A fault of another edit is reported at that edit.
                (Err((n, field, what)), _) if n == i => self.fault(&at(field), excerpt(&what, 1000)),
                (Ok(recipe), Some(data)) if !edit.field.contains('.') => {
                    if let Err((_, what)) = recipe.build(data) {
                        self.fault(&at("to"), excerpt(&what, 1000));
                    }
                }
                _ => {}
            }
        }
    }

    /// Builds a lane's recipe for the data; returns the memory that it takes.
    fn lane(
        &self,
        scenario: &Scenario,
        lane: &Lane,
        data: &Prepared,
        of: &dyn Fn(&str, bool) -> String,
    ) -> Option<super::memory::MemoryNeed> {
        let recipe = scenario.recipe(lane);
        let batch = of("batch", lane.batch.is_some());
        let batch_fits = !self.wrong_at(&batch) && recipe.batch <= limits::BATCH;
        if batch_fits && recipe.batch > data.train.len() {
            let what =
                format!("batch: {} is more than the {} training samples", recipe.batch, data.train.len());
            self.fault(&batch, what);
        }
        if recipe.loss.classifies() && matches!(data.train.labels, Labels::Values { .. }) {
            let what = format!(
                "{} compares classes, but the labels of {} are numbers; take Mse()",
                recipe.loss.name(),
                scenario.data.name()
            );
            self.fault(&of("loss", lane.loss.is_some()), what);
        }
        let path = of("network", lane.network.is_some());
        if self.wrong_at(&path) {
            return None;
        }
        if scenario.robustness.is_some()
            && let Err(what) = fools(data, &recipe)
        {
            self.fault("robustness", format!("robustness {what}"));
        }
        match recipe.build(data) {
            Ok(network) => {
                for (at, what) in doubts::of(&recipe, &network, data) {
                    self.warn(&of(at, lane.gives(at)), what);
                }
                let need = recipe.memory(&network, data, scenario.robustness.is_some());
                Some(need.forked(lane.from.is_some()))
            }
            Err((at, what)) => {
                if at != "batch" || batch_fits {
                    self.fault(&of(&at, lane.gives(&at)), excerpt(&what, 1000));
                }
                None
            }
        }
    }
}

impl Scenario {
    /// Escapes harmful characters in texts, and gives a scenario without lanes one lane, named after its optimizer.
    fn complete(&mut self) {
        self.title = escaped(&self.title).into_owned();
        self.about = escaped_lines(&self.about).into_owned();
        self.comment = escaped_lines(&self.comment).into_owned();
        self.lesson.complete();
        self.view.lane = escaped(self.view.lane.trim()).into_owned();
        for lane in &mut self.lanes {
            lane.name = escaped(lane.name.trim()).into_owned();
            lane.from = lane.from.take().map(|from| escaped(from.trim()).into_owned());
        }
        for edit in &mut self.edits {
            edit.lane = escaped(edit.lane.trim()).into_owned();
        }
        if self.lanes.is_empty() {
            self.lanes.push(Lane { name: self.optimizer.name().into(), ..Lane::default() });
        }
    }
}

#[cfg(test)]
mod tests;
