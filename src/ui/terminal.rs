//! The terminal: its abilities, taking it over, restoring it in every case, and the three threads that serve it
//! (reader, writer, signals). Knows nothing of the app.

mod abort;
pub mod choice;
pub mod encode;
pub mod keys;
pub mod signals;
pub mod writer;

use super::config::DrawingCharacters;
use keys::{Parser, TerminalInput};
use ratatui::buffer::Buffer;
use ratatui::layout::Size;
use rustix::event::{PollFd, PollFlags};
use rustix::termios::{self, OptionalActions, Termios};
use signals::Urgent;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use writer::FrameWriter;

/// The inputs of the screen's thread.
#[derive(Clone, Debug)]
pub enum ScreenInput {
    /// A key, the mouse, a paste.
    Input(TerminalInput),
    /// The size may have changed.
    Resized,
    /// The process runs again after a stop.
    Continued,
    /// A request to stop from outside, like Ctrl-Z.
    Stop,
    /// A signal to end, with this exit code.
    Terminate(u8),
    /// The terminal has closed.
    HungUp,
}

/// The reason why the lab cannot open here.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// Input or output is not a terminal.
    #[error(
        "the lab needs a terminal for its input and output; without one use `gradtui run SCENARIO` or `gradtui --plain`"
    )]
    NoTerminal,
    /// `TERM` names a terminal that can only show lines.
    #[error(
        "the lab cannot draw on TERM={0:?}; use `gradtui --plain` or `gradtui run SCENARIO`, or set TERM to what your terminal is"
    )]
    Dumb(String),
    /// A system call failed.
    #[error("the terminal cannot be taken over: {0}")]
    System(#[from] std::io::Error),
}

/// Checks whether the lab can open here; changes nothing.
///
/// # Errors
/// If there is no terminal, or one that cannot be drawn on.
pub fn fit() -> Result<(), TerminalError> {
    if !termios::isatty(std::io::stdin()) || !termios::isatty(std::io::stdout()) {
        return Err(TerminalError::NoTerminal);
    }
    let term = std::env::var("TERM").unwrap_or_default();
    if matches!(&term[..], "" | "dumb" | "unknown") { Err(TerminalError::Dumb(term)) } else { Ok(()) }
}

/// The time until the terminal answers a status request; `None`: no answer within half a second. Nothing else may read
/// the terminal meanwhile.
pub fn ask() -> Option<Duration> {
    let input = std::io::stdin();
    let before = termios::tcgetattr(&input).ok()?;
    let mut raw = before.clone();
    raw.make_raw();
    termios::tcsetattr(&input, OptionalActions::Now, &raw).ok()?;
    let (mut parser, mut inputs, mut bytes) = (Parser::default(), Vec::new(), [0u8; 256]);
    let start = std::time::Instant::now();
    let patience = Duration::from_millis(500);
    let mut answer = None;
    if write(b"\x1b[5n").is_ok() {
        while let Some(left) = patience.checked_sub(start.elapsed()).filter(|_| answer.is_none()) {
            let mut fds = [PollFd::new(&input, PollFlags::IN)];
            let left = rustix::event::Timespec::try_from(left).ok()?;
            match rustix::event::poll(&mut fds, Some(&left)) {
                Ok(1..) => match rustix::io::read(&input, &mut bytes) {
                    Ok(n @ 1..) => parser.feed(&bytes[..n], &mut inputs),
                    _ => break,
                },
                Ok(0) => break,
                Err(_) => {}
            }
            answer = inputs.contains(&TerminalInput::Status).then(|| start.elapsed());
        }
    }
    let _ = termios::tcsetattr(&input, OptionalActions::Now, &before);
    answer
}

/// The size of the terminal; 80x24 if it does not report one.
pub fn size() -> (u16, u16) {
    match termios::tcgetwinsize(rustix::stdio::stdout()) {
        Ok(s) if s.ws_col > 0 && s.ws_row > 0 => (s.ws_col.min(1000), s.ws_row.min(500)),
        _ => (80, 24),
    }
}

