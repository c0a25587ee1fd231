"""Sliding windows of a series: inputs, and the targets that follow them; and the steps up to given cutoffs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from elman.errors import SettingsError


class Windows(NamedTuple):
    """N windows of a series: views of it, no copies; W is the input size, H the horizon.

    Args:
        inputs: (N, W): the steps up to the cutoff.
        targets: (N, H): the steps after it.
        observed: (N, H) bool: which targets were observed, not filled in.
        cutoffs: (N,) int64: the index of each window's last input.
    """

    inputs: np.ndarray
    targets: np.ndarray
    observed: np.ndarray
    cutoffs: np.ndarray


def windows(values: np.ndarray, input_size: int, horizon: int, *, observed: np.ndarray | None = None) -> Windows:
    """All windows of a series, one beginning at every step; none where the series is shorter than one.

    Args:
        values: (T,) or, with several values a step, (T, C); the result's inputs and targets are then (N, W, C) and
            (N, H, C).
        input_size: W, the steps that a model reads, at least 1.
        horizon: H, the steps that it forecasts, at least 0.
        observed: (T,) bool, which values were observed; None: all of them.

    Raises:
        SettingsError: ``input_size`` is below 1, or ``horizon`` negative.

    >>> found = windows(np.arange(5.0), 2, 1)
    >>> found.inputs.tolist(), found.targets.tolist(), found.cutoffs.tolist()
    ([[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]], [[2.0], [3.0], [4.0]], [1, 2, 3])
    """
    if input_size < 1 or horizon < 0:
        raise SettingsError(f"input_size {input_size} and horizon {horizon}: give at least 1 and 0")
    n = max(len(values) - input_size - horizon + 1, 0)
    known = np.broadcast_to(np.True_, (len(values),)) if observed is None else observed
    return Windows(
        inputs=_slide(values, 0, input_size, n),
        targets=_slide(values, input_size, horizon, n),
        observed=_slide(known, input_size, horizon, n),
        cutoffs=np.arange(n, dtype=np.int64) + input_size - 1,
    )


def contexts(values: np.ndarray, cutoffs: Sequence[int] | np.ndarray, size: int) -> np.ndarray:
    """The ``size`` steps up to each cutoff: (N, size), NaN before the series begins.

    >>> contexts(np.array([1.0, 2.0, 3.0]), [1, 2], 3).tolist()
    [[nan, 1.0, 2.0], [1.0, 2.0, 3.0]]
    """
    padded = np.concatenate([np.full(size, np.nan), values])
    views = np.lib.stride_tricks.sliding_window_view(padded, size)
    rows: np.ndarray = views[np.asarray(cutoffs) + 1]
    return rows


def _slide(values: np.ndarray, start: int, width: int, n: int) -> np.ndarray:
    """(n, width, …): the views ``values[start + i : start + i + width]``."""
    if n == 0 or width == 0:
        return np.empty((n, width, *values.shape[1:]), values.dtype)
    views = np.lib.stride_tricks.sliding_window_view(values[start : start + n + width - 1], width, axis=0)
    return np.moveaxis(views, -1, 1)
