//! The program in a pseudo-terminal: reads its screen, presses its keys, waits for its end. Waits for events, never for
//! a fixed time; a deadline only ends a test that would hang.

use pty_process::Size;
use pty_process::blocking::{Command, Pty};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use rustix::termios::{LocalModes, Termios, tcgetattr};
use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Time after which a test gives up waiting.
const DEADLINE: Duration = Duration::from_secs(50);

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_gradtui");

/// Two small lanes that train without end, at a pace that leaves the machine to other programs.
pub const SCENARIO: &str = r#"(
  title: "two lanes", data: Spiral(), network: [Dense(8), Tanh()], batch: 8, steps: 60000, evaluate_every: 500,
  lanes: [(name: "adam", optimizer: Adam(lr: 0.01)), (name: "momentum", optimizer: Momentum(lr: 0.1))],
)"#;

/// A separate folder for a test, with a scenario, removed afterwards.
pub struct Place(pub TempDir);

impl Place {
    pub fn new() -> Self {
        let dir = TempDir::with_prefix("gradtui-").expect("a directory");
        std::fs::write(dir.path().join("s.ron"), SCENARIO).expect("a file");
        Self(dir)
    }

    /// The program in a terminal of 120x40.
    pub fn start(&self, words: &str) -> Session {
        self.start_with(words, (120, 40), &[])
    }

    /// The program in a terminal of this many columns and rows, with these variables; `None` removes one.
    pub fn start_with(&self, words: &str, size: (u16, u16), vars: &[(&str, Option<&str>)]) -> Session {
        self.start_other(PROGRAM, words, size, vars)
    }

    /// Another program in its place.
    pub fn start_other(
        &self,
        program: &str,
        words: &str,
        size: (u16, u16),
        vars: &[(&str, Option<&str>)],
    ) -> Session {
        Session::start(self, program, &words.split_whitespace().collect::<Vec<_>>(), size, vars)
    }

    /// A shell script as the session leader of a terminal.
    pub fn script(&self, script: &str) -> Session {
        Session::start(self, "/bin/sh", &["-c", script], (120, 40), &[])
    }

    /// A shell to type into.
    pub fn shell(&self) -> Session {
        let mut shell = Session::start(self, "/bin/sh", &["-im"], (120, 40), &[]);
        shell.see("ready>");
        shell
    }

    /// The last step in the log of `run`.
    pub fn logged(&self, run: &str) -> u64 {
        let log = std::fs::read_to_string(self.0.path().join(run).join("metrics.jsonl")).unwrap_or_default();
        let steps = log.lines().filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok());
        steps.filter_map(|l| l["step"].as_u64()).max().unwrap_or(0)
    }

    /// Whether `run` can be resumed: no process holds it, and it has steps.
    pub fn resumes(&self, run: &str) -> bool {
        let out = std::process::Command::new(PROGRAM)
            .current_dir(self.0.path())
            .args(["resume", run, "--steps", "1"])
            .output()
            .expect("a start");
        // All lanes are past the first step already, so nothing is trained.
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        out.status.success() && !text.contains("step 0 ")
    }
}

/// A program in a terminal.
pub struct Session {
    pty: Option<Pty>,
    child: Child,
    end: OwnedFd,
    vt: avt::Terminal,
    half: Vec<u8>,
    /// The whole output of the program.
    pub raw: Vec<u8>,
    /// Whether the terminal answers status requests.
    pub answers: bool,
    /// The original settings of the terminal.
    pub before: Termios,
}

