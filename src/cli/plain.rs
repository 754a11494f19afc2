//! The lab line by line, for screen readers, terminals that cannot draw, and pipes: a status now and then, commands typed.
//! Nothing but letters, digits and line ends comes out.

use super::opening::Opening;
use super::signals::Signals;
use super::{Ended, print, tell};
use crate::lab::runner::Runner;
use crate::number::Number;
use crate::registry::Settings as _;
use crate::scenario::Recipe;
use crate::telemetry::{Command, Event, LaneId, Phase};
use crate::text::{did_you_mean, escaped, excerpt};
use crate::ui::app::comfortable;
use crate::ui::diagnosis::findings;
use crate::view::{LaneView, View};
use std::fmt::Write as _;
use std::io::BufRead as _;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

/// The commands, each with what it does.
const COMMANDS: [(&str, &str); 15] = [
    ("run", "train on"),
    ("pause", "stop after the present step"),
    ("step [N]", "N steps in every lane, then pause"),
    ("status", "a line for every lane"),
    ("look [LANE]", "what its gradients, units and clip are like"),
    ("settings [LANE]", "what it trains with"),
    ("set [LANE] NAME VALUE", "change it while it trains: set lr 0.01, set B optimizer Adam(0.003)"),
    ("copy LANE NAME", "one more lane with the same settings"),
    ("remove LANE", "this lane leaves"),
    ("solo [LANE]", "only this lane trains; without a lane all again"),
    ("reset [LANE]", "from the beginning, the same start"),
    ("pace N|free", "N steps a second at most, or as fast as it goes"),
    ("every N|never", "seconds between two status lines"),
    ("save", "a checkpoint now"),
    ("quit", "save and leave"),
];

/// Trains a run and speaks of it line by line until the user leaves or, without anybody to type, until it is over.
///
/// # Errors
/// How it ended, where that is not well.
pub fn show(opening: Opening) -> anyhow::Result<()> {
    let Opening { scenario, run, dir, threads, notices, .. } = opening;
    let signals = Signals::listen()?;
    let typed = lines()?;
    let runner = Runner::start(run, threads, dir, false)?;
    runner.send(Command::Pace(Some(comfortable(scenario.steps))));
    runner.send(Command::Run);
    let mut lab = Plain {
        runner: &runner,
        view: View::default(),
        steps: scenario.steps as u64,
        every: Some(EVERY),
        said: Instant::now(),
        told: Vec::new(),
        resting: true,
    };
    say(&format!("{}. help lists the commands.\n", escaped(scenario.title.trim())))?;
    for notice in notices {
        say(&format!("{}\n", escaped(&notice)))?;
    }
    let ended = lab.go(&typed, &signals);
    let (_, _, disk) = runner.finish();
    if let Some(why) = disk {
        tell(&format!("gradtui: the end of the run could not be saved: {}\n", escaped(&why)));
    }
    ended
}

/// Seconds between two status lines.
const EVERY: Duration = Duration::from_secs(5);

/// What is typed, line by line; it ends when nobody types any more.
fn lines() -> std::io::Result<Receiver<String>> {
    let (tell, typed) = sync_channel(16);
    std::thread::Builder::new().name("commands".into()).spawn(move || {
        let mut input = std::io::stdin().lock();
        let mut line = Vec::new();
        // A line that is too long to be one is read in pieces, none of which is a command.
        while let Ok(1..) = std::io::Read::take(&mut input, 4096).read_until(b'\n', &mut line) {
            if tell.send(String::from_utf8_lossy(&line).trim().to_string()).is_err() {
                break;
            }
            line.clear();
        }
    })?;
    Ok(typed)
}

fn say(text: &str) -> anyhow::Result<()> {
    print(text)
}

/// A lab that speaks.
struct Plain<'a> {
    runner: &'a Runner,
    view: View,
    steps: u64,
    every: Option<Duration>,
    said: Instant,
    /// Lanes whose end was told.
    told: Vec<LaneId>,
    /// Whether it was said last that no lane trains.
    resting: bool,
}

