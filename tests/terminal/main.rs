//! Life and death in a terminal: the lab in a pseudo-terminal, with everything that terminals, shells and lines do to it.
//! The numbers in the names of the files' sections are those of the catalogue of faults.
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
