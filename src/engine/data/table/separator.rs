//! The separators of cells that a scenario can name.

use crate::registry::plain_values;
use serde::{Deserialize, Serialize};

/// The separator of the cells of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Separator {
    /// Determined from the first lines.
    #[default]
    Found,
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    /// A tab.
    Tab,
    /// `|`
    Bar,
    /// Any number of spaces and tabs.
    Blanks,
}
plain_values!(Separator);

impl Separator {
    /// The separator byte for the reader. For `Blanks`, the stream replaces tabs by spaces, and empty cells are
    /// skipped.
    pub fn byte(self) -> u8 {
        match self {
            Self::Found | Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
            Self::Bar => b'|',
            Self::Blanks => b' ',
        }
    }

    /// Its name in messages.
    pub fn words(self) -> &'static str {
        match self {
            Self::Found | Self::Comma => "`,`",
            Self::Semicolon => "`;`",
            Self::Tab => "a tab",
            Self::Bar => "`|`",
            Self::Blanks => "blanks",
        }
    }
}
