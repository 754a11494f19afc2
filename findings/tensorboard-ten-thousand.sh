#!/usr/bin/env bash
# One would guess: TensorBoard's own reader, EventAccumulator, returns all points of a scalar that an event file holds,
# or the newest ones; and after a restart from a checkpoint the later values replace the earlier ones of the same steps.
# What happens: it keeps a random sample of 10,000 points per tag, always including the last one, so steps are missing
# all along the curve (size_guidance={"scalars": 0} keeps all). And steps that were logged twice are all returned, in
# the order of the files: 10 steps restarted from step 5 give 15 points whose steps go backwards once.
# Seen with tensorboard 2.21.0 and tensorboardX 2.6.5 as the writer; source:
# tensorboard/backend/event_processing/event_accumulator.py (DEFAULT_SIZE_GUIDANCE) and reservoir.py.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q --disable-pip-version-check tensorboardX==2.6.5 tensorboard==2.21.0 "setuptools<81"
"$dir/venv/bin/python" - "$dir" <<'PY' 2>/dev/null
import sys, time
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboardX import SummaryWriter

def write(log, steps):
    with SummaryWriter(log) as writer:
        for step in steps:
            writer.add_scalar("loss", step, step)

def steps(log, **options):
    events = EventAccumulator(log, **options)
    events.Reload()
    return [point.step for point in events.Scalars("loss")]

long = sys.argv[1] + "/long"
write(long, range(12_000))
kept, whole = steps(long), steps(long, size_guidance={"scalars": 0})
missing = sorted(set(range(12_000)) - set(kept))
print(f"12,000 points: {len(kept)} kept by default, {len(whole)} with size_guidance 0; "
      f"missing ones from step {missing[0]} to {missing[-1]}, the last kept is {kept[-1]}")
assert len(kept) == 10_000 and len(whole) == 12_000 and kept[-1] == 11_999
assert missing[-1] - missing[0] > 8_000, "the behaviour has changed"

again = sys.argv[1] + "/again"
write(again, range(10))
time.sleep(1.1)
write(again, range(5, 10))
print("restarted from step 5:", steps(again))
assert steps(again) == [*range(10), *range(5, 10)], "the behaviour has changed"
PY
