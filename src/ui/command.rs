//! Commands as words, such as `set lr 0.01` or `copy A slow`: parsed for the line-by-line lab and for the command
//! palette, which also completes them. Carries out nothing itself.

use super::diagnosis::findings;
use crate::number::Number;
use crate::registry::Settings as _;
use crate::scenario::{Carry, Recipe};
use crate::telemetry::{Command, LaneId, Phase};
use crate::text::{did_you_mean, escaped, excerpt};
use crate::view::{LaneView, RunView};
use std::fmt::Write as _;
use std::time::Duration;

/// The commands: name, arguments, and meaning.
pub const COMMANDS: [(&str, &str, &str); 21] = [
    ("run", "", "train on"),
    ("pause", "", "stop after the present step"),
    ("step", "[N]", "N steps in every lane, then pause"),
    ("status", "", "a line for every lane"),
    ("look", "[LANE]", "what its gradients, units and clip are like"),
    ("settings", "[LANE]", "what it trains with"),
    ("set", "[LANE] NAME VALUE", "change it while it trains: set lr 0.01, set B optimizer Adam(0.003)"),
    ("copy", "LANE NAME", "one more lane with the same settings"),
    (
        "fork",
        "LANE NAME [STEP]",
        "one more lane that begins with its state, now or as it was after STEP steps",
    ),
    ("remove", "LANE", "this lane leaves"),
    ("undo", "", "take the last change back: lanes become what they would be without it"),
    ("redo", "", "make the change again that was undone last"),
    ("changes", "", "the changes that can be undone and made again"),
    ("rewind", "STEP [LANE]", "go on from an earlier step, all lanes or one"),
    ("solo", "[LANE]", "only this lane trains; without a lane all again"),
    ("reset", "[LANE]", "from the beginning, the same start"),
    ("pace", "N|free", "N steps a second at most, or as fast as it goes"),
    ("every", "N|never", "seconds between two status lines"),
    ("save", "[PATH]", "a checkpoint now; with a path: the experiment as it is now, as a scenario"),
    ("picture", "PATH", "what is on the screen, as an SVG file"),
    ("quit", "", "save and leave"),
];

/// The result of parsing a line.
#[derive(Clone, Debug, PartialEq)]
pub enum ParsedCommand {
    /// Nothing.
    Nothing,
    /// An answer, one or more lines.
    Say(String),
    /// An order to the run.
    Order(Command),
    /// Print a line for every lane.
    Status,
    /// Print a status line at this interval, or never.
    Every(Option<Duration>),
    /// Save the screen as a picture at this path.
    Picture(String),
    /// Quit.
    Quit,
}

/// The lanes that a command may name.
#[derive(Clone, Copy, Debug)]
pub struct LaneNames<'a> {
    /// All of them.
    pub view: &'a RunView,
    /// The lane that is meant if none is named; the first lane if `None`.
    pub front: Option<LaneId>,
}

