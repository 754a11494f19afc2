//! `trainer_state.json` of Hugging Face's Trainer: rewritten at each save, with one copy per checkpoint, each longer
//! than the last.

use super::value::Json;
use super::{Out, Reader};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The longest of all copies.
#[derive(Debug)]
pub struct TrainerState {
    /// The file, or the directory of a run with its checkpoints.
    path: PathBuf,
    seen: Option<(PathBuf, u64, Option<SystemTime>)>,
    told: Vec<Json>,
}

impl TrainerState {
    /// A reader of a file, or of a directory with copies in it and in its checkpoints.
    pub fn new(path: &Path) -> Self {
        Self { path: path.into(), seen: None, told: Vec::new() }
    }

    /// The copy of the newest checkpoint (by number, not by name), or the run's own copy if there is one.
    fn newest(&self) -> Option<PathBuf> {
        if self.path.is_file() {
            return Some(self.path.clone());
        }
        let own = self.path.join("trainer_state.json");
        if own.is_file() {
            return Some(own);
        }
        let number = |dir: &Path| dir.file_name()?.to_str()?.rsplit_once('-')?.1.parse::<u64>().ok();
        let entries = fs::read_dir(&self.path).ok()?;
        let states = entries.flatten().map(|e| e.path()).filter_map(|dir| Some((number(&dir)?, dir)));
        let states = states.map(|(n, dir)| (n, dir.join("trainer_state.json")));
        states.filter(|(_, state)| state.is_file()).max_by_key(|(n, _)| *n).map(|(_, state)| state)
    }
}

impl Reader for TrainerState {
    fn read(&mut self, out: &mut dyn Out) -> Result<bool, String> {
        let path = self.newest().ok_or("no trainer_state.json is there")?;
        let found = fs::metadata(&path).map_err(|e| e.to_string())?;
        let now = Some((path.clone(), found.len(), found.modified().ok()));
        if self.seen == now {
            return Ok(false);
        }
        let text = fs::read_to_string(&path).map_err(|e| e.to_string())?;
        // The file is incomplete while it is written; the next read finds it whole.
        let Some(state) = Json::parse(&text) else { return Err("half written, or no JSON".into()) };
        let Some(Json::List(rows)) = state.get("log_history") else {
            return Err("no log_history in it".into());
        };
        self.seen = now;
        let same = |(a, b): (&Json, &Json)| format!("{a:?}") == format!("{b:?}");
        if rows.len() < self.told.len() || !self.told.iter().zip(rows).all(same) {
            out.restart();
            self.told.clear();
        }
        for row in &rows[self.told.len()..] {
            let step = row.get("step").and_then(Json::number);
            row.numbers(&mut String::new(), &mut |name, x| {
                if let Some(step) = step.filter(|_| name != "step") {
                    out.point(name, step, x);
                }
            });
        }
        self.told.clone_from(rows);
        Ok(false)
    }
}
