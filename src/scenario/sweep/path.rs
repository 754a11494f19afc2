//! Any field of a scenario by its path: `optimizer.lr`, `network[2].units`, `data.noise`. Changes one scenario; knows
//! no sweep.

use crate::document::reader::{self, GroupItem, NodeKind, RonNode};
use crate::registry::Settings as _;
use crate::scenario::Scenario;
use crate::text::{did_you_mean, excerpt};

/// Fields that the sweep itself sets, each with the setting that does it.
const OWN: [(&str, &str); 12] = [
    ("seed", "a sweep has `seeds`"),
    ("seeds", "a sweep has `seeds` of its own"),
    ("lanes", "a field of a recipe is varied in every lane; `lane: \"name\"` names one"),
    ("edits", "the journal of a lane is trained as it is"),
    ("expect", "a sweep has `expect` of its own"),
    ("expect_seeds", "a sweep has `seeds`"),
    ("view", "it changes no training"),
    ("title", "it changes no training"),
    ("about", "it changes no training"),
    ("comment", "it changes no training"),
    ("lesson", "it changes no training"),
    ("robustness", "accuracies under attack are not measured in a sweep"),
];

/// Sets the field at a path to a value written as in a scenario.
///
/// # Errors
/// Whether the path is at fault, and a remedy; the scenario is then unchanged.
pub fn set(scenario: &mut Scenario, path: &str, value: &str) -> Result<(), (bool, String)> {
    let field = path.split(['.', '[']).next().unwrap_or(path);
    if let Some((_, why)) = OWN.iter().find(|(name, _)| *name == field) {
        return Err((true, format!("{field} cannot be varied: {why}")));
    }
    if path == field {
        known(scenario, field)?;
        return scenario.set(field, value).map_err(|what| (false, what));
    }
    if let Some((_, inner)) = path.split_once('.').filter(|(f, i)| *f == field && !i.contains(['.', '[']))
        && let Some(part) = scenario.part_mut(field)
    {
        let names: Vec<&str> = part.fields().iter().map(|f| f.name).collect();
        if !names.contains(&inner) {
            let near = match did_you_mean(inner, names.iter().copied()) {
                Some(near) => format!("did you mean {field}.{near}?"),
                None if names.is_empty() => "it has none".into(),
                None => format!("it has {}", names.join(", ")),
            };
            return Err((true, format!("{} has no setting {}; {near}", part.name(), excerpt(inner, 40))));
        }
        return part.set(inner, value).map_err(|what| (false, what));
    }
    let text = known(scenario, field)?;
    let whole = replaced(&text, &path[field.len()..], value).map_err(|what| (true, what))?;
    scenario.set(field, &whole).map_err(|what| (false, what))
}

/// The value of a field as text.
fn known(scenario: &Scenario, field: &str) -> Result<String, (bool, String)> {
    let fields = scenario.fields();
    if let Some(found) = fields.iter().find(|f| f.name == field) {
        return Ok(found.value.clone());
    }
    let near = match did_you_mean(field, fields.iter().map(|f| f.name)) {
        Some(near) => format!("did you mean {near}?"),
        None => "`gradtui list` shows the settings".into(),
    };
    Err((true, format!("a scenario has no setting {}; {near}", excerpt(field, 40))))
}

/// The text of a value in which the part at the path is replaced; an absent named field is added.
fn replaced(text: &str, path: &str, value: &str) -> Result<String, String> {
    let root =
        reader::read(text).map_err(|faults| faults.into_iter().next().map_or_else(String::new, |f| f.1))?;
    let mut node = &root;
    let parts: Vec<&str> = path.split(['.', '[']).filter(|p| !p.is_empty()).collect();
    for (i, part) in parts.iter().enumerate() {
        let last = i + 1 == parts.len();
        if let Some(index) = part.strip_suffix(']') {
            let NodeKind::List(items) = &node.kind else {
                return Err(format!("{part} without a list to count in"));
            };
            let at: usize = index.parse().map_err(|_| format!("[{index}] is no place in a list"))?;
            node = items
                .get(at)
                .ok_or_else(|| format!("there is no [{at}]: the list has {}, counted from 0", items.len()))?;
            continue;
        }
        let end = node.span.end;
        match &node.kind {
            NodeKind::Group(items) | NodeKind::Name(_, Some(items)) => match named(text, items, part) {
                Some(found) => node = found,
                // Texts written by this program name every setting, but omit defaults.
                None if last => {
                    let comma = if items.is_empty() { "" } else { ", " };
                    return Ok(format!("{}{comma}{part}: {value}{}", &text[..end - 1], &text[end - 1..]));
                }
                None => return Err(format!("{part} is not given there; write it into the scenario")),
            },
            _ => return Err(format!("{} has no settings inside", excerpt(&text[node.span.clone()], 40))),
        }
    }
    Ok(format!("{}{value}{}", &text[..node.span.start], &text[node.span.end..]))
}

fn named<'n>(text: &str, items: &'n [GroupItem], name: &str) -> Option<&'n RonNode> {
    let is = |item: &&GroupItem| item.name.as_ref().is_some_and(|n| &text[n.clone()] == name);
    items.iter().find(is).map(|item| &item.node)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::read;

    #[test]
    fn any_field_is_set_by_its_path() {
        let text = "(data: Moons(samples: 200), network: [Repeat(3, [Dense(8), Relu()]), Dropout(0.5)], \
                    augment: [], optimizer: Adam(0.01))";
        let mut s = read(text).expect("a scenario");
        for (path, value) in [
            ("optimizer.lr", "0.5"),
            ("batch", "7"),
            ("data.noise", "0.3"),
            ("network[0].times", "5"),
            ("network[0].layers[0].units", "4"),
            ("network[1]", "Tanh()"),
            ("early_stopping.patience", "3"),
            ("clip", "Norm(2)"),
            ("steps", "77"),
        ] {
            set(&mut s, path, value).unwrap_or_else(|e| panic!("{path}: {e:?}"));
        }
        let wanted = "(data: Moons(samples: 200, noise: 0.3), network: [Repeat(5, [Dense(4), Relu()]), Tanh()], \
                      optimizer: Adam(0.5), batch: 7, steps: 77, clip: Norm(2), early_stopping: (patience: 3))";
        let mut wanted = read(wanted).expect("a scenario");
        wanted.lesson.clone_from(&s.lesson);
        assert_eq!(s, wanted);
    }

    #[test]
    fn what_cannot_be_varied_says_why() {
        let mut s = read("(data: Xor(), network: [Dense(4)], optimizer: Adam(0.01))").expect("a scenario");
        let before = s.clone();
        for (path, value, place, what) in [
            ("optimiser.lr", "1", true, "did you mean optimizer?"),
            ("optimizer.lt", "1", true, "did you mean optimizer.lr?"),
            ("optimizer.lr", "-1", false, "out of range"),
            ("network[3].units", "1", true, "the list has 1"),
            ("network[0].unit", "1", false, "did you mean units?"),
            ("seed", "1", true, "`seeds`"),
            ("batch.x", "1", true, "no settings inside"),
            ("optimizer", "Adm()", false, "did you mean Adam?"),
        ] {
            let (at_path, told) = set(&mut s, path, value).expect_err(path);
            assert!(told.contains(what) && at_path == place, "{path}: {told}");
        }
        assert_eq!(s, before);
    }
}
