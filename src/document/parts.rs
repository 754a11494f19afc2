//! Sequences of values: lists and settings skip faulty items; a tuple with a faulty item is faulty as a whole.

use super::reader::{GroupItem, RonNode};
use super::{Document, Error};
use serde::de::{self, DeserializeSeed, IntoDeserializer as _, value::StrDeserializer};

/// The items of a list without the wrong ones.
pub(super) struct ListItems<'d> {
    pub(super) doc: &'d Document<'d>,
    pub(super) rest: &'d [RonNode],
}

impl<'de> de::SeqAccess<'de> for ListItems<'_> {
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

/// The items of a tuple; one faulty item makes the whole tuple faulty.
pub(super) struct Tuple<'d> {
    pub(super) doc: &'d Document<'d>,
    pub(super) rest: &'d [GroupItem],
}

impl<'de> de::SeqAccess<'de> for Tuple<'_> {
    type Error = Error;
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some((item, rest)) = self.rest.split_first() else { return Ok(None) };
        self.rest = rest;
        seed.deserialize(self.doc.value(&item.node)).map(Some)
    }
}

/// The given fields of a struct without the wrong ones.
pub(super) struct StructFields<'d> {
    pub(super) doc: &'d Document<'d>,
    pub(super) given: std::vec::IntoIter<(&'static str, &'d RonNode)>,
    pub(super) value: Option<&'d RonNode>,
}

impl<'de> de::MapAccess<'de> for StructFields<'_> {
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
