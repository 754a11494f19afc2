//! `gradtui serve`: the lab by JSON lines on standard input and output, for notebooks, agents and tests. Deterministic:
//! a request is carried out before the next one is read, on one thread and without a clock.

mod schema;

use super::diagnose::finding;
use super::{BadInput, open, print};
use crate::engine::data::Files;
use crate::lab::clinic::Clinic;
use crate::lab::experiment::Experiment;
use crate::lab::files;
use crate::lab::run::Run;
use crate::lab::stepped::SteppedRun;
use crate::limits;
use crate::number::{LayerNumber, Number};
use crate::scenario::{Carry, Recipe, Scenario, read_with_data};
use crate::telemetry::{Command, Event, LaneId, LayerMeasure, Measure, Phase};
use crate::text::did_you_mean;
use crate::view::{LaneView, RunView};
use schema::REQUESTS;
use serde_json::{Map, Value, json};
use std::ffi::OsString;
use std::io::{BufRead as _, Read as _};
use std::path::Path;
use std::sync::Arc;

/// The version of the protocol: within one version, requests and events keep their meaning.
pub const VERSION: u64 = 1;
/// The longest line that is read, in bytes.
const LINE: u64 = 1 << 20;

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    /// A preset or a file
    #[arg(value_name = "SCENARIO", required_unless_present = "schema")]
    scenario: Option<OsString>,
    /// Print the JSON schema of requests and answers, and end
    #[arg(long)]
    schema: bool,
}

impl ServeArgs {
    /// Answers requests until standard input ends or a request says so.
    pub fn run(self) -> anyhow::Result<()> {
        let Some(name) = self.scenario.filter(|_| !self.schema) else {
            return print(&format!("{:#}\n", schema::schema()));
        };
        let opened = open(&name)?;
        let (scenario, data) =
            read_with_data(&opened.text, opened.files()).map_err(|faults| opened.faults(&faults))?;
        let experiment = Experiment::with_data(scenario.clone(), Arc::new(data), opened.files())
            .map_err(|faults| BadInput(faults.iter().map(|f| format!("{}: {f}", opened.name)).collect()))?;
        let files: Arc<dyn Files + Send + Sync> = match &opened.disk {
            Some(disk) => Arc::new(disk.clone()),
            None => Arc::new(crate::engine::data::NoFiles),
        };
        let mut run = Run::new(experiment, None, Arc::clone(&files));
        run.remember(limits::LOOK_BACK);
        let mut server = Server { run: SteppedRun::new(run), view: RunView::default(), files, scenario };
        server.run.send(Command::Pause);
        print(&line(json!({ "event": "hello", "version": VERSION, "title": server.scenario.title.trim() })))?;
        server.print_events()?;
        let mut input = std::io::stdin().lock();
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            if (&mut input).take(LINE).read_until(b'\n', &mut bytes)? == 0 {
                return Ok(());
            }
            if bytes.last() != Some(&b'\n') && bytes.len() as u64 == LINE {
                // The rest of a line that is too long is skipped.
                while (&mut input).take(LINE).read_until(b'\n', &mut bytes)? > 0
                    && bytes.last() != Some(&b'\n')
                {
                    bytes.clear();
                }
                print(&line(json!({ "id": null, "error": format!("a request has at most {LINE} bytes") })))?;
                continue;
            }
            if bytes.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            if !server.answer(&bytes)? {
                return Ok(());
            }
        }
    }
}

fn line(value: Value) -> String {
    format!("{value}\n")
}

/// A number in JSON; one that is not finite becomes a word.
fn number(x: f64) -> Value {
    match x {
        x if x.is_nan() => "nan".into(),
        f64::INFINITY => "inf".into(),
        f64::NEG_INFINITY => "-inf".into(),
        x => json!(x),
    }
}

/// The run that is served.
struct Server {
    run: SteppedRun,
    view: RunView,
    files: Arc<dyn Files + Send + Sync>,
    /// The scenario as it was opened.
    scenario: Scenario,
}

