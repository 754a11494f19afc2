//! One frame of the app: header, panes, diagnosis, hints, windows. A function of the app; changes nothing in it.

use super::app::App;
use super::diagnosis::{FindingLine, findings, first_step, thousands};
use super::keymap::custom::KeymapRow;
use super::keymap::{Action, KeyScope};
use super::layout::{LEAST, ScreenAreas};
use super::message::Link;
use super::overlay::frame;
use super::theme::Theme;
use super::widget::scale::{count, number};
use super::widget::text;
use crate::scenario::view::Pane;
use crate::telemetry::Phase;
use crate::view::LaneView;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget as _;

/// Draws everything, except panes that `fresh` does not select, which keep the buffer's content.
pub fn draw(app: &App, fresh: impl Fn(Pane) -> bool, buf: &mut Buffer) {
    let area = Rect::new(0, 0, app.size.width, app.size.height).intersection(buf.area);
    let Some(places) = app.places() else { return too_small(app, area, buf) };
    for r in [places.header, places.timeline, places.tabs, places.hint] {
        clear(r, buf);
    }
    header(app, places.header, buf);
    if let (Some(timeline), Some(front)) = (&app.timeline, app.view.lane(app.front)) {
        timeline.draw(front, &app.view, app.scenario.steps as u64, &app.theme, places.timeline, buf);
    }
    tabs(app, places.tabs, buf);
    for &(id, r) in &places.panes {
        if fresh(id) {
            clear(r, buf);
            pane(app, id, &places, r, buf);
        }
    }
    // The diagnosis line refers to the same step as the map: it changes when the map does, or when the lane's phase
    // changes.
    let map = places.pane(Pane::GradientMap).is_some_and(|_| !fresh(Pane::GradientMap));
    let runs = app.view.lane(app.front).is_some_and(|l| l.present().phase == Phase::Running);
    if !(map && runs) {
        clear(places.diagnosis, buf);
        diagnosis(app, places.diagnosis, buf);
    }
    hint(app, places.hint, buf);
    if let Some(overlay) = &app.overlay {
        overlay.draw(&app.view, &app.keymap, &app.theme, area, buf);
    }
}

fn clear(r: Rect, buf: &mut Buffer) {
    for at in r.intersection(buf.area).positions() {
        buf[at].reset();
    }
}

fn too_small(app: &App, area: Rect, buf: &mut Buffer) {
    clear(area, buf);
    let step = app.view.lane(app.front).map_or(0, |l| l.step);
    let question = app.overlay.as_ref().and_then(|o| o.question(&app.keymap, area.width));
    let going = if app.training() { "training goes on" } else { "at rest" };
    for (y, line) in [
        question
            .unwrap_or_else(|| format!("needs {}x{}, has {}x{}", LEAST.0, LEAST.1, area.width, area.height)),
        format!("step {} - {going}", thousands(step)),
    ]
    .iter()
    .enumerate()
    {
        text::put(buf, area, 0, y as u16, line, app.theme.text);
    }
}

fn pane(app: &App, id: Pane, places: &ScreenAreas, r: Rect, buf: &mut Buffer) {
    let cx = app.context(id);
    let theme = &app.theme;
    let style = if cx.focused { theme.border_focused } else { theme.border };
    let title = app.pane(id).map_or_else(|| Line::styled(id.name(), theme.strong), |p| p.title(cx));
    let title = fitting(title, r.width.saturating_sub(4), theme);
    let titled = title.width() as u16 + 4;
    let block = frame(title, style, theme);
    let inside = block.inner(r);
    block.render(r, buf);
    // Hidden panes behind it are named as far as there is room.
    let mut end = r.width.saturating_sub(1);
    for (name, _) in places.behind.iter().filter(|b| b.1 == id) {
        let name = format!(" +{} ", name.name());
        let x = end.saturating_sub(text::width(&name));
        if x > titled {
            text::put(buf, r, x, 0, &name, theme.faint);
            end = x;
        }
    }
    if let Some(p) = app.pane(id) {
        p.draw(cx, inside, buf);
    }
}

