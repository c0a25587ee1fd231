"""Sequences in arrays: (N, T) or (N, T, I), lists of sequences of different length, texts; with labels beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from elman.data.frames import as_column
from elman.data.sequence_tables import from_texts
from elman.data.sequences import Array, Sequences, as_float32, padded, trimmed
from elman.data.table import Table
from elman.data.text import is_missing, quote
from elman.errors import DataError

NAMES = {"inputs": ("inputs", "x", "X"), "labels": ("labels", "y"), "lengths": ("lengths",), "ids": ("ids", "id")}
SPLIT = ("x_train", "y_train", "x_test", "y_test")
_NONE = "there are no labels; give them beside the values: (values, labels)"


def holds_arrays(source: Mapping[Any, Any]) -> bool:
    """Whether a mapping is arrays of sequences, not columns: by its names, or those of ``x_train`` … in one file."""
    names = set(source)
    if names <= set(SPLIT) and {"x_train", "x_test"} <= names:
        return True
    inputs = [name for name in NAMES["inputs"] if name in names]
    known = set().union(*NAMES.values())
    if len(inputs) != 1 or not names <= known:
        return False
    value = source[inputs[0]]
    return getattr(value, "ndim", 2) > 1


def from_arrays_by_name(source: Mapping[str, Any], name: str) -> Sequences:
    """The sequences that a mapping or an ``.npz`` file holds: ``inputs`` (or ``x``), ``labels`` (or ``y``), ``lengths``
    and ``ids``; or ``x_train``, ``y_train``, ``x_test``, ``y_test``, the latter two being the test.

    Raises:
        DataError: other names, or arrays that do not fit each other.
    """
    if {"x_train", "x_test"} <= set(source) <= set(SPLIT):
        train, test = (from_arrays(source[f"x_{part}"], source.get(f"y_{part}"), name) for part in ("train", "test"))
        return train.followed_by(test)
    given = {key: [n for n in names if n in source] for key, names in NAMES.items()}
    left = set(source) - {n for names in given.values() for n in names}
    if left or len(given["inputs"]) != 1 or any(len(names) > 1 for names in given.values()):
        held = ", ".join(quote(str(key)) for key in list(source)[:8])
        raise DataError(
            f"{name}: it holds {held}; name the arrays inputs, labels, lengths and ids, or x_train, y_train, x_test "
            "and y_test"
        )
    found = {key: source[names[0]] for key, names in given.items() if names}
    return from_arrays(found["inputs"], found.get("labels"), name, found.get("lengths"), found.get("ids"))


def from_arrays(values: Any, labels: Any, source: str, lengths: Any = None, ids: Any = None) -> Sequences:
    """Sequences from values, and what is given beside them, an entry a sequence.

    Args:
        values: (N, T) or (N, T, I) numbers; a list of (T_n,) or (T_n, I); or a list of texts, each letter a step.

    Raises:
        DataError: values of another shape or kind, or entries beside them that are not as many.

    >>> from_arrays([[1.0, 2.0], [3.0]], ["a", "b"], "data").lengths.tolist()
    [2, 1]
    """
    if hasattr(values, "__array__") and np.ndim(values) == 0:
        raise DataError(f"{source}: a single value; give (N, T), or a list of sequences")
    rows = values if _is_array(values) else list(values)
    if len(rows) == 0:
        raise DataError(f"{source}: there are no sequences; give at least one")
    classes = _beside(labels, len(rows), "labels", source)
    names = _beside(ids, len(rows), "ids", source) or tuple(map(str, range(len(rows))))
    if not _is_array(rows) and all(isinstance(row, str) for row in rows):
        if lengths is not None or not all(rows):
            raise DataError(f"{source}: a text is empty, or lengths are given beside texts; leave them out")
        return from_texts(rows, source, names, classes, _NONE)
    inputs, real = _from_array(rows, lengths, source) if _is_array(rows) else _from_list(rows, source)
    channels = ("value",) if inputs.shape[2] == 1 else tuple(f"channel {k}" for k in range(inputs.shape[2]))
    return replace(Sequences(source, inputs, real, names, classes, channels=channels), without_labels=_NONE)


def _is_array(values: Any) -> bool:
    return hasattr(values, "__array__") and np.asarray(values).dtype.kind != "O" and np.asarray(values).ndim > 1


def _numbers(values: Any, source: str) -> Array:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise DataError(f"{source}: steps of different size; give all steps of a sequence as many values") from error
    if array.dtype.kind not in "iuf":
        raise DataError(f"{source}: values of type {array.dtype}; give numbers")
    return as_float32(array, source)


def _from_array(values: Any, lengths: Any, source: str) -> tuple[Array, Array]:
    array = _numbers(values, source)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or 0 in array.shape:
        raise DataError(f"{source}: values of shape {np.shape(values)}; give (N, T), or (N, T, I) with I values a step")
    count, steps = array.shape[:2]
    if lengths is None:
        # steps at a sequence's end of which nothing is known are padding
        known = ~np.isnan(array).all(axis=2)
        real = np.where(known.any(axis=1), steps - known[:, ::-1].argmax(axis=1), 0)
    else:
        real = np.asarray(lengths)
        if real.shape != (count,) or real.dtype.kind not in "iu" or not 1 <= real.min() <= real.max() <= steps:
            raise DataError(f"{source}: lengths must be {count} whole numbers from 1 to {steps}; give one each")
    if (real == 0).any():
        place = int(np.flatnonzero(real == 0)[0])
        raise DataError(f"{source}: every value of sequence {place} (counted from 0) is missing; leave it out")
    array = np.array(array[:, : real.max()])
    array[np.arange(array.shape[1]) >= real[:, None]] = 0
    return array, real.astype(np.int64)


def _from_list(rows: Sequence[Any], source: str) -> tuple[Array, Array]:
    found: list[Array] = []
    for k, row in enumerate(rows):
        place = f"{source}, sequence {k} (counted from 0)"
        array = _numbers(row, place)
        array = array[:, None] if array.ndim == 1 else array
        if array.ndim != 2 or array.shape[1] != (found[0].shape[1] if found else array.shape[1]) or not array.size:
            raise DataError(f"{place}: values of shape {np.shape(row)}; give (T,), or (T, I) with the same I for all")
        found.append(trimmed(array))
        if not len(found[-1]):
            raise DataError(f"{place}: every value is missing; leave it out")
    return padded(found, source)


def _beside(values: Any, count: int, what: str, source: str) -> tuple[str, ...] | None:
    """Labels or ids as texts."""
    if values is None:
        return None
    texts = Table(source, {what: as_column(values, f"{source}, {what}")}).texts(what)
    if len(texts) != count:
        raise DataError(f"{source}: {len(texts)} {what} for {count} sequences; give one for each")
    for k, text in enumerate(texts):
        if is_missing(text):
            raise DataError(f"{source}: entry {k} of {what} is missing; fill it in, or leave the sequence out")
    return tuple(texts)