/// A parsed request: its fields by name.
struct Request(Map<String, Value>);

impl Request {
    fn text(&self, field: &str) -> Result<&str, String> {
        self.0.get(field).and_then(Value::as_str).ok_or_else(|| format!("{field}: a text is needed"))
    }

    fn count(&self, field: &str) -> Result<Option<u64>, String> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(x) => {
                x.as_u64().map(Some).ok_or_else(|| format!("{field}: a whole number from 0 on is needed"))
            }
        }
    }

    /// A value of a setting in a scenario's syntax: a number or a RON text.
    fn ron(value: &Value) -> String {
        value.as_str().map_or_else(|| value.to_string(), String::from)
    }
}

impl Server {
    /// Parses a request, carries it out and answers; returns whether to read more.
    fn answer(&mut self, bytes: &[u8]) -> anyhow::Result<bool> {
        let parsed = serde_json::from_slice::<Value>(bytes).map_err(|e| format!("no JSON: {e}"));
        let request = parsed.and_then(|value| match value {
            Value::Object(fields) => Ok(Request(fields)),
            _ => Err("a request is an object, such as {\"do\": \"step\", \"steps\": 10}".into()),
        });
        let id = request.as_ref().ok().and_then(|r| r.0.get("id").cloned()).unwrap_or(Value::Null);
        let done = request.and_then(|r| {
            Self::check(&r)?;
            self.carry_out(&r).map(|answer| (r.0["do"] == "quit", answer))
        });
        self.print_events()?;
        let (last, answer) = match done {
            Ok((last, answer)) => (last, json!({ "id": id, "ok": answer })),
            Err(what) => (false, json!({ "id": id, "error": what })),
        };
        print(&line(answer))?;
        Ok(!last)
    }

    /// Checks that the request has only known fields: nothing is ignored.
    fn check(request: &Request) -> Result<(), String> {
        let name = request.text("do")?;
        let Some(row) = REQUESTS.iter().find(|r| r.name == name) else {
            let near = did_you_mean(name, REQUESTS.iter().map(|r| r.name));
            let all = || REQUESTS.iter().map(|r| r.name).collect::<Vec<_>>().join(", ");
            return Err(near.map_or_else(
                || format!("{name}: no such request; there are {}", all()),
                |near| format!("{name}: no such request; did you mean {near}?"),
            ));
        };
        for field in request.0.keys().filter(|f| !["do", "id"].contains(&f.as_str())) {
            if !row.fields.iter().any(|f| f.name == field) {
                let all: Vec<&str> = row.fields.iter().map(|f| f.name).collect();
                return Err(match all[..] {
                    [] => format!("{name} has no field {field}; it has none"),
                    _ => format!("{name} has no field {field}; it has {}", all.join(", ")),
                });
            }
        }
        let missing = row.fields.iter().find(|f| f.needed && !request.0.contains_key(f.name));
        missing.map_or(Ok(()), |f| Err(format!("{name} needs {}: {}", f.name, f.about)))
    }

    fn lane(&self, request: &Request) -> Result<&LaneView, String> {
        let name = request.text("lane")?;
        let found = self.view.lanes.iter().find(|l| l.info.name == name);
        let all = || self.view.lanes.iter().map(|l| l.info.name.as_str()).collect::<Vec<_>>().join(", ");
        found.ok_or_else(|| format!("there is no lane {name}; there are {}", all()))
    }

    /// A recipe with the settings of a request's object changed.
    fn changed(request: &Request, recipe: &Recipe) -> Result<Recipe, String> {
        let mut recipe = recipe.clone();
        match request.0.get("set") {
            None => {}
            Some(Value::Object(settings)) => {
                for (field, value) in settings {
                    recipe.set_at(field, &Request::ron(value)).map_err(|what| format!("{field}: {what}"))?;
                }
            }
            Some(_) => {
                return Err("set: an object of settings is needed, such as {\"optimizer.lr\": 0.01}".into());
            }
        }
        Ok(recipe)
    }

