//! Distributions of a given size: zeros, normal, uniform.

use super::{Init, gaussian, uniform};
use crate::engine::rng::Stream;
use crate::registry::settings;

settings! {
    /// All zeros: every unit of a layer stays the same as its neighbours. To see why one does not.
    pub struct Zeros {}
}

impl Init for Zeros {
    fn fill(&self, out: &mut [f32], _: &[usize], _: usize, _: usize, _: &mut Stream) {
        out.fill(0.0);
    }
}

settings! {
    /// Normal distribution of a fixed size, whatever the fans: too small vanishes, too large explodes.
    pub struct Normal {
        /// standard deviation
        std: f64 = 0.05, 0.0..=1e6;
        /// mean
        mean: f64 = 0.0, -1e6..=1e6;
    }
}

impl Init for Normal {
    fn fill(&self, out: &mut [f32], _: &[usize], _: usize, _: usize, rng: &mut Stream) {
        gaussian::normal(out, self.std, rng);
        let mean = self.mean as f32;
        for w in out {
            *w += mean;
        }
    }
}

settings! {
    /// Uniform distribution between two fixed numbers.
    pub struct Uniform {
        /// lower end
        low: f64 = -0.05, -1e6..=1e6;
        /// upper end
        high: f64 = 0.05, -1e6..=1e6;
    }
}

impl Init for Uniform {
    fn fill(&self, out: &mut [f32], _: &[usize], _: usize, _: usize, rng: &mut Stream) {
        uniform::between(out, self.low, self.high, rng);
    }
}
