"""What a classifier has to beat: the most frequent class, and logistic regression on the flattened sequence."""

from __future__ import annotations

import base64
import binascii
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.errors import ModelFileError
from elman.model.heads import softmax
from elman.tasks.classify.encoding import Encoding

Array = np.ndarray
LABELS = {"majority": "most frequent class", "logistic": "logistic regression"}
MOST_FEATURES, MOST_ROWS = 4096, 20_000
ITERATIONS, MEMORY, TOLERANCE = 100, 10, 1e-4


@dataclass(frozen=True)
class Baselines:
    """Both, fitted; stored with the model, so that a run read from a folder has the same to beat.

    Args:
        majority: the class.
        steps: to how many steps each sequence is drawn out or together, so that all have as many features.
        weight: (F + 1, C) float32, the last row being the constant.
    """

    majority: int
    steps: int
    weight: Array

    def predictions(self, inputs: Array, lengths: Array, encoding: Encoding) -> dict[str, Array]:
        """The class that each says, (N,) int."""
        features = _features(inputs, lengths, self.steps, encoding)
        found = (features @ self.weight[:-1] + self.weight[-1]).argmax(axis=1)
        return {"majority": np.full(len(inputs), self.majority), "logistic": found}

    def record(self) -> dict[str, Any]:
        """JSON values."""
        text = base64.b64encode(np.ascontiguousarray(self.weight, "<f4").tobytes()).decode()
        return {"majority": self.majority, "steps": self.steps, "weight": text}


def fit_baselines(
    inputs: Array, lengths: Array, targets: Array, encoding: Encoding, start: Baselines | None = None
) -> Baselines:
    """Both on what the network was fitted on; of very many sequences every k-th, so that it takes seconds.

    ``start`` is where the regression begins, if it is of the same size.
    """
    classes = len(encoding.classes)
    majority = int(np.bincount(targets, minlength=classes).argmax())
    most = max(1, MOST_FEATURES // encoding.input_size)
    steps = min(int(lengths.max()), most)
    some = slice(None, None, -(-len(targets) // MOST_ROWS))
    features = _features(inputs[some], lengths[some], steps, encoding)
    begin = start.weight if start is not None and start.weight.shape == (features.shape[1] + 1, classes) else None
    return Baselines(majority, steps, logistic(features, targets[some], classes, begin))


def baselines_from_record(record: Any, encoding: Encoding) -> Baselines:
    """What :meth:`Baselines.record` wrote.

    Raises:
        ModelFileError: it is not that.
    """
    try:
        majority, steps = record["majority"], record["steps"]
        weight = np.frombuffer(base64.b64decode(record["weight"], validate=True), "<f4")
        good = record.keys() == {"majority", "steps", "weight"} and type(majority) is int and type(steps) is int
        good = good and 0 <= majority < len(encoding.classes) and 1 <= steps <= MOST_FEATURES
        weight = weight.reshape(steps * encoding.input_size + 1, len(encoding.classes))
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as error:
        raise ModelFileError("its record of the baselines is malformed") from error
    if not good or not np.isfinite(weight).all():
        raise ModelFileError("its record of the baselines has impossible values")
    return Baselines(majority, steps, weight)


def _features(inputs: Array, lengths: Array, steps: int, encoding: Encoding) -> Array:
    """(N, steps · size): each sequence at ``steps`` places from its first step to its last, side by side."""
    rows = np.arange(len(inputs))[:, None]
    if (lengths == steps).all() and inputs.shape[1] >= steps:
        found = inputs[:, :steps]
        return _flat(found, encoding)
    places = np.linspace(0, 1, steps) * (lengths[:, None] - 1)
    if not encoding.channels:
        return _flat(inputs[rows, np.rint(places).astype(np.int64)], encoding)
    before = np.floor(places).astype(np.int64)
    share = (places - before)[:, :, None].astype(np.float32)
    after = np.minimum(before + 1, lengths[:, None] - 1)
    return _flat(inputs[rows, before] * (1 - share) + inputs[rows, after] * share, encoding)


def _flat(found: Array, encoding: Encoding) -> Array:
    if not encoding.channels:
        found = np.eye(encoding.input_size, dtype=np.float32)[found]
    return np.ascontiguousarray(found.reshape(len(found), -1))


def logistic(x: Array, y: Array, classes: int, begin: Array | None = None) -> Array:
    """Multinomial logistic regression with the penalty ``|W|² / 2N``, not on the constants: (F + 1, C) float32.

    At most a hundred iterations of L-BFGS (Nocedal 1980).

    >>> x = np.array([[-2.0], [-1.0], [1.0], [2.0]], "f4")
    >>> w = logistic(x, np.array([0, 0, 1, 1]), 2)
    >>> (x @ w[:-1] + w[-1]).argmax(axis=1).tolist()
    [0, 0, 1, 1]
    """
    count, size = x.shape
    rows = np.arange(count)

    def objective(flat: Array) -> tuple[float, Array]:
        w = flat.reshape(size + 1, classes)
        p = softmax((x @ w[:-1].astype(np.float32) + w[-1].astype(np.float32)).astype(np.float64))
        loss = -np.log(np.maximum(p[rows, y], 1e-300)).mean() + (w[:-1] ** 2).sum() / (2 * count)
        p[rows, y] -= 1
        p /= count
        slope = np.empty_like(w)
        slope[:-1] = x.T @ p.astype(np.float32) + w[:-1] / count
        slope[-1] = p.sum(axis=0)
        return float(loss), slope.ravel()

    first = np.zeros((size + 1) * classes) if begin is None else begin.astype(np.float64).ravel()
    return _minimised(objective, first).reshape(size + 1, classes).astype(np.float32)


def _minimised(objective: Callable[[Array], tuple[float, Array]], start: Array) -> Array:
    """L-BFGS with steps halved until they descend enough (Armijo)."""
    point, (value, slope) = start, objective(start)
    pairs: deque[tuple[Array, Array]] = deque(maxlen=MEMORY)
    for _ in range(ITERATIONS):
        if np.abs(slope).max() < TOLERANCE:
            break
        direction = -_by_inverse_hessian(slope, pairs)
        descent = float(slope @ direction)
        length = 1.0 if pairs else min(1.0, 1.0 / np.abs(slope).sum())
        for _ in range(30):
            new = point + length * direction
            new_value, new_slope = objective(new)
            if new_value <= value + 1e-4 * length * descent:
                break
            length /= 2
        else:
            break
        change = (new - point, new_slope - slope)
        if change[0] @ change[1] > 1e-12:
            pairs.append(change)
        point, value, slope = new, new_value, new_slope
    return point


def _by_inverse_hessian(slope: Array, pairs: deque[tuple[Array, Array]]) -> Array:
    """The two-loop recursion."""
    q, factors = slope.copy(), []
    for s, y in reversed(pairs):
        factors.append((s @ q) / (y @ s))
        q -= factors[-1] * y
    if pairs:
        s, y = pairs[-1]
        q *= (s @ y) / (y @ y)
    for (s, y), factor in zip(pairs, reversed(factors), strict=True):
        q += (factor - (y @ q) / (y @ s)) * s
    return q
