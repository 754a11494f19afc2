//! Threads for large files: the second half of a piece of work gets a thread of its own while the first is done.

use crate::engine::team::Team;
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, scope};

/// A team that starts a thread for each second half. This pays for work of milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Halves;

impl Team for Halves {
    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        let b = Mutex::new(b);
        let second = || b.lock().unwrap_or_else(PoisonError::into_inner)();
        scope(|scope| {
            let other = Builder::new().name("reader".into()).spawn_scoped(scope, second);
            a();
            if other.is_err() {
                second();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_run_at_the_same_time() {
        let both = std::sync::Barrier::new(2);
        let (mut a, mut b) = (false, false);
        let meet = |done: &mut bool| {
            both.wait();
            *done = true;
        };
        Halves.join(&mut || meet(&mut a), &mut || meet(&mut b));
        assert!(a && b);
    }
}
