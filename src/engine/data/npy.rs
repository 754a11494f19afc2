//! `NumPy`'s NPY and NPZ files: inputs, labels in any usual form, and an optional test set. Objects are never
//! unpickled.

use super::reading::{DataWarning, Reading, counted};
use super::table::Missing;
use super::{Dataset, Files, Labels, Samples, Source, SourceError, budget, doubt};
use crate::engine::shape::Shape;
use crate::limits;
use crate::registry::{plain_values, settings};
use crate::text::excerpt;
use array::{NpyArray, NpyValues, RoundingLoss, array};
use serde::{Deserialize, Serialize};

mod array;
mod labels;
mod zip;

/// The axis of pictures that holds their channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Layout {
    /// The first axis after the samples, unless the last axis looks like channels; in that case an explicit setting is
    /// required.
    #[default]
    Found,
    /// [samples, channels, height, width], as in PyTorch.
    ChannelsFirst,
    /// [samples, height, width, channels], as in Keras and imageio.
    ChannelsLast,
}
plain_values!(Layout);

settings! {
    /// Arrays of your own from `NumPy`: an .npz with inputs and labels, or two .npy files, or one with the label as last column.
    pub struct Npy {
        /// the .npz or .npy file, relative to the scenario
        path: String = String::new();
        /// the .npy file of the labels, where `path` is one of inputs only
        labels: String = String::new();
        /// name of the inputs inside an .npz; x_train too, and x_test for a test set of its own
        x: String = "x".into();
        /// name of the labels inside an .npz; y_train and y_test too
        y: String = "y".into();
        /// whether labels are numbers to predict instead of classes
        regression: bool = false;
        /// what inputs are divided by
        divide_by: f64 = 1.0, 1e-6..=1e9;
        /// which axis of pictures holds their channels: ChannelsFirst or ChannelsLast
        layout: Layout = Layout::Found;
        /// what becomes of inputs that are NaN: Refuse, Drop, Mean, Median or MostFrequent, taken from the training samples
        missing: Missing = Missing::Refuse;
    }
}

/// Inputs and labels, and those of the test set if there is one.
type ArrayPairs = ((NpyArray, NpyArray), Option<(NpyArray, NpyArray)>);

impl Source for Npy {
    fn files(&self) -> Vec<&str> {
        [&self.path, &self.labels].into_iter().map(String::as_str).filter(|p| !p.is_empty()).collect()
    }

    fn load(&self, files: &dyn Files, _: u64) -> Result<Dataset, SourceError> {
        if self.path.is_empty() {
            return Err(SourceError::new("Npy(path: \"..\") names a file"));
        }
        let read = |path: &str| {
            files.read(path, limits::DATA_FILE_BYTES).map_err(|what| SourceError::in_file(path, what))
        };
        let here = |what: String| SourceError::in_file(&self.path, what);
        let bytes = read(&self.path)?;
        let mut notes = Vec::new();
        let (mut train, mut test) = if bytes.starts_with(b"PK") {
            self.archive(&bytes, &mut notes).map_err(here)?
        } else if self.labels.is_empty() {
            notes.push("the last column is the label, since there is no other array".into());
            (last_column(array(&bytes).map_err(here)?).map_err(here)?, None)
        } else {
            let labels =
                array(&read(&self.labels)?).map_err(|what| SourceError::in_file(&self.labels, what))?;
            ((array(&bytes).map_err(here)?, labels), None)
        };
        if self.missing != Missing::Refuse {
            let parts = std::iter::once(&mut train).chain(&mut test);
            let out: usize = parts.map(labels::drop_unlabelled).sum();
            if out > 0 {
                notes.push(format!("{} without a label left out", counted(out, "sample")));
            }
        }
        self.dataset(train, test, notes).map_err(|(of_labels, what)| {
            let file = if of_labels && !self.labels.is_empty() { &self.labels } else { &self.path };
            SourceError::in_file(file, what)
        })
    }
}