impl<'a> LaneNames<'a> {
    /// The lane with this letter or name.
    ///
    /// # Errors
    /// If there is no such lane; the message lists the existing ones.
    pub fn find(&self, word: Option<&str>) -> Result<&'a LaneView, String> {
        let lanes = &self.view.lanes;
        let Some(word) = word else {
            let front = lanes.iter().find(|l| Some(l.id) == self.front);
            return front.or(lanes.first()).ok_or_else(|| "there is no lane".into());
        };
        let letter = |l: &&LaneView| l.letter().to_string().eq_ignore_ascii_case(word);
        let name = |l: &&LaneView| l.info.name.eq_ignore_ascii_case(word);
        let found = lanes.iter().find(name).or_else(|| lanes.iter().find(letter));
        let all = || {
            let each = lanes.iter().map(|l| format!("{} {}", l.letter(), l.info.name));
            each.collect::<Vec<_>>().join(", ")
        };
        found.ok_or_else(|| format!("there is no lane {}; there are {}", excerpt(word, 40), all()))
    }

    /// Parses a line.
    ///
    /// # Errors
    /// If it is not a command; the message says what would be right.
    pub fn read(&self, line: &str) -> Result<ParsedCommand, String> {
        // People type the colon of a command that they read, though the key has given one.
        let line = line.trim_start().trim_start_matches(':');
        let mut words = line.split_whitespace();
        let (word, first) = (words.next().unwrap_or_default(), words.next());
        let number = |what: &str| {
            let found = first.and_then(|w| w.parse::<f64>().ok()).filter(|n| *n > 0.0 && n.is_finite());
            found.ok_or_else(|| format!("{what} wants a number above 0"))
        };
        let order = |c| Ok(ParsedCommand::Order(c));
        // The arguments as one text, because names of lanes may have blanks.
        let rest =
            line.split_once(char::is_whitespace).map(|(_, rest)| rest.trim()).filter(|r| !r.is_empty());
        let row = COMMANDS.iter().find(|c| c.0 == word && !c.1.contains("LANE") && !c.1.contains("PATH"));
        let all = rest.map_or(0, |r| r.split_whitespace().count());
        if let Some((_, takes, _)) = row.filter(|row| all > usize::from(!row.1.is_empty())) {
            let takes = if takes.is_empty() { "nothing" } else { takes };
            return Err(format!("{word} takes {takes}, not `{}`", excerpt(rest.unwrap_or_default(), 40)));
        }
        match word {
            "" => Ok(ParsedCommand::Nothing),
            "run" | "go" => order(Command::Run),
            "pause" => order(Command::Pause),
            "step" => order(Command::Step(if first.is_some() { number("step")?.max(1.0) as u64 } else { 1 })),
            "status" => Ok(ParsedCommand::Status),
            "look" => {
                let lane = self.find(rest)?;
                let mut text = sentence(lane);
                for f in findings(lane) {
                    put(&mut text, format_args!("  {}\n", spoken(&f.text)));
                }
                Ok(ParsedCommand::Say(text))
            }
            "settings" => {
                let lane = self.find(rest)?;
                let mut text = sentence(lane);
                for f in lane.info.recipe.fields() {
                    put(&mut text, format_args!("  {}: {}\n", f.name, escaped(&f.value)));
                }
                for edit in &lane.info.edits {
                    put(
                        &mut text,
                        format_args!("  changed at step {}: {}\n", edit.step, spoken(&edit.to_string())),
                    );
                }
                Ok(ParsedCommand::Say(text))
            }
            "set" => self.set(line).map(ParsedCommand::Order),
            "copy" => {
                let lane = self.find(first)?;
                let name = rest.and_then(|r| Some(r.split_once(char::is_whitespace)?.1.trim()));
                let name = name.ok_or("copy wants a lane and a name for the new one")?;
                let recipe = Box::new(lane.info.recipe.clone());
                order(Command::Add { name: excerpt(name, 40), recipe })
            }
            "fork" => {
                let lane = self.find(first)?;
                let mut name: Vec<&str> = words.collect();
                let step = |w: &&str| w.replace(',', "").parse().ok();
                let at = name.last().and_then(step).filter(|_| name.len() > 1);
                name.truncate(name.len() - usize::from(at.is_some()));
                let name = Some(name.join(" ")).filter(|name| !name.is_empty());
                let name = name.ok_or("fork wants a lane and a name for the new one")?;
                let at = at.or_else(|| lane.is_past().then_some(lane.step));
                let recipe = Box::new(lane.present().info.settings_at(at));
                order(Command::Fork {
                    parent: lane.id,
                    at,
                    name: excerpt(&name, 40),
                    recipe,
                    carry: Carry::All,
                })
            }
            "remove" => {
                let id = self.find(Some(rest.ok_or("remove wants a lane")?))?.id;
                if self.view.lanes.len() < 2 {
                    Err("the last lane stays".into())
                } else {
                    order(Command::Remove(id))
                }
            }
            "undo" => order(Command::Undo),
            "redo" => order(Command::Redo),
            "changes" => Ok(ParsedCommand::Say(spoken_lines(&self.view.changes()))),
            "rewind" => {
                let step = first.and_then(|w| w.replace(',', "").parse().ok());
                let step = step.ok_or("rewind wants the number of a step")?;
                let lane = rest.and_then(|r| r.split_once(char::is_whitespace)).map(|(_, lane)| lane.trim());
                let lane = lane.map(|name| self.find(Some(name)).map(|l| l.id)).transpose()?;
                order(Command::Rewind { lane, step })
            }
            "solo" => order(Command::Solo(rest.map(|w| self.find(Some(w)).map(|l| l.id)).transpose()?)),
            "reset" => order(Command::Reset(rest.map(|w| self.find(Some(w)).map(|l| l.id)).transpose()?)),
            "pace" if first == Some("free") => order(Command::Pace(None)),
            "pace" => order(Command::Pace(Some(number("pace")?))),
            "every" => Ok(ParsedCommand::Every(match first {
                Some("never") => None,
                _ => Some(Duration::from_secs_f64(number("every")?.clamp(0.1, 86_400.0))),
            })),
            "save" => match line.trim_start().split_once(char::is_whitespace).map(|(_, path)| path.trim()) {
                None | Some("") => order(Command::Save),
                Some(path) => order(Command::Write(path.to_owned())),
            },
            "picture" => {
                let path = line.trim_start().strip_prefix("picture").unwrap_or_default().trim();
                let svg = std::path::Path::new(path).extension().is_some_and(|e| e == "svg");
                if svg {
                    Ok(ParsedCommand::Picture(path.into()))
                } else {
                    Err("picture wants a path that ends in .svg; PNG files come from `gradtui export RUN --png PANE`".into())
                }
            }
            "quit" | "q" | "exit" => Ok(ParsedCommand::Quit),
            "help" | "?" => {
                let rows = COMMANDS.iter().map(|(command, takes, what)| {
                    format!("  {}: {what}\n", format!("{command} {takes}").trim_end())
                });
                Ok(ParsedCommand::Say(rows.collect()))
            }
            other => {
                let hint = did_you_mean(other, COMMANDS.iter().map(|c| c.0))
                    .map_or("help lists them".into(), |n| format!("did you mean {n}?"));
                Err(format!("there is no command {}; {hint}", excerpt(other, 40)))
            }
        }
    }

    /// `set [LANE] NAME VALUE`: a field of the recipe, of its optimizer, or a path such as `clip.max_norm`.
    fn set(&self, line: &str) -> Result<Command, String> {
        let rest = line.trim_start().strip_prefix("set").unwrap_or_default().trim_start();
        let (lane, rest) = self.named(rest)?;
        let (field, value) = rest.split_once(char::is_whitespace).ok_or("set wants a name and a value")?;
        let mut recipe = lane.info.recipe.clone();
        change(&mut recipe, field, value.trim())?;
        Ok(Command::Set { lane: lane.id, name: lane.info.name.clone(), recipe: Box::new(recipe) })
    }

    /// The lane at the beginning of these words, if there is one and more than a value follows; and the words after it.
    fn named<'w>(&self, words: &'w str) -> Result<(&'a LaneView, &'w str), String> {
        let more = words.split_once(char::is_whitespace);
        let named = more.and_then(|(word, after)| {
            let lane = self.find(Some(word)).ok().filter(|_| !settable(&self.view.lanes, word))?;
            Some((lane, after.trim_start()))
        });
        named.map_or_else(|| self.find(None).map(|lane| (lane, words)), Ok)
    }

    /// The possible completions of a line: whole lines, each with its meaning. A line that needs more words ends with a
    /// space.
    pub fn complete(&self, line: &str) -> Vec<(String, String)> {
        let begins = |name: &str, typed: &str| name.to_lowercase().starts_with(&typed.to_lowercase());
        let Some((verb, rest)) = line.trim_start().split_once(char::is_whitespace) else {
            let found = COMMANDS.iter().filter(|c| begins(c.0, line.trim()));
            return found
                .map(|(name, takes, about)| {
                    let space = if takes.is_empty() { "" } else { " " };
                    (format!("{name}{space}"), format!("{takes} {about}").trim_start().to_owned())
                })
                .collect();
        };
        let lanes = |typed: &str| -> Vec<(String, String)> {
            let found = self.view.lanes.iter().filter(|l| begins(&l.letter().to_string(), typed));
            found.map(|l| (l.letter().to_string(), l.info.name.clone())).collect()
        };
        let with = |head: &str, found: Vec<(String, String)>| {
            found.into_iter().map(|(word, about)| (format!("{head}{word}"), about)).collect()
        };
        match verb {
            "set" => {
                let Ok((lane, typed)) = self.named(rest.trim_start()) else { return Vec::new() };
                let head = &line[..line.len() - typed.len()];
                with(head, settings(&lane.info.recipe, typed))
            }
            "look" | "settings" | "remove" | "solo" | "reset" if !rest.contains(' ') => {
                with(&format!("{verb} "), lanes(rest))
            }
            "copy" if !rest.contains(' ') => {
                with("copy ", lanes(rest).into_iter().map(|(l, about)| (l + " ", about)).collect())
            }
            "pace" => with("pace ", vec![("free".into(), "as fast as it goes".into())]),
            _ => Vec::new(),
        }
    }
}

