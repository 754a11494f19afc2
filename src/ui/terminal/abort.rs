//! The terminal is given back even where the process aborts, as it does when the system gives no more memory. The one place
//! outside the kernels with unsafe code.
#![allow(unsafe_code)]

use super::{Custody, LEAVE};
use rustix::termios::{self, OptionalActions};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// The message after an abort; earlier output was on the alternate screen, which is gone.
const WORDS: &[u8] = b"gradtui was aborted, as it is when the system gives no more memory; `gradtui resume` goes on with a saved run\r\n";

/// Restores the terminal as it is at first when `SIGABRT` comes.
pub(super) fn restore(custody: &Arc<Custody>) -> std::io::Result<()> {
    let before = custody.before.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let custody = Arc::clone(custody);
    let put_back = move || {
        if custody.held.swap(false, Ordering::SeqCst) {
            let (input, output) = (rustix::stdio::stdin(), rustix::stdio::stdout());
            let _ = rustix::io::write(output, LEAVE);
            let _ = rustix::io::write(rustix::stdio::stderr(), WORDS);
            let _ = termios::tcsetattr(input, OptionalActions::Now, &before);
        }
    };
    // SAFETY: what runs inside the handler takes no lock, allocates nothing and cannot panic: an atomic exchange, and system
    // calls on values that were made beforehand. After it the abort goes on.
    unsafe { signal_hook::low_level::register(signal_hook::consts::SIGABRT, put_back)? };
    Ok(())
}
