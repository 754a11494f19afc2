//! `gradtui export`: writes the content of a run directory as files for other programs. Trains nothing except the steps
//! of `--pytorch`.

use super::player::{NpmPlayer, cast, recording};
use super::{BadInput, CommandEnd, print, print_err};
use crate::export::figure::{FIGURES, Figure};
use crate::export::net::{parts, tensors};
use crate::export::png::png;
use crate::export::weights::{WeightArrays, npz, safetensors};
use crate::export::{RunContent, onnx, pytorch, report, tables, tex};
use crate::lab::experiment::{Experiment, info};
use crate::lab::files::{self, Disk};
use crate::lab::follow::{self, LaneDetails, history};
use crate::lab::lesson::of_scenario;
use crate::lab::outcome::Standings;
use crate::lab::run_dir::RunDir;
use crate::number::Number;
use crate::scenario::read_with_data;
use crate::telemetry::{Event, LaneInfo};
use crate::text::{did_you_mean, escaped};
use clap::builder::PossibleValuesParser;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Arguments of `export`.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// A run directory, as `run --out` or the lab wrote it
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The lane, where a file is about one: the first, if none is named
    #[arg(long, value_name = "NAME")]
    lane: Option<String>,
    /// The number that figures show, by its name in the log
    #[arg(long, value_name = "METRIC", default_value = "loss")]
    number: String,
    /// Every number as a table: lane, seed, step, layer, metric, value; - is standard output, here and below
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// The same with one row per step and one column per number
    #[arg(long, value_name = "FILE")]
    wide: Option<PathBuf>,
    /// The same as NumPy arrays
    #[arg(long, value_name = "FILE")]
    npz: Option<PathBuf>,
    /// A figure as SVG: which one; to PANE.svg, or where --out says
    #[arg(long, value_name = "PANE", value_parser = PossibleValuesParser::new(FIGURES.iter().map(|f| f.name)))]
    svg: Option<String>,
    /// The same figure as PNG, with two pixels per unit: to PANE.png, or where --out says
    #[arg(long, value_name = "PANE", value_parser = PossibleValuesParser::new(FIGURES.iter().map(|f| f.name)))]
    png: Option<String>,
    /// Where the figure goes
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Curves for pgfplots and results for booktabs, in a LaTeX document
    #[arg(long, value_name = "FILE")]
    tex: Option<PathBuf>,
    /// A report in Markdown: results, what the lanes differ by, edits, expectations, scenario
    #[arg(long, value_name = "FILE")]
    md: Option<PathBuf>,
    /// The same with its figures in one HTML file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// A recording that the HTML file plays
    #[arg(long, value_name = "X.cast", requires = "html", requires = "player")]
    cast: Option<PathBuf>,
    /// The folder of the npm package asciinema-player, unpacked, which goes into the HTML file with its licence
    #[arg(long, value_name = "DIR", requires = "cast")]
    player: Option<PathBuf>,
    /// The lane's weights under PyTorch's names, as .safetensors or .npz
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// The lane's network in evaluation mode, for onnxruntime and the like
    #[arg(long, value_name = "FILE")]
    onnx: Option<PathBuf>,
    /// A script that trains the lane in PyTorch and compares the losses; its initial weights and its batches go beside it
    #[arg(long, value_name = "FILE")]
    pytorch: Option<PathBuf>,
    /// Steps of that script
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    steps: u64,
}

/// The form of a figure's file.
#[derive(Clone, Copy)]
enum FigureFormat {
    Svg,
    Png,
}

/// Reads a run directory, which may be in progress.
pub(super) fn subject(path: &Path) -> Result<RunContent, BadInput> {
    let shown = escaped(&path.display().to_string()).into_owned();
    let resumed = RunDir::look(path).map_err(|e| BadInput::new(e.to_string()))?;
    for warning in &resumed.warnings {
        print_err(&format!("gradtui: {shown}: {warning}\n"));
    }
    let files = Disk { base: resumed.base.clone() };
    let (scenario, data) = read_with_data(&resumed.scenario, &files)
        .map_err(|faults| BadInput(faults.iter().map(|f| f.in_file("scenario.ron")).collect()))?;
    let experiment = Experiment::with_data(scenario.clone(), Arc::new(data), &files)
        .map_err(|faults| BadInput(faults.iter().map(ToString::to_string).collect()))?;
    let (rows, edits) = follow::lines(path).map_err(|e| BadInput::new(format!("{shown}: {e}")))?;
    let mut standings = Standings::default();
    let mut tellers = BTreeMap::new();
    for (lane, contender) in experiment.lanes.iter().enumerate() {
        let info = LaneInfo {
            edits: scenario.journal(&contender.name),
            ..info(
                &contender.name,
                &contender.recipe,
                &contender.network,
                &experiment.data,
                experiment.scenario.steps as u64,
            )
        };
        tellers.insert(contender.name.clone(), LaneDetails::new(lane, &info, 0.0, 0));
        standings.apply(&Event::Started { lane, info: Box::new(info), step: 0 });
    }
    for event in history(path, &tellers) {
        standings.apply(&event);
    }
    for saved in &resumed.lanes {
        if let Some(lane) = experiment.lanes.iter().position(|l| l.name == saved.name) {
            let (step, phase) = (saved.snapshot.step, saved.phase.clone());
            standings.apply(&Event::Phase { lane, step, phase });
        }
    }
    Ok(RunContent { name: shown, scenario, experiment, lanes: resumed.lanes, rows, edits, standings })
}

