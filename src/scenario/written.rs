//! A scenario in its shortest form: only settings that differ from the defaults, with a comment beside each. Opens no
//! file.

use super::{Carry, Scenario};
use crate::registry::{SettingValue as _, Settings};
use std::fmt::Write as _;

/// Columns of a line, a comment included.
const WIDTH: usize = 130;
/// Columns up to which a list stays on one line.
const SHORT: usize = 90;

impl Scenario {
    /// The document in its shortest form, with comments; `head` is placed at its beginning. Reading it gives the same
    /// scenario.
    pub fn commented(&self, head: &[String]) -> String {
        let mut out = String::from("(\n");
        // The head goes inside the parentheses: a comment before them would become the scenario's own comment.
        for words in head {
            out.extend(["    // ", words, "\n"]);
        }
        for field in self.fields().into_iter().filter(|f| f.value != f.default) {
            match field.name {
                "lanes" => {
                    out.push_str("    lanes: [\n");
                    for lane in &self.lanes {
                        let carried = lane.from.as_ref().map(|_| {
                            let ground = self.ground(lane);
                            let carried = Carry::between(&ground, &self.recipe(lane), lane.carry);
                            Carry::words(carried.filter(|_| lane.at > 0))
                        });
                        line(&mut out, 8, &inside(lane), carried);
                    }
                    out.push_str("    ],\n");
                }
                "edits" => {
                    out.push_str("    // Settings that change while a lane trains, each after so many steps of it.\n    edits: [\n");
                    self.edits.iter().for_each(|edit| line(&mut out, 8, &inside(edit), None));
                    out.push_str("    ],\n");
                }
                "network" if field.value.len() > SHORT => {
                    let _ = writeln!(out, "    // {}\n    network: [", field.about);
                    self.network.iter().for_each(|layer| line(&mut out, 8, &layer.text(), None));
                    out.push_str("    ],\n");
                }
                "expect" if field.value.len() > SHORT => {
                    out.push_str("    expect: [\n");
                    self.expect.iter().for_each(|claim| line(&mut out, 8, &claim.text(), None));
                    out.push_str("    ],\n");
                }
                // These need no explanation.
                "title" | "about" | "comment" | "lesson" => {
                    line(&mut out, 4, &format!("{}: {}", field.name, field.value), None);
                }
                name => line(&mut out, 4, &format!("{name}: {}", field.value), Some(field.about)),
            }
        }
        out.push_str(")\n");
        out
    }
}

/// The settings that differ from their defaults, in parentheses.
fn inside(settings: &dyn Settings) -> String {
    let brief = settings.brief();
    brief.strip_prefix(settings.name()).unwrap_or(&brief).to_string()
}

/// One line of a list or of the document, with a comment beside it, or above it if there is no room.
fn line(out: &mut String, indent: usize, text: &str, comment: Option<&str>) {
    let pad = " ".repeat(indent);
    let _ = match comment {
        None => writeln!(out, "{pad}{text},"),
        Some(words) if indent + text.len() + words.len() + 6 <= WIDTH => {
            writeln!(out, "{pad}{:<34} // {words}", format!("{text},"))
        }
        Some(words) => writeln!(out, "{pad}// {words}\n{pad}{text},"),
    };
}

#[cfg(test)]
mod tests {
    use crate::lab::preset;
    use crate::scenario::read;

    #[test]
    fn every_preset_is_read_back_from_its_shortest_form() {
        for preset in preset::ALL {
            let scenario = preset.scenario();
            let text = scenario.commented(&["saved".into()]);
            let again = read(&text).unwrap_or_else(|faults| panic!("{}: {faults:?}\n{text}", preset.name));
            assert_eq!(again, scenario, "{}\n{text}", preset.name);
        }
    }

    #[test]
    fn it_is_short_and_says_what_each_setting_is() {
        let text = "(title: \"a\", data: Moons(), steps: 50, lanes: [(name: \"x\"), (name: \"y\", from: \"x\", at: 20, clip: Norm(2))], \
                    edits: [(step: 7, lane: \"x\", field: \"batch\", to: \"8\")])";
        let scenario = read(text).expect("a scenario");
        assert_eq!(
            scenario.commented(&["saved at step 30".into()]),
            "(\n    // saved at step 30\n    title: \"a\",\n    data: Moons(),                     // the data set\n    \
             steps: 50,                         // steps of a run\n    lanes: [\n        (name: \"x\"),\n        \
             // weights, optimizer state, batch order and random draws continue\n        \
             (name: \"y\", from: \"x\", at: 20, clip: Norm(max_norm: 2)),\n    \
             ],\n    // Settings that change while a lane trains, each after so many steps of it.\n    edits: [\n        \
             (step: 7, lane: \"x\", field: \"batch\", to: \"8\"),\n    ],\n)\n"
        );
    }
}
