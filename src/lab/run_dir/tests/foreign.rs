//! Tests with a run directory that was replaced or moved, and with files in it that belong to another run, were edited,
//! or do not fit.

use super::*;

/// A copy of every file of a run, by name.
fn files(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let all = std::fs::read_dir(path).unwrap().map(|e| e.unwrap().path());
    all.map(|p| (p.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(p).unwrap())).collect()
}

#[test]
fn a_run_whose_directory_was_replaced_writes_nothing_into_the_next_one_and_says_so() {
    // The directory is removed as a whole, or only its content; in the latter case the next run uses the same
    // directory.
    for emptied in [false, true] {
        let place = Place::new();
        let path = place.0.path().join("run");
        let mut first = RunDir::create(&path, &scenario(), Path::new("."), 0).unwrap();
        first.append(vec![line(0, "a", 1)]);
        first.flush(1).unwrap();
        first.checkpoint(&scenario(), &[lane(0, "a", 1)], None, &[]).unwrap();
        if emptied {
            for entry in std::fs::read_dir(&path).unwrap() {
                std::fs::remove_file(entry.unwrap().path()).unwrap();
            }
        } else {
            std::fs::remove_dir_all(&path).unwrap();
        }
        let mut second = RunDir::create(&path, &scenario(), Path::new("."), 0).unwrap();
        second.append(vec![line(0, "z", 1)]);
        second.flush(1).unwrap();
        second.checkpoint(&scenario(), &[lane(0, "z", 1)], None, &[]).unwrap();
        let before = files(&path);
        first.append(vec![line(0, "a", 2)]);
        for said in [first.flush(2), first.checkpoint(&scenario(), &[lane(0, "a", 2)], None, &[])] {
            let said = plain(&said.unwrap_err());
            assert!(said.contains("was removed or emptied"), "{said}");
        }
        if !emptied {
            assert!(first.home().recording().is_err(), "nor a recording");
            assert!(!first.home().is_in_place());
        }
        assert!(files(&path) == before, "emptied: {emptied}");
        drop((first, second));
        assert_eq!(resume(&path).unwrap().1.lanes[0].name, "z");
    }
}

#[test]
fn a_run_goes_on_in_a_directory_that_was_moved() {
    let place = Place::new();
    let (path, moved) = (place.0.path().join("run"), place.0.path().join("moved"));
    let mut dir = RunDir::create(&path, &scenario(), Path::new("."), 0).unwrap();
    std::fs::rename(&path, &moved).unwrap();
    dir.append(vec![line(0, "a", 1)]);
    dir.flush(1).unwrap();
    dir.checkpoint(&scenario(), &[lane(0, "a", 1)], None, &[]).unwrap();
    assert!(!dir.home().is_in_place() && !path.exists());
    drop(dir);
    assert_eq!(resume(&moved).unwrap().1.lanes[0].snapshot.step, 1);
}

