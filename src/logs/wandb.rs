//! `.wandb`: the file that W&B's client writes for every run, online or offline. Blocks of 32 KiB hold records in the
//! wire format of protocol buffers.

use super::tail::Tail;
use super::value::Json;
use super::wire::{WireFields, WireValue};
use super::{LogReader, LogSink};
use std::collections::HashMap;
use std::path::Path;

/// Sizes in bytes: of the file header, of a block, and of the header of a piece of a record.
const START: usize = 7;
const BLOCK: usize = 32 * 1024;
const HEAD: usize = 7;

/// The reader of a file that may grow.
#[derive(Debug)]
pub struct Wandb {
    tail: Tail,
    /// Bytes that were read but not decoded yet, and their position in the file.
    rest: Vec<u8>,
    at: usize,
    /// The pieces of a record so far.
    record: Vec<u8>,
    axes: Axes,
    damaged: bool,
}

/// Series that are plotted over another series instead of over the step.
#[derive(Debug, Default)]
struct Axes {
    named: HashMap<String, String>,
    /// By a prefix of the name: `train/*`.
    globs: Vec<(String, String)>,
    last: HashMap<String, f64>,
}

impl Axes {
    fn of(&self, name: &str) -> Option<&String> {
        let glob = |(start, _): &&(String, String)| name.starts_with(&**start);
        self.named.get(name).or_else(|| self.globs.iter().rev().find(glob).map(|g| &g.1))
    }

    /// Adds a definition of a metric.
    fn define(&mut self, metric: &[u8]) {
        let text = |number: u64| {
            WireFields(metric).find(|f| f.0 == number).and_then(|f| f.1.text()).map(String::from)
        };
        let Some(axis) = text(4).filter(|axis| !axis.is_empty()) else { return };
        if let Some(name) = text(1).filter(|name| !name.is_empty()) {
            self.named.insert(name, axis);
        } else if let Some(glob) = text(2) {
            self.globs.push((glob.trim_end_matches('*').into(), axis));
        }
    }
}

impl Wandb {
    /// A reader of this file.
    pub fn new(path: &Path) -> Self {
        let (rest, record) = (Vec::new(), Vec::new());
        Self { tail: Tail::new(path), rest, at: 0, record, axes: Axes::default(), damaged: false }
    }

    /// Decodes the bytes that were read; stops at an incomplete piece.
    fn take(&mut self, out: &mut dyn LogSink) {
        let mut from = 0;
        if self.at == 0 {
            if self.rest.len() < START {
                return;
            }
            from = START;
        }
        loop {
            let place = (self.at + from) % BLOCK;
            // No piece begins in the last bytes of a block.
            if BLOCK - place < HEAD {
                if self.rest.len() < from + BLOCK - place {
                    break;
                }
                from += BLOCK - place;
                continue;
            }
            let Some(head) = self.rest.get(from..from + HEAD) else { break };
            let sum = u32::from_le_bytes(head[..4].try_into().unwrap_or_default());
            let (length, kind) = (usize::from(u16::from_le_bytes([head[4], head[5]])), head[6]);
            if *head == [0; HEAD] {
                // The bytes are not written yet, or the end of the block was left empty.
                if self.rest.len() < from + BLOCK - place {
                    break;
                }
                from += BLOCK - place;
                continue;
            }
            let Some(data) = self.rest.get(from + HEAD..from + HEAD + length) else { break };
            let mut hash = crc32fast::Hasher::new();
            hash.update(&[kind]);
            hash.update(data);
            if hash.finalize() != sum {
                if !std::mem::replace(&mut self.damaged, true) {
                    out.remark(format!("damaged after {} bytes; its block was left out", self.at + from));
                }
                self.record.clear();
                if self.rest.len() < from + BLOCK - place {
                    break;
                }
                from += BLOCK - place;
                continue;
            }
            if matches!(kind, 1 | 2) {
                self.record.clear();
            }
            self.record.extend_from_slice(data);
            from += HEAD + length;
            if matches!(kind, 1 | 4) {
                let record = std::mem::take(&mut self.record);
                send(&record, &mut self.axes, out);
            }
        }
        self.rest.drain(..from);
        self.at += from;
    }
}

/// Sends the numbers of a record, if it belongs to the run's history.
fn send(record: &[u8], axes: &mut Axes, out: &mut dyn LogSink) {
    for (number, field) in WireFields(record) {
        match (number, field) {
            (2, WireValue::Bytes(history)) => send_history(history, axes, out),
            (12, WireValue::Bytes(metric)) => axes.define(metric),
            _ => {}
        }
    }
}

