//! Threads that lanes share: a lane on its own takes two of them where its batch is worth it.
//!
//! Whoever has nothing to do takes the other half of somebody's work; on a busy machine nobody does, and a lane works
//! both halves off itself. The numbers are the same either way. Knows no lane.

use crate::engine::team::Team;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A pool of threads that stay.
#[derive(Debug)]
pub struct Crew {
    pool: rayon_core::ThreadPool,
    /// Threads that have work of their own.
    busy: AtomicUsize,
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
        let _busy = Busy::new(&self.busy);
        self.pool.install(work)
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

/// Counted while it lives, a panic included.
struct Busy<'a>(&'a AtomicUsize);

impl<'a> Busy<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
