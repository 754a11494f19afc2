//! Reports the progress of the last checkpoint of a run if writing it takes long. Writes no checkpoint itself.

use super::print_err;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

/// After this time the user is told that saving takes long.
const LONG: Duration = Duration::from_millis(700);

/// The wait for the last checkpoint.
#[derive(Debug)]
pub struct CheckpointWait {
    begun: Instant,
    bar: Option<ProgressBar>,
}

impl CheckpointWait {
    /// Starts now.
    pub fn new() -> Self {
        Self { begun: Instant::now(), bar: None }
    }

    /// Reports how many bytes are on the disk, out of the total.
    pub fn show(&mut self, done: u64, all: u64) {
        if self.begun.elapsed() < LONG {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let mib = all.div_ceil(1 << 20);
            print_err(&format!(
                "saving the run, {mib} MiB; until it is done, the checkpoint before it stays good\n"
            ));
            let bar =
                if std::io::stderr().is_terminal() { ProgressBar::new(all) } else { ProgressBar::hidden() };
            if let Ok(style) = ProgressStyle::with_template("{bar:24} {bytes} of {total_bytes}") {
                bar.set_style(style);
            }
            bar
        });
        bar.set_length(all);
        bar.set_position(done);
    }
}

impl Drop for CheckpointWait {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
