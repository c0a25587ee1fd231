"""Forward and backward of a long sequence whose last step alone counts: the gradient fades on its way back."""

from __future__ import annotations

import statistics

import torch

import elman.nn
from benchmarks import interleaved, median_ratio
from benchmarks._layers import CELLS, Shape, agree, both_ways
from benchmarks._machine import alone
from benchmarks._table import Table, verdict

SHAPES = (Shape(64, 784, 1, 128), Shape(32, 500, 16, 64))
ROUNDS, BAR = 5, 1.2  # times as long as where all steps count
COLUMNS = {
    "B×T×I→H": "<25",
    "cell": "<4",
    "ours ms": ">9.2f",
    "all steps": ">9.2f",
    "ratio": ">6.2f",
    "bar": ">4.1f",
    "": "<6",
    "torch ms": ">9.1f",
    "× torch": ">7.2f",
}


def main() -> bool:
    """Print times and ratios; True if no cell takes longer than its bar."""
    print("float32, one thread, medians over interleaved rounds; all steps: the same pass where each step counts")
    return alone(1, measure)


def measure() -> bool:
    """All rows, on the one thread that this process has."""
    table, met = Table(COLUMNS), True
    for shape in SHAPES:
        for cell in CELLS:
            torch.manual_seed(0)
            theirs, ours = getattr(torch.nn, cell)(*shape.sizes), getattr(elman.nn, cell)(*shape.sizes)
            ours.load_state_dict(theirs.state_dict())
            x, gradient = shape.data()
            last = torch.zeros_like(gradient)
            last[-1] = gradient[-1]
            runs = {
                "torch": both_ways(theirs, x, last),
                "ours": both_ways(ours, x, last),
                "all steps": both_ways(ours, x, gradient),
            }
            agree(f"{shape} {cell}", runs["ours"](), runs["torch"]())
            seconds = interleaved(runs, ROUNDS)
            ms = {name: statistics.median(values) * 1e3 for name, values in seconds.items()}
            ratio = median_ratio(seconds, "ours", "all steps")
            good = ratio <= BAR
            over_torch = median_ratio(seconds, "torch", "ours")
            table.row(str(shape), cell, ms["ours"], ms["all steps"], ratio, BAR, verdict(good), ms["torch"], over_torch)
            met &= good
    return met
