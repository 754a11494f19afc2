//! Selects some classes of a data set, or one of them against all others. Knows labels, not their meaning.

use super::{Dataset, Labels, Samples, SourceError};
use crate::text::did_you_mean;

/// Keeps the samples of these classes (all, if none are given) and renumbers them in this order; then, if `one` is
/// given, makes two classes: all the others, and that one.
///
/// # Errors
/// If a class does not exist, too few are given, or the labels are not classes. The message begins with the setting's
/// name.
pub fn choose(data: &mut Dataset, classes: &[String], one: Option<&str>) -> Result<(), SourceError> {
    for samples in std::iter::once(&mut data.samples).chain(&mut data.validation) {
        if !classes.is_empty() {
            keep(samples, classes).map_err(|what| SourceError::new(format!("classes: {what}")))?;
        }
        if let Some(one) = one {
            divide(samples, one).map_err(|what| SourceError::new(format!("one_against_rest: {what}")))?;
        }
    }
    Ok(())
}

/// The classes and their names.
fn labels(samples: &mut Samples) -> Result<(&mut Vec<u32>, &mut Vec<String>), String> {
    match &mut samples.labels {
        Labels::Classes { of, names } => Ok((of, names)),
        _ => Err("these data have no class per sample".into()),
    }
}

fn number(name: &str, names: &[String]) -> Result<u32, String> {
    if let Some(i) = names.iter().position(|n| n == name) {
        return Ok(i as u32);
    }
    let hint = did_you_mean(name, names.iter().map(String::as_str))
        .map_or_else(|| format!("there are {}", names.join(", ")), |n| format!("did you mean {n}?"));
    Err(format!("there is no class {name}; {hint}"))
}

fn keep(samples: &mut Samples, classes: &[String]) -> Result<(), String> {
    let (of, names) = labels(samples)?;
    let mut new = vec![None; names.len()];
    for (i, class) in classes.iter().enumerate() {
        let old = number(class, names)? as usize;
        if new[old].replace(i as u32).is_some() {
            return Err(format!("{class} stands there twice"));
        }
    }
    if classes.len() < 2 {
        return Err("name two classes or more".into());
    }
    let kept: Vec<usize> = (0..of.len()).filter(|&i| new[of[i] as usize].is_some()).collect();
    *samples = samples.pick(&kept);
    let (of, names) = labels(samples)?;
    for class in &mut *of {
        *class = new[*class as usize].unwrap_or_default();
    }
    *names = classes.to_vec();
    Ok(())
}

fn divide(samples: &mut Samples, one: &str) -> Result<(), String> {
    let (of, names) = labels(samples)?;
    let chosen = number(one, names)?;
    for class in of {
        *class = u32::from(*class == chosen);
    }
    *names = vec![format!("no {one}"), one.into()];
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::data::embedded::Digits;
    use crate::engine::data::{NoFiles, Source as _};

    fn digits() -> Dataset {
        Digits {}.load(&NoFiles, 1).expect("embedded")
    }

    fn chosen(classes: &[&str], one: Option<&str>) -> Result<Samples, String> {
        let mut data = digits();
        let classes: Vec<String> = classes.iter().map(ToString::to_string).collect();
        choose(&mut data, &classes, one).map_err(|e| e.what)?;
        Ok(data.samples)
    }

    #[test]
    fn chosen_classes_are_numbered_in_the_order_asked_for() {
        let (all, some) = (digits().samples, chosen(&["7", "1"], None).expect("classes"));
        let (Labels::Classes { of: before, .. }, Labels::Classes { of, names }) = (&all.labels, &some.labels)
        else {
            panic!("classes")
        };
        assert_eq!(names, &["7", "1"]);
        let old: Vec<usize> = (0..before.len()).filter(|&i| [1, 7].contains(&before[i])).collect();
        assert_eq!(of.len(), old.len());
        for (row, &i) in old.iter().enumerate() {
            assert_eq!((some.input(row), of[row]), (all.input(i), u32::from(before[i] == 1)));
        }
    }

    #[test]
    fn one_stands_against_the_rest() {
        let (all, two) = (digits().samples, chosen(&[], Some("3")).expect("a class"));
        let (Labels::Classes { of: before, .. }, Labels::Classes { of, names }) = (&all.labels, &two.labels)
        else {
            panic!("classes")
        };
        assert_eq!(names, &["no 3", "3"]);
        assert!(of.iter().zip(before).all(|(new, old)| (*new == 1) == (*old == 3)));
        assert_eq!(all.inputs, two.inputs);
        let among = chosen(&["3", "8"], Some("8")).expect("classes");
        assert!(among.len() < all.len() / 4 && among.outputs().size() == 2);
    }

    #[test]
    fn what_cannot_be_chosen_is_said() {
        assert!(chosen(&["7", "11"], None).unwrap_err().starts_with("classes: there is no class 11; "));
        assert!(chosen(&["7", "7"], None).unwrap_err().contains("twice"));
        assert!(chosen(&["7"], None).unwrap_err().contains("two classes"));
        assert!(chosen(&[], Some("x")).unwrap_err().starts_with("one_against_rest: there is no class x; "));
    }
}
