//! The crate's macros: `settings!` makes a struct of documented, bounded fields, `registry!` a table of such structs.
//!
//! A row of a table provides everything that a setting needs: reading and writing it in a scenario, its range check,
//! its line in `gradtui list`, its form in the lab. Knows nothing of the meaning of settings.

use crate::document::raw::Raw;
use serde::{Serialize, de::DeserializeOwned};

mod choices;

/// One field of a settings struct as a form or a message shows it.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name in a scenario.
    pub name: &'static str,
    /// Its meaning, with its unit.
    pub about: &'static str,
    /// Its type in Rust; [`Field::kind`] says it in words.
    pub rust: &'static str,
    /// Its value as RON.
    pub value: String,
    /// Its default as RON.
    pub default: String,
    /// The range its numbers must lie in.
    pub bounds: Option<Bounds>,
    /// Returns the names that it accepts, if it accepts names: `Equal`, `Balanced`, `Each(..)`.
    pub choices: fn() -> Vec<String>,
}

impl Field {
    /// Its type in words: `number`, `whole number`, `list of Layer` ...
    pub fn kind(&self) -> String {
        words(self.rust)
    }
}

/// A Rust type of a setting in words.
fn words(rust: &str) -> String {
    let rust = rust.trim();
    let inside = |name: &str| rust.strip_prefix(name)?.trim().strip_prefix('<')?.strip_suffix('>');
    if let Some(inner) = inside("Option") {
        return format!("{} or None", words(inner));
    }
    if let Some(inner) = inside("Vec") {
        return format!("list of {}", words(inner));
    }
    if let Some(inner) = inside("Box") {
        return words(inner);
    }
    if let Some(inner) = rust.strip_prefix('(').and_then(|r| r.strip_suffix(')')) {
        return format!("({})", inner.split(',').map(words).collect::<Vec<_>>().join(", "));
    }
    match rust {
        "f64" => "number".into(),
        "usize" | "u64" => "whole number".into(),
        "bool" => "true or false".into(),
        "String" => "text".into(),
        other => {
            let name = other.rsplit("::").next().unwrap_or(other).trim();
            name.strip_suffix("Config").unwrap_or(name).into()
        }
    }
}

/// A range for the numbers of a field; `open` leaves the upper end out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The least allowed number.
    pub min: f64,
    /// The upper end.
    pub max: f64,
    /// Whether the upper end itself is forbidden.
    pub open: bool,
}

impl Bounds {
    /// Whether `x` is a number inside.
    pub fn contain(&self, x: f64) -> bool {
        x >= self.min && if self.open { x < self.max } else { x <= self.max }
    }
}

impl std::fmt::Display for Bounds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (min, max) = (self.min.text(), self.max.text());
        if self.open { write!(f, "{min} to below {max}") } else { write!(f, "{min} to {max}") }
    }
}

impl From<std::ops::RangeInclusive<f64>> for Bounds {
    fn from(r: std::ops::RangeInclusive<f64>) -> Self {
        Self { min: *r.start(), max: *r.end(), open: false }
    }
}

impl From<std::ops::Range<f64>> for Bounds {
    fn from(r: std::ops::Range<f64>) -> Self {
        Self { min: r.start, max: r.end, open: true }
    }
}

impl From<std::ops::RangeInclusive<usize>> for Bounds {
    fn from(r: std::ops::RangeInclusive<usize>) -> Self {
        Self { min: *r.start() as f64, max: *r.end() as f64, open: false }
    }
}

/// Receives faults: the path of the field inside the document and the message.
pub type Faults<'a> = &'a mut dyn FnMut(&str, String);

/// A type that a field may have.
pub trait SettingValue: Serialize + DeserializeOwned + PartialEq + Clone {
    /// Shows every number to `see`, for the range check.
    fn numbers(&self, _see: &mut dyn FnMut(f64)) {}
    /// Checks settings inside the value; `at` is the value's own path.
    fn check_inside(&self, _at: &str, _fault: Faults<'_>) {}
    /// The names that a value can have, if it is one of several names.
    fn choices() -> Vec<String> {
        choices::of::<Self>()
    }
    /// The value as short RON.
    fn text(&self) -> String {
        let short =
            ron::Options::default().with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME);
        let text = short.to_string(self).unwrap_or_default();
        // RON writes `r#` before a name that is also one of its own words, such as None; our reader needs no such mark.
        match text.strip_prefix("r#") {
            Some(bare) => bare.into(),
            None => text,
        }
    }
    /// Reads RON, in the short forms of a scenario too.
    ///
    /// # Errors
    /// The fault in the text.
    fn parse(text: &str) -> Result<Self, String> {
        crate::document::parse(text)
    }
}

/// Plain values without numbers inside.
macro_rules! plain_values {
    ($($type:ty),* $(,)?) => { $(impl $crate::registry::SettingValue for $type {})* };
}
pub(crate) use plain_values;
plain_values!(bool, String);

