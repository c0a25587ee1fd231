"""One pool of threads for torch's operators and the kernels."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import torch

FUNCTIONS = ("GOMP_parallel", "omp_get_thread_num", "omp_get_num_threads")


def share_threads(module: Any) -> bool:
    """Have the kernels run on the threads of torch's OpenMP runtime, where its functions can be found.

    These threads spin for milliseconds after each of torch's operators. Threads of our own would compete with them for
    the processors: on two, layers of many sizes in turns with torch's took 1.3 to 10 times as long
    (``python -m benchmarks recurrence``).

    Args:
        module: ``elman._native``.

    Returns:
        whether it is so.
    """
    try:
        # loaded already; symbols of its dependencies are found too
        library = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"))
        addresses = [ctypes.cast(getattr(library, name), ctypes.c_void_p).value for name in FUNCTIONS]
    except (OSError, AttributeError):
        return False
    module.use_openmp(*addresses)
    return True
