//! Tests with arrays and archives in every usual form, and with damaged ones.

use super::array::tests::npy;
use super::*;
use crate::engine::data::DirectoryEntry;
use crate::registry::SettingValue as _;

fn zip(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, body) in members {
        let at = out.len() as u32;
        let sizes = [crc32fast::hash(body), body.len() as u32, body.len() as u32];
        let common = |out: &mut Vec<u8>| {
            out.extend([20, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            out.extend(sizes.iter().flat_map(|s| s.to_le_bytes()));
            out.extend((name.len() as u16).to_le_bytes());
            out.extend([0, 0]);
        };
        out.extend(b"PK\x03\x04");
        common(&mut out);
        out.extend(name.as_bytes());
        out.extend(body);
        directory.extend(b"PK\x01\x02\x14\x00");
        common(&mut directory);
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let at = out.len() as u32;
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend((members.len() as u16).to_le_bytes());
    out.extend((members.len() as u16).to_le_bytes());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(at.to_le_bytes());
    out.extend([0, 0]);
    out
}

struct Memory(Vec<(&'static str, Vec<u8>)>);

impl Files for Memory {
    fn read(&self, path: &str, _: u64) -> Result<Vec<u8>, String> {
        self.0.iter().find(|(p, _)| *p == path).map(|(_, b)| b.clone()).ok_or_else(|| "not there".into())
    }
    fn list(&self, _: &str) -> Result<Vec<DirectoryEntry>, String> {
        Ok(Vec::new())
    }
}

/// The data set of an archive with these settings.
fn load(members: &[(&str, Vec<u8>)], settings: &str) -> Result<Dataset, SourceError> {
    let npy = Npy { path: "a.npz".into(), ..Npy::parse(settings).expect("settings") };
    npy.load(&Memory(vec![("a.npz", zip(members))]), 1)
}

/// Four samples of one number with these labels.
fn labelled(kind: &str, shape: &str, body: &[u8]) -> Result<Labels, SourceError> {
    let x = npy("|u1", false, "(4,)", &[1, 2, 3, 4]);
    Ok(load(&[("x.npy", x), ("y.npy", npy(kind, false, shape, body))], "()")?.samples.labels)
}

#[test]
fn labels_of_every_form_mean_what_they_mean_in_a_table() {
    let classes = |of: &[u32], names: &[&str]| Labels::Classes {
        of: of.to_vec(),
        names: names.iter().map(ToString::to_string).collect(),
    };
    for (kind, shape, body, wanted) in [
        ("|u1", "(4,)", &[0u8, 1, 2, 1][..], classes(&[0, 1, 2, 1], &["0", "1", "2"])),
        ("|u1", "(4, 1)", &[0, 1, 2, 1], classes(&[0, 1, 2, 1], &["0", "1", "2"])),
        ("|u1", "(4,)", &[1, 2, 3, 2], classes(&[0, 1, 2, 1], &["1", "2", "3"])),
        ("|i1", "(4,)", &[1, 255, 255, 1], classes(&[1, 0, 0, 1], &["-1", "1"])),
        ("|u1", "(4, 2)", &[1, 0, 0, 1, 0, 1, 1, 0], classes(&[0, 1, 1, 0], &["0", "1"])),
        ("|S3", "(4,)", b"catdogcatant", classes(&[1, 2, 1, 0], &["ant", "cat", "dog"])),
    ] {
        assert_eq!(labelled(kind, shape, body).unwrap(), wanted, "{kind} {shape}");
    }
    assert!(labelled("|u1", "(4, 2)", &[1, 1, 0, 1, 0, 1, 1, 0]).unwrap_err().what.contains("one-hot"));
    assert!(labelled("|u1", "(4,)", &[7; 4]).unwrap_err().what.contains("two classes"));
    assert!(labelled("|u1", "(3,)", &[0, 1, 0]).unwrap_err().what.contains("3 labels for 4 samples"));
}

#[test]
fn texts_that_are_numbers_are_told_and_ordered_by_value() {
    let x = npy("|u1", false, "(4,)", &[1, 2, 3, 4]);
    let y = npy("|S2", false, "(4,)", b"109\x002\x0010");
    let members = [("x.npy", x), ("y.npy", y)];
    let data = load(&members, "()").unwrap();
    let names = ["2", "9", "10"].map(String::from).to_vec();
    assert_eq!(data.samples.labels, Labels::Classes { of: vec![2, 1, 0, 2], names });
    let notes = data.reading.notes.join("\n");
    assert!(notes.contains("numbers saved as texts") && notes.contains("y.astype('float32')"), "{notes}");
    let error = load(&members, "(regression: true)").unwrap_err();
    assert!(error.what.contains("save y.astype('float32')"), "{error}");
    // So many different numbers are probably none of classes.
    let texts: Vec<u8> = (10..50).flat_map(|n: u32| n.to_string().into_bytes()).collect();
    let x = npy("|u1", false, "(40,)", &[7; 40]);
    let many = load(&[("x.npy", x), ("y.npy", npy("|S2", false, "(40,)", &texts))], "()").unwrap();
    let doubt = &many.reading.doubts[0].what;
    assert!(doubt.contains("40 different numbers") && doubt.contains("y.astype('float32')"), "{doubt}");
}

#[test]
fn an_archive_may_bring_a_test_set() {
    let x = |n: u8| npy("|u1", false, &format!("({n}, 2)"), &vec![n; 2 * usize::from(n)]);
    let y = |of: &[u8]| npy("|u1", false, &format!("({},)", of.len()), of);
    let members = [
        ("x_train.npy", x(3)),
        ("y_train.npy", y(&[0, 1, 0])),
        ("x_test.npy", x(2)),
        ("y_test.npy", y(&[2, 1])),
    ];
    let data = load(&members, "()").unwrap();
    assert_eq!(data.samples.len(), 3);
    let held = data.validation.expect("its own");
    assert_eq!((held.len(), held.outputs()), (2, Shape::Flat(3)));
    assert!(load(&members[..3], "()").unwrap_err().what.contains("no array y_test in it; there are x_train"));
    assert!(load(&members, "(x: \"z\")").unwrap_err().what.contains("no array z in it"));
}

#[test]
fn pictures_say_where_their_channels_are() {
    let x = npy("|u1", false, "(2, 2, 2, 3)", &(0..24).collect::<Vec<u8>>());
    let members = [("x.npy", x), ("y.npy", npy("|u1", false, "(2,)", &[0, 1]))];
    assert!(load(&members, "()").unwrap_err().what.contains("layout: ChannelsLast"));
    let last = load(&members, "(layout: ChannelsLast)").unwrap().samples;
    assert_eq!(last.shape, Shape::Image { channels: 3, height: 2, width: 2 });
    assert_eq!(last.input(0), [0.0, 3.0, 6.0, 9.0, 1.0, 4.0, 7.0, 10.0, 2.0, 5.0, 8.0, 11.0]);
    let first = load(&members, "(layout: ChannelsFirst)").unwrap().samples;
    assert_eq!(first.shape, Shape::Image { channels: 2, height: 2, width: 3 });
}

#[test]
fn nan_is_refused_with_a_count_or_dealt_with_as_asked() {
    let body: Vec<u8> = [1.0, f32::NAN, 3.0, 4.0].iter().flat_map(|x: &f32| x.to_le_bytes()).collect();
    let members =
        [("x.npy", npy("<f4", false, "(4,)", &body)), ("y.npy", npy("|u1", false, "(4,)", &[0, 1, 0, 1]))];
    assert!(load(&members, "()").unwrap_err().what.contains("1 of 4 numbers are NaN; missing: Drop"));
    assert_eq!(load(&members, "(missing: Drop)").unwrap().samples.inputs, [1.0, 3.0, 4.0]);
    assert_eq!(load(&members, "(missing: Mean)").unwrap().samples.len(), 4);
}

#[test]
fn a_table_holds_its_labels_in_the_last_column() {
    let table = npy("<i2", false, "(2, 3)", &[1, 0, 2, 0, 0, 0, 3, 0, 255, 255, 1, 0]);
    let files = Memory(vec![("t.npy", table)]);
    let samples = Npy { path: "t.npy".into(), ..Npy::default() }.load(&files, 1).unwrap().samples;
    assert_eq!(samples.inputs, [1.0, 2.0, 3.0, -1.0]);
    assert_eq!(samples.labels, Labels::numbered(vec![0, 1]).unwrap());
}

#[test]
fn damaged_archives_are_refused() {
    let packed =
        zip(&[("x.npy", npy("|u1", false, "(2,)", &[7, 8])), ("y.npy", npy("|b1", false, "(2,)", &[0, 1]))]);
    let load = |bytes: &[u8]| {
        Npy { path: "a".into(), ..Npy::default() }.load(&Memory(vec![("a", bytes.to_vec())]), 1)
    };
    assert!(load(&packed).is_ok());
    // The length of the archive's comment, in its last two bytes, is not read.
    for cut in 0..packed.len() - 2 {
        assert!(load(&packed[..cut]).is_err(), "cut at {cut}");
    }
}

#[test]
fn arrays_of_other_names_are_offered_with_their_setting() {
    let one = || npy("|u1", false, "(2,)", &[0, 1]);
    let fault = |names: &[&str]| {
        let members: Vec<(&str, Vec<u8>)> = names.iter().map(|name| (*name, one())).collect();
        load(&members, "()").unwrap_err().what
    };
    for (names, hint) in [
        (&["X_train.npy", "y_train.npy"][..], "there are X_train, y_train; write x: \"X\""),
        (&["x.npy", "Y.npy"], "write y: \"Y\""),
        (&["data.npy", "target.npy"], "there are data, target; write x: \"data\", y: \"target\""),
        (&["a.npy", "b.npy", "c.npy"], "name one of them: x: \"..\""),
    ] {
        assert!(fault(names).ends_with(hint), "{}", fault(names));
    }
}

#[test]
fn numbers_and_labels_that_are_missing_are_counted() {
    let floats = |of: &[f32]| of.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let x = npy("<f4", false, "(4,)", &floats(&[1.0, f32::NAN, 3.0, 4.0]));
    let y = npy("<f4", false, "(4,)", &floats(&[0.0, 1.0, f32::NAN, 1.0]));
    let members = [("x.npy", x), ("y.npy", y)];
    let dropped = load(&members, "(missing: Drop)").unwrap();
    assert_eq!(dropped.samples.inputs, [1.0, 4.0]);
    let filled = load(&members, "(missing: Median)").unwrap();
    let notes = filled.reading.notes.join("\n");
    assert!(notes.contains("1 sample without a label left out"), "{notes}");
    assert!(
        notes.contains("1 of 3 inputs are NaN; filled with the median of the training samples"),
        "{notes}"
    );
}

#[test]
fn thin_pictures_are_told() {
    let x = npy("|u1", false, "(2, 20, 3)", &[7; 120]);
    let members = [("x.npy", x), ("y.npy", npy("|u1", false, "(2,)", &[0, 1]))];
    let doubts = |settings| load(&members, settings).unwrap().reading.doubts;
    assert!(doubts("()")[0].what.contains("pictures of one channel, 20x3 pixels"), "{:?}", doubts("()"));
    assert_eq!(doubts("(layout: ChannelsFirst)"), []);
}

#[test]
fn arrays_beyond_the_limit_are_refused_from_their_headers() {
    let y = || ("y.npy", npy("|u1", false, "(2,)", &[0, 1]));
    let x = npy("<f8", false, "(100000, 1000)", &[0; 16]);
    let what = load(&[("x.npy", x), y()], "()").unwrap_err().what;
    assert!(what.contains("[100000, 1000] numbers are promised; at most 67108864 are allowed"), "{what}");
    // A member of an archive says its size before it is unpacked.
    let mut archive = zip(&[("x.npy", npy("|u1", false, "(2,)", &[1, 2])), y()]);
    let entry = archive.windows(4).position(|w| w == b"PK\x01\x02").expect("a directory");
    archive[entry + 24..entry + 28].copy_from_slice(&u32::MAX.to_le_bytes());
    let loaded = Npy { path: "a".into(), ..Npy::parse("()").unwrap() }.load(&Memory(vec![("a", archive)]), 1);
    let what = loaded.unwrap_err().what;
    assert!(what.contains("x.npy is larger than 256 MiB"), "{what}");
}

#[test]
fn what_macos_adds_to_an_archive_is_left_out() {
    let array = |body: &[u8]| npy("|u1", false, "(2,)", body);
    let extra = || ("__MACOSX/._x.npy", b"Mac OS X".to_vec());
    let members = [extra(), ("x.npy", array(&[3, 4])), (".DS_Store", vec![0; 4]), ("y.npy", array(&[0, 1]))];
    assert_eq!(load(&members, "()").unwrap().samples.inputs, [3.0, 4.0]);
    let what = load(&[extra(), ("images.npy", array(&[3, 4]))], "()").unwrap_err().what;
    assert!(what.contains("there are images") && !what.contains("MACOSX"), "{what}");
}
