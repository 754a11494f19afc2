//! `gradtui verify`: trains a run again and reports whether every hash, every number of its log and every state is the
//! same.

use super::{BadInput, CommandEnd, print};
use crate::lab::proof::{VerificationResult, VerificationSettings, prove};
use crate::limits;
use crate::text::escaped;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::PathBuf;

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    /// The directory of a run: one that `run --out` wrote, or one of the lab's
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Only the first steps
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=limits::STEPS as u64))]
    steps: Option<u64>,
    /// Only this lane, and those from which it comes; may be given several times
    #[arg(long, value_name = "NAME")]
    lane: Vec<String>,
    /// Begin at the older of the two checkpoints instead of at the start
    #[arg(long)]
    from_checkpoint: bool,
    /// Workers; results do not depend on it
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u64).range(1..=64))]
    threads: Option<u64>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

impl VerifyArgs {
    /// Trains it again.
    pub fn run(self) -> anyhow::Result<()> {
        let order = VerificationSettings {
            threads: self.threads.map(|n| n as usize),
            steps: self.steps,
            lanes: self.lane,
            from_checkpoint: self.from_checkpoint,
        };
        let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("training again {bar:24} step {pos} of {len}") {
            bar.set_style(style);
        }
        let proved = prove(&self.run, &order, &mut |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        });
        bar.finish_and_clear();
        let verdict = proved.map_err(BadInput)?;
        print(&if self.json { object(&verdict) } else { words(&verdict) })?;
        if verdict.holds() { Ok(()) } else { Err(CommandEnd(1, String::new()).into()) }
    }
}

/// A number with its noun: `1 line`, `14 lines`.
fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// The verdict in words, with the first difference first.
fn words(verdict: &VerificationResult) -> String {
    let (from, to) = verdict.steps;
    let mut out = format!("trained again from step {from} to step {to}\n");
    for lane in &verdict.lanes {
        let of = [count(lane.lines, "line"), count(lane.hashes, "hash"), count(lane.states, "state")];
        let of = of.join(", ").replace("hashs", "hashes");
        let _ = writeln!(out, "{:<20} {of} compared", escaped(&lane.lane));
    }
    for note in &verdict.notes {
        let _ = writeln!(out, "note: {}", escaped(note));
    }
    for difference in &verdict.differences {
        let _ = writeln!(out, "differs: {}", escaped(&difference.to_string()));
    }
    out.push_str(if verdict.holds() {
        "verified: every hash and every number is the same\n"
    } else if verdict.differences.is_empty() {
        "not verified: the log holds no line and there is no checkpoint, so there was nothing to compare\n"
    } else {
        "not verified\n"
    });
    out
}

/// The verdict as JSON.
fn object(verdict: &VerificationResult) -> String {
    let lanes = verdict
        .lanes
        .iter()
        .map(|l| json!({ "lane": l.lane, "lines": l.lines, "hashes": l.hashes, "states": l.states }));
    let differences = verdict
        .differences
        .iter()
        .map(|d| json!({ "step": d.step, "lane": d.lane, "file": d.file, "what": d.what }));
    let object = json!({
        "verified": verdict.holds(),
        "from": verdict.steps.0,
        "to": verdict.steps.1,
        "lanes": lanes.collect::<Vec<_>>(),
        "differences": differences.collect::<Vec<_>>(),
        "notes": verdict.notes,
    });
    format!("{object}\n")
}
