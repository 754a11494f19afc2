//! Turns a table into samples: drops rows, converts texts to numbers, and warns about probable mistakes.

use super::Fault;
use super::rows::{Column, Role, Table};
use super::settings::{Csv, Missing, Texts};
use crate::engine::data::reading::{Doubt, Input, Kind, Reading};
use crate::engine::data::{Dataset, Labels, Samples, budget};
use crate::engine::shape::Shape;
use crate::limits;
use crate::text::{escaped, excerpt};

/// Most different texts of an input that is used; if there are more than a few, each needs several rows.
const KEPT: usize = 64;
const FEW: usize = 10;

/// An input column that is used.
struct Kept {
    /// Its index in a row of the table's inputs.
    at: usize,
    kind: Kind,
    /// The number of each text in the order of names.
    order: Vec<u32>,
}

/// Makes samples from a table: the first `train` rows for training, and the following ones for validation.
pub(super) fn dataset(mut table: Table, csv: &Csv, train: usize) -> Result<Dataset, Fault> {
    let mut reading = Reading::default();
    form(&table, &mut reading);
    let kept = keep(&table, csv, &mut reading);
    if kept.is_empty() {
        return Err((None, "no column is left to predict from".into()));
    }
    let labels = labels(&mut table, &mut reading)?;
    let used = used(&table, &kept, &labels, csv.missing, &mut reading)?;
    let mut labels = with_rows(labels, &used, &mut reading);
    let width: usize = reading.inputs.iter().map(Input::width).sum();
    let count = |used: &[bool]| used.iter().filter(|used| **used).count();
    let all = count(&used);
    budget(all, width).map_err(|e| (None, e.what))?;
    let shape = match csv.shape {
        None if width <= limits::UNITS => Shape::Flat(width),
        None => return Err((None, format!("{width} inputs; at most {}", limits::UNITS))),
        Some((channels, height, width_of)) => {
            let shape = Shape::Image { channels, height, width: width_of };
            if channels.saturating_mul(height).saturating_mul(width_of) != width {
                return Err((None, format!("shape: {shape} is no row of {width} numbers")));
            }
            shape
        }
    };
    if all < table.rows {
        labels = labels.take(1, &used);
    }
    let mut samples = Samples { shape, inputs: numbers(&mut table, &kept, &used, width, csv), labels };
    let validation = (train < table.rows).then(|| {
        let first = count(&used[..train]);
        samples.take(&(0..all).map(|i| i >= first).collect::<Vec<_>>())
    });
    let unit = samples.inputs.iter().all(|x| (0.0..=1.0).contains(x));
    let range = (csv.shape.is_some() && unit).then_some((0.0, 1.0));
    Ok(Dataset { validation, range, missing: csv.missing, reading, ..samples.into() })
}

/// Reports the format that was determined.
fn form(table: &Table, reading: &mut Reading) {
    let separator = table.grammar.separator.words();
    let comma = if table.grammar.decimal_comma { ", decimal commas" } else { "" };
    let headings = if table.headings { "headings" } else { "no headings" };
    let trailing = if table.trailing {
        format!("; the empty last column is left out, since every line ends with {separator}")
    } else {
        String::new()
    };
    reading.notes.push(format!("a table, cells separated by {separator}{comma}, {headings}{trailing}"));
    if table.headings_doubted {
        let names: Vec<String> = table.columns.iter().map(|c| c.name.clone()).collect();
        let names = crate::engine::data::reading::listed(&names);
        let doubt = format!(
            "the first line ({names}) is taken for headings, though it holds numbers; write headings: false if it is a \
             sample, headings: true if not"
        );
        reading.doubts.push(Doubt::data(doubt));
    }
}

