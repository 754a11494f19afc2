//! Widgets that draw with characters: curves, maps, images, bars. They know numbers and a theme, not lanes or training.

pub mod bars;
pub mod canvas;
pub mod colour;
pub mod contour;
pub mod heat;
pub mod image;
pub mod paths;
pub mod plane;
pub mod plot;
pub mod scale;
pub mod sparkline;
pub mod text;
