//! Files of a run for other programs: tables, figures, reports, weights and models. Opens no file and draws no screen.

pub mod drawing;
pub mod figure;
pub mod net;
pub mod onnx;
pub mod png;
pub mod pytorch;
pub mod report;
pub mod tables;
pub mod tex;
pub mod torch;
pub mod weights;

use crate::engine::layer::LayerConfig;
use crate::lab::experiment::Experiment;
use crate::lab::lane::log::{Lists, ParsedLine};
use crate::lab::outcome::Standings;
use crate::lab::run::SavedLane;
use crate::lab::trainer::Snapshot;
use crate::scenario::{Edit, Scenario};

/// The content of a run directory.
pub struct RunContent {
    /// The directory's name, for titles and commands.
    pub name: String,
    /// The scenario with its lanes as they were.
    pub scenario: Scenario,
    /// The same scenario, checked and built.
    pub experiment: Experiment,
    /// The lanes as the newest checkpoint holds them.
    pub lanes: Vec<SavedLane>,
    /// The lines of the log that hold numbers.
    pub rows: Vec<ParsedLine>,
    /// The edits that the log records.
    pub edits: Vec<Edit>,
    /// The state of the lanes at the end of the log.
    pub standings: Standings,
}

impl RunContent {
    /// The scenario's title; a run without one is called by its directory.
    pub fn title(&self) -> &str {
        let title = self.scenario.title.trim();
        if title.is_empty() { &self.name } else { title }
    }

    /// The index of a lane of this name in the experiment; without a name, the first lane.
    ///
    /// # Errors
    /// If there is no such lane; the message lists the names that exist.
    pub fn lane(&self, name: Option<&str>) -> Result<usize, String> {
        let Some(name) = name else { return Ok(0) };
        let names: Vec<&str> = self.experiment.lanes.iter().map(|l| l.name.as_str()).collect();
        names
            .iter()
            .position(|n| *n == name)
            .ok_or_else(|| format!("no lane {name}; there are {}", names.join(", ")))
    }

    /// The last saved state of a lane: the layers of its network, including the output layer, and its state.
    ///
    /// # Errors
    /// If no state of the lane was saved yet.
    pub fn trained(&self, lane: usize) -> Result<(Vec<LayerConfig>, &Snapshot), String> {
        let contender = &self.experiment.lanes[lane];
        let saved = self.lanes.iter().find(|l| l.name == contender.name);
        let saved = saved.ok_or_else(|| format!("{}: no weights are saved yet", contender.name))?;
        Ok((contender.recipe.layers(self.experiment.data.train.outputs()), &saved.snapshot))
    }

    /// The layers to which the lists in a lane's log lines belong.
    pub fn lists(&self, lane: usize) -> Lists {
        let nodes = self.experiment.lanes[lane].network.nodes().iter();
        Lists::new(nodes.map(|n| (!n.params.is_empty(), n.layer.units() > 0)))
    }

    /// The layers of a lane that have parameters, each with its label.
    pub fn layers(&self, lane: usize) -> Vec<(usize, String)> {
        let nodes = self.experiment.lanes[lane].network.nodes().iter().enumerate();
        nodes.filter(|(_, n)| !n.params.is_empty()).map(|(i, n)| (i, n.label.clone())).collect()
    }
}
