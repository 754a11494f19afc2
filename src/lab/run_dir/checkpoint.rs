//! A checkpoint as bytes: a header, lengths and numbers in little-endian order, a checksum. Opens no file.
//!
//! Every length is compared with the number of remaining bytes before anything is allocated.

use crate::engine::optim::OptimizerState;
use crate::engine::regularise::stopping::StoppingMemory;
use crate::lab::lane::{LogLine, SavedReplica};
use crate::lab::run::SavedLane;
use crate::lab::trainer::Snapshot;
use crate::limits;
use crate::telemetry::{Divergence, DivergenceOrigin, Phase, StepStage};
use std::borrow::Cow;
use std::io::{self, Write};

/// The log up to a certain line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogMark {
    /// Its length.
    pub bytes: u64,
    /// The checksum of these bytes.
    pub crc: u32,
}

impl LogMark {
    /// The mark of a whole log.
    pub fn of(log: &[u8]) -> Self {
        Self { bytes: log.len() as u64, crc: crc32fast::hash(log) }
    }
}

/// The magic bytes of the file; the last one is the version of the format.
const MAGIC: &[u8; 16] = b"gradtui state \n\x05";

/// The magic bytes of earlier versions, which can still be read: without lanes that went back to a step, and without
/// renamed lanes.
const EARLIER: [&[u8; 16]; 2] = [b"gradtui state \n\x03", b"gradtui state \n\x04"];

/// Bytes of a file beside its body: the magic bytes, the length and the checksum.
const FRAME: u64 = MAGIC.len() as u64 + 12;

/// The state that a resume needs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoint<'a> {
    /// The scenario with its lanes at the checkpoint.
    pub scenario: String,
    /// The directory to which paths in the scenario are relative.
    pub base: String,
    /// Checksum of the training samples.
    pub data: u32,
    /// Checksums of scenario.ron, before and after it is replaced by this scenario.
    pub scenarios: Vec<u32>,
    /// The log beside it, and if lines are removed, also the log after the removal.
    pub logs: Vec<LogMark>,
    /// Lines that are removed from the log after the checkpoint is written.
    pub forgotten: Vec<LineRemoval>,
    /// The lanes.
    pub lanes: Cow<'a, [SavedLane]>,
    /// Lines of the log that waited for other lanes.
    pub lines: Vec<LogLine>,
}

/// The lines of a lane that was restarted, went back to a step, or was renamed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineRemoval {
    /// The lane.
    pub lane: String,
    /// The step up to which its lines are kept; 0: none are kept.
    pub after: u64,
    /// Its new name, if it was renamed; all its lines are kept then. Empty otherwise.
    pub to: String,
}

/// Checksum of the samples on which lanes train.
pub fn checksum(inputs: &[f32]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for x in inputs {
        hasher.update(&x.to_le_bytes());
    }
    hasher.finalize()
}

/// The head of a checkpoint, before anything is checked.
#[derive(Debug, PartialEq, Eq)]
pub struct CheckpointHead {
    /// The scenario.
    pub scenario: String,
    /// The directory to which paths in the scenario are relative.
    pub base: String,
    /// The length that the file should have.
    pub bytes: u64,
}

impl CheckpointHead {
    /// Limit on the length of a head.
    pub const BYTES: u64 = 4 * limits::SCENARIO_BYTES + (64 << 10);

    /// Decodes the beginning of a file.
    ///
    /// # Errors
    /// The reason why these bytes do not begin a checkpoint.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let (len, rest) = begin(bytes)?;
        let mut r = BodyReader(rest);
        Ok(Self { scenario: r.text()?, base: r.text()?, bytes: len.saturating_add(FRAME) })
    }
}

/// The length of the body stated in a file, and the bytes after it.
fn begin(file: &[u8]) -> Result<(u64, &[u8]), String> {
    let earlier = || EARLIER.iter().find_map(|magic| file.strip_prefix(*magic));
    let rest = file.strip_prefix(MAGIC).or_else(earlier);
    let rest = rest.ok_or("it does not begin as a checkpoint of this version does")?;
    let (len, rest) = rest.split_first_chunk::<8>().ok_or("it is cut short")?;
    Ok((u64::from_le_bytes(*len), rest))
}