/// Writes files; one named - goes to standard output.
fn write(all: &[(&Path, &[u8])]) -> anyhow::Result<()> {
    if let [(path, bytes)] = all
        && path.as_os_str() == "-"
    {
        return match std::str::from_utf8(bytes) {
            Ok(text) => print(text),
            Err(_) => Err(BadInput::new("this file is no text; name a file for it instead of -").into()),
        };
    }
    files::write(all).map_err(|e| CommandEnd(1, e.to_string()))?;
    for (path, bytes) in all {
        print_err(&format!("wrote {}, {} bytes\n", escaped(&path.display().to_string()), bytes.len()));
    }
    Ok(())
}

/// Shifts and factors with which the data were scaled, for each feature and each target, by their names in metadata;
/// empty if the data were not scaled.
fn scaled(subject: &RunContent) -> Vec<(&'static str, String)> {
    let data = &subject.experiment.data;
    let list = |of: &[(f32, f32)], number: fn(&(f32, f32)) -> f32| {
        of.iter().map(|pair| number(pair).to_string()).collect::<Vec<_>>().join(" ")
    };
    let all = [
        ("input_shift", list(&data.inputs, |p| p.0)),
        ("input_factor", list(&data.inputs, |p| p.1)),
        ("target_shift", list(&data.targets, |p| p.0)),
        ("target_factor", list(&data.targets, |p| p.1)),
    ];
    all.into_iter().filter(|(_, numbers)| !numbers.is_empty()).collect()
}

impl ExportArgs {
    /// The number that figures show.
    fn number(&self) -> Result<Number, BadInput> {
        Number::of_key(&self.number).ok_or_else(|| {
            let near = did_you_mean(&self.number, Number::ALL.iter().map(|n| n.row().key));
            let near = near
                .map_or_else(|| "`gradtui list metrics` shows them".into(), |n| format!("did you mean {n}?"));
            BadInput::new(format!("--number {}: no such number; {near}", self.number))
        })
    }

    fn weights(subject: &RunContent, lane: usize, path: &Path) -> Result<Vec<u8>, BadInput> {
        let (layers, snapshot) = subject.trained(lane).map_err(BadInput::new)?;
        let network = &subject.experiment.lanes[lane].network;
        let tensors = tensors(&parts(&layers, network), network, &snapshot.params, &snapshot.state);
        let name = &subject.experiment.lanes[lane].name;
        match path.extension().and_then(|e| e.to_str()) {
            Some("safetensors") => {
                let mut about = scaled(subject);
                about.extend([("lane", name.clone()), ("step", snapshot.step.to_string())]);
                safetensors(&tensors, &about).map_err(BadInput::new)
            }
            Some("npz") => {
                let arrays = tensors
                    .iter()
                    .map(|t| (t.name.clone(), t.shape.clone(), WeightArrays::Floats(&t.values)));
                npz(&arrays.collect::<Vec<_>>()).map_err(|e| BadInput::new(e.to_string()))
            }
            _ => {
                let shown = escaped(&path.display().to_string()).into_owned();
                Err(BadInput::new(format!("--weights {shown}: weights end in .safetensors or .npz")))
            }
        }
    }

    fn onnx(subject: &RunContent, lane: usize) -> Result<Vec<u8>, BadInput> {
        let (layers, snapshot) = subject.trained(lane).map_err(BadInput::new)?;
        let contender = &subject.experiment.lanes[lane];
        let parts = parts(&layers, &contender.network);
        let (params, state, about) = (&snapshot.params, &snapshot.state, scaled(subject));
        onnx::model(&contender.name, &parts, &contender.network, params, state, &about).map_err(BadInput::new)
    }

    fn pytorch(&self, subject: &RunContent, lane: usize, path: &Path) -> anyhow::Result<()> {
        let stem = path.file_stem().and_then(|s| s.to_str()).filter(|s| !s.contains(['"', '\\', '{', '}']));
        let stem =
            stem.ok_or_else(|| BadInput::new("--pytorch: the script needs a plain name, such as lane.py"))?;
        if path.extension().is_none_or(|e| e != "py") {
            return Err(BadInput::new("--pytorch: the name of a script ends in .py").into());
        }
        let script = pytorch::script(subject, lane, self.steps, stem).map_err(BadInput::new)?;
        let beside = |end: &str| path.with_file_name(format!("{stem}_{end}"));
        let (weights, data) = (beside("start.safetensors"), beside("batches.npz"));
        write(&[(path, script.source.as_bytes()), (&weights, &script.weights), (&data, &script.data)])
    }

