//! Tests that the built-in lessons are proved, and that the proof finds faults of lessons: broken solutions, goals,
//! hints, answers.

use gradtui::cli::{OpenedText, SKELETON, examine, record_lesson};
use gradtui::engine::data::NoFiles;
use gradtui::lab::experiment::Experiment;
use gradtui::lab::lesson::course::{Course, SHIPPED};
use gradtui::lab::lesson::hand_in::{HandIn, HandInGrader};
use gradtui::lab::lesson::progress::{LessonProgress, PageWork, hash, to_ron};
use gradtui::lab::lesson::trace::Trace;
use gradtui::lab::run::Run;
use gradtui::scenario::Scenario;
use gradtui::scenario::lesson::Page;
use gradtui::ui::theme::Scheme;
use std::sync::Arc;

fn opened(name: &str, text: &str) -> OpenedText {
    OpenedText { name: name.into(), text: text.into(), disk: None }
}

#[test]
fn every_lesson_that_ships_is_proved() {
    for (_, name, text) in SHIPPED {
        let proved = examine(&opened(name, text));
        let faults = proved.err().unwrap_or_default();
        let words: Vec<String> = faults.iter().map(|f| f.in_file(name)).collect();
        assert!(words.is_empty(), "{}", words.join("\n"));
    }
}

#[test]
fn the_lesson_to_start_from_is_proved() {
    let proved = examine(&opened("skeleton", SKELETON)).expect("proved");
    assert_eq!(proved.len(), 2, "a question and a goal: {proved:?}");
}

#[test]
fn every_file_of_the_course_is_in_its_list() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/presets/lessons");
    let names = std::fs::read_dir(directory).expect("a folder").map(|e| e.expect("an entry").file_name());
    let mut files: Vec<String> = names.map(|n| n.into_string().expect("a name")).collect();
    files.sort();
    let mut listed: Vec<_> = SHIPPED.iter().map(|(_, name, _)| format!("{name}.ron")).collect();
    listed.sort();
    assert_eq!(files, listed);
    assert_eq!(Course::shipped().lessons.len(), SHIPPED.len());
}

/// Goals with another sign, and with thresholds that no run or every run satisfies.
fn broken_goals(goal: &str) -> Vec<String> {
    let sign = [">=", "<=", "==", ">", "<"].into_iter().find(|s| goal.contains(*s)).expect("a sign");
    let (left, right) = goal.split_once(sign).expect("two sides");
    let less = sign.starts_with('<');
    let (never, always) = if less { ("-1e9", "1e9") } else { ("1e9", "-1e9") };
    let flipped = if less { ">" } else { "<" };
    vec![
        format!("{left} {sign} {never}"),
        format!("{left} {sign} {always}"),
        format!("{left} {flipped} {right}"),
        goal.replacen('.', ".no_", 1),
        format!("nobody{}", &goal[goal.find('.').unwrap_or(0)..]),
    ]
}

/// Every way in which this test breaks a page, each with its name.
fn mutants(page: &Page, scenario: &Scenario) -> Vec<(String, Page)> {
    let mut out = Vec::new();
    let mut put = |name: String, change: &dyn Fn(&mut Page)| {
        let mut mutant = page.clone();
        change(&mut mutant);
        out.push((name, mutant));
    };
    for i in 0..page.solution.len() {
        put(format!("solution {i} missing"), &|p| {
            p.solution.remove(i);
        });
        put(format!("solution {i} changes nothing"), &|p| {
            let lane = scenario.lanes.iter().find(|l| l.name == p.solution[i].lane).expect("a lane");
            p.solution[i].to = scenario.recipe(lane).at(&p.solution[i].field).expect("a value");
        });
        put(format!("solution {i} of a locked field"), &|p| p.solution[i].field = "batch".into());
        put(format!("solution {i} of no lane"), &|p| p.solution[i].lane = "nobody".into());
        put(format!("solution {i} too late"), &|p| p.solution[i].step = p.within as u64 + 1);
    }
    for i in 0..page.forks.len() {
        put(format!("fork {i} missing"), &|p| {
            p.forks.remove(i);
        });
    }
    for (i, goal) in page.goal.iter().enumerate() {
        for broken in broken_goals(goal) {
            put(format!("goal {i}: {broken}"), &|p| p.goal[i].clone_from(&broken));
        }
    }
    if !page.goal.is_empty() {
        put("within at once".into(), &|p| p.within = scenario.evaluate_every);
        put("within nothing".into(), &|p| p.within = 0);
        put("nothing may be changed".into(), &|p| p.may.clear());
    }
    for i in 0..page.hints.len() {
        put(format!("hint {i} empty"), &|p| p.hints[i].clear());
        put(format!("hint {i} with a key that is none"), &|p| p.hints[i] += " Press `Hyper-Q`.");
        put(format!("hint {i} twice"), &|p| {
            let hint = p.hints[i].clone();
            p.hints.push(hint);
        });
    }
    if let Some(last) = page.hints.len().checked_sub(1) {
        put("last hint leads nowhere".into(), &|p| p.hints[last] = "Think harder.".into());
        put("hints missing".into(), &|p| p.hints.clear());
    }
    if let Some(predict) = &page.predict {
        if predict.choices.is_empty() {
            put("answer".into(), &|p| p.predict.as_mut().expect("a question").answer *= 1.05);
        } else {
            put("right choice".into(), &|p| {
                let predict = p.predict.as_mut().expect("a question");
                predict.right = predict.right % predict.choices.len() + 1;
            });
        }
    }
    out
}

