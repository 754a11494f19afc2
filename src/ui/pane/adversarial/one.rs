//! One lane's sample under attack: the verdict, the pictures, the probabilities, the numbers. Handles no key and
//! requests nothing.

use crate::engine::attack::verdict::{AttackCase, AttackVerdict};
use crate::telemetry::Data;
use crate::ui::diagnosis::health::no_answer;
use crate::ui::diagnosis::no_numbers;
use crate::ui::pane::prediction::{
    boundary, class_name, draw_bars, picture, range, rows, sample_words, scalar,
};
use crate::ui::theme::{Depth, Glyphs, Scheme, Theme};
use crate::ui::widget::image::PictureRange;
use crate::ui::widget::plane::{self, Plane};
use crate::ui::widget::{colour, scale, text};
use crate::view::{LaneView, ProbeResult};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

/// The verdict on the attack, in words: `7 -> 2 fooled`.
pub(super) fn verdict(lane: &LaneView, probe: &ProbeResult, theme: &Theme) -> Vec<(String, Style)> {
    let class = |name: &str| scalar(probe, name).map(|class| class as u32);
    let case = AttackCase {
        before: class("before"),
        after: class("after"),
        label: class("label"),
        target: class("target"),
        blind: scalar(probe, "blind") == Some(1.0),
    };
    let verdict = case.verdict();
    let style = match verdict {
        AttackVerdict::Fooled => theme.bad,
        AttackVerdict::Missed => theme.good,
        AttackVerdict::Astray | AttackVerdict::WrongBefore | AttackVerdict::Blind => theme.warn,
        AttackVerdict::Already | AttackVerdict::NoPrediction => theme.faint,
    };
    let name = |class: u32| class_name(probe, f64::from(class));
    let mut pieces = Vec::new();
    if let (Some(before), Some(after)) = (case.before, case.after) {
        let arrow = text::pick(theme.glyphs, "→", "->");
        pieces.push((format!("{} {arrow} {} ", name(before), name(after)), theme.strong));
    }
    pieces.push((verdict.words().into(), style));
    if let Some(l) = case.label.filter(|l| case.before.is_some_and(|before| *l != before)) {
        pieces.push((format!(", is {}", name(l)), theme.text));
    }
    match scalar(probe, "least") {
        Some(eps) if eps > 0.0 => {
            let from = if verdict == AttackVerdict::Missed { " below eps" } else { "  from eps" };
            pieces.push((format!("{from} {}", scale::number(eps)), theme.strong));
            if probe.step < lane.step {
                // The least size is searched beside training, which goes on meanwhile.
                pieces.push((format!(" at step {}", scale::count(probe.step as f64)), theme.faint));
            }
        }
        None if verdict == AttackVerdict::Missed && scalar(probe, "eps").is_some() => {
            pieces.push((" at every eps".into(), theme.faint));
        }
        _ => {}
    }
    pieces
}

/// The greatest change of a pixel, which the full colour of the perturbation stands for.
fn amplitude(probe: &ProbeResult) -> f32 {
    let Some(Data::Image { pixels, .. }) = probe.part("perturbation") else { return 0.0 };
    pixels.iter().filter(|v| v.is_finite()).fold(0.0, |m, v| m.max(v.abs()))
}

/// The size of the perturbation in three norms, and the number of the sample.
fn norms(probe: &ProbeResult, theme: &Theme) -> Vec<(String, Style)> {
    let mut pieces = Vec::new();
    let names = [("linf", text::pick(theme.glyphs, "L∞", "Linf")), ("l2", "L2")];
    for (part, name) in names {
        if let Some(v) = scalar(probe, part) {
            pieces.push((format!("{name} {}  ", scale::number(v)), theme.text));
        }
    }
    if let (Some(changed), Some(all)) = (scalar(probe, "l0"), scalar(probe, "features")) {
        pieces.push((format!("L0 {changed}/{all}  "), theme.text));
    }
    if theme.depth == Depth::Mono && amplitude(probe) > 0.0 {
        // Without colours the signs of the perturbation are characters.
        pieces.push(("= - less, + # more  ".into(), theme.faint));
    }
    if let Some((how, _)) = rows(probe, "how").first() {
        pieces.push((format!("own picture: {how}"), theme.faint));
    } else if probe.part("sample").is_some() {
        pieces.push((format!("sample {}", sample_words(probe)), theme.faint));
    }
    pieces
}

