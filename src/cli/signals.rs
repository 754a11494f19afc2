//! The signals that a headless run handles. Knows no run.

use crate::ui::terminal::signals::ignored;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXFSZ};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Installs a handler with which a limit on file sizes becomes an error of the write, in every command; without one the
/// process would die. If there can be no handler, nothing changes.
pub fn survive_file_size_limit() {
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
}

/// The signals received so far.
#[derive(Debug, Default)]
pub struct Signals {
    heard: Arc<AtomicUsize>,
}

impl Signals {
    /// Installs the handlers: the first signal sets a flag, a second one ends the process at once. A hang-up signal
    /// that is already ignored (`nohup`) stays ignored.
    ///
    /// # Errors
    /// If a handler cannot be installed.
    pub fn listen() -> std::io::Result<Self> {
        let signals = Self::default();
        let second = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGQUIT, SIGHUP] {
            if signal == SIGHUP && ignored(SIGHUP) {
                continue;
            }
            // The order matters: the shutdown handler must see only the flag of an earlier signal.
            signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&second))?;
            signal_hook::flag::register(signal, Arc::clone(&second))?;
            signal_hook::flag::register_usize(
                signal,
                Arc::clone(&signals.heard),
                signal.unsigned_abs() as usize,
            )?;
        }
        Ok(signals)
    }

    /// The exit code for the received signal, if there was one.
    pub fn exit_code(&self) -> Option<u8> {
        match self.heard.load(Ordering::Relaxed) {
            0 => None,
            signal => Some(128 + signal as u8),
        }
    }
}
