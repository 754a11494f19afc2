//! The update microscope: the path of one weight through the last step in every lane, number by number, beside the
//! optimizer's formula. Draws the newest probes and requests a weight; computes nothing itself.

use super::prediction::{rows, scalar};
use super::{Context, PaneRequest, PaneRequests, PaneWidget};
use crate::telemetry;
use crate::ui::diagnosis::{first_step, no_numbers};
use crate::ui::keymap::Action;
use crate::ui::overlay::form::{FormSubject, TensorChoice};
use crate::ui::theme::Glyphs;
use crate::ui::widget::text;
use crate::view::{LaneView, ProbeResult};
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

/// Least and greatest width of a lane's numbers, in columns.
const COLUMN: (u16, u16) = (8, 11);
/// Columns of the mark for lanes beyond the edge: `E →`.
const BEYOND: u16 = 4;
/// Most columns of a term's name.
const NAMES: u16 = 20;

/// The state of the microscope: the selected weight, as an index into the parameters.
#[derive(Clone, Debug, Default)]
pub struct Microscope {
    chosen: Option<usize>,
}

/// A row of the table: its name, the number of every lane, and whether it is the start or the end of the path.
struct MicroscopeRow {
    name: String,
    values: Vec<Option<f64>>,
    strong: bool,
}

fn probe(lane: &LaneView) -> Option<&ProbeResult> {
    lane.probes.get("microscope")
}

/// The tensors of a lane.
fn tensors(lane: &LaneView) -> Vec<TensorChoice> {
    let rows = probe(lane).map_or(&[][..], |p| rows(p, "slots"));
    let whole = |v: Option<&f32>| v.map_or(1, |v| (*v as usize).max(1));
    rows.iter()
        .map(|(name, n)| TensorChoice { name: name.clone(), len: whole(n.first()), row: whole(n.get(1)) })
        .collect()
}

/// The tensor of a weight, the index of its first weight, and the tensor's number.
fn find(tensors: &[TensorChoice], weight: usize) -> Option<(&TensorChoice, usize, usize)> {
    let mut first = 0;
    for (i, tensor) in tensors.iter().enumerate() {
        if weight < first + tensor.len {
            return Some((tensor, first, i));
        }
        first += tensor.len;
    }
    None
}

/// The index of a weight in its tensor, as usually written: `[3, 5]`.
fn place(tensor: &TensorChoice, at: usize) -> String {
    if tensor.row < tensor.len {
        format!("[{}, {}]", at / tensor.row, at % tensor.row)
    } else {
        format!("[{at}]")
    }
}

impl Microscope {
    /// The weight to show, by its index in the lane in front. The default is a weight that surely moves: the first
    /// weight of all may belong to a pixel that is always black, and the last one is usually a bias of the outputs.
    fn weight(&self, cx: Context<'_>) -> usize {
        let first_of_last = || {
            let lens: Vec<usize> = tensors(cx.view.lane(cx.front)?).iter().map(|t| t.len).collect();
            Some(lens.split_last()?.1.iter().sum())
        };
        self.chosen.or_else(first_of_last).unwrap_or(0)
    }

    /// The index of the weight in another lane: at the same position of the same tensor as in the lane in front; in
    /// other networks, of the tensor with the same name and number.
    fn index(&self, lane: &LaneView, cx: Context<'_>) -> Option<usize> {
        let front = tensors(cx.view.lane(cx.front)?);
        let weight = self.weight(cx);
        let Some((tensor, first, number)) = find(&front, weight) else { return Some(weight) };
        let own = tensors(lane);
        if own.is_empty() {
            return Some(weight);
        }
        let kind = |t: &TensorChoice| t.name.rsplit(' ').next().map(str::to_owned);
        let at = weight - first;
        let begin = own.iter().take(number).map(|t| t.len).sum::<usize>();
        own.get(number).filter(|t| kind(t) == kind(tensor) && at < t.len).map(|_| begin + at)
    }

    /// A lane's probe, if it belongs to the selected weight and not to an earlier one.
    fn known<'a>(&self, lane: &'a LaneView, cx: Context<'_>) -> Option<&'a ProbeResult> {
        let index = self.index(lane, cx)?;
        probe(lane).filter(|p| p.part("terms").is_some() && scalar(p, "weight") == Some(index as f64))
    }

