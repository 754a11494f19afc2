//! What reaches the app and what it asks for in return. Plain data: nothing is done here.

use crate::telemetry::{Command, Event, LaneId};
use crate::ui::overlay::form::Subject;
use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::layout::Size;
use std::time::Duration;

/// How a line does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// From a picture to the terminal's answer.
    pub round_trip: Duration,
    /// Pictures a second.
    pub pictures: u64,
    /// Bytes a second.
    pub bytes: u64,
}

/// Something that happened to the app.
#[derive(Clone, Debug)]
pub enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// The terminal has this size now.
    Resize(Size),
    /// News from training.
    Event(Event),
    /// So much time has gone by since the start.
    Tick(Duration),
    /// How the line to the terminal does, where it is slow enough to be felt.
    Link(Option<Link>),
    /// The picture is gone (after a stop, or by a key) and must be sent whole.
    Repaint,
    /// The process was told to end (signal, hang-up); the number is its exit code.
    Terminate(u8),
}

/// Something that the app wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// An order to the run.
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
    /// Begin to record what is on the screen, or stop that.
    Record,
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

/// What one message asks for, in order.
pub type Effects = Vec<Effect>;
