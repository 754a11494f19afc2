//! The names among which a setting chooses. They are found by running its deserializer: a separate list beside the type
//! could become outdated.

use serde::de::{self, DeserializeOwned, Deserializer, EnumAccess, VariantAccess, Visitor};
use std::cell::Cell;
use std::fmt;

/// The names from which `T` can be read: `Drop`, `Mean`, or `Each(..)` if a value follows. Empty if `T` is not a choice
/// of names.
pub(super) fn of<T: DeserializeOwned>() -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    loop {
        // Every read fails on purpose; it reveals one name, and whether a value belongs to it.
        let asked = NameProbe { next: found.len(), name: Cell::default(), value: Cell::default() };
        let _ = T::deserialize(&asked);
        match (asked.name.get(), asked.value.get()) {
            (Some(name), Some(false)) => found.push(name.into()),
            (Some(name), Some(true)) => found.push(format!("{name}(..)")),
            _ => return found,
        }
    }
}

/// An empty document. It notes the name at index `next` among the names that the reader expects.
struct NameProbe {
    next: usize,
    name: Cell<Option<&'static str>>,
    value: Cell<Option<bool>>,
}

/// The error of every read: the document has no value.
#[derive(Debug)]
struct Nothing;

impl fmt::Display for Nothing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing to read")
    }
}

impl std::error::Error for Nothing {}

impl de::Error for Nothing {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl<'de> Deserializer<'de> for &NameProbe {
    type Error = Nothing;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Nothing> {
        Err(Nothing)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Nothing> {
        visitor.visit_some(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Nothing> {
        self.name.set(names.get(self.next).copied());
        visitor.visit_enum(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> EnumAccess<'de> for &NameProbe {
    type Error = Nothing;
    type Variant = Self;

    fn variant_seed<V: de::DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Nothing> {
        let name = self.name.get().ok_or(Nothing)?;
        Ok((seed.deserialize(de::value::StrDeserializer::new(name))?, self))
    }
}

impl<'de> VariantAccess<'de> for &NameProbe {
    type Error = Nothing;

    fn unit_variant(self) -> Result<(), Nothing> {
        self.value.set(Some(false));
        Err(Nothing)
    }

    fn newtype_variant_seed<T: de::DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Nothing> {
        self.value.set(Some(true));
        Err(Nothing)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Nothing> {
        self.value.set(Some(true));
        Err(Nothing)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Nothing> {
        self.value.set(Some(true));
        Err(Nothing)
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::data::DataConfig;
    use crate::engine::loss::LossConfig;
    use crate::registry::Field;

    /// The names that the setting `name` accepts.
    fn choices(fields: &[Field], name: &str) -> Vec<String> {
        (fields.iter().find(|f| f.name == name).expect("a field").choices)()
    }

    #[test]
    fn names_are_those_that_are_read() {
        let row = |name: &str| DataConfig::all().into_iter().find(|d| d.name() == name).expect("a row");
        let csv = row("Csv").settings().fields();
        assert_eq!(choices(&csv, "missing"), ["Refuse", "Drop", "Mean", "Median", "MostFrequent"]);
        assert_eq!(choices(&csv, "path"), [""; 0]);
        assert_eq!(choices(&csv, "regression"), [""; 0]);
        let losses = LossConfig::all();
        let cross = losses.iter().find(|l| l.name() == "CrossEntropy").expect("a row");
        assert_eq!(choices(&cross.settings().fields(), "class_weights"), ["Equal", "Balanced", "Each(..)"]);
    }
}
