//! The measured steps of a lane in bounded memory: all of the first ones, ever fewer of
//! the later ones, and always the newest.

use crate::telemetry::MeasuredStep;
use std::sync::Arc;

/// The marks of a lane over time.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    kept: Vec<Arc<MeasuredStep>>,
    /// After the first marks, every `stride`-th mark is kept for good.
    stride: u64,
    /// Number of marks since the last one that is kept for good.
    since: u64,
}

impl Marks {
    /// Number of first marks, all of which are kept.
    pub const FIRST: usize = 8;
    /// Largest number of marks that are kept.
    pub const MOST: usize = 264;

    /// Adds a mark.
    pub fn push(&mut self, mark: Arc<MeasuredStep>) {
        self.stride = self.stride.max(1);
        // Until `stride` marks have passed, the newest mark replaces the one before it.
        if self.since > 0 && self.since < self.stride {
            self.kept.pop();
        } else {
            self.since = 0;
        }
        if self.kept.len() == Self::MOST {
            let mut i = 0;
            self.kept.retain(|_| {
                i += 1;
                i <= Self::FIRST || (i - Self::FIRST).is_multiple_of(2)
            });
            self.stride *= 2;
        }
        self.since += 1;
        self.kept.push(mark);
    }

    /// Removes the marks after a step.
    pub fn cut(&mut self, step: u64) {
        self.kept.truncate(self.kept.partition_point(|m| m.step <= step));
        self.since = self.stride;
    }

    /// The newest mark.
    pub fn last(&self) -> Option<&MeasuredStep> {
        self.kept.last().map(|m| &**m)
    }

    /// The marks, oldest first.
    pub fn all(&self) -> &[Arc<MeasuredStep>] {
        &self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::NumberValues;

    fn mark(step: u64) -> Arc<MeasuredStep> {
        Arc::new(MeasuredStep { step, values: NumberValues::default(), layers: Vec::new() })
    }

    #[test]
    fn a_long_run_keeps_its_first_marks_its_newest_and_some_between() {
        let mut marks = Marks::default();
        for step in 1..=10_000 {
            marks.push(mark(step));
            let (all, first) = (marks.all(), (step as usize).min(Marks::FIRST));
            assert!(all.len() <= Marks::MOST && all.last().is_some_and(|m| m.step == step));
            assert!(all[..first].iter().zip(1..).all(|(m, i)| m.step == i));
        }
        let steps: Vec<u64> = marks.all()[Marks::FIRST..].iter().map(|m| m.step).collect();
        assert!(steps.len() >= Marks::MOST / 2 - Marks::FIRST && steps.windows(2).all(|w| w[0] < w[1]));
        let gaps: Vec<u64> = steps.windows(2).map(|w| w[1] - w[0]).collect();
        assert!(gaps[..gaps.len() - 1].iter().all(|g| (32..=128).contains(g)), "{gaps:?}");
        marks.cut(500);
        assert!(marks.all().last().is_some_and(|m| m.step <= 500));
        marks.push(mark(501));
        assert_eq!(marks.all().last().map(|m| m.step), Some(501));
    }
}
