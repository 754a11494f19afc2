//! Tests of the guarantees of a run directory after an interruption at any operation.

use super::lock::OWNER;
use super::*;
use crate::lab::trainer::Snapshot;
use crate::telemetry::Phase;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use tempfile::TempDir;

mod foreign;

/// A separate directory for each test, removed afterwards.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(TempDir::with_prefix("gradtui-").expect("a directory"))
    }
}

fn scenario() -> Scenario {
    Scenario { title: "a test".into(), ..Scenario::default() }
}

fn lane(id: usize, name: &str, step: u64) -> SavedLane {
    let snapshot = Snapshot { step, params: vec![step as f32], ..Snapshot::default() };
    SavedLane { id, name: name.into(), snapshot, seeds: Vec::new(), seconds: 0.0, phase: Phase::Paused }
}

fn line(id: usize, name: &str, step: u64) -> LogLine {
    LogLine { step, lane: id, text: format!("{{\"step\":{step},\"lane\":\"{name}\",\"loss\":1.0}}") }
}

/// Resumes a run, with no limit on checkpoint sizes.
fn resume(path: &Path) -> Result<(RunDir, Resumed), DirError> {
    RunDir::resume(path, &mut newest::at_most)
}

fn log(path: &Path) -> String {
    std::fs::read_to_string(path.join("metrics.jsonl")).unwrap()
}

/// Ten steps of two lanes with a checkpoint after each; returns the step reached.
fn work(path: &Path) -> Result<u64, String> {
    let mut dir = RunDir::create(path, &scenario(), Path::new("."), 0).map_err(|e| e.to_string())?;
    let mut done = 0;
    for step in 0..10 {
        if step > 0 {
            dir.append(vec![line(0, "a", step), line(1, "b", step), line(0, "a", step + 100)]);
        }
        dir.flush(step).map_err(|e| e.to_string())?;
        dir.checkpoint(&scenario(), &[lane(0, "a", step), lane(1, "b", step)], None, &[])
            .map_err(|e| e.to_string())?;
        done = step;
    }
    Ok(done)
}

#[test]
fn a_kill_at_any_operation_leaves_something_to_resume_or_says_that_there_is_nothing() {
    let mut resumed_somewhere = 0;
    for n in 0.. {
        let place = Place::new();
        let path = place.0.path().join("run");
        store::crash::after(Some(n), true);
        let end = work(&path);
        store::crash::after(None, true);
        match resume(&path) {
            Ok((_, resumed)) => {
                let step = resumed.lanes[0].snapshot.step;
                let mut expected = String::new();
                for s in 1..=step {
                    expected.extend([line(0, "a", s).text, "\n".into(), line(1, "b", s).text, "\n".into()]);
                }
                assert_eq!(log(&path), expected, "killed at operation {n}");
                assert_eq!(resumed.lanes[1].snapshot.step, step);
                resumed_somewhere += 1;
            }
            Err(e) => assert!(e.what.contains("nothing to resume"), "killed at operation {n}: {e}"),
        }
        if end.is_ok() {
            break;
        }
    }
    assert!(resumed_somewhere > 50, "{resumed_somewhere}");
}

#[test]
fn a_fault_that_passes_loses_nothing() {
    for n in 0..200 {
        let place = Place::new();
        let path = place.0.path().join("run");
        let mut dir = RunDir::create(&path, &scenario(), Path::new("."), 0).unwrap();
        store::crash::after(Some(n), false);
        for step in 1..10 {
            dir.append(vec![line(0, "a", step)]);
            if dir.flush(step).is_err() {
                dir.flush(step).unwrap();
            }
            if dir.checkpoint(&scenario(), &[lane(0, "a", step)], None, &[]).is_err() {
                dir.checkpoint(&scenario(), &[lane(0, "a", step)], None, &[]).unwrap();
            }
        }
        store::crash::after(None, true);
        drop(dir);
        let (_, resumed) = resume(&path).unwrap();
        assert_eq!(resumed.lanes[0].snapshot.step, 9);
        assert_eq!(log(&path).lines().count(), 9, "fault at operation {n}");
    }
}

#[test]
fn a_second_program_is_refused_and_hears_who_is_there() {
    let place = Place::new();
    let path = place.0.path().join("run");
    let dir = RunDir::create(&path, &scenario(), Path::new("."), 0).unwrap();
    let error = resume(&path).unwrap_err().to_string();
    assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
    drop(dir);
    let error = resume(&path).unwrap_err().to_string();
    assert!(error.contains("nothing to resume"), "{error}");
}

