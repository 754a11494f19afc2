//! The sweeps that ship: a list in the binary, never a path.

use crate::scenario::document;
use crate::scenario::sweep::Sweep;

/// Every sweep that ships: its name and the document.
pub const ALL: &[(&str, &str)] = &[("sweep-rates", include_str!("../../../sweeps/sweep-rates.ron"))];

/// The document of a sweep that ships.
pub fn find(name: &str) -> Option<&'static str> {
    ALL.iter().find(|(n, _)| *n == name).map(|(_, text)| *text)
}

/// The line that names a sweep.
pub fn title(text: &str) -> String {
    let read = document(text, |_: &Sweep, _| ());
    read.map(|sweep| sweep.title).unwrap_or_default()
}
