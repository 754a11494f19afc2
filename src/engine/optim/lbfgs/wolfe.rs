//! A line search for the strong Wolfe conditions. Knows a function of one number, no network.
//!
//! # Reference
//! Nocedal & Wright, Numerical Optimisation, 2nd ed. 2006, algorithms 3.5 and 3.6; if changes are within the noise of
//! f32, the approximate condition is used, by Hager & Zhang 2005, doi:10.1137/030601880.

/// Constant of the sufficient decrease condition.
const C1: f64 = 1e-4;
/// Constant of the curvature condition.
const C2: f64 = 0.9;
/// Relative noise of a loss that is summed in f32.
const NOISE: f64 = 1e-6;

/// The function at one step length.
#[derive(Clone, Copy, Debug)]
pub struct LinePoint {
    /// The step length.
    pub at: f64,
    /// The loss there.
    pub loss: f64,
    /// Its derivative along the direction.
    pub slope: f64,
}

/// A step length at which the loss has decreased and its slope is small, after at most `max_eval` evaluations beyond
/// the one at 0; otherwise the best length tried, or 0 if none is better than no step.
///
/// `first` is the first length to try.
pub fn search(mut evaluate: impl FnMut(f64) -> LinePoint, first: f64, max_eval: usize) -> f64 {
    let start = evaluate(0.0);
    if start.slope >= 0.0 || !start.loss.is_finite() || first <= 0.0 {
        return 0.0;
    }
    let noise = NOISE * start.loss.abs();
    let decreases = |p: LinePoint| {
        p.loss <= start.loss + C1 * p.at * start.slope
            || ((p.loss - start.loss).abs() <= noise && p.slope <= (2.0 * C1 - 1.0) * start.slope)
    };
    let flat = |p: LinePoint| p.slope.abs() <= -C2 * start.slope;
    // The step is lengthened until a minimum lies between two trials.
    let (mut low, mut trial, mut left) = (start, first, max_eval);
    let mut high = loop {
        if left == 0 {
            return low.at;
        }
        left -= 1;
        let p = evaluate(trial);
        if !p.loss.is_finite() || !decreases(p) || p.loss > low.loss + noise {
            break p;
        }
        if flat(p) {
            return p.at;
        }
        if p.slope >= 0.0 {
            break std::mem::replace(&mut low, p);
        }
        let (near, far) = (p.at + 0.1 * (p.at - low.at), 10.0 * p.at);
        trial = cubic_minimum(low, p).map_or(far, |t| t.clamp(near, far));
        low = p;
    };
    // The interval is shrunk; `low` always is its better end.
    while left > 0 && (high.at - low.at).abs() > 1e-9 * first {
        left -= 1;
        let (a, b) = if low.at < high.at { (low.at, high.at) } else { (high.at, low.at) };
        let margin = 0.1 * (b - a);
        let middle = 0.5 * (a + b);
        let trial = if high.loss.is_finite() { cubic_minimum(low, high).unwrap_or(middle) } else { middle };
        let p = evaluate(trial.clamp(a + margin, b - margin));
        if !p.loss.is_finite() || !decreases(p) || p.loss > low.loss + noise {
            high = p;
            continue;
        }
        if flat(p) {
            return p.at;
        }
        if p.slope * (high.at - low.at) >= 0.0 {
            high = low;
        }
        low = p;
    }
    low.at
}

/// The minimum of the cubic through two points with their slopes.
fn cubic_minimum(a: LinePoint, b: LinePoint) -> Option<f64> {
    let d1 = a.slope + b.slope - 3.0 * (a.loss - b.loss) / (a.at - b.at);
    let square = d1 * d1 - a.slope * b.slope;
    let d2 = square.sqrt() * if b.at >= a.at { 1.0 } else { -1.0 };
    let t = b.at - (b.at - a.at) * (b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2);
    (square >= 0.0 && t.is_finite()).then_some(t)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(f: impl Fn(f64) -> (f64, f64), first: f64) {
        let at = |t: f64| {
            let (loss, slope) = f(t);
            LinePoint { at: t, loss, slope }
        };
        let (start, end) = (at(0.0), at(search(at, first, 40)));
        assert!(end.at > 0.0, "stood still");
        assert!(end.loss <= start.loss + C1 * end.at * start.slope, "{start:?} {end:?}");
        assert!(end.slope.abs() <= -C2 * start.slope, "{start:?} {end:?}");
    }

    #[test]
    fn the_conditions_hold_from_trials_far_too_short_and_too_long() {
        for first in [1e-6, 1e-3, 1.0, 30.0, 1e4] {
            accepted(|t| ((t - 2.0) * (t - 2.0), 2.0 * (t - 2.0)), first);
            accepted(|t| (-t / (t * t + 2.0), (t * t - 2.0) / ((t * t + 2.0) * (t * t + 2.0))), first);
            // The function is not finite beyond 5.
            accepted(
                |t| if t > 5.0 { (f64::NAN, f64::NAN) } else { ((t - 3.0).powi(4), 4.0 * (t - 3.0).powi(3)) },
                first,
            );
        }
    }

    #[test]
    fn uphill_it_stands_still() {
        let length = search(|t| LinePoint { at: t, loss: t, slope: 1.0 }, 1.0, 20);
        assert_eq!(length, 0.0);
    }
}
