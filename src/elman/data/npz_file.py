"""Arrays in ``.npz`` files: numbers and fixed texts, never objects, which could run code as they are read."""

from __future__ import annotations

import io
import math
import re
import zipfile
import zlib

import numpy as np

from elman.data.files import most_unpacked
from elman.data.text import quote
from elman.errors import DataError

MAGIC = b"PK\x03\x04"
_HEADER = re.compile(
    r"\{'descr': '([<>|=]?[biufSUO]\d*)', 'fortran_order': (True|False), 'shape': \(((?:\d+, ?)*(?:\d+,?)?)\), ?\}\s*"
)
_LONGEST_HEADER = 10_000


def parse_npz(content: bytes, name: str) -> dict[str, np.ndarray]:
    """The arrays in a file, by name.

    Raises:
        DataError: it is damaged, holds objects, or unpacks to far more than its size.

    >>> parse_npz(b"", "x.npz")
    Traceback (most recent call last):
    ...
    elman.errors.DataError: x.npz: not an .npz file, or damaged; save it again with numpy.savez
    """
    most = most_unpacked(len(content))
    arrays: dict[str, np.ndarray] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > most:
                raise DataError(f"{name}: it unpacks to more than {most:,} bytes, far more than data do; save it again")
            for member in members:
                key = member.filename.removesuffix(".npy")
                if key in arrays:
                    raise DataError(f"{name}: two arrays are called {quote(key)}; save it again")
                with archive.open(member) as file:
                    data = file.read(member.file_size + 1)
                arrays[key] = _array(data, f"{name}, array {quote(key)}")
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{name}: not an .npz file, or damaged; save it again with numpy.savez") from error
    if not arrays:
        raise DataError(f"{name}: it holds no arrays; save it again with numpy.savez")
    return arrays


def _array(data: bytes, place: str) -> np.ndarray:
    """An ``.npy`` file's array; its head is read as text, and nothing in it is evaluated."""
    if data[:6] != b"\x93NUMPY" or len(data) < 12 or data[6] not in (1, 2, 3):
        raise DataError(f"{place}: not an array; save the file again with numpy.savez")
    begin = 10 if data[6] == 1 else 12
    length = int.from_bytes(data[8:begin], "little")
    head = _HEADER.fullmatch(data[begin : begin + length].decode("latin-1")) if length <= _LONGEST_HEADER else None
    if head is None:
        raise DataError(f"{place}: its head cannot be read, or it is of a structured type; save plain arrays")
    descr, fortran, texts = head.groups()
    if "O" in descr:
        raise DataError(f"{place}: an array of objects, which are not read; save numbers, or texts of a fixed type")
    try:
        dtype = np.dtype(descr)
        shape = tuple(int(size) for size in texts.replace(" ", "").split(",") if size)
    except (TypeError, ValueError) as error:
        raise DataError(f"{place}: its head cannot be read; save the file again") from error
    size = math.prod(shape) * dtype.itemsize
    if size != len(data) - begin - length or not dtype.itemsize:
        raise DataError(f"{place}: {shape} of {dtype} take {size} bytes, not {len(data) - begin - length}; save again")
    return np.frombuffer(data, dtype, offset=begin + length).reshape(shape, order="F" if fortran == "True" else "C")
