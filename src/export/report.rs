//! A run as a report: in Markdown, or as one HTML file that contains everything.

use super::RunContent;
use super::figure;
use crate::lab::expect::Expectation;
use crate::number::{Number, numeral};
use crate::scenario::Carry;
use crate::telemetry::Phase;
use crate::text::xml;
use std::fmt::Write as _;

/// A cell of the table of results.
pub enum ReportCell {
    /// Words.
    Text(String),
    /// A number.
    Number(f64),
    /// A number over several seeds.
    Range {
        /// Its median.
        median: f64,
        /// The least.
        min: f64,
        /// The greatest.
        max: f64,
    },
    /// The lane has no such number.
    Nothing,
}

/// The heading of the findings that the run's own log shows.
const FINDINGS: &str = "Findings at warn or bad";
/// The heading of the hashes: two runs with the same ones have the same parameters.
const HASHES: &str = "Hashes of the parameters";

/// The numbers of the table of results.
const COLUMNS: [Number; 4] = [Number::Loss, Number::ValLoss, Number::ValAccuracy, Number::GradNorm];

/// The table of results: headings, and one row per lane.
pub fn results(subject: &RunContent) -> (Vec<String>, Vec<Vec<ReportCell>>) {
    let lanes = &subject.standings.lanes;
    let value = |lane: &crate::lab::outcome::LaneStanding, number: Number| {
        let measure = [lane.last, lane.validation].into_iter().flatten().find(|m| m.get(number).is_some());
        let Some(measure) = measure else { return ReportCell::Nothing };
        match measure.spread.and_then(|s| s.band(number)) {
            Some(band) => {
                let [median, min, max] = [band.median, band.min, band.max].map(crate::number::decimal);
                ReportCell::Range { median, min, max }
            }
            None => {
                measure.get(number).map_or(ReportCell::Nothing, |x| ReportCell::Number(number.decimal(x)))
            }
        }
    };
    let there = |number: &Number| lanes.iter().any(|l| !matches!(value(l, *number), ReportCell::Nothing));
    let columns: Vec<Number> = COLUMNS.into_iter().filter(there).collect();
    let mut head = vec!["lane".to_string(), "steps".into()];
    head.extend(columns.iter().map(|n| n.row().label.to_string()));
    // A stop between two evaluations is not evaluated in the log.
    let earlier = lanes.iter().any(|l| l.validation.is_some_and(|v| v.step != l.step));
    head.extend(earlier.then(|| "validated at".to_string()));
    head.push("end".into());
    let rows = lanes.iter().map(|lane| {
        let mut row = vec![ReportCell::Text(lane.name.clone()), ReportCell::Text(lane.step.to_string())];
        row.extend(columns.iter().map(|n| value(lane, *n)));
        let step =
            lane.validation.map_or(ReportCell::Nothing, |v| ReportCell::Text(format!("step {}", v.step)));
        row.extend(earlier.then_some(step));
        row.push(ReportCell::Text(match &lane.phase {
            Phase::Diverged(d) => format!("diverged at step {}", d.step),
            Phase::Stopped(what) | Phase::Failed(what) => what.clone(),
            Phase::Finished => "finished".into(),
            Phase::Running | Phase::Paused | Phase::Killed => "not finished".into(),
        }));
        row
    });
    (head, rows.collect())
}

fn words(cell: &ReportCell) -> String {
    match cell {
        ReportCell::Text(text) => text.clone(),
        ReportCell::Number(x) => numeral(*x),
        ReportCell::Range { median, min, max } => {
            format!("{} ({} to {})", numeral(*median), numeral(*min), numeral(*max))
        }
        ReportCell::Nothing => "-".into(),
    }
}

/// The parts of a report, each with its heading.
struct ReportSections {
    title: String,
    about: String,
    results: (Vec<String>, Vec<Vec<String>>),
    differs: Vec<String>,
    findings: Vec<String>,
    edits: Vec<String>,
    expectations: Vec<String>,
    hashes: Vec<String>,
    repeat: String,
    scenario: String,
}

fn report(subject: &RunContent, expect: &[Expectation]) -> ReportSections {
    let scenario = &subject.scenario;
    let base = scenario.base();
    let mut differs = Vec::new();
    for lane in &subject.experiment.lanes {
        let parent = lane.branch.as_ref().map(|b| (b.fork_origin(&lane.recipe, true), &b.ground));
        let ground = parent.as_ref().map_or(&base, |(_, ground)| ground);
        let settings = lane.written.differences(ground);
        let settings: Vec<String> =
            settings.into_iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let settings = if settings.is_empty() { "nothing".into() } else { settings.join(", ") };
        differs.push(match parent {
            Some((fork, _)) => format!("{} ({fork}: {}): {settings}", lane.name, Carry::words(fork.carried)),
            None => format!("{}: {settings}", lane.name),
        });
    }
    let findings = subject.standings.lanes.iter().flat_map(|lane| {
        let diagnosis = lane.diagnosis().unwrap_or_default();
        let lines: Vec<String> =
            diagnosis.reported().map(|f| format!("{}: {}", lane.name, f.line())).collect();
        if lines.is_empty() { vec![format!("{}: none", lane.name)] } else { lines }
    });
    let hashes = subject.standings.lanes.iter().filter_map(|lane| {
        let (measure, hash) = lane.validation.and_then(|v| Some((v, v.hash?)))?;
        Some(format!("{} at step {}: {hash}", lane.name, measure.step))
    });
    let edits = subject.edits.iter().map(|e| format!("{} at step {}: {e}", e.lane, e.step));
    let judged = expect.iter().map(|e| match e.check(&subject.standings) {
        _ if !subject.standings.over() => format!("not judged, the run is not finished: {}", e.text()),
        _ if e.over_seeds() => {
            format!("judged over {} seeds by `gradtui run`: {}", scenario.expect_seeds, e.text())
        }
        Ok(why) => format!("holds: {} ({why})", e.text()),
        Err(why) => format!("FAILS: {} ({why})", e.text()),
    });
    let (head, rows) = results(subject);
    ReportSections {
        title: subject.title().into(),
        about: scenario.about.trim().into(),
        results: (head, rows.iter().map(|row| row.iter().map(words).collect()).collect()),
        differs,
        findings: findings.collect(),
        hashes: hashes.collect(),
        edits: edits.collect(),
        expectations: judged.collect(),
        repeat: repeat(subject),
        scenario: scenario.to_ron(),
    }
}

