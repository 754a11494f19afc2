//! Tests of the lab in a pseudo-terminal, with all faults of terminals, shells and connections. Each module covers one
//! kind of fault.
#![cfg(target_os = "linux")]

mod disk;
mod ends;
mod input;
mod line;
mod pty;
mod record;
mod shell;
mod space;
mod start;
mod taken_up;
