//! The way a lane predicts: from the input alone, or by a majority vote over many noisy copies of it. The table; knows
//! no attack.

use super::smoothing::Smoothing;
use crate::registry::{registry, settings};

/// A way to get from logits to a predicted class.
pub trait Prediction: Send + Sync {
    /// The noisy copies that vote, if there is a vote.
    fn smoothing(&self) -> Option<&Smoothing> {
        None
    }
}

registry! {
    /// Every way of predicting with which a lane can be evaluated.
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
