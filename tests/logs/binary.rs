//! Tests with TensorBoard event files and offline W&B files, made here byte by byte: growing, truncated, damaged,
//! resumed.

use super::{Place, open, points, read};
use std::fs;

/// A record of an event file.
fn record(payload: &[u8]) -> Vec<u8> {
    let sum = |bytes: &[u8]| crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes();
    let size = (payload.len() as u64).to_le_bytes();
    [&size[..], &sum(&size), payload, &sum(payload)].concat()
}

/// A field of the wire format: bytes with their length.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 128 {
        out.push(length as u8 | 128);
        length >>= 7;
    }
    out.push(length as u8);
    [out, bytes.to_vec()].concat()
}

/// An event with a simple value.
fn scalar(step: u8, tag: &str, value: f32) -> Vec<u8> {
    let summary = [field(1, tag.as_bytes()), vec![2 << 3 | 5], value.to_le_bytes().to_vec()].concat();
    record(&[vec![2 << 3, step], field(5, &field(1, &summary))].concat())
}

/// An event with a tensor of the scalars' plugin, its number as raw bytes.
fn tensor(step: u8, tag: &str, value: f64) -> Vec<u8> {
    let tensor = field(8, &[vec![1 << 3, 2], field(4, &value.to_le_bytes())].concat());
    let metadata = field(9, &field(1, &field(1, b"scalars")));
    record(
        &[vec![2 << 3, step], field(5, &field(1, &[field(1, tag.as_bytes()), tensor, metadata].concat()))]
            .concat(),
    )
}

fn version() -> Vec<u8> {
    record(&field(3, b"brain.Event:2"))
}

#[test]
fn event_files_are_read_as_they_grow_and_half_a_record_is_not_lost() {
    let place = Place::new();
    let name = "events.out.tfevents.100.host.1.0";
    let next = scalar(2, "loss", 0.5);
    let begin = [version(), scalar(0, "loss", 2.0), tensor(1, "loss", 1.0), next[..20].to_vec()].concat();
    place.write(name, begin);
    let mut log = open(place.0.path());
    while log.read() {}
    assert_eq!(points(&log, "loss"), [(0.0, 2.0), (1.0, 1.0)]);
    // Zero bytes are space reserved for data, which are read once they are written.
    place.append(name, &next[20..]);
    place.append(name, [0; 64]);
    while log.read() {}
    assert_eq!(points(&log, "loss").len(), 3);
    let path = place.0.path().join(name);
    let length = fs::metadata(&path).expect("a file").len() - 64;
    let file = fs::OpenOptions::new().write(true).open(&path).expect("a file");
    std::os::unix::fs::FileExt::write_all_at(&file, &scalar(3, "loss", f32::NAN), length).expect("written");
    while log.read() {}
    let loss = log.content.get("loss").expect("a series");
    assert_eq!((loss.points, loss.nan, &log.content.remarks[..]), (4, 1, &[][..]));
}

#[test]
fn damage_is_told_from_an_end_and_the_records_behind_it_are_read() {
    let place = Place::new();
    let mut bytes = [version(), scalar(0, "loss", 2.0)].concat();
    let at = bytes.len() + 14;
    bytes.extend([scalar(1, "loss", 1.0), scalar(2, "loss", 0.5)].concat());
    bytes[at] ^= 1;
    let log = read(&place.write("events.out.tfevents.1.h.1.0", &bytes));
    assert_eq!(points(&log, "loss"), [(0.0, 2.0), (2.0, 0.5)]);
    assert!(log.content.remarks[0].contains("damaged"), "{:?}", log.content.remarks);
    let whole = [version(), scalar(0, "loss", 2.0), scalar(1, "loss", 1.0)].concat();
    for cut in version().len()..whole.len() {
        let log = read(&place.write("events.out.tfevents.1.h.1.0", &whole[..cut]));
        assert!(
            log.content.remarks.iter().all(|r| r.contains("half a record")),
            "{cut}: {:?}",
            log.content.remarks
        );
    }
}

