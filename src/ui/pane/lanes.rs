//! The lanes: their names, their settings and differences, and their results. Trains nothing; the app opens the forms.

use super::prediction::scalar;
use super::{Context, PaneRequest, PaneRequests, PaneWidget};
use crate::number::Number;
use crate::registry::{SettingValue as _, Settings as _};
use crate::telemetry::Phase;
use crate::ui::diagnosis::thousands;
use crate::ui::keymap::Action;
use crate::ui::theme::Glyphs;
use crate::ui::widget::scale::number;
use crate::ui::widget::sparkline::{sparkline, strip};
use crate::ui::widget::text;
use crate::view::{LaneView, RunView};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use std::fmt::Write as _;

/// The pane of the lanes; the lane in front is the one in front.
#[derive(Clone, Copy, Debug, Default)]
pub struct LanesPane;

/// Columns of the label of a lane's losses.
const LOSS: u16 = 5;
/// Columns of a lane's name that are worth showing beside its origin.
const NAME: u16 = 5;

/// The settings in which the lanes differ.
pub fn contested(view: &RunView) -> Vec<&'static str> {
    let all: Vec<_> = view.lanes.iter().map(|l| l.info.recipe.fields()).collect();
    let Some((first, others)) = all.split_first() else { return Vec::new() };
    let differs = |i: usize| others.iter().any(|o| o[i].value != first[i].value);
    (0..first.len()).filter(|&i| differs(i)).map(|i| first[i].name).collect()
}

/// The settings in which a lane differs from the first one, or a fork from its parent at the time of the fork.
pub fn differs(view: &RunView, lane: &LaneView) -> Vec<&'static str> {
    let Some(first) = view.lanes.first() else { return Vec::new() };
    let other = lane.info.fork.as_ref().map_or(&first.info.recipe, |fork| &fork.recipe);
    lane.info.recipe.differences(other).into_iter().map(|(name, _)| name).collect()
}

/// The origin of a fork: `← A at 340`, or that it still waits.
pub fn descent(view: &RunView, lane: &LaneView, glyphs: Glyphs) -> Option<String> {
    let fork = lane.info.fork.as_ref()?;
    let parent = view.lane(fork.parent).filter(|p| p.info.name == fork.from);
    let parent = parent.map_or_else(|| fork.from.clone(), |p| p.letter().to_string());
    let (arrow, at) = (text::pick(glyphs, "←", "<-"), thousands(fork.at));
    Some(if fork.begun { format!("{arrow} {parent} at {at}") } else { format!("waits for {parent} at {at}") })
}

/// The settings that a fork changed, each form shorter than the one before: `weight_decay 0 → 0.02`.
fn changed(lane: &LaneView, glyphs: Glyphs) -> Option<Fact> {
    let fork = lane.info.fork.as_ref()?;
    let changes = fork.recipe.changes_in_words(&lane.info.recipe);
    let first = changes.first()?;
    let mut forms = vec![changes.join(", "), first.clone()];
    if let (Some((setting, _)), Some((_, now))) = (first.split_once(' '), first.split_once(" → "))
        && setting != "layer"
    {
        forms.push(format!("{setting} {now}"));
    }
    let arrow = text::pick(glyphs, "→", "->");
    Some(forms.into_iter().map(|words| words.replace('→', arrow)).collect())
}

/// The state of a lane, as a sign and as a word.
pub fn state(lane: &LaneView, glyphs: Glyphs) -> (&'static str, String) {
    let pick = |u, a| if glyphs == Glyphs::Unicode { u } else { a };
    match &lane.phase {
        _ if lane.is_past() => (pick("↶", "<"), format!("at {}", thousands(lane.step))),
        Phase::Running => (pick("▶", ">"), "running".into()),
        Phase::Paused => (pick("‖", "="), "paused".into()),
        Phase::Finished => (pick("✓", "."), "finished".into()),
        Phase::Stopped(_) => (pick("■", "."), "stopped".into()),
        Phase::Diverged(d) => (pick("✗", "x"), format!("diverged at {}", thousands(d.step))),
        Phase::Failed(_) => (pick("✗", "x"), "failed".into()),
        Phase::Killed => (pick("✗", "x"), format!("killed at {}", thousands(lane.step))),
    }
}

