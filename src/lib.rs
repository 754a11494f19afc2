//! gradtui.
pub mod engine;