    fn carry_out(&mut self, request: &Request) -> Result<Value, String> {
        let name = request.text("do")?;
        // A request that changes the run returns to the present first.
        if self.run.run().looking().is_some() && !["rewind", "state", "schema", "quit"].contains(&name) {
            self.run.send(Command::Look(None));
            self.view.look(None);
        }
        match name {
            "step" => {
                let steps = request.count("steps")?.unwrap_or(1);
                if let Some(every) = request.count("every")? {
                    self.run.send(Command::MeasureEvery(Some(every.max(1))));
                }
                self.run.send(Command::Step(steps));
                while self.run.turn(u64::MAX) {}
                self.run.send(Command::MeasureEvery(None));
                Ok(self.steps())
            }
            "run" => {
                let end = self.run.run().total_steps();
                self.run.send(Command::Step(end));
                while self.run.turn(u64::MAX) {}
                Ok(self.steps())
            }
            "set" => {
                let lane = self.lane(request)?;
                let recipe = Box::new(Self::changed(request, &lane.info.recipe)?);
                self.order(Command::Set { lane: lane.id, name: lane.info.name.clone(), recipe })
            }
            "fork" => {
                let (parent, name) = (self.lane(request)?, request.text("name")?.to_string());
                let at = request.count("at")?;
                let recipe = Box::new(Self::changed(request, &parent.info.settings_at(at))?);
                self.order(Command::Fork { parent: parent.id, at, name, recipe, carry: Carry::All })
            }
            "remove" => {
                let lane = self.lane(request)?.id;
                if self.view.lanes.len() < 2 {
                    return Err("the last lane stays".into());
                }
                self.order(Command::Remove(lane))
            }
            "reset" => {
                let lane = if request.0.contains_key("lane") { Some(self.lane(request)?.id) } else { None };
                self.order(Command::Reset(lane))
            }
            "rewind" => {
                let step = request.count("step")?;
                let end = self.run.run().foremost();
                if let Some(step) = step.filter(|&s| s > end) {
                    return Err(format!("rewind: step {step} is not made yet; the newest is step {end}"));
                }
                self.run.send(Command::Look(step));
                self.view.look(step);
                self.run.look();
                Ok(self.steps())
            }
            "attack" => self.attack(request),
            "diagnose" => self.diagnose(request),
            "state" => Ok(self.view.lanes.iter().map(state).collect()),
            "export" => {
                let text = self.run.run().scenario().to_ron();
                if !request.0.contains_key("file") {
                    return Ok(json!({ "scenario": text }));
                }
                let file = request.text("file")?;
                files::write(&[(Path::new(file), text.as_bytes())]).map_err(|e| e.to_string())?;
                Ok(json!({ "file": file, "bytes": text.len() }))
            }
            "schema" => Ok(schema::schema()),
            // `check` has refused all other requests.
            _ => Ok(self.steps()),
        }
    }

    /// Carries out an order of the lab; if it fails, its notices are the reasons.
    fn order(&mut self, command: Command) -> Result<Value, String> {
        self.run.send(command);
        // A fork of an earlier step, or a change that was undone, trains its way again before the answer.
        while self.run.turn(u64::MAX) {}
        let events = self.run.drain();
        let notice =
            events.iter().find_map(|e| if let Event::Notice(what) = e { Some(what.clone()) } else { None });
        let changed = events
            .iter()
            .any(|e| matches!(e, Event::Started { .. } | Event::Changed { .. } | Event::Removed { .. }));
        self.on_events(events).map_err(|e| e.to_string())?;
        match notice {
            Some(what) if !changed => Err(what),
            _ => Ok(self.steps()),
        }
    }

    /// Steps of every lane.
    fn steps(&mut self) -> Value {
        let _ = self.print_events();
        self.view.lanes.iter().map(|l| (l.info.name.clone(), json!(l.step))).collect::<Map<_, _>>().into()
    }

