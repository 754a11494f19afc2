//! A curve in one line of text. Knows no colours.

use crate::ui::theme::Glyphs;

/// The newest of `values` last, squeezed into `width` characters: the mean of each share of them, a blank where nothing in
/// it is finite. With `log`, heights follow the logarithm (a value that has none lies at the bottom).
pub fn sparkline(values: impl Iterator<Item = f32>, width: usize, log: bool, glyphs: Glyphs) -> String {
    let levels: &[char] = match glyphs {
        Glyphs::Unicode => &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
        Glyphs::Ascii => &['_', '.', '-', '~', '=', '+', '*', '#'],
    };
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
    let top = (levels.len() - 1) as f64;
    let level = |v: f64| {
        let t = if high > low { (v - low) / (high - low) } else { 0.5 };
        levels[(t * top).round() as usize]
    };
    means.into_iter().map(|m| m.map_or(' ', level)).collect()
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
    fn odd_input_is_drawn_too() {
        assert_eq!(line(&[], 8, false), "");
        assert_eq!(line(&[1.0; 4], 0, false), "");
        assert_eq!(line(&[3.0; 4], 8, true), "▅▅▅▅");
        assert_eq!(line(&[f32::INFINITY, f32::NAN], 2, false), "  ");
        assert_eq!(line(&[f32::MAX, -f32::MAX], 2, false), "█▁");
        assert_eq!(line(&vec![1.0; 1000], 7, false).chars().count(), 7);
    }
}
