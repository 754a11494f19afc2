//! The built-in sweeps, a list in the program.

use crate::scenario::document;
use crate::scenario::sweep::Sweep;

/// Every built-in sweep: its name and its document.
pub const ALL: &[(&str, &str)] = &[("sweep-rates", include_str!("../../../sweeps/sweep-rates.ron"))];

/// The document of a built-in sweep.
pub fn find(name: &str) -> Option<&'static str> {
    ALL.iter().find(|(n, _)| *n == name).map(|(_, text)| *text)
}

/// The title of a sweep; empty if the document cannot be read.
pub fn title(text: &str) -> String {
    let read = document(text, |_: &Sweep, _| ());
    read.map(|sweep| sweep.title).unwrap_or_default()
}
