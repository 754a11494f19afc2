//! The subject of a form, split into rows of text and built from them again. Knows the tables' fields, not their
//! meaning.

use super::row::FormRow;
use crate::engine::attack::AttackConfig;
use crate::engine::clip::ClipConfig;
use crate::engine::defence::DefenceConfig;
use crate::engine::init::InitConfig;
use crate::engine::layer::LayerConfig;
use crate::engine::loss::LossConfig;
use crate::engine::network::Network;
use crate::engine::optim::OptimizerConfig;
use crate::engine::robust::prediction::PredictionConfig;
use crate::engine::schedule::ScheduleConfig;
use crate::limits;
use crate::registry::{SettingValue as _, Settings};
use crate::scenario::fork::CARRY;
use crate::scenario::lesson::Predict;
use crate::scenario::{Carry, DataConfig, Recipe, Shape};
use crate::telemetry::LaneId;
use crate::ui::diagnosis::thousands;

/// A tensor of parameters, as needed to choose a weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorChoice {
    /// Its layer and its name.
    pub name: String,
    /// Numbers in it.
    pub len: usize,
    /// Numbers in a row of it.
    pub row: usize,
}

/// The edited settings.
#[derive(Clone, Debug, PartialEq)]
pub enum FormSubject {
    /// A lane: every change is trained from the next step on.
    Lane {
        /// Its index.
        id: LaneId,
        /// Its name.
        name: String,
        /// Its recipe.
        recipe: Box<Recipe>,
    },
    /// A new lane that is forked from another one.
    Fork {
        /// The letter of the other lane, and the step.
        from: (char, u64),
        /// The other lane's settings at that step.
        ground: Box<Recipe>,
        /// The part of its state to take over.
        carry: Carry,
        /// The new lane; its index is that of the other lane.
        lane: Box<FormSubject>,
    },
    /// A layer of the draft.
    Layer {
        /// Its path in the draft.
        path: Vec<usize>,
        /// The layer.
        layer: LayerConfig,
    },
    /// The initial weights of the draft.
    Init(InitConfig),
    /// The data: every change starts all lanes anew.
    Data(DataConfig),
    /// The weight under the microscope.
    Weight {
        /// The tensors that may contain it; there is at least one.
        tensors: Vec<TensorChoice>,
        /// Its index in the parameters.
        weight: usize,
    },
    /// An attack and its target class.
    Attack {
        /// The attack.
        attack: AttackConfig,
        /// The class to reach, for a targeted attack.
        target: Option<u32>,
        /// The names of the classes.
        classes: Vec<String>,
    },
    /// The path of a picture.
    Picture(String),
    /// The answer to the question of a lesson.
    Question {
        /// The question.
        question: Box<Predict>,
        /// The number of a choice from 1, or a number.
        guess: Option<f64>,
        /// The learner's reason.
        reason: String,
    },
}

/// The setting that lists a lane's layers.
const NETWORK: &str = "network";

/// The choice for no target.
const ANY: &str = "any other class";

/// The table rows and settings inside a lane's recipe, with their names in a scenario.
macro_rules! tables {
    ($recipe:expr, $see:expr) => {{
        let r = $recipe;
        $see(
            "optimizer",
            "how the weights move",
            r.optimizer.name(),
            OptimizerConfig::NAMES,
            r.optimizer.settings(),
        );
        $see(
            "schedule",
            "the learning rate over time",
            r.schedule.name(),
            ScheduleConfig::NAMES,
            r.schedule.settings(),
        );
        $see("clip", "what bounds the gradient", r.clip.name(), ClipConfig::NAMES, r.clip.settings());
        $see(
            "init",
            "initial weights; a change starts the lane anew",
            r.init.name(),
            InitConfig::NAMES,
            r.init.settings(),
        );
        $see(
            "loss",
            "what is minimised; a change starts the lane anew",
            r.loss.name(),
            LossConfig::NAMES,
            r.loss.settings(),
        );
        $see(
            "defence",
            "the defence against attacks in training",
            r.defence.name(),
            DefenceConfig::NAMES,
            r.defence.settings(),
        );
        $see(
            "prediction",
            "how the lane predicts in evaluations",
            r.prediction.name(),
            PredictionConfig::NAMES,
            r.prediction.settings(),
        );
    }};
}

/// Sets a row of a table by name, or a field of the present row.
macro_rules! set_table {
    ($place:expr, $table:ty, $field:expr, $text:expr) => {
        match $field {
            None => <$table>::all()
                .into_iter()
                .find(|t| t.name() == $text)
                .map(|t| $place = t)
                .ok_or_else(|| format!("there is no {}", $text)),
            Some(field) => $place.settings_mut().set(field, $text),
        }
    };
}

/// The index of a weight's tensor, and of the weight in it.
fn within(tensors: &[TensorChoice], weight: usize) -> (usize, usize) {
    let mut at = weight;
    for (i, tensor) in tensors.iter().enumerate() {
        if at < tensor.len {
            return (i, at);
        }
        at -= tensor.len;
    }
    (0, 0)
}

