//! The timeline: one line with the whole run of the lane in front, the shown step, and the events on the way. Trains
//! nothing; it requests steps, which arrive as events.

use super::diagnosis::thousands;
use super::keymap::Action;
use super::theme::Theme;
use super::widget::scale::count;
use super::widget::text;
use crate::number::Number;
use crate::telemetry::{Data, Phase};
use crate::view::{LaneView, RunView};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

/// Most digits of a typed step.
const DIGITS: usize = 10;

/// The state of the timeline while it is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// The requested step; `None`: the present.
    at: Option<u64>,
    /// The digits typed so far.
    typed: String,
    /// Whether the pointer drags the position; it may leave the timeline meanwhile.
    pub dragged: bool,
}

/// A mark on the timeline, the least important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum TimelineMark {
    Evaluation,
    Edit,
    Fork,
    Divergence,
}

/// The edits, forks and divergences of a lane, with their steps.
fn marks(lane: &LaneView, view: &RunView) -> Vec<(u64, TimelineMark)> {
    let edits = lane.present().info.edits.iter().filter(|e| e.step > 0).map(|e| (e.step, TimelineMark::Edit));
    let end = match &lane.present().phase {
        // The last step with finite numbers.
        Phase::Diverged(account) => Some((account.step.saturating_sub(1), TimelineMark::Divergence)),
        _ => None,
    };
    let own = lane.present().info.fork.as_ref().map(|f| f.at);
    let children = view.lanes.iter().filter_map(|l| l.present().info.fork.as_ref());
    let forks = children.filter(|f| f.parent == lane.id).map(|f| f.at).chain(own);
    edits.chain(forks.map(|at| (at, TimelineMark::Fork))).chain(end).collect()
}

/// The steps of a lane's evaluations, as far as its curve has them.
fn evaluations(lane: &LaneView) -> impl DoubleEndedIterator<Item = u64> {
    lane.curve(Number::ValLoss).map_or(&[][..], |c| c.whole()).iter().map(|b| b.at.step as u64)
}

impl Timeline {
    /// The requested step; `None`: the present.
    pub fn at(&self) -> Option<u64> {
        self.at
    }

    /// Adds a typed digit.
    pub fn typed(&mut self, digit: char) {
        if self.typed.len() < DIGITS {
            self.typed.push(digit);
        }
    }

    /// Deletes the last digit; returns whether there was one.
    pub fn erase(&mut self) -> bool {
        self.typed.pop().is_some()
    }

    /// Clears the typed digits; returns whether there were any.
    pub fn forget(&mut self) -> bool {
        !std::mem::take(&mut self.typed).is_empty()
    }

    /// Goes to a step, or to the present if the lane in front has not gone further.
    pub fn go(&mut self, step: u64, front: &LaneView) {
        self.at = Some(step).filter(|s| *s < front.present().step);
    }

    /// Moves according to a key.
    pub fn act(&mut self, action: Action, view: &RunView, front: &LaneView) {
        let end = front.present().step;
        let here = self.at.unwrap_or(end);
        let tenth = (end / 10).max(1);
        let to = match action {
            Action::Left => here.saturating_sub(1),
            Action::Right => here + 1,
            Action::TenBack => here.saturating_sub(10),
            Action::TenOn => here + 10,
            Action::HundredBack => here.saturating_sub(100),
            Action::HundredOn => here + 100,
            Action::PageUp => here.saturating_sub(tenth),
            Action::PageDown => here + tenth,
            Action::First => 0,
            Action::Last => end,
            Action::Up | Action::Down => {
                let mut all: Vec<u64> = view.lanes.iter().flat_map(|l| marks(l, view)).map(|m| m.0).collect();
                all.sort_unstable();
                let back = action == Action::Up;
                let mut other = evaluations(front);
                // Without other events, the evaluations are the marks.
                let found = if back {
                    all.into_iter().rfind(|s| *s < here).or_else(|| other.rfind(|s| *s < here))
                } else {
                    all.into_iter().find(|s| *s > here).or_else(|| other.find(|s| *s > here))
                };
                found.unwrap_or(if back { 0 } else { end })
            }
            Action::Accept => match self.typed.parse() {
                Ok(step) => step,
                Err(_) => return,
            },
            _ => return,
        };
        self.typed.clear();
        self.go(to, front);
    }

    /// Goes to the step under a click at this column.
    pub fn click(&mut self, column: u16, area: Rect, front: &LaneView, steps: u64) {
        let bar = bar(area, &self.words(front));
        let across = f64::from(column.saturating_sub(bar.x)) / f64::from(bar.width.saturating_sub(1).max(1));
        let step = across.clamp(0.0, 1.0) * length(front, steps) as f64;
        self.typed.clear();
        self.go(step.round() as u64, front);
    }

    /// The text at its right end.
    fn words(&self, front: &LaneView) -> String {
        if !self.typed.is_empty() {
            return format!(" go to {}_", self.typed);
        }
        let end = thousands(front.present().step);
        match self.at {
            Some(at) => format!(" {} of {end}", thousands(at)),
            None => format!(" {end}, the present"),
        }
    }

