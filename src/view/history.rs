//! Curves in bounded memory: the recent past at full resolution, the whole run as ranges that grow coarser.

use std::collections::VecDeque;

/// The x coordinates of a point on every axis.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AxisPosition {
    /// Steps.
    pub step: f64,
    /// Passes over the training samples.
    pub epoch: f64,
    /// Seconds of training.
    pub seconds: f64,
    /// Gradient evaluations.
    pub evaluations: f64,
}

/// Some neighbouring measurements as one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Coordinates of the newest of them.
    pub at: AxisPosition,
    /// Least finite value; infinite if there was none.
    pub min: f32,
    /// Greatest finite value; negative infinite if there was none.
    pub max: f32,
    /// Newest value; NaN or infinity is drawn as a gap.
    pub last: f32,
}

impl Bucket {
    fn merge(self, newer: Self) -> Self {
        Self { at: newer.at, min: self.min.min(newer.min), max: self.max.max(newer.max), last: newer.last }
    }
}

/// A curve: every measurement of the recent past and ranges for the whole run.
#[derive(Clone, Debug, Default)]
pub struct History {
    recent: VecDeque<Bucket>,
    whole: Vec<Bucket>,
    /// Measurements in a full bucket of `whole`.
    stride: usize,
    /// Measurements in the newest bucket of `whole`.
    filled: usize,
}

impl History {
    /// Measurements kept as they are.
    pub const RECENT: usize = 1024;
    /// Buckets for the whole run.
    pub const WHOLE: usize = 1024;

    /// Adds a measurement, with the range of values since the previous one.
    pub fn push(&mut self, at: AxisPosition, min: f32, value: f32, max: f32) {
        let finite = |v: f32, none: f32| if v.is_finite() { v } else { none };
        let bucket = Bucket {
            at,
            min: finite(min, f32::INFINITY).min(finite(value, f32::INFINITY)),
            max: finite(max, f32::NEG_INFINITY).max(finite(value, f32::NEG_INFINITY)),
            last: value,
        };
        if self.recent.len() == Self::RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(bucket);
        self.stride = self.stride.max(1);
        match self.whole.last_mut() {
            Some(newest) if self.filled < self.stride => {
                *newest = newest.merge(bucket);
                self.filled += 1;
            }
            _ => {
                if self.whole.len() == Self::WHOLE {
                    self.halve();
                }
                self.whole.push(bucket);
                self.filled = 1;
            }
        }
    }

    /// Merges the buckets of the whole run in pairs.
    fn halve(&mut self) {
        for i in 0..self.whole.len() / 2 {
            self.whole[i] = self.whole[2 * i].merge(self.whole[2 * i + 1]);
        }
        self.whole.truncate(self.whole.len() / 2);
        self.stride *= 2;
    }

    /// Removes the measurements after a step and returns them as a curve of their own.
    #[must_use]
    pub fn split(&mut self, step: u64) -> Self {
        let stays = |b: &Bucket| b.at.step <= step as f64;
        let whole = self.whole.split_off(self.whole.partition_point(stays));
        let recent = self.recent.split_off(self.recent.partition_point(stays));
        let ahead = Self { recent, whole, stride: self.stride, filled: self.stride };
        // The next measurement begins a new range.
        self.filled = self.stride;
        ahead
    }

    /// Puts an earlier curve before this one, or replaces this one if the two overlap.
    pub fn precede(&mut self, mut earlier: Self) {
        let first = self.whole.first().map_or(f64::INFINITY, |b| b.at.step);
        let behind = earlier.whole.last().is_some_and(|b| b.at.step > first);
        if behind {
            // The removed part reached further back than the earlier curve ends, so the earlier curve replaces all of
            // it.
            *self = earlier;
            return;
        }
        earlier.whole.append(&mut self.whole);
        earlier.recent.append(&mut self.recent);
        while earlier.whole.len() > Self::WHOLE {
            earlier.halve();
        }
        while earlier.recent.len() > Self::RECENT {
            earlier.recent.pop_front();
        }
        *self = earlier;
    }

    /// The whole run, oldest first, at most [`History::WHOLE`] buckets.
    pub fn whole(&self) -> &[Bucket] {
        &self.whole
    }

    /// The newest measurements one by one, oldest first.
    pub fn recent(&self) -> impl DoubleEndedIterator<Item = &Bucket> + ExactSizeIterator {
        self.recent.iter()
    }

    /// The newest measurement.
    pub fn last(&self) -> Option<&Bucket> {
        self.recent.back()
    }
}

