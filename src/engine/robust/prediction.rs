//! How a lane answers: by one look at the input, or by the majority of many noisy ones. The table; knows no attack.

use super::smoothing::Smoothing;
use crate::registry::{registry, settings};

/// A way to come from logits to an answer.
pub trait Prediction: Send + Sync {
    /// The noisy looks that vote, if more than one look is taken.
    fn smoothing(&self) -> Option<&Smoothing> {
        None
    }
}

registry! {
    /// Every way to predict that a lane can be evaluated by.
    pub enum PredictionConfig: dyn Prediction {
        Plain(Plain),
        Smoothing(Smoothing),
    }
}

settings! {
    /// One look: the class of the greatest logit.
    pub struct Plain {}
}

impl Prediction for Plain {}

impl Prediction for Smoothing {
    fn smoothing(&self) -> Option<&Smoothing> {
        Some(self)
    }
}