/// Whether a layer can be exchanged for another one without other changes: it has no parameters and keeps its input's
/// shape, as activations do.
fn exchangeable(layer: &LayerConfig) -> bool {
    let input = Shape::Flat(4);
    let built = Network::new(input, std::slice::from_ref(layer));
    built.is_ok_and(|n| n.output() == input && n.param_count() == 0) && layer.inner().is_none()
}

impl FormSubject {
    pub(super) fn title(&self) -> String {
        match self {
            Self::Lane { name, .. } => format!("Lane {name}"),
            Self::Fork { from: (letter, step), .. } => format!("Fork of {letter} at {}", thousands(*step)),
            Self::Layer { layer, .. } => layer.name().into(),
            Self::Init(_) => "Initial weights".into(),
            Self::Data(data) => format!("Data {}", data.name()),
            Self::Weight { .. } => "Weight".into(),
            Self::Attack { .. } => "Attack".into(),
            Self::Picture(_) => "A picture of your own".into(),
            Self::Question { .. } => "What do you expect?".into(),
        }
    }

    pub(super) fn about(&self) -> String {
        match self {
            Self::Lane { .. } | Self::Fork { .. } | Self::Weight { .. } | Self::Picture(_) => String::new(),
            // Backquotes mark names for a pane that can colour them; a form cannot.
            Self::Question { question, .. } => question.ask.replace('`', ""),
            Self::Attack { attack, .. } => attack.settings().about().into(),
            Self::Layer { layer, .. } => layer.settings().about().into(),
            Self::Init(init) => init.settings().about().into(),
            Self::Data(data) => data.settings().about().into(),
        }
    }

