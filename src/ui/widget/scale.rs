//! Axes: the position of a number between two ends, the numbers written beside the axis, and their format. Draws
//! nothing.

use crate::ui::theme::Glyphs;

/// A linear or logarithmic axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AxisScale {
    /// Its beginning, or the base-10 logarithm of it if `log` is set.
    low: f64,
    /// Its end, above `low`; also a logarithm if `log` is set.
    high: f64,
    log: bool,
}

/// On a linear axis, absolute values below this count as 0.
const TINY: f64 = 1e-290;
/// The smallest logarithm that is distinguished.
const LEAST: f64 = -300.0;

impl AxisScale {
    /// An axis that begins and ends at round numbers around `low..=high`, so that it rarely changes while values grow.
    /// Ends that are not finite, in the wrong order or equal still give an axis.
    pub fn fit(low: f64, high: f64, log: bool) -> Self {
        let (low, high) = match (low.is_finite(), high.is_finite()) {
            (true, true) => (low.min(high), low.max(high)),
            (true, false) => (low, low),
            (false, true) => (high, high),
            (false, false) => (if log { 0.1 } else { 0.0 }, 1.0),
        };
        if log {
            let (low, high) = if high > 0.0 { (low, high) } else { (0.1, 1.0) };
            let (low, high) = (Self::log10(low), Self::log10(high));
            let grain = if high - low > 4.0 { 1.0 } else { 0.25 };
            let (mut a, mut b) = ((low / grain).floor() * grain, (high / grain).ceil() * grain);
            if b - a < 0.5 {
                (a, b) = (a - 0.25, b + 0.25);
            }
            return Self { low: a, high: b, log };
        }
        // Halving keeps the difference of the greatest numbers finite.
        let span = high / 2.0 - low / 2.0;
        let size = high.abs().max(low.abs());
        if span <= size * 1e-9 || size < TINY {
            let margin = if size >= TINY { size * 0.1 } else { 1.0 };
            return Self { low: (low - margin).max(f64::MIN), high: (high + margin).min(f64::MAX), log };
        }
        let grain = step(span * 2.0_f64.min(f64::MAX / span), 8).max(f64::MIN_POSITIVE);
        let low_round = (low / grain).floor() * grain;
        let high_round = (high / grain).ceil() * grain;
        let keep = |v: f64, or: f64| if v.is_finite() { v } else { or };
        Self { low: keep(low_round, low), high: keep(high_round, high), log }
    }

    /// An axis from 0 to a round number not far above `end`: it grows in steps and never scrolls.
    pub fn whole(end: f64) -> Self {
        Self { low: 0.0, high: round_up(end), log: false }
    }

    /// A linear axis between these ends.
    pub fn between(low: f64, high: f64) -> Self {
        if high > low { Self { low, high, log: false } } else { Self { low, high: low + 1.0, log: false } }
    }

    fn log10(v: f64) -> f64 {
        if v > 0.0 { libm::log10(v).max(LEAST) } else { LEAST }
    }

    /// Whether it is logarithmic.
    pub fn is_log(self) -> bool {
        self.log
    }

    /// The number in which the axis is linear: the number itself, or its logarithm.
    pub fn inner(self, v: f64) -> f64 {
        if self.log { Self::log10(v) } else { v }
    }

    /// The position of such a number: 0 at the beginning, 1 at the end, beyond these outside.
    pub fn place(self, inner: f64) -> f64 {
        (inner / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0)
    }

    /// The position of a number, `None` if it is not finite.
    pub fn at(self, v: f64) -> Option<f64> {
        v.is_finite().then(|| self.place(self.inner(v)))
    }

    /// The number at a position.
    pub fn value(self, place: f64) -> f64 {
        let inner = self.low * (1.0 - place) + self.high * place;
        if self.log { libm::pow(10.0, inner) } else { inner }
    }