    fn attack(&mut self, request: &Request) -> Result<Value, String> {
        use crate::telemetry::{Data, ProbeRequest, Sample};
        let lane = self.lane(request)?.id;
        let mut view = ProbeRequest::of("adversarial", lane);
        view.attack = request.0.get("attack").map_or_else(|| "Fgsm()".into(), Request::ron);
        let (sample, all) = (request.count("sample")?.unwrap_or(0), self.run.run().data().validation.len());
        if sample >= all as u64 {
            return Err(format!("sample: {all} samples validate, counted from 0"));
        }
        view.sample = Sample::Number(sample as usize);
        view.target = request.count("target")?.map(|t| t as u32);
        self.run.send(Command::Watch(vec![view]));
        self.run.look();
        self.run.send(Command::Watch(Vec::new()));
        let mut found = None;
        let mut notice = None;
        for event in self.run.drain() {
            match event {
                Event::Probed { lane: id, parts, .. } if id == lane => found = Some(parts),
                Event::Notice(what) => notice = Some(what),
                other => self.view.apply(other),
            }
        }
        let parts =
            found.ok_or_else(|| notice.unwrap_or_else(|| "this attack does not fit this lane".into()))?;
        let of = |data: &Data| match data {
            Data::Scalar(x) => number(*x),
            Data::Series(of) => of.iter().map(|x| number(f64::from(*x))).collect(),
            Data::Image { channels, width, pixels } => {
                let pixels: Value = pixels.iter().map(|x| number(f64::from(*x))).collect();
                json!({ "channels": channels, "width": width, "pixels": pixels })
            }
            Data::Table { columns, rows } => {
                let row = |(name, of): &(String, Vec<f32>)| {
                    let of: Value = of.iter().map(|x| number(f64::from(*x))).collect();
                    json!({ "name": name, "values": of })
                };
                json!({ "columns": columns, "rows": rows.iter().map(row).collect::<Value>() })
            }
            Data::Histogram { low, high, counts } => json!({ "low": low, "high": high, "counts": counts }),
            Data::Grid { width, values, extent } => {
                let values: Value = values.iter().map(|x| number(f64::from(*x))).collect();
                json!({ "width": width, "values": values, "extent": extent })
            }
            Data::Points(points) => points.iter().map(|(x, y, class)| json!([x, y, class])).collect(),
        };
        Ok(parts.iter().map(|(name, data)| (name.clone(), of(data))).collect::<Map<_, _>>().into())
    }

    fn diagnose(&mut self, request: &Request) -> Result<Value, String> {
        let name = self.lane(request)?.info.name.clone();
        let scenario = self.run.run().scenario();
        let lane = scenario.lanes.iter().position(|l| l.name == name);
        let lane = lane.ok_or("this lane is not in the scenario yet")?;
        let data = scenario.prepare(&*self.files).map_err(|e| e.to_string())?;
        let clinic = Clinic::new(&scenario, lane, Arc::new(data), &*self.files, request.count("steps")?);
        let report = clinic.examine().map_err(|e| e.to_string())?;
        let findings = report.diagnosis.findings.iter().map(|f| {
            let fixes = f.fixes.iter().map(|fix| json!({ "text": fix.text, "patch": fix.patch })).collect();
            finding(f, fixes)
        });
        Ok(findings.collect())
    }

    /// Prints the events since the last request.
    fn print_events(&mut self) -> anyhow::Result<()> {
        let events = self.run.drain();
        self.on_events(events)
    }

    fn on_events(&mut self, events: Vec<Event>) -> anyhow::Result<()> {
        for event in events {
            let values = self.words(&event, false);
            self.view.apply(event);
            for value in values {
                print(&line(value))?;
            }
        }
        Ok(())
    }

    fn name(&self, id: LaneId) -> String {
        self.view.lane(id).map_or_else(String::new, |l| l.info.name.clone())
    }

