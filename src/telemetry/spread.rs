//! The range of a number over the seeds of a lane. Plain data.

use crate::number::Number;

/// Least, median and greatest of some numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Band {
    /// Least.
    pub min: f32,
    /// The middle value; for an even count, the mean of the two middle values.
    pub median: f32,
    /// Greatest.
    pub max: f32,
}

impl Band {
    /// The band of these numbers without NaN; `None` if there are none.
    pub fn of(numbers: impl Iterator<Item = f32>) -> Option<Self> {
        let mut sorted: Vec<f32> = numbers.filter(|x| !x.is_nan()).collect();
        sorted.sort_unstable_by(f32::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let n = sorted.len();
        Some(Self { min, median: f32::midpoint(sorted[(n - 1) / 2], sorted[n / 2]), max })
    }

    /// Whether two ranges do not overlap: the lanes differ by more than their seeds do.
    pub fn apart(&self, other: &Self) -> bool {
        self.min > other.max || self.max < other.min
    }
}

/// The range of a lane's numbers over its seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    /// Number of seeds, including diverged ones.
    pub seeds: u32,
    /// Seeds that diverged; the ranges cover only the others.
    pub lost: u32,
    bands: [Option<Band>; Number::ALL.len()],
}

impl Spread {
    /// A spread of this many seeds, of which this many diverged, without bands yet.
    pub fn new(seeds: u32, lost: u32) -> Self {
        Self { seeds, lost, ..Self::default() }
    }

    /// The band of a number, if it has one.
    pub fn band(&self, number: Number) -> Option<Band> {
        self.bands[number as usize]
    }

    /// Sets a band, or removes it with `None`.
    pub fn set(&mut self, number: Number, band: Option<Band>) {
        self.bands[number as usize] = band;
    }

    /// A copy with one more band.
    #[must_use]
    pub fn with(mut self, number: Number, band: Band) -> Self {
        self.set(number, Some(band));
        self
    }

    /// The number by which lanes are compared: validation accuracy, or the validation loss without classes.
    pub fn judged_by(&self) -> Option<(Number, Band)> {
        let by = |number| Some((number, self.band(number)?));
        by(Number::ValAccuracy).or_else(|| by(Number::ValLoss))
    }

    /// Whether two lanes differ by more than their seeds do.
    pub fn apart(&self, other: &Self) -> bool {
        let (Some((a, mine)), Some((b, theirs))) = (self.judged_by(), other.judged_by()) else {
            return false;
        };
        a == b && mine.apart(&theirs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_is_the_range_of_what_is_a_number() {
        let of = |x: &[f32]| Band::of(x.iter().copied());
        assert_eq!(of(&[3.0, 1.0, 2.0]), Some(Band { min: 1.0, median: 2.0, max: 3.0 }));
        assert_eq!(of(&[4.0, 1.0]), Some(Band { min: 1.0, median: 2.5, max: 4.0 }));
        assert_eq!(of(&[f32::NAN, 7.0]), of(&[7.0]));
        assert_eq!(of(&[f32::NAN]), None);
    }

    #[test]
    fn ranges_that_touch_are_not_apart() {
        let band = |min, max| Band { min, median: min, max };
        assert!(band(0.0, 1.0).apart(&band(1.5, 2.0)) && band(1.5, 2.0).apart(&band(0.0, 1.0)));
        assert!(!band(0.0, 1.0).apart(&band(1.0, 2.0)));
        assert!(!band(0.0, 3.0).apart(&band(1.0, 2.0)));
    }
}
