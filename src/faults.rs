//! Faults that tests inject on purpose, to see how the program handles them. Only the test program `faults` injects
//! one; `gradtui` itself never does, whatever its environment says. Knows nothing of the code that asks.

use std::sync::OnceLock;

static ORDERED: OnceLock<String> = OnceLock::new();

/// Injects a fault, such as `panic-worker:1`, for the rest of the process.
pub fn order(fault: String) {
    let _ = ORDERED.set(fault);
}

/// Whether this fault was injected.
pub fn ordered(fault: &str) -> bool {
    ORDERED.get().is_some_and(|wanted| wanted == fault)
}