    /// At most `most` round numbers on the axis with their labels, from its beginning on.
    pub fn ticks(self, most: usize) -> Vec<(f64, String)> {
        if most == 0 {
            return Vec::new();
        }
        if !self.log {
            return linear_ticks(self.low, self.high, most);
        }
        let (first, last) = (self.low.ceil() as i32, self.high.floor() as i32);
        let decades = (last - first + 1).max(0) as usize;
        if decades >= 2 || (decades == 1 && most == 1) {
            let least = decades.div_ceil(most).max(1);
            let steps = [1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 300];
            let found = steps.iter().position(|e| *e >= least).unwrap_or(steps.len());
            let ticks = |every: usize| -> Vec<i32> {
                (first..=last.min(f64::MAX_10_EXP)).filter(|d| d.rem_euclid(every as i32) == 0).collect()
            };
            // A single tick shows no scale; closer ones are tried as long as they fit.
            let usual = ticks(steps.get(found).copied().unwrap_or(least));
            let mut closer = steps[..found].iter().rev().map(|every| ticks(*every));
            let closer = closer.find(|t| (2..=most).contains(&t.len()));
            let ticks = if usual.len() < 2 { closer.unwrap_or(usual) } else { usual };
            return ticks.into_iter().map(|d| (10f64.powi(d), number(10f64.powi(d)))).collect();
        }
        // Less than two whole decades: 1, 2 and 5 in each.
        let mut ticks = Vec::new();
        for d in (first - 1)..=(last + 1) {
            for m in [1.0, 2.0, 5.0] {
                let v = m * 10f64.powi(d);
                let inside = (-1e-9..=1.0 + 1e-9).contains(&self.place(Self::log10(v)));
                if inside && v >= 10f64.powi(LEAST as i32) {
                    ticks.push((v, number(v)));
                }
            }
        }
        if ticks.len() < 2 && most >= 2 {
            ticks = linear_ticks(libm::pow(10.0, self.low), libm::pow(10.0, self.high), most);
        }
        let every = ticks.len().div_ceil(most).max(1);
        ticks.into_iter().step_by(every).collect()
    }
}

fn linear_ticks(low: f64, high: f64, most: usize) -> Vec<(f64, String)> {
    let span = high / 2.0 - low / 2.0;
    let span = span * 2.0_f64.min(f64::MAX / span);
    let largest = low.abs().max(high.abs());
    let least = if most >= 2 { 1.0 } else { 0.0 };
    // This many gaps have one tick more; if no round number falls into a wide gap, finer gaps are tried.
    for gaps in most.saturating_sub(1).max(1)..most + 4 {
        let step = step(span, gaps);
        let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
        if !step.is_finite() || step <= 0.0 || last - first < least {
            continue;
        }
        let count = (last - first).min(most as f64) as usize;
        let ticks = (0..=count).map(|i| (first + i as f64) * step).filter(|v| v.is_finite());
        return ticks.take(most).map(|v| (v, tick_label(v, step, largest))).collect();
    }
    vec![(low, number(low))]
}

/// 1, 2 or 5 times a power of ten, so that at most about `most` of them cover `span`.
fn step(span: f64, most: usize) -> f64 {
    let rough = span / most.max(1) as f64;
    if rough.is_nan() || rough <= 0.0 {
        return f64::MIN_POSITIVE;
    }
    let power = libm::pow(10.0, libm::log10(rough).floor());
    [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= rough * (1.0 - 1e-9)).unwrap_or(rough)
}