impl Session {
    fn start(
        place: &Place,
        program: &str,
        words: &[&str],
        (columns, rows): (u16, u16),
        vars: &[(&str, Option<&str>)],
    ) -> Self {
        let (pty, pts) = pty_process::blocking::open().expect("a pseudo-terminal");
        pty.resize(Size::new(rows, columns)).expect("a size");
        let before = tcgetattr(&pty).expect("settings");
        let mut command = Command::new(program).args(words).current_dir(place.0.path());
        for name in ["NO_COLOR", "CLICOLOR_FORCE", "COLORTERM", "LC_ALL", "LC_CTYPE", "GRADTUI_FAULT", "ENV"]
        {
            command = command.env_remove(name);
        }
        command = command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8").env("PS1", "ready> ");
        command = command.env("HOME", place.0.path()).env("XDG_STATE_HOME", place.0.path().join("state"));
        for (name, value) in vars {
            command = match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let child = command.spawn(pts).expect("a start");
        let pid = Pid::from_child(&child);
        let end = pidfd_open(pid, PidfdFlags::empty()).expect("a process");
        let vt = avt::Terminal::new(usize::from(columns.max(1)), usize::from(rows.max(1))).expect("a size");
        Self { pty: Some(pty), child, end, vt, half: Vec::new(), raw: Vec::new(), answers: true, before }
    }

    /// The first child of the program: the program that a shell has started.
    pub fn child_of(&self) -> Pid {
        let id = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).expect("children");
        let first = children.split_whitespace().next().and_then(|c| c.parse().ok()).expect("a child");
        Pid::from_raw(first).expect("a process")
    }

    fn pty(&self) -> &Pty {
        self.pty.as_ref().expect("the line is up")
    }

