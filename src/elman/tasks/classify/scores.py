"""The scores of a classification, and what they are worth beside the best baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from elman.learning.verdict import Contest
from elman.tasks.classify.baselines import LABELS

Array = np.ndarray
METRICS = ("accuracy", "macro_f1")
NORMAL_95 = 1.959964


def score(predictions: Array, targets: Array) -> dict[str, float]:
    """The share that is right, and the mean over classes of F1 = 2·right / (said + true).

    A class that is neither true nor said anywhere does not count.

    >>> score(np.array([0, 0, 1]), np.array([0, 1, 1]))
    {'accuracy': 0.66..., 'macro_f1': 0.66...}
    """
    classes = np.union1d(predictions, targets)
    f1 = [
        2 * float(((predictions == k) & (targets == k)).sum()) / float((predictions == k).sum() + (targets == k).sum())
        for k in classes
    ]
    return {"accuracy": float((predictions == targets).mean()), "macro_f1": float(np.mean(f1))}


def confusion(predictions: Array, targets: Array, classes: int) -> Array:
    """(C, C) int: how often a sequence of one class (row) was said to be of another (column)."""
    return np.bincount(targets * classes + predictions, minlength=classes**2).reshape(classes, classes)


def wilson(right: int, count: int) -> tuple[float, float]:
    """The interval that holds the true accuracy with 95 % confidence (Wilson 1927).

    >>> [round(bound, 3) for bound in wilson(9, 10)]
    [0.596, 0.982]
    """
    share, z2 = right / count, NORMAL_95**2
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = NORMAL_95 * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2)) / (1 + z2 / count)
    return max(0.0, centre - half), min(1.0, centre + half)


def verdict(own: Array, baselines: Mapping[str, Array], targets: Array) -> str:
    """One sentence on the model beside the best baseline, by McNemar's exact test: a sign test over the sequences that
    only one of them got right."""
    rival = max(baselines, key=lambda name: score(baselines[name], targets)["accuracy"])
    right, other = own == targets, baselines[rival] == targets
    return Contest(
        "error",
        float(1 - right.mean()),
        LABELS[rival],
        float(1 - other.mean()),
        int((right & ~other).sum()),
        int((other & ~right).sum()),
        "sequences that only one got right",
    ).verdict()
