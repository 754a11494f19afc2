//! The series of a log in bounded memory: a summary of all points of each series, and a sample of the points.

use super::LogSink;
use super::layers::{self, LayerOrder, LogLayers};
use std::collections::HashMap;

/// Points of a series that are kept; when there are twice as many, every other one is dropped.
const KEPT: usize = 2048;

/// A point.
pub type SeriesPoint = (f64, f64);

/// One series of numbers.
#[derive(Clone, Debug, Default)]
pub struct LogSeries {
    /// Its name in the log.
    pub name: String,
    /// Number of its points, including those that are not finite.
    pub points: u64,
    /// Value of the first point.
    pub first: f64,
    /// Value of the last point.
    pub last: f64,
    /// The least finite value; infinite if there is none.
    pub min: f64,
    /// The greatest finite value; negative infinite if there is none.
    pub max: f64,
    /// Points that are NaN or `null`.
    pub nan: u64,
    /// Points that are infinite.
    pub inf: u64,
    /// Steps of the first and of the last point.
    pub steps: (f64, f64),
    /// Whether it is the norm of the numbers in a histogram: `Some(false)` if it is estimated from the bins.
    pub histogram: Option<bool>,
    /// One point in this many is kept.
    stride: u64,
    kept: Vec<SeriesPoint>,
    /// Number of points that are not `null`.
    numbers: u64,
    /// The newest point that is not `null`.
    newest: SeriesPoint,
    /// Whether a number came after a `null`: then `null` is a missing value in this series.
    gaps: bool,
    /// The step of the first `null` behind the newest number.
    null_from: Option<f64>,
}

impl LogSeries {
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
        self.gaps |= self.null_from.take().is_some();
        self.newest = (step, value);
        if self.numbers.is_multiple_of(self.stride) {
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
        self.numbers += 1;
        self.points += 1;
    }

    fn push_null(&mut self, step: f64) {
        if self.points == 0 {
            (self.first, self.steps.0) = (f64::NAN, step);
        }
        (self.last, self.steps.1) = (f64::NAN, step);
        self.null_from.get_or_insert(step);
        self.nan += 1;
        self.points += 1;
    }

    /// The kept points in the order of the log, and always the last point. A `null` is a missing value and no point,
    /// except where a series that had a number every time has nothing but `null` to its end: many programs write NaN
    /// so. The first and the last of these are points.
    pub fn points(&self) -> impl Iterator<Item = SeriesPoint> + '_ {
        let last =
            (self.numbers > 0 && !(self.numbers - 1).is_multiple_of(self.stride)).then_some(self.newest);
        let lost = self.null_from.filter(|_| self.numbers > 0 && !self.gaps);
        let end = lost.filter(|from| *from != self.steps.1).map(|_| self.steps.1);
        let lost = lost.into_iter().chain(end).map(|step| (step, f64::NAN));
        self.kept.iter().copied().chain(last).chain(lost)
    }
}

/// The content of the log of one run.
#[derive(Clone, Debug, Default)]
pub struct LogContent {
    /// Its series in the order of their appearance.
    pub series: Vec<LogSeries>,
    /// Remarks, each once: damage, lines that were left out.
    pub remarks: Vec<String>,
    /// Number of points of all series.
    pub points: u64,
    /// How often the log was read again from its beginning.
    pub restarts: u64,
    /// Whether another file has begun and no point of it was read yet.
    renewed: bool,
    places: HashMap<String, usize>,
}

impl LogContent {
    /// A series by its name.
    pub fn get(&self, name: &str) -> Option<&LogSeries> {
        self.places.get(name).map(|i| &self.series[*i])
    }

    /// The layers whose gradient norms are logged, in this order. `None`: in the order of their appearance, reversed if
    /// the numbers in their names fall.
    pub fn layers(&self, order: Option<LayerOrder>) -> LogLayers {
        layers::of(self.series.iter().map(|s| &s.name[..]), order)
    }

    fn place(&mut self, name: &str, histogram: Option<bool>) -> &mut LogSeries {
        let next = self.series.len();
        let at = self.places.get(name).copied().unwrap_or(next);
        if at == next {
            self.places.insert(name.into(), next);
            self.series.push(LogSeries::new(name, histogram));
        }
        &mut self.series[at]
    }

    /// A point at this step follows.
    fn reach(&mut self, step: f64) {
        if std::mem::take(&mut self.renewed) && self.series.iter().any(|s| s.steps.1 > step) {
            self.restart();
        }
        self.points += 1;
    }

    /// The sum of the squares of these series at the steps at which all of them have a point.
    pub fn squares(&self, members: &[usize]) -> Vec<(f64, f64)> {
        let mut sums: HashMap<u64, (usize, f64)> = HashMap::new();
        for series in members {
            let points: HashMap<u64, f64> =
                self.series[*series].points().map(|(step, x)| (step.to_bits(), x)).collect();
            for (step, x) in points {
                let sum = sums.entry(step).or_default();
                *sum = (sum.0 + 1, sum.1 + x * x);
            }
        }
        let whole = sums.into_iter().filter(|(_, (n, _))| *n == members.len());
        let mut out: Vec<(f64, f64)> = whole.map(|(step, (_, sum))| (f64::from_bits(step), sum)).collect();
        out.sort_by(|a, b| a.0.total_cmp(&b.0));
        out
    }

