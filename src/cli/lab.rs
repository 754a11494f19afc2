//! `gradtui [SCENARIO]`: opens the lab on a new run.

use super::display::Display;
use super::opening::{HangupOptions, prepare, unfit};
use super::{open, plain};
use crate::lab::preset;
use crate::ui::terminal::fit;
use std::ffi::OsString;
use std::path::PathBuf;

/// Arguments of the lab.
#[derive(Debug, clap::Args)]
pub struct LabArgs {
    /// A preset or a file; the first preset without
    #[arg(value_name = "SCENARIO")]
    scenario: Option<OsString>,
    /// Workers; results do not depend on it
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u64).range(1..=64))]
    threads: Option<u64>,
    /// Write the run to this new or empty directory instead of one of its own
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    display: Display,
    /// Line by line, commands typed: for screen readers, pipes and terminals that cannot draw
    #[arg(long)]
    plain: bool,
    #[command(flatten)]
    line: HangupOptions,
}

impl LabArgs {
    /// Opens the lab.
    pub fn run(self) -> anyhow::Result<()> {
        if !self.plain {
            fit().map_err(|e| unfit(&e))?;
        }
        let shown = self.display.choose()?;
        let opened = open(self.scenario.as_deref().unwrap_or(preset::ALL[0].name.as_ref()))?;
        let mut opening = prepare(opened, self.out.as_deref(), self.threads, shown)?;
        if self.scenario.is_none() {
            opening.notices.extend(super::learn::offer(self.plain));
        }
        opening.lesson = super::learn::shipped();
        if self.plain { plain::show(opening) } else { opening.show(&self.line) }
    }
}
