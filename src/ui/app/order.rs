//! Carries out typed commands, from the command palette or from a script. Opens no window except for an answer.

use super::App;
use crate::scenario::view::Pane;
use crate::telemetry::Command;
use crate::text::did_you_mean;
use crate::ui::command::{COMMANDS, LaneNames, ParsedCommand, sentence};
use crate::ui::keymap::{self, Action};
use crate::ui::message::{Effect, Effects};
use crate::ui::overlay::menu::{Menu, MenuItem, Pick, narrowed};
use crate::ui::overlay::page::TextWindow;
use crate::ui::overlay::{Overlay, keys};

impl App {
    fn lanes(&self) -> LaneNames<'_> {
        LaneNames { view: &self.view, front: Some(self.front) }
    }

    /// Carries out a command line.
    ///
    /// # Errors
    /// If it cannot be carried out; the message says what would be right.
    pub fn obey(&mut self, line: &str) -> Result<Effects, String> {
        let command = self.lanes().read(line)?;
        if self.watching && matches!(command, ParsedCommand::Order(_)) {
            return Err(super::WATCHING.into());
        }
        let page = |title: &str, text: &str| Overlay::Text(TextWindow::of(title, text.trim_end()));
        Ok(match command {
            ParsedCommand::Nothing => Effects::new(),
            ParsedCommand::Say(text) => self.open(page(line.trim(), &text)),
            ParsedCommand::Status => {
                let all: String = self.view.lanes.iter().map(sentence).collect();
                self.open(page("status", &all))
            }
            ParsedCommand::Every(_) => return Err("the screen shows the status all the time".into()),
            ParsedCommand::Picture(path) => vec![Effect::Picture(path)],
            ParsedCommand::Quit => self.act(Action::Quit),
            ParsedCommand::Order(command) => self.order(command),
        })
    }

    /// Issues an order in the same way as its key.
    fn order(&mut self, command: Command) -> Effects {
        match command {
            Command::Run | Command::Pause if (command == Command::Run) == self.running => {
                return Effects::new();
            }
            Command::Run | Command::Pause => return self.act(Action::TogglePause),
            Command::Set { lane, name, recipe } => return self.change_lane(lane, name, recipe),
            Command::Remove(lane) => {
                self.front = lane;
                return self.remove_lane();
            }
            Command::Reset(Some(lane)) => {
                self.front = lane;
                return self.act(Action::ResetLane);
            }
            Command::Reset(None) => return self.act(Action::ResetAll),
            Command::Undo => return self.act(Action::Undo),
            Command::Redo => return self.act(Action::Redo),
            Command::Add { ref name, .. } | Command::Fork { ref name, .. } => {
                self.awaited = Some(name.clone());
            }
            Command::Step(_) => self.running = false,
            Command::Solo(lane) => self.solo = lane,
            Command::Pace(pace) => self.pace = pace,
            Command::Save => self.notify("a checkpoint is being saved".into()),
            _ => {}
        }
        vec![Effect::Command(command)]
    }

    /// Focuses the pane with this name.
    ///
    /// # Errors
    /// If there is no such pane; the message lists the existing ones.
    pub fn show_pane(&mut self, name: &str) -> Result<(), String> {
        let all = || Pane::of(self.kind);
        // Scenarios write GradientMap, the screen Gradient map.
        let bare = |name: &str| name.replace(' ', "").to_ascii_lowercase();
        let found = all().find(|p| bare(p.name()) == bare(name));
        let pane = found.ok_or_else(|| {
            let near = did_you_mean(name, all().map(Pane::name));
            let names = || all().map(Pane::name).collect::<Vec<_>>().join(", ");
            let hint =
                near.map_or_else(|| format!("there are {}", names()), |n| format!("did you mean {n}?"));
            format!("there is no pane {name} here; {hint}")
        })?;
        self.focus_on(pane);
        Ok(())
    }

    /// Brings the lane with this name or letter to the front.
    ///
    /// # Errors
    /// If there is no such lane; the message lists the existing ones.
    pub fn bring_lane(&mut self, name: &str) -> Result<(), String> {
        self.front = self.lanes().find(Some(name.trim()))?.id;
        Ok(())
    }

    /// Opens the preset with this name in place of the present scenario.
    ///
    /// # Errors
    /// If there is no such preset.
    pub fn open_preset(&mut self, name: &str) -> Result<Effects, String> {
        self.read_presets();
        let at = self.presets.iter().position(|p| p.name == name.trim()).ok_or_else(|| {
            let near = did_you_mean(name, self.presets.iter().map(|p| &p.name[..]));
            let hint = near.map_or_else(|| "o lists them".into(), |n| format!("did you mean {n}?"));
            format!("there is no preset {name}; {hint}")
        })?;
        Ok(self.take(Pick::Sure(Box::new(Pick::Preset(at)))))
    }

    /// The command palette: a menu of all commands that are possible now.
    pub(super) fn palette(&self) -> Menu {
        let mut menu = Menu::commands();
        self.offer(&mut menu);
        menu
    }

    /// The matches for the text typed into the palette: actions of keys, panes and commands.
    pub(super) fn offer(&self, menu: &mut Menu) {
        let line = menu.line().unwrap_or_default().to_owned();
        let item = |label: String, about: &str, right: String, pick: Pick| MenuItem {
            label,
            about: about.into(),
            right,
            pick,
        };
        let read = self.lanes().read(&line);
        let mut items: Vec<MenuItem> = Vec::new();
        let whole = line.trim().to_owned();
        if let (Ok(command), false) = (&read, whole.is_empty())
            && !(self.watching && matches!(command, ParsedCommand::Order(_)))
        {
            items.push(item(whole.clone(), "do this", "Enter".into(), Pick::Line(whole)));
        }
        let scopes = [keymap::KeyScope::Global, keymap::KeyScope::Pane(self.focus())];
        let rows =
            scopes.into_iter().flat_map(|s| self.keymap.of(s)).filter(|r| !(self.watching && r.of.own));
        let there = |a: Action| !matches!(a, Action::Lane(n) if self.view.lane(n.into()).is_none());
        let rows = rows.filter(|r| there(r.of.action));
        let acts: Vec<MenuItem> =
            rows.map(|r| item(r.of.help.into(), "", keys(&r.keys), Pick::Action(r.of.action)))
                .chain(Pane::of(self.kind).map(|id| {
                    item(format!("show the pane {}", id.name()), "", String::new(), Pick::Pane(id))
                }))
                .collect();
        let completed = self.lanes().complete(&line);
        // Once its first words are typed, a command is completed as such; before, actions of keys are found by any of
        // their words.
        let completed = completed
            .into_iter()
            .filter(|(c, _)| c.trim() != line.trim())
            .map(|(c, about)| item(c.clone(), &about, String::new(), Pick::Line(c)));
        // A command whose arguments are still missing does not turn into an action that has its word in its help.
        let command = line.split_whitespace().next().is_some_and(|w| COMMANDS.iter().any(|c| c.0 == w));
        let acts = if command && read.is_err() { Vec::new() } else { narrowed(&acts, &line) };
        let acts = acts.into_iter().cloned();
        if line.is_empty() {
            items.extend(acts.chain(completed));
        } else {
            items.extend(completed.chain(acts));
        }
        menu.offer(items, read.err().unwrap_or_default());
    }
}