/// Rows of the list: the number of lanes that fit, and the rows of each.
struct ListRows {
    first: usize,
    each: u16,
    gap: u16,
}

impl ListRows {
    fn new(cx: Context<'_>, area: Rect) -> Self {
        let n = (cx.view.lanes.len() as u16).max(1);
        let each = (area.height / n).clamp(1, 3);
        let gap = u16::from(each >= 3 && area.height >= n * each + n - 1);
        let shown = usize::from((area.height / each).max(1));
        let at = cx.view.lanes.iter().position(|l| l.id == cx.front).unwrap_or(0);
        Self { first: (at + 1).saturating_sub(shown), each, gap }
    }
}

/// A fact about a lane: in full, then in shorter and shorter forms.
type Fact = Vec<String>;

/// Facts in this many columns, the most important first. If there is not enough room, the last ones are shortened; if
/// that is not enough, the last one is dropped and the others are lengthened again as far as they fit.
fn fitting(facts: &[Fact], room: usize, glyphs: Glyphs) -> String {
    let dot = text::pick(glyphs, " · ", ", ");
    let mut shown = facts;
    let mut shorter: Vec<&[String]> = shown.iter().map(Vec::as_slice).collect();
    loop {
        let words: Vec<&str> = shorter.iter().filter_map(|f| f.first()).map(String::as_str).collect();
        let words = words.join(dot);
        if usize::from(text::width(&words)) <= room {
            return words;
        }
        if let Some(long) = shorter.iter_mut().rev().find(|f| f.len() > 1) {
            *long = &long[1..];
        } else if shown.len() > 1 {
            shown = &shown[..shown.len() - 1];
            shorter = shown.iter().map(Vec::as_slice).collect();
        } else {
            return text::shorten(&words, room, glyphs);
        }
    }
}

/// The training settings of a lane, except for values that nearly every lane has.
fn settings(lane: &LaneView, glyphs: Glyphs) -> Vec<Fact> {
    if let Some(kind) = lane.info.foreign {
        return vec![vec![kind.into()]];
    }
    let r = &lane.info.recipe;
    let (optimizer, lr) = (r.optimizer.name(), r.optimizer.lr().text());
    // A lane that is named after its optimizer need not repeat it.
    let named = lane.info.name.to_lowercase().contains(&optimizer.to_lowercase());
    let lr = format!("lr {lr}");
    let mut facts = vec![if named { vec![lr] } else { vec![format!("{optimizer} {lr}"), lr] }];
    if r.defence.active() {
        // The cost of a defence is beside its name, because a fair comparison needs it.
        let (cost, name) = (number(lane.info.cost), r.defence.name());
        facts.push(vec![format!("{name}, {cost}x a step"), format!("{cost}x a step"), format!("{cost}x")]);
    }
    if r.prediction.smoothing().is_some() {
        facts.push(vec!["votes".into()]);
    }
    let brief = |text: String| text.strip_suffix("()").unwrap_or(&text).to_owned();
    if r.clip.name() != "Off" {
        // `Norm 0.01`: the threshold is the first setting of every clip.
        let threshold =
            r.clip.settings().fields().first().map_or_else(String::new, |f| format!(" {}", f.value));
        let clip = format!("{}{threshold}", r.clip.name());
        let mut fact = vec![clip.clone()];
        if r.clips() && lane.step > 0 {
            let m = &lane.last;
            let of = |n: Number| m.get(n).unwrap_or(f64::NAN);
            let (before, after) = (number(of(Number::GradNorm)), number(of(Number::GradNormClipped)));
            let arrow = text::pick(glyphs, "→", "->");
            let share = format!("{clip} clipped {:.0}%", 100.0 * of(Number::ClipShare));
            let sizes = format!("{share} {before}{arrow}{after}");
            if of(Number::ClipAngle) >= 0.05 {
                let degrees = text::pick(glyphs, "°", " deg");
                fact.insert(0, format!("{sizes} {:.1}{degrees}", of(Number::ClipAngle)));
            }
            fact.splice(fact.len() - 1..fact.len() - 1, [sizes, share]);
        }
        facts.push(fact);
    }
    if r.schedule.name() != "Constant" {
        facts.push(vec![brief(r.schedule.text()), r.schedule.name().into()]);
    }
    facts
}