/// The input columns that are used, and their encoding.
fn keep(table: &Table, csv: &Csv, reading: &mut Reading) -> Vec<Kept> {
    let mut kept = Vec::new();
    for (at, column) in table.columns.iter().filter(|c| c.role == Role::Input).enumerate() {
        let name = excerpt(&column.name, 40);
        let place = table.columns.iter().position(|c| std::ptr::eq(c, column)).unwrap_or(0);
        let drop = if table.headings && !column.name.starts_with("column ") {
            format!("drop: [\"{name}\"]")
        } else {
            format!("drop: [{place}]")
        };
        let (kind, order) = match &column.texts {
            None => {
                if column.counts_rows && table.rows > FEW && column.missing == 0 {
                    let what = format!("{name} counts the rows; as an input it says nothing of them: {drop}");
                    reading.doubts.push(Doubt::data(what));
                }
                (Kind::Number, Vec::new())
            }
            Some(texts) => {
                let many = texts.len() > KEPT || (texts.len() > FEW && texts.len() * 2 > table.rows);
                if column.overflow || many {
                    let count = if column.overflow {
                        "long texts, or too many".into()
                    } else {
                        texts.len().to_string()
                    };
                    let what = format!(
                        "{name} holds {count} different texts in {} rows, and is left out; {drop} says so",
                        table.rows
                    );
                    reading.doubts.push(Doubt::data(what));
                    continue;
                }
                let (values, order) = texts.sorted(false);
                let values: Vec<String> = values.iter().map(|v| escaped(v).into_owned()).collect();
                (
                    match csv.texts {
                        Texts::OneHot => Kind::OneHot(values),
                        Texts::Ordinal => Kind::Ordinal(values),
                    },
                    order,
                )
            }
        };
        reading.inputs.push(Input { name: escaped(&column.name).into_owned(), kind: kind.clone() });
        kept.push(Kept { at, kind, order });
    }
    kept
}

/// The labels of all rows, including rows without a label.
fn labels(table: &mut Table, reading: &mut Reading) -> Result<Labels, Fault> {
    let targets: Vec<&Column> = table.columns.iter().filter(|c| c.role == Role::Target).collect();
    reading.targets = targets.iter().map(|c| escaped(&c.name).into_owned()).collect();
    if !targets.is_empty() {
        let shape = Shape::Flat(targets.len());
        return Ok(Labels::Values { of: std::mem::take(&mut table.targets), shape });
    }
    let Some(column) = table.columns.iter().find(|c| c.role == Role::Class) else {
        return Err((None, "no column to predict".into()));
    };
    reading.targets = vec![escaped(&column.name).into_owned()];
    let comma = table.grammar.decimal_comma;
    let Some(texts) = &column.texts else { return Err((None, "no label in it".into())) };
    let (names, order) = texts.sorted(comma);
    if names.len() < 2 {
        let only = names.first().map_or_else(|| "nothing".into(), |n| excerpt(n, 40));
        return Err((None, format!("the label column holds {only} only; two classes are needed")));
    }
    let (numbers, fractions) = texts.numbers(comma);
    let (count, rows) = (names.len(), table.rows);
    if numbers && crate::engine::data::doubt::many_numbers(count, rows, fractions) {
        let what = format!(
            "{count} different numbers in {rows} rows are taken for as many classes of {}; a number to predict? \
             regression: true",
            excerpt(&column.name, 40)
        );
        reading.doubts.push(Doubt::data(what));
    }
    let classes = std::mem::take(&mut table.classes);
    let of = classes.into_iter().map(|c| order.get(c as usize).copied().unwrap_or(u32::MAX)).collect();
    Ok(Labels::Classes { of, names: names.iter().map(|n| escaped(n).into_owned()).collect() })
}

/// The labels without classes of which no row is left.
fn with_rows(labels: Labels, used: &[bool], reading: &mut Reading) -> Labels {
    let Labels::Classes { mut of, names } = labels else { return labels };
    let mut counts = vec![0_usize; names.len()];
    for (class, _) in of.iter().zip(used).filter(|(_, used)| **used) {
        counts[*class as usize] += 1;
    }
    if counts.iter().all(|n| *n > 0) || counts.iter().filter(|n| **n > 0).count() < 2 {
        return Labels::Classes { of, names };
    }
    let gone: Vec<String> =
        names.iter().zip(&counts).filter(|(_, n)| **n == 0).map(|(name, _)| name.clone()).collect();
    let gone = crate::engine::data::reading::listed(&gone);
    reading.notes.push(format!("no row of {gone} is left, so it is no class"));
    let mut places = Vec::with_capacity(names.len());
    let mut next = 0;
    for n in &counts {
        places.push(next);
        next += u32::from(*n > 0);
    }
    of.iter_mut().filter(|class| **class != u32::MAX).for_each(|class| *class = places[*class as usize]);
    let names = names.into_iter().zip(&counts).filter(|(_, n)| **n > 0).map(|(name, _)| name).collect();
    Labels::Classes { of, names }
}

