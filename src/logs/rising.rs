//! The step of a row in a log whose steps may begin anew in every epoch.

/// Joins the epoch and the step within it to a step that rises over all epochs.
#[derive(Debug, Default)]
pub struct RisingStep {
    /// Steps of the epochs before this one.
    before: f64,
    /// Epoch and step of the newest row that had both.
    newest: Option<(f64, f64)>,
    /// The usual distance between two rows.
    distance: f64,
}

impl RisingStep {
    /// The step of the next row. `batch`: whether the number counts batches within an epoch, so that a single batch
    /// that has the same number in each epoch is a new step.
    pub fn at(&mut self, epoch: Option<f64>, step: f64, batch: bool) -> f64 {
        let Some(epoch) = epoch.filter(|epoch| epoch.is_finite() && step.is_finite()) else {
            return self.before + step;
        };
        if let Some((old_epoch, old_step)) = self.newest {
            if epoch > old_epoch && (step < old_step || batch && step == old_step) {
                self.before += old_step - step + self.distance.max(1.0);
            } else if epoch == old_epoch && step > old_step {
                self.distance = step - old_step;
            } else if epoch < old_epoch {
                // The training was resumed from an earlier epoch: its steps are told as they are.
                self.before = if batch { self.before } else { 0.0 };
            }
        }
        self.newest = Some((epoch, step));
        self.before + step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_that_begin_anew_in_every_epoch_rise_over_all_epochs() {
        let of = |batch: bool, rows: &[(f64, f64)]| {
            let mut rising = RisingStep::default();
            rows.iter().map(|&(epoch, step)| rising.at(Some(epoch), step, batch)).collect::<Vec<_>>()
        };
        let batches =
            [(0.0, 0.0), (0.0, 10.0), (0.0, 20.0), (1.0, 0.0), (1.0, 10.0), (1.0, 20.0), (2.0, 0.0)];
        assert_eq!(of(true, &batches), [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
        assert_eq!(of(false, &batches), of(true, &batches), "the same if the number is called a step");
        assert_eq!(of(true, &[(1.0, 1.0), (1.0, 2.0), (2.0, 1.0), (2.0, 2.0)]), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(of(true, &[(0.0, 64.0), (1.0, 64.0), (2.0, 64.0)]), [64.0, 65.0, 66.0]);
        let global = [(0.0, 10.0), (1.0, 20.0), (1.0, 20.0), (2.0, 30.0)];
        assert_eq!(of(false, &global), [10.0, 20.0, 20.0, 30.0], "a step that rises by itself");
        assert_eq!(of(false, &[(0.0, 5.0), (1.0, 9.0), (0.0, 6.0)]), [5.0, 9.0, 6.0], "a resumed training");
    }
}
