//! Somebody to share work with. The engine starts no thread: who has threads lends them through this.
//!
//! Which numbers are computed together never depends on the team: work is cut by what there is to do, and a team of
//! one does the pieces one after the other.

mod each;

/// Does two pieces of work, at the same time where it can.
pub trait Team: Send + Sync + std::fmt::Debug {
    /// Returns when both are done.
    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send));

    /// Whether somebody may have time to help just now: a hint, on which no number may depend.
    fn free(&self) -> bool {
        true
    }
}

/// Nobody to share with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl Team for Alone {
    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        a();
        b();
    }

    fn free(&self) -> bool {
        false
    }
}
