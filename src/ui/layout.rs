//! The layout of the screen for every size. Draws nothing.

use crate::scenario::view::Pane;
use ratatui::layout::Rect;

/// The smallest screen on which panes are drawn.
pub const LEAST: (u16, u16) = (40, 12);

/// From this height on, the diagnosis line has two lines.
const ROOM_TO_SAY: u16 = 24;

/// The nine slots of a large screen, column by column. On a smaller screen the bottom row shares the slots above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PaneSlot {
    /// The slot of the model builder.
    LeftTop,
    /// The slot of the lanes.
    LeftMiddle,
    /// On large screens only; otherwise shared with `Middle`.
    LeftBottom,
    /// The main slot.
    MiddleTop,
    /// The slot below it.
    Middle,
    /// On large screens only; otherwise shared with `Middle`.
    MiddleBottom,
    /// The slot of pictures.
    RightTop,
    /// The slot below them.
    RightMiddle,
    /// On large screens only; otherwise shared with `RightMiddle`.
    RightBottom,
}

impl PaneSlot {
    /// The slots of each column, with their shares of the height.
    const COLUMNS: [[(Self, u32); 3]; 3] = [
        [(Self::LeftTop, 45), (Self::LeftMiddle, 55), (Self::LeftBottom, 55)],
        [(Self::MiddleTop, 54), (Self::Middle, 46), (Self::MiddleBottom, 46)],
        [(Self::RightTop, 50), (Self::RightMiddle, 50), (Self::RightBottom, 50)],
    ];

    /// The slot that its panes share on a screen that is not large.
    fn joined(self) -> Self {
        match self {
            Self::LeftBottom | Self::MiddleBottom => Self::Middle,
            Self::RightBottom => Self::RightMiddle,
            other => other,
        }
    }

    fn left(self) -> bool {
        self < Self::MiddleTop
    }
}

/// The places of one screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScreenAreas {
    /// Title, step, state.
    pub header: Rect,
    /// The timeline, if it is open; otherwise empty.
    pub timeline: Rect,
    /// Tabs with the names of all panes, if some of them are hidden; otherwise empty.
    pub tabs: Rect,
    /// The panes, including their frames.
    pub panes: Vec<(Pane, Rect)>,
    /// Hidden panes, each with the pane shown in its place.
    pub behind: Vec<(Pane, Pane)>,
    /// The diagnosis of the lane in front.
    pub diagnosis: Rect,
    /// Notices, or the keys of the focused pane.
    pub hint: Rect,
}

impl ScreenAreas {
    /// The rectangle of a pane, if it is on the screen.
    pub fn pane(&self, id: Pane) -> Option<Rect> {
        self.panes.iter().find(|(p, _)| *p == id).map(|(_, r)| *r)
    }
}

/// The inputs that decide which panes are shown.
#[derive(Clone, Copy, Debug)]
pub struct LayoutInputs<'a> {
    /// The panes of the scenario with their slots: the focused one first, then the others by how recently they had the
    /// focus.
    pub homes: &'a [(Pane, PaneSlot)],
    /// Whether the focused pane fills the screen.
    pub zoom: bool,
    /// Whether the timeline is open.
    pub timeline: bool,
    /// Whether a lesson is in progress, which has its own place beside the panes.
    pub guided: bool,
}

/// From this width on a lesson is shown beside the panes; otherwise in a strip below them.
const BESIDE: u16 = 120;
/// The width of a lesson beside the panes.
const COLUMN: u16 = 44;
/// The height of the strip, including its frame.
const STRIP: u16 = 9;

