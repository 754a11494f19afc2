//! However a table is cut into pieces, and in whatever order they are read, the result and the faults are the same.

use super::super::pieces::csv_reader;
use super::super::separator::Separator;
use super::super::{Csv, samples};
use super::*;
use crate::engine::data::Dataset;
use crate::engine::team::SingleThread;
use crate::registry::SettingValue as _;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use std::io::Read;

/// A team that does the second half first.
#[derive(Debug)]
struct Backwards;

impl Team for Backwards {
    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        b();
        a();
    }
}

fn run<S: Strategy>(cases: u32, input: S, test: impl Fn(S::Value)) {
    let rng_seed = RngSeed::Fixed(1);
    let config = Config { cases, failure_persistence: None, rng_seed, ..Config::default() };
    let done = TestRunner::new(config).run(&input, |value| {
        test(value);
        Ok(())
    });
    done.unwrap_or_else(|error| panic!("{error}"));
}

/// The data set or the fault of a table that is read in pieces of this size.
fn load(text: &[u8], settings: &str, piece: usize, team: &dyn Team) -> Result<Dataset, TableFault> {
    let csv = Csv::parse(settings).expect("settings");
    let table = csv.table(TableSource { open: &|| Ok(Box::new(text)), team, piece })?;
    let rows = table.rows;
    samples::dataset(table, &csv, rows)
}

/// Equal to the bit, also where numbers are missing.
#[track_caller]
fn same(a: &Result<Dataset, TableFault>, b: &Result<Dataset, TableFault>, what: &str) {
    let bits = |data: &Dataset| data.samples.inputs.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    match (a, b) {
        (Ok(a), Ok(b)) => {
            assert_eq!(bits(a), bits(b), "{what}");
            assert_eq!(a.samples.labels, b.samples.labels, "{what}");
            assert_eq!(a.reading, b.reading, "{what}");
        }
        _ => assert_eq!(a.as_ref().err(), b.as_ref().err(), "{what}"),
    }
}

#[test]
fn records_are_those_of_the_crate_however_a_table_is_cut() {
    let bytes = prop::sample::select(b"ab1 ,;\t\"\"\"\n\n\r".to_vec());
    let separators = [Separator::Comma, Separator::Semicolon, Separator::Blanks];
    let input = (prop::collection::vec(bytes, 0..60), 1_usize..30, prop::sample::select(separators.to_vec()));
    run(20_000, input, |(text, size, separator)| {
        let guarded = || GuardedReader::new(&text[..], separator);
        let mut wanted = Vec::new();
        let mut whole = csv_reader(guarded(), separator);
        let mut record = csv::ByteRecord::new();
        let closed = loop {
            match whole.read_byte_record(&mut record) {
                Ok(true) => {}
                Ok(false) => break true,
                Err(_) => break false,
            }
            let cells = RecordCells::of(&record, separator);
            wanted.push(cells.map(<[u8]>::to_vec).collect::<Vec<_>>());
        };
        let (mut found, mut pieces, mut piece) =
            (Vec::new(), TablePieces::new(guarded(), size), TablePiece::default());
        while pieces.next(&mut piece) {
            piece.records(0, separator, |_, cells| {
                found.push(cells.map(<[u8]>::to_vec).collect::<Vec<_>>());
                true
            });
        }
        assert_eq!(pieces.fault.is_none(), closed, "{:?}", String::from_utf8_lossy(&text));
        // A quote that is never closed ends the table before its record.
        if closed {
            assert_eq!(found, wanted, "{:?} {separator:?} {size}", String::from_utf8_lossy(&text));
        }
    });
}

