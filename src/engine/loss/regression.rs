//! Losses of the difference between outputs and target values.

use super::entrywise::entrywise;
use crate::registry::settings;

settings! {
    /// Mean squared error (x - t)²; class targets count as one-hot vectors.
    pub struct Mse {}
}

entrywise!(Mse, |_| |x: f32, t: f32| {
    let r = x - t;
    (r * r, 2.0 * r)
});

settings! {
    /// Mean absolute error |x - t|: an outlier pulls no harder than any other sample.
    pub struct Mae {}
}

entrywise!(Mae, |_| |x: f32, t: f32| {
    let r = x - t;
    (r.abs(), sign(r))
});

settings! {
    /// Squared near zero, linear beyond `delta`: r²/2, else delta (|r| - delta/2). Huber 1964.
    pub struct Huber {
        /// error from which on the loss is linear
        delta: f64 = 1.0, 1e-6..=1e6;
    }
}

entrywise!(Huber, |s| {
    let delta = s.delta as f32;
    move |x: f32, t: f32| huber(x - t, delta)
});

settings! {
    /// Huber's loss divided by `beta`: slope ±1 far out. Girshick 2015, arXiv:1504.08083.
    pub struct SmoothL1 {
        /// error from which on the loss is linear
        beta: f64 = 1.0, 1e-6..=1e6;
    }
}

entrywise!(SmoothL1, |s| {
    let beta = s.beta as f32;
    move |x: f32, t: f32| {
        let (loss, slope) = huber(x - t, beta);
        (loss / beta, slope / beta)
    }
});

fn huber(r: f32, delta: f32) -> (f32, f32) {
    if r.abs() <= delta { (0.5 * r * r, r) } else { (delta * (r.abs() - 0.5 * delta), delta * sign(r)) }
}

/// -1, 0 or 1; unlike `f32::signum`, 0 for 0, and NaN for NaN.
fn sign(x: f32) -> f32 {
    if x > 0.0 {
        1.0
    } else if x < 0.0 {
        -1.0
    } else {
        x
    }
}