impl Plain<'_> {
    fn go(&mut self, typed: &Receiver<String>, signals: &Signals) -> anyhow::Result<()> {
        let mut alone = false;
        loop {
            self.runner.wait(Duration::from_millis(50));
            for event in self.runner.drain() {
                self.hear(event)?;
            }
            if let Some(code) = signals.exit_code() {
                return Err(Ended(code, "interrupted".into()).into());
            }
            while !alone {
                match typed.try_recv() {
                    Ok(line) if matches!(&line[..], "quit" | "q" | "exit") => return Ok(()),
                    Ok(line) => self.obey(&line)?,
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => alone = true,
                }
            }
            let over = |l: &LaneView| !matches!(l.phase, Phase::Running | Phase::Paused);
            if alone && !self.view.lanes.is_empty() && self.view.lanes.iter().all(over) {
                return Ok(());
            }
            let training = self.view.lanes.iter().any(|l| l.phase == Phase::Running);
            if training && self.every.is_some_and(|every| self.said.elapsed() >= every) {
                self.status()?;
            }
        }
    }

    fn hear(&mut self, event: Event) -> anyhow::Result<()> {
        if let Event::Changed { lane, info, .. } = &event {
            let changes =
                self.view.lane(*lane).map(|l| info.recipe.differences(&l.info.recipe)).unwrap_or_default();
            for (name, value) in changes {
                say(&format!("{}: {name} is {} now.\n", escaped(&info.name), escaped(&value)))?;
            }
        }
        let (lane, began) = match &event {
            Event::Phase { lane, .. } => (Some(*lane), None),
            Event::Started { lane, .. } => (None, Some(*lane)),
            Event::Notice(text) => return say(&format!("{}\n", escaped(text))),
            _ => (None, None),
        };
        self.view.apply(event);
        self.told.retain(|id| began != Some(*id));
        let resting = !self.view.lanes.iter().any(|l| l.phase == Phase::Running);
        if resting != self.resting && self.view.lanes.iter().any(|l| l.phase != Phase::Finished) {
            self.resting = resting;
            let step = self.view.lanes.iter().map(|l| l.step).max().unwrap_or(0);
            say(&if resting { format!("Paused at step {step}.\n") } else { "Training.\n".into() })?;
        }
        let Some(lane) = lane.and_then(|id| self.view.lane(id)) else { return Ok(()) };
        if matches!(lane.phase, Phase::Running | Phase::Paused) || self.told.contains(&lane.id) {
            return Ok(());
        }
        let (id, line) = (lane.id, of(lane));
        self.told.push(id);
        say(&line)
    }

    fn status(&mut self) -> anyhow::Result<()> {
        self.said = Instant::now();
        let step = self.view.lanes.iter().map(|l| l.step).max().unwrap_or(0);
        let lanes: String = self.view.lanes.iter().map(of).collect();
        say(&format!("Step {step} of {}.\n{lanes}", self.steps))
    }

    /// The lane of a letter or a name, the first without.
    fn lane(&self, word: Option<&str>) -> Result<&LaneView, String> {
        let Some(word) = word else {
            return self.view.lanes.first().ok_or_else(|| "there is no lane".into());
        };
        let letter = |l: &&LaneView| l.letter().to_string().eq_ignore_ascii_case(word);
        let name = |l: &&LaneView| l.info.name.eq_ignore_ascii_case(word);
        let found = self.view.lanes.iter().find(name).or_else(|| self.view.lanes.iter().find(letter));
        let all = || {
            self.view
                .lanes
                .iter()
                .map(|l| format!("{} {}", l.letter(), l.info.name))
                .collect::<Vec<_>>()
                .join(", ")
        };
        found.ok_or_else(|| format!("there is no lane {}; there are {}", excerpt(word, 40), all()))
    }

    fn obey(&mut self, line: &str) -> anyhow::Result<()> {
        match self.command(line) {
            Ok(Some(Answer::Say(text))) => say(&text),
            Ok(Some(Answer::Order(command))) => {
                self.runner.send(command);
                Ok(())
            }
            Ok(Some(Answer::Status)) => self.status(),
            Ok(None) => Ok(()),
            Err(what) => say(&format!("{}\n", escaped(&what))),
        }
    }

    fn command(&mut self, line: &str) -> Result<Option<Answer>, String> {
        let mut words = line.split_whitespace();
        let (word, first) = (words.next().unwrap_or_default(), words.next());
        let number = |what: &str| {
            let found = first.and_then(|w| w.parse::<f64>().ok()).filter(|n| *n > 0.0 && n.is_finite());
            found.ok_or_else(|| format!("{what} wants a number above 0"))
        };
        let order = |c| Ok(Some(Answer::Order(c)));
        match word {
            "" => Ok(None),
            "run" | "go" => order(Command::Run),
            "pause" => order(Command::Pause),
            "step" => order(Command::Step(if first.is_some() { number("step")?.max(1.0) as u64 } else { 1 })),
            "status" => Ok(Some(Answer::Status)),
            "look" => {
                let lane = self.lane(first)?;
                let mut text = of(lane);
                for f in findings(lane) {
                    put(&mut text, format_args!("  {}\n", plain(&f.text)));
                }
                Ok(Some(Answer::Say(text)))
            }
            "settings" => {
                let lane = self.lane(first)?;
                let mut text = of(lane);
                for f in lane.info.recipe.fields() {
                    put(&mut text, format_args!("  {}: {}\n", f.name, escaped(&f.value)));
                }
                Ok(Some(Answer::Say(text)))
            }
            "set" => self.set(line).map(|c| Some(Answer::Order(c))),
            "copy" => {
                let (lane, name) =
                    (self.lane(first)?, words.next().ok_or("copy wants a name for the new lane")?);
                let recipe = Box::new(lane.info.recipe.clone());
                order(Command::Add { name: excerpt(name, 40), recipe })
            }
            "remove" => {
                first.ok_or("remove wants a lane")?;
                let id = self.lane(first)?.id;
                if self.view.lanes.len() < 2 {
                    Err("the last lane stays".into())
                } else {
                    order(Command::Remove(id))
                }
            }
            "solo" => order(Command::Solo(first.map(|w| self.lane(Some(w)).map(|l| l.id)).transpose()?)),
            "reset" => order(Command::Reset(first.map(|w| self.lane(Some(w)).map(|l| l.id)).transpose()?)),
            "pace" if first == Some("free") => order(Command::Pace(None)),
            "pace" => order(Command::Pace(Some(number("pace")?))),
            "every" => {
                self.every = match first {
                    Some("never") => None,
                    _ => Some(Duration::from_secs_f64(number("every")?.clamp(0.1, 86_400.0))),
                };
                Ok(None)
            }
            "save" => order(Command::Save),
            "help" | "?" => {
                let rows = COMMANDS.iter().map(|(command, what)| format!("  {command}: {what}\n"));
                Ok(Some(Answer::Say(rows.collect())))
            }
            other => {
                let names = COMMANDS.iter().filter_map(|(c, _)| c.split(' ').next());
                let hint = did_you_mean(other, names)
                    .map_or("help lists them".into(), |n| format!("did you mean {n}?"));
                Err(format!("there is no command {}; {hint}", excerpt(other, 40)))
            }
        }
    }

    /// `set [LANE] NAME VALUE`: a field of the recipe, or of its optimizer.
    fn set(&self, line: &str) -> Result<Command, String> {
        let rest = line.trim_start().strip_prefix("set").unwrap_or_default().trim_start();
        let (word, after) = rest.split_once(char::is_whitespace).ok_or("set wants a name and a value")?;
        let named = self.lane(Some(word)).ok().filter(|_| after.trim().contains(char::is_whitespace));
        let (lane, rest) =
            named.map_or_else(|| self.lane(None).map(|l| (l, rest)), |l| Ok((l, after.trim_start())))?;
        let (field, value) = rest.split_once(char::is_whitespace).ok_or("set wants a name and a value")?;
        let mut recipe = lane.info.recipe.clone();
        change(&mut recipe, field, value.trim())?;
        Ok(Command::Set { lane: lane.id, name: lane.info.name.clone(), recipe: Box::new(recipe) })
    }
}

