//! Threads that lanes share: a single lane uses two of them if its batch is large enough.
//!
//! An idle thread takes the other half of a lane's work. If no thread is idle, the lane computes both halves itself.
//! The numbers are the same either way. Knows no lane.

use crate::engine::team::{SingleThread, Team};
use crate::lab::lane::CancelSignal;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A pool of permanent threads.
#[derive(Debug)]
pub struct Crew {
    pool: rayon_core::ThreadPool,
    /// Number of threads that train a lane, or are about to.
    busy: AtomicUsize,
}

thread_local! {
    /// Whether this thread trains a lane.
    static OCCUPIED: Cell<bool> = const { Cell::new(false) };
}

impl Crew {
    /// Starts this many threads; `mark` runs on each of them first.
    ///
    /// # Errors
    /// If the system cannot start a thread.
    pub fn new(threads: usize, mark: fn()) -> std::io::Result<Self> {
        let pool = rayon_core::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("crew {i}"))
            .start_handler(move |_| mark())
            .build();
        Ok(Self { pool: pool.map_err(std::io::Error::other)?, busy: AtomicUsize::new(0) })
    }

    /// Runs `work` on a thread of the pool, so that a join inside it does not have to enter the pool first.
    pub fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        let _wanted = Count::more(&self.busy);
        self.pool.install(|| {
            // A thread that waits for the other half of its work may run another lane's task in the meantime; it still
            // counts as one busy thread.
            let nested = OCCUPIED.replace(true);
            let _fewer = nested.then(|| Count::less(&self.busy));
            let _occupied = Occupied(nested);
            work()
        })
    }
}

impl Team for Crew {
    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        if self.free() {
            self.pool.join(a, b);
        } else {
            a();
            b();
        }
    }

    fn free(&self) -> bool {
        self.busy.load(Ordering::Relaxed) < self.pool.current_num_threads()
    }
}

/// A lane's access to a crew, if there is one: shares the lane's work, and passes on requests to cancel a step.
#[derive(Debug)]
pub struct Seat {
    crew: Option<Arc<Crew>>,
    leave: Arc<CancelSignal>,
}

impl Seat {
    /// Access to this crew for the lane that owns `leave`.
    pub fn new(crew: Option<Arc<Crew>>, leave: Arc<CancelSignal>) -> Self {
        Self { crew, leave }
    }
}

impl Team for Seat {
    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        match &self.crew {
            Some(crew) => crew.join(a, b),
            None => SingleThread.join(a, b),
        }
    }

    fn free(&self) -> bool {
        self.crew.as_ref().is_some_and(|crew| crew.free())
    }

    fn left(&self) -> bool {
        self.leave.now()
    }
}

/// Adds to a counter as long as the guard lives, also if a panic ends it.
struct Count<'a>(&'a AtomicUsize, usize);

impl<'a> Count<'a> {
    fn more(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count, 1)
    }

    fn less(count: &'a AtomicUsize) -> Self {
        count.fetch_sub(1, Ordering::Relaxed);
        Self(count, usize::MAX)
    }
}

impl Drop for Count<'_> {
    fn drop(&mut self) {
        // Wraps around: subtracting the largest number adds one.
        self.0.fetch_sub(self.1, Ordering::Relaxed);
    }
}

/// The former value of [`OCCUPIED`].
struct Occupied(bool);

impl Drop for Occupied {
    fn drop(&mut self) {
        OCCUPIED.set(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn nobody_is_free_while_each_has_work_of_its_own() {
        let crew = Crew::new(2, || ()).expect("two threads");
        assert!(crew.free());
        crew.run(|| {
            assert!(crew.free(), "the other one");
            crew.run(|| assert!(crew.free(), "work inside work takes no other thread"));
            let both = std::sync::Barrier::new(2);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    crew.run(|| {
                        assert!(!crew.free());
                        both.wait();
                    });
                });
                both.wait();
            });
            assert!(crew.free());
        });
        let panics = catch_unwind(AssertUnwindSafe(|| crew.run(|| panic!("in the work"))));
        assert!(panics.is_err());
        assert_eq!(crew.busy.load(Ordering::Relaxed), 0, "after a panic too");
        crew.run(|| assert!(crew.free()));
    }
}
