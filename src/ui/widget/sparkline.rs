//! A curve in one line of text. Knows no colours.

use crate::ui::theme::Glyphs;

fn levels(glyphs: Glyphs) -> [char; 8] {
    match glyphs {
        Glyphs::Unicode => ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
        Glyphs::Ascii => ['_', '.', '-', '~', '=', '+', '*', '#'],
    }
}

/// The character for a height between 0, the bottom, and 1, the top.
fn level(place: f64, glyphs: Glyphs) -> char {
    levels(glyphs)[(place.clamp(0.0, 1.0) * 7.0).round() as usize]
}

/// Shares over time, oldest first, on all of `width` characters: 0 is at the bottom and 1 at the top, so that strips of
/// several lanes can be compared. Few measurements are stretched; of many, each character shows its newest one.
pub fn strip(values: &[f32], width: usize, glyphs: Glyphs) -> String {
    if values.is_empty() {
        return String::new();
    }
    let newest = |c: usize| values[(((c + 1) * values.len()).div_ceil(width)).clamp(1, values.len()) - 1];
    (0..width).map(newest).map(|v| if v.is_finite() { level(f64::from(v), glyphs) } else { ' ' }).collect()
}

/// The values, newest last, compressed into `width` characters: each shows the mean of its part, or a space if no value
/// in it is finite. With `log`, heights follow the logarithm (a value without a logarithm is at the bottom).
pub fn sparkline(values: impl Iterator<Item = f32>, width: usize, log: bool, glyphs: Glyphs) -> String {
    let values: Vec<f32> = values.collect();
    if width == 0 || values.is_empty() {
        return String::new();
    }
    let cells = width.min(values.len());
    let height = |v: f32| {
        let v = f64::from(v);
        if log { libm::log10(v.max(1e-45)) } else { v }
    };
    let means: Vec<Option<f64>> = (0..cells)
        .map(|c| {
            let share = &values[c * values.len() / cells..(c + 1) * values.len() / cells];
            let (sum, n) = share
                .iter()
                .filter(|v| v.is_finite())
                .fold((0.0, 0u32), |(sum, n), &v| (sum + height(v), n + 1));
            (n > 0).then(|| sum / f64::from(n))
        })
        .collect();
    let low = means.iter().flatten().copied().fold(f64::INFINITY, f64::min);
    let high = means.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
    let place = |v: f64| if high > low { (v - low) / (high - low) } else { 0.5 };
    means.into_iter().map(|m| m.map_or(' ', |v| level(place(v), glyphs))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(values: &[f32], width: usize, log: bool) -> String {
        sparkline(values.iter().copied(), width, log, Glyphs::Unicode)
    }

    #[test]
    fn it_rises_with_its_values_and_leaves_gaps() {
        assert_eq!(line(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 8, false), "▁▂▃▄▅▆▇█");
        assert_eq!(line(&[0.0, f32::NAN, 7.0], 8, false), "▁ █");
        assert_eq!(sparkline([0.0, 7.0].into_iter(), 5, false, Glyphs::Ascii), "_#");
    }

    #[test]
    fn a_log_line_shows_decades_as_equal_steps() {
        assert_eq!(line(&[1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0], 8, true), "▁▂▃▄▅▆▇█");
        assert_eq!(line(&[0.0, 1.0], 8, true), "▁█");
    }

    #[test]
    fn a_strip_has_a_fixed_scale_and_fills_its_width() {
        let strip = |values: &[f32], width| strip(values, width, Glyphs::Unicode);
        assert_eq!(strip(&[1.0, 0.5, 0.0], 6), "██▅▅▁▁");
        assert_eq!(strip(&[0.9, 0.9, 0.9], 3), "▇▇▇", "what stands still does not lie in the middle");
        assert_eq!(strip(&[0.0, 0.0, 0.0, 1.0], 2), "▁█", "the newest is there");
        assert_eq!(strip(&[f32::NAN, 7.0], 2), " █");
        assert_eq!((strip(&[], 5), strip(&[1.0], 0)), (String::new(), String::new()));
    }

    #[test]
    fn odd_input_is_drawn_too() {
        assert_eq!(line(&[], 8, false), "");
        assert_eq!(line(&[1.0; 4], 0, false), "");
        assert_eq!(line(&[3.0; 4], 8, true), "▅▅▅▅");
        assert_eq!(line(&[f32::INFINITY, f32::NAN], 2, false), "  ");
        assert_eq!(line(&[f32::MAX, -f32::MAX], 2, false), "█▁");
        assert_eq!(line(&vec![1.0; 1000], 7, false).chars().count(), 7);
    }
}