impl Checkpoint<'_> {
    /// Writes it to a file, piece by piece, because it may be large.
    ///
    /// # Errors
    /// If the file cannot take all of it.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        // The length comes before the body.
        let len = self.sum().0 - FRAME;
        out.write_all(MAGIC)?;
        out.write_all(&len.to_le_bytes())?;
        let mut w = BodyWriter { out, crc: crc32fast::Hasher::new(), bytes: 0, end: Ok(()) };
        self.body(&mut w);
        let BodyWriter { out, crc, end, .. } = w;
        end?;
        out.write_all(&crc.finalize().to_le_bytes())
    }

    /// The length of its file, in bytes, and its checksum.
    pub fn sum(&self) -> (u64, u32) {
        let mut sink = io::sink();
        let mut w = BodyWriter { out: &mut sink, crc: crc32fast::Hasher::new(), bytes: 0, end: Ok(()) };
        self.body(&mut w);
        (w.bytes + FRAME, w.crc.finalize())
    }

    /// The file in memory.
    #[cfg(test)]
    pub fn encode(&self) -> Vec<u8> {
        let mut file = Vec::new();
        self.write(&mut file).expect("memory");
        file
    }

    fn body(&self, w: &mut BodyWriter<'_>) {
        w.text(&self.scenario);
        w.text(&self.base);
        w.number(u64::from(self.data));
        w.number(self.scenarios.len() as u64);
        self.scenarios.iter().for_each(|&crc| w.number(u64::from(crc)));
        w.number(self.logs.len() as u64);
        for log in &self.logs {
            w.number(log.bytes);
            w.number(u64::from(log.crc));
        }
        w.number(self.forgotten.len() as u64);
        for gone in &self.forgotten {
            w.text(&gone.lane);
            w.number(gone.after);
            w.text(&gone.to);
        }
        w.number(self.lanes.len() as u64);
        for lane in &*self.lanes {
            w.number(lane.id as u64);
            w.text(&lane.name);
            w.phase(&lane.phase);
            w.double(lane.seconds);
            w.snapshot(&lane.snapshot);
            w.number(lane.seeds.len() as u64);
            for replica in &lane.seeds {
                w.phase(&replica.phase);
                w.snapshot(&replica.snapshot);
            }
        }
        w.number(self.lines.len() as u64);
        for line in &self.lines {
            w.number(line.step);
            w.number(line.lane as u64);
            w.text(&line.text);
        }
    }

    /// Decodes a file.
    ///
    /// # Errors
    /// The reason why these bytes are not a checkpoint.
    pub fn decode(file: &[u8]) -> Result<Checkpoint<'static>, String> {
        match Self::decode_unproved(file)? {
            (checkpoint, None) => Ok(checkpoint),
            (_, Some(what)) => Err(what),
        }
    }

    /// Decodes a file whose checksum may be wrong; if it is, the fault is returned beside the checkpoint.
    ///
    /// # Errors
    /// The reason why these bytes do not have the form of a checkpoint.
    pub fn decode_unproved(file: &[u8]) -> Result<(Checkpoint<'static>, Option<String>), String> {
        let (len, rest) = begin(file)?;
        let (body, crc) = rest.split_last_chunk::<4>().ok_or("it is cut short")?;
        if len != body.len() as u64 {
            return Err(format!("it has {} bytes instead of {len}", body.len()));
        }
        let wrong = crc32fast::hash(body) != u32::from_le_bytes(*crc);
        let fault = wrong.then(|| "its checksum is wrong".to_string());
        Self::decode_body(body, file[MAGIC.len() - 1])
            .map(|checkpoint| (checkpoint, fault.clone()))
            .map_err(|what| fault.unwrap_or(what))
    }

    fn decode_body(body: &[u8], version: u8) -> Result<Checkpoint<'static>, String> {
        let mut r = BodyReader(body);
        let gone = |r: &mut BodyReader<'_>| {
            let (lane, after) = (r.text()?, if version < 4 { 0 } else { r.number()? });
            Ok(LineRemoval { lane, after, to: if version < 5 { String::new() } else { r.text()? } })
        };
        let checkpoint = Checkpoint {
            scenario: r.text()?,
            base: r.text()?,
            data: r.number()? as u32,
            scenarios: r.list(|r| Ok(r.number()? as u32))?,
            logs: r.list(|r| Ok(LogMark { bytes: r.number()?, crc: r.number()? as u32 }))?,
            forgotten: r.list(gone)?,
            lanes: r.list(BodyReader::lane)?.into(),
            lines: r
                .list(|r| Ok(LogLine { step: r.number()?, lane: r.number()? as usize, text: r.text()? }))?,
        };
        if checkpoint.logs.is_empty() {
            return Err("it knows no log".into());
        }
        if r.0.is_empty() { Ok(checkpoint) } else { Err(format!("{} bytes are left over", r.0.len())) }
    }
}