/// One column of a map over time.
#[derive(Clone, Debug, PartialEq)]
pub struct MapColumn {
    /// The newest step in it.
    pub step: u64,
    /// One value per row, if it has one; merged columns keep the newest.
    pub values: Vec<Option<f32>>,
}

/// Columns over time in bounded memory: when full, every second one is dropped.
#[derive(Clone, Debug, Default)]
pub struct MapColumns {
    kept: Vec<MapColumn>,
    /// The first step of all.
    first: u64,
    stride: usize,
    filled: usize,
}

impl MapColumns {
    /// Columns kept.
    pub const MOST: usize = 512;

    /// Adds a column.
    pub fn push(&mut self, step: u64, values: &[Option<f32>]) {
        self.stride = self.stride.max(1);
        if self.kept.is_empty() {
            self.first = step;
        }
        match self.kept.last_mut() {
            Some(newest) if self.filled < self.stride => {
                newest.step = step;
                newest.values.clear();
                newest.values.extend_from_slice(values);
                self.filled += 1;
            }
            _ => {
                if self.kept.len() == Self::MOST {
                    let mut i = 0;
                    self.kept.retain(|_| {
                        i += 1;
                        i % 2 == 0
                    });
                    self.stride *= 2;
                }
                self.kept.push(MapColumn { step, values: values.to_vec() });
                self.filled = 1;
            }
        }
    }

    /// Forgets the columns after a step.
    pub fn cut(&mut self, step: u64) {
        self.kept.truncate(self.kept.partition_point(|c| c.step <= step));
        self.filled = self.stride;
    }

    /// The columns, oldest first.
    pub fn columns(&self) -> &[MapColumn] {
        &self.kept
    }

    /// The first step that was measured; no column covers the steps before it.
    pub fn first(&self) -> u64 {
        self.first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_stays_bounded_and_keeps_its_extremes() {
        let mut h = History::default();
        let mut c = MapColumns::default();
        for i in 0..1_000_000u32 {
            let v = if i == 345_678 { 99.0 } else { (i % 7) as f32 };
            h.push(AxisPosition { step: f64::from(i), ..AxisPosition::default() }, v, v, v);
            c.push(u64::from(i), &[Some(v), None]);
        }
        assert!(h.whole().len() <= History::WHOLE && h.recent().len() == History::RECENT);
        assert!(c.columns().len() <= MapColumns::MOST);
        assert!(h.whole().iter().any(|b| b.max == 99.0), "the spike is still there");
        assert!(h.whole().windows(2).all(|w| w[0].at.step < w[1].at.step));
        assert_eq!(c.columns().last().map(|c| c.step), Some(999_999));
        assert_eq!(h.last().map(|b| b.at.step), Some(999_999.0));
    }

    #[test]
    fn a_curve_is_cut_at_a_step_and_what_lay_ahead_is_put_together() {
        let mut h = History::default();
        let add = |h: &mut History, steps: std::ops::Range<u32>| {
            for i in steps {
                h.push(AxisPosition { step: f64::from(i), ..AxisPosition::default() }, 0.0, i as f32, 9.0);
            }
        };
        add(&mut h, 0..100);
        let mut ghost = h.split(60);
        assert_eq!((h.last().map(|b| b.at.step), h.whole().len()), (Some(60.0), 61));
        assert_eq!((ghost.whole()[0].at.step, ghost.last().map(|b| b.at.step)), (61.0, Some(99.0)));
        add(&mut h, 61..70);
        ghost.precede(h.split(30));
        let steps: Vec<f64> = ghost.whole().iter().map(|b| b.at.step).collect();
        assert_eq!((steps.len(), steps[0], steps[38]), (39, 31.0, 69.0), "the newer way gives the ghost");
        add(&mut h, 31..90);
        let cut = h.split(20);
        let mut last = History::default();
        last.precede(cut);
        assert_eq!(last.last().map(|b| b.at.step), Some(89.0));
        for i in 0..5 {
            let mut long = History::default();
            add(&mut long, 0..5000);
            ghost.precede(long.split(10 * i));
            assert!(ghost.whole().len() <= History::WHOLE && ghost.recent().len() <= History::RECENT);
        }
    }

    #[test]
    fn values_that_are_not_finite_leave_the_range_alone() {
        let mut h = History::default();
        h.push(AxisPosition::default(), f32::NAN, f32::NAN, f32::INFINITY);
        h.push(AxisPosition::default(), 1.0, 2.0, 3.0);
        let first = h.whole()[0];
        assert!(first.min > first.max && first.last.is_nan(), "nothing finite: an empty range");
        assert_eq!((h.whole()[1].min, h.whole()[1].max), (1.0, 3.0));
    }
}
