//! A team of threads that shares work. The engine starts no thread; the caller lends its threads through this trait.
//!
//! How work is cut never depends on the team, only on the amount of work; a team of one does the pieces one after the
//! other.

mod each;

/// Runs two pieces of work, at the same time if possible.
pub trait Team: Send + Sync + std::fmt::Debug {
    /// Returns when both are done.
    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send));

    /// Whether a thread may be idle now: a hint, on which no number may depend.
    fn free(&self) -> bool {
        true
    }

    /// Whether the work in progress is cancelled: a pass then stops before its next layer or sample, and its results
    /// must not be used.
    fn left(&self) -> bool {
        false
    }
}

/// A team of one thread, the caller's.
#[derive(Clone, Copy, Debug, Default)]
pub struct SingleThread;

impl Team for SingleThread {
    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        a();
        b();
    }

    fn free(&self) -> bool {
        false
    }
}
