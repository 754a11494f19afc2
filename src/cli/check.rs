//! `gradtui check`: reports what was read, all faults of scenarios and of the data that they name, and probable
//! mistakes.

use super::{BadInput, open, print, print_err};
use crate::lab::lesson::of_scenario;
use crate::scenario::inspect;
use std::ffi::OsString;

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// Presets or files; sweeps too, of which time and memory are estimated
    #[arg(value_name = "SCENARIO", required = true)]
    scenarios: Vec<OsString>,
    /// Take warnings as faults
    #[arg(long)]
    strict: bool,
}

impl CheckArgs {
    /// Checks all of them; reports for each what was read, and probable mistakes.
    pub fn run(self) -> anyhow::Result<()> {
        let (mut fine, mut faults, mut warnings) = (String::new(), Vec::new(), Vec::new());
        for name in &self.scenarios {
            if super::sweep::names(name) {
                match super::sweep::read(name).and_then(|ready| ready.summary()) {
                    Ok(summary) => fine += &summary,
                    Err(BadInput(messages)) => faults.extend(messages),
                }
                continue;
            }
            match open(name) {
                Err(BadInput(messages)) => faults.extend(messages),
                Ok(opened) => match inspect(&opened.text, opened.files()).and_then(|checked| {
                    of_scenario(&opened.text, &checked.scenario)?;
                    Ok(checked)
                }) {
                    Ok(checked) => {
                        let lanes = checked.scenario.lanes.len();
                        let plural = if lanes == 1 { "" } else { "s" };
                        fine.extend([&opened.name, ": fine, ", &lanes.to_string(), " lane", plural, "\n"]);
                        fine.extend(checked.data.reading.lines().flat_map(|line| ["  ", line, "\n"]));
                        warnings.extend(opened.warnings(&checked.warnings));
                    }
                    Err(found) => faults.extend(opened.faults(&found).0),
                },
            }
        }
        print(&fine)?;
        if self.strict {
            faults.append(&mut warnings);
        }
        for warning in warnings {
            print_err(&(warning + "\n"));
        }
        if faults.is_empty() { Ok(()) } else { Err(BadInput(faults).into()) }
    }
}