/// Writes the bytes of a body to a file and computes their checksum.
struct BodyWriter<'a> {
    out: &'a mut dyn Write,
    crc: crc32fast::Hasher,
    bytes: u64,
    /// The first error, after which nothing is written any more.
    end: io::Result<()>,
}

impl BodyWriter<'_> {
    fn put(&mut self, bytes: &[u8]) {
        if self.end.is_ok() {
            self.crc.update(bytes);
            self.bytes += bytes.len() as u64;
            self.end = self.out.write_all(bytes);
        }
    }
    fn number(&mut self, n: u64) {
        self.put(&n.to_le_bytes());
    }
    fn double(&mut self, x: f64) {
        self.put(&x.to_le_bytes());
    }
    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.put(text.as_bytes());
    }
    fn floats(&mut self, x: &[f32]) {
        self.number(x.len() as u64);
        let mut piece = [0; 4096];
        for x in x.chunks(piece.len() / 4) {
            let bytes = &mut piece[..4 * x.len()];
            for (to, x) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(x) {
                *to = x.to_le_bytes();
            }
            self.put(bytes);
        }
    }
    fn doubles(&mut self, x: &[f64]) {
        self.number(x.len() as u64);
        for x in x {
            self.double(*x);
        }
    }
    fn snapshot(&mut self, s: &Snapshot) {
        for n in [s.step, s.epoch, s.position, s.evaluations, s.optim_step, s.clipped] {
            self.number(n);
        }
        self.floats(&[s.last_grad_norm]);
        self.doubles(&s.memory);
        for x in [&s.params, &s.state, &s.defence, &s.average] {
            self.floats(x);
        }
        self.number(s.optim.vectors.len() as u64);
        for vector in &s.optim.vectors {
            self.floats(vector);
        }
        self.doubles(&s.optim.scalars);
        let best: Vec<f32> = s.best.at.map(|b| b.0).into_iter().collect();
        self.floats(&best);
        self.number(s.best.at.map_or(0, |b| b.1));
        self.number(s.best.since);
        self.number(u64::from(s.kept.is_some()));
        if let Some(kept) = &s.kept {
            self.snapshot(kept);
        }
    }
    fn phase(&mut self, phase: &Phase) {
        match phase {
            Phase::Running | Phase::Paused | Phase::Killed => self.number(0),
            Phase::Finished => self.number(1),
            Phase::Stopped(why) => {
                self.number(2);
                self.text(why);
            }
            Phase::Diverged(d) => {
                self.number(if d.origin.is_some() { 5 } else { 3 });
                self.number(d.step);
                self.text(&d.layer);
                self.floats(&[d.last_grad_norm]);
                self.text(&d.what);
                if let Some(o) = &d.origin {
                    self.number(o.stage as u64);
                    self.text(&o.tensor);
                    self.number(o.nan.into());
                    self.number(o.bad);
                    self.number(o.size);
                    self.floats(&[o.reach]);
                    self.number(o.carriers);
                }
            }
            Phase::Failed(why) => {
                self.number(4);
                self.text(why);
            }
        }
    }
}

struct BodyReader<'a>(&'a [u8]);

