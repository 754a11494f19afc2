//! Text that a training program printed: lines that match a pattern such as `iter {step}: loss {loss}`.

use super::tail::{Tail, TailLine, hole};
use super::value::number;
use super::{LogReader, LogSink};
use regex::Regex;
use std::path::Path;
use std::sync::LazyLock;

/// Forms that are known without a pattern: the program that prints so, and its patterns.
pub const FORMS: [(&str, &[&str]); 10] = [
    ("nanoGPT", &["iter {step}: loss {loss},", "step {step}: train loss {train_loss}, val loss {val_loss}"]),
    (
        "fairseq",
        &[
            "loss={loss}, {}num_updates={step}, lr={lr}, gnorm={gnorm}, clip={clip},",
            "| valid |{}| loss {valid_loss} |{}num_updates {step}",
        ],
    ),
    (
        "fairseq, JSON",
        &[
            "\"loss\": \"{loss}\"{}\"num_updates\": \"{step}\", \"lr\": \"{lr}\", \"gnorm\": \"{gnorm}\", \"clip\": \"{clip}\"",
            "\"valid_loss\": \"{valid_loss}\"{}\"valid_num_updates\": \"{step}\"",
        ],
    ),
    (
        "Megatron-LM",
        &[
            "iteration {step}/{}learning rate: {learning_rate} |{}lm loss: {lm_loss} |{}grad norm: {grad_norm} |",
        ],
    ),
    ("MMEngine", &["Epoch(train) [{epoch}][{step}/{}] lr: {lr} {}grad_norm: {grad_norm} loss: {loss}"]),
    ("torchtitan", &["step: {step} loss: {loss} grad_norm: {grad_norm}"]),
    (
        "Hugging Face's Trainer",
        &[
            "'loss': '{loss}', 'grad_norm': '{grad_norm}', 'learning_rate': '{learning_rate}'",
            "'eval_loss': '{eval_loss}', 'eval_runtime': '{eval_runtime}', 'eval_samples_per_second': '{eval_samples_per_second}', 'eval_steps_per_second': '{eval_steps_per_second}'",
            "'train_runtime': '{train_runtime}', 'train_samples_per_second': '{train_samples_per_second}', 'train_steps_per_second': '{train_steps_per_second}', 'train_loss': '{train_loss}'",
        ],
    ),
    (
        "Keras",
        &[
            "accuracy: {accuracy} - loss: {loss} - val_accuracy: {val_accuracy} - val_loss: {val_loss}",
            "step - loss: {loss} - val_loss: {val_loss}",
        ],
    ),
    ("Composer's FileLogger", &["[metric][batch={step}]: {*}: {value}"]),
    ("a line of step and loss", &["step{}{step}{}loss{}{loss}"]),
];

/// A pattern, compiled.
#[derive(Debug)]
pub struct Pattern {
    regex: Regex,
    names: Vec<String>,
    /// Whether `{step}` counts within an epoch and is followed by the number of steps per epoch:
    /// `[{epoch}][{step}/{}]`.
    within: bool,
    matches: u64,
}

impl Pattern {
    /// Compiles a pattern: `{name}` is a number, `{}` matches anything, and a blank matches any number of blanks. `{*}`
    /// is the name of the series whose number is `{value}`.
    ///
    /// # Errors
    /// The reason why the text is not a pattern.
    pub fn new(text: &str) -> Result<Self, String> {
        const NUMBER: &str = r"([-+]?(?:(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|(?i:[-+]?(?:nan|inf(?:inity)?)))";
        let (mut regex, mut names, mut rest) = (String::new(), Vec::new(), text);
        let within = text.contains("[{epoch}][{step}/{}]");
        while let Some(c) = rest.chars().next() {
            if let Some(inside) = rest.strip_prefix('{')
                && let Some((name, after)) = inside.split_once('}')
                && name.chars().all(|c| c.is_alphanumeric() || "_-./ *".contains(c))
            {
                if name.is_empty() && within && regex.ends_with('/') && !names.contains(&String::from("/")) {
                    names.push("/".into());
                    regex.push_str("([0-9]+)");
                } else if name.is_empty() {
                    regex.push_str(".*?");
                } else if name == "*" {
                    names.push(name.into());
                    regex.push_str(r"(\S+?)");
                } else {
                    names.push(name.into());
                    regex.push_str(NUMBER);
                }
                rest = after;
                continue;
            }
            let length = c.len_utf8();
            if c.is_whitespace() {
                let before = text[..text.len() - rest.len()].ends_with('}');
                rest = rest.trim_start();
                // Without a blank, one number would be read as two.
                regex.push_str(if before && rest.starts_with('{') { r"\s+" } else { r"\s*" });
                continue;
            }
            // A number may be padded: `step:  0`.
            if rest[length..].starts_with('{') && !rest[length..].starts_with("{}") && "=:/[(|".contains(c) {
                regex.push_str(&regex::escape(&rest[..length]));
                regex.push_str(r"\s*");
            } else {
                regex.push_str(&regex::escape(&rest[..length]));
            }
            rest = &rest[length..];
        }
        if !names.iter().any(|n| !["step", "epoch", "/", "*"].contains(&&n[..])) {
            return Err(format!(
                "--pattern {text}: it names no number; write {{loss}} where the loss stands, {{step}} where the step"
            ));
        }
        let regex = Regex::new(&regex).map_err(|e| format!("--pattern {text}: {e}"))?;
        Ok(Self { regex, names, within, matches: 0 })
    }

