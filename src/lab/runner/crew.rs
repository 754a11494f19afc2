//! Threads that lanes share: a lane on its own takes two of them where its batch is worth it.
//!
//! Whoever has nothing to do takes the other half of somebody's work; on a busy machine nobody does, and a lane works
//! both halves off itself. The numbers are the same either way. Knows no lane.

use crate::engine::team::{Alone, Team};
use crate::lab::lane::Leave;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A pool of threads that stay.
#[derive(Debug)]
pub struct Crew {
    pool: rayon_core::ThreadPool,
    /// Threads that have work of their own, or are about to have it.
    busy: AtomicUsize,
}

thread_local! {
    /// Whether this thread has work of its own.
    static OCCUPIED: Cell<bool> = const { Cell::new(false) };
}

impl Crew {
    /// So many threads; `mark` runs on each of them first.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new(threads: usize, mark: fn()) -> std::io::Result<Self> {
        let pool = rayon_core::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("crew {i}"))
            .start_handler(move |_| mark())
            .build();
        Ok(Self { pool: pool.map_err(std::io::Error::other)?, busy: AtomicUsize::new(0) })
    }

    /// Runs on a thread of the crew, so that sharing its work takes no more than a word to the others.
    pub fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        let _wanted = Count::more(&self.busy);
        self.pool.install(|| {
            // Who waits for the other half of a piece of work takes what there is, another's own work too, and is still
            // no more than one thread.
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

/// A lane's seat in a crew, if there is one: shares the lane's work, and hears when the lane is to leave a step.
#[derive(Debug)]
pub struct Seat {
    crew: Option<Arc<Crew>>,
    leave: Arc<Leave>,
}

impl Seat {
    /// In this crew, for the lane that hears this.
    pub fn new(crew: Option<Arc<Crew>>, leave: Arc<Leave>) -> Self {
        Self { crew, leave }
    }
}

impl Team for Seat {
    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        match &self.crew {
            Some(crew) => crew.join(a, b),
            None => Alone.join(a, b),
        }
    }

    fn free(&self) -> bool {
        self.crew.as_ref().is_some_and(|crew| crew.free())
    }

    fn left(&self) -> bool {
        self.leave.now()
    }
}

/// A count that is another one while this lives, a panic included.
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
        // Wraps around: taking away the largest number adds one.
        self.0.fetch_sub(self.1, Ordering::Relaxed);
    }
}

/// What [`OCCUPIED`] was before.
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
