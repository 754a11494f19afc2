//! The data sets inside the binary. `assets/README.md` names their origins and licences.

use super::{Dataset, Files, Labels, Reading, Samples, Source, SourceError, idx, table};
use crate::registry::settings;

/// A file below `assets/`.
macro_rules! asset {
    ($name:literal) => {
        (include_bytes!(concat!("../../../assets/", $name)).as_slice(), concat!("assets/", $name))
    };
}

type Asset = (&'static [u8], &'static str);

fn images(pixels: Asset, labels: Asset, white: f32, names: &[&str]) -> Result<Samples, SourceError> {
    let array = |(bytes, name): Asset| idx::array(bytes).map_err(|what| SourceError::in_file(name, what));
    let samples = idx::samples(array(pixels)?, array(labels)?, white);
    Ok(named(samples.map_err(|(_, what)| SourceError::in_file(pixels.1, what))?, names))
}

fn csv((bytes, name): Asset, names: &[&str]) -> Result<Dataset, SourceError> {
    let data =
        table::read(bytes).map_err(|(line, what)| SourceError { file: Some(name.into()), line, what })?;
    let reading = Reading { notes: Vec::new(), ..data.reading };
    Ok(Dataset { samples: named(data.samples, names), reading, ..data })
}

/// The same samples with readable names of their classes.
fn named(mut samples: Samples, classes: &[&str]) -> Samples {
    if let Labels::Classes { names, .. } = &mut samples.labels {
        *names = classes.iter().map(|&n| n.to_string()).collect();
    }
    samples
}

settings! {
    /// Handwritten digits, 1797 images of 8x8. Alpaydin & Kaynak 1998, UCI; CC BY 4.0.
    pub struct Digits {}
}

impl Source for Digits {
    fn load(&self, _: &dyn Files, _: u64) -> Result<Dataset, SourceError> {
        let names = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
        let samples = images(
            asset!("digits-images-idx3-ubyte.gz"),
            asset!("digits-labels-idx1-ubyte.gz"),
            16.0,
            &names,
        )?;
        Ok(Dataset { range: Some((0.0, 1.0)), ..samples.into() })
    }
}

settings! {
    /// Pictures of clothes, 28x28: 2000 to train, 500 to validate. Xiao et al. 2017, arXiv:1708.07747; MIT.
    pub struct FashionMnist {}
}

impl Source for FashionMnist {
    fn load(&self, _: &dyn Files, _: u64) -> Result<Dataset, SourceError> {
        let names =
            ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"];
        let samples = images(
            asset!("fashion-train-images-idx3-ubyte.gz"),
            asset!("fashion-train-labels-idx1-ubyte.gz"),
            255.0,
            &names,
        )?;
        let validation = images(
            asset!("fashion-t10k-images-idx3-ubyte.gz"),
            asset!("fashion-t10k-labels-idx1-ubyte.gz"),
            255.0,
            &names,
        )?;
        Ok(Dataset { validation: Some(validation), range: Some((0.0, 1.0)), ..samples.into() })
    }
}

settings! {
    /// Three kinds of iris by four lengths in cm, 150 flowers. Fisher 1936; CC BY 4.0.
    pub struct Iris {}
}

impl Source for Iris {
    fn load(&self, _: &dyn Files, _: u64) -> Result<Dataset, SourceError> {
        csv(asset!("iris.csv"), &["setosa", "versicolor", "virginica"])
    }
}

settings! {
    /// Three growers by 13 chemical measurements, 178 wines. Forina et al. 1991, UCI; CC BY 4.0.
    pub struct Wine {}
}

impl Source for Wine {
    fn load(&self, _: &dyn Files, _: u64) -> Result<Dataset, SourceError> {
        csv(asset!("wine.csv"), &["first", "second", "third"])
    }
}

settings! {
    /// Tumours by 30 measurements of their cell nuclei, 569 cases. Street et al. 1993, UCI; CC BY 4.0.
    pub struct BreastCancer {}
}

impl Source for BreastCancer {
    fn load(&self, _: &dyn Files, _: u64) -> Result<Dataset, SourceError> {
        csv(asset!("breast_cancer.csv"), &["malignant", "benign"])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::data::NoFiles;
    use crate::engine::shape::Shape;

    #[test]
    fn every_set_has_its_samples_and_classes() {
        let image = |n| Shape::Image { channels: 1, height: n, width: n };
        let sets: [(&dyn Source, usize, Shape, usize); 5] = [
            (&Digits {}, 1797, image(8), 10),
            (&FashionMnist {}, 2000, image(28), 10),
            (&Iris {}, 150, Shape::Flat(4), 3),
            (&Wine {}, 178, Shape::Flat(13), 3),
            (&BreastCancer {}, 569, Shape::Flat(30), 2),
        ];
        for (source, count, shape, classes) in sets {
            let set = source.load(&NoFiles, 1).unwrap();
            assert_eq!((set.samples.len(), set.samples.shape), (count, shape));
            assert_eq!(set.samples.outputs(), Shape::Flat(classes));
            let Labels::Classes { of, .. } = &set.samples.labels else { panic!("classes") };
            assert_eq!(of.iter().max().map(|&c| c as usize + 1), Some(classes));
            let (low, high) =
                set.samples.inputs.iter().fold((f32::MAX, f32::MIN), |(a, b), &x| (a.min(x), b.max(x)));
            if set.range.is_some() {
                assert_eq!((low, high), (0.0, 1.0), "pixels fill their range");
            }
        }
        assert_eq!(FashionMnist {}.load(&NoFiles, 1).unwrap().validation.unwrap().len(), 500);
    }
}
