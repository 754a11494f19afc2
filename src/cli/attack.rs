//! `gradtui attack`: attacks an image of the user's with a trained network. Trains or loads the network, fits the image
//! to it, attacks, shows and writes the result.

use super::display::Display;
use super::{BadInput, CommandEnd, open, print, print_err};
use crate::engine::attack::verdict::{self, AttackCase, AttackVerdict};
use crate::engine::attack::{
    AttackConfig, AttackScratch, AttackTask, PerturbationNorm, RandomKey, ValidRange, Victim, distance,
    predicted,
};
use crate::engine::data::picture::{FittedPicture, fit};
use crate::engine::data::{Files, Labels, NoFiles};
use crate::engine::kernel::math;
use crate::lab::experiment::Experiment;
use crate::lab::files::{self, Disk};
use crate::lab::run::Run;
use crate::lab::run_dir::RunDir;
use crate::lab::stepped::SteppedRun;
use crate::lab::trainer::Trainer;
use crate::limits;
use crate::registry::SettingValue as _;
use crate::scenario::{Scenario, read_with_data};
use crate::telemetry::{Command, Event, Phase};
use crate::text::{did_you_mean, escaped, excerpt};
use indicatif::{ProgressBar, ProgressStyle};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

mod pictures;

use pictures::AttackPictures;

/// Arguments of `attack`.
#[derive(Debug, clap::Args)]
pub struct AttackArgs {
    /// A PNG, JPEG, WebP, BMP or GIF file
    #[arg(value_name = "IMAGE")]
    image: PathBuf,
    /// The network to attack: the directory of a run, a preset or a scenario
    #[arg(long, value_name = "DIR|SCENARIO")]
    with: OsString,
    /// The lane; the first one if not given
    #[arg(long, value_name = "NAME")]
    lane: Option<String>,
    /// Train this many steps, if there is no run to load
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=limits::STEPS as u64))]
    steps: Option<u64>,
    /// The image's true class by name; without it the attack leaves the class that the network predicts
    #[arg(long, value_name = "CLASS")]
    label: Option<String>,
    /// The class that the network should see in it
    #[arg(long, value_name = "CLASS")]
    target: Option<String>,
    /// Size of the perturbation, in units of the inputs
    #[arg(long, value_name = "E")]
    eps: Option<f64>,
    /// The attack: a name such as fgsm or pgd, or with settings, such as 'Pgd(steps: 40)'
    #[arg(long = "attack", value_name = "ATTACK", default_value = "pgd")]
    by: String,
    /// Write the adversarial image here (a PNG file), and beside it the perturbation and all three side by side
    #[arg(long, value_name = "PNG")]
    out: Option<PathBuf>,
    /// Take the whole image, where it would be cropped to its subject
    #[arg(long)]
    whole: bool,
    #[command(flatten)]
    display: Display,
}

/// Finds a name in a list; the error suggests the nearest one.
fn among(what: &str, name: &str, names: &[String]) -> Result<usize, BadInput> {
    names.iter().position(|n| n == name).ok_or_else(|| {
        let near = did_you_mean(name, names.iter().map(String::as_str));
        let hint =
            near.map_or_else(|| format!("there are {}", names.join(", ")), |n| format!("did you mean {n}?"));
        BadInput::new(format!("there is no {what} {}; {hint}", excerpt(name, 60)))
    })
}

/// Reads the attack from the command line.
fn named(text: &str, eps: Option<f64>) -> Result<AttackConfig, BadInput> {
    let row = AttackConfig::all().into_iter().find(|a| a.name().eq_ignore_ascii_case(text.trim()));
    let config = match row {
        Some(row) => row,
        None if text.contains('(') => {
            AttackConfig::parse(text).map_err(|e| BadInput::new(format!("--attack: {e}")))?
        }
        None => {
            let names: Vec<String> = AttackConfig::NAMES.iter().map(|n| n.to_lowercase()).collect();
            among("attack", &text.to_lowercase(), &names).map(|_| AttackConfig::all().swap_remove(0))?
        }
    };
    let mut wrong = None;
    config.check_inside("attack", &mut |_, what| {
        wrong.get_or_insert(what);
    });
    if let Some(what) = wrong {
        return Err(BadInput::new(format!("--attack: {what}")));
    }
    let Some(eps) = eps else { return Ok(config) };
    config.with_eps(eps).ok_or_else(|| BadInput::new(format!("--eps: {eps} is no size of a perturbation")))
}

/// A trained lane with its description.
struct Trained {
    run: SteppedRun,
    name: String,
    steps: u64,
}

