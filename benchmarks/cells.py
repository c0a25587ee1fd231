"""The other cells' forward and backward passes, each against the GRU or the LSTM; one thread."""

from __future__ import annotations

import statistics
from typing import NamedTuple

import torch

import elman
from benchmarks import interleaved, median_ratio
from benchmarks._layers import Pass, Shape, agree, both_ways
from benchmarks._machine import alone
from benchmarks._table import Table, verdict
from elman.nn import Recurrent

SHAPES = (Shape(64, 100, 256, 256, 2), Shape(128, 28, 28, 128, 2))
ROUNDS, SECONDS, SHARE = 8, 4.0, 0.01


class Peer(NamedTuple):
    """Whose time is compared with, and the bar as a multiple of it at the first shape."""

    cell: str
    bar: float


PEERS = {
    "ugrnn": Peer("gru", 0.8),
    "mingru": Peer("gru", 0.5),
    "minlstm": Peer("lstm", 0.6),
    "lem": Peer("lstm", 1.5),
    "slstm": Peer("lstm", 1.3),
}


def main() -> bool:
    """Print times and ratios; True if every cell is within its bar at the first shape."""
    print("forward and backward in training, float32, one thread; medians over interleaved rounds")
    return alone(1, measure)


def measure() -> bool:
    """All cells, on the one thread that this process has."""
    table = Table(
        {"B×T×I→H": "<25", "cell": "<8", "ms": ">8.2f", "peer": "<5", "× peer": ">7.2f", "bar": ">3.1f", "": "<6"}
    )
    met = True
    for shape in SHAPES:
        runs = {cell: _checked(shape, cell) for cell in ("gru", "lstm", *PEERS)}
        seconds = interleaved(runs, ROUNDS, seconds=SECONDS, share=SHARE)
        ms = {cell: statistics.median(values) * 1e3 for cell, values in seconds.items()}
        for cell in ("gru", "lstm"):
            table.row(str(shape), cell, ms[cell], *[None] * 4)
        for cell, peer in PEERS.items():
            ratio, counts = median_ratio(seconds, cell, peer.cell), shape == SHAPES[0]
            bar = (peer.bar, verdict(ratio <= peer.bar)) if counts else (None, None)
            table.row(str(shape), cell, ms[cell], peer.cell, ratio, *bar)
            met &= ratio <= peer.bar or not counts
    return met


def _checked(shape: Shape, cell: str) -> Pass:
    """The pass to be timed, after its values over a few steps have been compared with the reference's."""
    torch.manual_seed(0)
    layer, (x, gradient) = Recurrent(cell, *shape.sizes), shape.data()
    short = both_ways(layer, x[:10], gradient[:10])
    found = short()
    with elman.use_backend("reference"):
        agree(f"{shape} {cell}", found, short())
    return both_ways(layer, x, gradient)
