//! Turns a table into samples: drops rows, converts texts to numbers, and warns about probable mistakes.

use super::TableFault;
use super::decoration::Decoration;
use super::look::alike;
use super::read_column::{ReadColumn, Role};
use super::rows::ReadTable;
use super::settings::{Csv, Missing, Texts};
use crate::engine::data::doubt::many_numbers;
use crate::engine::data::reading::{DataWarning, InputKind, InputReport, Reading, counted};
use crate::engine::data::{Dataset, Labels, Samples, budget};
use crate::engine::shape::Shape;
use crate::limits;
use crate::text::{escaped, excerpt};

/// Most different texts of an input that is used; if there are more than a few, each needs several rows.
const KEPT: usize = 64;
const FEW: usize = 10;

/// An input column that is used.
struct UsedColumn {
    /// Its index in a row of the table's inputs.
    at: usize,
    kind: InputKind,
    /// The number of each text in the order of names.
    order: Vec<u32>,
}

/// Makes samples from a table: the first `train` rows for training, and the following ones for validation.
pub(super) fn dataset(mut table: ReadTable, csv: &Csv, train: usize) -> Result<Dataset, TableFault> {
    let mut reading = Reading::default();
    form(&table, &mut reading);
    let before = reading.doubts.len();
    let kept = keep(&table, csv, &mut reading);
    if kept.is_empty() {
        return Err((None, none_left(&reading.doubts[before..])));
    }
    let other = other_label(&table, csv);
    let labels = labels(&mut table, other.as_ref(), &mut reading)?;
    reading.doubts.extend(other.map(|(last, label)| {
        DataWarning::data(format!(
            "{last} is predicted, since it is the last column, though another one is called {label}: label: \"{label}\" \
             predicts that; label: \"{last}\" says that this is meant"
        ))
    }));
    let used = used(&table, &kept, &labels, csv.missing, &mut reading)?;
    let mut labels = with_rows(labels, &used, &mut reading);
    let width: usize = reading.inputs.iter().map(InputReport::width).sum();
    let count = |used: &[bool]| used.iter().filter(|used| **used).count();
    let all = count(&used);
    budget(all, width).map_err(|e| (None, e.what))?;
    reading.doubts.extend(csv.shape.and_then(channels_last).map(DataWarning::data));
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

/// A warning about a shape whose channels seem to come last.
fn channels_last((channels, height, width): (usize, usize, usize)) -> Option<String> {
    if !matches!(width, 1 | 3 | 4) || channels <= 4 {
        return None;
    }
    let right = format!("({width}, {channels}, {height})");
    let rows = if width == 1 {
        format!("for pictures of {channels}x{height} pixels write shape: {right}")
    } else {
        format!(
            "if a row holds one channel after the other, write shape: {right}; if it holds one pixel after the other, \
             save an array of this shape for Npy(.., layout: ChannelsLast)"
        )
    };
    Some(format!(
        "shape: ({channels}, {height}, {width}) means {channels} channels of {height}x{width} pixels, channels first; {rows}"
    ))
}

/// The message about a table without inputs, with the reasons why the first columns are left out.
fn none_left(doubts: &[DataWarning]) -> String {
    let reasons: Vec<&str> = doubts.iter().take(3).map(|doubt| doubt.what.as_str()).collect();
    let reasons = if reasons.is_empty() { "all are empty".into() } else { reasons.join("; ") };
    format!("no column is left to predict from: {reasons}")
}

/// Reports the format that was determined.
fn form(table: &ReadTable, reading: &mut Reading) {
    let separator = table.grammar.separator.words();
    let comma = if table.grammar.decimal_comma { ", decimal commas" } else { "" };
    let headings = if table.headings { "headings" } else { "no headings" };
    let trailing = match table.trailing {
        0 => String::new(),
        1 => format!("; the empty last column is left out, since every line ends with {separator}"),
        n => format!("; the {n} empty last columns are left out, since every line ends with {separator}"),
    };
    reading.notes.push(format!("a table, cells separated by {separator}{comma}, {headings}{trailing}"));
    if table.headings_doubted {
        let names: Vec<String> = table.columns.iter().map(|c| c.name.clone()).collect();
        let names = crate::engine::data::reading::listed(&names);
        let doubt = if table.headings {
            format!(
                "the first line ({names}) is taken for headings, though it holds numbers; write headings: false if it is \
                 a sample, headings: true if not"
            )
        } else {
            "the first line is taken for a sample, though its numbers are far from those below it; write headings: true \
             if it names the columns, headings: false if not"
                .into()
        };
        reading.doubts.push(DataWarning::data(doubt));
    }
    reading.doubts.extend(table.doubts.iter().map(DataWarning::data));
}

/// The input columns that are used, and their encoding.
fn keep(table: &ReadTable, csv: &Csv, reading: &mut Reading) -> Vec<UsedColumn> {
    let mut kept = Vec::new();
    let inputs = table.columns.iter().enumerate().filter(|(_, c)| c.role == Role::Input);
    for (at, (place, column)) in inputs.enumerate() {
        let name = excerpt(&column.name, 40);
        let list = if table.headings && !column.name.starts_with("column ") {
            format!("[\"{name}\"]")
        } else {
            format!("[{place}]")
        };
        let drop = format!("drop: {list}");
        if column.tally.missing == table.rows {
            let what =
                format!("{name} has no value in any of {}, and is left out", counted(table.rows, "row"));
            reading.notes.push(what);
            continue;
        }
        let (kind, order) = match &column.texts {
            None => {
                reading.doubts.extend(running(table, column, at, &drop));
                reading.doubts.extend(column.doubt(&list).map(DataWarning::data));
                (InputKind::Number, Vec::new())
            }
            Some(texts) => {
                if let Some(why) = left_out(table, column, texts) {
                    reading.doubts.push(DataWarning::data(format!("{name} {why}; {drop} says so")));
                    continue;
                }
                describe_texts(table, column, &list, reading);
                let (values, order) = texts.sorted(false);
                if let Some(pair) = alike(&values, table.grammar.decimal_comma).filter(|_| !column.stated) {
                    let what = format!("{name}: {pair} are read as two texts{}", pair.remedy());
                    reading.doubts.push(DataWarning::data(what));
                }
                let values: Vec<String> = values.iter().map(|v| escaped(v).into_owned()).collect();
                let kind = match csv.texts {
                    Texts::OneHot => InputKind::OneHot(values),
                    Texts::Ordinal => InputKind::Ordinal(values),
                };
                (kind, order)
            }
        };
        reading.inputs.push(InputReport { name: escaped(&column.name).into_owned(), kind: kind.clone() });
        kept.push(UsedColumn { at, kind, order });
    }
    kept
}

/// A warning about an input that only numbers the rows, in their order or in another one.
fn running(table: &ReadTable, column: &ReadColumn, at: usize, drop: &str) -> Option<DataWarning> {
    if table.rows <= FEW || column.tally.missing > 0 {
        return None;
    }
    let name = excerpt(&column.name, 40);
    if column.tally.counts_rows() {
        return Some(DataWarning::data(format!(
            "{name} counts the rows; as an input it says nothing of them: {drop}"
        )));
    }
    let width = table.inputs.len() / table.rows;
    let (low, high) = permuted(&|| table.inputs.iter().skip(at).step_by(width).copied())?;
    Some(DataWarning::data(format!(
        "{name} numbers the rows, {low} to {high} in another order; as an input it says nothing of them: {drop}"
    )))
}

/// The least and the greatest of whole numbers that follow each other once they are sorted; years may be meant so.
fn permuted<I: Iterator<Item = f32>>(values: &dyn Fn() -> I) -> Option<(u32, u32)> {
    // Most columns repeat a number soon.
    let mut first: Vec<f32> = values().take(1000).collect();
    first.sort_unstable_by(f32::total_cmp);
    if first.windows(2).any(|pair| pair[0] == pair[1]) {
        return None;
    }
    let exact = |x: &f32| x.fract() == 0.0 && (0.0..16_777_216.0).contains(x);
    if !values().all(|x| exact(&x)) {
        return None;
    }
    let (low, high) = values().fold((u32::MAX, 0), |(l, h), x| (l.min(x as u32), h.max(x as u32)));
    let count = values().count();
    if (high - low) as usize + 1 != count || (1500..2200).contains(&low) {
        return None;
    }
    let mut seen = vec![false; count];
    values().all(|x| !std::mem::replace(&mut seen[x as usize - low as usize], true)).then_some((low, high))
}

/// The reason why a column of texts is left out, if it is.
fn left_out(table: &ReadTable, column: &ReadColumn, texts: &super::cell::TextNumbers) -> Option<String> {
    let many = texts.len() > KEPT || (texts.len() > FEW && texts.len() * 2 > table.rows);
    if !column.overflow && !many {
        return None;
    }
    if column.stated {
        return column.overflow.then(|| {
            "is left out: it holds long texts, or more different ones than categories can have".into()
        });
    }
    let count = if column.overflow { "long texts, or too many".into() } else { texts.len().to_string() };
    let seen = match texts.decoration(table.grammar.decimal_comma) {
        Some((text, Decoration { seen, remedy })) => {
            format!(": {} has {seen}; {remedy}", excerpt(text, 40))
        }
        None => column.among_numbers.as_ref().map_or_else(String::new, |text| {
            format!(", since texts such as {} stand among its numbers", excerpt(text, 40))
        }),
    };
    Some(format!("holds {count} different texts in {}, and is left out{seen}", counted(table.rows, "row")))
}

/// Reports numbers that are read as texts, unless the settings say so; `list` names the column there.
fn describe_texts(table: &ReadTable, column: &ReadColumn, list: &str, reading: &mut Reading) {
    let Some(texts) = column.texts.as_ref().filter(|_| !column.stated) else { return };
    let name = excerpt(&column.name, 40);
    if let Some((text, Decoration { seen, remedy })) = texts.decoration(table.grammar.decimal_comma) {
        let text = excerpt(text, 40);
        let what = format!(
            "{name} is read as texts, since {text} has {seen}; {remedy}; if texts are meant: categories: {list}"
        );
        reading.doubts.push(DataWarning::data(what));
    } else if let Some(text) = &column.among_numbers {
        let text = excerpt(text, 40);
        reading
            .notes
            .push(format!("{name} is read as texts, since texts such as {text} stand among its numbers"));
    }
}

/// Usual headings of the column to predict.
const LABELS: [&str; 4] = ["label", "labels", "class", "target"];

/// The names of the last column, which is predicted because no setting names another one, and of an input whose heading
/// says that it is the label.
fn other_label(table: &ReadTable, csv: &Csv) -> Option<(String, String)> {
    if csv.label.is_some() || !csv.targets.0.is_empty() || !table.headings {
        return None;
    }
    let named = |c: &&ReadColumn| LABELS.contains(&&*c.name.to_lowercase());
    let last = table.columns.iter().find(|c| matches!(c.role, Role::Class | Role::Target))?;
    let label = table.columns.iter().filter(|c| c.role == Role::Input).find(named)?;
    (!named(&last)).then(|| (excerpt(&last.name, 40), excerpt(&label.name, 40)))
}

/// The labels of all rows, including rows without a label. `other`: the names of [`other_label`].
fn labels(
    table: &mut ReadTable,
    other: Option<&(String, String)>,
    reading: &mut Reading,
) -> Result<Labels, TableFault> {
    let targets: Vec<&ReadColumn> = table.columns.iter().filter(|c| c.role == Role::Target).collect();
    reading.targets = targets.iter().map(|c| escaped(&c.name).into_owned()).collect();
    reading.doubts.extend(targets.iter().filter_map(|c| c.doubt("")).map(DataWarning::data));
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
        let hint =
            other.map_or_else(String::new, |(_, label)| format!("; to predict {label}: label: \"{label}\""));
        return Err((None, format!("the label column holds {only} only; two classes are needed{hint}")));
    }
    let rows = table.rows - column.tally.missing;
    reading
        .doubts
        .extend(doubtful_classes(&excerpt(&column.name, 40), texts, rows, comma).map(DataWarning::data));
    reading.doubts.extend(
        alike(&names, comma)
            .map(|pair| DataWarning::data(format!("{pair} are taken for two classes{}", pair.remedy()))),
    );
    let classes = std::mem::take(&mut table.classes);
    let of = classes.into_iter().map(|c| order.get(c as usize).copied().unwrap_or(u32::MAX)).collect();
    Ok(Labels::Classes { of, names: names.iter().map(|n| escaped(n).into_owned()).collect() })
}

