//! Guarantees of a plot for any input.

use super::letters::slots;
use super::*;

fn bucket(x: f64, min: f32, last: f32, max: f32) -> Bucket {
    Bucket {
        at: AxisPosition { step: x, epoch: x / 45.0, seconds: x / 1e4, evaluations: 2.0 * x },
        min,
        max,
        last,
    }
}

fn curve(letter: char, color: Color, values: impl Iterator<Item = f32>) -> Curve<'static> {
    let points = values.enumerate().map(|(i, v)| {
        if v.is_finite() {
            bucket(i as f64, v, v, v)
        } else {
            bucket(i as f64, f32::INFINITY, v, f32::NEG_INFINITY)
        }
    });
    Curve {
        points: points.collect::<Vec<_>>().into(),
        letter,
        color,
        front: false,
        dashed: false,
        broken: false,
        breaks: Vec::new(),
    }
}

fn plot(curves: Vec<Curve<'static>>, end: f64, log: bool) -> Plot<'static> {
    Plot { curves, axis: XAxis::Steps, x: AxisScale::whole(end), log, y: None, smoothing: 0.0, cursor: None }
}

fn drawn(plot: &Plot<'_>, w: u16, h: u16, depth: Depth, glyphs: Glyphs) -> Buffer {
    let area = Rect::new(0, 0, w, h);
    let mut buf = Buffer::empty(area);
    plot.draw(&Theme::dark(depth, glyphs), area, &mut buf);
    buf
}

fn lines(buf: &Buffer) -> Vec<String> {
    let row = |y| (0..buf.area.width).map(|x| buf[(x, y)].symbol()).collect::<String>();
    (0..buf.area.height).map(row).collect()
}

fn find(buf: &Buffer, symbol: &str) -> Option<(u16, u16)> {
    let places = (0..buf.area.height).flat_map(|y| (0..buf.area.width).map(move |x| (x, y)));
    places.into_iter().find(|&p| buf[p].symbol() == symbol)
}

fn is_braille(symbol: &str) -> bool {
    symbol.chars().all(|c| ('\u{2801}'..='\u{28ff}').contains(&c))
}

#[test]
fn lines_end_in_their_letters_and_colours() {
    let falling = curve('A', Color::Red, (0..100).map(|i| 10f32.powi(-i / 20)));
    let flat = curve('B', Color::Blue, (0..60).map(|_| 1.0));
    let buf = drawn(&plot(vec![falling, flat], 100.0, true), 60, 16, Depth::True, Glyphs::Unicode);
    let (a, b) = (find(&buf, "A").expect("A"), find(&buf, "B").expect("B"));
    assert!(a.1 > b.1 && a.0 > b.0, "A ends lower and later: {a:?} {b:?}");
    assert_eq!((buf[a].fg, buf[b].fg), (Color::Red, Color::Blue));
    let before = &buf[(b.0 - 1, b.1)];
    assert!(is_braille(before.symbol()) && before.fg == Color::Blue);
    let text = lines(&buf).join("\n");
    for label in ["1e-4", "0.01", "1", "steps", "100"] {
        assert!(text.contains(label), "{label} in\n{text}");
    }
}

#[test]
fn a_number_that_is_none_leaves_a_gap() {
    let values = (0..100).map(|i| if (40..60).contains(&i) { f32::NAN } else { 1.0 });
    let buf =
        drawn(&plot(vec![curve('A', Color::Red, values)], 100.0, false), 64, 6, Depth::True, Glyphs::Unicode);
    let row = (0..6)
        .find(|y| (0..64).filter(|x| is_braille(buf[(*x, *y)].symbol())).count() > 20)
        .expect("the line");
    let inked: Vec<u16> = (0..64).filter(|x| is_braille(buf[(*x, row)].symbol())).collect();
    let gaps: Vec<u16> = inked.windows(2).map(|w| w[1] - w[0]).filter(|d| *d > 1).collect();
    assert!(gaps.len() == 1 && (8..=16).contains(&gaps[0]), "{gaps:?}");
}

#[test]
fn where_a_lane_broke_is_marked() {
    let mut broken = curve('D', Color::Green, (0..50).map(|i| if i < 30 { i as f32 } else { f32::NAN }));
    broken.broken = true;
    let buf = drawn(&plot(vec![broken], 100.0, false), 60, 12, Depth::True, Glyphs::Unicode);
    let (x, y) = find(&buf, "×").expect("a cross");
    assert_eq!(buf[(x + 1, y)].symbol(), "D");
    assert!(y < 3, "at the top, where the numbers ran away");
}

#[test]
fn a_lane_that_runs_away_does_not_flatten_the_others() {
    let calm = curve('A', Color::Red, (0..100).map(|i| 2.0 - i as f32 / 100.0));
    let wild = curve('B', Color::Blue, (0..8).map(|i| 10f32.powi(i * 3)));
    let buf = drawn(&plot(vec![calm, wild], 100.0, false), 60, 14, Depth::True, Glyphs::Unicode);
    let rows: std::collections::BTreeSet<u16> =
        (0..14).filter(|y| (0..60).any(|x| buf[(x, *y)].fg == Color::Red)).collect();
    assert!(rows.len() >= 4, "A still falls visibly: {rows:?}");
    assert!(lines(&buf)[0].contains("up to 1e21"), "{:?}", lines(&buf)[0]);
}

#[test]
fn the_strong_line_is_calm_over_the_faint_range() {
    let theme = Theme::dark(Depth::True, Glyphs::Unicode);
    let mut noisy = curve('A', theme.lane(0), (0..400).map(|i| if i % 2 == 0 { 0.0 } else { 1.0 }));
    noisy.front = true;
    let mut p = plot(vec![noisy], 400.0, false);
    let rows = |p: &Plot<'_>| {
        let buf = drawn(p, 60, 14, Depth::True, Glyphs::Unicode);
        let strong = |x: u16, y: u16| is_braille(buf[(x, y)].symbol()) && buf[(x, y)].fg == theme.lane(0);
        let faint = |x: u16, y: u16| is_braille(buf[(x, y)].symbol()) && buf[(x, y)].fg != theme.lane(0);
        let count = |f: &dyn Fn(u16, u16) -> bool| (0..12).filter(|y| (20..50).any(|x| f(x, *y))).count();
        (count(&strong), count(&faint))
    };
    p.smoothing = 0.05;
    let (strong, faint) = rows(&p);
    assert!(strong <= 2 && faint >= 10, "{strong} rows strong, {faint} faint");
}

