//! Converts a manual session to a script: each key with its step. Follows keys, commands and events; presses no key.
//!
//! A key is pressed at one step and takes effect some steps later. The script records the step of the effect, which the
//! run reports, so a replay changes every lane at the same step as the session did. Lanes at full speed are at
//! different steps at the same time; if two of them were changed in another order than that of their steps, the script
//! says so.

use super::script::{Cue, CueTime, RecordingScript};
use crate::telemetry::{Command, Event, LaneId, Phase};
use crate::ui::app::App;
use crate::ui::keymap::KeyPress;
use crate::view::LaneView;
use std::time::Duration;

/// Most cues that are kept; a longer session gives no script.
const MOST: usize = 9000;
/// Longest pause between two keys in a script, in tenths of a second.
const PAUSE: u64 = 30;

/// An event for which a cue still waits to get its step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PendingEvent {
    /// This lane takes its new settings.
    Set(LaneId),
    /// The lanes pause. If they were not paused before: this lane's step then counts, less the number of steps that the
    /// same order asked for.
    Rest(Option<(LaneId, u64)>),
}

/// A cue and its step, as far as known.
#[derive(Debug, Default)]
struct CueEntry {
    cue: Cue,
    open: Option<PendingEvent>,
    /// The lane in front.
    front: LaneId,
    /// Whether its step is the one at which it took effect, rather than the one at which the key was pressed.
    exact: bool,
    /// Whether steps are counted anew after it.
    anew: bool,
}

/// A session so far.
#[derive(Debug, Default)]
pub struct SessionLog {
    entries: Vec<CueEntry>,
    last: Duration,
    /// A lane is restarted, but the screen does not know it yet: its step has no meaning.
    anew: bool,
    /// Lanes that were ordered to restart and have not reported it yet.
    renewed: Vec<LaneId>,
    /// Lanes were paused at a point that no step of a lane describes.
    loose: bool,
    /// There were too many cues, or an action that a script cannot express.
    broken: bool,
}

/// An action of the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserAction {
    /// Pressed a key.
    Key(KeyPress),
    /// Clicked at a column and row.
    Click(u16, u16),
    /// Turned the wheel at a column and row; below 0: upwards.
    Scroll(u16, u16, i8),
}

impl SessionLog {
    /// Notes an action of the user; `app` is the state before it.
    pub fn note_action(&mut self, action: UserAction, app: &App, now: Duration) {
        let mut cue = self.cue(app, now);
        // On replay the added lane may already be in front: the script names the lane on which this key acts.
        if app.awaits_lane() {
            cue.lane = app.view.lane(app.front).map(|lane| lane.info.name.clone());
        }
        match action {
            UserAction::Key(key) => cue.press = Some(key.to_string()),
            UserAction::Click(x, y) => cue.click = Some((x, y)),
            UserAction::Scroll(x, y, turns) => cue.scroll = Some((x, y, turns)),
        }
        self.push(cue, app.front);
    }

    /// The user's last action had no effect, so the script leaves it out.
    pub fn take_back(&mut self) {
        self.entries.pop();
    }

    /// Notes that recording of the screen starts or stops.
    pub fn show(&mut self, shown: bool, app: &App, now: Duration) {
        if shown && !self.entries.is_empty() && !self.entries.iter().any(|e| e.cue.show.is_some()) {
            let hide = Cue { show: Some(false), ..Cue::default() };
            self.entries.insert(0, CueEntry { cue: hide, ..CueEntry::default() });
        }
        let cue = Cue { show: Some(shown), ..self.cue(app, now) };
        self.push(cue, app.front);
    }

    /// Notes an event that a script cannot express.
    pub fn break_off(&mut self) {
        self.broken = true;
    }

    /// A cue for the present moment: while lanes train, a step; while they are paused or have ended, a pause after the
    /// previous cue.
    fn cue(&mut self, app: &App, now: Duration) -> Cue {
        let tenths = (now.saturating_sub(self.last).as_millis() as u64 / 100).min(PAUSE);
        self.last = now;
        if (!app.running() || app.done())
            && let Some(before) = self.entries.last_mut()
        {
            before.cue.wait = Some(tenths as f64 / 10.0).filter(|w| *w > 0.0);
        }
        let clock = clock(app).filter(|_| app.running() && !self.anew);
        Cue { at: clock.map(|l| at(l, app.front, l.present().step)), ..Cue::default() }
    }

    fn push(&mut self, cue: Cue, front: LaneId) {
        if self.entries.len() >= MOST {
            self.broken = true;
        } else {
            self.entries.push(CueEntry { cue, front, ..CueEntry::default() });
        }
    }

