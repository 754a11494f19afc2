//! Carries out commands between turns of the lanes that they concern. Knows no thread.

use super::fork::ForkRequest;
use super::{Data, LaneId, LogRemovals, Phase, Run, experiment, open, terminal};
use crate::engine::data::picture;
use crate::lab::expect::Expectation;
use crate::lab::experiment::{BuildFault, Contender, Experiment};
use crate::lab::files;
use crate::lab::trainer::RecipeEffect;
use crate::limits;
use crate::scenario::{Recipe, Scenario};
use crate::telemetry::{Command, Event};
use crate::text::excerpt;
use std::path::Path;
use std::sync::Arc;

/// Data of the first seed, and of the other seeds.
pub(super) type SeedData = (Arc<Data>, Vec<Arc<Data>>);

/// The data or the experiment that an order needs, prepared before it is carried out.
#[derive(Debug)]
pub enum PreparedOrder {
    /// Another experiment in place of this one.
    Experiment(Result<Experiment, Vec<BuildFault>>),
    /// Other data for the same lanes.
    Data {
        /// The scenario that names them.
        scenario: Scenario,
        /// The data.
        read: Result<SeedData, BuildFault>,
        /// The part that is kept if they do not fit, in words.
        otherwise: &'static str,
    },
}

impl Run {
    /// The lanes that must have ended their turn before a command can be carried out.
    fn concerns(&self, command: &Command) -> Vec<LaneId> {
        match command {
            Command::Set { lane, .. }
            | Command::Remove(lane)
            | Command::Reset(Some(lane))
            | Command::Rewind { lane: Some(lane), .. } => vec![*lane],
            Command::Fork { parent, .. } => vec![*parent],
            Command::Reset(None)
            | Command::Rewind { lane: None, .. }
            | Command::Data(_)
            | Command::Load(_) => (0..self.places.len()).collect(),
            Command::Undo => self.undo_concerns(false),
            Command::Redo => self.undo_concerns(true),
            Command::Together(all) => all.iter().flat_map(|command| self.concerns(command)).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether a command can be carried out now; if not, its lanes get no further turn until then.
    ///
    /// A command given while lanes come to a pause takes effect at the step where all of them stop.
    pub fn ready(&mut self, command: &Command) -> bool {
        let at_once = matches!(
            command,
            Command::Quit
                | Command::Save
                | Command::Verdict { .. }
                | Command::Pause
                | Command::Watch(_)
                | Command::Look(_)
                | Command::Pace(_)
                | Command::Until(_)
                | Command::MeasureEvery(_)
        );
        if !(at_once || self.running || self.resting()) {
            self.held.clear();
            return false;
        }
        self.held = self.concerns(command);
        self.held.iter().all(|&id| {
            let place = self.places.get(id).and_then(Option::as_ref);
            place.is_none_or(|p| p.lane.is_some() || terminal(&p.phase))
        })
    }

    /// The part of an order that may take long and needs no lane, such as reading data and building networks, if there
    /// is one.
    pub fn work_for(&self, command: &Command) -> Option<impl FnOnce() -> PreparedOrder + Send + 'static> {
        let (scenario, otherwise) = match command {
            Command::Load(scenario) => ((**scenario).clone(), None),
            Command::Data(data) => (
                Scenario { data: (**data).clone(), ..self.scenario.clone() },
                Some("the data are unchanged."),
            ),
            Command::Seeds(n) => {
                let seeds = (*n).clamp(1, limits::SEEDS);
                (Scenario { seeds, ..self.scenario.clone() }, Some("there are as many seeds as before."))
            }
            Command::Undo | Command::Redo => (self.undo_builds(*command == Command::Redo)?, None),
            _ => return None,
        };
        let files = Arc::clone(&self.files);
        Some(move || match otherwise {
            None => PreparedOrder::Experiment(Experiment::new(scenario, &*files)),
            Some(otherwise) => {
                let read = experiment::prepare(&scenario, &*files).and_then(|data| {
                    let others = experiment::prepare_others(&scenario, &data, &*files)?;
                    Ok((Arc::new(data), others))
                });
                PreparedOrder::Data { scenario, read, otherwise }
            }
        })
    }

    /// Carries out a command that is [ready](Run::ready).
    pub fn apply(&mut self, command: Command) {
        let made = self.work_for(&command).map(|work| work());
        self.carry_out(command, made);
    }

    /// Carries out a command that is ready, with the result of its [work](Run::work_for).
    pub fn carry_out(&mut self, command: Command, made: Option<PreparedOrder>) {
        self.held.clear();
        let before = self.before(&command);
        self.execute(command.clone(), made);
        self.after(&command, before);
        self.settle();
    }

    fn execute(&mut self, command: Command, made: Option<PreparedOrder>) {
        match command {
            Command::Run => self.running = true,
            Command::Pause => {
                self.pause();
                self.unrested += 1;
            }
            Command::Step(n) => {
                if self.running {
                    self.pause();
                }
                let end = self.end;
                for place in self.places.iter_mut().flatten().filter(|p| p.begun()) {
                    place.target = place.target.max(place.step).saturating_add(n).min(end);
                }
                self.unrested += 1;
            }
            Command::Until(step) => self.halt = step,
            Command::Set { lane, name, recipe } => self.set(lane, name, *recipe),
            Command::Add { name, recipe } => self.add(name, *recipe),
            Command::Fork { parent, at, name, recipe, carry } => {
                if let Err(what) =
                    self.fork(ForkRequest { parent, at, name, recipe: *recipe, carry, state: None })
                {
                    self.notice(what);
                }
            }
            Command::Remove(lane) => {
                if let Err(what) = self.remove(lane) {
                    self.notice(format!("{what}."));
                }
            }
            Command::Rewind { lane, step } => self.rewind(lane, step),
            Command::Undo | Command::Redo => {
                let built = match made {
                    Some(PreparedOrder::Experiment(Ok(built))) => Some(built),
                    _ => None,
                };
                self.undo(command == Command::Redo, built);
            }
            Command::Together(all) => all.into_iter().for_each(|command| self.execute(command, None)),
            Command::Reset(which) => {
                for id in 0..self.places.len() {
                    match which {
                        None => {
                            self.wait_again(id);
                            self.reset(id);
                        }
                        Some(w) if w == id => self.begin_anew(id),
                        Some(_) => {}
                    }
                }
            }
            Command::Solo(lane) => {
                self.solo = lane.filter(|&l| self.places.get(l).is_some_and(Option::is_some));
                self.levelling = !self.running;
                let foremost = self.foremost();
                self.places.iter_mut().flatten().for_each(|p| p.follows = foremost);
            }
            Command::Further(n) => {
                self.end = self.end.saturating_add(n).min(limits::STEPS as u64);
                for place in self.places.iter_mut().flatten().filter(|p| p.phase == Phase::Finished) {
                    place.phase = Phase::Paused;
                }
            }
            Command::Data(_) | Command::Seeds(_) | Command::Load(_) => match made {
                Some(PreparedOrder::Experiment(built)) => self.load(built),
                Some(PreparedOrder::Data { scenario, read, otherwise }) => {
                    self.exchange(scenario, read, otherwise);
                }
                None => {}
            },
            Command::Picture(path) => self.picture(&path),
            Command::Watch(views) => self.views = views,
            Command::Look(step) => self.looking = step,
            Command::Pace(rate) => self.pace = rate.filter(|r| r.is_finite() && *r > 0.0),
            Command::MeasureEvery(every) => self.show_every = every.map(|n| n.max(1)),
            Command::Verdict { lane, of, text } => self.note_verdict(lane, of, &text),
            Command::Save => self.save = true,
            Command::Write(path) => self.write_scenario(&path),
            Command::Quit => {
                self.save = true;
                self.quit = true;
            }
        }
    }

    /// Reads a picture to attack, and reports how it was converted.
    fn picture(&mut self, path: &str) {
        let read = files::read(Path::new(path), limits::DATA_FILE_BYTES / 4);
        let fitted = read.and_then(|bytes| picture::fit(&bytes, &self.data.train, &self.data.range, false));
        let path = excerpt(path, limits::NAME_CHARS);
        match fitted {
            Ok(fitted) => {
                self.notice(format!("{path}: {}", fitted.how));
                self.own = Some(Arc::new(fitted));
                self.places.iter_mut().flatten().for_each(|p| p.changes += 1);
            }
            Err(what) => self.notice(format!("{path}: {what}")),
        }
    }

    pub(super) fn pause(&mut self) {
        self.running = false;
        self.levelling = true;
        for place in self.places.iter_mut().flatten().filter(|p| p.begun()) {
            place.target = place.step;
        }
    }

    /// Changes a lane's recipe. If that fails, the lane's real state is reported, because the screen shows the change
    /// already.
    pub(super) fn set(&mut self, id: LaneId, name: String, recipe: Recipe) {
        let Err(what) = self.change(id, name, recipe) else { return };
        self.notice(what);
        if let Some(place) = self.places.get(id).and_then(Option::as_ref) {
            let (info, step) = (Box::new(place.info.clone()), place.step);
            self.events.push(Event::Changed { lane: id, info, step });
        }
    }

    fn change(&mut self, id: LaneId, name: String, recipe: Recipe) -> Result<(), String> {
        let (data, total) = (Arc::clone(&self.data), self.scenario.steps as u64);
        if let Some(other) = self.named(&name).filter(|&other| other != id) {
            let letter = char::from(b'A' + (other % 26) as u8);
            return Err(format!("Lane {letter} is called {name} already; every lane needs its own name."));
        }
        if let Some(there) = self.places.get(id).and_then(Option::as_ref).filter(|p| !p.begun()) {
            return if there.waits() { self.set_waiting(id, name, recipe) } else { Err(there.on_its_way()) };
        }
        let foremost = self.foremost();
        let need = experiment::build(&data, &recipe).map(|network| self.need(&recipe, &network, &data));
        let unchanged = |BuildFault { at, what }| format!("{at}: {what}; the lane is unchanged.");
        let forked = self.places.get(id).and_then(Option::as_ref).is_some_and(|p| p.origin.is_some());
        let need = need.map_err(unchanged)?.forked(forked);
        self.room_for(Some(id), need).map_err(|what| format!("{what}; the lane is unchanged."))?;
        let Some(place) = self.places.get_mut(id).and_then(Option::as_mut) else { return Ok(()) };
        if place.lane.is_none() {
            return Err(format!("Lane {name} has failed; reset it first."));
        }
        if place.info.edits.len() >= limits::EDITS && recipe != place.info.recipe {
            let most = limits::EDITS;
            return Err(format!(
                "Lane {name} was changed {most} times, which is the most; copy or reset it."
            ));
        }
        let change = place.set(&recipe)?;
        let Some(lane) = place.lane.as_mut() else { return Ok(()) };
        place.need = need;
        let old = std::mem::replace(&mut lane.name, name.clone());
        place.changes += 1;
        let info = experiment::info(&name, lane.trainer.recipe(), lane.trainer.network(), &data, total);
        place.changed(info);
        let info = Box::new(place.info.clone());
        if change != RecipeEffect::Restarted {
            let step = place.step;
            self.events.push(Event::Changed { lane: id, info, step });
            if matches!(place.phase, Phase::Diverged(_) | Phase::Stopped(_)) {
                // With another setting it may get past the step at which it diverged, or continue after an early stop.
                place.phase = Phase::Paused;
                place.follows = foremost;
            }
        }
        let renamed = old != name;
        if renamed {
            // A removed lane may have had this name.
            self.forget(None, name.clone());
        }
        if renamed && change != RecipeEffect::Restarted {
            self.follow_name(id, &old, &name);
        }
        if change == RecipeEffect::Restarted {
            if let Some(place) = self.places[id].as_mut() {
                (place.origin, place.info.fork) = (None, None);
            }
            self.forget(Some(id), old);
            self.restarted(id);
        }
        Ok(())
    }

    fn add(&mut self, name: String, recipe: Recipe) {
        let count = self.present().count();
        if count >= limits::LANES {
            return self.notice(format!("A run has at most {} lanes; remove one first.", limits::LANES));
        }
        if self.named(&name).is_some() {
            return self
                .notice(format!("There is a lane called {name} already; every lane needs its own name."));
        }
        match experiment::build(&self.data, &recipe) {
            Ok(network) => {
                if let Err(what) = self.room_for(None, self.need(&recipe, &network, &self.data)) {
                    return self.notice(format!("{what}; no lane was added."));
                }
                self.forget(None, name.clone());
                let (written, journal, network) = (recipe.clone(), Vec::new(), Arc::new(network));
                self.enter(Contender { name, recipe, written, journal, network, branch: None });
            }
            Err(BuildFault { at, what }) => self.notice(format!("{at}: {what}; no lane was added.")),
        }
    }

    /// Removes lines from the log and orders a checkpoint that records it.
    pub(super) fn forget(&mut self, lane: Option<LaneId>, name: String) {
        if self.log {
            self.forgotten.push(LogRemovals { lane, name, after: 0, to: None, lines: Vec::new() });
            self.save = true;
        }
    }

    /// The same for a lane that went back to a step: lines up to that step are kept in the log, the others are moved to
    /// `ghosts.jsonl`.
    pub(super) fn forget_after(&mut self, lane: LaneId, name: &str, after: u64) {
        let mut gone =
            LogRemovals { lane: Some(lane), name: name.into(), after, to: None, lines: Vec::new() };
        gone.take(&mut self.lines);
        if self.log {
            self.forgotten.push(gone);
            self.save = true;
        }
    }

    /// Follows a lane that was renamed: in the log, in the expectations and in the view of the scenario.
    pub(super) fn follow_name(&mut self, id: LaneId, old: &str, new: &str) {
        let (to, name) = (Some(new.to_string()), old.to_string());
        let mut renamed = LogRemovals { lane: Some(id), name, after: 0, to, lines: Vec::new() };
        renamed.take(&mut self.lines);
        if self.log {
            self.forgotten.push(renamed);
            self.save = true;
        }
        let lanes: Vec<String> = self.present().map(|(_, p)| p.info.name.clone()).collect();
        let lanes: Vec<&str> = lanes.iter().map(String::as_str).chain([old]).collect();
        for text in &mut self.scenario.expect {
            *text = Expectation::renamed(text, old, new, &lanes);
        }
        if self.scenario.view.lane == old {
            self.scenario.view.lane = new.into();
        }
    }

    pub(super) fn named(&self, name: &str) -> Option<LaneId> {
        self.present().find(|(_, p)| p.info.name == name).map(|(id, _)| id)
    }

    pub(super) fn reset(&mut self, id: LaneId) {
        let Some(place) = self.places[id].as_mut() else { return };
        let name = place.info.name.clone();
        if let Some(lane) = &mut place.lane {
            lane.reset();
        } else {
            let recipe = place.info.recipe.clone();
            let Ok(network) = experiment::build(&self.data, &recipe) else { return };
            let lane = self.lane_of(id, name.clone(), recipe, Arc::new(network));
            if let Some(place) = self.places[id].as_mut() {
                place.lane = Some(lane);
            }
        }
        self.forget(Some(id), name);
        self.restarted(id);
    }

    pub(super) fn restarted(&mut self, id: LaneId) {
        let running = self.running;
        let others = self.present().filter(|(other, _)| *other != id);
        let foremost = others.map(|(_, p)| p.step).max().unwrap_or(0);
        let Some(place) = self.places[id].as_mut() else { return };
        if let Some(lane) = &mut place.lane {
            lane.restarted();
            lane.past = Arc::clone(&place.past);
            place.network = Arc::clone(lane.trainer.network());
        }
        open(&place.past).clear();
        (place.step, place.target) = (0, 0);
        place.begin_journal();
        place.follows = foremost;
        place.changes += 1;
        place.phase = if running { Phase::Running } else { Phase::Paused };
        self.lines.retain(|l| l.lane != id);
        self.events.push(Event::Started { lane: id, info: Box::new(place.info.clone()), step: 0 });
        self.events.push(Event::Phase { lane: id, step: 0, phase: place.phase.clone() });
    }
}
