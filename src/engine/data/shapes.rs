//! Generated data sets in the plane, as scikit-learn defines them.

use super::toy::{draws, plane};
use super::{Dataset, Files, Source, SourceError};
use crate::engine::rng::Stream;
use crate::limits;
use crate::registry::settings;
use std::f64::consts::{PI, TAU};

/// A point with normal noise on both coordinates.
fn blurred((x, y): (f64, f64), noise: f64, rng: &mut Stream) -> [f32; 2] {
    let noise = noise as f32;
    [x as f32 + noise * rng.normal(), y as f32 + noise * rng.normal()]
}

settings! {
    /// Two interleaving half circles, as scikit-learn defines them.
    pub struct Moons {
        /// samples in all
        samples: usize = 400, 2..=limits::SAMPLES;
        /// standard deviation of the noise on each coordinate
        noise: f64 = 0.1, 0.0..=10.0;
    }
}

impl Source for Moons {
    fn load(&self, _: &dyn Files, seed: u64) -> Result<Dataset, SourceError> {
        let outer = self.samples / 2;
        let inner = self.samples - outer;
        // From 0 to π, inclusive.
        let angle = |i: usize, n: usize| if n < 2 { 0.0 } else { PI * i as f64 / (n - 1) as f64 };
        let above = (0..outer).map(|i| angle(i, outer)).map(|a| (libm::cos(a), libm::sin(a)));
        let below = (0..inner).map(|i| angle(i, inner)).map(|a| (1.0 - libm::cos(a), 0.5 - libm::sin(a)));
        let mut rng = draws(seed);
        let points = above.chain(below).map(|p| blurred(p, self.noise, &mut rng)).collect();
        let of = (0..self.samples).map(|i| u32::from(i >= outer)).collect();
        Ok(plane(points, of, &["upper", "lower"]))
    }
}

settings! {
    /// A small circle inside a large one, as scikit-learn defines them.
    pub struct Circles {
        /// samples in all
        samples: usize = 400, 2..=limits::SAMPLES;
        /// radius of the inner circle; the outer one has 1
        factor: f64 = 0.5, 0.0..1.0;
        /// standard deviation of the noise on each coordinate
        noise: f64 = 0.05, 0.0..=10.0;
    }
}

impl Source for Circles {
    fn load(&self, _: &dyn Files, seed: u64) -> Result<Dataset, SourceError> {
        let outer = self.samples / 2;
        let inner = self.samples - outer;
        let circle = |n: usize, radius: f64| {
            (0..n).map(move |i| {
                let angle = TAU * i as f64 / n as f64;
                (radius * libm::cos(angle), radius * libm::sin(angle))
            })
        };
        let mut rng = draws(seed);
        let both = circle(outer, 1.0).chain(circle(inner, self.factor));
        let points = both.map(|p| blurred(p, self.noise, &mut rng)).collect();
        let of = (0..self.samples).map(|i| u32::from(i >= outer)).collect();
        Ok(plane(points, of, &["outer", "inner"]))
    }
}

settings! {
    /// Normal clouds about centres drawn from the square of half width 10, as scikit-learn defines them.
    pub struct Blobs {
        /// samples in all
        samples: usize = 400, 2..=limits::SAMPLES;
        /// how many clouds, each a class
        centers: usize = 3, 2..=26;
        /// standard deviation of a cloud
        cluster_std: f64 = 1.0, 0.0..=100.0;
    }
}

impl Source for Blobs {
    fn load(&self, _: &dyn Files, seed: u64) -> Result<Dataset, SourceError> {
        let mut rng = draws(seed);
        let mut centre = || f64::from(rng.uniform(-10.0, 10.0));
        let centres: Vec<_> = (0..self.centers).map(|_| (centre(), centre())).collect();
        let class = |i: usize| i % self.centers;
        let points =
            (0..self.samples).map(|i| blurred(centres[class(i)], self.cluster_std, &mut rng)).collect();
        let names: Vec<_> = ('a'..='z').take(self.centers).map(String::from).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        Ok(plane(points, (0..self.samples).map(|i| class(i) as u32).collect(), &names))
    }
}
