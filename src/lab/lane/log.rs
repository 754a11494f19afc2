//! Writes and reads lines of the log: one JSON object per line, with the table's numbers under their keys.
//!
//! A number that is not finite is `null`; a number that does not exist at a step has no key. Keys are in the order of
//! the table.

use super::LogLine;
use crate::lab::exam;
use crate::lab::lane::marked;
use crate::number::{LayerNumber, Listed, Number, NumberFormat, NumberSource, NumberValues};
use crate::telemetry::{Band, Data, LaneId, LayerMeasure, Measure, Spread};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use std::collections::BTreeMap;

/// The contents of one line.
pub struct LogRow<'a> {
    /// The name of the lane.
    pub lane: &'a str,
    /// The step.
    pub measure: &'a Measure,
    /// The layers, if they were measured.
    pub layers: &'a [LayerMeasure],
    /// The evaluation after this step, if the log keeps it.
    pub evaluation: Option<Measure>,
    /// The share of dead units at this evaluation, for each layer whose units can die.
    pub dead: Vec<f32>,
    /// The measurement under attack after this step.
    pub robustness: Option<exam::ExamRow>,
    /// The range of the step over several seeds.
    pub spread: Option<Spread>,
}

impl<'a> LogRow<'a> {
    /// A step of this lane, without anything else.
    pub fn new(lane: &'a str, measure: &'a Measure) -> Self {
        Self {
            lane,
            measure,
            layers: &[],
            evaluation: None,
            dead: Vec::new(),
            robustness: None,
            spread: None,
        }
    }

    /// The row as text.
    pub fn line(&self, lane: LaneId) -> LogLine {
        let text = serde_json::to_string(self).unwrap_or_default();
        LogLine { step: self.measure.step, lane, text }
    }
}

/// Whether a number belongs to a step, rather than to an evaluation.
fn of_step(number: Number) -> bool {
    matches!(number.row().source, NumberSource::Step(_) | NumberSource::Rare(_))
}

impl Serialize for LogRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("step", &self.measure.step)?;
        map.serialize_entry("lane", self.lane)?;
        for (number, value) in self.measure.values.iter() {
            match number.row().form {
                NumberFormat::Single => map.serialize_entry(number.row().key, &(value as f32))?,
                NumberFormat::Double => map.serialize_entry(number.row().key, &value)?,
                NumberFormat::Flag(key) => map.serialize_entry(key, &(value > 0.0))?,
                NumberFormat::Absent => {}
            }
        }
        map.serialize_entry("epoch", &self.measure.epoch)?;
        map.serialize_entry("evaluations", &self.measure.evaluations)?;
        for (number, value) in self.evaluation.iter().flat_map(|e| e.values.iter()) {
            map.serialize_entry(number.row().key, &(value as f32))?;
        }
        if let Some(hash) = self.evaluation.and_then(|e| e.hash) {
            map.serialize_entry("hash", &hash)?;
        }
        let whole = marked(self.measure.step) || self.evaluation.is_some();
        for number in LayerNumber::ALL {
            let listed = number.row().log;
            if listed == Listed::No || (listed != Listed::Always && !whole) {
                continue;
            }
            let stands = |l: &&LayerMeasure| l.get(place(listed)).is_some();
            let value = |l: &LayerMeasure| l.get(number).unwrap_or(f32::NAN);
            let values: Vec<f32> = self.layers.iter().filter(stands).map(value).collect();
            if !values.is_empty() {
                map.serialize_entry(&list_key(number), &values)?;
            }
        }
        if !self.dead.is_empty() {
            map.serialize_entry(DEAD, &self.dead)?;
        }
        if let Some(robustness) = &self.robustness {
            map.serialize_entry("robustness", robustness)?;
        }
        if let Some(spread) = &self.spread {
            map.serialize_entry("seeds", &spread.seeds)?;
            map.serialize_entry("seeds_lost", &spread.lost)?;
            let judged = self.evaluation.as_ref().and_then(|e| e.spread);
            let of = |number| spread.band(number).or_else(|| judged.and_then(|j| j.band(number)));
            let (steps, others): (Vec<_>, Vec<_>) = Number::ALL.into_iter().partition(|n| of_step(*n));
            for number in steps.into_iter().chain(others) {
                if let Some(band) = of(number) {
                    map.serialize_entry(&band_key(number), &band)?;
                }
            }
        }
        map.end()
    }
}

/// The key under which the log has the values of all layers for a number.
fn list_key(number: LayerNumber) -> String {
    let row = number.row();
    format!("layer_{}{}", row.key, if row.log == Listed::Units { "" } else { "s" })
}

/// The key under which the log has the shares of dead units.
const DEAD: &str = "layer_dead";

/// A number that exists for exactly the layers of such a list.
fn place(listed: Listed) -> LayerNumber {
    if listed == Listed::Units { LayerNumber::Saturated } else { LayerNumber::GradNorm }
}

/// The layers of a lane to which the lists in its log belong.
#[derive(Clone, Debug)]
pub struct Lists {
    /// The layers with parameters.
    params: Vec<usize>,
    /// The layers whose units can saturate.
    units: Vec<usize>,
}

