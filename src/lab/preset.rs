//! The built-in scenarios: a list in the binary, never a path. The first one opens by default.

use crate::scenario::{self, Scenario};

/// A built-in scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Its name on the command line.
    pub name: &'static str,
    /// The document, including its comments.
    pub text: &'static str,
}

/// Declares the list; the name is that of the file.
macro_rules! presets {
    ($($name:literal)*) => {
        /// Every preset, the default first.
        pub const ALL: &[Preset] = &[ $( Preset {
            name: $name,
            text: include_str!(concat!("../../presets/", $name, ".ron")),
        }, )* ];
    };
}

presets! {
    "four-optimizers"
    "vanishing-sigmoid"
    "exploding-clip"
    "three-roads-to-nan"
    "clip-is-a-rate"
    "learning-rates"
    "one-change"
    "initialisations"
    "symmetry"
    "born-dead"
    "activations"
    "cnn-fashion"
    "dropout"
    "augmentation"
    "label-smoothing"
    "early-stopping"
    "weight-averaging"
    "weight-decay"
    "spiral"
    "recurrent-adding"
    "exploding-rnn"
    "schedules"
    "batch-size"
    "batch-norm-two-faces"
    "two-seeds-are-no-result"
    "muon-adamw"
    "sam"
    "schedule-free"
    "adam-late-spike"
    "rosenbrock"
    "saddle"
    "valley"
    "myth-learning-rate"
    "myth-small-learning-rate"
    "myth-momentum"
    "myth-lstm"
    "myth-regularisers"
    "misprints"
    "fgsm-digits"
    "robust-optimizers"
    "adversarial-training"
    "fgsm-overfit"
    "input-gradient-penalty"
    "noise-defence"
    "masked-gradients"
    "label-smoothing-attack"
    "is-it-a-sneaker"
}

/// The preset of this name.
pub fn find(name: &str) -> Option<&'static Preset> {
    ALL.iter().find(|p| p.name == name)
}

impl Preset {
    /// The parsed document.
    pub fn scenario(&self) -> Scenario {
        match scenario::read(self.text) {
            Ok(scenario) => scenario,
            Err(faults) => panic!("preset {}: {}", self.name, faults[0]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_without_fault_and_says_what_it_is() {
        for preset in ALL {
            let scenario = preset.scenario();
            assert!(!scenario.title.is_empty() && !scenario.about.is_empty(), "{}", preset.name);
            assert!(preset.text.starts_with("// "), "{} begins with its lesson", preset.name);
            assert_eq!(find(preset.name), Some(preset));
        }
    }

    #[test]
    fn every_file_in_the_directory_is_in_the_list() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/presets");
        let files =
            std::fs::read_dir(directory).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        // Lessons have a folder and a list of their own.
        let mut files: Vec<_> = files.filter(|name| name != "lessons").collect();
        files.sort();
        let mut listed: Vec<_> = ALL.iter().map(|p| format!("{}.ron", p.name)).collect();
        listed.sort();
        assert_eq!(files, listed);
    }
}
