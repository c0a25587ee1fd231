"""Memory between updates."""

from __future__ import annotations

import ctypes

# glibc's malloc.h: what is freed at the heap's end goes back to the system from the first size on, and what is asked
# for from the second size on comes from the system each time
TRIM_THRESHOLD, MMAP_THRESHOLD = (-1, 2**28), (-3, 2**25)


def keep_freed_memory() -> bool:
    """Let the C library keep what an update frees for the next one.

    By itself glibc hands the megabytes of a small model's update back to the system, or not, as they happen to lie; to
    get them anew, a page at a time, then costs a tenth of the update and more. This holds for the whole process, which
    then keeps up to 256 MiB: so it is for programs, such as the command line, to call, and no library function does.

    Returns:
        whether it was done: False without glibc.

    >>> keep_freed_memory() in (True, False)
    True
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    return all(mallopt(option, size) == 1 for option, size in (TRIM_THRESHOLD, MMAP_THRESHOLD))
