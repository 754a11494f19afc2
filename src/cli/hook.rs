//! `gradtui hook`: small files for training in other libraries, which write logs that `gradtui watch` reads.

use super::print;

/// Arguments of `hook`.
#[derive(Debug, clap::Args)]
pub struct HookArgs {
    /// The library
    #[arg(value_name = "LIBRARY", value_enum)]
    library: Library,
}

/// A library with a hook.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Library {
    /// PyTorch: losses, and of every 50th step the gradient norm and update ratio of each layer and the dead units
    Pytorch,
    /// Lightning: a callback with the same numbers but the dead units
    Lightning,
    /// Keras 3 over TensorFlow, JAX or PyTorch: a callback with gradient norms on samples of your own
    Keras,
    /// JAX with optax: losses, gradient norms and update ratios
    Jax,
}

impl HookArgs {
    /// Prints the file.
    pub fn run(self) -> anyhow::Result<()> {
        print(match self.library {
            Library::Pytorch => include_str!("../../assets/hooks/pytorch.py"),
            Library::Lightning => include_str!("../../assets/hooks/lightning.py"),
            Library::Keras => include_str!("../../assets/hooks/keras.py"),
            Library::Jax => include_str!("../../assets/hooks/jax.py"),
        })
    }
}