/// A warning about so many classes that numbers, or names of the rows, are probably meant.
fn doubtful_classes(
    column: &str,
    texts: &super::cell::TextNumbers,
    rows: usize,
    comma: bool,
) -> Option<String> {
    let count = texts.len();
    let taken =
        |what| format!("{count} different {what} in {rows} rows are taken for as many classes of {column}");
    let (numbers, fractions) = texts.numbers(comma);
    if numbers && many_numbers(count, rows, fractions) {
        return Some(format!("{}; a number to predict? regression: true", taken("numbers")));
    }
    if let Some((text, Decoration { seen, remedy })) =
        texts.decoration(comma).filter(|_| many_numbers(count, rows, false))
    {
        let text = excerpt(text, 40);
        return Some(format!(
            "{}; numbers to predict? {text} has {seen}; {remedy}, and regression: true",
            taken("texts")
        ));
    }
    (!numbers && count > FEW && 2 * count > rows).then(|| {
        format!(
            "{}, hardly more than a row each, so there is little to learn; another column to predict? label: \"..\"",
            taken("texts")
        )
    })
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
    table: &ReadTable,
    kept: &[UsedColumn],
    labels: &Labels,
    missing: Missing,
    reading: &mut Reading,
) -> Result<Vec<bool>, TableFault> {
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
    let mut columns: Vec<&ReadColumn> =
        inputs.filter(|(at, _)| kept.iter().any(|k| k.at == *at)).map(|(_, c)| c).collect();
    columns.extend(table.columns.iter().filter(|c| matches!(c.role, Role::Class | Role::Target)));
    let holes: Vec<String> = columns
        .iter()
        .filter(|c| c.tally.missing > 0)
        .map(|c| format!("{} in {}", excerpt(&c.name, 40), c.tally.missing))
        .collect();
    let more = match holes.len().saturating_sub(FEW) {
        0 => String::new(),
        n => format!(" and {}", counted(n, "more column")),
    };
    let holes = holes[..holes.len().min(FEW)].join(", of ") + &more;
    let out = used.iter().filter(|used| !**used).count();
    if out == table.rows {
        return Err((None, format!("no row is left; no value of {holes}")));
    }
    if !holes.is_empty() {
        let way = missing.filled_with().map_or_else(String::new, |with| {
            let texts =
                if missing == Missing::MostFrequent { "" } else { ", texts with the most frequent one" };
            format!("; filled with {with} of the training rows{texts}")
        });
        let left = match out {
            0 => String::new(),
            n => format!(", {} left out", counted(n, "row")),
        };
        reading.notes.push(format!("no value of {holes} of {}{left}{way}", counted(table.rows, "row")));
    }
    Ok(used)
}

/// The inputs of the rows that are used, `width` numbers each.
fn numbers(table: &mut ReadTable, kept: &[UsedColumn], used: &[bool], width: usize, csv: &Csv) -> Vec<f32> {
    let columns = table.inputs.len() / table.rows;
    let plain = kept.len() == columns && !used.contains(&false);
    let mut out = if plain && kept.iter().all(|k| k.kind == InputKind::Number) {
        std::mem::take(&mut table.inputs)
    } else {
        let rows = || table.inputs.chunks_exact(columns).zip(used).filter(|(_, used)| **used);
        let mut out = Vec::with_capacity(rows().count() * width);
        for (row, _) in rows() {
            for UsedColumn { at, kind, order } in kept {
                let (x, sorted) = (row[*at], |x: f32| order[x as usize]);
                match kind {
                    InputKind::Number => out.push(x),
                    InputKind::Ordinal(_) if x.is_nan() => out.push(x),
                    InputKind::Ordinal(_) => out.push(sorted(x) as f32),
                    InputKind::OneHot(values) if x.is_nan() => out.extend(values.iter().map(|_| f32::NAN)),
                    InputKind::OneHot(values) => {
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
