//! Files of a run for other programs: tables, figures, reports, weights and models. Opens no file and draws no screen.

pub mod figure;
pub mod net;
pub mod onnx;
pub mod pytorch;
pub mod report;
pub mod tables;
pub mod tex;
pub mod torch;
pub mod weights;

use crate::engine::layer::LayerConfig;
use crate::lab::experiment::Experiment;
use crate::lab::lane::log::{Lists, Read};
use crate::lab::outcome::Standings;
use crate::lab::run::Saved;
use crate::lab::trainer::Snapshot;
use crate::scenario::{Edit, Scenario};

/// A run as its directory holds it.
pub struct Subject {
    /// The directory's name, for titles and commands.
    pub name: String,
    /// The scenario with its lanes as they were.
    pub scenario: Scenario,
    /// The same, built.
    pub experiment: Experiment,
    /// The lanes as the newest checkpoint holds them.
    pub lanes: Vec<Saved>,
    /// The lines of the log that tell numbers.
    pub rows: Vec<Read>,
    /// The edits that the log tells.
    pub edits: Vec<Edit>,
    /// How the lanes stand at the end of the log.
    pub standings: Standings,
}

impl Subject {
    /// The index of a lane among the experiment's; the first one without a name.
    ///
    /// # Errors
    /// That there is none, with the names that there are.
    pub fn lane(&self, name: Option<&str>) -> Result<usize, String> {
        let Some(name) = name else { return Ok(0) };
        let names: Vec<&str> = self.experiment.lanes.iter().map(|l| l.name.as_str()).collect();
        names
            .iter()
            .position(|n| *n == name)
            .ok_or_else(|| format!("no lane {name}; there are {}", names.join(", ")))
    }

    /// A lane as it was saved last: the layers of its network, the output layer included, and its state.
    ///
    /// # Errors
    /// That nothing of it is saved yet.
    pub fn trained(&self, lane: usize) -> Result<(Vec<LayerConfig>, &Snapshot), String> {
        let contender = &self.experiment.lanes[lane];
        let saved = self.lanes.iter().find(|l| l.name == contender.name);
        let saved = saved.ok_or_else(|| format!("{}: no weights are saved yet", contender.name))?;
        Ok((contender.recipe.layers(self.experiment.data.train.outputs()), &saved.snapshot))
    }

    /// The layers of a lane that the lists of its log tell of.
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
