"""What is fast, measured: ``python -m benchmarks`` runs all of it, ``python -m benchmarks NAME …`` a part.

Each module has a ``main()`` that prints ratios against a named peer, measured in the same run with both interleaved:
on a shared machine times wander, ratios hardly do.
"""

from __future__ import annotations

import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
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


def interleaved(
    runs: Mapping[str, Callable[[], object]], rounds: int, *, seconds: float = 0, share: float = 0
) -> dict[str, list[float]]:
    """Seconds of each run in each round; a round runs all of them once, so that they share what disturbs the machine.

    One round more is run before, and not counted. The order turns from round to round.

    Args:
        runs: by name.
        rounds: at least so many,
        seconds: and more of them until so much time has gone by.
        share: a run that is shorter takes its turn as often in a row as makes up so many seconds, after as many that
            are not counted; its mean then stands for the round. What ran before has left the caches cold, and the
            third one takes up to ten passes over a few megabytes to hold them again: a program's loop has them warm.
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
    """Of ratios: doubling one and halving another leaves it as it is."""
    return math.exp(statistics.fmean(map(math.log, values)))
