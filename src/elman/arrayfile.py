"""Named arrays with a description, as one safetensors file: models, checkpoints and stream states.

A file is read into memory before any of it is looked at: one that is rewritten while it is mapped kills the process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save

from elman import jsontext

METADATA = "__metadata__"
TYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "F16": np.dtype("<f2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}


class Contents(NamedTuple):
    """Arrays by name, and the file's metadata: text by name."""

    arrays: dict[str, np.ndarray]
    metadata: dict[str, str]


def packed(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None) -> bytes:
    """The file's bytes; equal arrays and metadata give equal bytes.

    >>> unpacked(packed({"a": np.arange(2.0)}, {"made": "here"}))
    Contents(arrays={'a': array([0., 1.])}, metadata={'made': 'here'})
    """
    # not ascontiguousarray, which gives a number the shape (1,)
    in_order = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    content: bytes = save(in_order, dict(metadata or {}))
    return content


def digest(text: str, arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of a text and named arrays, in hexadecimal digits.

    Digested are the text in UTF-8 and then, in the order of their names, of each array NUL, name, NUL, type, shape, NUL
    and its bytes: little-endian, in C order.
    """
    found = hashlib.sha256(text.encode("utf-8", "surrogatepass"))
    for name in sorted(arrays):
        array = arrays[name].astype(arrays[name].dtype.newbyteorder("<"), order="C", copy=False)
        found.update(f"\0{name}\0{array.dtype.str}{array.shape}\0".encode("utf-8", "surrogatepass"))
        found.update(array.tobytes())
    return found.hexdigest()


def unpacked(content: bytes) -> Contents:
    """Arrays and metadata of a file's bytes.

    Raises:
        ValueError: cut, malformed, of overlapping or missing bytes, with a key twice, or with an unknown type.
    """
    try:
        entries: list[tuple[str, Any]] = deserialize(content)  # type: ignore[no-untyped-call]
    except (SafetensorError, OverflowError, TypeError) as error:
        raise ValueError(f"no intact safetensors file: {str(error)!a:.100}") from error
    length = int.from_bytes(content[:8], "little")
    header = jsontext.loads(content[8 : 8 + length])
    arrays = {}
    for name, entry in entries:
        if entry["dtype"] not in TYPES:
            raise ValueError(f"array {name!a:.80} is of type {entry['dtype']}, which elman does not write")
        data = np.frombuffer(bytearray(entry["data"]), TYPES[entry["dtype"]])
        arrays[name] = data.reshape(entry["shape"])
    return Contents(arrays, header.get(METADATA) or {})


def read(path: Path) -> Contents:
    """Arrays and metadata of a file.

    Raises:
        OSError: it cannot be read.
        ValueError: as :func:`unpacked`.
    """
    return unpacked(path.read_bytes())
