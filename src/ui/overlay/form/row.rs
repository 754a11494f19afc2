//! One row of a form: a line to type into, or a choice. Knows no settings.

use crate::registry::{Bounds, Field};
use tui_input::Input;

/// The content of a row.
#[derive(Clone, Debug)]
pub(super) enum FormRowKind {
    Text(Input),
    Choice(Vec<String>, usize),
}

/// One row.
#[derive(Clone, Debug)]
pub(super) struct FormRow {
    pub(super) path: String,
    pub(super) label: String,
    pub(super) about: String,
    pub(super) bounds: Option<Bounds>,
    pub(super) default: Option<String>,
    pub(super) indent: u16,
    pub(super) kind: FormRowKind,
    /// Its present value in the subject.
    pub(super) value: String,
}

impl FormRow {
    pub(super) fn text(path: &str, label: &str, about: &str, value: &str) -> Self {
        Self {
            path: path.into(),
            label: label.into(),
            about: about.into(),
            bounds: None,
            default: None,
            indent: 0,
            kind: FormRowKind::Text(Input::new(value.into())),
            value: value.into(),
        }
    }

    pub(super) fn choice(path: &str, about: &str, value: &str, names: &[&str]) -> Self {
        let at = names.iter().position(|n| *n == value).unwrap_or(0);
        let names = names.iter().map(ToString::to_string).collect();
        Self { kind: FormRowKind::Choice(names, at), ..Self::text(path, path, about, value) }
    }

    pub(super) fn field(prefix: &str, f: Field) -> Self {
        let path = crate::registry::join(prefix, f.name);
        let row = if matches!(&f.default[..], "true" | "false") {
            Self::choice(&path, f.about, &f.value, &["false", "true"])
        } else {
            Self::text(&path, "", f.about, &f.value)
        };
        Self { label: f.name.into(), bounds: f.bounds, default: Some(f.default), indent: 2, ..row }
    }

    pub(super) fn typed(&self) -> String {
        match &self.kind {
            FormRowKind::Text(input) => input.value().into(),
            FormRowKind::Choice(names, at) => names.get(*at).cloned().unwrap_or_default(),
        }
    }
}
