//! Recordings: their scripts, their files, and the frame drawn around the lab. Opens no file, trains nothing.

pub mod cast;
pub mod lecture;
pub mod log;
pub mod player;
pub mod recording;
pub mod script;
pub mod stage;
pub mod still;
pub mod studio;
pub mod tape;
