#!/usr/bin/env bash
# One would guess: a linter that reports losses of NaN does so however the log spells them. JSON has no NaN, so pandas'
# to_json, JavaScript and Rust's serde_json write `null` for it, and pandas' to_csv writes an empty cell.
# What happens: losslint, runmedic and trainproof take `null` and an empty cell for a number that was not logged at this
# step. A run whose loss is NaN from step 150 to its end at 200 passes all three with exit code 0, even if the gradient
# norm is missing too; if the same table says `nan`, all three fail the run. So write NaN as `nan` or `NaN` in files for
# them.
# Seen with losslint 0.4.1, runmedic 0.1.1, trainproof 0.22.0, pandas 3.1.1; source: losslint/parsing.py (_to_float),
# runmedic/loaders/tabular.py (_number), trainproof/adapters.py (parse_generic_log passes over what float() refuses).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check losslint==0.4.1 runmedic==0.1.1 trainproof==0.22.0 pandas==3.1.1
cd "$dir"
venv/bin/python - <<'PY'
import math
import subprocess
import pandas

falls = [2.3 * 0.99**step if step < 150 else math.nan for step in range(200)]
table = pandas.DataFrame({"step": range(200), "loss": falls, "grad_norm": [x / 2 for x in falls], "lr": 0.1})
table.to_json("null.jsonl", orient="records", lines=True)
table.to_csv("empty.csv", index=False)
table.to_csv("nan.csv", index=False, na_rep="nan")
linters = {
    "losslint": ["losslint", "check"],
    "runmedic": ["runmedic", "diagnose", "--fail-on", "info"],
    "trainproof": ["trainproof", "epoch"],
}
for name, command in linters.items():
    code = {}
    for log in ("null.jsonl", "empty.csv", "nan.csv"):
        code[log] = subprocess.run(["venv/bin/" + command[0], *command[1:], log], capture_output=True).returncode
    print(name, "exit codes:", code)
    assert code == {"null.jsonl": 0, "empty.csv": 0, "nan.csv": 1}, "the behaviour has changed"
PY