#[test]
fn broken_lessons_are_found_out() {
    // All of them take minutes; these train networks with two weights.
    let all = std::env::var("GRADTUI_MUTANTS").is_ok_and(|v| v == "all");
    let quick = ["gradient", "rate", "momentum", "adam"];
    let (mut made, mut survivors) = (0, Vec::new());
    for (_, name, text) in SHIPPED.iter().filter(|(_, name, _)| all || quick.contains(name)) {
        let scenario = gradtui::scenario::read(text).expect("a lesson");
        for (i, page) in scenario.lesson.pages.iter().enumerate() {
            for (what, mutant) in mutants(page, &scenario) {
                let mut broken = scenario.clone();
                // The pages before it are unchanged; those after it do not matter here.
                broken.lesson.pages.truncate(i + 1);
                broken.lesson.pages[i] = mutant;
                made += 1;
                if examine(&opened(name, &broken.to_ron())).is_ok() {
                    survivors.push(format!("{name} page {}: {what}", i + 1));
                }
            }
        }
    }
    println!("{made} mutants, {} not found: {survivors:#?}", survivors.len());
    assert!(survivors.len() * 20 <= made, "more than 5 % of {made} are not found: {survivors:#?}");
}

/// The first lesson, worked through: its question answered, its goal reached by its solution.
fn first_lesson() -> LessonProgress {
    let (_, name, text) = SHIPPED[0];
    let scenario = gradtui::scenario::read(text).expect("a lesson");
    let page = scenario.lesson.pages.iter().position(|p| !p.goal.is_empty()).expect("a goal");
    let asks = scenario.lesson.pages.iter().position(|p| p.predict.is_some()).expect("a question");
    let edits = scenario.lesson.pages[page].solution.clone();
    let reached = Some(Trace { step: 9, edits, ..Trace::default() });
    let guess =
        PageWork { page: asks + 1, guess: Some(16.0), reason: "I computed it".into(), ..PageWork::default() };
    let goal = PageWork { page: page + 1, hints: 1, reached, ..PageWork::default() };
    let hash = hash(text);
    LessonProgress { lesson: name.into(), hash, page: 5, done: true, seconds: 99, work: vec![guess, goal] }
}

#[test]
fn hand_ins_are_made_again_and_altered_ones_are_refused_with_the_place() {
    use gradtui::scenario::{at_paths, document};
    let course = Course::shipped();
    let grader = HandInGrader::of(&course).expect("lessons");
    let handed = grader.hand_in("Ada", &course.title, &[first_lesson()]).expect("made again");
    let text = to_ron(&handed);
    assert!(!text.contains("seconds"), "no time is handed in: {text}");
    let grade = |text: &str| {
        let handed: HandIn = document(text, |_, _| {}).expect("readable");
        grader.grade(&handed, &course.title).map_err(|faults| at_paths(text, faults))
    };
    let good = grade(&text).expect("as it was handed in");
    assert_eq!((good.done, good.goals, good.answered, good.right, good.hints), (1, 1, 1, 1, 1));
    let line = |what: &str| 1 + text.lines().position(|l| l.contains(what)).expect("a line");
    let hash = &handed.lessons[0].pages[1].hashes[0].hash;
    for (from, to, place, words) in [
        ("to: \"0.2\"", "to: \"0.3\"", "step: 9", "made again"),
        ("field: \"optimizer.lr\"", "field: \"batch\"", "field:", "locked"),
        ("step: 9", "step: 10", "step: 9", "at step 9"),
        ("guess: 16", "guess: 17", "seal:", "altered"),
        ("I computed it", "I knew it", "seal:", "altered"),
        ("name: \"Ada\"", "name: \"Bob\"", "seal:", "altered"),
        (&hash[..8], "00000000", "hash: \"", "gives"),
    ] {
        assert!(text.contains(from), "{from}: {text}");
        let faults = grade(&text.replacen(from, to, 1)).expect_err(from);
        assert!(faults[0].what.contains(words), "{from}: {faults:?}");
        if place != "hash: \"" {
            assert_eq!(faults[0].line, line(place), "{from}: {faults:?}");
        }
    }
}

/// A lesson worked through by its keys: the bytes of the recording, and the words of its last frame.
fn walk(name: &str, text: &str) -> (Vec<u8>, String) {
    let scenario = gradtui::scenario::read(text).expect("a lesson");
    let experiment = Experiment::new(scenario.clone(), &NoFiles).expect("an experiment");
    let run = Run::new(experiment, None, Arc::new(NoFiles));
    let mut last = String::new();
    let see = |shot: &gradtui::ui::record::studio::RecordedFrame<'_>| {
        last = shot.picture.content.iter().map(ratatui::buffer::Cell::symbol).collect();
    };
    let bytes = record_lesson(scenario, run, Scheme::Dark, see).unwrap_or_else(|e| panic!("{name}: {e}"));
    (bytes, last)
}

#[test]
fn every_lesson_is_walked_through_by_its_keys_to_its_end() {
    for (_, name, text) in SHIPPED {
        let (bytes, last) = walk(name, text);
        assert!(last.contains("The end of this lesson"), "{name} ends on: {last}");
        if *name == "gradient" {
            assert!(walk(name, text).0 == bytes, "the same bytes again");
        }
    }
}
