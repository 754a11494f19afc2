//! Texts for engines that distribute a sweep over machines: a script for sbatch, and a line for GNU parallel.

use super::task;
use crate::cli::BadInput;
use crate::scenario::sweep::SweepPlan;
use std::ffi::OsStr;
use std::path::Path;

/// A path for a shell, absolute if it names a file, and quoted if necessary.
pub fn quoted(path: &OsStr, file: bool) -> Result<String, BadInput> {
    let path =
        if file { std::path::absolute(path).map_err(|e| BadInput::new(e.to_string()))? } else { path.into() };
    let Some(text) = path.to_str() else {
        return Err(BadInput::new("a path that is not UTF-8 cannot be printed in a script"));
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:=@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return Ok(text.into());
    }
    if text.contains(crate::text::harmful) {
        return Err(BadInput::new("a path with control characters cannot be printed in a script"));
    }
    Ok(single(text))
}

/// A text in single quotes for a shell.
fn single(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// This program, the sweep and its directory as words of a shell.
fn words(sweep: &OsStr, out: &Path) -> Result<[String; 3], BadInput> {
    let program = std::env::current_exe().map_err(|e| BadInput::new(e.to_string()))?;
    let file = Path::new(sweep).exists();
    Ok([quoted(program.as_os_str(), true)?, quoted(sweep, file)?, quoted(out.as_os_str(), true)?])
}

/// The largest number of a task that Slurm takes as it is installed: its MaxArraySize is 1001.
const LARGEST: u64 = 1000;

/// A script for sbatch, for a number of tasks or for a list of them, and a warning if Slurm may refuse it.
pub fn slurm(
    plan: &SweepPlan,
    sweep: &OsStr,
    out: &Path,
    (tasks, array): (u64, Option<&str>),
) -> Result<(String, Option<String>), BadInput> {
    let [program, sweep, out] = words(sweep, out)?;
    let ids = array.map(task::ids).transpose().map_err(BadInput::new)?;
    let (tasks, last) = match &ids {
        Some(ids) => (ids.len() as u64, ids.last().copied().unwrap_or(0)),
        None => (tasks, tasks - 1),
    };
    let list = array.map_or_else(|| format!("0-{last}"), |list| list.replace(' ', ""));
    let listed = if array.is_some() { format!(" --array {list}") } else { String::new() };
    let warning = (last > LARGEST).then(|| {
        format!("Slurm takes task numbers up to {LARGEST} only, unless its MaxArraySize is larger; this list ends at {last}\n")
    });
    // `exec` replaces the shell by the program, so that the program itself gets the signals. Otherwise the script's
    // shell would get SIGTERM and end, and the program would be killed with its work unsaved.
    let text = format!(
        "#!/bin/sh
# {} trainings in {tasks} tasks that share a directory. Submit it again to go on; tasks that are done end at once.
#SBATCH --job-name=sweep
#SBATCH --array={list}
#SBATCH --cpus-per-task=2
#SBATCH --time=01:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=sweep-%A_%a.log
# SIGTERM comes a minute before the time is over; B: sends it to the script, whose place the program takes.
#SBATCH --signal=B:TERM@60
exec {program} sweep {sweep} --out {out} --threads \"${{SLURM_CPUS_PER_TASK:-1}}\"{listed}
",
        plan.cells()
    );
    Ok((text, warning))
}

/// The line for GNU parallel. `exec` leaves no shell in between, so that the job log records the signal that killed a
/// job.
pub fn parallel(sweep: &OsStr, out: &Path, tasks: u64) -> Result<String, BadInput> {
    let [program, sweep, out] = words(sweep, out)?;
    let command = format!("exec {program} sweep {sweep} --out {out} --threads 1 --task {{}}/{tasks}");
    // GNU parallel gives the command to a shell a second time.
    let command = if command.contains('\'') { single(&command) } else { command };
    Ok(format!("parallel --joblog sweep.joblog --resume-failed {command} ::: $(seq {tasks})\n"))
}
