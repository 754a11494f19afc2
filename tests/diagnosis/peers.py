#!/usr/bin/env python3
"""Compares `gradtui diagnose` with four linters of training logs from PyPI, on runs whose illness is known.

    python3 -m venv venv
    venv/bin/pip install losslint==0.4.1 runmedic==0.1.1 trainproof==0.22.0 gradsnitch==0.1.0
    venv/bin/python tests/diagnosis/peers.py WORK [--gradtui PATH] [--set DIR] [--every N] [--list]

Every run of the corpus beside this file (or of DIR, which has a `labels.jsonl`) is trained into the folder WORK, once. From its
log a CSV is made with the columns that a user of Lightning or the Hugging Face Trainer logs, and each tool judges that file.

A verdict is right if one of the ids that it may stand for is labelled, or noted as equally right. A sick run is flagged if it gets
any verdict, and named if a verdict stands for one of its labels. Any verdict on a healthy run is a false alarm.
"""
import argparse
import csv
import json
import shutil
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

HERE = Path(__file__).resolve().parent

# A peer says what a curve does, a label says why. So a verdict counts as every cause that makes a curve do that: the figures of
# the peers are the best that a reader of their reports could reach.
BLOWS_UP = set("""lr-too-high momentum-too-high adam-eps-or-beta2 exploding-gradient rnn-explodes init-too-large unscaled-inputs
    unscaled-targets batch-norm-batch bad-edit""".split())
STANDS_STILL = set("""lr-too-low momentum-too-high adam-eps-or-beta2 schedule-ends-too-early clip-too-small clip-dominates
    vanishing-gradient rnn-forgets dead-units saturated-units symmetric-init init-too-small init-too-large unscaled-inputs
    softmax-twice mse-saturation uniform-output underfitting-capacity weight-decay-too-strong dropout-too-strong class-imbalance
    label-noise-or-shuffled-labels batch-norm-batch bad-edit""".split())
OVERFITS = {"overfitting", "label-noise-or-shuffled-labels", "batch-norm-batch", "attack-overfit"}
RATE_GONE = {"schedule-ends-too-early", "lr-too-low"}
SMALL_WEIGHTS = {"init-too-small", "weight-decay-too-strong"}

# The columns of the CSV by their names in `gradtui export --wide`. Numbers of single layers stay out: no peer has a use for them,
# and losslint would take a number that is not defined for a layer for an illness.
COLUMNS = {"step": "step", "loss": "train_loss"} | {same: same for same in ("val_loss", "lr", "grad_norm", "update_ratio")}

# gradsnitch has no command that reads a log; this is the call of its README. Its rule 8 has two verdicts under one code.
GRADSNITCH = """import gradsnitch, json, sys
told = [(f.code + (" high" if "too high" in f.name else " low") * (f.code == "GS008"), f.severity)
        for f in gradsnitch.lint_csv(sys.argv[1])]
print(json.dumps(told))"""

# `command`: how the tool judges a run; `read`: its verdicts with their levels, from its output; `warns`: the levels that stand for
# warn and bad; `ids`: what each verdict may stand for, None where verdicts are our ids; `uses`: the columns that its rules look at.
# All thresholds are the tools' own. A verdict that is missing here ends the script with its name.
Tool = namedtuple("Tool", "name command read warns ids uses")


def findings(out):
    """The verdicts of `gradtui diagnose --json`."""
    return [(f["id"], f["level"]) for lane in map(json.loads, out.splitlines()) for f in lane["findings"]]