/// Arranges a screen; `None` if it is too small for panes.
pub fn arrange(area: Rect, inputs: LayoutInputs<'_>) -> Option<ScreenAreas> {
    if area.width < LEAST.0 || area.height < LEAST.1 {
        return None;
    }
    let rows = |y: u16, height: u16| Rect::new(area.x, area.y + y, area.width, height);
    let row = |y: u16| rows(y, 1);
    // The diagnosis is a sentence: it gets two lines if the screen has room.
    let said = if area.height >= ROOM_TO_SAY { 2 } else { 1 };
    let mut places = ScreenAreas {
        header: row(0),
        diagnosis: rows(area.height - 1 - said, said),
        hint: row(area.height - 1),
        ..ScreenAreas::default()
    };
    let mut body = rows(1, area.height - 2 - said);
    if inputs.timeline {
        (places.timeline, body) = cut_top(body, 1);
    }
    let mut lesson = Rect::default();
    if inputs.guided && !inputs.zoom && area.width >= 72 && area.height >= 20 {
        if area.width >= BESIDE {
            (body, lesson) = cut_left(body, body.width - COLUMN);
        } else {
            (body, lesson) = cut_top(body, body.height - STRIP.min(body.height / 2));
        }
    }
    let roomy = body.width >= 110 && area.height >= 30;
    if inputs.zoom || !roomy {
        (places.tabs, body) = cut_top(body, 1);
    }
    let large = area.width >= 170 && area.height >= 50;
    let slot = |s: PaneSlot| if large { s } else { s.joined() };
    let homes: Vec<(Pane, PaneSlot)> = inputs
        .homes
        .iter()
        .filter(|(pane, _)| lesson.is_empty() || *pane != Pane::Lesson)
        .map(|&(pane, home)| (pane, slot(home)))
        .collect();
    let focused = homes.first()?.0;
    if inputs.zoom || !roomy && (area.width < 72 || area.height < 20) {
        places.panes = vec![(focused, body)];
    } else if roomy {
        for (i, &(pane, slot)) in homes.iter().enumerate() {
            if let Some((shown, _)) = homes[..i].iter().find(|(_, s)| *s == slot) {
                places.behind.push((pane, *shown));
            }
        }
        places.panes = columns(body, &homes);
    } else {
        places.panes = some(body, &homes);
    }
    if !lesson.is_empty() {
        places.panes.push((Pane::Lesson, lesson));
    }
    Some(places)
}

/// The first pane of every slot, in columns.
fn columns(body: Rect, homes: &[(Pane, PaneSlot)]) -> Vec<(Pane, Rect)> {
    let column = |slots: [(PaneSlot, u32); 3]| -> Vec<(Pane, u32)> {
        let first = |(slot, share)| homes.iter().find(|h| h.1 == slot).map(|h| (h.0, share));
        slots.into_iter().filter_map(first).collect()
    };
    let [left, middle, right] = PaneSlot::COLUMNS.map(column);
    // Images in the right column do not benefit from more width beyond a limit; curves do.
    let width = |panes: &[_], width: u16| if panes.is_empty() { 0 } else { width };
    let (side, rest) = cut_left(body, width(&left, (body.width / 4).clamp(32, 46)));
    let right_width = if middle.is_empty() { rest.width } else { (body.width * 3 / 10).clamp(36, 64) };
    let (main, edge) = cut_left(rest, rest.width - width(&right, right_width));
    let columns = [(side, left), (main, middle), (edge, right)];
    columns.into_iter().flat_map(|(area, panes)| stack(area, &panes)).collect()
}

/// The most recently focused pane of the left column and of the others; with more room, two of each.
fn some(body: Rect, homes: &[(Pane, PaneSlot)]) -> Vec<(Pane, Rect)> {
    let chosen = |left: bool, most: usize| -> Vec<(Pane, u32)> {
        let mut found: Vec<_> = homes.iter().filter(|h| h.1.left() == left).take(most).collect();
        found.sort_by_key(|(pane, slot)| (*slot, *pane));
        let share = |slot| PaneSlot::COLUMNS.iter().flatten().find(|c| c.0 == slot).map_or(50, |c| c.1);
        found.into_iter().map(|(pane, slot)| (*pane, share(*slot))).collect()
    };
    let width = (u32::from(body.width) * 2 / 5).clamp(29, 40) as u16;
    let (side, main) = cut_left(body, width);
    let mut panes = stack(side, &chosen(true, if body.height >= 27 { 2 } else { 1 }));
    panes.extend(stack(main, &chosen(false, if body.height >= 23 { 2 } else { 1 })));
    panes
}