    /// The table for these lanes: every term that one of them has, in the order of their formulas.
    fn table(&self, lanes: &[&LaneView], cx: Context<'_>) -> Vec<MicroscopeRow> {
        let part = |name: &str| lanes.iter().map(|l| scalar(self.known(l, cx)?, name)).collect();
        let term = |name: &str| -> Vec<Option<f64>> {
            let of = |l: &&LaneView| {
                let found = rows(self.known(l, cx)?, "terms").iter().find(|t| t.0 == name)?;
                // A diverged lane says so once, not in every row.
                let v = found.1.first().filter(|v| v.is_finite() || no_numbers(l).is_none())?;
                Some(f64::from(*v))
            };
            lanes.iter().map(of).collect()
        };
        let mut names: Vec<&str> = Vec::new();
        for lane in lanes {
            let Some(probe) = self.known(lane, cx) else { continue };
            let mut after = 0;
            for (name, _) in rows(probe, "terms") {
                if let Some(at) = names.iter().position(|n| n == name) {
                    after = at + 1;
                } else {
                    names.insert(after, name);
                    after += 1;
                }
            }
        }
        let row = |name: &str, values, strong| MicroscopeRow { name: name.into(), values, strong };
        let mut table = vec![row("θ before", part("from"), true), row("g unclipped", part("raw"), false)];
        let steps: Vec<Option<f64>> = part("step");
        let mut known = steps.iter().flatten();
        if known.next().is_some_and(|first| known.any(|step| step != first)) {
            table.insert(0, row("step", steps, false));
        }
        table.extend(names.into_iter().map(|n| row(n, term(n), n == "Δθ")));
        table.push(row("θ after", part("to"), true));
        table
    }

    /// The reason why a lane has no numbers in the table, if it has none.
    fn note(&self, lane: &LaneView, cx: Context<'_>) -> Option<String> {
        let letter = lane.letter();
        if self.index(lane, cx).is_none() {
            let front = cx.view.lane(cx.front)?;
            let (tensors, weight) = (tensors(front), self.weight(cx));
            let (tensor, first, _) = find(&tensors, weight)?;
            return Some(format!("{letter} has no {} {}", tensor.name, place(tensor, weight - first)));
        }
        let known = self.known(lane, cx).map_or(&[][..], |p| rows(p, "terms"));
        let finite = known.iter().filter_map(|t| t.1.first()).any(|v| v.is_finite());
        no_numbers(lane).filter(|_| !finite).map(|why| format!("{letter} {why}"))
    }

    /// The formulas of all lanes, each with the letters of the lanes that use it; that of the lane in front comes
    /// first.
    fn formulas(cx: Context<'_>) -> Vec<String> {
        let mut found: Vec<(String, String)> = Vec::new();
        for lane in &cx.view.lanes {
            let optimizer = &lane.info.recipe.optimizer;
            let formula = format!("{}: {}", optimizer.name(), optimizer.formula());
            match found.iter_mut().find(|f| f.1 == formula) {
                Some(known) => known.0.push(lane.letter()),
                None => found.push((lane.letter().to_string(), formula)),
            }
        }
        let front = cx.view.lane(cx.front).map(LaneView::letter);
        found.sort_by_key(|(letters, _)| !front.is_some_and(|f| letters.contains(f)));
        found.into_iter().map(|(letters, formula)| format!("{letters} {formula}")).collect()
    }

    fn go(&mut self, to: i64, cx: Context<'_>) {
        let all: usize = cx.view.lane(cx.front).map_or(0, |l| tensors(l).iter().map(|t| t.len).sum());
        self.chosen = Some(to.clamp(0, all.max(1) as i64 - 1) as usize);
    }
}

/// The formula with ASCII letters for characters that only Unicode has.
fn plain(formula: &str) -> String {
    let mut out = String::with_capacity(formula.len());
    for c in formula.chars() {
        match c {
            '\u{302}' => out.push('^'),
            '←' => out.push_str("<-"),
            'θ' => out.push_str("theta"),
            'Δ' => out.push_str("delta "),
            'β' => out.push('b'),
            'α' => out.push('a'),
            'μ' => out.push_str("mu"),
            'λ' => out.push_str("lambda "),
            'γ' => out.push_str("gamma "),
            'ρ' => out.push_str("rho"),
            'τ' => out.push_str("tau"),
            'η' => out.push_str("eta"),
            'δ' => out.push('d'),
            '√' => out.push_str("sqrt "),
            'Σ' => out.push_str("sum "),
            '₀'..='₉' => out.push(char::from(b'0' + (c as u32 - '₀' as u32) as u8)),
            'ₜ' => out.push('t'),
            'ₖ' => out.push('k'),
            '²' => out.push_str("^2"),
            'ᵗ' => out.push_str("^t"),
            'ᵖ' => out.push_str("^p"),
            'ᵀ' => out.push_str("^T"),
            '·' | '⊙' => out.push('*'),
            '‖' => out.push('|'),
            '±' => out.push_str("+-"),
            '′' => out.push('\''),
            'ĝ' => out.push_str("g^"),
            'ŝ' => out.push_str("s^"),
            '₊' => out.push('+'),
            '₋' => out.push('-'),
            '∇' => out.push_str("grad "),
            '…' => out.push_str("..."),
            c if c.is_ascii() => out.push(c),
            _ => out.push('?'),
        }
    }
    out
}