/// Small plots, in which lines that are close together end in the same rows.
#[test]
fn letters_stand_in_the_order_of_their_lines() {
    // At the bottom, at the top, in the middle, and all on one line.
    let heights: [&[f32]; 5] = [
        &[0.0, 0.01, 0.02, 1.0],
        &[1.0, 0.99, 0.98, 0.0],
        &[0.5, 0.0, 0.52, 1.0, 0.51, 0.49],
        &[0.0, 0.3, 0.002, 0.001, 1.0, 0.299],
        &[0.0, 0.9, 0.1, 0.2, 0.3, 0.4, 0.5, 1.0],
    ];
    for values in heights {
        let lines = values.iter().zip('A'..).map(|(&v, letter)| {
            let front = letter == 'A';
            Curve { front, ..curve(letter, Color::Red, std::iter::repeat_n(v, 50)) }
        });
        let curves: Vec<_> = lines.collect();
        for h in [6, 8, 9, 12] {
            let buf = drawn(&plot(curves.clone(), 49.0, false), 30, h, Depth::True, Glyphs::Unicode);
            let mut by_height: Vec<(f32, char)> = values.iter().copied().zip('A'..).collect();
            by_height.sort_by(|a, b| b.0.total_cmp(&a.0));
            let rows: Vec<u16> = by_height
                .iter()
                .map(|(_, c)| {
                    find(&buf, &c.to_string()).unwrap_or_else(|| panic!("{c} at {h}: {values:?}")).1
                })
                .collect();
            assert!(rows.is_sorted(), "{by_height:?} at {h}: {rows:?}\n{}", lines_of(&buf));
        }
    }
    assert_eq!(slots(&[3, 3, 3], 4, 1), [(1, 0), (2, 0), (3, 0)]);
    assert_eq!(slots(&[0, 0, 3], 4, 1), [(0, 0), (1, 0), (3, 0)]);
    assert_eq!(slots(&[1, 1, 1], 2, 1), [(0, 0), (1, 0), (1, 1)], "two share a row");
    assert_eq!(slots(&[2, 2, 2, 2], 9, 2), [(2, 0), (2, 1), (3, 0), (3, 1)]);
    assert_eq!(slots(&[0, 3, 3, 3], 4, 2), [(0, 0), (2, 0), (3, 0), (3, 1)]);
}

/// Letters do not suggest values that the lines do not have: with up to eight lines, none is more than a row away from
/// the end of its line.
#[test]
fn letters_stand_at_the_ends_of_their_lines() {
    for n in 1..=8 {
        for row in 0..12 {
            let same = slots(&vec![row; n], 12, (n as u16).div_ceil(2));
            assert!(same.iter().all(|(at, _)| at.abs_diff(row) <= 1), "{n} at {row}: {same:?}");
        }
    }
}

fn lines_of(buf: &Buffer) -> String {
    lines(buf).join("\n")
}

