"""Memory between updates."""

from __future__ import annotations

import ctypes

# glibc's malloc.h: from the first size on, free memory at the heap's end is returned to the system; from the second
# on, an allocation is mapped anew
TRIM_THRESHOLD, MMAP_THRESHOLD = (-1, 2**28), (-3, 2**25)


def keep_freed_memory() -> bool:
    """Let the C library keep what an update frees for the next one.

    By default glibc may return the megabytes of a small model's update to the system, depending on their addresses;
    mapping them again, page by page, costs a tenth of the update and more. The setting holds for the whole process,
    which then keeps up to 256 MiB: programs, such as the command line, call this, and no library function does.

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