    /// Sends the numbers in a line; returns whether it matches.
    fn send(&mut self, line: &str, epoch: Option<f64>, out: &mut dyn LogSink) -> bool {
        let Some(found) = self.regex.captures(line) else { return false };
        let value = |i: usize| found.get(i + 1).and_then(|m| number(m.as_str()));
        let named = |name: &str| self.names.iter().position(|n| n == name).and_then(value);
        let mut step = named("step").or(epoch).or_else(|| named("epoch")).unwrap_or(self.matches as f64);
        if self.within
            && let (Some(epoch), Some(of)) = (named("epoch"), named("/"))
        {
            step += (epoch - 1.0) * of;
        }
        self.matches += 1;
        let series = self.names.iter().position(|n| n == "*").and_then(|i| found.get(i + 1));
        let numbers = self.names.iter().enumerate().filter(|(_, n)| !["step", "/", "*"].contains(&&n[..]));
        for (i, name) in numbers {
            let name = series.filter(|_| name == "value").map_or(&name[..], |m| m.as_str());
            if let Some(x) = value(i) {
                out.point(name, step, x);
            }
        }
        true
    }
}

/// The reader of a text that may grow.
#[derive(Debug)]
pub struct TextReader {
    tail: Tail,
    patterns: Vec<Pattern>,
    /// The epoch of the last line that states only an epoch, as Keras prints it.
    epoch: Option<f64>,
    any: bool,
}

impl TextReader {
    /// A reader of this file, with the given patterns, or with those of the known form that fits its head.
    ///
    /// # Errors
    /// If a pattern is invalid, or no known form fits.
    pub fn new(path: &Path, patterns: &[String], head: &str) -> Result<Self, String> {
        let compiled = |texts: &[&str]| texts.iter().map(|t| Pattern::new(t)).collect::<Result<Vec<_>, _>>();
        let patterns = if patterns.is_empty() {
            let mut fits = None;
            for (_, texts) in &FORMS {
                let mut tried = compiled(texts)?;
                let mut lines = head.lines().map(plain);
                if lines.any(|line| tried.iter_mut().any(|p| p.send(&line, None, &mut Nowhere))) {
                    fits = Some(compiled(texts)?);
                    break;
                }
            }
            fits.ok_or("no form of a log that is known; say how its lines read: --pattern 'iter {step}: loss {loss}'")?
        } else {
            patterns.iter().map(|text| Pattern::new(text)).collect::<Result<_, _>>()?
        };
        Ok(Self { tail: Tail::new(path), patterns, epoch: None, any: false })
    }
}

/// Ignores everything.
struct Nowhere;

impl LogSink for Nowhere {
    fn restart(&mut self) {}
    fn point(&mut self, _: &str, _: f64, _: f64) {}
    fn null(&mut self, _: &str, _: f64) {}
    fn norm(&mut self, _: &str, _: f64, _: f64, _: bool) {}
    fn remark(&mut self, _: String) {}
}

/// A line as a terminal would show it: without colours, and after backspaces and carriage returns took effect.
pub fn plain(line: &str) -> String {
    static ESCAPE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new("\x1b\\[[0-9;?]*[A-Za-z]|\x1b\\][^\x07]*\x07").expect("a pattern of our own")
    });
    let line = ESCAPE.replace_all(line, "");
    let line = line.rsplit('\r').find(|part| !part.trim().is_empty()).unwrap_or_default();
    if !line.contains('\x08') {
        return line.into();
    }
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        if c == '\x08' {
            out.pop();
        } else {
            out.push(c);
        }
    }
    out
}

/// Sends the numbers of a line.
fn send(patterns: &mut [Pattern], epoch: &mut Option<f64>, line: &[u8], out: &mut dyn LogSink) -> bool {
    static EPOCH: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^\s*Epoch ([0-9]+)/[0-9]+\s*$").expect("a pattern of our own"));
    let line = plain(&String::from_utf8_lossy(line));
    if let Some(found) = EPOCH.captures(&line) {
        *epoch = number(&found[1]);
    }
    // Several patterns may match parts of one line.
    let mut any = false;
    for pattern in patterns {
        any |= pattern.send(&line, *epoch, out);
    }
    any
}

impl LogReader for TextReader {
    fn read(&mut self, out: &mut dyn LogSink) -> Result<bool, String> {
        let Self { tail, patterns, epoch, any } = self;
        let more = tail.lines(|line| match line {
            TailLine::Hole(bytes) => out.remark(hole(bytes)),
            TailLine::Anew => {
                *epoch = None;
                for pattern in &mut *patterns {
                    pattern.matches = 0;
                }
                out.renew();
            }
            TailLine::Text(text) => *any |= send(patterns, epoch, text, out),
        });
        more.map_err(|e| e.to_string())
    }

    fn close(&mut self, out: &mut dyn LogSink) {
        let last = self.tail.last_line();
        self.any |= send(&mut self.patterns, &mut self.epoch, &last, out);
        if !self.any {
            out.remark("no line matches the pattern".into());
        }
    }
}