/// Panes above one another, by their shares of the height.
fn stack(mut area: Rect, panes: &[(Pane, u32)]) -> Vec<(Pane, Rect)> {
    let mut left: u32 = panes.iter().map(|p| p.1).sum();
    let mut out = Vec::with_capacity(panes.len());
    for &(pane, share) in panes {
        let height = (u32::from(area.height) * share).div_ceil(left.max(1)) as u16;
        let (own, rest) = cut_top(area, height);
        out.push((pane, own));
        (area, left) = (rest, left - share);
    }
    out
}

fn cut_left(r: Rect, width: u16) -> (Rect, Rect) {
    let width = width.min(r.width);
    (Rect { width, ..r }, Rect { x: r.x + width, width: r.width - width, ..r })
}

fn cut_top(r: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(r.height);
    (Rect { height, ..r }, Rect { y: r.y + height, height: r.height - height, ..r })
}

/// A window of at most this size in the middle of the screen.
pub fn window(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect::new(area.x + (area.width - width) / 2, area.y + (area.height - height) / 2, width, height)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::pane::ScenarioKind;

    /// The panes of a scenario of this kind with their slots, `focus` first.
    fn homes(kind: ScenarioKind, focus: Pane) -> Vec<(Pane, PaneSlot)> {
        let others = Pane::of(kind).filter(|p| *p != focus);
        std::iter::once(focus).chain(others).filter_map(|p| Some((p, p.home(kind)?))).collect()
    }

    #[test]
    fn every_cell_belongs_to_one_place_at_every_size() {
        let foci: Vec<_> = ScenarioKind::ALL
            .into_iter()
            .flat_map(|kind| Pane::of(kind).map(move |p| (kind, homes(kind, p))))
            .collect();
        for (width, height) in (0..=200).step_by(3).flat_map(|w| (0..=62).map(move |h| (w, h))) {
            let area = Rect::new(0, 0, width, height);
            for (kind, homes) in &foci {
                for bits in 0..8 {
                    let [zoom, timeline, guided] = [1, 2, 4].map(|bit| bits & bit > 0);
                    let Some(p) = arrange(area, LayoutInputs { homes, zoom, timeline, guided }) else {
                        assert!(width < LEAST.0 || height < LEAST.1);
                        continue;
                    };
                    let mut owners = vec![0u8; usize::from(width) * usize::from(height)];
                    let rects = [p.header, p.timeline, p.tabs, p.diagnosis, p.hint];
                    for r in rects.iter().chain(p.panes.iter().map(|(_, r)| r)) {
                        for at in r.positions() {
                            owners[usize::from(at.y) * usize::from(width) + usize::from(at.x)] += 1;
                        }
                    }
                    assert!(owners.iter().all(|&n| n == 1), "{width}x{height} {kind:?} zoom {zoom}: {p:?}");
                    assert!(p.pane(homes[0].0).is_some(), "the focused pane is on the screen");
                    assert!(p.panes.iter().all(|(id, _)| id.home(*kind).is_some()), "only panes of the kind");
                }
            }
        }
    }

    #[test]
    fn every_pane_of_a_roomy_screen_is_shown_or_behind_a_shown_one() {
        for kind in ScenarioKind::ALL {
            for (w, h) in [(110, 30), (120, 40), (200, 60)] {
                let homes = homes(kind, Pane::Lanes);
                let p = arrange(
                    Rect::new(0, 0, w, h),
                    LayoutInputs { homes: &homes, zoom: false, timeline: false, guided: false },
                )
                .expect("room");
                for (id, _) in homes {
                    let behind = p.behind.iter().find(|b| b.0 == id);
                    let shown = p.pane(behind.map_or(id, |b| b.1)).is_some();
                    assert!(shown && p.pane(id).is_some() != behind.is_some(), "{id:?} at {w}x{h}");
                }
            }
        }
    }

    #[test]
    fn the_usual_sizes_show_what_they_should() {
        let homes = homes(ScenarioKind::Samples, Pane::Lanes);
        let inputs = LayoutInputs { homes: &homes, zoom: false, timeline: false, guided: false };
        let count = |w, h| arrange(Rect::new(0, 0, w, h), inputs).map(|p| p.panes.len());
        assert_eq!([count(120, 40), count(80, 24), count(100, 32)], [6, 2, 4].map(Some));
        assert_eq!(count(39, 24), None);
    }
}
