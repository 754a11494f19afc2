//! Tests of the architecture's rules by reading the sources: which module may know which, and code that must not exist.

use std::collections::{BTreeMap, BTreeSet};
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

/// The modules of the crate from the bottom up, each with those that it imports. A module imports only modules above it
/// in this table.
const IMPORTS: [(&str, &[&str]); 17] = [
    ("arena", &[]),
    ("faults", &[]),
    ("limits", &[]),
    ("text", &[]),
    ("logs", &[]),
    ("document", &["limits", "text"]),
    ("registry", &["document"]),
    ("engine", &["limits", "registry", "text"]),
    ("number", &["engine"]),
    ("scenario", &["document", "engine", "limits", "number", "registry", "text"]),
    ("telemetry", &["number", "scenario"]),
    ("diagnosis", &["engine", "number", "registry", "scenario", "telemetry"]),
    ("view", &["diagnosis", "number", "scenario", "telemetry"]),
    (
        "lab",
        &[
            "arena",
            "diagnosis",
            "engine",
            "faults",
            "limits",
            "logs",
            "number",
            "registry",
            "scenario",
            "telemetry",
            "text",
        ],
    ),
    ("export", &["engine", "lab", "number", "registry", "scenario", "telemetry", "text"]),
    (
        "ui",
        &[
            "diagnosis",
            "engine",
            "faults",
            "lab",
            "limits",
            "number",
            "registry",
            "scenario",
            "telemetry",
            "text",
            "view",
        ],
    ),
    (
        "cli",
        &[
            "arena",
            "diagnosis",
            "engine",
            "export",
            "lab",
            "limits",
            "logs",
            "number",
            "registry",
            "scenario",
            "telemetry",
            "text",
            "ui",
            "view",
        ],
    ),
];

/// All paths in code, with the braces of `use` expanded: `use a::{b, c::d};` gives `a::b` and `a::c::d`.
fn paths(code: &str) -> Vec<Vec<&str>> {
    let (mut out, mut path) = (Vec::new(), Vec::<&str>::new());
    // The path before each open brace, if the brace belongs to a `use`.
    let mut open: Vec<Option<Vec<&str>>> = Vec::new();
    let (mut rest, mut goes_on) = (code, false);
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let colons = rest.starts_with("::");
        if word == 0 && !colons && !goes_on {
            out.extend((path.len() > 1).then(|| std::mem::take(&mut path)));
            path.clear();
        }
        match first {
            _ if word > 0 => {
                if !goes_on {
                    out.extend((path.len() > 1).then(|| std::mem::take(&mut path)));
                    path = open.last().cloned().flatten().unwrap_or_default();
                }
                path.push(&rest[..word]);
            }
            '{' => open.push(goes_on.then(|| std::mem::take(&mut path))),
            '}' => drop(open.pop()),
            _ => {}
        }
        goes_on = colons;
        rest = &rest[if colons { 2 } else { word.max(first.len_utf8()) }..];
    }
    out
}

/// The files of the crate without tests, as module paths, each with the files whose items it names.
fn imports() -> BTreeMap<String, BTreeSet<String>> {
    let files: BTreeMap<String, String> = sources()
        .into_iter()
        .map(|(file, text)| (file.trim_end_matches(".rs").into(), text))
        .filter(|(file, _)| file != "lib" && file != "main")
        .collect();
    let mut tests = Vec::new();
    for (file, text) in &files {
        for declared in text.split("#[cfg(test)]\n").skip(1) {
            let name =
                declared.trim_start_matches("pub ").strip_prefix("mod ").and_then(|d| d.split(';').next());
            tests.extend(name.map(|name| format!("{file}/{name}")));
        }
    }
    let is_test = |file: &str| tests.iter().any(|t| file == t || file.starts_with(&format!("{t}/")));
    let mut out = BTreeMap::new();
    for (file, text) in files.iter().filter(|(file, _)| !is_test(file)) {
        let here: Vec<&str> = file.split('/').collect();
        let code = code(text);
        let mut named = BTreeSet::new();
        for path in paths(&code) {
            let up = path.iter().take_while(|part| **part == "super").count();
            let mut full: Vec<&str> = match path[0] {
                "crate" => path[1..].to_vec(),
                "super" => [&here[..here.len() - up], &path[up..]].concat(),
                "self" => [&here[..], &path[1..]].concat(),
                child if files.contains_key(&format!("{file}/{child}")) => [&here[..], &path[..]].concat(),
                _ => continue,
            };
            while !full.is_empty() && !files.contains_key(&full.join("/")) {
                full.pop();
            }
            let target = full.join("/");
            if !target.is_empty() && target != *file && !is_test(&target) {
                named.insert(target);
            }
        }
        out.insert(file.clone(), named);
    }
    out
}

#[test]
fn paths_are_found_in_code() {
    let found = paths("use a::{b, c::{d, self}};\nfn f() { x::y::<z::w>(1); v }");
    let found: Vec<String> = found.iter().map(|p| p.join("::")).collect();
    assert_eq!(found, ["a::b", "a::c::d", "a::c::self", "x::y", "z::w"]);
}

#[test]
fn modules_import_what_the_table_says() {
    let top = |file: &str| file.split('/').next().unwrap_or_default().to_owned();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, named) in imports() {
        let module = top(&file);
        let others = named.iter().map(|f| top(f)).filter(|other| *other != module);
        found.entry(module.clone()).or_default().extend(others);
    }
    let mut below = BTreeSet::new();
    for (module, allowed) in IMPORTS {
        assert!(allowed.iter().all(|a| below.contains(a)), "{module} imports a module that stands below it");
        below.insert(module);
        let allowed: BTreeSet<String> = allowed.iter().map(|a| (*a).into()).collect();
        let imported = found.remove(module).unwrap_or_else(|| panic!("there is no module {module}"));
        let strange: Vec<_> = imported.difference(&allowed).collect();
        let unused: Vec<_> = allowed.difference(&imported).collect();
        assert!(
            strange.is_empty() && unused.is_empty(),
            "{module} imports also {strange:?}, and not {unused:?}"
        );
    }
    assert!(found.is_empty(), "modules without a row: {found:?}");
}

#[test]
fn files_import_each_other_in_no_circle() {
    fn visit(
        file: &str,
        graph: &BTreeMap<String, BTreeSet<String>>,
        done: &mut BTreeSet<String>,
        way: &mut Vec<String>,
    ) {
        if let Some(at) = way.iter().position(|f| f == file) {
            panic!("a circle of imports: {} -> {file}", way[at..].join(" -> "));
        }
        if done.contains(file) {
            return;
        }
        way.push(file.into());
        // A table names the files of its rows, and they its types: not a circle between two places.
        let inside = |a: &str, b: &str| b.starts_with(&format!("{a}/"));
        for next in graph.get(file).into_iter().flatten().filter(|n| !inside(file, n) && !inside(n, file)) {
            visit(next, graph, done, way);
        }
        way.pop();
        done.insert(file.into());
    }
    let (graph, mut done) = (imports(), BTreeSet::new());
    for file in graph.keys() {
        visit(file, &graph, &mut done, &mut Vec::new());
    }
}

#[test]
fn no_file_is_longer_than_500_lines() {
    let long: Vec<_> =
        sources().into_iter().map(|(f, t)| (f, t.lines().count())).filter(|f| f.1 > 500).collect();
    assert!(long.is_empty(), "split these files: {long:?}");
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
