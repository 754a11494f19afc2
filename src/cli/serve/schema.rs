//! The requests as a table, and the JSON schema made from it.

use super::VERSION;
use crate::number::Number;
use serde_json::{Map, Value, json};

/// A field of a request.
pub struct RequestField {
    /// Its name.
    pub name: &'static str,
    /// Its type in JSON.
    pub kind: &'static str,
    /// Whether it is required.
    pub needed: bool,
    /// Its meaning, with its unit.
    pub about: &'static str,
}

/// A request.
pub struct RequestSchema {
    /// Its name, the value of `do`.
    pub name: &'static str,
    /// Its meaning in one line.
    pub about: &'static str,
    /// Its fields.
    pub fields: &'static [RequestField],
}

const fn field(name: &'static str, kind: &'static str, needed: bool, about: &'static str) -> RequestField {
    RequestField { name, kind, needed, about }
}

const LANE: RequestField = field("lane", "string", true, "the lane by name");
const SET: RequestField =
    field("set", "object", true, "settings by name or path, such as {\"optimizer.lr\": 0.01}");

/// All requests.
pub const REQUESTS: &[RequestSchema] = &[
    RequestSchema {
        name: "step",
        about: "trains every lane by this many steps",
        fields: &[
            field("steps", "integer", false, "steps; 1 if not given"),
            field(
                "every",
                "integer",
                false,
                "reports the numbers once per this many steps; only those of the last step if not given",
            ),
        ],
    },
    RequestSchema { name: "run", about: "trains every lane to the end of the scenario", fields: &[] },
    RequestSchema {
        name: "set",
        about: "changes settings of a lane from its next step on",
        fields: &[LANE, SET],
    },
    RequestSchema {
        name: "fork",
        about: "adds a lane that begins with the state of another one",
        fields: &[
            LANE,
            field("name", "string", true, "the new lane's name"),
            field(
                "at",
                "integer",
                false,
                "after this many steps of the other lane; at its present step if not given",
            ),
            field("set", "object", false, "settings in which it differs"),
        ],
    },
    RequestSchema { name: "remove", about: "takes a lane away", fields: &[LANE] },
    RequestSchema {
        name: "reset",
        about: "goes back to step 0 from the same seed",
        fields: &[field("lane", "string", false, "one lane; all if not given")],
    },
    RequestSchema {
        name: "rewind",
        about: "reports an earlier step again, which is trained once more; training is not affected",
        fields: &[field("step", "integer", false, "which step; the present again if not given")],
    },
    RequestSchema {
        name: "attack",
        about: "attacks a validation sample of a lane as it is now",
        fields: &[
            LANE,
            field(
                "attack",
                "string",
                false,
                "as a scenario writes it, such as \"Pgd(0.1, steps: 10)\"; Fgsm() if not given",
            ),
            field("sample", "integer", false, "number of the sample; 0 if not given"),
            field("target", "integer", false, "class to reach, for a targeted attack"),
        ],
    },
    RequestSchema {
        name: "diagnose",
        about: "trains the lane anew from the scenario as it is now, says what is wrong and tries cures",
        fields: &[
            LANE,
            field("steps", "integer", false, "steps of each training; those of the scenario if not given"),
        ],
    },
    RequestSchema { name: "state", about: "returns the state of every lane, and its settings", fields: &[] },
    RequestSchema {
        name: "export",
        about: "returns the present scenario, with edits and forks, as RON",
        fields: &[field("file", "string", false, "writes it there instead")],
    },
    RequestSchema { name: "schema", about: "gives this schema", fields: &[] },
    RequestSchema { name: "quit", about: "ends; so does the end of the input", fields: &[] },
];

/// The schema of a line of input, and of the lines of output.
pub fn schema() -> Value {
    let request = |row: &RequestSchema| {
        let mut properties = Map::new();
        properties.insert("do".into(), json!({ "const": row.name }));
        properties.insert("id".into(), json!({ "description": "comes back with the answer" }));
        for f in row.fields {
            properties.insert(f.name.into(), json!({ "type": f.kind, "description": f.about }));
        }
        let needed: Vec<&str> =
            std::iter::once("do").chain(row.fields.iter().filter(|f| f.needed).map(|f| f.name)).collect();
        json!({
            "title": row.name, "description": row.about, "type": "object",
            "properties": properties, "required": needed, "additionalProperties": false,
        })
    };
    let number = json!({ "oneOf": [{ "type": "number" }, { "enum": ["nan", "inf", "-inf"] }] });
    let numbers: Map<String, Value> =
        Number::ALL.into_iter().map(|n| (n.row().key.to_string(), number.clone())).collect();
    let events = [
        "hello",
        "started",
        "changed",
        "changes",
        "measured",
        "evaluated",
        "phase",
        "removed",
        "rewound",
        "notice",
    ];
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "gradtui serve",
        "version": VERSION,
        "$defs": {
            "request": { "oneOf": REQUESTS.iter().map(request).collect::<Value>() },
            "event": {
                "type": "object",
                "description": "what happened; the events of a request stand before its answer",
                "properties": {
                    "event": { "enum": events },
                    "lane": { "type": "string" },
                    "step": { "type": "integer", "description": "steps done" },
                    "past": { "const": true, "description": "the step was gone back to" },
                    "numbers": { "description": "measured and evaluated have these beside step", "properties": numbers },
                },
                "required": ["event"],
            },
            "answer": {
                "type": "object",
                "properties": {
                    "id": { "description": "that of the request, or null" },
                    "ok": { "description": "the result" },
                    "error": { "type": "string", "description": "why nothing was done, and what would be right" },
                },
                "required": ["id"],
            },
        },
        "oneOf": [{ "$ref": "#/$defs/request" }, { "$ref": "#/$defs/event" }, { "$ref": "#/$defs/answer" }],
    })
}
