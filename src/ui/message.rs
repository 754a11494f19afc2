//! The app's inputs (messages) and outputs (effects). Plain data.

use crate::lab::lesson::progress::LessonProgress;
use crate::telemetry::{Command, Event, LaneId};
use crate::ui::overlay::form::FormSubject;
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

/// A request of the app.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// A command to the run.
    Command(Command),
    /// Bring this lane to the front.
    Front(LaneId),
    /// A message for the user, shown for some seconds.
    Notice(String),
    /// Open the form of a lane's settings.
    EditLane(LaneId),
    /// Open the form of one layer in the model builder's draft.
    EditLayer(usize),
    /// Open the choice of a layer to insert at this position of the draft.
    ChooseLayer(usize),
    /// Open a form of the pane's own settings.
    Edit(Box<FormSubject>),
    /// Open the choice of an initialiser for the draft.
    ChooseInit,
    /// Start or stop recording the screen.
    Record,
    /// Write the screen to a new file with this path.
    Picture(String),
    /// Save the learner's progress in the lesson.
    Learnt(Box<LessonProgress>),
    /// Set these fields of the data, as in a scenario; all lanes restart.
    Data(Vec<(&'static str, String)>),
    /// Make the sequences longer (or shorter, if negative) by this many time steps.
    Longer(i64),
    /// Open the form of the data.
    EditData,
    /// Send a full frame.
    Repaint,
    /// Give the terminal back to the shell and stop until `fg`.
    Suspend,
    /// Quit with this exit code.
    Quit(u8),
}

/// The effects of one message, in order.
pub type Effects = Vec<Effect>;
