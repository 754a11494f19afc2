//! Tests of the architecture's rules by reading the sources: which module may know which, and code that must not exist.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Every Rust file below `src`, as a path relative to it, with its text.
fn sources() -> Vec<(String, String)> {
    fn walk(dir: &Path, out: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).expect("a folder of sources").flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    paths.sort();
    let relative =
        |p: &PathBuf| p.strip_prefix(&root).expect("below src").to_string_lossy().replace('\\', "/");
    paths.iter().map(|p| (relative(p), fs::read_to_string(p).expect("a text file"))).collect()
}

/// The text without comments and tests, to which the rules apply.
fn code(text: &str) -> String {
    // A module of tests at the end of the file; `mod tests;` only declares one in another file.
    let in_file = |at: &usize| text[*at..].lines().nth(1).is_some_and(|line| line.ends_with('{'));
    let end = text.match_indices("#[cfg(test)]\nmod ").map(|(at, _)| at).find(in_file);
    text[..end.unwrap_or(text.len())]
        .lines()
        .filter(|l| !l.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Whether a file is a module or lies below it: `ui` is `ui.rs` and `ui/*`.
fn within(file: &str, module: &str) -> bool {
    file == format!("{module}.rs") || file.starts_with(&format!("{module}/"))
}

/// The uses of any of `words` in the code of `modules` (all, if empty), outside `allowed`.
fn offenders(words: &[&str], modules: &[&str], allowed: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (file, text) in sources() {
        let concerned = modules.is_empty() || modules.iter().any(|m| within(&file, m));
        if !concerned || allowed.iter().any(|m| within(&file, m)) {
            continue;
        }
        let code = code(&text);
        found.extend(words.iter().filter(|w| code.contains(**w)).map(|w| format!("{file}: {w}")));
    }
    found
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<_> =
        sources().into_iter().filter(|(_, t)| !t.starts_with("//! ")).map(|(f, _)| f).collect();
    assert!(silent.is_empty(), "files without `//!` at the head: {silent:?}");
}

#[test]
fn nothing_is_left_half_done() {
    let left = offenders(&["todo!(", "dbg!(", "unimplemented!("], &[], &[]);
    assert!(left.is_empty(), "{left:?}");
}

/// Type names that two tables of a scenario share, as `clip: Off()` and `defence: Off()`: users write them.
const SHARED_IN_SCENARIOS: [&str; 3] = ["Linear", "Off", "Surface"];

/// The types that a file defines outside of functions and tests: their names, and whether other files can name them.
fn types(text: &str) -> Vec<(String, bool)> {
    let mut out = Vec::new();
    for line in code(text).lines() {
        let bare = line.trim_start();
        let rest = bare.strip_prefix("pub").map(|r| match r.strip_prefix('(') {
            Some(scope) => scope.split_once(')').map_or("", |(_, rest)| rest),
            None => r,
        });
        // A type that is indented and not visible is an associated type, or local to a function.
        if rest.is_none() && bare.len() < line.len() {
            continue;
        }
        let mut words = rest.unwrap_or(line).split_whitespace();
        if matches!(words.next(), Some("struct" | "enum" | "trait" | "type" | "union")) {
            let name: String =
                words.next().unwrap_or_default().chars().take_while(|c| c.is_alphanumeric()).collect();
            // A macro gives its types a name later.
            if !name.is_empty() {
                out.push((name, rest.is_some()));
            }
        }
    }
    out
}

#[test]
fn a_visible_type_has_a_name_of_its_own() {
    let mut named: BTreeMap<String, Vec<(String, bool)>> = BTreeMap::new();
    for (file, text) in sources() {
        if !file.contains("tests") {
            for (name, visible) in types(&text) {
                named.entry(name).or_default().push((file.clone(), visible));
            }
        }
    }
    let shared = |name: &String| SHARED_IN_SCENARIOS.contains(&&name[..]);
    let confusing = |files: &[(String, bool)]| {
        files.len() > 3 || files.len() > 1 && files.iter().any(|(_, visible)| *visible)
    };
    named.retain(|name, files| !shared(name) && confusing(files));
    assert!(named.is_empty(), "types with the same name, say what each is: {named:#?}");
}

#[test]
fn the_screen_library_stays_in_the_screen() {
    let left = offenders(&["ratatui::", "crossterm::"], &[], &["ui"]);
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_command_line_library_stays_in_the_command_line() {
    let left = offenders(&["clap::", "anyhow::"], &[], &["cli", "main"]);
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn threads_live_where_they_are_expected() {
    let allowed = ["lab/runner", "lab/sweep", "ui/terminal", "cli"];
    let left = offenders(&["thread::spawn", "thread::scope", "thread::Builder"], &[], &allowed);
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn time_and_files_are_arguments_below_the_runner() {
    let pure = ["engine", "scenario", "telemetry", "view", "registry", "lab/trainer"];
    let left = offenders(&["Instant::now", "SystemTime", "std::thread", "std::fs", "std::env"], &pure, &[]);
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn imports_point_one_way() {
    // A module, and the modules that it must not import.
    let rules: [(&str, &[&str]); 10] = [
        (
            "engine",
            &["crate::scenario", "crate::telemetry", "crate::lab", "crate::view", "crate::ui", "crate::cli"],
        ),
        ("scenario", &["crate::telemetry", "crate::lab", "crate::view", "crate::ui", "crate::cli"]),
        (
            "number",
            &["crate::scenario", "crate::telemetry", "crate::lab", "crate::view", "crate::ui", "crate::cli"],
        ),
        (
            "logs",
            &[
                "crate::engine",
                "crate::scenario",
                "crate::telemetry",
                "crate::lab",
                "crate::view",
                "crate::ui",
                "crate::cli",
            ],
        ),
        ("diagnosis", &["crate::lab", "crate::view", "crate::ui", "crate::cli"]),
        ("export", &["crate::view", "crate::ui", "crate::cli"]),
        ("telemetry", &["crate::engine", "crate::lab", "crate::view", "crate::ui", "crate::cli"]),
        ("lab", &["crate::view", "crate::ui", "crate::cli"]),
        ("view", &["crate::engine", "crate::lab", "crate::ui", "crate::cli"]),
        ("ui", &["crate::cli"]),
    ];
    for (module, strangers) in rules {
        let left = offenders(strangers, &[module], &[]);
        assert!(left.is_empty(), "{module} must not know: {left:?}");
    }
}

#[test]
fn the_engine_computes_the_same_on_every_machine() {
    // The standard library takes these functions from the platform, and their last bits differ between platforms.
    let platform = [
        ".exp()",
        ".ln()",
        ".tanh()",
        ".sin()",
        ".cos()",
        ".powf(",
        ".exp_m1()",
        ".ln_1p()",
        ".log10()",
        ".log2()",
        ".sinh()",
        ".cosh()",
        ".tan()",
        ".atan()",
        ".cbrt()",
        ".sin_cos()",
        ".exp2()",
        ".hypot(",
    ];
    // Frames too: a recording must be the same file on every machine.
    let made_up = ["ui/fixture", "ui/pane/fixture"];
    let left = offenders(&platform, &["engine", "lab/trainer", "view", "ui"], &made_up);
    assert!(left.is_empty(), "use engine::kernel::math or libm: {left:?}");
}

#[test]
fn no_fault_is_ordered_by_what_is_built_to_be_used() {
    let left = offenders(&["faults::order(", "GRADTUI_FAULT"], &[], &["faults"]);
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn unsafe_code_stays_in_its_corner() {
    let left = offenders(
        &["unsafe {", "unsafe fn", "allow(unsafe_code)"],
        &[],
        &["engine/kernel", "ui/terminal/abort", "arena"],
    );
    assert!(left.is_empty(), "{left:?}");
}
