//! Tests with tables that are easily read as something else.

use super::*;

#[test]
fn true_and_false_beside_one_and_zero_are_told() {
    let rows =
        |cell: &dyn Fn(usize) -> &'static str| lines(40, &|i| format!("{i}.5,{},k{}\n", cell(i), i % 2));
    let mixed = String::from("x,on,kind\n") + &rows(&|i| ["True", "1", "False", "0"][i % 4]);
    let told = doubts(&good(&mixed, "()"));
    assert!(
        told.contains("on: 0 and False are read as two texts; if they are the same, write them alike"),
        "{told}"
    );
    let labels = doubts(&good(&mixed, "(label: \"on\")"));
    assert!(labels.contains("0 and False are taken for two classes; if they are the same"), "{labels}");
    let late = rows(&|_| "1") + "9,True,k0\n";
    let (line, what) = fault(&format!("x,on,kind\n{late}"), "()");
    assert_eq!(line, Some(42));
    assert!(
        what.contains("on: True is no number; write 1 for True and 0 for False in the whole column"),
        "{what}"
    );
}

#[test]
fn characters_that_nobody_sees_are_told() {
    let rows = lines(20, &|i| format!("{i}.5,{}\n", ["cat", "dog", "cat\u{a0}"][i % 3]));
    let told = doubts(&good(&format!("x,kind\n{rows}"), "()"));
    assert!(
        told.contains("are taken for two classes, since one holds a no-break space, which is invisible"),
        "{told}"
    );
    let rows = lines(20, &|i| format!("{},{}.5,k{}\n", ["red", "\u{200b}red", "blue"][i % 3], i, i % 2));
    let told = doubts(&good(&format!("colour,x,kind\n{rows}"), "()"));
    assert!(told.contains("are read as two texts, since one holds a zero-width space"), "{told}");
    let what = fault(&(lines(40, &|i| format!("{i}.5,k{}\n", i % 2)) + "7\u{a0},k1\n"), "()").1;
    assert!(what.contains("is no number, since it holds a no-break space; delete it in the file"), "{what}");
    // Blanks at the ends of a cell are no part of it.
    assert_eq!(names(&good("1,cat \n2,dog\n3,\" cat\"\n", "()")), ["cat", "dog"]);
}

#[test]
fn a_test_table_that_repeats_the_training_table_is_told() {
    let row = |i: usize| format!("{i}.25,{}\n", i % 2);
    let rows = |range: std::ops::Range<usize>| String::from("x,y\n") + &range.map(row).collect::<String>();
    let told = |test: String| {
        let files = Memory(vec![("t", rows(0..60).into_bytes()), ("v", test.into_bytes())]);
        let csv = Csv { path: "t".into(), test: "v".into(), ..Csv::default() };
        let prepared = prepare(csv.load(&files, 1).unwrap(), &SplitPlan::default()).unwrap();
        prepared.reading.doubts.iter().map(|d| d.what.clone()).collect::<Vec<_>>().join("\n")
    };
    assert!(told(rows(0..60)).contains("the validation samples are the training samples"));
    assert!(told(rows(30..70)).contains("30 of 40 validation samples are training samples too"));
    assert!(!told(rows(50..100)).contains("training samples"));
}

#[test]
fn the_refusal_of_a_gap_in_a_series_names_what_a_series_can_have() {
    let text = lines(60, &|i| if i == 30 { "\n,0\n".into() } else { format!("{i},0\n") });
    let series = Series { path: "t".into(), column: Some(Column::Index(0)), ..Series::parse("()").unwrap() };
    let what = series.load(&Memory(vec![("t", text.into_bytes())]), 1).unwrap_err().what;
    assert!(
        what.contains("Drop leaves out the windows that hold one; Mean, Median or MostFrequent"),
        "{what}"
    );
    assert!(what.contains("previous value") && what.contains("would know the future"), "{what}");
}

#[test]
fn categories_of_many_values_are_kept_as_asked() {
    let text =
        String::from("code,x,kind\n") + &lines(400, &|i| format!("{},{i}.5,k{}\n", 1000 + i % 100, i % 2));
    for setting in ["(categories: [\"code\"])", "(categories: \"code\")", "(categories: 0)"] {
        let data = good(&text, setting);
        assert_eq!(data.samples.shape, Shape::Flat(101), "{setting}");
        assert!(!doubts(&data).contains("left out"), "{}", doubts(&data));
    }
    let wide = String::from("code,x,kind\n") + &lines(3000, &|i| format!("{i},{i}.5,k{}\n", i % 2));
    let told = doubts(&good(&wide, "(categories: [\"code\"])"));
    assert!(
        told.contains("code is left out: it holds long texts, or more different ones than categories"),
        "{told}"
    );
}