const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[?1002h\x1b[?1006h";
const LEAVE: &[u8] = b"\x1b[m\x1b[?1006l\x1b[?1002l\x1b[?2004l\x1b[?2026l\x1b[?25h\x1b[?1049l";

/// The data for restoring the terminal, from any thread.
#[derive(Debug)]
struct RestoreData {
    before: Mutex<Termios>,
    held: AtomicBool,
}

impl RestoreData {
    fn take(&self) -> std::io::Result<()> {
        let input = std::io::stdin();
        let mut raw = self.before.lock().unwrap_or_else(PoisonError::into_inner).clone();
        raw.make_raw();
        termios::tcsetattr(&input, OptionalActions::Now, &raw)?;
        self.held.store(true, Ordering::SeqCst);
        write(ENTER)
    }

    fn is_held(&self) -> bool {
        self.held.load(Ordering::SeqCst)
    }

    /// Restores the terminal, once. `quietly`: without writing, for a terminal that does not read.
    fn give_back(&self, quietly: bool) {
        if !self.held.swap(false, Ordering::SeqCst) {
            return;
        }
        let input = std::io::stdin();
        if quietly {
            let _ = termios::tcflush(&input, termios::QueueSelector::OFlush);
        } else {
            let _ = write(LEAVE);
        }
        let _ = termios::tcflush(&input, termios::QueueSelector::IFlush);
        let before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = termios::tcsetattr(&input, OptionalActions::Now, &before);
    }
}

fn write(bytes: &[u8]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Standard output without the buffer and the lock of the rest of the process.
#[derive(Debug)]
struct RawStdout;

impl std::io::Write for RawStdout {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        loop {
            match rustix::io::write(rustix::stdio::stdout(), bytes) {
                Err(rustix::io::Errno::INTR) => {}
                other => return other.map_err(Into::into),
            }
        }
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A terminal that the lab has taken over; dropping it restores it.
#[derive(Debug)]
pub struct Terminal {
    custody: Arc<RestoreData>,
    writer: FrameWriter,
    wakes: Receiver<ScreenInput>,
    /// The queue of inputs.
    urgent: Urgent,
}

impl Terminal {
    /// Takes over the terminal and starts the threads that serve it. `stay`: the process continues without the terminal
    /// after a hang-up; otherwise it ends soon.
    ///
    /// # Errors
    /// If there is no terminal, or one that cannot be drawn on.
    pub fn open(drawing: DrawingCharacters, stay: bool) -> Result<Self, TerminalError> {
        fit()?;
        let input = std::io::stdin();
        let before = Mutex::new(termios::tcgetattr(&input).map_err(std::io::Error::from)?);
        let custody = Arc::new(RestoreData { before, held: AtomicBool::new(false) });
        let (sender, wakes) = sync_channel(256);
        let gone = sender.clone();
        let urgent = Urgent::default();
        signals::listen(sender.clone(), Arc::clone(&urgent), Arc::clone(&custody), stay)?;
        restore_on_panic(Arc::clone(&custody));
        abort::restore(&custody)?;
        custody.take()?;
        let writer = match FrameWriter::start(RawStdout, drawing, true, move || {
            // If the queue is full, the screen's thread is awake anyway, and the reader will report the same.
            let _ = gone.try_send(ScreenInput::HungUp);
        }) {
            Ok(writer) => writer,
            Err(e) => {
                custody.give_back(false);
                return Err(e.into());
            }
        };
        let terminal = Self { custody, writer: writer.clone(), wakes, urgent };
        std::thread::Builder::new().name("terminal-reader".into()).spawn(move || read(&sender, &writer))?;
        Ok(terminal)
    }

    /// Its size; 80x24 if it does not report one.
    pub fn size(&self) -> Size {
        size().into()
    }

    /// Passes on a frame; never waits.
    pub fn show(&self, picture: &Buffer) {
        self.writer.send(picture);
    }

    /// The writer thread.
    pub fn writer(&self) -> &FrameWriter {
        &self.writer
    }

    /// The next input, or `None` after this time.
    pub fn wait(&self, time: Duration) -> Option<ScreenInput> {
        if let Some(wake) = self.urgent().take() {
            return Some(wake);
        }
        match self.wakes.recv_timeout(time) {
            Ok(wake) => Some(wake),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(ScreenInput::HungUp),
        }
    }

    fn urgent(&self) -> MutexGuard<'_, Option<ScreenInput>> {
        self.urgent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the terminal to the shell and stops the process group; returns when it runs again, or at once if nothing
    /// could continue it.
    ///
    /// # Errors
    /// If the terminal cannot be taken over again.
    pub fn suspend(&self) -> std::io::Result<()> {
        if !signals::may_stop() {
            return Ok(());
        }
        self.writer.rest(Duration::from_millis(500));
        self.custody.give_back(false);
        // The signal thread receives it too, and stops this process once the terminal is restored.
        let _ = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP);
        while let Some(wake) = self.wait(Duration::from_millis(200)) {
            match wake {
                ScreenInput::Continued => break,
                ScreenInput::HungUp | ScreenInput::Terminate(_) => {
                    *self.urgent() = Some(wake);
                    return Ok(());
                }
                ScreenInput::Input(_) | ScreenInput::Resized | ScreenInput::Stop => {}
            }
        }
        self.resume()
    }

    /// Takes over the terminal (again) after another program used it.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn resume(&self) -> std::io::Result<()> {
        self.custody.take()?;
        self.writer.go_on();
        Ok(())
    }

    /// Restores the terminal, within `patience` even if it does not read.
    pub fn close(&self, patience: Duration) {
        if !self.custody.held.load(Ordering::SeqCst) {
            return;
        }
        let taken = self.writer.stop(patience);
        self.custody.give_back(!taken);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.close(Duration::from_secs(1));
    }
}

/// Restores the terminal if the screen's thread panics; a panic elsewhere only ends its lane and must not affect the
/// screen.
fn restore_on_panic(custody: Arc<RestoreData>) {
    let screen = std::thread::current().id();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == screen {
            custody.give_back(false);
            before(info);
        } else if !custody.held.load(Ordering::SeqCst) {
            before(info);
        }
    }));
}

