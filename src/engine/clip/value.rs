//! Clipping of every gradient entry by itself.

use super::Clip;
use crate::engine::{network::Slot, team::Team};
use crate::registry::settings;

settings! {
    /// Every entry to [-clip_value, clip_value]; changes the direction. Mikolov 2012 (thesis, section 3.2.2).
    pub struct Value {
        /// the largest size of an entry
        clip_value: f64 = 0.5, 0.0..=1e9;
    }
}

impl Clip for Value {
    fn clip(&self, grads: &mut [f32], _: f32, _: &[f32], _: &[Slot], _: &dyn Team) -> bool {
        let limit = self.clip_value as f32;
        let mut clipped = false;
        for g in grads {
            if g.abs() > limit {
                *g = limit.copysign(*g);
                clipped = true;
            }
        }
        clipped
    }
}