    /// Presses keys, and reads meanwhile, so that neither side waits for the other.
    pub fn press(&mut self, keys: impl AsRef<[u8]>) {
        let mut keys = keys.as_ref();
        let deadline = Instant::now() + DEADLINE;
        while !keys.is_empty() && self.pty.is_some() {
            assert!(Instant::now() < deadline, "no keys are taken\n{}", self.text());
            self.pump(Duration::ZERO);
            let mut fds = [PollFd::new(self.pty(), PollFlags::OUT)];
            let patience = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };
            if poll(&mut fds, Some(&patience)).is_ok_and(|n| n > 0)
                && fds[0].revents().contains(PollFlags::OUT)
            {
                // A terminal accepts this many bytes at once without blocking.
                let some = keys.len().min(256);
                let n = self.pty().write(&keys[..some]).expect("the line is up");
                keys = &keys[n..];
            }
        }
    }

    /// Reads the output that arrives within this time; returns whether the connection is still up.
    pub fn pump(&mut self, time: Duration) -> bool {
        let Some(pty) = &self.pty else { return false };
        let mut fds = [PollFd::new(pty, PollFlags::IN), PollFd::new(&self.end, PollFlags::IN)];
        let patience = Timespec::try_from(time).expect("a time");
        if poll(&mut fds, Some(&patience)).expect("a poll") == 0 {
            return true;
        }
        if !fds[0].revents().contains(PollFlags::IN) {
            return !fds[0].revents().contains(PollFlags::HUP) && !fds[1].revents().contains(PollFlags::IN);
        }
        let mut bytes = [0; 4096];
        let Ok(n) = self.pty.as_mut().expect("the line is up").read(&mut bytes) else { return false };
        self.raw.extend_from_slice(&bytes[..n]);
        self.half.extend_from_slice(&bytes[..n]);
        let asked = self.half.windows(4).filter(|w| w == b"\x1b[5n").count();
        let whole = match std::str::from_utf8(&self.half) {
            Ok(text) => text.len(),
            Err(e) if e.error_len().is_none() => e.valid_up_to(),
            Err(e) => panic!("not UTF-8: {e}"),
        };
        let text = String::from_utf8(self.half.drain(..whole).collect()).expect("UTF-8");
        self.vt.feed([text.as_str()]);
        if self.answers {
            for _ in 0..asked {
                let _ = self.pty().write(b"\x1b[0n");
            }
        }
        true
    }

    /// The lines of the screen.
    pub fn text(&self) -> String {
        let (_, rows) = self.vt.size();
        let line = |i| self.vt.screen().line(i).map(|l| l.text().trim_end().to_string()).unwrap_or_default();
        (0..rows).map(line).collect::<Vec<_>>().join("\n")
    }

    /// Reads until the screen satisfies `so`.
    #[track_caller]
    pub fn until(&mut self, what: &str, so: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !so(&self.text()) {
            let up = self.pump(Duration::from_millis(50));
            assert!(up || so(&self.text()), "ended before: {what}\n{}", self.text());
            assert!(Instant::now() < deadline, "never came: {what}\n{}", self.text());
        }
    }

    /// Pauses, and reads until nothing is drawn any more; returns the text of the screen.
    pub fn rests(&mut self) -> String {
        self.trains();
        self.press(" ");
        self.see("paused");
        let (mut bytes, mut quiet) = (self.raw.len(), 0);
        while quiet < 12 {
            self.pump(Duration::from_millis(100));
            quiet = if bytes == self.raw.len() { quiet + 1 } else { 0 };
            bytes = self.raw.len();
        }
        self.text()
    }

    /// Reads until these words are on the screen.
    #[track_caller]
    pub fn see(&mut self, words: &str) {
        self.until(words, |text| text.contains(words));
    }

    /// Reads until training is in progress.
    #[track_caller]
    pub fn trains(&mut self) {
        self.until("training", |text| step(text) > 0);
    }

    /// Waits without reading until `so` returns true.
    #[track_caller]
    pub fn meanwhile(&self, what: &str, so: impl Fn() -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !so() {
            assert!(!self.ended(Duration::from_millis(20)), "ended before: {what}");
            assert!(Instant::now() < deadline, "never came: {what}");
        }
    }

    /// Whether the program ends within this time, without reading its output.
    pub fn ended(&self, time: Duration) -> bool {
        ended(&self.end, time)
    }

    /// Reads until the program ends; returns its exit status.
    #[track_caller]
    pub fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + DEADLINE;
        while !self.ended(Duration::ZERO) {
            if !self.pump(Duration::from_millis(50)) {
                self.ended(Duration::from_millis(50));
            }
            assert!(Instant::now() < deadline, "never ended\n{}", self.text());
        }
        while self.pty.is_some() && self.pump(Duration::ZERO) && self.waiting() {}
        self.child.wait().expect("an end")
    }

    /// Whether output waits to be read.
    fn waiting(&self) -> bool {
        let mut fds = [PollFd::new(self.pty(), PollFlags::IN)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut fds, Some(&now)).is_ok() && fds[0].revents().contains(PollFlags::IN)
    }

    /// Waits for the end without reading.
    #[track_caller]
    pub fn end_unread(&mut self) -> ExitStatus {
        assert!(self.ended(DEADLINE), "never ended");
        self.child.wait().expect("an end")
    }

    /// Sends a signal to the program that was started.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a process");
    }

    /// Limits the size of the program's files to this many bytes, or removes the limit.
    pub fn limit_files(&self, bytes: Option<u64>) {
        let limit = rustix::process::Rlimit { current: bytes, maximum: None };
        let pid = Some(Pid::from_child(&self.child));
        rustix::process::prlimit(pid, rustix::process::Resource::Fsize, limit).expect("a limit");
    }

    /// Denies the program any further memory.
    pub fn limit_memory(&self) {
        let limit = rustix::process::Rlimit { current: Some(1 << 20), maximum: None };
        let pid = Some(Pid::from_child(&self.child));
        rustix::process::prlimit(pid, rustix::process::Resource::As, limit).expect("a limit");
    }

    /// Closes the terminal, as a dropped connection does.
    pub fn hang_up(&mut self) {
        self.pty = None;
    }

    /// Blocks the program's output, or lets it through: while blocked, every write waits.
    pub fn block(&self, stopped: bool) {
        let path = format!("/proc/{}/fd/1", self.child.id());
        let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::NONBLOCK;
        let tty = rustix::fs::open(path, flags, rustix::fs::Mode::empty()).expect("its terminal");
        let action = if stopped { rustix::termios::Action::OOff } else { rustix::termios::Action::OOn };
        rustix::termios::tcflow(&tty, action).expect("a terminal");
    }

    /// Changes the size of the terminal.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.pty().resize(Size::new(rows, columns)).expect("a size");
        self.vt.resize(usize::from(columns.max(1)), usize::from(rows.max(1)));
    }

    /// The present settings of the terminal.
    pub fn settings(&self) -> Termios {
        tcgetattr(self.pty()).expect("settings")
    }

    /// Changes the settings of the terminal.
    pub fn set(&self, settings: &Termios) {
        rustix::termios::tcsetattr(self.pty(), rustix::termios::OptionalActions::Now, settings)
            .expect("settings");
    }

    /// Writes to the terminal as another program would.
    pub fn scribble(&mut self, text: &str) {
        self.vt.feed([text]);
    }

    /// Interprets the output as a terminal of this size.
    pub fn view(&mut self, columns: usize, rows: usize) {
        self.vt.resize(columns, rows);
    }

    /// Waits until the program is stopped.
    #[track_caller]
    pub fn stopped(&self) {
        let path = format!("/proc/{}/stat", self.child.id());
        self.meanwhile("a stop", || std::fs::read_to_string(&path).is_ok_and(|s| s.contains(") T ")));
    }

    /// Presses keys repeatedly until the screen satisfies `so`, or the program ends.
    #[track_caller]
    pub fn answers_to(&mut self, keys: &str, so: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !so(&self.text()) {
            assert!(Instant::now() < deadline, "no answer to {keys:?}\n{}", self.text());
            self.press(keys);
            // Longer than the pauses within a paste.
            let patience = Instant::now() + Duration::from_millis(1300);
            while Instant::now() < patience && !so(&self.text()) {
                if !self.pump(Duration::from_millis(50)) {
                    return;
                }
            }
        }
    }

    /// Whether the cursor is visible.
    pub fn cursor_visible(&self) -> bool {
        self.vt.cursor().visible
    }

    /// Whether keys arrive one by one.
    pub fn raw_mode(&self) -> bool {
        !self.settings().local_modes.intersects(LocalModes::ICANON | LocalModes::ECHO)
    }

    /// Checks that the terminal is restored: settings, screen, cursor, modes.
    #[track_caller]
    pub fn given_back(&self) {
        let (now, before) = (self.settings(), &self.before);
        assert_eq!(now.local_modes, before.local_modes);
        assert_eq!(now.input_modes, before.input_modes);
        assert_eq!(now.output_modes, before.output_modes);
        for mode in ["1049", "2004", "1000", "1006", "2026"] {
            let (on, off) = (format!("\x1b[?{mode}h"), format!("\x1b[?{mode}l"));
            let last = |what: &str| self.raw.windows(what.len()).rposition(|w| w == what.as_bytes());
            assert!(last(&on) <= last(&off), "mode {mode} is left on");
        }
        assert!(self.vt.cursor().visible, "the cursor is hidden");
    }

    /// Bytes of memory that the program holds.
    pub fn memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("a process");
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number") * 1024
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a process ends within this time.
pub fn ended(end: &OwnedFd, time: Duration) -> bool {
    let patience = Timespec::try_from(time).expect("a time");
    poll(&mut [PollFd::new(end, PollFlags::IN)], Some(&patience)).expect("a poll") > 0
}

/// The process that holds a run directory.
pub fn owner(run: &Path) -> Option<OwnedFd> {
    let text = std::fs::read_to_string(run.join("run.lock")).ok()?;
    let pid = text.split_whitespace().last()?.parse().ok().and_then(Pid::from_raw)?;
    pidfd_open(pid, PidfdFlags::empty()).ok()
}

/// The part of the screen that depends only on a paused run: neither the header, which shows the connection, nor the
/// right column, whose panes are computed beside training and may come late.
pub fn settled(text: &str) -> Vec<String> {
    text.lines().skip(1).map(|l| l.chars().take(80).collect()).collect()
}

/// The step that the header shows.
pub fn step(text: &str) -> u64 {
    let after = text.split("step ").nth(1).unwrap_or_default();
    let number: String = after.chars().take_while(|c| c.is_ascii_digit() || *c == ',').collect();
    number.replace(',', "").parse().unwrap_or(0)
}

/// The exit code, or the signal that ended it in the shell's form.
pub fn code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|s| 1000 + s)).expect("an end")
}