/// Reads the terminal until it closes.
fn read(sender: &SyncSender<ScreenInput>, writer: &FrameWriter) {
    let (mut parser, mut inputs, mut bytes) = (Parser::default(), Vec::new(), [0u8; 4096]);
    let fd = rustix::stdio::stdin();
    loop {
        let mut fds = [PollFd::new(&fd, PollFlags::IN)];
        // After a pause an incomplete sequence counts as typed; inside a paste pauses are allowed.
        let patience = match (parser.waits(), parser.pastes()) {
            (false, _) => None,
            (true, true) => rustix::event::Timespec::try_from(Duration::from_secs(1)).ok(),
            (true, false) => rustix::event::Timespec::try_from(Duration::from_millis(40)).ok(),
        };
        match rustix::event::poll(&mut fds, patience.as_ref()) {
            Ok(0) => parser.pause(&mut inputs),
            Ok(_) => match rustix::io::read(fd, &mut bytes) {
                Ok(0) => break,
                Ok(n) => parser.feed(&bytes[..n], &mut inputs),
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
                Err(_) => break,
            },
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => break,
        }
        for input in inputs.drain(..) {
            if input == TerminalInput::Status {
                writer.answered();
            } else if sender.send(ScreenInput::Input(input)).is_err() {
                return;
            }
        }
    }
    let _ = sender.send(ScreenInput::HungUp);
}
