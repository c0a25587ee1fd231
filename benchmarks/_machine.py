"""A fresh process on a number of processors, and the peak arithmetic rate."""

from __future__ import annotations

import math
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import ParamSpec, TypeVar

from elman.recurrence.backends import native

P = ParamSpec("P")
R = TypeVar("R")


def thread_counts() -> list[int]:
    """1 and 2; with a single processor 1 alone, which is printed."""
    if len(os.sched_getaffinity(0)) > 1:
        return [1, 2]
    print("there is only one processor here: nothing is measured on two threads")
    return [1]


def alone(threads: int, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """``function(…)`` in a fresh process that has ``threads`` processors, so that no pool outlives its measurement.

    It is confined to the processors, not to threads alone: JAX uses as many threads as there are processors, whatever
    its settings. Function, arguments and result must be picklable by :mod:`multiprocessing`.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, initializer=_confine, initargs=(threads,)) as pool:
        return pool.submit(function, *args, **kwargs).result()


def _confine(threads: int) -> None:
    """Before NumPy, torch and JAX are imported."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "ELMAN_NUM_THREADS"), str(threads))


def fma_limit(threads: int, seconds: float = 0.02) -> float:
    """GFLOP/s in float32 of independent fused multiply-adds; nan without the compiled core."""
    core = native()
    return math.nan if core is None else core.fma_peak(seconds, threads)
