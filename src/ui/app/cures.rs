//! Verdicts on cures: reported once, when the lane of a cure and the sick lane have both ended. Draws nothing.

use super::App;
use crate::telemetry::{Command, Phase};
use crate::ui::message::{Effect, Effects};
use crate::ui::pane::diagnosis::cure;
use crate::view::LaneView;

impl App {
    /// The new verdicts that can be given now: a notice and a log line for each.
    pub(super) fn judge_cures(&mut self) -> Effects {
        let ended = |l: &LaneView| !matches!(l.present().phase, Phase::Running | Phase::Paused);
        let mut proposals = Vec::new();
        for sick in self.view.lanes.iter().filter(|l| ended(l)) {
            let Some(examination) = &sick.examination else { continue };
            for (_, fix) in examination.diagnosis.cures() {
                let Some(lane) = cure::lane_of(&self.view, sick, fix).filter(|l| ended(l)) else { continue };
                if self.judged.contains(&lane.id) {
                    continue;
                }
                if let Some((_, words)) = cure::compared(sick, lane) {
                    proposals.push((
                        lane.id,
                        sick.id,
                        format!("{} beside {}", lane.info.name, sick.info.name),
                        words,
                    ));
                }
            }
        }
        let mut effects = Effects::new();
        for (lane, of, names, text) in proposals {
            self.judged.insert(lane);
            self.notify(format!("{names}: {text}"));
            effects.push(Effect::Command(Command::Verdict { lane, of, text }));
        }
        effects
    }
}
