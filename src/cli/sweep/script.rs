//! Texts for engines that distribute a sweep over machines: a script for sbatch, and a line for GNU parallel.

use crate::cli::BadInput;
use crate::scenario::sweep::SweepPlan;
use std::ffi::OsStr;
use std::path::Path;

/// A path for a shell, absolute if it names a file, and quoted if necessary.
fn quoted(path: &OsStr, file: bool) -> Result<String, BadInput> {
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
    Ok(format!("'{}'", text.replace('\'', "'\\''")))
}

/// This program, the sweep and its directory as words of a shell.
fn words(sweep: &OsStr, out: &Path) -> Result<[String; 3], BadInput> {
    let program = std::env::current_exe().map_err(|e| BadInput::new(e.to_string()))?;
    let file = Path::new(sweep).exists();
    Ok([quoted(program.as_os_str(), true)?, quoted(sweep, file)?, quoted(out.as_os_str(), true)?])
}

/// A script for sbatch.
pub fn slurm(plan: &SweepPlan, sweep: &OsStr, out: &Path, tasks: u64) -> Result<String, BadInput> {
    let [program, sweep, out] = words(sweep, out)?;
    let last = tasks - 1;
    // `exec` replaces the shell by the program, so that the program itself gets the signals. Otherwise the script's
    // shell would get SIGTERM and end, and the program would be killed with its work unsaved.
    Ok(format!(
        "#!/bin/sh
# {} trainings in {tasks} tasks that share a directory. Submit it again to go on; tasks that are done end at once.
#SBATCH --job-name=sweep
#SBATCH --array=0-{last}
#SBATCH --cpus-per-task=2
#SBATCH --time=01:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=sweep-%A_%a.log
# SIGTERM comes a minute before the time is over; B: sends it to the script, whose place the program takes.
#SBATCH --signal=B:TERM@60
exec {program} sweep {sweep} --out {out} --threads \"${{SLURM_CPUS_PER_TASK:-1}}\"
",
        plan.cells()
    ))
}

/// The line for GNU parallel. `exec` leaves no shell in between, so that the job log records the signal that killed a
/// job.
pub fn parallel(sweep: &OsStr, out: &Path, tasks: u64) -> Result<String, BadInput> {
    let [program, sweep, out] = words(sweep, out)?;
    Ok(format!(
        "parallel --joblog sweep.joblog --resume-failed exec {program} sweep {sweep} --out {out} --threads 1 --task {{}}/{tasks} ::: \
         $(seq {tasks})\n"
    ))
}
