//! Generated data sets in the plane, as TensorFlow Playground defines them.

use super::{Dataset, Files, Labels, Samples, Source, SourceError};
use crate::engine::rng::{Purpose, Stream};
use crate::engine::shape::Shape;
use crate::limits;
use crate::registry::settings;

/// Half the width of the square, and the radius of the circle.
const RADIUS: f32 = 5.0;

/// Points of the plane with a class each, as a data set.
pub(super) fn plane(points: Vec<[f32; 2]>, of: Vec<u32>, names: &[&str]) -> Dataset {
    let names = names.iter().map(|&n| n.to_string()).collect();
    let samples = Samples {
        shape: Shape::Flat(2),
        inputs: points.into_flattened(),
        labels: Labels::Classes { of, names },
    };
    samples.into()
}

pub(super) fn draws(seed: u64) -> Stream {
    Stream::new(seed, Purpose::Data, 0, 0)
}

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
        let mut rng = draws(seed);
        let (mut points, mut of) = (Vec::new(), Vec::new());
        for class in 0..2u32 {
            for i in 0..half {
                let along = i as f64 / half as f64;
                let angle = 1.75 * along * std::f64::consts::TAU + f64::from(class) * std::f64::consts::PI;
                let x = (5.0 * along * libm::sin(angle)) as f32 + rng.uniform(-noise, noise);
                let y = (5.0 * along * libm::cos(angle)) as f32 + rng.uniform(-noise, noise);
                points.push([x, y]);
                of.push(class);
            }
        }
        Ok(plane(points, of, &["first", "second"]))
    }
}

settings! {
    /// Points of a square, by the sign of x·y: no straight line separates them. TensorFlow Playground.
    pub struct Xor {
        /// samples in all
        samples: usize = 400, 2..=limits::SAMPLES;
        /// largest random shift of a point before it gets its class, in parts of the square's half width
        noise: f64 = 0.0, 0.0..=0.5;
    }
}

impl Xor {
    /// A raw draw moved away from the axes.
    pub fn padded(x: f32) -> f32 {
        if x > 0.0 { x + 0.3 } else { x - 0.3 }
    }

    /// The class of a point: 0 where x·y >= 0.
    pub fn class(x: f32, y: f32) -> u32 {
        u32::from(x * y < 0.0)
    }
}

impl Source for Xor {
    fn load(&self, _: &dyn Files, seed: u64) -> Result<Dataset, SourceError> {
        let noise = RADIUS * self.noise as f32;
        let mut rng = draws(seed);
        let (mut points, mut of) = (Vec::new(), Vec::new());
        for _ in 0..self.samples {
            let x = Self::padded(rng.uniform(-RADIUS, RADIUS));
            let y = Self::padded(rng.uniform(-RADIUS, RADIUS));
            of.push(Self::class(x + rng.uniform(-noise, noise), y + rng.uniform(-noise, noise)));
            points.push([x, y]);
        }
        Ok(plane(points, of, &["same sign", "other sign"]))
    }
}

settings! {
    /// A disc inside a ring. TensorFlow Playground.
    pub struct Circle {
        /// samples in all
        samples: usize = 400, 2..=limits::SAMPLES;
        /// largest random shift of a point before it gets its class, in parts of the radius
        noise: f64 = 0.0, 0.0..=0.5;
    }
}

impl Source for Circle {
    fn load(&self, _: &dyn Files, seed: u64) -> Result<Dataset, SourceError> {
        let noise = RADIUS * self.noise as f32;
        let mut rng = draws(seed);
        let (mut points, mut of) = (Vec::new(), Vec::new());
        for i in 0..self.samples {
            let inside = i < self.samples / 2;
            let r = if inside { rng.uniform(0.0, 0.5 * RADIUS) } else { rng.uniform(0.7 * RADIUS, RADIUS) };
            let angle = rng.uniform(0.0, std::f32::consts::TAU);
            let (x, y) = (r * libm::sinf(angle), r * libm::cosf(angle));
            let (nx, ny) = (x + rng.uniform(-noise, noise), y + rng.uniform(-noise, noise));
            of.push(u32::from((nx * nx + ny * ny).sqrt() >= 0.5 * RADIUS));
            points.push([x, y]);
        }
        Ok(plane(points, of, &["inside", "outside"]))
    }
}

settings! {
    /// Two clouds about (2, 2) and (-2, -2): the easiest set. TensorFlow Playground.
    pub struct Gauss {
        /// samples in all
        samples: usize = 400, 2..=limits::SAMPLES;
        /// widens the clouds: their variance is 0.5 + 7 noise
        noise: f64 = 0.0, 0.0..=0.5;
    }
}

impl Source for Gauss {
    fn load(&self, _: &dyn Files, seed: u64) -> Result<Dataset, SourceError> {
        let spread = (0.5 + 7.0 * self.noise).sqrt() as f32;
        let mut rng = draws(seed);
        let (mut points, mut of) = (Vec::new(), Vec::new());
        for i in 0..self.samples {
            let class = u32::from(i >= self.samples / 2);
            let centre = if class == 0 { 2.0 } else { -2.0 };
            points.push([centre + spread * rng.normal(), centre + spread * rng.normal()]);
            of.push(class);
        }
        Ok(plane(points, of, &["upper", "lower"]))
    }
}
