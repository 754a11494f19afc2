//! Weights as files that NumPy and PyTorch read: safetensors and NPZ.

use super::net::Tensor;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use std::collections::HashMap;
use std::io::Cursor;

/// As a safetensors file; `about` goes into its metadata.
///
/// # Errors
/// If a tensor's shape is not that of its numbers.
pub fn safetensors(tensors: &[Tensor], about: &[(&str, String)]) -> Result<Vec<u8>, String> {
    let bytes: Vec<Vec<u8>> =
        tensors.iter().map(|t| t.values.iter().flat_map(|x| x.to_le_bytes()).collect()).collect();
    let mut views = Vec::new();
    for (tensor, bytes) in tensors.iter().zip(&bytes) {
        let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes).map_err(|e| e.to_string())?;
        views.push((tensor.name.as_str(), view));
    }
    let about: HashMap<String, String> = about.iter().map(|(k, v)| ((*k).into(), v.clone())).collect();
    safetensors::serialize(views, Some(about)).map_err(|e| e.to_string())
}

/// Arrays of one kind, by name.
pub enum Array<'a> {
    /// Single precision.
    Floats(&'a [f32]),
    /// Double precision.
    Doubles(&'a [f64]),
    /// Whole numbers.
    Wholes(&'a [i64]),
}

/// As an NPZ file of arrays with these names and shapes.
///
/// # Errors
/// If it cannot be written into memory.
pub fn npz(arrays: &[(String, Vec<usize>, Array<'_>)]) -> std::io::Result<Vec<u8>> {
    use npyz::WriterBuilder as _;
    let mut file = Cursor::new(Vec::new());
    let mut npz = npyz::npz::NpzWriter::new(&mut file);
    for (name, shape, array) in arrays {
        let shape: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
        let options = npyz::zip::write::FileOptions::default()
            .compression_method(npyz::zip::CompressionMethod::Stored)
            .last_modified_time(npyz::zip::DateTime::default());
        macro_rules! write {
            ($values:expr) => {{
                let mut array = npz.array(name, options)?.default_dtype().shape(&shape).begin_nd()?;
                array.extend($values.iter().copied())?;
                array.finish()?;
            }};
        }
        match array {
            Array::Floats(values) => write!(values),
            Array::Doubles(values) => write!(values),
            Array::Wholes(values) => write!(values),
        }
    }
    drop(npz);
    Ok(file.into_inner())
}
