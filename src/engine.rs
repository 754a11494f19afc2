//! Arrays in, arrays out: everything that is arithmetic. Knows no file, clock, thread or terminal.
//!
//! A [`network::Network`] is a list of [`layer::Layer`]s without state. Its parameters lie in one contiguous buffer, its
//! gradients in a second of the same layout, and what a pass writes lies in a [`network::Workspace`] made once for a
//! batch size. So forward and backward borrow the network shared, a snapshot is one copy, and the training step
//! allocates nothing.

pub mod attack;
pub mod augment;
pub mod clip;
pub mod data;
pub mod defence;
pub mod diagnostics;
pub mod init;
pub mod kernel;
pub mod layer;
pub mod loss;
pub mod network;
pub mod optim;
pub mod regularise;
pub mod rng;
pub mod robust;
pub mod schedule;
pub mod shape;
pub mod surface;
pub mod team;
