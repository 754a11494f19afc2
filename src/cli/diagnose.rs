//! `gradtui diagnose`: trains the lanes of a scenario, and reports their faults, since when they exist, and which
//! single change repairs them. A recorded run is judged by its log, and so is the log of another program; no cure is
//! tried then.
//!
//! Exit codes: 0 no finding at warn or bad, 1 at least one, 2 the input is at fault, 3 the lanes could not be judged.

use super::{BadInput, CommandEnd, OpenedText, open, print, print_err};
use crate::diagnosis::{Diagnosis, Finding, Fix, Level};
use crate::lab::clinic::{Clinic, CureTrial, LaneReport};
use crate::lab::files::{self, Disk};
use crate::lab::foreign::{self, LogFindings};
use crate::lab::outcome::LaneStanding;
use crate::lab::preset;
use crate::lab::run_dir::RunDir;
use crate::lab::sweep::store::is_sweep;
use crate::limits;
use crate::logs::{self, RunLog};
use crate::scenario::{Checked, Scenario, inspect};
use crate::telemetry::{Divergence, Phase};
use crate::text::escaped;
use serde_json::{Map, Value, json};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Arguments of `diagnose`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 no finding at warn or bad, 1 at least one, 2 the input is at fault, 3 the lanes could not be judged."
)]
pub struct DiagnoseArgs {
    /// A preset, a file, the directory of a run, or a log of another program as `watch` reads it; a run is judged by its log, and
    /// trained again for --steps, --fix and --prove
    #[arg(value_name = "SCENARIO|RUN|LOG")]
    scenario: OsString,
    /// Train this many steps; schedules still decay over the scenario's own number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=limits::STEPS as u64))]
    steps: Option<u64>,
    /// One JSON object per lane
    #[arg(long)]
    json: bool,
    /// Write the scenario with this cure to --out: 1 is the first that is offered
    #[arg(long, value_name = "K", requires = "out", value_parser = clap::value_parser!(u64).range(1..))]
    fix: Option<u64>,
    /// The new scenario
    #[arg(long, value_name = "NEW.ron", requires = "fix")]
    out: Option<PathBuf>,
    /// Try every cure that is offered, and say how it came out
    #[arg(long)]
    prove: bool,
    /// How lines of a text of another program read: {loss} is a number, {step} the step, {} anything
    #[arg(long, value_name = "PATTERN")]
    pattern: Vec<String>,
}

/// A lane with the facts by which it is judged.
struct JudgedLane {
    name: String,
    diagnosis: Diagnosis,
    divergence: Option<Divergence>,
    /// A sentence for each part of its log that could not be read.
    unread: Vec<String>,
}

/// The lanes of a run directory, judged by its log.
fn recorded(path: &Path) -> Result<Vec<JudgedLane>, BadInput> {
    let lanes = super::export::subject(path)?.standings.lanes;
    let judged = |lane: LaneStanding| {
        let diagnosis = lane.diagnosis()?;
        let divergence = if let Phase::Diverged(d) = lane.phase { Some(d) } else { None };
        Some(JudgedLane { diagnosis, name: lane.name, divergence, unread: Vec::new() })
    };
    Ok(lanes.into_iter().filter_map(judged).collect())
}

/// The JSON object of a lane.
fn object(lane: &str, d: &Diagnosis, lost: Option<&Divergence>, findings: Vec<Value>) -> Value {
    let skipped: Vec<Value> = d.skipped.iter().map(|(id, why)| json!({ "id": id, "why": why })).collect();
    let mut object = json!({ "lane": lane, "findings": findings, "checked": d.checked, "skipped": skipped });
    if let Some(lost) = lost {
        object["divergence"] = json!(lost);
    }
    object
}

/// The report on a lane without findings.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unfound {
    /// Nothing is wrong.
    InOrder,
    /// It is no better than a constant.
    Poor,
    /// A part of its log could not be read.
    Unread,
    /// Its log has nothing to judge by.
    Unjudged,
}

