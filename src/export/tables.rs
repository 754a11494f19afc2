//! The numbers of a run as tables: as CSV in tidy form (one number per row) or in wide form (one step per row), and as
//! NPZ.

use super::RunContent;
use super::weights::{self, WeightArrays};
use crate::lab::lane::log::{Lists, ParsedLine};
use crate::number::{LayerNumber, Number, decimal};
use std::collections::{BTreeMap, BTreeSet};

/// The numbers of one log line in the order of the table, each with its layer; without a layer, the number belongs to
/// the whole lane.
fn numbers(read: &ParsedLine, lists: &Lists) -> Vec<(Option<usize>, &'static str, f64)> {
    let mut out = Vec::new();
    for measure in [Some(read.measure(0.0)), read.evaluation(0.0)].into_iter().flatten() {
        out.extend(measure.values.iter().map(|(number, x)| (None, number.row().key, number.decimal(x))));
    }
    // Where the gradient is finite, `null` in a list means that the layer has no such number, as the distance of a single unit.
    let finite = out.iter().any(|(_, key, x)| *key == Number::GradNorm.row().key && x.is_finite());
    for layer in read.layers(lists) {
        let numbers_of = layer.values.iter().filter(|(_, x)| !(finite && x.is_nan()));
        out.extend(numbers_of.map(|(number, x)| (Some(layer.layer), number.row().key, decimal(x))));
    }
    out
}

/// A number as a CSV cell; values that are not finite are written as NumPy and pandas read them.
fn cell(x: f64) -> String {
    match x {
        x if x.is_nan() => "nan".into(),
        f64::INFINITY => "inf".into(),
        f64::NEG_INFINITY => "-inf".into(),
        x if x == 0.0 || (1e-4..1e9).contains(&x.abs()) => format!("{x}"),
        x => format!("{x:e}"),
    }
}

fn table(rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        // Writing into memory cannot fail.
        let _ = writer.write_record(&row);
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

impl RunContent {
    /// The layers to which the lists in the log lines of this lane belong.
    fn lists_of(&self, name: &str) -> Lists {
        let lane = self.experiment.lanes.iter().position(|l| l.name == name);
        lane.map_or_else(|| Lists::new(std::iter::empty()), |lane| self.lists(lane))
    }

    /// The scenario's seed; with several seeds, the log holds the numbers of the first one.
    fn seed(&self) -> String {
        self.scenario.seed.to_string()
    }
}

/// Tidy: lane, seed, step, layer, metric, value. The layer is its index in the network, empty for the whole lane.
pub fn tidy(subject: &RunContent) -> String {
    let head = ["lane", "seed", "step", "layer", "metric", "value"].map(String::from).to_vec();
    let rows = subject.rows.iter().flat_map(|read| {
        let of = |(layer, key, x): (Option<usize>, &str, f64)| {
            let layer = layer.map_or_else(String::new, |l| l.to_string());
            vec![read.lane.clone(), subject.seed(), read.step.to_string(), layer, key.into(), cell(x)]
        };
        numbers(read, &subject.lists_of(&read.lane)).into_iter().map(of).collect::<Vec<_>>()
    });
    table(std::iter::once(head).chain(rows))
}

/// The columns of the wide form that have at least one value: a number, or a layer's number as `grad_norm[0]`.
fn columns(subject: &RunContent) -> Vec<(Option<usize>, &'static str)> {
    let mut seen = BTreeMap::new();
    for read in &subject.rows {
        for (layer, key, _) in numbers(read, &subject.lists_of(&read.lane)) {
            let place = Number::ALL.iter().position(|n| n.row().key == key);
            let inside = LayerNumber::ALL.iter().position(|n| n.row().key == key);
            let order = if layer.is_some() { (1, inside, layer) } else { (0, place, layer) };
            seen.insert(order, (layer, key));
        }
    }
    seen.into_values().collect()
}

/// Wide: one row per lane and step, one column per number; a cell is empty if the step has no such number.
pub fn wide(subject: &RunContent) -> String {
    let columns = columns(subject);
    let name =
        |(layer, key): &(Option<usize>, &str)| layer.map_or_else(|| (*key).into(), |l| format!("{key}[{l}]"));
    let head =
        ["lane", "seed", "step"].map(String::from).into_iter().chain(columns.iter().map(name)).collect();
    let rows = subject.rows.iter().map(|read| {
        let numbers_of = numbers(read, &subject.lists_of(&read.lane));
        let of = |column: &(Option<usize>, &str)| {
            let found = numbers_of.iter().find(|(layer, key, _)| (*layer, *key) == *column);
            found.map_or_else(String::new, |(_, _, x)| cell(*x))
        };
        [read.lane.clone(), subject.seed(), read.step.to_string()]
            .into_iter()
            .chain(columns.iter().map(of))
            .collect()
    });
    table(std::iter::once(head).chain(rows))
}

/// The tables as NPZ: `lane/step` and `lane/metric` are vectors of the same length, with NaN if a step has no number. A
/// number of layers is a matrix: steps by layers that have the number, input side first.
///
/// # Errors
/// If the file cannot be made.
pub fn npz(subject: &RunContent) -> std::io::Result<Vec<u8>> {
    let mut made: Vec<(String, Vec<usize>, Vec<f64>)> = Vec::new();
    let mut steps: Vec<(String, Vec<i64>)> = Vec::new();
    for lane in &subject.experiment.lanes {
        let lists = subject.lists_of(&lane.name);
        let rows: Vec<&ParsedLine> = subject.rows.iter().filter(|r| r.lane == lane.name).collect();
        steps.push((format!("{}/step", lane.name), rows.iter().map(|r| r.step as i64).collect()));
        let numbers_of: Vec<_> = rows.iter().map(|r| numbers(r, &lists)).collect();
        let find = |row: usize, layer: Option<usize>, key: &str| {
            numbers_of[row].iter().find(|(l, k, _)| (*l, *k) == (layer, key)).map_or(f64::NAN, |(_, _, x)| *x)
        };
        let has = |inside: bool, key: &str| {
            numbers_of.iter().flatten().any(|(l, k, _)| l.is_some() == inside && *k == key)
        };
        for key in Number::ALL.map(|n| n.row().key).into_iter().filter(|key| has(false, key)) {
            let values = (0..rows.len()).map(|row| find(row, None, key)).collect();
            made.push((format!("{}/{key}", lane.name), vec![rows.len()], values));
        }
        for key in LayerNumber::ALL.map(|n| n.row().key).into_iter().filter(|key| has(true, key)) {
            let having = numbers_of.iter().flatten().filter(|(_, k, _)| *k == key).filter_map(|(l, ..)| *l);
            let layers: BTreeSet<usize> = having.collect();
            let of = |row: usize| layers.iter().map(move |l| (row, *l));
            let values = (0..rows.len()).flat_map(of).map(|(row, l)| find(row, Some(l), key)).collect();
            made.push((format!("{}/layer_{key}", lane.name), vec![rows.len(), layers.len()], values));
        }
    }
    let wholes = steps.iter().map(|(name, of)| (name.clone(), vec![of.len()], WeightArrays::Wholes(of)));
    let doubles =
        made.iter().map(|(name, shape, of)| (name.clone(), shape.clone(), WeightArrays::Doubles(of)));
    weights::npz(&wholes.chain(doubles).collect::<Vec<_>>())
}
