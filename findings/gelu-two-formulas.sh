#!/usr/bin/env bash
# One would guess: "GELU" without settings is one function, so that weights trained with it in JAX give the same numbers
# in Keras, PyTorch or ONNX Runtime.
# What happens: jax.nn.gelu is the tanh approximation unless approximate=False is given; keras.activations.gelu (also on
# the JAX backend), torch.nn.GELU and ONNX's Gelu are exact by default. The two differ by up to 4.7e-4 per activation,
# near |x| = 2.7: a thousand times the rounding error of single precision, without any error message.
# Seen with jax 0.10.2, keras 3.15.1; source: jax/_src/nn/functions.py (gelu), keras/src/activations/activations.py.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check jax==0.10.2 jaxlib==0.10.2 keras==3.15.1
JAX_PLATFORMS=cpu KERAS_BACKEND=jax "$dir/venv/bin/python" - <<'PY' 2>/dev/null
import jax
import keras
import numpy as np

x = np.linspace(-6, 6, 12_001).astype("float32")
by_jax, exact = np.asarray(jax.nn.gelu(x)), np.asarray(jax.nn.gelu(x, approximate=False))
by_keras = np.asarray(keras.activations.gelu(x))
off, at = np.abs(by_jax - by_keras).max(), abs(x[np.abs(by_jax - by_keras).argmax()])
print(f"jax.nn.gelu against keras.activations.gelu: {off:.2e} at |x| = {at:.2f}")
print(f"jax.nn.gelu(approximate=False) against keras: {np.abs(exact - by_keras).max():.2e}")
assert 4e-4 < off < 6e-4 and np.abs(exact - by_keras).max() < 1e-6, "the behaviour has changed"
PY