/// A lane in lines; `cures` returns the cures of a finding.
fn lines(
    lane: &str,
    d: &Diagnosis,
    lost: Option<&Divergence>,
    unfound: Unfound,
    cures: impl Fn(&Finding) -> String,
) -> String {
    let mut out = match d.reported().count() {
        0 if lost.is_some() => format!("{lane}: no cause found\n"),
        0 => {
            let words = match unfound {
                Unfound::InOrder => "in order",
                Unfound::Poor => "no better than a constant, and no cause found",
                Unfound::Unread => "no finding in what could be read",
                Unfound::Unjudged => "nothing to judge by",
            };
            format!("{lane}: {words}\n")
        }
        n => format!("{lane}: {n} {}\n", if n == 1 { "finding" } else { "findings" }),
    };
    if let Some(lost) = lost {
        let _ = writeln!(out, "  {}", lost.what);
    }
    for f in &d.findings {
        let _ = writeln!(out, "  {}", f.line());
        out.push_str(&cures(f));
    }
    if !d.checked.is_empty() {
        let _ = writeln!(out, "  in order: {}", d.checked.join(", "));
    }
    for (ids, why) in d.skipped_by_reason() {
        let _ = writeln!(out, "  not judged: {why}: {}", ids.join(", "));
    }
    out
}

impl JudgedLane {
    fn json(&self) -> String {
        let mut object = object(
            &self.name,
            &self.diagnosis,
            self.divergence.as_ref(),
            self.diagnosis.findings.iter().map(untried).collect(),
        );
        if !self.unread.is_empty() {
            object["unread"] = json!(self.unread);
        }
        object.to_string() + "\n"
    }

    /// Whether there is anything to judge it by.
    fn judged(&self) -> bool {
        self.divergence.is_some() || !self.diagnosis.findings.is_empty() || !self.diagnosis.checked.is_empty()
    }

    fn words(&self) -> String {
        let unfound = match self.judged() {
            false => Unfound::Unjudged,
            true if self.unread.is_empty() => Unfound::InOrder,
            true => Unfound::Unread,
        };
        let lines = lines(&self.name, &self.diagnosis, self.divergence.as_ref(), unfound, |f| {
            let cures = f.fixes.iter().filter(|_| f.level > Level::Note);
            cures.flat_map(|fix| ["           ", &fix.text, "\n"]).collect()
        });
        self.unread.iter().fold(lines, |lines, what| lines + "  not read: " + &escaped(what) + "\n")
    }
}

/// A lane and its report.
struct DiagnosedLane {
    lane: usize,
    name: String,
    report: LaneReport,
}

impl DiagnoseArgs {
    /// Examines every lane.
    pub fn run(mut self) -> anyhow::Result<()> {
        // The log inside a run directory stands for the run.
        let path = std::path::absolute(&self.scenario).unwrap_or_default();
        if let (Some("metrics.jsonl"), Some(dir)) = (path.file_name().and_then(|n| n.to_str()), path.parent())
            && logs::is_own(dir)
        {
            self.scenario = dir.into();
        }
        if let Some(judged) = self.recorded()? {
            return self.print_findings(&judged);
        }
        files::check_outputs(self.out.as_deref(), Some(Path::new(&self.scenario))).map_err(BadInput::new)?;
        let opened = self.opened()?;
        let Checked { scenario, data, .. } =
            inspect(&opened.text, opened.files()).map_err(|faults| opened.faults(&faults))?;
        let data = Arc::new(data);
        if scenario.data.problem().is_some() {
            return Err(
                CommandEnd(3, format!("{}: a surface has no samples to judge by", opened.name)).into()
            );
        }
        let terminal = std::io::stderr().is_terminal();
        let mut all = Vec::new();
        for lane in 0..scenario.lanes.len() {
            let name = scenario.lanes[lane].name.clone();
            let say = |fix: &Fix, _: &_, _: &_| {
                if terminal {
                    print_err(&format!("{name}: trying {}\n", fix.text));
                }
            };
            let clinic =
                Clinic::new(&scenario, lane, Arc::clone(&data), opened.files(), self.steps).on_cure(&say);
            let mut report =
                clinic.examine().map_err(|e| CommandEnd(3, format!("{}, lane {name}: {e}", opened.name)))?;
            if self.prove {
                clinic.prove(&mut report);
            }
            let examined = DiagnosedLane { lane, name: name.clone(), report };
            print(&if self.json { examined.json(self.prove) } else { examined.words(self.prove) })?;
            all.push(examined);
        }
        if let (Some(k), Some(out)) = (self.fix, &self.out) {
            write(&opened, &scenario, &all, k, out)?;
        }
        let ill = |r: &LaneReport| r.diagnosis.reported().next().is_some() || r.lost();
        if all.iter().any(|e| ill(&e.report)) { Err(CommandEnd(1, String::new()).into()) } else { Ok(()) }
    }

