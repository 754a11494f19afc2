//! Initial weights: the table of initialisers. Knows shapes and fans, not networks.

use crate::engine::rng::Stream;
use crate::registry::registry;

pub mod gaussian;

/// A rule for initial weights.
pub trait Init {
    /// Fills one tensor; `fan_in` and `fan_out` count kernel positions as well.
    fn fill(&self, out: &mut [f32], shape: &[usize], fan_in: usize, fan_out: usize, rng: &mut Stream);
}

registry! {
    /// Every initialiser that a scenario can name.
    pub enum InitConfig: dyn Init {
        HeNormal(gaussian::HeNormal),
        XavierNormal(gaussian::XavierNormal),
    }
}
