//! All faults are reported, each at its place.

use super::*;
use crate::engine::layer::LayerConfig;
use crate::engine::optim::OptimizerConfig;
use crate::registry::SettingValue as _;

fn faults(text: &str) -> Vec<String> {
    read(text).map(|_| ()).unwrap_err().iter().map(ToString::to_string).collect()
}

/// Asserts that the faults begin like this, in this order, and that there are no others.
#[track_caller]
fn expect(text: &str, wanted: &[&str]) {
    let found = faults(text);
    assert_eq!(found.len(), wanted.len(), "{found:#?}");
    for (found, wanted) in found.iter().zip(wanted) {
        assert!(found.starts_with(wanted) || found.contains(wanted), "{found}\nis not\n{wanted}");
    }
}

#[test]
fn short_forms_mean_what_they_say() {
    let scenario = read(
        "(network: [Dense(64), Sigmoid, Repeat(12, [Dense(32, bias: false), Tanh()])], clip: Norm(0.5),
          optimizer: Adam(0.003, (0.8, 0.99)), steps: 10)",
    )
    .unwrap();
    assert_eq!(scenario.optimizer.text(), "Adam(lr: 0.003, betas: (0.8, 0.99))");
    assert_eq!(scenario.clip.text(), "Norm(max_norm: 0.5)");
    let layers: Vec<String> = scenario.network.iter().map(LayerConfig::text).collect();
    assert_eq!(layers[..2], ["Dense(units: 64)", "Sigmoid()"]);
    assert_eq!(layers[2], "Repeat(times: 12, layers: [Dense(bias: false), Tanh()])");
    assert_eq!(scenario.lanes[0].name, "Adam", "without lanes there is one, called after the optimizer");
}

#[test]
fn all_faults_are_told_with_their_places() {
    expect(
        "(\n  titel: \"x\",\n  steps: 0,\n  batch: -1,\n  optimizer: Adm(lr: 1),\n  clip: Norm(max_nrm: 1),\n  \
         network: [Dense(64, units: 3), Dens(2), Dense(units: \"8\")],\n  seed: 1.5,\n)",
        &[
            "2:3: Scenario has no setting titel; did you mean title?",
            "3:10: steps: 0 is out of range; allowed is 1 to ",
            "4:10: -1 where a whole number, 0 or more",
            "5:14: there is no Adm here; did you mean Adam?",
            "6:14: Norm has no setting max_nrm; did you mean max_norm?",
            "7:23: units is given twice",
            "7:34: there is no Dens here; did you mean Dense?",
            "7:56: the text \"8\" where a whole number",
            "8:9: 1.5 where a whole number",
        ],
    );
}

#[test]
fn a_value_in_the_wrong_wrapping_is_told_without_it() {
    expect(
        "(\n  batch: Batch(32),\n  network: Dense(4),\n)",
        &["should stand; write 32 alone", "3:12: Dense(..) where a list [ ] should stand; write [Dense(4)]"],
    );
}

#[test]
fn numbers_that_are_none_are_refused() {
    for x in ["NaN", "inf", "-inf", "1e999"] {
        let found = faults(&format!("(optimizer: Sgd(lr: {x}))"));
        assert!(found[0].starts_with("1:21: lr: ") && found[0].contains("finite"), "{found:?}");
    }
}

#[test]
fn lanes_are_found_inside_lists_options_and_positional_arguments() {
    expect(
        "(lanes: [\n(name: \"a\"),\n(name: \"a\", optimizer: Some(Adam(-1))),\n(clip: Norm(-2)),\n(name: \"\u{1b}[2J\", batch: 0)])",
        &[
            "3:8: a second lane called a",
            "3:34: lr: -1 is out of range",
            "4:1: a lane needs a name",
            "4:13: max_norm: -2 is out of range",
            "5:23: batch: 0 is out of range",
        ],
    );
}

