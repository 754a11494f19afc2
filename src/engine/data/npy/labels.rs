//! Labels from arrays, equal to those that a table with the same labels would give.

use super::array::{NpyArray, NpyValues};
use crate::engine::data::{Labels, by_value};
use crate::engine::shape::Shape;
use crate::limits;
use crate::text::{escaped, excerpt};
use std::collections::{BTreeSet, HashMap};

/// Labels of the training set and of a test set, one after the other, each with its number of samples.
///
/// Classes are numbers (also negative ones, or starting at 1) or texts, of shape (n) or (n, 1), or one-hot rows.
pub(super) fn read(parts: Vec<(NpyArray, usize)>, regression: bool) -> Result<Labels, String> {
    for (array, n) in &parts {
        if array.sizes[0] != *n {
            return Err(format!("{} labels for {n} samples", array.sizes[0]));
        }
    }
    let each = parts[0].0.sizes[1..].iter().product::<usize>();
    if parts.iter().any(|(array, _)| array.sizes[1..].iter().product::<usize>() != each) {
        return Err("labels of one size for the training set, of another for the test set".into());
    }
    let sizes = parts[0].0.sizes.clone();
    let whole = parts.iter().flat_map(|(array, _)| &array.losses).find_map(|loss| loss.whole);
    if let Some(whole) = whole.filter(|_| !regression) {
        return Err(format!(
            "the label {whole} is too large to be told from its neighbours as a 32-bit number; save y.astype(str)"
        ));
    }
    let (mut numbers, mut texts) = (Vec::new(), Vec::new());
    for (array, _) in parts {
        match array.values {
            NpyValues::Numbers(values) => numbers.extend(values),
            NpyValues::Texts(values) => texts.extend(values),
        }
    }
    if let Some(i) = numbers.iter().position(|x| !x.is_finite()) {
        let drop =
            if numbers[i].is_nan() { "; missing: Drop leaves samples without a label out" } else { "" };
        return Err(format!("label {i} is {}; only finite numbers can be used{drop}", numbers[i]));
    }
    match (regression, texts.is_empty(), each) {
        (true, false, _) if texts.iter().all(|text| value(text).is_some()) => {
            Err("the labels are numbers saved as texts; save y.astype('float32') to predict them".into())
        }
        (true, false, _) => Err("the labels are texts, no numbers to predict; leave regression: true out".into()),
        (true, true, _) => Ok(Labels::Values { of: numbers, shape: Shape::Flat(each) }),
        (false, false, 1) if numbers.is_empty() => of_texts(&texts),
        (false, true, 1) => of_numbers(&numbers),
        (false, true, _) => one_hot(&numbers, each).ok_or_else(|| {
            format!(
                "labels of sizes {sizes:?} that are not one-hot (one 1 per row, else 0); give one class per sample, or \
                 regression: true for numbers to predict"
            )
        }),
        _ => Err(format!("labels of sizes {sizes:?}; give one class per sample")),
    }
}

/// Removes the samples whose label is NaN; returns their number.
pub(super) fn drop_unlabelled((x, y): &mut (NpyArray, NpyArray)) -> usize {
    let NpyValues::Numbers(labels) = &y.values else { return 0 };
    let each = y.sizes[1..].iter().product::<usize>().max(1);
    let keep: Vec<bool> = labels.chunks_exact(each).map(|label| !label.iter().any(|l| l.is_nan())).collect();
    let out = keep.iter().filter(|keep| !**keep).count();
    // Arrays of different lengths are a fault that `read` reports.
    if out == 0 || x.sizes[0] != keep.len() {
        return 0;
    }
    x.keep(&keep);
    y.keep(&keep);
    out
}

fn of_numbers(values: &[f32]) -> Result<Labels, String> {
    let mut distinct: Vec<f32> = values.to_vec();
    distinct.sort_unstable_by(f32::total_cmp);
    // -0 equals 0.
    distinct.dedup_by(|a, b| a == b);
    let names = distinct.iter().map(|x| format!("{}", x + 0.0)).collect();
    let of = values.iter().map(|x| distinct.partition_point(|d| d < x) as u32).collect();
    classes(of, names)
}

/// A text as a number.
fn value(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|x: &f64| x.is_finite())
}

fn of_texts(values: &[String]) -> Result<Labels, String> {
    let distinct: BTreeSet<&str> = values.iter().map(String::as_str).collect();
    let mut names: Vec<&str> = distinct.into_iter().collect();
    by_value(&mut names, |name| value(name));
    let places: HashMap<&str, u32> = names.iter().zip(0..).map(|(name, i)| (*name, i)).collect();
    let of = values.iter().map(|v| places[v.as_str()]).collect();
    classes(of, names.iter().map(|name| escaped(&excerpt(name, limits::NAME_CHARS)).into_owned()).collect())
}

fn one_hot(values: &[f32], each: usize) -> Option<Labels> {
    let class = |row: &[f32]| {
        let ones = row.iter().filter(|x| **x == 1.0).count();
        let zeros = row.iter().filter(|x| **x == 0.0).count();
        let at = row.iter().position(|x| *x == 1.0)?;
        (ones == 1 && zeros == each - 1).then_some(at as u32)
    };
    let of: Option<Vec<u32>> = values.chunks_exact(each).map(class).collect();
    classes(of?, (0..each).map(|i| i.to_string()).collect()).ok()
}

fn classes(of: Vec<u32>, names: Vec<String>) -> Result<Labels, String> {
    if names.len() > limits::CLASSES {
        return Err(format!(
            "{} different labels are too many for classes (at most {}); for numbers to predict write regression: true",
            names.len(),
            limits::CLASSES
        ));
    }
    if names.len() < 2 {
        return Err(format!("the labels are all {}; two classes are needed", names.join("")));
    }
    Ok(Labels::Classes { of, names })
}
