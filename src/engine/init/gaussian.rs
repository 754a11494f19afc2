//! Normal distributions scaled by the fans.

use super::{Fan, Init};
use crate::engine::rng::Stream;
use crate::registry::settings;

settings! {
    /// N(0, 2/((1 + a²) fan)): keeps the variance through ReLU layers. He et al. 2015, arXiv:1502.01852.
    pub struct HeNormal {
        /// negative slope of the following leaky ReLU
        a: f64 = 0.0, 0.0..=10.0;
        /// FanIn keeps the size of activations, FanOut that of gradients
        mode: Fan = Fan::FanIn;
    }
}

impl Init for HeNormal {
    fn fill(&self, out: &mut [f32], _: &[usize], fan_in: usize, fan_out: usize, rng: &mut Stream) {
        normal(out, super::he_std(self.a, self.mode.pick(fan_in, fan_out)), rng);
    }
}

settings! {
    /// N(0, gain² 2/(fan_in + fan_out)): keeps the variance through linear layers both ways. Glorot & Bengio 2010.
    pub struct XavierNormal {
        /// factor on the standard deviation; 5/3 suits tanh
        gain: f64 = 1.0, 0.0..=1000.0;
    }
}

impl Init for XavierNormal {
    fn fill(&self, out: &mut [f32], _: &[usize], fan_in: usize, fan_out: usize, rng: &mut Stream) {
        normal(out, super::xavier_std(self.gain, fan_in, fan_out), rng);
    }
}

settings! {
    /// N(0, 1/fan_in): keeps the variance through SELU and linear layers. LeCun et al. 1998.
    pub struct LecunNormal {
        /// whether draws beyond two standard deviations are drawn again, as JAX does (rescaled to the same variance)
        truncated: bool = false;
    }
}

impl Init for LecunNormal {
    fn fill(&self, out: &mut [f32], _: &[usize], fan_in: usize, _: usize, rng: &mut Stream) {
        let std = super::lecun_std(fan_in);
        if self.truncated { truncated_normal(out, std, rng) } else { normal(out, std, rng) }
    }
}

/// Fills with N(0, std²).
pub(super) fn normal(out: &mut [f32], std: f64, rng: &mut Stream) {
    for w in out {
        *w = std as f32 * rng.normal();
    }
}

/// Standard deviation of a standard normal distribution truncated at ±2.
const CUT_STD: f64 = 0.879_625_661_034_239_8;

/// Fills with a normal distribution truncated at two of its own standard deviations, then rescaled to this standard
/// deviation.
fn truncated_normal(out: &mut [f32], std: f64, rng: &mut Stream) {
    let scale = (std / CUT_STD) as f32;
    for w in out {
        let inside = std::iter::repeat_with(|| rng.normal()).find(|z| z.abs() <= 2.0);
        *w = scale * inside.unwrap_or(0.0);
    }
}
