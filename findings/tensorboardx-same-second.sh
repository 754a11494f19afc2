#!/usr/bin/env bash
# One would guess: two tensorboardX writers on one log directory make two event files, as torch.utils.tensorboard does,
# whose file names hold a process number and a counter; and a tag keeps its spaces, as it does there.
# What happens: the name of the file is the second and the host. Two writers of the same second open the same file, the
# second one truncates it, and everything that the first has logged is lost silently. Spaces in tags become `_`.
# Seen with tensorboardX 2.6.5, read with tensorboard 2.21.0; source: tensorboardX/event_file_writer.py (the name),
# record_writer.py (opened with "wb") and summary.py (_clean_tag).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check tensorboardX==2.6.5 tensorboard==2.21.0 "setuptools<81"
"$dir/venv/bin/python" - "$dir" <<'PY' 2>/dev/null
import os, sys, time
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboardX import SummaryWriter

def tags(log):
    events = EventAccumulator(log)
    events.Reload()
    return sorted(events.Tags()["scalars"])

log = sys.argv[1] + "/one-second"
while time.time() % 1 > 0.2:
    time.sleep(0.01)
first, second = SummaryWriter(log), SummaryWriter(log)
for step in range(3):
    first.add_scalar("train loss", step, step)
    second.add_scalar("val loss", step, step)
first.close()
second.close()
files = os.listdir(log)
print("files of two writers:", len(files), "tags in them:", tags(log))
assert len(files) == 1 and tags(log) == ["val_loss"], "the behaviour has changed"
PY