    /// Draws it; `steps`: the length of the whole run.
    pub fn draw(
        &self,
        front: &LaneView,
        view: &RunView,
        steps: u64,
        theme: &Theme,
        area: Rect,
        buf: &mut Buffer,
    ) {
        let words = self.words(front);
        let pick = |u, a| text::pick(theme.glyphs, u, a);
        let colour = Style::new().fg(theme.lane(front.id)).add_modifier(Modifier::BOLD);
        text::put(buf, area, 1, 0, &front.letter().to_string(), colour);
        let style = if self.at.is_some() { theme.warn } else { theme.faint };
        text::put_right(buf, area, 0, &words, style);
        let bar = bar(area, &words);
        let length = length(front, steps);
        let place = |step: u64| {
            let across = step.min(length) as f64 / length.max(1) as f64;
            (across * f64::from(bar.width.saturating_sub(1))).round() as u16
        };
        // Past steps are a line, heavy where a state is kept; future steps are dotted.
        let done = place(front.present().step);
        for x in 0..bar.width {
            let sign = if x <= done { pick("─", "-") } else { pick("┈", ".") };
            text::put(buf, bar, x, 0, sign, if x <= done { theme.text } else { theme.faint });
        }
        let kept = front.present().probes.get("keyframes").and_then(|p| p.part("steps"));
        if let Some(Data::Series(kept)) = kept {
            for x in kept.iter().map(|s| place(*s as u64)) {
                text::put(buf, bar, x, 0, pick("━", "="), theme.text);
            }
        }
        let mut all = marks(front, view);
        let judged: Vec<u64> = evaluations(front).collect();
        // Marks of evaluations are left out if they would hide the line.
        if judged.len() * 4 <= usize::from(bar.width) {
            all.extend(judged.into_iter().map(|s| (s, TimelineMark::Evaluation)));
        }
        all.sort_by_key(|m| m.1);
        for (step, mark) in all {
            let (sign, style) = match mark {
                TimelineMark::Evaluation => (pick("┴", "+"), theme.text),
                TimelineMark::Edit => (pick("◆", "*"), theme.warn),
                TimelineMark::Fork => (pick("┬", "Y"), theme.good),
                TimelineMark::Divergence => (pick("×", "x"), theme.bad),
            };
            text::put(buf, bar, place(step), 0, sign, style);
        }
        let here = self.at.unwrap_or(front.present().step);
        let style = theme.strong.add_modifier(Modifier::REVERSED);
        text::put(buf, bar, place(here), 0, pick("│", "|"), style);
        if bar.width >= 40 && done + 12 < bar.width {
            text::put_right(buf, bar, 0, &format!(" {}", count(length as f64)), theme.faint);
        }
    }
}

/// The number of steps of the whole line.
fn length(front: &LaneView, steps: u64) -> u64 {
    steps.max(front.present().step).max(1)
}

/// The area of the line itself, between the lane's letter and the words.
fn bar(area: Rect, words: &str) -> Rect {
    text::part(area, 3, 0, area.width.saturating_sub(4 + text::width(words)), 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Edit;
    use crate::telemetry::{Event, LaneId};
    use crate::ui::fixture;

    fn view() -> RunView {
        let mut view = RunView::default();
        for event in fixture::events(300) {
            view.apply(event);
        }
        let lane: LaneId = 0;
        let mut info = Box::new(view.lanes[0].info.clone());
        info.edits = vec![Edit { step: 120, field: "clip".into(), ..Edit::default() }];
        view.apply(Event::Changed { lane, info, step: 120 });
        view
    }

    #[test]
    fn keys_go_by_steps_tenths_events_and_numbers() {
        let view = view();
        let front = &view.lanes[0];
        let mut t = Timeline::default();
        let mut go = |action| {
            t.act(action, &view, front);
            t.at()
        };
        assert_eq!(go(Action::Left), Some(299));
        assert_eq!(go(Action::TenBack), Some(289));
        assert_eq!(go(Action::PageUp), Some(259));
        assert_eq!(go(Action::HundredBack), Some(159));
        // Lane D diverged after 150 steps; A was changed at 120.
        assert_eq!(go(Action::Up), Some(150));
        assert_eq!(go(Action::Up), Some(120));
        assert_eq!(go(Action::Down), Some(150));
        assert_eq!(go(Action::First), Some(0));
        assert_eq!(go(Action::Left), Some(0));
        assert_eq!(go(Action::HundredOn), Some(100));
        assert_eq!(go(Action::Last), None, "the present");
        "42".chars().for_each(|c| t.typed(c));
        t.act(Action::Accept, &view, front);
        assert_eq!(t.at(), Some(42));
        "999".chars().for_each(|c| t.typed(c));
        t.act(Action::Accept, &view, front);
        assert_eq!(t.at(), None, "nothing is beyond the present");
    }

    #[test]
    fn a_click_goes_to_the_step_under_it() {
        let view = view();
        let (mut t, area) = (Timeline::default(), Rect::new(0, 1, 80, 1));
        let theme = Theme::new(
            crate::ui::theme::Scheme::Dark,
            crate::ui::theme::Depth::True,
            crate::ui::theme::Glyphs::Unicode,
        );
        for column in [3, 10, 20] {
            t.click(column, area, &view.lanes[0], 1000);
            let mut buf = Buffer::empty(Rect::new(0, 0, 80, 3));
            t.draw(&view.lanes[0], &view, 1000, &theme, area, &mut buf);
            let at = (0..80).find(|x| buf[(*x, 1)].symbol() == "│");
            assert!(
                t.at().is_some() && at.is_some_and(|x| x.abs_diff(column) <= 1),
                "{column}: {at:?} {:?}",
                t.at()
            );
        }
    }
}
