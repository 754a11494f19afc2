//! Arrays in IDX files, packed and not: any bytes are read or refused, and no length in them takes memory.

#![no_main]

use gradtui::engine::data::idx;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = idx::array(bytes);
});
