//! The actions that keys can have.

/// All actions that a key can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
pub enum Action {
    /// Run or pause all lanes.
    TogglePause,
    /// One step in every lane, then pause.
    Step,
    /// Ten steps in every lane, then pause.
    StepTen,
    /// The focus moves on.
    NextPane,
    /// The focus moves back.
    PreviousPane,
    /// Choose a pane by its name.
    Panes,
    /// The focused pane fills the screen, or no longer does.
    Zoom,
    /// Open the gallery of presets.
    Presets,
    /// Open the help.
    Help,
    /// Open the command palette.
    Palette,
    /// Leave.
    Quit,
    /// Back to the shell until `fg`.
    Suspend,
    /// Start or stop recording the screen.
    Record,
    /// Draw everything anew.
    Repaint,
    /// The next lane comes to the front.
    NextLane,
    /// The previous lane comes to the front.
    PreviousLane,
    /// The lane of this number comes to the front.
    Lane(u8),
    /// Only the lane in front trains, or all again.
    Solo,
    /// Hold the lanes to twice the pace.
    Faster,
    /// Hold the lanes to half the pace.
    Slower,
    /// Every lane over several seeds, or over one again.
    Seeds,
    /// The lane in front starts anew.
    ResetLane,
    /// All lanes start anew.
    ResetAll,
    /// Double the learning rate of the lane in front.
    LrUp,
    /// Halve the learning rate of the lane in front.
    LrDown,
    /// Edit what is selected.
    Edit,
    /// Add something after the selection.
    Add,
    /// A copy of the selected lane.
    Duplicate,
    /// Remove the selection.
    Remove,
    /// Move the selected layer towards the input.
    MoveUp,
    /// Move the selected layer towards the output.
    MoveDown,
    /// Choose the initialiser of the draft.
    Init,
    /// Whether the model builder edits the lane in front or all lanes.
    Target,
    /// Train with the draft.
    Apply,
    /// Forget the draft.
    Discard,
    /// Choose a lesson of the course.
    Lessons,
    /// Go on in the lesson.
    LessonOn,
    /// Back to the page before.
    LessonBack,
    /// The next hint of the lesson.
    LessonHint,
    /// Show the solution, and why it is one.
    LessonSkip,
    /// The page of the lesson from its beginning.
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
    /// The next unit of the x axis.
    NextXAxis,
    /// More smoothing.
    Smoother,
    /// Less smoothing.
    Rougher,
    /// The whole run, or the recent past.
    ToggleWindow,
    /// Predictions or confusion matrix.
    ToggleConfusion,
    /// The sample under the lane's augmentations, or predictions.
    ToggleAugmented,
    /// The report of the data's reading, or predictions.
    ToggleRead,
    /// The next sample.
    NextSample,
    /// The previous sample.
    PreviousSample,
    /// A larger perturbation.
    EpsUp,
    /// A smaller perturbation.
    EpsDown,
    /// The next class to aim at; none after the last.
    NextTarget,
    /// A smaller part of the plane, larger.
    ZoomIn,
    /// A larger part of the plane.
    ZoomOut,
    /// The window moves left.
    PanLeft,
    /// The window moves right.
    PanRight,
    /// The window moves up.
    PanUp,
    /// The window moves down.
    PanDown,
    /// The next test function.
    NextFunction,
    /// The previous test function.
    PreviousFunction,
    /// More noise on the gradient; none after the most.
    Noise,
    /// Longer sequences.
    Longer,
    /// Shorter sequences.
    Shorter,
    /// The weight with the largest gradient.
    LargestGradient,
    /// The weight that moved furthest.
    LargestStep,
    /// The next attack of the table.
    NextAttack,
    /// The image that is hardest for the lane in front.
    HardestSample,
    /// Accuracy against the size of the attack, or one sample.
    ToggleSizes,
    /// A picture of one's own.
    OwnPicture,
    /// The lesson pane, and back.
    Lesson,
    /// Undo the last change.
    Undo,
    /// Make the change again that was undone last.
    Redo,
    /// The list of changes.
    Changes,
    /// Save what is on the screen as a picture: type its path.
    Picture,
    /// Train a copy of the lane in front at many rates.
    RangeTest,
    /// Train a copy of the lane in front on one batch.
    OneBatch,
    /// Save the experiment as a scenario: type its path.
    Write,
    /// All lanes go on from the step in view.
    Rewind,
    /// The lane in front goes on from the step in view.
    RewindLane,
    /// No longer show what lay ahead before lanes went back.
    Dismiss,
    /// The diagnosis pane, and back.
    Diagnosis,
    /// Train the chosen cure in a lane beside the sick one.
    Cure,
    /// Train every cure in a lane of its own.
    CureAll,
    /// The timeline, and back to the present.
    Timeline,
    /// A lane that begins at the step in view.
    Fork,
    /// Ten steps back.
    TenBack,
    /// Ten steps on.
    TenOn,
    /// A hundred steps back.
    HundredBack,
    /// A hundred steps on.
    HundredOn,
    /// In a window: complete what is typed, or go on to the next row.
    Complete,
    /// In a window: take what is chosen.
    Accept,
    /// In a window: close it and change nothing.
    Cancel,
}