def tools(gradtui):
    python = sys.executable
    ours = {"warn", "bad"}
    return [
        Tool("gradtui SCENARIO", lambda run: [gradtui, "diagnose", run.scenario, "--json"], findings, ours, None, "scenario, data"),
        Tool("gradtui RUN", lambda run: [gradtui, "diagnose", run.dir, "--json"], findings, ours, None, "its own log"),
        Tool("gradtui CSV", lambda run: [gradtui, "diagnose", run.csv, "--json"], findings, ours, None, "losses, lr, grad_norm"),
        Tool("losslint", lambda run: [python, "-m", "losslint.cli", "check", "--format", "json", run.csv],
             lambda out: [(f["check"], f["severity"]) for f in json.loads(out)["findings"]], {"warning", "error"},
             {"nan_inf": BLOWS_UP, "divergence": BLOWS_UP, "loss_spike": BLOWS_UP, "overfit_onset": OVERFITS,
              "stagnation": STANDS_STILL}, "losses"),
        Tool("runmedic", lambda run: [python, "-m", "runmedic", "diagnose", "--json", run.csv],
             lambda out: [(f["check"], f["severity"]) for run in json.loads(out) for f in run["findings"]],
             {"warning", "critical"},
             {"non_finite": BLOWS_UP, "divergence": BLOWS_UP, "loss_spikes": BLOWS_UP, "grad_spikes": BLOWS_UP,
              "no_learning": STANDS_STILL, "constant_lr_plateau": STANDS_STILL | BLOWS_UP, "overfitting": OVERFITS,
              "val_below_train": {"dropout-too-strong", "batch-norm-batch"}}, "losses, lr, grad_norm"),
        Tool("trainproof", lambda run: [python, "-m", "trainproof", "doctor", "--json", run.csv],
             lambda out: [(f["id"], f["level"]) for run in json.loads(out)["reports"] for f in run["findings"]
                          if f["level"] not in ("PASS", "NOT-CHECKED")], {"WARN", "FAIL"},
             {"TP-NAN": BLOWS_UP, "TP-NAN-GRAD": BLOWS_UP, "TP-DIVERGE": BLOWS_UP, "TP-GRAD-SPIKE": BLOWS_UP,
              "TP-FLAT": STANDS_STILL, "TP-DEAD-RUN": STANDS_STILL, "TP-ZERO-GRAD": STANDS_STILL, "TP-ZERO-LOSS": STANDS_STILL,
              "TP-ZERO-LOSS-ONSET": STANDS_STILL, "TP-ZERO-LR": RATE_GONE, "TP-ZERO-LR-PARTIAL": RATE_GONE,
              "TP-OVERFIT": OVERFITS}, "losses, lr, grad_norm"),
        Tool("gradsnitch", lambda run: [python, "-c", GRADSNITCH, run.csv], json.loads, {"warning", "error"},
             {"GS001": BLOWS_UP, "GS002": BLOWS_UP, "GS003": BLOWS_UP, "GS004": OVERFITS, "GS005": STANDS_STILL, "GS006": BLOWS_UP,
              "GS007": STANDS_STILL, "GS008 high": BLOWS_UP | SMALL_WEIGHTS, "GS008 low": STANDS_STILL, "GS009": BLOWS_UP,
              "GS010": RATE_GONE}, "losses, lr, grad_norm, update_ratio"),
    ]


Case = namedtuple("Case", "name labels also text")
Run = namedtuple("Run", "scenario dir csv")


def fields(text):
    """The fields of a scenario, at the commas outside of brackets."""
    out, depth = [""], 0
    for c in text:
        depth += (c in "([") - (c in ")]")
        if c == "," and depth == 0:
            out.append("")
        else:
            out[-1] += c
    return [f.strip() for f in out if f.strip()]


def scenario(common, own=""):
    """A scenario of these fields, where the later ones replace those before: as in `tests/diagnosis.rs`."""
    all_fields = {field.split(":")[0]: field for field in fields(common) + fields(own)}
    return f"({', '.join(all_fields.values())}, lanes: [(name: \"run\")])"


def corpus():
    lines = lambda name: [x for x in (HERE / name).read_text().splitlines() if x.strip() and not x.startswith("#")]
    for i, line in enumerate(lines("sick.txt"), 1):
        labels, also, _, common, sick, _ = (part.strip() for part in line.split("|"))
        yield Case(f"sick_{i:03}", set(labels.split()), set(also.split()), scenario(common, sick))
    for i, line in enumerate(lines("healthy.txt"), 1):
        yield Case(f"healthy_{i:03}", set(), set(), scenario(line))


def folder(path):
    for row in map(json.loads, (path / "labels.jsonl").read_text().splitlines()):
        yield Case(row["case"], set(row["labels"]) - {"healthy"}, set(row["also_ok"]), (path / f"{row['case']}.ron").read_text())