#[test]
fn a_damaged_checkpoint_gives_way_to_the_one_before_with_a_warning() {
    let place = Place::new();
    let path = place.0.path().join("run");
    work(&path).unwrap();
    let file = path.join("checkpoint");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let (dir, resumed) = resume(&path).unwrap();
    assert_eq!(resumed.lanes[0].snapshot.step, 8);
    assert!(resumed.warnings[0].contains("checksum"), "{:?}", resumed.warnings);
    drop(dir);
    std::fs::remove_file(&file).unwrap();
    std::fs::remove_file(path.join("checkpoint.previous")).unwrap();
    symlink("/dev/zero", &file).unwrap();
    let error = resume(&path).unwrap_err().to_string();
    assert!(error.contains("checkpoint cannot be used"), "{error}");
}

#[test]
fn links_are_not_followed_and_files_belong_to_the_owner_alone() {
    for name in NAMES {
        let place = Place::new();
        let victim = place.0.path().join("victim");
        std::fs::write(&victim, "precious").unwrap();
        let path = place.0.path().join("run");
        std::fs::create_dir(&path).unwrap();
        if name != "run.lock" {
            std::fs::write(path.join("run.lock"), OWNER).unwrap();
        }
        symlink(&victim, path.join(name)).unwrap();
        // The run is either refused, or written without following the link.
        let _ = work(&path);
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious", "{name}");
    }
    let place = Place::new();
    let path = place.0.path().join("run");
    work(&path).unwrap();
    let mode = |p: &Path| p.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    for entry in std::fs::read_dir(&path).unwrap() {
        let entry = entry.unwrap().path();
        assert_eq!(mode(&entry), 0o600, "{}", entry.display());
    }
}

#[test]
fn what_belongs_to_somebody_else_stays_untouched() {
    let place = Place::new();
    std::fs::write(place.0.path().join("thesis.tex"), "years of work").unwrap();
    let error = RunDir::create(place.0.path(), &scenario(), Path::new("."), 0).unwrap_err().to_string();
    assert!(error.contains("thesis.tex"), "{error}");
    assert_eq!(std::fs::read_dir(place.0.path()).unwrap().count(), 1);
    let run = place.0.path().join("run");
    work(&run).unwrap();
    let before = log(&run);
    let error = RunDir::create(&run, &scenario(), Path::new("."), 0).unwrap_err().to_string();
    assert!(error.contains("resume"), "{error}");
    assert_eq!(log(&run), before);
}

/// The lines of a lane after a step.
fn gone(lane: &str, after: u64) -> LineRemoval {
    LineRemoval { lane: lane.into(), after, to: String::new() }
}

/// Two lanes train, one of them is restarted, and both continue; every step is saved.
fn work_with_a_reset(path: &Path) -> Result<(), String> {
    let fault = |e: std::io::Error| e.to_string();
    let mut dir = RunDir::create(path, &scenario(), Path::new("."), 0).map_err(|e| e.to_string())?;
    let save = |dir: &mut RunDir, a: u64, b: u64, forgotten: &[LineRemoval]| {
        dir.checkpoint(&scenario(), &[lane(0, "a", a), lane(1, "b", b)], None, forgotten)
    };
    save(&mut dir, 0, 0, &[]).map_err(fault)?;
    for step in 1..=3 {
        dir.append(vec![line(0, "a", step), line(1, "b", step)]);
        dir.flush(step).map_err(fault)?;
        save(&mut dir, step, step, &[]).map_err(fault)?;
    }
    dir.append(vec![line(0, "a", 4)]);
    dir.drop_waiting(|lane, _| lane == 0);
    save(&mut dir, 0, 3, &[gone("a", 0)]).map_err(fault)?;
    for step in 1..=2 {
        dir.append(vec![line(0, "a", step), line(1, "b", step + 3)]);
        dir.flush(step).map_err(fault)?;
        save(&mut dir, step, step + 3, &[]).map_err(fault)?;
    }
    Ok(())
}

/// Checks that the log has every step of every lane once, up to the lanes' present steps.
#[track_caller]
fn complete(dir: &RunDir, resumed: &Resumed, when: &str) {
    let text = log(dir.path());
    let held = resumed.lanes.iter().map(|l| l.snapshot.step as usize).sum::<usize>();
    // Lines of a lane that is ahead of the others may wait.
    let all: Vec<&str> = text.lines().chain(dir.waiting.values().flatten().map(String::as_str)).collect();
    let different: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!((different.len(), all.len()), (held, held), "{when}: {text}");
}