impl Trained {
    fn trainer(&self) -> Result<&Trainer, CommandEnd> {
        let lane = self.run.run().lane(0).map(|lane| &lane.trainer);
        lane.ok_or_else(|| CommandEnd(1, format!("lane {} has failed", self.name)))
    }
}

/// An experiment with only this lane (the first, if none is named).
fn only(mut experiment: Experiment, lane: Option<&str>) -> Result<Experiment, BadInput> {
    let names: Vec<String> = experiment.lanes.iter().map(|l| l.name.clone()).collect();
    let at = lane.map_or(Ok(0), |lane| among("lane", lane, &names))?;
    experiment.lanes = vec![experiment.lanes.swap_remove(at)];
    Ok(experiment)
}

fn experiment(text: &str, name: &str, files: &dyn Files) -> Result<(Scenario, Experiment), BadInput> {
    let of = |f: &crate::scenario::ScenarioFault| f.in_file(name);
    let (scenario, data) =
        read_with_data(text, files).map_err(|faults| BadInput(faults.iter().map(of).collect()))?;
    let experiment = Experiment::with_data(scenario.clone(), Arc::new(data), files)
        .map_err(|faults| BadInput(faults.iter().map(|f| format!("{name}: {f}")).collect()))?;
    Ok((scenario, experiment))
}

/// Loads the lane from the newest checkpoint of a run; the run itself is not changed.
fn load(path: &Path, lane: Option<&str>) -> Result<Trained, BadInput> {
    let resumed = RunDir::look(path).map_err(|e| BadInput::new(e.to_string()))?;
    for warning in &resumed.warnings {
        print_err(&format!("gradtui: {}: {warning}\n", escaped(&path.display().to_string())));
    }
    let files: Arc<dyn Files + Send + Sync> = Arc::new(Disk { base: resumed.base.clone() });
    let (scenario, all) = experiment(&resumed.scenario, "scenario.ron", &*files)?;
    let one = only(all, lane)?;
    let name = one.lanes[0].name.clone();
    let saved: Vec<_> = resumed
        .lanes
        .into_iter()
        .filter(|l| l.name == name)
        .map(|mut l| {
            l.id = 0;
            l
        })
        .collect();
    let steps = saved.first().map_or(0, |l| l.snapshot.step);
    let mut run = Run::new(one, Some(scenario.steps as u64), files);
    run.restore(&saved).map_err(|what| BadInput::new(format!("{}: {what}", path.display())))?;
    Ok(Trained { run: SteppedRun::new(run), name, steps })
}

/// Trains the lane to its end, with a progress bar on a terminal.
fn train(experiment: Experiment, end: u64, files: Arc<dyn Files + Send + Sync>) -> anyhow::Result<Trained> {
    let name = experiment.lanes[0].name.clone();
    let mut run = SteppedRun::new(Run::new(experiment, Some(end), files));
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(end) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("training {prefix:16} {bar:24} {pos:>7}/{len} {msg}") {
        bar.set_style(style);
    }
    bar.set_prefix(name.clone());
    run.send(Command::Run);
    while !run.run().over() {
        run.advance((end / 100).clamp(1, 50));
        bar.set_position(steps(&run));
        for event in run.drain() {
            if let Event::Phase { phase: Phase::Diverged(account), .. } = event {
                return Err(CommandEnd(
                    1,
                    format!("lane {name} diverged at step {}: {}", account.step, account.what),
                )
                .into());
            }
        }
    }
    bar.finish_and_clear();
    let steps = steps(&run);
    Ok(Trained { run, name, steps })
}

/// Steps of the only lane.
fn steps(run: &SteppedRun) -> u64 {
    run.run().lane(0).map_or(0, |lane| lane.trainer.steps())
}

/// Softmax of a row of logits.
fn chances(logits: &[f32]) -> Vec<f32> {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exps: Vec<f32> = logits.iter().map(|&z| math::exp(z - max)).collect();
    let sum: f32 = exps.iter().sum();
    exps.iter().map(|e| e / sum).collect()
}

/// The result of an attack.
struct AttackOutcome {
    clean: Vec<f32>,
    /// The image as the file will store it: with 256 levels of brightness.
    adversarial: Vec<f32>,
    before: Vec<f32>,
    /// The prediction before the image was rounded for the file.
    exact: Vec<f32>,
    after: Vec<f32>,
    /// See [`verdict::blind`].
    blind: bool,
}

