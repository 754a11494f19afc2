//! Finds validation samples that are training samples as well: results on them say nothing of new data.

use super::Samples;
use super::reading::{DataWarning, counted};
use crate::engine::rng::hash;
use std::collections::HashMap;

/// Most validation samples that are looked for.
const SAMPLES: usize = 10_000;

/// A warning if at least half of the validation samples have the inputs of a training sample. Where inputs take few values,
/// samples are alike by chance, and only two equal sets are told.
pub(super) fn leak(train: &Samples, validation: &Samples) -> Option<DataWarning> {
    if train.inputs == validation.inputs {
        let what = "the validation samples are the training samples, so validation says nothing of new data; name another \
                    file, or leave it out: a part of the samples is then kept back";
        return Some(DataWarning::data(what));
    }
    let key = |samples: &Samples, i: usize| hash(samples.input(i).iter().map(|x| u64::from(x.to_bits())));
    let looked = validation.len().min(SAMPLES);
    let mut wanted: HashMap<u64, usize> = HashMap::new();
    for i in 0..looked {
        *wanted.entry(key(validation, i)).or_default() += 1;
    }
    if 2 * wanted.len() < looked {
        return None;
    }
    let again: usize = (0..train.len()).filter_map(|i| wanted.remove(&key(train, i))).sum();
    let of = if looked < validation.len() { "of the first " } else { "of " };
    (again > 1 && 2 * again >= looked).then(|| {
        DataWarning::data(format!(
            "{again} {of}{} are training samples too, so validation says little of new data; delete them in one of the two \
             files",
            counted(looked, "validation sample")
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::data::Labels;
    use crate::engine::shape::Shape;

    #[test]
    fn samples_that_train_and_validate_are_told() {
        let samples = |inputs: &[f32]| Samples {
            shape: Shape::Flat(1),
            inputs: inputs.to_vec(),
            labels: Labels::Values { of: vec![0.0; inputs.len()], shape: Shape::Flat(1) },
        };
        let told = |train: &[f32], held: &[f32]| {
            leak(&samples(train), &samples(held)).map_or_else(String::new, |doubt| doubt.what)
        };
        assert!(
            told(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]).starts_with("the validation samples are the training")
        );
        assert!(
            told(&[1.0, 2.0, 3.0, 4.0], &[3.0, 1.0, 9.0])
                .starts_with("2 of 3 validation samples are training")
        );
        assert_eq!(told(&[1.0, 2.0, 3.0, 4.0], &[3.0, 8.0, 9.0]), "");
        assert_eq!(told(&[0.0, 1.0], &[0.0, 1.0, 1.0, 0.0, 0.0, 1.0]), "", "few values");
        let many: Vec<f32> = (0..20_000).map(|i| i as f32).collect();
        assert!(
            told(&many[..12_000], &many[4000..]).starts_with("8000 of the first 10000 validation samples")
        );
    }
}