#[test]
fn limits_are_told_before_memory_is_taken() {
    expect(
        "(network: [Dense(4294967295)])",
        &["1:18: units: 4294967295 is out of range; allowed is 1 to 65536"],
    );
    let wide = "Dense(65536), ".repeat(3);
    expect(&format!("(network: [{wide}])"), &["1:26: more than 20000000 parameters"]);
    let deep = "Repeat(256, [".repeat(30) + "Tanh" + &"])".repeat(30);
    expect(&format!("(network: [{deep}])"), &["more than 256 layers"]);
    let empty = "Repeat(256, [".repeat(30) + &"])".repeat(30);
    expect(&format!("(network: [{empty}])"), &["needs at least one layer inside"]);
    expect("(network: [Dense(60000)], batch: 60000)", &["1:34: batch: 60000 is more than the 320 training"]);
}

#[test]
fn activations_are_limited() {
    expect("(data: Spiral(100000), network: [Dense(5000)], batch: 60000)", &["1:55: a batch of 60000 needs"]);
}

#[test]
fn what_is_shown_holds_no_control_character() {
    let scenario = read("(title: \"a\u{1b}]52;c;x\u{7}\", lanes: [(name: \"\u{202e}b\\u{9b}\")])").unwrap();
    assert_eq!(scenario.title, "a\\u{1b}]52;c;x\\u{7}");
    assert_eq!(scenario.lanes[0].name, "\\u{202e}b\\u{9b}");
    for text in [
        "(\u{1b}: 1)",
        "(a\u{1b}b: 1)",
        "(steps: \"\u{1b}\")",
        "(optimizer: \"\u{9b}\")",
        "(data: Csv(\"\0\u{1b}\"))",
    ] {
        for fault in read(text).err().unwrap_or_default() {
            assert!(!fault.in_file("x\u{1b}").contains(crate::text::harmful), "{fault}");
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_named() {
    assert_eq!(
        decode(b"(\n  \xff").unwrap_err(),
        ScenarioFault { line: 2, column: 3, what: decode(b"\n\n\xff").unwrap_err().what }
    );
    assert!(decode(&[0xff, 0xfe, 40, 0]).unwrap_err().what.contains("UTF-16"));
    let nul = decode(b"// a\n// \0\n()").unwrap_err();
    assert_eq!((nul.line, nul.column, nul.what.as_str()), (2, 4, "a NUL byte: a scenario is plain text"));
    assert!(decode(&[0x1f, 0x8b, 8]).unwrap_err().what.contains("gzip"));
    assert!(decode(&vec![b' '; 300_000]).unwrap_err().what.contains("256 KiB"));
    assert!(read("").unwrap_err()[0].what.contains("begins with"));
    assert_eq!(faults("\u{feff}(\r\n  stps: 1)\r\n"), faults("(\n  stps: 1)\n"));
}

#[test]
fn what_serde_writes_reads_back() {
    let mut scenario = Scenario { title: "t \"q\" \\ ü".into(), ..Scenario::default() };
    scenario.network = LayerConfig::all();
    for optimizer in OptimizerConfig::all() {
        let written = Scenario { optimizer, ..scenario.clone() };
        for text in [ron::to_string(&written).unwrap(), written.to_ron()] {
            let document = Document::new(&text).unwrap();
            assert_eq!(document.read::<Scenario>(), Some(written.clone()), "{text}");
            assert_eq!(document.into_faults(), []);
        }
    }
}

/// A network within the limits can still exceed them with eight lanes or sixteen seeds.
#[test]
fn the_memory_of_all_lanes_and_seeds_is_limited() {
    let with = |rest: &str| {
        let text =
            "(data: Gauss(samples: 200), network: [Dense(4096), Relu(), Dense(4096), Relu()], batch: 4,
            steps: 100, optimizer: Adam(0.001), REST)";
        super::read(&text.replace("REST", rest)).err().map(|faults| faults[0].to_string()).unwrap_or_default()
    };
    assert_eq!(with(r#"lanes: [(name: "a")]"#), "");
    let said = with(r#"lanes: [(name: "a")], seeds: 16"#);
    assert!(said.contains("1 lane over 16 seeds would take") && said.contains("at most"), "{said}");
    let lanes = ["a", "b", "c", "d", "e", "f", "g", "h"].map(|name| format!(r#"(name: "{name}")"#));
    let said = with(&format!("lanes: [{}]", lanes.join(", ")));
    assert!(said.contains("8 lanes over 1 seed would take"), "{said}");
}