/// Rounds a perturbed image to the 256 levels of brightness of a file, for features with these ranges, without leaving
/// the attack's ball around the clean image.
fn round(attack: &AttackConfig, clean: &[f32], image: &mut [f32], low: &[f32], high: &[f32]) {
    for (i, x) in image.iter_mut().enumerate() {
        let (low, width) = (low[i], high[i] - low[i]);
        let step = |x: f32| if width > 0.0 { (x - low) / width * 255.0 } else { 0.0 };
        let (from, to) = (step(clean[i]), step(*x));
        // Tolerance for rounding errors when a level counts as reached.
        let slack = 1e-3;
        let (least, most) = match (attack.eps(), attack.norm()) {
            // Every change may grow up to eps.
            (Some(eps), PerturbationNorm::Linf) => {
                let eps = if width > 0.0 { eps as f32 / width * 255.0 } else { 0.0 };
                ((from - eps - slack).ceil(), (from + eps + slack).floor())
            }
            // No change may grow.
            (Some(_), PerturbationNorm::L2) => {
                ((from.min(to) - slack).ceil(), (from.max(to) + slack).floor())
            }
            (None, _) => (0.0, 255.0),
        };
        // If the ball contains no level at all, it is left by at most half a level.
        let nearest = (to + 0.5).floor();
        let steps = if least <= most { nearest.max(least).min(most) } else { (from + 0.5).floor() };
        *x = low + steps / 255.0 * width;
    }
}

impl AttackArgs {
    /// Attacks the image.
    pub fn run(self) -> anyhow::Result<()> {
        let attack = named(&self.by, self.eps)?;
        let shown = excerpt(&self.image.to_string_lossy(), limits::NAME_CHARS);
        let bytes = files::read(&self.image, limits::DATA_FILE_BYTES / 4)
            .map_err(|what| BadInput::new(format!("{shown}: {what}")))?;
        let out = self.out.clone().unwrap_or_else(|| {
            let stem = self.image.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            PathBuf::from(format!("{stem}-adversarial.png"))
        });
        let made = pictures::paths(&out);
        files::check_outputs(made.iter().map(PathBuf::as_path), [&*self.image]).map_err(BadInput::new)?;
        pictures::is_png(&out)?;
        let directory = Path::new(&self.with).is_dir();
        let mut trained = None;
        let mut ready = None;
        if directory {
            trained = Some(load(Path::new(&self.with), self.lane.as_deref())?);
        } else {
            let opened = open(&self.with)?;
            let files: Arc<dyn Files + Send + Sync> = match &opened.disk {
                Some(disk) => Arc::new(disk.clone()),
                None => Arc::new(NoFiles),
            };
            let (scenario, all) = experiment(&opened.text, &opened.name, &*files)?;
            ready = Some((only(all, self.lane.as_deref())?, scenario.steps as u64, files));
        }
        // Faults of the input are reported before the network trains.
        let data = match (&trained, &ready) {
            (Some(trained), _) => Arc::clone(trained.trainer()?.data()),
            (None, Some((experiment, ..))) => Arc::clone(&experiment.data),
            (None, None) => unreachable!("a directory or a scenario"),
        };
        let Labels::Classes { names, .. } = &data.train.labels else {
            return Err(
                BadInput::new("these data have no class per sample: there is nothing to attack").into()
            );
        };
        let class = |what: &str, name: &Option<String>| {
            name.as_ref().map(|name| among(what, name, names)).transpose()
        };
        let (label, target) = (class("class", &self.label)?, class("class", &self.target)?);
        let fitted = fit(&bytes, &data.train, &data.range, self.whole)
            .map_err(|what| BadInput::new(format!("{shown}: {what}")))?;
        let trained = match (trained, ready) {
            (Some(trained), _) => trained,
            (None, Some((experiment, steps, files))) => {
                train(experiment, self.steps.unwrap_or(steps), files)?
            }
            (None, None) => unreachable!("a directory or a scenario"),
        };
        let FittedPicture { inputs, how } = fitted;
        let outcome = strike(trained.trainer()?, &attack, inputs, label, target)?;
        let words = tale(&outcome, &attack, names, label, target);
        let head = format!("lane {}, {} steps of training\n{shown}: {how}\n", trained.name, trained.steps);
        print(&(head + &words))?;
        let pictures = AttackPictures::of(&outcome, data.train.shape, &data.range);
        if std::io::stdout().is_terminal() {
            print(&pictures.printed(&self.display)?)?;
        }
        print(&pictures.write(&out)?)
    }
}