impl Lists {
    /// The lists of a lane with these layers: whether each has parameters, and whether its units can saturate.
    pub fn new(layers: impl Iterator<Item = (bool, bool)>) -> Self {
        let (mut params, mut units) = (Vec::new(), Vec::new());
        for (i, (has, saturates)) in layers.enumerate() {
            params.extend(has.then_some(i));
            units.extend(saturates.then_some(i));
        }
        Self { params, units }
    }
}

/// The key under which the log has the range of a number over several seeds.
fn band_key(number: Number) -> String {
    format!("{}_spread", number.row().key)
}

/// A parsed line.
#[derive(Debug, Deserialize)]
pub struct ParsedLine {
    /// Its step.
    pub step: u64,
    /// The name of its lane.
    pub lane: String,
    #[serde(default)]
    epoch: f64,
    #[serde(default)]
    evaluations: u64,
    /// The measurement under attack, if there is one.
    pub robustness: Option<exam::ExamRow>,
    seeds: Option<u32>,
    #[serde(default)]
    seeds_lost: u32,
    /// All other numbers, by key.
    #[serde(flatten)]
    numbers: BTreeMap<String, Value>,
}

impl ParsedLine {
    /// Parses a line of the log; `None` if it is not a line of numbers, such as a verdict.
    pub fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok().filter(|read: &Self| !read.numbers.contains_key("verdict"))
    }

    /// Whether the step was finite: a diverged lane has `null` in its line.
    pub fn finite(&self) -> bool {
        !self.numbers.values().any(Value::is_null)
    }

    /// The measurement of the step. The log holds no times, so the caller provides an estimate.
    pub fn measure(&self, seconds: f64) -> Measure {
        self.measure_of(seconds, of_step)
    }

    /// The evaluation after the step, if there was one.
    pub fn evaluation(&self, seconds: f64) -> Option<Measure> {
        let measure = self.measure_of(seconds, |n| matches!(n.row().source, NumberSource::Evaluation));
        let hash = self.numbers.get("hash").and_then(Value::as_str).and_then(|text| text.parse().ok());
        measure.values.iter().next().is_some().then_some(Measure { hash, ..measure })
    }

    fn measure_of(&self, seconds: f64, which: fn(Number) -> bool) -> Measure {
        let mut values = NumberValues::default();
        let mut spread = self.seeds.map(|seeds| Spread::new(seeds, self.seeds_lost));
        for number in Number::ALL.into_iter().filter(|n| which(*n)) {
            values.set(number, self.value(number));
            if let Some(spread) = &mut spread {
                spread.set(number, self.numbers.get(&band_key(number)).and_then(band));
            }
        }
        let (step, epoch, evaluations) = (self.step, self.epoch, self.evaluations);
        Measure { step, epoch, seconds, evaluations, values, spread, ..Measure::default() }
    }

    /// The value of a number in the line.
    fn value(&self, number: Number) -> Option<f64> {
        let row = number.row();
        let of = |key: &str| self.numbers.get(key);
        match row.form {
            NumberFormat::Single => of(row.key).map(|v| f64::from(single(v))),
            NumberFormat::Double => of(row.key).map(|v| v.as_f64().unwrap_or(f64::NAN)),
            NumberFormat::Flag(key) => of(key)?.as_bool().map(|yes| f64::from(u8::from(yes))),
            NumberFormat::Absent => None,
        }
    }

    /// The layers' values.
    pub fn layers(&self, lists: &Lists) -> Vec<LayerMeasure> {
        let mut layers: BTreeMap<usize, LayerMeasure> = BTreeMap::new();
        for number in LayerNumber::ALL.into_iter().filter(|n| n.row().log != Listed::No) {
            let Some(Value::Array(values)) = self.numbers.get(&list_key(number)) else { continue };
            let places = if number.row().log == Listed::Units { &lists.units } else { &lists.params };
            for (&layer, value) in places.iter().zip(values) {
                let measure = layers.entry(layer).or_insert_with(|| LayerMeasure::of(layer));
                measure.values.set(number, Some(single(value)));
            }
        }
        layers.into_values().collect()
    }

    /// The dead units of an evaluation, as a part of the probe `health`.
    pub fn dead(&self, lists: &Lists) -> Option<(String, Data)> {
        let Some(Value::Array(values)) = self.numbers.get(DEAD) else { return None };
        let row = |(layer, value): (&usize, &Value)| (layer.to_string(), vec![single(value)]);
        let rows = lists.units.iter().zip(values).map(row).collect();
        Some(("dead".into(), Data::Table { columns: vec!["share".into()], rows }))
    }
}

/// A number of the log; `null` stands for a number that is not finite.
fn single(value: &Value) -> f32 {
    value.as_f64().map_or(f32::NAN, |x| x as f32)
}

/// A band of the log. It contains no NaN; an end that is not finite is +∞, because diverging numbers grow.
fn band(value: &Value) -> Option<Band> {
    let end = |name: &str| value.get(name).and_then(Value::as_f64).map_or(f32::INFINITY, |x| x as f32);
    value.is_object().then(|| Band { min: end("min"), median: end("median"), max: end("max") })
}
