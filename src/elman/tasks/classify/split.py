"""Dividing sequences so that each part has its share of every class and none has a sequence twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from elman.data import Sequences
from elman.errors import SettingsError

Array = np.ndarray


def groups_of(data: Sequences) -> Array:
    """(N,) int: sequences that are equal, or share a name, have the same number and must not be parted.

    >>> from elman.data import read_sequences
    >>> groups_of(read_sequences({"x": [[1, 2], [3, 4], [1, 2], [5, 6]], "id": ["a", "b", "c", "b"]})).tolist()
    [0, 1, 0, 1]
    """
    parent = list(range(len(data)))

    def root(k: int) -> int:
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    for keys in (data.digests().tolist(), data.ids):
        first: dict[object, int] = {}
        for k, key in enumerate(keys):
            a, b = root(first.setdefault(key, k)), root(k)
            parent[max(a, b)] = min(a, b)
    return np.unique([root(k) for k in range(len(data))], return_inverse=True)[1]


def held_out(groups: Array, labels: Sequence[str], share: float, seed: int) -> Array:
    """(N,) bool, of each class about ``share``: at least one group, but never all that there are.

    >>> held_out(np.arange(8), ["a"] * 4 + ["b"] * 4, 0.25, 0).sum()
    np.int64(2)
    """
    found = np.zeros(len(groups), bool)
    if not share:
        return found
    for own in _groups_of_classes(groups, labels, seed):
        target = share * sum(map(len, own))
        taken = 0
        for rows in own[:-1]:
            if taken and taken + len(rows) / 2 > target:
                break
            found[rows] = True
            taken += len(rows)
    return found


def folds(groups: Array, labels: Sequence[str], count: int, seed: int) -> Array:
    """(N,) int: the fold of each sequence, from 0; every class is spread evenly over all of them.

    Raises:
        SettingsError: fewer than two folds.

    >>> np.bincount(folds(np.arange(6), list("aaabbb"), 3, 0)).tolist()
    [2, 2, 2]
    """
    if count < 2:
        raise SettingsError(f"{count} folds; give at least 2")
    found = np.zeros(len(groups), np.int64)
    for own in _groups_of_classes(groups, labels, seed):
        sizes = np.zeros(count)
        for rows in own:
            fold = int(sizes.argmin())
            found[rows] = fold
            sizes[fold] += len(rows)
    return found


def _groups_of_classes(groups: Array, labels: Sequence[str], seed: int) -> list[list[Array]]:
    """The rows of each group, by class, in random order; a group of several classes goes with its first sequence's."""
    rows = np.split(np.argsort(groups, kind="stable"), np.cumsum(np.bincount(groups))[:-1])
    members: dict[str, list[Array]] = {label: [] for label in sorted(set(labels))}
    for own in rows:
        if len(own):
            members[labels[own[0]]].append(own)
    random = np.random.default_rng(seed)
    return [[own[k] for k in random.permutation(len(own))] for own in members.values() if own]