/// A title shortened to the available room: first `lane A` becomes `A`, whose colour identifies the lane too, and
/// `differ by` becomes `by`, and `median of 5 seeds` `5 seeds`; then pieces at the end are dropped, and the last remaining piece is cut if necessary.
fn fitting<'a>(mut title: Line<'a>, room: u16, theme: &Theme) -> Line<'a> {
    if title.width() > usize::from(room) {
        for span in &mut title.spans {
            if let Some(letter) = span.content.strip_prefix("  lane ") {
                span.content = format!("  {letter}").into();
            }
            if let Some(settings) = span.content.strip_prefix("  differ by ") {
                span.content = format!("  by {settings}").into();
            }
            if let Some(seeds) = span.content.strip_prefix("  median of ") {
                span.content = format!("  {seeds}").into();
            }
        }
    }
    while title.width() > usize::from(room) {
        let Some(last) = title.spans.pop() else { break };
        let left = usize::from(room).saturating_sub(title.width());
        // A list that goes on is marked.
        if last.content.starts_with(", ") && left > 0 {
            title.spans.push(Span::styled(theme.glyphs.left_out(), last.style));
            break;
        }
        if left >= 14 || title.spans.is_empty() {
            title.spans.push(Span::styled(text::shorten(&last.content, left, theme.glyphs), last.style));
            break;
        }
    }
    title
}

/// Title, step, state, speeds and epoch; parts that do not fit are left out, but never the step.
fn header(app: &App, r: Rect, buf: &mut Buffer) {
    let theme = &app.theme;
    let front = app.view.lane(app.front);
    // The length of another program's run is not in its log.
    let of = match app.scenario.steps as u64 {
        0 => String::new(),
        steps => format!(" of {}", thousands(steps)),
    };
    let step = match front.filter(|l| l.is_past() || app.awaited_step().is_some()) {
        Some(lane) => {
            let going = app.awaited_step().map_or(String::new(), |s| format!(", going to {}", thousands(s)));
            format!(" at step {} of {} done{going} ", thousands(lane.step), thousands(lane.present().step))
        }
        None => format!("step {}{of}", thousands(front.map_or(0, |l| l.step))),
    };
    // The past must not be mistaken for the present.
    let looks = if app.past().is_some() { theme.warn.add_modifier(Modifier::REVERSED) } else { theme.text };
    let (sign, word, style) = match () {
        () if app.done() => (("✓", "."), "finished", theme.good),
        () if app.running() => (("▶", ">"), "running", theme.good),
        () if app.killed() => (("✗", "x"), "killed", theme.warn),
        () => (("‖", "="), "paused", theme.warn),
    };
    let state = format!("   {} {word}", text::pick(theme.glyphs, sign.0, sign.1));
    let mut groups = vec![vec![("   ".to_string(), theme.text), (step, looks)], vec![(state, style)]];
    if app.unsaved {
        groups.push(vec![("   ! not saved".to_string(), theme.bad)]);
    }
    if app.recording {
        groups.push(vec![(format!("   {} rec", text::pick(theme.glyphs, "●", "*")), theme.bad)]);
    }
    if let Some(solo) = app.solo.and_then(|id| app.view.lane(id)) {
        groups.push(vec![(format!("   only {} trains", solo.letter()), theme.warn)]);
    }
    if let Some(speeds) = speeds(app) {
        groups.push(speeds);
    }
    // A lane that was just forked or rewound is not measured yet.
    let passed = |l: &LaneView| {
        if l.last.step > 0 { l.last.epoch } else { l.step as f64 / l.info.steps_per_epoch.max(1.0) }
    };
    if let Some(epoch) = front.filter(|l| app.scenario.steps > 0 || l.last.epoch > 0.0).map(passed) {
        groups.push(vec![(format!("   epoch {epoch:.1}"), theme.faint)]);
    }
    if let Some(Link { round_trip, pictures, bytes }) = app.link {
        let rate = format!("{pictures} fps {:.1} kB/s", bytes as f64 / 1000.0);
        groups.push(vec![(format!("   link {} ms {rate}", round_trip.as_millis()), theme.faint)]);
    }
    let wide = |group: &Vec<(String, Style)>| group.iter().map(|(t, _)| text::width(t)).sum::<u16>();
    let title = match app.scenario.title.trim() {
        "" => "gradtui",
        title => title,
    };
    // The title gives way to the step and the state, but not to the other parts.
    let needed: u16 = groups.iter().take(2).map(wide).sum();
    let room = r.width.saturating_sub(needed + 1);
    let mut x = text::put(buf, r, 1, 0, &text::shorten(title, usize::from(room), theme.glyphs), theme.strong);
    for group in groups {
        if x + wide(&group) <= r.width {
            for (piece, style) in group {
                x = text::put(buf, r, x, 0, &piece, style);
            }
        }
    }
}

