//! Tests of the command line from outside: its output, its exit codes, and text that must never reach a terminal.

use std::ffi::OsStr;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

fn gradtui<S: AsRef<OsStr>>(arguments: &[S]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gradtui"));
    command.args(arguments).stdin(Stdio::null()).output().expect("the program starts")
}

/// Returns exit code, standard output, standard error; asserts what must hold for every command.
#[track_caller]
fn run<S: AsRef<OsStr>>(arguments: &[S]) -> (i32, String, String) {
    let out = gradtui(arguments);
    let text = |b: Vec<u8>| String::from_utf8(b).expect("UTF-8");
    let (code, out, err) = (out.status.code().expect("no signal"), text(out.stdout), text(out.stderr));
    assert!([0, 1, 2].contains(&code), "{code}: {err}");
    assert_eq!(code == 0, err.is_empty(), "words with every failure, silence without: {err}");
    assert!(err.len() <= 8192, "{} bytes of message", err.len());
    let raw = |c: char| gradtui::text::harmful(c) && c != '\n';
    assert!(!err.contains(raw) && !out.contains(raw), "control characters: {out:?} {err:?}");
    (code, out, err)
}

/// Files in a separate directory for this test.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(TempDir::with_prefix("gradtui-").expect("a directory"))
    }
    fn write(&self, name: impl AsRef<OsStr>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name.as_ref());
        std::fs::write(&path, bytes).expect("a file");
        path
    }
}

#[track_caller]
fn check(path: &Path) -> (i32, String) {
    let (code, _, err) = run(&[OsStr::new("check"), path.as_os_str()]);
    (code, err)
}

#[test]
fn every_preset_shows_and_checks() {
    for preset in gradtui::lab::preset::ALL {
        assert_eq!(run(&["show", preset.name]), (0, preset.text.into(), String::new()));
        // `check` warns about one preset, whose topic is a mistake.
        let checked = gradtui(&["check", preset.name]);
        let warned = String::from_utf8_lossy(&checked.stderr).contains("batch norm over 2 samples");
        assert!(checked.status.success(), "{}", preset.name);
        assert_eq!(warned, preset.name == "batch-norm-two-faces", "{}", preset.name);
        assert!(warned || checked.stderr.is_empty(), "{}", preset.name);
    }
}

