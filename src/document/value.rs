//! Serde deserializers over a value of the document, and over the arguments in parentheses after a name. Knows the tree, and no settings beyond serde's requests.

use super::parts::{ListItems, StructFields, Tuple};
use super::reader::{GroupItem, NodeKind, RonNode};
use super::{Document, Error, choice, raw};
use crate::text::excerpt;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, IntoDeserializer as _, Visitor, value::StrDeserializer,
};

/// A value of the document.
#[derive(Clone, Copy)]
pub(super) struct DocumentValue<'d> {
    pub(super) doc: &'d Document<'d>,
    pub(super) node: &'d RonNode,
}

impl DocumentValue<'_> {
    fn number<T: DeserializeOwned>(&self, wanted: &str) -> Result<T, Error> {
        let raw = self.doc.raw(self.node);
        match self.node.kind {
            NodeKind::Number | NodeKind::Name(_, None) => {
                ron::from_str(raw).map_err(|_| self.doc.wrong(self.node, wanted))
            }
            NodeKind::Text => {
                let mut error = self.doc.wrong(self.node, wanted);
                error.what.push_str("; numbers go without quotes");
                Err(error)
            }
            _ => Err(self.doc.wrong(self.node, wanted)),
        }
    }

    fn string(&self) -> Result<String, Error> {
        if !matches!(self.node.kind, NodeKind::Text) {
            let mut error = self.doc.wrong(self.node, "a text in quotes");
            if matches!(self.node.kind, NodeKind::Name(_, None)) {
                error.what = format!("{}; write \"{}\"", error.what, self.doc.shown(self.node));
            }
            return Err(error);
        }
        ron::from_str(self.doc.raw(self.node)).map_err(|e: ron::error::SpannedError| Error {
            noted: false,
            at: Some(self.node.span.start),
            what: format!("this text cannot be read: {}", excerpt(&e.code.to_string(), 200)),
        })
    }

    pub(super) fn placed(self, error: Error) -> Error {
        Error { at: error.at.or(Some(self.node.span.start)), ..error }
    }
}

/// Methods that read a number through `ron`.
macro_rules! numbers {
    ($($method:ident $visit:ident $type:ty: $wanted:literal;)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit(self.number::<$type>($wanted)?).map_err(|e| self.placed(e))
        }
    )* };
}

impl<'de> de::Deserializer<'de> for DocumentValue<'_> {
    type Error = Error;

    numbers! {
        deserialize_bool visit_bool bool: "true or false";
        deserialize_i8 visit_i8 i8: "a whole number";
        deserialize_i16 visit_i16 i16: "a whole number";
        deserialize_i32 visit_i32 i32: "a whole number";
        deserialize_i64 visit_i64 i64: "a whole number";
        deserialize_u8 visit_u8 u8: "a whole number from 0 to 255";
        deserialize_u16 visit_u16 u16: "a whole number from 0 to 65535";
        deserialize_u32 visit_u32 u32: "a whole number from 0 to 4294967295";
        deserialize_u64 visit_u64 u64: "a whole number, 0 or more";
        deserialize_f32 visit_f32 f32: "a number";
        deserialize_f64 visit_f64 f64: "a number";
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.kind {
            NodeKind::Text => self.deserialize_string(visitor),
            NodeKind::List(_) => self.deserialize_seq(visitor),
            NodeKind::Number => match self.number::<u64>("") {
                Ok(n) => visitor.visit_u64(n).map_err(|e| self.placed(e)),
                Err(_) => self.deserialize_f64(visitor),
            },
            NodeKind::Name(_, None) if matches!(self.doc.raw(self.node), "true" | "false") => {
                self.deserialize_bool(visitor)
            }
            NodeKind::Name(_, None) => self.deserialize_f64(visitor),
            _ => Err(self.doc.wrong(self.node, "a plain value")),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match ron::from_str(self.doc.raw(self.node)) {
            Ok(c) => visitor.visit_char(c),
            Err(_) => Err(self.doc.wrong(self.node, "one character in ' '")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_string(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.string()?).map_err(|e| self.placed(e))
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(self.doc.wrong(self.node, "something else than bytes"))
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if let NodeKind::Name(name, items) = &self.node.kind {
            match (&self.doc.text[name.clone()], items.as_deref()) {
                ("None", None) => return visitor.visit_none(),
                ("Some", Some([GroupItem { name: None, node }])) => {
                    return visitor.visit_some(DocumentValue { node, ..self });
                }
                ("Some", _) => return Err(self.doc.wrong(self.node, "None or Some(value)")),
                _ => {}
            }
        }
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.kind {
            NodeKind::Group(items) if items.is_empty() => visitor.visit_unit(),
            _ => Err(self.doc.wrong(self.node, "()")),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_struct(name, &[], visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name == raw::NAME {
            return visitor.visit_str(self.doc.raw(self.node)).map_err(|e| self.placed(e));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.kind {
            NodeKind::List(items) => {
                visitor.visit_seq(ListItems { doc: self.doc, rest: items }).map_err(|e| self.placed(e))
            }
            _ => Err(self.doc.wrong(self.node, "a list [ ]")),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        match &self.node.kind {
            NodeKind::Group(items) => {
                Arguments { doc: self.doc, node: self.node, items }.deserialize_tuple(len, visitor)
            }
            _ => Err(self.doc.wrong(self.node, &format!("{len} values in ( )"))),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(self.doc.wrong(self.node, "something else than a map"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let items: &[GroupItem] = match &self.node.kind {
            NodeKind::Group(items) => items,
            NodeKind::Name(span, items) if &self.doc.text[span.clone()] == name => {
                items.as_deref().unwrap_or(&[])
            }
            _ => return Err(self.doc.wrong(self.node, &format!("the settings of {name} in ( )"))),
        };
        Arguments { doc: self.doc, node: self.node, items }.fields(name, fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let fault = |what| Err(Error { noted: false, at: Some(self.node.span.start), what });
        let (name, items) = match &self.node.kind {
            NodeKind::Name(name, items) => (&self.doc.text[name.clone()], items.as_deref().unwrap_or(&[])),
            NodeKind::Text => {
                let word = self.string().unwrap_or_default();
                let what = format!("{} where a name without quotes should stand", self.doc.shown(self.node));
                return fault(format!("{what}; {}", choice(&word, variants)));
            }
            _ => return Err(self.doc.wrong(self.node, &format!("one of {}", variants.join(", ")))),
        };
        if !variants.contains(&name) {
            return fault(format!("there is no {} here; {}", excerpt(name, 40), choice(name, variants)));
        }
        let arguments = Arguments { doc: self.doc, node: self.node, items };
        visitor.visit_enum(Variant { name, arguments }).map_err(|e| self.placed(e))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.kind {
            NodeKind::Name(name, None) => visitor.visit_str(&self.doc.text[name.clone()]),
            _ => Err(self.doc.wrong(self.node, "a name")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}

/// The arguments of a name, or the items of a group.
#[derive(Clone, Copy)]
struct Arguments<'d> {
    doc: &'d Document<'d>,
    node: &'d RonNode,
    items: &'d [GroupItem],
}

impl<'d> Arguments<'d> {
    fn fields<'de, V: Visitor<'de>>(
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
struct Variant<'d> {
    name: &'d str,
    arguments: Arguments<'d>,
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
