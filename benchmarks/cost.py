"""Time and peak memory of the tasks' jobs beside plain torch loops of the same models, from arrays to a trained model.

Each in a fresh process, by turns. Ours does what an estimator does besides: it fits the baselines, checks and scales
what it reads, and keeps the best weights.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

from benchmarks._cost_jobs import JOBS
from benchmarks._table import Table

ROUNDS = 3
COLUMNS = {
    "job": "<3",
    "plain s": ">7.2f",
    "ours s": ">7.2f",
    "× plain": ">7.2f",
    "plain MiB": ">9.0f",
    "ours MiB": ">8.0f",
    "loss, plain": ">11.4f",
    "ours": ">9.4f",
}


def main() -> bool:
    """Print a line a job; there is no bar."""
    print("seconds of training, and memory at its peak beyond what the process had before; medians")
    table = Table(COLUMNS)
    for name in JOBS:
        found: dict[str, list[list[float]]] = {"plain": [], "ours": []}
        for k in range(ROUNDS):
            for side in ("plain", "ours") if k % 2 == 0 else ("ours", "plain"):
                words = [sys.executable, "-m", "benchmarks._cost_jobs", name, side]
                found[side].append(json.loads(subprocess.check_output(words, text=True).splitlines()[-1]))
        (t0, m0, l0), (t1, m1, l1) = (map(statistics.median, zip(*found[side], strict=True)) for side in found)
        table.row(name, t0, t1, t0 / t1, m0, m1, l0, l1)
    return True