    /// An event as lines of the protocol. `past`: it belongs to an earlier step that is shown again.
    fn words(&self, event: &Event, past: bool) -> Vec<Value> {
        let mut one = match event {
            Event::Started { info, step, .. } => json!({
                "event": "started", "lane": info.name, "step": step, "params": info.params,
                "layers": info.layers.iter().map(|l| l.label.as_str()).collect::<Vec<_>>(),
                "from": info.fork.as_ref().map(|f| json!({ "lane": f.from, "at": f.at, "carried": Carry::words(f.carried) })),
            }),
            Event::Changed { info, step, .. } => json!({
                "event": "changed", "lane": info.name, "step": step,
                "edit": info.edits.last().map(ToString::to_string),
            }),
            Event::Measured { lane, measure, layers } => {
                measured("measured", self.name(*lane), measure, layers)
            }
            Event::Evaluated { lane, measure } => measured("evaluated", self.name(*lane), measure, &[]),
            Event::Phase { lane, step, phase } => {
                json!({ "event": "phase", "lane": self.name(*lane), "step": step, "phase": words(phase) })
            }
            Event::Rewound { info, step, .. } => {
                json!({ "event": "rewound", "lane": info.name, "step": step })
            }
            Event::Changes { made, undone } => json!({ "event": "changes", "made": made, "undone": undone }),
            Event::Removed { lane } => json!({ "event": "removed", "lane": self.name(*lane) }),
            Event::Notice(what) => json!({ "event": "notice", "text": what }),
            Event::Recalled { events, .. } => {
                return events.iter().flat_map(|e| self.words(e, true)).collect();
            }
            Event::Marked { .. }
            | Event::Probed { .. }
            | Event::Examined { .. }
            | Event::Rested
            | Event::Unsaved(_) => {
                return Vec::new();
            }
        };
        if past {
            one["past"] = true.into();
        }
        vec![one]
    }
}

/// A phase as a word, with its reason.
fn words(phase: &Phase) -> Value {
    match phase {
        Phase::Running => "running".into(),
        Phase::Paused => "paused".into(),
        Phase::Finished => "finished".into(),
        Phase::Stopped(why) => json!({ "stopped": why }),
        Phase::Failed(why) => json!({ "failed": why }),
        Phase::Diverged(d) => json!({ "diverged": d }),
        Phase::Killed => "killed".into(),
    }
}

/// The numbers of a step, and those of its layers.
fn measured(event: &str, lane: String, measure: &Measure, layers: &[LayerMeasure]) -> Value {
    let mut out = json!({ "event": event, "lane": lane, "step": measure.step, "epoch": measure.epoch });
    for n in Number::ALL {
        if let Some(x) = measure.get(n) {
            out[n.row().key] = number(n.decimal(x));
        }
    }
    if !layers.is_empty() {
        let of = |l: &LayerMeasure| {
            let values = LayerNumber::ALL
                .into_iter()
                .filter_map(|n| Some((n.row().key.to_string(), number(crate::number::decimal(l.get(n)?)))));
            let mut row: Map<String, Value> = values.collect();
            row.insert("layer".into(), l.layer.into());
            Value::from(row)
        };
        out["layers"] = layers.iter().map(of).collect();
    }
    out
}

/// The present state of a lane.
fn state(lane: &LaneView) -> Value {
    use crate::registry::Settings as _;
    let values = Number::ALL
        .into_iter()
        .filter_map(|n| Some((n.row().key.to_string(), number(n.decimal(lane.value(n)?)))));
    let recipe: Map<String, Value> =
        lane.info.recipe.fields().into_iter().map(|f| (f.name.to_string(), f.value.into())).collect();
    json!({
        "lane": lane.info.name, "step": lane.step, "phase": words(&lane.phase),
        "numbers": values.collect::<Map<_, _>>(), "recipe": recipe,
        "edits": lane.info.edits.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
