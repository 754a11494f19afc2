//! Recordings: any text is one, or is refused with the number of a line.

#![no_main]

use gradtui::ui::record::recording;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = recording::read(text);
});
