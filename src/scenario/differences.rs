//! The differences of two scenarios in words: lane by lane, setting by setting. Trains nothing.

use super::{Edit, Lane, Recipe, Scenario};
use crate::registry::{SettingValue as _, Settings as _};

/// Fields that do not affect training: what is shown, explained or expected.
const TOLD: [&str; 7] = ["title", "about", "comment", "lesson", "view", "expect", "expect_seeds"];
/// Fields that are compared lane by lane or one by one.
const PARTS: [&str; 3] = ["lanes", "edits", "expect"];
/// A value longer than this is described part by part.
const LONG: usize = 60;

/// One difference, from a first scenario to a second one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioDifference {
    /// The lane that it concerns; `None`: all, or the scenario itself.
    pub lane: Option<String>,
    /// The setting with both values, or the part that only one of them has.
    pub words: String,
    /// Whether it may affect training.
    pub trains: bool,
}

impl std::fmt::Display for ScenarioDifference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(lane) = &self.lane {
            write!(f, "lane {lane}: ")?;
        }
        f.write_str(&self.words)
    }
}

impl Scenario {
    /// The differences from this scenario to another one.
    pub fn differences(&self, other: &Self) -> Vec<ScenarioDifference> {
        let mut out = Vec::new();
        let mut all =
            |words: String, trains: bool| out.push(ScenarioDifference { lane: None, words, trains });
        let own: Vec<&str> = Recipe::default().fields().iter().map(|f| f.name).collect();
        for (a, b) in self.fields().into_iter().zip(other.fields()) {
            // Settings that lanes inherit from the scenario are compared lane by lane.
            let elsewhere = PARTS.contains(&a.name) || own.contains(&a.name);
            if elsewhere || a.value == b.value {
                continue;
            }
            let trains = !TOLD.contains(&a.name);
            if a.name == "data" && self.data.name() == other.data.name() {
                let pairs = self.data.settings().fields().into_iter().zip(other.data.settings().fields());
                for (x, y) in pairs.filter(|(x, y)| x.value != y.value) {
                    all(format!("data.{}", change(x.name, &x.value, &y.value)), trains);
                }
            } else {
                all(change(a.name, &a.value, &b.value), trains);
            }
        }
        for (mine, theirs, which) in [(self, other, "no more"), (other, self, "new")] {
            for claim in mine.expect.iter().filter(|claim| !theirs.expect.contains(claim)) {
                all(format!("expect {claim:?} is {which}"), false);
            }
        }
        self.lanes_compared(other, &mut out);
        out
    }

    /// The lanes of a scenario; without any, its implicit lane.
    fn contenders(&self) -> Vec<Lane> {
        if self.lanes.is_empty() {
            return vec![Lane { name: "all".into(), ..Lane::default() }];
        }
        self.lanes.clone()
    }

