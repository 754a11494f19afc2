//! `NumPy`'s NPY and NPZ files. Every size is compared with the bytes that are there; objects are never unpickled.

use super::idx::{Array, count, finite, samples, wide};
use super::{Dataset, Files, Labels, Samples, Source, SourceError, unpack};
use crate::engine::shape::Shape;
use crate::limits;
use crate::registry::settings;
use crate::text::excerpt;

settings! {
    /// Arrays of your own from `NumPy`: an .npz with inputs and labels, or two .npy files, or one with the label as last column.
    pub struct Npy {
        /// the .npz or .npy file, relative to the scenario
        path: String = String::new();
        /// the .npy file of the labels, where `path` is one of inputs only
        labels: String = String::new();
        /// name of the inputs inside an .npz
        x: String = "x".into();
        /// name of the labels inside an .npz
        y: String = "y".into();
        /// whether labels are numbers to predict instead of classes
        regression: bool = false;
        /// what inputs are divided by
        divide_by: f64 = 1.0, 1e-6..=1e9;
    }
}

impl Source for Npy {
    fn files(&self) -> Vec<&str> {
        [&self.path, &self.labels].into_iter().map(String::as_str).filter(|p| !p.is_empty()).collect()
    }

    fn load(&self, files: &dyn Files, _: u64) -> Result<Dataset, SourceError> {
        if self.path.is_empty() {
            return Err(SourceError::new("Npy(path: \"..\") names a file"));
        }
        let read = |path: &str| {
            files.read(path, limits::DATA_FILE_BYTES).map_err(|what| SourceError::in_file(path, what))
        };
        let here = |what: String| SourceError::in_file(&self.path, what);
        let bytes = read(&self.path)?;
        let (inputs, labels) = if bytes.starts_with(b"PK") {
            let member = |name: &str| {
                let packed = member(&bytes, &format!("{name}.npy"))?;
                array(&packed).map_err(|what| format!("{}: {what}", excerpt(name, 40)))
            };
            (member(&self.x).map_err(here)?, member(&self.y).map_err(here)?)
        } else if self.labels.is_empty() {
            last_column(array(&bytes).map_err(here)?).map_err(here)?
        } else {
            let labels =
                array(&read(&self.labels)?).map_err(|what| SourceError::in_file(&self.labels, what))?;
            (array(&bytes).map_err(here)?, labels)
        };
        let samples = self.samples(inputs, labels).map_err(here)?;
        Ok(samples.into())
    }
}

impl Npy {
    fn samples(&self, inputs: Array, labels: Array) -> Result<Samples, String> {
        let n = inputs.sizes[0];
        let divide_by = self.divide_by as f32;
        if !self.regression {
            return samples(inputs, labels, divide_by).map_err(|(_, what)| what);
        }
        if labels.sizes[0] != n {
            return Err(format!("{} labels for {n} samples", labels.sizes[0]));
        }
        let shape = Shape::Flat(labels.values.len() / n);
        let none = Array { sizes: vec![n], values: vec![0.0; n] };
        let mut samples = samples(inputs, none, divide_by).map_err(|(_, what)| what)?;
        samples.labels = Labels::Values { of: labels.values, shape };
        Ok(samples)
    }
}

/// A table whose last column is the label.
fn last_column(table: Array) -> Result<(Array, Array), String> {
    let [rows, columns] = table.sizes[..] else {
        return Err(format!(
            "an array of sizes {:?}; name its labels: Npy(path: .., labels: ..)",
            table.sizes
        ));
    };
    if columns < 2 {
        return Err("one column only; samples need at least one number and a label".into());
    }
    let rows_of = || table.values.chunks_exact(columns);
    let inputs = rows_of().flat_map(|row| row[..columns - 1].iter().copied()).collect();
    let labels = rows_of().map(|row| row[columns - 1]).collect();
    Ok((
        Array { sizes: vec![rows, columns - 1], values: inputs },
        Array { sizes: vec![rows], values: labels },
    ))
}

