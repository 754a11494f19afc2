//! The lane that an event concerns.

use super::{Event, LaneId};

impl Event {
    /// The lane that the event concerns, if it is one lane.
    pub fn lane(&self) -> Option<LaneId> {
        match self {
            Self::Started { lane, .. }
            | Self::Changed { lane, .. }
            | Self::Rewound { lane, .. }
            | Self::Measured { lane, .. }
            | Self::Marked { lane, .. }
            | Self::Evaluated { lane, .. }
            | Self::Probed { lane, .. }
            | Self::Recalled { lane, .. }
            | Self::Examined { lane, .. }
            | Self::Phase { lane, .. }
            | Self::Removed { lane } => Some(*lane),
            Self::Changes { .. } | Self::Rested | Self::Notice(_) | Self::Unsaved(_) => None,
        }
    }
}
