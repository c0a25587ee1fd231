"""Room for long arrays: in memory, or past a bound in temporary files that have no name and end with the process."""

from __future__ import annotations

import tempfile
from typing import IO, Any

import numpy as np

from elman.data.files import PIECE

Array = np.ndarray
IN_MEMORY = 2**26  # bytes


class Parts:
    """Arrays of one type, one after the other, as one."""

    def __init__(self, kind: np.dtype[Any]) -> None:
        self._kind, self._parts, self._bytes = kind, list[Array](), 0
        self._file: IO[bytes] | None = None

    def add(self, part: Array) -> None:
        """Put ``part`` behind the others."""
        self._bytes += part.nbytes
        if self._file is None and self._bytes > IN_MEMORY:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 (closed in whole)
            for earlier in self._parts:
                self._file.write(earlier.tobytes())
            self._parts.clear()
        if self._file is None:
            self._parts.append(part)
        else:
            self._file.write(part.tobytes())

    def whole(self) -> Array:
        """All of them; nothing can be added afterwards."""
        if self._file is None:
            return np.concatenate([np.zeros(0, self._kind), *self._parts])
        with self._file:  # the mapping keeps it
            self._file.flush()
            return np.memmap(self._file, self._kind, "r+")


def store(count: int, kind: np.dtype[Any]) -> Array:
    """Room for ``count`` numbers."""
    if count * kind.itemsize <= IN_MEMORY:
        return np.empty(count, kind)
    with tempfile.TemporaryFile() as file:  # the mapping keeps it
        return np.memmap(file, kind, "w+", shape=(count,))


def recoded(codes: Array, table: Array, kind: np.dtype[Any]) -> Array:
    """``table[codes]`` as ``kind``, a piece at a time.

    >>> recoded(np.array([1, 0, 1]), np.array([7, 9]), np.dtype("u1"))
    array([9, 7, 9], dtype=uint8)
    """
    found = store(len(codes), kind)
    for start in range(0, len(codes), PIECE):
        found[start : start + PIECE] = table[codes[start : start + PIECE]]
    return found
