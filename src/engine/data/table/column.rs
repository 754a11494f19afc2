//! The columns that a scenario names: by heading or by number, one or several.

use crate::registry::plain_values;
use crate::text::{did_you_mean, excerpt};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A column, by its heading or by its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// The heading.
    Name(String),
    /// The number of columns before it.
    Index(usize),
}
plain_values!(Column);

/// One column or a list of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns(pub Vec<Column>);
plain_values!(Columns);

impl Column {
    /// Its heading, if it is given by that.
    pub fn name(&self) -> Option<&str> {
        if let Self::Name(name) = self { Some(name) } else { None }
    }

    /// Its index among these columns; `headings` states whether the names come from the file.
    ///
    /// # Errors
    /// If there is no such column, with a suggestion.
    pub fn place(&self, names: &[String], headings: bool) -> Result<usize, String> {
        match self {
            Self::Index(i) if *i < names.len() => Ok(*i),
            Self::Index(i) => Err(format!("no column {i}; there are {}, counted from 0", names.len())),
            Self::Name(_) if !headings => {
                Err("no line of headings; give the column as a number, from 0".into())
            }
            Self::Name(name) => {
                let mut found = (0..names.len()).filter(|&i| names[i] == *name);
                match (found.next(), found.next()) {
                    (Some(i), None) => Ok(i),
                    (Some(i), Some(j)) => {
                        let name = excerpt(name, 40);
                        Err(format!("two columns are called {name}; give the number, {i} or {j}"))
                    }
                    (None, _) => {
                        let near = did_you_mean(name, names.iter().map(String::as_str));
                        let near =
                            near.map_or_else(String::new, |n| format!("; did you mean {}?", excerpt(n, 40)));
                        Err(format!("no column is called {}{near}", excerpt(name, 40)))
                    }
                }
            }
        }
    }
}

impl Columns {
    /// Their indices.
    ///
    /// # Errors
    /// If one of them does not exist.
    pub fn places(&self, names: &[String], headings: bool) -> Result<Vec<usize>, String> {
        self.0.iter().map(|column| column.place(names, headings)).collect()
    }
}

impl Serialize for Column {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Name(name) => serializer.serialize_str(name),
            Self::Index(i) => serializer.serialize_u64(*i as u64),
        }
    }
}

impl Serialize for Columns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0[..] {
            [one] => one.serialize(serializer),
            several => several.serialize(serializer),
        }
    }
}

/// Reads a column, or also a list of columns if `list` is set.
struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Columns;
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a heading in quotes or the number of a column, from 0")
    }
    fn visit_str<E: de::Error>(self, name: &str) -> Result<Columns, E> {
        Ok(Columns(vec![Column::Name(name.into())]))
    }
    fn visit_u64<E: de::Error>(self, i: u64) -> Result<Columns, E> {
        Ok(Columns(vec![Column::Index(i as usize)]))
    }
    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Columns, A::Error> {
        let mut columns = Vec::new();
        while let Some(column) = list.next_element()? {
            columns.push(column);
        }
        Ok(Columns(columns))
    }
}

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

impl<'de> Deserialize<'de> for Column {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match &Columns::deserialize(deserializer)?.0[..] {
            [one] => Ok(one.clone()),
            _ => Err(de::Error::custom("one column should stand here, not a list")),
        }
    }
}
