"""Sequences as a network takes them: scaled, padded, or laid one after another where the state is carried."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from elman.data import SequenceTable
from elman.learning import Examples
from elman.tasks.regress.record import Record
from elman.tasks.regress.split import Part

Array = np.ndarray


def examples_of(record: Record, part: Part) -> Examples:
    """Examples of ``part``: in float32, what precedes it, and what is not known, weighing nothing."""
    part = part.needed(record.carry)
    data = part.data
    if record.last:
        inputs, lengths = batch_of(record, data)
        targets = np.stack([sequence.targets[-1] for sequence in data])
        weight = (~np.isnan(targets)).astype(np.float32)
    else:
        inputs, lengths = batch_of(record, data)
        counted = [
            ~np.isnan(s.targets) & (np.arange(len(s)) >= b)[:, None] for s, b in zip(data, part.starts, strict=True)
        ]
        targets = _batched([sequence.targets for sequence in data], record.carry)
        weight = _batched([known.astype(np.float32) for known in counted], record.carry)
    coded = np.where(weight > 0, record.encode_targets(targets), 0)
    return Examples(inputs, coded.astype(np.float32), lengths, weight)


def batch_of(record: Record, data: SequenceTable) -> tuple[Array, Array | None]:
    """Inputs (N, T, I) in float32, padded with zeros, and their lengths (N,); None where all are whole.

    With the state carried the sequences are one row.
    """
    inputs = _batched([record.encode(sequence.inputs) for sequence in data], record.carry)
    with np.errstate(over="ignore"):
        batch = inputs.astype(np.float32)
    whole = record.carry or len(set(data.steps)) == 1
    return batch, None if whole else np.array(data.steps)


def _batched(arrays: Sequence[Array], carry: bool) -> Array:
    """Arrays (T, F) as rows of one, zeros behind each, or one after another in a single row."""
    if carry:
        return np.concatenate(arrays)[None]
    found = np.zeros((len(arrays), max(map(len, arrays)), arrays[0].shape[1]))
    for row, array in zip(found, arrays, strict=True):
        row[: len(array)] = array
    return found
