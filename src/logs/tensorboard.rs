//! Event files of TensorBoard: all files below a folder, each read on from its last end. An incomplete record at the
//! end is normal, zero bytes are data not written yet, and a wrong checksum is damage.

mod event;

use super::{LogReader, LogSink};
use event::{EventRecord, TagProperties};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// Bytes that are read at once.
const PIECE: usize = 8 << 20;
/// A longer record is taken for damage of its length field.
const RECORD: u64 = 1 << 30;
/// Levels of subfolders that are searched below the opened folder.
const DEPTH: usize = 8;

/// Event files below a folder, or one of them.
#[derive(Debug)]
pub struct Events {
    root: PathBuf,
    files: Vec<EventFile>,
    /// For each file, the step from which it makes earlier records void.
    purges: BTreeMap<PathBuf, i64>,
}

/// One event file.
#[derive(Debug)]
struct EventFile {
    path: PathBuf,
    read: u64,
    /// The prefix of the names of its series.
    prefix: String,
    properties: TagProperties,
    /// Whether its damage was reported.
    damaged: bool,
    /// Whether it ends with an incomplete record.
    half: bool,
    newest: i64,
}

/// Whether a file is an event file, by its name.
pub fn is_name(name: &str) -> bool {
    name.contains("tfevents") && !name.ends_with(".profile-empty")
}

/// Whether the bytes begin like an event file: with a length and its checksum.
pub fn begins(bytes: &[u8]) -> bool {
    bytes.len() >= 12 && masked(&bytes[..8]) == le32(&bytes[8..12]) && bytes[..8] != [0; 8]
}

fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

fn le32(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes.try_into().unwrap_or_default())
}

/// Every event file below a folder.
pub fn files(root: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            if depth > 0 {
                files(&path, depth - 1, found);
            }
        } else if path.file_name().and_then(|n| n.to_str()).is_some_and(is_name) {
            found.push(path);
        }
    }
}

/// The name split for sorting by the numbers in it: `.2` before `.10`.
fn natural(path: &Path) -> Vec<(u128, String)> {
    super::layers::natural(&path.file_name().unwrap_or_default().to_string_lossy())
}

/// The lowest folder common to all.
fn common(folders: &[&Path]) -> PathBuf {
    let mut common = folders.first().map_or_else(PathBuf::new, |f| f.to_path_buf());
    while !folders.iter().all(|f| f.starts_with(&common)) && common.pop() {}
    common
}

impl Events {
    /// A reader of a folder or of one file.
    pub fn new(root: &Path) -> Self {
        Self { root: root.into(), files: Vec::new(), purges: BTreeMap::new() }
    }

    /// Looks for new files. If they change the names of series, everything is read again.
    fn look(&mut self, out: &mut dyn LogSink) {
        let mut found = Vec::new();
        if self.root.is_dir() {
            files(&self.root, DEPTH, &mut found);
        } else {
            found.push(self.root.clone());
        }
        if found.len() == self.files.len() {
            return;
        }
        found.sort_by_cached_key(|path| (path.parent().map(Path::to_path_buf), natural(path)));
        let folders: Vec<&Path> = found.iter().filter_map(|f| f.parent()).collect();
        let common = common(&folders);
        let prefix = |path: &Path| match path.parent().and_then(|p| p.strip_prefix(&common).ok()) {
            Some(below) if below != Path::new("") => format!("{}/", below.display()),
            _ => String::new(),
        };
        let mut old: BTreeMap<PathBuf, EventFile> =
            self.files.drain(..).map(|f| (f.path.clone(), f)).collect();
        for path in found {
            let prefix = prefix(&path);
            let properties = TagProperties::default();
            let new = EventFile {
                path: path.clone(),
                read: 0,
                prefix,
                properties,
                damaged: false,
                half: false,
                newest: i64::MIN,
            };
            self.files.push(match old.remove(&path) {
                Some(part) if part.prefix == new.prefix => part,
                _ => new,
            });
        }
        // If a folder has files of its own, the names of the other series get longer.
        if !old.is_empty() {
            self.again(out);
        }
    }

    fn again(&mut self, out: &mut dyn LogSink) {
        out.restart();
        for part in &mut self.files {
            (part.read, part.properties, part.half, part.newest) =
                (0, TagProperties::default(), false, i64::MIN);
        }
    }

    /// The step from which later files in its folder make the records of this file void.
    fn void(&self, file: usize) -> i64 {
        let folder = self.files[file].path.parent();
        let later = self.files[file + 1..].iter().filter(|f| f.path.parent() == folder);
        later.filter_map(|f| self.purges.get(&f.path)).min().copied().unwrap_or(i64::MAX)
    }
}

/// The result of reading a piece.
enum ReadResult {
    /// There is no more for now.
    End,
    /// There is more.
    More,
    /// Earlier values of this step and later ones are void.
    Purge(i64),
}

