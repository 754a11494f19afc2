//! Scenarios: any text is read, or refused with a place; what was read is read again from what is written.

#![no_main]

use gradtui::{limits, scenario};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match scenario::read(text) {
        Ok(found) => assert_eq!(scenario::read(&found.to_ron()).as_ref(), Ok(&found)),
        Err(faults) => {
            assert!((1..=limits::FAULTS).contains(&faults.len()));
            let lines = text.matches('\n').count() + 1;
            for fault in faults {
                assert!((1..=lines).contains(&fault.line) && fault.column >= 1, "{fault}");
                assert!(!fault.what.contains(gradtui::text::harmful), "{fault:?}");
            }
        }
    }
});
