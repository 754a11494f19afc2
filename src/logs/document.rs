//! A JSON document that holds a whole log: a list of objects, one a row, or an object with a list for each number, as
//! Keras' `History.history` and pandas write them. It is rewritten as a whole when it grows.

use super::jsonl::JsonRows;
use super::value::Json;
use super::{LogReader, LogSink, STEPS};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A larger file is no log of this kind.
pub const BYTES: u64 = 512 << 20;

/// The rows of a document, if it is a log; else `None`.
pub fn rows(document: &Json) -> Option<Vec<Json>> {
    match document {
        Json::List(rows) => {
            let object = |row: &Json| matches!(row, Json::Object(_));
            (rows.iter().all(object) && rows.iter().any(has_number)).then(|| rows.clone())
        }
        Json::Object(fields) => {
            // A row has its numbers at the top.
            if fields.iter().any(|(_, value)| matches!(value, Json::Number(_))) {
                return None;
            }
            let mut columns = Vec::new();
            for (name, value) in fields {
                match (column(value), value) {
                    (Some(column), _) => columns.push((name.clone(), column)),
                    // `{"history": {"loss": [..]}}`
                    (None, Json::Object(inner)) => {
                        columns.extend(
                            inner.iter().filter_map(|(name, value)| Some((name.clone(), column(value)?))),
                        );
                    }
                    _ => {}
                }
            }
            let inside = || {
                fields.iter().find_map(|(_, value)| rows(value).filter(|_| matches!(value, Json::List(_))))
            };
            if columns.is_empty() { inside() } else { Some(transposed(&columns)) }
        }
        _ => None,
    }
}

fn has_number(row: &Json) -> bool {
    let mut found = false;
    row.numbers(&mut String::new(), &mut |_, x| found |= x.is_some());
    found
}

/// The numbers of a column: a list of them, or an object whose keys count them.
fn column(value: &Json) -> Option<Vec<&Json>> {
    let values: Vec<&Json> = match value {
        Json::List(values) => values.iter().collect(),
        Json::Object(fields) if fields.iter().all(|(key, _)| key.parse::<u64>().is_ok()) => {
            fields.iter().map(|(_, value)| value).collect()
        }
        _ => return None,
    };
    let number = |value: &&Json| value.number().is_some() || **value == Json::Null;
    (!values.is_empty() && values.iter().all(number)).then_some(values)
}

/// The rows of a table that is given by its columns.
fn transposed(columns: &[(String, Vec<&Json>)]) -> Vec<Json> {
    let longest = columns.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
    let row = |i: usize| {
        let cell = |(name, values): &(String, Vec<&Json>)| Some((name.clone(), (*values.get(i)?).clone()));
        Json::Object(columns.iter().filter_map(cell).collect())
    };
    (0..longest).map(row).collect()
}

/// Whether a row names what a log has: a step, a loss or an accuracy.
pub fn measures(rows: &[Json]) -> bool {
    let known = |name: &str| {
        let name = name.to_lowercase();
        STEPS.contains(&&*name) || ["loss", "acc"].iter().any(|word| name.contains(word))
    };
    rows.iter().any(|row| matches!(row, Json::Object(fields) if fields.iter().any(|(name, _)| known(name))))
}

/// The reader of such a document.
#[derive(Debug)]
pub struct JsonDocument {
    path: PathBuf,
    seen: Option<(u64, Option<SystemTime>)>,
    begun: bool,
}

impl JsonDocument {
    /// A reader of this file.
    pub fn new(path: &Path) -> Self {
        Self { path: path.into(), seen: None, begun: false }
    }
}

impl LogReader for JsonDocument {
    fn read(&mut self, out: &mut dyn LogSink) -> Result<bool, String> {
        let found = fs::metadata(&self.path).map_err(|e| e.to_string())?;
        let now = Some((found.len(), found.modified().ok()));
        if self.seen == now {
            return Ok(false);
        }
        let text = fs::read_to_string(&self.path).map_err(|e| e.to_string())?;
        let found = Json::parse(&text).as_ref().and_then(rows).ok_or("half written, or no log any more")?;
        self.seen = now;
        if std::mem::replace(&mut self.begun, true) {
            out.restart();
        }
        let mut reader = JsonRows::default();
        reader.decide(found.iter());
        for row in &found {
            reader.send(row, out);
        }
        Ok(false)
    }
}