#[test]
fn results_and_faults_do_not_depend_on_pieces_or_their_order() {
    let cell = prop_oneof![
        12 => (-50..50_i32).prop_map(|i| i.to_string()),
        6 => (-5000..5000_i32).prop_map(|i| format!("{}", f64::from(i) / 8.0)),
        1 => Just("1e3".to_string()),
        1 => Just("007".to_string()),
        1 => Just("-0".to_string()),
        1 => Just("16777217".to_string()),
        1 => Just(String::new()),
    ];
    let text =
        prop::sample::select(vec!["red", "blue", "\"gre\nen\"", "\"a,\"\"b\"", "NA", "7", "5\" wide", " x "]);
    let class = prop::sample::select(vec!["a", "b", "c", "1", "", "?"]);
    let end = prop::sample::select(vec!["\n", "\r\n", "\r", "\n\n", ",\n"]);
    let odd = prop_oneof![
        60 => Just(String::new()),
        1 => prop::sample::select(vec!["x", "1,2\n", "1,2,3,4,5\n", "\"", "\0", "1e99", "$5", ",,,,,,\n"])
            .prop_map(String::from),
    ];
    let row = (0..40_usize, cell.clone(), cell, text, class, end, odd);
    let settings = prop::sample::select(vec![
        "(missing: Mean)",
        "(missing: Drop)",
        "()",
        "(missing: Mean, regression: true, label: 0)",
        "(missing: Drop, categories: [1], missing_values: [\"7\"])",
    ]);
    let input = (prop::collection::vec(row, 1..60), settings, 1_usize..300, any::<bool>(), any::<bool>());
    run(3000, input, |(rows, settings, piece, headings, ends_alike)| {
        let mut table = String::from(if headings { "count,x,colour,y,kind\n" } else { "" });
        for (i, (skip, x, y, text, class, end, odd)) in rows.iter().enumerate() {
            let end = if ends_alike { "\n" } else { end };
            let count = if *skip == 0 { 1 } else { i };
            table.push_str(&[&count.to_string(), x, *text, y, *class].join(","));
            table.push_str(end);
            table.push_str(odd);
        }
        let whole = load(table.as_bytes(), settings, usize::MAX / 2, &SingleThread);
        for team in [&SingleThread as &dyn Team, &Backwards] {
            same(&whole, &load(table.as_bytes(), settings, piece, team), &table);
        }
    });
}

#[test]
fn a_late_text_or_fault_is_found_where_it_is() {
    let row = |i: usize| format!("{i},,{}\n", i % 2);
    let rows = |n: usize| (0..n).map(row).collect::<String>();
    // The second column has no value in the first rows, then it holds texts, among them numbers.
    let late = rows(1500) + "1500,5,0\n1501,red,1\n1502,6,0\n";
    let first = late.clone().replace("1500,5,0\n", "");
    for (table, settings) in [
        (late.clone(), "(missing: Mean)"),
        (first.clone(), "(missing: Mean)"),
        (first.clone() + "7,blue\n", "(missing: Mean)"),
        (first.clone() + "7,\0", "(missing: Mean)"),
        (rows(3000) + "1,\"2", "(missing: Mean)"),
        (rows(2000) + "9,1,x,\n", "(missing: Mean)"),
        (first, "()"),
    ] {
        let whole = load(table.as_bytes(), settings, 1 << 20, &SingleThread);
        for piece in [1, 100, 3000, 10_000] {
            let parts = load(table.as_bytes(), settings, piece, &Backwards);
            same(&whole, &parts, &format!("{piece} {settings}"));
        }
    }
    let fault = load(late.as_bytes(), "(missing: Mean)", 100, &Backwards).unwrap_err();
    assert_eq!(fault.0, Some(1502), "{}", fault.1);
}

/// A stream that gives one byte at a time.
struct Trickle<'a>(&'a [u8]);

impl Read for Trickle<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
        (out[0], self.0) = (*first, rest);
        Ok(1)
    }
}

#[test]
fn a_stream_that_comes_byte_by_byte_is_the_same_table() {
    let text = b"a,\"b\"\"\nc\",d\r\n\r\n1,2\" x,\"3\"\n4,,\"\"\n";
    let of = |source: &mut dyn Read| {
        let (mut found, mut piece) = (Vec::new(), TablePiece::default());
        let mut pieces = TablePieces::new(GuardedReader::new(source, Separator::Comma), 8);
        while pieces.next(&mut piece) {
            piece.records(0, Separator::Comma, |at, cells| {
                let cells = cells.map(|c| String::from_utf8_lossy(c).into_owned()).collect::<Vec<_>>();
                found.push((piece.at + at as u64, cells.join("|")));
                true
            });
        }
        assert!(pieces.fault.is_none());
        found.into_iter().map(|(_, cells)| cells).collect::<Vec<_>>()
    };
    let found = of(&mut Trickle(text));
    assert_eq!(found, of(&mut &text[..]));
    assert_eq!(found, ["a|b\"\nc|d", "1|2\" x|3", "4||"]);
}