enum Answer {
    Say(String),
    Order(Command),
    Status,
}

/// Changes a field of the recipe, or of its optimizer.
fn change(recipe: &mut Recipe, field: &str, value: &str) -> Result<(), String> {
    let own: Vec<&'static str> = recipe.fields().iter().map(|f| f.name).collect();
    let inner: Vec<&'static str> = recipe.optimizer.settings().fields().iter().map(|f| f.name).collect();
    if own.contains(&field) {
        recipe.set(field, value).map_err(|e| format!("{field}: {e}"))
    } else if inner.contains(&field) {
        recipe.optimizer.settings_mut().set(field, value).map_err(|e| format!("{field}: {e}"))
    } else {
        let all: Vec<&str> = inner.into_iter().chain(own).collect();
        let hint = did_you_mean(field, all.iter().copied())
            .map_or_else(|| format!("there are {}", all.join(", ")), |n| format!("did you mean {n}?"));
        Err(format!("there is no setting {}; {hint}", excerpt(field, 40)))
    }
}

/// A lane in a line.
fn of(lane: &LaneView) -> String {
    let state = match &lane.phase {
        Phase::Running | Phase::Paused => format!("step {}", lane.step),
        Phase::Finished => format!("finished at step {}", lane.step),
        Phase::Stopped(why) => format!("stopped at step {}: {}", lane.step, plain(why)),
        Phase::Diverged(d) => format!("diverged at step {}: {}", d.step, plain(&d.what)),
        Phase::Failed(what) => format!("failed: {}", plain(what)),
    };
    let mut line = format!("{} {}, {state}", lane.letter(), escaped(&lane.info.name));
    if lane.last.step > 0 {
        let (loss, norm) = (lane.last.single(Number::Loss), lane.last.single(Number::GradNorm));
        put(&mut line, format_args!(", loss {loss:.4}, gradient {norm:.3e}"));
    }
    if let Some(validation) = lane.validation {
        put(&mut line, format_args!(", validation loss {:.4}", validation.single(Number::ValLoss)));
        if let Some(accuracy) = validation.get(Number::ValAccuracy) {
            put(&mut line, format_args!(", accuracy {:.1} percent", 100.0 * accuracy));
        }
    }
    line + ".\n"
}

/// Appends what is formatted; memory takes all.
fn put(line: &mut String, what: std::fmt::Arguments<'_>) {
    let _ = line.write_fmt(what);
}

/// Words for signs that are not spoken.
fn plain(text: &str) -> String {
    let text =
        text.replace("‖g‖", "gradient norm").replace('→', "to").replace('·', ",").replace('×', "times");
    escaped(&text).into_owned()
}
