//! From the tree to settings: a serde deserializer that goes on after a fault.
//!
//! A wrong value is noted with its place and then counts as absent, and the document is tried again, so one reading
//! tells all faults. Arguments without a name go to the fields in their order. Knows no settings by name.

use super::reader::{self, Found, Item, Kind, Node};
use crate::limits;
use crate::text::{did_you_mean, excerpt};
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Visitor, value::StrDeserializer};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

/// A document being read.
pub struct Document<'a> {
    text: &'a str,
    root: Node,
    faults: RefCell<Vec<Found>>,
    /// Values that are wrong and count as absent.
    gone: RefCell<HashSet<usize>>,
    /// Fields that arguments without a name went to.
    fields: RefCell<HashMap<usize, &'static str>>,
}

/// Reads one value of a form or an option.
///
/// # Errors
/// The first fault in words.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let first = |faults: Vec<Found>| faults.into_iter().next().map_or_else(String::new, |f| f.1);
    let document = Document::new(text).map_err(first)?;
    match document.read() {
        Some(value) if document.faults.borrow().is_empty() => Ok(value),
        _ => Err(first(document.into_faults())),
    }
}

impl<'a> Document<'a> {
    /// Reads the structure.
    ///
    /// # Errors
    /// Its faults.
    pub fn new(text: &'a str) -> Result<Self, Vec<Found>> {
        Ok(Self {
            text,
            root: reader::read(text)?,
            faults: RefCell::default(),
            gone: RefCell::default(),
            fields: RefCell::default(),
        })
    }

    /// Reads the value; faults are noted, and where they stand the default takes their place.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        loop {
            match T::deserialize(self.value(&self.root)) {
                Ok(value) => return Some(value),
                Err(error) if !error.noted => {
                    self.fault(error.at.unwrap_or(self.root.span.start), error.what);
                    return None;
                }
                Err(_) if self.faults.borrow().len() >= limits::FAULTS => return None,
                Err(_) => {}
            }
        }
    }

    /// The faults noted so far.
    pub fn into_faults(self) -> Vec<Found> {
        self.faults.into_inner()
    }

    /// Notes a fault.
    pub fn fault(&self, at: usize, what: String) {
        self.faults.borrow_mut().push((at, what));
    }

    /// Whether a fault stands in the value at this path; what it holds is then not what was meant.
    pub fn spoilt(&self, path: &str) -> bool {
        let span = &self.find(path).span;
        self.faults.borrow().iter().any(|(at, _)| span.contains(at))
    }

    /// The value at a path such as `lanes[1].optimizer.lr`, or the nearest one around it.
    pub fn find(&self, path: &str) -> &Node {
        let mut node = self.inner(&self.root);
        for part in path.split(['.', '[']).filter(|p| !p.is_empty()) {
            let next = match (part.strip_suffix(']'), &node.kind) {
                (Some(index), Kind::List(items)) => {
                    let gone = self.gone.borrow();
                    let mut there = items.iter().filter(|n| !gone.contains(&n.id));
                    index.parse().ok().and_then(|i| there.nth(i))
                }
                (None, Kind::Group(items) | Kind::Name(_, Some(items))) => self.field(items, part),
                _ => None,
            };
            match next {
                Some(next) => node = self.inner(next),
                None => return node,
            }
        }
        node
    }

    fn field<'n>(&self, items: &'n [Item], name: &str) -> Option<&'n Node> {
        let (gone, fields) = (self.gone.borrow(), self.fields.borrow());
        let named = |item: &Item| match &item.name {
            Some(span) => &self.text[span.clone()] == name,
            None => fields.get(&item.node.id) == Some(&name),
        };
        items.iter().find(|i| !gone.contains(&i.node.id) && named(i)).map(|i| &i.node)
    }

    /// What stands in `Some(..)` or in brackets around a whole group of settings.
    fn inner<'n>(&self, mut node: &'n Node) -> &'n Node {
        while let Kind::Name(name, Some(items)) = &node.kind {
            match &items[..] {
                [Item { name: None, node: inner }] if &self.text[name.clone()] == "Some" => node = inner,
                [item] if Self::wrapped(item).is_some() => return &item.node,
                _ => break,
            }
        }
        node
    }

    /// The settings of `Dense((units: 3))`, as serde writes them: one argument that is itself a group of fields.
    fn wrapped(item: &Item) -> Option<&[Item]> {
        match &item.node.kind {
            Kind::Group(inner) if item.name.is_none() && inner.iter().all(|i| i.name.is_some()) => {
                Some(inner)
            }
            _ => None,
        }
    }

    fn value<'d>(&'d self, node: &'d Node) -> Value<'d> {
        Value { doc: self, node }
    }

    /// Notes a fault and takes the value out; the document is then read again.
    fn spoil(&self, node: &Node, error: Error) -> Error {
        if !error.noted {
            self.fault(error.at.unwrap_or(node.span.start), error.what);
            self.gone.borrow_mut().insert(node.id);
        }
        Error { noted: true, at: None, what: String::new() }
    }

    fn is_gone(&self, node: &Node) -> bool {
        self.gone.borrow().contains(&node.id)
    }

    fn raw(&self, node: &Node) -> &str {
        &self.text[node.span.clone()]
    }

    /// What stands there, for a message.
    fn shown(&self, node: &Node) -> String {
        match &node.kind {
            Kind::List(_) => "a list [ ]".into(),
            Kind::Group(_) => "a group ( )".into(),
            Kind::Name(name, Some(_)) => format!("{}(..)", excerpt(&self.text[name.clone()], 40)),
            Kind::Text => format!("the text {}", excerpt(self.raw(node), 40)),
            _ => excerpt(self.raw(node), 40),
        }
    }

    fn wrong(&self, node: &Node, wanted: &str) -> Error {
        Error {
            noted: false,
            at: Some(node.span.start),
            what: format!("{} where {wanted} should stand", self.shown(node)),
        }
    }

    /// Brings arguments to the fields of a struct, noting what belongs to none.
    fn assign<'d>(
        &'d self,
        items: &'d [Item],
        fields: &'static [&'static str],
        of: &str,
    ) -> Vec<(&'static str, &'d Node)> {
        let mut out: Vec<(&'static str, &Node)> = Vec::new();
        let mut place = |item: &'d Item, field: &'static str| {
            if self.is_gone(&item.node) {
                return;
            }
            if out.iter().any(|(f, _)| *f == field) {
                let at = item.name.as_ref().map_or(item.node.span.start, |n| n.start);
                let error = Error { noted: false, at: Some(at), what: format!("{field} is given twice") };
                self.spoil(&item.node, error);
            } else {
                out.push((field, &item.node));
            }
        };
        let mut named = false;
        for (i, item) in items.iter().enumerate() {
            if self.faults.borrow().len() >= limits::FAULTS {
                break;
            }
            let Some(span) = &item.name else {
                match fields.get(i) {
                    Some(field) if !named => {
                        self.fields.borrow_mut().insert(item.node.id, field);
                        place(item, field);
                    }
                    _ if self.is_gone(&item.node) => {}
                    _ => {
                        let what = match fields.len() {
                            _ if named => "a value without a name may not follow one with a name".to_string(),
                            0 => format!("{of} has no settings; write {of}()"),
                            n => format!("{of} has {n} settings, no more: {}", fields.join(", ")),
                        };
                        self.spoil(&item.node, Error { noted: false, at: Some(item.node.span.start), what });
                    }
                }
                continue;
            };
            named = true;
            let name = &self.text[span.clone()];
            match fields.iter().find(|f| **f == name) {
                Some(field) => place(item, field),
                None if self.is_gone(&item.node) => {}
                None => {
                    let what = format!("{of} has no setting {}; {}", excerpt(name, 40), choice(name, fields));
                    self.spoil(&item.node, Error { noted: false, at: Some(span.start), what });
                }
            }
        }
        out
    }
}

