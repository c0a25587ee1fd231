"""What a process takes: memory by the kernel's record, and a whole command measured from outside. Without NumPy.

``python -m benchmarks._process COMMAND …`` runs a command and prints its seconds, its seconds of processor time and its
peak memory in MiB as JSON: a small process in between, for a new process's record begins with its parent's size.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

STATUS = Path("/proc/self/status")
ROOT = Path(__file__).resolve().parents[1]
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "ELMAN_NUM_THREADS", "POLARS_MAX_THREADS")


class Cost(NamedTuple):
    """Seconds, seconds of processor time over all threads, and MiB at the peak."""

    seconds: float
    processor: float
    memory: float


def memory_peak(run: Callable[[], object]) -> float:
    """MiB by which the process grew at its largest while ``run`` ran.

    From the kernel's record of this process (:func:`resource.getrusage` begins with the size of the parent).
    """
    before = _status("VmRSS")
    with contextlib.suppress(OSError):  # not in every container; the peak then is that since the process began
        Path("/proc/self/clear_refs").write_text("5")
    run()
    return (_status("VmHWM") - before) / 1024


def cost_of(run: Callable[[], object]) -> Cost:
    """Of ``run`` in this process; the memory is what it takes beyond what the process had."""
    seconds, processor = time.perf_counter(), time.process_time()
    ends = []

    def timed() -> None:
        run()
        ends.extend([time.perf_counter(), time.process_time()])

    memory = memory_peak(timed)
    return Cost(ends[0] - seconds, ends[1] - processor, memory)


def cost_of_command(words: Sequence[str], threads: int) -> tuple[Cost, str]:
    """Of a whole program with ``threads`` threads, from its start to its end, and what it wrote.

    Raises:
        RuntimeError: it failed; the message is what it wrote last.
    """
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks._process", *words],
        cwd=ROOT, env=with_threads(threads), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {(done.stderr or done.stdout).strip()[-2000:]}")
    *output, last = done.stdout.splitlines()
    return Cost(*json.loads(last)), "\n".join(output)


def with_threads(threads: int) -> Mapping[str, str]:
    """The environment of a program that is to use so many."""
    return os.environ | dict.fromkeys(THREADS, str(threads))


def _status(field: str) -> int:
    """Of this process, in KiB."""
    return next(int(line.split()[1]) for line in STATUS.read_text().splitlines() if line.startswith(field))


if __name__ == "__main__":
    begin = time.perf_counter()
    code = subprocess.run(sys.argv[1:], check=False).returncode
    taken, used = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps([taken, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
    sys.exit(code)