/// The reasons why a lane's measured robustness cannot be trusted, if there are any: first the fact, then the name of
/// the failed check, which alone would state the opposite.
pub(super) fn distrust(lane: &LaneView) -> Vec<String> {
    let Some(probe) = lane.probes.get("robustness") else { return Vec::new() };
    let failed = rows(probe, "checks").iter().filter(|(_, v)| v.first() == Some(&0.0));
    let words = |(why, _): &(String, Vec<f32>)| match why.split_once(": ") {
        Some((check, found)) => format!("{found} (fails the check \"{check}\")"),
        None => why.clone(),
    };
    failed.map(words).collect()
}

/// Lines below two large pictures: the perturbation, with the probabilities beside it.
const BESIDE: u16 = 9;

/// Whether before and after are larger if the perturbation is below them instead of between.
fn has_room(probe: &ProbeResult, area: Rect) -> bool {
    let Some(p) = picture(probe, "image", PictureRange::Between(0.0, 1.0)) else { return false };
    if area.width < 44 || area.height < 3 * BESIDE / 2 {
        return false;
    }
    let third = p.place(text::part(area, 0, 0, area.width / 3 - 1, area.height - BESIDE));
    let half = p.place(text::part(area, 0, 0, area.width / 2 - 1, area.height - BESIDE - 1));
    half.width > third.width && half.height > BESIDE
}

/// Draws before and after large, and below them the perturbation with the probabilities beside it; for an area with
/// enough room.
fn draw_large(probe: &ProbeResult, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let plain = range(probe, "image");
    let half = area.width / 2;
    let mut below = 0;
    for (i, part) in (0..).zip(["image", "adversarial"]) {
        let place = text::part(area, half * i, 0, half - 1, area.height - BESIDE - 1);
        let Some(p) = picture(probe, part, plain) else { continue };
        below = p.draw(theme, place, buf).height;
        text::put_centred(buf, text::part(area, half * i, below, half - 1, 1), 0, part, theme.faint);
    }
    let foot = text::part(area, 0, below + 1, area.width, area.height);
    let most = amplitude(probe);
    let left = text::part(foot, 0, 0, area.width / 3, foot.height);
    if let Some(p) = picture(probe, "perturbation", PictureRange::Signed(most)) {
        let taken = p.draw(theme, text::part(left, 0, 0, left.width, left.height - 1), buf).height;
        text::put_centred(buf, left, taken, &added(most, left.width, theme), theme.faint);
    }
    let right = text::part(foot, left.width + 1, 0, foot.width - left.width - 1, foot.height);
    draw_chances(probe, theme, right, buf);
}

/// The words under a perturbation.
fn added(most: f32, room: u16, theme: &Theme) -> String {
    let words = format!("perturb. {}{}", text::pick(theme.glyphs, "±", "+-"), scale::number(f64::from(most)));
    if text::width(&words) <= room { words } else { words.replace("perturb. ", "") }
}

/// Draws the probabilities of the classes before and, if there is room, after.
fn draw_chances(probe: &ProbeResult, theme: &Theme, place: Rect, buf: &mut Buffer) {
    let (before, after) = (scalar(probe, "before"), scalar(probe, "after"));
    if place.width >= 28 {
        let half = place.width / 2;
        draw_bars(probe, 0, before, theme, text::part(place, 0, 0, half - 1, place.height), buf);
        let right = text::part(place, half, 0, place.width - half, place.height);
        draw_bars(probe, 1, after, theme, right, buf);
    } else {
        draw_bars(probe, 1, after, theme, place, buf);
    }
}

