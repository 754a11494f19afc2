//! The settings with which tables of the user are read: `Csv` and `Series`.

use super::column::{Column, Columns};
use super::separator::Separator;
use crate::limits;
use crate::registry::{plain_values, settings};
use serde::{Deserialize, Serialize};

/// The treatment of missing cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Missing {
    /// They are reported as a fault.
    #[default]
    Refuse,
    /// Their rows are left out.
    Drop,
    /// They get the mean of the training rows; a text gets the most frequent one.
    Mean,
    /// They get the median of the training rows; a text gets the most frequent one.
    Median,
    /// They get the most frequent value of the training rows.
    MostFrequent,
}
plain_values!(Missing);

impl Missing {
    /// The value that fills in, in words.
    pub(in crate::engine::data) fn filled_with(self) -> Option<&'static str> {
        match self {
            Self::Refuse | Self::Drop => None,
            Self::Mean => Some("the mean"),
            Self::Median => Some("the median"),
            Self::MostFrequent => Some("the most frequent value"),
        }
    }
}

/// How a column of texts is converted to numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Texts {
    /// One number for each possible text: 1 for the actual text, 0 for the others.
    #[default]
    OneHot,
    /// The number of the text in the order of names, from 0.
    Ordinal,
}
plain_values!(Texts);

settings! {
    /// A table of your own, one sample per line: separator, decimal mark and headings are found.
    pub struct Csv {
        /// the file, relative to the scenario; .gz too
        path: String = String::new();
        /// the column of the class, by heading or by number from 0; the last one, if none is given
        label: Option<Column> = None;
        /// whether the label is a number to predict instead of a class
        regression: bool = false;
        /// columns of numbers to predict, one or a list, instead of a label
        targets: Columns = Columns::default();
        /// a second table of the same form, to validate on
        test: String = String::new();
        /// the columns to predict from, one or a list; if none is given, all others
        columns: Columns = Columns::default();
        /// columns to leave out, one or a list
        drop: Columns = Columns::default();
        /// inputs to read as texts although they hold numbers, such as codes and years, one or a list
        categories: Columns = Columns::default();
        /// how texts become numbers: OneHot or Ordinal
        texts: Texts = Texts::OneHot;
        /// what becomes of cells without a value: Refuse, Drop, Mean, Median or MostFrequent, taken from the training rows
        missing: Missing = Missing::Refuse;
        /// further marks of a missing value, as texts in a list, beside an empty cell, ?, NA, NaN, null and None
        missing_values: Vec<String> = Vec::new();
        /// whether ?, NA, NaN, null and None mark a missing value
        usual_marks: bool = true;
        /// what separates cells: Comma, Semicolon, Tab, Bar or Blanks
        separator: Separator = Separator::Found;
        /// whether numbers have a decimal comma (1,5); found, if not given
        decimal_comma: Option<bool> = None;
        /// whether the first line names the columns; found, if not given
        headings: Option<bool> = None;
        /// channels, height and width, where a row is a picture: (1, 28, 28)
        shape: Option<(usize, usize, usize)> = None, 1..=limits::UNITS;
        /// what inputs are divided by: 255 for pixels
        divide_by: f64 = 1.0, 1e-6..=1e9;
    }
}

settings! {
    /// A time series of your own: the column of a table cut into windows, each to be followed by the next values.
    pub struct Series {
        /// the file, relative to the scenario; .gz too
        path: String = String::new();
        /// the column, by heading or by number from 0; the last one, if none is given
        column: Option<Column> = None;
        /// values of one sample
        window: usize = 20, 1..=limits::UNITS;
        /// values to predict, the next ones after the window
        horizon: usize = 1, 1..=limits::UNITS;
        /// what becomes of cells without a value: Refuse, Drop (the windows that hold them), Mean, Median or MostFrequent
        missing: Missing = Missing::Refuse;
        /// further marks of a missing value, as texts in a list, beside an empty cell, ?, NA, NaN, null and None
        missing_values: Vec<String> = Vec::new();
        /// whether ?, NA, NaN, null and None mark a missing value
        usual_marks: bool = true;
        /// what separates cells: Comma, Semicolon, Tab, Bar or Blanks
        separator: Separator = Separator::Found;
        /// whether numbers have a decimal comma (1,5); found, if not given
        decimal_comma: Option<bool> = None;
        /// whether the first line names the columns; found, if not given
        headings: Option<bool> = None;
    }
}

/// The settings that `Csv` and `Series` share.
#[derive(Clone, Debug)]
pub(super) struct TableSettings<'a> {
    pub(super) missing: Missing,
    pub(super) missing_values: &'a [String],
    pub(super) usual_marks: bool,
    pub(super) separator: Separator,
    pub(super) decimal_comma: Option<bool>,
    pub(super) headings: Option<bool>,
    /// Inputs to read as texts.
    pub(super) categories: &'a [Column],
    /// Headings that the settings name.
    pub(super) named: Vec<&'a str>,
    /// Whether a table of one column is enough.
    pub(super) single: bool,
}

impl Csv {
    fn columns(&self) -> impl Iterator<Item = &Column> {
        let named = self.label.iter().chain(&self.targets.0).chain(&self.columns.0).chain(&self.drop.0);
        named.chain(&self.categories.0)
    }
}

impl Series {
    fn columns(&self) -> impl Iterator<Item = &Column> {
        self.column.iter()
    }
}

macro_rules! form {
    ($($settings:ty: $single:literal, |$this:ident| $categories:expr);*) => { $( impl $settings {
        pub(super) fn form(&self) -> TableSettings<'_> {
            TableSettings {
                missing: self.missing,
                missing_values: &self.missing_values,
                usual_marks: self.usual_marks,
                separator: self.separator,
                decimal_comma: self.decimal_comma,
                headings: self.headings,
                categories: {
                    let $this = self;
                    $categories
                },
                named: self.columns().filter_map(Column::name).collect(),
                single: $single,
            }
        }
    } )* };
}
form!(Csv: false, |csv| &csv.categories.0; Series: true, |_series| &[]);
