"""One step at batch 1, from NumPy to NumPy without torch, beside onnxruntime and the cache's limit."""

from __future__ import annotations

import importlib.util
import statistics
import sys
import time
from collections.abc import Callable, Mapping

import numpy as np

from benchmarks import _onnx
from benchmarks._machine import alone
from benchmarks._table import Table, verdict
from elman import kernels
from elman.backends import native
from elman.recurrence import Layout

SIZES = (8, 16, 32, 64, 128, 256, 512)
BARS = {("gru", 64): 1 / 3, ("gru", 256): 1 / 2}  # of onnxruntime's time
ROUNDS, CALLS, WARM = 50, 100, 10
TOLERANCE = 1e-5  # of outputs after a hundred steps


def main() -> bool:
    """Print percentiles and ratios; True if both bars are met."""
    missing = [name for name in ("onnx", "onnxruntime") if importlib.util.find_spec(name) is None]
    if missing:
        print(f"{' and '.join(missing)} not here to be compared with: pip install 'elman[bench]'")
        return False
    print(f"microseconds a call; input and hidden size H, one thread; {ROUNDS} interleaved rounds of {CALLS} calls")
    print("ratio: of a round's medians, the median; cache: bytes of the weights over the bandwidth of reading as many")
    return alone(1, measure)


def measure() -> bool:
    """Both cells at all sizes, on the one thread that this process has."""
    percentiles = ("ours p50", "ours p99", "onnx p50", "onnx p99")
    columns = {"cell": "<4", "H": ">3d", **dict.fromkeys(percentiles, ">8.2f"), "ratio": ">5.2f", "bar": ">4.2f"}
    table = Table({**columns, "": "<6", "cache": ">6.2f", "KiB": ">6.0f", "GB/s": ">6.0f"})
    met = [_row(table, cell, size) for cell in ("gru", "lstm") for size in SIZES]
    assert "torch" not in sys.modules, "this is to be measured without torch"
    return all(met)


def _row(table: Table, cell: str, size: int) -> bool:
    layout = Layout(cell, size, size)
    random = np.random.default_rng(0)
    weights = {
        name: random.uniform(-1, 1, shape).astype(np.float32) / np.sqrt(size, dtype=np.float32)
        for name, shape in layout.shapes().items()
    }
    x = random.normal(size=size).astype(np.float32)
    runs = {"ours": _ours(layout, weights, x), "onnx": _theirs(layout, weights, x)}
    for _ in range(CALLS):
        found, expected = (run() for run in runs.values())
        if not np.abs(found.ravel() - expected.ravel()).max() <= TOLERANCE:
            raise AssertionError(f"{cell} {size}: a step's output is not that of onnxruntime")

    calls = _interleaved(runs)
    ratio = statistics.median(np.median(calls["ours"], 1) / np.median(calls["onnx"], 1))
    bar = BARS.get((cell, size))
    met = bar is None or ratio <= bar
    figures = [np.percentile(calls[name], p) for name in runs for p in (50, 99)]
    size_in_bytes = sum(array.nbytes for array in weights.values())
    bandwidth = native().read_bandwidth(size_in_bytes, 0.05)
    cache = size_in_bytes / bandwidth / 1e3
    note = None if bar is None else verdict(met)
    table.row(cell, size, *figures, ratio, bar, note, cache, size_in_bytes / 1024, bandwidth)
    return met


def _ours(layout: Layout, weights: Mapping[str, np.ndarray], x: np.ndarray) -> Callable[[], np.ndarray]:
    stepper = kernels.Stepper(layout, weights)
    states = tuple(np.zeros((1, size), np.float32) for size in layout.state_sizes)

    def run() -> np.ndarray:
        nonlocal states
        y: np.ndarray
        y, states = stepper.step(x, states)
        return y

    return run


def _theirs(layout: Layout, weights: Mapping[str, np.ndarray], x: np.ndarray) -> Callable[[], np.ndarray]:
    session = _onnx.session(layout.cell, weights)
    zeros = [np.zeros((1, 1, size), np.float32) for size in layout.state_sizes]
    names = ["h", "c"][: len(zeros)]
    feed = {"x": x[None, None], **dict(zip(names, zeros, strict=True))}

    def run() -> np.ndarray:
        states: list[np.ndarray] = session.run(None, feed)
        feed.update(zip(names, states, strict=True))
        return states[0]

    return run


def _interleaved(runs: Mapping[str, Callable[[], object]]) -> dict[str, np.ndarray]:
    """Microseconds of every call, (rounds, calls); those at the head of a block are not counted."""
    clock = time.perf_counter_ns
    taken: dict[str, list[list[int]]] = {name: [] for name in runs}
    for k in range(ROUNDS):
        for name in list(runs)[:: 1 if k % 2 else -1]:
            run, block = runs[name], []
            for _ in range(WARM):
                run()
            for _ in range(CALLS):
                start = clock()
                run()
                block.append(clock() - start)
            taken[name].append(block)
    return {name: np.array(blocks) / 1e3 for name, blocks in taken.items()}
