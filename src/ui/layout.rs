//! Where everything lies, for every size of screen. Draws nothing.

use super::pane::PaneId;
use ratatui::layout::Rect;

/// The least screen on which panes are drawn.
pub const LEAST: (u16, u16) = (40, 12);

/// The places of one screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Title, step, state.
    pub header: Rect,
    /// The names of all panes, where not all of them are on the screen; else empty.
    pub tabs: Rect,
    /// The panes, frames included.
    pub panes: Vec<(PaneId, Rect)>,
    /// What is the matter with the lane in front.
    pub diagnosis: Rect,
    /// Notices, or the keys of the focused pane.
    pub hint: Rect,
}

impl Places {
    /// The place of a pane, if it is on the screen.
    pub fn pane(&self, id: PaneId) -> Option<Rect> {
        self.panes.iter().find(|(p, _)| *p == id).map(|(_, r)| *r)
    }
}

/// Which panes one wants to see besides the focused one.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// The pane with the focus.
    pub focus: PaneId,
    /// Whether it takes all the room.
    pub zoom: bool,
    /// Of Network and Lanes, the one last looked at.
    pub side: PaneId,
    /// Of the others, the one last looked at.
    pub main: PaneId,
}

/// Arranges a screen; `None` if it is too small for panes.
pub fn arrange(area: Rect, wish: Wish) -> Option<Places> {
    if area.width < LEAST.0 || area.height < LEAST.1 {
        return None;
    }
    let row = |y: u16| Rect::new(area.x, area.y + y, area.width, 1);
    let mut places = Places {
        header: row(0),
        diagnosis: row(area.height - 2),
        hint: row(area.height - 1),
        ..Places::default()
    };
    let mut body = Rect::new(area.x, area.y + 1, area.width, area.height - 3);
    let roomy = area.width >= 110 && area.height >= 30;
    if wish.zoom || !roomy {
        places.tabs = row(1);
        body = cut_top(body, 1).1;
    }
    places.panes = if wish.zoom {
        vec![(wish.focus, body)]
    } else if roomy {
        all(body)
    } else if area.width >= 72 && area.height >= 20 {
        some(body, wish)
    } else {
        vec![(wish.focus, body)]
    };
    Some(places)
}

/// All six panes in three columns.
fn all(body: Rect) -> Vec<(PaneId, Rect)> {
    // The images of the right column gain nothing beyond a certain width, the curves do.
    let left = (body.width / 4).clamp(30, 46);
    let right = (body.width * 3 / 10).clamp(36, 64);
    let (side, rest) = cut_left(body, left);
    let (middle, right) = cut_left(rest, rest.width - right);
    let (network, lanes) = cut_top(side, share(side.height, 45));
    let (curves, map) = cut_top(middle, share(middle.height, 54));
    let (adversarial, data) = cut_top(right, share(right.height, 50));
    vec![
        (PaneId::Network, network),
        (PaneId::Lanes, lanes),
        (PaneId::Curves, curves),
        (PaneId::GradientMap, map),
        (PaneId::Prediction, data),
        (PaneId::Adversarial, adversarial),
    ]
}

/// The side that was last looked at and the pane that was last looked at; with more room, two of each.
fn some(body: Rect, wish: Wish) -> Vec<(PaneId, Rect)> {
    let left = (u32::from(body.width) * 2 / 5).clamp(29, 40) as u16;
    let (side, main) = cut_left(body, left);
    let mut panes = Vec::new();
    if body.height >= 28 {
        let (network, lanes) = cut_top(side, share(side.height, 45));
        panes.extend([(PaneId::Network, network), (PaneId::Lanes, lanes)]);
    } else {
        panes.push((wish.side, side));
    }
    if body.height >= 24 {
        let other = if wish.main == PaneId::Curves { PaneId::GradientMap } else { PaneId::Curves };
        let (top, bottom) = cut_top(main, share(main.height, 50));
        let (upper, lower) = if wish.main < other { (wish.main, other) } else { (other, wish.main) };
        panes.extend([(upper, top), (lower, bottom)]);
    } else {
        panes.push((wish.main, main));
    }
    panes
}

fn share(whole: u16, percent: u16) -> u16 {
    (u32::from(whole) * u32::from(percent)).div_ceil(100) as u16
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

    #[test]
    fn every_cell_belongs_to_one_place_at_every_size() {
        for (width, height) in (0..=200).step_by(3).flat_map(|w| (0..=62).map(move |h| (w, h))) {
            let area = Rect::new(0, 0, width, height);
            for focus in PaneId::ALL {
                for zoom in [false, true] {
                    let side = if focus == PaneId::Network { focus } else { PaneId::Lanes };
                    let main = if focus > PaneId::Lanes { focus } else { PaneId::Curves };
                    let Some(p) = arrange(area, Wish { focus, zoom, side, main }) else {
                        assert!(width < LEAST.0 || height < LEAST.1);
                        continue;
                    };
                    let mut owners = vec![0u8; usize::from(width) * usize::from(height)];
                    let rects = [p.header, p.tabs, p.diagnosis, p.hint];
                    for r in rects.iter().chain(p.panes.iter().map(|(_, r)| r)) {
                        for at in r.positions() {
                            owners[usize::from(at.y) * usize::from(width) + usize::from(at.x)] += 1;
                        }
                    }
                    assert!(owners.iter().all(|&n| n == 1), "{width}x{height} {focus:?} zoom {zoom}: {p:?}");
                    assert!(p.pane(focus).is_some(), "the focused pane is on the screen");
                }
            }
        }
    }

    #[test]
    fn the_usual_sizes_show_what_they_should() {
        let wish = Wish { focus: PaneId::Lanes, zoom: false, side: PaneId::Lanes, main: PaneId::Curves };
        let count = |w, h| arrange(Rect::new(0, 0, w, h), wish).map(|p| p.panes.len());
        assert_eq!([count(120, 40), count(200, 60), count(80, 24), count(100, 32)], [6, 6, 2, 4].map(Some));
        assert_eq!(count(39, 24), None);
    }
}
