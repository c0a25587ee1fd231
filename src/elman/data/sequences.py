"""Labelled sequences of one source: numbers in channels or symbols of an alphabet, each as long as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from elman.data.digests import digests
from elman.errors import DataError

Array = np.ndarray
_MOST_TIMES, _ALWAYS = 100, 2**22


@dataclass(frozen=True)
class Sequences:
    """Sequences with what is known of them.

    Args:
        source: the file, or what the data are called in messages.
        inputs: (N, T, I) float32, NaN where a value is missing, or (N, T) int64 indices into ``alphabet``; what lies
            behind a row's length is 0.
        lengths: (N,) int64, at least 1.
        ids: what each is called; several may share a name, and then belong together.
        labels: the class of each; None: not known.
        channels: names of the I values of a step.
        alphabet: the symbols; empty where a step is numbers.
        is_test: (N,) bool, which of them the source itself sets apart for the test; None: it does not say.
        one_unit: whether all channels measure the same, so that they share a scale.
        without_labels: why there are no labels, and what to do; for messages.
        note: what else to say of them.
        notes: what was repaired in reading, a line each.
    """

    source: str
    inputs: Array
    lengths: Array
    ids: tuple[str, ...]
    labels: tuple[str, ...] | None = None
    channels: tuple[str, ...] = ()
    alphabet: tuple[str, ...] = ()
    is_test: Array | None = None
    one_unit: bool = False
    without_labels: str = "there are no labels; give them"
    note: str = ""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def missing(self) -> int:
        """Values that are not there."""
        return 0 if self.alphabet else int(np.isnan(self.inputs).sum())

    def known_labels(self) -> tuple[str, ...]:
        """The labels.

        Raises:
            DataError: there are none.
        """
        if self.labels is None:
            raise DataError(f"{self.source}: {self.without_labels}")
        return self.labels

    def select(self, rows: Any) -> Sequences:
        """Those of ``rows``: indices, or (N,) bool. Where they are all of one part, none is set apart any more."""
        index = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows, np.int64)
        apart = None if self.is_test is None else self.is_test[index]
        return replace(
            self,
            inputs=self.inputs[index],
            lengths=self.lengths[index],
            ids=tuple(self.ids[k] for k in index),
            labels=None if self.labels is None else tuple(self.labels[k] for k in index),
            is_test=None if apart is None or apart.all() or not apart.any() else apart,
        )

    def digests(self) -> Array:
        """(N,) uint64: equal for equal sequences, whatever their names, labels and padding."""
        letters = np.array([ord(letter) for letter in self.alphabet], "<u4")
        rows = (row[:length] for row, length in zip(self.inputs, self.lengths.tolist(), strict=True))
        return digests(np.ascontiguousarray(letters[row] if self.alphabet else row).tobytes() for row in rows)

    def followed_by(self, test: Sequences) -> Sequences:
        """Both as one source, in which ``test`` is set apart.

        Raises:
            DataError: they do not hold the same.
        """
        if bool(self.alphabet) != bool(test.alphabet) or len(self.channels) != len(test.channels):
            raise DataError(
                f"{test.source}: {test.kind()}, but {self.source} has {self.kind()}; give a test of the same kind"
            )
        alphabet = tuple(sorted({*self.alphabet, *test.alphabet}))
        own, other = (part.spelled(alphabet) for part in (self, test))
        steps = max(own.shape[1], other.shape[1])
        labels = None if self.labels is None or test.labels is None else self.labels + test.labels
        return replace(
            self,
            inputs=np.concatenate([_widened(own, steps), _widened(other, steps)]),
            lengths=np.concatenate([self.lengths, test.lengths]),
            ids=self.ids + test.ids,
            labels=labels,
            alphabet=alphabet,
            is_test=np.arange(len(self) + len(test)) >= len(self),
        )

    def spelled(self, alphabet: Sequence[str]) -> Array:
        """The inputs, symbols as indices into ``alphabet``; ``len(alphabet)`` for one that it has not."""
        if not self.alphabet:
            return self.inputs
        places = {letter: k for k, letter in enumerate(alphabet)}
        table = np.array([places.get(letter, len(alphabet)) for letter in self.alphabet], np.int64)
        real = np.arange(self.inputs.shape[1]) < self.lengths[:, None]
        return np.where(real, table[self.inputs], 0)

    def kind(self) -> str:
        """What a step is, in words."""
        if self.alphabet:
            return f"symbols ({len(self.alphabet)} of them)"
        return "1 channel" if len(self.channels) == 1 else f"{len(self.channels)} channels"

    def describe(self) -> list[str]:
        """What was read, a fact a line."""
        shortest, longest = int(self.lengths.min()), int(self.lengths.max())
        steps = f"{longest} steps" if shortest == longest else f"{shortest} to {longest} steps"
        lines = [f"{self.source}: {len(self)} sequences of {steps}, {self.kind()}"]
        if self.labels is not None:
            counts = dict.fromkeys(sorted_classes(self.labels), 0)
            for name in self.labels:
                counts[name] += 1
            shown = [f"{name} {count}" for name, count in list(counts.items())[:12]]
            lines.append(f"{len(counts)} classes: {', '.join(shown)}{' …' if len(counts) > 12 else ''}")
        if self.is_test is not None:
            lines.append(f"{int(self.is_test.sum())} of them are the test set that the source brings")
        if self.missing:
            lines.append(f"{self.missing} values are missing: the mean is put in, and marked if training knew such")
        return lines + [f"read: {note}" for note in self.notes]


def sorted_classes(labels: Sequence[str]) -> tuple[str, ...]:
    """Each class once, in order: numbers by their size, before names.

    >>> sorted_classes(["b", "10", "9", "b"])
    ('9', '10', 'b')
    """

    def key(name: str) -> tuple[int, float, str]:
        return (0, float(name), name) if name.isascii() and name.isdigit() and len(name) < 300 else (1, 0.0, name)

    return tuple(sorted(set(labels), key=key))


def padded(rows: Sequence[Array], source: str) -> tuple[Array, Array]:
    """Rows (T_n, …) of different length as (N, T, …) with zeros behind them, and their lengths.

    Raises:
        DataError: padding would take a hundred times the memory of what it pads.
    """
    lengths = np.array([len(row) for row in rows], np.int64)
    longest, shape = int(lengths.max()), rows[0].shape[1:]
    if len(rows) * longest > max(_MOST_TIMES * int(lengths.sum()), _ALWAYS):
        place = int(lengths.argmax())
        raise DataError(
            f"{source}: sequence {place} (counted from 0) has {longest} steps, a hundred times as many as the others; "
            "cut it, or leave it out"
        )
    inputs = np.zeros((len(rows), longest, *shape), rows[0].dtype)
    for k, row in enumerate(rows):
        inputs[k, : len(row)] = row
    return inputs, lengths


def trimmed(row: Array) -> Array:
    """A sequence (T, I) without the steps at its end of which nothing is known."""
    known = np.flatnonzero(~np.isnan(row).all(axis=1))
    return row[: int(known[-1]) + 1 if len(known) else 0]


def as_float32(values: Array, source: str) -> Array:
    """Numbers in float32.

    Raises:
        DataError: one that does not fit.
    """
    with np.errstate(over="ignore"):
        found: Array = np.asarray(values).astype(np.float32, copy=False)
    if np.isinf(found).any():
        place = ", ".join(str(k) for k in np.argwhere(np.isinf(found))[0])
        raise DataError(f"{source}: the value at ({place}) is infinite, or too large for float32; correct it")
    return found


def _widened(inputs: Array, steps: int) -> Array:
    return np.pad(inputs, [(0, 0), (0, steps - inputs.shape[1]), *[(0, 0)] * (inputs.ndim - 2)])
