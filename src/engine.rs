//! All arithmetic: arrays in, arrays out. Knows no file, clock, thread or terminal.
//!
//! A [`network::Network`] is a list of [`layer::Layer`]s without state. Its parameters lie in one contiguous buffer and
//! its gradients in a second buffer of the same layout. A pass writes to a [`network::Workspace`], which is made once
//! for a batch size. So forward and backward passes borrow the network as shared, a snapshot is one copy, and the
//! training step allocates nothing.

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
