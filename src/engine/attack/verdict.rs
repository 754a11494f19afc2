//! The verdict of an attack on one sample, in the same words for screen and command line.

use super::{AttackConfig, Task, Victim};

/// The verdict of an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The prediction changed; with a target, it is the target.
    Fooled,
    /// The prediction changed, but not to the target.
    Astray,
    /// The prediction is the same as before.
    Missed,
    /// The prediction was the target before the attack.
    Already,
    /// The prediction was wrong before the attack.
    WrongBefore,
    /// The prediction is the same as before, and the gradient that the attack follows is zero or NaN. This does not
    /// show that the network is robust.
    Blind,
    /// An output is not a number.
    NoPrediction,
}

/// The facts that decide a verdict: class numbers, `None` if there is none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Case {
    /// The prediction before the attack.
    pub before: Option<u32>,
    /// The prediction after it.
    pub after: Option<u32>,
    /// The sample's true class.
    pub label: Option<u32>,
    /// The target class.
    pub target: Option<u32>,
    /// See [`blind`].
    pub blind: bool,
}

impl Case {
    /// The verdict for these facts.
    pub fn verdict(self) -> Verdict {
        let Self { before: Some(before), after: Some(after), label, target, blind } = self else {
            return Verdict::NoPrediction;
        };
        match target {
            Some(target) if before == target => Verdict::Already,
            None if label.is_some_and(|label| label != before) => Verdict::WrongBefore,
            _ if after == before && blind => Verdict::Blind,
            _ if after == before => Verdict::Missed,
            Some(target) if after != target => Verdict::Astray,
            _ => Verdict::Fooled,
        }
    }
}

impl Verdict {
    /// The verdict in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Fooled => "fooled",
            Self::Astray => "fooled, but not to the target",
            Self::Missed => "missed",
            Self::Already => "already that class",
            Self::WrongBefore => "wrong before the attack",
            Self::Blind => "no gradient: the attack is blind",
            Self::NoPrediction => "no prediction",
        }
    }
}

/// Whether the gradient that an attack follows is useless at the first sample of its task: all zero, or NaN.
pub fn blind(attack: &AttackConfig, victim: &mut Victim<'_>, task: &Task<'_>) -> bool {
    if attack.passes(victim.classes()) == 0 {
        // Noise follows no gradient.
        return false;
    }
    let size = victim.size();
    let (_, grad) = victim.loss_gradient(&task.x[..size], &task.classes[..1], 1.0);
    grad[..size].iter().all(|g| *g == 0.0 || g.is_nan())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_has_its_words() {
        let case =
            |before, after, label, target, blind| Case { before, after, label, target, blind }.verdict();
        let (three, five, seven) = (Some(3), Some(5), Some(7));
        for (verdict, expected) in [
            (case(seven, three, seven, None, false), Verdict::Fooled),
            (case(seven, three, None, None, false), Verdict::Fooled),
            (case(seven, three, seven, three, false), Verdict::Fooled),
            (case(seven, five, seven, three, false), Verdict::Astray),
            (case(seven, seven, seven, None, false), Verdict::Missed),
            (case(seven, seven, seven, three, false), Verdict::Missed),
            (case(three, three, seven, three, false), Verdict::Already),
            (case(three, five, seven, None, false), Verdict::WrongBefore),
            (case(three, three, seven, None, true), Verdict::WrongBefore),
            (case(seven, seven, seven, None, true), Verdict::Blind),
            (case(seven, seven, seven, three, true), Verdict::Blind),
            (case(None, three, seven, None, false), Verdict::NoPrediction),
            (case(seven, None, seven, None, true), Verdict::NoPrediction),
        ] {
            assert_eq!(verdict, expected);
        }
    }
}
