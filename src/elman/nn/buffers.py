"""Memory that layers keep from call to call: given back to the system, a large block may be mapped and cleared anew at
every call, which takes up to as long as the kernels."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

SMALL = 1 << 18  # bytes; below, the allocator keeps them itself
KEPT = 256 << 20  # bytes kept in all, at most
LINE = 64  # bytes of a cache line, which blocks begin at

# free blocks by their id, the one given back last at the end; each use of it is one operation, which no thread divides
_free: dict[int, np.ndarray] = {}


class _Lease(np.ndarray):
    """A block in use, which is free again when nobody holds this view of it."""

    # module variables may be gone when a process ends
    def __del__(self, free: dict[int, np.ndarray] = _free, kept: int = KEPT) -> None:
        block = self.base
        if block is not None:
            free[id(block)] = block
            while sum([b.nbytes for b in list(free.values())]) > kept:
                free.pop(next(iter(list(free)), 0), None)


def empty(count: int, dtype: torch.dtype) -> Tensor:
    """``torch.empty`` of one dimension, from memory that an earlier tensor of about the size has left if there is any.

    >>> empty(3, torch.float64).shape
    torch.Size([3])
    """
    size = count * dtype.itemsize
    if not SMALL <= size <= KEPT:
        return torch.empty(count, dtype=dtype)
    step = 1 << (size.bit_length() - 4)  # of sizes up to twice as large there are eight
    size = -(-size // step) * step
    for key, block in reversed(list(_free.items())):
        if block.nbytes == size and _free.pop(key, None) is not None:
            break
    else:
        memory = np.empty(size + LINE, np.uint8)
        first = -memory.ctypes.data % LINE
        block = memory[first : first + size]
    return torch.frombuffer(block.view(_Lease), dtype=dtype, count=count)
