//! `gradtui runs`: lists the lab's runs with their sizes; renames one, or deletes some.

use super::{BadInput, CommandEnd, print, print_err, state_dir};
use crate::lab::run_dir::archive::{self, ArchivedRun};
use crate::text::{escaped, excerpt};
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::time::SystemTime;

/// Arguments of `runs`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct RunsArgs {
    #[command(subcommand)]
    act: Option<RunsAction>,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
}

/// The actions on runs.
#[derive(Debug, clap::Subcommand)]
enum RunsAction {
    /// Give a run another name
    Rename {
        /// The run
        #[arg(value_name = "RUN")]
        run: String,
        /// Its new name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Delete runs with their recordings; asks first
    Delete {
        /// The runs
        #[arg(value_name = "RUN", required = true)]
        runs: Vec<String>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

impl RunsArgs {
    /// Lists them, or carries out the given action.
    pub fn run(self) -> anyhow::Result<()> {
        let home = state_dir::runs().map_err(BadInput::new)?;
        let entries = || archive::list(&home).map_err(|e| CommandEnd(1, format!("{}: {e}", home.display())));
        match self.act {
            None if self.json => print(&entries()?.iter().map(json).collect::<String>()),
            None => print(&table(&home.display().to_string(), &entries()?)),
            Some(RunsAction::Rename { run, name }) => {
                archive::rename(&home, &run, &name).map_err(|e| BadInput::new(e.to_string()).into())
            }
            Some(RunsAction::Delete { runs, yes }) => {
                let found = entries()?;
                let bytes: u64 = found.iter().filter(|e| runs.contains(&e.name)).map(|e| e.bytes).sum();
                if !yes && !agreed(&runs, bytes)? {
                    return Err(CommandEnd(1, "nothing is deleted".into()).into());
                }
                let refused: Vec<_> = runs
                    .iter()
                    .filter_map(|run| archive::delete(&home, run).err())
                    .map(|e| e.to_string())
                    .collect();
                if refused.is_empty() { Ok(()) } else { Err(BadInput(refused).into()) }
            }
        }
    }
}

/// Asks the user to confirm the deletion of these runs.
fn agreed(runs: &[String], bytes: u64) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(BadInput::new("there is nobody to ask; --yes deletes without a question").into());
    }
    let names = runs.iter().map(|r| escaped(r)).collect::<Vec<_>>().join(", ");
    print_err(&format!("delete {} ({}) with all recordings? [y/N] ", excerpt(&names, 500), size(bytes)));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

/// A number of bytes in a readable form.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

/// The time since then, in words.
fn ago(then: SystemTime) -> String {
    let seconds = then.elapsed().map_or(0, |d| d.as_secs());
    let (n, unit) = match seconds {
        0..60 => return "just now".into(),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{n} {unit}{} ago", if n == 1 { "" } else { "s" })
}

/// The step, and the steps of the scenario if they are known.
fn progress(entry: &ArchivedRun) -> String {
    match (entry.in_use, entry.steps) {
        (true, _) => format!("{}, in use", entry.step),
        (false, 0) => entry.step.to_string(),
        (false, steps) => format!("{} of {steps}", entry.step),
    }
}

/// All runs in columns, and their total size.
fn table(home: &str, entries: &[ArchivedRun]) -> String {
    let home = escaped(home);
    if entries.is_empty() {
        return format!("no runs in {home}; `gradtui` begins one\n");
    }
    let rows: Vec<[String; 5]> = entries
        .iter()
        .map(|e| {
            let [name, title] = [&e.name, &e.title].map(|t| escaped(&excerpt(t, 60)).into_owned());
            [name, size(e.bytes), ago(e.touched), progress(e), title]
        })
        .collect();
    let heads = ["run", "size", "last written", "step", "scenario"].map(String::from);
    let width = |i: usize| {
        let all = rows.iter().chain([&heads]);
        all.map(|row| row[i].chars().count()).max().unwrap_or(0)
    };
    let widths: [usize; 5] = std::array::from_fn(width);
    let mut out = String::new();
    for row in [&heads].into_iter().chain(&rows) {
        let [name, size, ago, step, title] = row;
        let _ = writeln!(
            out,
            "{name:0$}  {size:>1$}  {ago:2$}  {step:3$}  {title}",
            widths[0], widths[1], widths[2], widths[3]
        );
    }
    let all: u64 = entries.iter().map(|e| e.bytes).sum();
    let plural = if entries.len() == 1 { "" } else { "s" };
    let _ = writeln!(out, "{} run{plural}, {} in {home}", entries.len(), size(all));
    out
}

/// A run as a JSON line.
fn json(entry: &ArchivedRun) -> String {
    let touched = entry.touched.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let ArchivedRun { name, title, step, steps, bytes, in_use, .. } = entry;
    let line = serde_json::json!({
        "run": name, "scenario": title, "step": step, "steps": steps, "bytes": bytes,
        "last_written": touched, "in_use": in_use,
    });
    format!("{line}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn sizes_and_times_are_read_at_a_glance() {
        assert_eq!([0, 1_500, 2_500_000, 3_210_000_000].map(size), ["0 B", "1.5 kB", "2.5 MB", "3.21 GB"]);
        let before = |seconds| ago(SystemTime::now() - Duration::from_secs(seconds));
        assert_eq!(
            [5, 60, 7_300, 200_000].map(before),
            ["just now", "1 minute ago", "2 hours ago", "2 days ago"]
        );
    }

    #[test]
    fn the_table_says_what_each_run_is_and_the_size_of_all() {
        let entry = ArchivedRun {
            name: "spiral-1".into(),
            title: "Two spirals".into(),
            step: 40,
            steps: 4000,
            bytes: 1_200_000,
            touched: SystemTime::now(),
            in_use: false,
        };
        let other = ArchivedRun { name: "b\u{1b}[2J".into(), in_use: true, ..entry.clone() };
        let text = table("/runs", &[entry, other]);
        assert!(
            text.contains("spiral-1") && text.contains("40 of 4000") && text.contains("Two spirals"),
            "{text}"
        );
        assert!(text.contains("40, in use") && text.ends_with("2 runs, 2.4 MB in /runs\n"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text:?}");
        assert!(table("/runs", &[]).contains("no runs"));
    }
}
