# Writes muon_prodigy.json: steps of torch.optim.Muon (PyTorch 2.15.0, CPU) and prodigyopt 1.1.2, in float32.
# pip install torch==2.15.0 prodigyopt==1.1.2; python muon_prodigy.py > muon_prodigy.json
import json

import torch
from prodigyopt import Prodigy

def gradient(t, i, k):
    # Multiples of 1/16, exact in any format.
    return ((7 * i + 5 * t * (k + 1) + i * i * (t + 2)) % 33 - 16) / 16

def path(make, shape, steps):
    size = shape[0] * shape[1]
    p = torch.tensor([(3 * i % 17 - 8) / 8 for i in range(size)]).reshape(shape).requires_grad_()
    optimizer, out = make([p]), []
    for t in range(1, steps + 1):
        p.grad = torch.tensor([gradient(t, i, size) for i in range(size)]).reshape(shape)
        optimizer.step()
        # Nine digits are enough to read the same float32 back.
        out.append([float(f"{x:.9g}") for x in p.detach().flatten().tolist()])
    return out

cases = []
for shape in [(3, 2), (2, 5), (4, 4)]:
    for fn in ["original", "match_rms_adamw", "spectral_unclamped"]:
        for nesterov in [True, False]:
            make = lambda ps: torch.optim.Muon(ps, lr=0.02, weight_decay=0.1, momentum=0.9, nesterov=nesterov, adjust_lr_fn=fn)
            cases.append({"optimizer": "Muon", "shape": shape, "adjust_lr_fn": fn, "nesterov": nesterov, "params": path(make, shape, 4)})
for correction in [False, True]:
    make = lambda ps: Prodigy(ps, lr=1.0, weight_decay=0.0, use_bias_correction=correction)
    cases.append({"optimizer": "Prodigy", "shape": (3, 2), "bias_correction": correction, "params": path(make, (3, 2), 10)})
print("[\n " + ",\n ".join(json.dumps(case) for case in cases) + "\n]")
