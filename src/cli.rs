//! The command line: the list of commands, their exit codes and their messages. Each command has a file of its own.
//!
//! Exit codes: 0 done, 1 a run failed or an expectation did not hold, 2 the input is at fault, 130 interrupted.

mod attack;
mod bench;
mod check;
mod completions;
pub(crate) mod diagnose;
mod diff;
mod display;
mod doctor;
mod export;
mod gallery;
mod grade;
mod headless;
mod hook;
mod lab;
mod learn;
mod lesson;
mod list;
mod open;
mod opening;
mod plain;
mod play;
mod player;
mod record;
mod resume;
mod run;
mod runs;
mod saving;
mod serve;
mod show;
mod signals;
mod state_dir;
mod sweep;
mod verify;
mod watch;

pub use lesson::{SKELETON, examine};
pub use open::{OpenedText, Unknown, open};
pub use record::{read_script, record, record_lesson};
pub use resume::{RestoredRun, reopen};

use crate::text::{escaped, escaped_lines, excerpt};
use clap::{CommandFactory as _, Parser, Subcommand};
use std::io::Write as _;
use std::process::ExitCode;

/// Most bytes of one message.
const MESSAGE: usize = 8000;

/// A laboratory for training dynamics: one experiment under several optimizers, side by side, every layer's gradient in view.
#[derive(Debug, Parser)]
#[command(
    name = "gradtui",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Settings, such as look_back, the memory in MiB for going back: config.ron in ~/.config/gradtui.\n\n\
                  Exit codes: 0 done, 1 a run failed, 2 the input is at fault, 130 interrupted."
)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<CliCommand>,
    #[command(flatten)]
    lab: lab::LabArgs,
}

#[derive(Debug, Subcommand)]
enum CliCommand {
    /// List the presets and every layer, loss, optimizer, schedule, clip, attack and data set
    List(list::ListArgs),
    /// Print a preset, to start one's own scenario from
    Show(show::ShowArgs),
    /// Check scenarios and the data they name; all faults as path:line:column
    Check(check::CheckArgs),
    /// Train without a screen
    Run(run::RunArgs),
    /// Train a scenario under many settings and seeds, here or shared among the tasks of a cluster; tell which are best
    Sweep(sweep::SweepArgs),
    /// Train, say what is wrong with a lane and since when, and which single change repairs it
    Diagnose(diagnose::DiagnoseArgs),
    /// Go through a course of lessons in the lab, where goals check themselves
    Learn(Box<learn::LearnArgs>),
    /// Prove a lesson that you wrote, or write a new one to start from
    Lesson(lesson::LessonArgs),
    /// Grade what learners have handed in: every run is made again
    Grade(grade::GradeAllArgs),
    /// Attack an image of your own
    Attack(attack::AttackArgs),
    /// Go on with a run where it stopped
    Resume(resume::ResumeArgs),
    /// Train a run again, and say whether every hash and every number of it is the same
    Verify(verify::VerifyArgs),
    /// Say in words how two scenarios differ
    Diff(diff::DiffArgs),
    /// Watch runs that other processes train, side by side
    Watch(watch::WatchArgs),
    /// Print a file for training in PyTorch, Lightning, Keras or JAX that writes a log for `watch` and `diagnose`
    Hook(hook::HookArgs),
    /// List the runs that the lab keeps with their sizes; rename or delete them
    Runs(runs::RunsArgs),
    /// Write a run as files for other programs: tables, figures, a report, weights, ONNX, a PyTorch script
    Export(Box<export::ExportArgs>),
    /// Record a scenario as a terminal session: the same script gives the same bytes on any machine
    Record(record::RecordArgs),
    /// Train by requests: JSON lines on standard input and output, for notebooks, agents and tests
    Serve(serve::ServeArgs),
    /// Make one page of recordings, of all presets and lessons, that needs no network
    Gallery(gallery::GalleryArgs),
    /// Play a recording on this terminal
    Play(play::PlayArgs),
    /// Report what this terminal can do, which settings were chosen for it, and why
    Doctor(doctor::DoctorArgs),
    /// Measure how fast this machine trains
    Bench(bench::BenchArgs),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
    /// Print the manual page
    Man(completions::ManArgs),
}

