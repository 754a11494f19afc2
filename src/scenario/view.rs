//! The opening view of a scenario: plain settings that the screen reads. Draws nothing.

use crate::engine::attack::AttackConfig;
use crate::registry::{plain_values, settings};
use serde::{Deserialize, Serialize};

/// The names of panes: in a scenario, and on a tab of the lab.
macro_rules! panes {
    ($( $(#[$doc:meta])* $id:ident: $name:literal; )*) => {
        /// A pane of the lab; their order is that of Tab.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Pane { $( $(#[$doc])* $id, )* }

        impl Pane {
            /// All panes, in the order of Tab.
            pub const ALL: &'static [Self] = &[$( Self::$id, )*];

            /// Its name in the help and on a tab.
            pub fn name(self) -> &'static str {
                match self { $( Self::$id => $name, )* }
            }
        }
    };
}

panes! {
    /// The model builder.
    Network: "Network";
    /// The lanes and their optimizer settings.
    Lanes: "Lanes";
    /// A test function of the plane, with the paths of the lanes over it.
    Surface: "Surface";
    /// Numbers over time.
    Curves: "Curves";
    /// The norm of the gradient over the time steps of a sequence.
    ThroughTime: "Through time";
    /// Gradient norm of every layer over time.
    GradientMap: "Gradient map";
    /// The path of one weight through the last step.
    Microscope: "Microscope";
    /// Decision boundary, predictions, confusion matrix.
    Prediction: "Data";
    /// A sample under attack.
    Adversarial: "Adversarial";
    /// The findings about the lane in front, and their cures.
    Diagnosis: "Diagnosis";
    /// The lesson of the scenario, and its expectations with their state.
    Lesson: "Lesson";
    /// The loss on a plane through the weights of lanes, with their paths on it.
    LossPlane: "Loss plane";
}

/// The unit of the x axis of curves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Axis {
    /// Steps of training.
    Steps,
    /// Passes over the training samples.
    Epochs,
    /// Seconds of training.
    Seconds,
    /// Gradient evaluations.
    Evaluations,
}

plain_values!(Pane, Axis);

settings! {
    /// The opening view of the scenario.
    pub struct Opening {
        /// the pane with the focus; None: Lanes
        pane: Option<Pane> = None;
        /// whether that pane has the whole screen
        zoom: bool = false;
        /// the name of the lane in front; empty: the first
        lane: String = String::new();
        /// the quantity of the large curves, by its name in the log; empty: the loss
        curve: String = String::new();
        /// what the x axis of the curves counts
        x_axis: Option<Axis> = None;
        /// whether the curves have a logarithmic axis; None: as suits the quantity
        log: Option<bool> = None;
        /// the validation sample in the panes that show one
        sample: usize = 0;
        /// the attack of the adversarial pane, with its size
        attack: Option<AttackConfig> = None;
        /// whether the adversarial pane shows accuracy against size instead of one sample
        sizes: bool = false;
    }
}

/// The comment at the head of a document as paragraphs; the lines of a paragraph are joined.
pub fn head_comment(text: &str) -> String {
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    let mut out = String::new();
    for line in lines.map_while(|l| l.strip_prefix("//")).map(str::trim) {
        match (line.is_empty(), out.is_empty() || out.ends_with('\n')) {
            (true, false) => out.push_str("\n\n"),
            (true, true) => {}
            (false, true) => out.push_str(line),
            (false, false) => out.extend([" ", line]),
        }
    }
    out.truncate(out.trim_end().len());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::read;

    #[test]
    fn the_comment_at_the_head_is_read_in_paragraphs() {
        let text = "// One\n// line.\n//\n//\n// Two.\n(\n // not this\n)";
        assert_eq!(head_comment(text), "One line.\n\nTwo.");
        assert_eq!(head_comment("(title: \"x\")"), "");
    }

    #[test]
    fn a_view_is_checked_with_line_and_column() {
        let fault = |view: &str| {
            let lanes = "[(name: \"plain\"), (name: \"clip\")]";
            let faults = read(&format!("(data: Moons(),\n  lanes: {lanes},\n  view: ({view}))")).unwrap_err();
            assert_eq!(faults.len(), 1, "{faults:?}");
            faults[0].to_string()
        };
        let pane = fault("pane: GradientMao");
        assert!(pane.starts_with("3:16: ") && pane.contains("did you mean GradientMap?"), "{pane}");
        let lane = fault("lane: \"plian\"");
        assert!(lane.starts_with("3:16: ") && lane.contains("did you mean plain?"), "{lane}");
        let curve = fault("curve: \"grad_nrom\"");
        assert!(curve.starts_with("3:17: ") && curve.contains("did you mean grad_norm?"), "{curve}");
        assert!(fault("sample: 1000000").contains("validation samples"));
        assert!(fault("attack: Fgsm(-1.0)").contains("out of range"));
        assert!(read("(data: Moons(), view: (pane: Adversarial, attack: Pgd(0.3), sizes: true))").is_ok());
    }

    #[test]
    fn the_comment_is_what_the_file_begins_with_and_stays_with_the_scenario() {
        let scenario = read("// What to see.\n(data: Moons())").unwrap();
        assert_eq!(scenario.comment, "What to see.");
        assert_eq!(read(&scenario.to_ron()).unwrap(), scenario);
        assert_eq!(read("// A comment.\n(data: Moons(), comment: \"Mine.\")").unwrap().comment, "Mine.");
    }
}