/// The smallest of a few round numbers per decade that is not below `v`; for 0 and invalid values, 1.
fn round_up(v: f64) -> f64 {
    if !(v.is_finite() && v > 0.0) {
        return 1.0;
    }
    let power = libm::pow(10.0, libm::log10(v).floor());
    let ends = [1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    ends.map(|m| m * power).into_iter().find(|end| *end >= v * (1.0 - 1e-9) && *end > 0.0).unwrap_or(v)
}

/// The label of a tick, on an axis whose ticks are `step` apart and reach `largest`: with as many digits as are needed
/// to distinguish neighbours.
fn tick_label(v: f64, step: f64, largest: f64) -> String {
    if v == 0.0 || v.abs() < step * 1e-6 {
        return "0".into();
    }
    if (1e-4..1e5).contains(&largest) && step >= 1e-5 {
        let decimals = (-(libm::log10(step) + 1e-9).floor()).max(0.0) as usize;
        return format!("{v:.decimals$}");
    }
    let digits = (libm::log10(largest).floor() - libm::log10(step).floor()).clamp(0.0, 4.0) as usize;
    scientific(v, digits)
}

fn scientific(v: f64, digits: usize) -> String {
    let text = format!("{v:.digits$e}");
    match text.split_once('e') {
        Some((m, e)) if m.contains('.') => {
            format!("{}e{e}", m.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

/// A number in at most about eight characters: `0`, `0.125`, `12.5`, `1240`, `2.010e11`, `3.2e-8`, `nan`, `inf`.
pub fn number(v: f64) -> String {
    if v.is_nan() {
        return "nan".into();
    }
    if v.is_infinite() {
        return if v > 0.0 { "inf" } else { "-inf" }.into();
    }
    if v == 0.0 {
        return "0".into();
    }
    let size = v.abs();
    if size >= 9999.5 {
        // A round number is short; any other has the digits that distinguish it from its neighbours.
        let round = scientific(v, 1);
        let exact = round.parse::<f64>().is_ok_and(|r| (r - v).abs() <= 1e-6 * size);
        return if exact { round } else { format!("{v:.3e}") };
    }
    if size < 0.00995 {
        return scientific(v, 1);
    }
    let decimals = match size {
        s if s < 0.0995 => 4,
        s if s < 9.995 => 3,
        s if s < 99.95 => 2,
        s if s < 999.5 => 1,
        _ => 0,
    };
    trimmed(v, decimals)
}

/// A number with at most this many decimals, without trailing zeros.
fn trimmed(v: f64, decimals: usize) -> String {
    let text = format!("{v:.decimals$}");
    if decimals == 0 { text } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
}

/// A number in at most `room` columns: as [`number`] writes it, or rounded to fewer digits, in the closest form that
/// fits; if none fits, the mark for omitted text. Never the beginning of a longer number.
pub fn fitted(v: f64, room: usize, glyphs: Glyphs) -> String {
    let usual = number(v);
    if usual.len() <= room {
        return usual;
    }
    let fixed = (0..4).map(|decimals| trimmed(v, decimals));
    let rounded = fixed.filter(|_| v.abs() < 1e15).chain((0..3).map(|digits| scientific(v, digits)));
    // A text that rounds to zero does not count.
    let fits = |text: &String| text.len() <= room && text.parse::<f64>().is_ok_and(|r| r != 0.0);
    let off = |text: &String| text.parse::<f64>().map_or(f64::INFINITY, |r| (r - v).abs());
    let nearest = rounded.filter(|_| v.is_finite()).filter(fits).min_by(|a, b| off(a).total_cmp(&off(b)));
    nearest.unwrap_or_else(|| if room == 0 { String::new() } else { glyphs.left_out().into() })
}

/// A share in percent, in at most `room` columns: `61%`; `2e13%` for a value that is not a share, or the mark for
/// omitted text.
pub fn share(v: f64, room: usize, glyphs: Glyphs) -> String {
    let usual = format!("{:.0}%", 100.0 * v);
    match room.checked_sub(1) {
        _ if !v.is_finite() => fitted(v, room, glyphs),
        _ if usual.len() <= room => usual,
        Some(left) => format!("{}%", fitted(100.0 * v, left, glyphs)),
        None => String::new(),
    }
}

/// A count in few characters: `950`, `1,240`, `12k`, `1.5M`.
pub fn count(v: f64) -> String {
    let short = |v: f64, unit: &str| {
        let text = format!("{v:.1}");
        format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
    };
    match v.abs() {
        s if s >= 1e15 || !s.is_finite() => number(v),
        s if s >= 1e9 => short(v / 1e9, "G"),
        s if s >= 1e6 => short(v / 1e6, "M"),
        s if s >= 1e4 => short(v / 1e3, "k"),
        s if s >= 1e3 => format!("{},{:03}", v.trunc() as i64 / 1000, v.abs().trunc() as i64 % 1000),
        s if s == s.trunc() => format!("{v:.0}"),
        _ => number(v),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::test_runner::{Config, RngSeed, TestRunner};

    fn labels(low: f64, high: f64, log: bool, most: usize) -> Vec<String> {
        AxisScale::fit(low, high, log).ticks(most).into_iter().map(|t| t.1).collect()
    }

    #[test]
    fn a_log_axis_is_labelled_by_decades() {
        assert_eq!(labels(1e-6, 1.0, true, 7), ["1e-6", "1e-5", "1e-4", "1e-3", "0.01", "0.1", "1"]);
        assert_eq!(labels(1e-6, 1.0, true, 4), ["1e-6", "1e-4", "0.01", "1"]);
        assert_eq!(labels(0.3, 2.3, true, 6), ["0.2", "0.5", "1", "2"]);
        assert_eq!(labels(1e-300, 1e300, true, 3), ["1e-300", "1", "1e300"]);
    }

    #[test]
    fn a_linear_axis_is_labelled_by_round_numbers() {
        assert_eq!(labels(0.0, 1.0, false, 5), ["0", "0.5", "1.0"]);
        assert_eq!(labels(-3.0, 3.0, false, 4), ["-2", "0", "2"]);
        assert_eq!(labels(0.99901, 0.99952, false, 3), ["0.9990", "0.9995"]);
    }

    #[test]
    fn whatever_the_ends_every_axis_has_places_and_ticks() {
        let odd = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            1e300,
            -1e300,
            1e-300,
            -1e-300,
            5e-324,
            f64::MAX,
            f64::MIN,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            1.0 + 1e-12,
        ];
        for low in odd {
            for high in odd {
                for log in [false, true] {
                    let scale = AxisScale::fit(low, high, log);
                    for v in odd {
                        assert!(scale.at(v).is_none_or(|p| !p.is_nan()), "{low:e} {high:e} {log} {v:e}");
                    }
                    for most in [0, 1, 2, 5, 20] {
                        let ticks = scale.ticks(most);
                        assert!(ticks.len() <= most.max(1), "{low:e} {high:e} {most}: {ticks:?}");
                        for (v, label) in ticks {
                            assert!(label.len() <= 12, "{low:e} {high:e} {log}: {label}");
                            let place = scale.at(v).expect("a tick is finite");
                            assert!((-0.01..=1.01).contains(&place), "{low:e} {high:e} {log} {v:e} {place}");
                        }
                    }
                }
            }
        }
        assert_eq!(labels(1e300, 1e300, true, 3), ["1e300", "1.5e300"]);
    }

    #[test]
    fn the_whole_axis_grows_by_leaps() {
        let ends: Vec<f64> =
            [0.0, 1.0, 3.5, 99.0, 100.0, 101.0, 2500.0].map(|e| AxisScale::whole(e).value(1.0)).into();
        assert_eq!(ends, [1.0, 1.0, 4.0, 100.0, 100.0, 120.0, 2500.0]);
    }

    #[test]
    fn numbers_are_short() {
        let texts = [0.0, 0.125, 12.5, 1240.0, 3.24e-8, 1e300, -0.5, 0.00123, 99999.0].map(number);
        assert_eq!(texts, ["0", "0.125", "12.5", "1240", "3.2e-8", "1e300", "-0.5", "1.2e-3", "1.000e5"]);
        assert_eq!([950.0, 1240.0, 12_000.0, 1.5e6].map(count), ["950", "1,240", "12k", "1.5M"]);
        assert_eq!((number(f64::NAN), number(f64::NEG_INFINITY)), ("nan".into(), "-inf".into()));
    }

    /// Half a unit of the last digit in the text of a number.
    fn half_a_digit(text: &str) -> f64 {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let decimals = mantissa.split_once('.').map_or(0, |(_, d)| d.len()) as i32;
        0.5 * 10f64.powi(exponent.parse::<i32>().unwrap() - decimals)
    }

    fn at_every_width_it_is_right(v: f64) {
        for room in 0..=20 {
            let text = fitted(v, room, Glyphs::Unicode);
            assert!(text.chars().count() <= room, "{v:e} in {room}: {text}");
            match &text[..] {
                "" => assert_eq!(room, 0),
                "…" => assert!(room < 7 && (v != 0.0), "{v:e} in {room}"),
                "nan" => assert!(v.is_nan()),
                "inf" | "-inf" => assert!(v.is_infinite() && text.starts_with('-') == (v < 0.0)),
                _ => {
                    let shown: f64 = text.parse().unwrap();
                    let most = half_a_digit(&text) * (1.0 + 1e-9) + 1e-12 * v.abs();
                    assert!((shown - v).abs() <= most, "{v:e} in {room}: {text}");
                    assert!((shown == 0.0) == (v == 0.0), "{v:e} in {room}: {text}");
                }
            }
            assert_eq!(text == number(v), number(v).len() <= room, "shortened only if need be");
        }
    }

    #[test]
    fn at_every_width_a_number_is_right_in_the_digits_shown_or_left_out() {
        for v in [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 5e-324, 1e308] {
            at_every_width_it_is_right(v);
        }
        for exponent in -300..=307 {
            at_every_width_it_is_right(libm::pow(10.0, f64::from(exponent)) * 9.9999);
        }
        let seed = RngSeed::Fixed(7);
        let config = Config { cases: 2400, failure_persistence: None, rng_seed: seed, ..Config::default() };
        let right = TestRunner::new(config).run(&(1.0..10.0f64, -300..=307i32), |(mantissa, exponent)| {
            let v = mantissa * libm::pow(10.0, f64::from(exponent));
            [v, -v, f64::from(v as f32)].into_iter().for_each(at_every_width_it_is_right);
            Ok(())
        });
        right.unwrap_or_else(|error| panic!("{error}"));
        let widths = |v: f64| [1, 4, 5, 6, 7, 8].map(|room| fitted(v, room, Glyphs::Ascii));
        assert_eq!(widths(-5.9e-10), ["~", "~", "~", "-6e-10", "-6e-10", "-5.9e-10"]);
        assert_eq!(widths(-0.0953), ["~", "-0.1", "-0.1", "-0.095", "-0.0953", "-0.0953"]);
        assert_eq!(widths(201_000_012_345.0), ["~", "2e11", "2e11", "2e11", "2.01e11", "2.010e11"]);
    }
}