impl Npy {
    /// The arrays of an archive.
    fn archive(&self, zip: &[u8], notes: &mut Vec<String>) -> Result<ArrayPairs, String> {
        let members = zip::directory(zip)?;
        // x_train may stand for x, and x_test beside it for a test set.
        let named =
            |name: &str, part: &str| format!("{}_{part}", name.strip_suffix("_train").unwrap_or(name));
        let train = |name: &String| [name.clone(), named(name, "train")];
        let y_names = train(&self.y);
        let find = |name: &str| members.iter().find(|m| m.name == format!("{name}.npy").as_bytes());
        let mut read = |names: &[String]| -> Result<NpyArray, String> {
            let found = names.iter().find_map(|name| Some((name, find(name)?)));
            let Some((name, member)) = found else {
                let all: Vec<String> = members
                    .iter()
                    .take(20)
                    .map(|m| excerpt(String::from_utf8_lossy(m.name).trim_end_matches(".npy"), 40))
                    .collect();
                let setting = if *names == y_names { "y" } else { "x" };
                let (hint, all) = (names_hint(&all, names, setting), all.join(", "));
                return Err(format!("no array {} in it; there are {all}{hint}", excerpt(&names[0], 60)));
            };
            notes.push(format!("{} out of the archive", excerpt(name, 40)));
            array(&member.unpack(zip)?).map_err(|what| format!("{}: {what}", excerpt(name, 40)))
        };
        let pair = (read(&train(&self.x))?, read(&y_names)?);
        let test = |name: &String| [named(name, "test"), named(name, "val"), named(name, "valid")];
        let (x, y) = (test(&self.x), test(&self.y));
        let held: Vec<&String> = x.iter().filter(|name| find(name).is_some()).collect();
        let there = !held.is_empty();
        let unread = held.get(1).map(|other| format!("{other} is not read, since {} is there", held[0]));
        let held = if there { Some((read(&x)?, read(&y)?)) } else { None };
        notes.extend(unread);
        Ok((pair, held))
    }

    /// The samples of arrays; an error states whether it concerns the labels.
    fn dataset(
        &self,
        train: (NpyArray, NpyArray),
        test: Option<(NpyArray, NpyArray)>,
        notes: Vec<String>,
    ) -> Result<Dataset, (bool, String)> {
        let (x, y) = train;
        let n = x.sizes[0];
        let thin = self.thin(&x.sizes);
        let rounded = |losses: &[RoundingLoss], name: &dyn Fn(usize) -> String| {
            let words = losses.iter().enumerate().find_map(|(i, loss)| loss.rounding.words(&name(i)));
            words.map(DataWarning::data)
        };
        let rounded_inputs = rounded(&x.losses, &|i| format!("input {i}"));
        let rounded_targets = rounded(&y.losses, &|_| "the targets".into()).filter(|_| self.regression);
        let (shape, mut inputs) = self.inputs(x).map_err(|what| (false, what))?;
        let mut targets = vec![(y, n)];
        if let Some((x, y)) = test {
            targets.push((y, x.sizes[0]));
            let (other, more) = self.inputs(x).map_err(|what| (false, format!("the test set: {what}")))?;
            if other != shape {
                return Err((false, format!("the test set holds {other}, the training set {shape}")));
            }
            inputs.extend(more);
        }
        let texts = targets.iter().any(|(labels, _)| matches!(labels.values, NpyValues::Texts(_)));
        let labels = labels::read(targets, self.regression).map_err(|what| (true, what))?;
        let mut reading = Reading { notes, ..Reading::default() };
        reading.doubts.extend([thin, rounded_inputs, rounded_targets].into_iter().flatten());
        if let Labels::Classes { of, names } = &labels {
            let values: Option<Vec<f64>> = names.iter().map(|n| n.parse().ok()).collect();
            let fractions = values.iter().flatten().any(|x| x.fract() != 0.0);
            let remedy = if texts {
                "save y.astype('float32') and write regression: true"
            } else {
                "regression: true"
            };
            if values.is_some() && doubt::many_numbers(names.len(), of.len(), fractions) {
                reading.doubts.push(DataWarning::data(format!(
                    "{} different numbers in {} labels are taken for as many classes; numbers to predict? {remedy}",
                    names.len(),
                    of.len()
                )));
            } else if values.is_some() && texts {
                reading.notes.push(format!(
                    "the labels are numbers saved as texts, taken for classes in order of value; numbers to predict? {remedy}"
                ));
            }
        }
        let all = Samples { shape, inputs, labels };
        let whole = |i: &usize| self.missing != Missing::Drop || !all.input(*i).iter().any(|x| x.is_nan());
        let used: Vec<usize> = (0..all.len()).filter(whole).collect();
        if used.len() < all.len() {
            let out = all.len() - used.len();
            reading.notes.push(format!("{out} of {} samples with NaN left out", all.len()));
        }
        let holes = all.inputs.iter().filter(|x| x.is_nan()).count();
        if let Some(with) = self.missing.filled_with().filter(|_| holes > 0) {
            let of = all.inputs.len();
            reading
                .notes
                .push(format!("{holes} of {of} inputs are NaN; filled with {with} of the training samples"));
        }
        let first = used.partition_point(|&i| i < n);
        let validation = (all.len() > n).then(|| all.pick(&used[first..]));
        let samples = if used.len() == n { all } else { all.pick(&used[..first]) };
        Ok(Dataset { validation, missing: self.missing, reading, ..samples.into() })
    }

    /// A warning about pictures without an axis of channels that are as thin as if their last axis were one.
    fn thin(&self, sizes: &[usize]) -> Option<DataWarning> {
        let &[n, height, width @ (1 | 3 | 4)] = sizes else { return None };
        (self.layout == Layout::Found && height > 4).then(|| {
            DataWarning::data(format!(
                "inputs of sizes ({n}, {height}, {width}) are read as pictures of one channel, {height}x{width} pixels; \
                 layout: ChannelsFirst if this is meant; for numbers without a plane save x.reshape({n}, -1)"
            ))
        })
    }

