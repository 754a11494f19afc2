//! JSON lines, with one object per line: nested keys are joined with dots, and the step has one of its usual names, or
//! is made of an epoch and a batch.

use super::rising::RisingStep;
use super::tail::{Tail, TailLine, hole};
use super::value::Json;
use super::{BATCHES, LAYERS, LogReader, LogSink, STEPS, of_layer};
use std::path::Path;

/// Lines that are read before the name of the step is decided.
const AHEAD: usize = 200;

/// A file of lines.
#[derive(Debug)]
pub struct JsonLines {
    tail: Tail,
    rows: JsonRows,
    waiting: Vec<Json>,
    /// Only lines whose `lane` has this value are read.
    lane: Option<String>,
}

/// The name under which rows hold their step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum StepName {
    /// Not known until some rows are read.
    #[default]
    Open,
    /// No name: rows are counted.
    Counted,
    /// This name.
    Named(&'static str),
}

/// Rows of numbers under names that may differ from row to row.
#[derive(Debug, Default)]
pub struct JsonRows {
    key: StepName,
    step: Option<f64>,
    rising: RisingStep,
    count: u64,
    /// Whether `null` is NaN, as in a log of gradtui.
    strict: bool,
    /// Whether the first row has names of its own: it holds settings.
    settings: bool,
}

impl JsonRows {
    /// Decides from some rows which name holds the step.
    pub fn decide<'a>(&mut self, rows: impl Iterator<Item = &'a Json> + Clone) {
        let named = |name: &&str| rows.clone().any(|row| row.get(name).and_then(Json::number).is_some());
        let key = STEPS.into_iter().find(named).map(|key| match key {
            "epoch" => BATCHES.into_iter().find(named).unwrap_or(key),
            _ => key,
        });
        self.key = key.map_or(StepName::Counted, StepName::Named);
        let mut rest = rows.clone();
        let first = rest.next().map(names).unwrap_or_default();
        self.settings =
            rest.clone().count() > 1 && rest.all(|row| names(row).iter().all(|name| !first.contains(name)));
    }

    /// The name of the step in this row, if earlier rows had none.
    fn surprise(&self, row: &Json) -> Option<&'static str> {
        let named = |name: &&str| row.get(name).and_then(Json::number).is_some();
        if self.key == StepName::Counted { STEPS.into_iter().find(named) } else { None }
    }

    /// Sends the numbers of a row.
    pub fn send(&mut self, row: &Json, out: &mut dyn LogSink) {
        let key = if let StepName::Named(key) = self.key { Some(key) } else { None };
        if std::mem::take(&mut self.settings) && key.is_none() {
            return;
        }
        match key {
            None => self.step = Some(self.count as f64),
            Some(key) => {
                let epoch = row.get("epoch").and_then(Json::number).filter(|_| key != "epoch");
                let step = row.get(key).and_then(Json::number);
                let step = step.map(|step| self.rising.at(epoch, step, BATCHES.contains(&key)));
                self.step = step.or(self.step);
            }
        }
        self.count += 1;
        // Rows before the first step hold settings.
        let Some(step) = self.step else { return };
        let layer = LAYERS.into_iter().find_map(|name| match row.get(name)? {
            Json::Text(layer) => Some((name, layer.clone())),
            Json::Number(x) => Some((name, x.to_string())),
            _ => None,
        });
        let column = layer.as_ref().map(|(column, _)| *column);
        let strict = self.strict.then_some(f64::NAN);
        row.numbers(&mut String::new(), &mut |name, x| {
            if Some(name) != key && Some(name) != column {
                out.value(&of_layer(name, layer.as_ref().map(|l| &l.1[..])), step, x.or(strict));
            }
        });
    }
}

/// The names of a row's numbers.
fn names(row: &Json) -> Vec<String> {
    let mut names = Vec::new();
    row.numbers(&mut String::new(), &mut |name, _| names.push(name.into()));
    names
}

impl JsonLines {
    /// A reader of this file.
    pub fn new(path: &Path) -> Self {
        Self { tail: Tail::new(path), rows: JsonRows::default(), waiting: Vec::new(), lane: None }
    }

    /// A reader of one lane in a log of gradtui.
    pub fn of_lane(path: &Path, lane: String) -> Self {
        let rows = JsonRows { strict: true, ..JsonRows::default() };
        Self { lane: Some(lane), rows, ..Self::new(path) }
    }

    fn decide(&mut self, out: &mut dyn LogSink) {
        if self.rows.key == StepName::Open && !self.waiting.is_empty() {
            self.rows.decide(self.waiting.iter());
        }
        for row in std::mem::take(&mut self.waiting) {
            self.rows.send(&row, out);
        }
    }
}

impl LogReader for JsonLines {
    fn read(&mut self, out: &mut dyn LogSink) -> Result<bool, String> {
        let Self { tail, rows, waiting, lane } = self;
        let other = |row: &Json| lane.is_some() && row.get("lane").and_then(Json::text) != lane.as_deref();
        let (mut bad, mut surprise) = (0, None);
        let more = tail.lines(|line| match line {
            TailLine::Hole(bytes) => out.remark(hole(bytes)),
            TailLine::Anew => {
                (*rows, *waiting) = (JsonRows { strict: rows.strict, ..JsonRows::default() }, Vec::new());
                out.renew();
            }
            TailLine::Text(text) => match std::str::from_utf8(text).ok().and_then(Json::parse) {
                Some(row) if other(&row) => {}
                Some(row @ Json::Object(_)) if rows.key != StepName::Open => {
                    surprise = surprise.or_else(|| rows.surprise(&row));
                    rows.send(&row, out);
                }
                Some(row @ Json::Object(_)) => {
                    waiting.push(row);
                    if waiting.len() >= AHEAD {
                        rows.decide(waiting.iter());
                        waiting.drain(..).for_each(|row| rows.send(&row, out));
                    }
                }
                _ => bad += usize::from(!text.trim_ascii().is_empty()),
            },
        });
        let more = more.map_err(|e| e.to_string())?;
        if bad > 0 {
            out.remark(format!("{bad} lines are no JSON objects and were left out"));
        }
        // The step has a name after all: when it was decided, only rows with settings had been read.
        if let Some(key) = surprise {
            let strict = self.rows.strict;
            self.tail = Tail::new(self.tail.path());
            self.rows = JsonRows { key: StepName::Named(key), strict, ..JsonRows::default() };
            out.restart();
            return Ok(true);
        }
        if !more {
            self.decide(out);
        }
        Ok(more)
    }

    fn close(&mut self, out: &mut dyn LogSink) {
        let last = self.tail.last_line();
        match std::str::from_utf8(&last).ok().and_then(Json::parse) {
            Some(row @ Json::Object(_)) => {
                self.waiting.push(row);
                self.decide(out);
            }
            _ if last.trim_ascii().is_empty() => {}
            _ => out.remark("the last line is half written and was left out".into()),
        }
    }
}