    /// The lanes of a recorded run or of a log, with the facts by which they are judged; `None` if the lanes have to be
    /// trained.
    fn recorded(&self) -> Result<Option<Vec<JudgedLane>>, BadInput> {
        let path = Path::new(&self.scenario);
        if is_sweep(path) {
            let what =
                "a sweep; `gradtui sweep table` compares its settings, `sweep show` writes one to diagnose";
            return Err(BadInput::new(format!("{}: {what}", escaped(&path.display().to_string()))));
        }
        let trains = self.steps.is_some() || self.fix.is_some() || self.prove;
        if logs::is_own(path) {
            return if trains { Ok(None) } else { recorded(path).map(Some) };
        }
        let named =
            path.extension().is_some_and(|e| e == "ron") || path.to_str().and_then(preset::find).is_some();
        if named || !path.exists() {
            return Ok(None);
        }
        let shown = escaped(&path.display().to_string()).into_owned();
        if trains {
            let what =
                "nothing is trained from a log; --steps, --fix and --prove belong to a scenario or a run";
            return Err(BadInput::new(format!("{shown}: {what}")));
        }
        let found =
            logs::open(path, &self.pattern).map_err(|what| BadInput::new(format!("{shown}: {what}")))?;
        let judged = |log: RunLog| {
            let name = escaped(&log.run).into_owned();
            let LogFindings { diagnosis, divergence, unread } = foreign::diagnosis(log);
            JudgedLane { name, diagnosis, divergence, unread }
        };
        Ok(Some(found.into_iter().map(judged).collect()))
    }

    /// Prints the findings about recorded lanes; the exit code states whether there are any.
    fn print_findings(&self, all: &[JudgedLane]) -> anyhow::Result<()> {
        for judged in all {
            print(&if self.json { judged.json() } else { judged.words() })?;
        }
        if !all.iter().any(JudgedLane::judged) {
            return Err(CommandEnd(3, "the log holds nothing to judge by".into()).into());
        }
        let found = all.iter().any(|j| j.diagnosis.reported().next().is_some() || j.divergence.is_some());
        if found { Err(CommandEnd(1, String::new()).into()) } else { Ok(()) }
    }

    /// The scenario, or the scenario of a run directory.
    fn opened(&self) -> anyhow::Result<OpenedText> {
        let path = Path::new(&self.scenario);
        if !path.is_dir() {
            return Ok(open(&self.scenario)?);
        }
        let run = RunDir::look(path).map_err(|e| BadInput::new(e.to_string()))?;
        let disk = Disk { base: run.base };
        Ok(OpenedText {
            name: path.join("scenario.ron").display().to_string(),
            text: run.scenario,
            disk: Some(disk),
        })
    }
}

/// A finding as a JSON object, with its cures.
pub fn finding(f: &Finding, fixes: Value) -> Value {
    let evidence: Map<String, Value> = f.evidence.iter().map(|(k, v)| ((*k).to_string(), json!(v))).collect();
    json!({
        "id": f.id,
        "level": f.level.text(),
        "step": f.step,
        "layer": f.layer,
        "evidence": evidence,
        "text": f.text,
        "fixes": fixes,
    })
}

