//! Threads that lanes share: a lane on its own takes two of them where its batch is worth it.
//!
//! Whoever has nothing to do takes the other half of somebody's work; on a busy machine nobody does, and a lane works
//! both halves off itself. The numbers are the same either way. Knows no lane.

use crate::engine::team::Team;

/// A pool of threads that stay.
#[derive(Debug)]
pub struct Crew(rayon_core::ThreadPool);

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
        pool.map(Self).map_err(std::io::Error::other)
    }

    /// Runs on a thread of the crew, so that sharing its work takes no more than a word to the others.
    pub fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.0.install(work)
    }
}

impl Team for Crew {
    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        self.0.join(a, b);
    }
}
