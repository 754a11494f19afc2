"""Writes losses and the gradients of every layer to a file that `gradtui watch` and `gradtui diagnose` read.

    watch = Watch(model, optimizer, "run.jsonl")
    ...
    loss.backward()
    watch(loss)            # after backward, before clipping; more numbers as watch(loss, accuracy=0.9)
    optimizer.step()
"""
import atexit, json, time

import torch
from torch import nn


class Watch:
    def __init__(self, model, optimizer, path, every=50, seconds=2.0):
        self.names, self.params = zip(*((n, p) for n, p in model.named_parameters() if p.requires_grad))
        self.file, self.every, self.seconds, self.written = open(path, "a", encoding="utf-8"), every, seconds, 0.0
        self.rectifiers = [(n, m) for n, m in model.named_modules() if isinstance(m, (nn.ReLU, nn.ReLU6))]
        self.step, self.waiting, self.row, self.before, self.dead = 0, [], None, None, {}
        optimizer.register_step_post_hook(lambda *_: self.row is None or self._updated())
        self._listen()
        atexit.register(self.flush)

    def _listen(self):
        """Hooks cost time in every forward pass, so they are there in measured steps alone."""
        fired = lambda name: lambda _module, _x, y: self.dead.update({f"dead/{name}": y.detach() <= 0})
        self.hooks = [m.register_forward_hook(fired(n)) for n, m in self.rectifiers]

    @torch.no_grad()
    def __call__(self, loss, **numbers):
        row = {"step": self.step, "loss": loss.detach(), **numbers}
        if self.step % self.every == 0:
            norms = torch._foreach_norm([torch.zeros_like(p) if p.grad is None else p.grad for p in self.params])
            row.update((n, off.flatten(1).all(0).float().mean()) for n, off in self.dead.items())
            row.update(grad_norm=torch.stack(norms).norm(), **{f"grad_norm/{n}": x for n, x in zip(self.names, norms)})
            self.row, self.before = row, [p.clone() for p in self.params]
            [hook.remove() for hook in self.hooks]
        elif (self.step + 1) % self.every == 0:
            self._listen()
        self.waiting.append(row)
        self.step += 1

    @torch.no_grad()
    def _updated(self):
        ratios = zip(torch._foreach_norm(torch._foreach_sub(self.params, self.before)), torch._foreach_norm(self.before))
        self.row.update((f"update_ratio/{n}", moved / size) for n, (moved, size) in zip(self.names, ratios))
        self.row = self.before = None
        if time.monotonic() - self.written > self.seconds:
            self.flush()

    def flush(self):
        """Writes what waits, every few seconds and at the end; leaves out the ratio of a parameter that is all zeros."""
        for row in self.waiting:
            row = {k: v.item() if torch.is_tensor(v) else v for k, v in row.items()}
            row = {k: v for k, v in row.items() if not k.startswith("update") or v < 1e30}
            self.file.write(json.dumps(row) + "\n")
        self.file.flush()
        self.waiting, self.written = [], time.monotonic()
