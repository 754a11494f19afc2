"""Writes losses and the gradients of every layer to a file that `gradtui watch` and `gradtui diagnose` read.

    model.fit(x, y, callbacks=[Watch("run.jsonl", x[:64], y[:64])])

Keras gives callbacks no gradients: they are taken on these samples. Its losses are means over the epoch so far.
"""
import json

import keras
import numpy as np


class Watch(keras.callbacks.Callback):
    def __init__(self, path, x, y, every=50):
        super().__init__()
        self.file, self.x, self.y, self.every, self.step = open(path, "a", encoding="utf-8"), x, y, every, 0

    def gradients(self):
        model, loss = self.model, lambda out: self.model.compute_loss(x=self.x, y=self.y, y_pred=out)
        backend = keras.backend.backend()
        if backend == "tensorflow":
            import tensorflow as tf
            with tf.GradientTape() as tape:
                value = loss(model(self.x, training=True))
            return tape.gradient(value, [v.value for v in model.trainable_variables])
        if backend == "torch":
            import torch
            values = [v.value for v in model.trainable_variables]
            with torch.random.fork_rng():
                return torch.autograd.grad(loss(model(self.x, training=True)), values)
        import jax
        frozen = [v.value for v in model.non_trainable_variables]
        value = lambda weights: loss(model.stateless_call(weights, frozen, self.x, training=True)[0])
        return jax.grad(value)([v.value for v in model.trainable_variables])

    def norms(self):
        """A pass in training mode moves running statistics and random seeds, which are put back."""
        kept = [np.array(keras.ops.convert_to_numpy(v.value)) for v in self.model.non_trainable_variables]
        norms = [float(np.linalg.norm(keras.ops.convert_to_numpy(g))) for g in self.gradients()]
        for variable, value in zip(self.model.non_trainable_variables, kept):
            variable.assign(value)
        return norms

    def on_train_batch_end(self, batch, logs=None):
        row = {"step": self.step, **{k: float(v) for k, v in (logs or {}).items()}}
        if self.step % self.every == 0:
            norms = self.norms()
            row["grad_norm"] = float(np.linalg.norm(norms))
            row.update((f"grad_norm/{v.path}", n) for v, n in zip(self.model.trainable_variables, norms))
        self.file.write(json.dumps(row) + "\n")
        if self.step % self.every == 0:
            self.file.flush()
        self.step += 1

    def on_epoch_end(self, epoch, logs=None):
        """The other numbers of an epoch are those of its last batch."""
        numbers = {k: float(v) for k, v in (logs or {}).items() if k.startswith("val_")}
        self.file.write(json.dumps({"step": self.step, **numbers}) + "\n" if numbers else "")
        self.file.flush()