/// The result over a lane's seeds: their range, and the lanes from which it differs by more than that.
fn seeds(view: &RunView, lane: &LaneView, glyphs: Glyphs) -> Option<Fact> {
    let s = lane.spread()?;
    let range = match s.judged_by()? {
        (by, b) if by.is_share() => format!("{:.1}-{:.1}%", 100.0 * b.min, 100.0 * b.max),
        (_, b) => format!("val {}-{}", number(f64::from(b.min)), number(f64::from(b.max))),
    };
    let mut words = range.clone();
    let apart: String =
        view.lanes.iter().filter(|o| lane.apart(o) == Some(true)).map(LaneView::letter).collect();
    let sign = text::pick(glyphs, " ≠", " !=");
    if !apart.is_empty() {
        let _ = write!(words, "{sign}{apart}");
    }
    let mut fact = vec![words.clone(), range];
    if s.lost > 0 {
        let _ = write!(words, ", {} lost", s.lost);
        fact.insert(0, words);
    }
    Some(fact)
}

/// The words before the strip of accuracies under PGD, if a lane was attacked: `pgd@0.1`.
fn attacked(lane: &LaneView) -> Option<String> {
    lane.curve(Number::PgdAccuracy)?;
    let eps = lane.probes.get("robustness").and_then(|p| scalar(p, "eps"))?;
    Some(format!("pgd@{} ", number(eps)))
}

