#!/usr/bin/env bash
# One would guess: a Keras model holds all its randomness in its variables. `model.non_trainable_variables` lists a
# `seed_generator_state` for every Dropout layer, so putting the variables back repeats the same dropout mask, with every
# backend.
# What happens: that holds on JAX. On PyTorch a Dropout layer without a seed argument ignores its own seed generator: the
# state does not move, and the mask comes from PyTorch's global generator. A callback that runs the model in training mode
# and puts the variables back therefore changes the training that follows. With `Dropout(0.5, seed=1)` the state is used.
# Source: keras/src/backend/torch/random.py (keras 3.15.1, dropout: the branch for a seed generator without initial seed).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check keras==3.15.1 torch==2.15.0 "jax[cpu]==0.10.2"
cat > "$folder/twice.py" <<'PYTHON'
import sys

import keras
import numpy as np


def repeats(seed):
    layer = keras.layers.Dropout(0.5, seed=seed)
    x = np.ones((1, 64), "float32")
    mask = lambda: np.array(keras.ops.convert_to_numpy(layer(x, training=True)))
    before = np.array(keras.ops.convert_to_numpy(layer.seed_generator.state.value))
    first = mask()
    moved = bool((np.array(keras.ops.convert_to_numpy(layer.seed_generator.state.value)) != before).any())
    layer.seed_generator.state.assign(before)
    return moved, bool((mask() == first).all())


for seed in (None, 1):
    moved, same = repeats(seed)
    print(f"{keras.backend.backend()}, seed={seed}: the state moved: {moved}, the same mask after it was put back: {same}")
    own = keras.backend.backend() == "jax" or seed is not None
    if (moved, same) != (own, own):
        sys.exit("this has changed")
PYTHON
for backend in jax torch; do
    KERAS_BACKEND=$backend "$folder/venv/bin/python" "$folder/twice.py"
done