impl SettingValue for f64 {
    fn numbers(&self, see: &mut dyn FnMut(f64)) {
        see(*self);
    }
    fn text(&self) -> String {
        let (size, plain, short) = (self.abs(), format!("{self}"), format!("{self:e}"));
        let long = size != 0.0 && !(1e-3..1e6).contains(&size) && short.len() < plain.len();
        if long { short } else { plain }
    }
}

impl SettingValue for Raw {
    fn text(&self) -> String {
        self.0.clone()
    }
}

impl SettingValue for usize {
    fn numbers(&self, see: &mut dyn FnMut(f64)) {
        see(*self as f64);
    }
}

impl SettingValue for u64 {
    fn numbers(&self, see: &mut dyn FnMut(f64)) {
        see(*self as f64);
    }
}

impl<A: SettingValue, B: SettingValue> SettingValue for (A, B) {
    fn numbers(&self, see: &mut dyn FnMut(f64)) {
        self.0.numbers(see);
        self.1.numbers(see);
    }
    fn text(&self) -> String {
        format!("({}, {})", self.0.text(), self.1.text())
    }
}

impl<A: SettingValue, B: SettingValue, C: SettingValue> SettingValue for (A, B, C) {
    fn numbers(&self, see: &mut dyn FnMut(f64)) {
        self.0.numbers(see);
        self.1.numbers(see);
        self.2.numbers(see);
    }
    fn text(&self) -> String {
        format!("({}, {}, {})", self.0.text(), self.1.text(), self.2.text())
    }
}

impl<T: SettingValue> SettingValue for Option<T> {
    fn numbers(&self, see: &mut dyn FnMut(f64)) {
        if let Some(v) = self {
            v.numbers(see);
        }
    }
    fn check_inside(&self, at: &str, fault: Faults<'_>) {
        if let Some(v) = self {
            v.check_inside(at, fault);
        }
    }
    fn text(&self) -> String {
        self.as_ref().map_or_else(|| "None".into(), SettingValue::text)
    }
}

impl<T: SettingValue> SettingValue for Vec<T> {
    fn numbers(&self, see: &mut dyn FnMut(f64)) {
        for v in self {
            v.numbers(see);
        }
    }
    fn check_inside(&self, at: &str, fault: Faults<'_>) {
        for (i, v) in self.iter().enumerate() {
            v.check_inside(&format!("{at}[{i}]"), fault);
        }
    }
    fn text(&self) -> String {
        format!("[{}]", self.iter().map(SettingValue::text).collect::<Vec<_>>().join(", "))
    }
}

impl<T: SettingValue> SettingValue for Box<T> {
    fn numbers(&self, see: &mut dyn FnMut(f64)) {
        (**self).numbers(see);
    }
    fn check_inside(&self, at: &str, fault: Faults<'_>) {
        (**self).check_inside(at, fault);
    }
    fn text(&self) -> String {
        (**self).text()
    }
}

