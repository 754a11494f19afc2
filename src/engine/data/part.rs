//! Selects, shuffles and divides samples, inputs and labels together.

use super::{Labels, Samples};
use crate::engine::rng::Stream;
use crate::engine::team::Team;

/// Pairs of rows that are drawn before they are swapped, and those that are read before.
const DRAWN: usize = 1 << 18;
const AT_ONCE: usize = 256;

impl Samples {
    /// These samples, in this order.
    #[must_use]
    pub fn pick(&self, which: &[usize]) -> Self {
        let n = self.shape.size();
        let mut inputs = Vec::with_capacity(which.len() * n);
        for &i in which {
            inputs.extend_from_slice(self.input(i));
        }
        Self { shape: self.shape, inputs, labels: self.labels.pick(which, self.shape.rows_of().0) }
    }

    /// Shuffles in place: millions of small samples would need as much memory again for their order.
    pub(super) fn shuffle(&mut self, rng: &mut Stream, team: &dyn Team) {
        let (n, steps) = (self.shape.size(), self.shape.rows_of().0);
        let len = self.len();
        let mut swaps = rng.swaps(len);
        let mut some = Vec::with_capacity(DRAWN.min(len));
        loop {
            some.clear();
            some.extend(swaps.by_ref().take(DRAWN));
            if some.is_empty() {
                return;
            }
            let (inputs, labels) = (&mut self.inputs, &mut self.labels);
            team.join(&mut || swap_all(inputs, n, &some), &mut || match labels {
                Labels::Classes { of, .. } => swap_all(of, 1, &some),
                Labels::StepClasses { of, .. } => swap_all(of, steps, &some),
                Labels::Values { of, shape } => swap_all(of, shape.size(), &some),
            });
        }
    }

    /// Takes out the samples that are marked; the others stay, both in order.
    pub(super) fn take(&mut self, marked: &[bool]) -> Self {
        let labels = self.labels.take(self.shape.rows_of().0, marked);
        Self { shape: self.shape, inputs: take(&mut self.inputs, self.shape.size(), marked), labels }
    }

    /// Keeps the first `n` samples.
    pub(super) fn truncate(&mut self, n: usize) {
        self.inputs.truncate(n.saturating_mul(self.shape.size()));
        match &mut self.labels {
            Labels::Classes { of, .. } => of.truncate(n),
            Labels::StepClasses { of, .. } => of.truncate(n.saturating_mul(self.shape.rows_of().0)),
            Labels::Values { of, shape } => of.truncate(n.saturating_mul(shape.size())),
        }
    }
}

impl Labels {
    /// Takes out the labels of the samples that are marked.
    pub(super) fn take(&mut self, steps: usize, marked: &[bool]) -> Self {
        match self {
            Self::Classes { of, names } => Self::Classes { of: take(of, 1, marked), names: names.clone() },
            Self::StepClasses { of, names } => {
                Self::StepClasses { of: take(of, steps, marked), names: names.clone() }
            }
            Self::Values { of, shape } => Self::Values { of: take(of, shape.size(), marked), shape: *shape },
        }
    }

    /// The labels of these samples, in this order; each sample has this many time steps.
    #[must_use]
    pub(super) fn pick(&self, which: &[usize], steps: usize) -> Self {
        fn rows<T: Copy>(of: &[T], n: usize, which: &[usize]) -> Vec<T> {
            which.iter().flat_map(|&i| &of[i * n..(i + 1) * n]).copied().collect()
        }
        match self {
            Self::Classes { of, names } => Self::Classes { of: rows(of, 1, which), names: names.clone() },
            Self::StepClasses { of, names } => {
                Self::StepClasses { of: rows(of, steps, which), names: names.clone() }
            }
            Self::Values { of, shape } => Self::Values { of: rows(of, shape.size(), which), shape: *shape },
        }
    }
}

/// Swaps these rows of `n` values, one pair after the other. Reading some of them first lets the memory fetch many at
/// the same time.
fn swap_all<T: Copy>(of: &mut [T], n: usize, rows: &[(usize, usize)]) {
    for some in rows.chunks(AT_ONCE) {
        for &(_, j) in some {
            std::hint::black_box(of.get(j * n).copied());
        }
        for &(i, j) in some {
            swap(of, n, i, j);
        }
    }
}

/// Swaps two rows of `n` values; `j` is at most `i`.
fn swap<T>(of: &mut [T], n: usize, i: usize, j: usize) {
    if j < i {
        let (before, from_i) = of.split_at_mut(i * n);
        before[j * n..(j + 1) * n].swap_with_slice(&mut from_i[..n]);
    }
}

/// Takes out the marked rows of `n` values.
fn take<T: Copy>(of: &mut Vec<T>, n: usize, marked: &[bool]) -> Vec<T> {
    let mut out = Vec::with_capacity(marked.iter().filter(|taken| **taken).count() * n);
    let mut kept = 0;
    for (i, taken) in marked.iter().enumerate() {
        let row = i * n..(i + 1) * n;
        if *taken {
            out.extend_from_slice(&of[row]);
        } else {
            of.copy_within(row, kept);
            kept += n;
        }
    }
    of.truncate(kept);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rng::Purpose;
    use crate::engine::shape::Shape;
    use crate::engine::team::SingleThread;

    #[test]
    fn inputs_and_labels_are_shuffled_and_divided_together() {
        let mut order: Vec<usize> = (0..50).collect();
        Stream::new(7, Purpose::Split, 0, 0).shuffle(&mut order);
        let (shape, steps) = (Shape::Sequence { steps: 2, features: 1 }, vec!["a".into(); 100]);
        for labels in [
            Labels::Classes { of: (0..50).collect(), names: steps.clone() },
            Labels::StepClasses { of: (0..100).collect(), names: steps },
            Labels::Values { of: (0..150).map(|i| i as f32).collect(), shape: Shape::Flat(3) },
        ] {
            let samples = Samples { shape, inputs: (0..100).map(|i| i as f32).collect(), labels };
            let mut ours = samples.clone();
            ours.shuffle(&mut Stream::new(7, Purpose::Split, 0, 0), &SingleThread);
            assert_eq!(ours, samples.pick(&order));
            let marked: Vec<bool> = (0..50).map(|i| i % 3 == 0).collect();
            let places =
                |taken| (0..50).filter(|&i| marked[i] == taken).map(|i| order[i]).collect::<Vec<_>>();
            let taken = ours.take(&marked);
            assert_eq!((taken, &ours), (samples.pick(&places(true)), &samples.pick(&places(false))));
            ours.truncate(4);
            assert_eq!(ours, samples.pick(&places(false)[..4]));
        }
    }
}
