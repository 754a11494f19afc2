#!/usr/bin/env bash
# One would guess: safetensors.numpy.save_file writes the numbers of an array in the order of its shape, whatever the
# array's strides, as numpy.save does, or refuses an array that is not contiguous, as safetensors.torch does.
# What happens: it writes the array's memory in its present order, with the array's shape. A transposed array comes back
# with the right shape and the wrong numbers; a strided view comes back with numbers that it does not even contain.
# Remedy: numpy.ascontiguousarray before saving.
# Seen with safetensors 0.8.0 and numpy 2.4.6; source: safetensors/numpy.py, _flatten, which passes on the address of
# the array's first number and the number of bytes, but no strides (safetensors/torch.py checks is_contiguous).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6
"$dir/venv/bin/python" - "$dir" <<'PY'
import sys
import numpy as np
from safetensors.numpy import load_file, save_file

path = sys.argv[1] + "/weights.safetensors"
matrix = np.arange(6, dtype=np.float32).reshape(2, 3)
for name, array in [("transposed", matrix.T), ("every second column", matrix[:, ::2]), ("contiguous", matrix)]:
    save_file({"w": array}, path)
    back = load_file(path)["w"]
    print(f"{name}: saved {array.tolist()}, loaded {back.tolist()}")
    same = np.array_equal(array, back)
    assert back.shape == array.shape and same == (name == "contiguous"), "the behaviour has changed"
PY
