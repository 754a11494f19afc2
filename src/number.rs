//! Every number that is reported about a lane or one of its layers: one table row each; the arithmetic lies in a file
//! beside this one.
//!
//! Log, expectations, curves, bands, tables and exports walk these tables. To add a number, write a file with one
//! function of [`StepInputs`] (or of [`LayerSeen`]) and one row below. Knows arrays, no lane, no file and no screen.

use crate::engine::kernel;
use std::ops::Range;

mod agreement;
mod distance;
mod kurtosis;
mod noise_scale;
mod symmetry;

pub use noise_scale::PARTS;
#[cfg(test)]
mod tests;

/// How a number is drawn over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberAxis {
    /// Logarithmic, unless the user chooses otherwise.
    Log,
    /// Linear.
    Linear,
    /// A share in [0, 1].
    Share,
}

/// The source of a number, which also decides at which steps it exists.
#[derive(Clone, Copy, Debug)]
pub enum NumberSource {
    /// From every measured step.
    Step(fn(&mut StepInputs<'_>) -> Option<f64>),
    /// From the steps after which the validation samples are evaluated: it is too expensive for every measured step.
    Rare(fn(&mut StepInputs<'_>) -> Option<f64>),
    /// From an evaluation of the validation samples.
    Evaluation,
    /// From a measurement under attack: the part with this name.
    Attack(&'static str),
    /// From a probe that is computed only while the user looks at it: the name of the probe and of its part.
    Probe(&'static str, &'static str),
}

/// The aggregate over the steps between two measurements.
#[derive(Clone, Copy, Debug)]
pub enum Between {
    /// None: the value is that of the measured step alone.
    Newest,
    /// The least and the greatest of these values, kept beside the newest one.
    Range(fn(&StepResult) -> f64),
    /// The mean of these values.
    Mean(fn(&StepResult) -> f64),
}

/// How a number is written to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberFormat {
    /// With the digits of an f32.
    Single,
    /// With the digits of an f64.
    Double,
    /// As yes or no under this name: 1 or 0 for the step itself.
    Flag(&'static str),
    /// Not logged: it depends on more than the step, so a resumed run would not repeat it.
    Absent,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct NumberRow {
    /// Its name in the log and in expectations.
    pub key: &'static str,
    /// Its label above a plot.
    pub label: &'static str,
    /// The same label for terminals that have only ASCII.
    pub ascii: &'static str,
    /// Its meaning in one line.
    pub about: &'static str,
    /// Its unit; empty for shares, ratios and similar numbers.
    pub unit: &'static str,
    /// How it is drawn over time.
    pub axis: NumberAxis,
    /// The source of its values.
    pub source: NumberSource,
    /// Whether it exists only for lanes that clip.
    pub clip: bool,
    /// Whether several seeds give it a band.
    pub band: bool,
    /// The aggregate over the steps between two measurements.
    pub between: Between,
    /// How it is written to the log.
    pub form: NumberFormat,
}

impl NumberRow {
    const fn new(key: &'static str, label: &'static str, about: &'static str, source: NumberSource) -> Self {
        Self {
            key,
            label,
            ascii: label,
            about,
            unit: "",
            axis: NumberAxis::Log,
            source,
            clip: false,
            band: false,
            between: Between::Newest,
            form: NumberFormat::Single,
        }
    }
}

/// How a number of layers is written to the log: as a list of values, input side first, or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// Not logged.
    No,
    /// In every line, a value for each layer with parameters.
    Always,
    /// The same, but only in the lines that judge a lane and in those with an evaluation; in the other lines it would
    /// only make the log long.
    Marked,
    /// The same, with a value for each layer whose units can saturate.
    Units,
}

/// A row of the table of layers.
#[derive(Clone, Copy, Debug)]
pub struct LayerRow {
    /// Its name. In the log, the list of all layers' values is called `layer_` and this name, with an s if the number
    /// is a count.
    pub key: &'static str,
    /// Its label beside a layer.
    pub label: &'static str,
    /// Its meaning in one line.
    pub about: &'static str,
    /// How it is written to the log.
    pub log: Listed,
    /// Whether it costs passes over the weights, so that it is computed only where it is shown or logged.
    pub costly: bool,
    /// Its value; `None` for layers that have no such number.
    pub of: fn(&StepInputs<'_>, &LayerSeen) -> Option<f32>,
}

/// Declares an enum with one variant per row, and a dense array indexed by it.
macro_rules! table {
    ($(#[$meta:meta])* $name:ident, $row:ty, $dense:ident of $number:ty { $( $variant:ident => $value:expr, )* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "the row says it")]
        pub enum $name { $( $variant, )* }

        impl $name {
            /// All of them, in the order of the log; a key steps through them in the same order.
            pub const ALL: [Self; [$( stringify!($variant) ),*].len()] = [ $( Self::$variant, )* ];

            /// Its row.
            pub fn row(self) -> &'static $row {
                static ROWS: [$row; $name::ALL.len()] = [ $( $value, )* ];
                &ROWS[self as usize]
            }

            /// The number with this key.
            pub fn of_key(key: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|n| n.row().key == key)
            }
        }

        /// An optional value for each row.
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        pub struct $dense([Option<$number>; $name::ALL.len()]);

        impl $dense {
            /// The value; `None` if there is none. A diverged value is kept and is not finite.
            pub fn get(&self, number: $name) -> Option<$number> {
                self.0[number as usize]
            }

            /// Sets a value, or removes it with `None`.
            pub fn set(&mut self, number: $name, value: Option<$number>) {
                self.0[number as usize] = value;
            }

            /// A copy with one more value.
            #[must_use]
            pub fn with(mut self, number: $name, value: $number) -> Self {
                self.set(number, Some(value));
                self
            }

            /// All values that are set.
            pub fn iter(&self) -> impl Iterator<Item = ($name, $number)> + '_ {
                $name::ALL.into_iter().filter_map(|n| Some((n, self.get(n)?)))
            }
        }
    };
}

table! {
    /// A number with a curve for each lane.
    Number, NumberRow, NumberValues of f64 {
        Loss => NumberRow {
            between: Between::Range(|s| s.loss.into()), band: true,
            ..NumberRow::new("loss", "loss", "training loss of the last step", NumberSource::Step(|s| Some(s.step.loss.into())))
        },
        ValLoss => NumberRow {
            band: true,
            ..NumberRow::new("val_loss", "val loss",
                "validation loss, the same plain loss for all lanes", NumberSource::Evaluation)
        },
        ValOwnLoss => NumberRow::new("val_own_loss", "val own loss",
            "validation loss as the lane trains with it, where that is another", NumberSource::Evaluation),
        Accuracy => NumberRow {
            axis: NumberAxis::Share, band: true,
            ..NumberRow::new("accuracy", "accuracy", "share of right answers in the last batch",
                NumberSource::Step(|s| s.accuracy.map(f64::from)))
        },
        ValAccuracy => NumberRow {
            axis: NumberAxis::Share, band: true,
            ..NumberRow::new("val_accuracy", "val accuracy", "share of right answers in validation", NumberSource::Evaluation)
        },
        ValRecall => NumberRow {
            axis: NumberAxis::Share, band: true,
            ..NumberRow::new("val_recall", "least val recall",
                "share of right answers among the validation samples of the class that has the least", NumberSource::Evaluation)
        },
        ValPrecision => NumberRow {
            axis: NumberAxis::Share, band: true,
            ..NumberRow::new("val_precision", "least val precision",
                "share of right answers in validation, of the class that has the least", NumberSource::Evaluation)
        },
        ValMae => NumberRow::new("val_mae", "val abs. error",
            "mean absolute error in validation, in the unit of the data", NumberSource::Evaluation),
        ValRmse => NumberRow::new("val_rmse", "val error",
            "root of the mean squared error in validation, in the unit of the data", NumberSource::Evaluation),
        ValR2 => NumberRow {
            axis: NumberAxis::Linear,
            ..NumberRow::new("val_r2", "val R2",
                "R squared in validation: 1 is perfect, 0 as good as always the mean", NumberSource::Evaluation)
        },
        GradNorm => NumberRow {
            ascii: "|g|", band: true,
            ..NumberRow::new("grad_norm", "‖g‖", "gradient norm of the last step before clipping",
                NumberSource::Step(|s| Some(s.step.grad_norm.into())))
        },
        GradNormClipped => NumberRow {
            ascii: "|g| clipped", clip: true,
            ..NumberRow::new("grad_norm_clipped", "‖g‖ clipped", "gradient norm of the last step after clipping",
                NumberSource::Step(|s| Some(s.clipped_norm.into())))
        },
        ClipRate => NumberRow {
            axis: NumberAxis::Share, clip: true, form: NumberFormat::Flag("clipped"),
            between: Between::Mean(|s| f64::from(u8::from(s.clipped))),
            ..NumberRow::new("clip_rate", "clip rate", "share of the latest steps that were clipped",
                NumberSource::Step(|s| Some(f64::from(u8::from(s.step.clipped)))))
        },
        ClipShare => NumberRow {
            axis: NumberAxis::Share, clip: true,
            ..NumberRow::new("clip_share", "clip share", "share of all steps that were clipped",
                NumberSource::Step(|s| Some(s.clip_share.into())))
        },
        ClipAngle => NumberRow {
            ascii: "clip angle deg", unit: "degrees", axis: NumberAxis::Linear, clip: true,
            ..NumberRow::new("clip_angle", "clip angle °",
                "angle between the last gradient before and after clipping, in degrees",
                NumberSource::Step(|s| Some(s.clip_angle.into())))
        },
        UpdateRatio => NumberRow::new("update_ratio", "update:weight",
            "length of the last update over that of the parameters",
            NumberSource::Step(|s| Some(s.squares.update_ratio().into()))),
        Distance => NumberRow {
            ascii: "distance",
            ..NumberRow::new("distance", "‖θ-θ₀‖", "distance of the parameters from the initial ones",
                NumberSource::Step(distance::distance))
        },
        Agreement => NumberRow {
            axis: NumberAxis::Linear, form: NumberFormat::Absent,
            ..NumberRow::new("agreement", "cos(g,g')", "cosine between the last gradient and the one before it",
                NumberSource::Step(agreement::agreement))
        },
        NoiseScale => NumberRow {
            unit: "samples",
            ..NumberRow::new("noise_scale", "noise scale",
                "batch size at which the gradient's noise is as large as the gradient",
                NumberSource::Rare(noise_scale::noise_scale))
        },
        Sharpness => NumberRow::new("sharpness", "sharpness", "largest eigenvalue of the training loss's Hessian",
            NumberSource::Probe("sharpness", "value")),
        SharpnessLimit => NumberRow::new("sharpness_limit", "sharpness limit",
            "largest eigenvalue of the Hessian that the step can bear: 2/lr for plain gradient descent",
            NumberSource::Probe("sharpness", "limit")),
        Lr => NumberRow {
            form: NumberFormat::Double,
            ..NumberRow::new("lr", "learning rate", "learning rate of the last step", NumberSource::Step(|s| Some(s.step.lr)))
        },
        CleanAccuracy => NumberRow {
            axis: NumberAxis::Share,
            ..NumberRow::new("clean_accuracy", "clean accuracy", "share of right answers on the samples that are attacked",
                NumberSource::Attack("clean"))
        },
        NoiseAccuracy => NumberRow {
            axis: NumberAxis::Share,
            ..NumberRow::new("noise_accuracy", "noise accuracy",
                "the same under noise; `noise_accuracy@0.1` at that size", NumberSource::Attack("noise"))
        },
        FgsmAccuracy => NumberRow {
            axis: NumberAxis::Share,
            ..NumberRow::new("fgsm_accuracy", "FGSM accuracy", "the same under FGSM", NumberSource::Attack("fgsm"))
        },
        PgdAccuracy => NumberRow {
            axis: NumberAxis::Share,
            ..NumberRow::new("pgd_accuracy", "PGD accuracy", "the same under PGD", NumberSource::Attack("pgd"))
        },
    }
}

table! {
    /// A number of a layer.
    LayerNumber, LayerRow, LayerValues of f32 {
        GradNorm => LayerRow {
            key: "grad_norm", label: "‖g‖", about: "norm of the gradient of its parameters, before clipping",
            log: Listed::Always, costly: false, of: |_, l| l.params().map(|_| root(l.squares.gradient)),
        },
        WeightNorm => LayerRow {
            key: "weight_norm", label: "‖w‖", about: "norm of its parameters",
            log: Listed::Marked, costly: false, of: |_, l| l.params().map(|_| root(l.squares.params)),
        },
        UpdateRatio => LayerRow {
            key: "update_ratio", label: "update:weight", about: "length of the last update over that of its parameters",
            log: Listed::Marked, costly: false, of: |_, l| l.params().map(|_| l.squares.update_ratio()),
        },
        Saturated => LayerRow {
            key: "saturated", label: "saturated", about: "share of its outputs that are saturated, in the last batch",
            log: Listed::Units, costly: false, of: |_, l| l.saturated,
        },
        Silent => LayerRow {
            key: "silent", label: "silent", about: "share of its units that are flat for the whole last batch",
            log: Listed::Units, costly: false, of: |_, l| l.silent,
        },
        SignalNorm => LayerRow {
            key: "signal_norm", label: "‖∂L/∂a‖",
            about: "norm of the gradient of what the next layer with parameters is given",
            log: Listed::No, costly: false, of: |_, l| l.signal,
        },
        Kurtosis => LayerRow {
            key: "grad_kurtosis", label: "kurtosis", about: "kurtosis of its gradient: 3 for a normal distribution",
            log: Listed::No, costly: true, of: kurtosis::kurtosis,
        },
        Symmetry => LayerRow {
            key: "unit_distance", label: "unit distance",
            about: "least distance between the weights of two of its first 32 units, over their mean norm",
            log: Listed::Marked, costly: true, of: symmetry::symmetry,
        },
    }
}

impl Number {
    /// Whether attacks measure it, which only some scenarios ask for.
    pub fn attacked(self) -> bool {
        matches!(self.row().source, NumberSource::Attack(_))
    }

    /// Whether it is a share in [0, 1].
    pub fn is_share(self) -> bool {
        self.row().axis == NumberAxis::Share
    }

    /// The value with its shortest decimal digits: a loss of 0.6 is printed as 0.6, although no f32 equals 0.6.
    pub fn decimal(self, value: f64) -> f64 {
        if self.row().form == NumberFormat::Double { value } else { decimal(value as f32) }
    }
}

/// The number with its shortest decimal digits: an accuracy of 0.6 is printed as 0.6, although no f32 equals 0.6.
pub fn decimal(x: f32) -> f64 {
    x.to_string().parse().unwrap_or(f64::from(x))
}

/// A number with four decimals, or in the form 2.010e11 if four decimals would show too little or too much.
pub fn numeral(x: impl Into<f64>) -> String {
    let x = x.into();
    let plain = x == 0.0 || !x.is_finite() || (1e-3..1e6).contains(&x.abs());
    if plain { format!("{x:.4}") } else { format!("{x:.3e}") }
}

/// Numbers that every step yields, measured or not.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StepResult {
    /// Steps done, including this one.
    pub step: u64,
    /// Mean loss of the batch before the update, without the penalties on the weights.
    pub loss: f32,
    /// Norm of the gradient before clipping.
    pub grad_norm: f32,
    /// Whether the clip changed the gradient.
    pub clipped: bool,
    /// Learning rate.
    pub lr: f64,
}

/// The inputs from which the numbers of a measured step are computed.
pub struct StepInputs<'a> {
    /// The numbers of every step.
    pub step: StepResult,
    /// Share of right answers in its batch; `None` without classes.
    pub accuracy: Option<f32>,
    /// Norm of the gradient after clipping.
    pub clipped_norm: f32,
    /// Angle between the gradient before and after clipping, in degrees.
    pub clip_angle: f32,
    /// Share of all steps so far in which the clip changed the gradient.
    pub clip_share: f32,
    /// The gradient before clipping.
    pub gradient: &'a [f32],
    /// Squared norms over all parameters.
    pub squares: Squares,
    /// The parameters after the update.
    pub params: &'a [f32],
    /// The parameters before the first step; empty if they were not kept.
    pub initial: &'a [f32],
    /// The gradient of the step before, if it was kept.
    pub previous: Option<&'a [f32]>,
    /// Rows of the batch.
    pub rows: usize,
    /// Computes the gradient over a part of the batch; `None` if a batch's gradient is not the mean over its rows.
    pub part: Option<PartGradient<'a>>,
}

/// Writes the mean gradient over some rows of the batch, without penalties, at the parameters before the update.
pub type PartGradient<'a> = &'a mut dyn FnMut(Range<usize>, &mut [f32]);

/// Squared Euclidean norms, in f64 so that squares of finite numbers do not overflow.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Squares {
    /// Of the gradient before clipping.
    pub gradient: f64,
    /// Of the parameters after the update.
    pub params: f64,
    /// Of the update.
    pub update: f64,
}

impl Squares {
    fn update_ratio(self) -> f32 {
        ratio(root(self.update), root(self.params))
    }
}

impl std::ops::AddAssign for Squares {
    fn add_assign(&mut self, other: Self) {
        self.gradient += other.gradient;
        self.params += other.params;
        self.update += other.update;
    }
}

/// One layer at a measured step.
#[derive(Clone, Debug)]
pub struct LayerSeen {
    /// The range of its parameters.
    pub range: Range<usize>,
    /// Squared norms over its parameters.
    pub squares: Squares,
    /// The range of its first weight matrix, stored unit after unit, and the number of its units; `None` without a
    /// matrix.
    pub units: Option<(Range<usize>, usize)>,
    /// Share of saturated outputs; `None` for layers that cannot saturate.
    pub saturated: Option<f32>,
    /// Share of units whose gradient is zero for the whole batch.
    pub silent: Option<f32>,
    /// Norm of the gradient at the input of the next layer with parameters; `None` without parameters.
    pub signal: Option<f32>,
}

impl LayerSeen {
    /// The range of its parameters, if it has any.
    pub fn params(&self) -> Option<Range<usize>> {
        (!self.range.is_empty()).then(|| self.range.clone())
    }
}

/// The Euclidean norm, summed in f64 so that squares of finite numbers do not overflow.
pub fn norm(x: &[f32]) -> f32 {
    root(kernel::sum_sq_f64(x))
}

fn root(square: f64) -> f32 {
    square.sqrt() as f32
}

fn ratio(a: f32, b: f32) -> f32 {
    if a == 0.0 { 0.0 } else { a / b }
}
