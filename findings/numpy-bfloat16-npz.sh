#!/usr/bin/env bash
# One would guess: a bfloat16 array (the package ml_dtypes, as JAX uses it) that numpy.savez has written comes back as
# bfloat16, or at least that .astype("float32") converts it to numbers.
# What happens: the header says only "two bytes of anything" (|V2). Even with ml_dtypes imported the array comes back as
# raw bytes, and .astype("float32") raises a ValueError. A view as bfloat16 has to come first.
# Seen with numpy 2.4.6 and ml_dtypes 0.6.0; source: numpy/lib/_format_impl.py, dtype_to_descr, which writes dtype.str.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check ml_dtypes==0.6.0 numpy==2.4.6
"$dir/venv/bin/python" - "$dir" <<'PY'
import sys
import ml_dtypes
import numpy as np

path = sys.argv[1] + "/weights.npz"
np.savez(path, w=np.array([1.5, -2.25], dtype=ml_dtypes.bfloat16))
back = np.load(path)["w"]
print("loaded:", back.dtype, back)
assert back.dtype.str == "|V2", "the behaviour has changed"
try:
    back.astype("float32")
    raise SystemExit("astype works now: the behaviour has changed")
except ValueError as error:
    print("astype('float32'):", error)
numbers = back.view(ml_dtypes.bfloat16).astype("float32")
print("view(bfloat16).astype('float32'):", numbers)
assert numbers.tolist() == [1.5, -2.25]
PY
