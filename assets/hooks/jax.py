"""Writes losses and the gradients of every layer to a file that `gradtui watch` and `gradtui diagnose` read.

    watch = Watch("run.jsonl")
    ...
    loss, grads = value_and_grad(params, batch)
    updates, state = optimizer.update(grads, state, params)
    watch(loss, params, grads, updates)     # outside jit; more numbers as watch(..., accuracy=0.9)
    params = optax.apply_updates(params, updates)
"""
import atexit, json, math, time

import jax
import jax.numpy as jnp


def _name(path):
    parts = (getattr(p, "key", getattr(p, "idx", getattr(p, "name", p))) for p in path)
    return ".".join(str(p) for p in parts)


@jax.jit
def _norms(params, grads, updates):
    size = lambda tree: [jnp.linalg.norm(x.ravel()) for x in jax.tree_util.tree_leaves(tree)]
    norms, sizes, moves = jnp.stack(size(grads)), jnp.stack(size(params)), jnp.stack(size(updates))
    return jnp.linalg.norm(norms), norms, moves / sizes


class Watch:
    def __init__(self, path, every=50, seconds=2.0):
        self.file, self.every, self.seconds, self.written = open(path, "a", encoding="utf-8"), every, seconds, 0.0
        atexit.register(self.flush)
        self.step, self.waiting, self.names = 0, [], None

    def __call__(self, loss, params, grads, updates, **numbers):
        row = {"step": self.step, "loss": loss, **numbers}
        if self.step % self.every == 0:
            self.names = self.names or [_name(p) for p, _ in jax.tree_util.tree_flatten_with_path(grads)[0]]
            row["layers"] = _norms(params, grads, updates)
        self.waiting.append(row)
        self.step += 1
        if time.monotonic() - self.written > self.seconds:
            self.flush()

    def flush(self):
        """Writes what waits: every few seconds, and at the end."""
        for row in jax.device_get(self.waiting):
            total, norms, ratios = row.pop("layers", (None, (), ()))
            row = {k: float(v) if hasattr(v, "dtype") else v for k, v in row.items()}
            if total is not None:
                row["grad_norm"] = float(total)
                row.update((f"grad_norm/{n}", float(x)) for n, x in zip(self.names, norms))
                # The ratio of a parameter that is all zeros is none.
                row.update((f"update_ratio/{n}", float(x)) for n, x in zip(self.names, ratios) if math.isfinite(x))
            self.file.write(json.dumps(row) + "\n")
        self.file.flush()
        self.waiting, self.written = [], time.monotonic()
