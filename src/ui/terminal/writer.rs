//! The writer thread: a mailbox for one frame, and a pace set by the terminal. Knows no app and no keys.
//!
//! The mailbox holds the newest complete frame; the thread sends its difference from the terminal's content. A frame
//! that was never sent needs no repair, and a terminal that does not read blocks only this thread.

use super::encode::encode;
use crate::ui::config::DrawingCharacters;
use ratatui::buffer::Buffer;
use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Whether the terminal acknowledges frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answers {
    /// Number of requests without an answer so far.
    Unknown(u8),
    /// It answers; the number of consecutive missed answers.
    Yes(u8),
    /// It does not answer: a fixed rate is used, a low one if it answered before.
    No {
        /// Time between two frames.
        every: Duration,
    },
}

#[derive(Debug)]
struct WriterQueues {
    picture: Option<Buffer>,
    whole: bool,
    /// When the frame was sent whose answer is awaited.
    outstanding: Option<Instant>,
    /// Answers still expected.
    owed: u32,
    answers: Answers,
    round_trip: Option<Duration>,
    last: Option<Instant>,
    stop: bool,
    /// Whether no frame may be sent until the terminal is taken over again.
    rest: bool,
    /// Whether a frame is being written.
    writing: bool,
    ended: bool,
    failed: bool,
    bytes: u64,
    frames: u64,
}

/// Least time between frames; the app itself keeps a slower pace, except after keys.
const FASTEST: Duration = Duration::from_millis(10);
const UNKNOWN: Duration = Duration::from_millis(66);
const UNASKED: Duration = Duration::from_millis(200);
const STALLED: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_millis(1500);
const SLACK: Duration = Duration::from_millis(150);
const REQUEST: &[u8] = b"\x1b[5n";

impl WriterQueues {
    /// When the next frame may be sent.
    fn due(&self) -> Option<Instant> {
        let last = self.last?;
        Some(match (self.answers, self.outstanding) {
            (Answers::Unknown(_), _) => last + UNKNOWN,
            // A single lost answer must not stop the frames: they continue at a lower rate until the terminal is asked
            // again.
            (Answers::Yes(_), Some(asked)) => asked.max(last) + self.overdue(),
            (Answers::Yes(_), None) => last + FASTEST,
            (Answers::No { every }, _) => last + every,
        })
    }

    /// Time after which an answer is overdue.
    fn overdue(&self) -> Duration {
        self.round_trip.map_or(PATIENCE, |usual| (usual * 3 + SLACK).min(PATIENCE))
    }

    /// Whether to send a request with the next frame; also records a missing answer to the previous one.
    fn ask(&mut self, now: Instant) -> bool {
        if let Some(asked) = self.outstanding {
            let late = now.duration_since(asked) >= PATIENCE;
            if late {
                // The answer was lost, or the request was not understood.
                self.owed = 0;
            }
            match self.answers {
                Answers::Unknown(n) if late && n >= 2 => self.answers = Answers::No { every: UNASKED },
                Answers::Unknown(n) if n < 2 => self.answers = Answers::Unknown(n + 1),
                Answers::Yes(n) if late && n >= 1 => self.answers = Answers::No { every: STALLED },
                Answers::Yes(n) if late => self.answers = Answers::Yes(n + 1),
                _ => return false,
            }
        }
        !matches!(self.answers, Answers::No { .. })
    }
}

/// The handle of the writer thread; passing on a frame never blocks.
#[derive(Clone, Debug)]
pub struct FrameWriter {
    shared: Arc<(Mutex<WriterQueues>, Condvar)>,
}

