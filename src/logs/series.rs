//! The series of a log in bounded memory: of every series a summary of all its points, and some of them.

use super::Out;
use super::layers::{self, Layers, Order};
use std::collections::HashMap;

/// Points of a series that are kept; beyond twice as many every other one is dropped.
const KEPT: usize = 2048;

/// A point.
pub type Point = (f64, f64);

/// One series of numbers.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// Its name in the log.
    pub name: String,
    /// Its points in all, those that are not finite included.
    pub points: u64,
    /// Value of the first point.
    pub first: f64,
    /// Value of the last point.
    pub last: f64,
    /// The least finite value; infinite where there is none.
    pub min: f64,
    /// The greatest finite value; infinite where there is none.
    pub max: f64,
    /// Points that are NaN.
    pub nan: u64,
    /// Points that are infinite.
    pub inf: u64,
    /// Steps of the first and of the last point.
    pub steps: (f64, f64),
    /// Whether it is the norm of the numbers of a histogram; `Some(false)`: estimated from its bins.
    pub histogram: Option<bool>,
    /// One point of so many is kept.
    stride: u64,
    kept: Vec<Point>,
}

impl Series {
    fn new(name: &str, histogram: Option<bool>) -> Self {
        let ends = (f64::INFINITY, f64::NEG_INFINITY);
        Self { name: name.into(), min: ends.0, max: ends.1, stride: 1, histogram, ..Self::default() }
    }

    fn push(&mut self, step: f64, value: f64) {
        if self.points == 0 {
            (self.first, self.steps.0) = (value, step);
        }
        (self.last, self.steps.1) = (value, step);
        if value.is_nan() {
            self.nan += 1;
        } else if value.is_infinite() {
            self.inf += 1;
        } else {
            (self.min, self.max) = (self.min.min(value), self.max.max(value));
        }
        if self.points.is_multiple_of(self.stride) {
            if self.kept.len() >= 2 * KEPT {
                let mut at = 0;
                self.kept.retain(|_| {
                    at += 1;
                    at % 2 == 1
                });
                self.stride *= 2;
            }
            self.kept.push((step, value));
        }
        self.points += 1;
    }

    /// Points in the order of the log: all, or some of many; the last one always.
    pub fn points(&self) -> impl Iterator<Item = Point> + '_ {
        let last = (self.points > 0 && !(self.points - 1).is_multiple_of(self.stride))
            .then_some((self.steps.1, self.last));
        self.kept.iter().copied().chain(last)
    }
}

/// Everything that the log of one run told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Its series in the order of their appearance.
    pub series: Vec<Series>,
    /// Remarks: damage, lines that were left out. Each once.
    pub remarks: Vec<String>,
    /// Points of all series.
    pub points: u64,
    /// How often all was told anew.
    pub restarts: u64,
    places: HashMap<String, usize>,
}

impl Told {
    /// A series by its name.
    pub fn get(&self, name: &str) -> Option<&Series> {
        self.places.get(name).map(|i| &self.series[*i])
    }

    /// The layers whose gradient norms are told, if there are some, in this order; `None`: in that of their appearance, if the
    /// numbers in their names rise or fall.
    pub fn layers(&self, order: Option<Order>) -> Layers {
        layers::of(self.series.iter().map(|s| &s.name[..]), order)
    }

    fn place(&mut self, name: &str, histogram: Option<bool>) -> &mut Series {
        let next = self.series.len();
        let at = self.places.get(name).copied().unwrap_or(next);
        if at == next {
            self.places.insert(name.into(), next);
            self.series.push(Series::new(name, histogram));
        }
        &mut self.series[at]
    }

    /// Norms of layers at the steps where all are told, in the order of steps.
    pub fn norms(&self, layers: &Layers) -> Vec<(f64, Vec<f64>)> {
        let mut rows: HashMap<u64, Vec<Vec<f64>>> = HashMap::new();
        let mut members = vec![0; layers.names.len()];
        for (series, layer) in &layers.members {
            members[*layer] += 1;
            // Where a step was told twice, the later value holds.
            let mut newest: HashMap<u64, f64> = HashMap::new();
            for (step, value) in self.series[*series].points() {
                newest.insert(step.to_bits(), value);
            }
            for (step, value) in newest {
                rows.entry(step).or_insert_with(|| vec![Vec::new(); layers.names.len()])[*layer].push(value);
            }
        }
        let whole = |norms: &Vec<Vec<f64>>| norms.iter().zip(&members).all(|(n, m)| n.len() == *m);
        // Norms of other orders, as of infinity, are joined in the same way: the log has nothing better to compare layers by.
        let join = |norms: Vec<f64>| norms.into_iter().map(|x| x * x).sum::<f64>().sqrt();
        let joined = |norms: Vec<Vec<f64>>| norms.into_iter().map(join).collect();
        let rows = rows.into_iter().filter(|(_, norms)| whole(norms));
        let mut rows: Vec<(f64, Vec<f64>)> =
            rows.map(|(step, norms)| (f64::from_bits(step), joined(norms))).collect();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        rows
    }
}

impl Out for Told {
    fn restart(&mut self) {
        let (remarks, restarts) = (std::mem::take(&mut self.remarks), self.restarts + 1);
        *self = Self { remarks, restarts, ..Self::default() };
    }

    fn point(&mut self, series: &str, step: f64, value: f64) {
        self.points += 1;
        self.place(series, None).push(step, value);
    }

    fn norm(&mut self, histogram: &str, step: f64, value: f64, exact: bool) {
        self.points += 1;
        self.place(histogram, Some(exact)).push(step, value);
    }

    fn say(&mut self, words: String) {
        if !self.remarks.contains(&words) {
            self.remarks.push(words);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_series_keeps_some_points_and_the_summary_of_all() {
        let mut told = Told::default();
        for i in 0..100_000u32 {
            told.point("loss", f64::from(i), if i == 500 { f64::NAN } else { -f64::from(i) });
        }
        let series = told.get("loss").expect("told");
        assert_eq!((series.points, series.nan, series.min, series.max), (100_000, 1, -99_999.0, 0.0));
        let kept: Vec<Point> = series.points().collect();
        assert!((KEPT..=2 * KEPT + 1).contains(&kept.len()), "{}", kept.len());
        assert_eq!((kept[0].0, kept[kept.len() - 1].0), (0.0, 99_999.0));
        assert!(kept.windows(2).all(|w| w[0].0 < w[1].0));
    }

    #[test]
    fn norms_of_weight_and_bias_make_that_of_their_layer() {
        let mut told = Told::default();
        for step in [0.0, 1.0] {
            told.point("grad_norm/a.weight", step, 3.0);
            told.point("grad_norm/a.bias", step, 4.0 + step);
            told.point("grad_norm/b.weight", step, 1.0);
        }
        told.point("grad_norm/a.weight", 2.0, 3.0);
        let layers = told.layers(None);
        assert_eq!(layers.names, ["a", "b"]);
        assert_eq!(told.norms(&layers), [(0.0, vec![5.0, 1.0]), (1.0, vec![34f64.sqrt(), 1.0])]);
    }
}