/// Reads an NPY file.
///
/// # Errors
/// What is wrong with it.
pub fn array(bytes: &[u8]) -> Result<Array, String> {
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or("no NPY file: it does not begin with \\x93NUMPY")?;
    let (length, rest) = match rest {
        [1, _, a, b, rest @ ..] => (usize::from(u16::from_le_bytes([*a, *b])), rest),
        [2 | 3, _, a, b, c, d, rest @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, rest),
        _ => return Err("the file ends within its header, or is of an unknown version".into()),
    };
    if length > rest.len().min(65_536) {
        return Err(format!("a header of {length} bytes is promised; {} bytes are there", rest.len()));
    }
    let (header, body) = rest.split_at(length);
    let header = std::str::from_utf8(header).map_err(|_| "a header that is no text")?;
    let after = |key: &str| {
        let found = header.find(&format!("'{key}'")).map(|i| header[i + key.len() + 2..].trim_start());
        found.and_then(|rest| rest.strip_prefix(':')).map(str::trim_start)
    };
    let kind = after("descr").and_then(|d| d.strip_prefix('\'')).and_then(|d| d.split('\'').next());
    let kind = kind.ok_or("a header without a plain type of numbers")?;
    let sizes: Option<Vec<usize>> = after("shape").and_then(|s| s.strip_prefix('(')).and_then(|s| {
        let parts = s.split(')').next()?.split(',').map(str::trim).filter(|p| !p.is_empty());
        parts.map(|p| p.parse().ok()).collect()
    });
    let sizes = sizes.ok_or("a header without a shape")?;
    if !(1..=4).contains(&sizes.len()) {
        return Err(format!("{} dimensions; 1 to 4 can be used", sizes.len()));
    }
    if sizes.len() > 1 && after("fortran_order").is_some_and(|f| f.starts_with("True")) {
        return Err("the array lies column by column; save numpy.ascontiguousarray(x)".into());
    }
    let width = match kind {
        "|u1" | "|i1" | "|b1" => 1,
        "<i2" | "<u2" => 2,
        "<i4" | "<u4" | "<f4" => 4,
        "<i8" | "<u8" | "<f8" => 8,
        other => {
            let other = excerpt(other, 20);
            return Err(format!("numbers of type {other} cannot be read; save x.astype('float32')"));
        }
    };
    let wanted = count(&sizes)?.saturating_mul(width);
    if body.len() != wanted {
        return Err(format!("{wanted} bytes of numbers are promised, {} are there", body.len()));
    }
    let values: Vec<f32> = match kind {
        "|i1" => body.iter().map(|&b| f32::from(b as i8)).collect(),
        "<i2" => wide(body, |b| f32::from(i16::from_le_bytes(b))),
        "<u2" => wide(body, |b| f32::from(u16::from_le_bytes(b))),
        "<i4" => wide(body, |b| i32::from_le_bytes(b) as f32),
        "<u4" => wide(body, |b| u32::from_le_bytes(b) as f32),
        "<f4" => wide(body, f32::from_le_bytes),
        "<i8" => wide(body, |b| i64::from_le_bytes(b) as f32),
        "<u8" => wide(body, |b| u64::from_le_bytes(b) as f32),
        "<f8" => wide(body, |b| f64::from_le_bytes(b) as f32),
        _ => body.iter().map(|&b| f32::from(b)).collect(),
    };
    finite(&values)?;
    Ok(Array { sizes, values })
}