#[test]
fn a_lane_that_begins_anew_leaves_no_old_lines_wherever_it_is_killed_and_whichever_checkpoint_is_left() {
    let mut resumed_somewhere = 0;
    for n in 0.. {
        for damaged in [false, true] {
            let place = Place::new();
            let path = place.0.path().join("run");
            store::crash::after(Some(n), true);
            let end = work_with_a_reset(&path);
            store::crash::after(None, true);
            // A kill may leave a new checkpoint without its name; damage happens to a file that has its name.
            if damaged && end.is_ok() {
                std::fs::write(path.join("checkpoint"), "noise").unwrap();
            }
            match resume(&path) {
                Ok((dir, resumed)) => {
                    complete(&dir, &resumed, &format!("killed at operation {n}"));
                    resumed_somewhere += 1;
                }
                Err(e) => assert!(e.what.contains("nothing to resume"), "killed at operation {n}: {e}"),
            }
            if end.is_ok() && damaged {
                assert!(resumed_somewhere > 50, "{resumed_somewhere}");
                return;
            }
        }
    }
}

#[test]
fn the_checkpoint_before_a_reset_is_not_one_to_fall_back_to() {
    let place = Place::new();
    let path = place.0.path().join("run");
    let mut dir = RunDir::create(&path, &scenario(), Path::new("."), 0).unwrap();
    dir.append(vec![line(0, "a", 1), line(1, "b", 1)]);
    dir.flush(1).unwrap();
    dir.checkpoint(&scenario(), &[lane(0, "a", 1), lane(1, "b", 1)], None, &[]).unwrap();
    dir.checkpoint(&scenario(), &[lane(0, "a", 0), lane(1, "b", 1)], None, &[gone("a", 0)]).unwrap();
    drop(dir);
    std::fs::write(path.join("checkpoint"), "noise").unwrap();
    let (_, resumed) = resume(&path).unwrap();
    assert_eq!(resumed.lanes[0].snapshot.step, 0, "there are no lines to step 1 any more");
}

#[test]
fn the_newest_runs_are_kept_and_what_is_not_ours_is_left_alone() {
    let place = Place::new();
    let runs = place.0.path();
    let make = |name: &str| {
        let path = runs.join(name);
        let mut dir = RunDir::create(&path, &scenario(), Path::new("."), 0).unwrap();
        dir.checkpoint(&scenario(), &[lane(0, "a", 1)], None, &[]).unwrap();
        dir
    };
    let age = |name: &str, seconds: u64| {
        let log = File::options().write(true).open(runs.join(name).join("metrics.jsonl")).unwrap();
        log.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds)).unwrap();
    };
    let names = ["used-1", "seen-1", "old-2", "old-1", "recorded-1", "noted-1", "new-1", "new-2"];
    let mut held = Vec::new();
    for (i, name) in (0..).zip(names) {
        let dir = make(name);
        if name == "used-1" {
            held.push(dir);
        }
        age(name, 1000 + i);
    }
    std::fs::write(runs.join("recorded-1").join("recording-1.cast"), "x").unwrap();
    std::fs::write(runs.join("noted-1").join("notes.txt"), "mine").unwrap();
    std::fs::create_dir(runs.join("somebody's")).unwrap();
    std::fs::write(runs.join("somebody's").join("file"), "x").unwrap();
    symlink(runs.join("seen-1"), runs.join("link")).unwrap();
    prune(runs, 4).unwrap();
    let mut left: Vec<_> =
        std::fs::read_dir(runs).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, ["link", "new-1", "new-2", "noted-1", "recorded-1", "somebody's", "used-1"]);
    prune(runs, 4).unwrap();
    drop(held);
    prune(runs, 0).unwrap();
    assert!(!runs.join("used-1").exists() && !runs.join("new-2").exists());
    assert!(runs.join("noted-1").join("checkpoint").exists());
}

