//! Faults on order, for tests of what happens then: the environment names one (`GRADTUI_FAULT=panic-worker:1`). Knows nobody
//! who asks; without the feature `faults`, which no release has, nothing is ever ordered.

/// Whether this fault was ordered.
#[cfg(feature = "faults")]
pub fn ordered(fault: &str) -> bool {
    std::env::var("GRADTUI_FAULT").is_ok_and(|wanted| wanted == fault)
}

/// Whether this fault was ordered.
#[cfg(not(feature = "faults"))]
pub fn ordered(_: &str) -> bool {
    false
}
