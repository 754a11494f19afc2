//! The lesson of a scenario: its texts, and its expectations judged by the events so far. Draws nothing.

use crate::lab::expect::Expectation;
use crate::lab::outcome::Standings;
use crate::scenario::Scenario;
use crate::telemetry::Event;

/// The state of an expectation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectationState {
    /// A number that it needs does not exist yet, or it does not hold on the lab's seed but may hold over several.
    Open,
    /// It holds.
    Holds,
    /// It does not hold.
    Fails,
}

/// An expectation and its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectationResult {
    /// The text of the expectation.
    pub text: String,
    /// How it stands.
    pub state: ExpectationState,
    /// The compared numbers, or the reason why there are none.
    pub why: String,
}

/// The texts and expectations of a scenario.
#[derive(Clone, Debug, Default)]
pub struct LessonState {
    /// The title, one line.
    pub title: String,
    /// The lesson in one or two sentences.
    pub about: String,
    /// The lesson in full, in paragraphs.
    pub text: String,
    /// The present state of the expectations.
    pub verdicts: Vec<ExpectationResult>,
    expectations: Vec<Expectation>,
    /// The seed in the lab and the number of seeds over which `run` judges.
    seeds: (u64, usize),
    standings: Standings,
}

impl LessonState {
    /// The lesson of a scenario before any event.
    pub fn new(scenario: &Scenario) -> Self {
        let lanes: Vec<&str> = scenario.lanes.iter().map(|l| l.name.as_str()).collect();
        let read = |text: &String| Expectation::parse(text, &lanes).ok();
        let mut lesson = Self {
            title: scenario.title.clone(),
            about: scenario.about.clone(),
            text: scenario.comment.clone(),
            verdicts: Vec::new(),
            expectations: scenario.expect.iter().filter_map(read).collect(),
            seeds: (scenario.seed, scenario.expect_seeds),
            standings: Standings::default(),
        };
        lesson.judge();
        lesson
    }

    /// Applies an event.
    pub fn on_event(&mut self, event: &Event) {
        if let Event::Changed { lane, info, .. } | Event::Rewound { lane, info, .. } = event
            && let Some(old) = self.standings.lanes.iter().find(|l| l.id == *lane && l.name != info.name)
        {
            // The expectations follow a lane that was renamed.
            let (old, new) = (old.name.clone(), &info.name);
            let names = self.standings.lanes.iter().map(|l| l.name.as_str());
            let before: Vec<&str> = names.clone().collect();
            let now: Vec<&str> = names.map(|name| if name == old { new } else { name }).collect();
            for expectation in &mut self.expectations {
                let text = Expectation::renamed(expectation.text(), &old, new, &before);
                *expectation = Expectation::parse(&text, &now).unwrap_or_else(|_| expectation.clone());
            }
        }
        self.standings.apply(event);
    }

    /// Judges every expectation by the events so far. The lab trains one seed, on which a median or a share over several
    /// cannot fail.
    pub fn judge(&mut self) {
        let on_seed = self.on_seed();
        let judge = |e: &Expectation| {
            let (state, why) = match e.on_one_seed(&self.standings) {
                Ok((true, numbers)) if e.over_seeds() => (ExpectationState::Holds, numbers + &on_seed),
                Ok((false, numbers)) if e.over_seeds() => {
                    (ExpectationState::Open, format!("not{on_seed}: {numbers}"))
                }
                Ok((true, numbers)) => (ExpectationState::Holds, numbers),
                Ok((false, numbers)) => (ExpectationState::Fails, numbers),
                Err(_) => (ExpectationState::Open, "no number yet".into()),
            };
            ExpectationResult { text: e.text().to_string(), state, why }
        };
        self.verdicts = self.expectations.iter().map(judge).collect();
    }

    /// The seed on which expectations are judged; empty if it is the only one.
    pub fn on_seed(&self) -> String {
        match self.seeds {
            (_, 0 | 1) => String::new(),
            (seed, all) => format!(" on seed {seed}, one of {all}"),
        }
    }

    /// The number of expectations that hold, and of all.
    pub fn score(&self) -> (usize, usize) {
        let holds = self.verdicts.iter().filter(|v| v.state == ExpectationState::Holds).count();
        (holds, self.verdicts.len())
    }

    /// Whether every lane has ended, so that the verdicts are final.
    pub fn over(&self) -> bool {
        !self.standings.lanes.is_empty() && self.standings.over()
    }
}
