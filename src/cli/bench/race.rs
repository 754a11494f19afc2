//! Trains lanes side by side on threads, as fast as possible: no screen, no log, no evaluation.

use crate::lab::runner::crew::Crew;
use crate::lab::trainer::Trainer;
use std::sync::{Barrier, Mutex, PoisonError};

/// Least steps of a lane's turn, and most turns of a lane.
const TURN: usize = 8;
const TURNS: usize = 8;

/// Makes this many steps with each lane; a diverged lane makes no more steps.
pub fn side_by_side(lanes: &mut [Trainer], steps: usize, threads: usize, crew: &Crew) {
    let helpers = threads.min(lanes.len());
    // After another lane's turn, a lane's numbers are no longer in the nearest cache.
    let turn = (steps / TURNS).max(TURN);
    let waiting: Mutex<Vec<_>> = Mutex::new(lanes.iter_mut().map(|lane| (steps, lane)).collect());
    // Every thread gets a lane before the first one starts; otherwise an idle thread would join the first lane's work.
    let together = Barrier::new(helpers);
    let train = || {
        together.wait();
        let lock = || waiting.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            // The least advanced lane.
            let mut free = lock();
            let Some(next) = (0..free.len()).max_by_key(|&i| free[i].0) else { return };
            let (left, lane) = free.swap_remove(next);
            drop(free);
            let now = if helpers == 1 { left } else { left.min(turn) };
            let diverged = (0..now).any(|_| lane.step(false).is_err());
            if left > now && !diverged {
                lock().push((left - now, lane));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..helpers {
            scope.spawn(|| crew.run(train));
        }
        crew.run(train);
    });
}
