//! The app's inputs (messages) and outputs (effects). Plain data.

use crate::lab::lesson::progress::Record;
use crate::telemetry::{Command, Event, LaneId};
use crate::ui::overlay::form::Subject;
use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::layout::Size;
use std::time::Duration;

/// The state of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Time from a picture to the terminal's acknowledgement.
    pub round_trip: Duration,
    /// Pictures a second.
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
    /// The terminal lost the picture (after a stop, or by a key); it must be sent whole.
    Repaint,
    /// The process must end (signal, hang-up); the number is its exit code.
    Terminate(u8),
}

/// A request of the app.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// A command to the run.
    Command(Command),
    /// This lane comes to the front.
    Front(LaneId),
    /// A line for the user, shown for some seconds.
    Notice(String),
    /// Open the form of a lane's settings.
    EditLane(LaneId),
    /// Open the form of one layer in the model builder's draft.
    EditLayer(usize),
    /// Open the choice of a layer to insert at this place of the draft.
    ChooseLayer(usize),
    /// Open a form of what the pane itself keeps.
    Edit(Box<Subject>),
    /// Open the choice of an initialiser for the draft.
    ChooseInit,
    /// Start or stop recording the screen.
    Record,
    /// Write what is on the screen to a file of this path, which must be new.
    Picture(String),
    /// Keep what was done in the lesson.
    Learnt(Box<Record>),
    /// Set these fields of the data, as a scenario writes them; all lanes start anew.
    Data(Vec<(&'static str, String)>),
    /// Make the sequences longer by so many time steps, or shorter.
    Longer(i64),
    /// Open the form of the data.
    EditData,
    /// Send the whole picture anew.
    Repaint,
    /// Give the terminal back to the shell and stop until `fg`.
    Suspend,
    /// Leave with this exit code.
    Quit(u8),
}

/// The effects of one message, in order.
pub type Effects = Vec<Effect>;
