"""A pool of large blocks for saved activations: memory returned to the system may be mapped and cleared again at every
call, which can take as long as the kernels."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

SMALL = 1 << 18  # bytes; smaller blocks stay with the allocator anyway
KEPT = 256 << 20  # bytes kept at most
LINE = 64  # bytes of a cache line, where blocks begin

# free blocks by id, the latest last; each access is a single operation, atomic among threads
_free: dict[int, np.ndarray] = {}


def free_bytes() -> int:
    """Bytes in blocks that nobody uses."""
    return sum([block.nbytes for block in list(_free.values())])


def release() -> None:
    """Return the blocks that nobody uses to the system."""
    _free.clear()


class _Lease(np.ndarray):
    """A block in use; it is free again when this view of it is gone."""

    # defaults, since module variables may be gone when a process ends
    def __del__(self, free: dict[int, np.ndarray] = _free, kept: int = KEPT) -> None:
        block = self.base
        if block is not None:
            free[id(block)] = block
            while sum([b.nbytes for b in list(free.values())]) > kept:
                free.pop(next(iter(list(free)), 0), None)


def empty(count: int, like: Tensor) -> Tensor:
    """``torch.empty`` of one dimension and the type of ``like``, which is on the CPU; in the memory of an earlier
    tensor of about this size if there is any.

    >>> empty(3, torch.zeros(1, dtype=torch.float64)).shape
    torch.Size([3])
    """
    size = count * like.itemsize
    if not SMALL <= size <= KEPT:
        return like.new_empty(count)
    step = 1 << (size.bit_length() - 4)  # eight sizes for each power of two
    size = -(-size // step) * step
    for key, block in reversed(list(_free.items())):
        if block.nbytes == size and _free.pop(key, None) is not None:
            break
    else:
        memory = np.empty(size + LINE, np.uint8)
        first = -memory.ctypes.data % LINE
        block = memory[first : first + size]
    return torch.frombuffer(block.view(_Lease), dtype=like.dtype, count=count)
