#!/usr/bin/env bash
# One would guess: a class weight of 29 makes the gradient of a sample of that class 29 times as long, whatever the batch.
# What happens: with its default reduction, PyTorch's cross-entropy divides by the sum of the weights in the batch. In a
# batch of one sample the weight cancels and does nothing, and with gradients accumulated over such batches class weights
# have no effect at all. Keras divides by the number of samples: there the gradient is 29 times as long.
# Source: torch.nn.CrossEntropyLoss (torch 2.15.0), "mean" with weights; keras/src/trainers (keras 3.15.1), class_weight
# becomes a sample weight and the mean divides by the samples.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check keras==3.15.1 torch==2.15.0
cat > "$folder/weights.py" <<'PYTHON'
import sys

import keras
import numpy as np
import torch

RARE, LOGITS = 29.0, [[0.3, -0.2]]


def in_torch(weight):
    z = torch.tensor(LOGITS, requires_grad=True)
    loss = torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, weight]))(z, torch.tensor([1]))
    loss.backward()
    return float(z.grad.sum(0).norm())


def in_keras(weight):
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(2, kernel_initializer="identity")])
    model.compile(keras.optimizers.SGD(1.0), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = [np.array(w) for w in model.get_weights()]
    x, y = np.array(LOGITS, "float32"), np.array([1])
    model.fit(x, y, class_weight={0: 1.0, 1: weight}, batch_size=1, epochs=1, verbose=0)
    return float(np.linalg.norm(before[1] - model.get_weights()[1]))


torch_ratio = in_torch(RARE) / in_torch(1.0)
keras_ratio = in_keras(RARE) / in_keras(1.0)
print(f"one sample, weight {RARE:g} against 1: the gradient is {torch_ratio:.4g} times as long in PyTorch,")
print(f"  {keras_ratio:.4g} times in Keras")
if abs(torch_ratio - 1) > 1e-5 or abs(keras_ratio - RARE) > 1e-3:
    sys.exit("this has changed")
PYTHON
KERAS_BACKEND=torch "$folder/venv/bin/python" "$folder/weights.py"
