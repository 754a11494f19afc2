//! gradtui: the optimizer lab in which the comparison is provably fair and a broken network explains itself.

pub mod engine;
pub mod lab;
pub mod limits;
pub mod registry;
pub mod scenario;
pub mod telemetry;
pub mod text;
pub mod ui;
pub mod view;