/// "did you mean a?", or all that is allowed.
fn choice(word: &str, names: &[&str]) -> String {
    match did_you_mean(word, names.iter().copied()) {
        Some(name) => format!("did you mean {name}?"),
        None if names.is_empty() => "it has none".into(),
        None => format!("allowed: {}", names.join(", ")),
    }
}

/// What serde is told; the place is added on the way out.
#[derive(Debug)]
pub struct Error {
    /// Whether the document has it already.
    noted: bool,
    at: Option<usize>,
    what: String,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: std::fmt::Display>(what: T) -> Self {
        Self { noted: false, at: None, what: excerpt(&what.to_string(), 400) }
    }
}

/// A value of the document.
#[derive(Clone, Copy)]
struct Value<'d> {
    doc: &'d Document<'d>,
    node: &'d Node,
}

impl Value<'_> {
    fn number<T: DeserializeOwned>(&self, wanted: &str) -> Result<T, Error> {
        let raw = self.doc.raw(self.node);
        match self.node.kind {
            Kind::Number | Kind::Name(_, None) => {
                ron::from_str(raw).map_err(|_| self.doc.wrong(self.node, wanted))
            }
            Kind::Text => {
                let mut error = self.doc.wrong(self.node, wanted);
                error.what.push_str("; numbers go without quotes");
                Err(error)
            }
            _ => Err(self.doc.wrong(self.node, wanted)),
        }
    }

    fn string(&self) -> Result<String, Error> {
        if !matches!(self.node.kind, Kind::Text) {
            let mut error = self.doc.wrong(self.node, "a text in quotes");
            if matches!(self.node.kind, Kind::Name(_, None)) {
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

    fn placed(self, error: Error) -> Error {
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

impl<'de> de::Deserializer<'de> for Value<'_> {
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
        deserialize_u64 visit_u64 u64: "a whole number from 0 to 18446744073709551615";
        deserialize_f32 visit_f32 f32: "a number";
        deserialize_f64 visit_f64 f64: "a number";
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.kind {
            Kind::Text => self.deserialize_string(visitor),
            Kind::List(_) => self.deserialize_seq(visitor),
            Kind::Number => match self.number::<u64>("") {
                Ok(n) => visitor.visit_u64(n).map_err(|e| self.placed(e)),
                Err(_) => self.deserialize_f64(visitor),
            },
            Kind::Name(_, None) if matches!(self.doc.raw(self.node), "true" | "false") => {
                self.deserialize_bool(visitor)
            }
            Kind::Name(_, None) => self.deserialize_f64(visitor),
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
        if let Kind::Name(name, items) = &self.node.kind {
            match (&self.doc.text[name.clone()], items.as_deref()) {
                ("None", None) => return visitor.visit_none(),
                ("Some", Some([Item { name: None, node }])) => {
                    return visitor.visit_some(Value { node, ..self });
                }
                ("Some", _) => return Err(self.doc.wrong(self.node, "None or Some(value)")),
                _ => {}
            }
        }
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.kind {
            Kind::Group(items) if items.is_empty() => visitor.visit_unit(),
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
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.kind {
            Kind::List(items) => {
                visitor.visit_seq(List { doc: self.doc, rest: items }).map_err(|e| self.placed(e))
            }
            _ => Err(self.doc.wrong(self.node, "a list [ ]")),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        match &self.node.kind {
            Kind::Group(items) => {
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
        let items: &[Item] = match &self.node.kind {
            Kind::Group(items) => items,
            Kind::Name(span, items) if &self.doc.text[span.clone()] == name => {
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
            Kind::Name(name, items) => (&self.doc.text[name.clone()], items.as_deref().unwrap_or(&[])),
            Kind::Text => {
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
            Kind::Name(name, None) => visitor.visit_str(&self.doc.text[name.clone()]),
            _ => Err(self.doc.wrong(self.node, "a name")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}

/// The arguments of a name, or what stands in a group.
#[derive(Clone, Copy)]
struct Arguments<'d> {
    doc: &'d Document<'d>,
    node: &'d Node,
    items: &'d [Item],
}

impl<'d> Arguments<'d> {
    fn fields<'de, V: Visitor<'de>>(
        self,
        name: &str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let given = self.doc.assign(self.items, fields, name);
        let access = Fields { doc: self.doc, given: given.into_iter(), value: None };
        visitor.visit_map(access).map_err(|e| self.doc.value(self.node).placed(e))
    }

    /// The one value in the brackets.
    fn only(&self) -> Result<Value<'d>, Error> {
        match self.items {
            [Item { name: None, node }] => Ok(self.doc.value(node)),
            _ => Err(self.doc.wrong(self.node, "one value in ( )")),
        }
    }
}

/// Methods that pass the one argument on.
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
        if let [Item { name: None, node: Node { kind: Kind::Group(_), .. } }] = self.items
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

/// The items of a list that are not wrong.
struct List<'d> {
    doc: &'d Document<'d>,
    rest: &'d [Node],
}

impl<'de> de::SeqAccess<'de> for List<'_> {
    type Error = Error;
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        while let Some((node, rest)) = self.rest.split_first() {
            self.rest = rest;
            if !self.doc.is_gone(node) {
                let value = seed.deserialize(self.doc.value(node));
                return value.map(Some).map_err(|e| self.doc.spoil(node, e));
            }
        }
        Ok(None)
    }
}

/// Values that belong together: one wrong, all wrong.
struct Tuple<'d> {
    doc: &'d Document<'d>,
    rest: &'d [Item],
}

impl<'de> de::SeqAccess<'de> for Tuple<'_> {
    type Error = Error;
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some((item, rest)) = self.rest.split_first() else { return Ok(None) };
        self.rest = rest;
        seed.deserialize(self.doc.value(&item.node)).map(Some)
    }
}

/// The fields of a struct that are given and not wrong.
struct Fields<'d> {
    doc: &'d Document<'d>,
    given: std::vec::IntoIter<(&'static str, &'d Node)>,
    value: Option<&'d Node>,
}

impl<'de> de::MapAccess<'de> for Fields<'_> {
    type Error = Error;
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((name, node)) = self.given.next() else { return Ok(None) };
        self.value = Some(node);
        let name: StrDeserializer<'_, Error> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        let node = self.value.take().ok_or_else(|| de::Error::custom("a value without its name"))?;
        seed.deserialize(self.doc.value(node)).map_err(|e| self.doc.spoil(node, e))
    }
}

/// A name out of a table, and its arguments.
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
