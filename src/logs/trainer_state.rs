//! `trainer_state.json` of Hugging Face's Trainer: rewritten at each save, with one copy per checkpoint, each longer
//! than the last.

use super::value::Json;
use super::{LogReader, LogSink};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The longest of all copies.
#[derive(Debug)]
pub struct TrainerState {
    /// The file, or the directory of a run with its checkpoints.
    path: PathBuf,
    seen: Option<(PathBuf, u64, Option<SystemTime>)>,
    rows_sent: Vec<Json>,
}

impl TrainerState {
    /// A reader of a file, or of a directory with copies in it and in its checkpoints.
    pub fn new(path: &Path) -> Self {
        Self { path: path.into(), seen: None, rows_sent: Vec::new() }
    }

    /// The run's own copy if there is one, then those of its checkpoints, the newest (by number, not by name) first.
    fn copies(&self) -> Vec<PathBuf> {
        if self.path.is_file() {
            return vec![self.path.clone()];
        }
        let number = |dir: &Path| dir.file_name()?.to_str()?.rsplit_once('-')?.1.parse::<u64>().ok();
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten().map(|e| e.path());
        let mut states: Vec<(u64, PathBuf)> = entries.filter_map(|dir| Some((number(&dir)?, dir))).collect();
        states.sort_by_key(|(n, _)| std::cmp::Reverse(*n));
        let folders = std::iter::once(self.path.clone()).chain(states.into_iter().map(|(_, dir)| dir));
        folders.map(|dir| dir.join("trainer_state.json")).filter(|state| state.is_file()).collect()
    }
}

impl LogReader for TrainerState {
    fn read(&mut self, out: &mut dyn LogSink) -> Result<bool, String> {
        let copies = self.copies();
        let path = copies.first().cloned().ok_or("no trainer_state.json is there")?;
        let found = fs::metadata(&path).map_err(|e| e.to_string())?;
        let now = Some((path.clone(), found.len(), found.modified().ok()));
        if self.seen == now {
            return Ok(false);
        }
        // A copy is incomplete while it is written; the one before it is whole.
        let whole = |path: &PathBuf| Json::parse(&fs::read_to_string(path).ok()?);
        let Some(state) = copies.iter().find_map(whole) else {
            return Err("half written, or no JSON".into());
        };
        let Some(Json::List(rows)) = state.get("log_history") else {
            return Err("no log_history in it".into());
        };
        self.seen = now;
        let same = |(a, b): (&Json, &Json)| format!("{a:?}") == format!("{b:?}");
        if rows.len() < self.rows_sent.len() || !self.rows_sent.iter().zip(rows).all(same) {
            out.restart();
            self.rows_sent.clear();
        }
        for row in &rows[self.rows_sent.len()..] {
            let step = row.get("step").and_then(Json::number);
            row.numbers(&mut String::new(), &mut |name, x| {
                if let Some(step) = step.filter(|_| name != "step") {
                    out.value(name, step, x);
                }
            });
        }
        self.rows_sent.clone_from(rows);
        Ok(false)
    }
}
