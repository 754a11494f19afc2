//! Weights from a file instead of random ones.

use super::Init;
use crate::engine::network::Network;
use crate::engine::rng::Stream;
use crate::registry::settings;
use safetensors::{Dtype, SafeTensors};

settings! {
    /// Weights from a .safetensors file under PyTorch's names, 0.weight, 3.weight_ih_l0, as `gradtui export --weights` writes them.
    pub struct From {
        /// the file, relative to the scenario
        path: String = String::new();
    }
}

impl Init for From {
    /// Leaves zeros: the numbers come from [`Weights`], which belong to a scenario's data.
    fn fill(&self, out: &mut [f32], _: &[usize], _: usize, _: usize, _: &mut Stream) {
        out.fill(0.0);
    }
}

/// One tensor of a file.
#[derive(Clone, Debug, PartialEq)]
struct FileTensor {
    name: String,
    shape: Vec<usize>,
    values: Vec<f32>,
}

/// The tensors of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// Its path as written in the scenario.
    pub path: String,
    tensors: Vec<FileTensor>,
}

/// Counters that PyTorch stores as tensors; they are not trained.
const COUNTERS: &str = "num_batches_tracked";

impl Weights {
    /// Reads a file.
    ///
    /// # Errors
    /// The reason why these bytes are not weights, without the name of the file.
    pub fn read(path: &str, bytes: &[u8]) -> Result<Self, String> {
        let file = SafeTensors::deserialize(bytes).map_err(|e| {
            format!("no safetensors file ({e}); PyTorch writes one by safetensors.torch.save_file")
        })?;
        let mut tensors = Vec::new();
        for (name, view) in file.iter().filter(|(name, _)| !name.ends_with(COUNTERS)) {
            if view.dtype() != Dtype::F32 {
                return Err(format!("{name} is {:?}; weights are F32 here", view.dtype()));
            }
            let values: Vec<f32> = view.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            if let Some(x) = values.iter().find(|x| !x.is_finite()) {
                return Err(format!("{name} holds {x}; weights must be finite"));
            }
            tensors.push(FileTensor { name: name.into(), shape: view.shape().to_vec(), values });
        }
        tensors.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { path: path.into(), tensors })
    }

    /// Parameters and running statistics of a network. A prefix shared by all names, such as `net.`, is ignored.
    ///
    /// # Errors
    /// If a tensor is missing, has another shape or belongs to no layer; the message names the first one.
    pub fn of(&self, network: &Network) -> Result<(Vec<f32>, Vec<f32>), String> {
        let (mut params, mut state) = (vec![0.0; network.param_count()], network.initial_state());
        let prefix = self.prefix();
        let mut used = vec![false; self.tensors.len()];
        let mut take = |name: String, shape: &[usize], out: &mut [f32]| {
            let found = self.tensors.iter().position(|t| t.name.strip_prefix(prefix) == Some(&name));
            let Some(at) = found else {
                let names: Vec<&str> = self.tensors.iter().map(|t| t.name.as_str()).take(8).collect();
                return Err(format!("no tensor {name} {shape:?}; the file has {}", names.join(", ")));
            };
            let tensor = &self.tensors[at];
            if tensor.shape != shape {
                return Err(format!(
                    "{} has the shape {:?}, the layer wants {shape:?}",
                    tensor.name, tensor.shape
                ));
            }
            used[at] = true;
            out.copy_from_slice(&tensor.values);
            Ok(())
        };
        for slot in network.slots() {
            take(slot.pytorch(), &slot.shape, &mut params[slot.range.clone()])?;
        }
        for (i, node) in network.nodes().iter().enumerate().filter(|(_, n)| !n.state.is_empty()) {
            // Running statistics are those of batch norm: the mean and the variance of each channel.
            let (mean, variance) = state[node.state.clone()].split_at_mut(node.state.len() / 2);
            take(format!("{i}.running_mean"), &[mean.len()], mean)?;
            take(format!("{i}.running_var"), &[variance.len()], variance)?;
        }
        // A recurrent layer with one bias has a second bias of zeros in PyTorch.
        let idle = |t: &FileTensor| t.name.ends_with("bias_hh_l0") && t.values.iter().all(|x| *x == 0.0);
        let left = self.tensors.iter().zip(&used).find(|(t, used)| !**used && !idle(t));
        match left {
            Some((tensor, _)) => {
                Err(format!("{} {:?} belongs to no layer of this network", tensor.name, tensor.shape))
            }
            None => Ok((params, state)),
        }
    }

    /// The part before the first number, if all names begin with it: `net.` of `net.0.weight`.
    fn prefix(&self) -> &str {
        let first = self.tensors.first().map_or("", |t| &t.name);
        let words = first.find(|c: char| c.is_ascii_digit()).map_or("", |at| &first[..at]);
        if self.tensors.iter().all(|t| t.name.starts_with(words)) { words } else { "" }
    }
}