    pub(super) fn rows(&self) -> Vec<FormRow> {
        let mut rows = Vec::new();
        let fields = |rows: &mut Vec<FormRow>, prefix: &str, settings: &dyn Settings| {
            rows.extend(settings.fields().into_iter().map(|f| FormRow::field(prefix, f)));
        };
        match self {
            Self::Lane { name, recipe, .. } => {
                rows.push(FormRow::text("name", "name", "what the lane is called", name));
                tables!(&**recipe, |key: &str,
                                    about: &str,
                                    name: &str,
                                    names: &'static [&'static str],
                                    s: &dyn Settings| {
                    rows.push(FormRow::choice(key, &format!("{about}. {}", s.about()), name, names));
                    fields(&mut rows, key, s);
                });
                // Settings without a choice: their fields are listed below a heading.
                let groups: [(&str, &str, &dyn Settings); 4] = [
                    ("regularisation", "penalty", &recipe.regularisation),
                    ("gradient_noise", "noise", &recipe.gradient_noise),
                    ("weight_average", "average", &recipe.weight_average),
                    ("early_stopping", "stop", &recipe.early_stopping),
                ];
                for (path, word, settings) in groups {
                    rows.extend(settings.fields().into_iter().map(|f| {
                        let label = format!("{word} {}", f.name);
                        FormRow { indent: 0, label, ..FormRow::field(path, f) }
                    }));
                }
                // All other settings have one line each; layers have their own pane.
                let shown = |name: &str| rows.iter().any(|r| r.path.split('.').next() == Some(name));
                let mut plain = recipe.fields();
                plain.retain(|f| f.name != NETWORK && !shown(f.name));
                rows.extend(plain.into_iter().map(|f| FormRow { indent: 0, ..FormRow::field("", f) }));
            }
            Self::Fork { carry, lane, .. } => {
                rows = lane.rows();
                let about =
                    "All: the whole state, as far as the optimizer stays; Weights: its memory starts empty";
                rows.insert(1, FormRow::choice(CARRY, about, &carry.text(), &["All", "Weights"]));
                // A lane's own network is edited layer by layer in its pane; a fork is not there yet.
                let Self::Lane { recipe, .. } = &**lane else { return rows };
                let network = recipe.fields().into_iter().find(|f| f.name == NETWORK);
                let row = network.map(|f| FormRow { indent: 0, ..FormRow::field("", f) });
                rows.splice(2..2, row);
            }
            Self::Layer { layer, .. } => {
                if exchangeable(layer) {
                    let names: Vec<&str> = LayerConfig::all()
                        .iter()
                        .filter(|l| exchangeable(l))
                        .map(LayerConfig::name)
                        .collect();
                    rows.push(FormRow::choice("layer", layer.settings().about(), layer.name(), &names));
                }
                fields(&mut rows, "", layer.settings());
            }
            Self::Data(data) => fields(&mut rows, "", data.settings()),
            Self::Weight { tensors, weight } => {
                let (tensor, at) = within(tensors, *weight);
                let names: Vec<&str> = tensors.iter().map(|t| &t.name[..]).collect();
                let name = names.get(tensor).copied().unwrap_or_default();
                rows.push(FormRow::choice("tensor", "the tensor in which it lies", name, &names));
                let about = "its place in the tensor: one number, or row and column";
                rows.push(FormRow::text("place", "place", about, &at.to_string()));
            }
            Self::Attack { attack, target, classes } => {
                rows.push(FormRow::choice(
                    "attack",
                    attack.settings().about(),
                    attack.name(),
                    AttackConfig::NAMES,
                ));
                fields(&mut rows, "attack", attack.settings());
                let names: Vec<&str> =
                    std::iter::once(ANY).chain(classes.iter().map(String::as_str)).collect();
                let now = target.and_then(|t| classes.get(t as usize)).map_or(ANY, String::as_str);
                rows.push(FormRow::choice("target", "the class that the network should see", now, &names));
            }
            Self::Picture(path) => {
                let about = "PNG or JPEG; it is brought to the size and range of the data";
                rows.push(FormRow::text("path", "path", about, path));
            }
            Self::Question { question, guess, reason } => {
                let about = &question.ask.replace('`', "");
                if question.choices.is_empty() {
                    let typed = guess.map_or_else(String::new, |g| g.text());
                    rows.push(FormRow::text("answer", "answer", about, &typed));
                } else {
                    let names: Vec<&str> = question.choices.iter().map(|c| &c.text[..]).collect();
                    let now = guess.map_or(names[0].to_string(), |g| question.words(g));
                    rows.push(FormRow::choice("answer", about, &now, &names));
                }
                let about = "one line, for yourself and your teacher; it may stay empty";
                rows.push(FormRow::text("reason", "because", about, reason));
            }
            Self::Init(init) => {
                rows.push(FormRow::choice("init", init.settings().about(), init.name(), InitConfig::NAMES));
                fields(&mut rows, "init", init.settings());
            }
        }
        rows
    }

    /// Sets a row from text.
    pub(super) fn set(&mut self, path: &str, text: &str) -> Result<(), String> {
        let (head, field) = match path.split_once('.') {
            Some((head, field)) => (head, Some(field)),
            None => (path, None),
        };
        match self {
            Self::Lane { name, recipe, .. } => match head {
                "name" => {
                    let text = crate::text::escaped(text.trim()).into_owned();
                    if text.is_empty() || text.chars().count() > limits::NAME_CHARS {
                        return Err(format!("a name has 1 to {} characters", limits::NAME_CHARS));
                    }
                    *name = text;
                    Ok(())
                }
                // A choice is a name without settings.
                _ if !recipe.rows_of(path).is_empty() => recipe.set_at(path, &format!("{text}()")),
                _ => recipe.set_at(path, text),
            },
            Self::Fork { carry, .. } if path == CARRY => Carry::parse(text).map(|c| *carry = c),
            Self::Fork { lane, .. } => lane.set(path, text),
            Self::Layer { layer, .. } if path == "layer" => {
                set_table!(*layer, LayerConfig, None::<&str>, text)
            }
            Self::Layer { layer, .. } => layer.settings_mut().set(path, text),
            Self::Data(data) => data.settings_mut().set(path, text),
            Self::Weight { tensors, weight } => {
                let (tensor, _) = within(tensors, *weight);
                let first = |n: usize| tensors[..n].iter().map(|t| t.len).sum::<usize>();
                if path == "tensor" {
                    let to = tensors.iter().position(|t| t.name == text).ok_or("there is no such tensor")?;
                    *weight = first(to);
                    return Ok(());
                }
                let TensorChoice { len, row, .. } = tensors[tensor];
                let numbers = text.split([',', ' ']).filter(|t| !t.is_empty()).map(str::parse::<usize>);
                let at = match numbers.collect::<Result<Vec<_>, _>>().as_deref() {
                    Ok([at]) => *at,
                    Ok([r, c]) if *c < row => r.saturating_mul(row).saturating_add(*c),
                    Ok([_, c]) => return Err(format!("column {c} of {row}; they count from 0")),
                    _ => return Err("one number, or row and column".into()),
                };
                if at >= len {
                    return Err(format!("the tensor has {len} numbers; they count from 0"));
                }
                *weight = first(tensor) + at;
                Ok(())
            }
            Self::Question { question, guess, .. } if head == "answer" => {
                let choice = question.choices.iter().position(|c| c.text == text);
                let number = text.trim().replace(',', ".").parse::<f64>().ok().filter(|x| x.is_finite());
                let found = if question.choices.is_empty() { number } else { choice.map(|k| (k + 1) as f64) };
                *guess = Some(found.ok_or("type a number, such as 0.25 or 3e-4")?);
                Ok(())
            }
            Self::Question { reason, .. } => {
                *reason = crate::text::excerpt(text, limits::NAME_CHARS);
                Ok(())
            }
            Self::Init(init) => set_table!(*init, InitConfig, field, text),
            Self::Attack { target, classes, .. } if head == "target" => {
                let at = classes.iter().position(|c| c == text);
                if at.is_none() && text != ANY {
                    return Err(format!("there is no class {text}"));
                }
                *target = at.map(|t| t as u32);
                Ok(())
            }
            Self::Attack { attack, .. } => set_table!(*attack, AttackConfig, field, text),
            Self::Picture(path) => {
                let text = text.trim();
                if text.is_empty() {
                    return Err("type the path of a PNG or JPEG file".into());
                }
                *path = text.into();
                Ok(())
            }
        }
    }
}