#[test]
fn the_list_names_every_row_as_text_and_as_json() {
    let (_, text, _) = run(&["list"]);
    let (_, json, _) = run(&["list", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    for (table, name) in [
        ("presets", "four-optimizers"),
        ("layers", "Dense"),
        ("optimizers", "AdamW"),
        ("data", "Digits"),
        ("attacks", "Fgsm"),
    ] {
        assert!(text.lines().any(|l| l.trim_start().starts_with(name)), "{name}");
        let entries = json[table].as_array().expect("a list");
        assert!(entries.iter().any(|e| e["name"] == name), "{name}");
        assert!(entries.iter().all(|e| e["about"].as_str().is_some_and(|a| !a.is_empty())), "{table}");
    }
}

#[test]
fn presets_are_a_list_and_never_a_path() {
    for name in [
        "../../etc/passwd",
        "/etc/passwd",
        "presets/spiral.ron",
        "spiral.ron",
        "./spiral",
        "spiral/",
        "",
        ".",
        "..",
        "~",
        "spiral\u{1b}[2J",
        "SPIRAL",
        "%2e%2e/passwd",
    ] {
        let (code, out, _) = run(&["show", name]);
        assert_eq!((code, out.as_str()), (2, ""), "{name}");
    }
    assert!(run(&["show", "spirl"]).2.contains("did you mean spiral?"));
    assert!(run(&["check", "vanishing-sigmoit"]).2.contains("did you mean vanishing-sigmoid?"));
}

#[test]
fn wrong_and_right_command_lines() {
    for line in
        ["--help", "--version", "help", "list --help", "check --help", "-h", "-V", "man", "completions bash"]
    {
        let (code, out, _) = run(&line.split(' ').collect::<Vec<_>>());
        assert!(code == 0 && !out.is_empty(), "{line}");
    }
    for line in [
        "--no-such",
        "check",
        "show",
        "show a b",
        "completions",
        "completions tcl",
        "list --json=3",
        "check --x",
    ] {
        let (code, out, err) = run(&line.split(' ').collect::<Vec<_>>());
        assert_eq!((code, out.as_str()), (2, ""), "{line}");
        assert!(err.contains("Usage") || err.contains("possible values"), "{line}: {err}");
    }
    let (code, _, err) = run(&[OsStr::new("list"), OsStr::from_bytes(b"--\xff\x1b[2J")]);
    assert!(code == 2 && err.contains("\\u{1b}"), "{err}");
}

#[test]
fn odd_files_are_refused_at_once() {
    let files = Files::new();
    let fifo = files.0.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo").success());
    let dangling = files.0.path().join("dangling");
    std::os::unix::fs::symlink("nowhere", &dangling).expect("a link");
    for (path, what) in [
        (files.0.path().into(), "directory"),
        (fifo, "pipe"),
        (dangling, "no such"),
        ("/dev/zero".into(), "device"),
        ("/dev/tty".into(), "device"),
        ("".into(), "empty"),
        ("x".repeat(5000).into(), ""),
        ("/x/".repeat(2000).into(), ""),
    ] {
        let (code, err) = check(&path);
        assert!(code == 2 && err.contains(what), "{}: {err}", path.display());
    }
    let name = OsStr::from_bytes(b"a\xff\x1b[2J.ron");
    assert_eq!(check(&files.write(name, "()")).0, 0);
    let (code, err) = check(&files.write(name, "(stps: 1)"));
    assert!(code == 2 && err.contains("\\u{1b}[2J.ron:1:2: "), "{err}");
}

#[test]
fn bytes_that_are_no_scenario_are_told_with_their_line() {
    let files = Files::new();
    for (bytes, at) in [
        (&b"(\n  title: \"\xff\")"[..], ":2:11: not UTF-8"),
        (b"\xff\xfe(\0)\0", ":1:1: this is UTF-16"),
        (b"\x1f\x8b\x08", ":1:1: this is a gzip"),
        (b"", ":1:1: nothing here"),
        (b"(\n\0)", ":2:1: a NUL byte"),
        (b"\xef\xbb\xbf(\r\n  stps: 3,\r\n)\r\n", ":2:3: Scenario has no setting stps; did you mean steps?"),
    ] {
        let (code, err) = check(&files.write("s.ron", bytes));
        assert!(code == 2 && err.contains(&format!("s.ron{at}")), "{err}");
    }
    assert_eq!(check(&files.write("s.ron", b"\xef\xbb\xbf(\r\n  steps: 3,\r\n)\r\n")).0, 0);
    for blow in
        [" ".repeat(64 << 20), format!("({}", "[".repeat(20_000)), format!("(seed: {})", "9".repeat(200_000))]
    {
        assert_eq!(check(&files.write("s.ron", blow)).0, 2);
    }
}

#[test]
fn data_of_ones_own_are_opened_relative_to_the_scenario() {
    let files = Files::new();
    files.write("d.csv", "a,b,kind\n1,2,x\n3,4,y\n5,6,x\n7,8,y\n");
    let good = files.write("s.ron", "(data: Csv(\"d.csv\", label: \"kind\"), validation: 0.5, batch: 2)");
    assert_eq!(check(&good).0, 0);
    files.write("d.csv", "a,b,kind\n1,2,x\n3,4\n");
    let (code, err) = check(&good);
    assert!(code == 2 && err.contains("s.ron:1:8: d.csv, line 3: 2 columns"), "{err}");
    let missing = files.write("s.ron", "(\n data: Idx(\"no\\u{1b}.gz\", \"no\"))");
    let (code, err) = check(&missing);
    assert!(code == 2 && err.contains("s.ron:2:8: no\\u{1b}.gz: there is no such file"), "{err}");
}

#[test]
fn a_reader_that_leaves_is_no_fault() {
    for arguments in [&["list"][..], &["list", "--json"], &["show", "spiral"], &["check", "spiral"], &["man"]]
    {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gradtui"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        drop(child.stdout.take());
        let mut err = String::new();
        child.stderr.take().expect("a pipe").read_to_string(&mut err).expect("text");
        let code = child.wait().expect("an end").code();
        assert!(matches!(code, Some(0 | 1 | 141)), "{arguments:?}: {code:?} {err}");
        assert!(!err.contains("panicked"), "{err}");
    }
}

/// A digit like a user's: dark ink on bright paper, larger than the network's images.
fn seven() -> Vec<u8> {
    let mut paper = image::GrayImage::from_pixel(64, 64, image::Luma([245]));
    for i in 0..40 {
        for thick in 0..8 {
            paper.put_pixel(12 + i, 8 + thick, image::Luma([12]));
            paper.put_pixel(48 - i / 2 - thick, 10 + i, image::Luma([12]));
        }
    }
    let mut png = std::io::Cursor::new(Vec::new());
    image::DynamicImage::from(paper).write_to(&mut png, image::ImageFormat::Png).expect("a picture");
    png.into_inner()
}

#[test]
fn an_image_of_ones_own_is_fitted_attacked_and_written() {
    let files = Files::new();
    let image = files.write("seven.png", seven());
    let scenario = files.write(
        "s.ron",
        "(data: Digits(), train_samples: 800, network: [Flatten(), Dense(32), Relu()], init: HeNormal(),
          optimizer: Adam(0.003), batch: 50, steps: 250, lanes: [(name: \"a\"), (name: \"b\", optimizer: Sgd(0.1))])",
    );
    let out = files.0.path().join("adv.png");
    let path = |p: &PathBuf| p.to_string_lossy().into_owned();
    let with = |more: &[&str]| {
        let mut all = vec!["attack".to_string(), path(&image), "--out".into(), path(&out)];
        all.extend(more.iter().map(ToString::to_string));
        run(&all)
    };
    let (code, words, _) = with(&["--with", &path(&scenario), "--eps", "0.3", "--attack", "bim"]);
    assert_eq!(code, 0);
    for part in [
        "lane a, 250 steps",
        "64x64 in grey",
        "brought to 8x8 grey",
        "inverted",
        "before",
        "after",
        "fooled",
        "wrote",
    ] {
        assert!(words.contains(part), "{part} in {words}");
    }
    let opened = |name: &str| image::open(files.0.path().join(name)).expect("a picture");
    let sizes =
        ["adv.png", "adv-perturbation.png", "adv-all.png"].map(opened).map(|p| (p.width(), p.height()));
    assert_eq!(sizes, [(8, 8), (8, 8), (3 * 192 + 16, 192)]);
    // The written image fools the same network again without an attack: an attack of size 0 changes nothing.
    let again = run(&[
        "attack",
        &path(&out),
        "--with",
        &path(&scenario),
        "--eps",
        "0",
        "--out",
        &path(&files.0.path().join("z.png")),
    ]);
    let answer = |words: &str, when: &str| {
        let line = words.lines().find(|l| l.starts_with(when)).expect("an answer");
        line.split_whitespace().nth(1).expect("a class").to_string()
    };
    assert_eq!(answer(&again.1, "before"), answer(&words, "after"), "{}{words}", again.1);
    assert_eq!(answer(&again.1, "after"), answer(&again.1, "before"));

    // A run on disk is loaded, not trained, and not changed.
    let dir = files.0.path().join("run");
    assert_eq!(gradtui(&["run", &path(&scenario), "--out", &path(&dir)]).status.code(), Some(0));
    let log = std::fs::read(dir.join("metrics.jsonl")).expect("a log");
    let (code, loaded, _) = with(&["--with", &path(&dir), "--lane", "a", "--eps", "0.3", "--attack", "bim"]);
    assert_eq!((code, loaded), (0, words), "the loaded lane is the trained one");
    assert_eq!(std::fs::read(dir.join("metrics.jsonl")).expect("a log"), log);
    let (code, aimed, _) =
        with(&["--with", &path(&dir), "--lane", "b", "--target", "3", "--label", "7", "--eps", "0.6"]);
    assert!(code == 0 && aimed.contains("lane b") && aimed.contains("aimed at"), "{aimed}");
}

#[test]
fn what_cannot_be_attacked_is_said_before_anything_is_trained() {
    let files = Files::new();
    let image = files.write("seven.png", seven());
    let broken = files.write("broken.png", &seven()[..60]);
    let link = files.0.path().join("link.png");
    std::os::unix::fs::symlink("/dev/full", &link).expect("a link");
    let text = |p: &PathBuf| p.to_string_lossy().into_owned();
    for (image, more, part) in [
        (&image, &["--with", "fgsm-digit"][..], "did you mean fgsm-digits"),
        (&image, &["--with", "fgsm-digits", "--attack", "pdg"], "did you mean pgd"),
        (&image, &["--with", "fgsm-digits", "--attack", "Pgd(steps: 0)"], "out of range"),
        (&image, &["--with", "fgsm-digits", "--eps", "-1"], "-1"),
        (&image, &["--with", "fgsm-digits", "--target", "11"], "there is no class 11"),
        (&image, &["--with", "fgsm-digits", "--lane", "cn"], "did you mean cnn"),
        (&image, &["--with", "spiral"], "no sample of these data"),
        (&image, &["--with", "rosenbrock"], "nothing to attack"),
        (&image, &["--with", "/"], "no run of gradtui"),
        (&broken, &["--with", "fgsm-digits"], "broken.png: "),
        (&files.0.path().join("absent.png"), &["--with", "fgsm-digits"], "no such file"),
        (&image, &["--with", "fgsm-digits", "--out", &text(&image)], "read by the same command"),
        (&image, &["--with", "fgsm-digits", "--out", "/dev/full"], "a device or a pipe"),
        (&image, &["--with", "fgsm-digits", "--out", &text(&link)], "a link has this name"),
        (&image, &["--with", "fgsm-digits", "--out", "/nowhere/x.png"], "its directory is not there"),
        (&image, &["--with", "fgsm-digits", "--out", "adv.jpg"], "only PNG files are written, not .jpg"),
    ] {
        let mut all = vec!["attack".to_string(), text(image)];
        all.extend(more.iter().map(ToString::to_string));
        let out = gradtui(&all);
        let err = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.code() == Some(2) && err.contains(part), "{part}: {err}");
    }
}

#[test]
fn an_attack_that_cannot_write_all_its_pictures_says_so_and_leaves_none() {
    let files = Files::new();
    files.write("seven.png", seven());
    // In units of 512 bytes: less than the size of the largest of the three files.
    let script = format!(
        "trap '' XFSZ; ulimit -f 1; exec '{}' attack seven.png --with fgsm-digits --steps 1 --out adv.png",
        env!("CARGO_BIN_EXE_gradtui")
    );
    let out =
        Command::new("/bin/sh").args(["-c", &script]).current_dir(files.0.path()).output().expect("a start");
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.code() == Some(1) && said.contains("file-size limit"), "{said}");
    assert!(!String::from_utf8_lossy(&out.stdout).contains("wrote"));
    let left: Vec<_> = std::fs::read_dir(files.0.path()).expect("a directory").flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn the_plain_lab_speaks_in_lines_and_obeys_what_is_typed() {
    use std::io::Write as _;
    let files = Files::new();
    let scenario = files.write(
        "s.ron",
        "(title: \"t\u{1b}]0;x\u{7}\", data: Moons(samples: 60), network: [Dense(4), Tanh()], batch: 8, steps: 40,
          evaluate_every: 10, lanes: [(name: \"a\", optimizer: Sgd(0.1)), (name: \"b\", optimizer: Adam())])",
    );
    let mut lab = Command::new(env!("CARGO_BIN_EXE_gradtui"))
        .args(["--plain", "--out"])
        .arg(files.0.path().join("run"))
        .arg(&scenario)
        .env("TERM", "dumb")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let typed = "pause\nset lr 0.05\nset b optimizer Momentum(0.2)\nset lr banana\nfrob\nhelp\nstatus\npace free\nrun\n";
    lab.stdin.take().expect("a pipe").write_all(typed.as_bytes()).expect("it reads");
    let out = lab.wait_with_output().expect("it ends");
    let text = String::from_utf8(out.stdout).expect("UTF-8");
    assert!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
    assert!(!text.contains(|c: char| gradtui::text::harmful(c) && c != '\n'), "{text:?}");
    for wanted in [
        "a: optimizer is Sgd(lr: 0.05) now.",
        "b: optimizer is Momentum(lr: 0.2) now.",
        "lr: banana where a number should stand",
        "there is no command frob",
        "set [LANE] NAME VALUE",
        "A a, finished at step 40",
        "B b, finished at step 40",
    ] {
        assert!(text.contains(wanted), "{wanted:?} in {text}");
    }
}

#[test]
fn the_doctor_tells_what_was_chosen_and_preferences_are_checked() {
    let files = Files::new();
    std::fs::create_dir_all(files.0.path().join("gradtui")).expect("a directory");
    let doctor = |text: &str, arguments: &[&str]| {
        files.write("gradtui/config.ron", text);
        let out = Command::new(env!("CARGO_BIN_EXE_gradtui"))
            .arg("doctor")
            .args(arguments)
            .env("XDG_CONFIG_HOME", files.0.path())
            .env_remove("COLORTERM")
            .envs([("TERM", "xterm-256color"), ("LC_ALL", "C"), ("NO_COLOR", "")])
            .stdin(Stdio::null())
            .output()
            .expect("the program starts");
        let text = |b: Vec<u8>| String::from_utf8(b).expect("UTF-8");
        (out.status.code(), text(out.stdout), text(out.stderr))
    };
    let (code, out, _) = doctor("(theme: HighContrast, fps: 4)", &["--theme", "light"]);
    assert_eq!(code, Some(0), "{out}");
    for (what, is, why) in [
        ("lab", "does not open", "gradtui run"),
        ("colours", "256", "TERM=xterm-256color"),
        ("drawing", "ASCII", "LC_ALL=C"),
        ("theme", "light", "--theme"),
        ("pictures", "4 a second", "the configuration"),
        ("preferences", "read", "config.ron"),
    ] {
        let line = out.lines().find(|l| l.starts_with(what)).unwrap_or_else(|| panic!("{what} in {out}"));
        assert!(line.contains(is) && line.contains(why), "{line}");
    }
    let (code, _, err) = doctor("(\n  theme: Lihgt,\n  keys: [(Quit, [\"z\"])],\n)", &[]);
    assert_eq!(code, Some(2));
    assert!(err.contains("config.ron:2:10: ") && err.contains("config.ron:3:9: "), "{err}");
}