def train(case, work, gradtui, every):
    """The run of a case, and its log as CSV.

    A row stands for `every` rows of the log, as the Trainer writes them: the mean loss, the last value of all else."""
    run = Run(work / f"{case.name}.ron", work / case.name, work / f"{case.name}.{every}.csv")
    wide = work / f"{case.name}.wide.csv"
    if not (wide.exists() and run.scenario.read_text() == case.text):
        run.scenario.write_text(case.text)
        shutil.rmtree(run.dir, ignore_errors=True)
        subprocess.run([gradtui, "run", run.scenario, "--out", run.dir], check=True, capture_output=True)
        subprocess.run([gradtui, "export", run.dir, "--wide", wide], check=True, capture_output=True)
    with open(wide, newline="") as log, open(run.csv, "w", newline="") as out:
        rows, table = list(csv.DictReader(log)), csv.writer(out)
        table.writerow(COLUMNS.values())
        for start in range(0, len(rows), every):
            part = rows[start:start + every]
            last = lambda key: next((r[key] for r in reversed(part) if r.get(key)), "")
            mean = sum(float(r["loss"]) for r in part) / len(part)
            table.writerow(mean if key == "loss" else last(key) for key in COLUMNS)
    return run


def judged(tool, run):
    """What a tool says of a run, each verdict once with its level, and the seconds that it took, its start included."""
    start = time.perf_counter()
    done = subprocess.run(list(map(str, tool.command(run))), capture_output=True, text=True)
    took = time.perf_counter() - start
    # 1 is bad news in all of them, 3 in gradtui that it could not judge. A peer that cannot read its input must not pass for calm.
    if done.returncode not in (0, 1, 3) or not done.stdout:
        sys.exit(f"{tool.name} on {run.csv} ends with {done.returncode}:\n{done.stdout}{done.stderr}")
    return set(map(tuple, tool.read(done.stdout))), took


def main():
    args = argparse.ArgumentParser(description="Compares gradtui's diagnosis with other doctors of logs.")
    args.add_argument("work", type=Path, help="a folder for runs and logs; what is there already is used again")
    args.add_argument("--gradtui", default="gradtui", help="the program")
    args.add_argument("--set", type=Path, help="a folder of scenarios with a labels.jsonl, instead of the corpus")
    args.add_argument("--every", type=int, default=10, help="rows of the log that a row of the CSV stands for")
    args.add_argument("--list", action="store_true", help="what every tool says of every run")
    args = args.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    shutil.copytree((args.set or HERE) / "data", args.work / "data", dirs_exist_ok=True)
    cases = list(folder(args.set) if args.set else corpus())
    told, all_tools = {}, tools(args.gradtui)
    for i, case in enumerate(cases, 1):
        run = train(case, args.work, args.gradtui, args.every)
        told |= {(tool.name, case.name): judged(tool, run) for tool in all_tools}
        if args.list:
            print(f"{case.name}: {' '.join(sorted(case.labels)) or 'healthy'} (also {' '.join(sorted(case.also)) or 'nothing'})")
            for tool in all_tools:
                print(f"    {tool.name:18}", *sorted(f"{v} [{level}]" for v, level in told[tool.name, case.name][0]))
        print(f"\r{i} of {len(cases)}", end="", file=sys.stderr, flush=True)
    sick = [c for c in cases if c.labels]
    healthy = len(cases) - len(sick)
    for notes in (False, True):
        print(f"\n\n{'with notes' if notes else 'at warn or bad':18} flagged   named  right/verdicts  false alarms  s/run  reads")
        for tool in all_tools:
            flagged = named = right = verdicts = alarms = 0
            for case in cases:
                heard = {verdict for verdict, level in told[tool.name, case.name][0] if notes or level in tool.warns}
                ids = [tool.ids[verdict] if tool.ids else {verdict} for verdict in heard]
                flagged += bool(case.labels and ids)
                named += any(i & case.labels for i in ids)
                right += sum(bool(i & (case.labels | case.also)) for i in ids)
                verdicts += len(ids)
                alarms += bool(ids and not case.labels)
            seconds = sum(told[tool.name, c.name][1] for c in cases) / len(cases)
            print(f"{tool.name:18} {flagged:3}/{len(sick)} {named:3}/{len(sick)} {right:8}/{verdicts:<6} {alarms:9}/{healthy}"
                  f" {seconds:8.3f}  {tool.uses}")


if __name__ == "__main__":
    main()
