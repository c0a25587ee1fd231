"""What is fast, measured: ``python -m benchmarks`` runs all of it, ``python -m benchmarks NAME …`` a part.

Each module has a ``main()`` that prints ratios against a named peer, measured in the same run with both interleaved:
on a shared machine times wander, ratios hardly do.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path


def machine() -> str:
    """What this is measured on, in one line."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    return f"{model}, {os.cpu_count()} CPUs, Python {platform.python_version()}"


def interleaved(runs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each run in each round; a round runs all of them once, so that they share what disturbs the machine.

    One round more is run before, and not counted. The order turns from round to round.
    """
    names = list(runs)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for k in range(rounds + 1):
        for name in names[k % len(names) :] + names[: k % len(names)]:
            start = time.perf_counter()
            runs[name]()
            if k:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def median_ratio(seconds: Mapping[str, list[float]], of: str, to: str) -> float:
    """Median over the rounds of the ratio within a round."""
    return statistics.median(a / b for a, b in zip(seconds[of], seconds[to], strict=True))
