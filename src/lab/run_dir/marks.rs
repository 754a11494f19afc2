//! Binds a checkpoint to scenario and log by checksums, so that files of two runs, an edited scenario or a log with
//! missing lines are refused. Reads a log piece by piece, however large it is.

use super::checkpoint::{Checkpoint, LogMark};
use super::plain;
use crate::lab::store::Dir;
use crate::limits;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

/// Length and checksum of a log while it grows.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) bytes: u64,
    crc: crc32fast::Hasher,
}

impl Tally {
    /// The tally of the first `bytes` of a file.
    pub(super) fn of(mut file: &File, bytes: u64) -> io::Result<Self> {
        let mut tally = Self::default();
        file.seek(SeekFrom::Start(0))?;
        let (mut rest, mut buffer) = (file.take(bytes), vec![0; 64 << 10]);
        loop {
            match rest.read(&mut buffer)? {
                0 => return Ok(tally),
                n => tally.add(&buffer[..n]),
            }
        }
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.crc.update(bytes);
    }

    pub(super) fn mark(&self) -> LogMark {
        LogMark { bytes: self.bytes, crc: self.crc.clone().finalize() }
    }
}

/// The text of scenario.ron, if its checksum is one of these.
///
/// # Errors
/// If it is another one, with a remedy.
pub(super) fn scenario_beside(dir: &Dir, known: &[u32]) -> Result<String, String> {
    let text = dir
        .read_all("scenario.ron", 4 * limits::SCENARIO_BYTES)
        .map_err(|e| format!("scenario.ron cannot be read: {}", plain(&e)))?;
    if !known.contains(&crc32fast::hash(&text)) {
        return Err(
            "scenario.ron is not the one of the checkpoint: it was edited or is another run's. Nothing was \
                    changed. Put the file back to go on, or begin a new run with it by `gradtui run`"
                .into(),
        );
    }
    String::from_utf8(text).map_err(|_| "scenario.ron is not UTF-8".into())
}

/// Checks that scenario and log beside a checkpoint are its own. Only reads.
///
/// # Errors
/// The part that does not fit, and a remedy.
pub(super) fn fit(dir: &Dir, checkpoint: &Checkpoint<'_>) -> Result<(), String> {
    scenario_beside(dir, &checkpoint.scenarios)?;
    marked(&dir.read("metrics.jsonl").map_err(|e| unreadable(&e))?, &checkpoint.logs).map(|_| ())
}

fn unreadable(e: &io::Error) -> String {
    format!("metrics.jsonl cannot be read: {}", plain(e))
}

/// The mark to which a log can be cut.
pub(super) fn marked(log: &File, marks: &[LogMark]) -> Result<LogMark, String> {
    for mark in marks {
        if Tally::of(log, mark.bytes).map_err(|e| unreadable(&e))?.mark() == *mark {
            return Ok(*mark);
        }
    }
    Err("metrics.jsonl is not the log of the checkpoint: lines are missing, or it or the checkpoint is another run's. \
         Nothing was changed; put the file back to go on"
        .into())
}

/// The log, and the mark to which it can be cut.
///
/// # Errors
/// If there is none, because lines are missing or different, with a remedy.
pub(super) fn log_beside(dir: &Dir, marks: &[LogMark]) -> Result<(File, LogMark), String> {
    let there = dir.kind("metrics.jsonl").map_err(|e| unreadable(&e))?.is_some();
    if !there && marks.iter().all(|m| m.bytes > 0) {
        return Err("metrics.jsonl is missing. Nothing was changed; put the file back to go on".into());
    }
    let log = dir.read_write("metrics.jsonl").map_err(|e| unreadable(&e))?;
    let mark = marked(&log, marks)?;
    Ok((log, mark))
}