impl CliCommand {
    fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List(command) => command.run(),
            Self::Show(command) => command.run(),
            Self::Check(command) => command.run(),
            Self::Run(command) => command.run(),
            Self::Sweep(command) => command.run(),
            Self::Diagnose(command) => command.run(),
            Self::Learn(command) => command.run(),
            Self::Lesson(command) => command.run(),
            Self::Grade(command) => command.run(),
            Self::Gallery(command) => command.run(),
            Self::Attack(command) => command.run(),
            Self::Resume(command) => command.run(),
            Self::Verify(command) => command.run(),
            Self::Diff(command) => command.run(),
            Self::Watch(command) => command.run(),
            Self::Hook(command) => command.run(),
            Self::Runs(command) => command.run(),
            Self::Export(command) => command.run(),
            Self::Record(command) => command.run(),
            Self::Serve(command) => command.run(),
            Self::Play(command) => command.run(),
            Self::Doctor(command) => command.run(),
            Self::Bench(command) => command.run(),
            Self::Completions(command) => command.run(),
            Self::Man(_) => completions::man(),
        }
    }
}

/// The input is at fault: exit code 2. Each entry is one message.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct BadInput(pub Vec<String>);

impl BadInput {
    /// One message.
    pub fn new(what: impl Into<String>) -> Self {
        Self(vec![what.into()])
    }
}

/// A command that ended with another code than 0: the exit code, and the reason.
#[derive(Debug, thiserror::Error)]
#[error("{1}")]
pub struct CommandEnd(pub u8, pub String);

/// The output was closed by its reader, so the command ends.
#[derive(Debug, thiserror::Error)]
#[error("the reader of the output has gone")]
struct OutputClosed;

/// Runs the program.
pub fn main() -> ExitCode {
    crate::arena::share();
    signals::survive_file_size_limit();
    let arguments = match CommandLine::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // The message may quote an argument, in which clap would remove colour codes; therefore the arguments are
            // escaped and parsed once more.
            let harmless = std::env::args_os().map(|a| escaped(&a.to_string_lossy()).into_owned());
            let error = CommandLine::try_parse_from(harmless).err().unwrap_or(error);
            let text = escaped_lines(&error.render().to_string()).into_owned();
            if !error.use_stderr() {
                return finish(print(&text));
            }
            print_err(&cut(&text));
            return ExitCode::from(2);
        }
    };
    finish(match arguments.command {
        Some(command) => command.run(),
        None => arguments.lab.run(),
    })
}

/// Reports the error, if there was one.
fn finish(result: anyhow::Result<()>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    if error.is::<OutputClosed>() {
        return ExitCode::SUCCESS;
    }
    if let Some(BadInput(messages)) = error.downcast_ref() {
        print_err(&cut(&(escaped_lines(&messages.join("\n")).into_owned() + "\n")));
        return ExitCode::from(2);
    }
    if let Some(CommandEnd(code, what)) = error.downcast_ref()
        && what.is_empty()
    {
        return ExitCode::from(*code);
    }
    print_err(&cut(&format!("gradtui: {}\n", escaped_lines(&format!("{error:#}")))));
    ExitCode::from(error.downcast_ref().map_or(1, |CommandEnd(code, _)| *code))
}

/// Writes to standard output; a closed pipe ends the command quietly.
///
/// # Errors
/// If it cannot be written.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        std::io::ErrorKind::BrokenPipe => anyhow::Error::new(OutputClosed),
        _ => anyhow::Error::new(error).context("standard output"),
    })
}

/// Writes to standard error; a closed one is ignored.
pub fn print_err(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// The first complete lines of a message, up to the size limit.
fn cut(text: &str) -> String {
    if text.len() <= MESSAGE {
        return text.to_string();
    }
    let mut out = String::new();
    let mut left = text.lines().count();
    for line in text.lines() {
        let line = excerpt(line, 1000);
        if out.len() + line.len() > MESSAGE - 40 {
            out.extend(["... and ", &left.to_string(), " more\n"]);
            break;
        }
        out.push_str(&line);
        out.push('\n');
        left -= 1;
    }
    out
}

/// The parser itself, for completions and the manual page.
fn parser() -> clap::Command {
    CommandLine::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        parser().debug_assert();
    }

    #[test]
    fn long_messages_are_cut_at_a_line() {
        let text = cut(&"a line of some length\n".repeat(2000));
        assert!(text.len() <= MESSAGE && text.ends_with("more\n"));
        assert!(cut(&"x".repeat(20_000)).len() <= MESSAGE);
    }
}
