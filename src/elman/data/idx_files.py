"""IDX files, as MNIST comes in: a folder of four, images and labels for training (train) and for the test (t10k)."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np

from elman.data.files import display_name, read_content
from elman.data.sequences import Array, Sequences
from elman.errors import DataError

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_PARTS = ("train", "t10k")
MOST_DIMENSIONS = 4
VIEWS = ("rows", "pixels")


def parse_idx(content: bytes, name: str) -> Array:
    """The array in an IDX file.

    Raises:
        DataError: it is none, or not of the size that its head says.

    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]), "labels").tolist()
    [7, 8, 9]
    """
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES:
        raise DataError(f"{name}: not an IDX file (it begins with {content[:4].hex() or 'nothing'}); get it again")
    dimensions, dtype = content[3], np.dtype(_TYPES[content[2]])
    begin = 4 + 4 * dimensions
    if not 1 <= dimensions <= MOST_DIMENSIONS or len(content) < begin:
        raise DataError(f"{name}: its head, of {dimensions} dimensions, is cut short or damaged; get it again")
    shape = tuple(int.from_bytes(content[k : k + 4], "big") for k in range(4, begin, 4))
    size = math.prod(shape) * dtype.itemsize
    if size != len(content) - begin:
        raise DataError(
            f"{name}: {' × '.join(map(str, shape))} values take {size} bytes, but {len(content) - begin} follow the "
            "head; the file is cut short or damaged: get it again"
        )
    if not size:
        raise DataError(f"{name}: it holds no values ({' × '.join(map(str, shape))}); get it again")
    return np.frombuffer(content, dtype, offset=begin).reshape(shape)


def read_idx_folder(folder: str | os.PathLike[str], view: str = "rows", permute: int | None = None) -> Sequences:
    """A folder of MNIST's four files, plain or compressed; one that holds only some of them gives what is there.

    Args:
        view: ``"rows"``, a row of pixels a step, or ``"pixels"``, one pixel a step.
        permute: seed of a permutation of the pixels, the same for all images; None: as they stand.

    Raises:
        DataError: there are no images, a file is damaged, or images and labels do not fit.
    """
    path, name = Path(os.fsdecode(folder)), display_name(folder)
    parts = [found for part in _PARTS if (found := _part(path, part)) is not None]
    if not parts:
        raise DataError(
            f"{name}: there are no images; get MNIST's four files (train-images-idx3-ubyte, train-labels-idx1-ubyte, "
            "t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, each plain or with .gz at its end) and put them there "
            "under these names"
        )
    shapes = {part[1].shape[1:] for part in parts}
    if len(shapes) > 1:
        raise DataError(f"{name}: images of training and test differ in size ({sorted(shapes)}); get the files again")
    both = len(parts) == len(_PARTS)
    labels = [part[2] for part in parts]
    return images_of(
        np.concatenate([part[1] for part in parts]),
        None if any(label is None for label in labels) else np.concatenate([x for x in labels if x is not None]),
        name,
        view,
        permute,
        ids=tuple(f"{part[0]}-{k}" for part in parts for k in range(len(part[1]))),
        is_test=np.repeat([part[0] == "t10k" for part in parts], [len(part[1]) for part in parts]) if both else None,
    )


def images_of(
    images: Array,
    labels: Array | None,
    name: str,
    view: str = "rows",
    permute: int | None = None,
    ids: tuple[str, ...] | None = None,
    is_test: Array | None = None,
) -> Sequences:
    """Images (N, height, width) of whole numbers as sequences of values from 0 to 1.

    Raises:
        DataError: no images, or a permutation of rows.
    """
    if images.ndim != 3 or images.dtype.kind != "u":
        raise DataError(f"{name}: an array of {images.dtype} {images.shape}; images are bytes in three dimensions")
    if permute is not None and view != "pixels":
        raise DataError(f"{name}: a permutation is one of single pixels; read them as pixels, or leave `permute` out")
    count, height, width = images.shape
    values = images.astype(np.float32) / np.float32(255)
    if view == "pixels":
        values = values.reshape(count, height * width, 1)
        if permute is not None:
            values = values[:, np.random.default_rng(permute).permutation(height * width)]
    return Sequences(
        name,
        values,
        np.full(count, values.shape[1], np.int64),
        ids or tuple(map(str, range(count))),
        None if labels is None else tuple(map(str, labels.tolist())),
        channels=tuple(f"column {k}" for k in range(width)) if view == "rows" else ("pixel",),
        is_test=is_test,
        one_unit=True,
        without_labels="the files of labels (train-labels-idx1-ubyte, t10k-labels-idx1-ubyte) are missing; add them",
    )


def _part(folder: Path, part: str) -> tuple[str, Array, Array | None] | None:
    """Images and labels of one part; None if its images are not there."""
    path = _found(folder, f"{part}-images", "idx3")
    if path is None:
        return None
    images = parse_idx(read_content(path), display_name(path))
    if images.ndim != 3 or images.dtype.kind != "u":
        raise DataError(
            f"{display_name(path)}: an array of {images.dtype} {images.shape}; images are bytes in three dimensions: "
            "get the file again"
        )
    path = _found(folder, f"{part}-labels", "idx1")
    if path is None:
        return part, images, None
    labels = parse_idx(read_content(path), display_name(path))
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DataError(f"{display_name(path)}: an array of {labels.dtype} {labels.shape}; labels are bytes in a row")
    if len(labels) != len(images):
        raise DataError(f"{display_name(path)}: {len(labels)} labels for {len(images)} images; get both files again")
    return part, images, labels


def _found(folder: Path, name: str, kind: str) -> Path | None:
    names = [f"{name}{mark}{kind}-ubyte{end}" for mark in "-." for end in ("", ".gz")]
    return next((folder / n for n in names if (folder / n).is_file()), None)
