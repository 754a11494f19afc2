#!/usr/bin/env bash
# One would guess: a PNG with 16 bits a channel that is converted to 8 bits, as loaders of image folders do with
# `convert("RGB")`, keeps its brightness: level 30000 of 65535 becomes 117 of 255, in grey and in colour.
# What happens: it does for colour, whose low byte is dropped when the file is opened. A grey picture is opened as mode
# `I;16`, and its conversion cuts every level above 255 off: almost all of a scan or a medical picture becomes white.
# There is no warning.
# Source: Pillow 13.0.0, PngImagePlugin.py (modes by bit depth), libImaging/Convert.c (I;16 to L: values above 255 are 255).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pillow==13.0.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import io
import struct
import sys
import zlib

import numpy as np
from PIL import Image

LEVELS = [20, 200, 300, 30000, 65535]


def png(colour, samples):
    """A picture of one row with 16 bits a channel; colour type 0 is grey, 2 is RGB."""
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    row = b"\0" + struct.pack(f">{len(samples)}H", *samples)
    head = struct.pack(">IIBBBBB", len(LEVELS), 1, 16, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b"")


def loaded(file):
    picture = Image.open(io.BytesIO(file))
    return picture.mode, np.asarray(picture.convert("RGB"))[0, :, 0].tolist()


grey, colour = loaded(png(0, LEVELS)), loaded(png(2, [x for x in LEVELS for _ in range(3)]))
print("levels of 65535:   ", LEVELS)
print(f"grey, {grey[0]}:      ", grey[1])
print(f"colour, {colour[0]}:     ", colour[1])
if grey != ("I;16", [20, 200, 255, 255, 255]) or colour != ("RGB", [0, 0, 1, 117, 255]):
    sys.exit("this has changed")
PYTHON