/// Steps a second of every lane that trains.
fn speeds(app: &App) -> Option<Vec<(String, Style)>> {
    let theme = &app.theme;
    let mut pieces = vec![("  ".to_string(), theme.faint)];
    for lane in app.view.lanes.iter().filter(|_| app.training()) {
        let Some(rate) = app.speeds.get(&lane.id).map(|s| s.rate).filter(|r| *r > 0.0) else { continue };
        let colour = Style::new().fg(theme.lane(lane.id)).add_modifier(Modifier::BOLD);
        pieces.push((format!(" {}", lane.letter()), colour));
        let rate = if rate < 10.0 { format!(" {rate:.1}") } else { format!(" {}", count(rate.round())) };
        pieces.push((rate, theme.faint));
    }
    let unit = if app.pace.is_some() { " steps/s, paced" } else { " steps/s" };
    pieces.push((unit.into(), theme.faint));
    (pieces.len() > 2).then_some(pieces)
}

/// The names of the panes with their columns: in full, or shortened to the word that distinguishes them; if these do
/// not fit either, only those around the focused one.
fn tab_places(app: &App, r: Rect) -> Vec<(Pane, String, u16)> {
    let panes: Vec<Pane> = Pane::of(app.kind).collect();
    let short = |p: Pane| {
        let word = p.name().rsplit(' ').next().unwrap_or_default();
        word.chars().take(1).flat_map(char::to_uppercase).chain(word.chars().skip(1)).collect::<String>()
    };
    let whole: Vec<String> = panes.iter().map(|p| p.name().to_string()).collect();
    let room = |names: &[String], gap: u16| names.iter().map(|n| text::width(n) + gap).sum::<u16>();
    let (names, gap) = match () {
        () if room(&whole, 3) <= r.width => (whole, 3),
        () if room(&whole, 2) <= r.width => (whole, 2),
        () => (panes.iter().map(|p| short(*p)).collect(), 2),
    };
    let focus = panes.iter().position(|p| *p == app.focus()).unwrap_or(0);
    let (mut first, mut end) = (focus, focus + 1);
    loop {
        // Adds names forwards, then backwards, as long as there is room.
        if end < names.len() && room(&names[first..=end], gap) <= r.width {
            end += 1;
        } else if first > 0 && room(&names[first - 1..end], gap) <= r.width {
            first -= 1;
        } else {
            break;
        }
    }
    let mut x = 1;
    let place = |(id, name): (Pane, String)| {
        let at = x;
        x += text::width(&name) + gap;
        (id, name, at)
    };
    panes.into_iter().zip(names).skip(first).take(end - first).map(place).collect()
}

fn tabs(app: &App, r: Rect, buf: &mut Buffer) {
    if r.is_empty() {
        return;
    }
    let places = tab_places(app, r);
    for (id, name, x) in &places {
        let style = if *id == app.focus() { app.theme.selected } else { app.theme.faint };
        text::put(buf, r, x.saturating_sub(1), 0, &format!(" {name} "), style);
    }
    // Panes whose names have no room are marked at that end.
    let glyphs = app.theme.glyphs;
    if Pane::of(app.kind).next() != places.first().map(|place| place.0) {
        text::put(buf, r, 0, 0, text::pick(glyphs, "‹", "<"), app.theme.warn);
    }
    if Pane::of(app.kind).last() != places.last().map(|place| place.0) {
        text::put_right(buf, r, 0, text::pick(glyphs, "›", ">"), app.theme.warn);
    }
}

/// The tab at this column.
pub fn tab_at(app: &App, column: u16) -> Option<Pane> {
    let places = app.places()?;
    tab_places(app, places.tabs)
        .into_iter()
        .find(|(_, name, x)| (*x..x + text::width(name)).contains(&column))
        .map(|(id, _, _)| id)
}

/// The findings about the lane in front.
fn diagnosis(app: &App, r: Rect, buf: &mut Buffer) {
    let theme = &app.theme;
    let Some(lane) = app.view.lane(app.front) else {
        text::put(buf, r, 1, 0, "preparing the data", theme.faint);
        return;
    };
    let colour = Style::new().fg(theme.lane(lane.id)).add_modifier(Modifier::BOLD);
    let found = findings(lane);
    let start = (text::put(buf, r, 1, 0, &format!("{}  ", lane.letter()), colour), 0);
    // If not everything fits, a key for the rest is at the end.
    let key =
        app.keymap.of(KeyScope::Global).find(|row| row.of.action == Action::Diagnosis).map(|row| row.keys[0]);
    let more = key.map_or_else(String::new, |key| format!(" {key} more"));
    let mut at = start;
    for free in [0, text::width(&more) + 1] {
        clear(Rect { x: r.x + start.0, width: r.width.saturating_sub(start.0), ..r }, buf);
        let (end, all) = flow(&found, theme, start, free, r, buf);
        at = end;
        if all || r.width < 40 {
            break;
        }
        if free > 0 {
            let below = text::part(r, 0, r.height - 1, r.width - 1, 1);
            text::put_right(buf, below, 0, &more, theme.key());
        }
    }
    if lane.last.step == 0 && lane.layers.is_empty() {
        let waits = lane.info.fork.as_ref().is_some_and(|fork| !fork.begun);
        let why = if waits { first_step(lane) } else { "no step yet".into() };
        let words = format!("lr {}, {why}", number(lane.info.recipe.optimizer.lr()));
        let lead = if found.is_empty() { "" } else { text::pick(theme.glyphs, " · ", " - ") };
        text::put_flowing(buf, r, at, lead, &words, theme.faint, theme.glyphs, false, 0);
    }
}

