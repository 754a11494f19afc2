//! `gradtui watch --json`: prints the content of logs as one JSON object.

use crate::logs::series::LogSeries;
use crate::logs::{self, RunLog, layers};
use serde_json::{Map, Value, json};

/// A number; values that JSON cannot express become texts.
fn number(x: f64) -> Value {
    match x {
        x if x.is_finite() => json!(x),
        x if x.is_nan() => "NaN".into(),
        x if x > 0.0 => "Infinity".into(),
        _ => "-Infinity".into(),
    }
}

fn of_series(series: &LogSeries) -> Value {
    // If no point is finite, there is neither a least nor a greatest value.
    let end = |x: f64| if series.points > series.nan + series.inf { number(x) } else { Value::Null };
    let mut value = json!({
        "points": series.points, "first": number(series.first), "last": number(series.last),
        "min": end(series.min), "max": end(series.max), "nan": series.nan, "inf": series.inf,
        "steps": [number(series.steps.0), number(series.steps.1)],
    });
    if let Some(exact) = series.histogram {
        value["exact"] = exact.into();
    }
    value
}

/// The gradient norms of layers at the first and at the last step at which all are finite.
fn of_gradient(log: &RunLog, found: &logs::layers::LogLayers) -> Value {
    let rows = log.content.norms(found);
    let mut finite = rows.iter().filter(|(_, norms)| norms.iter().all(|x| x.is_finite()));
    let row = |row: Option<&(f64, Vec<f64>)>| {
        let Some((step, norms)) = row else { return Value::Null };
        let each: Map<String, Value> =
            found.names.iter().cloned().zip(norms.iter().map(|x| number(*x))).collect();
        let ratio = norms.first().zip(norms.last()).map(|(first, last)| number(first / last));
        json!({ "step": step, "norms": each, "first_to_last": ratio })
    };
    let (start, last) = (finite.next(), finite.next_back());
    let order = match found.order {
        layers::LayerOrder::Appearance => "as they appear",
        layers::LayerOrder::Reversed => "as they appear, turned round",
        layers::LayerOrder::Natural => "by the numbers in their names, a guess",
    };
    json!({
        "start": row(start), "end": row(last.or(start)), "order": order,
        "clipped": match found.clipped { Some(true) => "after", Some(false) => "before", None => "unknown" },
    })
}

fn of_log(log: &RunLog) -> Value {
    let found = log.layers();
    let of = |histograms: bool| -> Map<String, Value> {
        let series = log.content.series.iter().filter(|s| s.histogram.is_some() == histograms);
        series.map(|s| (s.name.clone(), of_series(s))).collect()
    };
    let mut value = json!({ "kind": log.kind, "run": log.run, "series": of(false), "layers": found.names });
    let mut set = |key: &str, with: Value| value[key] = with;
    let histograms = of(true);
    if !histograms.is_empty() {
        set("histograms", histograms.into());
    }
    if !found.names.is_empty() {
        set("gradient", of_gradient(log, &found));
    }
    if let Some(total) = found.total {
        set("total", log.content.series[total].name.clone().into());
    }
    let remarks: Vec<&String> = log.content.remarks.iter().chain(&log.fault).collect();
    if !remarks.is_empty() {
        set("remarks", json!(remarks));
    }
    value
}

/// The content of logs: a single log as it is, several by the names of their runs.
pub fn of(logs: &[(String, RunLog)]) -> String {
    let value = match logs {
        [(_, log)] => of_log(log),
        several => {
            json!({ "runs": several.iter().map(|(name, log)| (name.clone(), of_log(log))).collect::<Map<_, _>>() })
        }
    };
    format!("{value:#}\n")
}
