"""The cost of options: zoneout, recurrent dropout, layer norm, peepholes, reset before; against no option."""

from __future__ import annotations

import statistics

import torch

import elman
import elman.nn
from benchmarks import interleaved, median_ratio
from benchmarks._layers import CELLS, Pass, Shape, agree, both_ways
from benchmarks._machine import alone
from benchmarks._table import Table, verdict

SHAPES = (Shape(64, 100, 256, 256, 2), Shape(128, 28, 28, 128, 2))
ROUNDS, SECONDS, SHARE = 5, 3.0, 0.01
# option → its setting, and its bar as a multiple of the time without it
OPTIONS: dict[str, tuple[dict[str, object], float]] = {
    "zoneout": ({"zoneout": 0.1}, 1.2),
    "recurrent dropout": ({"recurrent_dropout": 0.25}, 1.2),
    "layer norm": ({"layer_norm": True}, 1.6),
}
OWN: dict[str, dict[str, tuple[dict[str, object], float]]] = {
    "GRU": {"reset before": ({"reset": "before"}, 1.5)},
    "RNN": {},
    "LSTM": {"peepholes": ({"peephole": True}, 1.2)},
}


def main() -> bool:
    """Print times and ratios; True if every option is within its bar."""
    print("forward and backward in training, float32, one thread; medians over interleaved rounds")
    return alone(1, measure)


def measure() -> bool:
    """All options of all cells, on the one thread that this process has."""
    table = Table(
        {"B×T×I→H": "<25", "cell": "<4", "option": "<17", "ms": ">8.2f", "× plain": ">7.2f", "bar": ">3.1f", "": "<6"}
    )
    met = True
    for shape in SHAPES:
        for cell in CELLS:
            options = OPTIONS | OWN[cell]
            runs = {name: _checked(shape, cell, name, setting) for name, (setting, _) in options.items()}
            runs["plain"] = _checked(shape, cell, "plain", {})
            seconds = interleaved(runs, ROUNDS, seconds=SECONDS, share=SHARE)
            ms = {name: statistics.median(values) * 1e3 for name, values in seconds.items()}
            table.row(str(shape), cell, "plain", ms["plain"], *[None] * 3)
            for name, (_, bar) in options.items():
                ratio = median_ratio(seconds, name, "plain")
                table.row(str(shape), cell, name, ms[name], ratio, bar, verdict(ratio <= bar))
                met &= ratio <= bar
    return met


def _checked(shape: Shape, cell: str, name: str, setting: dict[str, object]) -> Pass:
    """The pass to be timed, after its values have been compared with the reference's on the same random masks.

    They are compared over a few steps: in a normalised LSTM rounding errors grow large over a hundred.
    """
    torch.manual_seed(0)
    layer, (x, gradient) = getattr(elman.nn, cell)(*shape.sizes, **setting), shape.data()
    short = both_ways(layer, x[:10], gradient[:10])
    torch.manual_seed(1)
    found = short()
    torch.manual_seed(1)
    with elman.use_backend("reference"):
        agree(f"{shape} {cell}, {name}", found, short())
    return both_ways(layer, x, gradient)