fn lock(mutex: &Mutex<WriterQueues>) -> MutexGuard<'_, WriterQueues> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FrameWriter {
    /// Starts the thread. `drawing`: see [`encode`]; `ask`: whether the terminal may be asked to acknowledge frames;
    /// `failed` is called when writing to the terminal fails.
    ///
    /// # Errors
    /// If the system cannot start a thread.
    pub fn start(
        mut out: impl Write + Send + 'static,
        drawing: DrawingCharacters,
        ask: bool,
        failed: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<Self> {
        let mail = WriterQueues {
            picture: None,
            whole: true,
            outstanding: None,
            owed: 0,
            answers: if ask { Answers::Unknown(0) } else { Answers::No { every: FASTEST } },
            round_trip: None,
            last: None,
            stop: false,
            rest: false,
            writing: false,
            ended: false,
            failed: false,
            bytes: 0,
            frames: 0,
        };
        let shared = Arc::new((Mutex::new(mail), Condvar::new()));
        let writer = Self { shared: Arc::clone(&shared) };
        std::thread::Builder::new().name("terminal-writer".into()).spawn(move || {
            let result = write_all(&shared, &mut out, drawing);
            let mut mail = lock(&shared.0);
            mail.ended = true;
            mail.failed = result.is_err();
            drop(mail);
            shared.1.notify_all();
            if result.is_err() {
                failed();
            }
        })?;
        Ok(writer)
    }

    /// Puts a frame into the mailbox; it replaces one that still waits.
    pub fn send(&self, picture: &Buffer) {
        let mut mail = lock(&self.shared.0);
        match &mut mail.picture {
            Some(old) => old.clone_from(picture),
            empty => *empty = Some(picture.clone()),
        }
        drop(mail);
        self.shared.1.notify_all();
    }

    /// Whether the last frame is still waiting.
    pub fn busy(&self) -> bool {
        lock(&self.shared.0).picture.is_some()
    }

    /// Sends the next frame completely.
    pub fn repaint(&self) {
        let mut mail = lock(&self.shared.0);
        mail.whole = true;
        (mail.outstanding, mail.owed) = (None, 0);
    }

    /// Notes that the terminal has acknowledged a frame.
    pub fn answered(&self) {
        let mut mail = lock(&self.shared.0);
        mail.owed = mail.owed.saturating_sub(1);
        if mail.owed == 0
            && let Some(asked) = mail.outstanding.take()
        {
            let trip = asked.elapsed();
            mail.round_trip = Some(mail.round_trip.map_or(trip, |old| (old * 3 + trip) / 4));
        }
        if mail.round_trip.is_some() {
            mail.answers = Answers::Yes(0);
        }
        drop(mail);
        self.shared.1.notify_all();
    }

    /// Time from a frame's last byte to the terminal's answer, if it answers.
    pub fn round_trip(&self) -> Option<Duration> {
        let mail = lock(&self.shared.0);
        matches!(mail.answers, Answers::Yes(_)).then_some(mail.round_trip).flatten()
    }

    /// Bytes and frames written so far.
    pub fn written(&self) -> (u64, u64) {
        let mail = lock(&self.shared.0);
        (mail.bytes, mail.frames)
    }

    /// Writes nothing more until [`FrameWriter::go_on`]. Waits up to `patience` for the frame being written and for its
    /// answer, so that the answer does not reach the next program on this terminal.
    pub fn rest(&self, patience: Duration) {
        let (mutex, change) = &*self.shared;
        let mut mail = lock(mutex);
        mail.rest = true;
        let waits = |m: &mut WriterQueues| {
            !m.ended && (m.writing || m.outstanding.is_some() && matches!(m.answers, Answers::Yes(_)))
        };
        mail = change.wait_timeout_while(mail, patience, waits).unwrap_or_else(PoisonError::into_inner).0;
        (mail.outstanding, mail.owed) = (None, 0);
    }

    /// Resumes writing, with a complete frame first.
    pub fn go_on(&self) {
        lock(&self.shared.0).rest = false;
        self.repaint();
        self.shared.1.notify_all();
    }

    /// Stops writing after the present frame, and waits for an expected answer, so that it does not reach the shell.
    /// Returns whether the terminal took everything within `patience`.
    pub fn stop(&self, patience: Duration) -> bool {
        let end = Instant::now() + patience;
        let (mutex, change) = &*self.shared;
        let mut mail = lock(mutex);
        mail.stop = true;
        change.notify_all();
        let mut answer = Instant::now() + Duration::from_millis(400).min(patience);
        if !matches!(mail.answers, Answers::Yes(_)) {
            answer = Instant::now() + Duration::from_millis(100).min(patience);
        }
        loop {
            let now = Instant::now();
            let until = if mail.ended { answer } else { end };
            if (mail.ended && mail.outstanding.is_none()) || now >= until {
                return mail.ended && !mail.failed;
            }
            mail = change.wait_timeout(mail, until - now).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn write_all(
    shared: &(Mutex<WriterQueues>, Condvar),
    out: &mut impl Write,
    drawing: DrawingCharacters,
) -> std::io::Result<()> {
    let (mutex, change) = shared;
    let mut shown: Option<Buffer> = None;
    let mut bytes = Vec::with_capacity(16 * 1024);
    loop {
        let mut mail = lock(mutex);
        let picture = loop {
            if mail.stop {
                return Ok(());
            }
            let now = Instant::now();
            let due = mail.due().filter(|&d| d > now);
            match (mail.picture.is_some() && !mail.rest, due) {
                (true, None) => break mail.picture.take(),
                (true, Some(due)) => {
                    mail = change.wait_timeout(mail, due - now).unwrap_or_else(PoisonError::into_inner).0;
                }
                (false, _) => mail = change.wait(mail).unwrap_or_else(PoisonError::into_inner),
            }
        };
        let Some(picture) = picture else { continue };
        let whole = std::mem::take(&mut mail.whole);
        mail.writing = true;
        drop(mail);
        bytes.clear();
        bytes.extend_from_slice(b"\x1b[?2026h");
        let empty = bytes.len();
        encode(shown.as_ref().filter(|_| !whole), &picture, drawing, &mut bytes);
        shown = Some(picture);
        if bytes.len() == empty {
            lock(mutex).writing = false;
            change.notify_all();
            continue;
        }
        bytes.extend_from_slice(b"\x1b[?2026l");
        let asked = lock(mutex).ask(Instant::now());
        if asked {
            bytes.extend_from_slice(REQUEST);
            // Set before the bytes are written: the answer may arrive before this thread continues.
            let mut mail = lock(mutex);
            mail.outstanding = Some(Instant::now());
            mail.owed += 1;
        }
        out.write_all(&bytes)?;
        out.flush()?;
        let mut mail = lock(mutex);
        mail.last = Some(Instant::now());
        if asked && mail.outstanding.is_some() {
            mail.outstanding = mail.last;
        }
        mail.bytes += bytes.len() as u64;
        mail.frames += 1;
        mail.writing = false;
        drop(mail);
        change.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// A terminal whose reading is controlled by the test: every write waits for a permit.
    struct Slow {
        permits: Receiver<()>,
        written: Sender<Vec<u8>>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.permits.recv().map_err(|_| std::io::ErrorKind::BrokenPipe)?;
            self.written.send(bytes.to_vec()).map_err(|_| std::io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn picture(n: usize) -> Buffer {
        let mut b = Buffer::empty(Rect::new(0, 0, 40, 4));
        b.set_string(0, 1, format!("step {n}"), Style::new());
        b
    }

    #[test]
    fn a_terminal_that_does_not_read_stops_nobody_and_ends_up_with_the_newest_picture() {
        let (permit, permits) = channel();
        let (written, output) = channel();
        let writer = FrameWriter::start(Slow { permits, written }, DrawingCharacters::Braille, false, || ())
            .expect("a thread");
        for n in 0..10_000 {
            writer.send(&picture(n));
        }
        let mut vt = avt::Terminal::new(40, 4).expect("a size");
        while !vt.screen().line(1).is_some_and(|l| l.text().starts_with("step 9999")) {
            permit.send(()).expect("the writer lives");
            vt.feed([String::from_utf8(output.recv().expect("a picture")).expect("text").as_str()]);
        }
        let (_, frames) = writer.written();
        assert!(frames <= 3, "pictures were dropped, not queued: {frames}");
        assert!(writer.stop(Duration::from_secs(5)));
    }

    #[test]
    fn the_next_picture_waits_for_the_answer_to_the_last() {
        let (permit, permits) = channel();
        let (written, output) = channel();
        let writer = FrameWriter::start(Slow { permits, written }, DrawingCharacters::Braille, true, || ())
            .expect("a thread");
        for _ in 0..100 {
            permit.send(()).expect("the writer lives");
        }
        for n in 0..5 {
            writer.send(&picture(n));
            let bytes = output.recv().expect("a picture");
            assert!(bytes.ends_with(REQUEST), "every picture asks");
            writer.answered();
            assert!(writer.round_trip().is_some());
        }
        writer.send(&picture(5));
        output.recv().expect("a picture");
        writer.send(&picture(6));
        assert!(writer.busy(), "unanswered, so the next one waits");
        writer.answered();
        output.recv().expect("the newest picture");
        writer.answered();
        assert!(writer.stop(Duration::from_secs(5)));
    }

    #[test]
    fn one_lost_answer_slows_the_pictures_down_and_does_not_stop_them() {
        let (permit, permits) = channel();
        let (written, output) = channel();
        let writer = FrameWriter::start(Slow { permits, written }, DrawingCharacters::Braille, true, || ())
            .expect("a thread");
        for _ in 0..100 {
            permit.send(()).expect("the writer lives");
        }
        for n in 0..3 {
            writer.send(&picture(n));
            output.recv().expect("a picture");
            writer.answered();
        }
        // From here on no answer arrives.
        let begun = Instant::now();
        for n in 3..6 {
            writer.send(&picture(n));
            output.recv().expect("a picture");
        }
        assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
        assert!(begun.elapsed() >= SLACK * 2, "a line that is slow is given time: {:?}", begun.elapsed());
        writer.answered();
        assert!(writer.stop(Duration::from_secs(5)));
    }

    #[test]
    fn a_terminal_that_is_gone_is_reported() {
        let (permit, permits) = channel();
        let (written, _) = channel();
        drop(permit);
        let (tell, told) = channel();
        let writer =
            FrameWriter::start(Slow { permits, written }, DrawingCharacters::Braille, false, move || {
                let _ = tell.send(());
            })
            .expect("a thread");
        writer.send(&picture(0));
        told.recv().expect("told");
        assert!(!writer.stop(Duration::from_secs(1)));
    }
}
