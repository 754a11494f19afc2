//! The IDX format of MNIST: a big-endian header, then numbers. Compares every size in the header with the actual number
//! of bytes.

use super::{Dataset, Files, Labels, Samples, Source, SourceError, budget, unpack};
use crate::engine::shape::Shape;
use crate::limits;
use crate::registry::settings;

settings! {
    /// Images and labels of your own in the IDX format of MNIST, gzipped or not.
    pub struct Idx {
        /// file of the images, relative to the scenario
        images: String = String::new();
        /// file of the labels
        labels: String = String::new();
        /// what pixels are divided by
        divide_by: f64 = 255.0, 1e-6..=1e9;
    }
}

impl Source for Idx {
    fn files(&self) -> Vec<&str> {
        vec![&self.images, &self.labels]
    }

    fn load(&self, files: &dyn Files, _: u64) -> Result<Dataset, SourceError> {
        let read = |path: &str| {
            if path.is_empty() {
                return Err(SourceError::new("Idx(images: \"..\", labels: \"..\") names two files"));
            }
            files.read(path, limits::DATA_FILE_BYTES).map_err(|what| SourceError::in_file(path, what))
        };
        let images = array(&read(&self.images)?).map_err(|what| SourceError::in_file(&self.images, what))?;
        let labels = array(&read(&self.labels)?).map_err(|what| SourceError::in_file(&self.labels, what))?;
        let samples = samples(images, labels, self.divide_by as f32).map_err(|(of_images, what)| {
            SourceError::in_file(if of_images { &self.images } else { &self.labels }, what)
        })?;
        let range = samples.inputs.iter().all(|x| (0.0..=1.0).contains(x)).then_some((0.0, 1.0));
        Ok(Dataset { range, ..samples.into() })
    }
}

/// An array read from a file.
#[derive(Clone, Debug, PartialEq)]
pub struct IdxArray {
    /// Sizes, the number of samples first.
    pub sizes: Vec<usize>,
    /// Row-major numbers.
    pub values: Vec<f32>,
}

/// Reads an IDX file.
///
/// # Errors
/// The fault in the file.
pub fn array(bytes: &[u8]) -> Result<IdxArray, String> {
    let mut source = unpack::open(bytes)?;
    let [zero, also_zero, kind, dims] = unpack::header::<4>(&mut source)?;
    if (zero, also_zero) != (0, 0) {
        return Err("no IDX file: it does not begin with two zero bytes".into());
    }
    let width = match kind {
        0x08 | 0x09 => 1,
        0x0b => 2,
        0x0c | 0x0d => 4,
        0x0e => 8,
        other => return Err(format!("no IDX file: {other:#04x} is no type of numbers")),
    };
    if !(1..=4).contains(&dims) {
        return Err(format!("{dims} dimensions; 1 to 4 can be used"));
    }
    let mut sizes = Vec::new();
    for _ in 0..dims {
        sizes.push(u32::from_be_bytes(unpack::header(&mut source)?) as usize);
    }
    let numbers = count(&sizes)?;
    let body = unpack::exactly(&mut source, (numbers * width) as u64)?;
    let values: Vec<f32> = match kind {
        0x08 => body.iter().map(|&b| f32::from(b)).collect(),
        0x09 => body.iter().map(|&b| f32::from(b as i8)).collect(),
        0x0b => wide(&body, |b| f32::from(i16::from_be_bytes(b))),
        0x0c => wide(&body, |b| i32::from_be_bytes(b) as f32),
        0x0d => wide(&body, f32::from_be_bytes),
        _ => wide(&body, |b| f64::from_be_bytes(b) as f32),
    };
    finite(&values)?;
    Ok(IdxArray { sizes, values })
}

/// The product of the sizes, if it is within the limit.
pub(super) fn count(sizes: &[usize]) -> Result<usize, String> {
    let numbers = sizes.iter().try_fold(1usize, |n, &size| n.checked_mul(size));
    match numbers {
        Some(0) => Err("no sample in it".into()),
        Some(n) if n <= limits::DATA_NUMBERS => Ok(n),
        _ => Err(format!("{sizes:?} numbers are promised; at most {} are allowed", limits::DATA_NUMBERS)),
    }
}

pub(super) fn wide<const N: usize>(body: &[u8], number: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    body.as_chunks::<N>().0.iter().map(|&b| number(b)).collect()
}

