//! The verdict of an attack on one sample, in the same words for screen and command line.

use super::{AttackConfig, AttackTask, Victim};

/// The verdict of an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttackVerdict {
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
pub struct AttackCase {
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

impl AttackCase {
    /// The verdict for these facts.
    pub fn verdict(self) -> AttackVerdict {
        let Self { before: Some(before), after: Some(after), label, target, blind } = self else {
            return AttackVerdict::NoPrediction;
        };
        match target {
            Some(target) if before == target => AttackVerdict::Already,
            None if label.is_some_and(|label| label != before) => AttackVerdict::WrongBefore,
            _ if after == before && blind => AttackVerdict::Blind,
            _ if after == before => AttackVerdict::Missed,
            Some(target) if after != target => AttackVerdict::Astray,
            _ => AttackVerdict::Fooled,
        }
    }
}

impl AttackVerdict {
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
pub fn blind(attack: &AttackConfig, victim: &mut Victim<'_>, task: &AttackTask<'_>) -> bool {
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
        let case = |before, after, label, target, blind| {
            AttackCase { before, after, label, target, blind }.verdict()
        };
        let (three, five, seven) = (Some(3), Some(5), Some(7));
        for (verdict, expected) in [
            (case(seven, three, seven, None, false), AttackVerdict::Fooled),
            (case(seven, three, None, None, false), AttackVerdict::Fooled),
            (case(seven, three, seven, three, false), AttackVerdict::Fooled),
            (case(seven, five, seven, three, false), AttackVerdict::Astray),
            (case(seven, seven, seven, None, false), AttackVerdict::Missed),
            (case(seven, seven, seven, three, false), AttackVerdict::Missed),
            (case(three, three, seven, three, false), AttackVerdict::Already),
            (case(three, five, seven, None, false), AttackVerdict::WrongBefore),
            (case(three, three, seven, None, true), AttackVerdict::WrongBefore),
            (case(seven, seven, seven, None, true), AttackVerdict::Blind),
            (case(seven, seven, seven, three, true), AttackVerdict::Blind),
            (case(None, three, seven, None, false), AttackVerdict::NoPrediction),
            (case(seven, None, seven, None, true), AttackVerdict::NoPrediction),
        ] {
            assert_eq!(verdict, expected);
        }
    }
}