    /// Shape and numbers of the inputs.
    fn inputs(&self, array: NpyArray) -> Result<(Shape, Vec<f32>), String> {
        let NpyValues::Numbers(mut values) = array.values else {
            return Err("the inputs are texts; save numbers, or take Csv() for a table with texts".into());
        };
        let last = self.layout == Layout::ChannelsLast;
        let shape = match array.sizes[1..] {
            [] => Shape::Flat(1),
            [features] => Shape::Flat(features),
            [height, width] => Shape::Image { channels: 1, height, width },
            [height, width, channels] if last => Shape::Image { channels, height, width },
            [channels, height, width] => {
                let some = |n: usize| matches!(n, 1 | 3 | 4);
                if self.layout == Layout::Found && some(width) && !some(channels) {
                    return Err(format!(
                        "pictures of {channels}x{height}x{width}: if their channels come last, write layout: ChannelsLast; \
                         if there are {channels} channels, ChannelsFirst"
                    ));
                }
                Shape::Image { channels, height, width }
            }
            _ => return Err("more than four dimensions".into()),
        };
        if last && array.sizes.len() != 4 {
            return Err(format!("layout: sizes {:?} are those of no pictures with channels", array.sizes));
        }
        budget(array.sizes[0], shape.size()).map_err(|e| e.what)?;
        if let (true, Shape::Image { channels, .. }) = (last, shape) {
            let turn = |picture: &[f32]| {
                (0..channels)
                    .flat_map(|c| picture.iter().skip(c).step_by(channels))
                    .copied()
                    .collect::<Vec<_>>()
            };
            values = values.chunks_exact(shape.size()).flat_map(turn).collect();
        }
        if let Some(i) = values.iter().position(|x| x.is_infinite()) {
            return Err(format!("number {i} is {}; only finite numbers can be used", values[i]));
        }
        let missing = values.iter().filter(|x| x.is_nan()).count();
        if missing > 0 && self.missing == Missing::Refuse {
            return Err(format!(
                "{missing} of {} numbers are NaN; missing: Drop leaves their samples out; Mean, Median or MostFrequent fills \
                 in from the training samples",
                values.len()
            ));
        }
        if self.divide_by != 1.0 {
            let by = self.divide_by as f32;
            for x in &mut values {
                *x /= by;
            }
        }
        Ok((shape, values))
    }
}

/// The settings that name the arrays of an archive without arrays of the usual names.
fn names_hint(all: &[String], wanted: &[String], setting: &str) -> String {
    // Names are compared exactly, but a capital is the likely reason.
    let near = all.iter().find(|name| wanted.iter().any(|wanted| name.eq_ignore_ascii_case(wanted)));
    if let Some(name) = near {
        return format!("; write {setting}: \"{}\"", name.strip_suffix("_train").unwrap_or(name));
    }
    let of_labels = |name: &&String| {
        let name = name.to_lowercase();
        name.starts_with('y') || ["label", "target", "class"].iter().any(|word| name.contains(word))
    };
    if let [x @ "arr_0", y @ "arr_1"] = all.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        return format!("; write x: \"{x}\", y: \"{y}\", if they were saved in this order");
    }
    match (all.iter().find(|name| !of_labels(name)), all.iter().find(of_labels)) {
        (Some(x), Some(y)) if all.len() == 2 => format!("; write x: \"{x}\", y: \"{y}\""),
        _ => format!("; name one of them: {setting}: \"..\""),
    }
}

/// Splits a table whose last column is the label.
fn last_column(table: NpyArray) -> Result<(NpyArray, NpyArray), String> {
    let ([rows, columns], NpyValues::Numbers(values)) = (&table.sizes[..], &table.values) else {
        return Err(format!(
            "an array of sizes {:?}; name its labels: Npy(path: .., labels: ..)",
            table.sizes
        ));
    };
    if *columns < 2 {
        return Err("one column only; samples need at least one number and a label".into());
    }
    let rows_of = || values.chunks_exact(*columns);
    let inputs = rows_of().flat_map(|row| row[..columns - 1].iter().copied()).collect();
    let labels = rows_of().map(|row| row[columns - 1]).collect();
    Ok((
        NpyArray {
            sizes: vec![*rows, columns - 1],
            values: NpyValues::Numbers(inputs),
            losses: table.losses.iter().take(columns - 1).cloned().collect(),
        },
        NpyArray {
            sizes: vec![*rows],
            values: NpyValues::Numbers(labels),
            losses: table.losses.last().cloned().into_iter().collect(),
        },
    ))
}

#[cfg(test)]
mod tests;
