//! Faults on order, for tests of what happens then. The test program `faults` orders one; `gradtui` itself never does,
//! whatever its environment says. Knows nobody who asks.

use std::sync::OnceLock;

static ORDERED: OnceLock<String> = OnceLock::new();

/// Orders a fault, such as `panic-worker:1`, for the rest of the process.
pub fn order(fault: String) {
    let _ = ORDERED.set(fault);
}

/// Whether this fault was ordered.
pub fn ordered(fault: &str) -> bool {
    ORDERED.get().is_some_and(|wanted| wanted == fault)
}
