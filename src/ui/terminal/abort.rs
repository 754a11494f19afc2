//! Restores the terminal even if the process aborts, which it does when the system provides no more memory. The only
//! unsafe code outside the kernels and the allocator settings.
#![allow(unsafe_code)]

use super::{LEAVE, RestoreData};
use rustix::termios::{self, OptionalActions};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// The message after an abort; earlier output was on the alternate screen and is lost.
const WORDS: &[u8] = b"gradtui was aborted, as it is when the system gives no more memory; `gradtui resume` goes on with a saved run\r\n";

/// Restores the terminal's original state on `SIGABRT`.
pub(super) fn restore(custody: &Arc<RestoreData>) -> std::io::Result<()> {
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
    // SAFETY: the handler takes no lock, allocates nothing and cannot panic: it makes an atomic exchange, and system
    // calls with values that were prepared beforehand. Afterwards the abort continues.
    unsafe { signal_hook::low_level::register(signal_hook::consts::SIGABRT, put_back)? };
    Ok(())
}