/// Draws the three pictures with the same enlargement, and returns the number of lines used.
fn draw_images(probe: &ProbeResult, theme: &Theme, area: Rect, buf: &mut Buffer) -> u16 {
    let caption = u16::from(area.height >= 3);
    let most = amplitude(probe);
    let columns = if area.width >= 15 { 3 } else { 1 };
    let plain = range(probe, "image");
    let shown = [
        ("image", "image".to_owned(), plain),
        ("perturbation", String::new(), PictureRange::Signed(most)),
        ("adversarial", "adversarial".to_owned(), plain),
    ];
    let shown = if columns == 3 { &shown[..] } else { &shown[2..] };
    let mut used = 0;
    for (i, (part, name, range)) in (0..).zip(shown) {
        let each = (area.width + 1) / columns;
        let place = text::part(area, each * i, 0, each - u16::from(columns > 1), area.height);
        let Some(p) = picture(probe, part, *range) else { continue };
        let below = p.draw(theme, text::part(place, 0, 0, place.width, place.height - caption), buf).height;
        used = used.max(below + caption);
        if caption == 1 {
            let words = match *part {
                "perturbation" => added(most, place.width, theme),
                "adversarial" if place.width < 11 => "attacked".into(),
                _ => name.clone(),
            };
            let words = text::shorten(&words, usize::from(place.width), theme.glyphs);
            text::put_centred(buf, place, below, &words, theme.faint);
        }
    }
    used
}

fn draw_arrow(probe: &ProbeResult, plane: Plane<'_>, theme: &Theme, area: Rect, buf: &mut Buffer) {
    plane.draw(theme, area, buf);
    let Some(Data::Series(ends)) = probe.part("arrow") else { return };
    let [x0, y0, x1, y1] = ends[..] else { return };
    let light_ground = theme.scheme == Scheme::Light;
    let ink = match theme.depth {
        Depth::Mono => Color::Reset,
        Depth::Sixteen if light_ground => Color::Black,
        Depth::Sixteen => Color::White,
        depth => colour::of_rgb(if light_ground { [0; 3] } else { [255; 3] }, depth),
    };
    let unicode = theme.glyphs == Glyphs::Unicode;
    let mut last = None;
    for i in 0..=64 {
        let t = i as f32 / 64.0;
        let at = plane.cell(area, x0 + (x1 - x0) * t, y0 + (y1 - y0) * t);
        if let Some(at) = at.filter(|a| Some(*a) != last) {
            plane.put(theme, area, at, if unicode { '•' } else { '.' }, ink, buf);
            last = Some(at);
        }
    }
    // The direction is at its head, the sample at its foot.
    let head = match ((x1 - x0).abs() * 1.5 > (y1 - y0).abs(), x1 > x0, y1 > y0, unicode) {
        (true, true, _, true) => '▶',
        (true, false, _, true) => '◀',
        (false, _, true, true) => '▲',
        (false, _, false, true) => '▼',
        (true, true, _, false) => '>',
        (true, false, _, false) => '<',
        (false, _, true, false) => '^',
        (false, _, false, false) => 'v',
    };
    if let Some(at) = plane.cell(area, x1, y1) {
        plane.put(theme, area, at, head, ink, buf);
    }
    if let Some(at) = plane.cell(area, x0, y0) {
        let class = scalar(probe, "label").unwrap_or(0.0) as u32;
        plane.put(theme, area, at, plane::mark(class, theme.glyphs), ink, buf);
    }
}