    /// Notes the order that the last cue caused; `app` is the state after the key, `running`: whether lanes trained
    /// before it.
    pub fn order(&mut self, command: &Command, running: bool, app: &App) {
        let open = match command {
            Command::Set { lane, .. } if running => PendingEvent::Set(*lane),
            Command::Pause | Command::Step(_) => {
                let more = if let Command::Step(n) = command { *n } else { 0 };
                PendingEvent::Rest(clock(app).filter(|_| running).map(|lane| (lane.id, more)))
            }
            Command::Reset(_) | Command::Load(_) | Command::Data(_) => {
                self.anew = true;
                match command {
                    Command::Reset(Some(lane)) => self.renewed.push(*lane),
                    Command::Reset(None) | Command::Data(_) => {
                        self.renewed.extend(app.view.lanes.iter().map(|l| l.id));
                    }
                    _ => {}
                }
                if let Some(last) = self.entries.last_mut() {
                    last.anew = true;
                }
                return;
            }
            // These orders have the same result at any time; only the steps after them are counted anew.
            Command::Rewind { .. } | Command::Undo | Command::Redo => {
                self.anew = true;
                if let Some(last) = self.entries.last_mut() {
                    last.anew = true;
                }
                return;
            }
            _ => return,
        };
        if let Some(last) = self.entries.last_mut() {
            last.open = Some(open);
        }
    }

    /// Notes an event; `app` knows it already.
    pub fn event(&mut self, event: &Event, app: &App) {
        match event {
            Event::Changed { lane, step, .. } => {
                self.close(app, |o| (*o == PendingEvent::Set(*lane)).then_some(Some((*lane, *step))));
            }
            Event::Started { lane, .. } => {
                self.anew = false;
                if let Some(i) = self.renewed.iter().position(|l| l == lane) {
                    // This answers a reset, not settings sent after it.
                    self.renewed.swap_remove(i);
                    return;
                }
                // New settings that restart the lane do so at any step.
                self.close(app, |o| (*o == PendingEvent::Set(*lane)).then_some(None));
            }
            Event::Changes { .. } => self.anew = false,
            Event::Rested => {
                let rests = |o: &PendingEvent| match o {
                    PendingEvent::Rest(Some((lane, n))) => {
                        Some(rest(&app.view.lanes, *lane, *n).map(|step| (*lane, step)))
                    }
                    PendingEvent::Rest(None) => Some(None),
                    PendingEvent::Set(_) => None,
                };
                self.close(app, rests);
            }
            _ => {}
        }
    }

    /// Gives the step of a lane to the first cue that waits for this event.
    fn close(&mut self, app: &App, answers: impl Fn(&PendingEvent) -> Option<Option<(LaneId, u64)>>) {
        let found = self.entries.iter_mut().find_map(|e| Some((e.open.as_ref().and_then(&answers)?, e)));
        if let Some((step, entry)) = found {
            self.loose |= step.is_none() && matches!(entry.open, Some(PendingEvent::Rest(Some(_))));
            entry.open = None;
            entry.exact = step.is_some();
            if let Some((lane, step)) = step.and_then(|(id, step)| Some((app.view.lane(id)?, step))) {
                entry.cue.at = Some(at(lane, entry.front, step));
            }
        }
    }

    /// The session as a script for a screen of this size, if possible; and whether it changes every lane at exactly the
    /// step at which the session did.
    pub fn script(&self, title: &str, size: (u16, u16)) -> Option<(RecordingScript, bool)> {
        let mut cues: Vec<Cue> = self.entries.iter().map(|e| e.cue.clone()).collect();
        let (mut exact, mut least) = (!self.loose, u64::MAX);
        for (cue, entry) in cues.iter_mut().zip(&self.entries).rev() {
            if entry.anew {
                least = u64::MAX;
            }
            let Some(CueTime::Step(step) | CueTime::Lane(_, step)) = &mut cue.at else { continue };
            if entry.exact {
                exact &= *step <= least;
                least = *step;
            } else {
                // It only had to come before the next cue.
                *step = (*step).min(least);
            }
        }
        if let [.., before, last] = &mut cues[..]
            && last.show == Some(false)
        {
            // A key takes effect some steps after it is pressed; the effect of the last key must be visible too.
            before.wait.get_or_insert(1.0);
        }
        let script =
            RecordingScript { title: title.into(), size: Some(size), cues, ..RecordingScript::default() };
        (!self.broken).then_some((script, exact))
    }
}

/// Whether a lane trains as long as the lanes are not paused.
fn trains(lane: &LaneView) -> bool {
    let now = lane.present();
    matches!(now.phase, Phase::Running | Phase::Paused)
        && now.info.fork.as_ref().is_none_or(|fork| fork.begun)
}

/// The lane whose steps tell the time: the one in front, unless only another one trains.
fn clock(app: &App) -> Option<&LaneView> {
    let front = app.view.lane(app.solo.unwrap_or(app.front));
    front.filter(|lane| trains(lane)).or_else(|| app.view.lanes.iter().find(|lane| trains(lane))).or(front)
}

/// A step of a lane as the time of a cue.
fn at(lane: &LaneView, front: LaneId, step: u64) -> CueTime {
    if lane.id == front { CueTime::Step(step) } else { CueTime::Lane(lane.present().info.name.clone(), step) }
}

/// The step of this lane at which an order for this many more steps paused all lanes; `None` if they paused at
/// different steps. Lanes that do not train do not count.
fn rest(lanes: &[LaneView], clock: LaneId, n: u64) -> Option<u64> {
    let clock = lanes.iter().find(|l| l.id == clock)?;
    let (at, step) = (clock.present().step, |l: &LaneView| l.present().step);
    let together = lanes.iter().all(|l| step(l) == at || !trains(l) && step(l) < at);
    // The ordered steps beyond the end were not made.
    together.then(|| if trains(clock) { at.saturating_sub(n) } else { at })
}
