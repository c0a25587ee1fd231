"""What a model was fitted on, as digests, so that no score is taken on those steps."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np

from elman.data import AlignedSequence, SequenceTable
from elman.tasks.regress.split import cut_chain


def marks_of(data: SequenceTable, *, carry: bool) -> tuple[str, ...]:
    """A mark, ``steps:digest``, of each whole sequence; where the state is carried, one of them all."""
    marks = (f"{len(whole)}:{_digests(whole, [len(whole)])[0]}" for whole in _wholes(data, carry))
    return tuple(dict.fromkeys(marks))


def fitted_until(marks: Sequence[str], data: SequenceTable, *, carry: bool) -> tuple[int, ...]:
    """Up to which step (not including it) each sequence was fitted on: 0 if it was not."""
    known = set(marks)
    lengths = sorted({int(mark.partition(":")[0]) for mark in marks})
    ends = []
    for whole in _wholes(data, carry):
        fitting = [n for n in lengths if n <= len(whole)]
        found = (n for n, digest in zip(fitting, _digests(whole, fitting), strict=True) if f"{n}:{digest}" in known)
        ends.append(max(found, default=0))
    return cut_chain(data.steps, ends[0]) if carry else tuple(ends)


def _wholes(data: SequenceTable, carry: bool) -> Iterator[np.ndarray]:
    """The values of each sequence (T, I + K), or of them all one after another."""
    each = (_values(sequence) for sequence in data)
    return iter([np.concatenate(list(each))]) if carry else each


def _values(sequence: AlignedSequence) -> np.ndarray:
    values = np.concatenate([sequence.inputs, sequence.targets], axis=1) + 0.0  # -0.0 is 0.0
    return np.ascontiguousarray(np.where(np.isnan(values), np.nan, values), "<f8")


def _digests(values: np.ndarray, ends: Sequence[int]) -> list[str]:
    """Digests of the first ``ends`` steps, which ascend."""
    found, state, begin = [], hashlib.sha256(), 0
    for end in ends:
        state.update(values[begin:end].tobytes())
        found.append(state.hexdigest()[:16])
        begin = end
    return found
