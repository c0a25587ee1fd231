"""Peak memory of a forward and backward pass against torch.nn, for the two largest shapes."""

from __future__ import annotations

import importlib
import statistics

from benchmarks._layers import CELLS, Shape, both_ways
from benchmarks._machine import alone, thread_counts
from benchmarks._process import STATUS, memory_peak
from benchmarks._table import Table, verdict

SHAPES = (Shape(64, 100, 256, 256, 2), Shape(64, 128, 512, 512, 2))
LIBRARIES = ("elman.nn", "torch.nn")
ROUNDS = 3


def main() -> bool:
    """Print the peaks; True if ours is nowhere above torch's."""
    if not STATUS.exists():
        print("the peaks are read from Linux's /proc, which is not here")
        return False
    threads = thread_counts()[-1]
    print(f"MiB that a fresh process grows by: layer, input, two passes; median of {ROUNDS}, {threads} thread(s)")
    table = Table({"B×T×I→H": "<25", "cell": "<4", "ours": ">7.1f", "torch": ">7.1f", "ratio": ">5.2f", "": "<6"})
    met = True
    for shape in SHAPES:
        for cell in CELLS:
            peaks = [[alone(threads, peak, library, cell, shape) for library in LIBRARIES] for _ in range(ROUNDS)]
            ours, theirs = map(statistics.median, zip(*peaks, strict=True))
            table.row(str(shape), cell, ours, theirs, ours / theirs, verdict(ours <= theirs))
            met &= ours <= theirs
    return met


def peak(library: str, cell: str, shape: Shape) -> float:
    """MiB of this process, once all is imported and small layers have been run."""
    make = getattr(importlib.import_module(library), cell)

    def passes(shape: Shape) -> None:
        run = both_ways(make(*shape.sizes), *shape.data())
        for _ in range(2):
            run()

    passes(Shape(8, 4, 16, 16, shape.num_layers))
    return memory_peak(lambda: passes(shape))
