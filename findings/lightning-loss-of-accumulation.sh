#!/usr/bin/env bash
# One would guess: the loss that a Lightning callback gets in `on_train_batch_end` is the one that `training_step`
# returned, so it can be logged beside the validation loss.
# What happens: with `accumulate_grad_batches=k` it is that loss divided by k, since Lightning keeps the value that it
# differentiates. `global_step` is still 0 during the first k batches. A log made from both shows a gap between training
# and validation that is not there.
# Source: lightning/pytorch/loops/optimization/automatic.py (lightning 2.6.6, ClosureResult.from_training_step_output).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check lightning==2.6.6 torch==2.15.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import logging
import warnings

import lightning
import torch

warnings.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class Module(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer, self.returned = torch.nn.Linear(1, 1), []

    def training_step(self, batch, index):
        loss = self.layer(batch[0]).square().mean() + 1
        self.returned.append(loss.item())
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


class Listener(lightning.Callback):
    def __init__(self):
        self.seen = []

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        self.seen.append((trainer.global_step, outputs))


def train(accumulate):
    module, listener = Module(), Listener()
    batches = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(4, 1)), batch_size=1)
    lightning.Trainer(
        max_epochs=1, accumulate_grad_batches=accumulate, callbacks=[listener], logger=False, accelerator="cpu",
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    ).fit(module, batches)
    return module.returned, listener.seen


for accumulate in (1, 4):
    returned, seen = train(accumulate)
    ratio = returned[0] / seen[0][1]["loss"].item()
    steps = [step for step, _ in seen]
    print(f"accumulate_grad_batches={accumulate}: returned over seen loss {ratio:.3f}, global_step after each batch {steps}")
    assert abs(ratio - accumulate) < 1e-5, "this has changed"
    assert steps == ([1, 2, 3, 4] if accumulate == 1 else [0, 0, 0, 1]), "this has changed"
PYTHON
