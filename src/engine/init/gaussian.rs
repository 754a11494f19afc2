//! Normal distributions scaled by the fans.

use super::Init;
use crate::engine::rng::Stream;
use crate::registry::settings;

settings! {
    /// N(0, 2/((1 + a²) fan_in)): keeps the variance through ReLU layers. He et al. 2015, arXiv:1502.01852.
    pub struct HeNormal {
        /// negative slope of the following leaky ReLU
        a: f64 = 0.0, 0.0..=10.0;
    }
}

impl Init for HeNormal {
    fn fill(&self, out: &mut [f32], _: &[usize], fan_in: usize, _: usize, rng: &mut Stream) {
        normal(out, (2.0 / ((1.0 + self.a * self.a) * fan_in as f64)).sqrt(), rng);
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
        normal(out, self.gain * (2.0 / (fan_in + fan_out) as f64).sqrt(), rng);
    }
}

fn normal(out: &mut [f32], std: f64, rng: &mut Stream) {
    for w in out {
        *w = std as f32 * rng.normal();
    }
}
