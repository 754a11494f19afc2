//! Scripts of recordings: any bytes are one, or are refused; what was read is read again from what is written.

#![no_main]

use gradtui::ui::record::script;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(found) = script::read(bytes, |_| Ok(())) {
        let again = script::read(found.to_ron("").as_bytes(), |_| Ok(()));
        assert!(again.is_ok_and(|again| again.to_ron("") == found.to_ron("")));
    }
});