#[test]
fn files_of_two_runs_and_edited_ones_are_told_apart_and_nothing_is_changed() {
    let place = Place::new();
    let (path, other) = (place.0.path().join("run"), place.0.path().join("other"));
    work(&path).unwrap();
    let mut dir = RunDir::create(&other, &scenario(), Path::new("."), 0).unwrap();
    for step in 1..=9 {
        dir.append(vec![line(0, "a", step), line(1, "b", step + 1)]);
        dir.flush(step).unwrap();
    }
    dir.checkpoint(&scenario(), &[lane(0, "a", 9), lane(1, "b", 9)], None, &[]).unwrap();
    drop(dir);
    let edited = scenario().to_ron().replace("a test", "another");
    let log = log(&path);
    let shorter = log.split_inclusive('\n').skip(1).collect::<String>();
    let last = log.trim_end().rfind('\n').unwrap() + 1;
    let cases = [
        (
            "checkpoint",
            Some(std::fs::read(other.join("checkpoint")).unwrap()),
            "metrics.jsonl is not the log",
        ),
        ("scenario.ron", Some(edited.into_bytes()), "scenario.ron is not the one"),
        ("scenario.ron", None, "scenario.ron cannot be read"),
        ("metrics.jsonl", Some(shorter.into_bytes()), "metrics.jsonl is not the log"),
        ("metrics.jsonl", Some(log.as_bytes()[..last].to_vec()), "metrics.jsonl is not the log"),
        ("metrics.jsonl", Some(log.replacen("1.0", "2.0", 1).into_bytes()), "metrics.jsonl is not the log"),
        ("metrics.jsonl", None, "metrics.jsonl is missing"),
    ];
    for (name, bytes, what) in cases {
        let file = path.join(name);
        let good = std::fs::read(&file).unwrap();
        match bytes {
            Some(bytes) => std::fs::write(&file, bytes).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        let before = files(&path);
        let said = resume(&path).unwrap_err().to_string();
        assert!(said.contains(what) && !said.contains(['\n', '\t']), "{name}: {said}");
        assert!(files(&path) == before, "{name} of another run changed something");
        std::fs::write(&file, good).unwrap();
    }
    assert_eq!(resume(&path).unwrap().1.lanes[0].snapshot.step, 9);
}

/// The scenario changes while the run goes on, for example by an edit of a lane.
#[test]
fn a_kill_between_the_checkpoint_and_an_edited_scenario_parts_nothing() {
    let mut resumed_somewhere = 0;
    for n in 0.. {
        for damaged in [false, true] {
            let place = Place::new();
            let path = place.0.path().join("run");
            let mut dir = RunDir::create(&path, &scenario(), Path::new("."), 0).unwrap();
            dir.checkpoint(&scenario(), &[lane(0, "a", 0)], None, &[]).unwrap();
            store::crash::after(Some(n), true);
            let mut end = Ok(());
            for step in 1..4 {
                let edited = Scenario { title: format!("edit {step}"), ..scenario() };
                dir.append(vec![line(0, "a", step)]);
                end = end.and(dir.flush(step)).and(dir.checkpoint(&edited, &[lane(0, "a", step)], None, &[]));
            }
            store::crash::after(None, true);
            drop(dir);
            let noise = || std::fs::write(path.join("checkpoint"), "noise").unwrap();
            if damaged && path.join("checkpoint").exists() && path.join("checkpoint.previous").exists() {
                noise();
            }
            let (dir, resumed) = resume(&path).unwrap_or_else(|e| panic!("killed at operation {n}: {e}"));
            let step = resumed.lanes[0].snapshot.step;
            assert_eq!(log(&path).lines().count() as u64, step, "killed at operation {n}");
            drop(dir);
            resumed_somewhere += 1;
            if end.is_ok() && damaged {
                assert!(resumed_somewhere > 40, "{resumed_somewhere}");
                return;
            }
        }
    }
}

#[test]
fn what_else_lies_in_a_run_is_no_reason_not_to_take_it_up() {
    let place = Place::new();
    let path = place.0.path().join("run");
    work(&path).unwrap();
    std::fs::write(path.join("notes.txt"), "mine").unwrap();
    std::fs::create_dir(path.join("plots")).unwrap();
    assert_eq!(resume(&path).unwrap().1.lanes[0].snapshot.step, 9);
    assert_eq!(std::fs::read_to_string(path.join("notes.txt")).unwrap(), "mine");
}

#[test]
fn a_directory_that_may_not_be_read_is_told_apart_from_none() {
    let place = Place::new();
    let path = place.0.path().join("run");
    work(&path).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    let said = resume(&path).map(|_| ()).map_err(|e| e.to_string());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    if rustix::process::geteuid().is_root() {
        assert!(said.is_ok(), "nothing is closed to root: {said:?}");
    } else {
        assert!(said.clone().unwrap_err().contains("permission denied"), "{said:?}");
    }
    let said = |path: &Path| RunDir::look(path).unwrap_err().to_string();
    assert!(said(&place.0.path().join("nowhere")).contains("no run directory"));
    assert!(said(place.0.path()).contains("no run of gradtui"));
    assert!(said(&path.join("checkpoint")).contains("not a directory"));
    assert!(said(&place.0.path().join("x".repeat(300))).contains("too long"));
}

#[test]
fn a_checkpoint_that_is_larger_than_its_scenario_needs_is_not_read() {
    let place = Place::new();
    let path = place.0.path().join("run");
    work(&path).unwrap();
    let file = path.join("checkpoint");
    let good = std::fs::read(&file).unwrap();
    let grow = |bytes: &[u8], len: u64| {
        std::fs::write(&file, bytes).unwrap();
        File::options().write(true).open(&file).unwrap().set_len(len).unwrap();
    };
    // A file with a hole, whose real length differs from the stated one; then one that states the length of the hole.
    let mut lying = good.clone();
    lying[16..24].copy_from_slice(&((3u64 << 30) - 28).to_le_bytes());
    for (bytes, what) in [(&good, "instead of"), (&lying, "its scenario needs 1000000 at most")] {
        grow(bytes, 3 << 30);
        let begun = worked();
        let (_, resumed) = RunDir::resume(&path, &mut |_, _| 1_000_000).unwrap();
        assert_eq!(resumed.lanes[0].snapshot.step, 8);
        assert!(resumed.warnings[0].contains(what), "{:?}", resumed.warnings);
        assert!(worked() - begun < 1.0, "three gigabytes were read");
        work_on(&path);
    }
    // Lines of a log beyond its checkpoint are cut off without being read.
    std::fs::write(&file, &good).unwrap();
    let log = path.join("metrics.jsonl");
    File::options().write(true).open(&log).unwrap().set_len(3 << 30).unwrap();
    let begun = worked();
    assert!(resume(&path).is_ok());
    assert!(log.metadata().unwrap().len() < 10_000 && worked() - begun < 1.0);
}

/// Cuts the log of [`work`] back to its ninth step.
fn worked() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    now.tv_sec as f64 + 1e-9 * now.tv_nsec as f64
}

/// Brings the log of [`work`] back to its ninth step.
fn work_on(path: &Path) {
    let lines = (1..=9).flat_map(|s| [line(0, "a", s), line(1, "b", s)].map(|l| l.text + "\n"));
    std::fs::write(path.join("metrics.jsonl"), lines.collect::<String>()).unwrap();
}
