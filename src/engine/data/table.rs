//! Tables as CSV: one sample a line, one column the label. Faults name their line.

use super::{Dataset, Files, Labels, Samples, Source, SourceError, unpack};
use crate::engine::shape::Shape;
use crate::limits;
use crate::registry::{plain_values, settings};
use crate::text::{did_you_mean, excerpt};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A column, by its heading or by its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// The heading.
    Name(String),
    /// Columns before it.
    Index(usize),
}
plain_values!(Column);

impl Serialize for Column {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Name(name) => serializer.serialize_str(name),
            Self::Index(i) => serializer.serialize_u64(*i as u64),
        }
    }
}

impl<'de> Deserialize<'de> for Column {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Column;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a heading in quotes or the number of a column, from 0")
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<Column, E> {
                Ok(Column::Name(name.into()))
            }
            fn visit_u64<E: de::Error>(self, i: u64) -> Result<Column, E> {
                Ok(Column::Index(i as usize))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

settings! {
    /// A table of your own: numbers separated by commas, with or without a line of headings.
    pub struct Csv {
        /// the file, relative to the scenario; .gz too
        path: String = String::new();
        /// the column to predict, by heading or by number from 0; the last one, if none is given
        label: Option<Column> = None;
        /// whether the label is a number to predict instead of a class
        regression: bool = false;
    }
}

impl Source for Csv {
    fn files(&self) -> Vec<&str> {
        vec![&self.path]
    }

    fn load(&self, files: &dyn Files, _: u64) -> Result<Dataset, SourceError> {
        if self.path.is_empty() {
            return Err(SourceError::new("Csv(path: \"..\") names a file"));
        }
        let fault = |(line, what)| SourceError { file: Some(self.path.clone()), line, what };
        let bytes = files.read(&self.path, limits::DATA_FILE_BYTES).map_err(|what| fault((None, what)))?;
        let text = unpack::all(bytes, limits::DATA_FILE_BYTES).map_err(|what| fault((None, what)))?;
        let samples = read(&text, self.label.as_ref(), self.regression).map_err(fault)?;
        Ok(samples.into())
    }
}

/// A fault and its line, where it has one.
type Fault = (Option<u64>, String);

/// Reads a table.
///
/// # Errors
/// What is wrong, and in which line.
pub fn read(text: &[u8], label: Option<&Column>, regression: bool) -> Result<Samples, Fault> {
    long_line(text)?;
    unclosed(text)?;
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut rows =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(text);
    let mut record = csv::ByteRecord::new();
    let mut columns = None;
    let (mut inputs, mut labels) = (Vec::new(), Vec::new());
    while rows
        .read_byte_record(&mut record)
        .map_err(|e| (e.position().map(csv::Position::line), e.to_string()))?
    {
        // A record is said to begin at the empty lines before it.
        let line = record.position().map(|p| {
            let blank = text[p.byte() as usize..].iter().take_while(|b| matches!(b, b'\r' | b'\n'));
            p.line() + blank.filter(|&&b| b == b'\n').count() as u64
        });
        let Some((width, label)) = columns else {
            let width = record.len();
            if width > limits::CSV_COLUMNS {
                return Err((line, format!("{width} columns; at most {} are allowed", limits::CSV_COLUMNS)));
            }
            if width < 2 {
                return Err((line, "one column only; samples need at least one number and a label".into()));
            }
            let headings = record.iter().all(|cell| number(cell).is_none());
            let label = place(label, &record, headings).map_err(|what| (line, what))?;
            columns = Some((width, label));
            if headings {
                continue;
            }
            row(&record, label, line, &mut inputs, &mut labels)?;
            continue;
        };
        if record.len() != width {
            return Err((line, format!("{} columns where the lines before have {width}", record.len())));
        }
        row(&record, label, line, &mut inputs, &mut labels)?;
    }
    let Some((width, _)) = columns else { return Err((None, "no line in it".into())) };
    if labels.is_empty() {
        return Err((Some(1), "no line of numbers in it".into()));
    }
    let labels = if regression { values(&labels)? } else { classes(&labels)? };
    Ok(Samples { shape: Shape::Flat(width - 1), inputs, labels })
}

/// A line that no table has is refused before anything is made of it.
fn long_line(text: &[u8]) -> Result<(), Fault> {
    match text.split(|&b| b == b'\n').position(|line| line.len() > limits::CSV_LINE) {
        Some(i) => Err((Some(i as u64 + 1), format!("a line of more than {} bytes", limits::CSV_LINE))),
        None => Ok(()),
    }
}

/// A quote that is opened and never closed would swallow the rest of the file.
fn unclosed(text: &[u8]) -> Result<(), Fault> {
    let quotes = text.split(|&b| b == b'"').count() - 1;
    match text.iter().rposition(|&b| b == b'"') {
        Some(last) if quotes % 2 == 1 => {
            let line = text[..last].split(|&b| b == b'\n').count() as u64;
            Err((Some(line), "a quote is opened and never closed".into()))
        }
        _ => Ok(()),
    }
}

/// Where the label stands.
fn place(label: Option<&Column>, first: &csv::ByteRecord, headings: bool) -> Result<usize, String> {
    match label {
        None => Ok(first.len() - 1),
        Some(Column::Index(i)) if *i < first.len() => Ok(*i),
        Some(Column::Index(i)) => Err(format!("no column {i}; there are {}, counted from 0", first.len())),
        Some(Column::Name(_)) if !headings => {
            Err("no line of headings; give the label's column as a number".into())
        }
        Some(Column::Name(name)) => {
            let names: Vec<_> = first.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect();
            names.iter().position(|n| n == name).ok_or_else(|| {
                let near = did_you_mean(name, names.iter().map(String::as_str));
                let near = near.map_or_else(String::new, |n| format!("; did you mean {}?", excerpt(n, 40)));
                format!("no column is called {}{near}", excerpt(name, 40))
            })
        }
    }
}

fn number(cell: &[u8]) -> Option<f64> {
    std::str::from_utf8(cell).ok()?.parse().ok()
}

/// One line: its numbers, and the text of its label.
fn row(
    record: &csv::ByteRecord,
    label: usize,
    line: Option<u64>,
    inputs: &mut Vec<f32>,
    labels: &mut Vec<(String, Option<u64>)>,
) -> Result<(), Fault> {
    if inputs.len() + record.len() > limits::DATA_NUMBERS {
        return Err((line, format!("more than {} numbers in all", limits::DATA_NUMBERS)));
    }
    for (i, cell) in record.iter().enumerate() {
        let shown = || excerpt(&String::from_utf8_lossy(&cell[..cell.len().min(200)]), 40);
        if i == label {
            let text =
                std::str::from_utf8(cell).map_err(|_| (line, "a label that is not UTF-8".to_string()))?;
            if text.is_empty() || text.len() > limits::NAME_CHARS {
                return Err((line, format!("a label of {} bytes; 1 to {}", text.len(), limits::NAME_CHARS)));
            }
            labels.push((text.into(), line));
            continue;
        }
        match number(cell).map(|x| x as f32) {
            Some(x) if x.is_finite() => inputs.push(x),
            Some(_) => return Err((line, format!("column {}: {} is not a finite number", i + 1, shown()))),
            None => return Err((line, format!("column {}: {} is no number", i + 1, shown()))),
        }
    }
    Ok(())
}

fn values(labels: &[(String, Option<u64>)]) -> Result<Labels, Fault> {
    let of: Result<Vec<f32>, Fault> = labels
        .iter()
        .map(|(text, line)| match text.parse::<f32>() {
            Ok(x) if x.is_finite() => Ok(x),
            _ => Err((*line, format!("the label {} is no finite number", excerpt(text, 40)))),
        })
        .collect();
    Ok(Labels::Values { of: of?, shape: Shape::Flat(1) })
}

/// Classes in the order of their names, numbers by size.
fn classes(labels: &[(String, Option<u64>)]) -> Result<Labels, Fault> {
    let mut names: Vec<&str> = labels.iter().map(|(text, _)| text.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() > limits::CLASSES {
        let what = format!(
            "the label column holds {} different values, too many for classes (at most {}); for numbers to predict \
             write regression: true",
            names.len(),
            limits::CLASSES
        );
        return Err((None, what));
    }
    if names.len() < 2 {
        return Err((
            None,
            format!("the label column holds {} only; two classes are needed", excerpt(names[0], 40)),
        ));
    }
    if names.iter().all(|n| number(n.as_bytes()).is_some_and(f64::is_finite)) {
        names.sort_by(|a, b| {
            number(a.as_bytes()).partial_cmp(&number(b.as_bytes())).unwrap_or(std::cmp::Ordering::Equal)
        });
    }
    let index: std::collections::HashMap<&str, u32> = names.iter().zip(0..).map(|(&n, i)| (n, i)).collect();
    let of = labels.iter().map(|(text, _)| index[text.as_str()]).collect();
    Ok(Labels::Classes { of, names: names.iter().map(|n| crate::text::escaped(n).into_owned()).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Fault {
        read(text.as_bytes(), None, false).unwrap_err()
    }

    #[test]
    fn headings_text_labels_and_label_columns_are_understood() {
        let text = "size,kind,weight\r\n1,b,2\r\n3,a,4\r\n";
        let samples = read(text.as_bytes(), Some(&Column::Name("kind".into())), false).unwrap();
        assert_eq!(samples.inputs, [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(samples.labels, Labels::Classes { of: vec![1, 0], names: vec!["a".into(), "b".into()] });
        assert_eq!(read(text.as_bytes(), Some(&Column::Index(1)), false).unwrap(), samples);
        let bare = read(b"1,10\n2,9\n", None, false).unwrap();
        assert_eq!(bare.labels, Labels::Classes { of: vec![1, 0], names: vec!["9".into(), "10".into()] });
        let numbers = read(b"1,0.5\n2,9\n", None, true).unwrap();
        assert_eq!(numbers.labels, Labels::Values { of: vec![0.5, 9.0], shape: Shape::Flat(1) });
        let wrong = read(text.as_bytes(), Some(&Column::Name("kid".into())), false).unwrap_err();
        assert!(wrong.1.contains("did you mean kind"), "{wrong:?}");
    }

    #[test]
    fn every_fault_names_its_line() {
        for (text, line) in [
            ("1,2,0\n1,2\n", 2),
            ("1,2,0\n1,x,1\n", 2),
            ("1,2,0\n\n1,NaN,1\n", 3),
            ("1,2,0\n1,1e999,1\n", 2),
            ("1,2,0\n1,\"2,1\n3,4,1\n", 2),
            ("a,b,c\n", 1),
            ("1\n", 1),
            ("1,2,0\n1,\u{1b}[2J,1\n", 2),
        ] {
            let (found, what) = fault(text);
            assert_eq!(found, Some(line), "{text:?}: {what}");
            assert!(!what.contains(crate::text::harmful), "{what:?}");
        }
        assert_eq!(fault("").0, None);
        assert!(fault(&"1,".repeat(100_000)).1.contains("4096"));
        assert_eq!(fault(&format!("1,2\n1,{}\n", "2".repeat(2_000_000))).0, Some(2));
    }
}