/// A member of a ZIP archive, unpacked.
fn member(zip: &[u8], name: &str) -> Result<Vec<u8>, String> {
    let u16_at = |at: usize| zip.get(at..at + 2).map(|b| usize::from(u16::from_le_bytes([b[0], b[1]])));
    let u32_at = |at: usize| zip.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let damaged = || "a damaged archive".to_string();
    // The end record stands within the last 64 KiB: "PK 5 6", counts, then where the directory begins.
    let tail = zip.len().saturating_sub(65_557);
    let end = zip[tail..].windows(4).rposition(|w| w == b"PK\x05\x06").ok_or_else(damaged)? + tail;
    let entries = u16_at(end + 10).ok_or_else(damaged)?;
    let mut at = u32_at(end + 16).ok_or_else(damaged)? as usize;
    let mut names = Vec::new();
    for _ in 0..entries.min(1000) {
        if zip.get(at..at + 4) != Some(b"PK\x01\x02") {
            return Err(damaged());
        }
        let (method, crc) = (u16_at(at + 10).ok_or_else(damaged)?, u32_at(at + 16).ok_or_else(damaged)?);
        let (packed, size) =
            (u32_at(at + 20).ok_or_else(damaged)? as usize, u32_at(at + 24).ok_or_else(damaged)?);
        let lengths = [28, 30, 32].map(|o| u16_at(at + o).unwrap_or(0));
        let here = zip.get(at + 46..at + 46 + lengths[0]).ok_or_else(damaged)?;
        if here == name.as_bytes() {
            let local = u32_at(at + 42).ok_or_else(damaged)? as usize;
            let skip = u16_at(local + 26).ok_or_else(damaged)? + u16_at(local + 28).ok_or_else(damaged)?;
            let start = local + 30 + skip;
            let body = start.checked_add(packed).and_then(|end| zip.get(start..end)).ok_or_else(damaged)?;
            let out = match method {
                0 => unpack::exactly(&mut &body[..], u64::from(size))?,
                8 if u64::from(size) <= limits::DATA_BYTES => {
                    unpack::exactly(&mut flate2::read::DeflateDecoder::new(body), u64::from(size))?
                }
                8 => {
                    return Err(format!(
                        "{} is larger than {} MiB",
                        excerpt(name, 40),
                        limits::DATA_BYTES >> 20
                    ));
                }
                other => {
                    return Err(format!("packed by method {other}; use numpy.savez or savez_compressed"));
                }
            };
            return if crc32fast::hash(&out) == crc {
                Ok(out)
            } else {
                Err("damaged: wrong checksum".into())
            };
        }
        names.push(excerpt(&String::from_utf8_lossy(here), 40));
        at += 46 + lengths.iter().sum::<usize>();
    }
    names.truncate(20);
    Err(format!("no array {} in it; there are {}", excerpt(name, 60), names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(kind: &str, shape: &str, body: &[u8]) -> Vec<u8> {
        let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let mut out = b"\x93NUMPY\x01\x00".to_vec();
        out.extend((header.len() as u16).to_le_bytes());
        out.extend(header.as_bytes());
        out.extend(body);
        out
    }

    fn zip(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let (mut out, mut directory) = (Vec::new(), Vec::new());
        for (name, body) in members {
            let at = out.len() as u32;
            let sizes = [crc32fast::hash(body), body.len() as u32, body.len() as u32];
            let common = |out: &mut Vec<u8>| {
                out.extend([20, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
                out.extend(sizes.iter().flat_map(|s| s.to_le_bytes()));
                out.extend((name.len() as u16).to_le_bytes());
                out.extend([0, 0]);
            };
            out.extend(b"PK\x03\x04");
            common(&mut out);
            out.extend(name.as_bytes());
            out.extend(body);
            directory.extend(b"PK\x01\x02\x14\x00");
            common(&mut directory);
            directory.extend([0; 10]);
            directory.extend(at.to_le_bytes());
            directory.extend(name.as_bytes());
        }
        let at = out.len() as u32;
        out.extend(&directory);
        out.extend(b"PK\x05\x06\0\0\0\0");
        out.extend((members.len() as u16).to_le_bytes());
        out.extend((members.len() as u16).to_le_bytes());
        out.extend((directory.len() as u32).to_le_bytes());
        out.extend(at.to_le_bytes());
        out.extend([0, 0]);
        out
    }

    #[test]
    fn arrays_and_archives_are_read() {
        let table = array(&npy("<i2", "(2, 3)", &[1, 0, 2, 0, 0, 0, 3, 0, 255, 255, 1, 0])).unwrap();
        assert_eq!(table, Array { sizes: vec![2, 3], values: vec![1.0, 2.0, 0.0, 3.0, -1.0, 1.0] });
        let (inputs, labels) = last_column(table).unwrap();
        assert_eq!((inputs.values, labels.values), (vec![1.0, 2.0, 3.0, -1.0], vec![0.0, 1.0]));
        let packed = zip(&[("x.npy", npy("|u1", "(2,)", &[7, 8])), ("y.npy", npy("|b1", "(2,)", &[0, 1]))]);
        assert_eq!(array(&member(&packed, "y.npy").unwrap()).unwrap().values, [0.0, 1.0]);
        assert!(member(&packed, "z.npy").unwrap_err().contains("x.npy, y.npy"));
        // The length of the archive's comment, the last two bytes, is not looked at.
        for cut in 0..packed.len() - 2 {
            assert!(member(&packed[..cut], "x.npy").is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn promises_are_compared_with_what_is_there() {
        let good = npy("<f4", "(2,)", &[0; 8]);
        for cut in 0..good.len() {
            assert!(array(&good[..cut]).is_err(), "cut at {cut}");
        }
        for (kind, shape) in [
            ("<f4", "(4294967296, 4294967296)"),
            ("<f4", "(99999999999999999999,)"),
            ("<f4", "(3,)"),
            ("<f4", "()"),
            ("|O", "(2,)"),
            (">f4", "(2,)"),
            ("<f4", "(-1,)"),
            ("<f4", "(0,)"),
        ] {
            assert!(array(&npy(kind, shape, &[0; 8])).is_err(), "{kind} {shape}");
        }
        assert!(array(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}").unwrap_err().contains("4294967295"));
    }
}
