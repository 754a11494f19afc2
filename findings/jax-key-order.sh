#!/usr/bin/env bash
# One would guess: the leaves of a JAX tree of parameters come in the order in which the dict was filled, as in Python's
# own dicts, so that per-layer gradient norms are in the order of the layers.
# What happens: JAX sorts the keys of a dict as texts. Dense_10 comes before Dense_2, bias before kernel, and norms that
# are zipped with names in the order of building belong to other layers, without an error: twelve layers, ten
# mismatched. An OrderedDict keeps its order. Remedy: take the names from tree_flatten_with_path, and sort by the number
# in them.
# Seen with jax 0.10.2; source: jaxlib/pytree.cc (keys of dict nodes are sorted), jax/_src/tree_util.py.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check jax==0.10.2 jaxlib==0.10.2
JAX_PLATFORMS=cpu "$dir/venv/bin/python" - <<'PY'
from collections import OrderedDict
import jax
import jax.numpy as jnp

names = [f"Dense_{i}" for i in range(12)]
grads = {name: {"kernel": jnp.full(1, float(i)), "bias": jnp.zeros(1)} for i, name in enumerate(names)}
norms = jax.tree.map(jnp.linalg.norm, grads)
kernels = [float(leaf) for leaf in jax.tree.leaves(norms)][1::2]
wrong = [name for name, (i, norm) in zip(names, enumerate(kernels)) if norm != i]
order = [path[0].key for path, _ in jax.tree_util.tree_flatten_with_path(grads)[0]][::2]
print("order of the leaves:", *order)
print(len(wrong), "of 12 norms zipped with the names in the order of building belong to another layer")
assert order == sorted(names) and len(wrong) == 10, "the behaviour has changed"
kept = jax.tree.leaves(OrderedDict((name, i) for i, name in enumerate(names)))
print("of an OrderedDict:", kept)
assert kept == list(range(12)), "the behaviour has changed"
PY
