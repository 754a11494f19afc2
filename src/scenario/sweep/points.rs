//! The values that a varied field takes: one row for each way to define them.

use crate::document::raw::Raw;
use crate::limits;
use crate::registry::{SettingValue as _, registry, settings};

/// Values of a field.
pub trait Points: std::fmt::Debug {
    /// All of them in order, written as in a scenario.
    fn all(&self) -> Vec<String>;
    /// One of them for a random number in [0, 1).
    fn draw(&self, u: f64) -> String;
    /// Whether they are computed, so that they may be rounded for a field of whole numbers.
    fn computed(&self) -> bool {
        true
    }
    /// Checks the settings together.
    ///
    /// # Errors
    /// The fault and its remedy.
    fn fits(&self) -> Result<(), String>;
}

settings! {
    /// the values as they are listed
    pub struct Values {
        /// the values, as the field has them: [0.1, 0.01], [Sgd(0.1), Adam(0.01)]
        list: Vec<Raw> = Vec::new();
    }
}

settings! {
    /// numbers between two ends, each the same factor greater than the one before
    pub struct Log {
        /// the first
        from: f64 = 1e-4, 1e-300..=1e300;
        /// the last
        to: f64 = 1.0, 1e-300..=1e300;
        /// how many
        count: usize = 9, 2..=limits::SWEEP_VALUES;
    }
}

settings! {
    /// numbers between two ends at the same distances
    pub struct Linear {
        /// the first
        from: f64 = 0.0;
        /// the last
        to: f64 = 1.0;
        /// how many
        count: usize = 5, 2..=limits::SWEEP_VALUES;
    }
}

registry! {
    /// Every way to define values.
    pub enum PointsConfig: dyn Points { Values(Values), Log(Log), Linear(Linear), }
}

impl Points for Values {
    fn all(&self) -> Vec<String> {
        self.list.iter().map(|raw| tidy(&raw.0)).collect()
    }
    fn draw(&self, u: f64) -> String {
        let at = (u * self.list.len() as f64) as usize;
        self.list.get(at).map(|raw| tidy(&raw.0)).unwrap_or_default()
    }
    fn computed(&self) -> bool {
        false
    }
    fn fits(&self) -> Result<(), String> {
        match self.list.len() {
            0 => Err("no values; write them such as Values([0.1, 0.01])".into()),
            n if n > limits::SWEEP_VALUES => {
                Err(format!("{n} values; a field takes {} at most", limits::SWEEP_VALUES))
            }
            _ => Ok(()),
        }
    }
}

impl Points for Log {
    fn all(&self) -> Vec<String> {
        (0..self.count).map(|i| self.draw(i as f64 / (self.count - 1) as f64)).collect()
    }
    fn draw(&self, u: f64) -> String {
        let (a, b) = (libm::log(self.from), libm::log(self.to));
        short(libm::exp(a + (b - a) * u)).text()
    }
    fn fits(&self) -> Result<(), String> {
        if self.from == self.to { Err("both ends are the same number".into()) } else { Ok(()) }
    }
}

impl Points for Linear {
    fn all(&self) -> Vec<String> {
        (0..self.count).map(|i| self.draw(i as f64 / (self.count - 1) as f64)).collect()
    }
    fn draw(&self, u: f64) -> String {
        short(self.from + (self.to - self.from) * u).text()
    }
    fn fits(&self) -> Result<(), String> {
        if self.from == self.to { Err("both ends are the same number".into()) } else { Ok(()) }
    }
}

/// The number with four significant digits: nobody tunes more finely, and tables stay readable.
fn short(x: f64) -> f64 {
    format!("{x:.3e}").parse().unwrap_or(x)
}

/// The value in a standard form: single spaces outside of texts, and numbers in one notation.
fn tidy(raw: &str) -> String {
    if let Ok(number) = raw.parse::<f64>() {
        return number.text();
    }
    if raw.contains(['"', '/']) {
        return raw.into();
    }
    raw.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_both_its_ends_and_readable_numbers() {
        let log = Log { from: 1e-4, to: 1.0, count: 9 };
        assert_eq!(
            log.all(),
            ["1e-4", "3.162e-4", "0.001", "0.003162", "0.01", "0.03162", "0.1", "0.3162", "1"]
        );
        assert_eq!(Linear { from: 0.0, to: 0.3, count: 4 }.all(), ["0", "0.1", "0.2", "0.3"]);
        assert_eq!(Log { from: 8.0, to: 128.0, count: 5 }.all(), ["8", "16", "32", "64", "128"]);
        assert_eq!(
            Values { list: vec![Raw("1e-3".into()), Raw("Adam( 0.1 )".into())] }.all(),
            ["0.001", "Adam( 0.1 )"]
        );
    }
}