#[test]
fn without_colour_letters_tell_lines_apart() {
    let make = || {
        vec![
            curve('A', Color::Reset, (0..90).map(|i| i as f32)),
            curve('B', Color::Reset, (0..90).map(|i| 90.0 - i as f32)),
        ]
    };
    let ascii = lines(&drawn(&plot(make(), 100.0, false), 60, 14, Depth::Mono, Glyphs::Ascii)).join("\n");
    assert!(ascii.is_ascii());
    assert!(ascii.matches('A').count() > 20 && ascii.matches('B').count() > 20, "{ascii}");
    let mono = lines(&drawn(&plot(make(), 100.0, false), 60, 14, Depth::Mono, Glyphs::Unicode)).join("\n");
    assert!(
        mono.matches('A').count() == 2 && mono.matches('B').count() == 2,
        "on the way and at the end:\n{mono}"
    );
}

#[test]
fn odd_numbers_give_readable_axes_at_every_size() {
    let odd = [
        vec![],
        vec![0.0],
        vec![f32::NAN],
        vec![f32::MAX, -f32::MAX],
        vec![1e-38, 1e-45],
        vec![-1.0, -2.0],
        vec![f32::INFINITY, 1.0, f32::NEG_INFINITY],
        vec![3.0; 50],
        vec![0.0; 50],
        vec![1e38, 1e-38, 0.0, f32::NAN],
    ];
    for values in odd {
        for log in [false, true] {
            for end in [0.0, 1.0, 1e300, 1e-300, f64::NAN] {
                let mut p = plot(vec![curve('A', Color::Red, values.iter().copied())], end, log);
                p.cursor = Some(end / 2.0);
                p.smoothing = 0.04;
                for (w, h) in [(0, 0), (1, 1), (2, 1), (5, 3), (13, 5), (40, 10), (200, 60)] {
                    for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
                        let text = lines(&drawn(&p, w, h, Depth::True, glyphs)).join("\n");
                        assert!(!text.contains("NaN") && (glyphs == Glyphs::Unicode || text.is_ascii()));
                        assert!(
                            w < 40 || text.chars().any(|c| c.is_ascii_digit()),
                            "axes have numbers:\n{text}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn the_cursor_finds_the_measurement_at_its_place() {
    let c = curve('A', Color::Red, (0..100).map(|i| i as f32));
    assert_eq!(at(&c.points, XAxis::Steps, 41.5).map(|b| b.last), Some(42.0));
    assert_eq!(at(&c.points, XAxis::Evaluations, 84.0).map(|b| b.last), Some(42.0));
    assert_eq!(at(&c.points, XAxis::Steps, 100.0), None);
    let mut p = plot(vec![c], 100.0, false);
    p.cursor = Some(50.0);
    let buf = drawn(&p, 60, 12, Depth::True, Glyphs::Unicode);
    assert!(find(&buf, "┊").is_some());
}

#[test]
fn between_two_ranges_lies_a_band() {
    let mut ranged = curve('A', Color::Red, std::iter::repeat_n(5.0, 3));
    let points = [(0.0, 0.0, 10.0), (50.0, 2.0, 8.0), (100.0, 4.0, 6.0)];
    ranged.points = points.map(|(x, min, max)| bucket(x, min, 5.0, max)).to_vec().into();
    let buf = drawn(&plot(vec![ranged], 100.0, false), 64, 20, Depth::True, Glyphs::Unicode);
    let marks = |x: u16| (0..buf.area.height).filter(|&y| is_braille(buf[(x, y)].symbol())).count();
    let columns: Vec<usize> = (10..55).step_by(5).map(marks).collect();
    assert!(columns.windows(2).all(|w| w[0] >= w[1] && w[1] > 0), "narrower and narrower: {columns:?}");
    assert!(columns[0] > columns[8] + 3, "{columns:?}");
    let line = curve('A', Color::Red, std::iter::repeat_n(5.0, 101));
    let thin = drawn(&plot(vec![line], 100.0, false), 64, 20, Depth::True, Glyphs::Unicode);
    assert!((10..55).all(|x| (0..20).filter(|&y| is_braille(thin[(x, y)].symbol())).count() == 1));
}

#[test]
fn a_line_is_not_drawn_across_a_change_of_settings() {
    let jump = || curve('A', Color::Red, (0..100).map(|i| if i <= 50 { 1.0 } else { 9.0 }));
    let column = |curve: Curve<'static>| {
        let buf = drawn(&plot(vec![curve], 100.0, false), 60, 16, Depth::True, Glyphs::Unicode);
        let dots = |x: u16| (0..12).filter(|&y| is_braille(buf[(x, y)].symbol())).count();
        let tick = (0..60u16).map(|x| (0..12).filter(|&y| buf[(x, y)].symbol() == "╎").count()).max();
        ((0..60).map(dots).max(), tick)
    };
    let (joined, none) = column(jump());
    assert!(joined >= Some(8) && none == Some(0), "an upright line without a change: {joined:?} {none:?}");
    let (apart, tick) = column(Curve { breaks: vec![50.0], front: true, ..jump() });
    assert!(apart <= Some(4) && tick >= Some(8), "a tick instead of it: {apart:?} {tick:?}");
}