    /// The figures to write, each with its file.
    fn figures(&self) -> Result<Vec<(&'static Figure, PathBuf, FigureFormat)>, BadInput> {
        let asked = [(&self.svg, FigureFormat::Svg, "svg"), (&self.png, FigureFormat::Png, "png")];
        let asked = asked.into_iter().filter_map(|(name, form, end)| {
            let figure = FIGURES.iter().find(|f| Some(f.name) == name.as_deref())?;
            Some((figure, PathBuf::from(format!("{}.{end}", figure.name)), form))
        });
        let mut all: Vec<_> = asked.collect();
        if let Some(out) = &self.out {
            let [figure] = &mut all[..] else {
                return Err(BadInput::new("--out is the file of one figure: name one by --svg or --png"));
            };
            figure.1.clone_from(out);
        }
        Ok(all)
    }

    /// The recording for the HTML file, with its player.
    fn film(&self) -> anyhow::Result<String> {
        let Some((player, path)) = self.player.clone().zip(self.cast.as_deref()) else {
            return Ok(String::new());
        };
        let (player, (name, text)) = (NpmPlayer::read(player)?, cast(path)?);
        Ok(["<h2>Recording</h2>\n", &player.head(), &recording(&name, "", &text)?, &player.tail()].concat())
    }

    /// Writes the requested files.
    pub fn run(self) -> anyhow::Result<()> {
        let asked = [
            &self.csv,
            &self.wide,
            &self.npz,
            &self.tex,
            &self.md,
            &self.html,
            &self.weights,
            &self.onnx,
            &self.pytorch,
        ];
        let figures = self.figures()?;
        if asked.iter().all(|o| o.is_none()) && figures.is_empty() {
            let kinds =
                "--csv, --wide, --npz, --svg, --png, --tex, --md, --html, --weights, --onnx or --pytorch";
            return Err(BadInput::new(format!("export: say what to write: {kinds}")).into());
        }
        let number = self.number()?;
        let made = asked.into_iter().flatten().chain(figures.iter().map(|f| &f.1)).map(PathBuf::as_path);
        files::check_outputs(made, self.cast.as_deref()).map_err(BadInput::new)?;
        let subject = subject(&self.run)?;
        let lane = subject.lane(self.lane.as_deref()).map_err(|e| BadInput::new(format!("--lane: {e}")))?;
        let expect = || {
            of_scenario(&subject.scenario.to_ron(), &subject.scenario)
                .map_err(|faults| BadInput(faults.iter().map(|f| f.in_file("scenario.ron")).collect()))
        };
        let tables = self.csv.is_some() || self.wide.is_some() || self.npz.is_some();
        if tables && subject.scenario.seeds > 1 {
            let (first, seeds) = (subject.scenario.seed, subject.scenario.seeds);
            print_err(&format!(
                "the tables have seed {first} only: of the other {} seeds, the log keeps ranges and no values; a sweep, or a \
                 run for each seed, keeps all\n",
                seeds - 1
            ));
        }
        if let Some(path) = &self.csv {
            write(&[(path, tables::tidy(&subject).as_bytes())])?;
        }
        if let Some(path) = &self.wide {
            write(&[(path, tables::wide(&subject).as_bytes())])?;
        }
        if let Some(path) = &self.npz {
            write(&[(path, &tables::npz(&subject)?)])?;
        }
        for (figure, path, form) in &figures {
            let drawing = (figure.draw)(&subject, number, lane).map_err(BadInput::new)?;
            match form {
                FigureFormat::Svg => write(&[(path, drawing.svg().as_bytes())])?,
                FigureFormat::Png => {
                    let png = png(&drawing).map_err(BadInput::new)?;
                    write(&[(path, &png.bytes)])?;
                    if !png.missing.is_empty() {
                        let missing: String = png.missing.iter().collect();
                        print_err(&format!(
                            "boxes stand for characters that the font of PNG files does not have: {}; --svg keeps them\n",
                            escaped(&missing)
                        ));
                    }
                }
            }
        }
        if let Some(path) = &self.tex {
            write(&[(path, tex::document(&subject, number).map_err(BadInput::new)?.as_bytes())])?;
        }
        if let Some(path) = &self.md {
            write(&[(path, report::markdown(&subject, &expect()?).as_bytes())])?;
        }
        if let Some(path) = &self.html {
            write(&[(path, report::html(&subject, &expect()?, &self.film()?).as_bytes())])?;
        }
        if let Some(path) = &self.weights {
            write(&[(path, &Self::weights(&subject, lane, path)?)])?;
        }
        if let Some(path) = &self.onnx {
            write(&[(path, &Self::onnx(&subject, lane)?)])?;
        }
        let scales: Vec<_> = scaled(&subject).into_iter().map(|(name, _)| name).collect();
        if (self.weights.is_some() || self.onnx.is_some()) && !scales.is_empty() {
            print_err(&format!(
                "the network was trained on scaled data, (x - shift) * factor for each feature: {} are in the metadata of \
                 .safetensors and .onnx\n",
                scales.join(", ")
            ));
        }
        if let Some(path) = &self.pytorch {
            self.pytorch(&subject, lane, path)?;
        }
        Ok(())
    }
}
