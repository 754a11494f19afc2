//! Generated two-dimensional data sets.

use super::{Dataset, Files, Labels, Samples, Source, SourceError};
use crate::engine::rng::{Purpose, Stream};
use crate::engine::shape::Shape;
use crate::limits;
use crate::registry::settings;

settings! {
    /// Two interleaved spirals, as TensorFlow Playground defines them.
    pub struct Spiral {
        /// samples in all
        samples: usize = 400, 2..=limits::SAMPLES;
        /// half width of the uniform noise on each coordinate
        noise: f64 = 0.1, 0.0..=5.0;
    }
}

impl Source for Spiral {
    fn load(&self, _: &dyn Files, seed: u64) -> Result<Dataset, SourceError> {
        let (half, noise) = (self.samples / 2, self.noise as f32);
        let mut rng = Stream::new(seed, Purpose::Data, 0, 0);
        let mut inputs = Vec::with_capacity(half * 4);
        let mut of = Vec::with_capacity(half * 2);
        for class in 0..2u32 {
            for i in 0..half {
                let along = i as f64 / half as f64;
                let angle = 1.75 * along * std::f64::consts::TAU + f64::from(class) * std::f64::consts::PI;
                inputs.push((5.0 * along * libm::sin(angle)) as f32 + rng.uniform(-noise, noise));
                inputs.push((5.0 * along * libm::cos(angle)) as f32 + rng.uniform(-noise, noise));
                of.push(class);
            }
        }
        let names = vec!["first".into(), "second".into()];
        let samples = Samples { shape: Shape::Flat(2), inputs, labels: Labels::Classes { of, names } };
        Ok(Dataset { samples, validation: None, range: None })
    }
}