/// The interface of a settings struct for forms, lists and checks.
pub trait Settings {
    /// Its name in a scenario.
    fn name(&self) -> &'static str;
    /// One line of description, with its paper.
    fn about(&self) -> &'static str;
    /// Its fields with their present values.
    fn fields(&self) -> Vec<Field>;
    /// Sets one field from RON text, range checked.
    ///
    /// # Errors
    /// If the text does not fit, with what would be right; the field is then unchanged.
    fn set(&mut self, field: &str, text: &str) -> Result<(), String>;
    /// Reports every number out of range, here and inside; `at` is the path of this struct.
    fn check(&self, at: &str, fault: Faults<'_>);
    /// As short RON: only what differs from the defaults.
    fn brief(&self) -> String {
        let shown: Vec<_> = self
            .fields()
            .iter()
            .filter(|f| f.value != f.default)
            .map(|f| format!("{}: {}", f.name, f.value))
            .collect();
        format!("{}({})", self.name(), shown.join(", "))
    }
}

/// Reports the numbers of `value` that lie outside `bounds`, and NaN and infinity in any case.
pub fn check_value<T: SettingValue>(value: &T, bounds: Option<Bounds>, at: &str, fault: Faults<'_>) {
    value.numbers(&mut |x| match bounds {
        _ if !x.is_finite() => fault(at, format!("{x} is not a number to compute with; give a finite one")),
        Some(b) if !b.contain(x) => fault(at, format!("{} is out of range; allowed is {b}", x.text())),
        _ => {}
    });
    value.check_inside(at, fault);
}

/// Declares a settings struct: documented fields with a type, a default and, where it holds numbers, a range.
///
/// The first doc line says what the thing is. A struct reads and writes itself as RON and leaves defaults out.
macro_rules! settings {
    (
        #[doc = $about:literal] $(#[$meta:meta])*
        pub struct $name:ident {
            $( #[doc = $doc:literal] $field:ident : $ty:ty = $default:expr $(, $range:expr)? ; )*
        }
    ) => {
        #[doc = $about] $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, ::serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name { $( #[doc = $doc] pub $field: $ty, )* }

        impl Default for $name {
            fn default() -> Self { Self { $( $field: $default, )* } }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use ::serde::ser::SerializeStruct as _;
                #[allow(unused_variables)]
                let default = Self::default();
                #[allow(unused_mut)]
                let mut out = serializer.serialize_struct(stringify!($name), 0 $( + usize::from(self.$field != default.$field) )*)?;
                $( if self.$field != default.$field { out.serialize_field(stringify!($field), &self.$field)?; } )*
                out.end()
            }
        }

        impl $crate::registry::Settings for $name {
            fn name(&self) -> &'static str { stringify!($name) }
            fn about(&self) -> &'static str { $about.trim() }
            fn fields(&self) -> Vec<$crate::registry::Field> {
                #[allow(unused_imports)]
                use $crate::registry::SettingValue as _;
                #[allow(unused_variables)]
                let default = Self::default();
                vec![ $( $crate::registry::Field {
                    name: stringify!($field),
                    about: $doc.trim(),
                    rust: stringify!($ty),
                    value: self.$field.text(),
                    default: default.$field.text(),
                    bounds: $crate::registry::settings!(@bounds $($range)?),
                    choices: <$ty as $crate::registry::SettingValue>::choices,
                }, )* ]
            }
            #[allow(unused_variables)]
            fn set(&mut self, field: &str, text: &str) -> Result<(), String> {
                match field {
                    $( stringify!($field) => {
                        let value = <$ty as $crate::registry::SettingValue>::parse(text)?;
                        let mut wrong = None;
                        $crate::registry::check_value(&value, $crate::registry::settings!(@bounds $($range)?), field,
                            &mut |_, what| { wrong.get_or_insert(what); });
                        if let Some(what) = wrong { return Err(what); }
                        self.$field = value;
                        Ok(())
                    } )*
                    other => Err(format!("{} has no field {other}", stringify!($name))),
                }
            }
            #[allow(unused_variables)]
            fn check(&self, at: &str, fault: $crate::registry::Faults<'_>) {
                $( $crate::registry::check_value(&self.$field, $crate::registry::settings!(@bounds $($range)?),
                    &$crate::registry::join(at, stringify!($field)), fault); )*
            }
        }

        impl $crate::registry::SettingValue for $name {
            fn check_inside(&self, at: &str, fault: $crate::registry::Faults<'_>) {
                $crate::registry::Settings::check(self, at, fault);
            }
        }
    };
    (@bounds) => { None };
    (@bounds $range:expr) => { Some($crate::registry::Bounds::from($range)) };
}
pub(crate) use settings;

/// The path of a field below `at`.
pub fn join(at: &str, field: &str) -> String {
    if at.is_empty() { field.to_string() } else { format!("{at}.{field}") }
}

/// Declares a table: an enum with one variant per row. A variant holds the settings of its row and stands for its
/// trait.
macro_rules! registry {
    (
        $(#[$meta:meta])*
        pub enum $table:ident: dyn $trait:path { $( $row:ident($settings:ty), )* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, ::serde::Serialize, ::serde::Deserialize)]
        pub enum $table { $( #[allow(missing_docs)] $row($settings), )* }

        impl $table {
            /// Every row with its defaults, in the order of the table.
            pub fn all() -> Vec<Self> { vec![ $( Self::$row(<$settings>::default()), )* ] }
            /// The names of the rows.
            pub const NAMES: &'static [&'static str] = &[ $( stringify!($row), )* ];
            /// The settings of this row.
            pub fn settings(&self) -> &dyn $crate::registry::Settings { match self { $( Self::$row(s) => s, )* } }
            /// The settings of this row, to change.
            pub fn settings_mut(&mut self) -> &mut dyn $crate::registry::Settings {
                match self { $( Self::$row(s) => s, )* }
            }
            /// The name of this row.
            pub fn name(&self) -> &'static str { match self { $( Self::$row(_) => stringify!($row), )* } }
        }

        impl ::std::ops::Deref for $table {
            type Target = dyn $trait;
            fn deref(&self) -> &Self::Target { match self { $( Self::$row(s) => s, )* } }
        }

        impl ::std::ops::DerefMut for $table {
            fn deref_mut(&mut self) -> &mut Self::Target { match self { $( Self::$row(s) => s, )* } }
        }

        $( impl From<$settings> for $table { fn from(s: $settings) -> Self { Self::$row(s) } } )*

        impl $crate::registry::SettingValue for $table {
            fn check_inside(&self, at: &str, fault: $crate::registry::Faults<'_>) { self.settings().check(at, fault); }
            fn text(&self) -> String { self.settings().brief() }
        }
    };
}
pub(crate) use registry;

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn types_are_said_in_words() {
        assert_eq!(words("Option<Vec<LayerConfig>>"), "list of Layer or None");
        assert_eq!(words("(f64, f64)"), "(number, number)");
        assert_eq!(words("Vec < (String, usize) >"), "list of (text, whole number)");
        assert_eq!(words("Box<crate::engine::optim::OptimizerConfig>"), "Optimizer");
    }
}
