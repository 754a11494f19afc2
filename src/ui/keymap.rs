//! The table of keys: the action of each, its scope, and its words in the hint line and in the help. Performs no
//! action.

mod action;
pub mod custom;
mod key;

pub use action::Action;
pub use key::KeyPress;

use crate::scenario::view::Pane;
use crossterm::event::KeyCode;

/// The scope of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyScope {
    /// Everywhere except in a window.
    Global,
    /// In any focused pane.
    AnyPane,
    /// While this pane has the focus.
    Pane(Pane),
    /// While the timeline is open: its keys come before all others.
    Timeline,
    /// In a window that shows text.
    List,
    /// In a form, and in a list that typing filters: only keys that type no character.
    Form,
    /// In the window of a test.
    Trial,
    /// While the question about quitting is open.
    Confirm,
    /// While another question is open.
    Sure,
}

impl KeyScope {
    /// All scopes, in the order of the help.
    pub fn all() -> Vec<Self> {
        let mut all = vec![Self::Global, Self::AnyPane];
        all.push(Self::Timeline);
        all.extend(Pane::ALL.iter().copied().map(Self::Pane));
        all.extend([Self::List, Self::Form, Self::Trial, Self::Confirm, Self::Sure]);
        all
    }

    /// Its heading in the help.
    pub fn title(self) -> &'static str {
        match self {
            Self::Global => "Everywhere",
            Self::AnyPane => "In a pane",
            Self::Pane(p) => p.name(),
            Self::Timeline => "On the timeline",
            Self::List => "In a text",
            Self::Form => "In a form or a list",
            Self::Trial => "In a test",
            Self::Confirm => "On leaving",
            Self::Sure => "Where steps would be lost",
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// The keys; the first one is shown.
    pub keys: &'static [KeyPress],
    /// Where they apply.
    pub scope: KeyScope,
    /// Their action.
    pub action: Action,
    /// One or two words for the hint line; empty if the row is left out there.
    pub hint: &'static str,
    /// A sentence for the help and the palette.
    pub help: &'static str,
    /// Whether it changes a run, or needs its networks: both require the user's own run, not a watched one.
    pub own: bool,
}

macro_rules! keymap {
    ($( $scope:expr => { $( [$($key:expr),+] $run:ident $action:expr, $hint:literal, $help:literal; )* } )*) => {
        &[ $( $( Binding {
            keys: &[$($key),+], scope: $scope, action: $action, hint: $hint, help: $help, own: keymap!(@own $run),
        }, )* )* ]
    };
    (@own own) => { true };
    (@own any) => { false };
}

use Action as A;
use KeyCode as C;
const fn ch(c: char) -> KeyPress {
    KeyPress::ch(c)
}
const fn of(c: KeyCode) -> KeyPress {
    KeyPress::of(c)
}

/// All keys. For the same key, a pane's own rows come before general ones.
pub const KEYMAP: &[Binding] = keymap! {
    KeyScope::Global => {
        [ch(' ')] own A::TogglePause, "run/pause", "run or pause all lanes";
        [ch('n')] own A::Step, "step", "one step in every lane, then pause";
        [ch('N')] own A::StepTen, "", "ten steps in every lane, then pause";
        [of(C::Tab)] any A::NextPane, "pane", "focus the next pane";
        [of(C::BackTab)] any A::PreviousPane, "", "focus the previous pane";
        [ch('p')] any A::Panes, "", "choose a pane by its name";
        [ch('e')] any A::Lesson, "lesson", "what the scenario teaches and what it expects, and back";
        [ch('z')] any A::Zoom, "zoom", "give the focused pane the whole screen, and back";
        [ch('.'), ch('>')] any A::NextLane, "", "bring the next lane to the front";
        [ch(','), ch('<')] any A::PreviousLane, "", "bring the previous lane to the front";
        [ch('1')] any A::Lane(0), "", "bring lane A to the front";
        [ch('2')] any A::Lane(1), "", "bring lane B to the front";
        [ch('3')] any A::Lane(2), "", "bring lane C to the front";
        [ch('4')] any A::Lane(3), "", "bring lane D to the front";
        [ch('5')] any A::Lane(4), "", "bring lane E to the front";
        [ch('6')] any A::Lane(5), "", "bring lane F to the front";
        [ch('7')] any A::Lane(6), "", "bring lane G to the front";
        [ch('8')] any A::Lane(7), "", "bring lane H to the front";
        [ch(']')] own A::LrUp, "", "double the learning rate of the lane in front";
        [ch('[')] own A::LrDown, "", "halve the learning rate of the lane in front";
        [ch('}')] own A::Faster, "", "train twice as fast, up to as fast as it goes";
        [ch('{')] own A::Slower, "", "train half as fast, to watch";
        [ch('S')] own A::Solo, "", "train only the lane in front, or all again";
        [ch('b')] own A::Seeds, "", "every lane over five seeds, whose range is drawn as a band; or over one again";
        [ch('r')] own A::ResetLane, "", "start the lane in front anew from the same seed";
        [ch('R')] own A::ResetAll, "", "start all lanes anew from the same seed";
        [ch('V')] own A::RangeTest, "", "train a copy of the lane in front at rates from small to large, and suggest one";
        [ch('O')] own A::OneBatch, "", "train a copy of the lane in front on one batch: can it be learnt by heart?";
        [ch('u')] own A::Undo, "", "undo the last change: lanes become what they would be if it had never been made";
        [ch('U')] own A::Redo, "", "make the change again that was undone last";
        [ch('Y')] own A::Changes, "", "the list of changes that can be undone and made again";
        [ch('W')] own A::Write, "", "save the experiment as it is now, lanes, edits and forks, as a scenario";
        [ch('P')] any A::Picture, "", "save what is on the screen as an SVG picture";
        [ch('D')] any A::Diagnosis, "", "what is wrong with the lane in front, and what cures it; and back";
        [ch('T')] own A::Timeline, "time", "open the timeline, to look at any step of the run; again: the present";
        [ch('o')] own A::Presets, "presets", "open a preset";
        [ch('E')] own A::Lessons, "", "the course: choose a lesson to go through";
        [ch(':')] any A::Palette, "command", "find a command by its name";
        [ch('?'), of(C::F(1))] any A::Help, "help", "show this help";
        [ch('q'), KeyPress::ctrl('c')] any A::Quit, "quit", "leave (asks while training)";
        [KeyPress::ctrl('z')] any A::Suspend, "", "back to the shell; fg returns";
        [KeyPress::ctrl('r')] own A::Record, "", "record what is on the screen, and its script; again: stop";
        [KeyPress::ctrl('l')] any A::Repaint, "", "draw the screen anew";
    }
    KeyScope::Timeline => {
        [of(C::Left)] own A::Left, "step", "a step back";
        [of(C::Right)] own A::Right, "", "a step on";
        [ch('f')] own A::Fork, "fork", "a new lane that begins at the step in view of the lane in front; its form opens first";
        [ch('b')] own A::Rewind, "rewind", "all lanes go on from the step in view; what lay ahead stays as a ghost";
        [ch('B')] own A::RewindLane, "", "only the lane in front goes on from the step in view";
        [KeyPress::shift(C::Left)] own A::TenBack, "", "ten steps back";
        [KeyPress::shift(C::Right)] own A::TenOn, "", "ten steps on";
        [KeyPress::control(C::Left)] own A::HundredBack, "", "a hundred steps back";
        [KeyPress::control(C::Right)] own A::HundredOn, "", "a hundred steps on";
        [of(C::PageUp)] own A::PageUp, "tenth", "a tenth of the run back";
        [of(C::PageDown)] own A::PageDown, "", "a tenth of the run on";
        [of(C::Up)] own A::Up, "event", "the edit or divergence before; where there is none, the evaluation before";
        [of(C::Down)] own A::Down, "", "the edit or divergence after; where there is none, the next evaluation";
        [of(C::Home)] own A::First, "", "before the first step";
        [of(C::End)] own A::Last, "present", "the present, which goes on meanwhile";
        [of(C::Enter)] own A::Accept, "", "go to the step whose number was typed";
        [of(C::Esc)] own A::Cancel, "close", "back to the present; the digits that were typed go first";
    }
    KeyScope::Pane(Pane::Network) => {
        [of(C::Enter)] own A::Edit, "edit", "edit the selected layer";
        [ch('w')] own A::Apply, "apply", "train with the edited network, from the same seed";
        [ch('a'), of(C::Insert)] own A::Add, "add", "add a layer below the selected one";
        [ch('x'), of(C::Delete)] own A::Remove, "remove", "remove the selected layer";
        [ch('K'), KeyPress::shift(C::Up)] own A::MoveUp, "", "move the layer towards the input";
        [ch('J'), KeyPress::shift(C::Down)] own A::MoveDown, "move", "move the layer towards the output";
        [ch('i')] own A::Init, "init", "choose how the weights are initialised";
        [ch('t')] own A::Target, "lanes", "edit the lane in front, or all lanes";
        [ch('X')] own A::Discard, "", "forget all edits that are not applied; u undoes the last one, U makes it again";
    }
    KeyScope::Pane(Pane::Lanes) => {
        [of(C::Enter)] own A::Edit, "edit", "edit the selected lane's settings while it trains";
        [ch('a'), of(C::Insert)] own A::Add, "add", "add a lane with the scenario's own settings";
        [ch('d')] own A::Duplicate, "duplicate", "add a copy of the selected lane, to change";
        [ch('x'), of(C::Delete)] own A::Remove, "remove", "remove the selected lane";
    }
    KeyScope::Pane(Pane::Surface) => {
        [of(C::Right), ch('l')] own A::Right, "start", "move the start of all lanes to the right";
        [of(C::Left), ch('h')] own A::Left, "", "move the start of all lanes to the left";
        [of(C::Up), ch('k')] own A::Up, "", "move the start of all lanes up";
        [of(C::Down), ch('j')] own A::Down, "", "move the start of all lanes down";
        [ch('+'), ch('=')] own A::ZoomIn, "zoom", "look closer at where the lane in front is";
        [ch('-')] own A::ZoomOut, "", "look from further away";
        [ch('H'), KeyPress::shift(C::Left)] own A::PanLeft, "", "look further left";
        [ch('L'), KeyPress::shift(C::Right)] own A::PanRight, "", "look further right";
        [ch('K'), KeyPress::shift(C::Up)] own A::PanUp, "", "look further up";
        [ch('J'), KeyPress::shift(C::Down)] own A::PanDown, "", "look further down";
        [ch('w')] own A::ToggleWindow, "whole", "look at the whole function again";
        [ch('f')] own A::NextFunction, "function", "the next test function";
        [ch('F')] own A::PreviousFunction, "", "the previous test function";
        [ch('m')] own A::Noise, "noise", "more noise on the gradient; none after the most";
        [of(C::Enter)] own A::Edit, "edit", "type the function, the start and the noise";
    }
    KeyScope::Pane(Pane::Curves) => {
        [ch('m'), of(C::Enter)] any A::NextMetric, "metric", "show the next quantity";
        [ch('M')] any A::PreviousMetric, "", "show the previous quantity";
        [ch('y')] any A::ToggleLog, "log", "linear or logarithmic axis";
        [ch('x')] any A::NextXAxis, "x axis", "x in steps, epochs, seconds or gradient evaluations";
        [ch('+'), ch('=')] any A::Smoother, "smooth", "more smoothing";
        [ch('-')] any A::Rougher, "", "less smoothing";
        [ch('w')] any A::ToggleWindow, "window", "the whole run, or the recent past";
        [ch('d')] any A::Dismiss, "", "no longer show the ghosts of what lay ahead before lanes went back";
    }
    KeyScope::Pane(Pane::GradientMap) => {
        [ch('m'), of(C::Enter)] any A::NextMetric, "quantity", "show the next quantity of the layers";
    }
    KeyScope::Pane(Pane::ThroughTime) => {
        [of(C::Right), ch('l'), ch('+')] own A::Longer, "length", "longer sequences; all lanes start anew";
        [of(C::Left), ch('h'), ch('-')] own A::Shorter, "", "shorter sequences; all lanes start anew";
        [ch('m'), of(C::Down), ch('j')] own A::NextMetric, "layer", "the next recurrent layer";
        [of(C::Enter)] own A::Edit, "edit", "type the length and the other settings of the data";
    }
    KeyScope::Pane(Pane::Prediction) => {
        [ch('c'), of(C::Enter)] own A::ToggleConfusion, "confusion", "predictions, or the confusion matrix";
        [ch('a')] own A::ToggleAugmented, "augment", "the sample under the lane's augmentations";
        [ch('d')] any A::ToggleRead, "data", "what was read: samples, inputs, target, and what looks like a mistake";
        [of(C::Down), ch('j')] own A::NextSample, "sample", "the next sample";
        [of(C::Up), ch('k')] own A::PreviousSample, "", "the previous sample";
    }
    KeyScope::Pane(Pane::Adversarial) => {
        [of(C::Right), ch('l'), ch('+')] own A::EpsUp, "epsilon", "a larger perturbation";
        [of(C::Left), ch('h'), ch('-')] own A::EpsDown, "", "a smaller perturbation";
        [of(C::Down), ch('j')] own A::NextSample, "image", "the next image";
        [of(C::Up), ch('k')] own A::PreviousSample, "", "the previous image";
        [of(C::Enter)] own A::Edit, "edit", "edit the attack: norm, size, steps, target";
        [ch('a')] own A::NextAttack, "attack", "the next attack of the table";
        [ch('t')] own A::NextTarget, "target", "aim at the next class; none after the last";
        [ch('H')] own A::HardestSample, "hardest", "the image that the lane in front gets right with the least certainty";
        [ch('c')] own A::ToggleSizes, "curve", "accuracy of all lanes against epsilon, or one image";
        [ch('i')] own A::OwnPicture, "own", "attack a picture of your own: type its path";
    }
    KeyScope::Pane(Pane::Microscope) => {
        [of(C::Right), ch('l')] own A::Right, "weight", "the next weight of the row";
        [of(C::Left), ch('h')] own A::Left, "", "the previous weight of the row";
        [of(C::Down), ch('j')] own A::Down, "row", "the same column of the next row";
        [of(C::Up), ch('k')] own A::Up, "", "the same column of the previous row";
        [of(C::PageDown), KeyPress::ctrl('d')] own A::PageDown, "tensor", "the next tensor";
        [of(C::PageUp), KeyPress::ctrl('u')] own A::PageUp, "", "the previous tensor";
        [ch('m')] own A::LargestGradient, "largest g", "the weight with the largest gradient in the lane in front";
        [ch('M')] own A::LargestStep, "", "the weight that moved furthest in the lane in front";
        [of(C::Enter)] own A::Edit, "choose", "choose a tensor and type the place of the weight";
    }
    KeyScope::Pane(Pane::Diagnosis) => {
        [of(C::Enter)] own A::Cure, "try it", "train the chosen cure in a lane beside the sick one, from where the finding began";
        [ch('A')] own A::CureAll, "try all", "train every cure that is offered in a lane of its own";
        [of(C::Down), ch('j')] any A::Down, "choose", "the next cure; where there is none, a line down";
        [of(C::Up), ch('k')] any A::Up, "", "the cure before; where there is none, a line up";
    }
    KeyScope::Pane(Pane::Lesson) => {
        [of(C::Enter)] own A::LessonOn, "on", "answer the question, train, or go on to the next page";
        [ch('h')] own A::LessonHint, "hint", "the next hint";
        [ch('s')] own A::LessonSkip, "solution", "show the solution, and why it is one; or leave out a question";
        [ch('a')] own A::LessonAgain, "again", "this page from its beginning";
        [of(C::Backspace)] own A::LessonBack, "", "back to the page before";
        [ch('f')] own A::LessonFree, "free play", "play freely, with nothing locked; again: back to the lesson";
    }
    KeyScope::AnyPane => {
        [of(C::Up), ch('k')] any A::Up, "", "up";
        [of(C::Down), ch('j')] any A::Down, "", "down";
        [of(C::Left), ch('h')] any A::Left, "", "left";
        [of(C::Right), ch('l')] any A::Right, "", "right";
        [of(C::PageUp), KeyPress::ctrl('u')] any A::PageUp, "", "a page up";
        [of(C::PageDown), KeyPress::ctrl('d')] any A::PageDown, "", "a page down";
        [of(C::Home), ch('g')] any A::First, "", "to the beginning";
        [of(C::End), ch('G')] any A::Last, "", "to the end";
    }
    KeyScope::List => {
        [of(C::Up), ch('k')] any A::Up, "", "up";
        [of(C::Down), ch('j')] any A::Down, "move", "down";
        [of(C::PageUp), KeyPress::ctrl('u')] any A::PageUp, "", "a page up";
        [of(C::PageDown), KeyPress::ctrl('d'), ch(' ')] any A::PageDown, "page", "a page down";
        [of(C::Home), ch('g')] any A::First, "", "to the beginning";
        [of(C::End), ch('G')] any A::Last, "", "to the end";
        [of(C::Enter)] any A::Accept, "open", "take what is selected";
        [of(C::Esc), ch('q'), ch('?'), KeyPress::ctrl('c')] any A::Cancel, "close", "close the window";
    }
    KeyScope::Form => {
        [of(C::Up)] any A::Up, "", "the row above";
        [of(C::Down)] any A::Down, "row", "the row below";
        [of(C::PageUp)] any A::PageUp, "", "a page up";
        [of(C::PageDown)] any A::PageDown, "", "a page down";
        [of(C::Right)] any A::Right, "choose", "the next choice of this row; a letter further in a text";
        [of(C::Left)] any A::Left, "", "the previous choice of this row; a letter back in a text";
        [of(C::Tab)] any A::Complete, "", "the row below; after a colon: complete what is typed";
        [of(C::BackTab)] any A::Up, "", "the row above";
        [of(C::Enter)] any A::Accept, "take", "take it and close the window";
        [of(C::Esc), KeyPress::ctrl('c')] any A::Cancel, "cancel", "close the window and change nothing";
    }
    KeyScope::Trial => {
        [of(C::Enter)] own A::Accept, "take", "set the suggested rate, and close the window";
        [of(C::Esc), ch('q'), KeyPress::ctrl('c')] any A::Cancel, "close", "close the window and change nothing";
    }
    KeyScope::Confirm => {
        [ch('y'), ch('q'), of(C::Enter), KeyPress::ctrl('c')] any A::Accept, "leave", "leave";
        [ch('n'), of(C::Esc)] any A::Cancel, "stay", "stay";
    }
    KeyScope::Sure => {
        [ch('y'), of(C::Enter)] any A::Accept, "yes", "yes, do it";
        [ch('n'), of(C::Esc), ch('q'), KeyPress::ctrl('c')] any A::Cancel, "no", "no, leave it as it is";
    }
};

/// The scopes that apply while this pane has the focus, the most specific first.
pub fn pane_scopes(pane: Pane) -> [KeyScope; 3] {
    [KeyScope::Pane(pane), KeyScope::AnyPane, KeyScope::Global]
}

/// The same while the timeline is open.
pub fn timeline_scopes(pane: Pane) -> [KeyScope; 4] {
    [KeyScope::Timeline, KeyScope::Pane(pane), KeyScope::AnyPane, KeyScope::Global]
}

#[cfg(test)]
mod tests;
