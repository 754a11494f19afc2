//! The sweeps that ship: a list in the binary, never a path.

/// Every sweep that ships: its name and the document.
pub const ALL: &[(&str, &str)] = &[("sweep-rates", include_str!("../../../sweeps/sweep-rates.ron"))];

/// The document of a sweep that ships.
pub fn find(name: &str) -> Option<&'static str> {
    ALL.iter().find(|(n, _)| *n == name).map(|(_, text)| *text)
}
