"""Small files of labelled sequences, made by hand: IDX, .ts and .npz."""

from __future__ import annotations

import gzip
import io
import struct
from pathlib import Path

import numpy as np

CODES = {"u1": 8, "i1": 9, ">i2": 11, ">i4": 12, ">f4": 13, ">f8": 14}

TS = """# a comment
@problemName Small
@timeStamps false
@missing true
@univariate false
@dimensions 2
@equalLength false
@classLabel true up down
@data
1,2,3:4,?,6:up
7,8:9,9:down
"""


def idx(array: np.ndarray, code: int = 8) -> bytes:
    """An IDX file of bytes."""
    head = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(np.uint8).tobytes()


def images(count: int, seed: int = 0, size: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, size, size), dtype=np.uint8)


def write_mnist(folder: Path, train: int = 12, test: int = 4, packed: bool = False) -> Path:
    """The four files, of images of 4 × 4 in three classes."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, count, seed in (("train", train, 0), ("t10k", test, 1)):
        for kind, array in (("images-idx3", images(count, seed)), ("labels-idx1", np.arange(count) % 3)):
            content = idx(array)
            name = f"{part}-{kind}-ubyte"
            if packed:
                (folder / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / name).write_bytes(content)
    return folder


def npz(**arrays: np.ndarray) -> bytes:
    """An .npz file, as NumPy writes it."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()
