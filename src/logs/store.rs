//! Runs stored in folders, with one file per number: MLflow's file store (`timestamp value step`) and DVCLive (one
//! table per metric).

use super::tail::{Tail, TailLine, hole};
use super::value::number;
use super::{LogReader, LogSink};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Levels of subfolders that are searched below the folder with metrics.
const DEPTH: usize = 16;

/// The format of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFormat {
    /// `timestamp value step`, as MLflow writes it.
    Mlflow,
    /// A header line, then step and value separated by a tab, as DVCLive writes it.
    Dvclive,
}

/// The reader of a run's numbers.
#[derive(Debug)]
pub struct StoreReader {
    root: PathBuf,
    form: LineFormat,
    files: BTreeMap<String, Tail>,
}

impl StoreReader {
    /// A reader of the files in this folder.
    pub fn new(root: &Path, form: LineFormat) -> Self {
        Self { root: root.into(), form, files: BTreeMap::new() }
    }

    /// Registers the files below a folder; the name of a number is its path.
    fn look(&mut self, below: &Path, name: &str, depth: usize) {
        for entry in fs::read_dir(below).into_iter().flatten().flatten() {
            let path = entry.path();
            let file = entry.file_name();
            let Some(file) = file.to_str().filter(|file| !file.starts_with('.')) else { continue };
            let join = |file: &str| if name.is_empty() { file.to_string() } else { format!("{name}/{file}") };
            if path.is_dir() {
                if depth > 0 {
                    self.look(&path, &join(file), depth - 1);
                }
                continue;
            }
            let file = if self.form == LineFormat::Dvclive { file.strip_suffix(".tsv") } else { Some(file) };
            if let Some(file) = file {
                self.files.entry(join(file)).or_insert_with(|| Tail::new(&path));
            }
        }
    }
}

impl LogReader for StoreReader {
    fn read(&mut self, out: &mut dyn LogSink) -> Result<bool, String> {
        let root = self.root.clone();
        self.look(&root, "", DEPTH);
        let (mut more, mut anew) = (false, false);
        for (name, tail) in &mut self.files {
            let read = tail.lines(|line| match line {
                TailLine::Hole(bytes) => out.remark(hole(bytes)),
                TailLine::Anew => anew = true,
                TailLine::Text(text) => send(self.form, name, text, out),
            });
            more |= read.map_err(|e| format!("{name}: {e}"))?;
        }
        if anew {
            // One file was rewritten: all files are read again.
            out.restart();
            self.files.clear();
            return Ok(true);
        }
        Ok(more)
    }

    fn close(&mut self, out: &mut dyn LogSink) {
        for (name, tail) in &mut self.files {
            send(self.form, name, &tail.last_line(), out);
        }
    }
}

fn send(form: LineFormat, name: &str, line: &[u8], out: &mut dyn LogSink) {
    let line = String::from_utf8_lossy(line);
    let mut cells = line.split_ascii_whitespace();
    let (step, value) = match form {
        LineFormat::Mlflow => {
            let mut cells = cells.skip(1);
            let value = cells.next();
            (cells.next(), value)
        }
        LineFormat::Dvclive => (cells.next(), cells.next()),
    };
    // The header line has no numbers.
    if let (Some(step), Some(value)) = (step.and_then(number), value.and_then(number)) {
        out.point(name, step, value);
    }
}
