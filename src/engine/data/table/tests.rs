//! Tests with usual tables and with damaged ones.
use super::*;
use crate::engine::data::{DirectoryEntry, Labels, Scaling, SplitPlan, prepare};
use crate::engine::shape::Shape;
use crate::registry::SettingValue as _;

mod misread;

/// Files in memory.
struct Memory(Vec<(&'static str, Vec<u8>)>);

impl Files for Memory {
    fn read(&self, path: &str, _: u64) -> Result<Vec<u8>, String> {
        self.0.iter().find(|(p, _)| *p == path).map(|(_, b)| b.clone()).ok_or_else(|| "not there".into())
    }
    fn list(&self, _: &str) -> Result<Vec<DirectoryEntry>, String> {
        Ok(Vec::new())
    }
}

/// A text of n lines.
fn lines(n: usize, line: &dyn Fn(usize) -> String) -> String {
    (0..n).map(line).collect()
}

/// The data set of a text with these settings.
fn load(text: &str, settings: &str) -> Result<Dataset, SourceError> {
    let csv = Csv { path: "t".into(), ..Csv::parse(settings).expect("settings") };
    csv.load(&Memory(vec![("t", text.as_bytes().to_vec())]), 1)
}

#[track_caller]
fn good(text: &str, settings: &str) -> Dataset {
    load(text, settings).unwrap_or_else(|e| panic!("{e}"))
}

#[track_caller]
fn fault(text: &str, settings: &str) -> (Option<u64>, String) {
    let e = load(text, settings).expect_err(text);
    (e.line, e.what)
}

fn names(data: &Dataset) -> Vec<String> {
    match &data.samples.labels {
        Labels::Classes { names, .. } => names.clone(),
        _ => Vec::new(),
    }
}

fn doubts(data: &Dataset) -> String {
    data.reading.doubts.iter().map(|d| d.what.as_str()).collect::<Vec<_>>().join("\n")
}

#[test]
fn headings_text_labels_and_label_columns_are_understood() {
    let text = "size,kind,weight\r\n1,b,2\r\n3,a,4\r\n";
    let data = good(text, "(label: \"kind\")");
    assert_eq!(data.samples.inputs, [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(data.samples.labels, Labels::Classes { of: vec![1, 0], names: vec!["a".into(), "b".into()] });
    assert_eq!(good(text, "(label: 1)"), data);
    let bare = good("1,10\n2,9\n", "()");
    assert_eq!(bare.samples.labels, Labels::Classes { of: vec![1, 0], names: vec!["9".into(), "10".into()] });
    let numbers = good("1,0.5\n2,9\n", "(regression: true)");
    assert_eq!(numbers.samples.labels, Labels::Values { of: vec![0.5, 9.0], shape: Shape::Flat(1) });
    assert!(fault(text, "(label: \"kid\")").1.contains("did you mean kind"));
}

#[test]
fn every_fault_names_its_line() {
    for (text, line) in [
        ("1,2,0\n1,2\n", 2),
        ("1,2,0\n1,x,1\n", 2),
        ("1,2,0\n\n1,NaN,1\n", 3),
        ("1,2,0\r\n\r\n\r\n1,,1\r\n", 4),
        ("1,2,0\r3,4,1\r1,x,1\r", 3),
        ("1,2,0\n1,1e999,1\n", 2),
        ("1,2,0\n1,\"2,1\n3,4,1\n", 2),
        ("a,b,c\n", 1),
        ("1\n", 1),
        ("1,2,0\n1,\u{1b}[2J,1\n", 2),
        ("1,2,0\n3,4,1\n5,6,\n", 3),
        ("1,2,0\n3,4,1,9\n", 2),
    ] {
        let (found, what) = fault(text, "()");
        assert_eq!(found, Some(line), "{text:?}: {what}");
        assert!(!what.contains(crate::text::harmful), "{what:?}");
    }
    assert_eq!(fault("", "()").0, None);
    assert!(fault("a;b\n1;0\n2;1\n", "(separator: Comma)").1.contains("separator: Semicolon"));
}

#[test]
fn every_form_gives_the_same_samples() {
    let plain = good("x,y,kind\n1.5,2,a\n-3,4.25,b\n0.5,1,a\n", "()");
    for text in [
        "x;y;kind\n1.5;2;a\n-3;4.25;b\n0.5;1;a\n",
        "x;y;kind\n1,5;2;a\n-3;4,25;b\n0,5;1;a\n",
        "x\ty\tkind\r\n1.5\t2\ta\r\n-3\t4.25\tb\r\n0.5\t1\ta\r\n",
        "x   y kind\n 1.5   2 a\n-3  4.25   b \n0.5 1\t\"a\"\n",
        "x|y|kind\n1.5|2|a\n-3|4.25|b\n0.5|1|a\n",
        "\u{feff}x,y,kind,\n1.5,2,a,\n-3,4.25,b,\n0.5,1,a,\n",
        "\"x\",\"y\",\"kind\"\n\"1.5\",\"2\",\"a\"\n\"-3\",\"4.25\",\"b\"\n\"0.5\",\"1\",\"a\"",
        "x,y,kind\n1.5,2,a\r\n-3,4.25,b\r0.5,1,a\n",
        "1.5,2,a\n-3,4.25,b\n0.5,1,a\n",
    ] {
        let data = good(text, "()");
        assert_eq!(
            (data.samples, names(&plain)),
            (plain.samples.clone(), vec!["a".into(), "b".into()]),
            "{text:?}"
        );
    }
}

#[test]
fn columns_are_chosen_and_left_out_by_name_or_number() {
    let text = "id,a,b,kind,c\n7,1,2,x,3\n9,4,5,y,6\n";
    assert_eq!(good(text, "(label: \"kind\", drop: [\"id\", 4])").samples.inputs, [1.0, 2.0, 4.0, 5.0]);
    assert_eq!(good(text, "(label: \"kind\", columns: [\"c\", \"a\"])").samples.inputs, [1.0, 3.0, 4.0, 6.0]);
    let several = good(text, "(targets: [\"a\", \"c\"], columns: \"b\")");
    assert_eq!(
        several.samples.labels,
        Labels::Values { of: vec![1.0, 3.0, 4.0, 6.0], shape: Shape::Flat(2) }
    );
    assert_eq!(several.samples.inputs, [2.0, 5.0]);
    assert!(
        fault(text, "(label: \"kind\", drop: [\"idd\"])")
            .1
            .contains("drop: no column is called idd; did you mean id?")
    );
    assert!(fault(text, "(label: 3, targets: 1)").1.contains("one of the two"));
    let csv = Csv::parse("(targets: [\"a\", 2], drop: \"b\")").expect("settings");
    assert_eq!(Csv::parse(&csv.text()), Ok(csv));
}

#[test]
fn texts_become_numbers_and_too_many_are_left_out_with_a_word() {
    let text = "colour,x,kind\nred,1,a\nblue,2,b\nred,3,a\n";
    assert_eq!(good(text, "()").samples.inputs, [0.0, 1.0, 1.0, 1.0, 0.0, 2.0, 0.0, 1.0, 3.0]);
    assert_eq!(good(text, "(texts: Ordinal)").samples.inputs, [1.0, 1.0, 0.0, 2.0, 1.0, 3.0]);
    let names = lines(40, &|i| format!("person {i},{},{}\n", i * i, i % 2));
    let data = good(&format!("name,x,kind\n{names}"), "()");
    assert_eq!(data.samples.shape, Shape::Flat(1));
    assert!(
        doubts(&data).contains("name holds 40 different texts in 40 rows, and is left out; drop: [\"name\"]")
    );
}

#[test]
fn missing_cells_are_refused_with_a_count_or_dealt_with_as_asked() {
    let text = "x,c,kind\n1,red,a\n?,blue,b\n3,,a\n5,blue,b\n4,blue,\n";
    let (line, what) = fault(text, "()");
    assert_eq!(line, Some(3));
    assert!(what.contains("x: 1 of 5 cells is `?`, and some of 2 more columns; missing: Drop"), "{what}");
    assert!(fault("x,kind\n1,a\n,b\n", "()").1.contains("is empty"));
    let dropped = good(text, "(missing: Drop)");
    assert_eq!(dropped.samples.inputs, [1.0, 0.0, 1.0, 5.0, 1.0, 0.0]);
    assert!(dropped.reading.notes[1].contains("3 rows left out"), "{:?}", dropped.reading.notes);
    let filled = good(text, "(missing: Mean)");
    assert_eq!(filled.samples.len(), 4, "a row without a label cannot be used");
    let all = SplitPlan { share: Some(0.0), ..SplitPlan::default() };
    let filled = prepare(filled, &all).expect("filled");
    let mut rows: Vec<&[f32]> = (0..4).map(|i| filled.train.input(i)).collect();
    rows.sort_by(|a, b| a[0].total_cmp(&b[0]));
    assert_eq!(rows, [&[1.0, 0.0, 1.0][..], &[3.0, 1.0, 0.0], &[3.0, 1.0, 0.0], &[5.0, 1.0, 0.0]]);
    let own = good("x,kind\n-200,a\n1,b\n-200.0,a\n2,a\n", "(missing: Drop, missing_values: [\"-200\"])");
    assert_eq!(own.samples.inputs, [1.0, 2.0]);
}

#[test]
fn marks_of_ones_own_come_beside_the_usual_ones() {
    let data = good("x,kind\nnone,a\n1,b\nNA,a\n2,a\n", "(missing: Drop, missing_values: [\"none\"])");
    assert_eq!(data.samples.inputs, [1.0, 2.0]);
}

#[test]
fn numbers_are_texts_where_the_settings_say_so() {
    let text = "code,price,kind\n10,$1,a\n9,$2,b\n10,$1,a\n9,$2,b\n";
    let told = doubts(&good(text, "()"));
    assert!(told.contains("if texts are meant: categories: [\"price\"]"), "{told}");
    let data = good(text, "(categories: [\"code\", \"price\"])");
    assert_eq!(data.samples.inputs[..8], [0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0], "9 before 10");
    assert_eq!(doubts(&data), "");
    let (line, what) = fault(text, "(categories: [\"kind\"])");
    assert_eq!((line, what.as_str()), (Some(1), "categories: kind is no input"));
    assert!(fault(text, "(categories: [\"cod\"])").1.contains("did you mean code?"));
}

#[test]
fn what_looks_like_a_mistake_is_told() {
    let rows = |f: &dyn Fn(usize) -> String| lines(60, f);
    let index = good(&(",x,kind\n".to_string() + &rows(&|i| format!("{i},{},{}\n", i % 7, i % 3))), "()");
    assert!(doubts(&index).contains("column 0 counts the rows") && doubts(&index).contains("drop: [0]"));
    let prices = good(&("x,price\n".to_string() + &rows(&|i| format!("{},{}.5\n", i % 7, i * 3))), "()");
    assert!(doubts(&prices).contains("60 different numbers in 60 rows"));
    assert!(doubts(&prices).contains("regression: true"));
    let header =
        good(&("0,1,kind\n".to_string() + &rows(&|i| format!("{},{},{}\n", i % 7, i % 5, i % 3))), "()");
    assert_eq!((header.samples.len(), names(&header).len()), (60, 3));
    assert!(doubts(&header).contains("headings: false"));
    assert_eq!(good("0,0,0\n0,1,1\n1,0,1\n1,1,0\n", "()").reading.doubts, []);
    let large = good("x,y,kind\n1e6,1,a\n2e6,2,b\n3e6,1,a\n1e6,2,b\n", "()");
    let plan = SplitPlan { share: Some(0.0), ..SplitPlan::default() };
    let doubt = |data: Dataset, plan: &SplitPlan| {
        prepare(data, plan).unwrap().reading.doubts.iter().map(|d| d.what.clone()).collect::<String>()
    };
    assert!(doubt(large.clone(), &plan).contains("scaling: Standard"));
    assert_eq!(doubt(large, &SplitPlan { scaling: Scaling::Standard, ..plan }), "");
    let text = "x,y\n1,300000\n2,200000\n3,100000\n";
    let target = good(text, "(regression: true)");
    assert!(doubt(target.clone(), &plan).contains("target_scaling: Standard"));
    assert_eq!(doubt(target, &SplitPlan { target_scaling: Scaling::Standard, ..plan }), "");
}

#[test]
fn targets_are_scaled_and_come_back_in_their_unit() {
    let data = good("x,y\n1,300000\n2,200000\n3,100000\n", "(regression: true)");
    let plan = SplitPlan { share: Some(0.0), target_scaling: Scaling::Standard, ..SplitPlan::default() };
    let p = prepare(data, &plan).unwrap();
    let Labels::Values { of, .. } = &p.train.labels else { panic!("numbers") };
    assert!(of.iter().sum::<f32>().abs() < 1e-5 && of.iter().all(|y| y.abs() < 1.3), "{of:?}");
    for (x, &y) in p.train.inputs.iter().zip(of) {
        assert!((p.in_unit(0, y) - (400_000.0 - 100_000.0 * x)).abs() < 0.1);
    }
    let classes = prepare(good("1,a\n2,b\n", "()"), &plan).unwrap_err();
    assert!(classes.what.starts_with("target_scaling: "), "{classes}");
}

#[test]
fn a_second_table_validates() {
    let files = Memory(vec![
        ("train", b"c,x,kind\nred,1,a\nblue,2,b\n".to_vec()),
        ("test", b"c,x,kind\nblue,3,b\ngreen,4,a\n\"red\",5,a\n".to_vec()),
        ("other", b"c,z,kind\nblue,3,b\n".to_vec()),
    ]);
    let csv = Csv { path: "train".into(), test: "test".into(), ..Csv::default() };
    let data = csv.load(&files, 1).unwrap();
    assert_eq!(data.samples.inputs, [0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 2.0]);
    let held = data.validation.expect("its own");
    assert_eq!((held.len(), held.input(1)), (3, &[0.0, 1.0, 0.0, 4.0][..]));
    assert_eq!(csv.files(), ["train", "test"]);
    let error = Csv { test: "other".into(), ..csv }.load(&files, 1).unwrap_err();
    assert_eq!((error.file.as_deref(), error.line), (Some("other"), Some(1)), "{error}");
}

#[test]
fn rows_may_be_pictures() {
    let data = good("0,255,255,0,a\n255,255,0,0,b\n", "(shape: (1, 2, 2), divide_by: 255)");
    assert_eq!(data.samples.shape, Shape::Image { channels: 1, height: 2, width: 2 });
    assert_eq!((&data.samples.inputs[..3], data.range), (&[0.0, 1.0, 1.0][..], Some((0.0, 1.0))));
    assert!(fault("1,2,3,a\n4,5,6,b\n", "(shape: (1, 2, 2))").1.starts_with("shape: "));
    let row = |class: &str| "1,".repeat(36) + class + "\n";
    let doubt = doubts(&good(&(row("a") + &row("b")), "(shape: (6, 6, 1))"));
    assert!(
        doubt.contains("means 6 channels of 6x1 pixels") && doubt.contains("shape: (1, 6, 6)"),
        "{doubt}"
    );
}

#[test]
fn a_series_is_cut_into_windows_and_split_in_time() {
    let text: String = "day,sun\n".to_string() + &lines(50, &|i| format!("{i}.5,{i}\n"));
    let files = Memory(vec![("s", text.into_bytes()), ("h", b"1\n2\n?\n4\n5\n6\n7\n8\n".to_vec())]);
    let series = Series { path: "s".into(), window: 5, horizon: 2, ..Series::default() };
    let p = prepare(series.load(&files, 1).unwrap(), &SplitPlan::default()).unwrap();
    assert_eq!(p.train.shape, Shape::Sequence { steps: 5, features: 1 });
    let Labels::Values { of, shape } = &p.train.labels else { panic!("numbers") };
    assert_eq!(
        (*shape, &of[..2], p.train.input(0)),
        (Shape::Flat(2), &[5.0, 6.0][..], &[0.0, 1.0, 2.0, 3.0, 4.0][..])
    );
    let Labels::Values { of: held, .. } = &p.validation.labels else { panic!("numbers") };
    let last = of.iter().copied().fold(0.0, f32::max);
    assert!(held.iter().all(|&y| y > last), "nothing to predict was trained on: {last} {held:?}");
    assert_eq!((p.train.len(), p.validation.len()), (34, 9));
}

#[test]
fn hostile_tables_are_refused_at_once() {
    use std::io::Write as _;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let sevens = vec![b'7'; 1 << 20];
    packed.write_all(b"1,2,0\n1,").unwrap();
    for _ in 0..1024 {
        packed.write_all(&sevens).unwrap();
    }
    let rows = lines(1_000_000, &|i| format!("1,{i}\n"));
    for (what, bytes, words) in [
        ("100,000 columns", "1,".repeat(100_000).into_bytes(), "4096"),
        ("a gigabyte in one cell", packed.finish().unwrap(), "a line of more than"),
        ("a long line", format!("1,2\n1,{}\n", "2".repeat(2_000_000)).into_bytes(), "a line of more than"),
        ("a million classes", rows.into_bytes(), "more than 1000 different values"),
        ("an open quote", [b"1,2\n1,\"".to_vec(), b"\n3,4".repeat(10_000_000)].concat(), "never closed"),
        ("UTF-16", b"\xff\xfe1\0,\x002\0".to_vec(), "UTF-8"),
    ] {
        let files = Memory(vec![("t", bytes)]);
        let csv = Csv { path: "t".into(), ..Csv::default() };
        let error = csv.load(&files, 1).expect_err(what);
        assert!(error.what.contains(words), "{what}: {error}");
    }
}

/// A file that repeats these bytes without end, and counts those that are read.
struct Endless(&'static [u8], std::cell::Cell<usize>);

impl Files for Endless {
    fn read(&self, _: &str, _: u64) -> Result<Vec<u8>, String> {
        panic!("a table is never held whole")
    }
    fn open(&self, _: &str, _: u64) -> Result<Box<dyn Read + '_>, String> {
        Ok(Box::new(Again(self, 0)))
    }
    fn list(&self, _: &str) -> Result<Vec<DirectoryEntry>, String> {
        Ok(Vec::new())
    }
}

struct Again<'a>(&'a Endless, usize);

impl Read for Again<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        for (i, byte) in out.iter_mut().enumerate() {
            *byte = self.0.0[(self.1 + i) % self.0.0.len()];
        }
        self.1 += out.len();
        self.0.1.set(self.0.1.get() + out.len());
        Ok(out.len())
    }
}

#[test]
fn an_endless_file_is_refused_after_its_first_bytes() {
    for (what, bytes, words) in [
        ("one field", &b"7"[..], "line 1: a line of more than 1048576 bytes, the limit; each sample stands"),
        ("no line end", b"7,7,", "line 1: a line of more than 1048576 bytes"),
        ("zeros", b"\0", "line 1: a NUL byte: this is no plain text; save the table as CSV in UTF-8"),
        ("zeros in lines", b"1,2\n3,\0\n", "line 2: a NUL byte"),
    ] {
        let files = Endless(bytes, std::cell::Cell::new(0));
        let error = Csv { path: "t".into(), ..Csv::default() }.load(&files, 1).expect_err(what);
        assert!(error.to_string().contains(words), "{what}: {error}");
        let read = files.1.get();
        assert!(read < 8 << 20, "{what}: {read} bytes were read");
    }
}

#[test]
fn pandas_columns_without_names_are_headings_and_its_index_counts_the_rows() {
    let text = String::from(",0,1,2\n") + &lines(20, &|i| format!("{i},0.{i},{}.5,{}\n", i % 3, i % 2));
    let data = good(&text, "()");
    assert_eq!((data.samples.len(), names(&data)), (20, vec!["0".into(), "1".into()]));
    assert!(doubts(&data).contains("counts the rows"), "{}", doubts(&data));
    // An index may begin anywhere, but a column of years is none.
    let from = |first: usize| lines(20, &|i| format!("{},0.{i},{}\n", first + i, i % 2));
    assert!(doubts(&good(&from(1000), "()")).contains("counts the rows"));
    assert!(!doubts(&good(&from(1990), "()")).contains("counts the rows"));
}

#[test]
fn a_class_without_a_row_is_no_class() {
    let text = "1,x\n2,y\n,rare\n3,x\n4,y\n";
    let data = good(text, "(missing: Drop)");
    assert_eq!(names(&data), ["x", "y"]);
    let Labels::Classes { of, .. } = &data.samples.labels else { panic!() };
    assert_eq!(of, &[0, 1, 0, 1]);
    let notes = data.reading.notes.join("\n");
    assert!(notes.contains("no row of rare is left"), "{notes}");
}

#[test]
fn a_series_may_be_a_table_of_one_column() {
    for head in ["load\n", ""] {
        let text = String::from(head) + &lines(60, &|i| format!("{}.5\n", i % 7));
        let series = Series { path: "t".into(), window: 5, ..Series::parse("()").expect("settings") };
        let data = series.load(&Memory(vec![("t", text.into_bytes())]), 1).expect("windows");
        assert_eq!(data.samples.len(), 55, "{head:?}");
    }
    assert!(fault("1\n2\n", "()").1.contains("one column only"));
}

#[test]
fn a_column_of_numbers_stays_one_whatever_its_first_cell_is() {
    let table = |first: &str| {
        format!("a,b,kind\n{first},0,x\n") + &lines(60, &|i| format!("{i}.5,{},x{}\n", i % 7, i % 2))
    };
    let (line, what) = fault(&table("missing"), "()");
    assert_eq!(line, Some(2));
    assert!(
        what.contains("a: missing is no number; if it stands for no value: missing_values: [\"missing\"]"),
        "{what}"
    );
    assert!(what.contains("belongs to the headings"), "{what}");
    assert!(fault(&table("0.0*"), "()").1.contains("no part of a number; save it as 0.0"));
    // Numbers among many texts, as on tickets or houses, are texts.
    let tickets =
        lines(60, &|i| if i % 3 == 0 { format!("{i},1,x\n") } else { format!("PC {},2,y\n", i % 5) });
    let data = good(&format!("a,b,kind\n3,1,x\n{tickets}"), "()");
    assert_eq!(data.reading.inputs.len(), 2);
    let stages = lines(60, &|i| format!("{},{i}.5,x{}\n", ["1", "2", "3a", "3b", "4"][i % 5], i % 2));
    let data = good(&format!("stage,b,kind\n{stages}"), "()");
    assert_eq!(data.samples.shape, Shape::Flat(6));
    assert!(
        data.reading.notes.join("").contains("stage is read as texts, since texts such as 3a stand among")
    );
}

#[test]
fn dressed_numbers_are_named_with_their_repair() {
    let prices = |cell: &dyn Fn(usize) -> String| {
        String::from("x,price\n") + &lines(60, &|i| format!("{}.5,{}\n", i % 7, cell(i)))
    };
    let dollars = prices(&|i| format!("${}.90", 400 + i));
    let doubt = doubts(&good(&dollars, "()"));
    assert!(doubt.contains("60 different texts in 60 rows") && doubt.contains("regression: true"), "{doubt}");
    assert!(doubt.contains("$400.90 has a currency sign; save it as 400.90"), "{doubt}");
    let what = fault(&dollars, "(regression: true)").1;
    assert!(
        what.contains("price: $400.90 is no number, since it has a currency sign; save it as 400.90"),
        "{what}"
    );
    let groups = prices(&|i| format!("\"1,{}\"", 400 + i));
    assert!(doubts(&good(&groups, "()")).contains("if it groups thousands, save it as 1400; if it begins"));
    let commas = good(&prices(&|i| format!("\"{},90\"", 400 + i)), "(regression: true)");
    assert_eq!(
        commas.samples.labels,
        Labels::Values { of: (0..60).map(|i| 400.9 + i as f32).collect(), shape: Shape::Flat(1) }
    );
    let names = doubts(&good(&prices(&|i| format!("person {i}")), "()"));
    assert!(names.contains("hardly more than a row each") && names.contains("label:"), "{names}");
    let inputs =
        String::from("share,x,kind\n") + &lines(60, &|i| format!("{}%,{i}.5,k{}\n", 40 + i % 9, i % 2));
    assert!(
        doubts(&good(&inputs, "()"))
            .contains("share is read as texts, since 40% has a per cent sign; save it as 40")
    );
    let labels = doubts(&good("x,y\n1,0\n2,0.0\n3,1\n", "()"));
    assert!(labels.contains("0 and 0.0 are taken for two classes"), "{labels}");
}

#[test]
fn decimal_commas_are_found_late_and_between_quotes_or_named() {
    let late = |first: usize| {
        String::from("a;kind\n") + &lines(first, &|i| format!("{i};x{}\n", i % 2)) + "\"0,5\";x0\n"
    };
    let data = good(&late(200), "()");
    assert_eq!(data.samples.inputs[200], 0.5);
    let what = fault(&late(3000), "()").1;
    assert!(what.contains("since it has a decimal comma; write decimal_comma: true"), "{what}");
    assert_eq!(good(&late(3000), "(decimal_comma: true)").samples.inputs[3000], 0.5);
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_heading() {
    let text = "\u{feff}\"species\",len\na,1\nb,2\n";
    assert_eq!(good(text, "(label: \"species\")").samples.inputs, [1.0, 2.0]);
    assert_eq!(fault("\u{feff}1,2,0\n1,x,1\n", "()").0, Some(2));
}

#[test]
fn headings_that_are_numbers_are_found_or_offered() {
    let rows = lines(30, &|i| format!("0.{},{}.5,k{}\n", i, i % 7, i % 2));
    for settings in ["()", "(label: \"kind\")"] {
        let data = good(&format!("2019,2020,kind\n{rows}"), settings);
        assert_eq!((data.samples.len(), names(&data).len()), (30, 2), "{settings}");
    }
    assert!(doubts(&good(&format!("2019,2020,kind\n{rows}"), "()")).contains("headings: false"));
    assert_eq!(good(&format!("7,5,k2\n{rows}7,6,k2\n"), "()").samples.len(), 32, "a sample like others");
    let far = lines(30, &|i| format!("0.{},{}.5,{}\n", i, i % 7, i % 2));
    assert!(doubts(&good(&format!("2019,2020,2021\n{far}"), "()")).contains("headings: true"));
}

#[test]
fn empty_columns_are_left_out_with_a_word() {
    let rows = |row: &dyn Fn(usize) -> String| lines(20, row);
    let ends = good(&format!("a,kind,,\n{}", rows(&|i| format!("{i}.5,{},,\n", i % 2))), "()");
    assert_eq!(ends.samples.shape, Shape::Flat(1));
    assert!(ends.reading.notes[0].contains("the 2 empty last columns"), "{:?}", ends.reading.notes);
    for missing in ["Refuse", "Drop", "Mean"] {
        let text = format!("a,notes,kind\n{}", rows(&|i| format!("{i}.5,,{}\n", i % 2)));
        let data = good(&text, &format!("(missing: {missing})"));
        assert_eq!((data.samples.len(), data.samples.shape), (20, Shape::Flat(1)), "{missing}");
        assert!(data.reading.notes.join("\n").contains("notes has no value in any of 20 rows"), "{missing}");
    }
    let what = fault("a,b\nred 1,\nred 2,\n", "(label: 0)").1;
    assert!(what.contains("no column is left to predict from: all are empty"), "{what}");
}

#[test]
fn a_shuffled_index_and_texts_that_are_not_utf8_are_told() {
    let rows = lines(40, &|i| format!("{},{}.5,{}\n", i * 7 % 40, i % 9, i % 2));
    let doubt = doubts(&good(&format!(",x,kind\n{rows}"), "()"));
    assert!(doubt.contains("column 0 numbers the rows, 0 to 39 in another order"), "{doubt}");
    let load = |bytes: &[u8]| {
        let csv = Csv { path: "t".into(), ..Csv::default() };
        csv.load(&Memory(vec![("t", bytes.to_vec())]), 1)
    };
    assert!(doubts(&load(b"gr\xf6\xdfe,kind\n1,a\n2,b\n").unwrap()).contains("headings are not UTF-8"));
    let what = load(b"size,kind\n1,gr\xf6\xdfer\n2,b\n").unwrap_err().what;
    assert!(what.contains("is not UTF-8; save the file as UTF-8"), "{what}");
}
