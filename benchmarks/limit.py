"""How close a large layer comes to the peak arithmetic rate, forward and backward; where the rest of its time goes."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping

import numpy as np
import torch

import elman.nn
from benchmarks import interleaved
from benchmarks._layers import CELLS, Shape, agree, both_ways
from benchmarks._machine import alone, fma_limit, thread_counts
from benchmarks._table import Table, verdict
from elman.recurrence.backends import native

SHAPE = Shape(64, 128, 512, 512, 2)
ROUNDS, SECONDS, SHARE = 5, 2.0, 0.02
FORWARD, BOTH = 0.8, 0.7  # of the limit of the threads used
ACTIVATIONS = {"GRU": ("sigmoid", "sigmoid", "tanh"), "RNN": ("tanh",), "LSTM": ("sigmoid",) * 3 + ("tanh",) * 2}


def main() -> bool:
    """Print shares of the limit and where the rest goes; True if every bar is met."""
    print(f"{SHAPE}, float32; medians over interleaved rounds, which the limit is measured in too")
    met = [alone(threads, measure, threads) for threads in thread_counts()]
    return all(met)


def measure(threads: int) -> bool:
    """On as many threads as this process has."""
    print(f"\n{threads} thread{'s' if threads > 1 else ''}")
    table = Table(
        {"cell": "<4", "": "<24", "ms": ">9.2f", "GFLOP/s": ">8.1f", "limit": ">8.1f", "share": ">6.1%", "bar": ">9"}
    )
    met = True
    parts: dict[str, dict[str, float]] = {}
    for cell in CELLS:
        times, limit = _times(cell, threads)
        forward, backward = SHAPE.flops(cell)
        for name, flops, bar in (
            ("forward, inference", forward, FORWARD),
            ("forward, training", forward, None),
            ("forward and backward", forward + backward, BOTH),
        ):
            rate = flops / times[name] / 1e9
            passed = bar is None or rate / limit >= bar
            met &= passed
            note = None if bar is None else f"{bar:.0%} {verdict(passed)}"
            table.row(cell, name, times[name] * 1e3, rate, limit, rate / limit, note)
        parts[cell] = where(cell, times, limit, threads)
    print("\nwhere the time of forward and backward goes")
    table = Table({"": "<66", **dict.fromkeys(CELLS, ">6.1%")})
    for name in parts[CELLS[0]]:
        table.row(name, *(parts[cell][name] for cell in CELLS))
    return met


def _times(cell: str, threads: int) -> tuple[dict[str, float], float]:
    """Seconds of passes and of the small ones that show single costs, and the limit in GFLOP/s."""
    torch.manual_seed(0)
    runs: dict[str, Callable[[], object]] = {"forward and backward": _check(cell)}
    layer = getattr(elman.nn, cell)(*SHAPE.sizes)
    x, _ = SHAPE.data()
    runs |= {"forward, inference": torch.no_grad()(lambda: layer(x)), "forward, training": lambda: layer(x)}
    for name, small in (("one step", _one_step(SHAPE)), ("one value", Shape(1, 1, 1, 1, SHAPE.num_layers))):
        runs[name] = both_ways(getattr(elman.nn, cell)(*small.sizes), *small.data())
    limits: list[float] = []
    runs["limit"] = lambda: limits.append(fma_limit(threads))
    seconds = interleaved(runs, ROUNDS, seconds=SECONDS, share=SHARE)
    return {name: statistics.median(values) for name, values in seconds.items()}, statistics.median(limits)


def _check(cell: str) -> Callable[[], object]:
    """The pass to be timed, after its values have been compared with torch's."""
    theirs, ours = getattr(torch.nn, cell)(*SHAPE.sizes), getattr(elman.nn, cell)(*SHAPE.sizes)
    ours.load_state_dict(theirs.state_dict())
    x, gradient = SHAPE.data()
    run = both_ways(ours, x, gradient)
    agree(f"{SHAPE} {cell}", run(), both_ways(theirs, x, gradient)())
    return run


def _one_step(shape: Shape) -> Shape:
    return Shape(shape.batch, 1, shape.input_size, shape.hidden_size, shape.num_layers)


def where(cell: str, times: Mapping[str, float], limit: float, threads: int) -> dict[str, float]:
    """Shares of the time of a forward and backward pass, from outside: from passes that differ in one thing."""
    whole = times["forward and backward"]
    step, elements = _one_step(SHAPE), SHAPE.steps * SHAPE.batch * SHAPE.hidden_size * SHAPE.num_layers
    seconds = {
        "products, at the limit": sum(SHAPE.flops(cell)) / limit / 1e9,
        "sigmoid and tanh of the gates, from the first cache": elements / threads * _activations(cell),
        "kept for backward (forward in training, less that in inference)": times["forward, training"]
        - times["forward, inference"],
        "once a call (a call of one step, less its products and calling)": times["one step"]
        - times["one value"]
        - sum(step.flops(cell)) / limit / 1e9,
        "calling: Python and autograd (a call of one value)": times["one value"],
    }
    seconds["the rest: products below the limit, gates, memory"] = whole - sum(seconds.values())
    return {name: value / whole for name, value in seconds.items()}


def _activations(cell: str) -> float:
    """Seconds of all that one element of a state takes, one thread, on a block that stays in the first cache."""
    core = native()
    if core is None:
        return math.nan
    x = np.linspace(-4, 4, 2048, dtype=np.float32)
    out = np.empty_like(x)
    runs = {name: lambda name=name: getattr(core, name)(x, out) for name in set(ACTIVATIONS[cell])}
    seconds = interleaved(runs, 9, share=0.001)
    return sum(statistics.median(seconds[name]) for name in ACTIVATIONS[cell]) / x.size