/// Attacks the inputs; the adversarial image is evaluated as the file stores it.
fn strike(
    trainer: &Trainer,
    attack: &AttackConfig,
    clean: Vec<f32>,
    label: Option<usize>,
    target: Option<usize>,
) -> Result<AttackOutcome, CommandEnd> {
    let data = trainer.data();
    let (low, high): (Vec<f32>, Vec<f32>) = data.range.iter().copied().unzip();
    let network = trainer.network();
    let mut scratch = AttackScratch::new(network, 1);
    let live = trainer.live();
    let params = live.point(trainer.recipe());
    let mut victim =
        Victim::new(network, params, &live.state, &mut scratch).map_err(|what| CommandEnd(1, what))?;
    let before = victim.logits(&clean).to_vec();
    let own =
        predicted(&before).ok_or_else(|| CommandEnd(1, "the network's answer is not a number".into()))?;
    let class = target.or(label).map_or(own, |c| c as u32);
    let task = AttackTask {
        x: &clean,
        classes: &[class],
        targeted: target.is_some(),
        valid: ValidRange::Each { low: &low, high: &high },
        key: RandomKey::default(),
    };
    let mut adversarial = vec![0.0; clean.len()];
    attack.perturb(&mut victim, &task, &mut adversarial);
    let exact = victim.logits(&adversarial).to_vec();
    let blind = verdict::blind(attack, &mut victim, &task);
    round(attack, &clean, &mut adversarial, &low, &high);
    let after = victim.logits(&adversarial).to_vec();
    Ok(AttackOutcome { clean, adversarial, before, exact, after, blind })
}

/// The result in lines of text.
fn tale(
    outcome: &AttackOutcome,
    attack: &AttackConfig,
    names: &[String],
    label: Option<usize>,
    target: Option<usize>,
) -> String {
    let answer = |logits: &[f32]| {
        let class = predicted(logits)? as usize;
        Some((class, chances(logits)[class]))
    };
    let line = |when: &str, logits: &[f32], judge: &dyn Fn(usize) -> String| match answer(logits) {
        Some((class, chance)) => {
            format!("{when}  {}  {:.1} %{}\n", names[class], 100.0 * chance, judge(class))
        }
        None => {
            format!("{when}  {}: the network's output is not a number\n", AttackVerdict::NoPrediction.words())
        }
    };
    let of = |class: Option<usize>| class.map(|class| class as u32);
    let case = |after: &[f32]| AttackCase {
        before: predicted(&outcome.before),
        after: predicted(after),
        label: of(label),
        target: of(target),
        blind: outcome.blind,
    };
    let judged = |class: usize| match label {
        Some(label) if class == label => "   right".into(),
        Some(label) => format!("   wrong: it is {}", names[label]),
        None => String::new(),
    };
    let came = case(&outcome.after).verdict();
    let aim = target.map_or_else(String::new, |target| format!(", aimed at {}", names[target]));
    let fooled = |_: usize| format!("   {}{aim}", came.words());
    let size = distance(&outcome.clean, &outcome.adversarial);
    let mut out = line("before", &outcome.before, &judged);
    out.push_str(&line("after ", &outcome.after, &fooled));
    if case(&outcome.exact).verdict() == AttackVerdict::Fooled && came != AttackVerdict::Fooled {
        out.push_str(
            "the attack had succeeded; rounding to the 256 steps of a file undid it: take a larger eps\n",
        );
    }
    let _ = writeln!(
        out,
        "{}: largest change {:.3}, Euclidean length {:.3}, {} of {} numbers changed",
        attack.text(),
        size.linf,
        size.l2,
        size.l0,
        outcome.clean.len()
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_to_the_steps_of_a_file_stays_inside_the_ball() {
        let clean: Vec<f32> = (0..256u16).map(|i| f32::from(i) / 255.0).collect();
        let (low, high) = (vec![0.0; 256], vec![1.0; 256]);
        for eps in [0.004, 0.01, 0.1, 0.1234, 0.2] {
            for (attack, sign) in [("fgsm", 1.0), ("pgd", -1.0), ("pgdl2", 0.73)] {
                let attack = named(attack, Some(eps)).expect("an attack");
                let mut image: Vec<f32> =
                    clean.iter().map(|c| (c + sign * eps as f32).clamp(0.0, 1.0)).collect();
                let before = distance(&clean, &image);
                round(&attack, &clean, &mut image, &low, &high);
                let after = distance(&clean, &image);
                assert!(after.linf <= eps as f32 + 1e-6, "{} {eps}: {}", attack.name(), after.linf);
                if attack.norm() == PerturbationNorm::L2 {
                    assert!(after.l2 <= before.l2, "{eps}");
                }
                let steps = image.iter().map(|x| x * 255.0);
                assert!(steps.clone().all(|s| (s - s.round()).abs() < 1e-3), "no step of a file");
                // A level of a file is 0.0039.
                let left = steps.zip(&clean).any(|(s, c)| (s - c * 255.0).abs() > 0.5);
                assert!(left || eps < 0.01, "{eps}: nothing is left");
            }
        }
    }
}
