"""Sequences with inputs and targets from arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.data.sequence_table import AlignedSequence, SequenceTable
from elman.data.table import LARGEST
from elman.errors import DataError

Array = np.ndarray
SHAPES = "(N, T, I) for N sequences, (T, I) or (T,) for one, or a list of arrays (T, I)"


def holds_arrays(source: Any) -> bool:
    """Whether ``source`` is for :func:`read_sequence_arrays`: an array, a pair as a tuple, or a list of arrays."""
    return isinstance(source, np.ndarray | tuple) or (
        isinstance(source, list) and bool(source) and all(isinstance(item, np.ndarray) for item in source)
    )


def read_sequence_arrays(source: Any, *, last: bool = False, what: str = "data") -> SequenceTable:
    """Sequences from ``inputs``, or from ``(inputs, targets)``.

    Args:
        source: inputs (N, T, I) of N sequences; (T, I), or (T,) with a single input, of one; a list of arrays (T, I) or
            (T,) of sequences of several lengths. Targets have the same steps, (N, T, K), (N, T), (T, K) …; or with
            ``last`` they are (N, K) or (N,).
        last: there is a target for the last step of each sequence alone.
        what: what messages call the arrays.

    Raises:
        DataError: shapes that do not fit each other, or values that are no finite numbers.

    >>> read_sequence_arrays((np.zeros((4, 5, 3)), np.zeros(4)), last=True).sequences[0].targets.ravel()
    array([nan, nan, nan, nan,  0.])
    """
    pair = isinstance(source, tuple) or (isinstance(source, list) and len(source) == 2 and source[0].ndim == 3)
    if pair and len(source) != 2:
        raise DataError(f"{what}: a tuple of {len(source)}; give (inputs, targets), or the inputs alone")
    inputs = _sequences(source[0] if pair else source, f"{what}, inputs")
    if pair:
        targets = _last(source[1], inputs, f"{what}, targets") if last else _aligned(source[1], inputs, what)
        no_targets = ""
    else:
        targets = [np.full((len(x), 1), np.nan) for x in inputs]
        no_targets = f"{what}: there are no targets; give (inputs, targets)"
    widths = {x.shape[1] for x in inputs}, {y.shape[1] for y in targets}
    for name, found in zip(("inputs", "targets"), widths, strict=True):
        if len(found) > 1 or 0 in found:
            raise DataError(f"{what}, {name}: the sequences have {sorted(found)} values a step; give all as many")
    return SequenceTable(
        what,
        _names("x", inputs[0].shape[1]),
        _names("y", targets[0].shape[1]),
        tuple(
            AlignedSequence(str(k), x, y, tuple(map(str, range(len(x)))))
            for k, (x, y) in enumerate(zip(inputs, targets, strict=True))
        ),
        no_targets,
    )


def _names(letter: str, count: int) -> tuple[str, ...]:
    return (letter,) if count == 1 else tuple(f"{letter}{k}" for k in range(count))


def _sequences(given: Any, what: str) -> list[Array]:
    if isinstance(given, list) and all(isinstance(item, np.ndarray) for item in given):
        arrays = [_numbers(item, what) for item in given]
    else:
        whole = _numbers(given, what)
        arrays = list(whole) if whole.ndim == 3 else [whole]
    found = [array[:, None] if array.ndim == 1 else array for array in arrays]
    if not found or any(array.ndim != 2 or not len(array) for array in found):
        shape = np.shape(given) if isinstance(given, np.ndarray) else [array.shape for array in arrays[:3]]
        raise DataError(f"{what}: of shape {shape}; give {SHAPES}")
    for array in found:
        if np.isnan(array).any():
            raise DataError(f"{what}: there are missing values (nan); fill them in, or leave those steps out")
    return found


def _aligned(given: Any, inputs: list[Array], what: str) -> list[Array]:
    if isinstance(given, list) and all(isinstance(item, np.ndarray) for item in given):
        arrays = [_numbers(item, f"{what}, targets") for item in given]
    else:
        whole = _numbers(given, f"{what}, targets")
        several = len(inputs) > 1 or (whole.ndim == 3 and len(whole) == 1) or (whole.shape == (1, len(inputs[0])))
        arrays = list(whole) if several and whole.ndim else [whole]
    found = [array[:, None] if array.ndim == 1 else array for array in arrays]
    steps, expected = [y.shape[:1] for y in found], [x.shape[:1] for x in inputs]
    if steps != expected or any(y.ndim != 2 for y in found):
        shape = np.shape(given) if isinstance(given, np.ndarray) else [y.shape for y in found[:3]]
        raise DataError(
            f"{what}: {len(inputs)} sequence(s), the first of {len(inputs[0])} steps, and targets of shape {shape}; "
            'give a target for each step, or one a sequence with at="last"'
        )
    return found


def _last(given: Any, inputs: list[Array], what: str) -> list[Array]:
    values = _numbers(given, what)
    if values.ndim not in (1, 2) or len(values) != len(inputs):
        raise DataError(f"{what}: of shape {values.shape}; {len(inputs)} sequences need ({len(inputs)},) or (…, K)")
    rows = values.reshape(len(values), -1)
    found = [np.full((len(x), rows.shape[1]), np.nan) for x in inputs]
    for y, row in zip(found, rows, strict=True):
        y[-1] = row
    return found


def _numbers(given: Any, what: str) -> Array:
    """As float64: numbers, NaN where one is missing."""
    try:
        found = np.asarray(given)
        if found.dtype.kind not in "iuf":
            raise ValueError(f"they are {found.dtype}")
        values = found.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{what}: no array of numbers ({str(error)!s:.80}); give {SHAPES}") from None
    if (np.abs(values) > LARGEST).any():  # NaN is not
        raise DataError(f"{what}: a value is infinite or too large to compute with; change the unit")
    return values
