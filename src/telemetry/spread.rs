//! What several seeds of one lane have in common: the range of a number over them. Plain data.

/// Least, median and greatest of some numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Band {
    /// Least.
    pub min: f32,
    /// In the middle; of an even count, the mean of the two there.
    pub median: f32,
    /// Greatest.
    pub max: f32,
}

impl Band {
    /// Of these numbers without NaN; `None` of none.
    pub fn of(numbers: impl Iterator<Item = f32>) -> Option<Self> {
        let mut sorted: Vec<f32> = numbers.filter(|x| !x.is_nan()).collect();
        sorted.sort_unstable_by(f32::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let n = sorted.len();
        Some(Self { min, median: f32::midpoint(sorted[(n - 1) / 2], sorted[n / 2]), max })
    }

    /// Whether two ranges have nothing in common: the difference is larger than what the seed makes.
    pub fn apart(&self, other: &Self) -> bool {
        self.min > other.max || self.max < other.min
    }
}

/// The range of a lane's numbers over its seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    /// Seeds in all, those that were lost included.
    pub seeds: u32,
    /// Seeds whose numbers ran away; the ranges are those of the others.
    pub lost: u32,
    /// Of the loss.
    pub loss: Band,
    /// Of the share of hits, where there are classes.
    pub accuracy: Option<Band>,
    /// Of the gradient's norm before clipping; `None` of an evaluation.
    pub grad_norm: Option<Band>,
}

impl Spread {
    /// By what lanes are compared: the share of hits, or the loss without classes.
    pub fn judged_by(&self) -> Band {
        self.accuracy.unwrap_or(self.loss)
    }

    /// Whether two lanes differ by more than their seeds do.
    pub fn apart(&self, other: &Self) -> bool {
        self.accuracy.is_some() == other.accuracy.is_some() && self.judged_by().apart(&other.judged_by())
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