impl<'a> BodyReader<'a> {
    fn bytes(&mut self, n: usize) -> Result<&'a [u8], String> {
        let (head, tail) = self.0.split_at_checked(n).ok_or("a length in it is larger than the file")?;
        self.0 = tail;
        Ok(head)
    }
    fn number(&mut self) -> Result<u64, String> {
        Ok(u64::from_le_bytes(self.bytes(8)?.try_into().map_err(|_| "it is cut short")?))
    }
    /// A number of items of at least `size` bytes each, compared with the number of remaining bytes.
    fn len(&mut self, size: usize) -> Result<usize, String> {
        let n = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        if n > self.0.len() / size { Err("a length in it is larger than the file".into()) } else { Ok(n) }
    }
    fn text(&mut self) -> Result<String, String> {
        let n = self.len(1)?;
        String::from_utf8(self.bytes(n)?.to_vec()).map_err(|_| "a text in it is not UTF-8".into())
    }
    fn floats(&mut self) -> Result<Vec<f32>, String> {
        let n = self.len(4)?;
        let (words, _) = self.bytes(n * 4)?.as_chunks::<4>();
        Ok(words.iter().map(|w| f32::from_le_bytes(*w)).collect())
    }
    fn doubles(&mut self) -> Result<Vec<f64>, String> {
        let n = self.len(8)?;
        let (words, _) = self.bytes(n * 8)?.as_chunks::<8>();
        Ok(words.iter().map(|w| f64::from_le_bytes(*w)).collect())
    }
    fn float(&mut self) -> Result<f32, String> {
        self.floats()?.first().copied().ok_or_else(|| "a number is missing".into())
    }
    fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> Result<T, String>) -> Result<Vec<T>, String> {
        let n = self.len(8)?;
        (0..n).map(|_| one(self)).collect()
    }
    fn phase(&mut self) -> Result<Phase, String> {
        Ok(match self.number()? {
            0 => Phase::Paused,
            1 => Phase::Finished,
            2 => Phase::Stopped(self.text()?),
            tag @ (3 | 5) => Phase::Diverged(Divergence {
                step: self.number()?,
                layer: self.text()?,
                last_grad_norm: self.float()?,
                what: self.text()?,
                origin: if tag == 5 { Some(self.origin()?) } else { None },
            }),
            4 => Phase::Failed(self.text()?),
            other => return Err(format!("a lane is in state {other}, which is none")),
        })
    }
    fn origin(&mut self) -> Result<DivergenceOrigin, String> {
        let stage = self.number()?;
        Ok(DivergenceOrigin {
            stage: *StepStage::ALL
                .get(stage as usize)
                .ok_or_else(|| format!("a step has no part {stage}"))?,
            tensor: self.text()?,
            nan: self.number()? != 0,
            bad: self.number()?,
            size: self.number()?,
            reach: self.float()?,
            carriers: self.number()?,
        })
    }
    fn lane(&mut self) -> Result<SavedLane, String> {
        Ok(SavedLane {
            id: self.number()? as usize,
            name: self.text()?,
            phase: self.phase()?,
            seconds: f64::from_bits(self.number()?),
            snapshot: self.snapshot(true)?,
            seeds: self.list(|r| Ok(SavedReplica { phase: r.phase()?, snapshot: r.snapshot(true)? }))?,
        })
    }
    /// A lane's state. Its state at the best evaluation has no further state inside.
    fn snapshot(&mut self, outer: bool) -> Result<Snapshot, String> {
        let mut snapshot = Snapshot {
            step: self.number()?,
            epoch: self.number()?,
            position: self.number()?,
            evaluations: self.number()?,
            optim_step: self.number()?,
            clipped: self.number()?,
            last_grad_norm: self.float()?,
            memory: self.doubles()?.try_into().map_err(|_| "the schedule's memory has another size")?,
            params: self.floats()?,
            state: self.floats()?,
            defence: self.floats()?,
            average: self.floats()?,
            optim: OptimizerState { vectors: self.list(Self::floats)?, scalars: self.doubles()? },
            ..Snapshot::default()
        };
        let loss = self.floats()?.first().copied();
        let at = self.number()?;
        snapshot.best = StoppingMemory { at: loss.map(|loss| (loss, at)), since: self.number()? };
        if self.number()? != 0 {
            if !outer {
                return Err("a kept state in it keeps another one".into());
            }
            snapshot.kept = Some(Box::new(self.snapshot(false)?));
        }
        Ok(snapshot)
    }
}

#[cfg(test)]
mod tests;
