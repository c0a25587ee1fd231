"""A model file of format 2, made by hand, and the answer that every elman must get from it."""

from __future__ import annotations

import json
import math
import struct

import numpy as np

from elman.model import LastStep, Linear, PointHead, RecurrentLayers
from elman.recurrence import Layout

# A file of format 2, once and for all: every later elman that reads this format gets these answers from it.
DIGEST = "e7bba8bd99ba4f437736941d884287fadd25f297003b53360bd59f8b2e5cb615"
DESCRIPTION = (
    '{"digest": "' + DIGEST + '", "elman": "0.1.0", "encoding": {"names": ["café"], "scale": 2.0}, "format": 2, '
    '"layers": [{"bias": true, "bidirectional": false, "cell": "gru", "hidden_size": 1, "input_size": 1, '
    '"kind": "recurrent", "layer_norm": false, "num_layers": 1, "proj_size": 0, "zoneout": []}, '
    '{"bidirectional": false, "kind": "last"}, {"input_size": 1, "kind": "linear", "output_size": 2}, '
    '{"kind": "point", "loss": "mse", "size": 2}], "task": "forecast"}'
)
LAYERS = (RecurrentLayers(Layout("gru", 1, 1)), LastStep(), Linear(1, 2), PointHead("mse", 2))
ARRAYS = {
    "0.bias_hh_l0": [-0.75, -0.5, -0.25],
    "0.bias_ih_l0": [0.0, 0.25, 0.5],
    "0.weight_hh_l0": [[0.75], [-0.75], [-0.5]],
    "0.weight_ih_l0": [[-0.25], [0.0], [0.25]],
    "2.bias": [0.5, 0.75],
    "2.weight": [[-0.75], [-0.5]],
}
VALUES = [-3.0, -2.0, 0.0]


def golden_bytes() -> bytes:
    header: dict = {"__metadata__": {"elman": DESCRIPTION}}
    body = b""
    for name, values in ARRAYS.items():
        array = np.array(values, "<f4")
        header[name] = {"dtype": "F32", "shape": array.shape, "data_offsets": [len(body), len(body) + array.nbytes]}
        body += array.tobytes()
    text = json.dumps(header, ensure_ascii=False).encode()
    return struct.pack("<Q", len(text)) + text + body


def golden_answer() -> list[float]:
    """By hand, in float64: a GRU of one unit over ``VALUES``."""

    def sigmoid(a):
        return 1 / (1 + math.exp(-a))

    h = 0.0
    for x in VALUES:
        r = sigmoid(-0.25 * x + 0.0 + 0.75 * h - 0.75)
        z = sigmoid(0.0 * x + 0.25 - 0.75 * h - 0.5)
        n = math.tanh(0.25 * x + 0.5 + r * (-0.5 * h - 0.25))
        h = (1 - z) * n + z * h
    return [weight * h + bias for weight, bias in ((-0.75, 0.5), (-0.5, 0.75))]


def parts(content: bytes) -> tuple[dict, bytes]:
    """Header and body, read as the format's document says, without the library."""
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


GOLDEN = golden_bytes()
