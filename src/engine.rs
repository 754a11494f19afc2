//! Arrays in, arrays out: everything that is arithmetic. Knows no file, clock, thread or terminal.

pub mod kernel;
