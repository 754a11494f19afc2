#!/usr/bin/env bash
# One would guess: SGD with momentum takes the same steps in Keras and in Optax for the same rates, so that a rate which
# drops tenfold makes the next step about ten times as small in both.
# What happens: Keras multiplies the gradient by the rate before it enters the velocity, so that the velocity contains
# the past rates: after the drop its steps shrink by the momentum factor only (0.9 per step). Optax, like PyTorch,
# accumulates plain gradients and multiplies by the present rate, so that its next step is about a tenth as large. With
# a constant rate both are the same, which hides it.
# Sources: keras/src/optimizers/sgd.py (keras 3.15.1, update_step), optax/_src/transform.py (optax 0.2.8, trace, then
# scale).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check keras==3.15.1 optax==0.2.8 "jax[cpu]==0.10.2"
KERAS_BACKEND=jax "$folder/venv/bin/python" - <<'PYTHON'
import jax.numpy as jnp
import keras
import optax

# One weight, the gradient 1 at every step; the rate drops from 0.1 to 0.01 before step 21.
STEPS, DROP = 22, 20
rate = lambda step: 0.1 if step < DROP else 0.01

weight = keras.Variable([0.0])
sgd = keras.optimizers.SGD(learning_rate=0.1, momentum=0.9)
sgd.build([weight])
in_keras = []
for step in range(STEPS):
    sgd.learning_rate = rate(step)
    before = float(weight.value[0])
    sgd.apply_gradients([(jnp.ones(1), weight)])
    in_keras.append(before - float(weight.value[0]))

chain = optax.sgd(lambda step: jnp.where(step < DROP, 0.1, 0.01), momentum=0.9)
params = jnp.zeros(1)
state = chain.init(params)
in_optax = []
for step in range(STEPS):
    update, state = chain.update(jnp.ones(1), state, params)
    in_optax.append(-float(update[0]))

for name, steps in (("keras", in_keras), ("optax", in_optax)):
    words = ", ".join(f"{s:.4f}" for s in steps[DROP - 2:])
    print(f"{name}: lengths of the two steps before the drop and the two after it: {words}")
assert all(abs(a - b) < 1e-5 for a, b in zip(in_keras[:DROP], in_optax[:DROP])), "not the same before the drop"
shrinks = in_keras[DROP] / in_keras[DROP - 1], in_optax[DROP] / in_optax[DROP - 1]
print(f"the first step after the drop is {shrinks[0]:.3f} of the one before in keras, {shrinks[1]:.3f} in optax")
assert 0.88 < shrinks[0] < 0.95 and 0.09 < shrinks[1] < 0.12, "this has changed"
PYTHON