/// The name of a tensor with the first two words of its layer's label (number and kind) and the layer's size, if it has
/// one: `3 Conv2d 8 weight` for `3 Conv2d 8 padding 1 weight`.
fn named(name: &str) -> String {
    let words: Vec<&str> = name.split(' ').collect();
    let sized = words.get(2).is_some_and(|w| w.starts_with(|c: char| c.is_ascii_digit()));
    match words.split_last() {
        Some((last, layer)) if layer.len() > 3 => {
            format!("{} {last}", layer[..if sized { 3 } else { 2 }].join(" "))
        }
        _ => name.to_owned(),
    }
}

/// A formula in lines, broken between its parts, which are separated by several spaces, if the parts are short enough.
fn formula_lines(words: &str, width: u16) -> Vec<String> {
    let parts: Vec<&str> = words.split("   ").collect();
    if parts.iter().any(|p| text::width(p) + 2 > width) {
        return text::lines(words, width, "  ");
    }
    let mut out: Vec<String> = Vec::new();
    for part in parts {
        match out.last_mut() {
            Some(line) if text::width(line) + 3 + text::width(part) <= width => {
                line.push_str("   ");
                line.push_str(part);
            }
            Some(_) => out.push(format!("  {part}")),
            None => out.push(part.into()),
        }
    }
    out
}