/// The possible completions of `NAME VALUE`.
fn settings(recipe: &Recipe, typed: &str) -> Vec<(String, String)> {
    let inner = recipe.optimizer.settings().fields();
    let fields: Vec<_> = inner.into_iter().chain(recipe.fields()).collect();
    match typed.split_once(char::is_whitespace) {
        None => {
            let found = fields.into_iter().filter(|f| f.name.starts_with(typed));
            found.map(|f| (format!("{} ", f.name), format!("now {}; {}", f.value, f.about))).collect()
        }
        Some((name, value)) => {
            let value = value.trim_start().to_lowercase();
            let fits = |n: &&&str| n.to_lowercase().starts_with(&value);
            let rows =
                recipe.rows_of(name).iter().filter(fits).map(|n| (format!("{name} {n}()"), String::new()));
            rows.collect()
        }
    }
}

/// Whether a word is a setting rather than the letter or the name of a lane.
fn settable(lanes: &[LaneView], word: &str) -> bool {
    let own = |l: &LaneView| {
        let r = &l.info.recipe;
        r.fields().iter().chain(&r.optimizer.settings().fields()).any(|f| f.name == word)
    };
    lanes.iter().any(own)
}

/// Changes a field of the recipe, of its optimizer, or one at a path.
fn change(recipe: &mut Recipe, field: &str, value: &str) -> Result<(), String> {
    let own: Vec<&'static str> = recipe.fields().iter().map(|f| f.name).collect();
    let inner: Vec<&'static str> = recipe.optimizer.settings().fields().iter().map(|f| f.name).collect();
    let path = match field {
        _ if own.contains(&field) || field.contains('.') => field.to_owned(),
        _ if inner.contains(&field) => format!("optimizer.{field}"),
        _ => {
            let all: Vec<&str> = inner.into_iter().chain(own).collect();
            let hint = did_you_mean(field, all.iter().copied())
                .map_or_else(|| format!("there are {}", all.join(", ")), |n| format!("did you mean {n}?"));
            return Err(format!("there is no setting {}; {hint}", excerpt(field, 40)));
        }
    };
    // A row of a table may be named without parentheses.
    let row = recipe.rows_of(field).iter().find(|n| n.eq_ignore_ascii_case(value));
    let value = row.map_or_else(|| value.to_owned(), |name| format!("{name}()"));
    recipe.set_at(&path, &value).map_err(|e| format!("{field}: {e}"))
}

