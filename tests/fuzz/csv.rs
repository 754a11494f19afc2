//! Tables, with all settings found by themselves: any bytes are a data set, or are refused.

#![no_main]

use gradtui::engine::data::table::Csv;
use gradtui::engine::data::{DirectoryEntry, Files, Source};
use libfuzzer_sys::fuzz_target;

/// One file under every name.
struct OneFile<'a>(&'a [u8]);

impl Files for OneFile<'_> {
    fn read(&self, _: &str, _: u64) -> Result<Vec<u8>, String> {
        Ok(self.0.to_vec())
    }
    fn list(&self, _: &str) -> Result<Vec<DirectoryEntry>, String> {
        Err("there are no directories".into())
    }
}

fuzz_target!(|bytes: &[u8]| {
    for regression in [false, true] {
        let _ = Csv { path: "t.csv".into(), regression, ..Csv::default() }.load(&OneFile(bytes), 1);
    }
});
