//! The app's inputs (messages) and outputs (effects). Plain data.

use crate::lab::lesson::progress::LessonProgress;
use crate::telemetry::{Command, Event};
use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::layout::Size;
use std::time::Duration;

/// The state of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Time from sending a frame to the terminal's acknowledgement.
    pub round_trip: Duration,
    /// Frames a second.
    pub pictures: u64,
    /// Bytes a second.
    pub bytes: u64,
}

/// An input of the app.
#[derive(Clone, Debug)]
pub enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// A mouse event.
    Mouse(MouseEvent),
    /// The terminal was resized.
    Resize(Size),
    /// An event from training.
    Event(Event),
    /// The time since the start.
    Tick(Duration),
    /// The state of the connection, if it is noticeably slow.
    Link(Option<Link>),
    /// The terminal lost its content (after a stop, or by a key); a full frame must be sent.
    Repaint,
    /// The process must end (by a signal or hang-up); the number is its exit code.
    Terminate(u8),
}

/// A request of the app to the session.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// A command to the run.
    Command(Command),
    /// Start or stop recording the screen.
    Record,
    /// Write the screen to a new file with this path.
    Picture(String),
    /// Save the learner's progress in the lesson.
    Learnt(Box<LessonProgress>),
    /// Send a full frame.
    Repaint,
    /// Give the terminal back to the shell and stop until `fg`.
    Suspend,
    /// Quit with this exit code.
    Quit(u8),
}

/// The effects of one message, in order.
pub type Effects = Vec<Effect>;
