//! The steps of a lane at which its whole state is kept, for looking back.

use super::{DataShape, Probe, Taken};
use crate::lab::lane::past::open;
use crate::telemetry::Data;
use std::sync::Arc;

/// The steps of kept states. Its part `steps` is a series, its part `bytes` the memory that the states take.
pub const KEYFRAMES: Probe = Probe {
    take: |lane, _| {
        let past = open(&lane.past);
        let steps: Vec<f32> = past.steps().map(|s| s as f32).collect();
        Some(Arc::new((steps, past.bytes())) as Taken)
    },
    ..Probe::new(
        "keyframes",
        "the steps at which the whole state of the lane is kept in memory, to look back from",
        "a number for each",
        &[DataShape::Series, DataShape::Scalar],
        |peek, view, _| {
            let (steps, bytes) = peek.taken::<(Vec<f32>, usize)>(view)?;
            Some(vec![("steps".into(), Data::Series(steps.clone())), super::scalar("bytes", *bytes as f64)])
        },
    )
};