/// A finding whose cures were not tried.
pub fn untried(f: &Finding) -> Value {
    let fix =
        |(i, fix): (usize, &Fix)| json!({ "id": (i + 1).to_string(), "text": fix.text, "patch": fix.patch });
    finding(f, f.fixes.iter().enumerate().map(fix).collect())
}

impl DiagnosedLane {
    fn outcome(&self, fix: &Fix) -> Option<&CureTrial> {
        self.report.tried.iter().find(|t| t.fix.patch == fix.patch)
    }

    fn json(&self, prove: bool) -> String {
        let fix = |(i, f): (usize, &Fix)| {
            let id =
                self.report.diagnosis.number(f).map_or_else(|| format!("note {}", i + 1), |n| n.to_string());
            let mut out = json!({ "id": id, "text": f.text, "patch": f.patch });
            if let (true, Some(outcome)) = (prove, self.outcome(f)) {
                out["verdict"] = outcome.verdict.text().into();
                out["before"] = score(self.report.facts.score());
                out["after"] = score(outcome.facts.score());
            }
            out
        };
        let d = &self.report.diagnosis;
        let of = |f: &Finding| finding(f, f.fixes.iter().enumerate().map(fix).collect());
        let findings = d.findings.iter().map(of).collect();
        object(&self.name, d, self.report.facts.divergence(), findings).to_string() + "\n"
    }

    fn words(&self, prove: bool) -> String {
        let d = &self.report.diagnosis;
        let cure = |fix: &Fix| {
            let number = d.number(fix).map_or_else(String::new, |n| n.to_string());
            let outcome = self.outcome(fix).filter(|_| prove || d.reported().next().is_some());
            let verdict = outcome.map_or_else(String::new, |o| {
                format!("   {} ({})", o.verdict.text(), o.words(&self.report.facts))
            });
            format!("       {number:>2}  {}{verdict}\n", fix.text)
        };
        let unfound = if self.report.lost() { Unfound::Poor } else { Unfound::InOrder };
        lines(&self.name, d, self.report.facts.divergence(), unfound, |f| {
            f.fixes.iter().filter(|_| f.level > Level::Note).map(cure).collect()
        })
    }
}

fn score(score: Option<crate::diagnosis::LaneScore>) -> Value {
    score.map_or(Value::Null, |s| json!({ "val_loss": s.loss, "val_accuracy": s.accuracy }))
}

/// Writes the scenario with a cure. Its paths are relative to the new file's directory and lead to the same data.
fn write(
    opened: &OpenedText,
    scenario: &Scenario,
    all: &[DiagnosedLane],
    k: u64,
    out: &Path,
) -> anyhow::Result<()> {
    let fixes: Vec<(usize, &Fix)> =
        all.iter().flat_map(|e| e.report.diagnosis.cures().into_iter().map(|(_, f)| (e.lane, f))).collect();
    let Some((lane, fix)) = fixes.get(k as usize - 1) else {
        let what = match fixes.len() {
            0 => "there is no cure to write: nothing was found at warn or bad that a setting repairs".into(),
            n => format!("there is no cure {k}; {n} are offered"),
        };
        return Err(CommandEnd(3, what).into());
    };
    // The recipe of a fork's cure is that of the lane with its whole history from step 0.
    let cured = match scenario.parent(&scenario.lanes[*lane]) {
        Some(_) => fix.apply(&scenario.alone(*lane), 0),
        None => fix.apply(scenario, *lane),
    };
    let mut text = cured.to_ron();
    if let Some(disk) = &opened.disk {
        let there = std::path::absolute(Path::new(".").join(&disk.base))?;
        let folder = out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if std::path::absolute(folder)? != there {
            for name in cured.files() {
                let quoted = |p: &str| format!("{p:?}");
                text = text.replace(&quoted(name), &quoted(&there.join(name).to_string_lossy()));
            }
        }
    }
    files::write(&[(out, text.as_bytes())]).map_err(|e| BadInput::new(e.to_string()))?;
    print_err(&format!("{}: {} in lane {}: {}\n", out.display(), fix.text, all[*lane].name, fix.patch));
    Ok(())
}
