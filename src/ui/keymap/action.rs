//! The actions of keys.

/// All actions that a key can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
pub enum Action {
    /// Run or pause all lanes.
    TogglePause,
    /// One step in every lane, then pause.
    Step,
    /// Ten steps in every lane, then pause.
    StepTen,
    /// Focus the next pane.
    NextPane,
    /// Focus the previous pane.
    PreviousPane,
    /// Choose a pane by its name.
    Panes,
    /// Let the focused pane fill the screen, or no longer.
    Zoom,
    /// Open the gallery of presets.
    Presets,
    /// Open the help.
    Help,
    /// Open the command palette.
    Palette,
    /// Quit.
    Quit,
    /// Return to the shell until `fg`.
    Suspend,
    /// Start or stop recording the screen.
    Record,
    /// Redraw everything.
    Repaint,
    /// Bring the next lane to the front.
    NextLane,
    /// Bring the previous lane to the front.
    PreviousLane,
    /// Bring the lane with this number to the front.
    Lane(u8),
    /// Train only the lane in front, or all again.
    Solo,
    /// Double the pace of the lanes.
    Faster,
    /// Halve the pace of the lanes.
    Slower,
    /// Run every lane with several seeds, or with one again.
    Seeds,
    /// Restart the lane in front.
    ResetLane,
    /// Restart all lanes.
    ResetAll,
    /// Double the learning rate of the lane in front.
    LrUp,
    /// Halve the learning rate of the lane in front.
    LrDown,
    /// Edit the selection.
    Edit,
    /// Add something after the selection.
    Add,
    /// Copy the lane in front.
    Duplicate,
    /// Remove the selection.
    Remove,
    /// Move the selected layer towards the input.
    MoveUp,
    /// Move the selected layer towards the output.
    MoveDown,
    /// Choose the initialiser of the draft.
    Init,
    /// Choose whether the model builder edits the lane in front or all lanes.
    Target,
    /// Train with the draft.
    Apply,
    /// Discard the draft.
    Discard,
    /// Choose a lesson of the course.
    Lessons,
    /// Continue in the lesson.
    LessonOn,
    /// Go back to the previous page of the lesson.
    LessonBack,
    /// Show the next hint of the lesson.
    LessonHint,
    /// Show the solution with its explanation.
    LessonSkip,
    /// Start the page of the lesson again.
    LessonAgain,
    /// Play freely, or go back to the lesson.
    LessonFree,
    /// Up.
    Up,
    /// Down.
    Down,
    /// Left.
    Left,
    /// Right.
    Right,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the beginning.
    First,
    /// To the end.
    Last,
    /// The next quantity of the pane.
    NextMetric,
    /// The previous quantity of the pane.
    PreviousMetric,
    /// Linear or logarithmic axis.
    ToggleLog,
    /// Show the next unit on the x axis.
    NextXAxis,
    /// More smoothing.
    Smoother,
    /// Less smoothing.
    Rougher,
    /// The whole run, or the recent past.
    ToggleWindow,
    /// Predictions or confusion matrix.
    ToggleConfusion,
    /// Show the sample under the lane's augmentations, or predictions.
    ToggleAugmented,
    /// Show the report on reading the data, or predictions.
    ToggleRead,
    /// The next sample.
    NextSample,
    /// The previous sample.
    PreviousSample,
    /// A larger perturbation.
    EpsUp,
    /// A smaller perturbation.
    EpsDown,
    /// Aim at the next class; at none after the last.
    NextTarget,
    /// Show a smaller part of the plane, enlarged.
    ZoomIn,
    /// Show a larger part of the plane.
    ZoomOut,
    /// Move the window left.
    PanLeft,
    /// Move the window right.
    PanRight,
    /// Move the window up.
    PanUp,
    /// Move the window down.
    PanDown,
    /// The next test function.
    NextFunction,
    /// The previous test function.
    PreviousFunction,
    /// Add more noise to the gradient; none after the most.
    Noise,
    /// Longer sequences.
    Longer,
    /// Shorter sequences.
    Shorter,
    /// Show the weight with the largest gradient.
    LargestGradient,
    /// Show the weight that moved furthest.
    LargestStep,
    /// The next attack of the table.
    NextAttack,
    /// Show the image that is hardest for the lane in front.
    HardestSample,
    /// Accuracy against the size of the attack, or one sample.
    ToggleSizes,
    /// Attack a picture of the user's.
    OwnPicture,
    /// Show the lesson pane, or the previous pane.
    Lesson,
    /// Undo the last change.
    Undo,
    /// Redo the last undone change.
    Redo,
    /// The list of changes.
    Changes,
    /// Save the screen as a picture: type its path.
    Picture,
    /// Train a copy of the lane in front at many rates.
    RangeTest,
    /// Train a copy of the lane in front on one batch.
    OneBatch,
    /// Save the experiment as a scenario: type its path.
    Write,
    /// Make all lanes continue from the shown step.
    Rewind,
    /// Make the lane in front continue from the shown step.
    RewindLane,
    /// Hide the abandoned curves of lanes that went back.
    Dismiss,
    /// Show the diagnosis pane, or the previous pane.
    Diagnosis,
    /// Train the chosen cure in a lane beside the sick lane.
    Cure,
    /// Train every cure in a separate lane.
    CureAll,
    /// Open the timeline, or return to the present.
    Timeline,
    /// Fork a lane at the shown step.
    Fork,
    /// Ten steps back.
    TenBack,
    /// Ten steps forward.
    TenOn,
    /// A hundred steps back.
    HundredBack,
    /// A hundred steps forward.
    HundredOn,
    /// In a window: complete the typed text, or go to the next row.
    Complete,
    /// In a window: accept the choice.
    Accept,
    /// In a window: close it without changes.
    Cancel,
}

impl Action {
    /// Whether it acts on a lesson in progress.
    pub fn is_of_lesson(self) -> bool {
        use Action::{LessonAgain, LessonBack, LessonFree, LessonHint, LessonOn, LessonSkip};
        matches!(self, LessonOn | LessonHint | LessonSkip | LessonAgain | LessonBack | LessonFree)
    }
}