#[test]
fn the_files_of_a_run_are_read_in_order_and_a_purge_makes_void_what_it_says() {
    let place = Place::new();
    let start = |step: u8| record(&[vec![2 << 3, step], field(7, &[1 << 3, 1])].concat());
    place
        .write("events.out.tfevents.5.h.1.2", [version(), scalar(0, "a", 1.0), scalar(9, "a", 2.0)].concat());
    place.write("events.out.tfevents.5.h.1.10", [version(), start(5), scalar(5, "a", 3.0)].concat());
    let mut log = open(place.0.path());
    while log.read() {}
    assert_eq!(points(&log, "a"), [(0.0, 1.0), (5.0, 3.0)]);
    // If a folder is added later, it becomes part of all names.
    place.write("val/events.out.tfevents.6.h.1.0", [version(), scalar(5, "a", 7.0)].concat());
    while log.read() {}
    assert_eq!(points(&log, "a"), [(0.0, 1.0), (5.0, 3.0)]);
    assert_eq!(points(&log, "val/a"), [(5.0, 7.0)]);
}

/// A `.wandb` file of these records.
fn wandb(records: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b":W&B\xe1\xbe\x00".to_vec();
    for record in records {
        let (mut rest, mut first) = (&record[..], true);
        loop {
            let room = 32768 - out.len() % 32768;
            if room < 7 {
                out.resize(out.len() + room, 0);
                continue;
            }
            let (piece, after) = rest.split_at(rest.len().min(room - 7));
            rest = after;
            let kind = match (first, rest.is_empty()) {
                (true, true) => 1,
                (true, false) => 2,
                (false, false) => 3,
                (false, true) => 4,
            };
            first = false;
            let mut hash = crc32fast::Hasher::new();
            hash.update(&[kind]);
            hash.update(piece);
            out.extend(hash.finalize().to_le_bytes());
            out.extend((piece.len() as u16).to_le_bytes());
            out.push(kind);
            out.extend(piece);
            if rest.is_empty() {
                break;
            }
        }
    }
    out
}

/// A record of the run's history.
fn history(items: &[(&[&str], &str)]) -> Vec<u8> {
    let item = |(path, value): &(&[&str], &str)| {
        let path: Vec<u8> = path.iter().flat_map(|part| field(2, part.as_bytes())).collect();
        // The value has the field number 16, which takes two bytes.
        let mut text = field(0, value.as_bytes());
        text.splice(0..1, [0x82, 0x01]);
        field(1, &[path, text].concat())
    };
    field(2, &items.iter().flat_map(item).collect::<Vec<_>>())
}

#[test]
fn runs_of_wandb_are_read_over_blocks_and_by_their_own_axis() {
    let place = Place::new();
    let define = field(12, &[field(1, b"loss"), field(4, b"global_step")].concat());
    let long = format!("\"{}\"", "x".repeat(70_000));
    let row = |step: &'static str, loss: &'static str, at: &'static str| {
        vec![
            (&["_step"][..], step),
            (&["loss"][..], loss),
            (&["global_step"][..], at),
            (&["val", "acc"][..], "0.5"),
        ]
    };
    let records = [
        define,
        history(&row("0", "2.5", "10")),
        history(&[(&["text"], &long), (&["_step"], "1")]),
        history(&row("2", "NaN", "30")),
    ];
    let bytes = wandb(&records);
    let path = place.write("offline-run-1/run-a.wandb", &bytes[..7]);
    let mut log = open(place.0.path());
    while log.read() {}
    for at in [100, 40_000, 66_000, bytes.len() - 3, bytes.len()] {
        fs::write(&path, &bytes[..at]).expect("written");
        while log.read() {}
    }
    let loss = log.content.get("loss").expect("a series");
    assert_eq!((loss.points, loss.nan, loss.steps), (2, 1, (10.0, 30.0)));
    assert_eq!(points(&log, "val.acc"), [(0.0, 0.5), (2.0, 0.5)]);
    assert_eq!(log.content.remarks, [""; 0]);
}