pub(super) fn finite(values: &[f32]) -> Result<(), String> {
    match values.iter().position(|x| !x.is_finite()) {
        Some(i) => Err(format!("number {i} is {}; only finite numbers can be used", values[i])),
        None => Ok(()),
    }
}

/// Images and their classes; an error states whether it concerns the images.
pub(super) fn samples(images: IdxArray, labels: IdxArray, divide_by: f32) -> Result<Samples, (bool, String)> {
    let n = images.sizes[0];
    let shape = match images.sizes[1..] {
        [] => Shape::Flat(1),
        [features] => Shape::Flat(features),
        [height, width] => Shape::Image { channels: 1, height, width },
        [channels, height, width] => Shape::Image { channels, height, width },
        _ => return Err((true, "more than four dimensions".into())),
    };
    budget(n, shape.size()).map_err(|e| (true, e.what))?;
    if labels.sizes.len() != 1 || labels.sizes[0] != n {
        return Err((
            false,
            format!("labels of sizes {:?} for {n} samples; {n} labels are needed", labels.sizes),
        ));
    }
    let of = classes(&labels.values).map_err(|what| (false, what))?;
    let labels = Labels::numbered(of).map_err(|what| (false, what))?;
    let mut inputs = images.values;
    if divide_by != 1.0 {
        for x in &mut inputs {
            *x /= divide_by;
        }
    }
    Ok(Samples { shape, inputs, labels })
}

/// Numbers converted to classes.
pub(super) fn classes(values: &[f32]) -> Result<Vec<u32>, String> {
    values
        .iter()
        .map(|&x| {
            if x >= 0.0 && x.fract() == 0.0 && x < limits::CLASSES as f32 {
                Ok(x as u32)
            } else {
                Err(format!(
                    "label {x} is no class; classes are whole numbers from 0 to {}",
                    limits::CLASSES - 1
                ))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn file(kind: u8, sizes: &[u32], body: &[u8]) -> Vec<u8> {
        let mut out = vec![0, 0, kind, sizes.len() as u8];
        out.extend(sizes.iter().flat_map(|s| s.to_be_bytes()));
        out.extend(body);
        out
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    #[test]
    fn numbers_of_every_type_are_read_plain_and_gzipped() {
        let plain = file(0x08, &[2, 3], &[0, 1, 2, 3, 4, 255]);
        let wanted = IdxArray { sizes: vec![2, 3], values: vec![0.0, 1.0, 2.0, 3.0, 4.0, 255.0] };
        assert_eq!(array(&plain).unwrap(), wanted);
        assert_eq!(array(&gzip(&plain)).unwrap(), wanted);
        assert_eq!(array(&file(0x0d, &[1], &1.5f32.to_be_bytes())).unwrap().values, [1.5]);
        assert_eq!(array(&file(0x0b, &[1], &(-2i16).to_be_bytes())).unwrap().values, [-2.0]);
    }

    #[test]
    fn what_is_promised_must_be_there() {
        let good = file(0x08, &[2, 3], &[0; 6]);
        for cut in 0..good.len() {
            assert!(array(&good[..cut]).is_err(), "cut at {cut}");
        }
        let mut packed = gzip(&good);
        let end = packed.len();
        packed[end - 6] ^= 1;
        assert!(array(&packed).unwrap_err().contains("damaged"), "a wrong checksum is told");
        assert!(array(&file(0x08, &[2, 3], &[0; 7])).is_err(), "more than promised");
        for sizes in [&[u32::MAX][..], &[u32::MAX; 4], &[0, 3], &[u32::MAX, 0]] {
            assert!(array(&file(0x08, sizes, &[])).is_err());
        }
        assert!(array(&file(0x0d, &[1], &f32::NAN.to_be_bytes())).is_err());
        assert!(array(&[0, 0, 8, 255, 1, 2, 3]).unwrap_err().contains("255 dimensions"));
        assert!(array(b"PNG.....").is_err());
        assert!(classes(&[0.5]).is_err() && classes(&[-1.0]).is_err() && classes(&[1e9]).is_err());
    }

    #[test]
    fn a_bomb_stops_where_the_header_ends() {
        let mut bytes = file(0x08, &[4], &[1; 4]);
        bytes.extend(vec![0; 8 << 20]);
        assert!(array(&gzip(&bytes)).unwrap_err().contains("more bytes follow"));
    }
}