/// A sentence about a lane.
pub fn sentence(lane: &LaneView) -> String {
    let state = match &lane.phase {
        Phase::Running | Phase::Paused => format!("step {}", lane.step),
        Phase::Finished => format!("finished at step {}", lane.step),
        Phase::Stopped(why) => format!("stopped at step {}: {}", lane.step, spoken(why)),
        Phase::Diverged(d) => format!("diverged at step {}: {}", d.step, spoken(&d.what)),
        Phase::Failed(what) => format!("failed: {}", spoken(what)),
        Phase::Killed => format!("killed at step {}", lane.step),
    };
    let mut line = format!("{} {}", lane.letter(), escaped(&lane.title()));
    if let Some(fork) = &lane.info.fork {
        put(&mut line, format_args!(" {}", escaped(&fork.to_string())));
    }
    put(&mut line, format_args!(", {state}"));
    if lane.last.step > 0 {
        let (loss, norm) = (lane.last.single(Number::Loss), lane.last.single(Number::GradNorm));
        put(&mut line, format_args!(", loss {loss:.4}, gradient {norm:.3e}"));
    }
    if let Some(validation) = lane.validation {
        put(&mut line, format_args!(", validation loss {:.4}", validation.single(Number::ValLoss)));
        if let Some(accuracy) = validation.get(Number::ValAccuracy) {
            put(&mut line, format_args!(", accuracy {:.1} percent", 100.0 * accuracy));
        }
        // Read aloud every few seconds, the hash would be a nuisance.
        if let Some(hash) = validation.hash.filter(|_| lane.phase != Phase::Running) {
            put(&mut line, format_args!(", hash {} at step {}", hash.short(), validation.step));
        }
    }
    line + ".\n"
}

/// Appends formatted text; writing into memory cannot fail.
fn put(line: &mut String, what: std::fmt::Arguments<'_>) {
    let _ = line.write_fmt(what);
}

/// The text with words for signs that screen readers do not speak.
pub fn spoken(text: &str) -> String {
    let text =
        text.replace("‖g‖", "gradient norm").replace('→', "to").replace('·', ",").replace('×', "times");
    let text = text.replace(" * ", " times ");
    escaped(&text).into_owned()
}