/// Writes findings one after another; returns the position after them, and whether all of them fit.
fn flow(
    found: &[FindingLine],
    theme: &Theme,
    start: (u16, u16),
    free: u16,
    r: Rect,
    buf: &mut Buffer,
) -> ((u16, u16), bool) {
    let (mut at, mut all) = (start, true);
    let separator = text::pick(theme.glyphs, " · ", " - ");
    for (i, finding) in found.iter().enumerate() {
        let style = finding.weight.style(theme);
        // The first finding is cut to the available room; the others are written in full or not at all.
        let lead = if i > 0 { separator } else { "" };
        match text::put_flowing(buf, r, at, lead, &finding.text, style, theme.glyphs, i == 0, free) {
            Some((end, whole)) => {
                at = end;
                all &= whole;
            }
            None => all = false,
        }
    }
    (at, all)
}

/// The notice, if there is one; otherwise the keys that apply now, those of the focused pane first.
fn hint(app: &App, r: Rect, buf: &mut Buffer) {
    let theme = &app.theme;
    if let Some(notice) = app.notice().filter(|_| app.overlay.is_none()) {
        text::put(
            buf,
            r,
            1,
            0,
            &text::shorten(notice, usize::from(r.width.saturating_sub(2)), theme.glyphs),
            theme.warn,
        );
        return;
    }
    let taught = app.guide.is_some();
    let works = |b: &&KeymapRow| {
        !(b.of.hint.is_empty() || app.watching() && b.of.own || !taught && b.of.action.is_of_lesson())
    };
    let of = |scope: KeyScope| app.keymap.of(scope).filter(works);
    let rows: Vec<_> = match &app.overlay {
        Some(overlay) => overlay.hints(&app.keymap),
        None if app.timeline.is_some() => of(KeyScope::Timeline).chain(of(KeyScope::Global)).collect(),
        None => of(KeyScope::Pane(app.focus())).chain(of(KeyScope::Global)).collect(),
    };
    let done = app.done();
    let piece = |b: &KeymapRow| match b.of.action {
        Action::TogglePause if done => (b.keys[0].to_string(), "what next"),
        _ => (b.keys[0].to_string(), b.of.hint),
    };
    let wide = |(key, what): &(String, &str)| text::width(key) + 1 + text::width(what) + 2;
    let (last, first): (Vec<_>, Vec<_>) =
        rows.into_iter().map(piece).partition(|(_, w)| matches!(*w, "help" | "quit"));
    let pieces: Vec<_> = first.into_iter().chain(last).collect();
    // Chosen by importance as far as there is room, then written in their original order.
    let mut by_weight: Vec<usize> = (0..pieces.len()).collect();
    by_weight.sort_by_key(|&i| weight(i, pieces[i].1));
    let mut end = 1;
    let mut fits = |i: &usize| {
        let there = end + wide(&pieces[*i]) <= r.width + 1;
        end += if there { wide(&pieces[*i]) } else { 0 };
        there
    };
    by_weight.retain(|i| fits(i));
    by_weight.sort_unstable();
    let mut x = 1;
    for (key, what) in by_weight.into_iter().map(|i| &pieces[i]) {
        let end = text::put(buf, r, x, 0, key, theme.key());
        x = text::put(buf, r, end + 1, 0, what, theme.faint) + 2;
    }
}

/// The priority of a key in the hint line: keys that lead to all other keys, and to the lesson, come after the first
/// keys of the pane and before its others; on the timeline, the key to go on from there comes with them.
fn weight(place: usize, what: &str) -> usize {
    match (what, place) {
        ("help" | "quit", _) => 0,
        (_, 0) => 1,
        ("lesson", _) => 2,
        ("rewind", _) | (_, 1) => 3,
        ("run/pause" | "what next", _) => 4,
        ("pane", _) => 5,
        _ => 6 + place,
    }
}

/// The whole frame in a separate buffer.
pub fn picture(app: &App) -> Buffer {
    let mut buf = Buffer::empty(Rect::new(0, 0, app.size.width, app.size.height));
    draw(app, |_| true, &mut buf);
    buf
}
