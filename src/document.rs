//! Converts the syntax tree to settings: a serde deserializer that goes on after a fault.
//!
//! A wrong value is noted with its place and then counts as absent, and the document is read again, so one reading
//! reports all faults. Arguments without a name are assigned to the fields in order. Knows no settings by name.

mod parts;
pub mod raw;
pub mod reader;
mod value;

use crate::limits;
use crate::text::{did_you_mean, excerpt};
use reader::{GroupItem, NodeKind, RonNode, SourceFault};
use serde::de::{self, DeserializeOwned};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use value::DocumentValue;

/// A document being read.
pub struct Document<'a> {
    text: &'a str,
    root: RonNode,
    faults: RefCell<Vec<SourceFault>>,
    /// Wrong values, by node number; they count as absent.
    gone: RefCell<HashSet<usize>>,
    /// The fields to which arguments without a name were assigned.
    fields: RefCell<HashMap<usize, &'static str>>,
}

/// Reads one value of a form or an option.
///
/// # Errors
/// The first fault in words.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let first = |faults: Vec<SourceFault>| faults.into_iter().next().map_or_else(String::new, |f| f.1);
    let document = Document::new(text).map_err(first)?;
    match document.read() {
        Some(value) if document.faults.borrow().is_empty() => Ok(value),
        _ => Err(first(document.into_faults())),
    }
}

impl<'a> Document<'a> {
    /// Parses the structure of the document.
    ///
    /// # Errors
    /// Its faults.
    pub fn new(text: &'a str) -> Result<Self, Vec<SourceFault>> {
        Ok(Self {
            text,
            root: reader::read(text)?,
            faults: RefCell::default(),
            gone: RefCell::default(),
            fields: RefCell::default(),
        })
    }

    /// Reads the settings. Faults are noted, and a faulty value takes its default.
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

    /// The outermost value.
    pub fn root(&self) -> &RonNode {
        &self.root
    }

    /// The faults noted so far.
    pub fn into_faults(self) -> Vec<SourceFault> {
        self.faults.into_inner()
    }

    /// Notes a fault.
    pub fn fault(&self, at: usize, what: String) {
        self.faults.borrow_mut().push((at, what));
    }

    /// Whether the value at this path contains a fault, so that its content is not what the author meant.
    pub fn spoilt(&self, path: &str) -> bool {
        let span = &self.find(path).span;
        self.faults.borrow().iter().any(|(at, _)| span.contains(at))
    }

    /// The value at a path such as `lanes[1].optimizer.lr`, or the nearest value that encloses it.
    pub fn find(&self, path: &str) -> &RonNode {
        let mut node = self.inner(&self.root);
        for part in path.split(['.', '[']).filter(|p| !p.is_empty()) {
            let next = match (part.strip_suffix(']'), &node.kind) {
                (Some(index), NodeKind::List(items)) => {
                    let gone = self.gone.borrow();
                    let mut there = items.iter().filter(|n| !gone.contains(&n.id));
                    index.parse().ok().and_then(|i| there.nth(i))
                }
                (None, NodeKind::Group(items) | NodeKind::Name(_, Some(items))) => self.field(items, part),
                _ => None,
            };
            match next {
                Some(next) => node = self.inner(next),
                None => return node,
            }
        }
        node
    }

    fn field<'n>(&self, items: &'n [GroupItem], name: &str) -> Option<&'n RonNode> {
        let (gone, fields) = (self.gone.borrow(), self.fields.borrow());
        let named = |item: &GroupItem| match &item.name {
            Some(span) => &self.text[span.clone()] == name,
            None => fields.get(&item.node.id) == Some(&name),
        };
        items.iter().find(|i| !gone.contains(&i.node.id) && named(i)).map(|i| &i.node)
    }

    /// The value inside `Some(..)`, or inside parentheses around a whole group of settings.
    fn inner<'n>(&self, mut node: &'n RonNode) -> &'n RonNode {
        while let NodeKind::Name(name, Some(items)) = &node.kind {
            match &items[..] {
                [GroupItem { name: None, node: inner }] if &self.text[name.clone()] == "Some" => node = inner,
                [item] if Self::wrapped(item).is_some() => return &item.node,
                _ => break,
            }
        }
        node
    }

    /// The settings of `Dense((units: 3))`, as serde writes them: one argument that is itself a group of fields.
    fn wrapped(item: &GroupItem) -> Option<&[GroupItem]> {
        match &item.node.kind {
            NodeKind::Group(inner) if item.name.is_none() && inner.iter().all(|i| i.name.is_some()) => {
                Some(inner)
            }
            _ => None,
        }
    }

    fn value<'d>(&'d self, node: &'d RonNode) -> DocumentValue<'d> {
        DocumentValue { doc: self, node }
    }

    /// Notes a fault and marks the value as absent; the document is then read again.
    fn spoil(&self, node: &RonNode, error: Error) -> Error {
        if !error.noted {
            self.fault(error.at.unwrap_or(node.span.start), error.what);
            self.gone.borrow_mut().insert(node.id);
        }
        Error { noted: true, at: None, what: String::new() }
    }

    fn is_gone(&self, node: &RonNode) -> bool {
        self.gone.borrow().contains(&node.id)
    }

    fn raw(&self, node: &RonNode) -> &str {
        &self.text[node.span.clone()]
    }

    /// A description of the value, for a message.
    fn shown(&self, node: &RonNode) -> String {
        match &node.kind {
            NodeKind::List(_) => "a list [ ]".into(),
            NodeKind::Group(_) => "a group ( )".into(),
            NodeKind::Name(name, Some(_)) => format!("{}(..)", excerpt(&self.text[name.clone()], 40)),
            NodeKind::Text => format!("the text {}", excerpt(self.raw(node), 40)),
            _ => excerpt(self.raw(node), 40),
        }
    }

    fn wrong(&self, node: &RonNode, wanted: &str) -> Error {
        let right = match &node.kind {
            NodeKind::Name(_, Some(items))
                if wanted.contains("number")
                    && matches!(
                        items[..],
                        [GroupItem { node: RonNode { kind: NodeKind::Number, .. }, .. }]
                    ) =>
            {
                format!("; write {} alone", excerpt(self.raw(&items[0].node), 40))
            }
            NodeKind::List(_) if wanted.ends_with(", Each") => {
                format!("; write Each({})", excerpt(self.raw(node), 60))
            }
            NodeKind::Name(..) if wanted == "a list [ ]" => {
                format!("; write [{}]", excerpt(self.raw(node), 40))
            }
            _ => String::new(),
        };
        Error {
            noted: false,
            at: Some(node.span.start),
            what: format!("{} where {wanted} should stand{right}", self.shown(node)),
        }
    }

    /// Assigns arguments to the fields of a struct, and notes arguments that belong to none.
    fn assign<'d>(
        &'d self,
        items: &'d [GroupItem],
        fields: &'static [&'static str],
        of: &str,
    ) -> Vec<(&'static str, &'d RonNode)> {
        let mut out: Vec<(&'static str, &RonNode)> = Vec::new();
        let mut place = |item: &'d GroupItem, field: &'static str| {
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

/// "did you mean a?", or the list of allowed names.
fn choice(word: &str, names: &[&str]) -> String {
    match did_you_mean(word, names.iter().copied()) {
        Some(name) => format!("did you mean {name}?"),
        None if names.is_empty() => "it has none".into(),
        None => format!("allowed: {}", names.join(", ")),
    }
}

/// The error type for serde; the place is added later.
#[derive(Debug)]
pub struct Error {
    /// Whether the document has noted it already.
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