impl EventFile {
    fn read(&mut self, void: i64, known: bool, out: &mut dyn LogSink) -> Result<ReadResult, String> {
        let fault = |e: std::io::Error| e.to_string();
        let mut file = File::open(&self.path).map_err(fault)?;
        let length = file.metadata().map_err(fault)?.len();
        if length < self.read {
            return Ok(ReadResult::Purge(i64::MIN));
        }
        if length == self.read {
            return Ok(ReadResult::End);
        }
        file.seek(SeekFrom::Start(self.read)).map_err(fault)?;
        let mut bytes = Vec::with_capacity(PIECE.min((length - self.read) as usize));
        (&mut file).take(PIECE as u64).read_to_end(&mut bytes).map_err(fault)?;
        let mut at = 0;
        loop {
            let rest = &bytes[at..];
            self.half = !rest.is_empty();
            let Some(head) = rest.get(..12) else { break };
            let size = u64::from_le_bytes(head[..8].try_into().unwrap_or_default());
            if masked(&head[..8]) != le32(&head[8..12]) || size > RECORD {
                // Zero bytes are space that the file system reserved for later data.
                if rest.iter().any(|b| *b != 0) && head.iter().any(|b| *b != 0) && !self.damaged {
                    self.damaged = true;
                    out.remark(format!(
                        "{}: damaged after {} bytes; what follows cannot be read",
                        self.path.display(),
                        self.read + at as u64
                    ));
                }
                return Ok(self.reached(at, false));
            }
            let end = 12 + size as usize + 4;
            let Some(record) = rest.get(12..end) else {
                // A record longer than a piece is read by itself.
                if at == 0 && bytes.len() < end && self.read + end as u64 <= length {
                    let missing = end - bytes.len();
                    let taken = (&mut file).take(missing as u64).read_to_end(&mut bytes).map_err(fault)?;
                    if taken == missing {
                        continue;
                    }
                }
                break;
            };
            let (payload, sum) = record.split_at(size as usize);
            if masked(payload) != le32(sum) {
                // The newest record may be incomplete; an incomplete record before others is damage.
                if sum == [0; 4] || self.read + (at + end) as u64 == length {
                    return Ok(self.reached(at, false));
                }
                out.remark(format!(
                    "{}: the record after {} bytes is damaged and was left out",
                    self.path.display(),
                    self.read + at as u64
                ));
            } else if let Some(purge) = self.send(payload, void, out)
                && !known
            {
                return Ok(ReadResult::Purge(purge));
            }
            at += end;
        }
        Ok(self.reached(at, at > 0))
    }

    fn reached(&mut self, at: usize, more: bool) -> ReadResult {
        self.read += at as u64;
        if more { ReadResult::More } else { ReadResult::End }
    }

    /// Sends the values of a record; returns the step of a purge, if it is one.
    fn send(&mut self, payload: &[u8], void: i64, out: &mut dyn LogSink) -> Option<i64> {
        let event = EventRecord::read(payload);
        if event.step >= void {
            return None;
        }
        self.newest = self.newest.max(event.step);
        let (step, prefix) = (event.step as f64, &self.prefix);
        let name = |tag: &str| if prefix.is_empty() { tag.to_string() } else { format!("{prefix}{tag}") };
        for summary in event.summaries() {
            self.properties.summary(summary, &mut |tag, value| match value {
                event::SummaryValue::Number(x) => out.point(&name(tag), step, x),
                event::SummaryValue::Norm(x, exact) => out.norm(&name(tag), step, x, exact),
            });
        }
        event.start.then_some(event.step)
    }
}

impl LogReader for Events {
    fn read(&mut self, out: &mut dyn LogSink) -> Result<bool, String> {
        self.look(out);
        let mut faults = Vec::new();
        for i in 0..self.files.len() {
            let (void, path) = (self.void(i), self.files[i].path.clone());
            let known = self.purges.contains_key(&path) || void == i64::MIN;
            match self.files[i].read(void, known, out) {
                Ok(ReadResult::End) => {}
                // The next file of a run is read after this one.
                Ok(ReadResult::More) => return Ok(true),
                Ok(ReadResult::Purge(i64::MIN)) => {
                    self.again(out);
                    return Ok(true);
                }
                Ok(ReadResult::Purge(step)) => {
                    self.purges.insert(path.clone(), step);
                    let folder = path.parent();
                    let before = self.files[..i].iter().filter(|f| f.path.parent() == folder);
                    if before.map(|f| f.newest).max().is_some_and(|newest| newest >= step) {
                        self.again(out);
                    }
                    return Ok(true);
                }
                Err(what) => faults.push(format!("{}: {what}", path.display())),
            }
        }
        if faults.is_empty() { Ok(false) } else { Err(faults.join("; ")) }
    }

    fn close(&mut self, out: &mut dyn LogSink) {
        let half = self.files.iter().filter(|f| f.half && !f.damaged).count();
        if half > 0 {
            out.remark(format!("{half} of {} event files end in half a record", self.files.len()));
        }
    }
}
