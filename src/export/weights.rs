//! Weights in files that NumPy and PyTorch read: safetensors and NPZ.

use super::net::NamedTensor;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use std::collections::HashMap;
use std::io::{Cursor, Write as _};

/// The tensors as a safetensors file; `about` goes into its metadata.
///
/// # Errors
/// If a tensor's shape does not match its numbers.
pub fn safetensors(tensors: &[NamedTensor], about: &[(&str, String)]) -> Result<Vec<u8>, String> {
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
pub enum WeightArrays<'a> {
    /// Single precision.
    Floats(&'a [f32]),
    /// Double precision.
    Doubles(&'a [f64]),
    /// Whole numbers.
    Wholes(&'a [i64]),
}

/// The header of a NumPy array in version 1.0: magic bytes, length, and a dictionary padded so that the numbers begin
/// at a multiple of 64 bytes.
fn header(kind: &str, shape: &[usize]) -> Vec<u8> {
    let sizes: String = shape.iter().map(|n| format!("{n}, ")).collect::<Vec<_>>().concat();
    let mut words =
        format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({}), }}", sizes.trim_end());
    let before = 10 + words.len() + 1;
    words.push_str(&" ".repeat(before.next_multiple_of(64) - before));
    words.push('\n');
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend((words.len() as u16).to_le_bytes());
    out.extend(words.as_bytes());
    out
}

impl WeightArrays<'_> {
    /// The array as an .npy file.
    fn npy(&self, shape: &[usize]) -> Vec<u8> {
        let (kind, bytes): (_, Vec<u8>) = match self {
            Self::Floats(of) => ("<f4", of.iter().flat_map(|x| x.to_le_bytes()).collect()),
            Self::Doubles(of) => ("<f8", of.iter().flat_map(|x| x.to_le_bytes()).collect()),
            Self::Wholes(of) => ("<i8", of.iter().flat_map(|x| x.to_le_bytes()).collect()),
        };
        let mut out = header(kind, shape);
        out.extend(bytes);
        out
    }
}

/// The arrays as an NPZ file with these names and shapes; the same arrays give the same bytes.
///
/// # Errors
/// If writing into memory fails.
pub fn npz(arrays: &[(String, Vec<usize>, WeightArrays<'_>)]) -> std::io::Result<Vec<u8>> {
    let mut file = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default());
    for (name, shape, array) in arrays {
        file.start_file(format!("{name}.npy"), options)?;
        file.write_all(&array.npy(shape))?;
    }
    Ok(file.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_has_the_header_of_numpy() {
        let npy = WeightArrays::Floats(&[1.0, 2.0]).npy(&[2]);
        let (head, numbers) = npy.split_at(128);
        assert_eq!(numbers, [0, 0, 128, 63, 0, 0, 0, 64]);
        assert!(head.starts_with(
            b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"
        ));
        assert!(head.ends_with(b" \n"));
        assert!(header("<f8", &[3, 4]).windows(6).any(|w| w == b"(3, 4,"));
    }
}