    fn lanes_compared(&self, other: &Self, out: &mut Vec<ScenarioDifference>) {
        let (mine, theirs) = (self.contenders(), other.contenders());
        let missing = |of: &[Lane], among: &[Lane]| -> Vec<Lane> {
            of.iter().filter(|l| among.iter().all(|o| o.name != l.name)).cloned().collect()
        };
        let (gone, mut come) = (missing(&mine, &theirs), missing(&theirs, &mine));
        let mut pairs: Vec<(Lane, Lane)> = Vec::new();
        for lane in &mine {
            if let Some(same) = theirs.iter().find(|o| o.name == lane.name) {
                pairs.push((lane.clone(), same.clone()));
            } else {
                // A lane with another name but the same settings was renamed.
                let (recipe, from) = (self.recipe(lane), (&lane.from, lane.at, lane.carry));
                let twin = |o: &Lane| other.recipe(o) == recipe && (&o.from, o.at, o.carry) == from;
                if let Some(at) = come.iter().position(twin) {
                    let twin = come.remove(at);
                    let words = format!("is called {} now", twin.name);
                    out.push(ScenarioDifference { lane: Some(lane.name.clone()), words, trains: false });
                    pairs.push((lane.clone(), twin));
                }
            }
        }
        let renamed = |lane: &Lane| pairs.iter().any(|(a, _)| a.name == lane.name);
        for lane in gone.iter().filter(|lane| !renamed(lane)) {
            let words = "is no more".to_string();
            out.push(ScenarioDifference { lane: Some(lane.name.clone()), words, trains: true });
        }
        for lane in &come {
            let words = format!("is new: {}", described(lane));
            out.push(ScenarioDifference { lane: Some(lane.name.clone()), words, trains: true });
        }
        let order = |of: &[Lane], first: bool| -> Vec<usize> {
            let name = |p: &(Lane, Lane)| if first { p.0.name.clone() } else { p.1.name.clone() };
            let mut at: Vec<(usize, usize)> = Vec::new();
            for (i, pair) in pairs.iter().enumerate() {
                at.push((of.iter().position(|l| l.name == name(pair)).unwrap_or(0), i));
            }
            at.sort_unstable();
            at.into_iter().map(|(_, i)| i).collect()
        };
        if order(&mine, true) != order(&theirs, false) {
            out.push(ScenarioDifference {
                lane: None,
                words: "the lanes are in another order".into(),
                trains: false,
            });
        }
        let changes: Vec<Vec<String>> =
            pairs.iter().map(|(a, b)| recipes(&self.recipe(a), &other.recipe(b))).collect();
        // A change that all lanes share is listed once.
        let common: Vec<String> = changes.first().map_or_else(Vec::new, |first| {
            let everywhere = |words: &&String| pairs.len() > 1 && changes.iter().all(|of| of.contains(words));
            first.iter().filter(everywhere).cloned().collect()
        });
        for words in &common {
            out.push(ScenarioDifference { lane: None, words: format!("all lanes: {words}"), trains: true });
        }
        for ((a, b), own) in pairs.iter().zip(&changes) {
            let mut says = |words: String| {
                out.push(ScenarioDifference { lane: Some(a.name.clone()), words, trains: true });
            };
            own.iter().filter(|words| !common.contains(words)).cloned().for_each(&mut says);
            match (&a.from, &b.from) {
                (Some(x), Some(y)) => {
                    let place = |lane: &Lane, from: &str| format!("{from} at {}", lane.at);
                    if (x, a.at) != (y, b.at) {
                        says(change("from", &place(a, x), &place(b, y)));
                    }
                    if a.carry != b.carry {
                        says(change("carry", &a.carry.text(), &b.carry.text()));
                    }
                }
                (None, Some(y)) => says(format!("begins from {y} at step {} now", b.at)),
                (Some(x), None) => says(format!("begins at step 0 now, and not from {x} at step {}", a.at)),
                (None, None) => {}
            }
            edits(&self.journal(&a.name), &other.journal(&b.name), &mut says);
        }
    }
}

/// A lane in words: its origin, and the settings in which it differs from the scenario or its parent.
fn described(lane: &Lane) -> String {
    let mut words: Vec<String> = Vec::new();
    words.extend(lane.from.iter().map(|from| format!("from {from} at step {}", lane.at)));
    let given = lane.fields().into_iter().filter(|f| f.value != f.default);
    let own = given.filter(|f| !["name", "from", "at"].contains(&f.name));
    words.extend(own.map(|f| format!("{} {}", f.name, f.value)));
    if words.is_empty() { "with the scenario's settings".into() } else { words.join(", ") }
}

/// A setting with both values.
fn change(name: &str, from: &str, to: &str) -> String {
    format!("{name} {} → {}", crate::text::excerpt(from, 4 * LONG), crate::text::excerpt(to, 4 * LONG))
}