fn send_history(history: &[u8], axes: &mut Axes, out: &mut dyn LogSink) {
    let (mut step, mut items) = (None, Vec::new());
    for (number, field) in WireFields(history) {
        match (number, field) {
            (1, WireValue::Bytes(item)) => items.extend(read_item(item)),
            (2, WireValue::Bytes(of)) => {
                step = WireFields(of).find(|f| f.0 == 1).and_then(|f| f.1.whole()).or(Some(0));
            }
            _ => {}
        }
    }
    let own = items.iter().find(|(name, _)| name == "_step").and_then(|(_, json)| json.number());
    let step = own.or(step.map(|s| s as f64)).unwrap_or(0.0);
    let (mut numbers, mut norms) = (Vec::new(), Vec::new());
    for (name, json) in together(items) {
        match json.get("_type").and_then(Json::text) {
            Some("histogram") => norms.extend(norm(&json).map(|x| (name, x))),
            // A picture or a table: its numbers are not part of curves.
            Some(_) => {}
            None if name.starts_with('_') => {}
            None => json.numbers(&mut name.clone(), &mut |path, x| numbers.push((path.to_string(), x))),
        }
    }
    for (name, x) in &numbers {
        if axes.named.values().chain(axes.globs.iter().map(|g| &g.1)).any(|axis| axis == name) {
            axes.last.extend(x.map(|x| (name.clone(), x)));
        }
    }
    let at =
        |name: &str| axes.of(name).filter(|axis| *axis != name).and_then(|axis| axes.last.get(axis)).copied();
    for (name, x) in &numbers {
        out.value(name, at(name).unwrap_or(step), *x);
    }
    for (name, x) in &norms {
        out.norm(name, at(name).unwrap_or(step), *x, false);
    }
}

/// The same items with the parts of one value joined to an object: `x._type`, `x.bins` and `x.values` form a histogram
/// x.
fn together(items: Vec<(String, Json)>) -> Vec<(String, Json)> {
    let typed = items.iter().filter_map(|(name, _)| name.strip_suffix("._type")).map(String::from);
    let mut things: Vec<(String, Vec<(String, Json)>)> = typed.map(|name| (name, Vec::new())).collect();
    let mut all = Vec::new();
    for (name, json) in items {
        let part =
            |thing: &str| name.strip_prefix(thing).and_then(|rest| rest.strip_prefix('.')).map(String::from);
        match things.iter_mut().find_map(|(thing, parts)| Some((part(thing)?, parts))) {
            Some((part, parts)) => parts.push((part, json)),
            None => all.push((name, json)),
        }
    }
    all.extend(things.into_iter().map(|(name, parts)| (name, Json::Object(parts))));
    all
}

/// The name, joined from its path, and the value of an item.
fn read_item(item: &[u8]) -> Option<(String, Json)> {
    let (mut name, mut path, mut value) = ("", Vec::new(), None);
    for (number, field) in WireFields(item) {
        match number {
            1 => name = field.text()?,
            2 => path.push(field.text()?),
            16 => value = Json::parse(field.text()?),
            _ => {}
        }
    }
    Some((if path.is_empty() { name.into() } else { path.join(".") }, value?))
}

/// The norm of the numbers in a histogram, assumed to lie in the middle of their bins.
fn norm(histogram: &Json) -> Option<f64> {
    let list = |key: &str| match histogram.get(key) {
        Some(Json::List(values)) => Some(values.iter().filter_map(Json::number).collect::<Vec<f64>>()),
        _ => None,
    };
    let counts = list("values")?;
    let edges = list("bins").or_else(|| {
        // The packed form: first edge, width of a bin, number of bins.
        let part = |key: &str| {
            let whole = histogram.get("packedBins").and_then(|packed| packed.get(key));
            whole.or_else(|| histogram.get(&format!("packedBins.{key}"))).and_then(Json::number)
        };
        let (low, width, count) = (part("min")?, part("size")?, part("count")?.min(1e6) as usize);
        Some((0..=count).map(|i| low + width * i as f64).collect())
    })?;
    let middles = edges.windows(2).map(|e| 0.5 * (e[0] + e[1]));
    Some(counts.iter().zip(middles).map(|(n, x)| n * x * x).sum::<f64>().sqrt())
}

impl LogReader for Wandb {
    fn read(&mut self, out: &mut dyn LogSink) -> Result<bool, String> {
        let piece = self.tail.next().map_err(|e| e.to_string())?;
        if piece.anew {
            let tail = std::mem::replace(&mut self.tail, Tail::new(Path::new("")));
            *self = Self { tail, ..Self::new(Path::new("")) };
            out.restart();
        }
        self.rest.extend_from_slice(&piece.bytes);
        self.take(out);
        Ok(piece.more)
    }

    fn close(&mut self, out: &mut dyn LogSink) {
        if self.rest.iter().any(|b| *b != 0) && !self.damaged {
            out.remark("the last record is half written and was left out".into());
        }
    }
}