/// The same for several lines; each ends with a line end.
fn spoken_lines(text: &str) -> String {
    text.lines().map(|line| spoken(line) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixture;

    fn view() -> RunView {
        let mut view = RunView::default();
        for event in fixture::events(3) {
            view.apply(event);
        }
        view
    }

    fn set(line: &str) -> Result<(usize, Recipe), String> {
        let view = view();
        match (LaneNames { view: &view, front: Some(1) }).read(line)? {
            ParsedCommand::Order(Command::Set { lane, recipe, .. }) => Ok((lane, *recipe)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn settings_are_set_by_name_by_path_and_for_any_lane() {
        assert_eq!(set("set lr 0.5").map(|(l, r)| (l, r.optimizer.lr())), Ok((1, 0.5)), "the lane in front");
        assert_eq!(set("set C lr 0.5").map(|(l, r)| (l, r.optimizer.lr())), Ok((2, 0.5)));
        assert_eq!(set("set Adam clip norm").map(|(l, r)| (l, r.clip.name())), Ok((2, "Norm")));
        assert_eq!(set("set optimizer Adam(0.003)").map(|(_, r)| r.optimizer.lr()), Ok(0.003));
        assert_eq!(set(" :set C lr 0.5"), set("set C lr 0.5"), "a colon that is typed twice");
        assert!(set("set clip.max_norm 3").is_err_and(|e| e.contains("max_norm")), "clip is off");
        assert!(set("set learning 3").is_err());
        assert!(set("set lr -1").is_err_and(|e| e.contains("out of range")));
        assert!(set("set lr").is_err_and(|e| e.contains("value")));
        assert!(set("sett lr 1").is_err_and(|e| e.contains("did you mean")));
    }

    #[test]
    fn no_word_of_a_line_is_dropped() {
        let mut view = view();
        view.lanes[0].info.name = "my own".into();
        let names = LaneNames { view: &view, front: Some(1) };
        let order = |line: &str| match names.read(line) {
            Ok(ParsedCommand::Order(order)) => Ok(order),
            Ok(other) => panic!("{line}: {other:?}"),
            Err(why) => Err(why),
        };
        for (line, called, from) in [
            ("copy B one more lane", "one more lane", None),
            ("fork B one more lane", "one more lane", None),
            ("fork B lane 7", "lane", Some(7)),
            ("fork B 7", "7", None),
        ] {
            match order(line) {
                Ok(Command::Add { name, .. }) => assert_eq!(name, called),
                Ok(Command::Fork { name, at, .. }) => assert_eq!((&name[..], at), (called, from)),
                other => panic!("{line}: {other:?}"),
            }
        }
        assert_eq!(order("remove my own"), Ok(Command::Remove(0)));
        assert_eq!(order("rewind 1,000 my own"), Ok(Command::Rewind { lane: Some(0), step: 1000 }));
        assert_eq!(order("pause now"), Err("pause takes nothing, not `now`".into()));
        assert_eq!(order("step 3 4"), Err("step takes [N], not `3 4`".into()));
        assert!(order("reset A B").is_err() && order("copy B").is_err() && order("fork B").is_err());
    }

    #[test]
    fn a_line_is_completed_word_by_word() {
        let view = view();
        let lines = |line: &str| -> Vec<String> {
            LaneNames { view: &view, front: Some(0) }.complete(line).into_iter().map(|c| c.0).collect()
        };
        assert_eq!(lines("se"), ["settings ", "set "]);
        assert_eq!(lines("sa"), ["save "]);
        assert_eq!(lines("set l"), ["set lr ", "set loss "]);
        assert_eq!(lines("set B l"), ["set B lr ", "set B loss "]);
        assert!(lines("set optimizer adamw").contains(&"set optimizer AdamW()".to_owned()));
        assert_eq!(lines("reset c"), ["reset C"]);
        assert_eq!(lines("xyz"), [""; 0]);
        // Every completion without further words is a valid command.
        for line in ["set optimizer ", "set schedule ", "look ", "solo ", "pace ", "r", "p"] {
            for (offered, _) in (LaneNames { view: &view, front: None }).complete(line) {
                let read = LaneNames { view: &view, front: None }.read(&offered);
                assert!(read.is_ok() || offered.ends_with(' '), "{offered}: {read:?}");
            }
        }
    }
}