impl LanesPane {
    fn lane(cx: Context<'_>, lane: &LaneView, differs: &[&str], area: Rect, buf: &mut Buffer) {
        let (theme, glyphs) = (cx.theme, cx.theme.glyphs);
        let front = lane.id == cx.front;
        let colour = Style::new().fg(theme.lane(lane.id)).add_modifier(Modifier::BOLD);
        let lost = matches!(lane.phase, Phase::Diverged(_) | Phase::Failed(_));
        let (sign, word) = state(lane, glyphs);
        // The head: letter, name, and result.
        let letter = if front { colour.add_modifier(Modifier::REVERSED) } else { colour };
        text::put(buf, area, 0, 0, &format!(" {} ", lane.letter()), letter);
        let newest = lane.curve(Number::Loss).and_then(|c| c.last()).map(|b| f64::from(b.last));
        let newest = if lane.is_past() { lane.last.drawn(Number::Loss) } else { newest };
        let loss = newest.map_or(String::new(), |loss| format!("loss {}", number(loss)));
        let median = lane.spread().and_then(|s| s.band(Number::ValAccuracy)).map(|a| a.median);
        let accuracy = median
            .or_else(|| Some(lane.validation?.get(Number::ValAccuracy)? as f32))
            .map(|a| format!("val {:.1}%", 100.0 * a));
        // Each of the two numbers has a fixed place and a name: the loss is beside the lane's name, and the validation
        // result below it or, without a second row, before it.
        let second = area.height > 2;
        let mut right = if lost { word } else { loss };
        if let Some(a) = accuracy.iter().find(|_| !second && !lost && area.width >= 44) {
            right = format!("{a}  {right}");
        }
        let room = area.width.saturating_sub(4 + text::width(&right) + 3);
        let name = if front { theme.strong } else { theme.text };
        let name = if lane.belied() { theme.warn } else { name };
        // If the name does not fit beside the result, the result moves to the last row.
        let title = lane.title();
        let result = text::width(right.strip_prefix("loss ").unwrap_or(&right));
        let fits = area.width >= 4 + LOSS + result + 3 && attacked(lane).is_none();
        let moved = area.height > 1 && text::width(&title) > room && !right.is_empty() && fits;
        let (right, below) = if moved { (String::new(), right) } else { (right, String::new()) };
        let room = if moved { area.width.saturating_sub(4 + 3) } else { room };
        let mut name_text = text::shorten(&title, usize::from(room), glyphs);
        let mut origin = descent(cx.view, lane, glyphs);
        // The origin of a lane is beside its name, or in another row.
        let wide = origin.as_deref().map_or(0, text::width);
        if text::width(&title) + 1 + wide <= room || (area.height == 1 && wide + 1 + NAME <= room) {
            if let Some(origin) = origin.take() {
                let name = text::shorten(&title, usize::from(room - wide - 1), glyphs);
                name_text = format!("{name} {origin}");
            }
        } else if area.height == 1 && wide <= room {
            // In the narrowest rows it replaces the name.
            name_text = origin.take().unwrap_or(name_text);
        }
        text::put(buf, area, 4, 0, &name_text, if cx.focused && front { theme.selected } else { name });
        let number_style = if lost { theme.bad } else { theme.text };
        let numbers = Rect { width: area.width.saturating_sub(2), ..area };
        text::put_right(buf, numbers, 0, &right, number_style);
        let sign_style = match lane.phase {
            _ if lane.is_past() => theme.warn,
            Phase::Running | Phase::Finished => theme.good,
            Phase::Paused => theme.faint,
            Phase::Stopped(_) | Phase::Killed => theme.warn,
            Phase::Diverged(_) | Phase::Failed(_) => theme.bad,
        };
        text::put_right(buf, area, 0, sign, sign_style);
        if area.height < 2 {
            return;
        }
        let inner = text::part(area, 4, 1, area.width, area.height);
        let changed = changed(lane, glyphs);
        // Beside the change that made a fork, there may be no room for its origin.
        let beside = changed.iter().flatten().last().map_or(0, |words| text::width(words) + 3);
        let crowded = origin.as_deref().is_some_and(|origin| beside + text::width(origin) > inner.width);
        let sparks = |buf: &mut Buffer, y: u16| {
            let norm = text::pick(glyphs, "‖g‖ ", "|g| ");
            let mut lines = vec![(Number::Loss, "loss ".to_owned()), (Number::GradNorm, norm.into())];
            if let Some(label) = attacked(lane) {
                // Other measurements of the scenario; if there is no room for three, they replace the norm.
                lines.truncate(if inner.width >= 48 { 2 } else { 1 });
                lines.push((Number::PgdAccuracy, label));
            }
            // The origin and the result take the place of the second line.
            let below = below.strip_prefix("loss ").unwrap_or(&below);
            let origin = origin.as_deref().filter(|_| !second || crowded).unwrap_or_default();
            let place = Rect { width: inner.width.saturating_sub(2), ..inner };
            let ends = [format!("{origin}  {below}"), below.into(), origin.into()];
            let ends = ends.iter().map(|end| end.trim());
            let end = ends.filter(|end| LOSS + text::width(end) <= place.width).max_by_key(|end| end.len());
            let end = end.unwrap_or_default();
            let mut room = inner.width;
            if !end.is_empty() {
                lines.truncate(1);
                text::put_right(buf, place, y, end, if lost { number_style } else { theme.faint });
                room = place.width.saturating_sub(text::width(end));
            }
            let count = lines.len() as u16;
            let each = (room / count).saturating_sub(1);
            for (x, (metric, label)) in (0..count).map(|i| i * (each + 2)).zip(lines) {
                let room = usize::from(each.saturating_sub(text::width(&label)));
                let Some(curve) = lane.curve(metric) else { continue };
                let values = curve.whole().iter().map(|b| b.last);
                let line = if metric.is_share() {
                    strip(&values.collect::<Vec<_>>(), room, glyphs)
                } else {
                    sparkline(values, room, true, glyphs)
                };
                let end = text::put(buf, inner, x, y, &label, theme.faint);
                text::put(buf, inner, end, y, &line, Style::new().fg(theme.lane(lane.id)));
            }
        };
        let mut facts = settings(lane, glyphs);
        if let Some(change) = changed {
            // The optimizer and its rate are part of the change, or that of the parent.
            facts[0] = change;
        }
        if let Some(origin) = origin.clone().filter(|_| second && !crowded) {
            facts.insert(0, vec![origin]);
        }
        if let Some(words) = seeds(cx.view, lane, glyphs) {
            // The result over several seeds is more important than settings, which a form shows too.
            facts.insert(0, words);
        }
        if let Some(edit) = lane.info.edits.last() {
            // An edited lane's present setting differs from its past, so the edit comes before the setting.
            let rate = format!("lr {}", lane.info.recipe.optimizer.lr().text());
            facts.retain(|fact| edit.field != "optimizer.lr" || *fact != [rate.clone()]);
            let words = edit.to_string().replace('→', text::pick(glyphs, "→", "->"));
            let since = if edit.step == 0 { "the start".into() } else { thousands(edit.step) };
            facts.insert(0, vec![format!("{words} since {since}"), words]);
        }
        if inner.width >= 50 && !differs.is_empty() {
            facts.push(vec![format!("differs by {}", differs.join(", "))]);
        }
        if let Some((measure, hash)) =
            lane.validation.and_then(|v| Some((v, v.hash?))).filter(|_| inner.width >= 50)
        {
            let hash = format!("hash {}", hash.short());
            facts.push(vec![format!("{hash} at {}", thousands(measure.step)), hash]);
        }
        if area.height > 2 {
            let mut judged = accuracy.filter(|_| !lost).unwrap_or_default();
            let beside = |judged: &str| inner.width.saturating_sub(text::width(judged) + 3);
            // An edit is more important than a number that the curves show too.
            let first = facts.first().and_then(|f| f.last()).map_or(0, |f| text::width(f));
            if first > beside(&judged) {
                judged.clear();
            }
            let room = beside(&judged);
            text::put(buf, inner, 0, 0, &fitting(&facts, usize::from(room), glyphs), theme.faint);
            text::put_right(
                buf,
                Rect { width: inner.width.saturating_sub(2), ..inner },
                0,
                &judged,
                theme.text,
            );
        }
        sparks(buf, u16::from(area.height > 2));
    }
}

