"""Benchmarks: ``python -m benchmarks`` runs all of them, ``python -m benchmarks NAME …`` some.

Each module has a ``main()`` that prints ratios to a named peer, interleaved in the same run: on a shared machine times
are noisy, ratios much less.
"""

from __future__ import annotations

import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path


class CannotRun(Exception):
    """What a benchmark needs is not to be had here; the message says what, in a line."""


def machine() -> str:
    """The machine, in one line."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    return f"{model}, {os.cpu_count()} CPUs, Python {platform.python_version()}"


def interleaved(
    runs: Mapping[str, Callable[[], object]], rounds: int, *, seconds: float = 0, share: float = 0
) -> dict[str, list[float]]:
    """Seconds of each run in each round; a round runs all of them once, so that disturbances hit all alike.

    One more round is run first, and not counted. The order rotates from round to round.

    Args:
        runs: by name.
        rounds: the minimum number of rounds.
        seconds: the minimum time; rounds are added until it has passed.
        share: a shorter run is repeated in its turn for so many seconds, after as many warm-up runs; the mean counts.
            The peers have left the caches cold, and the third level takes up to ten passes over a few megabytes to
            warm up; in a program's loop they are warm.
    """
    names = list(runs)
    taken: dict[str, list[float]] = {name: [] for name in names}
    times = dict.fromkeys(names, 1)
    begin, k = time.perf_counter(), 0
    while k <= rounds or time.perf_counter() - begin < seconds:
        for name in names[k % len(names) :] + names[: k % len(names)]:
            for _ in range(times[name] if times[name] > 1 else 0):
                runs[name]()
            start = time.perf_counter()
            for _ in range(times[name]):
                runs[name]()
            each = (time.perf_counter() - start) / times[name]
            if k:
                taken[name].append(each)
            else:
                times[name] = max(1, round(share / each))
        k += 1
    return taken


def median_ratio(seconds: Mapping[str, list[float]], of: str, to: str) -> float:
    """Median over the rounds of the ratio within a round."""
    return statistics.median(a / b for a, b in zip(seconds[of], seconds[to], strict=True))


def geometric_mean(values: Iterable[float]) -> float:
    """The mean of ratios: doubling one and halving another does not change it."""
    return math.exp(statistics.fmean(map(math.log, values)))
