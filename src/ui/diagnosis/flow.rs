//! The change of the gradient on its way from the last layer to the first, and one word for it. The gradient map, the
//! status line and the line-by-line lab all use this word. Draws nothing.

use crate::number::LayerNumber;
use crate::telemetry::LayerMeasure;
use crate::ui::widget::scale::number;

/// If its gradient is below this share of another layer's gradient, a gradient has vanished ...
const VANISHED: f32 = 1e-6;
/// ... and below this, it is vanishing.
const VANISHING: f32 = 1e-3;
/// A gradient explodes above this many times another layer's gradient, or above this norm.
const EXPLODING: f32 = 1e3;
/// It is even up to this many times another layer's gradient, in either direction.
const EVEN: f32 = 10.0;

/// The change of the gradient on its way to the first layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowChange {
    /// A norm is not finite.
    Exploded,
    /// Every norm is zero.
    Nothing,
    /// A norm is very large, or grows very much towards the input.
    Exploding,
    /// Almost no gradient reaches the first layer.
    Vanished,
    /// Little gradient reaches the first layer.
    Vanishing,
    /// The first and the last layer get much the same.
    Even,
    /// None of this: they differ, but no more than in many networks that train well.
    Uneven,
}

impl FlowChange {
    /// The word as text.
    pub fn text(self) -> &'static str {
        match self {
            Self::Exploded => "exploded",
            Self::Nothing => "no gradient",
            Self::Exploding => "exploding",
            Self::Vanished => "vanished",
            Self::Vanishing => "vanishing",
            Self::Even => "even",
            Self::Uneven => "uneven",
        }
    }

    /// The word for one layer's norm relative to the greatest norm; `None` if it is not remarkable.
    pub fn of_layer(norm: f32, greatest: f32) -> Option<Self> {
        match norm {
            g if !g.is_finite() => Some(Self::Exploded),
            g if g > EXPLODING => Some(Self::Exploding),
            g if g <= greatest * VANISHED => Some(Self::Vanished),
            g if g < greatest * VANISHING => Some(Self::Vanishing),
            _ => None,
        }
    }
}

/// A layer by its number from 1, and the norm of its gradient.
type LayerGradient = (usize, f32);

/// The gradient norms of the layers with parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flow {
    first: LayerGradient,
    last: LayerGradient,
    greatest: LayerGradient,
    /// The word for their change.
    pub word: FlowChange,
}

impl Flow {
    /// The flow through these layers, input side first; `None` if none of them has parameters.
    pub fn of(layers: &[LayerMeasure]) -> Option<Self> {
        let norms = || layers.iter().filter_map(|l| Some((l.layer + 1, l.get(LayerNumber::GradNorm)?)));
        let (first, last) = (norms().next()?, norms().next_back()?);
        let greatest = norms().reduce(|a, b| if b.1 > a.1 { b } else { a })?;
        let ratio = first.1 / last.1;
        let word = if norms().any(|n| !n.1.is_finite()) {
            FlowChange::Exploded
        } else if greatest.1 == 0.0 {
            FlowChange::Nothing
        } else if greatest.1 > EXPLODING || ratio > EXPLODING {
            FlowChange::Exploding
        } else if ratio < VANISHED {
            FlowChange::Vanished
        } else if ratio < VANISHING {
            FlowChange::Vanishing
        } else if (1.0 / EVEN..=EVEN).contains(&ratio) {
            FlowChange::Even
        } else {
            FlowChange::Uneven
        };
        Some(Self { first, last, greatest, word })
    }

    /// The first layer's norm over the last layer's; `None` if that is NaN.
    pub fn ratio(&self) -> Option<f32> {
        Some(self.first.1 / self.last.1).filter(|r| r.is_finite())
    }

    /// The change in a sentence that begins with the word; `None` if there is only one layer and its norm is normal.
    pub fn sentence(&self) -> Option<String> {
        Some(format!("{}: {}", self.word.text(), self.fact()?))
    }

    /// The same sentence without the word.
    pub fn fact(&self) -> Option<String> {
        let ((from, a), (to, b), (most, norm)) = (self.first, self.last, self.greatest);
        let number = |v: f32| number(f64::from(v));
        let alone = from == to;
        let what = match self.word {
            FlowChange::Exploded => "it is not finite any more".into(),
            FlowChange::Nothing => "that of every layer is zero".into(),
            FlowChange::Exploding if a / b > EXPLODING && b > 0.0 => {
                format!("layer {from} gets {} times layer {to}'s gradient", number(a / b))
            }
            FlowChange::Exploding => format!("the gradient of layer {most} has the norm {}", number(norm)),
            _ if alone => return None,
            FlowChange::Vanished | FlowChange::Vanishing => {
                format!("layer {from} gets {} of layer {to}'s gradient", number(a / b))
            }
            FlowChange::Even | FlowChange::Uneven => {
                format!("layer {from} gets {} times layer {to}'s gradient", number(a / b))
            }
        };
        Some(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(norms: &[f32]) -> Flow {
        let layer = |(layer, norm): (usize, &f32)| LayerMeasure::of(layer).with(LayerNumber::GradNorm, *norm);
        Flow::of(&norms.iter().enumerate().map(layer).collect::<Vec<_>>()).expect("layers")
    }

    #[test]
    fn the_sentence_says_the_word_and_its_reason() {
        for (norms, sentence) in [
            (&[3e-9, 1e-3, 0.1][..], "vanished: layer 1 gets 3e-8 of layer 3's gradient"),
            (&[0.0, 1e-3, 0.1], "vanished: layer 1 gets 0 of layer 3's gradient"),
            (&[1e-5, 0.1], "vanishing: layer 1 gets 1e-4 of layer 2's gradient"),
            (&[500.0, 0.01], "exploding: layer 1 gets 5e4 times layer 2's gradient"),
            (&[1.0, 5e6, 2e5], "exploding: the gradient of layer 2 has the norm 5e6"),
            (&[1.0, f32::NAN, 1.0], "exploded: it is not finite any more"),
            (&[0.0, 0.0], "no gradient: that of every layer is zero"),
            (&[0.05, 0.1], "even: layer 1 gets 0.5 times layer 2's gradient"),
            (&[12.0, 0.1], "uneven: layer 1 gets 120 times layer 2's gradient"),
        ] {
            assert_eq!(of(norms).sentence().as_deref(), Some(sentence));
        }
        assert_eq!(of(&[0.5]).sentence(), None);
        assert_eq!(Flow::of(&[]), None);
    }
}
