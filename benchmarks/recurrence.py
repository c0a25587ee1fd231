"""Forward and backward through a recurrent layer, against torch.nn and a compiled JAX scan; one thread and two."""

from __future__ import annotations

import statistics
from typing import NamedTuple

import torch

import elman.nn
from benchmarks import _jax, geometric_mean, interleaved, median_ratio
from benchmarks._layers import CELLS, Shape, agree, both_ways
from benchmarks._machine import alone, fma_limit, thread_counts
from benchmarks._table import Table, verdict

ROUNDS, SECONDS, SHARE = 5, 2.0, 0.01
# how many times as fast as torch.nn on one thread: GRU, RNN, LSTM
BARS = {
    Shape(32, 4, 1, 20): (4, 3, 2.5),
    Shape(400, 10, 1, 20, 2): (6, 4, 2.5),
    Shape(1, 10, 1, 32): (8, 4, 3),
    Shape(128, 28, 28, 128, 2): (2.2, 2.2, 1.4),
    Shape(1, 1000, 1, 128): (25, 12, 2),
    Shape(1, 100, 256, 256, 2): (7, 5, 1.5),
    Shape(64, 100, 256, 256, 2): (2, 2, 1.1),
    Shape(64, 128, 512, 512, 2): (2, 1.8, 1.0),
}
# on two threads: of each row, and of the geometric means over them
ROW_ON_TWO, MEAN_ON_TWO = 1.0, {"GRU": 3.5, "RNN": 2.6, "LSTM": 1.4}
MEAN_OVER_JAX = 1.5
COLUMNS = {
    "B×T×I→H": "<25",
    "cell": "<4",
    "ours ms": ">9.3f",
    "torch ms": ">9.3f",
    "JAX ms": ">9.3f",
    "× torch": ">6.2f",
    "bar": ">4.1f",
    "": "<6",
    "× JAX": ">6.2f",
    "GFLOP/s": ">7.1f",
    "of limit": ">8.0%",
    "rounds": ">6d",
}


class Row(NamedTuple):
    """How many times as fast as the peers."""

    cell: str
    over_torch: float
    over_jax: float | None
    met: bool


def main() -> bool:
    """Print times, ratios and shares of the arithmetic limit; True if every bar is met."""
    print("float32; medians over interleaved rounds, ratios within a round; JAX has the processors that torch has")
    print("GFLOP/s: two for each multiply-add of the products; limit: that of fused multiply-adds, in the same rounds")
    met, over_jax = True, []
    for threads in thread_counts():
        print(f"\n{threads} thread{'s' if threads > 1 else ''}")
        rows = alone(threads, measure, threads)
        met &= all(row.met for row in rows)
        for cell in CELLS:
            mean = geometric_mean(row.over_torch for row in rows if row.cell == cell)
            bar = MEAN_ON_TWO[cell] if threads == 2 else None
            met &= bar is None or mean >= bar
            note = "" if bar is None else f" (bar {bar}) {verdict(mean >= bar)}"
            print(f"{cell:4} geometric mean {mean:.2f} × torch{note}")
        over_jax += [row.over_jax for row in rows if row.over_jax is not None]
    if not over_jax:
        print("\nJAX is not here to be compared with: pip install 'elman[bench]'")
        return False
    mean = geometric_mean(over_jax)
    faster = mean >= MEAN_OVER_JAX
    print(f"\nover all rows, cells and threads: mean {mean:.2f} × JAX (bar {MEAN_OVER_JAX}) {verdict(faster)}")
    return met and faster


def measure(threads: int) -> list[Row]:
    """All rows, in the process that this is called in."""
    table = Table(COLUMNS)
    return [
        _row(table, threads, shape, cell, bar if threads == 1 else ROW_ON_TWO)
        for shape, bars in BARS.items()
        for cell, bar in zip(CELLS, bars, strict=True)
    ]


def _row(table: Table, threads: int, shape: Shape, cell: str, bar: float) -> Row:
    torch.manual_seed(0)
    theirs, ours = getattr(torch.nn, cell)(*shape.sizes), getattr(elman.nn, cell)(*shape.sizes)
    ours.load_state_dict(theirs.state_dict())
    x, gradient = shape.data()
    runs = {"torch": both_ways(theirs, x, gradient), "ours": both_ways(ours, x, gradient)}
    if _jax.installed():
        runs["jax"] = _jax.both_ways(cell, theirs, x, gradient)
    expected = runs["torch"]()
    for name, run in runs.items():
        agree(f"{shape} {cell}, {name}", run(), expected)
    limits: list[float] = []
    seconds = interleaved(
        {**runs, "limit": lambda: limits.append(fma_limit(threads))}, ROUNDS, seconds=SECONDS, share=SHARE
    )
    times = {name: statistics.median(values) for name, values in seconds.items()}
    over_torch = median_ratio(seconds, "torch", "ours")
    over_jax = median_ratio(seconds, "jax", "ours") if "jax" in runs else None
    rate = sum(shape.flops(cell)) / times["ours"] / 1e9
    jax = times["jax"] * 1e3 if "jax" in runs else None
    ms = (times["ours"] * 1e3, times["torch"] * 1e3, jax)
    share = rate / statistics.median(limits)
    met = over_torch >= bar
    table.row(str(shape), cell, *ms, over_torch, bar, verdict(met), over_jax, rate, share, len(seconds["ours"]))
    return Row(cell, over_torch, over_jax, met)
