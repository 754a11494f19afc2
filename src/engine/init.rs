//! Initial weights: the table of initialisers. Knows shapes and fans, not networks.

use crate::engine::rng::Stream;
use crate::registry::{plain_values, registry};

pub mod fixed;
pub mod from;
pub mod gaussian;
pub mod orthogonal;
pub mod uniform;

/// A rule for initial weights.
pub trait Init {
    /// Fills one tensor; `fan_in` and `fan_out` count kernel positions as well.
    fn fill(&self, out: &mut [f32], shape: &[usize], fan_in: usize, fan_out: usize, rng: &mut Stream);
}

registry! {
    /// Every initialiser that a scenario can name.
    pub enum InitConfig: dyn Init {
        HeNormal(gaussian::HeNormal),
        HeUniform(uniform::HeUniform),
        XavierNormal(gaussian::XavierNormal),
        XavierUniform(uniform::XavierUniform),
        LecunNormal(gaussian::LecunNormal),
        LecunUniform(uniform::LecunUniform),
        TorchDefault(uniform::TorchDefault),
        Orthogonal(orthogonal::Orthogonal),
        Normal(fixed::Normal),
        Uniform(fixed::Uniform),
        Zeros(fixed::Zeros),
        From(from::From),
    }
}

/// The fan by which an initialiser scales; PyTorch's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Fan {
    /// The number of inputs of a unit.
    #[default]
    FanIn,
    /// The number of outputs of an input.
    FanOut,
}
plain_values!(Fan);

impl Fan {
    fn pick(self, fan_in: usize, fan_out: usize) -> usize {
        match self {
            Self::FanIn => fan_in,
            Self::FanOut => fan_out,
        }
    }
}

fn he_std(a: f64, fan: usize) -> f64 {
    (2.0 / ((1.0 + a * a) * fan as f64)).sqrt()
}

fn xavier_std(gain: f64, fan_in: usize, fan_out: usize) -> f64 {
    gain * (2.0 / (fan_in + fan_out) as f64).sqrt()
}

fn lecun_std(fan_in: usize) -> f64 {
    1.0 / (fan_in as f64).sqrt()
}

/// The gain that PyTorch recommends before a nonlinearity of this name (our layer's name in lower case).
///
/// `slope` is the negative slope of a leaky ReLU, 0.01 by default. `None` for names that PyTorch's table does not
/// contain.
pub fn gain(nonlinearity: &str, slope: Option<f64>) -> Option<f64> {
    match nonlinearity {
        "linear" | "identity" | "dense" | "conv2d" | "sigmoid" => Some(1.0),
        "tanh" => Some(5.0 / 3.0),
        "relu" => Some(2f64.sqrt()),
        "leaky_relu" => {
            let a = slope.unwrap_or(0.01);
            Some((2.0 / (1.0 + a * a)).sqrt())
        }
        "selu" => Some(0.75),
        _ => None,
    }
}