impl PaneWidget for Microscope {
    fn title<'a>(&self, cx: Context<'a>) -> Line<'a> {
        let mut line = Line::styled("Microscope", cx.theme.strong);
        let Some(lane) = cx.view.lane(cx.front) else { return line };
        let weight = self.weight(cx);
        if let Some((tensor, first, _)) = find(&tensors(lane), weight) {
            line.push_span(Span::styled(format!("  {} ", named(&tensor.name)), cx.theme.text));
            line.push_span(Span::styled(place(tensor, weight - first), cx.theme.strong));
        }
        if let Some(step) = probe(lane).and_then(|p| scalar(p, "step")) {
            line.push_span(cx.age(lane, step as u64));
        }
        line
    }

    fn draw(&self, cx: Context<'_>, area: Rect, buf: &mut Buffer) {
        let (area, theme) = (area.intersection(buf.area), cx.theme);
        if area.is_empty() {
            return;
        }
        if cx.view.lanes.is_empty() {
            return text::put_message(buf, area, "no lanes yet", theme.faint);
        }
        if !cx.view.lanes.iter().filter_map(probe).any(|p| p.part("terms").is_some()) {
            let words = if cx.watching {
                cx.missing("step under the microscope")
            } else {
                let front = cx.view.lane(cx.front);
                let how = front.map_or_else(String::new, first_step);
                // Only a pane that is open has the terms of a step computed.
                let seen = front.is_some_and(|lane| lane.step > 0);
                let since = if seen { "since this pane is open" } else { "yet" };
                format!("no step under the microscope {since}: {how}")
            };
            return text::put_message(buf, area, &words, theme.faint);
        }
        let unicode = |name: &str| match theme.glyphs {
            Glyphs::Unicode => name.to_owned(),
            Glyphs::Ascii => plain(name),
        };
        // As many lanes as there is room for, including the one in front.
        let wished = self.table(&cx.view.lanes.iter().collect::<Vec<_>>(), cx);
        let names = wished.iter().map(|r| text::width(&unicode(&r.name))).max().unwrap_or(0);
        let names = names.min(NAMES).min(area.width / 2) + 1;
        let all = &cx.view.lanes;
        let room = area.width.saturating_sub(names);
        let fit = |room: u16| usize::from((room / COLUMN.0).max(1));
        let beyond = if fit(room) < all.len() { BEYOND } else { 0 };
        let fit = fit(room.saturating_sub(beyond)).min(all.len());
        let front = all.iter().position(|l| l.id == cx.front).unwrap_or(0);
        let first = (front + 1).saturating_sub(fit);
        let lanes: Vec<&LaneView> = all[first..].iter().take(fit).collect();
        let table = self.table(&lanes, cx);
        let head = u16::from(area.height >= 3);
        let each = (room.saturating_sub(beyond) / fit as u16).clamp(COLUMN.0, COLUMN.1);
        let column = |i: usize| text::part(area, names + i as u16 * each, 0, each - 1, area.height);
        for (i, lane) in lanes.iter().enumerate().filter(|_| head == 1) {
            let style = Style::new().fg(theme.lane(lane.id)).add_modifier(Modifier::BOLD);
            let name = text::shorten(&lane.info.name, usize::from(each) - 3, theme.glyphs);
            text::put_right(buf, column(i), 0, &format!("{} {name}", lane.letter()), style);
        }
        if head == 1 && beyond > 0 {
            // The nearest lane on either side that does not fit.
            let unseen = |lane: Option<&LaneView>| lane.map(LaneView::letter);
            if let Some(letter) = unseen(first.checked_sub(1).and_then(|i| all.get(i))) {
                let words = format!("{} {letter}", text::pick(theme.glyphs, "←", "<-"));
                text::put_right(buf, text::part(area, 0, 0, names - 1, 1), 0, &words, theme.warn);
            }
            if let Some(letter) = unseen(all.get(first + fit)) {
                let words = format!("{letter} {}", text::pick(theme.glyphs, "→", "->"));
                text::put_right(buf, area, 0, &words, theme.warn);
            }
        }
        let notes: Vec<String> = lanes.iter().filter_map(|l| self.note(l, cx)).collect();
        let left = area.height.saturating_sub(head + table.len() as u16);
        for (y, row) in (head..area.height).zip(&table) {
            let style = if row.strong { theme.strong } else { theme.text };
            let name = text::shorten(&unicode(&row.name), usize::from(names - 1), theme.glyphs);
            text::put(buf, area, 0, y, &name, if row.strong { theme.strong } else { theme.faint });
            for (i, value) in row.values.iter().enumerate() {
                match value {
                    Some(v) => text::put_number(buf, column(i), y, *v, theme.glyphs, style),
                    None => {
                        text::put_right(buf, column(i), y, text::pick(theme.glyphs, "·", "."), theme.border);
                    }
                }
            }
        }
        if left > 0 {
            let gap = u16::from(left >= 4);
            let place = text::part(area, 0, area.height - left + gap, area.width, left - gap);
            let words: Vec<String> = notes.into_iter().chain(Self::formulas(cx)).collect();
            let lines = words.iter().flat_map(|w| formula_lines(&unicode(w), place.width));
            for (y, line) in (0..place.height).zip(lines) {
                text::put(buf, place, 0, y, &line, theme.faint);
            }
        }
    }

    fn act(&mut self, action: Action, cx: Context<'_>) -> PaneRequests {
        let Some(lane) = cx.view.lane(cx.front) else { return PaneRequests::new() };
        let tensors = tensors(lane);
        let weight = self.weight(cx);
        let Some((tensor, first, number)) = find(&tensors, weight) else {
            self.chosen = None;
            return PaneRequests::new();
        };
        let (at, row) = (weight as i64, tensor.row as i64);
        let begin =
            |n: usize| tensors[..n.min(tensors.len() - 1)].iter().map(|t| t.len).sum::<usize>() as i64;
        let largest = |name: &str| probe(lane).and_then(|p| scalar(p, name)).map_or(at, |v| v as i64);
        match action {
            Action::Left => self.go(at - 1, cx),
            Action::Right => self.go(at + 1, cx),
            Action::Up => self.go(at - row, cx),
            Action::Down => self.go(at + row, cx),
            Action::PageUp => self.go(begin(number.saturating_sub(1)), cx),
            Action::PageDown => self.go(begin(number + 1), cx),
            Action::First => self.go(first as i64, cx),
            Action::Last => self.go((first + tensor.len) as i64 - 1, cx),
            Action::LargestGradient => self.go(largest("largest_gradient"), cx),
            Action::LargestStep => self.go(largest("largest_step"), cx),
            Action::Edit => {
                return vec![PaneRequest::Edit(Box::new(FormSubject::Weight { tensors, weight }))];
            }
            _ => {}
        }
        PaneRequests::new()
    }

    fn watch(&self, cx: Context<'_>, _: Size) -> Vec<telemetry::ProbeRequest> {
        let own = self.weight(cx);
        let view = |l: &LaneView| {
            let weight = self.index(l, cx).unwrap_or(own);
            telemetry::ProbeRequest { number: weight, ..telemetry::ProbeRequest::of("microscope", l.id) }
        };
        cx.view.lanes.iter().map(view).collect()
    }

    fn number(&mut self, number: usize) {
        self.chosen = Some(number);
    }
}
