"""Writes losses and the gradients of every layer to a file that `gradtui watch` and `gradtui diagnose` read.

    trainer = Trainer(callbacks=[Watch("run.jsonl")])
"""
import json
import math

import torch
from lightning.pytorch import Callback


class Watch(Callback):
    def __init__(self, path, every=50, rows=500):
        self.path, self.every, self.rows = path, every, rows
        self.waiting, self.row, self.before = [], None, None

    def on_fit_start(self, trainer, module):
        self.file = open(self.path, "a", encoding="utf-8")
        self.names, self.params = zip(*((n, p) for n, p in module.named_parameters() if p.requires_grad))

    @torch.no_grad()
    def on_before_optimizer_step(self, trainer, module, optimizer):
        """Gradients are there, not yet clipped: Lightning clips after this."""
        if trainer.global_step % self.every:
            return
        norms = torch._foreach_norm([torch.zeros_like(p) if p.grad is None else p.grad for p in self.params])
        self.row = {"grad_norm": torch.stack(norms).norm()}
        self.row.update((f"grad_norm/{n}", norm) for n, norm in zip(self.names, norms))
        self.before = [p.detach().clone() for p in self.params]

    @torch.no_grad()
    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        loss = outputs["loss"] if isinstance(outputs, dict) else outputs
        row = {"step": trainer.global_step - 1, "loss": loss.detach(), **(self.row or {})}
        if self.row is not None:
            moved = torch._foreach_norm(torch._foreach_sub(list(self.params), self.before))
            sizes = torch._foreach_norm(self.before)
            row.update((f"update_ratio/{n}", m / s) for n, m, s in zip(self.names, moved, sizes))
        self.row = self.before = None
        self.waiting.append(row)
        if len(self.waiting) >= self.rows:
            self.flush()

    def on_validation_end(self, trainer, module):
        numbers = {k: v for k, v in trainer.callback_metrics.items() if k.startswith("val")}
        self.waiting.append({"step": trainer.global_step, **numbers})

    def flush(self):
        for row in self.waiting:
            row = {k: v.item() if torch.is_tensor(v) else v for k, v in row.items()}
            # The ratio of a parameter that is all zeros is none.
            row = {k: v for k, v in row.items() if not k.startswith("update") or math.isfinite(v)}
            self.file.write(json.dumps(row) + "\n")
        self.file.flush()
        self.waiting = []

    def on_fit_end(self, trainer, module):
        self.flush()
