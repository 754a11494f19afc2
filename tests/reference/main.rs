//! The reference suite: compares the engine with every case of `data/`, computed in float64 by PyTorch, optax and
//! others.
//!
//! `cargo test reference` runs just this. `GRADTUI_REFERENCE` names another folder of the same form. Each kind prints
//! how many of its cases ran and which were skipped; `reference_kinds` names kinds that no module runs.

mod harness;

mod attacks;
mod clipping;
mod diagnostics;
mod gradient_flow;
mod inits;
mod layers;
mod libraries;
mod losses;
mod nets;
mod optimizers;
mod optimizers_extra;
mod schedules;
mod testfunctions;
mod toydata;
mod traces;

/// The kinds that a module of this crate runs; the others are reported as skipped.
const KINDS: &[&str] = &[
    "attack_models",
    "attacks",
    "layers",
    "losses",
    "inits",
    "traces",
    "gradient_flow",
    "diagnostics",
    "optimizers",
    "optimizers_extra",
    "schedules",
    "clipping",
    "testfunctions",
    "toydata",
];

#[test]
fn reference_kinds() {
    harness::report_unknown_kinds(KINDS);
}
