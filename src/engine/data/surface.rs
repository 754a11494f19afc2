//! A test function of the plane in place of data: there is nothing to learn, only a minimum to find.

use super::{Dataset, Files, Labels, Reading, Samples, Source, SourceError};
use crate::engine::layer::{self, LayerConfig};
use crate::engine::loss::LossConfig;
use crate::engine::loss::output::Output;
use crate::engine::shape::Shape;
use crate::engine::surface;
use crate::registry::settings;

settings! {
    /// A test function of the plane: the lanes start at one point of it and go downhill. Brings its network and loss along.
    pub struct Surface {
        /// the function
        function: surface::Surface = surface::Surface::Rosenbrock;
        /// where every lane starts
        start: (f64, f64) = (-1.2, 1.0), -1e6..=1e6;
        /// standard deviation of the noise that training adds to each entry of the gradient
        noise: f64 = 0.0, 0.0..=1e6;
    }
}

impl Source for Surface {
    /// One empty sample, in training and in validation.
    fn load(&self, _: &dyn Files, _: u64) -> Result<Dataset, SourceError> {
        let one = Shape::Flat(1);
        let labels = Labels::Values { of: vec![0.0], shape: one };
        let samples = Samples { shape: one, inputs: vec![0.0], labels };
        let summary = vec!["no samples: the two weights are the problem".into()];
        let reading = Reading { summary, ..Reading::default() };
        Ok(Dataset { validation: Some(samples.clone()), reading, ..samples.into() })
    }

    fn problem(&self) -> Option<(Vec<LayerConfig>, LossConfig)> {
        let Self { function, start, noise } = *self;
        let layer = layer::surface::Surface { function, start, noise };
        Some((vec![layer.into()], Output::default().into()))
    }
}