impl PaneWidget for LanesPane {
    fn title<'a>(&self, cx: Context<'a>) -> Line<'a> {
        let mut line = Line::styled("Lanes", cx.theme.strong);
        line.push_span(cx.measured());
        let by = contested(cx.view);
        // Shown here and not in every lane's narrow row, because all lanes have the same seeds.
        if let Some(s) = cx.view.lanes.iter().find_map(LaneView::spread) {
            line.push_span(Span::styled(format!("  median of {} seeds", s.seeds), cx.theme.text));
        }
        for (i, setting) in by.iter().enumerate() {
            let before = if i == 0 { "  differ by " } else { ", " };
            line.push_span(Span::styled(format!("{before}{setting}"), cx.theme.faint));
        }
        line
    }

    fn draw(&self, cx: Context<'_>, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if cx.view.lanes.is_empty() {
            return text::put_message(buf, area, "no lanes yet", cx.theme.faint);
        }
        let rows = ListRows::new(cx, area);
        let mut y = 0;
        for lane in cx.view.lanes.iter().skip(rows.first) {
            if y >= area.height {
                break;
            }
            Self::lane(cx, lane, &differs(cx.view, lane), text::part(area, 0, y, area.width, rows.each), buf);
            y += rows.each + rows.gap;
        }
    }

    fn act(&mut self, action: Action, cx: Context<'_>) -> PaneRequests {
        let ids: Vec<_> = cx.view.lanes.iter().map(|l| l.id).collect();
        let Some(at) = ids.iter().position(|&id| id == cx.front) else { return PaneRequests::new() };
        let to = match action {
            Action::Up => at.saturating_sub(1),
            Action::Down => (at + 1).min(ids.len() - 1),
            Action::First | Action::PageUp => 0,
            Action::Last | Action::PageDown => ids.len() - 1,
            Action::Edit => return vec![PaneRequest::EditLane(cx.front)],
            _ => return PaneRequests::new(),
        };
        vec![PaneRequest::Front(ids[to])]
    }

    fn click(&mut self, at: Position, area: Rect, cx: Context<'_>) -> PaneRequests {
        let rows = ListRows::new(cx, area);
        let index = rows.first + usize::from((at.y - area.y) / (rows.each + rows.gap));
        cx.view.lanes.get(index).map(|l| PaneRequest::Front(l.id)).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fork_says_whose_it_is_however_narrow_its_row_is() {
        use crate::telemetry::{Event, ForkOrigin};
        use crate::ui::fixture;
        use crate::ui::theme::{Depth, Scheme, Theme};
        let mut view = RunView::default();
        for event in fixture::events(300) {
            view.apply(event);
        }
        let mut info = Box::new(view.lanes[1].info.clone());
        info.name = "SGD at 120".into();
        let (carried, recipe) = (Some(crate::scenario::Carry::All), Box::new(info.recipe.clone()));
        info.fork = Some(ForkOrigin { parent: 0, from: "SGD".into(), at: 120, carried, recipe, begun: true });
        view.apply(Event::Changed { lane: 1, info, step: 120 });
        let theme = Theme::new(Scheme::Dark, Depth::Indexed, Glyphs::Unicode);
        let lesson = crate::ui::lesson::LessonState::default();
        let rows = |view: &RunView, width: u16, height: u16| -> String {
            let (theme, lesson) = (&theme, &lesson);
            let cx = Context {
                view,
                front: 0,
                theme,
                focused: false,
                watching: false,
                lesson,
                guide: None,
                past: None,
            };
            let area = Rect::new(0, 0, width, height);
            let mut buf = Buffer::empty(area);
            LanesPane.draw(cx, area, &mut buf);
            (2..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|at| buf[at].symbol()).collect()
        };
        // The inside of the pane has 30 columns at 80x24.
        for (width, shown) in [(30, ["SGD at 120", "← A at 120"]), (42, ["SGD at 120 ← A at 120"; 2])] {
            let rows = rows(&view, width, 8);
            assert!(shown.iter().all(|words| rows.contains(words)), "{width}: {rows}");
        }
        let mut info = Box::new(view.lanes[1].info.clone());
        info.recipe.set_at("optimizer.weight_decay", "0.02").expect("settable");
        view.apply(Event::Changed { lane: 1, info, step: 120 });
        let rows = rows(&view, 30, 16);
        assert!(["weight_decay 0 → 0.02", "← A at 120"].iter().all(|words| rows.contains(words)), "{rows}");
    }

    #[test]
    fn facts_are_said_more_shortly_before_they_are_left_out() {
        let facts = || {
            let fact = |words: &[&str]| words.iter().map(|w| (*w).to_string()).collect();
            vec![fact(&["Adam lr 0.003", "lr 0.003"]), fact(&["Fgsm, 2x a step", "2x a step", "2x"])]
        };
        for (room, words) in [
            (40, "Adam lr 0.003 · Fgsm, 2x a step"),
            (30, "Adam lr 0.003 · 2x a step"),
            (20, "Adam lr 0.003 · 2x"),
            (14, "lr 0.003 · 2x"),
            (10, "lr 0.003"),
            (4, "lr …"),
            (0, ""),
        ] {
            assert_eq!(fitting(&facts(), room, Glyphs::Unicode), words);
        }
        let seeds = [["96.4-97.2% ≠B", "96.4-97.2%"].map(String::from).to_vec(), vec!["lr 0.003".into()]];
        assert_eq!(fitting(&seeds, 18, Glyphs::Unicode), "96.4-97.2% ≠B");
    }
}
