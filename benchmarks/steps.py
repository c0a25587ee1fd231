"""One step at batch 1, from NumPy to NumPy without torch, against onnxruntime and the cache's bandwidth."""

from __future__ import annotations

import importlib.util
import statistics
import sys
import time
from collections.abc import Callable, Mapping

import numpy as np

from benchmarks import _onnx
from benchmarks._machine import alone, thread_counts
from benchmarks._table import Table, verdict
from elman import kernels
from elman.recurrence import Layout
from elman.recurrence.backends import native

SIZES = (8, 16, 32, 64, 128, 256, 512)
BARS = {("gru", 64): 1 / 3, ("gru", 256): 1 / 2}  # of onnxruntime's time, both on all threads
ROUNDS, CALLS, WARM = 50, 100, 50
SETTLE = 0.03  # seconds, after which a pool's threads sleep; awake they occupy the processors of the other peer
TOLERANCE = 1e-5  # of outputs after a hundred steps


def main() -> bool:
    """Print percentiles and ratios; True if both bars are met on all threads."""
    missing = [name for name in ("onnx", "onnxruntime") if importlib.util.find_spec(name) is None]
    if missing:
        print(f"{' and '.join(missing)} not here to be compared with: pip install 'elman[bench]'")
        return False
    print("microseconds a call, one after another; input and hidden size H")
    print(f"{ROUNDS} rounds, in which each has {CALLS} calls; at two threads each rests before, and no pool is awake")
    print("ratio: of a round's medians, the median")
    print("cache: bytes of a thread's share of the weights over one thread's bandwidth of reading as many")
    counts = thread_counts()
    return [alone(threads, measure, threads, threads == counts[-1]) for threads in counts][-1]


def measure(threads: int, judge: bool) -> bool:
    """Both cells at all sizes, on as many threads as this process has processors."""
    print(f"\nthreads: {threads}, of both")
    percentiles = ("ours p50", "ours p99", "onnx p50", "onnx p99")
    columns = {"cell": "<4", "H": ">3d", **dict.fromkeys(percentiles, ">8.2f"), "ratio": ">5.2f", "bar": ">4.2f"}
    table = Table({**columns, "": "<6", "cache": ">6.2f", "KiB": ">6.0f", "GB/s": ">6.0f"})
    bars = BARS if judge else {}
    met = [_row(table, threads, cell, size, bars.get((cell, size))) for cell in ("gru", "lstm") for size in SIZES]
    assert "torch" not in sys.modules, "this is to be measured without torch"
    return all(met)


def _row(table: Table, threads: int, cell: str, size: int, bar: float | None) -> bool:
    layout = Layout(cell, size, size)
    random = np.random.default_rng(0)
    weights = {
        name: random.uniform(-1, 1, shape).astype(np.float32) / np.sqrt(size, dtype=np.float32)
        for name, shape in layout.shapes().items()
    }
    x = random.normal(size=size).astype(np.float32)
    runs = {"ours": _ours(layout, weights, x), "onnx": _theirs(layout, weights, x, threads)}
    for _ in range(CALLS):
        found, expected = (run() for run in runs.values())
        if not np.abs(found.ravel() - expected.ravel()).max() <= TOLERANCE:
            raise AssertionError(f"{cell} {size}: a step's output is not that of onnxruntime")

    calls = _interleaved(runs, SETTLE if threads > 1 else 0)
    ratio = statistics.median(np.median(calls["ours"], 1) / np.median(calls["onnx"], 1))
    met = bar is None or ratio <= bar
    figures = [np.percentile(calls[name], p) for name in runs for p in (50, 99)]
    size_in_bytes = sum(array.nbytes for array in weights.values())
    bandwidth = native().read_bandwidth(size_in_bytes // threads, 0.05)
    cache = size_in_bytes / threads / bandwidth / 1e3
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


def _theirs(layout: Layout, weights: Mapping[str, np.ndarray], x: np.ndarray, threads: int) -> Callable[[], np.ndarray]:
    session = _onnx.session(layout.cell, weights, threads)
    zeros = [np.zeros((1, 1, size), np.float32) for size in layout.state_sizes]
    names = ["h", "c"][: len(zeros)]
    feed = {"x": x[None, None], **dict(zip(names, zeros, strict=True))}

    def run() -> np.ndarray:
        states: list[np.ndarray] = session.run(None, feed)
        feed.update(zip(names, states, strict=True))
        return states[0]

    return run


def _interleaved(runs: Mapping[str, Callable[[], object]], settle: float) -> dict[str, np.ndarray]:
    """Microseconds of every call, (rounds, calls), without the warm-up calls of each block."""
    clock = time.perf_counter_ns
    taken: dict[str, list[list[int]]] = {name: [] for name in runs}
    for k in range(ROUNDS):
        for name in list(runs)[:: 1 if k % 2 else -1]:
            run, block = runs[name], []
            time.sleep(settle)
            for _ in range(WARM):
                run()
            for _ in range(CALLS):
                start = clock()
                run()
                block.append(clock() - start)
            taken[name].append(block)
    return {name: np.array(blocks) / 1e3 for name, blocks in taken.items()}
