//! `gradtui check`: all faults of scenarios, and of the data that they name.

use super::{BadInput, open, print};
use crate::scenario::read_with_data;
use std::ffi::OsString;

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub struct Check {
    /// Presets or files
    #[arg(value_name = "SCENARIO", required = true)]
    scenarios: Vec<OsString>,
}

impl Check {
    /// Checks all of them, and says which are fine.
    pub fn run(self) -> anyhow::Result<()> {
        let (mut fine, mut faults) = (String::new(), Vec::new());
        for name in &self.scenarios {
            match open(name) {
                Err(BadInput(messages)) => faults.extend(messages),
                Ok(opened) => match read_with_data(&opened.text, opened.files()) {
                    Ok((scenario, _)) => {
                        let lanes = scenario.lanes.len();
                        let plural = if lanes == 1 { "" } else { "s" };
                        fine.extend([&opened.name, ": fine, ", &lanes.to_string(), " lane", plural, "\n"]);
                    }
                    Err(found) => faults.extend(opened.faults(&found).0),
                },
            }
        }
        print(&fine)?;
        if faults.is_empty() { Ok(()) } else { Err(BadInput(faults).into()) }
    }
}