/// The changes from one recipe to another, each in words.
fn recipes(a: &Recipe, b: &Recipe) -> Vec<String> {
    let mut out = Vec::new();
    for (field, from, to) in a.changes(b) {
        let long = from.len().max(to.len()) > LONG;
        if field == "network" && long && a.network.len() == b.network.len() {
            let pairs = a.network.iter().zip(&b.network).enumerate().filter(|(_, (x, y))| x != y);
            out.extend(pairs.map(|(i, (x, y))| change(&format!("network[{i}]"), &x.text(), &y.text())));
        } else {
            out.push(change(&field, &from, &to));
        }
    }
    out
}

/// The changes during training that only one of two journals has, and those whose values differ.
fn edits(a: &[Edit], b: &[Edit], says: &mut dyn FnMut(String)) {
    let place = |e: &Edit| (e.step, e.field.clone());
    for edit in a {
        match b.iter().find(|o| place(o) == place(edit)) {
            Some(other) if other.to == edit.to => {}
            Some(other) => says(format!(
                "from step {} on {} is {} instead of {}",
                edit.step, edit.field, other.to, edit.to
            )),
            None => says(format!("the change at step {} is no more: {edit}", edit.step)),
        }
    }
    for edit in b.iter().filter(|e| a.iter().all(|o| place(o) != place(e))) {
        says(format!("changes at step {}: {edit}", edit.step));
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::read;

    fn told(a: &str, b: &str) -> Vec<String> {
        let read =
            |text: &str| read(&format!("(data: Moons(), optimizer: Sgd(0.1), {text})")).expect("a scenario");
        read(a).differences(&read(b)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_differs_is_told_lane_by_lane_and_setting_by_setting() {
        let a =
            "steps: 400, title: \"a\", lanes: [(name: \"x\"), (name: \"y\", clip: Norm(1)), (name: \"z\")]";
        assert!(told(a, a).is_empty());
        let b = "steps: 500, title: \"b\", batch: 16, expect: [\"x.loss < 1\"], lanes: [(name: \"x\", optimizer: Sgd(0.2)), \
                 (name: \"y\", clip: Norm(2)), (name: \"w\", from: \"x\", at: 30, clip: Norm(3))], \
                 edits: [(step: 7, lane: \"y\", field: \"batch\", to: \"8\")]";
        assert_eq!(
            told(a, b),
            [
                "title \"a\" → \"b\"",
                "steps 400 → 500",
                "expect \"x.loss < 1\" is new",
                "lane z: is no more",
                "lane w: is new: from x at step 30, clip Norm(max_norm: 3)",
                "all lanes: batch 32 → 16",
                "lane x: optimizer.lr 0.1 → 0.2",
                "lane y: clip.max_norm 1 → 2",
                "lane y: changes at step 7: batch → 8",
            ]
        );
    }

    #[test]
    fn a_setting_counts_where_it_is_used_whoever_gives_it() {
        let scenario = "clip: Norm(1), lanes: [(name: \"x\"), (name: \"y\")]";
        let lanes = "lanes: [(name: \"x\", clip: Norm(1)), (name: \"y\", clip: Norm(1))]";
        assert!(told(scenario, lanes).is_empty(), "the lanes train alike");
        assert_eq!(
            told(lanes, "lanes: [(name: \"y\", clip: Norm(1)), (name: \"q\", clip: Norm(1))]"),
            ["lane x: is called q now", "the lanes are in another order",]
        );
        let deep = |n: usize| {
            format!(
                "network: [Dense(16), Tanh(), Dense(16), Tanh(), Dense({n}), Tanh()], lanes: [(name: \"x\")]"
            )
        };
        assert_eq!(told(&deep(16), &deep(17)), ["lane x: network[4] Dense(units: 16) → Dense(units: 17)"]);
        let data = read("(data: Spiral())").expect("a scenario");
        let moons = read("(data: Moons(noise: 0.3))").expect("a scenario");
        let own = read("(data: Moons())").expect("a scenario");
        assert!(data.differences(&own)[0].words.starts_with("data Spiral() → Moons("));
        assert_eq!(own.differences(&moons)[0].words, "data.noise 0.1 → 0.3");
    }
}
