//! The screen of a sweep, which updates while any number of processes write to its directory.

use crate::cli::display::ChosenDisplay;
use crate::cli::{BadInput, CommandEnd, opening};
use crate::lab::run_dir::plain;
use crate::lab::sweep::Slice;
use crate::lab::sweep::SweepCell;
use crate::lab::sweep::cell::TrainingRecord;
use crate::lab::sweep::schedule::TrainingSchedule;
use crate::lab::sweep::store::ResultsReader;
use crate::lab::sweep::table::Results;
use crate::scenario::sweep::SweepPlan;
use crate::text::escaped;
use crate::ui::sweep::{Board, SweepExit, run};
use crate::ui::terminal::fit;
use std::collections::HashMap;
use std::os::unix::process::CommandExt as _;
use std::path::Path;

/// Shows a sweep until the user leaves, possibly to the lab.
///
/// # Errors
/// If there is no sweep, or no terminal on which to show it.
pub(super) fn watch(path: &Path, shown: &ChosenDisplay) -> anyhow::Result<()> {
    let named = |what: String| BadInput::new(format!("{}: {what}", escaped(&path.display().to_string())));
    let mut reader = ResultsReader::new(path).map_err(named)?;
    let plan = reader.head.plan().map_err(named)?;
    fit().map_err(|e| opening::unfit(&e))?;
    let known = reader.poll().map_err(|e| named(plain(&e)))?;
    let records = TrainingSchedule::new(&plan, Slice::ALL, known).into_records();
    let places = places(&plan);
    let mut board = Board::new(Results::new(&plan, records));
    // If the directory cannot be read at the moment, it is read later.
    let mut poll = || located(&places, reader.poll().unwrap_or_default());
    match run(&mut board, &shown.chosen, &mut poll).map_err(|e| opening::unfit(&e))? {
        SweepExit::With(0) => Ok(()),
        SweepExit::With(code) => Err(CommandEnd(code, "ended by a signal".into()).into()),
        SweepExit::Open(setting) => open(&plan, setting),
    }
}

/// The cell of every key and seed.
fn places(plan: &SweepPlan) -> HashMap<(u64, u64), SweepCell> {
    let mut places = HashMap::new();
    for (setting, s) in plan.settings.iter().enumerate() {
        for (seed, &number) in plan.seeds.iter().enumerate() {
            places.entry((s.key, number)).or_insert(SweepCell { setting, seed });
        }
    }
    places
}

fn located(
    places: &HashMap<(u64, u64), SweepCell>,
    records: Vec<TrainingRecord>,
) -> Vec<(SweepCell, TrainingRecord)> {
    let place = |r: TrainingRecord| Some((*places.get(&(r.cell, r.seed))?, r));
    records.into_iter().filter_map(place).collect()
}

/// Replaces this process by the lab, opened on a setting.
fn open(plan: &SweepPlan, setting: usize) -> anyhow::Result<()> {
    let wanted = &plan.settings[setting];
    let mut scenario = plan.scenario(wanted, plan.seeds[0]);
    if !scenario.data.files().is_empty() {
        return Err(CommandEnd(
            1,
            format!(
                "the data lie in files beside the scenario: write the setting there by `gradtui sweep show DIR {}`",
                setting + 1
            ),
        )
        .into());
    }
    scenario.title = crate::text::excerpt(&plan.words(wanted), crate::limits::NAME_CHARS - 1);
    scenario.lanes[0].name = crate::text::excerpt(&plan.contenders[wanted.contender], 40);
    let lane = scenario.lanes[0].name.clone();
    scenario.edits.iter_mut().for_each(|edit| edit.lane.clone_from(&lane));
    let file =
        std::env::temp_dir().join(format!("gradtui-setting-{}-{}.ron", setting + 1, std::process::id()));
    std::fs::write(&file, scenario.to_ron())?;
    let program = std::env::current_exe()?;
    Err(std::process::Command::new(program).arg(&file).exec().into())
}