/// Marks the rows that are used.
fn used(
    table: &Table,
    kept: &[Kept],
    labels: &Labels,
    missing: Missing,
    reading: &mut Reading,
) -> Result<Vec<bool>, Fault> {
    let width = table.inputs.len() / table.rows;
    let labelled = |row: usize| match labels {
        Labels::Classes { of, .. } | Labels::StepClasses { of, .. } => of[row] != u32::MAX,
        Labels::Values { of, shape } => {
            of[row * shape.size()..(row + 1) * shape.size()].iter().all(|x| !x.is_nan())
        }
    };
    let whole = |row: usize| kept.iter().all(|k| !table.inputs[row * width + k.at].is_nan());
    let used: Vec<bool> =
        (0..table.rows).map(|row| labelled(row) && (missing != Missing::Drop || whole(row))).collect();
    let inputs = table.columns.iter().filter(|c| c.role == Role::Input).enumerate();
    let mut columns: Vec<&Column> =
        inputs.filter(|(at, _)| kept.iter().any(|k| k.at == *at)).map(|(_, c)| c).collect();
    columns.extend(table.columns.iter().filter(|c| matches!(c.role, Role::Class | Role::Target)));
    let holes: Vec<String> = columns
        .iter()
        .filter(|c| c.missing > 0)
        .map(|c| format!("{} in {}", excerpt(&c.name, 40), c.missing))
        .collect();
    let more = match holes.len().saturating_sub(FEW) {
        0 => String::new(),
        n => format!(" and {n} more columns"),
    };
    let holes = holes[..holes.len().min(FEW)].join(", of ") + &more;
    let out = used.iter().filter(|used| !**used).count();
    if out == table.rows {
        return Err((None, format!("no row is left; no value of {holes}")));
    }
    if !holes.is_empty() {
        let way = match missing {
            Missing::Mean => "; filled with the mean of the training rows, texts with the most frequent one",
            Missing::Median => {
                "; filled with the median of the training rows, texts with the most frequent one"
            }
            Missing::MostFrequent => "; filled with the most frequent value of the training rows",
            Missing::Refuse | Missing::Drop => "",
        };
        let left = match out {
            0 => String::new(),
            n => format!(", {n} rows left out"),
        };
        reading.notes.push(format!("no value of {holes} of {} rows{left}{way}", table.rows));
    }
    Ok(used)
}

/// The inputs of the rows that are used, `width` numbers each.
fn numbers(table: &mut Table, kept: &[Kept], used: &[bool], width: usize, csv: &Csv) -> Vec<f32> {
    let columns = table.inputs.len() / table.rows;
    let plain = kept.len() == columns && !used.contains(&false);
    let mut out = if plain && kept.iter().all(|k| k.kind == Kind::Number) {
        std::mem::take(&mut table.inputs)
    } else {
        let rows = || table.inputs.chunks_exact(columns).zip(used).filter(|(_, used)| **used);
        let mut out = Vec::with_capacity(rows().count() * width);
        for (row, _) in rows() {
            for Kept { at, kind, order } in kept {
                let (x, sorted) = (row[*at], |x: f32| order[x as usize]);
                match kind {
                    Kind::Number => out.push(x),
                    Kind::Ordinal(_) if x.is_nan() => out.push(x),
                    Kind::Ordinal(_) => out.push(sorted(x) as f32),
                    Kind::OneHot(values) if x.is_nan() => out.extend(values.iter().map(|_| f32::NAN)),
                    Kind::OneHot(values) => {
                        let stands = sorted(x);
                        out.extend((0..values.len() as u32).map(|i| f32::from(u8::from(i == stands))));
                    }
                }
            }
        }
        out
    };
    if csv.divide_by != 1.0 {
        let by = csv.divide_by as f32;
        for x in &mut out {
            *x /= by;
        }
    }
    out
}