#[test]
fn what_a_lane_made_before_it_went_back_is_put_aside() {
    let place = Place::new();
    let path = place.0.path().join("run");
    let mut dir = RunDir::create(&path, &scenario(), Path::new("."), 0).unwrap();
    for step in 1..=4 {
        dir.append(vec![line(0, "a", step), line(1, "b", step)]);
    }
    dir.flush(4).unwrap();
    dir.checkpoint(&scenario(), &[lane(0, "a", 2), lane(1, "b", 4)], None, &[gone("a", 2)]).unwrap();
    let read = |name: &str| std::fs::read_to_string(path.join(name)).unwrap();
    let of =
        |steps: &[(&str, u64)]| steps.iter().map(|(l, s)| line(0, l, *s).text + "\n").collect::<String>();
    let left = of(&[("a", 1), ("b", 1), ("a", 2), ("b", 2), ("b", 3), ("b", 4)]);
    assert_eq!(read("metrics.jsonl"), left);
    let ghosts = String::from("{\"rewound\":\"a\",\"to\":2}\n") + &of(&[("a", 3), ("a", 4)]);
    assert_eq!(read("ghosts.jsonl"), ghosts);
    // A second time: lines moved aside before are kept.
    dir.append(vec![line(0, "a", 3)]);
    dir.flush(4).unwrap();
    dir.checkpoint(&scenario(), &[lane(0, "a", 1), lane(1, "b", 4)], None, &[gone("a", 1)]).unwrap();
    assert_eq!(read("ghosts.jsonl"), ghosts + "{\"rewound\":\"a\",\"to\":1}\n" + &of(&[("a", 2), ("a", 3)]));
}

#[test]
fn a_renamed_lane_keeps_all_its_lines_under_its_new_name() {
    let place = Place::new();
    let path = place.0.path().join("run");
    let mut dir = RunDir::create(&path, &scenario(), Path::new("."), 0).unwrap();
    for step in 1..=3 {
        dir.append(vec![line(0, "a", step), line(1, "b", step)]);
    }
    // Lane b is behind, so this line waits.
    dir.append(vec![line(0, "a", 4)]);
    dir.flush(3).unwrap();
    dir.checkpoint(&scenario(), &[lane(0, "a", 2), lane(1, "b", 3)], None, &[gone("a", 2)]).unwrap();
    dir.relabel_waiting(0, "a", "new");
    // The name passes on: what was lane b is called a now.
    let renamed = |lane: &str, to: &str| LineRemoval { lane: lane.into(), after: 0, to: to.into() };
    let all = [renamed("a", "new"), renamed("b", "a")];
    dir.checkpoint(&scenario(), &[lane(0, "new", 2), lane(1, "a", 3)], None, &all).unwrap();
    let read = |name: &str| std::fs::read_to_string(path.join(name)).unwrap();
    let of =
        |steps: &[(&str, u64)]| steps.iter().map(|(l, s)| line(0, l, *s).text + "\n").collect::<String>();
    assert_eq!(read("metrics.jsonl"), of(&[("new", 1), ("a", 1), ("new", 2), ("a", 2), ("a", 3)]));
    assert_eq!(read("ghosts.jsonl"), String::from("{\"rewound\":\"new\",\"to\":2}\n") + &of(&[("new", 3)]));
    drop(dir);
    let (dir, _) = resume(&path).unwrap();
    let waiting: Vec<&String> = dir.waiting.values().flatten().collect();
    assert_eq!(waiting, [&line(0, "new", 4).text]);
}

#[test]
fn a_checkpoint_that_holds_the_same_is_not_written_again() {
    let place = Place::new();
    let path = place.0.path().join("run");
    let mut dir = RunDir::create(&path, &scenario(), Path::new("."), 0).unwrap();
    let inode = || std::os::unix::fs::MetadataExt::ino(&path.join("checkpoint").metadata().unwrap());
    let mut save = |step: u64| dir.checkpoint(&scenario(), &[lane(0, "a", step)], None, &[]).unwrap();
    save(1);
    let first = inode();
    save(1);
    assert_eq!(inode(), first, "nothing has changed");
    save(2);
    assert_ne!(inode(), first);
    std::fs::remove_file(path.join("checkpoint")).unwrap();
    save(2);
    drop(dir);
    assert_eq!(resume(&path).unwrap().1.lanes[0].snapshot.step, 2, "it is written if it is missing");
}

#[test]
fn a_checkpoint_that_is_given_up_leaves_the_one_before_it() {
    let place = Place::new();
    let path = place.0.path().join("run");
    let mut dir = RunDir::create(&path, &scenario(), Path::new("."), 0).unwrap();
    dir.checkpoint(&scenario(), &[lane(0, "a", 1)], None, &[]).unwrap();
    dir.meter().give_up(true);
    assert!(dir.checkpoint(&scenario(), &[lane(0, "a", 2)], None, &[]).is_err());
    assert_eq!(RunDir::look(&path).unwrap().lanes[0].snapshot.step, 1);
    // The newer one, for which it was given up.
    dir.meter().give_up(false);
    dir.checkpoint(&scenario(), &[lane(0, "a", 3)], None, &[]).unwrap();
    drop(dir);
    assert_eq!(resume(&path).unwrap().1.lanes[0].snapshot.step, 3);
    assert!(!path.join("checkpoint.new").exists());
}
