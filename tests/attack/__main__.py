"""``python -m tests.attack``: all attacks, on all processors; ends with status 1 if anything went wrong."""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any

# before the libraries that read them: every process works alone, and one that forks must have no threads
os.environ |= {"OMP_NUM_THREADS": "1", "ELMAN_NUM_THREADS": "1", "MPLBACKEND": "Agg"}

from tests.attack.attacks import ATTACKS, Attack

SHOWN = 20


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the cases to run")
    parser.add_argument("--seed", type=int, default=0, help="the same seed makes the same cases")
    parser.add_argument("--only", choices=[attack.name for attack in ATTACKS], help="one attack alone")
    given = parser.parse_args()
    chosen = [attack for attack in ATTACKS if given.only in (None, attack.name)]
    print(f"seed {given.seed}, scale {given.scale:g}, {_processors()} processes")
    found = sum(_attack(attack, given.scale, given.seed) for attack in chosen)
    print(f"{found} findings")
    return 1 if found else 0


def _attack(attack: Attack, scale: float, seed: int) -> int:
    """Run one attack in parts; prints and counts what went wrong."""
    count, start = max(1, math.ceil(attack.count * scale)), time.monotonic()
    findings = list(_findings(attack, count, seed))
    print(f"{attack.name}: {count} cases, {len(findings)} findings, {time.monotonic() - start:.0f} s", flush=True)
    print("".join(f"  {line:.400}\n" for line in findings[:SHOWN]), end="", flush=True)
    return len(findings)


def _findings(attack: Attack, count: int, seed: int) -> Iterator[str]:
    parts = {seed * 10_000 + k: min(attack.part, count - begin) for k, begin in enumerate(range(0, count, attack.part))}
    with ProcessPoolExecutor(_processors(), mp_context=get_context("spawn")) as pool:
        futures: dict[Future[Any], int] = {pool.submit(attack.run, n, part): part for part, n in parts.items()}
        for future in as_completed(futures):
            part = futures[future]
            try:
                yield from (f"seed {part}: {finding}" for finding in future.result())
            except BrokenProcessPool:
                yield f"seed {part}, {parts[part]} cases: a process has crashed"
            except Exception as error:  # of the attack itself: the others still run
                yield f"seed {part}, {parts[part]} cases: {type(error).__name__}: {error}"


def _processors() -> int:
    return len(os.sched_getaffinity(0))


if __name__ == "__main__":
    sys.exit(main())