    /// Norms of layers at the steps at which all layers have one, in the order of steps. If there is no such step, since
    /// each row of the log holds one layer only, consecutive rows make one until all layers have a norm.
    pub fn norms(&self, layers: &LogLayers) -> Vec<(f64, Vec<f64>)> {
        let none = vec![None; layers.members.len()];
        let mut steps: HashMap<u64, Vec<Option<f64>>> = HashMap::new();
        for (member, (series, _)) in layers.members.iter().enumerate() {
            // If a step has two values, the later one counts.
            for (step, value) in self.series[*series].points() {
                steps.entry(step.to_bits()).or_insert_with(|| none.clone())[member] = Some(value);
            }
        }
        let mut rows: Vec<(f64, Vec<Option<f64>>)> =
            steps.into_iter().map(|(step, norms)| (f64::from_bits(step), norms)).collect();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        let whole = |norms: &[Option<f64>]| norms.iter().all(Option::is_some);
        if rows.iter().any(|(_, norms)| whole(norms)) {
            rows.retain(|(_, norms)| whole(norms));
        } else {
            let mut joined = none.clone();
            rows.retain_mut(|(_, norms)| {
                joined.iter_mut().zip(&*norms).for_each(|(all, norm)| *all = norm.or(*all));
                let complete = whole(&joined);
                if complete {
                    *norms = std::mem::replace(&mut joined, none.clone());
                }
                complete
            });
        }
        // Norms of other orders, such as the infinity norm, are joined in the same way: the log offers nothing better
        // for comparing layers.
        let of_layers = |norms: Vec<Option<f64>>| {
            let mut squares = vec![0.0; layers.names.len()];
            for ((_, layer), norm) in layers.members.iter().zip(norms.into_iter().flatten()) {
                squares[*layer] += norm * norm;
            }
            squares.into_iter().map(f64::sqrt).collect()
        };
        rows.into_iter().map(|(step, norms)| (step, of_layers(norms))).collect()
    }
}

impl LogSink for LogContent {
    fn restart(&mut self) {
        let (remarks, restarts) = (std::mem::take(&mut self.remarks), self.restarts + 1);
        *self = Self { remarks, restarts, ..Self::default() };
    }

    fn renew(&mut self) {
        self.renewed = true;
    }

    fn point(&mut self, series: &str, step: f64, value: f64) {
        self.reach(step);
        self.place(series, None).push(step, value);
    }

    fn null(&mut self, series: &str, step: f64) {
        self.reach(step);
        self.place(series, None).push_null(step);
    }

    fn norm(&mut self, histogram: &str, step: f64, value: f64, exact: bool) {
        self.reach(step);
        self.place(histogram, Some(exact)).push(step, value);
    }

    fn remark(&mut self, words: String) {
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
        let mut content = LogContent::default();
        for i in 0..100_000u32 {
            content.point("loss", f64::from(i), if i == 500 { f64::NAN } else { -f64::from(i) });
        }
        let series = content.get("loss").expect("told");
        assert_eq!((series.points, series.nan, series.min, series.max), (100_000, 1, -99_999.0, 0.0));
        let kept: Vec<SeriesPoint> = series.points().collect();
        assert!((KEPT..=2 * KEPT + 1).contains(&kept.len()), "{}", kept.len());
        assert_eq!((kept[0].0, kept[kept.len() - 1].0), (0.0, 99_999.0));
        assert!(kept.windows(2).all(|w| w[0].0 < w[1].0));
    }

    #[test]
    fn null_is_a_missing_value_unless_numbers_end_with_it() {
        let of = |values: &[Option<f64>]| {
            let mut content = LogContent::default();
            values.iter().zip(0..).for_each(|(value, step)| content.value("loss", step.into(), *value));
            let series = content.get("loss").expect("told");
            assert_eq!(series.points, values.len() as u64, "every null is counted");
            let point = |(step, x): SeriesPoint| (step, x.is_finite().then_some(x));
            series.points().map(point).collect::<Vec<_>>()
        };
        assert_eq!(of(&[None, Some(2.0), None, Some(1.0), None]), [(1.0, Some(2.0)), (3.0, Some(1.0))]);
        assert_eq!(of(&[Some(2.0), None, None, None]), [(0.0, Some(2.0)), (1.0, None), (3.0, None)]);
        assert_eq!(of(&[None, None]), [], "no number was ever there");
    }

    #[test]
    fn norms_of_weight_and_bias_make_that_of_their_layer() {
        let mut content = LogContent::default();
        for step in [0.0, 1.0] {
            content.point("grad_norm/a.weight", step, 3.0);
            content.point("grad_norm/a.bias", step, 4.0 + step);
            content.point("grad_norm/b.weight", step, 1.0);
        }
        content.point("grad_norm/a.weight", 2.0, 3.0);
        let layers = content.layers(None);
        assert_eq!(layers.names, ["a", "b"]);
        assert_eq!(content.norms(&layers), [(0.0, vec![5.0, 1.0]), (1.0, vec![34f64.sqrt(), 1.0])]);
    }

    #[test]
    fn rows_with_one_layer_each_are_joined() {
        let mut content = LogContent::default();
        for (step, norm) in (0u32..).zip([1.0, 2.0, 3.0, 4.0, 5.0]) {
            let layer = if step % 2 == 0 { "grad_norm/a.weight" } else { "grad_norm/b.weight" };
            content.point(layer, step.into(), norm);
        }
        let layers = content.layers(None);
        assert_eq!(content.norms(&layers), [(1.0, vec![1.0, 2.0]), (3.0, vec![3.0, 4.0])]);
    }
}
