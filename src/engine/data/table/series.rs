//! A time series cut into windows. The latest windows validate; they are not shuffled into the training samples.

use super::rows::{ReadTable, Role, TableHead};
use super::settings::{Missing, Series};
use super::{OpenFile, TableFault, open, placed};
use crate::engine::data::reading::{DataWarning, Reading, counted};
use crate::engine::data::{Dataset, Files, Labels, SampleOrder, Samples, Source, SourceError, budget};
use crate::engine::shape::Shape;
use crate::text::{escaped, excerpt};

impl Source for Series {
    fn files(&self) -> Vec<&str> {
        vec![&self.path]
    }

    fn load(&self, files: &dyn Files, _: u64) -> Result<Dataset, SourceError> {
        if self.path.is_empty() {
            return Err(SourceError::new("Series(path: \"..\") names a file"));
        }
        self.windows(&|| open(files, &self.path)).map_err(placed(&self.path))
    }
}

impl Series {
    fn windows(&self, source: OpenFile<'_>) -> Result<Dataset, TableFault> {
        let roles = |&TableHead { names, headings, .. }: &TableHead<'_>| {
            let at = self.column.as_ref().map_or(Ok(names.len() - 1), |c| c.place(names, headings))?;
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
        let missing = column.map_or(0, |c| c.missing);
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
        let doubts = table.doubts.iter().map(DataWarning::data).collect();
        let reading = Reading { notes, doubts, targets: vec![name], ..Reading::default() };
        let order = SampleOrder::Time { gap: self.horizon - 1 };
        Ok(Dataset { reading, order, missing: self.missing, ..samples.into() })
    }
}
