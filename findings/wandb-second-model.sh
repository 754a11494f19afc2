#!/usr/bin/env bash
# One would guess: wandb.watch names the gradients of a second model by the model and the parameter, with a separator
# between them, as in gradients/graph_1/0.weight.
# What happens: the first model has no prefix, every later one has graph_N, and the name of the parameter follows without
# a separator. Parameter 0.weight of model 1 is gradients/graph_10.weight, so its layer seems to be graph_10, and it
# cannot be told from a parameter called weight of model 10, if it has one.
# Seen with wandb 0.31.0 and torch 2.15.0; source: wandb/sdk/wandb_watch.py (prefix = f"graph_{idx}") and
# wandb/integration/torch/wandb_torch.py (names are appended to the prefix). Installs several GB of torch.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check wandb==0.31.0 torch==2.15.0 numpy==2.4.6
WANDB_MODE=offline WANDB_SILENT=true WANDB_DIR="$dir" "$dir/venv/bin/python" - <<'PY'
import torch, wandb

run = wandb.init(project="p")
first = torch.nn.Sequential(torch.nn.Linear(2, 2))
second = torch.nn.Sequential(torch.nn.Linear(2, 2))
for model in (first, second):
    wandb.watch(model, log="gradients", log_freq=1)
for model in (first, second):
    model(torch.ones(1, 2)).sum().backward()
wandb.log({"loss": 1.0})
names = sorted(name for name in run.summary.keys() if name.startswith("gradients/"))
wandb.finish()
print(names)
wanted = ["gradients/0.bias", "gradients/0.weight", "gradients/graph_10.bias", "gradients/graph_10.weight"]
assert names == wanted, "the behaviour has changed"
PY
