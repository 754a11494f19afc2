//! `gradtui diff`: describes in words how two scenarios differ, lane by lane and setting by setting.

use super::{BadInput, CommandEnd, open, print};
use crate::scenario::{Scenario, read};
use crate::text::escaped;
use std::ffi::OsString;
use std::path::Path;

/// Arguments of `diff`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 no difference, 1 some, 2 the input is at fault.")]
pub struct DiffArgs {
    /// A preset, a file, or the directory of a run
    #[arg(value_name = "A")]
    a: OsString,
    /// Another one
    #[arg(value_name = "B")]
    b: OsString,
}

/// Opens a scenario; returns it with its name.
fn scenario(name: &OsString) -> Result<(Scenario, String), BadInput> {
    let inside = Path::new(name).join("scenario.ron");
    let opened = open(if inside.is_file() { inside.as_os_str() } else { name })?;
    let scenario = read(&opened.text).map_err(|faults| opened.faults(&faults))?;
    Ok((scenario, opened.name))
}

impl DiffArgs {
    /// Compares them.
    pub fn run(self) -> anyhow::Result<()> {
        let ((a, from), (b, to)) = (scenario(&self.a)?, scenario(&self.b)?);
        let all = a.differences(&b);
        if all.is_empty() {
            return print(&format!("{from} and {to} are the same experiment\n"));
        }
        let mut out = format!("from {from} to {to}:\n");
        for difference in &all {
            out.extend(["  ", &escaped(&difference.to_string()), "\n"]);
        }
        if all.iter().all(|d| !d.trains) {
            out.push_str("they train alike: only what is told, expected or shown differs\n");
        }
        print(&out)?;
        Err(CommandEnd(1, String::new()).into())
    }
}