/// Draws the features of a table before and after, those with the largest changes.
fn draw_features(probe: &ProbeResult, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let change = |v: &[f32]| match v {
        [a, b, ..] => (b - a).abs(),
        _ => 0.0,
    };
    let mut features: Vec<_> = rows(probe, "features").iter().collect();
    features.sort_by(|a, b| change(&b.1).total_cmp(&change(&a.1)));
    let arrow = text::pick(theme.glyphs, "→", "->");
    let name = usize::from(area.width / 2);
    for (y, (label, values)) in features.iter().take(usize::from(area.height)).enumerate() {
        let [before, after, ..] = values[..] else { continue };
        let number = |v: f32| scale::number(f64::from(v));
        let words = format!("{} {arrow} {}", number(before), number(after));
        text::put(buf, area, 0, y as u16, &text::shorten(label, name, theme.glyphs), theme.faint);
        text::put_right(buf, area, y as u16, &words, theme.text);
    }
}

/// Draws one lane's probe; `asked` is the line with the request, empty if it is shown elsewhere.
pub(super) fn draw(
    lane: &LaneView,
    probe: &ProbeResult,
    asked: &[(String, Style)],
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    // By importance: the verdict, the pictures, the request, the bars, the norms, the reasons for distrust.
    let (mut h, w) = (area.height, area.width);
    let none = no_answer(lane);
    let said = match &none {
        Some(words) => {
            let style = if no_numbers(lane).is_some() { theme.bad } else { theme.warn };
            text::put(buf, area, 0, 0, &text::shorten(words, usize::from(w), theme.glyphs), style);
            1
        }
        None => text::put_pieces_over(buf, area, if h >= 11 { 2 } else { 1 }, &verdict(lane, probe, theme)),
    };
    if h < 2 || no_numbers(lane).is_some() {
        return;
    }
    if let Some(why) = distrust(lane).first().filter(|_| h >= 9) {
        let lines = text::lines(&format!("! not to be trusted: {why}"), w, "  ");
        let lines = &lines[..lines.len().min(usize::from(h / 3))];
        h -= lines.len() as u16;
        for (y, line) in (h..).zip(lines) {
            text::put(buf, area, 0, y, line, theme.bad);
        }
    }
    let request = u16::from(h >= 5 && !asked.is_empty());
    let size = u16::from(h >= 8);
    if request == 1 {
        text::put_pieces(buf, area, said, asked);
    }
    if size == 1 {
        let row = text::part(area, 0, h - 1, w, 1);
        text::put_pieces(buf, row, 0, &norms(probe, theme));
    }
    let body = text::part(area, 0, said + request, w, h - said - request - size);
    let classes = rows(probe, "probabilities").len() as u16;
    let images = probe.part("image").is_some();
    if has_room(probe, body) {
        return draw_large(probe, theme, body, buf);
    }
    let mut bars = if body.height >= 8 { classes.min(body.height / 2).min(12) } else { 0 };
    // All classes are drawn if the pictures then still show each of their pixels.
    if let Some(p) = picture(probe, "image", PictureRange::Between(0.0, 1.0))
        && let Some(left) = body.height.checked_sub(classes + 1)
        && p.whole(text::part(body, 0, 0, w / 3, left))
    {
        bars = classes;
    }
    if images && bars > 0 {
        // Room that the pictures cannot use goes to the bars.
        let most = text::part(body, 0, 0, w / 3, body.height - bars - 1);
        if let Some(p) = picture(probe, "image", PictureRange::Between(0.0, 1.0)) {
            bars = classes.min(body.height - p.place(most).height - 1);
        }
    }
    let top = text::part(body, 0, 0, w, body.height - bars);
    // The probabilities are at the bottom, or directly below pictures that leave room.
    let mut at = body.height - bars;
    if let Some(plane) = boundary(probe) {
        draw_arrow(probe, plane, theme, top, buf);
    } else if images {
        at = at.min(draw_images(probe, theme, top, buf) + 1);
    } else if !rows(probe, "features").is_empty() {
        draw_features(probe, theme, top, buf);
    } else {
        text::put_message(buf, top, "nothing to show for these data", theme.faint);
    }
    if bars > 0 {
        draw_chances(probe, theme, text::part(body, 0, at, w, bars), buf);
    }
}
