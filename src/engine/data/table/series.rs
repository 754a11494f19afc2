//! A time series cut into windows. The latest windows validate; they are not shuffled into the training samples.

use super::numeral::number;
use super::read_column::Role;
use super::rows::{ReadTable, TableHead};
use super::settings::{Missing, Series};
use super::{TableFault, TableSource, open, placed};
use crate::engine::data::reading::{DataWarning, Reading, counted};
use crate::engine::data::{Dataset, Files, Labels, SampleOrder, Samples, Source, SourceError, budget};
use crate::engine::shape::Shape;
use crate::text::{escaped, excerpt};
use std::cell::RefCell;
use std::cmp::Ordering;

impl Source for Series {
    fn files(&self) -> Vec<&str> {
        vec![&self.path]
    }

    fn load(&self, files: &dyn Files, _: u64) -> Result<Dataset, SourceError> {
        if self.path.is_empty() {
            return Err(SourceError::new("Series(path: \"..\") names a file"));
        }
        let file = || open(files, &self.path);
        self.windows(TableSource::new(&file, files.team())).map_err(placed(&self.path))
    }
}

impl Series {
    fn windows(&self, source: TableSource<'_>) -> Result<Dataset, TableFault> {
        let doubt = RefCell::new(None);
        let roles = |&TableHead { names, headings, rows, .. }: &TableHead<'_>| {
            let at = self.column.as_ref().map_or(Ok(names.len() - 1), |c| c.place(names, headings))?;
            *doubt.borrow_mut() = (0..names.len()).filter(|i| *i != at).find_map(|i| {
                let cells = rows.iter().filter_map(|row| row.get(i));
                disorder(&names[i], &cells.collect::<Vec<_>>())
            });
            Ok((0..names.len()).map(|i| if i == at { Role::Target } else { Role::Skip }).collect())
        };
        let table = ReadTable::read(source, &self.form(), &roles)?;
        let values = &table.targets;
        let span = self.window + self.horizon;
        let all = (values.len() + 1).saturating_sub(span);
        if all < 2 {
            let what = format!(
                "{} values are too few for windows of {} and {}",
                values.len(),
                self.window,
                self.horizon
            );
            return Err((None, what));
        }
        budget(all, self.window).map_err(|e| (None, e.what))?;
        // A missing value of the predicted column cannot be filled in.
        let holds = |values: &[f32]| values.iter().any(|x| x.is_nan());
        let used = |i: &usize| {
            let (window, next) = values[*i..i + span].split_at(self.window);
            !holds(next) && (self.missing != Missing::Drop || !holds(window))
        };
        let starts: Vec<usize> = (0..all).filter(used).collect();
        if starts.len() < 2 {
            return Err((None, "no value is known in almost every window".into()));
        }
        let inputs = starts.iter().flat_map(|&i| &values[i..i + self.window]).copied().collect();
        let of = starts.iter().flat_map(|&i| &values[i + self.window..i + span]).copied().collect();
        let column = table.columns.iter().find(|c| c.role == Role::Target);
        let name = column.map_or_else(String::new, |c| escaped(&c.name).into_owned());
        let missing = column.map_or(0, |c| c.tally.missing);
        let mut notes = vec![format!(
            "{} values of {} in windows of {}, each followed by {} to predict",
            values.len(),
            excerpt(&name, 40),
            self.window,
            self.horizon
        )];
        if missing > 0 {
            let filled = if self.missing == Missing::Drop { "" } else { ", other inputs filled" };
            notes.push(format!(
                "no value in {}; {} left out{filled}",
                counted(missing, "row"),
                counted(all - starts.len(), "window")
            ));
        }
        let samples = Samples {
            shape: Shape::Sequence { steps: self.window, features: 1 },
            inputs,
            labels: Labels::Values { of, shape: Shape::Flat(self.horizon) },
        };
        let doubts = table.doubts.iter().chain(doubt.borrow().as_ref()).map(DataWarning::data).collect();
        let reading = Reading { notes, doubts, targets: vec![name], ..Reading::default() };
        let order = SampleOrder::Time { gap: self.horizon - 1 };
        Ok(Dataset { reading, order, missing: self.missing, ..samples.into() })
    }
}

/// Headings of a column of times; those of hours or months begin again and again.
const TIMES: [&str; 4] = ["date", "datetime", "timestamp", "ds"];

/// Whether a cell begins with a date such as 2026-11-30, so that its text sorts by time.
fn is_date(cell: &[u8]) -> bool {
    cell.len() >= 8
        && cell.iter().take(10).enumerate().all(|(i, b)| match i {
            4 | 7 => matches!(b, b'-' | b'/'),
            _ => b.is_ascii_digit(),
        })
}

/// A warning about a column of times whose rows are not in the order of time, since windows follow the rows.
fn disorder(name: &str, cells: &[&[u8]]) -> Option<String> {
    let named = TIMES.contains(&&*name.to_lowercase());
    let numbers = || cells.iter().map(|cell| number(cell, false)).collect::<Option<Vec<f64>>>();
    let orders: Vec<Ordering> = if cells.iter().all(|cell| is_date(cell)) {
        cells.windows(2).map(|pair| pair[0].cmp(pair[1])).collect()
    } else {
        numbers().filter(|_| named)?.windows(2).map(|pair| pair[0].total_cmp(&pair[1])).collect()
    };
    let name = excerpt(name, 40);
    let all = |order| !orders.is_empty() && orders.iter().all(|o| *o == order);
    if all(Ordering::Greater) {
        return Some(format!(
            "{name} falls from row to row, so the windows run backwards and the oldest ones validate; sort the file by {name}"
        ));
    }
    if orders.contains(&Ordering::Greater) {
        return Some(format!(
            "{name} is not in order, though windows follow the rows; sort the file by {name}"
        ));
    }
    let times = orders.iter().filter(|o| **o == Ordering::Equal).count();
    // Where most rows have the same date, another column holds the time of day.
    (times > 0 && 10 * times <= orders.len())
        .then(|| format!("{name} is the same as in the row before in {}", counted(times, "row")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_not_in_the_order_of_time_are_told() {
        let told = |name: &str, cells: &[&str]| {
            disorder(name, &cells.iter().map(|c| c.as_bytes()).collect::<Vec<_>>()).unwrap_or_default()
        };
        assert_eq!(told("t", &["2026-01-01", "2026-01-02 10:00", "2026-02-01"]), "");
        assert!(told("t", &["2026-01-03", "2026-01-02", "2026-01-01"]).contains("run backwards"));
        assert!(told("t", &["2026-01-03", "2026-01-02", "2026-01-04"]).contains("sort the file by t"));
        let days: Vec<String> = (0..20).map(|i| (i - i / 19).to_string()).collect();
        let days: Vec<&str> = days.iter().map(String::as_str).collect();
        assert_eq!(told("date", &days), "date is the same as in the row before in 1 row");
        assert_eq!(told("date", &["1", "1", "1", "2"]), "");
        assert_eq!(told("load", &["3", "1", "2"]), "", "not a time");
        assert_eq!(told("month", &["11", "12", "1"]), "");
    }
}
