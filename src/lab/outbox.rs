//! A bounded queue of events for a screen that may be slow. If it is full, it merges or drops only events that may be
//! lost.
//!
//! Measurements are merged (their ranges are kept), and of each probe only the newest result is kept. Starts, ends,
//! changes and evaluations are kept; evaluations are thinned only if thousands of them are unread.

use crate::lab::exam::PROBE;
use crate::number::{Between, Number, NumberValues};
use crate::telemetry::{Event, LaneId, Measure};
use std::collections::{HashMap, HashSet};

/// Most unread events.
pub const CAPACITY: usize = 4096;

/// A bounded queue of events.
#[derive(Debug, Default)]
pub struct Outbox {
    events: Vec<Event>,
}

impl Outbox {
    /// Adds an event; makes room first if the queue is full.
    pub fn push(&mut self, event: Event) {
        // A measurement of robustness is a point of a curve; of other probes only the newest result is drawn.
        if let Event::Probed { lane, name, .. } = &event
            && *name != PROBE
        {
            let old =
                |e: &Event| matches!(e, Event::Probed { lane: l, name: n, .. } if l == lane && n == name);
            if let Some(place) = self.events.iter().rposition(old) {
                self.events.remove(place);
            }
        }
        if let Event::Examined { lane, .. } = &event {
            self.events.retain(|e| !matches!(e, Event::Examined { lane: l, .. } if l == lane));
        }
        // Of recalled steps, only the one that was asked for last is shown.
        if let Event::Recalled { lane, step, .. } = &event {
            let old =
                |e: &Event| matches!(e, Event::Recalled { lane: l, step: s, .. } if l == lane && s != step);
            self.events.retain(|e| !old(e));
        }
        if self.events.len() >= CAPACITY {
            self.compact();
        }
        self.events.push(event);
    }

    /// Removes and returns all events, oldest first.
    pub fn drain(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Whether the queue is empty.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The number of waiting events.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Merges every second measurement of a lane into the next one, and thins evaluations if that is not enough.
    fn compact(&mut self) {
        let mut kept: Vec<Event> = Vec::with_capacity(CAPACITY);
        // Newest first; a measurement waits in `later` for the one before it.
        let mut later: HashMap<LaneId, usize> = HashMap::new();
        for event in self.events.drain(..).rev() {
            match event {
                Event::Measured { lane, measure, layers } => {
                    if let Some(place) = later.remove(&lane) {
                        merge(&mut kept[place], &measure);
                    } else {
                        later.insert(lane, kept.len());
                        kept.push(Event::Measured { lane, measure, layers });
                    }
                }
                other => {
                    if let Event::Started { lane, .. } | Event::Rewound { lane, .. } = &other {
                        later.remove(lane);
                    }
                    kept.push(other);
                }
            }
        }
        if kept.len() > CAPACITY * 3 / 4 {
            thin(&mut kept);
        }
        kept.reverse();
        self.events = kept;
    }
}

/// Merges the earlier measurement into the later one, by the rule of each number in the table.
fn merge(later: &mut Event, earlier: &Measure) {
    let Event::Measured { measure, .. } = later else { return };
    for number in Number::ALL {
        let (Some(old), Some(new)) = (earlier.get(number), measure.get(number)) else { continue };
        match number.row().between {
            Between::Newest => {}
            Between::Range(_) => {
                let end = |values: &NumberValues, or: f64| values.get(number).unwrap_or(or);
                let least = end(&measure.least, new).min(end(&earlier.least, old));
                let greatest = end(&measure.greatest, new).max(end(&earlier.greatest, old));
                measure.least.set(number, Some(least));
                measure.greatest.set(number, Some(greatest));
            }
            Between::Mean(_) => measure.values.set(number, Some(f64::midpoint(new, old))),
        }
    }
}

/// Drops every second evaluation, change and notice, but keeps the newest of each lane (`events` is newest first).
fn thin(events: &mut Vec<Event>) {
    let (mut seen, mut odd) = (HashSet::new(), false);
    events.retain(|event| {
        let key = match event {
            Event::Evaluated { lane, .. } => (0, *lane),
            Event::Changed { lane, .. } => (1, *lane),
            Event::Notice(_) => (2, 0),
            Event::Phase { lane, .. } => (3, *lane),
            Event::Probed { lane, name, .. } if *name == PROBE => (4, *lane),
            _ => return true,
        };
        odd = !odd;
        seen.insert(key) || odd
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Phase;

    fn measured(lane: LaneId, step: u64, loss: f32) -> Event {
        let measure = Measure { step, ..Measure::default() }.with(Number::Loss, loss);
        Event::Measured { lane, measure: Box::new(measure), layers: Vec::new() }
    }

    fn evaluated(step: u64) -> Event {
        let measure = Measure { step, ..Measure::default() }.with(Number::ValLoss, 1.0);
        Event::Evaluated { lane: 0, measure: Box::new(measure) }
    }

    #[test]
    fn an_unread_queue_stays_bounded_and_keeps_the_range_the_newest_and_the_end() {
        let mut outbox = Outbox::default();
        outbox.push(measured(0, 0, 1000.0));
        for step in 1..100_000 {
            outbox.push(measured((step % 2) as usize, step, 1.0));
            if step % 1000 == 0 {
                outbox.push(evaluated(step));
            }
        }
        outbox.push(Event::Phase { lane: 1, step: 99_999, phase: Phase::Finished });
        assert!(outbox.len() <= CAPACITY);
        let events = outbox.drain();
        let max = events.iter().filter_map(|e| match e {
            Event::Measured { lane: 0, measure, .. } => measure.greatest.get(Number::Loss),
            _ => None,
        });
        assert_eq!(max.fold(0.0, f64::max), 1000.0);
        assert_eq!(events.iter().filter(|e| matches!(e, Event::Evaluated { .. })).count(), 99);
        assert!(matches!(events.last(), Some(Event::Phase { .. })));
        let steps: Vec<u64> = events
            .iter()
            .filter_map(|e| match e {
                Event::Measured { lane: 0, measure, .. } => Some(measure.step),
                _ => None,
            })
            .collect();
        assert!(steps.is_sorted(), "steps keep their order");
    }

    #[test]
    fn evaluations_alone_are_bounded_too_and_the_newest_stays() {
        let mut outbox = Outbox::default();
        for step in 0..50_000 {
            outbox.push(evaluated(step));
        }
        assert!(outbox.len() <= CAPACITY);
        assert!(
            matches!(outbox.drain().last(), Some(Event::Evaluated { measure, .. }) if measure.step == 49_999)
        );
    }

    #[test]
    fn only_the_newest_probe_of_a_name_is_kept() {
        let mut outbox = Outbox::default();
        for step in 0..10 {
            outbox.push(Event::Probed { lane: 0, step, name: "confusion", parts: Vec::new() });
        }
        assert_eq!(outbox.len(), 1);
    }
}
