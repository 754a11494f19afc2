//! Uniform distributions scaled by the fans: ±√3 standard deviations.

use super::{Fan, Init};
use crate::engine::rng::Stream;
use crate::registry::settings;

settings! {
    /// Uniform with variance 2/((1 + a²) fan): keeps the variance through ReLU layers. He et al. 2015, arXiv:1502.01852.
    pub struct HeUniform {
        /// negative slope of the following leaky ReLU
        a: f64 = 0.0, 0.0..=10.0;
        /// FanIn keeps the size of activations, FanOut that of gradients
        mode: Fan = Fan::FanIn;
    }
}

impl Init for HeUniform {
    fn fill(&self, out: &mut [f32], _: &[usize], fan_in: usize, fan_out: usize, rng: &mut Stream) {
        spread(out, super::he_std(self.a, self.mode.pick(fan_in, fan_out)), rng);
    }
}

settings! {
    /// Uniform with variance gain² 2/(fan_in + fan_out): for linear layers both ways. Glorot & Bengio 2010.
    pub struct XavierUniform {
        /// factor on the standard deviation; 5/3 suits tanh
        gain: f64 = 1.0, 0.0..=1000.0;
    }
}

impl Init for XavierUniform {
    fn fill(&self, out: &mut [f32], _: &[usize], fan_in: usize, fan_out: usize, rng: &mut Stream) {
        spread(out, super::xavier_std(self.gain, fan_in, fan_out), rng);
    }
}

settings! {
    /// Uniform with variance 1/fan_in: for SELU and linear layers. LeCun et al. 1998.
    pub struct LecunUniform {}
}

impl Init for LecunUniform {
    fn fill(&self, out: &mut [f32], _: &[usize], fan_in: usize, _: usize, rng: &mut Stream) {
        spread(out, super::lecun_std(fan_in), rng);
    }
}

settings! {
    /// Uniform in ±1/√fan_in, what PyTorch's Linear and Conv2d begin with: a third of LeCun's variance. Biases are 0 here.
    pub struct TorchDefault {}
}

impl Init for TorchDefault {
    fn fill(&self, out: &mut [f32], _: &[usize], fan_in: usize, _: usize, rng: &mut Stream) {
        spread(out, super::lecun_std(fan_in) / 3f64.sqrt(), rng);
    }
}

/// Fills uniformly with this standard deviation.
fn spread(out: &mut [f32], std: f64, rng: &mut Stream) {
    let end = 3f64.sqrt() * std;
    between(out, -end, end, rng);
}

/// Fills uniformly between two numbers.
pub(super) fn between(out: &mut [f32], low: f64, high: f64, rng: &mut Stream) {
    let (low, high) = (low as f32, high as f32);
    for w in out {
        *w = rng.uniform(low, high);
    }
}
