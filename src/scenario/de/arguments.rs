//! The arguments in parentheses after a name, and names that belong to a table.

use super::parts::{StructFields, Tuple};
use super::value::DocumentValue;
use super::{Document, Error};
use crate::scenario::reader::{GroupItem, NodeKind, RonNode};
use serde::de::{self, DeserializeSeed, IntoDeserializer as _, Visitor, value::StrDeserializer};

/// The arguments of a name, or the items of a group.
#[derive(Clone, Copy)]
pub(super) struct Arguments<'d> {
    pub(super) doc: &'d Document<'d>,
    pub(super) node: &'d RonNode,
    pub(super) items: &'d [GroupItem],
}

impl<'d> Arguments<'d> {
    pub(super) fn fields<'de, V: Visitor<'de>>(
        self,
        name: &str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let given = self.doc.assign(self.items, fields, name);
        let access = StructFields { doc: self.doc, given: given.into_iter(), value: None };
        visitor.visit_map(access).map_err(|e| self.doc.value(self.node).placed(e))
    }

    /// The one value in the brackets.
    fn only(&self) -> Result<DocumentValue<'d>, Error> {
        match self.items {
            [GroupItem { name: None, node }] => Ok(self.doc.value(node)),
            _ => Err(self.doc.wrong(self.node, "one value in ( )")),
        }
    }
}

/// Methods that pass on the only argument.
macro_rules! only {
    ($($method:ident($($arg:ident: $type:ty),*);)*) => { $(
        fn $method<V: Visitor<'de>>(self, $($arg: $type,)* visitor: V) -> Result<V::Value, Error> {
            self.only()?.$method($($arg,)* visitor)
        }
    )* };
}

impl<'de> de::Deserializer<'de> for Arguments<'_> {
    type Error = Error;

    only! {
        deserialize_any(); deserialize_bool(); deserialize_char(); deserialize_str(); deserialize_string();
        deserialize_i8(); deserialize_i16(); deserialize_i32(); deserialize_i64();
        deserialize_u8(); deserialize_u16(); deserialize_u32(); deserialize_u64();
        deserialize_f32(); deserialize_f64(); deserialize_bytes(); deserialize_byte_buf();
        deserialize_option(); deserialize_seq(); deserialize_map(); deserialize_identifier();
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
        deserialize_newtype_struct(name: &'static str);
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.items.is_empty() { visitor.visit_unit() } else { self.only()?.deserialize_unit(visitor) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_struct(name, &[], visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        if let [GroupItem { name: None, node: RonNode { kind: NodeKind::Group(_), .. } }] = self.items
            && len != 1
        {
            return self.only()?.deserialize_tuple(len, visitor);
        }
        if let Some(named) = self.items.iter().find_map(|i| i.name.as_ref()) {
            let what = format!("a name where {len} values without names should stand");
            return Err(Error { noted: false, at: Some(named.start), what });
        }
        if self.items.len() != len {
            let what = format!("{} values where {len} should stand", self.items.len());
            return Err(Error { noted: false, at: Some(self.node.span.start), what });
        }
        visitor
            .visit_seq(Tuple { doc: self.doc, rest: self.items })
            .map_err(|e| self.doc.value(self.node).placed(e))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.items {
            [item] if Document::wrapped(item).is_some() => {
                self.only()?.deserialize_struct(name, fields, visitor)
            }
            _ => self.fields(name, fields, visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}

/// A name from a table, and its arguments.
pub(super) struct Variant<'d> {
    pub(super) name: &'d str,
    pub(super) arguments: Arguments<'d>,
}

impl<'de, 'd> de::EnumAccess<'de> for Variant<'d> {
    type Error = Error;
    type Variant = Arguments<'d>;
    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Arguments<'d>), Error> {
        let name: StrDeserializer<'_, Error> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self.arguments))
    }
}

impl<'de> de::VariantAccess<'de> for Arguments<'_> {
    type Error = Error;
    fn unit_variant(self) -> Result<(), Error> {
        match self.items {
            [] => Ok(()),
            _ => Err(self.doc.wrong(self.node, "the name alone")),
        }
    }
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self)
    }
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_tuple(self, len, visitor)
    }
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.fields("this", fields, visitor)
    }
}
