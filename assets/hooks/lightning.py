"""Writes losses and the gradients of every layer to a file that `gradtui watch` and `gradtui diagnose` read.

    trainer = Trainer(callbacks=[Watch("run.jsonl")])
"""
import json, math, time
import torch
from lightning.pytorch import Callback


class Watch(Callback):
    def __init__(self, path, every=50, seconds=2.0):
        self.path, self.every, self.seconds, self.written = path, every, seconds, 0.0
        self.waiting, self.losses, self.row, self.before, self.step = [], [], {}, None, 0

    def on_fit_start(self, trainer, module):
        self.file = open(self.path, "a", encoding="utf-8")
        self.names, self.params = zip(*((n, p) for n, p in module.named_parameters() if p.requires_grad))

    @torch.no_grad()
    def on_before_optimizer_step(self, trainer, module, optimizer):
        """Gradients are there, not yet clipped: Lightning clips after this."""
        if trainer.global_step % self.every == 0:
            norms = torch._foreach_norm([torch.zeros_like(p) if p.grad is None else p.grad for p in self.params])
            self.row = {"grad_norm": torch.stack(norms).norm(), **{f"grad_norm/{n}": x for n, x in zip(self.names, norms)}}
            self.before = [p.detach().clone() for p in self.params]

    @torch.no_grad()
    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        """A row for each step of the optimizer, with the mean loss of its batches; manual optimization tells no loss."""
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        self.losses += [] if loss is None else [loss.detach() * trainer.accumulate_grad_batches]
        if trainer.global_step == self.step:
            return
        self.step = trainer.global_step
        self.row.update({"loss": torch.stack(self.losses).mean()} if self.losses else {})
        if self.before:
            moved = torch._foreach_norm(torch._foreach_sub(list(self.params), self.before))
            sizes = torch._foreach_norm(self.before)
            self.row.update((f"update_ratio/{n}", m / s) for n, m, s in zip(self.names, moved, sizes))
        self.waiting.append({"step": self.step - 1, **self.row})
        self.losses, self.row, self.before = [], {}, None
        if time.monotonic() - self.written > self.seconds:
            self.flush()

    def on_validation_end(self, trainer, module):
        numbers = {k: v for k, v in trainer.callback_metrics.items() if k.startswith("val") and not trainer.sanity_checking}
        self.waiting += [{"step": trainer.global_step, **numbers}] if numbers else []

    def flush(self):
        """Writes what waits; leaves out the ratio of a parameter that is all zeros."""
        for row in self.waiting:
            row = ((k, v.item() if torch.is_tensor(v) else v) for k, v in row.items())
            row = {k: v for k, v in row if not k.startswith("update") or math.isfinite(v)}
            self.file.write(json.dumps(row) + "\n")
        self.file.flush()
        self.waiting, self.written = [], time.monotonic()

    on_fit_end = on_exception = lambda self, *_: self.flush()