/// The command that trains the same steps again.
fn repeat(subject: &RunContent) -> String {
    let end = subject.lanes.iter().map(|lane| lane.snapshot.step).max().unwrap_or(0);
    let cut = subject
        .lanes
        .iter()
        .any(|lane| matches!(lane.phase, Phase::Running | Phase::Paused | Phase::Finished));
    let steps =
        if cut && end < subject.scenario.steps as u64 { format!(" --steps {end}") } else { String::new() };
    format!("gradtui run {}/scenario.ron{steps} --out AGAIN", subject.name)
}

/// A heading with lines below it, if there are any.
fn section(out: &mut String, heading: &str, lines: &[String]) {
    if !lines.is_empty() {
        let _ = writeln!(out, "\n## {heading}\n");
        for line in lines {
            let _ = writeln!(out, "- {}", line.replace('\n', " "));
        }
    }
}

/// The report as Markdown.
pub fn markdown(subject: &RunContent, expect: &[Expectation]) -> String {
    let report = report(subject, expect);
    let mut out = format!("# {}\n", report.title);
    if !report.about.is_empty() {
        let _ = writeln!(out, "\n{}", report.about);
    }
    let (head, rows) = &report.results;
    let line = |cells: &[String]| {
        format!("| {} |\n", cells.iter().map(|c| c.replace('|', "\\|")).collect::<Vec<_>>().join(" | "))
    };
    out.push_str("\n## Results\n\n");
    out.push_str(&line(head));
    out.push_str(&line(&vec!["---".to_string(); head.len()]));
    for row in rows {
        out.push_str(&line(row));
    }
    section(&mut out, "What each lane has of its own", &report.differs);
    section(&mut out, FINDINGS, &report.findings);
    section(&mut out, "Changes while it ran", &report.edits);
    section(&mut out, "Expectations", &report.expectations);
    section(&mut out, HASHES, &report.hashes);
    let fence = if report.scenario.contains("```") { "~~~~~" } else { "```" };
    let _ = write!(
        out,
        "\n## The same numbers again\n\n```\n{}\n```\n\n## Scenario\n\n{fence}ron\n{}{fence}\n",
        report.repeat, report.scenario
    );
    out
}

/// The report as one HTML file that loads nothing from elsewhere. `film`: HTML placed before the scenario; without it
/// the file has no script.
pub fn html(subject: &RunContent, expect: &[Expectation], film: &str) -> String {
    let report = report(subject, expect);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<link rel=\"icon\" href=\"data:,\">\n<title>{0}</title>\n<style>body{{font:16px/1.5 \
         sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#111;background:#fff}}table{{border-collapse:\
         collapse}}td,th{{padding:.2rem .7rem;border-bottom:1px solid #ccc;text-align:left}}pre{{overflow:auto;padding:.7rem;\
         background:#f4f4f4}}svg{{max-width:100%;height:auto}}</style>\n<h1>{0}</h1>\n<p>{1}</p>\n<h2>Results</h2>\n<table>\n",
        xml(&report.title),
        xml(&report.about).replace('\n', "<br>\n")
    );
    let row = |tag: &str, cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|c| format!("<{tag}>{}</{tag}>", xml(c))).collect();
        format!("<tr>{}</tr>\n", cells.concat())
    };
    out.push_str(&row("th", &report.results.0));
    for cells in &report.results.1 {
        out.push_str(&row("td", cells));
    }
    out.push_str("</table>\n");
    for number in [Number::Loss, Number::ValLoss, Number::ValAccuracy] {
        if let Ok(drawing) = figure::curves(subject, number) {
            out.push_str(&drawing.svg());
        }
    }
    for lane in 0..subject.experiment.lanes.len() {
        if let Ok(drawing) = figure::map(subject, lane) {
            out.push_str(&drawing.svg());
        }
    }
    let sections = [
        ("What each lane has of its own", &report.differs),
        (FINDINGS, &report.findings),
        ("Changes while it ran", &report.edits),
        ("Expectations", &report.expectations),
        (HASHES, &report.hashes),
    ];
    for (heading, lines) in sections.into_iter().filter(|s| !s.1.is_empty()) {
        let lines: Vec<String> = lines.iter().map(|l| format!("<li>{}</li>\n", xml(l))).collect();
        let _ = write!(out, "<h2>{heading}</h2>\n<ul>\n{}</ul>\n", lines.concat());
    }
    let _ = write!(
        out,
        "{film}<h2>The same numbers again</h2>\n<pre>{}</pre>\n<h2>Scenario</h2>\n<pre>{}</pre>\n</html>\n",
        xml(&report.repeat),
        xml(&report.scenario)
    );
    out
}
